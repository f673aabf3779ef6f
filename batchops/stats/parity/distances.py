"""Bins, distances and tests as numpy and scipy have them, over counted values instead of rows."""

from __future__ import annotations

import math

import numpy as np
from scipy.special import chdtrc, ndtr, rel_entr

from batchops.stats.parity.sides import Floats, Integers, Pair

__all__ = [
    "chi_square",
    "contingency",
    "counted",
    "deviation",
    "doane",
    "hellinger",
    "js_distance",
    "ks",
    "proportions",
    "sturges",
    "wasserstein",
]


def counted(values: Floats, counts: Integers, edges: Floats) -> Integers:
    """Rows in each bin; a bin is closed at its left, the last one at both ends (``numpy.histogram``).

    Args:
        values: Sorted and different.
        counts: Rows of each.
        edges: Sorted.
    """
    before: Integers = np.concatenate([[0], np.cumsum(counts)])
    at = np.append(np.searchsorted(values, edges[:-1], "left"), np.searchsorted(values, edges[-1], "right"))
    rows: Integers = np.diff(before[at])
    return rows


def _spread(low: float, high: float, width: float, whole: bool) -> Floats | None:
    """Equal bins of at most about this width; None where there is no such thing (``numpy.histogram_bin_edges``)."""
    if low == high:
        low, high = low - 0.5, high + 0.5
    if whole and 0 < width < 1:
        width = 1.0
    if not math.isfinite(high - low):
        return None
    bins = math.ceil((high - low) / width) if width else 1
    edges = np.linspace(low, high, bins + 1)
    return None if bool(np.any(edges[:-1] >= edges[1:])) else edges


def sturges(low: float, high: float, rows: int, whole: bool) -> Floats | None:
    """Edges of equal bins, 1 + log2(rows) of them (Sturges, 1926); for whole numbers none is narrower than 1."""
    return _spread(low, high, (high - low) / (math.log2(rows) + 1.0), whole)


def doane(values: Floats, counts: Integers) -> Floats | None:
    """Edges of equal bins, 1 + log2(n) + log2(1 + |skewness| / its standard error) of them (Doane, 1976)."""
    if not len(values):
        return np.array([0.0, 1.0])
    n, low, high = int(counts.sum()), float(values[0]), float(values[-1])
    sigma = deviation(values, counts)
    if n <= 2 or not sigma > 0:
        return _spread(low, high, 0.0, False)
    error = math.sqrt(6.0 * (n - 2) / ((n + 1.0) * (n + 3)))
    skewness = float((((values - _mean(values, counts)) / sigma) ** 3 * counts).sum()) / n
    return _spread(low, high, (high - low) / (1.0 + math.log2(n) + math.log2(1.0 + abs(skewness) / error)), False)


def _mean(values: Floats, counts: Integers) -> float:
    return float((values * counts).sum()) / float(counts.sum())


def deviation(values: Floats, counts: Integers) -> float:
    """Of all rows, with n below the line; infinite where the squares are too large."""
    with np.errstate(over="ignore"):
        return math.sqrt(float(((values - _mean(values, counts)) ** 2 * counts).sum()) / float(counts.sum()))


def js_distance(p: Floats, q: Floats, base: float) -> float:
    """The square root of the Jensen-Shannon divergence (``scipy.spatial.distance.jensenshannon``).

    Args:
        p, q: Weights of the same cells; they need not add up to 1.
        base: Of the logarithm.
    """
    p, q = p / p.sum(), q / q.sum()
    middle = (p + q) / 2
    divergence = float(rel_entr(p, middle).sum() + rel_entr(q, middle).sum()) / math.log(base)
    return math.sqrt(max(0.0, divergence) / 2)


def hellinger(p: Floats, q: Floats) -> float:
    """The Euclidean distance of the roots of the shares, over the root of 2."""
    return math.sqrt(float(((np.sqrt(p) - np.sqrt(q)) ** 2).sum())) / math.sqrt(2)


def _shares_below(pair: Pair) -> tuple[Floats, Floats]:
    """Cumulative shares of both sides at each value."""
    was, now = np.cumsum(pair.reference), np.cumsum(pair.current)
    return was / was[-1], now / now[-1]


def ks(pair: Pair) -> float:
    """The largest difference of the cumulative shares, as a whole number of the steps it can take."""
    was, now = _shares_below(pair)
    steps = math.lcm(int(pair.reference.sum()), int(pair.current.sum()))
    return round(float(np.abs(was - now).max()) * steps) / steps


def wasserstein(pair: Pair) -> float:
    """The area between the cumulative shares, in the unit of the values (``scipy.stats.wasserstein_distance``)."""
    was, now = _shares_below(pair)
    return float((np.abs(was - now)[:-1] * np.diff(pair.values)).sum())


def chi_square(pair: Pair) -> float:
    """P-value of "the current rows have the reference's shares", taken to be known (``scipy.stats.chisquare``)."""
    expected = pair.reference * (float(pair.current.sum()) / float(pair.reference.sum()))
    if bool(np.any(expected == 0)):
        return 0.0
    statistic = float(((pair.current - expected) ** 2 / expected).sum())
    return float(chdtrc(len(expected) - 1, statistic))


def contingency(pair: Pair) -> tuple[float, float]:
    """Chi-square of "both sides have the same shares" and its p-value (``scipy.stats.chi2_contingency``).

    Of two values, each difference is taken half a row smaller (Yates, 1934).
    """
    observed = np.stack([pair.reference, pair.current], axis=1).astype(np.float64)
    expected = observed.sum(axis=1, keepdims=True) * observed.sum(axis=0) / observed.sum()
    freedom = len(observed) - 1
    if not freedom:
        return 0.0, 1.0
    off = np.abs(observed - expected)
    off -= np.minimum(0.5, off) if freedom == 1 else 0.0
    statistic = float((off**2 / expected).sum())
    return statistic, float(chdtrc(freedom, statistic))


def proportions(pair: Pair) -> float:
    """P-value of "the first value has the same share on both sides", by the normal distribution."""
    was, now = int(pair.reference.sum()), int(pair.current.sum())
    p, q = (was - int(pair.reference[0])) / was, (now - int(pair.current[0])) / now
    middle = (p * was + q * now) / (was + now)
    variance = middle * (1 - middle) * (1.0 / was + 1.0 / now)
    return 2 * (1 - float(ndtr(abs((p - q) / math.sqrt(variance))))) if variance else 1.0
