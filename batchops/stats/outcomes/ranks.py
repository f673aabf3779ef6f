"""Where a row's score ranks among those of the other class."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["placements"]

Floats = NDArray[np.float64]


def placements(negatives: Floats, positives: Floats) -> tuple[Floats, Floats]:
    """Of a score in each cell, the share of negatives below it and that of positives above, half of its own cell's.

    Args:
        negatives, positives: Rows by cell along the last axis; not a number where there are none.
    """
    below, above = (side.sum(axis=-1, keepdims=True) for side in (negatives, positives))
    beaten = (np.cumsum(negatives, axis=-1) - negatives / 2) / below
    return beaten, (above - np.cumsum(positives, axis=-1) + positives / 2) / above
