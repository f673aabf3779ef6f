"""Areas under curves from counts by cell of the score, with the bound of what the cells hide."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from batchops.stats.outcomes.ranks import placements

__all__ = ["area", "area_shape", "area_variance", "average_precision", "average_precision_variance"]

Floats = NDArray[np.float64]


def area(negatives: Floats, positives: Floats) -> tuple[Floats, Floats]:
    """The area under the ROC curve, and how much of it counting in cells may hide.

    U = sum over cells of neg (pos above + pos in the cell / 2), over the number of pairs; pairs in one cell count one
    half, so the true area is at most sum pos neg / 2 pairs away, on either side.

    Args:
        negatives, positives: Rows by cell along the last axis.

    Returns:
        Two numbers, or one for each line; not a number where there is no pair.
    """
    above = positives.sum(axis=-1, keepdims=True) - np.cumsum(positives, axis=-1)
    pairs = negatives.sum(axis=-1) * positives.sum(axis=-1)
    same = (negatives * positives).sum(axis=-1) / 2
    with np.errstate(invalid="ignore", divide="ignore"):
        return ((negatives * above).sum(axis=-1) + same) / pairs, same / pairs


def area_variance(negatives: Floats, positives: Floats) -> float | None:
    """Variance of the area for independent rows (DeLong, DeLong & Clarke-Pearson, 1988), rows of one cell as ties."""
    n, m = float(negatives.sum()), float(positives.sum())
    if n < 2 or m < 2:
        return None
    beaten, beating = placements(negatives, positives)
    return _weighted_variance(beaten, positives) / m + _weighted_variance(beating, negatives) / n


def area_shape(negatives: float, positives: float) -> Callable[[float], float]:
    """The variance of the area of so many independent rows as it depends on the true area (Newcombe, 2006, method 5).

    Hanley & McNeil's (1982) with both kinds of rows taken alike, so that it is the same for scores turned round.

    >>> round(area_shape(400, 10)(0.95) ** 0.5, 4)
    0.0362
    """
    rows = (negatives + positives) / 2 - 1

    def variance(true: float) -> float:
        alike = 1 + rows * ((1 - true) / (2 - true) + true / (1 + true))
        return true * (1 - true) * alike / (negatives * positives)

    return variance


def _weighted_variance(values: Floats, weights: Floats) -> float:
    total = weights.sum()
    mean = (values * weights).sum() / total
    return float((weights * (values - mean) ** 2).sum() / (total - 1))


def average_precision(negatives: Floats, positives: Floats) -> tuple[Floats, Floats]:
    """scikit-learn's average precision, and how far counting in cells may be from it.

    AP = sum over cells, highest first, of pos * P / (P + N), P and N counting the cell and all above: rows of a cell
    are one tie. It is most where all positives of each cell come first, together; least where they come last, one by
    one, which is at least the integral of t / (t + N) over t from P - pos to P.

    Args:
        negatives, positives: Rows by cell along the last axis, lowest score first.

    Returns:
        Two numbers, or one for each line; not a number where there is no positive.
    """
    pos, neg = positives[..., ::-1], negatives[..., ::-1]
    above, below = np.cumsum(pos, axis=-1), np.cumsum(neg, axis=-1)
    # Cells above the first positive hold none, and add nothing.
    rows = np.maximum(above + below, 1e-200)
    before = np.maximum(rows - pos, 1e-200)
    with np.errstate(invalid="ignore", divide="ignore"):
        total = above[..., -1]
        value = (pos * above / rows).sum(axis=-1) / total
        most = (pos * above / np.maximum(rows - neg, 1e-200)).sum(axis=-1) / total
        least = (pos - below * np.log1p(pos / before)).sum(axis=-1) / total
    return value, np.maximum(np.maximum(most - value, value - least), 0.0)


def average_precision_variance(negatives: Floats, positives: Floats) -> float | None:
    """Its variance over independent rows, by the delta method on the counts of the cells.

    One more positive in cell k adds P_k / (P_k + N_k), and raises P for every cell that is not above it; one more
    negative raises N there. The counts being multinomial, the variance is the sum of the squared answers.
    """
    total = positives.sum()
    if total < 2 or negatives.sum() < 1:
        return None
    pos, neg = positives[::-1], negatives[::-1]
    above, below = np.cumsum(pos), np.cumsum(neg)
    rows = np.maximum(above + below, 1e-100)
    share = above / rows
    value = (pos * share).sum() / total
    tail_up = np.cumsum((pos * below / rows**2)[::-1])[::-1]
    tail_down = np.cumsum((pos * above / rows**2)[::-1])[::-1]
    answer_pos, answer_neg = (share + tail_up - value) / total, -tail_down / total
    return float((pos * answer_pos**2).sum() + (neg * answer_neg**2).sum())
