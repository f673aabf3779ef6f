"""From counted slices to what is judged of them and what audit.json says: small cells say nothing anywhere."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest

from batchops import codec
from batchops.audit import Audit, Comparison, Reference, compare_audits
from batchops.audit.groups import SlicePart
from batchops.audit.slicing import fairness_figures, fairness_parts, slice_figures, slices_parts, slicing_part
from batchops.errors import ConfigError
from batchops.stats import lay_out, lay_out_scores, merge_qualities, tally_quality
from batchops.verdict import DEFAULT_LIMITS, PRIMARY, Finding, Limit, Policy, Severity, judge

CELLS = lay_out_scores(pl.Series(np.random.default_rng(0).beta(2, 3, 20_000)))
SLICES = (("city",), ("sex",), ("sex", "city"))


def people(rng: np.random.Generator, rows: int = 12_000, wrong: float = 0.0) -> pl.DataFrame:
    """Ten nights; in ``york`` labels are ``wrong`` for more rows than scores say. Seven rows have no sex."""
    score, city = rng.beta(2, 3, rows), rng.choice(["bath", "leeds", "york"], rows)
    chance = np.where((city == "york") & (rng.random(rows) < wrong), 1 - score, score)
    return pl.DataFrame(
        {
            "night": [f"2013-07-{1 + at % 10:02}" for at in range(rows)],
            "score": score,
            "label": rng.random(rows) < chance,
            "city": city,
            "sex": np.where(np.arange(rows) < 7, "x", rng.choice(["f", "m"], rows, p=[0.6, 0.4])),
        }
    )


def audited(frame: pl.DataFrame) -> list[Audit]:
    nights = frame.partition_by("night", as_dict=True, maintain_order=True)
    if not nights:
        return [Audit()]
    return [Audit(quality=tally_quality(part, str(name), SLICES, CELLS)) for (name,), part in nights.items()]


def compared(frame: pl.DataFrame, policy: Policy, was: pl.DataFrame | None = None) -> Comparison:
    before = merge_qualities([each.quality for each in audited(was)]) if was is not None else Audit().quality
    score = lay_out(pl.DataFrame({"score": [0.0, 1.0]}), ("score",))[0]
    return compare_audits(audited(frame), Reference((), score, CELLS, Audit(quality=before), ()), policy)


def judged(comparison: Comparison, policy: Policy) -> dict[str, Finding]:
    figures = [*slice_figures(comparison, policy), *fairness_figures(comparison, policy)]
    return {finding.id: finding for finding in judge(figures, policy, "2013-07-10").findings}


def parts_of(frame: pl.DataFrame, policy: Policy, was: pl.DataFrame | None = None) -> dict[str, SlicePart]:
    comparison = compared(frame, policy, was)
    parts = slices_parts(comparison, judged(comparison, policy))
    assert parts is not None
    return {part.label: part for part in parts}


def test_a_slice_that_fares_worse_than_the_rest_fails_and_its_betters_pass() -> None:
    rng = np.random.default_rng(1)
    parts = parts_of(people(rng, wrong=0.7), Policy(), people(rng))
    york, bath = parts["city york"], parts["city bath"]
    assert (york.gap.metric, york.severity, bath.severity) == ("log_loss", Severity.FAIL, Severity.PASS)
    assert york.gap.value is not None
    assert york.limit is not None
    rest = york.metrics["log_loss"].value or 0
    assert york.limit == pytest.approx(0.25 * (rest - york.gap.value))
    assert york.gap.value > york.limit
    assert abs(york.gap.reference or 1) < 0.05
    assert york.q_value is not None
    assert york.q_value < 1 / 365
    assert (bath.gap.value or 0) < 0
    assert bath.p_value == 1.0
    assert [part.severity for part in parts.values()][:1] == [Severity.FAIL]


def test_what_a_policy_states_is_a_share_of_what_the_rest_has() -> None:
    frame = people(np.random.default_rng(1), wrong=0.7)
    policy = Policy({"slices.log_loss": Limit(warn=2.0)})
    york = parts_of(frame, policy)["city york"]
    assert york.severity is Severity.PASS
    assert york.limit == pytest.approx(2.0 * ((york.metrics["log_loss"].value or 0) - (york.gap.value or 0)))


def test_a_job_may_compare_slices_on_another_metric() -> None:
    frame = people(np.random.default_rng(2), wrong=1.0)
    comparison = compared(frame, Policy(primary="calibration_gap"))
    findings = judged(comparison, Policy(primary="calibration_gap"))
    york = findings["slices.calibration_gap:city york"]
    assert (york.unit, york.limit, york.severity) == ("points", 0.10, Severity.FAIL)
    part = slicing_part(comparison)
    assert part is not None
    assert (part.metric, part.tested, part.support) == ("calibration_gap", comparison.slices.tested, 50)


def test_a_metric_that_the_task_does_not_have_is_refused() -> None:
    with pytest.raises(ConfigError, match="Did you mean log_loss"):
        compared(people(np.random.default_rng(2), 500), Policy(primary="logloss"))


@pytest.mark.parametrize("metric", sorted({name for known in PRIMARY.values() for name in known}))
def test_every_metric_that_slices_may_be_compared_on_has_limits(metric: str) -> None:
    limit = DEFAULT_LIMITS[f"slices.{metric}"]
    assert limit.warn is not None
    assert limit.fail is not None
    assert limit.warn < limit.fail


def test_seven_rows_are_nowhere_and_cannot_be_had() -> None:
    comparison = compared(people(np.random.default_rng(3)), Policy(), people(np.random.default_rng(4)))
    findings = judged(comparison, Policy())
    parts = slices_parts(comparison, findings)
    groups = fairness_parts(comparison, findings)
    assert parts is not None
    assert groups is not None
    sexes = {part.label: part for part in parts if list(part.slice) == ["sex"]}
    # Nobody is told that x is a value; and of f and m the smaller, from which its rows could be had, is not counted.
    assert sorted(sexes) == ["sex f", "sex m"]
    assert (sexes["sex f"].n is None, sexes["sex m"].n is None) == (False, True)
    shown = [sexes["sex m"].missed, sexes["sex m"].observed, sexes["sex m"].predicted, sexes["sex m"].gap.reference]
    assert shown == [None] * 4
    assert {interval.value for interval in sexes["sex m"].metrics.values()} == {None}
    (sex,) = [each for each in groups if each.dimension == "sex"]
    assert {group.group: group.n is None for group in sex.groups} == {"f": False, "m": True}
    assert {difference.value for difference in sex.differences.values()} == {None}
    assert not any("sex x" in id for id in findings)
    text = json.dumps([json.loads(codec.dump(part)) for part in (*parts, *groups)])
    assert '"x"' not in text
    part = slicing_part(comparison)
    assert part is not None
    assert part.suppressed == len([each for each in comparison.slices.slices if each.hidden]) >= 2


def test_a_large_slice_that_must_not_be_counted_is_judged_all_the_same() -> None:
    frame = people(np.random.default_rng(3))
    turned = pl.when(pl.col("sex") == "m").then(1 - pl.col("score")).otherwise(pl.col("score"))
    comparison = compared(frame.with_columns(score=turned), Policy())
    findings = judged(comparison, Policy())
    (men,) = [part for part in slices_parts(comparison, findings) or () if part.label == "sex m"]
    assert (men.n, men.severity) == (None, Severity.FAIL)
    told = findings["slices.log_loss:sex m"]
    assert told.n == 0
    assert {told.evidence[name] for name in ("slice", "rest", "observed", "predicted")} == {None}
    numbers = (men.gap.value, men.gap.lower, men.gap.upper, men.gap.lower_corrected, men.gap.upper_corrected)
    for number, digits in (*((each, 2) for each in numbers), (men.p_value, 1)):
        assert number is not None
        assert number == float(f"{number:.{digits}g}")


def test_without_labels_slices_are_listed_and_not_run() -> None:
    frame = people(np.random.default_rng(4)).drop("label")
    comparison = compared(frame, Policy())
    assert slicing_part(comparison) is None
    assert list(slice_figures(comparison, Policy())) == []
    york = parts_of(frame, Policy())["city york"]
    assert york.severity is Severity.NOT_RUN
    assert york.n == frame.filter(pl.col("city") == "york").height
    assert york.gap.value is york.observed is york.missed is None
    assert york.metrics["selection_rate"].value is not None
    assert york.metrics["mean_score"].value == york.predicted


def test_where_a_job_names_no_slice_there_is_none() -> None:
    comparison = compared(people(np.random.default_rng(4), 500).head(0), Policy())
    assert slices_parts(comparison, {}) is None
    assert slicing_part(comparison) is None
    assert fairness_parts(comparison, {}) is None


def test_of_two_halves_the_worse_is_judged_and_the_other_is_as_bad_only_where_both_sides_are() -> None:
    rng = np.random.default_rng(5)
    frame = people(rng, wrong=1.0).filter(pl.col("city") != "leeds")
    for metric, level in (("log_loss", Severity.PASS), ("calibration_gap", Severity.FAIL)):
        policy = Policy(primary=metric)
        comparison = compared(frame, policy)
        findings = judged(comparison, policy)
        assert sum(id.startswith(f"slices.{metric}:city") for id in findings) == 1
        parts = {part.label: part for part in slices_parts(comparison, findings) or ()}
        york, bath = parts["city york"], parts["city bath"]
        assert york.gap.value == pytest.approx(-(bath.gap.value or 0))
        assert (york.severity, bath.severity) == (Severity.FAIL, level)
        assert (york.p_value is None) != (bath.p_value is None)


def test_fairness_is_shown_and_judged_only_by_a_limit_that_is_stated() -> None:
    frame = people(np.random.default_rng(6), wrong=0.8)
    shown = {part.dimension: part for part in fairness_parts(compared(frame, Policy()), {}) or ()}
    assert shown["city"].severity is Severity.NOT_RUN
    comparison = compared(frame, Policy())
    assert {each.limit for each in judged(comparison, Policy()).values() if each.check.startswith("fairness")} == {None}
    policy = Policy({"fairness.calibration_difference:city": Limit(warn=0.02, fail=0.05)})
    findings = judged(comparison, policy)
    told = findings["fairness.calibration_difference:city"]
    assert told.severity is Severity.FAIL
    assert "york" in (told.evidence["lowest"], told.evidence["highest"])
    (city,) = [part for part in fairness_parts(comparison, findings) or () if part.dimension == "city"]
    assert city.severity is Severity.FAIL
    difference = city.differences["calibration_difference"]
    assert 0 < (difference.lower or 0) < (difference.value or 0) < (difference.upper or 0)
    assert {group.group for group in city.groups} == {"bath", "leeds", "york"}
    assert set(city.groups[0].metrics) == {
        "selection_rate",
        "true_positive_rate",
        "false_positive_rate",
        "precision",
        "base_rate",
        "calibration_gap",
    }
