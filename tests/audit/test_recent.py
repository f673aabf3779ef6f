from __future__ import annotations

import polars as pl
import pytest

from batchops.audit.figures import ALL_ROWS
from batchops.audit.recent import LONGEST, Earlier, compare_recent, recent_figures, recent_part
from batchops.verdict import Limit, Policy, Severity, Verdict, judge
from tests.audit.nights import Change, day, earlier, night, reference, same

TONIGHT = 200
POLICY = Policy()


def judged(before: list[Earlier], change: Change = same, policy: Policy = POLICY, place: int = TONIGHT) -> Verdict:
    recent = compare_recent(night(place, change), before, day(place), reference())
    return judge([*recent_figures(recent, policy)], policy, str(day(place)))


def alarms(verdict: Verdict) -> set[str]:
    return {finding.id for finding in verdict.alarms}


@pytest.fixture(scope="module")
def month() -> list[Earlier]:
    return earlier(range(TONIGHT - 30, TONIGHT))


def test_nights_of_one_kind_do_not_alarm() -> None:
    nights = earlier(range(TONIGHT - 56, TONIGHT + 30))
    alarmed = 0
    for place in range(56, len(nights)):
        recent = compare_recent(nights[place].audit, nights[place - 56 : place], nights[place].day, reference())
        alarmed += bool(judge([*recent_figures(recent, POLICY)], POLICY, nights[place].night).alarms)
    assert alarmed <= 2


def test_a_column_that_moves_this_week_is_found_whatever_training_was(month: list[Earlier]) -> None:
    moved = judged(month, lambda rows: rows.with_columns(pl.col("number") + 2))
    assert alarms(moved) == {"recent.distance:number"}
    assert {finding.severity for finding in moved.alarms} == {Severity.WARN}
    used = earlier(range(TONIGHT - 30, TONIGHT), lambda rows: rows.with_columns(pl.col("number") + 2))
    assert alarms(judged(used, lambda rows: rows.with_columns(pl.col("number") + 2))) == set()
    assert alarms(judged(used)) == {"recent.distance:number"}


def test_more_missing_values_fail_beyond_the_limit_of_fail(month: list[Earlier]) -> None:
    def without(share: float) -> Change:
        gone = pl.int_range(pl.len()) < share * pl.len()
        return lambda rows: rows.with_columns(pl.when(gone).then(None).otherwise(pl.col("gusts")).alias("gusts"))

    some = {finding.id: finding.severity for finding in judged(month, without(0.2)).alarms}
    assert some["recent.null_share:gusts"] is Severity.WARN
    most = {finding.id: finding.severity for finding in judged(month, without(0.9)).alarms}
    assert most["recent.null_share:gusts"] is Severity.FAIL


def test_a_value_is_new_on_the_first_nights_alone(month: list[Earlier]) -> None:
    def renamed(rows: pl.DataFrame) -> pl.DataFrame:
        return rows.with_columns(pl.when(pl.int_range(pl.len()) < 12).then(pl.lit("z")).otherwise("kind").alias("kind"))

    assert "recent.unseen_share:kind" in alarms(judged(month, renamed))
    known = [*month[:-3], *earlier(range(TONIGHT - 3, TONIGHT), renamed)]
    assert "recent.unseen_share:kind" not in alarms(judged(known, renamed))


def test_scores_that_move_are_a_finding_of_their_own(month: list[Earlier]) -> None:
    found = alarms(judged(month, lambda rows: rows.with_columns(pl.col("score") / 2 + 0.45)))
    assert f"score.recent:{ALL_ROWS}" in found
    assert f"series.score_mean:{ALL_ROWS}" in found


def test_with_fewer_than_eight_nights_nothing_is_compared(month: list[Earlier]) -> None:
    verdict = judged(month[:7], lambda rows: rows.with_columns(pl.col("number") + 9))
    assert [(each.id, each.severity) for each in verdict.findings] == [
        (f"recent.distance:{ALL_ROWS}", Severity.NOT_RUN)
    ]
    assert verdict.findings[0].evidence == {"nights": 7, "needed": 8}


def test_nights_of_tonights_weekday_are_compared_once_there_are_eight() -> None:
    weekly = earlier(range(TONIGHT - LONGEST, TONIGHT))
    recent = compare_recent(night(TONIGHT), weekly, day(TONIGHT), reference())
    assert recent.season == "weekday"
    assert [each.day.weekday() for each in recent.compared] == [day(TONIGHT).weekday()] * 8
    fewer = compare_recent(night(TONIGHT), weekly[7:], day(TONIGHT), reference())
    assert (fewer.season, len(fewer.compared)) == ("recent", LONGEST - 7)
    longer = compare_recent(night(TONIGHT), earlier(range(TONIGHT - 60, TONIGHT)), day(TONIGHT), reference())
    assert len(longer.nights) == LONGEST


def test_a_weekday_whose_rows_are_others_is_no_change_on_that_weekday() -> None:
    def weekly(place: int) -> Change:
        moved = 2.0 * (day(place).weekday() == day(TONIGHT).weekday())
        return lambda rows: rows.with_columns(pl.col("number") + moved)

    nights = [Earlier(str(day(p)), night(p, weekly(p))) for p in range(TONIGHT - LONGEST, TONIGHT)]
    assert alarms(judged(nights, weekly(TONIGHT))) == set()
    assert alarms(judged(nights)) == {"recent.distance:number"}


def test_the_part_has_every_column_and_its_figures(month: list[Earlier]) -> None:
    change = lambda rows: rows.with_columns(pl.col("number") + 2)  # noqa: E731 - shorter here
    recent = compare_recent(night(TONIGHT, change), month, day(TONIGHT), reference())
    verdict = judge([*recent_figures(recent, POLICY)], POLICY, str(day(TONIGHT)))
    part = recent_part(recent, {finding.id: finding for finding in verdict.findings}, POLICY)
    assert (part.nights, part.compared, part.first, part.season) == (30, 30, str(day(TONIGHT - 30)), "recent")
    assert [column.column for column in part.columns] == ["number", "gusts", "kind", "size"]
    worst = part.columns[0]
    assert worst.distance is not None
    assert worst.distance.severity is Severity.WARN
    assert worst.distance.value is not None
    assert worst.distance.usual is not None
    assert worst.distance.value > worst.distance.usual > 0
    assert worst.unseen_share is None
    assert part.score is not None
    assert part.score.severity is Severity.PASS
    assert [series.name for series in part.series][:2] == ["rows", "quarantined_share"]


def test_a_policy_may_allow_more(month: list[Earlier]) -> None:
    policy = Policy({"recent.distance:number": Limit(warn=0.95)})
    assert alarms(judged(month, lambda rows: rows.with_columns(pl.col("number") + 2), policy)) == set()


def test_a_night_without_rows_is_compared_in_its_volume_alone(month: list[Earlier]) -> None:
    assert alarms(judged(month, lambda rows: rows.clear())) == {f"series.rows:{ALL_ROWS}"}


def test_what_a_job_allows_against_training_is_allowed_against_recent_nights_too(month: list[Earlier]) -> None:
    def moved(rows: pl.DataFrame) -> pl.DataFrame:
        return rows.with_columns(pl.col("number") + 2)

    assert alarms(judged(month, moved, Policy({"drift.distance:number": Limit(warn=0.95)}))) == set()
    both = Policy({"drift.distance:number": Limit(warn=0.95), "recent.distance": Limit(warn=0.1)})
    assert alarms(judged(month, moved, both)) == {"recent.distance:number"}


def test_a_column_that_is_there_for_once_never_fails() -> None:
    def without(rows: pl.DataFrame) -> pl.DataFrame:
        return rows.with_columns(pl.lit(None, pl.Float64).alias("gusts"))

    verdict = judged(earlier(range(TONIGHT - 30, TONIGHT), without))
    assert {finding.id: finding.severity for finding in verdict.alarms} == {"recent.null_share:gusts": Severity.WARN}
