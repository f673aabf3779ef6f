"""A real night beside the nights before it: what is measured of every night, and what changed this week."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from batchops.models import resolve
from batchops.partition import Night
from batchops.run.history import healthy
from batchops.store.records import metrics
from batchops.verdict import Severity
from tests.flights import NAME, Flights

NIGHTS = tuple(Night.parse("2013-01-14").through(Night.parse("2013-01-22")))
TONIGHT = NIGHTS[-1]
JOB = f"jobs/{NAME}.py"


@pytest.fixture(scope="module")
def past(trained: Flights, tmp_path_factory: pytest.TempPathFactory) -> Flights:
    """Eight nights of winter are published, as the model knows it."""
    made = trained.copy(tmp_path_factory.mktemp("past") / "project", NIGHTS)
    for night in NIGHTS[:-1]:
        assert made.run(night).state == "published"
    return made


@pytest.fixture
def tonight(past: Flights, tmp_path: Path) -> Flights:
    return past.copy(tmp_path / "project", [TONIGHT], kept="")


def test_a_night_as_the_ones_before_changes_nothing(tonight: Flights) -> None:
    document = tonight.run(TONIGHT).document
    assert document is not None
    assert document.recent is not None
    assert (document.recent.nights, document.recent.compared, document.recent.season) == (8, 8, "recent")
    assert (document.recent.first, document.recent.last) == (str(NIGHTS[0]), str(NIGHTS[-2]))
    assert len(document.recent.columns) == len(document.columns)
    assert document.retrain is not None
    series = {each.name: each for each in document.recent.series}
    assert series["rows"].value == document.rows.total
    assert series["rows"].severity is Severity.PASS
    assert not [finding for finding in document.findings if finding.check.startswith(("recent.", "series."))]


def test_every_measurement_is_a_row_of_the_table_as_it_was_measured(tonight: Flights) -> None:
    outcome = tonight.run(TONIGHT)
    assert outcome.document is not None
    run = outcome.document.run
    table = metrics(tonight.store, NAME, TONIGHT, TONIGHT).filter(pl.col("metric").str.starts_with("series."))
    found = {(row["metric"], row["subject"]): row for row in table.iter_rows(named=True)}
    assert found["series.rows", "all rows"]["value"] == outcome.document.rows.total
    assert found["series.rows", "all rows"]["n"] == 8
    assert found["series.files", "all rows"]["value"] == 3
    assert found["series.peak_memory", "all rows"]["value"] == pytest.approx(run.peak_memory, rel=1e-8)
    assert run.peak_memory > 2**20
    assert found["series.cpu_seconds", "all rows"]["value"] == pytest.approx(run.cpu_seconds, rel=0.01)
    assert {subject for metric, subject in found if metric == "series.stage_seconds"} <= {*run.stages}
    lower, upper = found["series.seconds", "all rows"]["lower"], found["series.seconds", "all rows"]["upper"]
    assert lower < upper
    assert {row["severity"] for row in found.values()} <= {"PASS", "WARN", "UNSURE"}


def test_what_a_run_takes_stands_in_its_own_part_and_changes_no_verdict(tonight: Flights) -> None:
    outcome = tonight.run(TONIGHT)
    assert outcome.audit is not None
    written = json.loads(Path(outcome.audit).read_text())
    own = {each["name"] for each in written["run"]["series"]}
    assert own == {"seconds", "files", "stage_seconds", "rows_per_second", "cpu_seconds", "peak_memory"}
    del written["run"]
    assert not [name for name in own if f'"name": "{name}"' in json.dumps(written)]


def test_a_quarter_of_a_delivery_lies_outside_what_eight_nights_foresee(tonight: Flights) -> None:
    """Eight nights prove little among all figures of a night, so that it is shown and may be no alarm yet."""
    tonight.change(lambda rows: rows.head(rows.height // 4), TONIGHT)
    document = tonight.run(TONIGHT).document
    assert document is not None
    assert document.recent is not None
    (found,) = [each for each in document.recent.series if each.name == "rows"]
    assert found.severity in (Severity.WARN, Severity.UNSURE)
    assert found.change == pytest.approx(-0.75, abs=0.1)
    assert found.value is not None
    assert found.lower is not None
    assert found.value < found.lower


def test_nights_that_failed_or_are_exceptional_are_not_what_is_usual(tonight: Flights) -> None:
    rows, store = tonight.runs(), tonight.store
    version = resolve(store, f"{NAME}@champion")
    assert [each.night for each in healthy(store, rows, TONIGHT, version)] == [str(night) for night in NIGHTS[:-1]]
    without = healthy(store, rows, TONIGHT, version, [str(NIGHTS[2])])
    assert [each.night for each in without] == [str(night) for night in NIGHTS[:-1] if night != NIGHTS[2]]
    failed = tuple(replace(row, severity="FAIL") if row.night == NIGHTS[3] else row for row in rows)
    assert str(NIGHTS[3]) not in [each.night for each in healthy(store, failed, TONIGHT, version)]
    assert healthy(store, rows, NIGHTS[0], version) == ()
    assert healthy(store, rows, TONIGHT + 100, version) == ()


def test_a_policy_names_the_nights_that_say_nothing(tonight: Flights) -> None:
    tonight.edit(JOB, ("policy=Policy(\n        {", f'policy=Policy(\n        exceptional=("{NIGHTS[0]}",), limits={{'))
    document = tonight.run(TONIGHT).document
    assert document is not None
    assert document.recent is not None
    assert (document.recent.nights, document.recent.compared) == (7, 0)
    assert document.verdict.counts["NOT RUN"] >= 1
