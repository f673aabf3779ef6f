"""Columns that name people: their values lie in the scores and the quarantine, and nowhere else."""

from __future__ import annotations

import zlib
from pathlib import Path

import polars as pl
import pytest

from batchops.errors import JobError
from tests.cli.calls import Done, here
from tests.flights import NAME, NIGHT, NIGHTS, Flights, rows_in

SECRET = "secret"
CONTRACT, JOB = "schemas/flights.py", f"jobs/{NAME}.py"
KEYED = 'metadata={"role": ("key", "feature")'
PASSED = '            "role": "passthrough",\n'
TYPED = 'metadata={"role": "feature", "level": "warn"'
MARK = ', "pii": True'
MARKED = (
    # A key that is a feature, a column that is passed through, and a feature of the model.
    (f"{KEYED}}})\n    flight", f"{KEYED}{MARK}}})\n    flight"),
    (PASSED, f'{PASSED}            "pii": True,\n'),
    (f"{TYPED}}})", f"{TYPED}{MARK}}})"),
)
UNSLICED = (
    ('slices=(("carrier",), ', "slices=("),
    (', ("carrier", "part_of_day"))', ")"),
)


def plant(rows: pl.DataFrame) -> pl.DataFrame:
    """The secret in enough rows to be shown anywhere else: as a key, as a value that fails, and as one that passes."""
    row = pl.int_range(pl.len())
    return rows.with_columns(
        carrier=pl.when(row < 20).then(pl.lit("secret-carrier")).otherwise("carrier"),
        plane_type=pl.when(row.is_between(15, 60)).then(pl.lit("secret-type")).otherwise("plane_type"),
        tailnum=pl.when(row.is_between(40, 80)).then(pl.lit("secret-tail")).otherwise("tailnum"),
    )


@pytest.fixture
def marked(flights: Flights) -> Flights:
    flights.edit(CONTRACT, *MARKED)
    flights.edit(JOB, *UNSLICED)
    for night in NIGHTS[1:]:
        flights.change(plant, night, "LGA")
    return flights


def texts(flights: Flights) -> dict[str, str]:
    """All that a run leaves to be read, apart from scores and quarantine."""
    root = flights.folder / "var/store"
    found = {}
    for path in root.rglob("*"):
        name = str(path.relative_to(root))
        if not path.is_file() or name.startswith("models/") or "quarantine/" in name:
            continue
        if path.suffix == ".parquet":
            if not name.startswith("tables/scores"):
                found[name] = pl.read_parquet(path).write_json()
        elif path.suffix == ".audit":
            found[name] = zlib.decompress(path.read_bytes().partition(b"\n")[2]).decode()
        else:
            found[name] = path.read_bytes().decode(errors="replace")
    return found


def commands(*extra: str) -> list[list[str]]:
    night = ("--date", str(NIGHT))
    return [
        ["backfill", NAME, "--from", str(NIGHTS[0]), "--to", str(NIGHTS[2]), *extra],
        ["labels", NAME, *night, *extra],
        ["status", NAME, *extra],
        ["report", NAME, *night, "--render", *extra],
    ]


def test_a_persons_values_are_in_no_report_log_or_stream(marked: Flights) -> None:
    labels = pl.read_parquet(marked.labels())
    labels.with_columns(carrier=pl.lit("secret-label"), flight=pl.lit("secret-flight")).write_parquet(marked.labels())
    said: list[Done] = here([*commands(), *commands("--output", "json"), *commands("--debug")], cwd=marked.folder)
    assert {done.exit_code for done in said} <= {0, 3, 4}
    for done in said:
        assert SECRET not in done.stdout + done.stderr
    found = texts(marked)
    assert {Path(name).suffix for name in found} >= {".json", ".html", ".audit", ".parquet"}
    assert [name for name, text in found.items() if SECRET in text] == []


def test_what_is_set_aside_keeps_its_values_where_only_their_owner_looks(marked: Flights) -> None:
    outcome = marked.run()
    assert rows_in(outcome)[2] >= 20
    (folder,) = (marked.folder / "var/store").rglob("quarantine")
    aside = pl.concat([pl.read_parquet(path) for path in folder.glob("*.parquet")], how="diagonal_relaxed")
    assert (aside["carrier"] == "secret-carrier").sum() == 20


def test_without_the_mark_the_same_values_are_shown(flights: Flights) -> None:
    """Else the test above could not fail."""
    flights.change(plant, NIGHT, "LGA")
    outcome = flights.run()
    assert "secret-carrier 20" in Path(str(outcome.report)).read_text().replace("\N{NO-BREAK SPACE}", " ")
    assert any(SECRET in text for name, text in texts(flights).items() if name.endswith("night.audit"))


def test_a_night_that_was_stored_before_the_mark_no_longer_shows_its_values(flights: Flights) -> None:
    for night in NIGHTS[:2]:
        flights.change(plant, night, "LGA")
        flights.run(night)
    flights.edit(CONTRACT, *MARKED, ('"version": 1', '"version": 2'))
    flights.edit(JOB, *UNSLICED)
    outcome = flights.run()
    assert outcome.document is not None
    assert outcome.document.window.nights == 3
    assert SECRET not in Path(str(outcome.audit)).read_text() + Path(str(outcome.report)).read_text()


def test_personal_data_cannot_be_sliced_by(flights: Flights) -> None:
    flights.edit(CONTRACT, *MARKED)
    with pytest.raises(JobError, match="slices names 'carrier', which is personal data"):
        flights.run()
