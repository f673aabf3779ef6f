"""Means of rows: their intervals, by night and entity as `intervals` has it, and by how skewed the rows are."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from batchops.stats.numbers.intervals import (
    ENOUGH_NIGHTS,
    LEVEL,
    NOT_MEASURED,
    Estimate,
    Spread,
    counted,
    ratio_spread,
    two_sided,
)

__all__ = ["Averaged", "around", "mean_estimate"]

Floats = NDArray[np.float64]

WIDE = 1.5
"""An error of so many times a mean says nothing of its logarithm."""


@dataclass(frozen=True, slots=True)
class Averaged:
    """What a mean is of.

    Attributes:
        squares: Sum of the squares over all rows, for when there are fewer than `ENOUGH_NIGHTS` nights.
        bounds: What the mean cannot leave.
        skewness: Of the rows; None where it is not known.
    """

    squares: float
    bounds: tuple[float, float] = (-math.inf, math.inf)
    skewness: float | None = None


def mean_estimate(
    above: Floats, below: Floats, averaged: Averaged, design: float = 1.0, alone: float = 1.0
) -> Estimate:
    """A mean of rows, by night.

    Args:
        above, below: Sum over the rows and number of rows, one number a night; or nights x groups of entities.
        design: Design effect for when there are fewer than `ENOUGH_NIGHTS` nights.
        alone: What of it independent rows have already, by their weights: groups of entities show that too.
    """
    value, n, nights = counted(above, below)
    if value is None:
        return NOT_MEASURED
    lone, effect = nights < ENOUGH_NIGHTS, max(design, 1.0)
    if lone and n < 2:
        return Estimate(value, None, None, n, nights, rows_independent=True)
    independent = max(averaged.squares / max(n, 1) - value**2, 0.0) / max(n - 1, 1)
    rows = Spread(independent * effect, max(n / effect - 1, 1.0))
    spread, entities = ratio_spread(above, below, rows, alone * independent)
    lone = lone and not entities
    if lone and averaged.skewness is not None:
        # Of the mean: what nights add to its variance is taken to add nothing to its third moment.
        lower, upper = _leaning(value, spread, averaged.skewness / math.sqrt(n) / effect**1.5, averaged.bounds)
    else:
        lower, upper = (float(end) for end in around(np.array(value), np.array(spread.radius()), averaged.bounds))
    return Estimate(value, lower, upper, n, nights, rows_independent=lone, entities=entities)


def _leaning(value: float, spread: Spread, skewness: float, bounds: tuple[float, float]) -> tuple[float, float]:
    """The interval of a skewed mean: all means from which the one seen is no more than a quantile of errors away.

    The variance at another mean is taken to be as much larger as the skewness says, which of shares of rows makes it
    Wilson's interval: u^2 = q^2 (1 + skewness u), u being the distance in errors and q the quantile.

    >>> [round(end, 2) for end in _leaning(0.0, Spread(1.0), 0.3, (-math.inf, math.inf))]
    [-1.47, 2.62]
    """
    quantile = two_sided(LEVEL, spread.freedom)
    half = quantile * skewness / 2
    low, high = (quantile * (half + side * math.hypot(1, half)) for side in (-1, 1))
    return max(bounds[0], value + low * spread.error), min(bounds[1], value + high * spread.error)


def around(values: Floats, radius: Floats, bounds: tuple[float, float]) -> tuple[Floats, Floats]:
    """Intervals of means; of such as are never negative, and so are skewed to the right, by their logarithm.

    >>> one, half = np.array([1.0]), np.array([0.5])
    >>> [end.round(3).tolist() for bounds in ((-1.0, 1.2), (0.0, math.inf)) for end in around(one, half, bounds)]
    [[0.5], [1.2], [0.607], [1.649]]
    """
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        lower, upper = values - radius, values + radius
        if bounds[0] == 0:
            share = radius / values
            told = (values > 0) & (share <= WIDE)
            lower = np.where(told, values * np.exp(-share), lower)
            upper = np.where(told, values * np.exp(share), upper)
    return np.maximum(lower, bounds[0]), np.minimum(upper, bounds[1])
