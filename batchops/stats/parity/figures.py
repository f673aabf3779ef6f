"""What another tool says of two sides: values of its measures, with its thresholds."""

from __future__ import annotations

import math
from dataclasses import dataclass

__all__ = ["Parity", "ParityFigure", "finite"]


@dataclass(frozen=True, slots=True)
class ParityFigure:
    """One column by one measure.

    Attributes:
        measure: As the tool calls it; empty where it has none for the column.
        value: None where the tool raises, answers NaN, or is not reproduced.
        threshold: Beyond which it says drift; None where it has none.
        drifted: What it says; None where it says nothing.
        decides: The tool would take this measure by itself; the others are those it offers.
        chunks: Of a tool that cuts the current rows in chunks, each one's value; ``value`` is the largest.
    """

    column: str
    measure: str
    value: float | None
    threshold: float | None
    drifted: bool | None
    decides: bool = True
    chunks: tuple[float | None, ...] = ()


@dataclass(frozen=True, slots=True)
class Parity:
    """All columns, as one tool judges them.

    Attributes:
        version: Whose figures these are.
        share: Drifted columns of those that it judges.
        drifted: What it says of the whole dataset; None where it says nothing.
    """

    method: str
    version: str
    share: float | None
    drifted: bool | None
    figures: tuple[ParityFigure, ...]


def finite(value: float) -> float | None:
    """None instead of NaN and infinity."""
    return value if math.isfinite(value) else None
