"""Control charts: has a figure's level begun to move, by less than one night shows?

Both charts read standardised innovations (`nightly.innovations`), which are independent where nothing has changed,
however alike neighbouring nights are; an innovation beyond `OUTLIER` counts as that much, so that one odd night is no
lasting change. A chart starts anew with every window, so it has a chance like any other figure: of standing where it
does, or higher, after so many nights without a change.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

__all__ = [
    "ALLOWANCE",
    "MEMORY",
    "OUTLIER",
    "Chart",
    "cusum",
    "cusum_chance",
    "cusum_limit",
    "ewma",
    "ewma_chance",
    "ewma_limit",
]

Floats = NDArray[np.float64]

ALLOWANCE = 0.5
"""k of the cumulative sum: it is quickest for a shift of twice as many standard deviations (Page, 1954)."""

MEMORY = 0.2
"""lambda of the moving average: the weight of the newest night."""

OUTLIER = 3.0

OVERSHOOT = 0.583
"""By how much a normal walk is beyond a limit, on average, when it crosses it (Siegmund, 1985)."""


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


def cusum_chance(value: float, nights: int) -> float:
    """Probability that a cumulative sum stands at ``value`` or higher after so many nights without a change.

    Where it stands is distributed as the maximum of the walk so far; that of a Brownian motion with drift -k passes b
    with probability Phi((-b - k t) / sqrt t) + e^(-2 k b) Phi((-b + k t) / sqrt t), and b = value + 0.583 mends what
    whole nights leave out (Siegmund, Sequential Analysis, 1985, 3.15 and 10.2). Simulated, it is right to a tenth from
    seven nights on, and too small by a quarter after three.

    >>> round(cusum_chance(4, 31), 4), round(cusum_chance(4, 7), 4)  # simulated: 0.0098, 0.0047
    (0.0101, 0.0046)
    """
    if value <= 0 or not nights:
        return 1.0
    reach, root = value + OVERSHOOT, math.sqrt(nights)
    late = float(ndtr((-reach - ALLOWANCE * nights) / root))
    early = math.exp(-2 * ALLOWANCE * reach) * float(ndtr((-reach + ALLOWANCE * nights) / root))
    # The newest night alone may have carried it there.
    return max(late + early, float(ndtr(-value - ALLOWANCE)))


def ewma_chance(value: float) -> float:
    """The same for a moving average: standard normal."""
    return float(ndtr(-value)) if value > 0 else 1.0


@lru_cache(maxsize=256)
def cusum_limit(chance: float, nights: int) -> float:
    """What a cumulative sum passes with that probability: by bisection."""
    low, high = 0.0, 100.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if cusum_chance(middle, nights) > chance else (low, middle)
    return high


def ewma_limit(chance: float) -> float:
    """The same for a moving average."""
    return -float(ndtri(chance))
