"""Ask a fitted classifier for probabilities: the same bits for the same row, wherever it stands."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
from threadpoolctl import ThreadpoolController

from batchops.errors import ModelError
from batchops.models.encoding import Matrix

__all__ = ["BATCH", "check_classifier", "probability", "threads", "tolerance"]

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
    if tuple(getattr(classifier, "classes_", ())) != (0, 1):
        raise ModelError(where, "was not fitted on labels 0 and 1", "Fit it on rows of both outcomes")
    fitted = getattr(classifier, "n_features_in_", features)
    if fitted != features:
        raise ModelError(where, f"was fitted on {fitted} features, not {features}", "Fit it on the encoded features")


def probability(classifier: Any, matrix: Matrix) -> Matrix:
    """Probability of 1, float64, one a row; asked in batches of `BATCH` rows.

    Raises:
        ModelError: The classifier has no answer for some row, such as one with a missing value.
    """
    scores = np.empty(len(matrix))
    try:
        for start in range(0, len(matrix), BATCH):
            scores[start : start + BATCH] = classifier.predict_proba(matrix[start : start + BATCH])[:, 1]
    except ValueError as error:
        where, what = (
            f"model {type(classifier).__name__}",
            "has no answer for some rows, such as those with a missing value",
        )
        raise ModelError(where, what, "Let the contract set them aside, or fit a model that takes them") from error
    return scores


def tolerance(classifier: Any) -> float:
    """By how much a score may differ between machines: trees add the same numbers in the same order everywhere."""
    return 0.0 if isinstance(classifier, HistGradientBoostingClassifier) else LAST_BITS
