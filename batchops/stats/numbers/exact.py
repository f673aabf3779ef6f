"""Sums of floats without any rounding, so that parts add up to the whole in every order."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["ExactSum"]

MANTISSA = 53
HALF = 26
BATCH = 2**25
"""Values whose halves of 27 bits still add up to fewer than 2^53, up to which floats count exactly."""


@dataclass(frozen=True, slots=True)
class ExactSum:
    """``units * 2^exponent``; a commutative monoid.

    Attributes:
        units: Odd, or 0: then the exponent is 0 too. One sum has one spelling.
    """

    units: int = 0
    exponent: int = 0

    @classmethod
    def of(cls, values: NDArray[np.float64]) -> ExactSum:
        """The sum of finite values.

        >>> ExactSum.of(np.array([1e300, 1.5, -1e300])).mean(3)
        0.5
        """
        total = cls()
        for start in range(0, len(values), BATCH):
            total = total + _batch(values[start : start + BATCH])
        return total

    def __add__(self, other: ExactSum) -> ExactSum:
        low = min(self.exponent, other.exponent)
        return _spelled((self.units << self.exponent - low) + (other.units << other.exponent - low), low)

    def mean(self, n: int) -> float | None:
        """The float nearest to the mean of the ``n`` values; None where there are none."""
        if not n:
            return None
        below = n << max(0, -self.exponent)
        return (self.units << max(0, self.exponent)) / below


def _spelled(units: int, exponent: int) -> ExactSum:
    if not units:
        return ExactSum()
    zeros = (units & -units).bit_length() - 1
    return ExactSum(units >> zeros, exponent + zeros)


def _batch(values: NDArray[np.float64]) -> ExactSum:
    """The mantissas of each exponent are whole numbers; their halves add up exactly."""
    fractions, powers = np.frexp(values)
    mantissas = (fractions * 2.0**MANTISSA).astype(np.int64)
    exponents, places = np.unique(powers, return_inverse=True)
    high = np.bincount(places, weights=mantissas >> HALF, minlength=len(exponents))
    low = np.bincount(places, weights=mantissas & ((1 << HALF) - 1), minlength=len(exponents))
    total = ExactSum()
    for exponent, upper, lower in zip(exponents.tolist(), high.tolist(), low.tolist(), strict=True):
        total = total + _spelled((int(upper) << HALF) + int(lower), exponent - MANTISSA)
    return total
