from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from batchops.audit import Audit, NightProfile, Reference, Yardstick, compare_audits, merge
from batchops.audit.attribution import explained, weighted_figures
from batchops.audit.columns import ColumnPart
from batchops.audit.figures import drift_figures
from batchops.audit.multivariate import (
    ALL_COLUMNS,
    Together,
    compare_together,
    multivariate_figure,
    multivariate_part,
    usual_areas,
)
from batchops.audit.parts import column_parts
from batchops.audit.state import UsualArea, products_of, sample_of
from batchops.contract import Tallies
from batchops.stats import lay_out, lay_out_scores, summarise, tally_quality
from batchops.stats.rows.sample import RowSample
from batchops.verdict import Finding, Limit, Policy, Severity, judge

INPUTS = ("temp", "wind", "delay", "carrier", "when", "name")
POLICY = Policy(limits={"drift.multivariate": Limit(0.60, 0.75), "drift.weighted": Limit(0.05)})


def rows(n: int, seed: int, temp: float = 0.0) -> pl.DataFrame:
    """Flights whose delay follows from temperature and wind."""
    random = np.random.default_rng(seed)
    warm, wind = random.normal(size=n) + temp, random.normal(size=n)
    return pl.DataFrame(
        {
            "temp": warm,
            "wind": wind,
            "delay": 0.8 * warm + 0.6 * wind + 0.3 * random.normal(size=n),
            "carrier": random.choice(["AA", "DL", "UA"], n, p=[0.5, 0.3, 0.2]),
            "origin": random.choice(["EWR", "JFK", "LGA"], n),
            "when": pl.Series(np.arange(n) + seed * 10**6).cast(pl.Datetime("us")),
            "name": [f"passenger {i}" for i in range(n)],
            "score": random.random(n),
        }
    )


def yardstick_of(reference: pl.DataFrame) -> Yardstick:
    return Yardstick(
        lay_out(reference, INPUTS, frozenset({"name"})),
        lay_out(reference, ("score",))[0],
        lay_out_scores(reference["score"], 0.5),
        (("origin",), ("carrier",)),
        {},
    )


def audit(frame: pl.DataFrame, yardstick: Yardstick, night: str = "") -> Audit:
    return Audit(
        tallies=Tallies(rows=frame.height),
        inputs=summarise(frame, yardstick.inputs),
        outputs=summarise(frame.select("score"), (yardstick.score,)),
        quality=tally_quality(frame, night, yardstick.slices, yardstick.quality),
        sample=sample_of([frame], yardstick, night),
        products=products_of(frame, yardstick),
    )


def reference_of(frames: Sequence[pl.DataFrame], yardstick: Yardstick, nights: Sequence[str] = ("",)) -> Reference:
    audits = [audit(frame, yardstick, night) for frame, night in zip(frames, nights, strict=True)]
    profiles = [NightProfile(night, one.inputs, one.outputs) for night, one in zip(nights, audits, strict=True)]
    whole = replace(merge(audits), sample=RowSample.pooled([each.sample for each in audits], 10_000))
    dated = tuple(profiles) if any(nights) else ()
    return Reference(yardstick.inputs, yardstick.score, yardstick.quality, whole, dated)


TRAINED = rows(3000, 1)
YARDSTICK = yardstick_of(TRAINED)
REFERENCE = reference_of([TRAINED], YARDSTICK)


def together(current: pl.DataFrame) -> Together:
    found = compare_together([audit(current, YARDSTICK)], REFERENCE)
    assert found is not None
    return found


def severity(found: Together) -> Finding:
    (finding,) = judge([multivariate_figure(found, POLICY)], POLICY, "").findings
    return finding


def test_rows_of_the_same_kind_pass() -> None:
    found = together(rows(1500, 2))
    finding = severity(found)
    assert finding.severity is Severity.PASS
    assert finding.p_value is not None
    assert finding.p_value > 0.9
    assert found.reconstruction.lower is not None
    assert found.reconstruction.upper is not None
    assert found.reconstruction.lower < 1 < found.reconstruction.upper


def test_columns_that_no_longer_belong_together_fail_though_each_is_as_it_was() -> None:
    current = rows(2000, 2).with_columns(delay=rows(2000, 3)["delay"])
    comparison = compare_audits([audit(current, YARDSTICK)], REFERENCE, POLICY)
    alone = judge(list(drift_figures(comparison, POLICY)), POLICY, "")
    assert {finding.subject for finding in alone.alarms} == {"when", ALL_COLUMNS}
    found = together(current)
    finding = severity(found)
    assert finding.severity is Severity.FAIL
    assert finding.subject == ALL_COLUMNS
    assert str(finding.evidence["columns"]).startswith("delay 0.")
    part = multivariate_part(found, {finding.id: finding})
    assert part.columns[0].column == "delay"
    assert sum(each.share for each in part.columns) == pytest.approx(1)
    assert part.reconstruction_lower is not None
    assert part.reconstruction_lower > 1.3
    assert part.severity is Severity.FAIL
    assert part.components == 1


def test_personal_data_and_times_take_no_part() -> None:
    assert together(rows(300, 2)).columns == ("temp", "wind", "delay", "carrier")


def test_a_column_that_one_side_lacks_is_left_to_its_own_finding() -> None:
    found = together(rows(300, 2).drop("delay"))
    assert found.columns == ("temp", "wind", "carrier")
    assert severity(found).severity is Severity.PASS


def test_missing_and_new_values_tell_the_sides_apart() -> None:
    current = rows(2000, 2)
    row = pl.int_range(pl.len())
    for spoilt in (
        current.with_columns(temp=pl.when(row % 2 == 0).then(None).otherwise("temp")),
        current.with_columns(carrier=pl.when(row % 2 == 0).then(pl.lit("ZZ")).otherwise("carrier")),
        current.with_columns(temp=pl.when(row % 2 == 0).then(float("inf")).otherwise("temp")),
    ):
        finding = severity(together(spoilt))
        assert finding.severity in (Severity.WARN, Severity.FAIL)
        assert finding.value == pytest.approx(0.75, abs=0.03)


def test_hardly_any_row_is_not_judged() -> None:
    found = together(rows(5, 2))
    assert found.separation is None
    assert severity(found).severity is Severity.NOT_RUN
    assert multivariate_part(found, {}).auc is None
    for current in (Audit(), audit(rows(0, 2), YARDSTICK)):
        assert compare_together([current], REFERENCE) is None


def test_the_ratios_belong_to_the_sampled_rows_of_the_reference() -> None:
    found = together(rows(2000, 2, temp=1.0))
    assert found.separation is not None
    assert len(found.separation.ratios) == found.reference.height == 2000
    warm = found.reference.code("temp") >= np.median(found.reference.code("temp"))
    assert found.separation.ratios[warm].mean() > 1.5
    assert found.separation.ratios[~warm].mean() < 0.7


NIGHTS = [f"2013-{1 + day // 28:02}-{1 + day % 28:02}" for day in range(56)]


def seasons() -> tuple[Yardstick, Reference]:
    """A year of nights that grow warmer and colder again."""
    frames = [rows(60, 100 + day, temp=1.5 * np.sin(day / 56 * 2 * np.pi)) for day in range(56)]
    yardstick = yardstick_of(pl.concat(frames))
    reference = reference_of(frames, yardstick, NIGHTS)
    samples = [audit(frame, yardstick, night).sample for frame, night in zip(frames, NIGHTS, strict=True)]
    return yardstick, replace(reference, usual_areas=usual_areas(samples, yardstick.inputs, (1, 7, 500)))


def test_a_season_that_the_reference_has_is_no_alarm() -> None:
    yardstick, reference = seasons()
    one, week = reference.usual_areas
    assert (one.length, one.windows, week.length, week.windows) == (1, 56, 7, 8)
    assert week.area is not None
    assert week.area > 0.7
    names = [f"2014-01-{day:02}" for day in range(1, 9)]
    for warmer, expected in ((1.5, Severity.PASS), (5.0, Severity.WARN)):
        nights = [audit(rows(60, 900 + day, warmer), yardstick, name) for day, name in enumerate(names)]
        found = compare_together(nights, reference)
        assert found is not None
        assert found.usual == week
        assert found.separation is not None
        assert found.separation.lower > 0.6
        assert severity(found).severity is expected
        few = compare_together(nights[:3], reference)
        assert few is not None
        assert few.usual == one


def test_being_just_beyond_the_largest_of_few_windows_proves_nothing() -> None:
    found = together(rows(2000, 2).with_columns(delay=rows(2000, 3)["delay"]))
    assert found.separation is not None
    area = found.separation.auc
    narrow = UsualArea(7, 20, area - 0.1, looked=10, mean=area - 0.12, deviation=0.01)
    wide = replace(narrow, mean=area - 0.2, deviation=0.08)
    chances = {}
    for usual in (narrow, wide):
        chance = multivariate_figure(replace(found, usual=usual), POLICY).chance
        assert chance is not None
        chances[usual] = chance(area - 0.1)
    assert chances[narrow] < 1e-4
    # One more of ten windows of which the mean is .2 less and the deviation .08: Student's t of 9 at 2.3.
    assert chances[wide] == pytest.approx(0.023, abs=0.005)


def test_windows_that_are_always_told_apart_are_not_judged_but_shown() -> None:
    found = replace(together(rows(2000, 2, temp=3.0)), usual=UsualArea(1, 40, 0.97, 10, 0.97, 0.01))
    finding = severity(found)
    assert finding.severity is Severity.NOT_RUN
    assert finding.evidence["reach"] == "window shorter than season"
    part = multivariate_part(found, {finding.id: finding})
    assert part.auc is not None
    assert part.auc == finding.evidence["area"]
    assert part.auc > 0.9
    assert part.usual == 0.97


def test_a_reference_that_is_too_short_to_say_what_is_usual_cannot_fail() -> None:
    nights = NIGHTS[:4]
    reference = reference_of([rows(300, day) for day in range(4)], YARDSTICK, nights)
    current = rows(2000, 9).with_columns(delay=rows(2000, 3)["delay"])
    found = compare_together([audit(current, YARDSTICK, "2013-08-01")], reference)
    assert found is not None
    assert severity(found).severity is Severity.WARN


def parts_of(current: pl.DataFrame) -> tuple[ColumnPart, ...]:
    comparison = compare_audits([audit(current, YARDSTICK)], REFERENCE, POLICY)
    verdict = judge(list(drift_figures(comparison, POLICY)), POLICY, "")
    findings = {finding.id: finding for finding in verdict.findings}
    parts = column_parts(comparison, findings, {})
    return explained(parts, comparison, findings)


def reasons(current: pl.DataFrame) -> dict[str, tuple[tuple[str, str], ...]]:
    parts = parts_of(current)
    return {
        part.column: tuple((each.component, each.slice) for each in part.explained_by)
        for part in parts
        if part.explained_by and part.column != "when"
    }


def test_a_change_of_one_slice_is_traced_to_it() -> None:
    current = rows(3000, 2)
    colder = pl.when(pl.col("origin") == "JFK").then(pl.col("temp") - 2).otherwise("temp")
    assert reasons(current.with_columns(temp=colder)) == {"temp": (("distance", "origin JFK"),)}
    without = pl.when((pl.col("carrier") == "UA") & (pl.int_range(pl.len()) % 2 == 0)).then(None).otherwise("wind")
    assert reasons(current.with_columns(wind=without)) == {"wind": (("null_share", "carrier UA"),)}
    new = (
        pl.when((pl.col("origin") == "LGA") & (pl.int_range(pl.len()) % 3 == 0)).then(pl.lit("ZZ")).otherwise("carrier")
    )
    found = reasons(current.with_columns(carrier=new))
    assert ("unseen_share", "origin LGA") in found["carrier"]


def test_a_change_of_all_rows_is_nobodys() -> None:
    assert reasons(rows(3000, 2, temp=1.0)) == {}


def test_what_a_slice_carries_is_the_whole_change_where_no_other_moved() -> None:
    current = rows(3000, 2).with_columns(
        temp=pl.when(pl.col("origin") == "JFK").then(pl.col("temp") + 3).otherwise("temp")
    )
    parts = parts_of(current)
    temp = next(part.explained_by for part in parts if part.column == "temp")
    explanation = next(each for each in temp if each.component == "distance")
    assert {each.slice for each in temp} == {"origin JFK"}
    assert explanation.share == pytest.approx(1, abs=0.1)
    assert explanation.rows == pytest.approx(1 / 3, abs=0.05)


def weighted(current: pl.DataFrame, reliance: dict[str, float]) -> Finding | None:
    comparison = compare_audits([audit(current, YARDSTICK)], REFERENCE, POLICY)
    figures = list(weighted_figures(comparison.columns, reliance, POLICY))
    return judge(figures, POLICY, "").findings[0] if figures else None


def test_drift_counts_by_what_the_model_relies_on() -> None:
    current = rows(3000, 2).with_columns(temp=pl.col("temp") + 1)
    much = weighted(current, {"temp": 0.09, "wind": 0.03})
    little = weighted(current, {"temp": 0.003, "wind": 0.1, "carrier": -0.02})
    assert much is not None
    assert little is not None
    assert much.severity is Severity.WARN
    assert little.severity is Severity.PASS
    distance = compare_audits([audit(current, YARDSTICK)], REFERENCE, POLICY).columns[0].window.drift.distance.value
    assert distance is not None
    assert much.value == pytest.approx(0.75 * (distance - 0.10))
    assert much.evidence == {"columns": "temp 0.75", "beyond": 1, "relied": 2}
    assert weighted(current, {"temp": 0.0, "wind": -0.01}) is None
    assert weighted(current, {}) is None


def test_without_a_change_the_weighted_drift_is_nothing() -> None:
    found = weighted(rows(3000, 2), {"temp": 0.1, "carrier": 0.1})
    assert found is not None
    assert (found.value, found.severity, found.p_value) == (0.0, Severity.PASS, 1.0)
