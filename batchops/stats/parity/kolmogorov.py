"""P-values of the two-sample Kolmogorov-Smirnov test, exact for small samples (``scipy.stats.ks_2samp``)."""

from __future__ import annotations

import math

import numpy as np
from scipy.special import smirnov

from batchops.stats.parity.sides import Floats

__all__ = ["LARGEST_EXACT", "one_sample", "two_samples"]

LARGEST_EXACT = 10_000
"""Of two samples that are no larger the distribution is counted out; of others it is the one of a single sample."""


def two_samples(distance: float, n: int, m: int) -> float:
    """P(D >= distance) of two samples from one continuous distribution.

    Args:
        distance: The largest difference of the cumulative shares.
        n, m: Their sizes.
    """
    if max(n, m) <= LARGEST_EXACT:
        return _counted_out(round(distance * math.lcm(n, m)), n, m)
    return one_sample(distance, round(n * m / (n + m)))


def _counted_out(reach: int, n: int, m: int) -> float:
    """The share of lattice paths from (0, 0) to (n, m) that come as far from the diagonal as ``reach``.

    Hodges (1958): of the paths to (i, j), a share i / (i + j) comes from (i - 1, j) and the rest from (i, j - 1); where
    |i / n - j / m| is at least the distance, all have been there. One diagonal i + j after the other.

    Args:
        reach: The distance in units of 1 / lcm(n, m).
    """
    if reach <= 0:
        return 1.0
    if n > m:
        n, m = m, n
    common = math.gcd(n, m)
    right, up = m // common, n // common
    places = np.arange(n + 1)
    # share[i]: of the paths to (i, step - i).
    share = np.zeros(n + 1)
    for step in range(1, n + m + 1):
        first, last = max(0, step - m), min(n, step)
        at = places[first : last + 1]
        below = np.concatenate([[0.0], share[:last]]) if first == 0 else share[first - 1 : last]
        share[first : last + 1] = (at * below + (step - at) * share[first : last + 1]) / step
        share[first : last + 1][np.abs(at * right - (step - at) * up) >= reach] = 1.0
    return float(share[n])


def one_sample(distance: float, n: int) -> float:
    """P(D >= distance) of the cumulative shares of n rows against the distribution they are from.

    Twice the one-sided tail where both sides can no longer be reached at once (Miller, 1956), else the complement of
    the exact distribution, or of its expansion where n is large (Simard & L'Ecuyer, 2011, who say where each is good).
    """
    squared = n * distance**2
    if distance <= 0 or n * distance <= 0.5:
        return 1.0
    if distance >= 1:
        return 0.0
    if distance >= 0.5 or squared >= (4 if n <= 140 else 2.2):
        return min(1.0, 2 * float(smirnov(n, distance)))
    within = _durbin(distance, n) if n <= 140 or n * distance**1.5 <= 1.4 else _expansion(distance, n)
    return min(1.0, max(0.0, 1.0 - within))


def _durbin(distance: float, n: int) -> float:
    """P(D < distance) by Durbin's matrix (Marsaglia, Tsang & Wang, 2003)."""
    cells = math.floor(n * distance) + 1
    beyond = cells - n * distance
    size = 2 * cells - 1
    powers = beyond ** np.arange(1, size + 1)
    matrix = np.tri(size, k=1)
    matrix[:, 0] -= powers
    matrix[-1] -= powers[::-1]
    if 2 * beyond > 1:
        matrix[-1, 0] += (2 * beyond - 1) ** size
    apart = np.subtract.outer(np.arange(size), np.arange(size)) + 1
    matrix /= np.array([math.factorial(max(0, each)) for each in range(size + 1)], dtype=np.float64)[
        np.maximum(apart, 0)
    ]
    vector = np.zeros(size)
    vector[cells - 1] = 1.0
    for step in range(1, n + 1):
        vector = matrix @ vector * (step / n)
    return float(vector[cells - 1])


def _expansion(distance: float, n: int) -> float:
    """P(D < distance) to the third power of 1 / sqrt(n) (Pelz & Good, 1976)."""
    z = math.sqrt(n) * distance
    half = np.square(math.pi * (np.arange(-30, 30, dtype=np.float64) + 0.5))
    full = np.square(math.pi * np.arange(-30, 31, dtype=np.float64))
    first = _theta(z, half, np.ones_like(half)) / z
    second = _theta(z, half, half - z**2) / (6 * z**4)
    squares = (2 * z**4 - 5 * z**2) * half + (1 - 2 * z**2) * half**2
    third = _theta(z, half, 6 * z**6 + 2 * z**4 + squares) / (72 * z**7) - _theta(z, full, full) / (36 * z**3)
    cubes = (135 * z**4 - 96 * z**6) * half + (212 * z**4 - 60 * z**2) * half**2 + (5 - 30 * z**2) * half**3
    fourth = _theta(z, half, -30 * z**6 - 90 * z**8 + cubes) / (6480 * z**10)
    # Half of what the paper has, as scipy has it, which is nearer to the exact distribution.
    fourth += _theta(z, full, 3 * z**2 * full - full**2) / (216 * z**6)
    return first + second / math.sqrt(n) + third / n + fourth / (n * math.sqrt(n))


def _theta(z: float, squares: Floats, terms: Floats) -> float:
    """sqrt(pi / 2) sum terms exp(-squares / (2 z^2))."""
    return math.sqrt(math.pi / 2) * float((terms * np.exp(-squares / (2 * z * z))).sum())
