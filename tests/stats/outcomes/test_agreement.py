"""Every metric of every task is scikit-learn's, on whatever rows: random, tied, constant, one class, one row, weights.

Exact where it is counted, weights to 2^-26 of the largest; within the printed bound where scores are counted in cells.
What scikit-learn leaves undefined
(no predicted positive, a single class) is None.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings, strategies as st
from numpy.typing import NDArray
from sklearn import metrics as sk

from batchops.stats import (
    CLASS_METRICS,
    ERROR_METRICS,
    METRICS,
    Estimate,
    calibration,
    class_details,
    confusion,
    lay_out_quality,
    merge_qualities,
    metrics,
    tally_quality,
)
from batchops.stats.outcomes.state import Quality, ScoreCells

Floats = NDArray[np.float64]
Figure = Callable[..., Any]
NAMES = ("a", "b", "c")
UNDEFINED = math.nan

weights = st.sampled_from([0.25, 1.0, 3.0, 0.1, 40.0])
scores = st.sampled_from([0.0, 1.0, 0.5, 0.3, 0.3000001, 1e-300, 1 - 1e-16]) | st.floats(0, 1)
decided = st.tuples(scores, st.booleans(), weights)
numbers = st.sampled_from([0.0, 1.0, -1.0, 2.5, 1e-9, 300.0]) | st.floats(-1e4, 1e4)
predicted = st.tuples(numbers, numbers, weights)
classified = st.tuples(
    st.lists(st.sampled_from([0.0, 1.0, 0.2, 0.7]), min_size=3, max_size=3), st.integers(0, 2), weights
)


def shapes(row: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    """Rows of all kinds: different ones, one, and one many times."""
    return st.lists(row, min_size=1, max_size=40) | st.builds(lambda each, n: [each] * n, row, st.integers(1, 40))


def counted(rows: pl.DataFrame, cells: ScoreCells, nights: int) -> Quality:
    size = -(-rows.height // nights)
    return merge_qualities(
        [tally_quality(part, f"2013-01-{night + 1:02}", (), cells) for night, part in enumerate(rows.iter_slices(size))]
    )


def figure(measure: Figure, *sides: Any, **options: Any) -> float:
    """What scikit-learn says; not a number where it warns that there is nothing to say, or refuses."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            return float(measure(*sides, **options))
        except (ValueError, ZeroDivisionError, Warning):
            return UNDEFINED


def agrees(found: Mapping[str, Estimate], exact: Mapping[str, float], within: float) -> None:
    """Every figure is the exact one, within its bound and the rounding of what is summed, and in its interval."""
    for name, value in exact.items():
        estimate = found[name]
        if math.isnan(value):
            assert estimate.value is None, name
            continue
        assert estimate.value is not None, name
        scale = within * max(1.0, abs(value))
        assert estimate.value == pytest.approx(value, rel=0, abs=estimate.error + scale), name
        for bound, side in ((estimate.lower, -1), (estimate.upper, 1)):
            assert bound is None or side * (bound - estimate.value) >= -1e-9 * max(1.0, abs(value)), name


def binary(score: Floats, label: NDArray[np.bool_], weight: Floats | None) -> dict[str, float]:
    chosen, both = score >= 0.5, {"sample_weight": weight}

    def mean(values: NDArray[Any], held: NDArray[np.bool_] | None = None) -> float:
        held = np.ones(len(values), dtype=bool) if held is None else held
        return (
            float(np.average(values[held], weights=None if weight is None else weight[held]))
            if held.any()
            else UNDEFINED
        )

    recall, kept = mean(chosen, label), mean(~chosen, ~label)
    balanced = [each for each in (recall, kept) if not math.isnan(each)]
    return {
        "accuracy": figure(sk.accuracy_score, label, chosen, **both),
        "precision": figure(sk.precision_score, label, chosen, **both),
        "recall": figure(sk.recall_score, label, chosen, **both),
        "f1": figure(sk.f1_score, label, chosen, **both) if (label | chosen).any() else UNDEFINED,
        "false_positive_rate": mean(chosen, ~label),
        "false_negative_rate": mean(~chosen, label),
        "selection_rate": mean(chosen),
        "base_rate": mean(label),
        "mean_score": mean(score),
        "calibration_gap": mean(label - score),
        "log_loss": float(sk.log_loss(label, score, labels=[False, True], **both)),
        "brier_score": mean((label - score) ** 2),
        "error_rate": 1 - figure(sk.accuracy_score, label, chosen, **both),
        "specificity": kept,
        "balanced_accuracy": float(np.mean(balanced)),
        "matthews_corrcoef": matthews(label, chosen, weight),
        "roc_auc": figure(sk.roc_auc_score, label, score, **both) if 0 < label.mean() < 1 else UNDEFINED,
        "average_precision": figure(sk.average_precision_score, label, score, **both) if label.any() else UNDEFINED,
    }


def matthews(label: NDArray[Any], chosen: NDArray[Any], weight: Floats | None) -> float:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return float(sk.matthews_corrcoef(label, chosen, sample_weight=weight))


@settings(deadline=None, max_examples=40)
@given(shapes(decided), st.booleans(), st.sampled_from([1, 9]))
def test_metrics_of_two_classes(rows: list[tuple[float, bool, float]], weighted: bool, nights: int) -> None:
    score, label, weight = (np.array(side) for side in zip(*rows, strict=True))
    frame = pl.DataFrame({"score": score, "label": label, "weight": weight})
    frame = frame if weighted else frame.drop("weight")
    cells = lay_out_quality(frame, "binary")
    quality = counted(frame, cells, nights)
    found, exact = metrics(quality, cells), binary(score, label, weight if weighted else None)
    assert set(found) == set(METRICS) == {*exact, "expected_calibration_error"}
    agrees(found, exact, 2e-5 if weighted else 1e-7)
    if not weighted:
        made = confusion(quality, cells)
        table = [[made.true_negatives, made.false_positives], [made.false_negatives, made.true_positives]]
        assert table == sk.confusion_matrix(label, score >= 0.5, labels=[False, True]).tolist()
    gaps = [(each.observed or 0) - (each.predicted or 0) for each in calibration(quality, cells)]
    held = [each.n for each in calibration(quality, cells)]
    assert sum(held) == len(rows)
    if not weighted:
        told = found["expected_calibration_error"].value
        assert told == pytest.approx(np.abs(np.array(gaps) * held).sum() / len(rows), abs=1e-7)


def multiclass(rows: pl.DataFrame, weight: Floats | None) -> dict[str, float]:
    values = rows.select(f"score_{name}" for name in NAMES).to_numpy()
    label, chosen = rows["label"].to_numpy().astype(str), np.array(NAMES)[values.argmax(axis=1)]
    means: dict[str, float] = {}
    both = {"sample_weight": weight}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for average in ("macro", "weighted"):
            found = sk.precision_recall_fscore_support(label, chosen, average=average, zero_division=0, **both)
            means |= {f"{name}_{average}": float(found[at]) for at, name in enumerate(("precision", "recall", "f1"))}
        balanced = float(sk.balanced_accuracy_score(label, chosen, **both))
    one = len({*label.tolist(), *chosen.tolist()}) == 1
    areas = [
        figure(sk.roc_auc_score, label == name, values[:, at], **both)
        for at, name in enumerate(NAMES)
        if 0 < (label == name).mean() < 1
    ]
    true = np.array([label == name for name in NAMES]).T
    chance = np.clip(values[true], np.finfo(float).eps, 1 - np.finfo(float).eps)
    return means | {
        "accuracy": figure(sk.accuracy_score, label, chosen, **both),
        "error_rate": 1 - figure(sk.accuracy_score, label, chosen, **both),
        "balanced_accuracy": balanced,
        "matthews_corrcoef": matthews(label, chosen, weight),
        "cohen_kappa": UNDEFINED if one else figure(sk.cohen_kappa_score, label, chosen, **both),
        "log_loss": float(np.average(-np.log(chance), weights=weight)),
        "brier_score": float(np.average(((values - true) ** 2).sum(axis=1), weights=weight)),
        "roc_auc": float(np.mean(areas)) if areas else UNDEFINED,
    }


@settings(deadline=None, max_examples=40)
@given(shapes(classified), st.booleans(), st.sampled_from([1, 9]))
def test_metrics_of_more_classes(rows: list[tuple[list[float], int, float]], weighted: bool, nights: int) -> None:
    values = np.array([row[0] for row in rows]) + 1e-3
    values /= values.sum(axis=1, keepdims=True)
    frame = pl.DataFrame({f"score_{name}": values[:, at] for at, name in enumerate(NAMES)}).with_columns(
        label=pl.Series([NAMES[row[1]] for row in rows]), weight=pl.Series([row[2] for row in rows])
    )
    weight = frame["weight"].to_numpy() if weighted else None
    frame = frame if weighted else frame.drop("weight")
    cells = lay_out_quality(frame, "multiclass")
    quality = counted(frame, cells, nights)
    found, exact = metrics(quality, cells), multiclass(frame, weight)
    assert set(found) == set(CLASS_METRICS) == set(exact)
    agrees(found, exact, 2e-5 if weighted else 1e-7)
    label, chosen = frame["label"].to_numpy().astype(str), np.array(NAMES)[values.argmax(axis=1)]
    for name, own in class_details(quality, cells).items():
        one = {
            "precision": figure(sk.precision_score, label == name, chosen == name, sample_weight=weight),
            "recall": figure(sk.recall_score, label == name, chosen == name, sample_weight=weight),
            "f1": figure(sk.f1_score, label == name, chosen == name, sample_weight=weight),
            "base_rate": float(np.average(label == name, weights=weight)),
            "selection_rate": float(np.average(chosen == name, weights=weight)),
        }
        agrees(own, one if (label == name).any() or (chosen == name).any() else {}, 2e-5 if weighted else 1e-7)


def regression(label: Floats, guess: Floats, weight: Floats | None) -> dict[str, float]:
    known, both = label != 0, {"sample_weight": weight}
    share = None if weight is None else weight[known]
    flat = bool((label == label[0]).all())
    return {
        "mean_absolute_error": figure(sk.mean_absolute_error, label, guess, **both),
        "mean_squared_error": figure(sk.mean_squared_error, label, guess, **both),
        "root_mean_squared_error": figure(sk.root_mean_squared_error, label, guess, **both),
        "r2": UNDEFINED if flat else figure(sk.r2_score, label, guess, **both),
        "explained_variance": UNDEFINED if flat else figure(sk.explained_variance_score, label, guess, **both),
        "mean_absolute_percentage_error": figure(
            sk.mean_absolute_percentage_error, label[known], guess[known], sample_weight=share
        )
        if known.any()
        else UNDEFINED,
        "mean_error": float(np.average(guess - label, weights=weight)),
        "mean_label": float(np.average(label, weights=weight)),
        "mean_prediction": float(np.average(guess, weights=weight)),
        "max_error": figure(sk.max_error, label, guess),
    }


FREE_OF_UNITS = ("r2", "explained_variance", "mean_absolute_percentage_error")


def in_units(name: str, estimate: Estimate, unit: float) -> Estimate:
    """A figure of rows in another unit, told in the rows' own."""
    power = 0 if name in FREE_OF_UNITS else 2 if name == "mean_squared_error" else 1

    def told(value: float | None) -> float | None:
        for _ in range(power):
            value = None if value is None else value / unit
        return value

    value, lower, upper = (told(each) for each in (estimate.value, estimate.lower, estimate.upper))
    return replace(estimate, value=value, lower=lower, upper=upper, error=told(estimate.error) or 0.0)


@settings(deadline=None, max_examples=40)
@given(shapes(predicted), st.booleans(), st.sampled_from([1, 9]), st.sampled_from([1.0, 1e290, 1e100, 1e-140]))
def test_metrics_of_numbers(rows: list[tuple[float, float, float]], weighted: bool, nights: int, unit: float) -> None:
    label, guess, weight = (np.array(side) for side in zip(*rows, strict=True))
    frame = pl.DataFrame({"label": label * unit, "prediction": guess * unit, "weight": weight})
    frame = frame if weighted else frame.drop("weight")
    cells = lay_out_quality(frame, "regression")
    found = metrics(counted(frame, cells, nights), cells)
    exact = regression(label, guess, weight if weighted else None)
    assert set(found) == set(ERROR_METRICS) == {*exact, "median_absolute_error"}
    # Over labels so small scikit-learn divides by 2^-52 instead.
    percentage = "mean_absolute_percentage_error"
    exact[percentage] = regression(label * unit, guess * unit, weight if weighted else None)[percentage]
    if unit > 1e200 and exact["mean_squared_error"] > 0:
        # Beyond what a float holds.
        exact["mean_squared_error"] = UNDEFINED
    agrees({name: in_units(name, each, unit) for name, each in found.items()}, exact, 2e-5 if weighted else 1e-6)
    if not weighted:
        exact = {"median_absolute_error": float(sk.median_absolute_error(label, guess))}
        agrees({name: in_units(name, found[name], unit) for name in exact}, exact, 1e-6)
