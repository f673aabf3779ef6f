"""Do the same rows fare otherwise? Slices against themselves in training, and what a change of a metric is made of."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence, Set as AbstractSet
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from batchops.audit.changes import DecompositionPart, PartOfChange
from batchops.audit.slicing import slice_label
from batchops.audit.state import Reference
from batchops.sketch import K_ANONYMOUS
from batchops.stats import Estimate, Quality, SliceKey, SliceQuality
from batchops.stats.nights.decompose import Decomposition, Share, decompose
from batchops.stats.numbers.intervals import Spread, influences, spread_of
from batchops.stats.outcomes.state import LOSS, SCORE
from batchops.verdict import Figure, Scalar

__all__ = ["Split", "decomposition_parts", "decompositions", "shift_figures", "shifted_slices"]

ENOUGH = 8
"""Nights of a slice below which it is not compared with itself in the reference."""

SUPPORT = 50

OTHERS = "others"

Floats = NDArray[np.float64]

Split = tuple[str, str, Decomposition]
"""Metric, dimension, and what its change over the window is made of."""


def shifted_slices(labelled: Quality, reference: Reference, correlation: float) -> Iterator[tuple[str, Estimate]]:
    """By slice of one dimension: how its log loss differs from the same slice's in the reference, as a share of it.

    Welch's interval, of nights and not of rows; neighbouring nights that are alike make it wider, by the long-run
    variance (1 + rho) / (1 - rho) of their series.
    """
    alike = (1 + correlation) / (1 - correlation)
    now, was = _by_slice(labelled), _before(reference)
    for key in sorted((now.keys() & was.keys()) - {()}):
        here, there = now[key], was[key]
        if min(len(here), len(there)) < ENOUGH or min(here[:, 1].sum(), there[:, 1].sum()) < SUPPORT:
            continue
        base = float(there[:, 0].sum() / there[:, 1].sum())
        spreads = [spread_of(influences(side[:, 0], side[:, 1])) for side in (here, there)]
        variances = [alike * spread.variance for spread in spreads]
        freedom = [spread.freedom / alike for spread in spreads]
        both = sum(variances)
        if base <= 0 or both <= 0:
            continue
        joined = both**2 / sum(v**2 / f for v, f in zip(variances, freedom, strict=True))
        spread = Spread(both / base**2, joined)
        value, rows = float(here[:, 0].sum() / here[:, 1].sum()) / base - 1, int(here[:, 1].sum())
        radius = spread.radius()
        tail = _tail(spread, value)
        yield slice_label(key), Estimate(value, value - radius, value + radius, rows, len(here), chance=tail)


def _tail(spread: Spread, value: float) -> Callable[[float], float]:
    return lambda edge: spread.chance(value - edge)


@lru_cache(maxsize=8)
def _before(reference: Reference) -> Mapping[SliceKey, Floats]:
    return _by_slice(reference.audit.quality)


def _by_slice(quality: Quality) -> Mapping[SliceKey, Floats]:
    """By night, of all rows and of each slice of one dimension: its `_sums`."""
    found: dict[SliceKey, list[tuple[float, ...]]] = {}
    for night in quality.nights.values():
        for key, part in (((), night.overall), *night.slices):
            if len(key) <= 1 and part.labelled:
                found.setdefault(key, []).append(_sums(part))
    return {key: np.array(sums, dtype=np.float64) for key, sums in found.items()}


def _sums(part: SliceQuality) -> tuple[float, ...]:
    """Log loss, labelled rows, and positives less the sum of their scores."""
    return part.log_loss / LOSS, part.labelled, part.positives - part.labelled_score / SCORE


def decompositions(now: Quality, reference: Reference) -> tuple[Split, ...]:
    """Of every dimension that is sliced by alone."""
    sides = [{key: nights.sum(axis=0) for key, nights in side.items()} for side in (_by_slice(now), _before(reference))]
    dimensions = sorted({key[0][0] for key in sides[0] if key})
    found = []
    for place, metric in ((0, "log_loss"), (2, "calibration_gap")):
        for dimension in dimensions:
            large = [{key for key, sums in side.items() if key and sums[1] >= K_ANONYMOUS} for side in sides]
            names = {key for key in large[0] & large[1] if key[0][0] == dimension}
            split = decompose(*(_shares(side, names, place) for side in sides))
            if split is not None and (split.mix or split.within):
                found.append((metric, dimension, split))
    return tuple(found)


def _shares(side: Mapping[SliceKey, Floats], names: AbstractSet[SliceKey], place: int) -> Mapping[str, Share]:
    """Every labelled row once: by slice, and together the rows of small ones."""
    whole = side.get((), np.zeros(3))
    kept = {key[0][1]: Share(float(side[key][place]), int(side[key][1])) for key in sorted(names)}
    rest = int(whole[1]) - sum(share.rows for share in kept.values())
    if rest:
        kept[OTHERS] = Share(float(whole[place]) - sum(share.total for share in kept.values()), rest)
    return kept


def shift_figures(slices: Sequence[tuple[str, Estimate]], facts: Mapping[str, Scalar]) -> Iterator[Figure]:
    """The slices' changes."""
    for label, change in slices:
        yield Figure(
            "concept.shift",
            label,
            change.value,
            "ratio",
            change.n,
            change.lower,
            change.upper,
            # Whether a slice fails is asked once: of its gap to the other rows.
            can_fail=False,
            evidence={**facts, "nights": change.nights},
            chance=change.chance,
        )


def decomposition_parts(splits: Sequence[Split]) -> tuple[DecompositionPart, ...]:
    """The decompositions for audit.json."""
    return tuple(
        DecompositionPart(
            metric,
            dimension,
            split.total,
            split.mix,
            split.within,
            tuple(PartOfChange(part.slice, part.mix, part.within) for part in split.slices),
        )
        for metric, dimension, split in splits
    )
