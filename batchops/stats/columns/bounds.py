"""The 95 % intervals of the distances that decide: how far off what was counted may be."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from batchops.stats.numbers.intervals import difference, night_changes, proportion_estimate, widening
from batchops.stats.numbers.maxima import Bridge, Nights, largest_gap, sum_of_sizes
from batchops.stats.numbers.sparse import Integers

__all__ = ["gap_ends", "two_ends", "variation_ends"]

Floats = NDArray[np.float64]

STEPS = 100
"""Nights' own noise is looked at where cumulative shares differ by one of so many parts, which is what costs."""


def gap_ends(nightly: Integers, was: Integers, noise: float, freedom: float) -> tuple[float, float]:
    """Of the largest difference of cumulative shares, at the inner edges of the cells.

    Args:
        nightly: Rows, nights x cells: noise has the shape that it has between them; of one line, that of independent
            rows.
        was: The reference's rows by cell.
        noise: sqrt(1 / n + 1 / m) of the effective rows of both sides, on average over the cells.
        freedom: Its degrees of freedom.
    """
    noise *= widening(freedom)
    counts = np.cumsum(nightly, axis=1)[:, :-1].astype(np.float64)
    rows = nightly.sum(axis=1, keepdims=True).astype(np.float64)
    first, second = counts.sum(axis=0) / rows.sum(), np.cumsum(was)[:-1] / was.sum()
    apart, middle = first - second, (first + second) / 2
    if len(nightly) > 1:
        changes = night_changes(counts, rows)
        seen = float((changes**2).sum())
        if seen > 0:
            size = noise * math.sqrt(float((middle * (1 - middle)).sum()) / seen)
            held = np.unique(np.append(_apart(middle), np.abs(apart).argmax()))
            return largest_gap(apart[held], Nights(size * changes[:, held]))
    return largest_gap(apart, Bridge(middle, noise))


def _apart(middle: Floats) -> NDArray[np.int64]:
    return np.unique(np.rint(middle * STEPS), return_index=True)[1]


def two_ends(nightly: Integers, was: Integers, effect: float) -> tuple[float, float]:
    """Of two values, of the size by which the share of either changed.

    Args:
        nightly: Rows, nights x 2.
        was: The reference's.
        effect: Design effect of rows that are not seen over nights.
    """
    now, its = (
        proportion_estimate(rows[:, 1].astype(np.float64), rows.sum(axis=1).astype(np.float64), effect)
        for rows in (nightly, was[None])
    )
    change = difference(now, its)
    low, high = change.lower or 0.0, change.upper or 0.0
    return max(0.0, low, -high), max(-low, high)


def variation_ends(now: Floats, was: Floats, noise: float, freedom: float) -> tuple[float, float]:
    """Of the total variation of shares.

    Args:
        noise: sqrt(1 / n + 1 / m) of the effective rows of both sides, on average over the shares.
        freedom: Its degrees of freedom.
    """
    middle = (now + was) / 2
    covariance = (noise / 2) ** 2 * (np.diag(middle) - np.outer(middle, middle))
    return sum_of_sizes((now - was) / 2, covariance, freedom)
