"""Metrics that are means over rows, of many slices at once: their values, their spread, and what each night adds."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from batchops.stats.contrasts import Differences, MeanDifferences, ShareDifferences, quantiles
from batchops.stats.intervals import ENOUGH_NIGHTS, LEVEL, influences
from batchops.stats.metrics import RATIOS
from batchops.stats.slice_table import Sums

__all__ = ["MEANS", "Intervals", "Mean", "Measured", "differences", "intervals", "measure"]

Floats = NDArray[np.float64]
Sum = Callable[[Sums], Floats]


@dataclass(frozen=True, slots=True)
class Mean:
    """A metric that is one sum over another.

    Attributes:
        above, below: The sums.
        squares: Sum of the squares of what is averaged; None for a share of rows.
        bounds: What the metric cannot leave.
        root: The metric is the square root of the mean.
        doubled: Rows that count move both sums by 2: F1, whose variance is 2 - F1 times that of a share.
    """

    above: Sum
    below: Sum
    squares: Sum | None = None
    bounds: tuple[float, float] = (0.0, 1.0)
    root: bool = False
    doubled: bool = False


def _named(name: str) -> Sum:
    return lambda sums: sums[name]


def _wrong(sums: Sums) -> Floats:
    return sums["labelled"] - sums["correct"]


_SOME = (0.0, math.inf)
_ANY = (-math.inf, math.inf)
_LABELLED = _named("labelled")
_ERROR_RATE = Mean(_wrong, _LABELLED)
_SQUARED = _named("error_square")

BINARY = {
    name: Mean(each.above, each.below, each.squares, each.bounds, doubled=name == "f1") for name, each in RATIOS.items()
}
MULTICLASS = {
    "accuracy": Mean(_named("correct"), _LABELLED),
    "error_rate": _ERROR_RATE,
    "log_loss": BINARY["log_loss"],
}
REGRESSION = {
    "mean_error": Mean(_named("error"), _LABELLED, _SQUARED, _ANY),
    "mean_absolute_error": Mean(_named("absolute"), _LABELLED, _SQUARED, _SOME),
    "mean_squared_error": Mean(_SQUARED, _LABELLED, _named("error_fourth"), _SOME),
    "root_mean_squared_error": Mean(_SQUARED, _LABELLED, _named("error_fourth"), _SOME, root=True),
    "mean_prediction": Mean(_named("prediction"), _named("n"), _named("prediction_square"), _ANY),
}

MEANS: Mapping[str, Mapping[str, Mean]] = MappingProxyType(
    {
        "binary": MappingProxyType({**BINARY, "error_rate": _ERROR_RATE}),
        "multiclass": MappingProxyType(MULTICLASS),
        "regression": MappingProxyType(REGRESSION),
    }
)
"""By task and name. error_rate is 1 - accuracy; an error of regression is prediction - label."""


@dataclass(frozen=True, slots=True, eq=False)
class Measured:
    """A metric of many slices.

    Attributes:
        value: Not a number where there is no row.
        above, rows: The sums over all nights.
        variance: Of the value, were all rows independent; not a number where two rows are wanting.
        nights: How many nights have rows.
        change: Slices x nights: what leaving out the night does to the value.
    """

    value: Floats
    above: Floats
    rows: Floats
    variance: Floats
    nights: Floats
    change: Floats


def measure(mean: Mean, sums: Sums) -> Measured:
    """A metric of slices.

    Args:
        sums: Slices x nights.
    """
    above, below = mean.above(sums), mean.below(sums)
    total, rows = above.sum(axis=1), below.sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        value = total / rows
        squares = value if mean.squares is None else mean.squares(sums).sum(axis=1) / rows
        # Of shares p (1 - p) / n, as Wilson and Miettinen & Nurminen have it; of means the unbiased variance.
        beside = 0 if mean.squares is None else 1
        variance = np.where(rows > beside, np.maximum(squares - value**2, 0.0) / (rows - beside), np.nan)
        variance *= 2 - value if mean.doubled else 1.0
        change = influences(above.T, below.T).T
        if mean.root:
            root = np.sqrt(value)
            change = np.sqrt(np.maximum(value[:, None] + change, 0.0)) - root[:, None]
            # The delta method: the square root moves by 1 / (2 root) of what the mean moves.
            value, variance = root, np.where(root > 0, variance / (4 * root**2), 0.0)
    return Measured(value, total, rows, variance, np.count_nonzero(below, axis=1).astype(np.float64), change)


def _spread(change: Floats, nights: Floats) -> Floats:
    """Variance from what leaving out each of so many nights does (the delete-one jackknife)."""
    count = np.maximum(nights, 2)
    squares = (change**2).sum(axis=1) - change.sum(axis=1) ** 2 / count
    return np.asarray(np.maximum(squares, 0.0) * (count - 1) / count)


@dataclass(frozen=True, slots=True, eq=False)
class Intervals:
    """95 % intervals of a metric of many slices; not a number where there is none."""

    value: Floats
    lower: Floats
    upper: Floats


def intervals(mean: Mean, found: Measured, design: float = 1.0) -> Intervals:
    """Intervals, clustered by night where a slice has eight or more.

    Of shares they are Wilson's at the effective number of rows, as `proportion_estimate` has them.

    Args:
        design: Design effect, for slices of fewer nights.
    """
    clustered, effect = found.nights >= ENOUGH_NIGHTS, max(design, 1.0)
    variance = np.where(clustered, _spread(found.change, found.nights), found.variance * effect)
    quantile = quantiles(LEVEL, np.where(clustered, found.nights - 1, np.inf))
    with np.errstate(divide="ignore", invalid="ignore"):
        if mean.squares is None:
            plain = found.value * (1 - found.value) / found.rows
            known = (variance > 0) & (plain > 0)
            lower, upper = _wilson(found, np.where(known, variance / plain, effect), quantile)
        else:
            radius = quantile * np.sqrt(variance)
            lower, upper = found.value - radius, found.value + radius
    return Intervals(found.value, np.maximum(lower, mean.bounds[0]), np.minimum(upper, mean.bounds[1]))


def _wilson(found: Measured, effect: Floats, quantile: Floats) -> tuple[Floats, Floats]:
    share, rows = found.value, found.rows / effect
    square = quantile**2 / rows
    middle = (share + square / 2) / (1 + square)
    radius = quantile * np.sqrt(share * (1 - share) / rows + square / (4 * rows)) / (1 + square)
    return np.minimum(share, middle - radius), np.maximum(share, middle + radius)


def differences(mean: Mean, first: Measured, second: Measured, design: float = 1.0) -> Differences:
    """First minus second of many pairs that share their nights.

    Over eight or more nights the changes of both are taken together before they are squared: what a night does to both
    alike is no difference. Else rows are independent, and degrees of freedom are Welch's.

    Args:
        design: Design effect, for pairs of fewer nights.
    """
    nights = np.minimum(first.nights, second.nights)
    clustered = nights >= ENOUGH_NIGHTS
    held = np.maximum(first.nights, second.nights)
    joint, effect = _spread(first.change - second.change, held), max(design, 1.0)
    alone = first.variance + second.variance
    if mean.squares is None:
        known = clustered & (joint > 0) & (alone > 0)
        with np.errstate(divide="ignore", invalid="ignore"):
            effects = np.where(known, joint / alone, effect)
        freedom = np.where(clustered, nights - 1, np.inf)
        return ShareDifferences(first.above, first.rows, second.above, second.rows, effects, freedom)
    with np.errstate(divide="ignore", invalid="ignore"):
        parts = (each.variance**2 / (each.rows / effect - 1) for each in (first, second))
        welch = np.maximum(np.nan_to_num(alone**2 / sum(parts), nan=1.0, posinf=np.inf), 1.0)
    variance = np.where(clustered, joint, alone * effect)
    return MeanDifferences(first.value - second.value, variance, np.where(clustered, nights - 1, welch))
