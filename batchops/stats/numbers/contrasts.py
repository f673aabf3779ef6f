"""Differences of many pairs of means or shares at once, with their intervals and the chances of what they show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri, stdtr, stdtrit

__all__ = ["Differences", "MeanDifferences", "ShareDifferences", "quantiles", "tails"]

Floats = NDArray[np.float64]
Places = NDArray[np.int64] | slice

HALVINGS = 44
"""Halvings of [-1, 1] until a bound of an interval is known to 1e-13."""


def quantiles(level: float, freedom: Floats) -> Floats:
    """The quantile that leaves (1 - level) / 2 on each side: Student's t, or the normal for infinite freedom.

    >>> quantiles(0.95, np.array([9.0, np.inf])).round(4).tolist()
    [2.2622, 1.96]
    """
    tail = 0.5 + level / 2
    told = np.where(np.isinf(freedom), ndtri(tail), stdtrit(np.where(np.isinf(freedom), 1.0, freedom), tail))
    return np.asarray(told, dtype=np.float64)


def tails(distance: Floats, freedom: Floats) -> Floats:
    """Probability beyond so many standard errors, on one side."""
    told = np.where(np.isinf(freedom), ndtr(-distance), stdtr(np.where(np.isinf(freedom), 1.0, freedom), -distance))
    return np.asarray(told, dtype=np.float64)


@dataclass(frozen=True, slots=True)
class MeanDifferences:
    """Differences whose errors are taken as Student's.

    Attributes:
        value: First minus second, one a pair.
        variance: Of the difference.
        freedom: Degrees of freedom of the variance; infinite where it is known.
        widest: The largest difference that can be.
    """

    value: Floats
    variance: Floats
    freedom: Floats
    widest: float = np.inf

    def bounds(self, level: float) -> tuple[Floats, Floats]:
        """Two-sided intervals."""
        radius = quantiles(level, self.freedom) * np.sqrt(self.variance)
        return np.maximum(self.value - radius, -self.widest), np.minimum(self.value + radius, self.widest)

    def chance(self, edge: Floats | float) -> Floats:
        """Largest probability of a difference at least so far from 0, on either side, where the truth is within edge.

        That is its probability where the truth is ``edge``, since that is the nearest truth.
        """
        size = np.abs(self.value)
        with np.errstate(divide="ignore", invalid="ignore"):
            near, far = ((size + side * edge) / np.sqrt(self.variance) for side in (-1, 1))
            chance = np.minimum(tails(near, self.freedom) + tails(far, self.freedom), 1.0)
        return np.where(self.variance > 0, chance, np.where(size > edge, 0.0, 1.0))

    def among(self, places: Places) -> MeanDifferences:
        """Some of the pairs."""
        return MeanDifferences(self.value[places], self.variance[places], self.freedom[places], self.widest)


@dataclass(frozen=True, slots=True)
class ShareDifferences:
    """Differences of two shares of rows, by the score test of Miettinen & Nurminen (Statistics in Medicine, 1985).

    Under "the difference is delta" both shares are estimated together, which keeps intervals honest where a share is
    near 0 or 1, or exactly so.

    Attributes:
        first, second: Rows that count, one a pair.
        first_rows, second_rows: Rows.
        effect: Variance of the difference over that of independent rows.
        freedom: Degrees of freedom of ``effect``; infinite where rows are taken as independent.
    """

    first: Floats
    first_rows: Floats
    second: Floats
    second_rows: Floats
    effect: Floats
    freedom: Floats

    @property
    def value(self) -> Floats:
        """First minus second, one a pair."""
        return self.first / self.first_rows - self.second / self.second_rows

    def bounds(self, level: float) -> tuple[Floats, Floats]:
        """Two-sided intervals: all differences that the score test does not reject."""
        reach, value = quantiles(level, self.freedom), self.value
        lower = self._crossing(reach, -np.ones_like(value), value)
        upper = self._crossing(-reach, value, np.ones_like(value))
        return lower, upper

    def chance(self, edge: Floats | float) -> Floats:
        """As `MeanDifferences.chance`, the error being that where the truth is ``edge``."""
        value = self.value
        size, error = np.abs(value), self._error(np.where(value < 0, -1.0, 1.0) * edge)
        with np.errstate(divide="ignore", invalid="ignore"):
            near, far = ((size + side * edge) / error for side in (-1, 1))
            chance = np.minimum(tails(near, self.freedom) + tails(far, self.freedom), 1.0)
        return np.where(error > 0, chance, np.where(size > edge, 0.0, 1.0))

    def among(self, places: Places) -> ShareDifferences:
        """Some of the pairs."""
        own = (self.first, self.first_rows, self.second, self.second_rows, self.effect, self.freedom)
        return ShareDifferences(*(each[places] for each in own))

    def _crossing(self, reach: Floats, low: Floats, high: Floats) -> Floats:
        """Where the score, which falls as the difference grows, is ``reach``."""
        value = self.value
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            error = self._error(middle)
            above = value - middle > reach * error
            low, high = np.where(above, middle, low), np.where(above, high, middle)
        return (low + high) / 2

    def _error(self, delta: Floats | float) -> Floats:
        """Standard error of the difference where the truth is ``delta``."""
        first, second = self._shares(delta)
        rows = self.first_rows + self.second_rows
        variance = first * (1 - first) / self.first_rows + second * (1 - second) / self.second_rows
        return np.sqrt(np.maximum(variance, 0.0) * self.effect * rows / np.maximum(rows - 1, 1.0))

    def _shares(self, delta: Floats | float) -> tuple[Floats, Floats]:
        """The likeliest two shares that are ``delta`` apart: the root of a cubic, in closed form (their appendix)."""
        rows, together = self.first_rows + self.second_rows, self.first + self.second
        square = ((self.first_rows + 2 * self.second_rows) * delta - rows - together) / (3 * rows)
        linear = ((self.second_rows * delta - rows - 2 * self.second) * delta + together) / (3 * rows)
        constant = self.second * delta * (1 - delta) / rows
        q = square**3 - 1.5 * square * linear + constant / 2
        p = np.where(q < 0, -1.0, 1.0) * np.sqrt(np.maximum(square**2 - linear, 0.0))
        with np.errstate(divide="ignore", invalid="ignore"):
            turn = np.clip(np.nan_to_num(q / p**3, nan=0.0), -1.0, 1.0)
        second = 2 * p * np.cos((np.pi + np.arccos(turn)) / 3) - square
        second = np.clip(second, np.maximum(0.0, -np.asarray(delta)), np.minimum(1.0, 1.0 - np.asarray(delta)))
        return second + delta, second


Differences: TypeAlias = MeanDifferences | ShareDifferences
