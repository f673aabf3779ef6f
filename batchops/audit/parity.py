"""What another tool would say of the same two sides, as a section of audit.json; no figure of it is judged."""

from __future__ import annotations

from batchops.audit.sections import ParityColumn, ParityPart
from batchops.stats.parity import Parity

__all__ = ["parity_part"]


def parity_part(found: Parity) -> ParityPart:
    """Every column by every measure, in the order of the columns, the deciding measure first."""
    return ParityPart(
        method=found.method,
        version=found.version,
        share=found.share,
        drifted=found.drifted,
        columns=tuple(
            ParityColumn(each.column, each.measure, each.value, each.threshold, each.drifted, each.decides)
            for each in found.figures
        ),
    )
