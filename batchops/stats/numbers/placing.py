"""In which of many cells a number lies: a binary search that begins where the answer nearly is."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from batchops.stats.numbers.sparse import Integers

__all__ = ["cell_of"]

CHUNK = 16_384
"""Values placed at once: what is worked on stays in the cache."""

BUCKETS = 16
"""Buckets for each edge; with so many hardly any holds two."""

MOST_BUCKETS = 2**16

Floats = NDArray[np.float64]


def cell_of(values: Floats, edges: Floats) -> Integers:
    """The cell of each value: as np.searchsorted from the right, ten times as fast where there are many values.

    The range of the edges is cut into equal buckets. A value's bucket never falls as the value grows, however it is
    rounded; so edges of lower buckets lie below it, those of higher ones above, and only those of its own are searched.

    Args:
        values: Finite.
        edges: Finite, ascending.

    >>> cell_of(np.array([0.5, 2.0, 9.0]), np.array([1.0, 2.0, 3.0])).tolist()
    [0, 2, 3]
    """
    buckets = min(BUCKETS * len(edges), MOST_BUCKETS)
    with np.errstate(over="ignore", divide="ignore"):
        scale = (buckets - 1) / (edges[-1] - edges[0]) if len(edges) > 1 else math.inf
    if len(values) < buckets or not 0 < scale < math.inf:
        return np.searchsorted(edges, values, side="right")
    counts = np.bincount(_buckets(edges, edges[0], scale, buckets), minlength=buckets)
    first = np.cumsum(counts) - counts
    steps = [2**power for power in reversed(range(int(counts.max()).bit_length()))]
    ahead = np.concatenate([edges, np.full(steps[0], np.inf)])
    cell = np.empty(len(values), dtype=np.int64)
    for start in range(0, len(values), CHUNK):
        chunk, found = values[start : start + CHUNK], cell[start : start + CHUNK]
        np.take(first, _buckets(chunk, edges[0], scale, buckets), out=found, mode="clip")
        for step in steps:
            found += step * (ahead[found + (step - 1)] <= chunk)
    return cell


def _buckets(values: Floats, low: float, scale: float, buckets: int) -> Integers:
    with np.errstate(over="ignore"):
        place = values - low
        place *= scale
    return np.clip(place, 0, buckets - 1, out=place).astype(np.int64)
