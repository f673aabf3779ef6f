"""Do groups of one dimension fare alike? Their figures, and the largest difference between any two of them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Set as AbstractSet
from dataclasses import dataclass
from functools import lru_cache, partial
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln, ndtr

from batchops.stats.numbers.contrasts import quantiles, tails
from batchops.stats.numbers.intervals import ENOUGH_NIGHTS, LEVEL, NOT_MEASURED, Estimate, two_sided
from batchops.stats.numbers.maxima import widest_range
from batchops.stats.outcomes.state import Quality, ScoreCells, SliceKey
from batchops.stats.slices.gaps import support_of
from batchops.stats.slices.likeness import NOT_ALIKE, SUPPORT, Alike
from batchops.stats.slices.means import MEANS, Mean, Measured, intervals, measured
from batchops.stats.slices.table import SliceTable, slice_table

__all__ = ["DIFFERENCES", "GROUP_METRICS", "Fairness", "Group", "fairness", "range_tail"]

Floats = NDArray[np.float64]

GROUP_METRICS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "binary": MappingProxyType(
            {
                "selection_rate": "selection_rate",
                "true_positive_rate": "recall",
                "false_positive_rate": "false_positive_rate",
                "precision": "precision",
                "base_rate": "base_rate",
                "calibration_gap": "calibration_gap",
            }
        ),
        "multiclass": MappingProxyType({"accuracy": "accuracy", "error_rate": "error_rate"}),
        "regression": MappingProxyType(
            {name: name for name in ("mean_prediction", "mean_error", "mean_absolute_error", "root_mean_squared_error")}
        ),
    }
)
"""What is said of each group, by task, and which of `MEANS` it is."""

DIFFERENCES: Mapping[str, Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "binary": MappingProxyType(
            {
                "demographic_parity_difference": ("selection_rate",),
                "equalized_odds_difference": ("true_positive_rate", "false_positive_rate"),
                "equal_opportunity_difference": ("true_positive_rate",),
                "calibration_difference": ("calibration_gap",),
            }
        ),
        "multiclass": MappingProxyType({"error_rate_difference": ("error_rate",)}),
        "regression": MappingProxyType(
            {"mean_prediction_difference": ("mean_prediction",), "mean_error_difference": ("mean_error",)}
        ),
    }
)
"""Largest less smallest over the groups, of each metric named; of two the larger, as fairlearn has them."""

HALVINGS = 30
MIDDLES, ERRORS = 129, 257
"""At how many places the distribution of a range is integrated, over the largest value and over the error."""


@dataclass(frozen=True, slots=True)
class Group:
    """A group over all nights of a window.

    Attributes:
        n: Labelled rows; all rows where the window has no labels.
        hidden: Neither its count nor anything else may be shown.
        compared: It has rows enough to take part in differences.
        metrics: By name, with plain 95 % intervals.
    """

    value: str
    n: int
    hidden: bool
    compared: bool
    metrics: Mapping[str, Estimate]


@dataclass(frozen=True, slots=True)
class Fairness:
    """One dimension.

    Attributes:
        groups: Ordered by value.
        differences: Largest less smallest, with its interval, and the chance of one so large where no two groups differ
            by more than an edge.
        extremes: For each difference, the groups with the smallest and the largest figure.
    """

    dimension: str
    groups: tuple[Group, ...]
    differences: Mapping[str, Estimate]
    extremes: Mapping[str, tuple[str, str]]


def fairness(
    quality: Quality,
    cells: ScoreCells,
    hidden: AbstractSet[SliceKey] = frozenset(),
    least: int = 0,
    alike: Alike = NOT_ALIKE,
) -> tuple[Fairness, ...]:
    """The groups of every dimension that a slice names alone.

    Args:
        quality: A window.
        cells: With which it was counted.
        hidden: Groups that must not be shown.
        least: Rates over fewer rows are not shown.
        alike: From `night_likeness` of the reference, for groups of fewer than eight nights.
    """
    table = slice_table(quality, cells)
    places: dict[str, list[int]] = {}
    for at, key in enumerate(table.keys):
        if len(key) == 1:
            places.setdefault(key[0][0], []).append(at)
    return tuple(
        _dimension(name, table.at(own), (support_of(table), hidden, least), alike) for name, own in places.items()
    )


def _dimension(name: str, table: SliceTable, bounds: tuple[int, AbstractSet[SliceKey], int], alike: Alike) -> Fairness:
    support, hidden, least = bounds
    shown = np.array([key not in hidden for key in table.keys])
    enough = shown & (table.rows >= support)
    metrics: dict[str, list[Estimate]] = {}
    ranges: dict[str, _Range] = {}
    compared = {name for of in DIFFERENCES[table.task].values() for name in of}
    for called, known in GROUP_METRICS[table.task].items():
        mean = MEANS[table.task][known]
        found = measured(mean, table, table.sums, alike.rows.get(known, 0.0))
        shift = table.centre if known == "mean_prediction" else 0.0
        kept = np.where(shown & (found.effective >= max(least, 1)), shift, np.nan)
        metrics[called] = _estimates(mean, found, kept)
        if called in compared:
            # What a night does to all groups alike is no difference between them.
            apart = measured(mean, table, table.sums, alike.groups.get(known, alike.rows.get(known, 0.0)))
            ranges[called] = _Range.of(mean, apart, np.flatnonzero(enough & (found.effective >= SUPPORT)))
    groups = tuple(
        Group(key[0][1], round(n), not shown[at], bool(enough[at]), {name: each[at] for name, each in metrics.items()})
        for at, (key, n) in enumerate(zip(table.keys, table.rows.tolist(), strict=True))
    )
    differences, extremes = {}, {}
    for called, of in DIFFERENCES[table.task].items():
        parts = [ranges[each] for each in of]
        differences[called] = _difference(parts)
        if differences[called].value is not None:
            low, high = max(parts, key=lambda part: part.value or 0.0).ends()
            extremes[called] = groups[low].value, groups[high].value
    return Fairness(name, groups, differences, extremes)


def _estimates(mean: Mean, found: Measured, shift: Floats) -> list[Estimate]:
    around = intervals(mean, found)
    numbers = ((each + shift).tolist() for each in (around.value, around.lower, around.upper))
    return [
        Estimate(
            value,
            lower if math.isfinite(lower) else None,
            upper if math.isfinite(upper) else None,
            round(rows),
            round(nights),
            rows_independent=nights < ENOUGH_NIGHTS,
        )
        if math.isfinite(value)
        else NOT_MEASURED
        for value, lower, upper, rows, nights in zip(
            *numbers, found.effective.tolist(), found.nights.tolist(), strict=True
        )
    ]


@dataclass(frozen=True, slots=True, eq=False)
class _Range:
    """The values of some groups, and how far each pair of them may be off.

    Attributes:
        places: Of the groups.
        errors, freedom: Groups x groups: standard errors of the differences, and their degrees of freedom.
        widest: The largest difference that can be.
        rows, nights: That they rest on.
    """

    places: NDArray[np.int64]
    values: Floats
    errors: Floats
    freedom: Floats
    widest: float
    rows: int
    nights: int

    @classmethod
    def of(cls, mean: Mean, found: Measured, places: NDArray[np.int64]) -> _Range:
        """The groups at some places; those of eight nights or more vary as their nights say, and together."""
        change, nights = found.change[places], found.nights[places]
        clustered = nights >= ENOUGH_NIGHTS
        count = max(int(np.count_nonzero(change.any(axis=0))), 2)
        centred = np.where(clustered[:, None], change - change.sum(axis=1, keepdims=True) / count, 0.0)
        together = centred @ centred.T * (count - 1) / count
        own = np.where(clustered, found.spread()[places], found.variance[places])
        own = own + _floor(mean, found, places, own)
        variance = np.maximum(own[:, None] + own[None, :] - 2 * together, 0.0)
        np.fill_diagonal(variance, 0.0)
        bounds = mean.bounds
        return cls(
            places,
            found.value[places],
            np.sqrt(variance),
            _freedom(own, np.where(clustered, nights - 1, np.inf)),
            bounds[1] - bounds[0],
            round(float(found.effective[places].sum())),
            int(nights.min(initial=0)) if len(nights) else 0,
        )

    @property
    def value(self) -> float | None:
        """Largest less smallest; None where there are fewer than two, or one cannot be measured."""
        if len(self.values) < 2 or not (np.isfinite(self.values).all() and np.isfinite(self.errors).all()):
            return None
        return float(self.values.max() - self.values.min())

    def ends(self) -> tuple[int, int]:
        """The places of the smallest and the largest."""
        return int(self.places[self.values.argmin()]), int(self.places[self.values.argmax()])

    def least(self, level: float) -> float:
        """What the differences of all pairs at once prove (Tukey, Kramer; Games & Howell, 1976)."""
        kinds, of = np.unique(self.freedom, return_inverse=True)
        reach = np.array([_reach(level, len(self.values), float(each)) for each in kinds])
        radius = reach[of.reshape(self.freedom.shape)] * self.errors
        return max(0.0, float((self.values[:, None] - self.values[None, :] - radius).max()))

    def widened(self) -> Floats:
        """Errors of which the normal quantile makes the interval of a pair."""
        return np.asarray(self.errors * quantiles(LEVEL, self.freedom) / two_sided(LEVEL))

    def chance(self, edge: float) -> float:
        """Bound of the probability of a pair so many errors beyond the edge where no two groups differ by more."""
        pairs = self.values[:, None] - self.values[None, :]
        first, second = np.nonzero(pairs > edge)
        if not len(first):
            return 1.0
        with np.errstate(divide="ignore"):
            beyond = (pairs[first, second] - edge) / self.errors[first, second]
        freedom = self.freedom[first, second]
        # The likeliest of all pairs to be found so far out by chance; of pairs alike in freedom, the furthest.
        furthest = {float(kind): float(beyond[freedom == kind].max()) for kind in np.unique(freedom)}
        return min(self._tail(reach, edge, kind) for kind, reach in furthest.items())

    def _tail(self, reach: float, edge: float, freedom: float) -> float:
        """Of two groups their own chance; of more, the smaller of two bounds on the same figure."""
        if math.isinf(reach):
            return 0.0
        groups = len(self.values)
        errors = self.errors[np.triu_indices(groups, 1)]
        with np.errstate(divide="ignore", invalid="ignore"):
            far = np.nan_to_num(reach + 2 * edge / errors, nan=reach, posinf=np.inf)
        each = tails(np.full(len(errors), reach), np.full(len(errors), freedom))
        alone = float((each + tails(far, np.full(len(errors), freedom))).sum())
        return min(1.0, alone, range_tail(reach * math.sqrt(2), groups, freedom))


def _freedom(own: Floats, each: Floats) -> Floats:
    """Whole degrees of freedom of each pair's difference (Satterthwaite), not more than those of the freer group."""
    with np.errstate(divide="ignore", invalid="ignore"):
        parts = np.nan_to_num(own**2 / each)
        joint = (own[:, None] + own[None, :]) ** 2 / (parts[:, None] + parts[None, :])
    freest = np.maximum(each[:, None], each[None, :])
    least = np.minimum(each[:, None], each[None, :])
    return np.asarray(np.maximum(np.floor(np.minimum(np.nan_to_num(joint, nan=np.inf, posinf=np.inf), freest)), least))


def _floor(mean: Mean, found: Measured, places: NDArray[np.int64], variance: Floats) -> Floats:
    """What to add to the variances of shares that are near 0 or 1 (a row more of each kind: Agresti & Caffo, 2000)."""
    if mean.squares is not None:
        return np.zeros(len(places))
    rows, share = found.effective[places], found.value[places]
    more = (share * rows + 1) / (rows + 2)
    plain, floor = share * (1 - share) / rows, more * (1 - more) / (rows + 2)
    effect = np.where(plain > 0, variance / np.where(plain > 0, plain, 1.0), 1.0)
    return np.asarray(np.maximum(floor - plain, 0.0) * np.maximum(effect, 1.0))


def _difference(ranges: list[_Range]) -> Estimate:
    """The largest of several ranges."""
    known = [each for each in ranges if each.value is not None]
    if len(known) < len(ranges):
        return NOT_MEASURED
    level = 1 - (1 - LEVEL) / len(ranges)
    lower, upper = widest_range(
        [(each.values, each.widened()) for each in ranges], max(each.least(level) for each in ranges)
    )
    return Estimate(
        max(each.value or 0.0 for each in ranges),
        lower,
        min(upper, ranges[0].widest),
        ranges[0].rows,
        ranges[0].nights,
        rows_independent=bool(np.isinf(ranges[0].freedom).all()),
        chance=partial(_chance, tuple(ranges)),
    )


def _chance(ranges: tuple[_Range, ...], edge: float) -> float:
    return min(1.0, len(ranges) * min(each.chance(edge) for each in ranges))


@lru_cache(maxsize=1024)
def _reach(level: float, groups: int, freedom: float) -> float:
    """How many standard errors of a difference hold for all pairs at once."""
    # Never more than if the pairs had nothing to do with each other (Bonferroni).
    low, high = 0.0, two_sided(1 - (1 - level) / (groups * (groups - 1) / 2), freedom)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        if range_tail(middle * math.sqrt(2), groups, freedom) > 1 - level:
            low = middle
        else:
            high = middle
    return high


def range_tail(reach: float, groups: int, freedom: float = math.inf) -> float:
    """Probability that the range of so many standard normals over an independent error is beyond ``reach``.

    P(range <= q) = k integral phi(z) (Phi(z) - Phi(z - q))^(k - 1) dz, averaged over the error s, of which freedom s^2
    is a chi-square (Tukey's studentized range; Harter, 1960).

    >>> round(range_tail(3.314493, 3), 3), round(range_tail(3.877676, 3, 10), 3)
    (0.05, 0.05)
    """
    if math.isinf(freedom):
        return float(_range_tails(np.array([reach]), groups)[0])
    # s is about 1 within 1 / sqrt(2 freedom); for a tail, small s matter too.
    s = np.linspace(0.0, 1 + 9 / math.sqrt(2 * freedom), ERRORS)[1:]
    log = freedom / 2 * math.log(freedom) - float(gammaln(freedom / 2)) - (freedom / 2 - 1) * math.log(2)
    density = np.exp(log + (freedom - 1) * np.log(s) - freedom * s**2 / 2)
    return float(np.trapezoid(density * _range_tails(reach * s, groups), s))


def _range_tails(reach: Floats, groups: int) -> Floats:
    z = np.linspace(-8.5, 8.5, MIDDLES)
    density = np.exp(-(z**2) / 2) / math.sqrt(2 * math.pi)
    # 1 - a^(k - 1) without loss where a is near 1: a = 1 - (Phi(-z) + Phi(z - q)), given that z is the largest.
    outside = ndtr(-z)[None, :] + ndtr(z[None, :] - reach[:, None])
    inside = np.exp((groups - 1) * np.log1p(-np.minimum(outside, 1 - 1e-16)))
    return np.asarray(1 - groups * np.trapezoid(density * inside, z, axis=1))
