"""Probabilities of a difference at least as large as the one seen, were the true one at most so large."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc, betaincinv, kolmogorov, ndtr, ndtri, stdtr

__all__ = ["heavier", "joined_chance", "kolmogorov_chance", "share_chance", "weighted_squares_chance"]

Floats = NDArray[np.float64]

NODES = np.linspace(-8.5, 8.5, 69)
WEIGHTS = np.exp(-(NODES**2) / 2) / np.exp(-(NODES**2) / 2).sum()


def heavier(chance: float, freedom: float) -> float:
    """A normal tail as the tail of Student's t, both sides together, where the spread itself was estimated.

    >>> round(heavier(0.05, 9), 3), heavier(0.05, math.inf)
    (0.082, 0.05)
    """
    if math.isinf(freedom) or not 0 < chance < 1:
        return chance
    return min(1.0, 2 * float(stdtr(freedom, float(ndtri(chance / 2)))))


def joined_chance(first: float, second: float) -> float:
    """Chance of a product so small of the chances of two independent tests (Fisher, 1932): q (1 - ln q).

    >>> round(joined_chance(0.05, 0.5), 4)
    0.1172
    """
    product = first * second
    return min(1.0, product * (1 - math.log(product))) if product > 0 else 0.0


def share_chance(now: tuple[float, float], was: tuple[float, float], edge: float = 0.0, upper: bool = False) -> float:
    """Chance of two shares so far apart where they truly differ by at most ``edge``.

    Melds the exact (Clopper-Pearson) confidence distributions of the two shares (Fay, Proschan & Brittain, Combining
    one-sample confidence procedures for inference in the two-sample case, Biometrics 71, 2015): at edge 0 it is
    Fisher's exact test, against a reference without end the exact binomial one, and for any number of rows the chance
    is never too small. For two sides, those of both.

    Args:
        now, was: Rows that count, and rows; effective ones need not be whole.
        edge: At least 0.
        upper: Only a larger share counts, so that nothing is spent on a smaller one.

    >>> round(share_chance((4, 10), (0, 10)), 4)  # scipy.stats.fisher_exact([[4, 6], [0, 10]])
    0.0867
    """
    if now[1] <= 0 or was[1] <= 0:
        return 1.0
    if upper:
        return _at_most(now, was, edge)
    high, low = (now, was) if now[0] * was[1] >= was[0] * now[1] else (was, now)
    return min(1.0, _at_most(high, low, edge) + _at_most(high, low, -edge))


def _at_most(high: tuple[float, float], low: tuple[float, float], edge: float) -> float:
    """The confidence that the share of ``high`` is larger than that of ``low`` by at most ``edge``."""
    (hits, rows), (its_hits, its_rows) = high, low
    if hits <= 0 or its_hits >= its_rows:
        return 1.0 if edge >= 0 or hits <= 0 else float(betainc(hits, max(rows - hits, 0.0) + 1, max(1 + edge, 0.0)))
    above, below = (hits, rows - hits + 1), (its_hits + 1, its_rows - its_hits)
    # Over the better known of the two, so that what is summed is smooth.
    if rows >= its_rows:
        places = np.clip(_quantiles(*above) - edge, 0.0, 1.0)
        return float(WEIGHTS @ betainc(below[1], below[0], 1 - places))
    places = np.clip(_quantiles(*below) + edge, 0.0, 1.0)
    return float(WEIGHTS @ betainc(*above, places))


@lru_cache(maxsize=4096)
def _quantiles(first: float, second: float) -> Floats:
    """Of a beta distribution, at the nodes; each tail from its own side, to keep its digits.

    Kept, since the same share is asked about at several edges.
    """
    tails = ndtr(-np.abs(NODES))
    low, high = betaincinv(first, second, tails), 1 - betaincinv(second, first, tails)
    return np.asarray(np.where(NODES < 0, low, high), dtype=np.float64)


def kolmogorov_chance(excess: float, rows: float) -> float:
    """Chance that cumulative shares of so many (effective) rows are anywhere off by ``excess`` or more.

    Kolmogorov's limit, which for few rows, and for values that repeat, is more than the true chance. As the distance
    seen is at most the true one plus this noise, with ``excess`` = seen - edge it bounds the chance of what was seen
    where the true distance is at most ``edge``.

    >>> round(kolmogorov_chance(0.13581, 100), 4)
    0.05
    """
    return float(kolmogorov(math.sqrt(rows) * excess)) if excess > 0 else 1.0


def weighted_squares_chance(value: float, weights: Floats) -> float:
    """Chance that the weighted sum of squares of independent standard normals is ``value`` or more.

    Lugannani & Rice's formula at the saddlepoint (Kuonen, Saddlepoint approximations for distributions of quadratic
    forms in normal variables, Biometrika 86, 1999); within a few percent of the chance down to any tail.

    Anderson and Darling (1954) found 2.492 for a chance of .05:

    >>> round(weighted_squares_chance(2.492, 1 / (np.arange(1, 200) * np.arange(2, 201))), 4)
    0.0508
    """
    weights = weights[weights > 1e-9 * weights.max(initial=0.0)]
    if not len(weights) or value <= 0:
        return 0.0 if value > 1e-12 else 1.0
    scaled, place = weights / weights.max(), value / float(weights.max())
    if len(scaled) == 1:
        return 2 * float(ndtr(-math.sqrt(place)))
    mean = float(scaled.sum())
    if abs(place / mean - 1) < 1e-3:
        # The formula has a hole at the mean itself.
        return (weighted_squares_chance(value * 1.01, weights) + weighted_squares_chance(value * 0.99, weights)) / 2
    point = _saddlepoint(scaled, place)
    shrunk = scaled / (1 - 2 * point * scaled)
    cumulant = -0.5 * float(np.log1p(-2 * point * scaled).sum())
    root = math.copysign(math.sqrt(max(2 * (point * place - cumulant), 1e-300)), point)
    slope = point * math.sqrt(2 * float((shrunk**2).sum()))
    return float(np.clip(ndtr(-root - math.log(slope / root) / root), 0.0, 1.0))


def _saddlepoint(weights: Floats, place: float) -> float:
    """Where the mean of the tilted sum is ``place``: sum w / (1 - 2 t w) = place, for weights up to 1."""
    # The sum lies between 1 / (1 - 2 t) and len / (1 - 2 t) for t > 0; with t = (1 - 1 / s) / 2 it grows with s.
    low, high = (-len(weights) / place, 0.5 * (1 - 1 / (place * len(weights) + len(weights)))) if place > 0 else (0, 0)
    low = min(low, -1.0)
    while float((weights / (1 - 2 * low * weights)).sum()) > place:
        low *= 4
    for _ in range(80):
        middle = (low + high) / 2
        if float((weights / (1 - 2 * middle * weights)).sum()) > place:
            high = middle
        else:
            low = middle
    return (low + high) / 2
