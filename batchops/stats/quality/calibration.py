"""Do scores mean what they say? Mean score against what came true, and the line that would mend them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from batchops.stats.numbers.sparse import merge_sparse
from batchops.stats.numbers.whole import UNIT
from batchops.stats.outcomes.regression import ErrorCells
from batchops.stats.outcomes.state import SCORE, Quality, ScoreCells
from batchops.stats.quality.moments import score_places
from batchops.stats.quality.window import window_of

__all__ = ["CalibrationCell", "Recalibration", "calibration", "recalibration"]

Floats = NDArray[np.float64]

STEPS = 50

TENTHS = 10


@dataclass(frozen=True, slots=True)
class CalibrationCell:
    """Labelled rows whose score lies in [low, high); the last cell includes its upper end.

    Attributes:
        predicted: Mean score; None without rows.
        observed: Share of positives, of numbers the mean label; None without rows.
        label: The class whose score and rows these are; None of two classes.
    """

    low: float
    high: float
    n: int
    predicted: float | None
    observed: float | None
    label: str | None = None


@dataclass(frozen=True, slots=True)
class Recalibration:
    """The line through log odds that would mend the scores: observed = sigmoid(intercept + slope * logit(score)).

    Attributes:
        brier_score_now, brier_score: Of the scores as they are, and of the mended ones.
    """

    intercept: float
    slope: float
    brier_score_now: float
    brier_score: float


def calibration(quality: Quality, cells: ScoreCells) -> tuple[CalibrationCell, ...]:
    """Cells between the deciles of the reference's scores, lowest first, over all nights; empty ones included.

    Of more than two classes, those of each class in turn; of numbers, cells between tenths of the predictions.
    """
    if cells.task == "multiclass":
        return _by_class(quality, cells)
    if cells.task == "regression":
        return _of_numbers(quality, cells.errors or ErrorCells())
    table = quality.calibration()
    size = len(cells.calibration) + 1
    rows, positives, scores = (table.floats(size, measure) if table.cells else np.zeros(size) for measure in range(3))
    return _cells(cells.calibration, (rows, positives, scores), None)


def _cells(
    bins: Sequence[float], sums: tuple[Floats, Floats, Floats], label: str | None
) -> tuple[CalibrationCell, ...]:
    ends, (rows, positives, scores) = (0.0, *bins, 1.0), sums
    return tuple(
        CalibrationCell(
            low=ends[cell],
            high=ends[cell + 1],
            n=int(rows[cell]),
            predicted=float(scores[cell] / SCORE / rows[cell]) if rows[cell] else None,
            observed=float(positives[cell] / rows[cell]) if rows[cell] else None,
            label=label,
        )
        for cell in range(len(ends) - 1)
    )


def _of_numbers(quality: Quality, scale: ErrorCells) -> tuple[CalibrationCell, ...]:
    """Mean prediction and mean label by tenths of the reference's predictions.

    A cell of predictions stands at the mean of all its rows, labelled or not.
    """
    edges = np.array(scale.predictions)
    if not len(edges):
        return ()
    size = len(edges) + 1
    every = merge_sparse([night.scores for night in quality.nights.values()])
    labelled = merge_sparse([night.errors.predictions for night in quality.nights.values() if night.errors is not None])
    known, rows = every.floats(size, 0), labelled.floats(size, 0)
    away, error = (table.floats(size, 1) / UNIT for table in (every, labelled))
    mean = scale.centre + np.ldexp(away / np.maximum(known, 1.0), scale.label_exponent)
    ends = np.unique(edges[np.linspace(0, len(edges) - 1, TENTHS + 1).round().astype(int)])
    bins = ends[1:-1]
    wide = np.searchsorted(bins, np.concatenate(([-np.inf], edges)), side="right")
    n, predicted, errors = (
        np.bincount(wide, weights=each, minlength=len(bins) + 1)
        for each in (rows, rows * mean, np.ldexp(error, scale.error_exponent))
    )
    lows, highs = (ends[0], *bins), (*bins, ends[-1])
    # Of no rows, and of numbers that no float can hold, there is no mean.
    with np.errstate(divide="ignore", invalid="ignore"):
        means = np.stack([predicted, predicted - errors]) / n
    shown = [[float(mean) if np.isfinite(mean) else None for mean in side] for side in means]
    return tuple(
        CalibrationCell(float(lows[cell]), float(highs[cell]), int(n[cell]), shown[0][cell], shown[1][cell])
        for cell in range(len(bins) + 1)
    )


def _by_class(quality: Quality, cells: ScoreCells) -> tuple[CalibrationCell, ...]:
    counted = [night.classes.histogram for night in quality.nights.values() if night.classes is not None]
    table, start = merge_sparse(counted), 0
    total = sum(len(edges) + 1 for edges in cells.class_edges)
    if not table.cells:
        return ()
    negatives, positives, scores = (table.floats(total, measure) for measure in range(3))
    found: list[CalibrationCell] = []
    for name, edges, bins in zip(cells.classes, cells.class_edges, cells.class_bins, strict=True):
        own = slice(start, start + len(edges) + 1)
        start = own.stop
        wide = np.searchsorted(np.array(bins), np.concatenate(([-np.inf], edges)), side="right")
        rows, right, sums = (
            np.bincount(wide, weights=each[own], minlength=len(bins) + 1).astype(np.float64)
            for each in (negatives + positives, positives, scores)
        )
        found += _cells(bins, (rows, right, sums), name)
    return tuple(found)


def recalibration(quality: Quality, cells: ScoreCells) -> Recalibration | None:
    """Fit the line by maximum likelihood on the cells of the score (Cox, 1958; Platt, 1999).

    Each cell stands at the mean score of all its rows, labelled or not. None where a class or a second score is
    missing, and where the scores already tell the labels apart.
    """
    if cells.task != "binary":
        return None
    window = window_of(quality)
    table = merge_sparse([part.histogram for part in window.parts])
    size = len(cells.edges) + 1
    negatives, positives = (window.factor * table.floats(size, side) for side in range(2))
    held = negatives + positives > 0
    if not negatives.any() or not positives.any() or _apart(negatives, positives) or _apart(positives, negatives):
        return None
    score = score_places(window.nights, cells)[held]
    negatives, positives = negatives[held], positives[held]
    odds = np.log(score) - np.log1p(-score)
    line = _fit(odds, negatives, positives)
    if line is None:
        return None
    mended, n = expit(line[0] + line[1] * odds), float((negatives + positives).sum())
    now = float(window.sums["brier"].sum()) / SCORE / n
    # The spread of scores within a cell is in the first, so only what the line changes is taken from the cells.
    change = _brier(mended, negatives, positives) - _brier(score, negatives, positives)
    return Recalibration(line[0], line[1], now, max(now + change, 0.0))


def _apart(lower: Floats, upper: Floats) -> bool:
    """Whether no row of ``upper`` lies below one of ``lower``, so that the steepest line would be the best."""
    return bool(np.flatnonzero(lower)[-1] <= np.flatnonzero(upper)[0])


def _brier(score: Floats, negatives: Floats, positives: Floats) -> float:
    return float((negatives * score**2 + positives * (1 - score) ** 2).sum() / (negatives + positives).sum())


def _loss(line: Floats, odds: Floats, negatives: Floats, positives: Floats) -> float:
    value = line[0] + line[1] * odds
    return float((positives * np.logaddexp(0.0, -value) + negatives * np.logaddexp(0.0, value)).sum())


def _fit(odds: Floats, negatives: Floats, positives: Floats) -> tuple[float, float] | None:
    """Intercept and slope by Newton's method, steps halved until the loss falls."""
    n, line = negatives + positives, np.array([0.0, 1.0])
    loss = _loss(line, odds, negatives, positives)
    for _ in range(STEPS):
        share = expit(line[0] + line[1] * odds)
        rest, weight = positives - n * share, n * share * (1 - share)
        slope = np.array([rest.sum(), (rest * odds).sum()])
        curve = np.array([[weight.sum(), (weight * odds).sum()], [(weight * odds).sum(), (weight * odds**2).sum()]])
        if np.linalg.det(curve) <= 1e-12 * max(curve[0, 0] * curve[1, 1], 1e-300):
            return None
        step = np.linalg.solve(curve, slope)
        while _loss(line + step, odds, negatives, positives) > loss and np.abs(step).max() > 1e-12:
            step /= 2
        line, loss = line + step, _loss(line + step, odds, negatives, positives)
        if np.abs(step).max() < 1e-10:
            break
    return (float(line[0]), float(line[1])) if math.isfinite(loss) else None
