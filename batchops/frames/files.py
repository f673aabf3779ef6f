"""Files as one table: parquet or CSV, however their columns differ from file to file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import polars as pl

from batchops.errors import GateError, UsageError

__all__ = ["SUFFIXES", "parquet_batches", "scan_files", "scan_wider", "suffix_of"]

SUFFIXES = (".parquet", ".csv", ".csv.gz", ".tsv")

LOOKED = 1_000
"""Rows of a CSV file from which its types are guessed; polars takes a tenth of a millisecond for each."""

TYPES = (pl.Null(), pl.Int64(), pl.Float64(), pl.Boolean(), pl.Date(), pl.Datetime("us"))
"""What a column may hold that is empty in those rows, the narrowest first; text is what holds all."""

Types = Mapping[str, Sequence[pl.DataType]]


def suffix_of(name: str) -> str | None:
    """What kind of file a name is; None where it is none that can be read."""
    return next((suffix for suffix in SUFFIXES if name.lower().endswith(suffix)), None)


def scan_files(text: str, files: Sequence[str]) -> pl.LazyFrame:
    """The rows of all files. A column that a file lacks is null there; one of several types has the widest of them.

    Args:
        text: What a person wrote, for messages.

    Raises:
        UsageError: They are not all of one kind, or of none that is known.
        GateError: One cannot be read, or two disagree on the type of a column.
    """
    kinds = {suffix_of(name) for name in files}
    if None in kinds:
        odd = next(name for name in files if suffix_of(name) is None)
        what = f"is neither parquet nor CSV: {Path(odd).suffix or 'no suffix'}"
        raise UsageError(text, what, "Write .parquet, .csv or .tsv")
    if len(kinds) > 1:
        what = f"holds files of several kinds: {', '.join(sorted(map(str, kinds)))}"
        raise UsageError(text, what, "Name those of one kind with a glob in quotes")
    try:
        return _parquet(files) if kinds == {".parquet"} else _csv(files, {name: _guess(name) for name in files})
    except (pl.exceptions.PolarsError, OSError) as error:
        what = f"cannot be read: {type(error).__name__}"
        raise GateError(text, what, "Ask its producer to write it again, or name files that are alike") from error


def _parquet(files: Sequence[str]) -> pl.LazyFrame:
    if len(files) == 1 or len({tuple(pl.read_parquet_schema(name).items()) for name in files}) == 1:
        return pl.scan_parquet(list(files), hive_partitioning=False, glob=False)
    return _together([pl.scan_parquet(name, hive_partitioning=False, glob=False) for name in files])


def parquet_batches(files: Sequence[str], schema: pl.Schema, size: int) -> Iterator[pl.DataFrame]:
    """The rows of all files in their order, so many at once.

    They are read when they are asked for: polars' own stream holds some twenty row groups, however large they are.

    Args:
        schema: Columns to read, as `scan_files` has them.

    Raises:
        polars.exceptions.PolarsError: A file cannot be read.
    """
    held, room = list[pl.DataFrame](), size
    for name in files:
        rows, at = _as_in(pl.scan_parquet(name, hive_partitioning=False, glob=False), schema), 0
        while (part := rows.slice(at, room).collect()).height:
            held, room, at = [*held, part], room - part.height, at + part.height
            if not room:
                yield pl.concat(held)
                held, room = [], size
    if held:
        yield pl.concat(held)


def _as_in(rows: pl.LazyFrame, schema: pl.Schema) -> pl.LazyFrame:
    own = rows.collect_schema()
    lacking = [pl.lit(None, dtype).alias(name) for name, dtype in schema.items() if name not in own]
    other = [pl.col(name).cast(dtype) for name, dtype in schema.items() if own.get(name, dtype) != dtype]
    return rows.with_columns(*lacking, *other).select(schema.names())


def _together(scans: Sequence[pl.LazyFrame]) -> pl.LazyFrame:
    rows = pl.concat(scans, how="diagonal_relaxed")
    rows.collect_schema()
    return rows


def _csv(files: Sequence[str], schemas: Mapping[str, pl.Schema]) -> pl.LazyFrame:
    if len({tuple(schema.items()) for schema in schemas.values()}) == 1:
        return _typed(files, schemas[files[0]])
    return _together([_typed([name], schemas[name]) for name in files])


def _typed(files: Sequence[str], schema: pl.Schema) -> pl.LazyFrame:
    empty = [column for column, dtype in schema.items() if dtype == pl.Null]
    held = {column: pl.String() if column in empty else dtype for column, dtype in schema.items()}
    rows = pl.scan_csv(list(files), schema=held, separator=_separator(files[0]), glob=False)
    return rows.with_columns(pl.lit(None).alias(column) for column in empty)


def _separator(name: str) -> str:
    return "\t" if suffix_of(name) == ".tsv" else ","


def _text(name: str) -> pl.LazyFrame:
    return pl.scan_csv(name, infer_schema=False, separator=_separator(name), glob=False)


def _guess(name: str) -> pl.Schema:
    """The types of the first rows; of columns that are empty there, those of all rows."""
    between = _separator(name)
    schema = pl.scan_csv(
        name, infer_schema_length=LOOKED, try_parse_dates=True, separator=between, glob=False
    ).collect_schema()
    text = [column for column, dtype in schema.items() if dtype == pl.String]
    head = _text(name).select(text).head(LOOKED).collect()
    empty = [column for column in text if head[column].null_count() == head.height]
    return _fitting(name, schema, dict.fromkeys(empty, TYPES)) if empty else schema


def scan_wider(files: Sequence[str]) -> pl.LazyFrame | None:
    """The rows of CSV files where a value further down is not of the type that the first rows have.

    Returns:
        With types that hold all values: whole numbers become numbers, all else text. None for other files, and where
        types are not what is wrong.

    Raises:
        polars.exceptions.PolarsError: A file is no CSV.
    """
    if suffix_of(files[0]) in (None, ".parquet"):
        return None
    guessed = {name: _guess(name) for name in files}
    wider = {name: _fitting(name, schema, _steps(schema)) for name, schema in guessed.items()}
    return None if wider == guessed else _csv(files, wider)


def _steps(schema: pl.Schema) -> Types:
    return {
        column: (dtype, pl.Float64()) if dtype.is_integer() else (dtype,)
        for column, dtype in schema.items()
        if dtype != pl.String
    }


def _fitting(name: str, schema: pl.Schema, types: Types) -> pl.Schema:
    """The same schema, where each of some columns has the first of its types that holds all its values, or is text."""
    tried = [(column, dtype) for column, each in types.items() for dtype in each]
    asked = [(pl.col(column).is_not_null() & _as(column, dtype).is_null()).any() for column, dtype in tried]
    failed = _text(name).select(each.alias(str(at)) for at, each in enumerate(asked)).collect(engine="streaming")
    bad = {pair for pair, each in zip(tried, failed.row(0), strict=True) if each}
    found = {
        column: next((dtype for dtype in each if (column, dtype) not in bad), pl.String())
        for column, each in types.items()
    }
    return pl.Schema({**schema, **found})


def _as(column: str, dtype: pl.DataType) -> pl.Expr:
    """The text as values of a type, null where it is none."""
    values = pl.col(column)
    if dtype == pl.Null:
        return pl.lit(None)
    if dtype == pl.Boolean:
        return pl.when(values.str.to_lowercase().is_in(["true", "false"])).then(values)
    if dtype == pl.Date:
        return values.str.to_date(strict=False)
    return values.str.to_datetime(strict=False) if dtype.is_temporal() else values.cast(dtype, strict=False)
