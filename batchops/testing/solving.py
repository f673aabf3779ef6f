"""Rows of several columns that obey the rules between them: one column after the other, each value tried in its row."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations, pairwise

import numpy as np
import polars as pl

from batchops.contract import Rule
from batchops.contract.capturing import run_closed
from batchops.testing.columns import Supply, drawn
from batchops.testing.rows import children, passing
from batchops.testing.scales import is_counted, step

__all__ = ["bound_together", "derived", "moved", "reads", "solve"]

AT_ONCE = 300_000
"""Rows that are tried at a time."""

TRIES = (6, 60, 1_000)
"""Values tried in a row before what its other columns suggest, and then."""

SUGGESTED = 60
STEPS = (1, -1, 2, -2, 7, -7, 100, -100)
FEW = 8


def _same(one: pl.Series | None, other: pl.Series | None) -> bool:
    return one is not None and other is not None and one.equals(other, null_equal=True)


def reads(rule: Rule, rows: pl.DataFrame) -> tuple[str, ...]:
    """The columns a rule really reads: a check that only Pandera can run is tried without each of them.

    Args:
        rows: A few.
    """
    if rule.test.passes is not None or len(rule.columns) == 1:
        return rule.columns
    answer = run_closed(rule.test, rows)
    needed = [name for name in rows.columns if not _same(run_closed(rule.test, rows.drop(name)), answer)]
    return tuple(needed) if needed and _same(run_closed(rule.test, rows.select(needed)), answer) else rule.columns


def bound_together(names: Sequence[str], groups: Iterable[Sequence[str]]) -> list[list[str]]:
    """The columns, parted so that every group lies within one part; parts and columns in the order of the names."""
    head = {name: name for name in names}

    def root(name: str) -> str:
        while head[name] != name:
            name = head[name]
        return name

    for group in groups:
        for one, other in pairwise(group):
            head[root(other)] = root(one)
    parts: dict[str, list[str]] = {}
    for name in names:
        parts.setdefault(root(name), []).append(name)
    return list(parts.values())


def _parts(expr: pl.Expr) -> Iterator[pl.Expr]:
    """An expression and all that it is made of, the deepest last."""
    yield expr
    for child in children(expr):
        yield from _parts(child)


def _suggestions(rule: Rule, column: str, known: Sequence[str]) -> list[pl.Expr]:
    """Expressions over the other columns of a rule that a value of this column may have to equal."""
    others = [name for name in known if name in rule.columns]
    found = [pl.col(name) for name in others]
    if rule.test.passes is not None:
        for part in _parts(rule.test.passes):
            roots = {*part.meta.root_names()}
            if roots and column not in roots and roots <= {*others}:
                found.append(part)
    distinct = {str(each): each for each in found}
    pairs = list(combinations(list(distinct.values())[:6], 2))
    sums = [each for one, other in pairs for each in (one - other, other - one, one + other, one * other, one / other)]
    return [*distinct.values(), *sums][:SUGGESTED]


def derived(rules: Sequence[Rule], column: str, rows: pl.DataFrame, dtype: pl.DataType) -> list[pl.Series]:
    """For every row, values that its other columns suggest by the rules that they share with this one.

    Returns:
        Series as long as the rows, the likeliest first.
    """
    found: list[pl.Series] = []
    for rule in rules:
        for expr in _suggestions(rule, column, [name for name in rows.columns if name != column]):
            try:
                values = rows.select(expr.alias(column))
                kind = values.to_series().dtype
                if kind == pl.Boolean and dtype != pl.Boolean:
                    continue
                if dtype.is_integer() and kind.is_float():
                    values = values.select(pl.col(column).round())
                values = values.select(pl.col(column).cast(dtype, strict=False))
            except pl.exceptions.PolarsError:
                continue
            if values.height == rows.height and values.to_series().null_count() < rows.height:
                found += [values.to_series(), *moved(values.to_series())[:2]]
    return found


def moved(values: pl.Series) -> list[pl.Series]:
    """Numbers, dates and times, one step and a few steps up and down; nothing for other dtypes."""
    dtype, column = values.dtype, pl.col(values.name)
    if dtype.is_float():
        exprs = [column + by for by in (0.01, -0.01, 1.0, -1.0)]
    elif dtype.is_integer():
        exprs = [(column.cast(pl.Int128) + by).cast(dtype, strict=False) for by in STEPS]
    elif is_counted(dtype) and not dtype.is_decimal():
        exprs = [(column.to_physical() + by * step(dtype)).cast(dtype) for by in STEPS]
    else:
        exprs = []
    return [values.to_frame().select(each).to_series() for each in exprs]


class _Extension:
    """Rows that get one more column, and those among them that have found a value for it."""

    def __init__(self, rows: pl.DataFrame, name: str, rules: Sequence[Rule]) -> None:
        self.rows, self.name, self.rules = rows, name, rules
        self.pending = np.arange(rows.height)
        self.found: list[pl.DataFrame] = []

    def attempt(self, each: int, values: pl.Series) -> None:
        """Try ``each`` values in every pending row, as many as fit, and keep the first that pass.

        Args:
            values: Row by row.
        """
        at = np.repeat(self.pending, each)
        tried = self.rows[at].with_columns(values.alias(self.name))
        passed = passing(self.rules, tried).arg_true().to_numpy()
        _, first = np.unique(passed // each, return_index=True)
        if len(first):
            self.found.append(tried[passed[first]])
            self.pending = np.delete(self.pending, passed[first] // each)

    def result(self) -> pl.DataFrame:
        """The rows that found a value, in the order they had."""
        return pl.concat(self.found) if self.found else self.rows.clear()


def _extended(
    rows: pl.DataFrame, supply: Supply, between: Sequence[Rule], own: Sequence[Rule], rng: np.random.Generator
) -> pl.DataFrame:
    """Rows with one more column, as far as a value for it is found.

    Args:
        between: Rules of this column and those before it.
        own: Rules of this column alone, which values from elsewhere must obey too.
    """
    name = str(supply.values.name)
    if not between:
        return rows.with_columns(drawn(supply, rows.height, rng))
    work = _Extension(rows, name, (*own, *between))
    everything = work.pending
    empty = rng.random(rows.height) < supply.nulls
    work.pending = everything[empty]
    work.attempt(1, pl.repeat(None, len(work.pending), dtype=supply.values.dtype, eager=True))
    work.pending = np.concatenate([work.pending, everything[~empty]])
    size = len(supply.values)
    for number, tries in enumerate(TRIES):
        each = min(tries, size)
        if not len(work.pending) or not size:
            break
        work.pending = rng.permutation(work.pending)[: max(1, AT_ONCE // each)]
        places = rng.integers(0, size, each * len(work.pending))
        if each == size:
            places = np.tile(rng.permutation(size), len(work.pending))
        work.attempt(each, supply.values[places])
        if number == 1:
            for values in derived(between, name, rows, supply.values.dtype):
                work.attempt(1, values[work.pending])
    if len(work.pending) and supply.nulls:
        work.attempt(1, pl.repeat(None, len(work.pending), dtype=supply.values.dtype, eager=True))
    return work.result()


def _orders(names: list[str], fixed: int) -> Iterator[list[str]]:
    """Orders in which columns may get their values; the first ``fixed`` stay where they are."""
    front, rest = names[:fixed], names[fixed:]
    yield names
    yield [*front, *reversed(rest)]
    for last in rest[1:-1]:
        yield [*front, *(name for name in rest if name != last), last]


def _as_many(rows: pl.DataFrame, wanted: int, rng: np.random.Generator) -> pl.DataFrame:
    """As many rows as are wanted, some of them more than once."""
    return pl.concat([rows, rows[rng.integers(0, rows.height, max(0, wanted - rows.height))]])


def solve(
    rules: Mapping[str, tuple[Rule, tuple[str, ...]]],
    supplies: Sequence[Supply],
    start: pl.DataFrame | None,
    wanted: int,
    rng: np.random.Generator,
) -> tuple[pl.DataFrame, str]:
    """Rows of some columns that obey the rules on them.

    Args:
        rules: By id, each with the columns it reads; those of one column too.
        supplies: One a column that ``start`` does not have.
        start: The wanted rows of columns that are given; None where none is.

    Returns:
        The rows, some more than once where a rule is hard to obey, none where no order of the columns leads to any;
        and the rule that refused the last ones.
    """
    given = [] if start is None else list(start.columns)
    by_name = {str(supply.values.name): supply for supply in supplies}
    refused = ""
    for order in _orders([*given, *by_name], len(given)):
        rows = drawn(by_name[order[0]], wanted, rng, distinct=True).to_frame() if start is None else start
        done = order[: len(rows.columns)]
        if start is not None:
            rows = rows.filter(passing([rule for rule, read in rules.values() if {*read} <= {*given}], rows))
        if rows.is_empty():
            break
        for name in order[len(done) :]:
            done.append(name)
            now = {id: rule for id, (rule, read) in rules.items() if name in read and {*read} <= {*done}}
            between = [rule for id, rule in now.items() if len(rules[id][1]) > 1]
            own = [rule for id, rule in now.items() if len(rules[id][1]) == 1]
            rows = _extended(rows, by_name[name], between, own, rng)
            if rows.is_empty():
                refused = next(iter(now), refused)
                break
            rows = _as_many(rows, wanted, rng)
        if rows.height:
            return _as_many(rows, wanted, rng)[rng.permutation(wanted)], ""
    return pl.DataFrame(), refused
