"""Learn, and find out what was learned: scores out of fold, and how much the model relies on each feature."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.metrics import r2_score, roc_auc_score

from batchops.errors import JobError, ModelError
from batchops.models.encoding import Matrix
from batchops.models.manifest import Asked
from batchops.models.scoring import answers, check_model, threads

__all__ = ["Fit", "fitted_by", "out_of_fold", "reliance"]

Fit = Callable[[Any, Any, tuple[int, ...]], Any]
"""Takes features, labels and the categories' positions; returns a fitted classifier or regressor."""

ROWS = 10_000

REPEATS = 3

BINARY = Asked()


def out_of_fold(
    fit: Fit, matrix: Matrix, labels: ArrayLike, folds: ArrayLike, how: tuple[tuple[int, ...], Asked] = ((), BINARY)
) -> Matrix:
    """Score every row by a model that saw no row of its fold.

    Args:
        matrix: Float64, rows x features.
        labels: 0 or 1, the name of a class, or a number; one a row.
        folds: One a row, such as `week_folds` gives its night.
        how: Positions of the categorical features, and what the model is asked.

    Returns:
        As `answers` gives it. A class that stands in one fold alone is not known to the model that scores its rows.

    Raises:
        JobError: ``fit`` makes a model of another kind, or one that refuses the rows.
        ModelError: Without one of the folds, all labels are alike; or some row has no finite answer.
    """
    categorical, asked = how
    truth, fold_of = np.asarray(labels), np.asarray(folds)
    found = np.empty((len(matrix), len(asked.classes)) if asked.task == "multiclass" else len(matrix))
    for fold in np.unique(fold_of):
        held = fold_of == fold
        _require_different(truth[~held])
        fitted = fitted_by(fit, matrix[~held], truth[~held], categorical)
        check_model(fitted, asked, matrix.shape[1], whole=False)
        with threads(1):
            found[held] = answers(fitted, matrix[held], asked)
        lost = int(np.isnan(found[held].reshape(int(held.sum()), -1)).any(axis=1).sum())
        if lost:
            what = f"gives no finite number for {lost} of {int(held.sum())} rows that it was not fitted on"
            raise ModelError(f"model {type(fitted).__name__}", what, "Fit a model that does, or leave such rows out")
    return found


def fitted_by(fit: Fit, matrix: Matrix, labels: ArrayLike, categorical: tuple[int, ...]) -> Any:
    """What a job's ``fit`` makes of rows.

    Raises:
        JobError: The model that it makes takes no such rows or labels.
    """
    try:
        return fit(matrix, labels, categorical)
    except ValueError as error:
        said = str(error).partition("\n")[0][:200].rstrip(".")
        remedy = (
            "Let fit make a classifier where labels are outcomes or classes, and a regressor where they are numbers"
        )
        raise JobError("fit", f"its model refuses the training rows: {said}", remedy) from error


def reliance(
    model: Any, matrix: Matrix, labels: ArrayLike, names: Sequence[str], asked: Asked = BINARY
) -> Mapping[str, float]:
    """How much worse a model is when a feature is shuffled: permutation importance (Breiman, 2001), mean of three.

    It is the fall of roc_auc (of more than two classes the mean over classes of each against the rest), and of r2
    where numbers are predicted. Features that tell the same thing share it: each alone looks unimportant.

    Args:
        matrix: Float64, rows x features, that the model was not fitted on, or what it learned by heart looks like what
            it relies on; of many rows, 10,000 are taken at random.
        labels: As in `out_of_fold`.
        names: Of the features.

    Returns:
        By feature; about 0 for one that the model does not use.

    Raises:
        ModelError: All labels are alike.
    """
    random = np.random.default_rng(0)
    chosen = np.sort(random.permutation(len(matrix))[:ROWS])
    rows, truth = matrix[chosen], np.asarray(labels)[chosen]
    _require_different(truth)
    falls = {}
    # Many small questions: threads that wait for each other on busy cores would cost ten times more than one.
    with threads(1):
        whole = _worth(truth, answers(model, rows, asked), asked)
        for place, name in enumerate(names):
            kept = rows[:, place].copy()
            worths = []
            for _ in range(REPEATS):
                rows[:, place] = random.permutation(kept)
                worths.append(_worth(truth, answers(model, rows, asked), asked))
            rows[:, place] = kept
            falls[name] = float(whole - np.mean(worths))
    return falls


def _worth(truth: Any, found: Matrix, asked: Asked) -> float:
    """How good answers are; 1 is best."""
    if asked.task == "binary":
        return float(roc_auc_score(truth, found))
    if asked.task == "regression":
        return float(r2_score(truth, found))
    areas = [
        roc_auc_score(truth == name, found[:, place])
        for place, name in enumerate(asked.classes)
        if (truth == name).any() and (truth != name).any()
    ]
    return float(np.mean(areas))


def _require_different(labels: Any) -> None:
    if len(np.unique(labels)) < 2:
        raise ModelError("training", "all labels are alike", "Take nights that hold different outcomes")
