"""The frames that other tools were given, whose figures are kept in tests/stats/parity.

``python -m tests.stats.parity.frames FOLDER`` writes them as ``CASE-reference.parquet`` and ``CASE-current.parquet``;
then, each in the environment of its tool, ``python benchmarks/by_evidently.py figures REFERENCE CURRENT``.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.special import ndtri

from jobs.flights_data import data_folder, read_flights

__all__ = ["CASES", "FLIGHTS", "frames", "uniform"]

Floats = NDArray[np.float64]
Frames = tuple[pl.DataFrame, pl.DataFrame]

FLIGHTS = (
    "carrier",
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
    "flight",
    "late",
)
"""Columns of the flights that are compared."""


def uniform(rows: int, seed: int) -> Floats:
    """Numbers in (0, 1) that are the same on every machine and for every version of numpy (splitmix64)."""
    with np.errstate(over="ignore"):
        state = (np.arange(1, rows + 1, dtype=np.uint64) + np.uint64(seed * 1_000_003)) * np.uint64(0x9E3779B97F4A7C15)
        state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        state ^= state >> np.uint64(31)
    return ((state >> np.uint64(11)).astype(np.float64) + 0.5) / 2**53


def _normal(rows: int, seed: int, shift: float = 0.0) -> Floats:
    numbers: Floats = np.round(ndtri(uniform(rows, seed)) + shift, 6)
    return numbers


def _numbers(rows: int, seed: int, shift: float) -> Mapping[str, pl.Series]:
    normal = _normal(rows, seed, shift)
    spare = uniform(rows, seed + 1)
    third = np.floor(uniform(rows, seed + 2) ** (1 + shift) * 3)
    holes = pl.Series(normal)
    return {
        "normal": pl.Series(normal),
        "skewed": pl.Series(np.round(np.exp(2 * normal), 6)),
        "huge": pl.Series(normal * 1e300),
        "mostly_zero": pl.Series(np.where(spare < 0.8, 0.0, normal)),
        "constant": pl.Series(np.full(rows, 5.0)),
        "constant_moved": pl.Series(np.full(rows, 5.0 + shift)),
        "nearly_constant": pl.Series(np.where(np.arange(rows) == 7, 9.0, 5.0)),
        "one_far": pl.Series(np.where(np.arange(rows) == 7, 1e9 if shift else 0.0, normal)),
        "two_numbers": pl.Series(np.minimum(third, 1.0)),
        "three_numbers": pl.Series(third),
        "twelve_numbers": pl.Series(np.floor(spare ** (1 + shift) * 12) / 4),
        "thirty_numbers": pl.Series(np.floor(spare ** (1 + shift) * 30) / 8),
        "seven_integers": pl.Series(np.floor(spare ** (1 + shift) * 7).astype(np.int64)),
        "thirty_integers": pl.Series(np.floor(spare ** (1 + shift) * 30).astype(np.int64)),
        "unsigned": pl.Series(np.floor(spare * 30).astype(np.uint32)),
        "number_nulls": holes.set(pl.Series(spare < 0.3 + shift), None),
        "integer_nulls": pl.Series(np.floor(spare * 9).astype(np.int64)).set(pl.Series(spare < 0.2), None),
        "infinite": pl.Series(np.where(spare < 0.01, np.inf, np.where(spare > 0.995, -np.inf, normal))),
        "not_a_number": pl.Series(np.where(spare < 0.1, np.nan, normal)),
        "all_null": pl.Series([None] * rows, dtype=pl.Float64),
        "null_tonight": holes if not shift else pl.Series([None] * rows, dtype=pl.Float64),
    }


def _categories(rows: int, seed: int, shift: float) -> Mapping[str, pl.Series]:
    spare, other = uniform(rows, seed + 3), uniform(rows, seed + 4)
    five = pl.Series(np.floor(spare ** (1 + shift) * 5).astype(np.int64)).cast(pl.String)
    return {
        "text_five": five,
        "text_two": pl.Series(np.where(spare < 0.4 + shift / 5, "no", "yes")),
        "text_one": pl.Series(["only"] * rows),
        "text_moved": pl.Series(["before" if not shift else "after"] * rows),
        "text_unseen": pl.Series(np.where((other < 0.05) & (shift > 0), "new", five.to_numpy())),
        "text_gone": pl.Series(np.where((other < 0.05) & (shift == 0), "old", five.to_numpy())),
        "text_nulls": five.set(pl.Series(other < 0.3), None),
        "text_many": pl.Series(np.floor(spare**2 * 200).astype(np.int64)).cast(pl.String),
        "text_id": pl.Series(np.arange(rows)).cast(pl.String),
        "label": five.cast(pl.Enum([str(value) for value in range(5)])),
        "boolean": pl.Series(spare < 0.3 + shift / 5),
        "boolean_nulls": pl.Series(spare < 0.3 + shift / 5).set(pl.Series(other < 0.1), None),
    }


def _made_up(rows: int, now: int) -> Frames:
    was, is_ = (
        pl.DataFrame({**_numbers(n, seed, shift), **_categories(n, seed, shift)})
        for n, seed, shift in ((rows, 1, 0.0), (now, 101, 0.15))
    )
    return was, is_


def _flights() -> Frames:
    """January to March, and July."""
    flights = read_flights(data_folder()).with_columns(late=pl.col("arr_delay") > 15)
    month = pl.col("night").dt.month()
    return flights.filter(month <= 3).select(FLIGHTS), flights.filter(month == 7).select(FLIGHTS)


CASES: Mapping[str, Callable[[], Frames]] = {
    "flights": _flights,
    "small": lambda: _made_up(900, 731),
    "equal": lambda: _made_up(400, 400),
    "few": lambda: _made_up(40, 23),
    "longer": lambda: _made_up(900, 12_500),
    "large": lambda: _made_up(12_500, 3_001),
}
"""References of more than 10,000 rows take other formulas than those of up to 1,000, and equal sizes others again."""


def frames(case: str) -> Frames:
    """Reference and current."""
    return CASES[case]()


def main(folder: Path) -> None:
    """Write all frames."""
    for case in CASES:
        for side, frame in zip(("reference", "current"), frames(case), strict=True):
            frame.write_parquet(folder / f"{case}-{side}.parquet")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
