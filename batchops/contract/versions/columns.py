"""Columns of two versions of a contract compared, without their rules."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import replace

from batchops.contract.casting import fit, read_dtype
from batchops.contract.content import ColumnContent, Content, RuleContent
from batchops.contract.versions.changes import Change, Direction, Kind, between, changed, needs_training
from batchops.contract.wording import number

__all__ = ["column_changes", "in_both", "only_in", "rules_within"]

ENUM = re.compile(r"Enum\(categories=(\[.*\])\)")


def in_both(old: Content, new: Content) -> tuple[tuple[ColumnContent, ColumnContent], ...]:
    """The columns that two contents share, in the first one's order."""
    after = {column.name: column for column in new.columns}
    return tuple((column, after[column.name]) for column in old.columns if column.name in after)


def only_in(one: Content, other: Content) -> tuple[ColumnContent, ...]:
    """The columns of one that the other does not have."""
    known = {column.name for column in other.columns}
    return tuple(column for column in one.columns if column.name not in known)


def rules_within(content: Content, names: set[str]) -> tuple[RuleContent, ...]:
    """The rules that read nothing but these columns."""
    return tuple(rule for rule in content.rules if {*rule.columns} <= names)


def column_changes(old: Content, new: Content) -> Iterator[Change]:
    """What two contents say of columns otherwise."""
    # Where other columns are forbidden, data that still has it is rejected; where there are patterns of names, a column
    # of its own is none of theirs.
    patterns = any(column.regex for column in (*old.columns, *new.columns))
    for column in only_in(old, new):
        direction: Direction = "both" if patterns or new.strict == "forbid" else "widening"
        yield _whole(column, direction, (_words(column, old), ""))
    for column in only_in(new, old):
        direction = "both" if patterns or old.strict == "forbid" else "narrowing"
        yield _whole(column, direction, ("", _words(column, new)))
    for was, now in in_both(old, new):
        yield from _data(was, now)
        yield from _marks(was, now)


def _whole(column: ColumnContent, direction: Direction, words: tuple[str, str]) -> Change:
    change = changed(("column", column.name), direction, *words)
    return needs_training(change) if "feature" in column.roles else change


def _words(column: ColumnContent, content: Content) -> str:
    """All that is said of a column."""
    rules = len(rules_within(content, {column.name}))
    parts = [
        column.dtype,
        "" if column.required else "may be absent",
        "may be missing" if column.nullable else "",
        " and ".join(column.roles),
        f"in {column.unit}" if column.unit else "",
        "personal data" if column.pii else "",
        f"{rules} {'rule' if rules == 1 else 'rules'}" if rules else "",
    ]
    return ", ".join(part for part in parts if part)


def _categories(dtype: str) -> tuple[str, ...] | None:
    """The categories of an Enum's name; None for other dtypes."""
    found = ENUM.fullmatch(dtype)
    return tuple(ast.literal_eval(found[1])) if found else None


def _takes(wide: str, narrow: str) -> bool:
    """Whether a column of one dtype takes every value, from any dtype, that a column of the other takes."""
    allowed, few = _categories(wide), _categories(narrow)
    if few is not None:
        return wide == "String" or (allowed is not None and {*few} <= {*allowed})
    inner, outer = read_dtype(narrow), read_dtype(wide)
    if inner is None or outer is None or not (inner.is_integer() and outer.is_integer()):
        # A float of more bits compares otherwise with a bound; dates and times are read from others by other casts.
        return False
    return fit(inner, outer) == "exact"


def _retyped(was: ColumnContent, now: ColumnContent) -> Direction:
    """What another dtype does: ``both`` where values are lost and won, or nobody can tell."""
    if "Enum" in was.dtype + now.dtype and (was.coerce or now.coerce):
        return "both"  # numbers become categories by their position
    if _takes(now.dtype, was.dtype):
        return "widening"
    return "narrowing" if _takes(was.dtype, now.dtype) else "both"


def _data(was: ColumnContent, now: ColumnContent) -> Iterator[Change]:
    """What lets other data in, or makes other data of it."""
    place: tuple[Kind, str] = ("column", was.name)
    if was.dtype != now.dtype:
        change = changed(place, _retyped(was, now), was.dtype, now.dtype)
        yield needs_training(change) if "feature" in was.roles and "feature" in now.roles else change
    if was.required != now.required:
        said = ("it may be absent", "it is always there")
        yield changed(place, between(now.required, was.required), said[was.required], said[now.required])
    if was.coerce != now.coerce:
        said = ("read by casts that lose nothing", "read by any cast that its value survives")
        yield changed(place, between(was.coerce, now.coerce), said[was.coerce], said[now.coerce])
    if was.default != now.default:
        yield changed(place, "meaning", _default(was), _default(now), "missing values are read as other ones")
    if was.regex != now.regex:
        said = ("a column's name", "a pattern of columns' names")
        yield changed(place, "both", said[was.regex], said[now.regex])


def _default(column: ColumnContent) -> str:
    return "missing stays missing" if column.default is None else f"missing is read as {number(column.default)}"


def _marks(was: ColumnContent, now: ColumnContent) -> Iterator[Change]:
    """What is done with the same data."""
    place: tuple[Kind, str] = ("column", was.name)
    if {*was.roles} != {*now.roles}:
        yield _roles(was, now)
    elif was.roles != now.roles:
        yield changed(place, "severity", _and(was), _and(now), "the same, in another order")
    if was.unit != now.unit:
        # A unit that nobody had stated changes no value.
        direction: Direction = "meaning" if was.unit and now.unit else "severity"
        why = "the same numbers mean something else: the model was fitted on others" if was.unit and now.unit else ""
        yield changed(place, direction, f"in {was.unit or 'no unit'}", f"in {now.unit or 'no unit'}", why)
    if was.pii != now.pii:
        said = ("not personal data", "personal data")
        why = "its values are hidden from now on" if now.pii else "its values are shown from now on"
        yield changed(place, "severity", said[was.pii], said[now.pii], why)
    if was.nullable != now.nullable:
        # Whether a missing value is accepted, the rule `not_null` says; this is what other tools are told.
        said = ("no value of it is missing", "values of it may be missing")
        yield changed(place, "severity", said[was.nullable], said[now.nullable], "its rule not_null says what fails")
    if was.description != now.description:
        yield changed(place, "words", was.description, now.description)


def _and(column: ColumnContent) -> str:
    return " and ".join(column.roles)


def _roles(was: ColumnContent, now: ColumnContent) -> Change:
    turned = {*was.roles} ^ {*now.roles}
    change = changed(("column", was.name), "meaning", _and(was), _and(now))
    if "feature" in turned:
        return needs_training(replace(change, why=""))
    if "key" in turned:
        return replace(change, why="rows are named by other columns: jobs and labels state their key too")
    return replace(change, direction="severity", why="the same data passes; it is used otherwise")
