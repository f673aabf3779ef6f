"""Pandera's checks as polars expressions: each check is called once with a recorder in place of the frame.

What a check selects is its expression. A check that does anything else with the frame (collects it, branches on its
values, filters it, is element-wise) stays closed and is run through Pandera itself, for that check alone.

Failing rows are Pandera's own, null and NaN included, with two exceptions:

* A check with a single answer for all rows (``col.mean() > 3``) is a matter of the partition; Pandera blames row 0.
* ``str_matches("a|x")`` asks for a match at the start, whatever the pattern; Pandera makes it ``^a|x``, which
  ``bx`` obeys.

So a null passes every check that does not say ``ignore_na=False``, checks of the whole frame included; a NaN passes
``ge``, ``gt`` and ``ne``, and fails ``le``, ``lt``, ``eq``, ``isin`` and ``in_range`` (polars orders it above all
numbers), and it is a missing value to a column that is not nullable.
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import partial
from typing import Any

import polars as pl

from batchops.contract import pandera_names
from batchops.contract.scoping import aligned
from batchops.contract.terms import Test

__all__ = ["CRASHES", "capture", "expression_of", "run_closed"]

CRASHES = (
    pl.exceptions.PolarsError,
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    RuntimeError,
    TypeError,
    ValueError,
)
"""What an author's check may raise; it then has no answer, which is "unknown" and never a pass."""


class _Closed(Exception):
    """The check does more with its frame than to select from it."""


class _Selected:
    """What a check selected; looking further into it closes the check."""

    __slots__ = ("expressions",)

    def __init__(self, expressions: tuple[pl.Expr, ...]) -> None:
        self.expressions = expressions

    def __getattr__(self, name: str) -> Any:
        raise _Closed(name)


class _Recorder:
    """Stands in for the frame that a check is given."""

    __slots__ = ("_schema",)

    def __init__(self, schema: pl.Schema) -> None:
        self._schema = schema

    def select(self, *exprs: Any, **named: Any) -> _Selected:
        found = [each for one in exprs for each in (one if isinstance(one, list | tuple) else (one,))]
        found = [pl.col(each) if isinstance(each, str) else each for each in found] + list(named.values())
        if not found or not all(isinstance(each, pl.Expr) for each in found):
            raise _Closed("select")
        return _Selected(tuple(found))

    def collect_schema(self) -> pl.Schema:
        return self._schema

    def __getattr__(self, name: str) -> Any:
        raise _Closed(name)


def _selected(check: Any, target: str, schema: pl.Schema) -> pl.Expr:
    if check.element_wise:
        raise _Closed("element_wise")
    function = check._check_fn
    name = getattr(function, "__name__", None)
    if name == "str_matches":
        pattern = check._check_kwargs["pattern"]
        pattern = pattern.pattern if isinstance(pattern, re.Pattern) else pattern
        return pl.col(target).str.contains(f"^(?:{pattern})")
    if name is not None and check.is_builtin_check(name):
        check.get_backend(pl.LazyFrame())  # registers what its built-in checks do on polars
        function = check.get_builtin_check_fn(name)
    recorded = pandera_names.PolarsData(_Recorder(schema), target)  # type: ignore[arg-type]
    answer = partial(function, **check._check_kwargs)(recorded)
    if not isinstance(answer, _Selected):
        raise _Closed("its answer")
    several = len(answer.expressions) > 1 or answer.expressions[0].meta.has_multiple_outputs()
    return pl.all_horizontal(answer.expressions) if several else answer.expressions[0]


def expression_of(check: Any, target: str, schema: pl.Schema) -> pl.Expr | None:
    """What a Pandera check selects of a column; None where it does more than that."""
    try:
        return _selected(check, target, schema)
    except (_Closed, *CRASHES):
        return None


def _made_up(name: str, dtype: pl.DataType, filled: bool) -> pl.Series:
    """Three values of a dtype; null where they are not to be filled, or not easily."""
    empty = pl.Series(name, [None] * 3, dtype=dtype)
    try:
        return pl.Series(name, [1, 2, 3]).cast(dtype) if filled else empty
    except pl.exceptions.PolarsError:
        return empty


def _observed(closed: Test, schema: pl.Schema) -> Test:
    """A closed check that has been tried on rows without values, then on some with: it answers a row each, or once.

    Where it breaks on both, that is known when it runs.
    """
    for filled in (False, True):
        rows = pl.DataFrame([_made_up(name, dtype, filled) for name, dtype in schema.items()])
        answer = _answer(closed, rows, closed.target)
        if answer is not None:
            return replace(closed, aligned=len(answer) == rows.height)
    return closed


def capture(check: Any, target: str, schema: pl.Schema) -> Test:
    """How a Pandera check is tried.

    Args:
        target: The column it stands on, or ``*`` for a check of the frame.
        schema: The contract's columns.
    """
    closed = Test(None, check, target, True if check.element_wise else None, check.ignore_na)
    passes = expression_of(check, target, schema)
    if passes is None:
        return closed if check.element_wise else _observed(closed, schema)
    try:
        one_a_row = aligned(passes, schema)
    except pl.exceptions.PolarsError:
        return Test(passes, check, target, None, check.ignore_na)  # the caller says what is wrong with it, and where
    return closed if one_a_row is None else Test(passes, check, target, one_a_row, check.ignore_na)


def run_closed(test: Test, frame: pl.DataFrame) -> pl.Series | None:
    """Pandera's own answer: true where the check passes; one for all rows or one a row; None where it has none.

    Of a pattern's columns all have to pass.
    """
    answers = [_answer(test, frame, target) for target in test.targets or (test.target,)]
    known = [each for each in answers if each is not None]
    if len(known) < len(answers):
        return None
    if len(known) == 1:
        return known[0]
    rows = pl.DataFrame({"": pl.repeat(True, max(map(len, known)), eager=True)})
    return rows.select(pl.all_horizontal(pl.lit(each if len(each) > 1 else each.item()) for each in known)).to_series()


def _answer(test: Test, frame: pl.DataFrame, target: str) -> pl.Series | None:
    try:
        answer = test.check(frame.lazy(), None if target == "*" else target).check_output.collect().to_series()
    except CRASHES:
        return None
    return answer.cast(pl.Boolean) if answer.dtype in (pl.Boolean, pl.Null) else None
