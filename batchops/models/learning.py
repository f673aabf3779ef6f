"""Learn, and find out what was learned: scores out of fold, and how much the model relies on each feature."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.metrics import roc_auc_score

from batchops.errors import ModelError
from batchops.models.encoding import Matrix
from batchops.models.scoring import probability, threads

__all__ = ["Fit", "out_of_fold", "reliance"]

Fit = Callable[[Any, Any, tuple[int, ...]], Any]
"""Takes features, labels 0/1 and the categories' positions; returns a fitted classifier."""

ROWS = 10_000

REPEATS = 3


def out_of_fold(fit: Fit, matrix: Matrix, labels: ArrayLike, folds: ArrayLike, categorical: tuple[int, ...]) -> Matrix:
    """Score every row by a model that saw no row of its fold.

    Args:
        matrix: Float64, rows x features.
        labels: 0 or 1, one a row.
        folds: One a row, such as `week_folds` gives its night.

    Returns:
        Probability of 1, float64, one a row.

    Raises:
        ModelError: Without one of the folds, all labels are alike.
    """
    scores, truth, fold_of = np.empty(len(matrix)), np.asarray(labels), np.asarray(folds)
    for fold in np.unique(fold_of):
        held = fold_of == fold
        _require_both(truth[~held])
        fitted = fit(matrix[~held], truth[~held], categorical)
        with threads(1):
            scores[held] = probability(fitted, matrix[held])
    return scores


def reliance(
    classifier: Any, matrix: Matrix, labels: ArrayLike, names: Sequence[str], seed: int = 0
) -> Mapping[str, float]:
    """Fall of roc_auc when a feature is shuffled: permutation importance (Breiman, 2001), mean of three shuffles.

    Features that tell the same thing share it: each alone looks unimportant.

    Args:
        matrix: Float64, rows x features, that the classifier was not fitted on, or what it learned by heart looks
            like what it relies on; of many rows, 10,000 are taken at random.
        labels: 0 or 1, one a row.
        names: Of the features.

    Returns:
        By feature; about 0 for one that the model does not use.

    Raises:
        ModelError: All labels are alike.
    """
    random = np.random.default_rng(seed)
    chosen = np.sort(random.permutation(len(matrix))[:ROWS])
    rows, truth = matrix[chosen], np.asarray(labels)[chosen]
    _require_both(truth)
    falls = {}
    # Many small questions: threads that wait for each other on busy cores would cost ten times more than one.
    with threads(1):
        whole = roc_auc_score(truth, probability(classifier, rows))
        for place, name in enumerate(names):
            kept = rows[:, place].copy()
            areas = []
            for _ in range(REPEATS):
                rows[:, place] = random.permutation(kept)
                areas.append(roc_auc_score(truth, probability(classifier, rows)))
            rows[:, place] = kept
            falls[name] = float(whole - np.mean(areas))
    return falls


def _require_both(labels: Any) -> None:
    if len(np.unique(labels)) != 2:
        raise ModelError("training", "all labels are alike", "Take nights that hold both outcomes")
