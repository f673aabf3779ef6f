"""What is questionable about a contract, by itself and as a job uses it; no row is looked at.

An *error* is a contract that does not do what it says, or that a job cannot be run with; a *warning* is likely to be a
slip; a *note* is worth knowing.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal

from batchops.contract.content import ColumnContent, Content, RuleContent, content_of
from batchops.contract.locating import place_of, where
from batchops.contract.terms import Contract
from batchops.contract.versions.arguments import (
    ALLOWED,
    FORBIDDEN,
    Bounds,
    bounds_of,
    builtin_of,
    holds,
    is_integer,
    length_of,
    listed_of,
)
from batchops.contract.versions.implying import implied, same_test

__all__ = ["Doubt", "Use", "Weight", "doubts", "doubts_of_use"]

Weight = Literal["error", "warning", "note"]

LARGE = 5_000_000
"""Rows of a file from which it matters that a rule wants all of them at once."""

CATEGORIES = re.compile(r"Enum\(categories=(\[.*\])\)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Doubt:
    """Something to look at.

    Attributes:
        where: ``schemas/flights.py:31``, or as near as is known.
    """

    weight: Weight
    where: str
    what: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Use:
    """How a job uses a contract.

    Attributes:
        job: Its name.
        place: Its file.
        trains: It fits models itself.
        model: Its champion, ``delay@3``; empty where none is registered.
        wanted: The model's features and the dtypes that it was fitted on, by name.
        rows: Of the largest file of its newest night, as far as is known.
    """

    job: str
    place: str
    trains: bool = False
    model: str = ""
    wanted: tuple[tuple[str, str], ...] = ()
    rows: int = 0


def doubts(contract: Contract) -> tuple[Doubt, ...]:
    """What is questionable about a contract by itself."""
    content = content_of(contract)
    columns = {column.name: column for column in content.columns}
    found: list[Doubt] = []
    for rule in content.rules:
        column = columns.get(rule.columns[0]) if len(rule.columns) == 1 else None
        said = [*_of_values(rule, column)] if column is not None else []
        said = [*(said or _beside(rule, content)), *_of_limit(rule)]
        found += [Doubt(weight, place_of(contract, rule.id), what, remedy) for weight, what, remedy in said]
    found += [
        Doubt("error", _at(contract, name), what, remedy)
        for name, column in columns.items()
        for what, remedy in _together(column, content)
    ]
    return (*found, *_of_columns(contract, columns.values()), *_of_running(contract))


def _at(contract: Contract, name: str) -> str:
    return where(contract.model, name, name).partition(",")[0]


Said = tuple[Weight, str, str]


def _values(dtype: str) -> tuple[Any, ...] | None:
    """All values of a dtype that has few."""
    if dtype == "Boolean":
        return (False, True)
    found = CATEGORIES.fullmatch(dtype)
    return tuple(ast.literal_eval(found[1])) if found else None


def _range(dtype: str) -> Bounds:
    """From where to where an integer dtype goes; no bounds for others."""
    if not is_integer(dtype):
        return Bounds()
    bits = int(dtype.lstrip("UInt"))
    return Bounds(0, 2**bits - 1) if dtype.startswith("U") else Bounds(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


def _empty(bounds: Iterable[Bounds]) -> bool:
    """Whether nothing lies within all of them."""
    known = tuple(bounds)
    return any(
        low.low is not None
        and high.high is not None
        and (low.low > high.high or (low.low == high.high and not (low.low_in and high.high_in)))
        for low in known
        for high in known
    )


def _of_values(rule: RuleContent, column: ColumnContent) -> Iterator[Said]:
    """A rule that no value of the column can fail, or none can pass."""
    passes, fails = _always(rule, column.dtype)
    kind = "Enum" if column.dtype.startswith("Enum") else column.dtype
    if fails:
        yield "error", f"{rule.words}: no {kind} can pass, so every row fails", "Correct its arguments"
    elif passes:
        yield "warning", f"{rule.words}: every {kind} passes, so it never fails", "Leave it out, or tighten it"


def _always(rule: RuleContent, dtype: str) -> tuple[bool, bool]:
    """Whether all values of a dtype pass, and whether all fail; neither where it cannot be told."""
    limits, values = _range(dtype), _values(dtype)
    if values is not None:
        answers = {holds(rule, value, dtype) for value in values}
        return answers == {True}, answers == {False}
    if (bounds := bounds_of(rule, dtype)) is not None:
        return _contains(bounds, limits), _empty((bounds, limits))
    if (length := length_of(rule)) is not None:
        return (length.low or 0) <= 0 and length.high is None, _empty((length,))
    if (allowed := listed_of(rule, dtype, ALLOWED)) is not None:
        return False, not any(map(limits.holds, allowed))
    forbidden = listed_of(rule, dtype, FORBIDDEN)
    return forbidden is not None and not any(map(limits.holds, forbidden)), False


def _contains(outer: Bounds, inner: Bounds) -> bool:
    """Whether the outer bounds hold all that the inner ones do, where those are known at all."""
    if inner.low is None or inner.high is None:
        return False
    return outer.holds(inner.low) and outer.holds(inner.high)


def _together(column: ColumnContent, content: Content) -> Iterator[tuple[str, str]]:
    """Rules of a column that can be passed one by one, and not together."""
    rules = [rule for rule in content.rules if rule.columns == (column.name,)]
    single = {rule.id for rule in rules for weight, _, _ in _of_values(rule, column) if weight == "error"}
    rules = [rule for rule in rules if rule.id not in single]
    bounds = [each for rule in rules if (each := bounds_of(rule, column.dtype)) is not None]
    lengths = [length for rule in rules if (length := length_of(rule)) is not None]
    lists = [values for rule in rules if (values := listed_of(rule, column.dtype, ALLOWED)) is not None]
    barred = any(
        not [value for value in allowed if all(holds(rule, value, column.dtype) is not False for rule in rules)]
        for allowed in lists
    )
    if barred or _empty(bounds) or _empty(lengths):
        named = ", ".join(rule.id for rule in rules if builtin_of(rule) is not None)
        yield f"no value of {column.name} passes all of {named}", "Correct their arguments"


def _beside(rule: RuleContent, content: Content) -> Iterator[Said]:
    """A rule beside the others."""
    others = [each for each in content.rules if each.id != rule.id]
    twin = next((each for each in others if rule.check is not None and same_test(each, rule)), None)
    if twin is not None:
        if twin.id < rule.id:
            yield "warning", f"{rule.words}: {twin.id} asks the same", "Leave one of them out"
    elif rule.check is not None and implied(rule, others, {column.name: column.dtype for column in content.columns}):
        yield "note", f"{rule.words}: other rules ask as much, so it fails only where they do", "It may be left out"


def _of_limit(rule: RuleContent) -> Iterator[Said]:
    """A limit of which one half is its level's, and does not go with the stated one."""
    warn, fail = rule.limit.warn, rule.limit.fail
    if warn is not None and fail is not None and warn > fail:
        what = f"{rule.words}: it fails beyond {100 * fail:.3g} %, before it warns beyond {100 * warn:.3g} %"
        yield "warning", what, "State both, or the level warn"


def _of_columns(contract: Contract, columns: Iterable[ColumnContent]) -> Iterator[Doubt]:
    for column in columns:
        place = _at(contract, column.name)
        if "key" in column.roles and column.nullable:
            what = f"{column.name} is of the key and may be missing: rows without it are never found to be duplicates"
            yield Doubt("warning", place, what, "Leave nullable out")
        if "key" in column.roles and column.dtype.startswith("Float"):
            what = f"{column.name} is of the key and {column.dtype}: rounding makes two keys of one"
            yield Doubt("warning", place, what, "Take an integer or text")
        if "label" in column.roles and "feature" in column.roles:
            what = f"{column.name} is label and feature: the model would read its own answer"
            yield Doubt("error", place, what, "Take the feature's role from it")


def _of_running(contract: Contract) -> Iterator[Doubt]:
    """What takes time or memory, and what is not looked at."""
    for rule in contract.rules:
        if rule.test.check is not None and rule.test.passes is None:
            what = f"{rule.id} is run through Pandera by itself, which is slow"
            yield Doubt("note", place_of(contract, rule.id), what, "Select one expression from data.lazyframe")
    if getattr(getattr(contract.model, "__config__", None), "drop_invalid_rows", False):
        what = "drop_invalid_rows does nothing here: rows that fail are set aside, and counted"
        yield Doubt("note", where(contract.model).partition(",")[0], what, "Leave it out")


def doubts_of_use(contract: Contract, use: Use) -> tuple[Doubt, ...]:
    """What is questionable about a contract as a job uses it."""
    return (*_of_model(contract, use), *_of_personal_data(contract, use), *_of_size(contract, use))


def _of_model(contract: Contract, use: Use) -> Iterator[Doubt]:
    columns = {column.name: column for column in contract.columns}
    for name, dtype in use.wanted:
        if name not in columns:
            what = f"the model {use.model} of {use.job} wants {name}, which the contract does not have"
            yield Doubt("error", use.place, what, "Add it, or train a version without it")
        elif "feature" not in columns[name].roles:
            what = f"the model {use.model} of {use.job} wants {name}, which is no feature"
            yield Doubt("error", _at(contract, name), what, 'Mark it: metadata={"role": "feature"}')
        elif dtype and str(columns[name].dtype) != dtype:
            what = (
                f"the model {use.model} of {use.job} was fitted on {name} as {dtype}, and it is {columns[name].dtype}"
            )
            yield Doubt("warning", _at(contract, name), what, "Train a version, or keep the dtype")
    if use.wanted:
        for name in contract.features:
            if name not in dict(use.wanted):
                what = f"{name} is a feature that the model {use.model} of {use.job} does not read"
                yield Doubt("note", _at(contract, name), what, "Train a version")


def _of_personal_data(contract: Contract, use: Use) -> Iterator[Doubt]:
    for column in contract.columns:
        text = str(column.dtype) == "String"
        if column.pii and text and "feature" in column.roles:
            what = f"{column.name} is text, personal data and a feature: a model keeps its categories readable"
            remedy = "Take the role from it, or derive a feature that names nobody"
            yield Doubt("error" if use.trains else "warning", _at(contract, column.name), what, remedy)


def _of_size(contract: Contract, use: Use) -> Iterator[Doubt]:
    if use.rows < LARGE:
        return
    for rule in contract.rules:
        if rule.scope == "partition":
            what = f"{rule.id} wants whole files at once, and {use.job} has one of {use.rows:,} rows"
            yield Doubt("note", place_of(contract, rule.id), what, "Give its machine the memory, or cut the files")
