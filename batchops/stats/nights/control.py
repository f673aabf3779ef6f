"""Control charts: has a figure's level begun to move, by less than one night shows?

Both charts read standardised innovations (`nightly.innovations`), which are independent where nothing has changed,
however alike neighbouring nights are; an innovation beyond `OUTLIER` counts as that much, so that one odd night is no
lasting change. A limit is set by how many nights it takes until a chart alarms although nothing has changed.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "ALLOWANCE",
    "MEMORY",
    "OUTLIER",
    "Chart",
    "cusum",
    "cusum_limit",
    "cusum_run",
    "ewma",
    "ewma_limit",
    "ewma_run",
]

Floats = NDArray[np.float64]

ALLOWANCE = 0.5
"""k of the cumulative sum: it is quickest for a shift of twice as many standard deviations (Page, 1954)."""

MEMORY = 0.2
"""lambda of the moving average: the weight of the newest night."""

OUTLIER = 3.0

OVERSHOOT = 0.583
"""By how much a normal walk is beyond a limit, on average, when it crosses it (Siegmund, 1985)."""

NODES = 40
LONGEST = 1e7


@dataclass(frozen=True, slots=True)
class Chart:
    """Where a chart stands after its last night.

    Attributes:
        value: Its statistic, 0 or more.
        start: Place of the first night of what it shows; None where it stands at 0 or has no night.
    """

    value: float
    start: int | None


def cusum(innovations: Floats) -> Chart:
    """The upper cumulative sum C_t = max(0, C_(t-1) + z_t - k); it shows what began after it was last 0.

    >>> cusum(np.array([1.5, -9.0, 1.0, 2.0]))
    Chart(value=2.0, start=2)
    """
    value, start = 0.0, None
    for place, z in enumerate(_bounded(innovations)):
        value = max(0.0, value + z - ALLOWANCE)
        start = None if value == 0 else place if start is None else start
    return Chart(value, start)


def ewma(innovations: Floats) -> Chart:
    """The moving average E_t = l z_t + (1 - l) E_(t-1) over its standard deviation, at least 0.

    The deviation is that of so many nights, sqrt(l / (2 - l) (1 - (1 - l)^(2 t))) (Roberts, 1959).
    """
    average, start = 0.0, None
    for place, z in enumerate(_bounded(innovations)):
        average = MEMORY * z + (1 - MEMORY) * average
        start = None if average <= 0 else place if start is None else start
    nights = len(innovations)
    if average <= 0 or not nights:
        return Chart(0.0, None)
    spread = math.sqrt(MEMORY / (2 - MEMORY) * (1 - (1 - MEMORY) ** (2 * nights)))
    return Chart(average / spread, start)


def _bounded(innovations: Floats) -> list[float]:
    bounded: list[float] = np.clip(innovations, -OUTLIER, OUTLIER).tolist()
    return bounded


def cusum_run(limit: float) -> float:
    """Nights until a two-sided cumulative sum passes ``limit`` although nothing has changed, on average.

    Half of (e^(2kb) - 2kb - 1) / (2 k^2), b = limit + 2 * 0.583 (Siegmund, Sequential Analysis, 1985, 2.52); an
    outlier that counts less makes it longer.

    >>> round(cusum_run(4)), round(cusum_run(5))
    (169, 469)
    """
    reach = 2 * ALLOWANCE * (limit + 2 * OVERSHOOT)
    return (math.exp(min(reach, 700.0)) - reach - 1) / (4 * ALLOWANCE**2)


def ewma_run(limit: float) -> float:
    """Nights until a two-sided moving average passes ``limit`` standard deviations although nothing has changed.

    The integral equation L(u) = 1 + 1/l int L(y) phi((y - (1 - l) u) / l) dy over what lies within the limits, at
    Gauss's points (Crowder, 1987).

    >>> round(ewma_run(2.859))
    370
    """
    half = limit * math.sqrt(MEMORY / (2 - MEMORY))
    points, weights = np.polynomial.legendre.leggauss(NODES)
    points, weights = points * half, weights * half
    steps = (points[None, :] - (1 - MEMORY) * points[:, None]) / MEMORY
    kernel = weights * np.exp(-(steps**2) / 2) / math.sqrt(2 * math.pi) / MEMORY
    runs = np.linalg.solve(np.eye(NODES) - kernel, np.ones(NODES))
    start = weights * np.exp(-((points / MEMORY) ** 2) / 2) / math.sqrt(2 * math.pi) / MEMORY
    return 1 + float(start @ runs)


def cusum_limit(nights: float) -> float:
    """The limit that a cumulative sum passes once in so many nights without a change."""
    return _limit(cusum_run, nights)


def ewma_limit(nights: float) -> float:
    """The same for a moving average."""
    return _limit(ewma_run, nights)


@lru_cache(maxsize=64)
def _limit(run: Callable[[float], float], nights: float) -> float:
    """By bisection: a run is the longer, the higher the limit."""
    low, high = 0.5, 25.0 if run is cusum_run else 5.5
    nights = min(nights, LONGEST)
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if run(middle) < nights else (low, middle)
    return high
