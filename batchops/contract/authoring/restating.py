"""From a contract's content back to the model that asks for it, and to how bad each failure is in the fewest words."""

from __future__ import annotations

import ast
import datetime as dt
import re
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import polars as pl
from pandera.polars import Check

from batchops.contract.authoring.writing import Draft, DraftField, class_name
from batchops.contract.content import ColumnContent, Content, RuleContent
from batchops.contract.patterns import spelled_pattern
from batchops.contract.terms import KEY_UNIQUE, KEY_UNIQUE_OVER_NIGHTS, ColumnSpec, limit_of
from batchops.contract.wording import SHORT, asks
from batchops.errors import ContractError

__all__ = ["Restated", "dtype_named", "own_words", "place_of_column", "restate", "severity", "usual_action"]

LONG = {short: long for long, short in SHORT.items()}

SINGLE = {
    **dict.fromkeys(("eq", "ne"), "value"),
    **dict.fromkeys(("gt", "ge"), "min_value"),
    **dict.fromkeys(("lt", "le"), "max_value"),
    **{"isin": "allowed_values", "notin": "forbidden_values", "unique_values_eq": "values"},
    **dict.fromkeys(("str_matches", "str_contains"), "pattern"),
    **dict.fromkeys(("str_startswith", "str_endswith"), "string"),
}
"""Built-in checks of one argument, by its name."""

DTYPES = frozenset(
    {
        *("Int8", "Int16", "Int32", "Int64", "Int128", "UInt8", "UInt16", "UInt32", "UInt64", "UInt128", "Float16"),
        *("Float32", "Float64", "Boolean", "String", "Categorical", "Binary", "Date", "Time", "Null", "Object"),
        *("Datetime", "Duration", "Decimal", "Enum", "List", "Array", "Struct"),
    }
)

NEVER = re.compile(r"is (never missing|missing in at most .*)$")


@dataclass(frozen=True, slots=True)
class Restated:
    """A model to be written.

    Attributes:
        left_out: Rules that a model's text cannot be made of: their ids and words.
    """

    draft: Draft
    left_out: tuple[str, ...] = ()


def dtype_named(text: str) -> pl.DataType | None:
    """The dtype that polars prints so; None for any other text.

    >>> dtype_named("List(Decimal(precision=10, scale=2))")
    List(Decimal(precision=10, scale=2))
    >>> dtype_named("varchar(18)") is None
    True
    """
    try:
        made = _made(ast.parse(text.strip(), mode="eval").body)
        return made() if isinstance(made, type) else made if isinstance(made, pl.DataType) else None
    except (SyntaxError, TypeError, ValueError, KeyError, AttributeError, pl.exceptions.PolarsError):
        return None


def _made(node: ast.expr) -> Any:
    """A dtype, or an argument of one, out of its syntax; nothing but dtypes is called."""
    if isinstance(node, ast.Name):
        if node.id not in DTYPES:
            raise KeyError(node.id)
        return getattr(pl, node.id)
    if isinstance(node, ast.Call):
        named = {word.arg: _made(word.value) for word in node.keywords if word.arg}
        return _made(node.func)(*map(_made, node.args), **named)
    if isinstance(node, ast.Dict):
        return {_made(key): _made(value) for key, value in zip(node.keys, node.values, strict=True) if key}
    return ast.literal_eval(node)


def place_of_column(column: ColumnContent) -> str:
    """What the column's rules are called by."""
    return spelled_pattern(column.name) if column.regex else column.name


def usual_action(rule: RuleContent) -> str:
    """What becomes of a row that fails a rule of this level if nobody says otherwise."""
    alone = rule.check is not None and rule.check.builtin == "unique_values_eq"
    return "quarantine" if rule.level in ("error", "critical") and not alone else "continue"


def severity(rule: RuleContent) -> dict[str, Any]:
    """How bad a failure is, in the words of metadata that say it; empty for what nobody has to say."""
    said: dict[str, Any] = {} if rule.level == "error" else {"level": rule.level}
    if rule.action != usual_action(rule):
        said["action"] = rule.action
    usual = limit_of(rule.level, None, 0 if rule.action == "abort_night" else None)
    stated = {"warn": rule.limit.warn, "fail": rule.limit.fail}
    needed = {word: bound for word, bound in stated.items() if bound != getattr(usual, word)}
    if rule.unit == "rows":
        # The unit is said by the word alone, so one of them is.
        needed = needed or {word: bound for word, bound in stated.items() if bound is not None}
        return said | {f"{word}_rows": int(bound or 0) for word, bound in needed.items()}
    return said | needed


def _value(stored: Any, dtype: pl.DataType | None) -> Any:
    """An argument as its author gave it, out of the form that it is stored in.

    Raises:
        ValueError: It is of a kind that has no such form.
    """
    if isinstance(stored, list):
        return [_value(each, dtype) for each in stored]
    if not isinstance(stored, str):
        return stored
    if stored.startswith(("re.compile(", "Decimal(", "datetime.timedelta(", "b'", 'b"')):
        return _spelled(stored)
    if dtype is None or isinstance(dtype, pl.String | pl.Categorical | pl.Enum):
        return stored
    if dtype.is_temporal():
        return _moment(stored)
    return float(stored)


def _spelled(text: str) -> Any:
    node = ast.parse(text, mode="eval").body
    if not isinstance(node, ast.Call):
        return ast.literal_eval(node)
    kinds: Mapping[str, Any] = {"Decimal": Decimal, "datetime.timedelta": dt.timedelta, "re.compile": re.compile}
    kind = kinds[ast.unparse(node.func)]
    named = {word.arg: ast.literal_eval(word.value) for word in node.keywords if word.arg}
    return kind(*map(ast.literal_eval, node.args), **named)


def _moment(text: str) -> dt.date | dt.time:
    if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
        return dt.date.fromisoformat(text)
    return dt.datetime.fromisoformat(text) if text[4:5] == "-" else dt.time.fromisoformat(text)


def _argument(rule: RuleContent, dtype: pl.DataType | None) -> tuple[str, Any]:
    """A built-in check in the words of `Field`.

    Raises:
        ValueError: `Field` has no word for it.
    """
    name = (rule.check and rule.check.builtin) or ""
    stored = (rule.check and rule.check.arguments) or {}
    if name in SINGLE:
        value = _value(stored[SINGLE[name]], None if name.startswith("str_") else dtype)
        if name in ("isin", "notin") and dtype is not None and dtype.is_float():
            value = [float(each) for each in value]  # polars looks for no integers among floats
        return name, value
    given = {word: _value(value, dtype) for word, value in stored.items() if value is not None}
    if name == "in_range":
        both = given.get("include_min", True) and given.get("include_max", True)
        return name, (given["min_value"], given["max_value"]) if both else given
    if name == "str_length":
        return name, given
    raise ValueError(name)


def _check(rule: RuleContent, dtype: pl.DataType | None) -> tuple[str, Any, Any] | None:
    """A built-in check's word in `Field`, what it is given, and the check; None where Pandera does not take it."""
    try:
        word, given = _argument(rule, dtype)
        make = getattr(Check, LONG.get(word, word))
        check = make(**given) if isinstance(given, dict) else make(*given) if word == "in_range" else make(given)
    except (ValueError, TypeError, KeyError, AttributeError, SyntaxError, re.error):
        return None
    return word, given, check


def own_words(rule: RuleContent, column: ColumnContent | None) -> str:
    """The words that an author gave a rule; empty where they are those that follow from what it asks."""
    if rule.check is None or rule.check.builtin is None or column is None:
        of_night = rule.id in (KEY_UNIQUE, KEY_UNIQUE_OVER_NIGHTS) or rule.id.endswith(".unique") or ".in_" in rule.id
        usual = NEVER.search(rule.words) if rule.id.endswith(".not_null") else of_night
        return "" if usual or not rule.words else rule.words
    made = _check(rule, dtype_named(column.dtype))
    spec = ColumnSpec(column.name, pl.String(), unit=column.unit)
    return "" if made is not None and asks(made[2], spec) == rule.words else rule.words


def _stated(rule: RuleContent, column: ColumnContent | None) -> dict[str, Any]:
    words = own_words(rule, column)
    return {**severity(rule), **({"words": words} if words else {})}


def _by_rule(rules: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """What is said of each rule of a column: once for the column where they all agree."""
    said = [words for words in rules.values() if words]
    if len(said) == len(rules) > 0 and all(words == said[0] and "words" not in words for words in said):
        return said[0]
    return {"rules": {name: words for name, words in rules.items() if words}} if said else {}


def _field(
    column: ColumnContent, rules: Mapping[str, RuleContent], referring: Set[str]
) -> tuple[DraftField, list[str]]:
    """A column's field, and the ids of the rules that it speaks of.

    Args:
        rules: The column's own, by what follows its name in their ids.
        referring: Ids of rules that follow from references; a column says how bad their failures are.

    Raises:
        ContractError: Its dtype is none that can be written.
    """
    dtype = dtype_named(column.dtype)
    if dtype is None:
        raise ContractError(
            f"column {column.name!r}", f"its dtype {column.dtype} is unknown", "Name one that polars has"
        )
    words: dict[str, Any] = {word: True for word in ("regex", "nullable", "coerce") if getattr(column, word)}
    if column.default is not None:
        words["default"] = _value(column.default, dtype)
    done = [name for name in rules if name in ("not_null", "unique") or rules[name].id in referring]
    if "unique" in rules:
        words["unique"] = True
    for name, rule in rules.items():
        made = _check(rule, dtype)
        if made is not None and made[0] == name:
            words[name] = made[1]
            done.append(name)
    if any(not rules[name].null_passes for name in done):
        words["ignore_na"] = False
    if column.description:
        words["description"] = column.description
    metadata = {**_roles(column), **_by_rule({name: _stated(rules[name], column) for name in rules if name in done})}
    if metadata:
        words["metadata"] = metadata
    return DraftField(column.name, dtype, column.required, words), [rules[name].id for name in done]


def _roles(column: ColumnContent) -> dict[str, Any]:
    roles = column.roles if len(column.roles) > 1 else column.roles[0]
    said: dict[str, Any] = {} if roles == "passthrough" else {"role": roles}
    if column.unit:
        said["unit"] = column.unit
    if column.pii:
        said["pii"] = True
    return said


def _of_night(content: Content) -> Iterator[tuple[str, Any]]:
    yield "name", content.name
    if content.version:
        yield "version", int(content.version) if re.fullmatch("0|[1-9][0-9]*", content.version) else content.version
    if content.owner:
        yield "owner", content.owner
    if content.rows != (None, None):
        yield "rows", content.rows
    if content.weekday_volume is not None:
        yield "weekday_volume", content.weekday_volume
    if content.freshness is not None:
        yield "freshness", {"column": content.freshness.column, "hours": _short(content.freshness.hours)}
    if content.references:
        yield "references", {each.name: _reference(each.columns, each.path, each.key) for each in content.references}
    if content.unique_over is not None:
        yield "unique_over", content.unique_over


def _short(hours: float) -> float:
    return int(hours) if hours == int(hours) else hours


def _reference(columns: tuple[str, ...], path: str, key: tuple[str, ...]) -> dict[str, Any]:
    names = [names[0] if len(names) == 1 else names for names in (columns, key)]
    return {"columns": names[0], "in": path, **({"key": names[1]} if key != columns else {})}


def _config(content: Content, rest: Mapping[str, RuleContent], together: list[tuple[str, ...]]) -> dict[str, Any]:
    stated = {id: words for id, rule in rest.items() if (words := _stated(rule, None))}
    config: dict[str, Any] = {}
    if content.strict != "allow":
        config["strict"] = True if content.strict == "forbid" else "filter"
    if content.ordered:
        config["ordered"] = True
    if together:
        # Pandera takes several only as tuples.
        config["unique"] = list(together[0]) if len(together) == 1 else together
    config["metadata"] = {**dict(_of_night(content)), **({"rules": stated} if stated else {})}
    return config


def restate(content: Content) -> Restated:
    """The model that asks for what a content says, as far as a model's text can: an author's own checks are code.

    Raises:
        ContractError: A dtype is unknown.
    """
    fields = []
    known: set[str] = set()
    referring = {each.rule for each in content.references}
    for column in content.columns:
        place = place_of_column(column)
        own = {rule.id[len(place) + 1 :]: rule for rule in content.rules if rule.id.rpartition(".")[0] == place}
        own = {name: rule for name, rule in own.items() if rule.scope != "dataset" or rule.id in referring}
        field, done = _field(column, own, referring)
        fields.append(field)
        known.update(done)
    rest = {rule.id: rule for rule in content.rules if rule.id not in known}
    asked = {KEY_UNIQUE, KEY_UNIQUE_OVER_NIGHTS, *referring}
    several = [rule for rule in rest.values() if rule.check is None and len(rule.columns) > 1]
    together = [rule.columns for rule in several if rule.id == f"{'+'.join(rule.columns)}.unique"]
    asked |= {f"{'+'.join(names)}.unique" for names in together}
    kept = {id: rule for id, rule in rest.items() if id in asked}
    left = tuple(f"{id}: {rule.words}" for id, rule in rest.items() if id not in asked)
    config = _config(content, kept, together)
    return Restated(Draft(class_name(content.name), content.description, tuple(fields), config), left)
