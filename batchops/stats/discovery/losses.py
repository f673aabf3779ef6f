"""What each row adds to the metric on which slices are compared, in whole numbers."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["LOSSES", "NUMBERS", "Loss", "Losses", "lay_out_loss", "losses_of", "row_losses"]

CAP = 2**26
"""A loss counts as so many quanta at most."""

SQUARES = 2**20
"""Squares are summed in so many quanta squared: a million of the largest, 2^52, stay whole in a float."""

TYPICAL_BITS = 14

Floats = NDArray[np.float64]

SHARES = ("error_rate", "false_positive_rate", "false_negative_rate", "selection_rate")
"""Each row's loss is 0 or 1."""

SIGNED = ("calibration_gap", "selection_rate", "mean_error")
"""A slice may be wrong on either side."""

NUMBERS = ("mean_error", "mean_absolute_error", "root_mean_squared_error")
"""Of predicted numbers; other scores are probabilities."""

LOSSES = ("log_loss", "brier_score", *SHARES, "calibration_gap", *NUMBERS)
"""Metrics that are a mean over rows, or the root of one."""


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
        return self.metric in SHARES

    @property
    def root(self) -> bool:
        """Whether the metric is the root of the mean."""
        return self.metric == "root_mean_squared_error"

    @property
    def signed(self) -> bool:
        """Whether a slice may be wrong on either side."""
        return self.metric in SIGNED


@dataclass(frozen=True, slots=True, eq=False)
class Losses:
    """The losses of some rows: whole numbers, kept as floats.

    Attributes:
        steps: In quanta.
        squares: In `SQUARES` quanta squared; None where they are the steps.
    """

    steps: Floats
    squares: Floats | None

    @classmethod
    def joined(cls, parts: Sequence[Losses]) -> Losses:
        """Those of several lots of rows, one after the other."""
        squares = [part.squares for part in parts if part.squares is not None]
        return cls(np.concatenate([part.steps for part in parts]), np.concatenate(squares) if squares else None)

    def part(self, rows: slice | NDArray[np.bool_] | NDArray[np.intp]) -> Losses:
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
    if metric in SHARES:
        return Loss(metric, 1.0)
    if losses is None:
        return Loss(metric)
    finite = np.abs(losses[np.isfinite(losses)])
    mean = float(finite.mean()) if len(finite) else 0.0
    return Loss(metric, math.ldexp(1.0, math.frexp(mean)[1] - TYPICAL_BITS)) if mean > 0 else Loss(metric)


def row_losses(metric: str, score: Floats, label: Floats, threshold: float = 0.5) -> Floats:
    """Each row's loss; its mean is scikit-learn's metric of that name.

    Of ``calibration_gap`` it is label less score, of ``mean_error`` prediction less label, and of ``selection_rate``
    the mean prediction. Log losses clip scores at the rounding error of a double, as scikit-learn does.

    Args:
        score: 0 to 1, or the predicted number; not a number where there is none.
        label: 0/1 or a number; not a number where unknown.

    Returns:
        Not a number for rows that the metric says nothing of, such as positives of ``false_positive_rate``.

    Raises:
        ValueError: The metric is none of `LOSSES`.
    """
    if metric not in LOSSES:
        raise ValueError(f"{metric!r} is no mean over rows: one of {', '.join(LOSSES)}")
    if metric not in NUMBERS:
        possible = (score >= 0) & (score <= 1)
        known = possible if metric == "selection_rate" else possible & ((label == 0) | (label == 1))
        score, label = np.where(known, score, np.nan), np.where(known, label, np.nan)
    return _FORMULAS[metric](score, label, threshold)


def _log_loss(score: Floats, label: Floats, threshold: float) -> Floats:  # noqa: ARG001 - one of `_FORMULAS`
    epsilon = np.finfo(np.float64).eps
    right = np.clip(np.where(label > 0, score, 1 - score), epsilon, 1 - epsilon)
    return np.asarray(-np.log(right))


def _selected(score: Floats, threshold: float) -> Floats:
    return np.where(np.isnan(score), np.nan, score >= threshold)


_FORMULAS: Mapping[str, Callable[[Floats, Floats, float], Floats]] = {
    "log_loss": _log_loss,
    "brier_score": lambda score, label, _: (label - score) ** 2,
    "error_rate": lambda score, label, at: np.abs(_selected(score, at) - label),
    "false_positive_rate": lambda score, label, at: np.where(label == 0, _selected(score, at), np.nan),
    "false_negative_rate": lambda score, label, at: np.where(label == 1, 1 - _selected(score, at), np.nan),
    "selection_rate": lambda score, _, at: _selected(score, at),
    "calibration_gap": lambda score, label, _: label - score,
    "mean_error": lambda score, label, _: score - label,
    "mean_absolute_error": lambda score, label, _: np.abs(score - label),
    "root_mean_squared_error": lambda score, label, _: (score - label) ** 2,
}


def losses_of(values: Floats, loss: Loss) -> Losses:
    """Round losses to whole quanta; what is no number counts as nothing lost, so leave such rows out before."""
    steps = np.clip(np.rint(np.nan_to_num(values, nan=0.0) / loss.quantum), -CAP, CAP)
    return Losses(steps, None if loss.whole else np.rint(steps * steps / SQUARES))
