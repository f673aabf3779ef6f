"""What each row adds to the metric on which slices are compared, in whole numbers."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["LOSSES", "Loss", "Losses", "lay_out_loss", "losses_of", "row_losses"]

CAP = 2**26
"""A loss counts as so many quanta at most."""

SQUARES = 2**20
"""Squares are summed in so many quanta squared: a million of the largest, 2^52, stay whole in a float."""

TYPICAL_BITS = 14

Floats = NDArray[np.float64]

LOSSES = (
    "log_loss",
    "error_rate",
    "brier_score",
    "calibration_gap",
    "mean_absolute_error",
    "root_mean_squared_error",
)
"""Metrics that are a mean over the rows, or the root of one."""


@dataclass(frozen=True, slots=True)
class Loss:
    """How rows' losses are counted; fixed by the reference.

    Attributes:
        metric: One of `LOSSES`, or any name for the mean of losses that are given.
        quantum: Losses are summed in whole multiples of it; a power of two.
    """

    metric: str
    quantum: float = 2.0**-20

    @property
    def whole(self) -> bool:
        """Whether each loss is 0 or 1, and so its own square."""
        return self.metric == "error_rate"

    @property
    def root(self) -> bool:
        """Whether the metric is the root of the mean."""
        return self.metric == "root_mean_squared_error"

    @property
    def signed(self) -> bool:
        """Whether a slice may be wrong on either side."""
        return self.metric == "calibration_gap"


@dataclass(frozen=True, slots=True, eq=False)
class Losses:
    """The losses of some rows: whole numbers, kept as floats.

    Attributes:
        steps: In quanta.
        squares: In `SQUARES` quanta squared; None where they are the steps.
    """

    steps: Floats
    squares: Floats | None

    def part(self, rows: slice | NDArray[np.bool_]) -> Losses:
        """Those of some of the rows."""
        return Losses(self.steps[rows], None if self.squares is None else self.squares[rows])

    @property
    def capped(self) -> int:
        """Rows that lost `CAP` quanta or more."""
        return int(np.count_nonzero(np.abs(self.steps) >= CAP))


def lay_out_loss(metric: str, losses: Floats | None = None) -> Loss:
    """Choose the quantum.

    Args:
        losses: The reference's, for metrics without a natural scale (of regression): their mean is about 2^14 quanta.
    """
    if metric == "error_rate":
        return Loss(metric, 1.0)
    if losses is None:
        return Loss(metric)
    finite = np.abs(losses[np.isfinite(losses)])
    mean = float(finite.mean()) if len(finite) else 0.0
    return Loss(metric, math.ldexp(1.0, math.frexp(mean)[1] - TYPICAL_BITS)) if mean > 0 else Loss(metric)


def row_losses(metric: str, score: Floats, label: Floats, threshold: float = 0.5) -> Floats:
    """Each row's loss; its mean is scikit-learn's metric of that name (of ``calibration_gap``, label less score).

    Log losses clip scores at the rounding error of a double, as scikit-learn does.

    Raises:
        ValueError: The metric is none of `LOSSES`.
    """
    if metric == "log_loss":
        epsilon = np.finfo(np.float64).eps
        clipped = np.clip(score, epsilon, 1 - epsilon)
        return np.asarray(-np.log(np.where(label > 0, clipped, 1 - clipped)))
    if metric == "error_rate":
        return np.asarray((score >= threshold) != (label > 0), dtype=np.float64)
    if metric == "calibration_gap":
        return np.asarray(label - score)
    if metric == "mean_absolute_error":
        return np.abs(label - score)
    if metric in ("brier_score", "root_mean_squared_error"):
        return np.asarray((label - score) ** 2)
    raise ValueError(f"{metric!r} is no mean over rows: one of {', '.join(LOSSES)}")


def losses_of(values: Floats, loss: Loss) -> Losses:
    """Round losses to whole quanta; what is no number counts as nothing lost, so leave such rows out before."""
    steps = np.clip(np.rint(np.nan_to_num(values, nan=0.0) / loss.quantum), -CAP, CAP)
    return Losses(steps, None if loss.whole else np.rint(steps * steps / SQUARES))
