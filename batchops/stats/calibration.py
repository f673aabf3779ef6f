"""Do scores mean what they say? Mean score against the share of positives, by score."""

from __future__ import annotations

from dataclasses import dataclass

from batchops.stats.quality import SCORE, Quality, ScoreCells

__all__ = ["CalibrationCell", "calibration"]


@dataclass(frozen=True, slots=True)
class CalibrationCell:
    """Labelled rows whose score lies in [low, high); the last cell includes 1.

    Attributes:
        predicted: Mean score; None without rows.
        observed: Share of positives; None without rows.
    """

    low: float
    high: float
    n: int
    predicted: float | None
    observed: float | None


def calibration(quality: Quality, cells: ScoreCells) -> tuple[CalibrationCell, ...]:
    """Cells between the deciles of the reference's scores, lowest first, over all nights; empty ones included."""
    table = quality.calibration()
    ends = (0.0, *cells.calibration, 1.0)
    size = len(ends) - 1
    rows, positives, scores = (table.floats(size, measure) if table.cells else [0.0] * size for measure in range(3))
    return tuple(
        CalibrationCell(
            low=ends[cell],
            high=ends[cell + 1],
            n=int(rows[cell]),
            predicted=float(scores[cell] / SCORE / rows[cell]) if rows[cell] else None,
            observed=float(positives[cell] / rows[cell]) if rows[cell] else None,
        )
        for cell in range(size)
    )
