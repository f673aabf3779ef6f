"""Columns as they arrive, against the contract: what is missing, retyped, extra; and rows made to fit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from difflib import SequenceMatcher

import polars as pl

from batchops.contract.casting import cast, fit, read_dtype, survives
from batchops.contract.patterns import concrete, matching
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
        check: ``schema.missing_column``, ``schema.dtype``, ``schema.coerced``, ``schema.extra_column`` or
            ``schema.order``.
        column: For the order, the first that did not stand where it should.
        dtype: As it arrived; empty for the order.
        wanted: As the contract has it; empty for an extra column and for the order.
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


def _misplaced(contract: Contract, names: Iterable[str]) -> str | None:
    """The first column that comes after one which the contract has behind it; extra columns may stand anywhere."""
    places = {column.name: place for place, column in enumerate(contract.columns)}
    furthest = -1
    for name in names:
        column = matching(contract, name)
        if column is None:
            continue
        if places[column.name] < furthest:
            return name
        furthest = places[column.name]
    return None


def _arrived(found: pl.DataType, column: ColumnSpec | None, usable: bool) -> str:
    """The dtype's name in the tally; categories make a difference only where they cannot be read."""
    name = spell(found)
    return name if usable or column is None or name != spell(column.dtype) else f"{name} of other categories"


def check_schema(contract: Contract, schema: Mapping[str, pl.DataType], rows: int) -> SchemaCheck:
    """Compare the columns of ``rows`` rows with the contract's."""
    missing: list[str] = []
    absent: list[str] = []
    coercible: list[str] = []
    unusable: list[str] = []
    columns = {column.name: column for column in concrete(contract, schema).columns}
    for column in columns.values():
        found = None if column.regex else schema.get(column.name)
        if found is None:
            (missing if column.required else absent).append(column.name)
            continue
        how = fit(found, column.dtype, column.coerce)
        if how == "none":
            unusable.append(column.name)
        elif how != "same":
            coercible.append(column.name)
    tally: dict[str, dict[str, int]] = {}
    if rows:
        tally = {n: {_arrived(dtype, columns.get(n), n not in unusable): rows} for n, dtype in schema.items()}
        tally |= {name: {MISSING: rows} for name in (*missing, *absent)}
    first = _misplaced(contract, schema) if contract.ordered and rows else None
    return SchemaCheck(
        tally=SchemaTally(tally, {} if first is None else {first: rows}),
        missing=tuple(missing),
        absent=tuple(absent),
        coercible=tuple(coercible),
        unusable=tuple(unusable),
        extra=tuple(name for name in schema if name not in columns),
    )


def _fitted(column: ColumnSpec, found: pl.DataType | None, usable: bool) -> pl.Expr:
    if found is None or not usable:
        value = column.default if usable else None
        return pl.lit(value, dtype=column.dtype).alias(column.name)
    expr = pl.col(column.name)
    how = fit(found, column.dtype, column.coerce)
    if how == "exact":
        expr = cast(expr, found, column.dtype)
    elif how == "checked":
        expr = pl.when(survives(expr, found, column.dtype)).then(cast(expr, found, column.dtype))
    if column.default is None:
        return expr
    default = pl.lit(column.default, dtype=column.dtype)
    # To Pandera, NaN is as missing as null.
    return (expr.fill_nan(default) if column.dtype.is_float() else expr).fill_null(default)


def fit_rows(contract: Contract, frame: pl.DataFrame) -> Fitted:
    """The contract's columns out of a frame, each of its dtype; a pattern's are those that match it."""
    schema = frame.schema
    contract = concrete(contract, schema)
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


def _fault(contract: Contract, column: ColumnSpec | None, found: str) -> str | None:
    """Which fault a tallied dtype is; None where it is as promised."""
    if column is None:
        return None if contract.strict == "filter" else "schema.extra_column"
    if found == MISSING:
        return "schema.missing_column" if column.required else None
    if found == spell(column.dtype):
        return None
    dtype = read_dtype(found)
    usable = dtype is not None and fit(dtype, column.dtype, column.coerce) != "none"
    return "schema.coerced" if usable else "schema.dtype"


def schema_faults(contract: Contract, tally: SchemaTally) -> tuple[SchemaFault, ...]:
    """Everything about a night's columns that is not as the contract has it, in the contract's order."""
    places = {column.name: place for place, column in enumerate(contract.columns)}
    columns = {name: matching(contract, name) for name in tally.columns}
    extra = sorted(name for name, column in columns.items() if column is None)
    known = sorted((places[column.name], name) for name, column in columns.items() if column is not None)
    gone = [name for _, name in known if MISSING in tally.columns[name]]
    hints = likely_rename(gone, extra)
    faults = []
    for name in (*(name for _, name in known), *extra):
        column = columns[name]
        for dtype, rows in sorted(tally.columns[name].items()):
            check = _fault(contract, column, dtype)
            if check is not None:
                hint = hints.get(name, "") if check == "schema.missing_column" else ""
                faults.append(SchemaFault(check, name, dtype, spell(column.dtype) if column else "", rows, hint))
    order = (SchemaFault("schema.order", name, "", "", rows) for name, rows in sorted(tally.misplaced.items()))
    return (*faults, *order)
