from __future__ import annotations

import numpy as np
import pytest
from sklearn.inspection import permutation_importance
from sklearn.metrics import roc_auc_score

from batchops.errors import ModelError
from batchops.models import Asked, Encoding, encode, out_of_fold, reliance
from tests.models.toys import FEATURES, draft, fit, labels, rows

ENCODING = draft().encoding


def test_a_row_is_scored_by_a_model_that_never_saw_its_fold() -> None:
    frame = rows(400)
    matrix, truth, folds = encode(frame, ENCODING), labels(frame), np.arange(400) // 100
    scores = out_of_fold(fit, matrix, truth, folds.tolist(), (ENCODING.categorical, Asked()))
    for fold in range(4):
        held = folds == fold
        alone = fit(matrix[~held], truth[~held], ENCODING.categorical).predict_proba(matrix[held])[:, 1]
        np.testing.assert_array_equal(scores[held], alone)


def test_the_model_relies_on_what_makes_the_label_and_not_on_noise() -> None:
    frame = rows(5000, seed=5)
    columns = (*FEATURES, "noise")
    encoding = Encoding.of(frame, columns, ("colour",))
    matrix, truth = encode(frame, encoding), labels(frame)
    fitted = fit(matrix[:2500], truth[:2500], encoding.categorical)
    falls = reliance(fitted, matrix[2500:], truth[2500:], columns)
    assert max(falls, key=lambda name: falls[name]) == "colour"
    assert abs(falls["noise"]) < 0.02
    oracle = permutation_importance(fitted, matrix[2500:], truth[2500:], scoring="roc_auc", n_repeats=5, random_state=0)
    assert list(falls.values()) == pytest.approx(list(oracle["importances_mean"]), abs=0.02)


def test_reliance_is_the_same_every_time_and_leaves_the_matrix_alone() -> None:
    frame = rows(500)
    matrix, truth = encode(frame, ENCODING), labels(frame)
    before = matrix.copy()
    first = reliance(draft().model, matrix, truth, FEATURES)
    assert reliance(draft().model, matrix, truth, FEATURES) == first
    np.testing.assert_array_equal(matrix, before)


def test_labels_that_are_all_alike_teach_nothing() -> None:
    matrix = encode(rows(20), ENCODING)
    with pytest.raises(ModelError, match="all labels are alike"):
        reliance(draft().model, matrix, [0] * 20, FEATURES)
    with pytest.raises(ModelError, match="all labels are alike"):
        out_of_fold(fit, matrix, [0] * 10 + [1] * 10, [0] * 10 + [1] * 10)


def test_scores_out_of_fold_are_worse_than_those_of_rows_already_seen() -> None:
    frame = rows(1000)
    matrix, truth = encode(frame, ENCODING), labels(frame)
    scores = out_of_fold(fit, matrix, truth, (np.arange(1000) // 200).tolist(), (ENCODING.categorical, Asked()))
    seen = draft().model.predict_proba(matrix)[:, 1]
    assert 0.5 < roc_auc_score(truth, scores) < roc_auc_score(truth, seen)
