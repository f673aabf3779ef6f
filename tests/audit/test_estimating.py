from collections.abc import Mapping

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from batchops import codec
from batchops.audit import Audit, Reference
from batchops.audit.estimating import (
    Estimated,
    _differs,
    backtest,
    estimate_night,
    estimated_figures,
    estimated_part,
    kept_figures,
    weighted_rows,
)
from batchops.audit.outcomes import BacktestPart, EstimatedPart
from batchops.stats import Cells, Estimate, NightQuality, Quality, lay_out_scores, merge_qualities, tally_quality
from batchops.stats.estimates.estimated import WeightedRows
from batchops.stats.rows.sample import RowSample, Sampling, sample_rows
from batchops.verdict import Finding, Limit, Policy, Severity, judge

Floats = NDArray[np.float64]

RNG = np.random.default_rng(0)
CELLS = lay_out_scores(pl.Series(RNG.beta(2, 5, 5_000)), 0.35)


def rows(score: Floats, labelled: bool, night: str = "", rng: np.random.Generator = RNG) -> Quality:
    frame = pl.DataFrame({"score": score, "label": (rng.random(len(score)) < score).astype(int)})
    return tally_quality(frame if labelled else frame.drop("label"), night, (), CELLS)


def reference_of(quality: Quality) -> Reference:
    return Reference((), Cells("score", "numeric"), CELLS, Audit(quality=quality), ())


REFERENCE = reference_of(
    merge_qualities([rows(RNG.beta(2, 5, 800), True, f"2013-01-{day:02}") for day in range(1, 32)])
)


def night(score: Floats, labelled: bool = False) -> NightQuality:
    return rows(score, labelled).nights[""]


def estimated(score: Floats, labelled: bool = False, weights: WeightedRows | None = None) -> Estimated:
    found = estimate_night(night(score, labelled), REFERENCE, weights)
    assert found is not None
    return found


def part(found: Estimated, findings: Mapping[str, Finding], *earlier: BacktestPart) -> EstimatedPart:
    made = estimated_part(found, findings, earlier)
    assert made is not None
    return made


UNSURE_SCORES = 0.4 + RNG.normal(0, 0.03, 2_000)
"""Scores that say little of any row: their ranking and their loss cannot be what the reference's were."""

ALIKE = RNG.beta(2, 5, 2_000)


def test_scores_that_say_less_warn_and_can_do_no_more() -> None:
    policy = Policy({"estimated.roc_auc": Limit(warn=0.03, fail=0.05), "estimated.log_loss": Limit(fail=0.1)})
    verdict = judge(list(estimated_figures(estimated(UNSURE_SCORES), policy)), policy, "2013-07-04")
    assert {finding.check: finding.severity for finding in verdict.findings} == {
        "estimated.roc_auc": Severity.WARN,
        "estimated.log_loss": Severity.WARN,
    }
    assert verdict.severity is Severity.WARN


def test_scores_as_in_the_reference_let_no_night_pass() -> None:
    verdict = judge(list(estimated_figures(estimated(ALIKE), Policy())), Policy(), "2013-07-04")
    assert {finding.severity for finding in verdict.findings} == {Severity.UNSURE}
    assert verdict.severity is not Severity.PASS
    assert all(finding.p_value is not None and finding.p_value > 0.5 for finding in verdict.findings)


def test_figures_say_what_is_expected_beside_what_the_reference_got() -> None:
    found = estimated(UNSURE_SCORES)
    figures = {figure.check: figure for figure in estimated_figures(found, Policy())}
    now = [found.plain.metrics[name].value or 0.0 for name in ("roc_auc", "log_loss")]
    area, loss = figures["estimated.roc_auc"], figures["estimated.log_loss"]
    assert area.value == pytest.approx(found.reference["roc_auc"] - now[0], abs=1e-12)
    was = found.reference["log_loss"]
    assert loss.value == pytest.approx(now[1] / was - 1, abs=1e-12)
    assert (area.unit, loss.unit, area.n) == ("fall", "ratio", 2_000)
    assert area.evidence["nights"] == 31
    for figure in figures.values():
        assert figure.lower is not None
        assert figure.value is not None
        assert figure.upper is not None
        assert figure.lower < figure.value < figure.upper


def test_a_metric_is_judged_where_the_job_has_a_limit_for_it() -> None:
    policy = Policy({"estimated.brier_score": Limit(warn=0.05)})
    checks = [figure.check for figure in estimated_figures(estimated(ALIKE), policy)]
    assert sorted(checks) == ["estimated.brier_score", "estimated.log_loss", "estimated.roc_auc"]


def test_nothing_is_judged_once_the_labels_have_come() -> None:
    assert list(estimated_figures(estimated(UNSURE_SCORES, labelled=True), Policy())) == []
    assert part(estimated(UNSURE_SCORES, labelled=True), {}).metrics["roc_auc"].severity is Severity.NOT_RUN


def test_without_a_labelled_reference_there_is_no_estimate() -> None:
    bare = reference_of(rows(ALIKE, labelled=False))
    assert estimate_night(night(ALIKE), bare) is None
    assert estimated_part(None, {}) is None
    assert list(estimated_figures(None, Policy())) == []
    assert kept_figures(None, {}) == {}


def test_the_part_holds_every_metric_with_its_band_and_the_references_figure() -> None:
    found = estimated(ALIKE)
    verdict = judge(list(estimated_figures(found, Policy())), Policy(), "")
    made = part(found, {finding.id: finding for finding in verdict.findings})
    assert (made.method, made.n, made.weighted, made.doubtful, made.covered) == ("CBPE", 2_000, None, (), None)
    assert set(made.metrics) >= {"roc_auc", "log_loss", "brier_score", "precision", "recall", "f1", "accuracy"}
    assert made.metrics["log_loss"].severity is Severity.UNSURE
    assert made.metrics["f1"].severity is Severity.NOT_RUN
    assert made.metrics["roc_auc"].reference == found.reference["roc_auc"]
    assert codec.load(EstimatedPart, codec.dump(made)) == made


def test_weighted_estimates_stand_apart_with_their_effective_rows() -> None:
    score = RNG.beta(2, 5, 1_000)
    frame = pl.DataFrame({"score": score, "label": (RNG.random(1_000) < score).astype(int)})
    sample = sample_rows(frame, Sampling((), 500))
    assert isinstance(sample, RowSample)
    found = estimated(ALIKE, weights=weighted_rows(sample, np.where(np.arange(500) < 250, 1.0, 0.0)))
    made = part(found, {})
    assert made.weighted is not None
    assert made.weighted.effective_rows == pytest.approx(250)
    assert made.weighted.metrics["log_loss"].value != made.metrics["log_loss"].value
    assert estimated(ALIKE, weights=weighted_rows(sample, np.zeros(500))).weighted is None


def finding(check: str, severity: Severity) -> Finding:
    return Finding(check, severity, check, "x", 1.0, "", 0.5, False, None, None, None, 1, None, 0, None, {})


@pytest.mark.parametrize(
    ("check", "doubt"),
    [
        ("drift.distance", "drift"),
        ("drift.multivariate", "drift"),
        ("drift.outside_share", "outside"),
        ("drift.unseen_share", "outside"),
    ],
)
def test_inputs_unlike_the_references_make_an_estimate_doubtful(check: str, doubt: str) -> None:
    found = estimated(ALIKE)
    assert part(found, {"a": finding(check, Severity.WARN)}).doubtful == (doubt,)
    assert part(found, {"a": finding(check, Severity.UNSURE)}).doubtful == ()


def came_true(values: Floats, metric: str = "log_loss") -> list[BacktestPart]:
    return [BacktestPart(f"2013-07-{day:02}", metric, 0.5, 0.3, 0.7, value) for day, value in enumerate(values, 1)]


def test_outcomes_on_one_side_of_the_estimates_make_the_next_doubtful() -> None:
    found, rng = estimated(ALIKE), np.random.default_rng(1)
    scatter = rng.normal(0, 0.1, 10)
    around, beside = came_true(0.5 + scatter - scatter.mean()), came_true(0.62 + scatter - scatter.mean())
    assert part(found, {}, *around).doubtful == ()
    assert part(found, {}, *beside).doubtful == ("concept",)
    assert part(found, {}, *beside[:4]).doubtful == ()


def test_bands_that_held_the_truth_too_seldom_make_the_next_doubtful() -> None:
    found = estimated(ALIKE)
    missed = came_true(np.array([0.5, 0.71, 0.29, 0.72, 0.28, 0.5, 0.5, 0.5]))
    made = part(found, {}, *missed)
    assert (made.doubtful, made.covered) == (("backtest",), 0.5)
    assert part(found, {}, *missed[:7]).doubtful == ()


def test_what_is_kept_of_a_night_meets_what_comes_true() -> None:
    before, after = estimated(ALIKE), estimated(ALIKE, labelled=True)
    came = {"roc_auc": Estimate(0.7), "log_loss": Estimate(0.5), "precision": Estimate(0.4)}
    kept = kept_figures(before, {"roc_auc": Estimate(None)})
    assert backtest([("2013-07-04", kept)]) == ()
    assert {name: value for name, value in kept_figures(after, came).items() if not name.startswith("realised")} == kept
    held = backtest([("2013-07-03", {}), ("2013-07-04", kept_figures(after, came))])
    assert [(each.night, each.metric, each.realised) for each in held] == [
        ("2013-07-04", "roc_auc", 0.7),
        ("2013-07-04", "log_loss", 0.5),
    ]
    assert held[0].estimated == before.plain.metrics["roc_auc"].value
    assert held[0].lower == before.plain.metrics["roc_auc"].lower


@pytest.mark.parametrize(("realised", "doubtful"), [(7.95, False), (7.2, True), (12.0, True)])
def test_nights_in_the_thick_end_of_a_skewed_band_are_as_estimated(realised: float, doubtful: bool) -> None:
    """The root mean squared error of heavy tails: most nights lie below what is expected of all."""
    name = "root_mean_squared_error"
    nights = [BacktestPart(f"2025-05-{day:02}", name, 8.19, 7.07, 12.5, realised) for day in range(1, 15)]
    assert _differs(nights) is doubtful
