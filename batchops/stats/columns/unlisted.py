"""Categories that the reference has too many of to list: has one of those that are not listed become common?

They are counted in a few groups by the hash of the value, which adds up exactly for any split and order. Many small
values that come and go are spread over all groups, whose shares hardly move; one value that becomes common is the
growth of its group. So the growth of the group that grew most is what its values have grown by together.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from batchops.stats.numbers.chances import heavier, share_chance
from batchops.stats.numbers.intervals import (
    LEVEL,
    NOT_MEASURED,
    Estimate,
    difference,
    proportion_estimate,
    share_effect,
    two_sided,
    wilson,
)
from batchops.stats.numbers.sparse import Integers, Sparse

__all__ = ["GROUPS", "grouped", "growth", "largest_growth"]

Floats = NDArray[np.float64]

GROUPS = 256
"""Of values that are not listed: a kilobyte a night, and of 100,000 values four hundred share one."""


class Counted(Protocol):
    """The rows of some nights."""

    @property
    def present(self) -> int: ...

    @property
    def unlisted(self) -> Sparse: ...


def grouped(pairs: Iterable[tuple[str, int]]) -> Sparse:
    """Rows by group of values.

    Args:
        pairs: Values, and how many rows hold each.
    """
    rows = np.zeros(GROUPS, dtype=np.int64)
    for value, n in pairs:
        rows[_group(value)] += n
    return Sparse.of(rows)


def _group(value: str) -> int:
    return hashlib.blake2b(value.encode("utf-8", "surrogatepass"), digest_size=1).digest()[0]


def growth(parts: Sequence[Counted], reference: Counted, design: float = 1.0) -> tuple[Estimate, Estimate]:
    """The share of the group that grew most, and by how much it did.

    It was chosen among all groups, so its interval and its chance are those of the largest of so many (Bonferroni).

    Args:
        parts: Nights, or one.
        reference: Of one without groups, counted before there were any, nothing is known.
        design: Design effect of fewer than eight nights.
    """
    if not reference.unlisted.cells or not reference.present:
        return NOT_MEASURED, NOT_MEASURED
    rows = np.array([each.present for each in parts], dtype=np.float64)
    nightly = np.stack([each.unlisted.dense(GROUPS) for each in parts]).astype(np.float64)
    was = reference.unlisted.dense(GROUPS).astype(np.float64)
    if not rows.sum():
        return NOT_MEASURED, NOT_MEASURED
    place = int(np.argmax(nightly.sum(axis=0) / rows.sum() - was / reference.present))
    hits, its_hits, its_rows = nightly[:, place], float(was[place]), float(reference.present)
    now = proportion_estimate(hits, rows, design)
    effect, freedom, _ = share_effect(hits, rows, design)
    side = _Side((float(hits.sum()), float(rows.sum())), (its_hits, its_rows), max(effect, 1.0), freedom)
    return now, replace(difference(side.wide(now, *side.now), side.wide(now, *side.was)), chance=side.chance)


@dataclass(frozen=True, slots=True)
class _Side:
    """The rows a growth rests on.

    Attributes:
        now, was: Rows that count, and rows.
        effect, freedom: The design effect, and how well it is known.
    """

    now: tuple[float, float]
    was: tuple[float, float]
    effect: float
    freedom: float

    def wide(self, like: Estimate, hits: float, rows: float) -> Estimate:
        """A share with the interval that holds for all groups at once."""
        level = 1 - (1 - LEVEL) / GROUPS
        lower, upper = wilson(hits / rows, rows / self.effect, two_sided(level, self.freedom))
        return replace(like, value=hits / rows, lower=lower, upper=upper)

    def chance(self, edge: float) -> float:
        """Chance of such a growth of some group where none truly grew by more than ``edge``."""
        now, was = ((hits / self.effect, rows / self.effect) for hits, rows in (self.now, self.was))
        return min(1.0, GROUPS * heavier(share_chance(now, was, edge, upper=True), self.freedom))


def largest_growth(now: Integers, rest: Integers, present: Integers, others: Integers) -> float | None:
    """The largest growth of a group that windows of the reference show against the rest of it.

    Args:
        now, rest: Rows by window and group.
        present, others: Rows by window.
    """
    if not now.any():
        return None
    return float((now / present[:, None] - rest / others[:, None]).max())
