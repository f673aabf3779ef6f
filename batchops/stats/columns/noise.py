"""How far rows drawn from the reference itself are from it, by chance alone."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import kolmogi, ndtri

from batchops.stats.columns.measures import pooled
from batchops.stats.columns.sameness import picking
from batchops.stats.numbers.sparse import Integers

__all__ = ["ONE_IN", "noise_of_ks", "noise_of_variation"]

Floats = NDArray[np.float64]

ONE_IN = 20
"""The noise of a distance is what such rows reach or pass in one of so many nights."""

RUNS = 64
DRAWS = 1_000
MANY = 1_000
FEW = 30
LUMP = 0.05
"""A cell with more of the reference than this makes the largest difference smaller than Kolmogorov's law has it."""


def noise_of_ks(rows: float, was: Integers) -> float:
    """The KS distance, at the edges of the cells, that ``rows`` drawn from the reference show in 1 of 20 nights.

    Kolmogorov's quantile, with Stephens' (1970) term for few rows; of few or of uneven cells, drawn from their counts.

    Args:
        rows: Effective ones, more than 0.
        was: The reference's rows by cell, in order.
    """
    share, both = was[was > 0] / was.sum(), _both(rows, float(was.sum()))
    if len(share) < 2:
        return 0.0
    if len(share) > FEW and share.max() <= LUMP:
        return min(1.0, float(kolmogi(1 / ONE_IN)) / (math.sqrt(both) + 0.12 + 0.11 / math.sqrt(both)))
    if len(share) > RUNS:
        share = np.bincount(((np.cumsum(share) - share / 2) * RUNS).astype(np.int64), weights=share)
    apart = np.cumsum(_drawn(both, share / share.sum()), axis=1)
    return float(np.quantile(np.abs(apart).max(axis=1), 1 - 1 / ONE_IN))


def noise_of_variation(rows: float, was: Integers | Floats) -> float:
    """The total variation, over pooled cells, that ``rows`` drawn from the reference show in 1 of 20 nights.

    Of few cells it is drawn from their counts; of many it is nearly normal: half the sum of mean absolute errors,
    sqrt(2 v / pi) each for a variance of v, with a variance of v (1 - 2 / pi) / 4 each.

    Args:
        rows: Effective ones, more than 0.
        was: The reference's rows by category as `drawn_anew` has them; or of both values of a boolean.
    """
    both = _both(rows, float(was.sum()))
    share = pooled(was * (rows / was.sum()), was)[1] if len(was) > 2 else was / was.sum()
    share = share[share > 0]
    if len(share) < 2:
        return 0.0
    if len(share) <= FEW:
        apart = np.abs(_drawn(both, share)).sum(axis=1) / 2
        return min(1.0, float(np.quantile(apart, 1 - 1 / ONE_IN)))
    spread = math.sqrt(float((share * (1 - share)).sum()) / both * (1 - 2 / math.pi)) / 2
    return min(1.0, picking(share, share, 1 / both) + float(ndtri(1 - 1 / ONE_IN)) * spread)


def _both(rows: float, its_rows: float) -> float:
    """Rows of one side that are as noisy as two sides: n m / (n + m)."""
    return rows * its_rows / (rows + its_rows)


def _drawn(rows: float, share: Floats) -> Floats:
    """Differences of the shares by cell, draws x cells, always the same draws; of many rows they are normal."""
    if rows >= MANY:
        drawn = _normals()[:, : len(share)] * np.sqrt(share / rows)
        return np.asarray(drawn - share * drawn.sum(axis=1, keepdims=True))
    n = max(1, round(rows))
    drawn = np.random.default_rng(ONE_IN).multinomial(n, share, size=DRAWS) / n - share
    return np.asarray(drawn * math.sqrt(n / rows))


@cache
def _normals() -> Floats:
    return np.random.default_rng(ONE_IN).normal(size=(DRAWS, RUNS + 1))
