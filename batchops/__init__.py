"""Nightly batch scoring that checks, scores, audits and reports every night.

The names below are all that jobs and contracts need. They are loaded when first used, so that ``import batchops``
and ``batchops --help`` cost nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from batchops.errors import BatchopsError
    from batchops.frames import FrameAudit, Roles, audit_frame
    from batchops.job import Job, Labels, Logged, Training
    from batchops.partition import Night, Source
    from batchops.verdict import Limit, Policy, Severity

__version__ = "0.1.0"

__all__ = [
    "BatchopsError",
    "FrameAudit",
    "Job",
    "Labels",
    "Limit",
    "Logged",
    "Night",
    "Policy",
    "Roles",
    "Severity",
    "Source",
    "Training",
    "__version__",
    "audit_frame",
]

_HOMES = {
    "BatchopsError": "batchops.errors",
    "FrameAudit": "batchops.frames",
    "Job": "batchops.job",
    "Labels": "batchops.job",
    "Limit": "batchops.verdict",
    "Logged": "batchops.job",
    "Night": "batchops.partition",
    "Policy": "batchops.verdict",
    "Roles": "batchops.frames",
    "Severity": "batchops.verdict",
    "Source": "batchops.partition",
    "Training": "batchops.job",
    "audit_frame": "batchops.frames",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'batchops' has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(_HOMES[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
