"""The audit of a night: a mergeable value, its comparison with the reference, and the figures that are judged."""

from batchops.audit.arrival import Arrival
from batchops.audit.compare import Comparison, compare_audits
from batchops.audit.document import AuditDocument
from batchops.audit.state import (
    LABEL,
    PREDICTION,
    SCORE,
    Audit,
    Batch,
    NightProfile,
    Reference,
    Yardstick,
    audit_batch,
    merge,
    tally,
)

__all__ = [
    "LABEL",
    "PREDICTION",
    "SCORE",
    "Arrival",
    "Audit",
    "AuditDocument",
    "Batch",
    "Comparison",
    "NightProfile",
    "Reference",
    "Yardstick",
    "audit_batch",
    "compare_audits",
    "merge",
    "tally",
]
