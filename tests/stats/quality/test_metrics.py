import math
from collections.abc import Callable

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings, strategies as st
from numpy.typing import NDArray
from sklearn import metrics as sk

from batchops.stats import (
    METRICS,
    Estimate,
    Quality,
    ScoreCells,
    baselines,
    calibration,
    confusion,
    design_effects,
    lay_out_quality,
    lay_out_scores,
    merge_qualities,
    metrics,
    tally_quality,
)

Floats = NDArray[np.float64]
CELLS = lay_out_scores(pl.Series(np.random.default_rng(0).beta(2, 5, 50_000)))


def window(score: Floats, label: NDArray[np.bool_], nights: int = 1, cells: ScoreCells = CELLS) -> Quality:
    frame = pl.DataFrame({"score": score, "label": label})
    size = -(-frame.height // nights)
    parts = [
        tally_quality(part, f"2013-01-{night:02}", (), cells) for night, part in enumerate(frame.iter_slices(size))
    ]
    return merge_qualities(parts)


def bounds(estimate: Estimate) -> tuple[float, float]:
    assert estimate.lower is not None
    assert estimate.upper is not None
    return estimate.lower, estimate.upper


def rates(score: Floats, label: NDArray[np.bool_]) -> dict[str, float]:
    chosen = score >= 0.5
    return {
        "accuracy": sk.accuracy_score(label, chosen),
        "precision": sk.precision_score(label, chosen),
        "recall": sk.recall_score(label, chosen),
        "f1": sk.f1_score(label, chosen),
        "false_positive_rate": chosen[~label].mean(),
        "false_negative_rate": (~chosen)[label].mean(),
        "selection_rate": chosen.mean(),
        "base_rate": label.mean(),
        "error_rate": 1 - sk.accuracy_score(label, chosen),
        "specificity": (~chosen)[~label].mean(),
        "balanced_accuracy": sk.balanced_accuracy_score(label, chosen),
        "matthews_corrcoef": sk.matthews_corrcoef(label, chosen),
    }


def rare(rng: np.random.Generator) -> tuple[Floats, NDArray[np.bool_]]:
    score = rng.beta(0.7, 900, 40_000)
    return score, rng.random(40_000) < np.minimum(score * 2, 1)


def ties(rng: np.random.Generator) -> tuple[Floats, NDArray[np.bool_]]:
    score = rng.integers(0, 11, 3_000) / 10
    return score, rng.random(3_000) < score


def sure(rng: np.random.Generator) -> tuple[Floats, NDArray[np.bool_]]:
    return rng.choice([0.0, 1.0, 1e-300, 1 - 1e-16, 0.5], 2_000), rng.random(2_000) < 0.5


def usual(rng: np.random.Generator) -> tuple[Floats, NDArray[np.bool_]]:
    score = rng.beta(2, 5, 30_000)
    return score, rng.random(30_000) < score


def outside(rng: np.random.Generator) -> tuple[Floats, NDArray[np.bool_]]:
    score = rng.uniform(0.9, 1, 2_000)
    return score, rng.random(2_000) < 0.5


@pytest.mark.parametrize("nights", [1, 10])
@pytest.mark.parametrize("draw", [usual, ties, sure, outside, rare])
def test_metrics_are_scikit_learns(
    draw: Callable[[np.random.Generator], tuple[Floats, NDArray[np.bool_]]], nights: int
) -> None:
    score, label = draw(np.random.default_rng(1))
    if draw is rare:
        score[::1_000], label[::2_000] = 0.6, True
    found = metrics(window(score, label, nights), CELLS)
    for name, exact in rates(score, label).items():
        assert found[name].value == pytest.approx(float(exact), abs=1e-12)
    assert found["log_loss"].value == pytest.approx(sk.log_loss(label, score), abs=1e-8)
    assert found["brier_score"].value == pytest.approx(sk.brier_score_loss(label, score), abs=1e-9)
    assert found["mean_score"].value == pytest.approx(score.mean(), abs=1e-9)
    assert found["calibration_gap"].value == pytest.approx(label.mean() - score.mean(), abs=1e-9)
    area = found["roc_auc"]
    assert area.value == pytest.approx(sk.roc_auc_score(label, score), abs=area.error + 1e-12)
    precision = found["average_precision"]
    assert precision.value == pytest.approx(sk.average_precision_score(label, score), abs=precision.error + 1e-12)
    decided = 0 < (score >= CELLS.threshold).mean() < 1
    assert decided == (found["matthews_corrcoef"].lower is not None)
    for estimate in (each for name, each in found.items() if decided or name != "matthews_corrcoef"):
        lower, upper = bounds(estimate)
        assert estimate.value is not None
        assert lower <= estimate.value <= upper
        assert estimate.rows_independent == (nights < 8)


def test_the_area_of_rare_events_is_nearly_exact_in_cells_at_the_references_quantiles() -> None:
    score, label = rare(np.random.default_rng(2))
    cells = lay_out_scores(pl.Series(score))
    area = metrics(window(score, label, cells=cells), cells)["roc_auc"]
    assert area.value == pytest.approx(sk.roc_auc_score(label, score), abs=3e-5)
    assert area.error < 2e-4


@settings(deadline=None)
@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=30))
def test_no_window_is_too_small_or_too_strange(rows: list[tuple[float, bool]]) -> None:
    score, label = np.array([row[0] for row in rows]), np.array([row[1] for row in rows])
    found = metrics(window(score, label), CELLS)
    assert tuple(found) == METRICS
    if label.any() and not label.all():
        precision = found["average_precision"]
        assert precision.value == pytest.approx(sk.average_precision_score(label, score), abs=precision.error + 1e-12)
    area = found["roc_auc"]
    if label.all() or not label.any():
        assert area.value is None
    else:
        assert area.value == pytest.approx(sk.roc_auc_score(label, score), abs=area.error + 1e-12)
    assert found["accuracy"].value == pytest.approx((label == (score >= 0.5)).mean())
    for estimate in found.values():
        assert estimate.value is None or math.isfinite(estimate.value)
        if estimate.value is not None and estimate.lower is not None and estimate.upper is not None:
            assert estimate.lower <= estimate.value + 1e-12
            assert estimate.value <= estimate.upper + 1e-12


def test_average_precision_is_nearly_exact_in_cells_at_the_references_quantiles() -> None:
    score, label = rare(np.random.default_rng(2))
    cells = lay_out_scores(pl.Series(score))
    found = metrics(window(score, label, cells=cells), cells)["average_precision"]
    assert found.value == pytest.approx(sk.average_precision_score(label, score), rel=0.03)
    assert found.error < 0.001


@pytest.mark.parametrize("nights", [1, 10])
def test_weighted_metrics_are_scikit_learns_with_sample_weight(nights: int) -> None:
    rng = np.random.default_rng(11)
    score, label = usual(rng)
    weight = rng.exponential(3.0, len(score))
    rows = pl.DataFrame({"score": score, "label": label, "weight": weight})
    cells = lay_out_quality(rows, "binary")
    size = -(-rows.height // nights)
    parts = [tally_quality(part, f"{night}", (), cells) for night, part in enumerate(rows.iter_slices(size))]
    found = metrics(merge_qualities(parts), cells)
    chosen = score >= 0.5
    exact = {
        "accuracy": sk.accuracy_score(label, chosen, sample_weight=weight),
        "precision": sk.precision_score(label, chosen, sample_weight=weight),
        "f1": sk.f1_score(label, chosen, sample_weight=weight),
        "balanced_accuracy": sk.balanced_accuracy_score(label, chosen, sample_weight=weight),
        "matthews_corrcoef": sk.matthews_corrcoef(label, chosen, sample_weight=weight),
        "log_loss": sk.log_loss(label, score, sample_weight=weight),
        "brier_score": sk.brier_score_loss(label, score, sample_weight=weight),
        "mean_score": np.average(score, weights=weight),
        "base_rate": np.average(label, weights=weight),
        "selection_rate": np.average(chosen, weights=weight),
    }
    for name, value in exact.items():
        assert found[name].value == pytest.approx(float(value), abs=1e-7), name
        assert found[name].n == len(score) or name in ("precision", "f1")
    area, precision = found["roc_auc"], found["average_precision"]
    assert area.value == pytest.approx(sk.roc_auc_score(label, score, sample_weight=weight), abs=area.error + 1e-7)
    assert precision.value == pytest.approx(
        sk.average_precision_score(label, score, sample_weight=weight), abs=precision.error + 1e-7
    )
    lower, upper = bounds(found["accuracy"])
    effective = weight.sum() ** 2 / (weight**2).sum()
    share = exact["accuracy"]
    if nights == 1:
        assert upper - lower == pytest.approx(2 * 1.96 * math.sqrt(share * (1 - share) / effective), rel=0.01)


def test_weights_that_are_none_leave_their_rows_out() -> None:
    rows = pl.DataFrame({"score": [0.5] * 5, "label": [1] * 5, "weight": [1.0, None, -1.0, math.nan, math.inf]})
    night = tally_quality(rows, "a", (), lay_out_quality(rows, "binary")).nights["a"]
    assert (night.overall.n, night.strange_weights) == (1, 4)
    lost = tally_quality(rows.drop("weight"), "a", (), lay_out_quality(rows, "binary")).nights["a"]
    assert (lost.overall.n, lost.strange_weights) == (0, 5)


def test_given_decisions_take_the_threshold_s_place() -> None:
    rng = np.random.default_rng(12)
    score, label = usual(rng)
    decided = rng.random(len(score)) < score
    rows = pl.DataFrame({"score": score, "label": label, "prediction": decided})
    cells = lay_out_quality(rows, "binary")
    found = metrics(tally_quality(rows, "a", (), cells), cells)
    assert found["f1"].value == pytest.approx(sk.f1_score(label, decided))
    assert found["log_loss"].value == pytest.approx(sk.log_loss(label, score), abs=1e-8)
    alone = rows.drop("score")
    cells = lay_out_quality(alone, "binary")
    found = metrics(tally_quality(alone, "a", (), cells), cells)
    assert found["f1"].value == pytest.approx(sk.f1_score(label, decided))
    assert {name for name, each in found.items() if each.value is None} == {
        *("mean_score", "calibration_gap", "log_loss", "brier_score"),
        *("roc_auc", "average_precision", "expected_calibration_error"),
    }
    wrong = pl.DataFrame({"prediction": [1, 0, None, 2], "label": [1, 1, 1, 1]})
    night = tally_quality(wrong, "a", (), lay_out_quality(wrong, "binary")).nights["a"]
    assert (night.overall.n, night.missing, night.impossible) == (2, 1, 1)


def test_the_calibration_error_is_the_mean_absolute_gap_by_decile() -> None:
    score, label = usual(np.random.default_rng(13))
    score = score**2
    quality = window(score, label)
    gaps = [
        abs((cell.observed or 0) - (cell.predicted or 0)) * cell.n / len(score) for cell in calibration(quality, CELLS)
    ]
    found = metrics(quality, CELLS)["expected_calibration_error"]
    assert found.value == pytest.approx(sum(gaps), abs=1e-9)
    lower, upper = bounds(found)
    assert lower > 0.08
    assert upper < 0.2


def test_without_labels_only_the_scores_are_measured() -> None:
    quality = tally_quality(pl.DataFrame({"score": [0.2, 0.7]}), "2013-01-01", (), CELLS)
    found = metrics(quality, CELLS)
    assert {name for name, estimate in found.items() if estimate.value is not None} == {"selection_rate", "mean_score"}
    assert metrics(Quality(), CELLS)["roc_auc"].value is None
    assert set(baselines(quality, 0.2).values()) == {None}
    assert design_effects(Quality(), CELLS) == {}


def test_the_baseline_is_what_the_base_rate_alone_would_get() -> None:
    label = np.array([True] * 30 + [False] * 70)
    found = baselines(window(np.full(100, 0.4), label), 0.25)
    constant = np.full(100, 0.25)
    assert found["log_loss"] == pytest.approx(sk.log_loss(label, constant))
    assert found["brier_score"] == pytest.approx(sk.brier_score_loss(label, constant))
    assert (found["accuracy"], found["roc_auc"]) == (0.7, 0.5)


@pytest.mark.parametrize("nights", [1, 10])
def test_a_correlation_with_what_never_changes_is_0_by_convention_and_has_no_interval(nights: int) -> None:
    score, label = usual(np.random.default_rng(31))
    for scores, labels in ((score / 3, label), (score, label | True)):
        found = metrics(window(scores, labels, nights), CELLS)
        assert (found["matthews_corrcoef"].value, found["matthews_corrcoef"].lower) == (0, None)
        bounds(found["balanced_accuracy"])


@pytest.mark.parametrize("nights", [1, 10])
def test_average_precision_of_positives_alone_is_1_as_scikit_learn_says_and_has_no_interval(nights: int) -> None:
    score, label = usual(np.random.default_rng(32))
    found = metrics(window(score[label], label[label], nights), CELLS)["average_precision"]
    assert (found.value, found.lower, found.nights) == (1.0, None, nights)
    assert metrics(window(score[~label], label[~label], nights), CELLS)["average_precision"].value is None


def test_decisions_are_scikit_learns_confusion_matrix() -> None:
    score, label = usual(np.random.default_rng(3))
    found = confusion(window(score, label, 5), CELLS)
    (tn, fp), (fn, tp) = sk.confusion_matrix(label, score >= 0.5)
    assert (found.true_negatives, found.false_positives) == (tn, fp)
    assert (found.false_negatives, found.true_positives) == (fn, tp)


def test_calibration_is_the_mean_score_and_the_share_of_positives_by_decile() -> None:
    score, label = usual(np.random.default_rng(4))
    found = calibration(window(score, label, 3), CELLS)
    assert len(found) == 10
    assert sum(cell.n for cell in found) == len(score)
    for cell in found:
        held = (score >= cell.low) & (score < cell.high)
        assert cell.n == held.sum()
        assert cell.predicted == pytest.approx(score[held].mean(), abs=1e-9)
        assert cell.observed == pytest.approx(label[held].mean())
    assert all(cell.predicted is None for cell in calibration(Quality(), CELLS))


def delong(score: Floats, label: NDArray[np.bool_]) -> float:
    """Variance of the area by the pairwise definition."""
    wins = (score[label][:, None] > score[~label]) + 0.5 * (score[label][:, None] == score[~label])
    return float(wins.mean(axis=1).var(ddof=1) / label.sum() + wins.mean(axis=0).var(ddof=1) / (~label).sum())


def test_the_interval_of_one_night_is_delongs_and_widens_with_the_design_effect() -> None:
    score, label = usual(np.random.default_rng(5))
    score, label = score[:1_500], label[:1_500]
    quality = window(score, label)
    area = metrics(quality, CELLS)["roc_auc"]
    lower, upper = bounds(area)
    assert upper - lower == pytest.approx(2 * 1.959964 * math.sqrt(delong(score, label)) + 2 * area.error, rel=0.01)
    wide_lower, wide_upper = bounds(metrics(quality, CELLS, {"roc_auc": 4.0})["roc_auc"])
    assert wide_upper - wide_lower == pytest.approx(2 * (upper - lower), rel=0.02)


def test_the_area_on_few_positives_has_an_interval_inside_0_and_1_that_is_wider_than_delongs() -> None:
    score = np.linspace(0.02, 0.9, 100)
    label = np.isin(np.arange(100), (70, 90, 95, 97, 99))
    area = metrics(window(score, label), CELLS)["roc_auc"]
    lower, upper = bounds(area)
    assert upper < 1
    assert (area.value or 0) - lower > 2.5 * math.sqrt(delong(score, label)) + area.error


def test_weights_without_meaning_are_no_design_effect_of_nights() -> None:
    rng = np.random.default_rng(33)
    score, n = rng.beta(2, 5, 12_000), 12_000
    frame = pl.DataFrame({"score": score, "label": rng.random(n) < score, "weight": rng.gamma(0.5, 1, n)})
    parts = [tally_quality(part, f"{at:03}", (), CELLS) for at, part in enumerate(frame.iter_slices(200))]
    effects = design_effects(merge_qualities(parts), CELLS)
    # Kish's factor is 3 of such weights; a variance over 60 nights is off by a third at most.
    assert effects["base_rate"] < 1.6
    assert effects["roc_auc"] < 1.6


def nights_with_shocks(rng: np.random.Generator, nights: int, rows: int) -> Quality:
    """Nights whose log odds share a shock of 0.5 that the score does not know, of uneven size."""
    parts = []
    for night in range(nights):
        n = int(rows * rng.uniform(0.5, 1.5))
        score = rng.beta(2, 5, n)
        odds = np.log(score / (1 - score)) + rng.normal(0, 0.5)
        label = rng.random(n) < 1 / (1 + np.exp(-odds))
        parts.append(tally_quality(pl.DataFrame({"score": score, "label": label}), f"{night:03}", (), CELLS))
    return merge_qualities(parts)


def test_intervals_that_cluster_by_night_cover_what_those_by_row_miss() -> None:
    rng = np.random.default_rng(6)
    truth = metrics(nights_with_shocks(rng, 900, 200), CELLS)
    names = ("base_rate", "calibration_gap", "log_loss", "brier_score", "roc_auc", "f1", "recall", "average_precision")
    covered = dict.fromkeys((*names, "balanced_accuracy", "matthews_corrcoef"), 0)
    by_row = 0
    for _ in range(80):
        quality = nights_with_shocks(rng, 20, 150)
        found = metrics(quality, CELLS)
        for name in covered:
            lower, upper = bounds(found[name])
            covered[name] += lower <= (truth[name].value or 0) <= upper
        one = Quality({"all": quality.total()})
        lower, upper = bounds(metrics(one, CELLS)["calibration_gap"])
        by_row += lower <= (truth["calibration_gap"].value or 0) <= upper
    assert by_row < 55
    for name, times in covered.items():
        assert 70 <= times <= 80, name


def test_the_design_effect_of_the_reference_tells_how_a_single_night_varies() -> None:
    quality = nights_with_shocks(np.random.default_rng(7), 120, 300)
    effects = design_effects(quality, CELLS)
    assert set(effects) == set(METRICS)
    assert min(effects.values()) >= 1
    whole = metrics(quality, CELLS)["calibration_gap"].value or 0
    covered = 0
    for night in quality.nights:
        lower, upper = bounds(metrics(Quality({night: quality.nights[night]}), CELLS, effects)["calibration_gap"])
        covered += lower <= whole <= upper
    assert covered >= 106


@pytest.mark.simulation
def test_intervals_of_one_cross_section_cover_the_truth() -> None:
    rng = np.random.default_rng(14)

    def draw(n: int) -> Quality:
        score = rng.beta(2, 5, n)
        return window(score, rng.random(n) < score**1.5)

    truth, runs = metrics(draw(1_000_000), CELLS), 1_000
    covered = dict.fromkeys((*METRICS,), 0)
    for _ in range(runs):
        found = metrics(draw(500), CELLS)
        for name in covered:
            lower, upper = bounds(found[name])
            covered[name] += lower <= (truth[name].value or 0) <= upper
    for name, times in covered.items():
        # Where bins are off by about their errors, no interval of the sum of their sizes is exact.
        most = (0.99 if name == "expected_calibration_error" else 0.97) * runs
        assert 0.93 * runs < times <= most, (name, times)
