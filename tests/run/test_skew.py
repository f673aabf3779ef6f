"""A night against what its model was trained under, and against what another system logged for the same keys."""

from __future__ import annotations

import json
import math
import re
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from batchops import codec
from batchops.audit import Audit, AuditDocument
from batchops.audit.sections import SkewColumn, SkewPart
from batchops.audit.skew import NightSkew
from batchops.contract.versions.record import record
from batchops.job import Job, Logged, load_job, problems
from batchops.models import resolve
from batchops.partition import Source
from batchops.run import Outcome, skew as run_skew
from batchops.run.inputs import examine, find
from batchops.run.reference import reference_of
from batchops.run.skew import Serving, measure_skew
from batchops.stats import Skew, match_by_key
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


def test_a_night_waits_for_nothing_that_is_logged_and_says_why_it_was_not_compared(served: Flights) -> None:
    folder = log(served, online(served))
    (folder / "1.parquet").write_bytes(b"PAR1 and nothing more")
    damaged = served.run()
    assert (part(damaged).why, damaged.state) == ("unreadable", "published")
    served.edit(JOB, (f'Source("{PATTERN}")', f'Source("{PATTERN}", expect=3, deadline_hours=1)'))
    assert part(served.run(force=True, reason="again")).why == "incomplete"
    served.edit(JOB, (", expect=3, deadline_hours=1)", ")"))
    log(served, online(served).with_columns(pl.col("flight").cast(pl.String)))
    keyless = served.run(force=True, reason="again")
    assert part(keyless).why == "keyless"
    assert keyless.document is not None
    assert keyless.document.verdict.counts["NOT RUN"] >= 3
    assert found(keyless) == {}


def test_a_column_that_cannot_be_compared_is_not_run_and_the_others_are(served: Flights) -> None:
    rows = online(served).drop("dewp").with_columns(pl.col("visib").cast(pl.String))
    log(served, rows)
    features = columns(served.run(), "feature")
    assert features["dewp"].why == "absent in what was logged"
    assert features["visib"].why == "of type String in what was logged"
    assert {features[name].severity.value for name in ("dewp", "visib")} == {"NOT RUN"}
    assert features["humid"].differing


def test_a_tolerance_lets_rounding_pass(served: Flights) -> None:
    log(served, online(served).with_columns(pl.col("pressure") * (1 + 1e-9)))
    served.edit(JOB, (f'Source("{PATTERN}")', f'Source("{PATTERN}"), tolerance=1e-6'))
    features = columns(served.run(), "feature")
    assert features["pressure"].differing == 0
    assert features["humid"].differing


def test_means_of_few_rows_and_of_personal_data_are_nowhere(served: Flights) -> None:
    first = pl.int_range(pl.len()) < 9
    rows = served.rows().select(*dict.fromkeys((*KEY, *served.job.contract.features))).sort(KEY)
    log(served, rows.with_columns(temp=pl.when(first).then(12345.5).otherwise("temp"), dewp=pl.col("dewp") + 54321.5))
    served.edit(SCHEMA, ('metadata=weather("°F"))\n    humid', 'metadata={**weather("°F"), "pii": True})\n    humid'))
    outcome = served.run()
    features = columns(outcome, "feature")
    assert features["temp"].differing == 9
    assert (features["dewp"].differing or 0) > 900
    assert features["temp"].mean_logged is features["dewp"].mean_logged is None
    assert "dewp" not in columns(outcome, "distribution")
    assert outcome.document is not None
    told = repr((part(outcome), outcome.document.findings, outcome.document.drift))
    assert "humid" in told
    assert not re.search(r"\b(12345|54\d{3})\.", told)


def serving(flights: Flights) -> Serving:
    job, store = flights.job, flights.store
    version = resolve(store, f"{NAME}@champion")
    inputs = examine(find(job.job.source, NIGHT, job.project), 1)
    return Serving(job, NIGHT, inputs, version, reference_of(store, version).inputs)


def oracle(tonight: pl.DataFrame, logged: pl.DataFrame) -> tuple[dict[str, int], dict[str, int]]:
    """Counts and differing rows by a plain full join."""
    named = [frame.drop_nulls(list(KEY)) for frame in (tonight, logged)]
    once = [frame.filter(pl.struct(KEY).is_unique()) for frame in named]
    everywhere = [frame.select(KEY).unique() for frame in named]
    both = once[0].join(once[1], on=list(KEY), how="full", suffix="_logged").drop_nulls(["carrier", "carrier_logged"])
    counts = {
        "joined": both.height,
        "only_tonight": once[0].join(everywhere[1], on=list(KEY), how="anti").height,
        "only_logged": once[1].join(everywhere[0], on=list(KEY), how="anti").height,
        "repeated_tonight": everywhere[0].height - once[0].height,
        "repeated_logged": everywhere[1].height - once[1].height,
        "nameless_tonight": tonight.height - named[0].height,
        "nameless_logged": logged.height - named[1].height,
    }
    differing = {}
    for name in VALUES:
        ours, theirs = both[name].to_list(), both[f"{name}_logged"].to_list()
        differing[name] = sum(present(a) != present(b) for a, b in zip(ours, theirs, strict=True))
    return counts, differing


def present(value: Any) -> Any:
    """The value as Python compares it; NaN is missing."""
    return None if isinstance(value, float) and math.isnan(value) else value


VALUES = ("dest", "temp", "seats")
SCHEMA_OF_ROWS = {
    "carrier": pl.String,
    "flight": pl.Int64,
    "origin": pl.String,
    "dest": pl.String,
    "temp": pl.Float64,
    "seats": pl.Int64,
}
some = st.sampled_from
rows = st.lists(
    st.tuples(
        some(["AA", "ÜÄ", None]),
        some([1, 2, 3, None]),
        some(["EWR", "JFK"]),
        some(["ATL", "", "ü\U0001f600", None]),
        some([0.0, -0.0, 1.5, float("nan"), float("inf"), float("-inf"), None]),
        some([0, 1, 2**60, 2**60 + 1, None]),
    ),
    max_size=25,
).map(lambda drawn: pl.DataFrame(drawn, schema=SCHEMA_OF_ROWS, orient="row"))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tonight=rows, logged=rows, files=st.integers(1, 3), at_once=some([60, 200, 10**9]))
def test_any_bucketing_and_any_files_say_what_a_plain_join_says(
    served: Flights,
    monkeypatch: pytest.MonkeyPatch,
    tonight: pl.DataFrame,
    logged: pl.DataFrame,
    files: int,
    at_once: int,
) -> None:
    monkeypatch.setattr(run_skew, "AT_ONCE", at_once)
    served.cut({str(number): tonight.gather_every(files, number) for number in range(files)})
    log(served, logged, files)
    measured = measure_skew(serving(served), served.store, 1).logged
    assert measured is not None
    counts, differing = oracle(tonight, logged)
    assert {name: getattr(measured, name) for name in counts} == counts
    # Columns that tonight's files lack are a finding of the contract.
    assert {name: each.differing for name, each in measured.columns.items()} == differing


@pytest.mark.parametrize("at_once", [1_000, 10**9])
def test_a_damaged_file_of_tonight_has_no_rows_here_as_it_has_none_anywhere(
    served: Flights, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    log(served, online(served))
    damaged = served.files()[0]
    content = bytearray(damaged.read_bytes())
    content[100 : len(content) // 2] = bytes(len(content) // 2 - 100)
    damaged.write_bytes(content)
    monkeypatch.setattr(run_skew, "AT_ONCE", at_once)
    outcome = served.run()
    assert outcome.document is not None
    assert outcome.document.rows.unreadable_partitions == 1
    readable = sum(pl.read_parquet(file).height for file in served.files()[1:])
    assert (part(outcome).joined or 0) + (part(outcome).only_tonight or 0) == readable - TWICE
    assert 100 < readable < 900


def test_logged_files_that_change_while_they_are_read_are_not_compared(
    served: Flights, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = log(served, online(served))

    def slow(*args: Any) -> Skew:
        online(served).head(5).write_parquet(folder / "0.parquet")
        return match_by_key(*args)

    monkeypatch.setattr(run_skew, "match_by_key", slow)
    outcome = served.run()
    assert (outcome.state, part(outcome).why) == ("published", "changed")
    assert outcome.document is not None
    assert outcome.document.provenance.logged is None


def test_parts_of_a_night_without_skew_change_nothing(served: Flights) -> None:
    log(served, online(served))
    measured = measure_skew(serving(served), served.store, 1)
    assert NightSkew() + measured == measured == measured + NightSkew()
    assert isinstance(measured.logged, Skew)


@pytest.mark.parametrize(
    ("logged", "what"),
    [
        (Logged(Source("var/online.parquet")), "has no {night}"),
        (Logged(Source(PATTERN), tolerance=-0.1), "the tolerance of logged is -0.1"),
        (Logged(Source(PATTERN), tolerance=float("nan")), "the tolerance of logged is nan"),
        (Logged(Source(PATTERN)), ""),
    ],
)
def test_what_is_logged_is_checked_with_the_job(trained: Flights, logged: Logged, what: str) -> None:
    job: Job = replace(trained.job.job, logged=logged)
    wrong = problems(job, trained.job.contract)
    assert [what in each[0] for each in wrong] == ([True] if what else [])
    without: Any = replace(
        trained.job.contract,
        columns=tuple(
            each if "key" in each.roles else replace(each, roles=("passthrough",))
            for each in trained.job.contract.columns
        ),
    )
    assert any("nothing to compare" in each[0] for each in problems(job, without))


def test_what_is_logged_changes_the_jobs_digest(served: Flights) -> None:
    before = load_job(NAME, served.folder).digest
    served.edit(JOB, (f'Source("{PATTERN}")', f'Source("{PATTERN}"), tolerance=0.5'))
    assert load_job(NAME, served.folder).digest != before


def test_an_audit_from_before_there_was_skew_can_be_read(flights: Flights) -> None:
    outcome = flights.run()
    assert outcome.audit is not None
    path = Path(outcome.audit)
    old = json.loads(path.read_text())
    del old["skew"], old["provenance"]["logged"]
    assert codec.load(AuditDocument, json.dumps(old)) == outcome.document
    stored = json.loads(codec.dump(Audit()))
    del stored["skew"]
    assert codec.load(Audit, json.dumps(stored)) == Audit()
