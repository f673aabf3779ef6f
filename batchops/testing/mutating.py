"""Ways to make one value wrong, the smallest first, and ways to make a whole frame wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

import numpy as np
import polars as pl

from batchops.contract import Rule
from batchops.testing.columns import as_series, literals, near, within
from batchops.testing.domains import Domain, builtin_of, domain_of, narrowed
from batchops.testing.planning import Plan
from batchops.testing.scales import is_counted, limits, of_counts, step
from batchops.testing.solving import derived, moved
from batchops.testing.texts import FORMS

__all__ = ["Change", "changes", "damaged_frames", "noise"]

OTHERS = 6
"""Values of other rows that are tried in a row."""

CONSTANTS = 8
LISTED = 20
"""Constants of a rule, or of a list, whose neighbours are tried."""


@dataclass(frozen=True, slots=True)
class Change:
    """One column made wrong in some rows.

    Attributes:
        words: How, without a value: "next to a bound".
        values: One a row.
    """

    column: str
    words: str
    values: pl.Series


def _lengths(domain: Domain, text: str) -> list[str]:
    """Text that is just too short or too long."""
    found = [] if domain.shortest == 0 else [text[: domain.shortest - 1]]
    return (
        found
        if domain.longest is None
        else [*found, (text or "a").ljust(domain.longest + 1, "a")[: domain.longest + 1]]
    )


def _texts(domain: Domain, usual: str, rng: Random) -> Iterator[tuple[str, list[str]]]:
    yield "of another length", _lengths(domain, usual)
    yield (
        "cut or extended",
        [usual[:-1], usual[1:], f"{usual}?", f"?{usual}", usual.lower(), usual.upper(), usual[::-1]],
    )
    yield "text of another form", ["", " ", "?", "a", "Z", "0", "é", *(form(rng) for form in FORMS)]


def _ends(dtype: pl.DataType) -> pl.Series:
    """The values that a dtype ends with, and those that programs often fall over."""
    if is_counted(dtype):
        low, high = limits(dtype)
        return of_counts(dtype, [0, 1, -1, -step(dtype), low, high])
    if dtype.is_float():
        return pl.Series([0.0, -1.0, 1.0, -1e4, 1e4, float("-inf"), float("inf")], dtype=dtype)
    if dtype == pl.Boolean:
        return pl.Series([True, False])
    if isinstance(dtype, pl.Enum):
        return dtype.categories.cast(dtype)
    if isinstance(dtype, pl.List):
        return pl.Series([[], [None]], dtype=dtype)
    return as_series([b"", b"?"], dtype) if dtype == pl.Binary else pl.Series([], dtype=dtype)


def _all_near(dtype: pl.DataType, values: Sequence[Any]) -> pl.Series:
    return pl.concat([pl.Series([], dtype=dtype), *(near(dtype, value) for value in values)])


def _constants(plan: Plan, rule: Rule, column: str) -> Iterator[tuple[str, pl.Series]]:
    """Values that are the same for every row, with how they are wrong."""
    dtype = plan.contract.schema[column]
    rng = Random(f"{plan.seed}:{rule.id}:{column}")
    yield "missing", pl.Series([None], dtype=dtype)
    own, whole = narrowed(Domain(), rule), domain_of(plan.contract, column)
    for domain in (own, whole):
        yield "next to a bound", _all_near(dtype, [each for each in (domain.low, domain.high) if each is not None])
        yield "next to a listed value", _all_near(dtype, [*(domain.among or ())[:LISTED], *domain.barred[:LISTED]])
    if rule.test.passes is not None and not builtin_of(rule):
        yield "next to a constant of the rule", _all_near(dtype, literals(rule.test.passes)[:LISTED])
    if dtype.is_float():
        yield "not a number", pl.Series([float("nan")], dtype=dtype)
    supply = plan.supplies[column].values
    yield "another value within its bounds", within(whole, dtype, OTHERS, rng)
    if dtype in (pl.String, pl.Categorical):
        for words, texts in _texts(whole, str(supply[0]) if len(supply) else "a", rng):
            yield words, as_series(texts, dtype)
    yield "another value that it may have", supply[: 2 * OTHERS]
    yield "at an end of its dtype", _ends(dtype)


def changes(plan: Plan, rule: Rule, column: str, rows: pl.DataFrame) -> list[Change]:
    """A column made wrong in every way, for every row; what changes least comes first."""
    dtype = plan.contract.schema[column]
    found: dict[str, Change] = {}

    def add(words: str, values: pl.Series) -> None:
        change = Change(column, words, values.alias(column))
        # A value that was there already says nothing new; nested ones are few.
        found.setdefault(f"{len(found)}" if dtype.is_nested() else f"{values.hash(seed=0).sum()} {values[0]!r}", change)

    for words, values in _constants(plan, rule, column):
        for place in range(len(values)):
            add(words, values.new_from_index(place, rows.height))
    for values in moved(rows.get_column(column)):
        add("moved by a step", values)
    for values in derived([rule], column, rows, dtype):
        add("as another column of its row suggests", values)
    rng = np.random.default_rng(plan.seed)
    for _ in range(OTHERS):
        add("another row's value", rows.get_column(column)[rng.permutation(rows.height)])
    return list(found.values())


def noise(plan: Plan, names: tuple[str, ...], rows: pl.DataFrame) -> pl.DataFrame:
    """Rows with several columns made wrong at once, at random."""
    rng = np.random.default_rng(plan.seed)
    for name in names:
        dtype = plan.contract.schema[name]
        wild = pl.concat([plan.supplies[name].values[:20], _ends(dtype), pl.Series([None], dtype=dtype)])
        rows = rows.with_columns(wild[rng.integers(0, len(wild), rows.height)].alias(name))
    return rows


def _reordered(name: str, frame: pl.DataFrame, rng: np.random.Generator) -> Iterator[tuple[str, pl.DataFrame]]:
    yield "its rows backwards", frame.reverse()
    yield "its rows in another order", frame[rng.permutation(frame.height)]
    if not frame.schema[name].is_nested():
        yield f"sorted by {name}", frame.sort(name)
        yield f"sorted by {name}, downwards", frame.sort(name, descending=True)


def _thinned(name: str, frame: pl.DataFrame) -> Iterator[tuple[str, pl.DataFrame]]:
    """Fewer rows, each as it was."""
    if frame.schema[name].is_nested():
        return
    ordered = frame.sort(name, nulls_last=True)
    for share in (2, 8):
        few = max(1, frame.height // share)
        yield f"only its rows with the lowest {name}", ordered[:few]
        yield f"only its rows with the highest {name}", ordered[-few:]
    yield f"without its rows with one {name}", frame.filter(pl.col(name).ne_missing(pl.col(name).first()))


def _levelled(plan: Plan, name: str, frame: pl.DataFrame) -> Iterator[tuple[str, pl.DataFrame]]:
    """One value in every row."""
    values = plan.supplies[name].values
    ordered = values if values.dtype.is_nested() else values.sort()
    places = dict.fromkeys(int(each) for each in np.linspace(0, max(0, len(values) - 1), CONSTANTS) if len(values))
    for place in reversed(places):
        yield f"one {name} in all rows", frame.with_columns(ordered.new_from_index(place, frame.height).alias(name))
    dtype = values.dtype
    for wild in (pl.Series([None], dtype=dtype), _ends(dtype)):
        for place in range(len(wild)):
            column = wild.new_from_index(place, frame.height).alias(name)
            yield f"{name} missing, or at an end of its dtype, in all rows", frame.with_columns(column)


def damaged_frames(plan: Plan, rule: Rule, frame: pl.DataFrame) -> Iterator[tuple[str, pl.DataFrame]]:
    """The frame made wrong as a whole, and in a single value; with how."""
    rng = np.random.default_rng(plan.seed)
    names = [name for name in rule.columns if name in frame.columns]
    if frame.height > 1:
        one, other = rng.permutation(frame.height)[:2]
        again = frame[int(one)].select(names)
        yield "one row twice", pl.concat([frame[: int(other)], frame[int(one)], frame[int(other) + 1 :]])
        changed = frame[int(other)].with_columns(again.get_columns())
        yield "one row's values in another", pl.concat([frame[: int(other)], changed, frame[int(other) + 1 :]])
    yield "a row more, the same as another", pl.concat([frame, frame[:1]])
    yield "half of its rows", frame[: max(1, frame.height // 2)]
    yield "one of its rows", frame[:1]
    yield "all of its rows twice", pl.concat([frame, frame])
    ways: tuple[Callable[[str], Iterator[tuple[str, pl.DataFrame]]], ...] = (
        lambda name: _thinned(name, frame),
        lambda name: _levelled(plan, name, frame),
        lambda name: _reordered(name, frame, rng),
    )
    for way in ways:
        for name in names[:8]:
            yield from way(name)
    for name in names[:8]:
        at = int(rng.integers(0, frame.height))
        for change in changes(plan, rule, name, frame[at : at + 1]):
            row = frame[at : at + 1].with_columns(change.values)
            yield f"{name} {change.words} in one row", pl.concat([frame[:at], row, frame[at + 1 :]])
