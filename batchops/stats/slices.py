"""For whom are the scores wrong? Observed minus predicted by slice, against the rest, corrected for many looks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from batchops.stats.intervals import ENOUGH_NIGHTS, LEVEL, NOT_MEASURED, Estimate, Spread, influences, spread_of
from batchops.stats.metrics import area
from batchops.stats.quality import SCORE, Quality, ScoreCells, SliceKey, SliceQuality
from batchops.stats.sparse import merge_sparse

__all__ = ["SUPPORT", "SUPPORT_SHARE", "SliceGap", "SliceGaps", "slice_gaps"]

Floats = NDArray[np.float64]

SUPPORT = 50
SUPPORT_SHARE = 0.001
"""A slice with fewer labelled rows than 50, or than 0.1 % of all, is listed and not tested."""


@dataclass(frozen=True, slots=True)
class SliceGap:
    """A slice over all nights of a window.

    Attributes:
        key: (dimension, value) pairs.
        n: Labelled rows; rows with a score where the window has no labels.
        predicted, observed: Mean score and share of positives of labelled rows; without labels, the mean score of
            all rows and None.
        supported: It has rows enough to be tested; if not, no estimate has an interval.
        gap: Observed minus predicted, with its plain 95 % interval.
        lower_corrected, upper_corrected: The interval that bounds the false coverage rate over all slices tested.
        rest: The gap of the slice minus the gap of all other rows.
        roc_auc: With the bound of what its cells hide; no interval.
        missed: Positives below the threshold.
    """

    key: SliceKey
    n: int
    predicted: float | None
    observed: float | None
    supported: bool
    gap: Estimate = NOT_MEASURED
    lower_corrected: float | None = None
    upper_corrected: float | None = None
    rest: Estimate = NOT_MEASURED
    roc_auc: Estimate = NOT_MEASURED
    missed: int | None = None


@dataclass(frozen=True, slots=True)
class SliceGaps:
    """All slices of a window.

    Attributes:
        tested: How many had the support.
        support: Labelled rows needed.
        selected: How many gaps stood out beyond the limit, in the Benjamini-Hochberg sense.
        slices: Ordered by key.
    """

    tested: int
    support: int
    selected: int
    slices: tuple[SliceGap, ...]


@dataclass(frozen=True, slots=True)
class _Tested:
    slice: SliceGap
    spread: Spread


def slice_gaps(quality: Quality, cells: ScoreCells, limit: float = 0.0, design: float = 1.0) -> SliceGaps:
    """Gaps of all slices of a window.

    Slices are selected by Benjamini-Hochberg on "the absolute gap is at most ``limit``", and intervals are then taken
    at 1 - 0.05 R / m for R selected of m tested (Benjamini & Yekutieli, 2005): among the intervals of the selected,
    at most 5 % are expected to miss. A selected slice's interval lies outside the limit, by construction.

    Args:
        quality: A window.
        cells: With which it was counted.
        limit: Absolute gap that begins to matter; 0 to 1.
        design: Design effect of the gap within a night, for windows of fewer than eight nights.
    """
    nights = [quality.nights[night] for night in sorted(quality.nights)]
    overall = [night.overall for night in nights]
    labelled = sum(part.labelled for part in overall)
    support = max(SUPPORT, math.ceil(SUPPORT_SHARE * (labelled or sum(part.n for part in overall))))
    by_key: dict[SliceKey, list[SliceQuality]] = {}
    for place, night in enumerate(nights):
        for key, part in night.slices:
            by_key.setdefault(key, [SliceQuality()] * len(nights))[place] = part
    everything = _sums(overall)
    listed, tested = [], []
    for key in sorted(by_key):
        parts = by_key[key]
        described = _described(key, parts, support, has_labels=labelled > 0)
        if not described.supported or not labelled:
            listed.append(described)
        else:
            tested.append(_test(described, parts, everything, (len(cells.coarse) + 1, design)))
    corrected, selected = _corrected(tested, limit)
    return SliceGaps(len(tested), support, selected, tuple(sorted((*listed, *corrected), key=lambda each: each.key)))


def _described(key: SliceKey, parts: Sequence[SliceQuality], support: int, has_labels: bool) -> SliceGap:
    if not has_labels:
        n, score = sum(part.n for part in parts), sum(part.score for part in parts)
        return SliceGap(key, n, score / SCORE / n if n else None, None, supported=n >= support)
    n, score = sum(part.labelled for part in parts), sum(part.labelled_score for part in parts)
    positives, caught = sum(part.positives for part in parts), sum(part.true_positives for part in parts)
    predicted, observed = (score / SCORE / n, positives / n) if n else (None, None)
    return SliceGap(key, n, predicted, observed, supported=n >= support, missed=positives - caught)


def _sums(parts: Sequence[SliceQuality]) -> Floats:
    """By night: excess of positives over the scores' sum, labelled rows, and squared errors."""
    return np.array(
        [
            [float(part.positives) - part.labelled_score / SCORE, float(part.labelled), part.brier / SCORE]
            for part in parts
        ]
    )


def _test(described: SliceGap, parts: Sequence[SliceQuality], everything: Floats, how: tuple[int, float]) -> _Tested:
    size, design = how
    own = _sums(parts)
    rest = everything - own
    gap, spread, change = _gap_of(own, design)
    away: Estimate = NOT_MEASURED
    if rest[:, 1].sum() > 0:
        other, other_spread, other_change = _gap_of(rest, design)
        # Slice and rest share the night, so their changes are taken together before they are squared.
        together = spread_of(change - other_change)
        alone = math.isinf(spread.freedom) or math.isinf(other_spread.freedom)
        joint = Spread(spread.variance + other_spread.variance) if alone else together
        away = _estimate(gap - other, joint, described.n, _nights(own))
    return _Tested(
        replace(
            described,
            gap=_estimate(gap, spread, described.n, _nights(own)),
            rest=away,
            roc_auc=_area(parts, size),
        ),
        spread,
    )


def _nights(sums: Floats) -> int:
    return int(np.count_nonzero(sums[:, 1]))


def _gap_of(sums: Floats, design: float) -> tuple[float, Spread, Floats]:
    """The gap, its spread, and what leaving out each night does to it (0 for nights without such rows)."""
    above, below, squares = sums.T
    n = below.sum()
    gap = float(above.sum() / n)
    change = influences(above, below)
    if _nights(sums) >= ENOUGH_NIGHTS:
        return gap, spread_of(change[below > 0]), change
    variance = max(float(squares.sum() / n) - gap**2, 0.0) / max(n - 1, 1.0)
    return gap, Spread(variance * max(design, 1.0)), change


def _estimate(value: float, spread: Spread, n: int, nights: int) -> Estimate:
    radius, alone = spread.radius(), math.isinf(spread.freedom)
    return Estimate(value, value - radius, value + radius, n, nights, rows_independent=alone)


def _area(parts: Sequence[SliceQuality], size: int) -> Estimate:
    whole = merge_sparse([part.histogram for part in parts])
    negatives, positives = (whole.floats(size, measure) for measure in range(2))
    if not negatives.any() or not positives.any():
        return NOT_MEASURED
    value, error = area(negatives, positives)
    return Estimate(float(value), n=round(negatives.sum() + positives.sum()), error=float(error))


def _corrected(tested: Sequence[_Tested], limit: float) -> tuple[list[SliceGap], int]:
    if not tested:
        return [], 0
    gaps = [abs(each.slice.gap.value or 0.0) for each in tested]
    chances = np.array(
        [
            each.spread.chance(gap - limit) + each.spread.chance(gap + limit)
            for gap, each in zip(gaps, tested, strict=True)
        ]
    )
    steps = (1 - LEVEL) * np.arange(1, len(tested) + 1) / len(tested)
    passed = np.flatnonzero(np.sort(chances) <= steps)
    selected = int(passed[-1]) + 1 if len(passed) else 0
    level = 1 - (1 - LEVEL) * max(selected, 1) / len(tested)
    widened = []
    for each in tested:
        value, radius = each.slice.gap.value or 0.0, each.spread.radius(level)
        widened.append(replace(each.slice, lower_corrected=value - radius, upper_corrected=value + radius))
    return widened, selected
