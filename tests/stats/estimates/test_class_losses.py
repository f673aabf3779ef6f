from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray
from sklearn.metrics import log_loss

from batchops.stats import NightQuality, ScoreCells, tally_quality
from batchops.stats.estimates.estimated import Outlook, learn
from batchops.stats.outcomes.layout import lay_out_classes
from tests.laws import obeys_the_laws

Floats = NDArray[np.float64]

NAMES = ("cat", "dog", "eel")


def drawn(rows: int, seed: int, power: float = 1.0, classes: int = 3) -> tuple[pl.DataFrame, Floats, NDArray[np.int64]]:
    """Scores, and labels as often as the scores to some power say: above 1 the scores are too shy."""
    random = np.random.default_rng(seed)
    scores = random.dirichlet(np.ones(classes), rows)
    true = scores**power / (scores**power).sum(axis=1, keepdims=True)
    label = (true.cumsum(axis=1) < random.random((rows, 1))).sum(axis=1)
    frame = pl.DataFrame({f"score_{name}": scores[:, place] for place, name in enumerate(NAMES[:classes])})
    return frame.with_columns(label=pl.Series(np.array(NAMES)[label])), scores, label


def night_of(frame: pl.DataFrame, cells: ScoreCells) -> NightQuality:
    return tally_quality(frame, "", (), cells).nights[""]


def outlook(reference: pl.DataFrame, now: pl.DataFrame) -> Outlook:
    cells = lay_out_classes(reference)
    found = learn(tally_quality(reference, "", (), cells), cells).outlook(night_of(now, cells))
    assert found is not None
    return found


def brier(scores: Floats, label: NDArray[np.int64]) -> float:
    truth = np.eye(scores.shape[1])[label]
    return float(((scores - truth) ** 2).sum(axis=1).mean()) * (0.5 if scores.shape[1] == 2 else 1.0)


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("power", [0.5, 1.0, 3.0])
def test_the_losses_that_are_expected_are_those_that_come(power: float, classes: int) -> None:
    (reference, *_), (now, scores, label) = drawn(40_000, 1, power, classes), drawn(40_000, 2, power, classes)
    found = outlook(reference, now.drop("label")).metrics
    came = {"log_loss": log_loss(label, scores, labels=range(classes)), "brier_score": brier(scores, label)}
    for name, truth in came.items():
        assert found[name].value == pytest.approx(truth, rel=0.02), name


def test_labelled_and_unlabelled_rows_of_a_night_are_expected_alike() -> None:
    (reference, *_), (now, *_) = drawn(20_000, 1), drawn(5_000, 2)
    half = now.with_columns(label=pl.when(pl.int_range(pl.len()) % 2 == 0).then("label"))
    found = [outlook(reference, each).metrics for each in (now, half, now.drop("label"))]
    for name in ("log_loss", "brier_score"):
        values = [each[name].value for each in found]
        assert values == pytest.approx([values[0]] * 3, rel=1e-9), name


def test_of_shy_scores_nobody_expects_what_they_say_themselves() -> None:
    (reference, *_), (now, scores, label) = drawn(40_000, 1, 3.0), drawn(10_000, 2, 3.0)
    told = float(-(scores * np.log(np.clip(scores, 1e-15, 1))).sum(axis=1).mean())
    came = log_loss(label, scores, labels=range(3))
    value = outlook(reference, now.drop("label")).metrics["log_loss"].value
    assert value is not None
    assert abs(value - came) < abs(told - came) / 10


@pytest.mark.slow
def test_the_bands_of_losses_hold_the_truth_at_least_95_times_of_100() -> None:
    held = {"log_loss": 0, "brier_score": 0}
    for seed in range(200):
        (reference, *_), (now, scores, label) = drawn(2_000, 2 * seed), drawn(500, 2 * seed + 1)
        found = outlook(reference, now.drop("label")).metrics
        came = {"log_loss": log_loss(label, scores, labels=range(3)), "brier_score": brier(scores, label)}
        for name, truth in came.items():
            lower, upper = found[name].lower, found[name].upper
            assert lower is not None
            assert upper is not None
            held[name] += lower <= truth <= upper
    assert min(held.values()) >= 186


def test_nights_with_and_without_labels_add_up() -> None:
    frame, *_ = drawn(60, 1)
    cells = lay_out_classes(frame)
    whole = frame.with_columns(label=pl.when(pl.int_range(pl.len()) % 3 > 0).then("label"))
    parts = [whole.head(20), whole.slice(20, 20), whole.tail(20)]
    obeys_the_laws(parts, lambda part: night_of(part, cells), pl.concat, NightQuality())
