"""Can the rows of two sides be told apart? A classifier that is asked about rows it never saw answers."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier

from batchops.models.encoding import Matrix
from batchops.models.scoring import probability, threads

__all__ = ["FOLDS", "Separation", "Side", "separate"]

Integers = NDArray[np.int64]

FOLDS = 3

WEEK = 7

ENOUGH_BLOCKS = 8
"""With so many nights on a side, nights are what was sampled, and not rows."""

FEW = 255
"""Different numbers that trees tell apart in a column. Of more, scikit-learn looks for each of the quantiles between
them anew where rows have weights, in six times as long as everything else takes; so they are made fewer before."""

SHUFFLED = 3_000
"""Rows on which columns are shuffled."""

TOGETHER = 32
"""Columns whose shuffled rows are asked about at once: a question costs milliseconds, however few rows it is about."""

MOST_RATIO = 20.0
"""Largest density ratio that is believed, and its inverse the smallest: few rows must not speak for all."""

NORMAL = 1.959964
"""Two standard errors, for 95 %."""

SHARED = math.sqrt(2)
"""By how much the standard error grows since folds learn from each other's rows: what sets two thirds of the rows apart
by chance is counted once for each, so where there is little to learn the variance doubles, and where the sides are
clearly apart this is too much (measured on normal columns: 1.2 to 1.4 below an area of .6, 1.03 at .83)."""

TREES: Mapping[str, Any] = {
    "max_iter": 40,
    "max_leaf_nodes": 15,
    "min_samples_leaf": 30,
    "l2_regularization": 1.0,
    "early_stopping": False,
    "random_state": 0,
}
"""Small trees that find what two columns do together, in a fraction of a second for some thousand rows."""


@dataclass(frozen=True, slots=True, eq=False)
class Side:
    """Rows of one side.

    Attributes:
        matrix: Float64, rows x columns; categories as their codes, NaN where a value is missing.
        weights: How many rows each row is.
        nights: Which night each row is of, as numbers that ascend with time; all alike where rows have none. Rows that
            belong to no night must stand in no order.
    """

    matrix: Matrix
    weights: Matrix
    nights: Integers


@dataclass(frozen=True, slots=True, eq=False)
class Separation:
    """How well two sides can be told apart.

    Attributes:
        auc: Probability that the classifier finds a row of the current side likelier to be of that side than a row of
            the reference, both unseen; .5: it cannot tell.
        error: Its standard error, rather too large than too small: between nights where a side has eight or more, and
            else between rows.
        lower, upper: 95 % interval.
        falls: By how much the area falls when a column is shuffled, one a column.
        ratios: For each row of the reference how much likelier such a row is on the current side, out of fold; their
            weighted mean is 1, none is larger than 20 times or smaller than a 20th of what was to be expected.
    """

    auc: float
    error: float
    falls: tuple[float, ...]
    ratios: Matrix

    @property
    def lower(self) -> float:
        """Of the 95 % interval."""
        return max(0.0, self.auc - NORMAL * self.error)

    @property
    def upper(self) -> float:
        """Of the 95 % interval."""
        return min(1.0, self.auc + NORMAL * self.error)

    @property
    def shares(self) -> tuple[float, ...]:
        """What each column adds to telling the sides apart, of all falls together; all 0 where no column adds any."""
        falls = [max(0.0, fall) for fall in self.falls]
        total = sum(falls)
        return tuple(fall / total if total > 0 else 0.0 for fall in falls)


@dataclass(frozen=True, slots=True, eq=False)
class _Both:
    """Both sides, one below the other.

    Attributes:
        truth: 1 on the current side.
        weights: Of each side together half of all rows: a classifier that knows nothing says one half.
        night: Which night; no two sides share one.
        fold: Whole nights are in one fold.
    """

    matrix: Matrix
    truth: Integers
    weights: Matrix
    night: Integers
    fold: Integers


@dataclass(frozen=True, slots=True, eq=False)
class _Fold:
    """A fold's rows, and what a model that saw none of them says."""

    model: HistGradientBoostingClassifier
    rows: Integers
    scores: Matrix


def separate(
    reference: Side, current: Side, categorical: tuple[int, ...] = (), explain: bool = True
) -> Separation | None:
    """Tell two sides apart by a classifier out of fold (a classifier two-sample test: Lopez-Paz & Oquab, 2017).

    Trees are grown on two thirds of each side and asked about the other third, whole weeks of nights at a time where
    there are many; the area is averaged over the thirds. The same rows give the same numbers to the last bit.

    Args:
        categorical: Places of the columns whose numbers are codes, each from 0 to 254.
        explain: Shuffle columns, for a third of the time; else no column has a fall.

    Returns:
        None where a side has fewer rows than two a fold.
    """
    if min(len(reference.matrix), len(current.matrix)) < 2 * FOLDS:
        return None
    both = _together(reference, current)
    numbers = [place for place in range(both.matrix.shape[1]) if place not in categorical]
    for place in numbers:
        both.matrix[:, place] = _fewer(both.matrix[:, place])
    with threads(1):
        folds = list(_folds(both, categorical))
        auc, error = _area(both, folds)
        falls = _falls(both, folds) if explain else (0.0,) * both.matrix.shape[1]
    scores = np.empty(len(both.truth))
    for each in folds:
        scores[each.rows] = each.scores
    return Separation(auc, error, falls, _ratios(scores[both.truth == 0], reference.weights))


def _together(reference: Side, current: Side) -> _Both:
    sides = (reference, current)
    truth = np.repeat([0, 1], [len(side.matrix) for side in sides])
    weights = np.concatenate([side.weights / side.weights.sum() for side in sides]) * len(truth) / 2
    own = [np.unique(side.nights, return_inverse=True)[1] for side in sides]
    return _Both(
        matrix=np.concatenate([side.matrix for side in sides]),
        truth=truth,
        weights=weights,
        night=np.concatenate([own[0], own[1] + own[0].max() + 1]),
        fold=np.concatenate([_fold_of(each) for each in own]),
    )


def _fewer(values: Matrix) -> Matrix:
    """Numbers as how many quantiles lie below them, since only their order counts; few different ones as they are."""
    known = values[~np.isnan(values)]
    if len(np.unique(known)) <= FEW:
        return values
    ends = np.unique(np.quantile(known, np.arange(1, FEW) / FEW, method="inverted_cdf"))
    return np.where(np.isnan(values), np.nan, np.searchsorted(ends, values))


def _fold_of(night: Integers) -> Integers:
    """A fold for each row: weeks in turn where there are many nights, shorter runs of few, and rows of hardly any."""
    nights = int(night.max()) + 1
    if nights < 2 * FOLDS:
        return np.arange(len(night)) % FOLDS
    run = min(WEEK, nights // (2 * FOLDS))
    return night // run % FOLDS


def _folds(both: _Both, categorical: tuple[int, ...]) -> Iterator[_Fold]:
    for fold in range(FOLDS):
        held = both.fold == fold
        model = HistGradientBoostingClassifier(**TREES, categorical_features=list(categorical) or None)
        rows = both.matrix[~held]
        # A column without a value has no bins to be put in; one of equal values is never split.
        rows[:, np.isnan(rows).all(axis=0)] = 0.0
        model.fit(rows, both.truth[~held], both.weights[~held])
        yield _Fold(model, np.flatnonzero(held), probability(model, both.matrix[held]))


def _area(both: _Both, folds: list[_Fold]) -> tuple[float, float]:
    """The mean of the folds' areas, and its standard error (DeLong, DeLong & Clarke-Pearson, 1988).

    What a row adds to the area is its placement: the share of the other side's rows that it stands right of. Rows of
    one night are added up first where a side has many nights.
    """
    areas, pulls = [], np.zeros(len(both.truth))
    for each in folds:
        area, pull = _placements(each.scores, both.truth[each.rows], both.weights[each.rows])
        areas.append(area)
        pulls[each.rows] = pull / FOLDS
    variance = 0.0
    for side in (0, 1):
        own = both.truth == side
        nights = np.bincount(both.night[own] - both.night[own].min(), pulls[own])
        parts = nights if len(nights) >= ENOUGH_BLOCKS else pulls[own]
        variance += float((parts**2).sum()) * len(parts) / (len(parts) - 1)
    return float(np.mean(areas)), SHARED * math.sqrt(variance)


def _placements(scores: Matrix, truth: Integers, weights: Matrix) -> tuple[float, Matrix]:
    """The area under the curve of weighted rows, and by how much each row pulls it, which sums to 0 on each side."""
    pulls, area = np.empty(len(scores)), 0.0
    for side in (0, 1):
        own, other = truth == side, truth != side
        order = np.argsort(scores[other])
        ahead, behind = scores[other][order], np.concatenate([[0.0], np.cumsum(weights[other][order])])
        below, upto = (behind[np.searchsorted(ahead, scores[own], side=end)] for end in ("left", "right"))
        place = (below + upto) / 2 / behind[-1]
        share = weights[own] / weights[own].sum()
        area = float((share * place).sum())
        pulls[own] = share * (place - area)
    return area, pulls


def _falls(both: _Both, folds: list[_Fold]) -> tuple[float, ...]:
    """Permutation importance (Breiman, 2001) on unseen rows, the mean over the folds."""
    random, columns = np.random.default_rng(0), both.matrix.shape[1]
    falls = np.zeros(columns)
    for each in folds:
        # Its rows ascend, so their places are sorted as they are.
        places = np.sort(random.permutation(len(each.rows))[: SHUFFLED // FOLDS])
        rows = each.rows[places]
        truth, weights, matrix = both.truth[rows], both.weights[rows], both.matrix[rows]
        if len(np.unique(truth)) < 2:
            continue
        whole, _ = _placements(each.scores[places], truth, weights)
        order = random.permutation(len(rows))
        for start in range(0, columns, TOGETHER):
            shuffled = range(start, min(start + TOGETHER, columns))
            for column, scores in zip(shuffled, _shuffled_scores(each.model, matrix, order, shuffled), strict=True):
                area, _ = _placements(scores, truth, weights)
                falls[column] += (whole - area) / len(folds)
    return tuple(falls.tolist())


def _shuffled_scores(
    model: HistGradientBoostingClassifier, matrix: Matrix, order: Integers, columns: Sequence[int]
) -> Matrix:
    """What a model says of rows of which one column is shuffled: a line a column, all asked for at once."""
    asked = np.tile(matrix, (len(columns), 1, 1))
    for place, column in enumerate(columns):
        asked[place, :, column] = matrix[order, column]
    return probability(model, asked.reshape(-1, matrix.shape[1])).reshape(len(columns), len(matrix))


def _ratios(scores: Matrix, weights: Matrix) -> Matrix:
    """Density ratios p / (1 - p) of rows of which the classifier was shown as many of each side."""
    least = 1 / (1 + MOST_RATIO)
    kept = np.clip(scores, least, 1 - least)
    odds = kept / (1 - kept)
    mean = float((odds * weights).sum() / weights.sum())
    return np.asarray(odds / mean)
