"""A contract's content as plain values, the same in every process, for its digest.

Line breaks, comments and the order of a set change nothing; a bound, a threshold or an author's function does.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from typing import Any

import polars as pl

from batchops.contract.terms import ColumnSpec, Rule, spell
from batchops.contract.wording import statistics

__all__ = ["described_column", "described_rule"]


def _author_of(function: Any) -> Any:
    """The function an author wrote, out of the adapter that Pandera wraps it in."""
    for cell in getattr(function, "__closure__", None) or ():
        inner = getattr(cell.cell_contents, "check_fn", None)
        if inner is not None:
            return inner
    return function


def _meaning(function: Any) -> str:
    """What a function does, without its formatting, comments and docstring; its bytecode where no source is found."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)).strip().rstrip(","))
    except (OSError, TypeError, SyntaxError):
        code = getattr(function, "__code__", None)
        return "" if code is None else f"{code.co_code.hex()} {code.co_names} {code.co_consts}"
    body = getattr(tree.body[0], "body", None)
    if isinstance(body, list) and isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
        del body[0]
    return ast.unparse(tree)


def _ordered(value: Any) -> Any:
    if isinstance(value, list | tuple | set | frozenset):
        return sorted((_ordered(each) for each in value), key=repr)
    return value if isinstance(value, str | int | float | bool | None) else repr(value)


def _literals(expr: pl.Expr) -> list[Any]:
    """The constants in an expression, in no particular order: they may come from outside the function."""
    children = expr.meta.pop()
    if children:
        return [value for child in children for value in _literals(child)]
    if expr.meta.is_literal(allow_aliasing=True):
        return [_ordered(pl.select(expr).to_series().to_list())]
    return []


def _described_check(rule: Rule) -> Any:
    check = rule.test.check
    if check is None:
        return None
    arguments = {name: _ordered(value) for name, value in statistics(check).items()}
    name = getattr(check._check_fn, "__name__", "")
    if check.is_builtin_check(name):
        return {"builtin": name, "arguments": arguments}
    literals = sorted(map(repr, _literals(rule.test.passes))) if rule.test.passes is not None else []
    return {
        "author": _meaning(_author_of(check._check_fn)),
        "arguments": arguments,
        "literals": literals,
        "element_wise": check.element_wise,
    }


def described_rule(rule: Rule) -> dict[str, Any]:
    """A rule's content: what it tests, on what, how bad a failure is."""
    return {
        "id": rule.id,
        "columns": rule.columns,
        "level": rule.level,
        "action": rule.action,
        "scope": rule.scope,
        "limit": rule.limit,
        "null_passes": rule.test.null_passes,
        "check": _described_check(rule),
    }


def described_column(column: ColumnSpec) -> dict[str, Any]:
    """A column's content; its description aside."""
    return {
        "name": column.name,
        "dtype": str(column.dtype) if isinstance(column.dtype, pl.Enum) else spell(column.dtype),
        "nullable": column.nullable,
        "required": column.required,
        "roles": column.roles,
        "unit": column.unit,
        "pii": column.pii,
        "coerce": column.coerce,
        "default": _ordered(column.default),
    }
