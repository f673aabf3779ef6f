"""What tonight should be, by the recent healthy nights: by weekday and along a trend where they show one."""

from __future__ import annotations

import datetime as dt
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtrc, ndtr

from batchops.stats.columns.cells import Cells
from batchops.stats.columns.drift import DECIDES
from batchops.stats.columns.measures import EXPECTED
from batchops.stats.columns.profile import Column
from batchops.stats.numbers.foreseen import Foreseen, Series, foresee
from batchops.stats.numbers.intervals import LEVEL, Estimate, two_sided
from batchops.stats.numbers.sparse import Integers

__all__ = [
    "ENOUGH",
    "SAME_WEEKDAY",
    "Expectation",
    "chance_of_rows",
    "expectation",
    "new_share",
    "nightly_distances",
    "nightly_new_shares",
    "tail_of_share",
]

Floats = NDArray[np.float64]
Marks = NDArray[np.bool_]

ENOUGH = 8
"""Fewer nights cannot say what is usual."""

SAME_WEEKDAY = 4
"""Nights of a weekday from which on it is asked whether weekdays differ."""

TREND = 14
"""Nights from which on it is asked whether they rise or fall."""

CLEAR = 2.5758
"""Standard deviations that a weekday's or a trend's rank statistic has to be away from nothing: 1 %, both sides."""

CLEAR_WEEK = 16.8119
"""What the rank statistic of seven equal weekdays exceeds in 1 % (chi-square with six degrees of freedom)."""


@dataclass(frozen=True, slots=True, eq=False)
class Expectation:
    """What a figure should be tonight.

    Attributes:
        foreseen: How it is distributed.
        nights: How many it rests on.
        weekday: Whether weekdays, or tonight's from the others, were told apart.
        trend: Rise a day; 0 where there is none to tell.
    """

    foreseen: Foreseen
    nights: int
    weekday: bool = False
    trend: float = 0.0

    @property
    def centre(self) -> float:
        """The middle of what is expected."""
        return self.foreseen.centre

    def radius(self, level: float = LEVEL) -> float:
        """Half the width of the interval in which tonight's figure lies."""
        return self.foreseen.radius(level)

    def upper(self, level: float = LEVEL) -> float:
        """What tonight's figure exceeds with probability 1 - ``level``."""
        return self.foreseen.upper(level)

    def chance(self, off: float, edge: float = 0.0) -> float:
        """Probability of a figure at least ``off`` from the centre, either way, where up to ``edge`` is no change.

        It is never less than the share of the nights that were as strange: what has happened before may happen.
        """
        if abs(off) <= edge:
            return 1.0
        tail = (
            self.foreseen.above(self.centre + off - edge) if off > 0 else self.foreseen.below(self.centre + off + edge)
        )
        seen = int((self.foreseen.strange >= self.foreseen.strangeness(self.centre + off)).sum()) / (self.nights + 1)
        return min(1.0, max(seen, 2 * tail))


def expectation(values: Sequence[float], days: Sequence[dt.date], tonight: dt.date) -> Expectation:
    """What the nights' values let expect of tonight (`foresee`).

    Where the ranks of the weekdays differ clearly (Kruskal & Wallis, 1952) each has a level of its own; where there are
    too few nights for that, tonight's weekday where it differs clearly from all others (rank sum). Where the values
    clearly rise or fall (Mann, 1945; Kendall, 1948) they have a slope.

    Args:
        values: One a night, oldest first; `ENOUGH` or more.
        days: Of the nights, ascending.
    """
    found = np.array(values, dtype=np.float64)
    when = np.array([day.toordinal() for day in days], dtype=np.float64) - tonight.toordinal()
    weekdays = np.array([day.weekday() for day in days])
    groups = _told_apart(found, weekdays, tonight.weekday())
    flat = found.copy()
    for group in groups.T:
        flat[group] -= np.median(found[group])
    columns = groups.astype(np.float64)
    asked = np.zeros(columns.shape[1] + 1)
    asked[0 if len(groups.T) < 7 else tonight.weekday()] = 1.0
    rising = _rises(flat, when)
    if rising:
        columns = np.column_stack([columns, when])
    series = Series(found, np.diff(when), columns, asked[: columns.shape[1]], -float(when[-1]))
    foreseen = foresee(series)
    slope = float(foreseen.weights @ foreseen.effects[:, -1]) if rising else 0.0
    return Expectation(foreseen, len(found), groups.shape[1] > 1, slope)


def _told_apart(values: Floats, weekdays: NDArray[np.int64], tonight: int) -> Marks:
    """Nights with a level of their own, nights x groups: the seven weekdays, two with tonight's first, or one."""
    each = weekdays[:, None] == np.arange(7)
    if each.sum(axis=0).min() >= SAME_WEEKDAY:
        return each if _differ(values, each) else np.ones((len(values), 1), dtype=np.bool_)
    same = weekdays == tonight
    return np.column_stack([same, ~same]) if _differs(values, same) else np.ones((len(values), 1), dtype=np.bool_)


def _differ(values: Floats, groups: Marks) -> bool:
    """Whether the ranks of some groups differ clearly (Kruskal & Wallis, 1952), ties reckoned with."""
    count = len(values)
    _, place, ties = np.unique(values, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(ties) - (ties - 1) / 2)[place]
    sums, sizes = groups.T @ ranks, groups.sum(axis=0)
    tied = 1 - float((ties**3 - ties).sum()) / (count**3 - count)
    between = 12 / (count * (count + 1)) * float((sums**2 / sizes).sum()) - 3 * (count + 1)
    return tied > 0 and between / tied > CLEAR_WEEK


def _differs(values: Floats, same: Marks) -> bool:
    """Whether one group's ranks differ clearly from the rest's (Wilcoxon, 1945; Mann & Whitney, 1947)."""
    n, m = int(same.sum()), int((~same).sum())
    if n < SAME_WEEKDAY or m < ENOUGH:
        return False
    above = np.sign(values[same][:, None] - values[~same][None, :]).sum() / 2
    _, ties = np.unique(values, return_counts=True)
    variance = n * m / 12 * (n + m + 1 - float((ties**3 - ties).sum()) / ((n + m) * (n + m - 1)))
    return variance > 0 and abs(float(above)) > CLEAR * math.sqrt(variance)


def _rises(values: Floats, when: Floats) -> bool:
    """Whether the order of the nights tells of a rise, or of a fall."""
    count = len(values)
    if count < TREND or not np.ptp(when):
        return False
    later, earlier = np.triu_indices(count, 1)[::-1]
    variance = count * (count - 1) * (2 * count + 5) / 18
    return abs(float(np.sign(values[later] - values[earlier]).sum())) > CLEAR * math.sqrt(variance)


def nightly_distances(nights: Sequence[Column], cells: Cells) -> Floats:
    """The deciding distance between each night and all the others together; NaN for nights without a value."""
    found = np.full(len(nights), np.nan)
    if not nights:
        return found
    counts = _counts(nights, cells)
    if cells.kind == "category":
        counts = np.column_stack([counts, [night.unseen for night in nights]])
    held = counts.sum(axis=1) > 0
    if held.sum() >= 2:
        found[held] = _distances(counts[held], cells)
    return found


def _distances(counts: Integers, cells: Cells) -> Floats:
    rest = counts.sum(axis=0) - counts
    apart = counts / counts.sum(axis=1, keepdims=True) - rest / rest.sum(axis=1, keepdims=True)
    if DECIDES[cells.kind] == "ks":
        return np.asarray(np.abs(np.cumsum(apart, axis=1)).max(axis=1))
    thin = _thin(counts, cells)
    pooled = np.abs(apart[:, thin].sum(axis=1))
    return np.asarray((np.abs(apart[:, ~thin]).sum(axis=1) + pooled) / 2)


def _counts(nights: Sequence[Column], cells: Cells) -> Integers:
    """Rows, nights x cells."""
    size = cells.size
    return np.stack([night.table.dense(size) for night in nights])


def _thin(counts: Integers, cells: Cells) -> NDArray[np.bool_]:
    """Categories that a night of the usual size would fill with too few rows to be told apart."""
    if cells.kind != "category":
        return np.zeros(counts.shape[1], dtype=np.bool_)
    thin: NDArray[np.bool_] = counts.sum(axis=0) / counts.sum() * np.median(counts.sum(axis=1)) < EXPECTED
    thin[-1] = False
    return thin


def new_share(tonight: Column, others: Column, cells: Cells) -> Estimate:
    """Share of tonight's values that no other night has; None for numbers and where not all values are told apart.

    Of values that the reference never had a sample is known: what is new among them is taken from those of it.
    """
    n = tonight.valid
    if cells.kind != "category" or cells.capped or not n or not others.valid:
        return Estimate(None, n=n)
    held = others.table.dense(cells.size) > 0
    new = int(tonight.table.dense(cells.size)[~held].sum())
    known, sampled = {value for value, _ in others.unseen_values.counts}, tonight.unseen_values.counts
    if sampled and not others.unseen_values.many:
        unknown = sum(rows for value, rows in sampled if value not in known)
        new += round(tonight.unseen * unknown / sum(rows for _, rows in sampled))
    return Estimate(new / n, n=n, chance=lambda edge: tail_of_share(new, n, edge))


def nightly_new_shares(nights: Sequence[Column], cells: Cells) -> Floats:
    """The same for each night against all the others; NaN for nights without a value."""
    found = np.full(len(nights), np.nan)
    held = [place for place, night in enumerate(nights) if night.valid]
    if not held:
        return found
    nights = [nights[place] for place in held]
    counts = _counts(nights, cells)
    alone = (counts > 0) & ((counts > 0).sum(axis=0) == 1)
    rows = np.where(alone, counts, 0).sum(axis=1)
    holders = Counter(value for night in nights for value, _ in night.unseen_values.counts)
    rows += [sum(n for value, n in night.unseen_values.counts if holders[value] == 1) for night in nights]
    found[held] = rows / [night.valid for night in nights]
    return found


def tail_of_share(rows: int, n: int, edge: float) -> float:
    """Probability of so many of n rows or more where the share is ``edge``.

    >>> round(tail_of_share(2, 10, 0.1), 4)
    0.2639
    """
    if rows <= 0 or edge >= 1:
        return 1.0
    return float(bdtrc(rows - 1, n, edge)) if edge > 0 else 0.0


def chance_of_rows(estimate: Estimate, edge: float) -> float:
    """Probability of an estimate at least so far from 0 where the truth is at most ``edge`` from it.

    By the estimate's own chances; without any, by the normal distribution whose 95 % interval it has.
    """
    if estimate.chance is not None:
        return estimate.chance(edge)
    value = estimate.value
    if value is None or estimate.lower is None or estimate.upper is None:
        return 1.0
    near = value - estimate.lower if value >= 0 else estimate.upper - value
    beyond = abs(value) - edge
    if near <= 0:
        return 0.0 if beyond > 0 else 1.0
    return float(ndtr(-beyond * two_sided(LEVEL) / near))
