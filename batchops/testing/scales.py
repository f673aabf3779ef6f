"""Values in order: every dtype whose values can be counted as whole numbers, and back, exactly."""

from __future__ import annotations

import datetime as dt
import math
from decimal import Decimal
from fractions import Fraction
from random import Random
from typing import Any

import polars as pl

__all__ = ["counted", "is_counted", "limits", "of_counts", "step", "usual_range", "whole"]

UNITS = {"ms": 10**3, "us": 10**6, "ns": 10**9}
"""Of a second."""

DAY = 86_400
FIRST, LAST = dt.date(1, 1, 1).toordinal(), dt.date(9999, 12, 31).toordinal()
EPOCH = dt.date(1970, 1, 1).toordinal()
USUAL = dt.date(2024, 1, 1).toordinal() - EPOCH, dt.date(2025, 12, 31).toordinal() - EPOCH
"""Days that made-up dates lie between, where nothing else is asked: the same ones every day, as with every seed."""


def is_counted(dtype: pl.DataType) -> bool:
    """Whether its values are whole numbers of something: integers, decimals, dates, times."""
    return dtype.is_integer() or dtype.is_decimal() or dtype.is_temporal()


def per_second(dtype: pl.DataType) -> int:
    """How many of the dtype's units a second has; 1 where it is no time."""
    if isinstance(dtype, pl.Datetime | pl.Duration):
        return UNITS[dtype.time_unit]
    return UNITS["ns"] if dtype == pl.Time else 1


def step(dtype: pl.DataType) -> int:
    """The distance between made-up values: a second for times, one for all others."""
    return per_second(dtype)


def limits(dtype: pl.DataType) -> tuple[int, int]:
    """The least and the greatest value, counted; of dates and times, those that Python has too."""
    if dtype.is_integer():
        bits = int(str(dtype).lstrip("UInt"))
        return (0, 2**bits - 1) if dtype.is_unsigned_integer() else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    if isinstance(dtype, pl.Decimal):
        return -(10 ** (dtype.precision or 38)) + 1, 10 ** (dtype.precision or 38) - 1
    if dtype == pl.Date:
        return FIRST - EPOCH, LAST - EPOCH
    if dtype == pl.Time:
        return 0, DAY * UNITS["ns"] - 1
    if isinstance(dtype, pl.Datetime):
        unit = per_second(dtype)
        # A day from either end, so that no time zone leads out of the calendar.
        low, high = (FIRST - EPOCH + 1) * DAY * unit, (LAST - EPOCH) * DAY * unit - 1
        return max(low, -(2**63) + 1), min(high, 2**63 - 1)
    return -(10**6) * DAY * per_second(dtype) // 10, 10**6 * DAY * per_second(dtype) // 10


def usual_range(dtype: pl.DataType, low: int | None, high: int | None, wide: int) -> tuple[int, int]:
    """Where made-up values lie, counted, both ends included.

    Args:
        low, high: What the contract says; None where it has no bound.
        wide: About how many different values are wanted at least.
    """
    least, most = limits(dtype)
    unit = per_second(dtype)
    if dtype == pl.Date:
        start, width = USUAL[0], max(USUAL[1] - USUAL[0], wide)
    elif isinstance(dtype, pl.Datetime):
        start, width = USUAL[0] * DAY * unit, max((USUAL[1] - USUAL[0]) * DAY, wide) * unit
    elif dtype == pl.Time or isinstance(dtype, pl.Duration):
        start, width = 0, DAY * unit - 1
    else:
        start, width = 0, max(1_000, 20 * wide) * 10 ** (dtype.scale if isinstance(dtype, pl.Decimal) else 0)
    if low is None and high is None:
        low, high = max(least, min(start, most)), start + width
    elif low is None:
        low = start if start < (high or 0) else (high or 0) - width
    elif high is None:
        high = start + width if low <= start else low + width
    return max(least, low), min(most, high or 0)


def counted(dtype: pl.DataType, value: Any, up: bool = True) -> int | None:
    """A bound as a count; None where it is none, endless, or cannot be read as the dtype.

    Args:
        up: Round a value between two counts up rather than down.
    """
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return None
    if dtype.is_numeric():
        if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
            return None
        exact: Fraction = Fraction(value) * 10 ** (dtype.scale if isinstance(dtype, pl.Decimal) else 0)
        return math.ceil(exact) if up else math.floor(exact)
    try:
        found = pl.Series([value]).cast(dtype).to_physical().item()
    except (pl.exceptions.PolarsError, TypeError, OverflowError):
        return None
    return None if found is None else int(found)


def of_counts(dtype: pl.DataType, counts: list[int]) -> pl.Series:
    """The values that counts stand for; null for those that the dtype does not have."""
    low, high = limits(dtype)
    kept = [count if low <= count <= high else None for count in counts]
    if isinstance(dtype, pl.Decimal):
        exact = [None if count is None else Decimal(f"{count}E-{dtype.scale}") for count in kept]
        return pl.Series(exact, dtype=dtype)
    if dtype.is_integer():
        return pl.Series(kept, dtype=dtype)
    return pl.Series(kept, dtype=pl.Int32 if dtype == pl.Date else pl.Int64).cast(dtype)


def whole(dtype: pl.DataType, low: int, high: int, count: int, rng: Random) -> list[int]:
    """Counts between two, both of them among these; all where there are not many more, else each as likely."""
    if high - low < 2 * count:
        every = list(range(low, high + 1))
        rng.shuffle(every)
        return every
    grain = step(dtype) if high - low > count * step(dtype) else 1
    drawn = (low + (rng.randint(low, high) - low) // grain * grain for _ in range(count))
    # A time is on the full second where its bounds allow it.
    snapped = (each - each % grain if each - each % grain >= low else each for each in drawn)
    return [low, high, *snapped]


def last_hours(dtype: pl.DataType, low: Any, high: Any, hours: float) -> tuple[Any, Any]:
    """The last hours of the last day that a date or time may have, for columns that must be fresh.

    Args:
        low, high: Bounds, as the author wrote them.
        hours: Before the day's end; of more than a day, the day alone.
    """
    day = 1 if dtype == pl.Date else DAY * per_second(dtype)
    least, most = counted(dtype, low), counted(dtype, high, up=False)
    last = (USUAL[1] * day if most is None else most) // day * day
    start = last if dtype == pl.Date else last + day - int(min(hours, 24) * 3600 * per_second(dtype))
    start = start if least is None else max(start, least)
    end = last + day - 1 if most is None else min(last + day - 1, most)
    if start > end:
        return low, high
    first, final = of_counts(dtype, [start, end]).to_list()
    return first, final
