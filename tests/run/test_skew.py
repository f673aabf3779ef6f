"""A night against what its model was trained under, and against what another system logged for the same keys."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from batchops.audit.sections import SkewColumn, SkewPart
from batchops.audit.skew import NightSkew
from batchops.contract.record import record
from batchops.job import Job, Logged, load_job, problems
from batchops.models import resolve
from batchops.partition import Source
from batchops.run import Outcome, skew as run_skew
from batchops.run.inputs import examine, find
from batchops.run.reference import reference_of
from batchops.run.skew import Serving, measure_skew
from batchops.stats import Skew
from tests.flights import KEY, NAME, NIGHT, Flights

JOB, SCHEMA = f"jobs/{NAME}.py", "schemas/flights.py"
PATTERN = "var/data/online/night={night}/*.parquet"
MISSED, EXTRA, TWICE = 9, 12, 2


def online(flights: Flights) -> pl.DataFrame:
    """What the online service logged: humid is another in 3 % of the joined rows, distance is in kilometres."""
    rows = flights.rows().select(*dict.fromkeys((*KEY, *flights.job.contract.features))).sort(KEY)
    unknown = rows.head(EXTRA).with_columns(flight=9999 - pl.int_range(pl.len()))
    joined = rows.slice(MISSED, rows.height - MISSED - TWICE)
    wrong = pl.int_range(pl.len()) < round(0.03 * joined.height)
    joined = joined.with_columns(humid=pl.when(wrong).then(pl.col("humid").fill_null(0) + 1).otherwise("humid"))
    logged = pl.concat([joined, rows.tail(TWICE), rows.tail(TWICE), unknown])
    return logged.with_columns(distance=pl.col("distance") * 1.609)


def log(flights: Flights, rows: pl.DataFrame, files: int = 2) -> Path:
    folder = flights.folder / PATTERN.format(night=NIGHT).removesuffix("/*.parquet")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for number in range(files):
        rows.gather_every(files, number).write_parquet(folder / f"{number}.parquet")
    return folder


@pytest.fixture
def served(flights: Flights) -> Flights:
    """The project with a job that names what was logged; nothing is logged yet."""
    add = f'JOB = Job(\n    logged=Logged(Source("{PATTERN}")),\n'
    flights.edit(JOB, ("JOB = Job(\n", add), ("from batchops import ", "from batchops import Logged, "))
    return flights


def part(outcome: Outcome) -> SkewPart:
    assert outcome.document is not None
    assert outcome.document.skew is not None
    return outcome.document.skew


def columns(outcome: Outcome, kind: str) -> Mapping[str, SkewColumn]:
    return {each.column: each for each in part(outcome).columns if each.kind == kind}


def found(outcome: Outcome) -> dict[str, str]:
    """Findings of skew, by id."""
    assert outcome.document is not None
    return {each.id: each.severity.value for each in outcome.document.findings if each.check.startswith("skew.")}


def test_a_night_without_logged_rows_and_with_the_contract_of_training_says_nothing(flights: Flights) -> None:
    outcome = flights.run()
    assert outcome.document is not None
    assert outcome.document.skew is None
    assert outcome.document.provenance.logged is None
    assert found(outcome) == {}


def test_columns_that_differ_are_found_with_how_much(served: Flights) -> None:
    before = online(served)
    log(served, before)
    outcome = served.run()
    skew, features, shapes = part(outcome), columns(outcome, "feature"), columns(outcome, "distribution")
    joined = served.rows().height - MISSED - TWICE
    assert (skew.joined, skew.only_tonight, skew.only_logged) == (joined, MISSED, EXTRA)
    assert (skew.repeated_tonight, skew.repeated_logged, skew.nameless_tonight) == (0, TWICE, 0)
    assert skew.unmatched == pytest.approx((MISSED + EXTRA) / (joined + MISSED + EXTRA))
    humid, distance = features["humid"], features["distance"]
    assert (humid.differing, humid.rows) == (round(0.03 * joined), joined)
    assert humid.value == pytest.approx(0.03, abs=0.001)
    assert distance.differing == distance.rows == joined
    assert distance.mean_tonight is not None
    assert distance.mean_logged == pytest.approx(distance.mean_tonight * 1.609, rel=1e-6)
    assert {name for name, each in features.items() if each.differing} == {"humid", "distance"}
    assert shapes["distance"].value is not None
    assert shapes["distance"].value > 0.2
    assert shapes["temp"].value is not None
    assert shapes["temp"].value < 0.05
    assert found(outcome) == {
        "skew.feature:distance": "FAIL",
        "skew.feature:humid": "WARN",
        "skew.unmatched:all rows": "WARN",
        "skew.distribution:distance": "FAIL",
    }


def test_the_logged_files_are_in_the_provenance_and_do_not_name_the_run(served: Flights) -> None:
    first = served.run()
    assert found(first) == {}
    assert (part(first).why, part(first).joined, part(first).columns) == ("missing", None, ())
    log(served, online(served))
    assert served.run().state == "up to date"
    again = served.run(force=True, reason="logged rows came")
    assert again.document is not None
    assert first.document is not None
    assert again.document.run.key == first.document.run.key
    logged = again.document.provenance.logged
    assert logged is not None
    assert (logged.path, logged.files, logged.rows) == (PATTERN, ("0.parquet", "1.parquet"), online(served).height)
    assert part(again).why is None


def test_scores_do_not_change_with_what_was_logged(served: Flights) -> None:
    served.run()
    before = served.scores()
    log(served, online(served))
    served.run(force=True, reason="logged rows came")
    assert served.scores().equals(before)


def test_the_labels_of_a_night_show_the_same_skew(served: Flights) -> None:
    folder = log(served, online(served))
    scored = served.run()
    shutil.rmtree(folder)
    joined = served.join()
    assert part(joined) == part(scored)
    assert joined.document is not None
    assert scored.document is not None
    assert joined.document.provenance.logged == scored.document.provenance.logged


def test_a_model_trained_under_another_contract_says_what_changed(flights: Flights) -> None:
    record(flights.store, flights.job.contract)
    flights.edit(
        SCHEMA,
        ('"version": 1', '"version": 2'),
        (
            "    seats: int = pa.Field(\n        in_range=(1, 900)",
            "    seats: float = pa.Field(\n        in_range=(1, 700)",
        ),
        ('"unit": "mi"})\n\n', '"unit": "km"})\n\n'),
        (
            "    day_of_week: int = pa.Field(in_range=(1, 7)",
            "    day_of_week: int = pa.Field(nullable=True, in_range=(1, 7)",
        ),
    )
    outcome = flights.run()
    schema = columns(outcome, "schema")
    assert (part(outcome).trained_contract, part(outcome).contract) == ("Flights v1", "Flights v2")
    told = {name: (each.trained, each.now) for name, each in schema.items()}
    assert told == {
        "day_of_week": ("never null", "may be null"),
        "distance": ("in mi", "in km"),
        "seats": (
            "Int64; seats is between 1 and 900",
            "Float64; seats is between 1 and 700",
        ),
    }
    assert set(found(outcome)) == {f"skew.schema:{name}" for name in told}
    assert set(found(outcome).values()) == {"WARN"}
    assert part(outcome).joined is None
    assert part(flights.join()) == part(outcome)


def test_without_a_record_of_its_contract_a_model_is_compared_by_its_features(flights: Flights) -> None:
    shutil.rmtree(flights.folder / "var/store/contracts", ignore_errors=True)
    flights.edit(
        SCHEMA,
        ('"version": 1', '"version": 2'),
        ("    seats: int = ", "    seats: float = "),
        ('"unit": "mi"})\n\n', '"unit": "km"})\n\n'),
    )
    assert set(columns(flights.run(), "schema")) == {"seats"}
