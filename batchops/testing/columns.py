"""The values that a column may have: a supply of them, each of which its own rules accept."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

import numpy as np
import polars as pl

from batchops.contract import ColumnSpec, Contract, Rule
from batchops.testing.domains import Domain, builtin_of, domain_of
from batchops.testing.rows import children, passing, refusal
from batchops.testing.scales import counted, is_counted, of_counts, step, usual_range, whole
from batchops.testing.texts import FORMS, text_in, word

__all__ = [
    "USUAL",
    "Supply",
    "accepted",
    "as_series",
    "drawn",
    "literals",
    "near",
    "own_rules",
    "plain",
    "supply_of",
    "takes_null",
]

USUAL = 1_024
"""Values of a column that are made up before rows are; more where no two rows may have the same."""

ENOUGH = (64, 16, 4, 1)
"""Values with which a search that finds few is given up, after each round of it."""

NULLS = 0.1
"""Share of a nullable column's values that are null."""


@dataclass(frozen=True, slots=True)
class Supply:
    """Values of a column to draw from.

    Attributes:
        values: None of them null, each accepted by the rules of this column alone; those that occur twice are drawn
            twice as often.
        nulls: Share of null among what is drawn.
    """

    values: pl.Series
    nulls: float = 0.0


def literals(expr: pl.Expr) -> list[Any]:
    """The constants in an expression."""
    inner = children(expr)
    if inner:
        return [value for child in inner for value in literals(child)]
    if not expr.meta.is_literal(allow_aliasing=True):
        return []
    values = pl.select(expr).to_series().to_list()
    return [each for value in values for each in (value if isinstance(value, list) else [value])]


def as_series(values: Iterable[Any], dtype: pl.DataType) -> pl.Series:
    """The values that the dtype has, without null; those of another kind are left out."""
    found: list[pl.Series] = [pl.Series([], dtype=dtype)]
    for value in values:
        if isinstance(value, bool) != (dtype == pl.Boolean):
            continue
        try:
            found.append(pl.Series([value], dtype=dtype, strict=False))
        except (pl.exceptions.PolarsError, TypeError, ValueError, OverflowError):
            continue
    return pl.concat(found).drop_nulls()


def near(dtype: pl.DataType, value: Any) -> pl.Series:
    """A value and its neighbours on both sides; empty where the dtype does not have it."""
    if is_counted(dtype):
        counts = [each for each in (counted(dtype, value, False), counted(dtype, value)) if each is not None]
        steps = (0, 1, -1, step(dtype), -step(dtype))
        return of_counts(dtype, list(dict.fromkeys(each + by for by in steps for each in counts))).drop_nulls()
    if dtype.is_float():
        if isinstance(value, bool) or not isinstance(value, int | float):
            return pl.Series([], dtype=dtype)
        at = float(value)
        beside = [_beside(dtype, at, up) for up in (True, False)]
        return pl.Series([at, *beside, at + 1, at - 1, at + 0.01, at - 0.01], dtype=dtype)
    if dtype == pl.String and isinstance(value, str):
        return pl.Series([value, f"{value}a", f"a{value}", value[:-1]], dtype=dtype)
    return as_series([value], dtype)


def _beside(dtype: pl.DataType, value: float, up: bool) -> float:
    """The next float of the dtype's own width."""
    kind = {"Float16": np.float16, "Float32": np.float32}.get(str(dtype), np.float64)
    with np.errstate(all="ignore"):
        return float(np.nextafter(np.array(value, kind), np.array(math.inf if up else -math.inf, kind)))


def _floats(domain: Domain, dtype: pl.DataType, count: int, rng: Random) -> pl.Series:
    most = 60_000.0 if str(dtype) == "Float16" else 1e30
    bounds = [
        each if isinstance(each, int | float) and math.isfinite(each) else None for each in (domain.low, domain.high)
    ]
    low, high = (None if each is None else max(-most, min(most, float(each))) for each in bounds)
    if low is None:
        low = 0.0 if high is None or high > 0 else high - max(1_000.0, abs(high))
    if high is None:
        high = low + max(1_000.0, abs(low))
    digits = max(0, 4 - math.floor(math.log10(high - low))) if high > low else 0
    values = [min(high, max(low, round(rng.uniform(low, high), digits))) for _ in range(count)]
    ends = [low, high, _beside(dtype, low, True), _beside(dtype, high, False)]
    return pl.Series([*values, *ends], dtype=dtype)


def _whole(dtype: Any) -> pl.DataType:
    """An inner dtype; polars leaves some of them as classes."""
    return dtype if isinstance(dtype, pl.DataType) else dtype()


def _nested(dtype: Any, count: int, rng: Random) -> pl.Series:
    if isinstance(dtype, pl.Struct):
        fields = {field.name: within(Domain(), _whole(field.dtype), count, rng).to_list() for field in dtype.fields}
        rows = [{name: rng.choice(values) for name, values in fields.items()} for _ in range(count)]
        return pl.Series(rows, dtype=dtype)
    inner = within(Domain(), _whole(dtype.inner), count, rng).to_list()
    fixed = isinstance(dtype, pl.Array)
    lists = [rng.choices(inner, k=dtype.size if fixed else rng.randint(0, 3)) for _ in range(count)]
    return pl.Series(lists, dtype=dtype)


def within(domain: Domain, dtype: pl.DataType, count: int, rng: Random) -> pl.Series:
    """About ``count`` values of a dtype within a domain, as far as its bounds go."""
    if domain.among is not None:
        return as_series(domain.among, dtype)
    if is_counted(dtype):
        low, high = counted(dtype, domain.low), counted(dtype, domain.high, up=False)
        return of_counts(dtype, whole(dtype, *usual_range(dtype, low, high, count), count, rng)).drop_nulls()
    if dtype.is_float():
        return _floats(domain, dtype, count, rng)
    if dtype.is_nested():
        return _nested(dtype, count, rng)
    if isinstance(dtype, pl.Enum):
        return dtype.categories.cast(dtype)
    values: list[Any] = []
    if dtype == pl.Boolean:
        values = [True, False]
    elif dtype in (pl.String, pl.Categorical):
        values = [text_in(domain, rng) for _ in range(count)]
    elif dtype == pl.Binary:
        values = [word(rng).encode() for _ in range(count)]
    return pl.Series(values, dtype=dtype)


def plain(contract: Contract, column: ColumnSpec, rng: Random) -> pl.Series:
    """A few values of a column, as far as the bounds of its built-in checks go."""
    return within(domain_of(contract, column.name), column.dtype, 6, rng)


def _guesses(column: ColumnSpec, own: Sequence[Rule], count: int, rng: Random) -> pl.Series:
    """What an author's own checks may ask for: values near their constants, the default, text of many forms."""
    authors = [rule for rule in own if rule.test.check is not None and not builtin_of(rule)]
    constants = [value for rule in authors if rule.test.passes is not None for value in literals(rule.test.passes)]
    found = [near(column.dtype, value) for value in constants]
    if column.default is not None:
        found.append(as_series([column.default], column.dtype))
    if authors and column.dtype == pl.String:
        found.append(pl.Series([form(rng) for form in FORMS for _ in range(max(1, count // 40))]))
        joined = ["".join(map(str, rng.choices(constants, k=2))) for _ in range(20)] if constants else []
        found.append(pl.Series(joined, dtype=pl.String))
    return pl.concat([pl.Series([], dtype=column.dtype), *found]).drop_nulls()


def own_rules(contract: Contract, column: str) -> list[Rule]:
    """The rules that a value of a column can be tried on by itself."""
    return [rule for rule in contract.rules if rule.columns == (column,) and rule.scope == "row"]


def accepted(contract: Contract, values: pl.Series) -> pl.Series:
    """Of a column's values, those that its own rules accept; each once, none of them null."""
    values = values.drop_nulls()
    return _once(values.filter(passing(own_rules(contract, str(values.name)), values.to_frame())))


def _once(values: pl.Series) -> pl.Series:
    return values if values.dtype.is_nested() else values.unique(maintain_order=True)


def supply_of(contract: Contract, column: ColumnSpec, domain: Domain, count: int, rng: Random) -> Supply:
    """About ``count`` different values that the column's own rules accept, or all there are.

    Args:
        domain: Values to look among.
        count: More than is `USUAL` is searched for at length: they are needed.

    Raises:
        ContractError: None is found.
    """
    own = own_rules(contract, column.name)
    found = pl.Series(column.name, [], dtype=column.dtype)
    for number, enough in enumerate(ENOUGH):
        size = count * 2**number
        tried = [within(domain, column.dtype, size, rng), _guesses(column, own, size, rng)]
        more = accepted(contract, pl.concat(tried).alias(column.name))
        found = _once(pl.concat([found, more]))
        if len(found) >= min(enough if count <= USUAL else count, count) or domain.among is not None:
            break
    nullable = takes_null(contract, column)
    if found.is_empty() and not nullable:
        rows = within(Domain(), column.dtype, count, rng).alias(column.name).to_frame()
        raise refusal(contract, own, rows, f"no value for {column.name} is found")
    return Supply(found, 1.0 if found.is_empty() else NULLS if nullable else 0.0)


def takes_null(contract: Contract, column: ColumnSpec) -> bool:
    """Whether a column may be null, and stays so."""
    empty = pl.DataFrame([pl.Series(column.name, [None], dtype=column.dtype)])
    return column.default is None and bool(passing(own_rules(contract, column.name), empty).all())


def drawn(supply: Supply, rows: int, rng: np.random.Generator, distinct: bool = False) -> pl.Series:
    """A column out of a supply: its values first all once where they shall be distinct, or where they are few."""
    size = len(supply.values)
    if size == 0:
        return pl.repeat(None, rows, dtype=supply.values.dtype, eager=True).alias(supply.values.name)
    once = rng.permutation(size)[:rows]
    rest = rng.integers(0, size, max(0, rows - len(once)))
    places = np.concatenate([once, rest]) if distinct or size <= rows else rng.integers(0, size, rows)
    null = rng.random(rows) < supply.nulls
    return (
        supply.values[rng.permutation(places)].set(pl.Series(null), None)
        if null.any()
        else supply.values[rng.permutation(places)]
    )
