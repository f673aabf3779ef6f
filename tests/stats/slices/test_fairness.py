"""Groups and their largest differences against fairlearn's definitions, scipy and simulated equal groups."""

from __future__ import annotations

import itertools
from collections.abc import Mapping

import numpy as np
import polars as pl
import pytest
from scipy import stats

from batchops.stats import Fairness, Quality, fairness, merge_qualities, tally_quality
from batchops.stats.outcomes.layout import lay_out_quality, lay_out_scores
from batchops.stats.outcomes.state import ScoreCells
from batchops.stats.slices.fairness import range_tail

CELLS = lay_out_scores(pl.Series(np.random.default_rng(0).beta(2, 3, 20_000)))


def people(rng: np.random.Generator, count: int, rows: int, groups: int = 3, shift: float = 0.0) -> pl.DataFrame:
    """Nights of rows whose scores are right; the last group's scores lie ``shift`` higher."""
    frames = []
    for night in range(count):
        group = rng.integers(0, groups, rows)
        luck = rng.normal(0, 0.05) if count > 1 else 0.0
        score = np.clip(rng.beta(2, 3, rows) + luck + shift * (group == groups - 1), 0, 1)
        frames.append(
            pl.DataFrame(
                {
                    "night": [f"{night:03}"] * rows,
                    "score": score,
                    "label": rng.random(rows) < score - shift * (group == groups - 1),
                    "group": np.array(["a", "b", "c", "d", "e", "f", "g", "h"])[group],
                }
            )
        )
    return pl.concat(frames)


def counted(frame: pl.DataFrame, cells: ScoreCells = CELLS) -> Quality:
    return merge_qualities(
        [
            tally_quality(part, str(name), (("group",), ("group", "night")), cells)
            for (name,), part in frame.partition_by("night", as_dict=True).items()
        ]
    )


def only(found: tuple[Fairness, ...]) -> Fairness:
    (each,) = found
    return each


def rates(frame: pl.DataFrame, chosen: str = "score") -> Mapping[str, Mapping[str, float]]:
    """By group, what fairlearn's metrics rest on."""
    told = {}
    for (name,), part in frame.partition_by("group", as_dict=True).items():
        label, score = part["label"].to_numpy(), part[chosen].to_numpy()
        told[str(name)] = {
            "selection_rate": (score >= 0.5).mean(),
            "true_positive_rate": (score >= 0.5)[label].mean(),
            "false_positive_rate": (score >= 0.5)[~label].mean(),
            "precision": label[score >= 0.5].mean(),
            "base_rate": label.mean(),
            "calibration_gap": label.mean() - score.mean(),
        }
    return told


def test_differences_are_the_largest_less_the_smallest_as_fairlearn_has_them() -> None:
    frame = people(np.random.default_rng(1), 10, 900, shift=0.1)
    found, told = only(fairness(counted(frame), CELLS)), rates(frame)
    assert found.dimension == "group"
    for group in found.groups:
        for name, value in told[group.value].items():
            estimate = group.metrics[name]
            assert estimate.value == pytest.approx(value, abs=1e-8), name
            assert (estimate.lower or 0) < value < (estimate.upper or 0)

    def spread(name: str) -> float:
        values = [each[name] for each in told.values()]
        return max(values) - min(values)

    differences = {name: each.value for name, each in found.differences.items()}
    assert differences == pytest.approx(
        {
            "demographic_parity_difference": spread("selection_rate"),
            "equalized_odds_difference": max(spread("true_positive_rate"), spread("false_positive_rate")),
            "equal_opportunity_difference": spread("true_positive_rate"),
            "calibration_difference": spread("calibration_gap"),
        }
    )
    assert found.extremes["demographic_parity_difference"][1] == "c"


@pytest.mark.parametrize(("groups", "count", "rows"), [(2, 1, 2_000), (4, 1, 1_000), (4, 10, 400), (8, 12, 800)])
def test_equal_groups_do_not_differ_in_19_of_20_windows(groups: int, count: int, rows: int) -> None:
    rng, tries = np.random.default_rng(2), 40
    false = dict.fromkeys(("demographic_parity_difference", "equalized_odds_difference", "calibration_difference"), 0)
    names = list(false)
    for _ in range(tries):
        found = only(fairness(counted(people(rng, count, rows, groups)), CELLS)).differences
        for name in names:
            chance = found[name].chance
            assert chance is not None
            # The interval holds 0 where the chance of so large a difference of equals is above 5 %.
            assert ((found[name].lower or 0.0) > 0) == (chance(0.0) <= 0.05)
            false[name] += (found[name].lower or 0.0) > 0
    assert max(false.values()) <= stats.binom.ppf(0.999, tries, 0.05)
    assert sum(false.values()) <= stats.binom.ppf(0.999, 3 * tries, 0.05)


def test_a_difference_that_is_there_is_covered_and_found() -> None:
    rng, covered = np.random.default_rng(3), 0
    truth = rates(people(rng, 200, 2_000, shift=0.1))
    spread = max(each["selection_rate"] for each in truth.values()) - min(
        each["selection_rate"] for each in truth.values()
    )
    for _ in range(20):
        found = only(fairness(counted(people(rng, 12, 600, shift=0.1)), CELLS)).differences
        difference = found["demographic_parity_difference"]
        assert difference.chance is not None
        covered += (difference.lower or 0) <= spread <= (difference.upper or 0)
        assert difference.chance(0.02) < 0.05
        assert difference.chance(0.9) == 1.0
    assert covered >= 18


def test_two_groups_differ_as_one_difference_does() -> None:
    frame = people(np.random.default_rng(4), 1, 4_000, groups=2, shift=0.03)
    found = only(fairness(counted(frame), CELLS)).differences["calibration_difference"]
    first, second = ((part["label"].cast(float) - part["score"]).to_numpy() for part in frame.partition_by("group"))
    told = stats.ttest_ind(first, second, equal_var=False)
    assert found.chance is not None
    assert found.chance(0.0) == pytest.approx(told.pvalue, rel=0.05)
    low, high = sorted(abs(each) for each in told.confidence_interval(0.95))
    assert (found.lower, found.upper) == pytest.approx((low, high), abs=2e-4)


def test_a_group_of_which_none_is_chosen_is_not_taken_for_certain() -> None:
    frame = people(np.random.default_rng(5), 1, 400, groups=2).with_columns(
        score=pl.when(pl.col("group") == "a").then(pl.col("score") * 0.4).otherwise(pl.col("score") * 0.502)
    )
    found = only(fairness(counted(frame), CELLS))
    assert found.groups[0].metrics["selection_rate"].value == 0.0
    difference = found.differences["demographic_parity_difference"]
    assert difference.lower == 0.0
    assert difference.value is not None
    assert (difference.upper or 0) > difference.value + 0.01


def test_groups_below_the_support_and_hidden_ones_take_no_part() -> None:
    frame = people(np.random.default_rng(6), 1, 1_200)
    few = frame.head(49).with_columns(group=pl.lit("few"), score=pl.lit(0.9))
    quality = counted(pl.concat([frame, few]))
    found = only(fairness(quality, CELLS, least=10))
    groups = {group.value: group for group in found.groups}
    assert not groups["few"].compared
    assert groups["few"].metrics["selection_rate"].value == 1.0
    plain = only(fairness(counted(frame), CELLS)).differences["demographic_parity_difference"].value
    assert found.differences["demographic_parity_difference"].value == pytest.approx(plain)
    hidden = only(fairness(quality, CELLS, frozenset({(("group", "a"),), (("group", "few"),)}), least=10))
    shown = {group.value: group for group in hidden.groups}
    assert shown["a"].hidden
    assert {estimate.value for estimate in shown["a"].metrics.values()} == {None}
    assert "a" not in hidden.extremes["demographic_parity_difference"]


def test_one_group_alone_differs_from_nobody() -> None:
    frame = people(np.random.default_rng(6), 1, 600).with_columns(group=pl.lit("a"))
    found = only(fairness(counted(frame), CELLS))
    assert {difference.value for difference in found.differences.values()} == {None}


def test_without_labels_groups_are_compared_on_how_often_they_are_chosen() -> None:
    found = only(fairness(counted(people(np.random.default_rng(7), 1, 2_000).drop("label")), CELLS))
    told = {name for name, difference in found.differences.items() if difference.value is not None}
    assert told == {"demographic_parity_difference"}


def test_predicted_numbers_are_compared_by_group_on_their_mean_and_their_mean_error() -> None:
    rng = np.random.default_rng(8)
    group, label = rng.integers(0, 2, 4_000), rng.normal(100, 10, 4_000)
    frame = pl.DataFrame(
        {
            "night": "000",
            "label": label,
            "prediction": label + rng.normal(0, 1, 4_000) + 2.0 * group,
            "group": np.array(["a", "b"])[group],
        }
    )
    cells = lay_out_quality(frame, "regression")
    found = only(fairness(counted(frame, cells), cells))
    error = (frame["prediction"] - frame["label"]).to_numpy()
    difference = found.differences["mean_error_difference"]
    assert difference.value == pytest.approx(error[group == 1].mean() - error[group == 0].mean(), abs=1e-5)
    assert 1.9 < (difference.lower or 0) < (difference.upper or 0) < 2.1
    means = [group.metrics["mean_prediction"].value for group in found.groups]
    assert means == pytest.approx([frame["prediction"].filter(frame["group"] == name).mean() for name in "ab"])


@pytest.mark.parametrize(
    ("groups", "freedom", "reach"), list(itertools.product((2, 5, 60), (7, 30, np.inf), (1.5, 3.5, 6.0)))
)
def test_the_tail_of_a_range_is_tukeys(groups: int, freedom: float, reach: float) -> None:
    told = stats.studentized_range.sf(reach, groups, freedom)
    assert range_tail(reach, groups, freedom) == pytest.approx(told, rel=2e-3, abs=1e-7)
