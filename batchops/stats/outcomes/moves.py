"""By how much a row moves the mean over classes of the area under the ROC curve, as the reference's rows lay.

One more row of class t with scores s moves the mean of the areas of K classes by

    u / n,  u = [ (beaten_t(s_t) - A_t) / pi_t + sum over other classes k of (beating_k(s_k) - A_k) / (1 - pi_k) ] / K,

beaten_k(s) being the share of the other classes' rows whose score of k is below s, beating_k(s) the share of k's rows
whose score is above it, A_k the area and pi_k the share of k: the influence functions of the areas (Hampel, 1974; of
which DeLong, DeLong & Clarke-Pearson, 1988, take the variance). With the reference's shares and areas u is one number a
row, whatever rows it comes with, so that sums of u and of its square add up.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from batchops.stats.numbers.whole import UNIT
from batchops.stats.outcomes.ranks import placements
from batchops.stats.outcomes.state import ScoreCells

__all__ = ["class_moves"]

Floats = NDArray[np.float64]

RAREST = 2**-10
"""A class that is rarer is taken for so rare, or its rows would leave no digits to those of others."""


def class_moves(cells: ScoreCells) -> list[Floats]:
    """What each class adds to u, by 2 x cell of its score + 1 of its own rows.

    Returns:
        Whole numbers, in such a unit that no row's u is beyond `UNIT` by more than rounding. None for any class where
        the reference had no labels.
    """
    if not cells.class_rows.cells:
        return []
    sizes = [len(edges) + 1 for edges in cells.class_edges]
    sides = (cells.class_rows.floats(sum(sizes), side) for side in range(2))
    others, own = (np.split(side, np.cumsum(sizes)[:-1]) for side in sides)
    moves = [_of_class(*pair) for pair in zip(others, own, strict=True)]
    largest = sum(float(np.abs(each).max()) for each in moves)
    return [np.rint(each * (UNIT / largest)) if largest > 0 else each for each in moves]


def _of_class(others: Floats, own: Floats) -> Floats:
    n, m = float(others.sum()), float(own.sum())
    if not n or not m:
        return np.zeros(2 * len(own))
    beaten, beating = placements(others, own)
    area = float((beaten * own).sum()) / m
    shares = (max(side / (n + m), RAREST) for side in (n, m))
    moves = [(side - area) / share for side, share in zip((beating, beaten), shares, strict=True)]
    return np.stack(moves, axis=1).ravel()
