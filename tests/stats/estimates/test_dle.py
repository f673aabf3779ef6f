import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from batchops.stats import NightQuality, Quality, ScoreCells, merge_qualities, tally_quality
from batchops.stats.estimates.dle import loss_curve
from batchops.stats.estimates.estimated import Lesson, Outlook, WeightedRows, learn
from batchops.stats.outcomes.classes import FROM_MARGINS, Margins
from batchops.stats.outcomes.layout import lay_out_classes
from batchops.stats.outcomes.regression import lay_out_errors

Floats = NDArray[np.float64]


def numbers(prediction: Floats, rng: np.random.Generator, spread: float = 1.0) -> Floats:
    """Labels whose scatter grows with the prediction."""
    return prediction + spread * (1 + np.abs(prediction)) * rng.normal(size=len(prediction))


def cells_of(prediction: Floats, label: Floats) -> ScoreCells:
    return ScoreCells(task="regression", errors=lay_out_errors(prediction, label))


def counted(prediction: Floats, label: Floats | None, cells: ScoreCells, night: str = "") -> Quality:
    frame = pl.DataFrame({"prediction": prediction})
    return tally_quality(frame if label is None else frame.with_columns(label=pl.Series(label)), night, (), cells)


def outlook(lesson: Lesson, night: NightQuality) -> Outlook:
    found = lesson.outlook(night)
    assert found is not None
    return found


def test_larger_predictions_are_expected_to_cost_what_they_cost_before() -> None:
    rng = np.random.default_rng(0)
    before, now = rng.normal(0, 2, 30_000), rng.normal(3, 1, 3_000)
    label, came = numbers(before, rng), numbers(now, rng)
    cells = cells_of(before, label)
    found = outlook(learn(counted(before, label, cells), cells), counted(now, None, cells).nights[""])
    assert found.method == "DLE"
    truth = {
        "mean_absolute_error": np.abs(now - came).mean(),
        "root_mean_squared_error": np.sqrt(((now - came) ** 2).mean()),
    }
    assert set(found.metrics) == set(truth)
    for name, value in truth.items():
        each = found.metrics[name]
        assert each.lower is not None
        assert each.upper is not None
        assert each.lower <= value <= each.upper
        assert each.value == pytest.approx(value, rel=0.06)
        rise = found.worse[name].value
        assert rise is not None
        assert rise > 0.4


def test_an_expected_loss_is_the_mean_over_rows_of_what_their_block_cost() -> None:
    rng = np.random.default_rng(1)
    before = rng.integers(0, 40, 8_000).astype(float)
    label, now = numbers(before, rng, 0.2), rng.integers(0, 40, 500).astype(float)
    cells = cells_of(before, label)
    reference = counted(before, label, cells)
    curve = loss_curve([reference.nights[""]], cells)
    assert curve is not None
    edges = np.array(cells.errors.predictions if cells.errors else ())
    blocks = [curve.block[np.searchsorted(edges, each, side="right")] for each in (before, now)]
    by_block = [np.abs(before - label)[blocks[0] == block].mean() for block in range(blocks[0].max() + 1)]
    found = outlook(learn(reference, cells), counted(now, None, cells).nights[""])
    assert found.metrics["mean_absolute_error"].value == pytest.approx(np.array(by_block)[blocks[1]].mean(), rel=1e-7)


@pytest.mark.slow
def test_bands_of_errors_hold_the_truth_95_times_of_100() -> None:
    held = []
    for seed in range(300):
        rng = np.random.default_rng(seed)
        before, now = rng.normal(0, 2, 4_000), rng.normal(1, 2, 800)
        label, came = numbers(before, rng), numbers(now, rng)
        cells = cells_of(before, label)
        found = outlook(learn(counted(before, label, cells), cells), counted(now, None, cells).nights[""]).metrics
        error = np.abs(now - came)
        for name, value in (
            ("mean_absolute_error", error.mean()),
            ("root_mean_squared_error", (error**2).mean() ** 0.5),
        ):
            band = found[name]
            held.append(band.lower is not None and band.upper is not None and bool(band.lower <= value <= band.upper))
    assert np.mean(held) == pytest.approx(0.95, abs=0.025)


def test_errors_of_nights_that_differ_widen_the_band() -> None:
    rng = np.random.default_rng(2)
    before = rng.normal(0, 2, (40, 300))
    labels = np.array(
        [numbers(each, rng, spread) for each, spread in zip(before, rng.uniform(0.5, 2, 40), strict=True)]
    )
    cells = cells_of(before.ravel(), labels.ravel())
    nights = [
        counted(prediction, label, cells, f"2013-{1 + place // 28:02}-{1 + place % 28:02}")
        for place, (prediction, label) in enumerate(zip(before, labels, strict=True))
    ]
    now = counted(rng.normal(0, 2, 300), None, cells).nights[""]
    by_night = outlook(learn(merge_qualities(nights), cells), now).metrics["mean_absolute_error"]
    independent = outlook(learn(counted(before.ravel(), labels.ravel(), cells), cells), now).metrics[
        "mean_absolute_error"
    ]
    widths = [(each.upper or 0.0) - (each.lower or 0.0) for each in (by_night, independent)]
    assert widths[0] > 3 * widths[1]
    assert (by_night.nights, independent.rows_independent) == (40, True)


def test_weighted_errors_are_those_of_rows_like_these() -> None:
    rng = np.random.default_rng(3)
    before = rng.normal(0, 1, 20_000)
    hard = rng.random(20_000) < 0.2
    label = before + np.where(hard, 3, 1) * rng.normal(size=20_000)
    cells = cells_of(before, label)
    lesson = learn(counted(before, label, cells), cells)
    now = counted(rng.normal(0, 1, 4_000), None, cells).nights[""]
    found = lesson.weighted(now, WeightedRows(before, label, np.where(hard, 4.0, 0.25)))
    assert found is not None
    share = np.average(hard, weights=np.where(hard, 4.0, 0.25))
    expected = np.sqrt(2 / np.pi) * (3 * share + 1 - share)
    assert found.metrics["mean_absolute_error"].value == pytest.approx(expected, rel=0.05)
    plain = lesson.weighted(now, WeightedRows(before, label, np.ones(20_000)))
    assert plain is not None
    assert plain.metrics["mean_absolute_error"].value == pytest.approx(
        outlook(lesson, now).metrics["mean_absolute_error"].value, rel=0.01
    )


CLASSES = ("a", "b", "c")


def classed(n: int, tilt: float, rng: np.random.Generator, sharp: float = 1.0) -> tuple[pl.DataFrame, list[str]]:
    """Scores of three classes, and labels as often as the scores, made sharper, say."""
    raw = rng.gamma(0.6, size=(n, 3)) * np.array([1.0, 1.0, tilt])
    scores = raw / raw.sum(axis=1, keepdims=True)
    truth = scores**sharp / (scores**sharp).sum(axis=1, keepdims=True)
    places = (rng.random((n, 1)) > np.cumsum(truth, axis=1)[:, :2]).sum(axis=1)
    frame = pl.DataFrame({f"score_{name}": scores[:, place] for place, name in enumerate(CLASSES)})
    return frame, [CLASSES[place] for place in places]


@pytest.mark.parametrize("sharp", [1.0, 0.5])
def test_of_more_classes_the_confusion_is_what_the_scores_let_expect_corrected_by_what_they_came_to(
    sharp: float,
) -> None:
    rng = np.random.default_rng(4)
    before, label = classed(20_000, 1.0, rng, sharp)
    cells = lay_out_classes(before.with_columns(label=pl.Series(label)))
    lesson = learn(tally_quality(before.with_columns(label=pl.Series(label)), "", (), cells), cells)
    now, came = classed(4_000, 4.0, rng, sharp)
    found = outlook(lesson, tally_quality(now, "", (), cells).nights[""])
    truth = learn(tally_quality(now.with_columns(label=pl.Series(came)), "", (), cells), cells).realised
    assert found.method == "CBPE"
    for name in ("accuracy", "balanced_accuracy", "f1_macro"):
        assert found.metrics[name].value == pytest.approx(truth[name], abs=0.035), name
    assert {"log_loss", "brier_score"} <= found.metrics.keys()


def test_scores_that_are_right_are_taken_at_their_word() -> None:
    rng = np.random.default_rng(5)
    frame, label = classed(60_000, 1.0, rng)
    labelled = frame.with_columns(label=pl.Series(label))
    cells = lay_out_classes(labelled)
    lesson = learn(tally_quality(labelled, "", (), cells), cells)
    scores = frame.to_numpy()
    taken = scores.argmax(axis=1)
    confusion = np.stack([scores[taken == place].sum(axis=0) for place in range(3)], axis=1)
    found = outlook(lesson, tally_quality(frame, "", (), cells).nights[""])
    for name, figure in FROM_MARGINS.items():
        assert found.metrics[name].value == pytest.approx(float(figure(Margins.of(confusion))), abs=0.012), name


@pytest.mark.slow
def test_bands_of_classes_hold_the_truth_at_least_95_times_of_100() -> None:
    held = []
    for seed in range(120):
        rng = np.random.default_rng(seed)
        before, label = classed(4_000, 1.0, rng)
        labelled = before.with_columns(label=pl.Series(label))
        cells = lay_out_classes(labelled)
        lesson = learn(tally_quality(labelled, "", (), cells), cells)
        now, came = classed(800, 1.0, rng)
        night = tally_quality(now.with_columns(label=pl.Series(came)), "", (), cells)
        truth, found = learn(night, cells).realised, outlook(lesson, night.nights[""]).metrics
        bands = [(found[name], truth[name]) for name in ("accuracy", "f1_macro")]
        held += [(each.lower or 0) <= value <= (each.upper or 0) for each, value in bands]
    assert np.mean(held) >= 0.93


def test_without_scores_of_the_classes_nothing_is_expected() -> None:
    frame = pl.DataFrame({"prediction": ["a", "b", "a"], "label": ["a", "b", "b"]})
    cells = lay_out_classes(frame)
    night = tally_quality(frame, "", (), cells)
    assert learn(night, cells).outlook(night.nights[""]) is None
    scored, label = classed(50, 1.0, np.random.default_rng(6))
    known = tally_quality(scored.with_columns(label=pl.Series(label)), "", (), lay_out_classes(scored))
    assert learn(known, lay_out_classes(scored)).outlook(NightQuality()) is None
