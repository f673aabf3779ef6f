"""A project whose night has rows that were set aside, and how a test releases them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import polars as pl

from batchops.partition import Night
from batchops.quarantine.choosing import Wish
from batchops.quarantine.releasing import Released, release
from batchops.run import Options
from tests.flights import NIGHT, Flights

__all__ = ["CONTRACT", "MENDED", "NEAR", "TIME", "break_rows", "files", "put_back"]

CONTRACT = "schemas/flights.py"
NEAR, TIME = "distance.in_range", "sched_arr_time.is_a_time_of_day"

MENDED = (("in_range=(80, 5000)", "in_range=(10, 5000)"), ('"version": 1,', '"version": 2,'))
"""A contract that knows of short flights."""


def break_rows(flights: Flights, night: Night = NIGHT) -> None:
    """Newark's rows 0 to 3 are too near, its rows 3 and 4 and one of Kennedy's arrive at a time that there is not."""

    def change(rows: pl.DataFrame) -> pl.DataFrame:
        row = pl.int_range(pl.len())
        return rows.with_columns(
            distance=pl.when(row < 4).then(17).otherwise("distance"),
            sched_arr_time=pl.when(row.is_between(3, 4)).then(1275).otherwise("sched_arr_time"),
        )

    flights.change(change, night, "EWR")
    late = pl.when(pl.int_range(pl.len()) == 7).then(1275).otherwise("sched_arr_time")
    flights.change(lambda rows: rows.with_columns(sched_arr_time=late), night, "JFK")


def put_back(flights: Flights, night: Night = NIGHT, options: Options | None = None, **wish: Any) -> Released:
    """Release rows, all by default, for a reason."""
    asked = Wish(wish.pop("reason", "a drill"), **{name: _tuple(value) for name, value in wish.items()})
    return release(flights.job, night, asked, flights.settings, options or Options())


def _tuple(value: Any) -> Any:
    return value if isinstance(value, bool) or not isinstance(value, Iterable) else tuple(value)


def files(flights: Flights) -> dict[Path, bytes]:
    """All that lasts in the store, leases aside."""
    store = flights.folder / "var/store"
    return {path: path.read_bytes() for path in store.rglob("*") if path.is_file() and "locks" not in path.parts}
