"""What is kept of how rows came, beside their rules: the newest of them, and which earlier nights know their keys."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["Arrival"]


@dataclass(frozen=True, slots=True)
class Arrival:
    """A commutative monoid; ``Arrival()`` is no rows.

    Attributes:
        newest: Largest value of the contract's freshness column, microseconds since 1970; None where there is none.
        held: Each earlier published night that was looked through -> rows whose key it holds.
        set_aside: Rule -> partitions that were set aside whole because of it.
    """

    newest: int | None = None
    held: Mapping[str, int] = field(default_factory=dict)
    set_aside: Mapping[str, int] = field(default_factory=dict)

    def __add__(self, other: Arrival) -> Arrival:
        known = [value for value in (self.newest, other.newest) if value is not None]
        return Arrival(max(known, default=None), _added(self.held, other.held), _added(self.set_aside, other.set_aside))


def _added(left: Mapping[str, int], right: Mapping[str, int]) -> Mapping[str, int]:
    total = Counter(left)
    total.update(right)
    return dict(total)
