"""Two tables of real flights: January to March as the reference, and any number of rows of April to December."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from batchops.models import Encoding, encode
from batchops.models.scoring import probability, threads
from jobs import flights_data
from jobs.flights_data import LATE_MINUTES, data_folder, read_flights
from jobs.flights_delay import fit

__all__ = ["COLUMNS", "current_path", "prepare", "reference_path"]

COLUMNS = tuple(name for name in flights_data.COLUMNS if name not in ("flight", "tailnum", "time_hour"))
"""What is compared; beside them stand ``score`` and ``label``."""

FIRST = 3
"""Months of the reference."""

CHUNK = 1_000_000


def reference_path(folder: Path) -> Path:
    """Where the reference lies."""
    return folder / "reference.parquet"


def current_path(folder: Path, rows: int) -> Path:
    """Where so many rows of the other months lie."""
    return folder / f"current-{rows}.parquet"


def prepare(folder: Path, sizes: list[int]) -> None:
    """Write what is not there yet: flights drawn again and again, with a model's scores and their outcomes."""
    if all(path.is_file() for path in (reference_path(folder), *(current_path(folder, rows) for rows in sizes))):
        return
    folder.mkdir(parents=True, exist_ok=True)
    early, late = _scored()
    early.write_parquet(reference_path(folder))
    for rows in sizes:
        _write(late, rows, current_path(folder, rows))


def _scored() -> tuple[pl.DataFrame, pl.DataFrame]:
    flights = read_flights(data_folder()).filter(pl.col("arr_delay").is_not_null())
    flights = flights.with_columns(label=(pl.col("arr_delay") > LATE_MINUTES).cast(pl.Int64))
    month = pl.col("night").dt.month()
    sides = flights.filter(month <= FIRST), flights.filter(month > FIRST)
    texts = [name for name in COLUMNS if flights.schema[name] == pl.String]
    encoding = Encoding.of(sides[0], COLUMNS, texts)
    with threads(2):
        model = fit(encode(sides[0], encoding), sides[0]["label"].to_numpy(), encoding.categorical)
        scored = [
            each.select(*COLUMNS, pl.Series("score", probability(model, encode(each, encoding))), "label")
            for each in sides
        ]
    return scored[0], scored[1]


def _write(flights: pl.DataFrame, rows: int, path: Path) -> None:
    random = np.random.default_rng(2013)
    parts = path.with_suffix(".parts")
    parts.mkdir(exist_ok=True)
    for start in range(0, rows, CHUNK):
        drawn = random.integers(0, flights.height, min(CHUNK, rows - start))
        flights[drawn].write_parquet(parts / f"{start:012}.parquet")
    pl.scan_parquet(parts / "*.parquet").sink_parquet(path)
    for each in parts.iterdir():
        each.unlink()
    parts.rmdir()
