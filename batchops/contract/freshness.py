"""How old the newest row of a night is."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from zoneinfo import ZoneInfo

import polars as pl

from batchops.contract.arriving import fit_rows
from batchops.contract.terms import Contract
from batchops.partition import Night

__all__ = ["age", "newest"]

EPOCH = dt.datetime(1970, 1, 1)


def newest(contract: Contract, frame: pl.DataFrame) -> int | None:
    """The largest value of the contract's freshness column, in microseconds since 1970.

    A date is its midnight; a time without a zone is counted by its own clock.

    Returns:
        None where the contract asks for no freshness, or no row has a value that can be read.
    """
    asked = contract.freshness
    if asked is None:
        return None
    fitted = fit_rows(replace(contract, columns=(contract.column(asked.column),)), frame)
    latest = pl.col(asked.column).dt.epoch("us").max()
    value = fitted.rows.select(latest).item()
    return None if value is None else int(value)


def age(contract: Contract, newest: int | None, night: Night, timezone: str) -> float | None:
    """Hours from the newest value to the night's end; below zero where it lies after it, None where there is none.

    The night ends at midnight in its own time zone. A value with a zone is a moment, whatever zone that is; one without
    is a time on the night's own clocks.

    Args:
        timezone: Of the night, IANA name.
    """
    if newest is None or contract.freshness is None:
        return None
    end = dt.datetime.combine((night + 1).date, dt.time())
    if getattr(contract.column(contract.freshness.column).dtype, "time_zone", None) is not None:
        end = end.replace(tzinfo=ZoneInfo(timezone)).astimezone(dt.UTC).replace(tzinfo=None)
    return ((end - EPOCH) // dt.timedelta(microseconds=1) - newest) / 3_600_000_000
