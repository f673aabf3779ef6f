"""What an expression needs to see: a row, or all rows of the partition.

polars' ``is_row_separable`` judges an expression's root alone (of ``a < a.mean()`` it sees the comparison), so the
whole tree is walked.
"""

from __future__ import annotations

import re
from contextlib import suppress
from functools import lru_cache

import polars as pl

from batchops.contract.terms import Scope

__all__ = ["aligned", "columns_of", "is_boolean", "scope_of", "try_out"]

SELECTOR = re.compile(r"cs\.\w+\(")
BY_NAME = re.compile(r"cs\.by_name\(([^()]*), require_all")
CALL = re.compile(r"\.(\w+(?:\.\w+)*)\(")
ROW_BY_ROW = frozenset(
    {
        *("all_horizontal", "any_horizontal", "alias", "eq", "ne", "is_not_null", "is_null", "is_nan", "is_not_nan"),
        *("is_finite", "is_infinite", "is_in", "is_between", "not", "abs", "fill_null", "cast", "strict_cast"),
        *("str.len_chars", "str.len_bytes", "str.contains", "str.starts_with", "str.ends_with", "by_name"),
    }
)
"""Calls that polars can only classify once a selector is expanded; any other makes it a matter of the partition."""


def _separable(expr: pl.Expr) -> bool:
    try:
        return expr.meta.is_row_separable()
    except pl.exceptions.ColumnNotFoundError:
        return False  # a Python function: nobody can see into it
    except pl.exceptions.InvalidOperationError:
        return set(CALL.findall(SELECTOR.sub("", str(expr)))) <= ROW_BY_ROW


def _by_row(expr: pl.Expr, schema: pl.Schema) -> bool:
    if not _separable(expr):
        return False
    return all(child.meta.eq(expr) or _by_row(child, schema) for child in expr.meta.pop(schema=schema))


def scope_of(expr: pl.Expr, schema: pl.Schema) -> Scope:
    """``row`` where every part of the expression looks at one row alone, else ``partition``."""
    return "row" if _by_row(expr, schema) else "partition"


def columns_of(expr: pl.Expr, schema: pl.Schema) -> tuple[str, ...]:
    """The columns an expression reads, in the schema's order, then those that the schema does not have.

    A selector that names no column reads all of them.
    """
    named = set(expr.meta.root_names())
    text = str(expr)
    for names in BY_NAME.findall(text):
        named.update(re.findall(r"'([^']*)'", names))
    if set(SELECTOR.findall(text)) - {"cs.by_name("}:
        named.update(schema.names())
    return (*(name for name in schema.names() if name in named), *sorted(named - set(schema.names())))


def is_boolean(expr: pl.Expr, schema: pl.Schema) -> bool:
    """Whether the expression answers true, false or null.

    Raises:
        pl.exceptions.PolarsError: It cannot be applied to these columns.
    """
    answers = _nothing(expr, schema, 0).lazy().select(expr).collect_schema().dtypes()
    return all(dtype in (pl.Boolean, pl.Null) for dtype in answers)


BY_VALUES = (pl.exceptions.OutOfBoundsError, pl.exceptions.ShapeError, pl.exceptions.NoDataError)
"""What polars raises where an expression suits the dtypes and these few rows alone are not enough for it."""


def _nothing(expr: pl.Expr, schema: pl.Schema, rows: int) -> pl.DataFrame:
    """Rows without values of the columns that an expression reads; of all, if it reads none."""
    read = tuple((name, schema[name]) for name in columns_of(expr, schema) if name in schema)
    return _without_values(read or tuple(schema.items()), rows)


@lru_cache(maxsize=128)
def _without_values(columns: tuple[tuple[str, pl.DataType], ...], rows: int) -> pl.DataFrame:
    """Made once for all checks of a column, each of which is tried three times."""
    return pl.DataFrame(schema=dict(columns)).clear(rows)


def aligned(expr: pl.Expr, schema: pl.Schema) -> bool | None:
    """Whether there is one answer a row rather than one for all of them; None where a few rows do not tell.

    Raises:
        pl.exceptions.PolarsError: It cannot be applied to these columns.
    """
    for rows in (3, 1000):
        try:
            return _nothing(expr, schema, rows).select(expr).height == rows
        except BY_VALUES:
            continue
    return None


def try_out(expr: pl.Expr, schema: pl.Schema) -> None:
    """Apply an expression to no rows and to a few without values: what polars only finds when it runs is found now.

    Raises:
        pl.exceptions.PolarsError: It cannot be applied to these columns.
    """
    for rows in (0, 3):
        with suppress(*BY_VALUES):
            _nothing(expr, schema, rows).select(expr)
