"""What tonight should be, by the recent healthy nights: robust, by weekday and along a trend where they show one."""

from __future__ import annotations

import datetime as dt
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtrc, ndtr, stdtr, stdtrit

from batchops.stats.columns.cells import Cells
from batchops.stats.columns.drift import DECIDES
from batchops.stats.columns.measures import EXPECTED
from batchops.stats.columns.profile import Column
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
    "spread",
    "tail_of_share",
]

Floats = NDArray[np.float64]

ENOUGH = 8
"""Fewer nights cannot say what is usual."""

SAME_WEEKDAY = 4
"""Nights of tonight's weekday from which on it is asked whether that weekday differs from the others."""

TREND = 14
"""Nights from which on it is asked whether they rise or fall."""

ALIKE = 0.95
"""The largest correlation of neighbouring nights that is reckoned with."""

CLEAR = 2.5758
"""Standard deviations that a weekday's or a trend's rank statistic has to be away from nothing: 1 %, both sides."""

QUARTILE = 2.2219
"""The standard deviation of a normal, in first quartiles of the distances between any two of its values."""

FEW = (0.399, 0.994, 0.512, 0.844, 0.611, 0.857, 0.669, 0.872)
"""What makes that unbiased for 2 to 9 values (Croux & Rousseeuw, 1992)."""

EFFICIENCY = 0.8
"""Of `spread` beside the standard deviation, for normal values: it knows as much from 100 nights as that from 80. (The
median absolute deviation would know as much as from 37: of eight nights next to nothing.)"""


@dataclass(frozen=True, slots=True)
class Expectation:
    """What a figure should be tonight.

    Attributes:
        centre: The middle of what is expected.
        scale: Standard deviation of what is expected, what is not known about the centre included.
        freedom: Of the scale.
        apart: How far each of the nights lay from its own middle, largest first.
        weekday: Whether tonight's weekday was told apart from the others.
        trend: Rise a day; 0 where there is none to tell.
    """

    centre: float
    scale: float
    freedom: float
    apart: tuple[float, ...]
    weekday: bool = False
    trend: float = 0.0

    @property
    def nights(self) -> int:
        """How many there are."""
        return len(self.apart)

    def radius(self, level: float = LEVEL) -> float:
        """Half the width of the interval in which tonight's figure lies."""
        return two_sided(level, self.freedom) * self.scale

    def upper(self, level: float = LEVEL) -> float:
        """What tonight's figure exceeds with probability 1 - ``level``."""
        return self.centre + float(stdtrit(self.freedom, level)) * self.scale

    def chance(self, off: float, edge: float = 0.0) -> float:
        """Probability of a figure at least ``off`` from the centre, either way, where up to ``edge`` is no change.

        It is never less than the share of the nights that were as far off: what has happened before may happen.
        """
        beyond = abs(off) - edge
        if beyond <= 0:
            return 1.0
        seen = sum(each >= abs(off) for each in self.apart) / (self.nights + 1)
        if self.scale <= 0:
            return seen
        return min(1.0, max(seen, 2 * float(stdtr(self.freedom, -beyond / self.scale))))


def expectation(values: Sequence[float], days: Sequence[dt.date] = (), tonight: dt.date = dt.date.max) -> Expectation:
    """What the nights' values let expect of tonight: a median, and a `spread` that odd nights hardly widen.

    Where the ranks of tonight's weekday differ clearly from the others' (rank sum), every night is taken against the
    median of its kind, tonight's weekday or another; where the values clearly rise or fall (Mann, 1945; Kendall,
    1948), along the median of their slopes (Theil, 1950; Sen, 1968). A scale of 0 that not all nights share is the
    standard deviation instead.

    Args:
        values: One a night, oldest first; `ENOUGH` or more.
        days: Of the nights; none: neither weekday nor trend is looked for.
    """
    found = np.array(values, dtype=np.float64)
    if not days:
        days = [tonight] * len(found)
    when = np.array([day.toordinal() for day in days], dtype=np.float64) - tonight.toordinal()
    same = np.array([day.weekday() == tonight.weekday() for day in days])
    special = _differs(found, same)
    groups = (same, ~same) if special else (np.ones(len(found), dtype=np.bool_),)
    flat = found.copy()
    for group in groups:
        flat[group] -= np.median(found[group])
    slope = _trend(flat, when) if np.ptp(when) else 0.0
    found = found - slope * when
    centre, rest = float(np.median(found[groups[0]])), found.copy()
    for group in groups:
        rest[group] -= np.median(found[group])
    apart = np.abs(rest)
    used = len(groups) + (slope != 0)
    freedom = max(1.0, EFFICIENCY * (len(found) - used))
    scale = spread(rest) * math.sqrt((len(found) - 1) / (len(found) - used))
    if scale == 0:
        scale, freedom = float(np.sqrt((rest**2).sum() / (len(found) - used))), float(len(found) - used)
    alike = _alike(rest, when, scale)
    # The median of n nights has pi / 2 of the variance of their mean; of nights that are alike, of as many fewer. And
    # such nights lie closer together than to the nights to come.
    unsure = (1 + alike * math.pi / 2 / int(groups[0].sum())) / max(0.25, 1 - (alike - 1) / len(found))
    return Expectation(
        centre, scale * math.sqrt(unsure), freedom, tuple(sorted(apart.tolist(), reverse=True)), special, slope
    )


def spread(values: Floats) -> float:
    """A standard deviation that half of the values may spoil: Qn of Rousseeuw & Croux (1993).

    2.2219 times the k-th smallest distance between any two of n values, k = h (h - 1) / 2, h = n // 2 + 1.

    >>> round(spread(np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 1e9])), 2)
    3.22
    """
    count = len(values)
    if count < 2:
        return 0.0
    half = count // 2 + 1
    distances = np.abs(values[:, None] - values[None, :])[np.triu_indices(count, 1)]
    place = half * (half - 1) // 2 - 1
    unbiased = FEW[count - 2] if count < 10 else count / (count + (1.4 if count % 2 else 3.8))
    return unbiased * QUARTILE * float(np.partition(distances, place)[place])


def _differs(values: Floats, same: NDArray[np.bool_]) -> bool:
    """Whether one group's ranks differ clearly from the rest's (Wilcoxon, 1945; Mann & Whitney, 1947)."""
    n, m = int(same.sum()), int((~same).sum())
    if n < SAME_WEEKDAY or m < ENOUGH:
        return False
    above = np.sign(values[same][:, None] - values[~same][None, :]).sum() / 2
    _, ties = np.unique(values, return_counts=True)
    variance = n * m / 12 * (n + m + 1 - float((ties**3 - ties).sum()) / ((n + m) * (n + m - 1)))
    return variance > 0 and abs(float(above)) > CLEAR * math.sqrt(variance)


def _alike(rest: Floats, when: Floats, scale: float) -> float:
    """The variance of a mean of such nights over that of independent ones: (1 + rho) / (1 - rho), where neighbouring
    days are clearly alike; 1 else. rho is mended for what so few nights understate (Marriott & Pope, 1954).
    """
    next_day = np.diff(when) == 1
    pairs = int(next_day.sum())
    held = np.clip(rest, -3 * scale, 3 * scale)
    square = float((held**2).mean())
    if pairs < TREND or square <= 0:
        return 1.0
    rho = float((held[1:] * held[:-1])[next_day].mean()) / square
    if rho <= CLEAR / math.sqrt(pairs):
        return 1.0
    rho = min(ALIKE, (pairs * rho + 1) / (pairs - 3))
    return (1 + rho) / (1 - rho)


def _trend(values: Floats, when: Floats) -> float:
    """The median slope between any two nights; 0 where their order tells of none."""
    count = len(values)
    if count < TREND:
        return 0.0
    later, earlier = np.triu_indices(count, 1)[::-1]
    rises = values[later] - values[earlier]
    variance = count * (count - 1) * (2 * count + 5) / 18
    if abs(float(np.sign(rises).sum())) <= CLEAR * math.sqrt(variance):
        return 0.0
    return float(np.median(rises / (when[later] - when[earlier])))


def nightly_distances(nights: Sequence[Column], cells: Cells) -> Floats:
    """The deciding distance between each night and all the others together; nights without a value are left out."""
    counts = _counts(nights, cells)
    if cells.kind == "category":
        counts = np.column_stack([counts, [night.unseen for night in nights]])
    counts = counts[counts.sum(axis=1) > 0]
    rest = counts.sum(axis=0) - counts
    if len(counts) < 2:
        return np.zeros(0)
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
    """The same for each night against all the others."""
    nights = [night for night in nights if night.valid]
    if not nights:
        return np.zeros(0)
    counts = _counts(nights, cells)
    alone = (counts > 0) & ((counts > 0).sum(axis=0) == 1)
    rows = np.where(alone, counts, 0).sum(axis=1)
    holders = Counter(value for night in nights for value, _ in night.unseen_values.counts)
    rows += [sum(n for value, n in night.unseen_values.counts if holders[value] == 1) for night in nights]
    return np.asarray(rows / [night.valid for night in nights])


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
