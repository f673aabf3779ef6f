"""Columns as they arrive, against the contract: what is missing, retyped, extra; and rows made to fit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from difflib import SequenceMatcher

import polars as pl

from batchops.contract.casting import cast, fit, read_dtype, survives
from batchops.contract.tally import SchemaTally
from batchops.contract.terms import ColumnSpec, Contract, spell

__all__ = [
    "MISSING",
    "Fitted",
    "SchemaCheck",
    "SchemaFault",
    "check_schema",
    "fit_rows",
    "likely_rename",
    "schema_faults",
]

MISSING = "missing"
"""Stands for a dtype in the tally of a column that was not there."""


@dataclass(frozen=True, slots=True)
class SchemaCheck:
    """A partition's columns against the contract's.

    Attributes:
        tally: Rows by column and dtype.
        missing: Required columns that are not there: no row of the partition can be used.
        absent: Optional columns that are not there: filled with null, or with their default.
        coercible: Columns of another dtype that are read as the contract's; where that depends on the value, rows
            that would lose something fail ``schema.dtype:<column>``.
        unusable: Columns of a dtype that cannot be read as the contract's: as missing.
        extra: Columns the contract does not have; they are left out of what is accepted.
    """

    tally: SchemaTally
    missing: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    coercible: tuple[str, ...] = ()
    unusable: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()

    @property
    def failed(self) -> tuple[str, ...]:
        """Ids of the schema's rules that every row fails."""
        return (
            *(f"schema.missing_column:{name}" for name in self.missing),
            *(f"schema.dtype:{name}" for name in self.unusable),
        )


@dataclass(frozen=True, slots=True)
class SchemaFault:
    """A column that was not as promised in some rows.

    Attributes:
        check: ``schema.missing_column``, ``schema.dtype``, ``schema.coerced`` or ``schema.extra_column``.
        dtype: As it arrived.
        wanted: As the contract has it; empty for an extra column.
        hint: The extra column that a missing one is likely to be now; empty where none is like it.
    """

    check: str
    column: str
    dtype: str
    wanted: str
    rows: int
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Fitted:
    """Rows made to fit the contract.

    Attributes:
        rows: The contract's columns, coerced; null where a column is missing or a value was lost.
        check: The columns it was made from.
        doubtful: Columns of a dtype that is read without loss only where the value permits it.
        unreadable: Doubtful column -> one bool a row: its value could not be read. Only columns with any.
    """

    rows: pl.DataFrame
    check: SchemaCheck
    doubtful: tuple[str, ...] = ()
    unreadable: Mapping[str, pl.Series] = field(default_factory=dict)


def check_schema(contract: Contract, schema: Mapping[str, pl.DataType], rows: int) -> SchemaCheck:
    """Compare the columns of ``rows`` rows with the contract's."""
    tally = {name: {spell(dtype): rows} for name, dtype in schema.items()} if rows else {}
    missing: list[str] = []
    absent: list[str] = []
    coercible: list[str] = []
    unusable: list[str] = []
    for column in contract.columns:
        found = schema.get(column.name)
        if found is None:
            (missing if column.required else absent).append(column.name)
            if rows:
                tally[column.name] = {MISSING: rows}
            continue
        how = fit(found, column.dtype, column.coerce)
        if how == "none":
            unusable.append(column.name)
        elif how != "same":
            coercible.append(column.name)
    known = {column.name for column in contract.columns}
    extra = tuple(name for name in schema if name not in known)
    return SchemaCheck(SchemaTally(tally), tuple(missing), tuple(absent), tuple(coercible), tuple(unusable), extra)


def _fitted(column: ColumnSpec, found: pl.DataType | None, usable: bool) -> pl.Expr:
    if found is None or not usable:
        value = column.default if usable else None
        return pl.lit(value, dtype=column.dtype).alias(column.name)
    expr = pl.col(column.name)
    how = fit(found, column.dtype, column.coerce)
    if how == "exact":
        expr = cast(expr, column.dtype)
    elif how == "checked":
        expr = pl.when(survives(expr, found, column.dtype)).then(cast(expr, column.dtype))
    return expr if column.default is None else expr.fill_null(pl.lit(column.default, dtype=column.dtype))


def fit_rows(contract: Contract, frame: pl.DataFrame) -> Fitted:
    """The contract's columns out of a frame, each of its dtype."""
    schema = frame.schema
    check = check_schema(contract, schema, frame.height)
    unusable = {*check.missing, *check.unusable}
    exprs = [_fitted(each, schema.get(each.name), each.name not in unusable) for each in contract.columns]
    # with_columns, unlike select, keeps the height where every column is a literal.
    rows = frame.with_columns(exprs).select(contract.schema.names())
    doubtful = tuple(
        column.name
        for column in contract.columns
        if column.name in check.coercible and fit(schema[column.name], column.dtype, column.coerce) == "checked"
    )
    wanted = contract.schema
    lost = frame.select((~survives(pl.col(name), schema[name], wanted[name])).alias(name) for name in doubtful)
    return Fitted(rows, check, doubtful, {series.name: series for series in lost if series.any()})


def _likeness(old: str, new: str) -> float:
    """Of two names, 0 to 1; capitals and underscores do not count."""
    return SequenceMatcher(None, old.lower().replace("_", ""), new.lower().replace("_", "")).ratio()


def likely_rename(missing: Iterable[str], extra: Iterable[str]) -> dict[str, str]:
    """Which extra column each missing one is likely to be now: the most alike in spelling, each used once.

    >>> likely_rename(["wind_speed", "temp"], ["windSpeed", "notes"])
    {'wind_speed': 'windSpeed'}
    """
    pairs = sorted((-_likeness(old, new), old, new) for old in missing for new in extra)
    found: dict[str, str] = {}
    for distance, old, new in pairs:
        if distance <= -0.7 and old not in found and new not in found.values():
            found[old] = new
    return found


def _fault(column: ColumnSpec | None, found: str) -> str | None:
    """Which fault a tallied dtype is; None where it is as promised."""
    if column is None:
        return "schema.extra_column"
    if found == MISSING:
        return "schema.missing_column" if column.required else None
    if found == spell(column.dtype):
        return None
    dtype = read_dtype(found)
    usable = dtype is not None and fit(dtype, column.dtype, column.coerce) != "none"
    return "schema.coerced" if usable else "schema.dtype"


def schema_faults(contract: Contract, tally: SchemaTally) -> tuple[SchemaFault, ...]:
    """Everything about a night's columns that is not as the contract has it, in the contract's order."""
    columns = {column.name: column for column in contract.columns}
    extra = sorted(name for name in tally.columns if name not in columns)
    gone = [name for name in columns if MISSING in tally.columns.get(name, {})]
    hints = likely_rename(gone, extra)
    faults = []
    for name in (*columns, *extra):
        column = columns.get(name)
        for dtype, rows in sorted(tally.columns.get(name, {}).items()):
            check = _fault(column, dtype)
            if check is not None:
                hint = hints.get(name, "") if check == "schema.missing_column" else ""
                faults.append(SchemaFault(check, name, dtype, spell(column.dtype) if column else "", rows, hint))
    return tuple(faults)
