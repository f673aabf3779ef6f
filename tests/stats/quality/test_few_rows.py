"""Intervals of few rows and of single nights are as open as those leave them."""

import math

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray
from statsmodels.stats.proportion import proportion_confint

from batchops.stats import design_effects, lay_out_quality, metrics, tally_quality
from tests.stats.quality.test_metrics import CELLS, Floats, bounds, window


def test_an_area_of_0_or_1_on_few_rows_is_as_open_as_they_leave_it() -> None:
    label = np.arange(60) >= 55
    score = np.linspace(0.05, 0.3, 60) + 0.5 * label
    for truth, nights in ((label, 1), (~label, 1), (label, 10)):
        found = metrics(window(score, truth) if nights == 1 else window(*apart(nights), nights), CELLS)["roc_auc"]
        lower, upper = bounds(found)
        assert found.value in (0.0, 1.0)
        assert upper - lower > (0.2 if nights == 1 else 0.02)
        assert (lower, upper)[int(found.value or 0)] == found.value
    precision = metrics(window(score, label), CELLS)["average_precision"]
    assert precision.value == 1.0
    assert bounds(precision)[0] == pytest.approx(5 / (5 + 1.96**2), abs=precision.error + 0.01)


def apart(nights: int) -> tuple[Floats, NDArray[np.bool_]]:
    """Nights of which every one has the same scores, told apart without a fault."""
    label = np.tile(np.arange(20) >= 18, nights)
    return np.tile(np.linspace(0.05, 0.3, 20), nights) + 0.5 * label, label


def test_the_interval_of_an_area_on_ten_positives_holds_it() -> None:
    # Two normals 2.326 apart: Phi(2.326 / sqrt 2) = .95. By the logit and DeLong's variance alone 89 % held it.
    rng, held, runs = np.random.default_rng(3), 0, 300
    label = np.arange(400) < 10
    for _ in range(runs):
        score = 1 / (1 + np.exp(2 - rng.normal(size=400) - 2.326 * label))
        lower, upper = bounds(metrics(window(score, label), CELLS)["roc_auc"])
        held += lower <= 0.95 <= upper
    assert held >= 0.935 * runs


def test_a_single_night_is_as_uncertain_as_single_nights_miss_the_average_precision_of_all() -> None:
    rng, nights, rows = np.random.default_rng(4), 60, 300
    score = rng.beta(2, 5, nights * rows)
    # Nights of many positives and of few: precision among few is another figure.
    chance = np.clip(score * np.repeat(rng.choice([0.3, 1.7], nights), rows), 0, 1)
    label = rng.random(len(score)) < chance
    design = design_effects(window(score, label, nights), CELLS)
    whole = metrics(window(score, label), CELLS)["average_precision"].value
    held = 0
    for night in range(nights):
        part = slice(night * rows, (night + 1) * rows)
        lower, upper = bounds(metrics(window(score[part], label[part]), CELLS, design)["average_precision"])
        held += lower <= (whole or 0) <= upper
    assert held >= 0.9 * nights


def test_a_loss_that_few_rows_make_is_more_open_upwards() -> None:
    """Of one score for all, it is a share of rows by other names, and has Wilson's interval."""
    score, rows, hits = 0.03, 400, 8
    label = np.arange(rows) < hits
    share = proportion_confint(hits, rows, method="wilson")
    losses = {"log_loss": (-math.log(1 - score), -math.log(score)), "brier_score": (score**2, (1 - score) ** 2)}
    for name, (of_negatives, of_positives) in losses.items():
        found = metrics(window(np.full(rows, score), label), CELLS)[name]
        lower, upper = bounds(found)
        assert found.value is not None
        assert upper - found.value > 1.2 * (found.value - lower) > 0
        of_shares = [of_negatives + each * (of_positives - of_negatives) for each in share]
        assert (lower, upper) == pytest.approx(of_shares, rel=0.01)


def test_weights_add_noise_to_a_calibration_error_which_its_interval_leaves_room_for() -> None:
    rng, held, runs = np.random.default_rng(5), 0, 150
    cells = lay_out_quality(pl.DataFrame({"score": rng.beta(2, 5, 20_000), "weight": 1.0}), "binary")
    for _ in range(runs):
        score = rng.beta(2, 5, 400)
        frame = pl.DataFrame({"score": score, "label": rng.random(400) < score, "weight": rng.pareto(2.5, 400) + 0.1})
        found = metrics(tally_quality(frame, "", (), cells), cells)["expected_calibration_error"]
        held += bounds(found)[0] == 0
    assert held >= 0.96 * runs
