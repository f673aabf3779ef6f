"""Nights at equal age of their labels: what of a night was known some days after it.

Labels that come late are often the worse ones, so a night that is two days old must not be set beside one that had
twenty. Where it is known on which day each outcome became known, a night is counted as it stood after so many whole
days, and set beside others as they stood then. Where it is not known, a night that has fewer of its labels than older
ones is young, and set beside none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from batchops.stats.numbers.sparse import Sparse
from batchops.stats.outcomes.state import AGE_EDGES, NightQuality, Quality, ScoreCells, SliceQuality, merge_slices

__all__ = ["ALL", "Arrival", "age_of", "arrival_of", "at_ages", "known_by", "young_nights"]

Floats = NDArray[np.float64]

ALL = len(AGE_EDGES) + 1
"""The age at which all labels count, whenever they came; below it so many of the first spans of days count."""

COMPLETE = 0.99
"""Share of all labels from which on none is missing that matters."""

KEPT_UP = 0.8
"""Share of the labels that were to be expected in the newest span of days, from which on that span is over."""

SOME = 0.1
"""Share of the labels that must have come before, for later ones to be expected from them."""

BEHIND = 0.02
"""By how much the usual share of rows with a label may lie behind that of older nights."""

EVERY = ("n", "selected", "score", "square", "unscored")
"""Sums over all rows, labelled or not."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """When labels come: their share by age, that of all days before each edge of `AGE_EDGES`, and 1 at the end."""

    shares: tuple[float, ...]

    def by(self, age: int) -> float:
        """The share that has come after so many spans."""
        return self.shares[age - 1] if age else 0.0


def arrival_of(quality: Quality) -> Arrival | None:
    """How labels came over nights that are long past; None where it is not known of any."""
    counts = sum((_counts(night) for night in quality.nights.values()), np.zeros(ALL))
    total = float(counts.sum())
    return Arrival(tuple((np.cumsum(counts) / total).tolist())) if total else None


def _counts(night: NightQuality) -> Floats:
    found = np.zeros(ALL)
    for span, part in night.ages:
        found[span] += part.labelled
    return found


def age_of(night: NightQuality, arrival: Arrival) -> int:
    """How many spans of days of a night are over, so that no label of them is still to come; `ALL` where all are.

    Labels come in the order of their days, so that all spans before the newest label's are over. That span itself is
    where it holds about as many as those before it let expect; where nothing came before it, it is taken to be.
    """
    counts = _counts(night)
    if not counts.any():
        return 0
    newest = int(np.flatnonzero(counts)[-1])
    before, share = float(counts[:newest].sum()), arrival.by(newest)
    expected = before * (arrival.by(newest + 1) - share) / share if share >= SOME else 0.0
    age = newest + 1 if counts[newest] >= KEPT_UP * expected else newest
    return ALL if arrival.by(age) >= COMPLETE else age


def known_by(night: NightQuality, age: int, cells: ScoreCells) -> NightQuality:
    """A night as it stood after so many spans of days: over all rows alone, its scores in the wide cells of slices."""
    if age >= ALL:
        return night
    whole, parts = night.overall, [part for span, part in night.ages if span < age]
    known = merge_slices(parts) if parts else SliceQuality()
    every = {name: getattr(whole, name) for name in EVERY}
    errors = known.errors
    if errors is not None and whole.errors is not None:
        own = whole.errors
        errors = replace(errors, prediction=own.prediction, prediction_square=own.prediction_square)
    histogram = _fine(known.histogram, cells)
    return NightQuality(
        missing=night.missing,
        impossible=night.impossible,
        overall=replace(known, **every, errors=errors, histogram=histogram, weighted=None),
        label_age=night.label_age,
    )


def _fine(histogram: Sparse, cells: ScoreCells) -> Sparse:
    """The cells of slices as the first of the narrow cells that each holds: their rows are ties."""
    first = np.searchsorted(cells.wider(cells.coarse), np.array(histogram.cells, dtype=np.int64))
    return Sparse(tuple(first.tolist()), histogram.values)


def at_ages(quality: Quality, ages: Sequence[int], cells: ScoreCells) -> Quality:
    """Nights that are long past at the ages of others: in their order each takes the next age, over and over."""
    nights = sorted(quality.nights)
    return Quality(
        {night: known_by(quality.nights[night], ages[at % len(ages)], cells) for at, night in enumerate(nights)}
    )


def young_nights(quality: Quality) -> frozenset[str]:
    """Nights whose labels were read so soon that many are still to come, as nights show that had more time.

    Nights are taken by the span of days after which their labels were read. A span is too short where the usual share
    of rows with a label lies behind that of nights of longer spans. A single night with few labels is not young by that
    where others of its age have theirs.

    Args:
        quality: A window, of which labels have no days of their own.
    """
    spans: dict[int, list[str]] = {}
    for night, part in quality.nights.items():
        if part.overall.labelled and part.label_age is not None:
            spans.setdefault(int(np.searchsorted(AGE_EDGES, part.label_age, side="right")), []).append(night)
    found: set[str] = set()
    for span, nights in spans.items():
        older = [night for other, more in spans.items() if other > span for night in more]
        if older and _coverage(quality.nights, nights) < _coverage(quality.nights, older) - BEHIND:
            found |= set(nights)
    return frozenset(found)


def _coverage(nights: Mapping[str, NightQuality], names: Sequence[str]) -> float:
    parts = [nights[name].overall for name in names]
    return float(np.median([part.labelled / part.n for part in parts]))
