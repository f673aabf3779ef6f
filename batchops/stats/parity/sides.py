"""One column of one side, as another tool is given it: its different values, and how many rows hold each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

__all__ = ["Batches", "Floats", "Integers", "Pair", "Side", "chunked", "paired", "rows_of", "tally"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

Batches = Callable[[str], Iterator[pl.Series]]
"""A side: the rows of one of its columns, in order and in parts of any size. It is called again for every pass."""

SMALLEST_MERGE = 2**20
"""Lines of parts that are worth being put together."""


@dataclass(frozen=True, slots=True)
class Side:
    """A column's rows, in any order.

    Attributes:
        kind: ``number``, ``text``, ``label`` (categorical, enum), ``boolean`` or ``other``, which no tool compares.
        table: Sorted ``value``, Float64, String or Boolean, neither null nor NaN, and ``rows`` that hold it.
        rows: All of them.
        whole: All rows hold an integer. pandas makes floating numbers of integers where one is missing, and the tools
            go by its dtypes.
        signed: Of integers, that they may be negative.
    """

    kind: str
    table: pl.DataFrame
    rows: int
    whole: bool = False
    signed: bool = True

    @property
    def values(self) -> Floats:
        """Of numbers, sorted."""
        return self.table["value"].to_numpy()

    @property
    def counts(self) -> Integers:
        """Rows of each value."""
        return self.table["rows"].to_numpy()

    @property
    def held(self) -> int:
        """Rows with a value."""
        return int(self.table["rows"].sum())

    @property
    def different(self) -> int:
        """Values."""
        return self.table.height

    @property
    def finite(self) -> Side:
        """Without infinite numbers."""
        if self.kind != "number":
            return self
        return Side(self.kind, self.table.filter(pl.col("value").is_finite()), self.rows, self.whole, self.signed)


@dataclass(frozen=True, slots=True)
class Pair:
    """Rows of each value that a side holds, in the order of the values."""

    table: pl.DataFrame
    reference: Integers
    current: Integers

    @property
    def values(self) -> Floats:
        """Of numbers, sorted."""
        return self.table["value"].to_numpy()


def paired(reference: Side, current: Side) -> Pair:
    """The values of both sides side by side; both must be of one kind."""
    table = (
        reference.table.rename({"rows": "was"})
        .join(current.table.rename({"rows": "now"}), on="value", how="full", coalesce=True)
        .with_columns(pl.col("was", "now").fill_null(0))
        .sort("value")
    )
    return Pair(table, table["was"].to_numpy(), table["now"].to_numpy())


def tally(batches: Iterable[pl.Series]) -> Side:
    """Count the rows of every value; holds all different values of the batches, 16 bytes each and more for texts."""
    parts, lines, merged, rows, missing = list[pl.DataFrame](), 0, 0, 0, 0
    dtype: pl.DataType = pl.Null()
    for series in batches:
        dtype = dtype if series.dtype == pl.Null else series.dtype
        kept = _plain(series)
        rows, missing = rows + len(series), missing + len(series) - len(kept)
        parts.append(pl.DataFrame({"value": kept}).group_by("value").len("rows").cast({"rows": pl.Int64}))
        lines += parts[-1].height
        if lines > 2 * merged + SMALLEST_MERGE:
            parts = [_merged(parts)]
            lines = merged = parts[0].height
    kind = _kind(dtype)
    table = _merged([part for part in parts if part.height] or [_empty(kind)]).sort("value")
    return Side(kind, table, rows, dtype.is_integer() and not missing, not dtype.is_unsigned_integer())


def _plain(series: pl.Series) -> pl.Series:
    """The rows that have a value, as Float64, String or Boolean; none of a kind that no tool compares."""
    kind = _kind(series.dtype)
    if kind == "other":
        return pl.Series([], dtype=pl.Float64)
    if kind != "number":
        return series.drop_nulls().cast(pl.Boolean if kind == "boolean" else pl.String)
    return series.cast(pl.Float64).drop_nulls().drop_nans()


def _kind(dtype: pl.DataType) -> str:
    if dtype.is_integer() or dtype.is_float():
        return "number"
    if dtype == pl.Boolean:
        return "boolean"
    if dtype in (pl.Categorical, pl.Enum):
        return "label"
    return "text" if dtype == pl.String else "other"


def _empty(kind: str) -> pl.DataFrame:
    dtype = {"text": pl.String, "label": pl.String, "boolean": pl.Boolean}.get(kind, pl.Float64)
    return pl.DataFrame(schema={"value": dtype, "rows": pl.Int64})


def _merged(parts: list[pl.DataFrame]) -> pl.DataFrame:
    return pl.concat(parts).group_by("value").agg(pl.col("rows").sum()) if len(parts) > 1 else parts[0]


def rows_of(batches: Iterable[pl.Series]) -> int:
    """Rows of all batches."""
    return sum(len(series) for series in batches)


def chunked(batches: Iterable[pl.Series], size: int) -> Iterator[Side]:
    """Each ``size`` rows, and what is left over as a smaller chunk."""
    parts, held = list[pl.Series](), 0
    for series in batches:
        start = 0
        while start < len(series):
            part = series.slice(start, size - held)
            parts.append(part)
            start, held = start + len(part), held + len(part)
            if held == size:
                yield tally(parts)
                parts, held = [], 0
    if parts:
        yield tally(parts)
