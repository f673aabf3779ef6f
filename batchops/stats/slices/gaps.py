"""For whom are the scores wrong? Each slice against all other rows on one metric, corrected for many looks."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence, Set as AbstractSet
from dataclasses import dataclass, field, replace
from functools import partial
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from batchops.stats.numbers.contrasts import Differences
from batchops.stats.numbers.intervals import ENOUGH_NIGHTS, LEVEL, NOT_MEASURED, Estimate
from batchops.stats.outcomes.state import SCORE, Quality, ScoreCells, SliceKey
from batchops.stats.slices.areas import areas
from batchops.stats.slices.likeness import NOT_ALIKE, SUPPORT, Alike
from batchops.stats.slices.means import MEANS, differences, intervals, measure, measured
from batchops.stats.slices.suppression import suppressed
from batchops.stats.slices.table import SliceTable, entries, slice_table

__all__ = [
    "SUPPORT",
    "SUPPORT_SHARE",
    "SliceGap",
    "SliceGaps",
    "SliceTest",
    "slice_gaps",
    "support_of",
]

Floats = NDArray[np.float64]

SUPPORT_SHARE = 0.001
"""A slice with fewer labelled rows than 50, or than 0.1 % of all, is listed and not tested."""

DESCRIBED: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "binary": (
            "base_rate",
            "selection_rate",
            "mean_score",
            "accuracy",
            "error_rate",
            "precision",
            "recall",
            "f1",
            "false_positive_rate",
            "false_negative_rate",
            "log_loss",
            "brier_score",
            "calibration_gap",
            "roc_auc",
        ),
        "multiclass": ("accuracy", "error_rate", "log_loss"),
        "regression": ("mean_prediction", "mean_error", "mean_absolute_error", "root_mean_squared_error"),
    }
)
"""What is said of each slice, by task."""


@dataclass(frozen=True, slots=True)
class SliceTest:
    """How slices are tested.

    Attributes:
        metric: Of `MEANS`, on which a slice is compared with the rest.
        limit: Absolute gap that begins to matter, or a share of ``scale``.
        scale: The metric whose value over the rest ``limit`` is a share of; None: it is absolute.
        least: Slices of fewer rows show nothing.
        larger_is_worse: Only a slice that has more than the rest can stand out, and of a slice and its complement,
            which tell the same, that one is tested; else the first.
    """

    metric: str = "log_loss"
    limit: float = 0.0
    scale: str | None = None
    least: int = 0
    larger_is_worse: bool = False


@dataclass(frozen=True, slots=True)
class SliceGap:
    """A slice over all nights of a window.

    Attributes:
        key: (dimension, value) pairs.
        n: Labelled rows; all rows where the window has no labels.
        rows: All rows.
        hidden: Its count may not be shown, nor what it could be had from: of its gap two digits are kept, of that gap's
            chance one, and nothing of anything else.
        supported: It and the rest have rows enough to be compared.
        tested: It counts among the slices tested: it is supported, and no other slice tells the same.
        twin: Its complement, where that is tested in its place.
        gap: The metric of the slice less that of all other rows, with its plain 95 % interval, and the chance of a gap
            at least so far from 0 where the truth is within an edge; 1 where more is worse and the slice has less.
        lower_corrected, upper_corrected: The interval that bounds the false coverage rate over all slices tested.
        rest: The metric over all other rows.
        scale: What the test's limit is to be multiplied with: 1, or a metric of all other rows.
        metrics: By name, with plain intervals; of rates over fewer rows than may be shown, nothing.
        predicted, observed: Mean score and share of positives of labelled rows (mean prediction and mean label of
            regression); without labels, the mean over all rows and None.
        missed: Positives that were not predicted, of binary.
    """

    key: SliceKey
    n: int
    rows: int
    hidden: bool = False
    supported: bool = False
    tested: bool = False
    twin: SliceKey | None = None
    gap: Estimate = NOT_MEASURED
    lower_corrected: float | None = None
    upper_corrected: float | None = None
    rest: float | None = None
    scale: float | None = None
    metrics: Mapping[str, Estimate] = field(default_factory=dict)
    predicted: float | None = None
    observed: float | None = None
    missed: int | None = None


@dataclass(frozen=True, slots=True)
class SliceGaps:
    """All slices of a window.

    Attributes:
        metric: On which they were compared.
        tested: How many.
        support: Labelled rows needed.
        selected: How many gaps stood out beyond the limit, in the Benjamini-Hochberg sense.
        slices: Ordered by key.
    """

    metric: str
    tested: int
    support: int
    selected: int
    slices: tuple[SliceGap, ...]


def support_of(table: SliceTable) -> int:
    """Rows that a slice needs to be tested: 50, or 0.1 % of all."""
    return max(SUPPORT, math.ceil(SUPPORT_SHARE * table.total))


def slice_gaps(quality: Quality, cells: ScoreCells, test: SliceTest, alike: Alike = NOT_ALIKE) -> SliceGaps:
    """Compare every slice of a window with the rest of the rows.

    Slices are selected by Benjamini-Hochberg on "the absolute gap is at most the limit", and intervals are then taken
    at 1 - 0.05 R / m for R selected of m tested (Benjamini & Yekutieli, 2005): among the intervals of the selected,
    at most 5 % are expected to miss.

    Args:
        quality: A window.
        cells: With which it was counted.
        alike: From `night_likeness` of the reference, for slices of fewer than eight nights.
    """
    table = slice_table(quality, cells)
    support = support_of(table)
    counts = {key: round(n) for key, n in zip(table.keys, table.rows, strict=True) if n}
    hidden = suppressed(counts, round(table.total), test.least)
    described = _described(table, _metrics(quality, table, cells, test, alike), hidden)
    if not table.labelled or not table.keys:
        return SliceGaps(test.metric, 0, support, 0, tuple(described))
    compared = _compared(table, test, alike)
    supported = (compared.rows >= max(support, test.least)) & np.isfinite(compared.chances)
    twins = _twins(table, compared.gaps.value, test.larger_is_worse)
    tested = supported & np.array([key not in twins for key in table.keys])
    told, selected = _corrected(compared, supported, tested)
    found = (
        replace(each, **told[at], twin=twins.get(each.key)) if at in told else each for at, each in enumerate(described)
    )
    return SliceGaps(
        test.metric,
        int(tested.sum()),
        support,
        selected,
        tuple(_coarse(each) if each.hidden and each.supported else each for each in found),
    )


def _coarse(gap: SliceGap) -> SliceGap:
    """A slice that must not be counted, but may stand out: in so few digits that its count is in none of them."""
    own, chance = gap.gap, gap.gap.chance
    value, lower, upper = (_digits(each, 2) for each in (own.value, own.lower, own.upper))
    return replace(
        gap,
        gap=Estimate(
            value,
            lower,
            upper,
            nights=own.nights,
            rows_independent=own.rows_independent,
            chance=None if chance is None else partial(_coarse_chance, chance),
        ),
        lower_corrected=_digits(gap.lower_corrected, 2),
        upper_corrected=_digits(gap.upper_corrected, 2),
        rest=None,
        scale=_digits(gap.scale, 2),
    )


def _coarse_chance(chance: Callable[[float], float], edge: float) -> float:
    return _digits(chance(edge), 1) or 0.0


def _digits(value: float | None, count: int) -> float | None:
    """So many significant digits."""
    return None if value is None else float(f"{value:.{count}g}")


def _metrics(
    quality: Quality, table: SliceTable, cells: ScoreCells, test: SliceTest, alike: Alike
) -> Mapping[str, list[Estimate]]:
    """By name, one estimate a slice; nothing of rates over fewer rows than may be shown."""
    found = {}
    for name in DESCRIBED[table.task]:
        if name == "roc_auc":
            widened = measure(MEANS[table.task]["base_rate"], table.sums, alike.rows.get(name, 0.0)).widened
            area = areas(entries(quality, table), widened, len(cells.coarse) + 1, len(table.nights))
            found[name] = _estimates((area.value, area.lower, area.upper), table.rows, area.error)
            continue
        mean = MEANS[table.task][name]
        whole = measured(mean, table, table.sums, alike.rows.get(name, 0.0))
        around = intervals(mean, whole)
        shift = table.centre if name == "mean_prediction" else 0.0
        kept = np.where(whole.effective >= max(test.least, 1), shift, np.nan)
        found[name] = _estimates((around.value + kept, around.lower + kept, around.upper + kept), table.rows)
    return found


def _estimates(numbers: Sequence[Floats], rows: Floats, error: Floats | None = None) -> list[Estimate]:
    values, lowers, uppers = (_known(each) for each in numbers)
    errors = [0.0] * len(values) if error is None else np.nan_to_num(error).tolist()
    return [
        NOT_MEASURED if value is None else Estimate(value, lower, upper, round(n), error=bound)
        for value, lower, upper, n, bound in zip(values, lowers, uppers, rows.tolist(), errors, strict=True)
    ]


def _known(values: Floats) -> list[float | None]:
    return [value if math.isfinite(value) else None for value in values.tolist()]


def _described(
    table: SliceTable, metrics: Mapping[str, list[Estimate]], hidden: AbstractSet[SliceKey]
) -> list[SliceGap]:
    """Every slice as it is, without the rest."""
    predicted, observed = _means(table)
    counts = table.sums["missed"].sum(axis=1).tolist() if table.task == "binary" and table.labelled else None
    nothing = dict.fromkeys(metrics, NOT_MEASURED)
    every = table.sums["every_row"].sum(axis=1).tolist()
    return [
        SliceGap(key, round(n), round(every[at]), hidden=True, metrics=nothing)
        if key in hidden
        else SliceGap(
            key,
            round(n),
            round(every[at]),
            metrics={name: each[at] for name, each in metrics.items()},
            predicted=predicted[at],
            observed=observed[at],
            missed=round(counts[at]) if counts is not None and n else None,
        )
        for at, (key, n) in enumerate(zip(table.keys, table.rows.tolist(), strict=True))
    ]


def _means(table: SliceTable) -> tuple[list[float | None], list[float | None]]:
    """Mean score and share of positives by slice; mean prediction and mean label of regression."""
    total = {name: each.sum(axis=1) for name, each in table.sums.items()}
    n, labelled = total["n"], total["labelled"]
    nothing = np.full(len(n), np.nan)
    predicted = observed = nothing
    with np.errstate(divide="ignore", invalid="ignore"):
        if table.task == "binary" and table.labelled:
            scored = labelled - total["unscored_labelled"]
            predicted, observed = total["labelled_score"] / SCORE / scored, total["positives"] / labelled
        elif table.task == "binary":
            predicted = total["score"] / SCORE / (n - total["unscored"])
        elif table.task == "regression" and table.labelled:
            observed = total["label"] / labelled + table.centre
            predicted = observed + total["error"] / labelled
        elif table.task == "regression":
            predicted = total["prediction"] / n + table.centre
    return _known(predicted), _known(observed)


@dataclass(frozen=True, slots=True, eq=False)
class _Compared:
    """Each slice against the rest.

    Attributes:
        gaps: Slice less rest.
        rest: The metric over all other rows.
        scale: What the limit was multiplied with.
        rows: Of the metric, in the slice or in the rest, whichever has fewer.
        nights: The same of nights.
        chances: Of gaps at least so far out where the truth is within the limit; not a number where there is none.
        worse: Whether the slice may stand out.
    """

    gaps: Differences
    rest: Floats
    scale: Floats
    rows: Floats
    nights: Floats
    chances: Floats
    worse: NDArray[np.bool_]


def _compared(table: SliceTable, test: SliceTest, alike: Alike) -> _Compared:
    means, others = MEANS[table.task], table.rest()
    mean = means[test.metric]
    # What a night does to all rows is no gap, so of the rest only its rows count.
    own, rest = measured(mean, table, table.sums, alike.gap), measured(mean, table, others)
    gaps = differences(mean, own, rest)
    scale = np.ones(len(own.value)) if test.scale is None else measure(means[test.scale], others).value
    with np.errstate(divide="ignore", invalid="ignore"):
        chances = np.where(np.isfinite(gaps.value), gaps.chance(test.limit * np.abs(scale)), np.nan)
        worse = ~(gaps.value < 0) | (not test.larger_is_worse)
    rows, nights = np.minimum(own.effective, rest.effective), np.minimum(own.nights, rest.nights)
    return _Compared(gaps, rest.value, np.abs(scale), rows, nights, np.where(worse, chances, 1.0), worse)


def _twins(table: SliceTable, gaps: Floats, larger: bool) -> Mapping[SliceKey, SliceKey]:
    """Of two values that are all rows: the one that is not tested, and its complement, which tells the same."""
    by_dimensions: dict[tuple[str, ...], list[int]] = {}
    for at, (key, rows) in enumerate(zip(table.keys, table.rows.tolist(), strict=True)):
        if rows:
            by_dimensions.setdefault(tuple(name for name, _ in key), []).append(at)
    twins = {}
    for places in by_dimensions.values():
        if len(places) == 2:
            first, second = places[::-1] if larger and gaps[places[1]] > gaps[places[0]] else places
            twins[table.keys[second]] = table.keys[first]
    return twins


def _corrected(
    compared: _Compared, supported: NDArray[np.bool_], tested: NDArray[np.bool_]
) -> tuple[Mapping[int, Mapping[str, Any]], int]:
    """What there is to tell of each supported slice's gap, by its place; and how many stood out."""
    looks = int(tested.sum())
    steps = (1 - LEVEL) * np.arange(1, looks + 1) / max(looks, 1)
    passed = np.flatnonzero(np.sort(compared.chances[tested]) <= steps)
    selected = int(passed[-1]) + 1 if len(passed) else 0
    places = np.flatnonzero(supported)
    gaps = compared.gaps.among(places)
    plain = gaps.bounds(LEVEL)
    wide = gaps.bounds(1 - (1 - LEVEL) * max(selected, 1) / max(looks, 1))
    rows, nights, rest, scale = (
        each[places].tolist() for each in (compared.rows, compared.nights, compared.rest, compared.scale)
    )
    values, lowers, uppers, low, high = (each.tolist() for each in (gaps.value, *plain, *wide))
    told = {}
    for number, at in enumerate(places.tolist()):
        gap = Estimate(
            values[number],
            lowers[number],
            uppers[number],
            round(rows[number]),
            round(nights[number]),
            rows_independent=nights[number] < ENOUGH_NIGHTS,
            chance=partial(_chance, compared, at) if tested[at] else None,
        )
        told[at] = {
            "supported": True,
            "tested": bool(tested[at]),
            "gap": gap,
            "lower_corrected": low[number],
            "upper_corrected": high[number],
            "rest": rest[number],
            "scale": scale[number],
        }
    return told, selected


def _chance(compared: _Compared, at: int, edge: float) -> float:
    """The chance of one gap, for an edge that is known later."""
    return float(compared.gaps.among(slice(at, at + 1)).chance(edge)[0]) if compared.worse[at] else 1.0
