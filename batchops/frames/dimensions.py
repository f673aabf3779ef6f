"""The values of a slice: those of its column, or intervals of numbers and times that have too many."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise

import polars as pl

from batchops.frames.layout import sample_of
from batchops.frames.sources import Table
from batchops.stats.discovery import in_bins

__all__ = ["as_text", "dimensions_of", "intervals"]

VALUES = 12
"""Numbers and times with more different values than these are taken in intervals."""

HOUR = 3_600_000_000_000
EPOCH = dt.date(1970, 1, 1)


def dimensions_of(tables: Sequence[Table], columns: Sequence[str]) -> Mapping[str, pl.Expr]:
    """How each column is sliced, with intervals at the quintiles of the first of these tables that has it."""
    found: dict[str, pl.Expr] = {}
    for table in tables:
        own = [name for name in columns if name in table.schema and name not in found]
        if own:
            sample, _ = sample_of(table, own)
            found |= {name: intervals(sample[name]) for name in own}
    return found


def as_text(values: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """Values as people write them: no ``.0`` behind whole numbers, and booleans in small letters; NaN is null."""
    if not (dtype.is_float() or dtype.is_decimal()):
        return values.cast(pl.String)
    numbers = values.cast(pl.Float64).fill_nan(None)
    whole = pl.when(numbers == numbers.round()).then(numbers.cast(pl.Int64, strict=False).cast(pl.String))
    return pl.coalesce(whole, numbers.cast(pl.String))


def intervals(sample: pl.Series) -> pl.Expr:
    """The column's values as text; of more than `VALUES` numbers or times, ``[low, high)``, the last ``[low, high]``.

    They are the bins in which slices are searched for (`batchops.stats.discovery.features`): a slice has one name,
    whoever named it. Dates and times are taken by day, times of day by hour, durations in seconds. What lies outside
    the sample belongs to the first or the last interval; null and NaN are null.

    >>> frame = pl.DataFrame({"x": [float(i) for i in range(100)]})
    >>> frame.select(intervals(frame["x"]))["x"].unique(maintain_order=True).to_list()
    ['[0, 19)', '[19, 39)', '[39, 59)', '[59, 79)', '[79, 99]']
    """
    column, dtype = pl.col(sample.name), sample.dtype
    if dtype == pl.String:
        return column
    if not (dtype.is_numeric() or dtype.is_temporal()):
        return column.cast(pl.String)
    numbers, plain, shown = _scale(column, dtype)
    values = sample.to_frame().select(numbers).to_series().drop_nulls().drop_nans()
    bins = in_bins(values) if values.n_unique() > VALUES else None
    if bins is None or not bins.edges:
        return plain
    names = bins.bins[:-1] if shown is None else _named(values, bins.edges, shown)
    found: pl.Expr = pl.when(numbers.is_not_null()).then(pl.lit(names[-1]))
    for edge, name in zip(reversed(bins.edges), reversed(names[:-1]), strict=True):
        found = pl.when(numbers < edge).then(pl.lit(name)).otherwise(found)
    return found


def _scale(column: pl.Expr, dtype: pl.DataType) -> tuple[pl.Expr, pl.Expr, Callable[[float], str] | None]:
    """A column as numbers, as text where there are few, and how one of the numbers is written if not as such."""
    if dtype == pl.Time:
        return column.cast(pl.Int64) // HOUR, column.cast(pl.String), lambda hour: f"{hour:02.0f}:00"
    if dtype == pl.Duration:
        seconds = column.dt.total_microseconds() / 1e6
        return seconds, as_text(seconds, pl.Float64()), None
    if dtype.is_temporal():
        days = column.dt.date()
        return days.cast(pl.Int64), days.cast(pl.String), lambda day: str(EPOCH + dt.timedelta(days=day))
    numbers = column.cast(pl.Float64).fill_nan(None)
    return numbers, as_text(column, dtype), None


def _named(values: pl.Series, edges: Sequence[float], shown: Callable[[float], str]) -> list[str]:
    low, high = float(values.min() or 0), float(values.max() or 0)  # type: ignore[arg-type] # whole numbers
    texts = [shown(each) for each in (low, *edges, high)]
    names = [f"[{start}, {end})" for start, end in pairwise(texts)]
    return [*names[:-1], f"[{texts[-2]}, {texts[-1]}]"]
