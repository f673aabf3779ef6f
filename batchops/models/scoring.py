"""Ask a fitted classifier for probabilities: the same bits for the same row, wherever it stands."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from functools import cache
from typing import Any

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier
from threadpoolctl import ThreadpoolController

from batchops.errors import ModelError
from batchops.models.encoding import Matrix

__all__ = ["BATCH", "check_classifier", "probability", "threads", "tolerance", "without_recoding"]

BATCH = 32_768
"""Rows asked for at once: 16,000 to 64,000 are equally fast, a million take half as long again."""

LAST_BITS = 1e-9


@cache
def _controller() -> ThreadpoolController:
    return ThreadpoolController()


@contextmanager
def threads(limit: int) -> Iterator[None]:
    """Let scikit-learn use at most so many OpenMP threads in the calling thread."""
    with _controller().limit(limits=limit, user_api="openmp"):
        yield


def check_classifier(classifier: Any, features: int) -> None:
    """Make sure that a fitted model answers with the probability of 1 against 0.

    Raises:
        ModelError: It does not.
    """
    where = f"model {type(classifier).__name__}"
    if not hasattr(classifier, "predict_proba"):
        raise ModelError(where, "has no predict_proba", "Fit a classifier that gives probabilities")
    if [float(each) for each in getattr(classifier, "classes_", ())] != [0.0, 1.0]:
        raise ModelError(where, "was not fitted on labels 0 and 1", "Fit it on rows of both outcomes")
    fitted = getattr(classifier, "n_features_in_", features)
    if fitted != features:
        raise ModelError(where, f"was fitted on {fitted} features, not {features}", "Fit it on the encoded features")


def probability(classifier: Any, matrix: Matrix) -> Matrix:
    """Probability of 1, float64, one a row; asked in batches of `BATCH` rows."""
    scores = np.empty(len(matrix))
    for start in range(0, len(matrix), BATCH):
        scores[start : start + BATCH] = classifier.predict_proba(matrix[start : start + BATCH])[:, 1]
    return scores


def tolerance(classifier: Any) -> float:
    """By how much a score may differ between machines: trees add the same numbers in the same order everywhere."""
    return 0.0 if isinstance(classifier, HistGradientBoostingClassifier) else LAST_BITS


def without_recoding(classifier: Any, categorical: tuple[int, ...]) -> tuple[Any, tuple[int, ...]] | None:
    """The same trees, without the step that maps codes 0, 1, 2... to themselves and takes a third of the time.

    Boosting with categories passes its input through an ordinal encoder, which puts them first. Where our codes
    are already what it would make of them, that step can go. It is private to scikit-learn, so whoever uses the
    result proves it equal first.

    Returns:
        A classifier, and the order in which it wants the features; None where the step is needed or is not known.
    """
    step = getattr(classifier, "_preprocessor", None)
    if not isinstance(classifier, HistGradientBoostingClassifier) or not isinstance(step, ColumnTransformer):
        return None
    for categories in step.named_transformers_["encoder"].categories_:
        known = categories[~np.isnan(categories)]
        if not np.array_equal(known, np.arange(len(known))):
            return None
    bare = copy(classifier)
    bare._preprocessor = None
    others = tuple(place for place in range(classifier.n_features_in_) if place not in categorical)
    return bare, (*categorical, *others)
