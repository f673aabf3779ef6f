"""How far predictions will be off, and who will be taken for whom, before labels come: from how such rows fared before.

Direct loss estimation: what a prediction of this size cost in the reference is what it is expected to cost now (as
NannyML's DLE, which learns the loss by a model). Of more than two classes the scores themselves say how often each
class is expected, corrected by how often they were right in the reference.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from batchops.stats.estimates.cbpe import Expected
from batchops.stats.numbers.sparse import Integers, Sparse
from batchops.stats.numbers.whole import real
from batchops.stats.outcomes.classes import FROM_MARGINS, ClassCounts, Margins, variance_by_pairs
from batchops.stats.outcomes.regression import MOMENTS, ErrorCells
from batchops.stats.outcomes.state import SCORE, NightQuality, ScoreCells

__all__ = [
    "LossCurve",
    "Transfer",
    "class_transfer",
    "expected_classes",
    "expected_errors",
    "loss_curve",
    "realised_classes",
    "realised_errors",
    "weighted_losses",
    "weighted_transfer",
]

Floats = NDArray[np.float64]

BLOCK = 100
"""Rows of the reference in which the loss of a prediction is averaged, at least."""

BLOCKS = 128


@dataclass(frozen=True, slots=True, eq=False)
class LossCurve:
    """What predictions cost, by blocks of neighbouring cells of the prediction.

    Attributes:
        block: Of each cell.
        absolute, square: Mean absolute and mean squared error, one number a block; in 2^error_exponent of the cells,
            so that no square of them is too large for a float.
        rows: Of the reference in each block; of weighted rows, how many speak.
        peak: Mean fourth power of the error over the mean squared square: how much squared errors vary.
    """

    block: Integers
    absolute: Floats
    square: Floats
    rows: Floats
    peak: float


def loss_curve(nights: Sequence[NightQuality], cells: ScoreCells) -> LossCurve | None:
    """Learn what predictions cost, from labelled nights; None without any."""
    scale = cells.errors or ErrorCells()
    size = len(scale.predictions) + 1
    rows, absolute, square = np.zeros(size), np.zeros(size), np.zeros(size)
    fourth = 0.0
    for night in nights:
        if night.errors is None or night.overall.errors is None:
            continue
        table = night.errors.predictions
        rows += table.floats(size, 0)
        absolute += _dense(table, 2, size)
        square += _dense(table, 3, size)
        fourth += real(night.overall.errors.moments[MOMENTS.index((4, 0))], -30)
    return _curve(rows, absolute, square, rows, fourth)


def weighted_losses(predictions: Floats, errors: Floats, weights: Floats, cells: ScoreCells) -> LossCurve | None:
    """The same from single rows, each as much as its weight."""
    scale = cells.errors or ErrorCells()
    edges, errors = scale.predictions, np.ldexp(errors, -scale.error_exponent)
    cell = np.searchsorted(np.array(edges), predictions, side="right")

    def total(values: Floats) -> Floats:
        return np.bincount(cell, values, minlength=len(edges) + 1).astype(np.float64)

    rows, squares = total(weights), total(weights**2)
    effective = np.divide(rows**2, squares, out=np.zeros_like(rows), where=squares > 0)
    absolute, square = total(weights * np.abs(errors)), total(weights * errors**2)
    return _curve(rows, absolute, square, effective, float((weights * errors**4).sum()))


def _curve(rows: Floats, absolute: Floats, square: Floats, speak: Floats, fourth: float) -> LossCurve | None:
    if not rows.sum():
        return None
    blocks = int(min(BLOCKS, max(1, speak.sum() // BLOCK)))
    before = np.cumsum(rows) - rows / 2
    _, block = np.unique(np.minimum((before / rows.sum() * blocks).astype(np.int64), blocks - 1), return_inverse=True)
    # A block without rows has those of the one below it.
    held = np.bincount(block, rows) > 0
    block = np.maximum(np.cumsum(held) - 1, 0)[block]
    n = np.bincount(block, rows)
    means = [np.bincount(block, each) / n for each in (absolute, square)]
    spread = float((n * means[1] ** 2).sum())
    peak = max(1.0, fourth / spread) if 0 < spread < math.inf and math.isfinite(fourth) else 1.0
    return LossCurve(block, means[0], means[1], np.maximum(np.bincount(block, speak), 1.0), peak)


def _dense(table: Sparse, measure: int, size: int) -> Floats:
    """One measure over all cells, in scales: it is kept in whole 2^-30 of them."""
    full = np.zeros(size)
    if table.cells:
        full[np.array(table.cells)] = [real(value, -30) for value in table.values[measure]]
    return full


def expected_errors(curve: LossCurve, cells: ScoreCells, night: NightQuality) -> dict[str, Expected]:
    """Mean absolute and root mean squared error to be expected of a night's predictions."""
    scale = cells.errors or ErrorCells()
    size, table = len(scale.predictions) + 1, night.scores
    if not table.cells and night.errors is not None and night.overall.labelled == night.overall.n:
        table = night.errors.predictions
    rows = table.floats(size, 0)
    n = float(rows.sum())
    if not n:
        return {}
    held = np.bincount(curve.block, rows, minlength=len(curve.rows))
    # What these rows add by luck, and what the reference's few rows leave open.
    doubt = held / n**2 + (held / n) ** 2 / curve.rows
    mean, square = (float((held * each).sum()) / n for each in (curve.absolute, curve.square))
    luck = float((doubt * (curve.square - curve.absolute**2)).sum())
    luck_of_square = float((doubt * (curve.peak - 1) * curve.square**2).sum())
    unit, unit_square = real(1, scale.error_exponent), real(1, 2 * scale.error_exponent)
    return {
        "mean_absolute_error": Expected(mean * unit, luck * unit_square),
        "root_mean_squared_error": Expected(
            math.sqrt(square) * unit, luck_of_square / (4 * square) * unit_square if square > 0 else 0.0
        ),
    }


def realised_errors(night: NightQuality, cells: ScoreCells) -> dict[str, float]:
    """The same of the labelled rows, as they came true."""
    sums, n = night.overall.errors, night.overall.labelled
    if sums is None or not n:
        return {}
    scale = cells.errors or ErrorCells()
    root = math.sqrt(real(sums.moments[MOMENTS.index((2, 0))], -30) / n) * real(1, scale.error_exponent)
    return {"mean_absolute_error": sums.absolute_sum(scale) / n, "root_mean_squared_error": root}


@dataclass(frozen=True, slots=True, eq=False)
class Transfer:
    """How the classes' scores became true classes.

    Attributes:
        factor: Share of a true class among the rows predicted as another, over the mean score it had there; a line for
            each predicted class.
        rows: Of the reference, by predicted class.
    """

    factor: Floats
    rows: Floats


def class_transfer(nights: Sequence[NightQuality], cells: ScoreCells) -> Transfer | None:
    """Learn it from labelled nights; None where no scores were counted."""
    size = len(cells.classes)
    promised, came, rows = np.zeros((size, size)), np.zeros((size, size)), np.zeros(size)
    for night in nights:
        if night.classes is not None and night.classes.expected.cells:
            promised += _expected(night.classes, size)
            came += night.classes.confusion.floats(size * size, 0).reshape(size, size).T
            rows += night.classes.predicted.floats(size, 0)
    if not rows.sum() or not came.sum():
        return None
    return _transfer(promised, came, rows, came.sum(axis=1))


def weighted_transfer(scores: Floats, labels: Floats, weights: Floats) -> Transfer:
    """The same from single rows, each as much as its weight.

    Args:
        scores: A line a class; the highest decides.
        labels: Places among the classes.
    """
    size, decided = len(scores), np.argmax(scores, axis=0)

    def total(group: Integers, values: Floats, groups: int) -> Floats:
        return np.bincount(group, values, minlength=groups).astype(np.float64)

    rows, squares = (total(decided, each, size) for each in (weights, weights**2))
    promised = np.stack([total(decided, weights * line, size) for line in scores], axis=1)
    pairs = total(decided * size + labels.astype(np.int64), weights, size * size)
    speak = np.divide(rows**2, squares, out=np.zeros(size), where=squares > 0)
    return _transfer(promised, pairs.reshape(size, size), rows, speak)


def _transfer(promised: Floats, came: Floats, rows: Floats, speak: Floats) -> Transfer:
    """From sums of scores and counts of true classes, a line for each predicted class; ``speak`` are effective rows."""
    labelled = came.sum(axis=1, keepdims=True)
    shares = np.divide(promised, rows[:, None], out=np.zeros_like(promised), where=rows[:, None] > 0)
    # Half a row more on both sides: classes that hardly ever met say little.
    factor = (came + 0.5) / (shares * labelled + 0.5)
    return Transfer(factor, speak)


def _expected(counts: ClassCounts, size: int) -> Floats:
    return counts.expected.floats(size * size, 0).reshape(size, size) / SCORE


def expected_classes(transfer: Transfer, cells: ScoreCells, night: NightQuality) -> dict[str, Expected]:
    """The metrics of the confusion matrix that the scores lead to expect."""
    size = len(cells.classes)
    if night.classes is None or not night.classes.expected.cells:
        return {}
    predicted = night.classes.predicted.floats(size, 0)
    raw = _expected(night.classes, size) * transfer.factor
    totals = raw.sum(axis=1, keepdims=True)
    confusion = np.divide(raw * predicted[:, None], totals, out=np.zeros_like(raw), where=totals > 0).T
    # The reference's rows of each predicted class leave open what its luck was.
    known = float((predicted / np.maximum(transfer.rows, 1.0) * predicted).sum()) / predicted.sum()
    found = {}
    for name, figure in FROM_MARGINS.items():
        value = float(figure(Margins.of(confusion)))
        if math.isfinite(value):
            found[name] = Expected(value, max(variance_by_pairs(figure, confusion), 0.0) * (1 + known))
    return found


def realised_classes(night: NightQuality, cells: ScoreCells) -> dict[str, float]:
    """The same of the labelled rows, as they came true."""
    size = len(cells.classes)
    if night.classes is None or not night.overall.labelled:
        return {}
    margins = Margins.of(night.classes.confusion.floats(size * size, 0).reshape(size, size))
    found = {name: float(figure(margins)) for name, figure in FROM_MARGINS.items()}
    return {name: value for name, value in found.items() if math.isfinite(value)}
