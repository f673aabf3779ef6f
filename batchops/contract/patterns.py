"""Columns that a pattern names (``regex=True``): what of them is in a frame, and their rules on just those.

Pandera tries a pattern's checks on every column that it matches, one by one; columns that the contract names itself are
not its matter. Here all that is one rule: a row fails it where any of the columns does. The whole name has to match,
also where the pattern is ``a|b``, of which Pandera makes ``^a|b$`` that ``ab`` obeys.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace

import polars as pl

from batchops.contract.capturing import expression_of
from batchops.contract.terms import ColumnSpec, Contract, Rule, Test

__all__ = ["concrete", "matching", "present", "spelled_pattern", "unique_rows"]


def spelled_pattern(name: str) -> str:
    """A column's name in a rule's id: a pattern without its anchors, spaces and colons.

    >>> spelled_pattern("^temp_.*$"), spelled_pattern("wind speed: .+")
    ('temp_.*', 'wind_speed_.+')
    """
    return re.sub(r"[\s:]+", "_", name.removeprefix("^").removesuffix("$"))


def matching(contract: Contract, name: str) -> ColumnSpec | None:
    """The column of a contract that one which arrived is: by its name, or by the first pattern that matches all of it.

    A name that only a pattern has is the pattern's own: what is tallied where nothing matches it.
    """
    patterns = []
    for column in contract.columns:
        if column.name == name:
            return column
        if column.regex:
            patterns.append(column)
    return next((column for column in patterns if re.fullmatch(column.name, name)), None)


def present(column: ColumnSpec, name: str) -> pl.Expr:
    """Where a value is there: neither null nor, in a column of floats, NaN."""
    value = pl.col(name)
    return value.is_not_null() & value.is_not_nan() if column.dtype.is_float() else value.is_not_null()


def unique_rows(names: tuple[str, ...]) -> pl.Expr:
    """Where no other row has the same."""
    return ~(pl.struct(names) if len(names) > 1 else pl.col(names[0])).is_duplicated()


def _test(rule: Rule, column: ColumnSpec, names: tuple[str, ...], schema: pl.Schema) -> Test:
    """A pattern's rule on the columns that match it."""
    check = rule.test.check
    if check is None:
        of_one = present if rule.scope == "row" else lambda _, name: unique_rows((name,))
        return Test(pl.all_horizontal(of_one(column, name) for name in names))
    passes = []
    if rule.test.passes is not None:
        passes = [each for name in names if (each := expression_of(check, name, schema)) is not None]
    together = pl.all_horizontal(passes) if len(passes) == len(names) else None
    return replace(rule.test, passes=together, failures=None, targets=names)


def concrete(contract: Contract, names: Iterable[str]) -> Contract:
    """The contract of a frame with these columns: in place of every pattern, what it matches of them.

    A pattern that matches nothing stays, as a column that is not there. Without patterns, or once more, it is the same.
    """
    if not contract.patterns:
        return contract
    own = {column.name for column in contract.columns if not column.regex}
    free = [name for name in names if name not in own]
    found = {column.name: tuple(n for n in free if re.fullmatch(column.name, n)) for column in contract.patterns}
    if not any(found.values()):
        return contract
    taken: set[str] = set()
    columns: list[ColumnSpec] = []
    for column in contract.columns:
        matched = [name for name in found.get(column.name, ()) if name not in taken]
        taken.update(matched)
        columns += [replace(column, name=name, regex=False) for name in matched]
        if not found.get(column.name):
            columns.append(column)
    schema = pl.Schema({column.name: column.dtype for column in columns if not column.regex})
    rules = tuple(_concrete(rule, contract, found, schema) for rule in contract.rules)
    return replace(contract, columns=tuple(columns), rules=rules)


def _concrete(rule: Rule, contract: Contract, found: Mapping[str, tuple[str, ...]], schema: pl.Schema) -> Rule:
    matched = found.get(rule.columns[0], ()) if len(rule.columns) == 1 else ()
    if not matched or rule.scope == "dataset":
        return rule
    return replace(rule, columns=matched, test=_test(rule, contract.column(rule.columns[0]), matched, schema))
