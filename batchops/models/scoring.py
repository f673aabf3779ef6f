"""Ask a fitted model: the same bits for the same row, wherever it stands."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from threadpoolctl import ThreadpoolController

from batchops.errors import JobError, ModelError
from batchops.models.encoding import Matrix
from batchops.models.manifest import Asked

__all__ = ["BATCH", "answers", "check_model", "decisions", "probability", "threads", "tolerance"]

BATCH = 32_768
"""Rows asked for at once: 16,000 to 64,000 are equally fast, a million take half as long again."""

LAST_BITS = 1e-9

SHOWN = 5


@cache
def _controller() -> ThreadpoolController:
    return ThreadpoolController()


@contextmanager
def threads(limit: int) -> Iterator[None]:
    """Let scikit-learn use at most so many OpenMP threads in the calling thread."""
    with _controller().limit(limits=limit, user_api="openmp"):
        yield


def check_model(model: Any, asked: Asked, features: int, whole: bool = True) -> None:
    """Make sure that a fitted model answers what it is asked.

    Args:
        features: Columns of its matrix.
        whole: It was fitted on rows of all classes; False: some may be missing, as in a fold.

    Raises:
        JobError: It does not.
    """
    where = f"model {type(model).__name__}"
    kind = _wrong_kind(model, asked) or _wrong_classes(model, asked, whole)
    if kind is not None:
        raise JobError(where, *kind)
    fitted = getattr(model, "n_features_in_", features)
    if fitted != features:
        raise JobError(where, f"was fitted on {fitted} features, not {features}", "Fit it on the encoded features")


def _wrong_kind(model: Any, asked: Asked) -> tuple[str, str] | None:
    """What is wrong with the kind of model, and its remedy."""
    said = f"and the job's task is {asked.task}"
    if asked.task != "regression":
        if hasattr(model, "predict_proba"):
            return None
        return f"has no predict_proba, {said}", "Let fit return a classifier that gives probabilities"
    if hasattr(model, "classes_"):
        return f"is a classifier, {said}", "Let fit return a regressor, or give the job another task"
    if not hasattr(model, "predict"):
        return f"has no predict, {said}", "Let fit return a fitted regressor"
    return None


def _wrong_classes(model: Any, asked: Asked, whole: bool) -> tuple[str, str] | None:
    """What is wrong with the classes that a classifier tells apart, and its remedy."""
    if asked.task == "regression":
        return None
    found = tuple(getattr(model, "classes_", ()))
    if asked.task == "binary":
        wrong = found != (0, 1)
        return ("was not fitted on labels 0 and 1", "Fit it on rows of both outcomes") if wrong else None
    names = {str(name) for name in found}
    if names == {*asked.classes} or (names < {*asked.classes} and not whole):
        return None
    told = ", ".join(sorted(names)[:SHOWN]) or "nothing"
    what = f"tells {told} apart, and the labels' classes are {', '.join(asked.classes[:SHOWN])}"
    return what, "Fit it on the labels as they are given"


def answers(model: Any, matrix: Matrix, asked: Asked) -> Matrix:
    """What a model says of each row, float64; asked in batches of `BATCH` rows.

    Returns:
        Of ``binary`` the probability of 1, one a row; of ``multiclass`` that of each class, rows x classes, 0 for a
        class that the model never saw; of ``regression`` the number, one a row. Not a number where it is not finite.

    Raises:
        ModelError: The model has no answer for some row, such as one with a missing value.
        JobError: It predicts several numbers a row.
    """
    found = np.zeros((len(matrix), len(asked.classes)) if asked.task == "multiclass" else len(matrix))
    try:
        for start in range(0, len(matrix), BATCH):
            _fill(found[start : start + BATCH], model, matrix[start : start + BATCH], asked)
    except ValueError as error:
        where, what = (
            f"model {type(model).__name__}",
            "has no answer for some rows, such as those with a missing value",
        )
        raise ModelError(where, what, "Let the contract set them aside, or fit a model that takes them") from error
    found[~np.isfinite(found)] = np.nan
    return found


def probability(model: Any, matrix: Matrix) -> Matrix:
    """The answers of a classifier of two outcomes."""
    return answers(model, matrix, Asked())


def _fill(found: Matrix, model: Any, rows: Matrix, asked: Asked) -> None:
    if asked.task == "binary":
        found[:] = model.predict_proba(rows)[:, 1]
    elif asked.task == "multiclass":
        places = [asked.classes.index(str(name)) for name in model.classes_]
        found[:, places] = model.predict_proba(rows)
    else:
        numbers = np.asarray(model.predict(rows)).reshape(len(rows), -1)
        if numbers.shape[1] != 1:
            what = f"answers with {numbers.shape[1]} numbers a row"
            raise JobError(f"model {type(model).__name__}", what, "Fit it on one number a row, as the labels are given")
        found[:] = numbers[:, 0]


def decisions(scores: Matrix, asked: Asked, threshold: float) -> NDArray[np.int64]:
    """What follows from answers: which side of the threshold, which class; of numbers nothing more."""
    if asked.task == "multiclass":
        return np.asarray(np.argmax(scores, axis=1), dtype=np.int64)
    return (scores >= threshold if asked.task == "binary" else np.zeros(len(scores))).astype(np.int64)


def tolerance(model: Any) -> float:
    """By how much a score may differ between machines: trees add the same numbers in the same order everywhere."""
    trees = isinstance(model, HistGradientBoostingClassifier | HistGradientBoostingRegressor)
    return 0.0 if trees else LAST_BITS
