from __future__ import annotations

import datetime as dt
from dataclasses import replace
from functools import cache

import polars as pl

from batchops.audit import LABEL, SCORE, Audit, Reference, merge
from batchops.audit.beside import Beside, Compared, compare_night, compared_figures
from batchops.audit.retrain import Evidence, retrain
from batchops.audit.season import AROUND, YearAgo, season_part
from batchops.partition import Night
from batchops.verdict import Finding, Policy, judge
from tests.audit.nights import FIRST, Change, audit_of, day, night, reference, rows, same

POLICY = Policy()
PLACE = 600


def summer(frame: pl.DataFrame) -> pl.DataFrame:
    """Other numbers, and outcomes that the scores do not foresee."""
    lifted = (pl.col(SCORE) * 7919).mul(1e3).mod(1) < 0.35
    return frame.with_columns(
        pl.col("number") + 1.5, pl.when(lifted).then(1).otherwise(LABEL).cast(pl.Int8).alias(LABEL)
    )


def year_ago(change: Change, nights: int = 31) -> tuple[YearAgo, ...]:
    first = PLACE - 365 - nights // 2
    return tuple(
        YearAgo(str(day(first + place)), night(first + place, change), f"{place:064}") for place in range(nights)
    )


def compared(before: tuple[YearAgo, ...], against: Reference | None = None) -> tuple[Compared, list[Finding]]:
    window = [night(PLACE - 9 + place, summer) for place in range(10)]
    beside = Beside(against or reference(), tuple(window[:-1]), year_ago=before)
    found = compare_night(Night(day(PLACE)), window[-1], beside, POLICY)
    return found, [*judge([*compared_figures(found, beside, POLICY)], POLICY, str(day(PLACE))).alarms]


def advice(found: Compared, alarms: list[Finding]) -> str:
    labelled = found.comparison.quality.overall().labelled
    return retrain(Evidence(tuple(alarms), None, {}, labelled)).advice


def test_what_was_so_a_year_ago_is_called_seasonal_and_asks_for_no_training() -> None:
    found, alarms = compared(year_ago(summer))
    assert found.season is not None
    assert (found.season.source, len(found.season.nights)) == ("history", 31)
    marked = {each.id for each in alarms if each.evidence.get("seasonal")}
    assert {"drift.distance:number", "quality.calibration_gap:all rows", "concept.shift:calibration_gap"} <= marked
    gap = next(each for each in alarms if each.id == "quality.calibration_gap:all rows")
    assert gap.evidence["season_nights"] == 31
    slices = {each.id for each in alarms if each.id.startswith("concept.shift:kind")}
    assert slices
    assert slices <= marked
    assert advice(found, alarms) == "keep"
    part = season_part(found.season)
    assert part is not None
    assert part.digests.keys() == {each.night for each in year_ago(same)}


def test_what_was_otherwise_a_year_ago_is_no_season() -> None:
    found, alarms = compared(year_ago(same))
    assert found.season is not None
    assert not any(each.evidence.get("seasonal") for each in alarms)
    assert advice(found, alarms) in ("retrain", "recalibrate")


def test_too_few_nights_say_nothing_of_a_season() -> None:
    found, alarms = compared(year_ago(summer, 7))
    assert (found.season, season_part(found.season)) == (None, None)
    assert not any("seasonal" in each.evidence for each in alarms)


@cache
def two_years() -> Reference:
    """Training that holds the season of a year ago too."""
    bare = replace(reference(), audit=Audit())
    places = [*range(60), *range(PLACE - 365 - 5, PLACE - 365 + 10)]
    audits = {str(day(place)): audit_of(rows(1_000 + place), str(day(place)), bare) for place in places}
    profiles = tuple(
        replace(reference().nights[0], night=name, inputs=each.inputs, outputs=each.outputs)
        for name, each in audits.items()
    )
    return replace(reference(), audit=merge(list(audits.values())), nights=profiles)


def test_without_published_nights_those_of_training_are_taken() -> None:
    found, _ = compared((), two_years())
    assert found.season is not None
    assert found.season.source == "reference"
    days = [dt.date.fromisoformat(each) for each in found.season.nights]
    assert all(abs((FIRST + dt.timedelta(days=PLACE - 365) - each).days) <= AROUND + 1 for each in days)
    assert len(days) == 15
    assert compared((), reference())[0].season is None
