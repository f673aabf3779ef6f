"""The mean absolute gap between scores and what came true (Naeini, Cooper & Hauskrecht, 2015), with its interval."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from batchops.stats.numbers.intervals import (
    ENOUGH_NIGHTS,
    NOT_MEASURED,
    Estimate,
    entity_spreads,
    night_changes,
)
from batchops.stats.numbers.maxima import sum_of_sizes
from batchops.stats.outcomes.state import SCORE
from batchops.stats.quality.ratios import calibration_gap, judged
from batchops.stats.quality.window import Window

__all__ = ["calibration_effect", "calibration_error"]

Floats = NDArray[np.float64]


def calibration_error(window: Window, size: int, design: tuple[float, float]) -> Estimate:
    """The mean over bins of the score of the absolute gap, by rows.

    Over eight nights or more the bins' gaps vary together as they do between nights. Over fewer they vary as rows do,
    and by as much more as the design effects say: all together by that of the gap of all rows, since what a night does
    is taken to move all log odds alike, which moves each bin by its share of p (1 - p); each by itself by the rest.
    Entities are taken to move the bins in the same way.

    Args:
        window: Its nights.
        size: Number of bins.
        design: Design effects of the gap of all rows, and of the bins' gaps, for windows of fewer than eight nights.
    """
    tables = _tables(window, size)
    rows, nights = tables[:, 0], len(tables)
    gaps, n = tables[:, 1] - tables[:, 2] / SCORE, float(rows.sum())
    if not n > 0:
        return NOT_MEASURED
    values, alone = gaps.sum(axis=0) / n, _of_rows(tables.sum(axis=0)) * window.effect
    total, by_night = float(alone.sum()), nights >= ENOUGH_NIGHTS
    moved = alone / total if total > 0 else alone
    together, entities = _entities(window, None if by_night else total)
    if by_night:
        covariance, freedom = _between_nights(gaps, rows), nights - 1.0
    else:
        together += max(design[0] - 1, 0.0) * total
        beside = max(1.0, design[1] - max(design[0] - 1, 0.0) * float((moved**2).sum()))
        covariance, freedom = beside * np.diag(alone), math.inf
    lower, upper = sum_of_sizes(values, covariance + together * np.outer(moved, moved), freedom)
    return Estimate(
        float(np.abs(values).sum()),
        lower,
        min(upper, 1.0),
        int(judged(window.rows).sum()),
        nights,
        rows_independent=not by_night and not entities,
        entities=entities,
    )


def calibration_effect(window: Window, size: int) -> float | None:
    """By how much the variance of the bins' gaps between nights exceeds that of independent rows, over all bins.

    At least 1; None: not known.
    """
    tables = _tables(window, size)
    if len(tables) < ENOUGH_NIGHTS:
        return None
    alone = float(_of_rows(tables.sum(axis=0)).sum()) * window.effect
    between = float(np.trace(_between_nights(tables[:, 1] - tables[:, 2] / SCORE, tables[:, 0])))
    return max(1.0, between / alone) if alone > 0 else None


def _tables(window: Window, size: int) -> Floats:
    """Of the nights that have labels and scores, by night, measure and bin: rows, positives, sum of scores."""
    held = [window.nights[place].calibration for place in window.judged]
    return window.measures(held, size, 3) if held else np.zeros((0, 3, size))


def _of_rows(whole: Floats) -> Floats:
    """The variance of each bin's part of the mean gap, rows being independent.

    A bin of few rows may lack positives by luck: their share is taken to be the mean of what was seen and of the score.
    """
    rows, positives, scores = whole[0], whole[1], whole[2] / SCORE
    share = (positives + scores) / 2 / np.maximum(rows, 1e-300)
    return np.asarray(rows * np.maximum(share * (1 - share), 0.0) / rows.sum() ** 2)


def _between_nights(gaps: Floats, rows: Floats) -> Floats:
    """The covariance of the bins' parts of the mean gap, from how nights differ."""
    changes = night_changes(gaps, rows.sum(axis=1, keepdims=True))
    return np.asarray(changes.T @ changes)


def _entities(window: Window, independent: float | None) -> tuple[float, int]:
    """What entities add to the variance of the gap of all rows, and how many groups of them there are.

    Args:
        independent: The variance of independent rows; None where nights are counted.
    """
    if window.entities is None:
        return 0.0, 0
    sums = window.entities.sums
    spreads = entity_spreads(calibration_gap(sums), judged(sums))
    if spreads is None:
        return 0.0, 0
    groups, cells, number = spreads
    return max(0.0, groups.variance - (cells.variance if independent is None else independent)), number
