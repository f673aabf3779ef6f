"""Sums of whole numbers by group, exact however large they are, and weights as whole multiples of a quantum."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from batchops.stats.numbers.sparse import Integers

__all__ = [
    "HEAVIEST",
    "UNIT",
    "Whole",
    "far_apart",
    "group_sums",
    "real",
    "shifted_sums",
    "weight_quantum",
    "weights_of",
]

UNIT = 2**30
"""What is summed of floats is rounded, row by row, to whole multiples of 1 / 2^30 of its scale."""

HEAVIEST = 2**31
"""A weight of more quanta is none: its row is left out, and counted apart."""

WEIGHT_BITS = 26
"""The largest weight of the reference has about so many bits."""

BAND = 8
EXACT = 2**53
HALF = 31
MASK = 2**HALF - 1

Floats = NDArray[np.float64]
Whole = NDArray[Any]
"""Whole numbers: 64-bit ones, or Python's own where they may be larger."""


def group_sums(code: Integers, size: int, column: NDArray[Any] | None, weights: Integers | None = None) -> Whole:
    """Whole numbers added up by group, without any rounding.

    Args:
        code: The group of each row, up to 2^20 rows.
        size: Number of groups.
        column: Whole numbers below 2^62, as integers or floats; None counts rows.
        weights: Whole numbers up to `HEAVIEST` by which rows are multiplied.

    >>> group_sums(np.array([0, 1, 0]), 2, np.array([2**61, 5, 2**61])).tolist()
    [4611686018427387904, 5]
    """
    if column is None:
        return np.bincount(code, minlength=size) if weights is None else group_sums(code, size, weights)
    if weights is not None:
        wide = column.astype(np.int64)
        return _two_sums(code, size, (wide >> HALF) * weights, (wide & MASK) * weights)
    largest = max(int(column.max(initial=0)), -int(column.min(initial=0)))
    if largest * len(column) < EXACT:
        if size == 1:
            # Ten times as fast: a group of all rows waits for itself at every one of them.
            return np.array([column.sum()]).astype(np.int64)
        return np.bincount(code, weights=column, minlength=size).astype(np.int64)
    wide = column.astype(np.int64)
    return _two_sums(code, size, wide >> HALF, wide & MASK)


def _two_sums(code: Integers, size: int, high: Integers, low: Integers) -> Whole:
    upper, lower = (group_sums(code, size, half).astype(object) for half in (high, low))
    return np.asarray((upper << HALF) + lower)


def shifted_sums(
    code: Integers, size: int, column: NDArray[Any], shift: Integers | None, weights: Integers | None = None
) -> Whole:
    """As `group_sums`, of ``column * 2^shift``; ``shift`` is None where it is 0 for every row."""
    if shift is None:
        return group_sums(code, size, column, weights)
    total = np.zeros(size, dtype=object)
    for each in np.unique(shift).tolist():
        rows = shift == each
        part = group_sums(code[rows], size, column[rows], None if weights is None else weights[rows])
        total = total + (part.astype(object) << int(each))
    return np.asarray(total)


def far_apart(values: Floats, exponent: int) -> tuple[Floats, Integers | None]:
    """Finite values as ``u * 2^(shift + exponent)``, every u within 2^8, and the shift 0 for those that are so anyway.

    So rounding u, or its powers up to the fourth, keeps them to 2^-30 of the scale, and the far ones to as many digits.

    >>> far_apart(np.array([3.0, 1024.0]), 0)
    (array([3., 4.]), array([0, 8]))
    """
    largest = float(np.abs(values).max(initial=0.0))
    if largest == 0 or math.frexp(largest)[1] - exponent <= BAND:
        return np.ldexp(values, -exponent), None
    fractions, powers = np.frexp(values)
    powers = np.where(fractions == 0, 0, powers.astype(np.int64) - exponent)
    shift = np.maximum(0, -(-(powers - BAND) // BAND) * BAND)
    return np.ldexp(fractions, np.maximum(powers - shift, -1_100).astype(np.int32)), shift


def real(whole: int, exponent: int = 0) -> float:
    """``whole * 2^exponent`` as a float; infinite where it is too large for one.

    >>> real(3, -1), real(-(2**2000))
    (1.5, -inf)
    """
    try:
        return float(whole << exponent) if exponent >= 0 else whole / (1 << -exponent)
    except OverflowError:
        return math.inf if whole > 0 else -math.inf


def weight_quantum(weights: pl.Series) -> float:
    """The quantum of weights, a power of two.

    Whole weights up to 2^26 are exact, and others are kept to 2^-26 of the largest; later ones may be 32 times as
    large.
    """
    values = weights.cast(pl.Float64).drop_nulls().to_numpy()
    values = values[np.isfinite(values) & (values > 0)]
    if not len(values):
        return 1.0
    exponent = math.frexp(float(values.max()))[1] - WEIGHT_BITS
    return math.ldexp(1.0, min(max(exponent, -1_020), 0 if (values == np.rint(values)).all() else 1_000))


def weights_of(series: pl.Series, quantum: float) -> tuple[Integers, NDArray[np.bool_]]:
    """Weights in quanta, and which rows have one: finite, not negative, and not beyond `HEAVIEST`."""
    values = series.cast(pl.Float64).fill_null(math.nan).to_numpy()
    with np.errstate(over="ignore", invalid="ignore"):
        steps = np.rint(values / quantum)
        known = (steps >= 0) & (steps <= HEAVIEST)
    return np.where(known, steps, 0).astype(np.int64), known
