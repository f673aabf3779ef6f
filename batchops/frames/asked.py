"""What a person wants to know of two tables."""

from __future__ import annotations

from dataclasses import dataclass, field

from batchops.contract import Contract
from batchops.errors import UsageError, did_you_mean
from batchops.frames.roles import Roles
from batchops.verdict import Policy

__all__ = ["SECTIONS", "Asked"]

SECTIONS = ("drift", "quality", "slices", "contract")

METHODS = ("evidently", "nannyml", "tfdv")


@dataclass(frozen=True, slots=True)
class Asked:
    """What a person wants to know of two tables.

    Attributes:
        sections: Of `SECTIONS`; what is not named is not measured.
        discover: Search for slices, beside the declared ones.
        keep_failing: Rows that the contract sets aside take part in quality and slices.
        method: Another tool whose figures are shown beside these: ``evidently``, ``nannyml`` or ``tfdv``.
        threads: Batches that are counted at once.
    """

    roles: Roles = field(default_factory=Roles)
    contract: Contract | None = None
    sections: tuple[str, ...] = SECTIONS
    discover: bool = False
    keep_failing: bool = False
    method: str | None = None
    policy: Policy = field(default_factory=Policy)
    threads: int = 2

    def __post_init__(self) -> None:
        """Check what was written.

        Raises:
            UsageError: There is no such section, or no such method.
        """
        for name in self.sections:
            if name not in SECTIONS:
                raise UsageError("--only", f"there is no section {name!r}", did_you_mean(name, SECTIONS))
        if self.method is not None and self.method not in METHODS:
            raise UsageError("--method", f"there is no method {self.method!r}", did_you_mean(self.method, METHODS))
