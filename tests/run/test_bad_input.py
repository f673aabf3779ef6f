"""Everything that can be wrong with a night's files: each has a finding, an exit code, and no row unaccounted for."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from batchops.errors import GateError, InputChanged
from batchops.partition import Night
from batchops.run import Outcome, Progress, run_night
from batchops.store import published
from batchops.verdict import Severity
from tests.flights import KEY, NAME, NIGHT, Flights, rows_in

JOB = f"jobs/{NAME}.py"
ROWS = 945
FAIL, WARN = Severity.FAIL, Severity.WARN

Change = Callable[[pl.DataFrame], pl.DataFrame]


def found(outcome: Outcome) -> dict[str, Severity]:
    """What a night is told of: findings by check and subject."""
    assert outcome.document is not None
    return {finding.id: finding.severity for finding in outcome.document.findings}


@pytest.fixture(scope="module")
def usual(trained: Flights, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Severity]:
    """What the night is told of as it is: the summer after a winter."""
    flights = trained.copy(tmp_path_factory.mktemp("usual") / "project")
    outcome = flights.run()
    assert rows_in(outcome) == (ROWS, ROWS, 0)
    return found(outcome)


def other_rows(name: str, value: object, rows: int = 1) -> Change:
    """Another value in the first rows of a column."""
    return lambda frame: frame.with_columns(
        pl.when(pl.int_range(pl.len()) < rows).then(pl.lit(value)).otherwise(pl.col(name)).alias(name)
    )


def whole_column(name: str, value: object, kind: pl.DataType | type[pl.DataType]) -> Change:
    return lambda frame: frame.with_columns(pl.lit(value, kind).alias(name))


def cast(name: str, kind: type[pl.DataType]) -> Change:
    return lambda frame: frame.with_columns(pl.col(name).cast(kind))


ALL = {"contract.quarantined:all rows": FAIL}

# What is done to all three files: rows set aside, exit code, and findings that the night does not usually have.
BAD: dict[str, tuple[Change, int, int, dict[str, Severity]]] = {
    "a column is missing": (
        lambda rows: rows.drop("dest"),
        ROWS,
        3,
        {**ALL, "schema.missing_column:dest": FAIL},
    ),
    "a column of the key is missing": (
        lambda rows: rows.drop("flight"),
        ROWS,
        3,
        {**ALL, "schema.missing_column:flight": FAIL},
    ),
    "a column is renamed": (
        lambda rows: rows.rename({"wind_speed": "windSpeed"}),
        ROWS,
        3,
        {**ALL, "schema.missing_column:wind_speed": FAIL, "schema.extra_column:windSpeed": WARN},
    ),
    "a column is extra": (
        lambda rows: rows.with_columns(notes=pl.lit("late crew")),
        0,
        0,
        {"schema.extra_column:notes": WARN},
    ),
    "a column has a narrower type": (cast("distance", pl.Int32), 0, 0, {"schema.coerced:distance": WARN}),
    "a column has a wider type": (
        cast("distance", pl.Float64),
        ROWS,
        3,
        {**ALL, "schema.dtype:distance": FAIL},
    ),
    "numbers come as text": (cast("distance", pl.String), ROWS, 3, {**ALL, "schema.dtype:distance": FAIL}),
    "a time has no zone": (
        lambda rows: rows.with_columns(pl.col("time_hour").dt.replace_time_zone(None)),
        ROWS,
        3,
        {**ALL, "schema.dtype:time_hour": FAIL},
    ),
    "a column is all null": (
        whole_column("visib", None, pl.Float64),
        0,
        3,
        {"contract.rule:visib.not_null": WARN, "drift.null_share:visib": FAIL},
    ),
    "a column is all null and has no type": (
        whole_column("visib", None, pl.Null),
        0,
        3,
        {"contract.rule:visib.not_null": WARN, "drift.null_share:visib": FAIL, "schema.coerced:visib": WARN},
    ),
    "the key is all null": (
        whole_column("flight", None, pl.Int64),
        ROWS,
        3,
        {**ALL, "contract.rule:flight.not_null": FAIL},
    ),
    "a column is all NaN": (
        whole_column("visib", float("nan"), pl.Float64),
        ROWS,
        3,
        {
            **ALL,
            "contract.rule:visib.in_range": FAIL,
            "contract.rule:visib.not_null": WARN,
            "drift.null_share:visib": FAIL,
        },
    ),
    "a column is constant": (
        whole_column("distance", 500, pl.Int64),
        0,
        3,
        {"drift.distance:distance": FAIL},
    ),
    "one value is a billion": (other_rows("distance", 10**9), 3, 0, {"contract.rule:distance.in_range": WARN}),
    "one value is infinite": (other_rows("precip", float("inf")), 3, 0, {"contract.rule:precip.in_range": WARN}),
    "a carrier is unknown": (other_rows("carrier", "ZZ"), 3, 0, {"contract.rule:carrier.isin": WARN}),
    "every destination is unknown": (
        whole_column("dest", "XQZ", pl.String),
        0,
        3,
        {"drift.unseen_share:dest": FAIL, "drift.distance:dest": FAIL},
    ),
    "keys are twice in a file": (
        lambda rows: pl.concat([rows, rows.head(2)]),
        12,
        0,
        {"contract.rule:key.unique": WARN, "contract.quarantined:all rows": WARN},
    ),
}


@pytest.mark.parametrize("what", BAD)
def test_a_bad_column_or_row_is_named_and_every_row_is_accounted_for(
    flights: Flights, usual: dict[str, Severity], what: str
) -> None:
    how, set_aside, code, expected = BAD[what]
    flights.change(how)
    outcome = flights.run()
    rows = flights.rows().height
    assert rows_in(outcome) == (rows, rows - set_aside, set_aside)
    news = {name: severity for name, severity in found(outcome).items() if usual.get(name) != severity}
    assert news == expected
    assert outcome.exit_code == code
    if outcome.state == "withheld":
        assert published(flights.store, NAME, NIGHT) is None
    else:
        assert flights.scores().height == rows - set_aside


def finding(outcome: Outcome, name: str) -> dict[str, object]:
    assert outcome.document is not None
    (one,) = [finding for finding in outcome.document.findings if finding.id == name]
    return {"value": one.value, **one.evidence}


def test_every_row_that_fails_is_set_aside_with_its_key_however_many_there_are(flights: Flights) -> None:
    flights.change(other_rows("distance", -1, 250))
    outcome = flights.run()
    failing = flights.rows().filter(pl.col("distance") == -1).select(KEY)
    assert rows_in(outcome)[2] == failing.height == 750
    (folder,) = (flights.folder / "var/store").glob(f"runs/{NAME}/{NIGHT}/*/quarantine")
    aside = pl.concat(pl.read_parquet(file).select(KEY) for file in sorted(folder.glob("*.parquet")))
    assert aside.sort(KEY).equals(failing.sort(KEY))


def test_whole_numbers_with_gaps_stay_whole_numbers_and_are_refused_by_name_where_a_writer_made_floats_of_them(
    flights: Flights, usual: dict[str, Severity]
) -> None:
    """The fixture's night has such a column, and all its rows were scored; pandas writes it as floats and NaN."""
    seats = flights.rows()["seats"]
    assert seats.dtype == pl.Int64
    assert 0 < seats.null_count() < seats.len()
    assert not any(name.startswith("schema.") for name in usual)
    flights.change(lambda rows: rows.with_columns(pl.col("seats").cast(pl.Float64).fill_null(float("nan"))))
    outcome = flights.run()
    assert found(outcome)["schema.dtype:seats"] is FAIL
    assert rows_in(outcome) == (ROWS, 0, ROWS)


def test_a_renamed_column_is_recognised(flights: Flights) -> None:
    flights.change(lambda rows: rows.rename({"wind_speed": "windSpeed"}))
    assert finding(flights.run(), "schema.missing_column:wind_speed")["hint"] == "windSpeed"


def test_a_column_that_one_file_lacks_costs_that_file_alone(flights: Flights) -> None:
    lost = pl.read_parquet(flights.files()[2]).height
    flights.change(lambda rows: rows.drop("dest"), name="LGA")
    outcome = flights.run()
    assert rows_in(outcome) == (ROWS, ROWS - lost, lost)
    assert (outcome.state, outcome.exit_code) == ("withheld", 3)
    assert finding(outcome, "schema.missing_column:dest")["rows"] == lost


def test_one_billion_hides_neither_a_shift_nor_itself(flights: Flights, tmp_path: Path) -> None:
    def stretch(rows: pl.DataFrame) -> pl.DataFrame:
        return rows.with_columns((pl.col("distance") * 2).clip(80, 4900))

    flights.change(stretch)
    plain = flights.copy(tmp_path / "plain")
    flights.change(other_rows("distance", 10**9), name="LGA")
    name = "drift.distance:distance"
    with_it, without = flights.run(), plain.run()
    assert finding(with_it, name)["value"] == pytest.approx(finding(without, name)["value"], abs=0.003)
    assert finding(with_it, "contract.rule:distance.in_range")["failed"] == 1
    assert rows_in(with_it)[2] == 1


def test_a_rare_carrier_that_is_absent_is_no_news_and_a_new_destination_is(flights: Flights) -> None:
    rows = flights.rows()
    assert "OO" not in rows["carrier"].to_list()
    outcome = flights.run()
    names = found(outcome)
    assert not [name for name in names if "carrier" in name]
    new = rows["dest"].is_in(["ABQ", "ACK", "ANC", "BZN", "CHO", "MVY", "TVC", "SBN", "LEX", "HDN"]).sum()
    facts = finding(outcome, "contract.rule:dest.isin")
    assert 0 < int(str(facts["failed"])) <= new


def test_keys_that_two_files_share_are_all_set_aside(flights: Flights) -> None:
    shared = pl.read_parquet(flights.files()[0]).head(4)
    shared.write_parquet(flights.files()[0].with_name("late.parquet"))
    outcome = flights.run()
    assert rows_in(outcome) == (ROWS + 4, ROWS - 4, 8)
    assert found(outcome)["contract.rule:key.unique"] is WARN
    assert flights.scores().join(shared, on=list(KEY), how="semi").height == 0
    parts = {receipt.partition: receipt.quarantined for receipt in outcome.document.run.partitions}  # type: ignore[union-attr]
    assert parts == {"EWR.parquet": 4, "JFK.parquet": 0, "LGA.parquet": 0, "late.parquet": 4}


def test_a_file_without_rows_is_fine_and_warned_of(flights: Flights) -> None:
    gone = pl.read_parquet(flights.files()[2]).height
    flights.change(lambda rows: rows.clear(), name="LGA")
    outcome = flights.run()
    assert rows_in(outcome) == (ROWS - gone, ROWS - gone, 0)
    assert outcome.exit_code == 0
    assert found(outcome)["input.empty:LGA.parquet"] is WARN
    assert outcome.document is not None
    assert [receipt.partition for receipt in outcome.document.run.partitions if not receipt.rows] == ["LGA.parquet"]
    assert "LGA.parquet" in Path(str(outcome.report)).read_text()


def test_a_night_whose_files_have_no_rows_is_published_empty_and_flagged(flights: Flights) -> None:
    flights.change(lambda rows: rows.clear())
    outcome = flights.run()
    assert rows_in(outcome) == (0, 0, 0)
    assert (outcome.state, outcome.exit_code) == ("flagged", 3)
    empty = {f"input.empty:{file.name}": WARN for file in flights.files()}
    assert found(outcome) == {"volume.rows:all rows": FAIL, **empty}
    assert flights.scores().height == 0


DAMAGED: dict[str, Callable[[bytes], bytes]] = {
    "cut off": lambda data: data[:-100],
    "holed": lambda data: data[:2000] + bytes(len(data) - 6000) + data[-4000:],
    "a table of text": lambda _: b"carrier,flight\nUA,1\n",
    "empty": lambda _: b"",
}


@pytest.mark.parametrize("how", DAMAGED)
def test_a_file_that_is_no_parquet_withholds_the_night_and_its_rows_are_unknown(flights: Flights, how: str) -> None:
    file = flights.files()[0]
    lost = pl.read_parquet(file).height
    file.write_bytes(DAMAGED[how](file.read_bytes()))
    outcome = flights.run()
    assert rows_in(outcome) == (ROWS - lost, ROWS - lost, 0)
    assert (outcome.state, outcome.exit_code) == ("withheld", 3)
    assert found(outcome)["input.unreadable:EWR.parquet"] is FAIL
    assert outcome.document is not None
    assert outcome.document.rows.unreadable_partitions == 1
    assert published(flights.store, NAME, NIGHT) is None


def test_a_night_of_which_nothing_can_be_read_is_withheld(flights: Flights) -> None:
    for file in flights.files():
        file.write_bytes(b"PAR1")
    outcome = flights.run()
    assert rows_in(outcome) == (0, 0, 0)
    assert (outcome.state, outcome.exit_code) == ("withheld", 3)


def test_a_withheld_night_leaves_the_scores_of_before(flights: Flights) -> None:
    first = flights.run()
    before = flights.scores()
    flights.change(lambda rows: rows.drop("dest"), name="LGA")
    assert flights.run().state == "withheld"
    assert published(flights.store, NAME, NIGHT) == first.run_id
    assert flights.scores().equals(before)


def test_a_night_without_files_is_not_there_yet(flights: Flights) -> None:
    for file in flights.files():
        file.unlink()
    outcome = flights.run()
    assert (outcome.state, outcome.exit_code) == ("not ready", 75)
    assert str(NIGHT) in str(outcome.note)
    assert flights.runs() == ()


def test_a_night_that_never_comes_says_which_nights_there_are(flights: Flights) -> None:
    outcome = flights.run(Night.parse("2031-01-01"))
    assert (outcome.state, outcome.exit_code) == ("not ready", 75)
    assert "2013-06-30 to 2013-07-03" in str(outcome.note)


def test_fewer_files_than_expected_are_not_yet_and_after_the_deadline_a_failure(flights: Flights) -> None:
    pattern = 'Source("var/data/flights/night={night}/*.parquet"'
    flights.edit(JOB, (f"{pattern})", f"{pattern}, expect=3)"))
    assert flights.run().state in ("published", "flagged")
    flights.files()[1].unlink()
    waiting = flights.run()
    assert (waiting.state, waiting.exit_code) == ("not ready", 75)
    assert "2 of 3 files are there" in str(waiting.note)
    flights.edit(JOB, ("expect=3)", "expect=3, deadline_hours=6)"))
    with pytest.raises(GateError, match="past its deadline") as late:
        flights.run()
    assert late.value.exit_code == 3


def test_a_night_waits_for_its_marker(flights: Flights) -> None:
    pattern = 'Source("var/data/flights/night={night}/*.parquet"'
    flights.edit(JOB, (f"{pattern})", f'{pattern}, marker="_SUCCESS")'))
    waiting = flights.run()
    assert (waiting.state, waiting.exit_code) == ("not ready", 75)
    assert "_SUCCESS" in str(waiting.note)
    (flights.files()[0].parent / "_SUCCESS").touch()
    assert flights.run().exit_code == 0


CHANGING: dict[str, Callable[[Path], object]] = {
    "grew": lambda file: file.write_bytes(file.read_bytes() + b"more"),
    "was replaced": lambda file: os.replace(file.with_name("EWR.parquet"), file),
    "vanished": lambda file: file.unlink(),
    "was touched": lambda file: os.utime(file, (1, 1)),
}


@pytest.mark.parametrize("how", CHANGING)
def test_a_file_that_changes_while_the_night_runs_stops_it_and_nothing_is_published(flights: Flights, how: str) -> None:
    last = flights.files()[-1]
    seen: list[Progress] = []

    def meddle(progress: Progress) -> None:
        """When the last partition is done: later than this nobody reads the input."""
        seen.append(progress)
        if progress.done == progress.total:
            CHANGING[how](last)

    with pytest.raises(InputChanged) as stopped:
        run_night(flights.job, NIGHT, flights.settings, observe=meddle)
    assert stopped.value.exit_code == 75
    assert seen[-1].done == 3
    assert published(flights.store, NAME, NIGHT) is None
    assert flights.runs() == ()
    assert flights.run().state in ("published", "withheld", "flagged")
