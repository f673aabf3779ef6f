"""What data say about a contract: one pass over all rows for exact counts and extremes, after a sample."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import polars as pl

from batchops.contract.authoring.finding_keys import Key, find_key, given_key
from batchops.contract.authoring.personal import likely_personal
from batchops.contract.authoring.reading import Files, unreadable
from batchops.contract.authoring.writing import refuse_wildcards
from batchops.errors import ContractError

__all__ = ["Seen", "Survey", "survey"]

SAMPLE_ROWS, SAMPLE_FILES = 50_000, 10

FEW = 20
"""Distinct values up to which a column may be a list of codes."""

OFTEN = 10
"""Times that its values occur on average in such a list."""

LONGEST_VALUE = 60
"""Characters of a code; longer text is text."""

ROUNDS = 3
"""Passes over the codes of columns whose sample did not show them all."""

SHAPES = {r"[A-Z]{n}$": "A-Z", r"[0-9]{n}$": "0-9", r"[A-Z0-9]{n}$": "A-Z0-9", r"[0-9a-f]{n}$": "0-9a-f"}
"""What texts of one length are matched against, and the characters it takes."""

UUID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"


@dataclass(frozen=True, slots=True)
class Seen:
    """A column as the data have it.

    Attributes:
        nulls, nans: In the files that have the column.
        low, high: The extremes, NaN aside; of text its lengths in characters. None where there are none.
        values: All of them, sorted, where they are few and occur often; empty otherwise.
        shape: A pattern of all its texts, which have one length; empty where none is known.
        personal: Why it is likely to hold personal data; empty where it is not.
    """

    name: str
    dtype: pl.DataType
    required: bool = True
    rows: int = 0
    nulls: int = 0
    nans: int = 0
    low: Any = None
    high: Any = None
    values: tuple[Any, ...] = ()
    shape: str = ""
    personal: str = ""


@dataclass(frozen=True, slots=True)
class Survey:
    """What the data say.

    Attributes:
        nights: Rows of every night, by its date; empty where the files have none.
    """

    columns: tuple[Seen, ...]
    rows: int
    files: int
    nights: Mapping[str, int]
    key: Key


def _is_text(dtype: pl.DataType) -> bool:
    return isinstance(dtype, pl.String | pl.Categorical)


def _ordered(dtype: pl.DataType) -> bool:
    return dtype.is_numeric() or isinstance(dtype, pl.Date | pl.Datetime)


def _sample(files: Files) -> pl.DataFrame:
    """Rows from up to ten files, spread over all of them."""
    names = [file for file, rows in files.rows.items() if rows] or list(files.rows)
    step = max(1, len(names) // SAMPLE_FILES)
    chosen = names[::step][:SAMPLE_FILES]
    heads = [files.scan([file]).head(SAMPLE_ROWS // len(chosen)) for file in chosen]
    return pl.concat(heads).collect(engine="streaming")


def _codes(column: pl.Series) -> tuple[Any, ...]:
    """The values of a column that may be a list of codes."""
    values = column.drop_nulls()
    if not (_is_text(column.dtype) or column.dtype.is_integer()):
        return ()
    values = values.cast(pl.String) if _is_text(column.dtype) else values
    distinct = values.unique()
    if len(distinct) > FEW or len(values) < OFTEN * len(distinct):
        return ()
    if distinct.dtype == pl.String and (distinct.str.len_chars().max() or 0) > LONGEST_VALUE:  # type: ignore[operator]
        return ()
    return tuple(distinct.sort().to_list())


def _shapes(column: pl.Series) -> dict[str, str]:
    """Patterns that all texts of the sample match."""
    texts = column.drop_nulls()
    if column.dtype != pl.String or texts.is_empty() or texts.str.len_chars().n_unique() > 1:
        return {}
    length = texts.str.len_chars().item(0)
    patterns = [UUID, *(shape.replace("n", str(length)) for shape in SHAPES)]
    return {pattern: f"^(?:{pattern})" for pattern in patterns if texts.str.contains(f"^(?:{pattern})").all()}


def _others(name: str, dtype: pl.DataType, values: Sequence[Any]) -> pl.Expr:
    """True where a value is another than these."""
    value = pl.col(name).cast(pl.String) if _is_text(dtype) else pl.col(name)
    known = pl.Series(values, dtype=pl.String if _is_text(dtype) else dtype)
    return value.is_in(known.implode()).not_()


def _figures(seen: Seen, shapes: Mapping[str, str]) -> Iterator[pl.Expr]:
    """What is counted of a column over all rows."""
    value, name = pl.col(seen.name), seen.name
    yield value.null_count().alias("nulls")
    if seen.dtype.is_float():
        yield value.is_nan().sum().alias("nans")
        value = value.fill_nan(None)
    if seen.dtype == pl.String:
        value = value.str.len_chars()
    if seen.dtype == pl.String or _ordered(seen.dtype):
        yield from (value.min().alias("low"), value.max().alias("high"))
    if seen.values:
        yield _others(name, seen.dtype, seen.values).sum().alias("others")
    for pattern, whole in shapes.items():
        yield pl.col(name).str.contains(whole).all().alias(f"shape {pattern}")


def _counted(files: Files, drafts: Sequence[Seen], shapes: Mapping[str, Mapping[str, str]]) -> list[dict[str, Any]]:
    """The figures of every column, in one pass."""
    figures = [tuple(_figures(seen, shapes[seen.name])) for seen in drafts]
    named = [
        figure.alias(f"{number} {figure.meta.output_name()}") for number, each in enumerate(figures) for figure in each
    ]
    row = files.scan().select(named).collect(engine="streaming").row(0, named=True)
    found: list[dict[str, Any]] = [{} for _ in drafts]
    for name, value in row.items():
        number, _, figure = name.partition(" ")
        found[int(number)][figure] = value
    return found


def _all_codes(files: Files, seen: Seen, others: int) -> tuple[Any, ...]:
    """All values of a column that may be a list of codes, where the sample did not show them all."""
    values = seen.values
    for _ in range(ROUNDS):
        if not others:
            return tuple(sorted(values))
        missing = files.scan().filter(_others(seen.name, seen.dtype, values)).select(seen.name)
        more = missing.head(SAMPLE_ROWS).collect(engine="streaming").to_series().unique()
        values = (*values, *(more.cast(pl.String) if _is_text(seen.dtype) else more).to_list())
        if len(values) > FEW:
            break
        left = files.scan().select(_others(seen.name, seen.dtype, values).sum())
        others = left.collect(engine="streaming").item()
    return ()


def _completed(files: Files, seen: Seen, figures: Mapping[str, Any]) -> Seen:
    shape = next((name.removeprefix("shape ") for name, holds in figures.items() if name[:6] == "shape " and holds), "")
    return replace(
        seen,
        nulls=figures["nulls"] - (seen_absent := files.absent(seen.name)),
        rows=files.height - seen_absent,
        nans=figures.get("nans", 0) or 0,
        low=figures.get("low"),
        high=figures.get("high"),
        values=_all_codes(files, seen, figures["others"] or 0) if seen.values else (),
        shape=shape if figures.get("low") == figures.get("high") else "",
    )


def _broken(files: Files) -> ContractError:
    """The error of the first file whose values cannot be read."""
    for file in files.rows:
        try:
            files.scan([file]).select(pl.all().null_count()).collect(engine="streaming")
        except (pl.exceptions.PolarsError, OSError) as error:
            return unreadable(file, error)
    return ContractError(next(iter(files.rows)), "cannot be read together with the others", "Name one file at a time")


def _key_of(files: Files, columns: Sequence[Seen], key: Sequence[str]) -> Key:
    if key:
        return given_key(files, key)
    kinds = (pl.String, pl.Categorical, pl.Enum, pl.Date, pl.Datetime, pl.Time, pl.Binary)
    among = [
        seen.name
        for seen in columns
        if seen.required and not seen.nulls and (seen.dtype.is_integer() or isinstance(seen.dtype, kinds))
    ]
    return find_key(files, among)


def survey(files: Files, key: Sequence[str] = ()) -> Survey:
    """Look through the data.

    Memory is bounded by a sample and by the columns' figures, not by the rows; keys are counted a night at a time.

    Args:
        key: Columns that are the key by somebody's word; without them they are looked for.

    Raises:
        ContractError: There is no column, a file cannot be read, or the key is not in the data.
    """
    if not files.schema:
        raise ContractError(next(iter(files.rows)), "has no columns", "Name data with at least one column")
    refuse_wildcards(files.schema)
    try:
        sample = _sample(files)
        drafts = []
        shapes: dict[str, Mapping[str, str]] = {}
        for name, dtype in files.schema.items():
            personal = likely_personal(sample[name])
            values = () if personal else _codes(sample[name])
            shapes[name] = {} if personal or values else _shapes(sample[name])
            drafts.append(Seen(name, dtype, name in files.required, values=values, personal=personal))
        figures = _counted(files, drafts, shapes)
        columns = tuple(_completed(files, seen, counts) for seen, counts in zip(drafts, figures, strict=True))
        chosen = _key_of(files, columns, key)
    except (pl.exceptions.PolarsError, OSError):
        raise _broken(files) from None
    nights = {night: sum(files.rows[file] for file in part) for night, part in files.by_night().items() if night}
    return Survey(columns, files.height, len(files.rows), dict(sorted(nights.items())), chosen)
