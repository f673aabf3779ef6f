"""Metrics that are means over rows, of many slices at once: their values, their spread, and what each night adds."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from batchops.stats.numbers.averages import around
from batchops.stats.numbers.contrasts import Differences, MeanDifferences, ShareDifferences, quantiles
from batchops.stats.numbers.intervals import ENOUGH_NIGHTS, LEVEL, entity_spreads, influences
from batchops.stats.quality.metrics import RATIOS
from batchops.stats.slices.table import SliceTable, Sums

__all__ = [
    "MEANS",
    "Intervals",
    "Mean",
    "Measured",
    "differences",
    "intervals",
    "measure",
    "measured",
    "spread_together",
]

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
        every: It is over all rows, not over labelled ones.
    """

    above: Sum
    below: Sum
    squares: Sum | None = None
    bounds: tuple[float, float] = (0.0, 1.0)
    root: bool = False
    doubled: bool = False
    every: bool = False


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
    name: Mean(each.above, each.below, each.squares, each.bounds, doubled=name == "f1", every=each.every)
    for name, each in RATIOS.items()
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
    "mean_prediction": Mean(_named("prediction"), _named("n"), _named("prediction_square"), _ANY, every=True),
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
        effective: How many rows of one weight ``rows`` are worth.
        plain: Variance of the value, were all rows alone and of one weight; not a number where two rows are wanting.
        widened: What that must be multiplied with, since rows have weights, and rows of one night are alike.
        nights: How many nights have rows.
        crowd: Rows of a night, as a row meets them.
        change: Slices x nights: what leaving out the night does to the value.
        hanging: What its variances must be multiplied with, since rows of one entity are alike.
    """

    value: Floats
    above: Floats
    rows: Floats
    effective: Floats
    plain: Floats
    widened: Floats
    nights: Floats
    crowd: Floats
    change: Floats
    hanging: float = 1.0

    @property
    def variance(self) -> Floats:
        """Of the value, without looking at how its nights differ."""
        return np.asarray(self.plain * self.widened * self.hanging)

    def spread(self) -> Floats:
        """Of the value, from how its nights differ."""
        return _spread(self.change, self.nights) * self.hanging


def measured(mean: Mean, table: SliceTable, sums: Sums, alike: float = 0.0) -> Measured:
    """As `measure`, where rows may have entities.

    Which entities a slice's rows are of is not kept: what they add to the variance over all rows, as a share of it, is
    taken to be added to a slice's too. That holds where a slice has as many rows of an entity as all rows have, and is
    too wide where it has fewer, or where slice and rest share their entities.

    Args:
        sums: Of the table's slices, or of the rest.
    """
    found = measure(mean, sums, alike)
    return found if table.entities is None else replace(found, hanging=_hanging(mean, table.overall, table.entities))


def _hanging(mean: Mean, overall: Sums, entities: Sums) -> float:
    above, below = mean.above(entities), mean.below(entities)
    spreads = entity_spreads(above, below)
    if spreads is None:
        return 1.0
    groups, cells, _ = spreads
    whole = measure(replace(mean, root=False), {name: each[None, :] for name, each in overall.items()})
    by_night = bool(whole.nights[0] >= ENOUGH_NIGHTS)
    base, beside = (float(whole.spread()[0]), cells.variance) if by_night else (float(whole.variance[0]),) * 2
    return max(1.0, 1 + (groups.variance - beside) / base) if base > 0 else 1.0


def measure(mean: Mean, sums: Sums, alike: float = 0.0) -> Measured:
    """A metric of slices.

    Args:
        sums: Slices x nights.
        alike: Correlation of two rows of one night, 0 to 1: with m rows a night a variance is 1 + (m - 1) alike of what
            it would be (Kish, Survey Sampling, 1965, 5.4).
    """
    above, below = mean.above(sums), mean.below(sums)
    total, rows = above.sum(axis=1), below.sum(axis=1)
    weight, square = (
        sums[name].sum(axis=1)
        for name in (("n", "every_weight_square") if mean.every else ("labelled", "known_weight_square"))
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        value = total / rows
        squares = value if mean.squares is None else mean.squares(sums).sum(axis=1) / rows
        # Of shares p (1 - p) / n, as Wilson and Miettinen & Nurminen have it; of means the unbiased variance.
        beside = 0 if mean.squares is None else 1
        plain = np.where(rows > beside, np.maximum(squares - value**2, 0.0) / (rows - beside), np.nan)
        # Rows that are worth as many of one weight (Kish, 11.7).
        heavy = np.where(weight > 0, square / weight, 1.0)
        crowd = np.where(rows > 0, (below**2).sum(axis=1) / rows / heavy, 0.0)
        # Rows of few nights differ by less than rows do, since each night's are alike.
        seen = np.maximum(1 - np.where(rows > 0, crowd * heavy / rows, 0.0) * alike, 0.01)
        widened = heavy * (1 + np.maximum(crowd - 1, 0.0) * alike) / seen * (2 - value if mean.doubled else 1.0)
        change = influences(above.T, below.T).T
        if mean.root:
            root = np.sqrt(value)
            change = np.sqrt(np.maximum(value[:, None] + change, 0.0)) - root[:, None]
            # The delta method: the square root moves by 1 / (2 root) of what the mean moves.
            value, plain = root, np.where(root > 0, plain / (4 * root**2), 0.0)
    nights = np.count_nonzero(below, axis=1).astype(np.float64)
    return Measured(value, total, rows, rows / heavy, plain, widened, nights, crowd, change)


def _spread(change: Floats, nights: Floats) -> Floats:
    """Variance from what leaving out each of so many nights does (the delete-one jackknife)."""
    count = np.maximum(nights, 2)
    squares = (change**2).sum(axis=1) - change.sum(axis=1) ** 2 / count
    return np.asarray(np.maximum(squares, 0.0) * (count - 1) / count)


def spread_together(first: Measured, second: Measured) -> Floats:
    """Variance of the differences of pairs that share their nights, from how those differ."""
    nights = np.maximum(first.nights, second.nights)
    return _spread(first.change - second.change, nights) * max(first.hanging, second.hanging)


@dataclass(frozen=True, slots=True, eq=False)
class Intervals:
    """95 % intervals of a metric of many slices; not a number where there is none."""

    value: Floats
    lower: Floats
    upper: Floats


def intervals(mean: Mean, found: Measured) -> Intervals:
    """Intervals, clustered by night where a slice has eight or more.

    Of shares they are Wilson's at the effective number of rows, as `proportion_estimate` has them.
    """
    clustered = found.nights >= ENOUGH_NIGHTS
    variance = np.where(clustered, found.spread(), found.variance)
    quantile = quantiles(LEVEL, np.where(clustered, found.nights - 1, np.inf))
    with np.errstate(divide="ignore", invalid="ignore"):
        if mean.squares is None:
            known = (variance > 0) & (found.plain > 0)
            lower, upper = _wilson(found, np.where(known, variance / found.plain, found.widened), quantile)
        else:
            lower, upper = around(found.value, quantile * np.sqrt(variance), mean.bounds)
    return Intervals(found.value, np.maximum(lower, mean.bounds[0]), np.minimum(upper, mean.bounds[1]))


def _wilson(found: Measured, effect: Floats, quantile: Floats) -> tuple[Floats, Floats]:
    share, rows = found.value, found.rows / effect
    square = quantile**2 / rows
    middle = (share + square / 2) / (1 + square)
    radius = quantile * np.sqrt(share * (1 - share) / rows + square / (4 * rows)) / (1 + square)
    return np.minimum(share, middle - radius), np.maximum(share, middle + radius)


def differences(mean: Mean, first: Measured, second: Measured) -> Differences:
    """First minus second of many pairs that share their nights.

    Over eight or more nights the changes of both are taken together before they are squared: what a night does to both
    alike is no difference. Else they are taken as independent, and degrees of freedom are Welch's.
    """
    nights = np.minimum(first.nights, second.nights)
    clustered = nights >= ENOUGH_NIGHTS
    variance = np.where(clustered, spread_together(first, second), first.variance + second.variance)
    with np.errstate(divide="ignore", invalid="ignore"):
        if mean.squares is None:
            plain = first.plain + second.plain
            effect = np.where((variance > 0) & (plain > 0), variance / plain, first.widened)
            freedom = np.where(clustered, nights - 1, np.inf)
            return ShareDifferences(first.above, first.rows, second.above, second.rows, effect, freedom)
        parts = (each.variance**2 / (each.rows / each.widened - 1) for each in (first, second))
        welch = np.maximum(np.nan_to_num(variance**2 / sum(parts), nan=1.0, posinf=np.inf), 1.0)
    widest = mean.bounds[1] - mean.bounds[0]
    return MeanDifferences(first.value - second.value, variance, np.where(clustered, nights - 1, welch), widest)
