"""What scores promise: metrics of rows whose labels are not known yet, from how often such scores came true before.

Confidence-based performance estimation: a row of calibrated score p is, on average, p of a positive and 1 - p of a
negative, so the confusion matrix, the losses and the ROC curve of unlabelled rows have expected values (NannyML's CBPE;
Białek et al., Estimating Model Performance Under Covariate Shift Without Labels, 2024). It holds as long as a score
means what it meant in the reference; it sees nothing of a world that answers otherwise.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from batchops.stats.numbers.placing import cell_of
from batchops.stats.numbers.sparse import Integers, merge_sparse
from batchops.stats.outcomes.state import LOSS, SCORE, NightQuality, ScoreCells
from batchops.stats.quality.curves import area

__all__ = [
    "Curve",
    "Expected",
    "ScoreTable",
    "cell_ends",
    "cell_losses",
    "expected_scores",
    "isotonic",
    "realised_scores",
    "score_curve",
    "weighted_curve",
]

Floats = NDArray[np.float64]

EPSILON = float(np.finfo(np.float64).eps)
"""Scores are clipped by so much before their logarithm is taken, as scikit-learn does."""


@dataclass(frozen=True, slots=True)
class Expected:
    """A metric as it is to be expected of rows without labels.

    Attributes:
        variance: Of the estimate less what will come true, if rows are independent and scores mean what they meant:
            the luck of these rows, and that of the reference's which the estimate was learned on.
        error: Bound of what counting in cells may cost.
    """

    value: float
    variance: float
    error: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class ScoreTable:
    """Rows by cell of the score.

    Attributes:
        rows: One number a cell.
        means: Mean score of each cell's rows.
        squares: Sum of the squared scores.
    """

    rows: Floats
    means: Floats
    squares: float

    @classmethod
    def of(cls, night: NightQuality, cells: ScoreCells) -> ScoreTable | None:
        """All rows of a night; None where they were not counted by score.

        Where all have labels the histogram counts them too, but not where in its cell each lies.
        """
        size, total = len(cells.edges) + 1, night.overall
        low, high = cell_ends(cells.edges)
        if night.scores.cells:
            rows, sums = night.scores.floats(size, 0), night.scores.floats(size, 1) / SCORE
        elif 0 < total.labelled == total.n:
            rows = total.histogram.floats(size, 0) + total.histogram.floats(size, 1)
            sums = rows * (low + high) / 2
        else:
            return None
        means = np.divide(sums, rows, out=np.zeros(size), where=rows > 0)
        return cls(rows, means, total.square / SCORE)


def cell_ends(edges: Sequence[float]) -> tuple[Floats, Floats]:
    """Where each cell begins and ends, between 0 and 1."""
    inner = np.array(edges, dtype=np.float64)
    return np.concatenate([[0.0], inner]), np.minimum(np.concatenate([inner, [1.0]]), 1.0)


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """How often a score came true: a step function that never falls.

    Attributes:
        chance: Share of positives, one number a cell.
        block: Which step each cell is part of.
        variance: Of the share of positives, one number a step, for independent rows.
    """

    chance: Floats
    block: Integers
    variance: Floats


def isotonic(negatives: Floats, positives: Floats, squares: Floats | None = None) -> Curve | None:
    """The share of positives as a rising function of the score, by pooling neighbours that fall (Ayer et al., 1955).

    Cells without rows belong to the step below them, the first to the one above.

    Args:
        negatives, positives: Rows by cell, or their weights.
        squares: Of weights, the sums of their squares by cell.

    Returns:
        None without rows.
    """
    rows = negatives + positives
    held = np.flatnonzero(rows > 0)
    if not len(held):
        return None
    first, sums, counts = [], [], []
    for place, positive, count in zip(held.tolist(), positives[held].tolist(), rows[held].tolist(), strict=True):
        first.append(place)
        sums.append(positive)
        counts.append(count)
        # Compared as products, so that steps of one share are pooled whatever their rounding.
        while len(sums) > 1 and sums[-2] * counts[-1] >= sums[-1] * counts[-2]:
            top, below = sums.pop(), counts.pop()
            first.pop()
            sums[-1] += top
            counts[-1] += below
    starts = np.array(first)
    block = np.maximum(np.searchsorted(starts, np.arange(len(rows)), side="right") - 1, 0)
    share, weight = np.array(sums) / np.array(counts), np.array(counts)
    effective = weight if squares is None else weight**2 / np.bincount(block, squares, minlength=len(starts))
    # A step on which all rows were positive does not prove that all will be.
    cautious = (share * effective + 0.5) / (effective + 1)
    return Curve(share[block], block, cautious * (1 - cautious) / effective)


def score_curve(nights: Sequence[NightQuality], cells: ScoreCells) -> Curve | None:
    """How often scores came true on labelled nights; None without any."""
    whole, size = merge_sparse([night.overall.histogram for night in nights]), len(cells.edges) + 1
    return isotonic(whole.floats(size, 0), whole.floats(size, 1))


def weighted_curve(scores: Floats, labels: Floats, weights: Floats, cells: ScoreCells) -> Curve | None:
    """The same from single rows, each as much as its weight."""
    size, cell = len(cells.edges) + 1, cell_of(scores, np.array(cells.edges))
    positives, every, squares = (
        np.bincount(cell, each, minlength=size).astype(np.float64)
        for each in (weights * (labels == 1), weights, weights**2)
    )
    return isotonic(every - positives, positives, squares)


def expected_scores(curve: Curve, cells: ScoreCells, night: NightQuality) -> dict[str, Expected]:
    """Every metric that can be expected of a night's scores; those that have no value are left out.

    Decisions that were given, and not made at the threshold, say nothing here: then only losses and the area.
    """
    table = ScoreTable.of(night, cells)
    if table is None or not table.rows.sum():
        return {}
    counted = _Counted(table.rows, table.rows * curve.chance, curve)
    found = {
        "roc_auc": _area(counted),
        "log_loss": _log_loss(counted, table, cells),
        "brier_score": _brier(counted, table),
    }
    if not cells.decided:
        low, _ = cell_ends(cells.edges)
        found |= _confusion(counted, (low >= cells.threshold).astype(np.float64))
    return {name: each for name, each in found.items() if each is not None}


@dataclass(frozen=True, slots=True, eq=False)
class _Counted:
    """Rows and expected positives by cell."""

    rows: Floats
    positives: Floats
    curve: Curve

    @property
    def negatives(self) -> Floats:
        return self.rows - self.positives

    def expected(self, value: float, answer: Floats, error: float = 0.0) -> Expected:
        """With the variance by the delta method.

        Args:
            answer: By how much the metric rises when a row of a cell is a positive and not a negative.
        """
        chance, curve = self.curve.chance, self.curve
        luck = float((self.rows * chance * (1 - chance) * answer**2).sum())
        pulls = np.bincount(curve.block, self.rows * answer, minlength=len(curve.variance))
        return Expected(value, luck + float((pulls**2 * curve.variance).sum()), error)


def _confusion(counted: _Counted, chosen: Floats) -> dict[str, Expected | None]:
    """Ratios of expected counts, at the threshold.

    Each is a / b with a and b linear in the labels; one more positive moves it by (da - ratio db) / b.
    """
    rows, positives, negatives = (float(each.sum()) for each in (counted.rows, counted.positives, counted.negatives))
    selected = float((counted.rows * chosen).sum())
    true = float((counted.positives * chosen).sum())
    false = selected - true
    one, none = np.ones_like(chosen), np.zeros_like(chosen)
    ratios = {
        "accuracy": (true + negatives - false, 2 * chosen - 1, rows, none),
        "precision": (true, chosen, selected, none),
        "recall": (true, chosen, positives, one),
        "f1": (2 * true, 2 * chosen, positives + selected, one),
        "false_positive_rate": (false, -chosen, negatives, -one),
        "false_negative_rate": (positives - true, 1 - chosen, positives, one),
        "selection_rate": (selected, none, rows, none),
    }
    return {
        name: counted.expected(above / below, (up - above / below * down) / below) if below > 0 else None
        for name, (above, up, below, down) in ratios.items()
    }


def _area(counted: _Counted) -> Expected | None:
    """The area under the expected ROC curve.

    One more positive beats the negatives below it, and is no negative any more that others beat.
    """
    negatives, positives = counted.negatives, counted.positives
    n, m = float(negatives.sum()), float(positives.sum())
    if n <= 0 or m <= 0:
        return None
    value, error = (float(each) for each in area(negatives, positives))
    beats = (np.cumsum(negatives) - negatives / 2) / n
    beaten = 1 - (np.cumsum(positives) - positives / 2) / m
    return counted.expected(value, (beats - value) / m - (beaten - value) / n, error)


def _log_loss(counted: _Counted, table: ScoreTable, cells: ScoreCells) -> Expected:
    """Each cell's rows are taken at their mean score; since the loss is convex, its chord bounds what that may miss."""
    n = float(table.rows.sum())
    (miss, spread), (hit, above) = (
        cell_losses(table.means, cells.edges, positive=False),
        cell_losses(table.means, cells.edges, positive=True),
    )
    value = float((counted.positives * hit + counted.negatives * miss).sum()) / n
    error = float((counted.positives * above + counted.negatives * spread).sum()) / n
    return counted.expected(value, (hit - miss) / n, error)


def cell_losses(means: Floats, edges: Sequence[float], positive: bool) -> tuple[Floats, Floats]:
    """The loss at each cell's mean score, and how far the mean loss of its rows may lie above it."""
    low, high = cell_ends(edges)

    def loss(scores: Floats) -> Floats:
        clipped = np.clip(scores, EPSILON, 1 - EPSILON)
        return -np.log(clipped if positive else 1 - clipped)

    at, start, end = loss(means), loss(low), loss(high)
    part = np.divide(means - low, high - low, out=np.zeros_like(means), where=high > low)
    return at, np.maximum(start + (end - start) * part - at, 0.0)


def _brier(counted: _Counted, table: ScoreTable) -> Expected:
    """Exact for the given chances: sum p (1 - 2 s) + sum s^2."""
    n = float(table.rows.sum())
    turn = 1 - 2 * table.means
    return counted.expected((float((counted.positives * turn).sum()) + table.squares) / n, turn / n)


def realised_scores(night: NightQuality, cells: ScoreCells) -> dict[str, float]:
    """The same metrics of the labelled rows, as they came true; those that have no value are left out."""
    total = night.overall
    if not total.labelled:
        return {}
    right, wrong, missed = total.true_positives, total.false_positives, total.false_negatives
    ratios: Mapping[str, tuple[float, float]] = {
        "accuracy": (total.correct, total.labelled),
        "precision": (right, right + wrong),
        "recall": (right, total.positives),
        "f1": (2 * right, total.positives + right + wrong),
        "false_positive_rate": (wrong, total.negatives),
        "false_negative_rate": (missed, total.positives),
        "selection_rate": (total.selected, total.n),
    }
    found = {} if cells.decided else {name: above / below for name, (above, below) in ratios.items() if below}
    found["log_loss"] = total.log_loss / LOSS / total.labelled
    found["brier_score"] = total.brier / SCORE / total.labelled
    size = len(cells.edges) + 1
    value = float(area(total.histogram.floats(size, 0), total.histogram.floats(size, 1))[0])
    return found if math.isnan(value) else {**found, "roc_auc": value}
