"""The score test of a slice against the rows around it, from sums alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from batchops.stats.discovery.cube import Table
from batchops.stats.discovery.losses import SQUARES, Loss

__all__ = ["Floats", "Sums", "cell", "floats_of", "minus", "score", "total", "variance"]

Floats = NDArray[np.float64]
Sums = tuple[Floats, Floats, Floats]
"""By cell: rows, losses, squares of losses; in quanta."""


def floats_of(table: Table) -> Sums:
    """A table of whole numbers as floats."""
    rows, steps, squares = (line.astype(np.float64) for line in table)
    return rows, steps, squares


def total(sums: Sums) -> Sums:
    """All cells together."""
    rows, steps, squares = (np.asarray(line.sum()) for line in sums)
    return rows, steps, squares


def cell(sums: Sums, bins: tuple[int, ...]) -> Sums:
    """One of them."""
    rows, steps, squares = (np.asarray(line[bins]) for line in sums)
    return rows, steps, squares


def minus(wider: Sums, narrower: Sums) -> Sums:
    """What is left of the one without the other, which it holds."""
    rows, steps, squares = (one - other for one, other in zip(wider, narrower, strict=True))
    return rows, steps, squares


def variance(sums: Sums, loss: Loss) -> Floats:
    """Of the losses, in quanta squared; 0 where there is no row."""
    rows, steps, squares = sums
    unit = 1 if loss.whole else SQUARES
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.nan_to_num(np.maximum(squares * unit / rows - (steps / rows) ** 2, 0.0))


def score(sums: Sums, rest: Sums, spread: Floats) -> Floats:
    """The difference of two means, in standard deviations of it where all rows vary by ``spread``; 0 without rows."""
    with np.errstate(divide="ignore", invalid="ignore"):
        difference = sums[1] / sums[0] - rest[1] / rest[0]
        return np.nan_to_num(difference / np.sqrt(spread * (1 / sums[0] + 1 / rest[0])), posinf=0.0, neginf=0.0)
