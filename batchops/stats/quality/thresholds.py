"""What other thresholds would do with the same scores, and what the highest scores hold."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from batchops.stats.numbers.sparse import merge_sparse
from batchops.stats.outcomes.state import Quality, ScoreCells
from batchops.stats.quality.window import window_of

__all__ = ["Gain", "Threshold", "gain", "thresholds"]

Floats = NDArray[np.float64]

THRESHOLDS = 20
DECILES = 10


@dataclass(frozen=True, slots=True)
class Threshold:
    """Decisions on labelled rows, were those with a score at or above ``threshold`` chosen.

    Attributes:
        precision: None where no row would be chosen.
        recall: None where there is no positive; so is ``f1`` where there is none and none would be chosen.
        false_positive_rate: None where there is no negative.
    """

    threshold: float
    selection_rate: float
    precision: float | None
    recall: float | None
    false_positive_rate: float | None
    f1: float | None


@dataclass(frozen=True, slots=True)
class Gain:
    """The rows of highest scores.

    Attributes:
        share: Of all labelled rows.
        gain: Of the positives.
        lift: ``gain`` over ``share``.
    """

    share: float
    gain: float
    lift: float


def _counts(quality: Quality, cells: ScoreCells) -> tuple[Floats, Floats]:
    """Negatives and positives by cell of the score, lowest first; by weight where rows have one."""
    table = merge_sparse([part.histogram for part in window_of(quality).parts])
    size = len(cells.edges) + 1
    return table.floats(size, 0), table.floats(size, 1)


def _from_top(counts: Floats) -> Floats:
    """Rows in a cell and all above it."""
    return np.asarray(np.cumsum(counts[::-1])[::-1])


def thresholds(quality: Quality, cells: ScoreCells) -> tuple[Threshold, ...]:
    """Twenty thresholds, lowest first: the one in use, and those that would choose about 5 %, 10 %... of the rows.

    Each is an edge of the cells, where counts are exact.
    """
    negatives, positives = _counts(quality, cells)
    n = negatives.sum() + positives.sum()
    if not n > 0:
        return ()
    chosen = _from_top(negatives + positives)[1:]
    targets = n * np.arange(1, THRESHOLDS) / THRESHOLDS
    places = {int(np.abs(chosen - target).argmin()) for target in targets}
    if cells.threshold in cells.edges:
        places.add(cells.edges.index(cells.threshold))
    right, wrong = _from_top(positives)[1:], _from_top(negatives)[1:]
    return tuple(
        _threshold(cells.edges[place], (right[place], wrong[place]), (positives.sum(), negatives.sum()))
        for place in sorted(places)
    )


def _threshold(edge: float, chosen: tuple[float, float], total: tuple[float, float]) -> Threshold:
    (right, wrong), (positives, negatives) = chosen, total
    return Threshold(
        edge,
        float((right + wrong) / (positives + negatives)),
        _ratio(right, right + wrong),
        _ratio(right, positives),
        _ratio(wrong, negatives),
        _ratio(2 * right, right + wrong + positives),
    )


def _ratio(above: float, below: float) -> float | None:
    return float(above / below) if below > 0 else None


def gain(quality: Quality, cells: ScoreCells) -> tuple[Gain, ...]:
    """What the tenth of highest scores holds of the positives, the fifth, and so on to all rows.

    Shares are those at the nearest edge of a cell, where counts are exact; scores that are alike stay together.
    """
    negatives, positives = _counts(quality, cells)
    n, total = negatives.sum() + positives.sum(), positives.sum()
    if not total > 0:
        return ()
    chosen, right = _from_top(negatives + positives), _from_top(positives)
    places = {int(np.abs(chosen - n * step / DECILES).argmin()) for step in range(1, DECILES)}
    places = {place for place in places if 0 < chosen[place] < n}
    shares = [(float(chosen[place] / n), float(right[place] / total)) for place in sorted(places, reverse=True)]
    return tuple(Gain(share, held, held / share) for share, held in (*shares, (1.0, 1.0)))
