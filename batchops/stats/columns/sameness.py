"""Are two rows of counts drawn alike? Tests for few rows, for thin cells, and for nights that share a shock."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaincc

from batchops.stats.numbers.chances import heavier, joined_chance, share_chance, weighted_squares_chance
from batchops.stats.numbers.intervals import influences
from batchops.stats.numbers.sparse import Integers

__all__ = [
    "DENSE",
    "anderson_darling",
    "category_chance",
    "clustered_category_chance",
    "clustered_ordered_chance",
    "ordered_chance",
    "pearson",
    "picking",
    "unseen_chance",
    "variation_chance",
]

Floats = NDArray[np.float64]

DENSE = 10
"""Closed forms are taken of cells that expect at least so many rows, of both sides; thinner ones are pooled."""

CANDIDATES = 5
"""Categories whose change is tested exactly."""

SPREAD_OUT = 6
"""Rows expected outside the commonest cell for the Anderson-Darling statistic to follow its closed form: simulated, its
chances of 1 in 20 and of 1 in 365 are right from there on."""

FEWEST = 4
"""Rows that are enough where no cell has a quarter of them, and outside a spike: simulated, as above. There the chance
of 1 in 365 would be up to twice that, so all are raised, by as much as that of so few rows needs."""

SPIKE, ALONE = 0.25, 8.0
"""A cell stands out with so much of all rows, and so many times as many as any other; zero often does."""

LIGHT = 0.15
"""What a spike counts for in the Anderson-Darling statistic, of what all other cells do."""

APART = 20
"""Rows expected outside the spike for it and the others to be tested by themselves."""

RUNS = 48


def anderson_darling(now: Integers, was: Integers) -> float:
    """The two-sample Anderson-Darling statistic of rows counted in the same ordered cells; about 1 where all is alike.

    A^2 = (n m / N) (N - 1) / N sum_j h_j d_j^2 / (H_j (1 - H_j) - h_j / 4): d_j the difference of the cumulative shares
    up to the middle of cell j, h_j and H_j the pooled share of the cell and up to its middle (Scholz & Stephens,
    K-sample Anderson-Darling tests, JASA 82, 1987, the version for ties). 0 where all rows are in one cell.
    """
    return _anderson_darling(now, was, math.inf)


def _anderson_darling(now: Integers, was: Integers, light: float) -> float:
    """The same, its sum's weights h_j being those of `_part`."""
    pooled = now + was
    held = pooled > 0
    n, m = float(now.sum()), float(was.sum())
    share, _, spread = _middles(pooled[held])
    if len(share) < 2:
        return 0.0
    apart = _middles(now[held])[1] - _middles(was[held])[1]
    return float((_part(share, light) * apart**2 / spread).sum()) * n * m / (n + m) * (1 - 1 / (n + m))


def _part(share: Floats, light: float) -> Floats:
    """What each cell counts for: its share, of the commonest at most ``light`` times all others'; in sum 1."""
    part, commonest = share.copy(), int(share.argmax())
    part[commonest] = min(part[commonest], light * (1 - share[commonest]))
    return np.asarray(part / part.sum())


def _weights(pooled: Integers, light: float = math.inf) -> Floats:
    """Of the chi-squares that the Anderson-Darling statistic is a sum of, where all is alike; they add up to 1.

    The statistic averages, over the pooled rows, squares of which each has mean 1. They are correlated as cumulative
    shares are, and the weights are the eigenvalues of that. They are taken over runs of cells: but for the smallest,
    they are those over the cells themselves.
    """
    share, middle, spread = _middles(np.bincount(_runs(pooled), weights=pooled))
    covariance = np.minimum.outer(middle, middle) - np.outer(middle, middle)
    covariance[np.diag_indices_from(covariance)] = spread
    scale = np.sqrt(_part(share, light) / spread)
    found = np.linalg.eigvalsh(covariance * np.outer(scale, scale))
    return np.asarray(np.maximum(found, 0.0), dtype=np.float64)


def _runs(pooled: Integers) -> Integers:
    """The number of the run that each cell belongs to: a cell of many rows is one of its own."""
    before = np.cumsum(pooled) - pooled
    large = pooled * RUNS >= pooled.sum()
    marks = before * RUNS // pooled.sum()
    begins = (np.diff(marks, prepend=-1) > 0) | large | np.concatenate(([False], large[:-1]))
    return np.cumsum(begins) - 1


def _middles(counts: Integers | Floats) -> tuple[Floats, Floats, Floats]:
    """Share of each cell, share up to its middle, and the variance of the latter for one row."""
    share = counts / counts.sum()
    middle = np.cumsum(share) - share / 2
    return share, middle, middle * (1 - middle) - share / 4


def ordered_chance(now: Integers, was: Integers, effect: float = 1.0) -> float:
    """Chance of rows so unlike the reference's in the same ordered cells, were they drawn alike.

    By the Anderson-Darling statistic. It looks at each value as often as it comes, and so at hardly anything but the
    share of a value that stands out, zero for example. Of such a spike the share is tested exactly and what lies
    elsewhere by itself, and both chances are joined; where few rows lie elsewhere, the spike counts little in one
    statistic of all. Where hardly any row does, the share alone is tested. Of very few rows in many cells, where they
    lie on the whole is tested: the share above the common median.

    Args:
        now, was: Rows by cell, in the order of the values.
        effect: Design effect: so many rows tell what one independent row would.
    """
    n, m, pooled = float(now.sum()), float(was.sum()), now + was
    if not n or not m:
        return 1.0
    commonest, rows = int(pooled.argmax()), min(n, m) / effect
    part = float(pooled[commonest]) / (n + m)
    if np.count_nonzero(pooled) <= 2:
        return _share_of(np.arange(len(now)) == commonest, now, was, effect)
    if part >= SPIKE and part * (n + m) >= ALONE * float(np.partition(pooled, -2)[-2]):
        return _chance_with_spike(now, was, effect)
    if part < SPIKE and rows < FEWEST:
        return _share_of(np.cumsum(pooled) - pooled / 2 > pooled.sum() / 2, now, was, effect)
    if part < SPIKE or rows * (1 - part) >= SPREAD_OUT:
        return _ordered(now, was, effect)
    return _share_of(np.arange(len(now)) == commonest, now, was, effect)


def _chance_with_spike(now: Integers, was: Integers, effect: float) -> float:
    pooled = now + was
    spike = np.arange(len(now)) == int(pooled.argmax())
    elsewhere = min(float(now.sum()), float(was.sum())) / effect * float(pooled[~spike].sum()) / float(pooled.sum())
    share = _share_of(spike, now, was, effect)
    if elsewhere >= APART:
        return joined_chance(share, ordered_chance(now[~spike], was[~spike], effect))
    return min(1.0, (1 + FEWEST / elsewhere) * _ordered(now, was, effect, LIGHT)) if elsewhere >= FEWEST else share


def _ordered(now: Integers, was: Integers, effect: float, light: float = math.inf) -> float:
    """Chance of the Anderson-Darling statistic, by its closed form."""
    pooled = now + was
    return weighted_squares_chance(_anderson_darling(now, was, light) / effect, _weights(pooled[pooled > 0], light))


def _share_of(chosen: NDArray[np.bool_], now: Integers, was: Integers, effect: float) -> float:
    """Chance of the share of rows in some cells."""
    first, second = ((float(counts[chosen].sum()) / effect, float(counts.sum()) / effect) for counts in (now, was))
    return share_chance(first, second)


def pearson(now: Integers | Floats, was: Integers | Floats) -> float:
    """Pearson's chi-square of a table of two rows: sum (observed - expected)^2 / expected; empty cells add nothing.

    With p, q the shares and r those of both together it is n m / (n + m) sum (p - q)^2 / r, without a correction for
    continuity.
    """
    n, m = float(now.sum()), float(was.sum())
    held = now + was > 0
    both, apart = (now + was)[held] / (n + m), (now / n - was / m)[held]
    return float((apart**2 / both).sum()) * n * m / (n + m)


def category_chance(now: Integers, was: Integers, newest: int = 0, effect: float = 1.0) -> float:
    """Chance of categories so unlike the reference's, were they drawn alike; unseen ones, last, are told apart.

    The smallest of three chances, times 2, 4 and 4: that of so many unseen values, that of the category that changed
    most (Fisher's exact test, times their number), and Pearson's chi-square over cells that expect at least ten rows
    on both sides, thinner ones pooled. So one category of a thousand is found as well as a little of each.

    Args:
        newest: Rows with the commonest of the unseen values.
    """
    if not now.sum() or not was.sum():
        return 1.0
    effects = np.full(len(now), effect)
    alone, unseen = _alone_chance(now, was, newest, effects), _unseen(now, was, effect)
    return min(1.0, 2 * unseen, 4 * alone, 4 * _many_chance(now, was, effect))


def clustered_category_chance(nightly: Integers, was: Integers, newest: int = 0) -> float:
    """The same over nights that may share a shock: `category_chance`, every category by how its own share varies.

    Args:
        nightly: Rows, nights x categories, of eight nights or more; the unseen last.
        was: The reference's rows by category.
    """
    now, rows = nightly.sum(axis=0), nightly.sum(axis=1, keepdims=True).astype(np.float64)
    share, nights = now / now.sum(), len(nightly)
    changes = influences(nightly.astype(np.float64), np.broadcast_to(rows, nightly.shape))
    between = ((changes - changes.mean(axis=0)) ** 2).sum(axis=0) * (nights - 1) / nights
    plain = np.maximum(share * (1 - share) / now.sum(), 1e-300)
    effects = np.maximum(between / plain, 1.0)
    unseen = heavier(_unseen(now, was, float(effects[-1])), nights - 1)
    alone = _alone_chance(now, was, newest, effects, nights - 1)
    dense = (now + was) * float(min(now.sum(), was.sum())) >= DENSE * float(now.sum() + was.sum())
    weight = np.divide(float(now.sum() + was.sum()), now + was, out=np.zeros(len(now)), where=dense)
    sides = _Sides(nightly.astype(np.float64), was.astype(np.float64), nightly.sum(axis=1), float(was.sum()))
    many = _shocked_chance(sides, weight, float((1 - 1 / weight[dense]).sum()))
    return min(1.0, 2 * unseen, 4 * alone, 4 * many)


def clustered_ordered_chance(nightly: Integers, was: Integers) -> float:
    """`ordered_chance` over nights that may share a shock.

    Args:
        nightly: Rows, nights x cells in the order of the values, of eight nights or more.
        was: The reference's rows by cell.
    """
    share, _, spread = _middles(nightly.sum(axis=0) + was)
    weight = np.divide(share, spread, out=np.zeros_like(share), where=spread > 1e-12)
    return _shocked_chance(_Sides(_halved(nightly), _halved(was), nightly.sum(axis=1), float(was.sum())), weight, 1.0)


def _halved(counts: Integers) -> Floats:
    """Rows up to the middle of every cell."""
    return np.asarray(np.cumsum(counts, axis=-1) - counts / 2)


def unseen_chance(hits: float, rows: float, was: Integers, effect: float = 1.0, edge: float = 0.0) -> float:
    """Chance of so many rows with values that the reference lacks.

    A reference of few rows lacks some values that are there. The share of its rows that are the only one with their
    value, f1 / m, estimates how many new rows show a value it lacks (Good, 1953), with a variance of
    (f1 + 2 f2) / m^2, f2 being the values seen twice; so it counts as that share of correspondingly fewer rows. One
    row more is counted than were seen: where none was, some may be missing all the same.

    Args:
        hits, rows: With a value that the reference lacks, and all; effective ones.
        was: The reference's rows by value.
    """
    total, once, twice = float(was.sum()), float((was == 1).sum()), float((was == 2).sum())
    fewer = (once + 1) / (once + 1 + 2 * twice)
    its_hits, its_rows = (once + 1) * fewer / effect - 1, total * fewer / effect
    return share_chance((hits, rows), (its_hits, its_rows), edge, upper=True)


def _unseen(now: Integers, was: Integers, effect: float) -> float:
    return unseen_chance(float(now[-1]) / effect, float(now.sum()) / effect, was[:-1], effect)


def _alone_chance(now: Integers, was: Integers, newest: int, effects: Floats, freedom: float = math.inf) -> float:
    """That of the category which changed most, times the number of categories, for each might have been it.

    It is computed for those alone that surprise the normal approximation most, which rare ones do too easily.
    """
    n, m = float(now.sum()), float(was.sum())
    pooled = (now + was)[:-1] / (n + m)
    held = np.flatnonzero(pooled)
    surprise = np.abs(now / n - was / m)[held] / np.sqrt(pooled[held] * effects[held])
    counts = [(now[cell], was[cell], effects[cell]) for cell in held[np.argsort(-surprise, kind="stable")[:CANDIDATES]]]
    # No more than so many new ones can be as common.
    number = len(held) + (int(now[-1]) // newest if newest else 0)
    tried = [*counts, (newest, 0, effects[-1])]
    smallest = min(share_chance((x / effect, n / effect), (y / effect, m / effect)) for x, y, effect in tried)
    return min(1.0, number * heavier(smallest, freedom))


def _many_chance(now: Integers, was: Integers, effect: float) -> float:
    """Pearson's, over cells that expect `DENSE` rows on both sides, what is thinner being pooled."""
    n, m = float(now.sum()), float(was.sum())
    thin = (now + was) * min(n, m) < DENSE * effect * (n + m)
    # Unseen values are many thin cells: had they been pooled with both sides' rows, none would stand out.
    thin[-1] = True
    first, second = (np.append(counts[~thin], counts[thin].sum()) for counts in (now, was))
    if (first[-1] + second[-1]) * min(n, m) < DENSE * effect * (n + m) and len(first) > 1:
        lowest = int((first + second)[:-1].argmin())
        first[lowest], second[lowest] = first[lowest] + first[-1], second[lowest] + second[-1]
        first, second = first[:-1], second[:-1]
    if len(first) < 3:
        pair = (first[0] / effect, n / effect), (second[0] / effect, m / effect)
        return share_chance(*pair) if len(first) == 2 else 1.0
    return float(gammaincc((len(first) - 1) / 2, pearson(first, second) / effect / 2))


@dataclass(frozen=True, slots=True, eq=False)
class _Sides:
    """Nights and the reference: rows that count, nights x figures, of all their rows."""

    nightly: Floats
    was: Floats
    rows: Integers
    its_rows: float


def _shocked_chance(sides: _Sides, weight: Floats, independent: float) -> float:
    """Chance of a weighted sum of squared differences of shares, by the jackknife over nights.

    Where nights share a shock, the sum's weights are not those of independent rows: they are the eigenvalues of the
    jackknife's covariance (Rao & Scott, JASA 76, 1981, for Pearson's), and in sum no less than for independent rows.

    Args:
        weight: Of each figure's square.
        independent: The sum of the weights were rows independent.
    """
    nights, n, m = len(sides.rows), float(sides.rows.sum()), sides.its_rows
    apart = sides.nightly.sum(axis=0) / n - sides.was / m
    rows = np.broadcast_to(sides.rows[:, None].astype(np.float64), sides.nightly.shape)
    changes = influences(sides.nightly, rows) * np.sqrt(weight)
    changes -= changes.mean(axis=0)
    found = np.maximum(np.linalg.eigvalsh(changes @ changes.T), 0.0) * (nights - 1) / nights * n
    total = float(found.sum())
    if total <= 0:
        return 1.0
    statistic = float((weight * apart**2).sum()) / (1 / n + 1 / m)
    # Nights tell the sum of many weights better than a single one.
    freedom = (nights - 1) * total**2 / float((found**2).sum())
    return heavier(weighted_squares_chance(statistic, found * max(1.0, independent / total)), freedom)


def variation_chance(now: Integers | Floats, was: Integers | Floats, edge: float, effect: float = 1.0) -> float:
    """Chance of a total variation so large where the true one is at most ``edge``.

    Total variation is the growth of the cells that grew. It is taken as one share that the current rows have more of
    than the reference, exactly (`share_chance`), less what picking the cells by their growth adds: half the sum of
    their mean absolute errors, of which two cells alone need none.
    """
    n, m = float(now.sum()) / effect, float(was.sum()) / effect
    if not n or not m:
        return 1.0
    p, q = now / now.sum(), was / was.sum()
    grown = p > q
    if not grown.any():
        return 1.0
    added = picking(p, q, 1 / n + 1 / m) if np.count_nonzero(p + q) > 2 else 0.0
    return share_chance((p[grown].sum() * n, n), (q[grown].sum() * m, m), edge + added, upper=added > 0)


def picking(p: Floats, q: Floats, noise: float) -> float:
    """The total variation that noise alone makes, on average: half the sum of sqrt(2 p (1 - p) noise / pi)."""
    middle = (p + q) / 2
    return math.sqrt(noise / (2 * math.pi)) * float(np.sqrt(middle * np.maximum(1 - middle, 0)).sum())
