from __future__ import annotations

from dataclasses import replace

import polars as pl
import pytest

from batchops.audit import SCORE, Audit, Reference
from batchops.audit.charting import NEWEST
from batchops.audit.compare import compare_audits
from batchops.audit.concept import Concept, compare_concept, concept_figures, concept_part
from batchops.audit.qualities import quality_figures, with_likeness
from batchops.stats import Quality, merge_qualities
from batchops.stats.nights.control import cusum_chance, ewma_chance
from batchops.verdict import FALSE_FAILS, Figure, Limit, Policy, Severity, Verdict, judge
from tests.audit.nights import Change, day, night, reference, same

POLICY = Policy()
START = 70


def window(change: Change = same, nights: int = 30, changed: int = 30) -> Quality:
    """Nights with outcomes, of which the newest ones are changed."""
    audits = [night(START + place, change if place >= nights - changed else same) for place in range(nights)]
    return merge_qualities([audit.quality for audit in audits])


def late(by: float) -> Change:
    """Outcomes that come true more often than the scores say."""
    lifted = (pl.col(SCORE) * 7919).mul(1e3).mod(1) < by
    return lambda rows: rows.with_columns(pl.when(lifted).then(1).otherwise("label").cast(pl.Int8).alias("label"))


def judged(concept: Concept, policy: Policy = POLICY) -> Verdict:
    return judge([*concept_figures(concept)], policy, str(day(START + 30)))


def alarms(concept: Concept) -> dict[str, Severity]:
    return {finding.id: finding.severity for finding in judged(concept).alarms}


@pytest.mark.parametrize("start", [70, 100, 130])
def test_nights_as_in_training_do_not_alarm(start: int) -> None:
    quality = merge_qualities([night(start + place).quality for place in range(30)])
    assert alarms(compare_concept(quality, reference(), POLICY)) == {}


def test_a_sudden_change_is_found_on_the_newest_nights() -> None:
    found = alarms(compare_concept(window(late(0.35), changed=7), reference(), POLICY))
    assert found["concept.shift:calibration_gap"] is Severity.FAIL
    assert "concept.shift:log_loss" in found
    newest = alarms(compare_concept(window(late(0.6), changed=1), reference(), POLICY))
    assert f"concept.shift:calibration_gap{NEWEST}" in newest


def test_a_lasting_change_is_found_by_the_charts_and_dated() -> None:
    concept = compare_concept(window(late(0.25), changed=10), reference(), POLICY)
    verdict = judged(concept)
    part = concept_part(concept, {finding.id: finding for finding in verdict.findings})
    assert part is not None
    charts = {(chart.metric, chart.method): chart for chart in part.charts}
    assert set(charts) == {(m, k) for m in ("log_loss", "calibration_gap") for k in ("shift", "ewma", "cusum")}
    cusum = charts["calibration_gap", "cusum"]
    assert cusum.severity in (Severity.WARN, Severity.FAIL)
    assert cusum.value is not None
    assert cusum.value > cusum.limit
    assert cusum.since is not None
    assert str(day(START + 18)) <= cusum.since <= str(day(START + 22))


def test_a_change_within_the_limit_is_none() -> None:
    concept = compare_concept(window(late(0.25)), reference(), Policy({"quality.calibration_gap": Limit(warn=0.5)}))
    assert not [id for id in alarms(concept) if id.endswith(":calibration_gap")]
    own = Policy({"concept.shift:calibration_gap": Limit(warn=0.5), "concept.shift": Limit(warn=9.0)})
    assert {
        finding.id for finding in judged(compare_concept(window(late(0.25)), reference(), own), own).alarms
    } == set()


def test_a_chart_is_judged_by_its_chance_under_the_budget_of_all_figures() -> None:
    figures = [*concept_figures(compare_concept(window(late(0.25), changed=10), reference(), POLICY))]
    charts = [each for each in figures if each.check in ("concept.ewma", "concept.cusum")]
    assert len(charts) == 4
    for each in charts:
        assert each.limit is not None
        assert each.limit.fail is None
        assert each.limit.warn is not None
        both = 2 if each.subject == "calibration_gap" else 1
        alone = ewma_chance(each.limit.warn) if each.check == "concept.ewma" else cusum_chance(each.limit.warn, 30)
        assert both * alone == pytest.approx(FALSE_FAILS)
    (lasting,) = [each for each in charts if each.id == "concept.cusum:calibration_gap"]
    assert lasting.chance is not None
    assert lasting.chance(0.0) < 0.001
    crowd = [Figure("score.distance", f"{place}", 0.0, chance=lambda _: 1.0) for place in range(100_000)]
    assert lasting.id in {finding.id for finding in judge([lasting], POLICY, "").alarms}
    assert judge([lasting, *crowd], POLICY, "").alarms == ()


def test_a_change_of_one_slice_is_found_in_that_slice() -> None:
    def worse(rows: pl.DataFrame) -> pl.DataFrame:
        flipped = pl.when(pl.col("kind") == "c").then(1 - pl.col("label")).otherwise("label").cast(pl.Int8)
        return rows.with_columns(flipped.alias("label"))

    found = alarms(compare_concept(window(worse), reference(), POLICY))
    assert found["concept.shift:kind c"] is Severity.WARN
    assert not {"concept.shift:kind a", "concept.shift:kind b"} & set(found)


def test_other_rows_are_mix_and_the_same_rows_faring_otherwise_are_within() -> None:
    parts = {each[:2]: each[2] for each in compare_concept(window(late(0.3)), reference(), POLICY).decompositions}
    assert set(parts) == {(m, d) for m in ("log_loss", "calibration_gap") for d in ("kind", "size")}
    changed = parts["calibration_gap", "kind"]
    assert changed.total == pytest.approx(changed.mix + changed.within)
    assert changed.within > 0.9 * changed.total > 0.1

    def late_kind(rows: pl.DataFrame) -> pl.DataFrame:
        return rows.with_columns(pl.when(pl.col("kind") == "c").then(1).otherwise("label").cast(pl.Int8).alias("label"))

    def more(rows: pl.DataFrame) -> pl.DataFrame:
        return late_kind(
            rows.with_columns(pl.when(pl.int_range(pl.len()) < 200).then(pl.lit("c")).otherwise("kind").alias("kind"))
        )

    quality = merge_qualities([night(place, late_kind).quality for place in range(30)])
    before = replace(reference(), audit=replace(reference().audit, quality=quality))
    moved = {each[:2]: each[2] for each in compare_concept(window(more), before, POLICY).decompositions}
    mixed = moved["calibration_gap", "kind"]
    assert mixed.mix > 0.1
    assert abs(mixed.within) < 0.2 * mixed.mix


def test_small_slices_of_a_decomposition_are_shown_together() -> None:
    def rare(rows: pl.DataFrame) -> pl.DataFrame:
        return rows.with_columns(
            pl.when(pl.int_range(pl.len()) < 9).then(pl.lit("rare")).otherwise("kind").alias("kind")
        )

    concept = compare_concept(window(rare, nights=30, changed=1), reference(), POLICY)
    (split,) = [each[2] for each in concept.decompositions if each[:2] == ("log_loss", "kind")]
    assert {part.slice for part in split.slices} == {"a", "b", "c", "others"}


def test_before_the_first_label_and_under_a_short_reference_nothing_is_charted() -> None:
    unlabelled = night(START, lambda rows: rows.with_columns(pl.lit(None, pl.Int8).alias("label"))).quality
    concept = compare_concept(unlabelled, reference(), POLICY)
    assert (concept, concept_part(concept, {})) == (Concept(), None)
    short = compare_concept(window(), reference(12), POLICY)
    assert (short.season, short.charted) == (None, ())
    assert short.decompositions
    bare = Reference((), reference().score, reference().quality, Audit(), ())
    assert compare_concept(window(), bare, POLICY).charted == ()


def test_a_season_that_training_never_had_is_said() -> None:
    assert compare_concept(window(), reference(), POLICY).covered
    summer = merge_qualities([night(200 + place).quality for place in range(10)])
    assert not compare_concept(summer, reference(), POLICY).covered


def test_quality_over_a_window_asks_how_nights_follow_each_other_and_still_finds_a_change() -> None:
    quiet, changed = ([night(START + place, change) for place in range(30)] for change in (same, late(0.35)))
    for audits, expected in (
        (quiet, set[str]()),
        (changed, {"quality.calibration_gap:all rows", "quality.log_loss:all rows"}),
    ):
        comparison = compare_audits(audits, reference(), POLICY)
        charts = compare_concept(comparison.quality, reference(), POLICY, comparison.aged).charted
        plain = {each.id: each for each in quality_figures(comparison, reference().quality)}
        told = [*quality_figures(with_likeness(comparison, charts), reference().quality)]
        for figure in told:
            own = plain[figure.id].chance
            if figure.chance is not None and own is not None:
                # A tail, and so its complement, is nearer to a half.
                tails = [(own(edge), figure.chance(edge)) for edge in (0.0, 0.01, 0.05, 0.2)]
                assert all(abs(wider - 0.5) <= abs(plain - 0.5) + 1e-9 for plain, wider in tails)
        wide = with_likeness(comparison, charts).metrics["log_loss"]
        assert wide.lower is not None
        # What is printed is what is judged.
        assert (
            wide.lower <= (comparison.metrics["log_loss"].lower or 0.0) < (comparison.metrics["log_loss"].value or 0.0)
        )
        found = {each.id for each in judge(told, POLICY, "").alarms}
        assert found >= expected
        assert bool(found) is bool(expected)
