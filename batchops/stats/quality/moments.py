"""Where the rows of each cell of the score stand, and how skewed what follows from it is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from batchops.stats.numbers.sparse import merge_sparse
from batchops.stats.outcomes.state import SCORE, NightQuality, ScoreCells
from batchops.stats.quality.window import Window

__all__ = ["score_places", "skewness"]

Floats = NDArray[np.float64]


def score_places(nights: Sequence[NightQuality], cells: ScoreCells) -> Floats:
    """By cell of the score, the mean score of all rows, labelled or not; the cell's middle without rows.

    Within the rounding error of what is summed.
    """
    size = len(cells.edges) + 1
    scores = merge_sparse([night.scores for night in nights])
    ends = np.clip(np.concatenate([[0.0], cells.edges, [1.0]]), 0.0, 1.0)
    rows = scores.floats(size, 0)
    mean = np.where(rows > 0, scores.floats(size, 1) / SCORE / np.maximum(rows, 1.0), (ends[:-1] + ends[1:]) / 2)
    return np.clip(mean, 1 / SCORE, 1 - 1 / SCORE)


def skewness(window: Window, cells: ScoreCells) -> dict[str, float]:
    """Of the calibration gap, the log loss and the Brier score of rows: third moment over the cubed deviation.

    Rows of a cell stand at its mean score. 0 where rows do not differ, or there are none.
    """
    place = score_places(window.nights, cells)
    table = merge_sparse([part.histogram for part in window.parts])
    negatives, positives = (window.factor * table.floats(len(place), side) for side in range(2))
    values = {
        "calibration_gap": (-place, 1 - place),
        "log_loss": (-np.log1p(-place), -np.log(place)),
        "brier_score": (place**2, (1 - place) ** 2),
    }
    known = np.concatenate([negatives, positives])
    return {name: _skewness(np.concatenate(each), known) for name, each in values.items()}


def _skewness(values: Floats, rows: Floats) -> float:
    total = float(rows.sum())
    if not total > 0:
        return 0.0
    centred = values - float((values * rows).sum()) / total
    square, cube = (float((rows * centred**power).sum()) / total for power in (2, 3))
    return cube / square**1.5 if square > 0 else 0.0
