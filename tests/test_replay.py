"""A contract tried on published nights says what a night that is scored again under it then does."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pytest

from batchops import codec
from batchops.contract import FAILED_RULES, ROW
from batchops.errors import JobError
from batchops.replay import Replay, replay
from batchops.verdict import Severity
from tests.flights import LAST, NAME, NIGHT, NIGHTS, Flights

CONTRACT = "schemas/flights.py"
RAISE = ('"version": 1', '"version": 2')

Row = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Aside:
    """Rows that a run set aside, with the rules that they fail."""

    rows: dict[Row, list[str]]

    def __sub__(self, other: Aside) -> Aside:
        return Aside({row: rules for row, rules in self.rows.items() if row not in other.rows})

    def count(self, rule: str) -> int:
        return sum(rule in rules for rules in self.rows.values())


def aside(flights: Flights, folder: str) -> Aside:
    """What a run's quarantine files hold."""
    files = (Path(flights.store.root) / folder / "quarantine").glob("*.parquet")
    frames = [pl.read_parquet(file, columns=["_partition", ROW, FAILED_RULES]) for file in files]
    return Aside({(row[0], row[1]): row[2] for frame in frames for row in frame.iter_rows()})


def folder_of(flights: Flights, run_id: str | None) -> str:
    (row,) = (row for row in flights.runs() if row.run_id == run_id)
    return row.run_folder


def over(flights: Flights, nights: int = 30) -> Replay:
    job = flights.job
    return replay(job.contract, job, nights, flights.settings)


@pytest.mark.parametrize(
    "change",
    [
        ("in_range=(80, 5000)", "in_range=(200, 5000)"),
        ("in_range=(1, 9999)", "in_range=(1000, 6000)"),
        ('"role": ("key", "feature")})\n    flight', '"role": "feature"})\n    flight'),
        ('pl.col("dest") != pl.col("origin")', 'pl.col("dest") > pl.col("origin")'),
    ],
)
def test_it_says_what_a_night_that_is_scored_again_then_does(flights: Flights, change: tuple[str, str]) -> None:
    spoilt(flights)
    first = flights.run()
    before = aside(flights, folder_of(flights, first.run_id))
    flights.edit(CONTRACT, change, RAISE)
    if "key" in change[0]:
        flights.edit("jobs/flights_delay.py", ('key=("carrier", "flight", "origin")', 'key=("flight", "origin")'))
    (night,) = over(flights).nights
    again = flights.run(force=True, reason="another contract")
    assert again.document is not None
    after = aside(flights, f"runs/{NAME}/{NIGHT}/{again.run_id}")
    rejected, accepted = after - before, before - after
    assert (night.rejected, night.accepted) == (len(rejected.rows), len(accepted.rows))
    assert night.rejected + night.accepted > 0
    assert (night.set_aside, night.set_aside_before) == (len(after.rows), len(before.rows))
    rules = {rule.id: rule for rule in again.document.rules}
    assert {id: (each.failed, each.evaluated) for id, each in night.rules.items() if id in rules} == {
        id: (rule.failed, rule.evaluated) for id, rule in rules.items()
    }
    sets_aside = {id for id, rule in rules.items() if rule.action != "continue"}
    for id in sets_aside:
        assert night.rules[id].rejected == rejected.count(id)
    assert night.withheld == (again.state == "withheld")


def spoilt(flights: Flights) -> None:
    """Give the night a few rows that its contract sets aside: copies of keys, and a flight to nowhere."""
    path = sorted((flights.folder / "var/data/flights" / f"night={NIGHT}").glob("*.parquet"))[0]
    rows = pl.read_parquet(path)
    wrong = rows.head(3).with_columns(distance=pl.lit(0, pl.Int64), flight=pl.lit(77, pl.Int64))
    pl.concat([rows, rows.slice(5, 2), wrong]).write_parquet(path)


def test_the_contract_that_nights_were_published_under_changes_nothing(flights: Flights) -> None:
    spoilt(flights)
    for night in NIGHTS:
        flights.run(night)
    found = over(flights)
    assert [each.night for each in found.nights] == [str(night) for night in NIGHTS]
    assert (found.rejected, found.accepted, found.failing, found.skipped) == (0, 0, (), ())
    assert found.rows == sum(row.rows_in for row in flights.runs())
    assert all(rule.failed == rule.before for rule in found.rules)
    assert all(each.severity is each.before for each in found.nights)


def test_it_leaves_the_store_as_it_was(flights: Flights) -> None:
    flights.run()
    flights.edit(CONTRACT, ("in_range=(80, 5000)", "in_range=(200, 5000)"))
    before = sorted((path, path.stat().st_mtime_ns) for path in Path(flights.store.root).rglob("*"))
    assert over(flights).rejected > 0
    assert sorted((path, path.stat().st_mtime_ns) for path in Path(flights.store.root).rglob("*")) == before


def test_nights_are_the_newest_published_ones(flights: Flights) -> None:
    for night in NIGHTS[:3]:
        flights.run(night)
    assert [each.night for each in over(flights, 2).nights] == [str(night) for night in NIGHTS[1:3]]


def test_a_job_without_a_published_night_says_so(flights: Flights) -> None:
    with pytest.raises(JobError, match="no published night"):
        over(flights)


class TestANightThatIsNotAsItWas:
    @pytest.fixture
    def published(self, flights: Flights) -> Flights:
        for night in (NIGHT, LAST):
            flights.run(night)
        return flights

    def files(self, flights: Flights) -> list[Path]:
        return sorted((flights.folder / "var/data/flights" / f"night={NIGHT}").glob("*.parquet"))

    def skipped(self, flights: Flights) -> str:
        found = over(flights)
        assert [each.night for each in found.nights] == [str(LAST)]
        (skipped,) = found.skipped
        assert skipped.night == str(NIGHT)
        return skipped.why

    def test_as_a_file_has_changed(self, published: Flights) -> None:
        file = self.files(published)[0]
        pl.read_parquet(file).head(5).write_parquet(file)
        assert self.skipped(published) == f"{file.name} has changed since"

    def test_as_its_files_are_gone(self, published: Flights) -> None:
        for file in self.files(published)[:2]:
            file.unlink()
        assert self.skipped(published) == "2 of 3 files are gone"

    def test_as_another_file_has_come(self, published: Flights) -> None:
        file = self.files(published)[0]
        shutil.copy(file, file.with_name("more.parquet"))
        assert self.skipped(published) == "a file has come since"

    def test_as_what_it_set_aside_is_gone(self, flights: Flights) -> None:
        spoilt(flights)
        for night in (NIGHT, LAST):
            flights.run(night)
        shutil.rmtree(Path(flights.store.root) / folder_of(flights, flights.runs()[0].run_id) / "quarantine")
        assert self.skipped(flights) == "the rows that were set aside are gone"


def test_a_night_that_would_fail_is_told_from_one_that_did(flights: Flights) -> None:
    flights.run()
    flights.edit(CONTRACT, ("in_range=(80, 5000)", "in_range=(3000, 5000)"))
    found = over(flights)
    (night,) = found.failing
    assert (night.severity, night.withheld) == (Severity.FAIL, True)
    (rule,) = (rule for rule in found.rules if rule.id == "distance.in_range")
    assert (rule.fails, rule.nights) == (1, (str(NIGHT),))
    assert rule.share is not None
    assert rule.share > 0.5


def test_no_value_of_the_data_is_in_what_it_says(flights: Flights) -> None:
    flights.run()
    flights.edit(CONTRACT, ("in_range=(80, 5000)", "in_range=(200, 5000)"))
    said = codec.dump(over(flights)).decode()
    assert "values" not in said
    assert Counter(json.loads(said)["nights"][0]["rules"]["distance.in_range"].keys()) == Counter(
        ["failed", "evaluated", "unknown", "before", "rejected", "severity"]
    )
