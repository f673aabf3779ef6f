"""Slices against brute force on their rows, scikit-learn and scipy; how often they cry wolf, and whether they bite."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray
from scipy import stats
from sklearn import metrics as sk
from statsmodels.stats.multitest import multipletests

from batchops.stats import (
    Alike,
    Quality,
    SliceGap,
    SliceGaps,
    SliceTest,
    design_effects,
    merge_qualities,
    night_likeness,
    slice_gaps,
    tally_quality,
)
from batchops.stats.numbers.intervals import two_sided
from batchops.stats.outcomes.layout import lay_out_quality, lay_out_scores
from batchops.stats.outcomes.state import ScoreCells

CELLS = lay_out_scores(pl.Series(np.random.default_rng(0).beta(2, 5, 20_000)))
GROUPS = 40
LOSS = SliceTest("log_loss", scale="log_loss", larger_is_worse=True)
GAP = SliceTest("calibration_gap")
Floats = NDArray[np.float64]


def nights(
    rng: np.random.Generator, count: int, shock: float = 0.0, wrong: float = 0.0, rows: int = 2_000
) -> pl.DataFrame:
    """Nights with 40 groups; the first four have ``wrong`` more positives than their scores say, others what they say.

    Every group and night has a shock of its own.
    """
    frames = []
    for night in range(count):
        group = rng.integers(0, GROUPS, rows)
        score = rng.beta(2, 5, rows)
        chance = score + rng.normal(0, shock, GROUPS)[group] + wrong * (group < 4)
        frames.append(
            pl.DataFrame(
                {
                    "night": [f"{night:03}"] * rows,
                    "score": score,
                    "label": rng.random(rows) < chance,
                    "group": [f"g{each:02}" for each in group],
                    "half": np.where(group < GROUPS / 2, "low", "high"),
                }
            )
        )
    return pl.concat(frames)


def counted(frame: pl.DataFrame, cells: ScoreCells = CELLS) -> Quality:
    return merge_qualities(
        [
            tally_quality(part, str(name), (("group",), ("half",)), cells)
            for (name,), part in frame.partition_by("night", as_dict=True).items()
        ]
    )


def of(found: SliceGaps, value: str) -> SliceGap:
    (each,) = [each for each in found.slices if each.key[-1][1] == value]
    return each


def bounds(lower: float | None, upper: float | None) -> tuple[float, float]:
    assert lower is not None
    assert upper is not None
    return lower, upper


def halves(frame: pl.DataFrame, value: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    return frame.filter(pl.col("group") == value), frame.filter(pl.col("group") != value)


def losses(frame: pl.DataFrame) -> Floats:
    score, label = frame["score"].to_numpy(), frame["label"].to_numpy()
    return -np.log(np.where(label, score, 1 - score))


def test_a_slice_is_described_by_the_metrics_of_its_rows() -> None:
    frame = nights(np.random.default_rng(1), 10)
    found = slice_gaps(counted(frame), CELLS, LOSS)
    assert (found.metric, found.tested, len(found.slices)) == ("log_loss", 41, 42)
    held, _ = halves(frame, "g07")
    label, score = held["label"].to_numpy(), held["score"].to_numpy()
    predicted = score >= 0.5
    each = of(found, "g07")
    oracles: Mapping[str, float] = {
        "base_rate": label.mean(),
        "selection_rate": predicted.mean(),
        "mean_score": score.mean(),
        "accuracy": sk.accuracy_score(label, predicted),
        "error_rate": 1 - sk.accuracy_score(label, predicted),
        "precision": sk.precision_score(label, predicted),
        "recall": sk.recall_score(label, predicted),
        "f1": sk.f1_score(label, predicted),
        "false_positive_rate": predicted[~label].mean(),
        "false_negative_rate": 1 - sk.recall_score(label, predicted),
        "log_loss": sk.log_loss(label, score),
        "brier_score": sk.brier_score_loss(label, score),
        "calibration_gap": label.mean() - score.mean(),
    }
    for name, oracle in oracles.items():
        assert each.metrics[name].value == pytest.approx(oracle, abs=1e-7), name
        lower, upper = bounds(each.metrics[name].lower, each.metrics[name].upper)
        assert lower < oracle < upper, name
    area = each.metrics["roc_auc"]
    assert area.value == pytest.approx(sk.roc_auc_score(label, score), abs=area.error)
    assert area.error < 0.01
    assert each.missed == int((label & ~predicted).sum())
    assert (each.n, each.rows, each.gap.nights) == (held.height, held.height, 10)
    assert (each.observed, each.predicted) == pytest.approx((label.mean(), score.mean()))


@pytest.mark.parametrize(
    ("metric", "mean"),
    [
        ("log_loss", losses),
        ("brier_score", lambda rows: ((rows["label"].cast(float) - rows["score"]) ** 2).to_numpy()),
        ("calibration_gap", lambda rows: (rows["label"].cast(float) - rows["score"]).to_numpy()),
        ("error_rate", lambda rows: (rows["label"] != (rows["score"] >= 0.5)).to_numpy()),
        ("selection_rate", lambda rows: (rows["score"] >= 0.5).to_numpy()),
        ("false_positive_rate", lambda rows: (rows.filter(~pl.col("label"))["score"] >= 0.5).to_numpy()),
    ],
)
def test_a_gap_is_the_slice_less_the_rest(metric: str, mean: Callable[[pl.DataFrame], Floats]) -> None:
    frame = nights(np.random.default_rng(2), 9)
    each = of(slice_gaps(counted(frame), CELLS, SliceTest(metric)), "g11")
    held, rest = halves(frame, "g11")
    assert each.gap.value == pytest.approx(mean(held).mean() - mean(rest).mean(), abs=1e-7)
    assert each.rest == pytest.approx(mean(rest).mean(), abs=1e-7)


def test_on_one_night_a_gap_of_losses_is_welchs() -> None:
    frame = nights(np.random.default_rng(3), 1, rows=4_000)
    each = of(slice_gaps(counted(frame), CELLS, LOSS), "g03")
    held, rest = (losses(rows) for rows in halves(frame, "g03"))
    told = stats.ttest_ind(held, rest, equal_var=False)
    interval = told.confidence_interval(0.95)
    assert (each.gap.lower, each.gap.upper) == pytest.approx((interval.low, interval.high), abs=2e-5)
    assert each.gap.chance is not None
    assert each.gap.chance(0.0) == pytest.approx(told.pvalue, abs=1e-4)
    assert each.gap.rows_independent


def test_over_nights_a_gap_varies_as_leaving_out_each_night_says() -> None:
    frame = nights(np.random.default_rng(4), 12, shock=0.1)
    each = of(slice_gaps(counted(frame), CELLS, GAP), "g05")

    def gap(rows: pl.DataFrame) -> float:
        held, rest = ((part["label"].cast(float) - part["score"]).to_numpy().mean() for part in halves(rows, "g05"))
        return float(held - rest)

    without = np.array([gap(frame.filter(pl.col("night") != f"{night:03}")) for night in range(12)])
    error = math.sqrt(11 / 12 * ((without - without.mean()) ** 2).sum())
    lower, upper = bounds(each.gap.lower, each.gap.upper)
    assert (upper - lower) / 2 == pytest.approx(stats.t.ppf(0.975, 11) * error, rel=1e-6)
    assert not each.gap.rows_independent


def test_of_a_slice_and_its_complement_one_is_tested_and_both_tell_the_same() -> None:
    frame = nights(np.random.default_rng(5), 12)
    for test in (LOSS, GAP):
        found = slice_gaps(counted(frame), CELLS, test)
        low, high = of(found, "low"), of(found, "high")
        assert found.tested == 41
        assert low.gap.value == pytest.approx(-(high.gap.value or 0))
        assert low.gap.lower == pytest.approx(-(high.gap.upper or 0))
        tested, twin = (low, high) if low.tested else (high, low)
        assert (tested.tested, twin.tested, twin.supported) == (True, False, True)
        assert (tested.twin, twin.twin) == (None, tested.key)
        assert twin.gap.chance is None
        if test is LOSS:
            assert (tested.gap.value or 0) > 0
        else:
            assert tested is high


def test_corrected_intervals_are_those_of_benjamini_and_yekutieli() -> None:
    test = SliceTest("calibration_gap", limit=0.03)
    found = slice_gaps(counted(nights(np.random.default_rng(3), 20, wrong=0.15)), CELLS, test)
    tested = [each for each in found.slices if each.tested]
    chances = []
    for each in tested:
        lower, upper = bounds(each.gap.lower, each.gap.upper)
        error = (upper - lower) / 2 / two_sided(0.95, 19)
        value = abs(each.gap.value or 0)
        # The chance under the nearest gap that is within the limit.
        chances.append(stats.t.sf((value - 0.03) / error, 19) + stats.t.sf((value + 0.03) / error, 19))
        assert each.gap.chance is not None
        assert each.gap.chance(0.03) == pytest.approx(min(chances[-1], 1.0))
    selected = multipletests(np.minimum(chances, 1.0), alpha=0.05, method="fdr_bh")[0]
    assert found.selected == selected.sum() >= 4
    level = 1 - 0.05 * found.selected / found.tested
    for each, is_selected in zip(tested, selected, strict=True):
        lower, upper = bounds(each.lower_corrected, each.upper_corrected)
        plain = bounds(each.gap.lower, each.gap.upper)
        assert (upper - lower) / (plain[1] - plain[0]) == pytest.approx(two_sided(level, 19) / two_sided(0.95, 19))
        assert is_selected == (lower > 0.03 or upper < -0.03)


def test_a_limit_may_be_a_share_of_what_the_rest_has() -> None:
    quality = counted(nights(np.random.default_rng(6), 10, wrong=0.3))
    relative = slice_gaps(quality, CELLS, SliceTest("log_loss", 0.1, "log_loss", larger_is_worse=True))
    wrong = of(relative, "g01")
    assert wrong.scale == pytest.approx(wrong.rest)
    assert relative.selected >= 4
    assert slice_gaps(quality, CELLS, SliceTest("log_loss", 2.0, "log_loss")).selected == 0


def test_nights_that_differ_raise_no_slice_and_a_wrong_slice_is_found() -> None:
    rng = np.random.default_rng(4)
    false, by_row, right = 0, 0, 0
    for _ in range(8):
        calm = counted(nights(rng, 20, shock=0.08))
        false += slice_gaps(calm, CELLS, GAP).selected > 0
        by_row += slice_gaps(Quality({"all": calm.total()}), CELLS, GAP).selected > 0
        wrong = slice_gaps(
            counted(nights(rng, 20, shock=0.08, wrong=0.22)), CELLS, SliceTest("calibration_gap", limit=0.1)
        )
        right += sum(bounds(of(wrong, f"g0{each}").lower_corrected, 1.0)[0] > 0.1 for each in range(4))
    assert false <= 2
    assert by_row > false
    assert right >= 24


def test_intervals_of_gaps_cover_what_they_say_with_and_without_nights() -> None:
    rng = np.random.default_rng(7)
    covered, tried = dict.fromkeys(("log_loss", "error_rate", "calibration_gap"), 0), 0
    for count, rows in ((10, 1_200), (1, 6_000)):
        for _ in range(8):
            # Labels follow the scores everywhere, so every slice's true gap is 0.
            quality = counted(nights(rng, count, rows=rows))
            for name in covered:
                gaps = [
                    each.gap for each in slice_gaps(quality, CELLS, SliceTest(name)).slices if each.key[0][0] == "group"
                ]
                covered[name] += sum((gap.lower or 0) <= 0 <= (gap.upper or 0) for gap in gaps)
            tried += GROUPS
    for name, hits in covered.items():
        assert 0.92 <= hits / tried <= 0.98, name


def test_the_area_within_a_slice_is_covered_by_its_interval_where_nights_differ() -> None:
    rng, areas = np.random.default_rng(8), []
    for _ in range(30):
        frame = nights(rng, 12, rows=600).with_columns(group=pl.lit("all"))
        # Nights on which the score is a little better or worse at telling rows apart.
        noise = rng.normal(0, 0.15, 12)[frame["night"].cast(int).to_numpy()]
        label = rng.random(frame.height) < np.clip(frame["score"].to_numpy() * (1 + noise), 0, 1)
        area = of(slice_gaps(counted(frame.with_columns(label=label)), CELLS, LOSS), "all").metrics["roc_auc"]
        areas.append((area.value or 0, *bounds(area.lower, area.upper)))
    truth = np.mean([value for value, _, _ in areas])
    covered = sum(bool(lower <= truth <= upper) for _, lower, upper in areas)
    assert covered >= 26


def test_on_one_night_the_area_within_a_slice_has_delongs_interval() -> None:
    frame = nights(np.random.default_rng(9), 1, rows=3_000)
    held = frame.filter(pl.col("half") == "low")
    area = of(slice_gaps(counted(frame), CELLS, LOSS), "low").metrics["roc_auc"]
    positive, negative = (held.filter(pl.col("label") == side)["score"].to_numpy() for side in (True, False))
    beats = (positive[:, None] > negative[None, :]).astype(float)
    error = math.sqrt(beats.mean(axis=1).var(ddof=1) / len(positive) + beats.mean(axis=0).var(ddof=1) / len(negative))
    lower, upper = bounds(area.lower, area.upper)
    assert (upper - lower) / 2 == pytest.approx(1.959964 * error + area.error, abs=2e-4)


def test_slices_below_the_support_are_listed_and_not_tested() -> None:
    frame = nights(np.random.default_rng(5), 9)
    few = pl.DataFrame(
        {"night": ["000"] * 49, "score": [0.1] * 49, "label": [True] * 49, "group": ["few"] * 49, "half": ["low"] * 49}
    )
    found = slice_gaps(counted(pl.concat([frame, few])), CELLS, LOSS)
    each = of(found, "few")
    assert (found.support, found.tested) == (50, 41)
    assert (each.n, each.supported, each.tested, each.hidden, each.observed) == (49, False, False, False, 1.0)
    assert each.gap.value is each.lower_corrected is each.rest is None
    assert each.metrics["recall"].value == 0.0


def test_a_slice_whose_rest_is_small_is_not_tested() -> None:
    frame = nights(np.random.default_rng(5), 9).with_columns(
        half=pl.when(pl.int_range(pl.len()) < 30).then(pl.lit("few")).otherwise(pl.lit("nearly all"))
    )
    found = slice_gaps(counted(frame), CELLS, LOSS)
    assert not of(found, "nearly all").supported


def test_small_slices_and_what_betrays_them_show_nothing() -> None:
    frame = nights(np.random.default_rng(5), 9).with_columns(
        half=pl.when(pl.int_range(pl.len()) < 9).then(pl.lit("few")).otherwise("half")
    )
    found = slice_gaps(counted(frame), CELLS, SliceTest("log_loss", least=10))
    few, betrayer = of(found, "few"), min((of(found, "low"), of(found, "high")), key=lambda each: each.rows)
    for each in (few, betrayer):
        assert each.hidden
        assert each.missed is each.observed is each.predicted is each.rest is None
        assert {metric.value for metric in each.metrics.values()} == {None}
    assert few.gap.value is None
    # A large one is tested all the same, in so few digits that no count can be had from them.
    assert betrayer.tested
    assert betrayer.gap.value == float(f"{betrayer.gap.value:.2g}")
    assert sum(each.hidden for each in found.slices) == 2


def test_rates_over_fewer_rows_than_may_be_shown_are_not_shown() -> None:
    frame = nights(np.random.default_rng(5), 9).with_columns(
        label=pl.when(pl.col("group") == "g00")
        .then(pl.col("label") & (pl.int_range(pl.len()) < 900))
        .otherwise("label")
    )
    metrics = of(slice_gaps(counted(frame), CELLS, SliceTest("log_loss", least=10)), "g00").metrics
    assert metrics["recall"].value is metrics["false_negative_rate"].value is None
    assert metrics["false_positive_rate"].value is not None


def test_without_labels_slices_have_rows_mean_scores_and_selection_rates() -> None:
    found = slice_gaps(counted(nights(np.random.default_rng(6), 2).drop("label")), CELLS, LOSS)
    each = of(found, "low")
    assert (found.tested, each.observed, each.gap.value, each.missed, each.supported) == (0, None, None, None, False)
    assert each.n == each.rows > 1_000
    assert each.predicted == pytest.approx(2 / 7, abs=0.02)
    assert each.metrics["mean_score"].value == pytest.approx(each.predicted)
    assert each.metrics["selection_rate"].value is not None
    assert each.metrics["log_loss"].value is None
    assert slice_gaps(Quality(), CELLS, LOSS).slices == ()


def test_a_slice_of_all_rows_has_no_rest_and_few_nights_say_that_rows_are_taken_as_independent() -> None:
    frame = nights(np.random.default_rng(7), 3).with_columns(half=pl.lit("all"))
    wide, narrow = (slice_gaps(counted(frame), CELLS, GAP, Alike(gap=alike)) for alike in (0.06, 0.0))
    assert of(wide, "all").gap.value is None
    assert not of(wide, "all").supported
    assert of(wide, "g01").gap.rows_independent
    (low, high), (least, most) = (
        bounds(of(each, "g01").gap.lower, of(each, "g01").gap.upper) for each in (wide, narrow)
    )
    assert high - low == pytest.approx(2 * (most - least), rel=0.05)


def test_one_night_is_as_uncertain_as_the_nights_of_the_reference_say() -> None:
    rng, gaps, widths = np.random.default_rng(13), [], []
    reference = counted(nights(rng, 60, shock=0.15))
    alike = night_likeness(reference, CELLS, design_effects(reference, CELLS), "calibration_gap")
    # Of what scores leave open, mean p (1 - p), the groups' own nights are this part.
    assert alike.gap == pytest.approx(0.15**2 / 0.18, rel=0.3)
    for _ in range(20):
        for each in slice_gaps(counted(nights(rng, 1, shock=0.15)), CELLS, GAP, alike).slices:
            if each.supported and each.key[0][0] == "group":
                gaps.append(each.gap.value or 0)
                widths.append(bounds(each.gap.lower, each.gap.upper)[1] - (each.gap.value or 0))
    assert len(gaps) > 300
    assert np.mean(np.abs(gaps) <= widths) == pytest.approx(0.94, abs=0.03)


def test_a_slice_of_one_night_counts_what_nights_do_to_it_alone() -> None:
    rng = np.random.default_rng(16)
    reference = counted(nights(rng, 60, shock=0.2))
    design = design_effects(reference, CELLS)
    alike = night_likeness(reference, CELLS, design, "calibration_gap")
    held = []
    for _ in range(15):
        for each in slice_gaps(counted(nights(rng, 1, shock=0.2)), CELLS, GAP, alike).slices:
            rate = each.metrics["base_rate"]
            if each.supported and each.key[0][0] == "group":
                lower, upper = bounds(rate.lower, rate.upper)
                held.append(lower <= 2 / 7 <= upper)
    # By a whole night's design effect, which shocks of 40 groups hardly move, it would be a fiftieth of this.
    assert alike.rows["base_rate"] == pytest.approx(0.2**2 / (2 / 7 * 5 / 7), rel=0.3)
    assert np.mean(held) == pytest.approx(0.95, abs=0.04)


def test_weights_count_rows_as_often_as_they_weigh() -> None:
    frame = nights(np.random.default_rng(14), 1, rows=4_000)
    twice = pl.concat([frame, frame.filter(pl.col("group") < "g20")])
    weighted = frame.with_columns(weight=pl.when(pl.col("group") < "g20").then(2.0).otherwise(1.0))
    cells = replace(CELLS, weight=1.0)
    for metric in ("log_loss", "error_rate", "calibration_gap"):
        test = SliceTest(metric)
        own, oracle = (
            of(slice_gaps(*each, test), "g30") for each in ((counted(weighted, cells), cells), (counted(twice), CELLS))
        )
        assert own.gap.value == pytest.approx(oracle.gap.value, abs=1e-9)
        assert own.metrics["recall"].value == pytest.approx(oracle.metrics["recall"].value)
        assert own.metrics["roc_auc"].value == pytest.approx(oracle.metrics["roc_auc"].value)
        assert own.n == oracle.n
        heavy, plain = (
            of(slice_gaps(*each, test), "g03") for each in ((counted(weighted, cells), cells), (counted(frame), CELLS))
        )
        assert heavy.n == plain.n
        # Rows of one weight are worth what they are, whatever it is.
        assert heavy.metrics[metric].upper == pytest.approx(plain.metrics[metric].upper, rel=0.01)


def predictions(rng: np.random.Generator, count: int, rows: int = 2_000) -> pl.DataFrame:
    """Nights of predicted numbers around 1,000, where group g00 has twice the error of the others."""
    group = rng.integers(0, 10, count * rows)
    label = rng.normal(1_000, 50, count * rows)
    return pl.DataFrame(
        {
            "night": np.repeat([f"{night:03}" for night in range(count)], rows),
            "prediction": label + rng.normal(0, np.where(group == 0, 20.0, 10.0)) + 3.0 * (group == 1),
            "label": label,
            "group": [f"g{each:02}" for each in group],
            "half": np.where(group < 5, "low", "high"),
        }
    )


def test_predicted_numbers_are_compared_on_their_errors() -> None:
    frame = predictions(np.random.default_rng(10), 10)
    cells = lay_out_quality(frame, "regression")
    test = SliceTest("root_mean_squared_error", 0.1, "root_mean_squared_error", larger_is_worse=True)
    found = slice_gaps(counted(frame, cells), cells, test)
    held, rest = ((part["prediction"] - part["label"]).to_numpy() for part in halves(frame, "g00"))
    each = of(found, "g00")
    assert each.gap.value == pytest.approx(math.sqrt((held**2).mean()) - math.sqrt((rest**2).mean()), rel=1e-5)
    assert each.metrics["mean_absolute_error"].value == pytest.approx(np.abs(held).mean(), rel=1e-5)
    assert each.metrics["mean_error"].value == pytest.approx(held.mean(), abs=1e-4)
    assert each.metrics["mean_prediction"].value == pytest.approx(
        halves(frame, "g00")[0]["prediction"].mean(), rel=1e-6
    )
    assert each.observed == pytest.approx(halves(frame, "g00")[0]["label"].mean(), rel=1e-6)
    assert each.predicted == pytest.approx(each.metrics["mean_prediction"].value, rel=1e-6)
    assert found.selected == 2
    assert sorted(key for each in found.slices for _, key in each.key if (each.lower_corrected or 0) > 0) == [
        "g00",
        "low",
    ]
    lower, upper = bounds(of(slice_gaps(counted(frame, cells), cells, SliceTest("mean_error")), "g01").gap.lower, 9.0)
    assert 2 < lower < upper


def test_on_one_night_the_spread_of_a_root_is_that_of_the_delta_method() -> None:
    rng, gaps, errors = np.random.default_rng(11), [], []
    cells = lay_out_quality(predictions(rng, 1), "regression")
    for _ in range(60):
        frame = predictions(rng, 1)
        each = of(slice_gaps(counted(frame, cells), cells, SliceTest("root_mean_squared_error")), "g04")
        gaps.append(each.gap.value or 0)
        errors.append((bounds(each.gap.lower, each.gap.upper)[1] - (each.gap.value or 0)) / 1.96)
    assert np.std(gaps) == pytest.approx(np.mean(errors), rel=0.25)


def test_more_classes_are_compared_on_log_loss_and_errors() -> None:
    rng = np.random.default_rng(12)
    chances = rng.dirichlet((2, 2, 2), 6_000)
    label = np.array([rng.choice(3, p=row) for row in chances])
    group = rng.integers(0, 4, 6_000)
    label = np.where(group == 0, rng.integers(0, 3, 6_000), label)
    frame = pl.DataFrame(
        {
            "night": "000",
            **{f"score_{name}": chances[:, at] for at, name in enumerate("abc")},
            "label": np.array(list("abc"))[label],
            "group": [f"g{each:02}" for each in group],
            "half": "all",
        }
    )
    cells = lay_out_quality(frame, "multiclass")
    found = slice_gaps(counted(frame, cells), cells, LOSS)
    own = -np.log(chances[np.arange(len(label)), label])
    assert of(found, "g00").gap.value == pytest.approx(own[group == 0].mean() - own[group != 0].mean(), abs=1e-6)
    wrong = (chances.argmax(axis=1) != label)[group == 0].mean()
    assert of(found, "g00").metrics["error_rate"].value == pytest.approx(wrong)
    assert found.selected == 1
