"""What the arguments of Pandera's own checks allow, as they are stored: bounds, lists, lengths, beginnings and ends."""

from __future__ import annotations

import ctypes
import datetime as dt
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from batchops.contract.content import RuleContent

__all__ = [
    "ALLOWED",
    "FORBIDDEN",
    "Bounds",
    "affix_of",
    "arguments_of",
    "bounds_of",
    "builtin_of",
    "holds",
    "is_integer",
    "length_of",
    "listed_of",
]

EXACT = 2**53
"""Integers of a larger size and floats are not compared exactly."""

ALLOWED = {"isin": "allowed_values", "eq": "value"}
FORBIDDEN = {"notin": "forbidden_values", "ne": "value"}
BOUNDED = ("eq", "ge", "gt", "le", "lt", "in_range")

READERS: Mapping[str, Callable[[str], Any]] = {
    "String": str,
    "Enum": str,
    "Date": dt.date.fromisoformat,
    "Time": dt.time.fromisoformat,
    "Datetime": dt.datetime.fromisoformat,
}

Values = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Bounds:
    """From where to where; None where there is no bound: a bound at the top, even infinity, keeps NaN out."""

    low: Any = None
    high: Any = None
    low_in: bool = True
    high_in: bool = True

    def holds(self, value: Any) -> bool:
        """Whether a value lies within."""
        above = self.low is None or value > self.low or (self.low_in and value == self.low)
        return above and (self.high is None or value < self.high or (self.high_in and value == self.high))

    def above(self, low: Any, low_in: bool) -> bool:
        """Whether everything within is above a bound."""
        return self.low is not None and (self.low > low or (self.low == low and (low_in or not self.low_in)))

    def below(self, high: Any, high_in: bool) -> bool:
        """Whether everything within is below a bound."""
        return self.high is not None and (self.high < high or (self.high == high and (high_in or not self.high_in)))


def is_integer(dtype: str) -> bool:
    """Whether a dtype's name is that of an integer."""
    return dtype.startswith(("Int", "UInt"))


def _number(value: Any, dtype: str) -> Any:
    """A number as the engine compares a column with it; None where its order is unclear."""
    number = float(value) if isinstance(value, str) and dtype.startswith("Float") else value
    if not isinstance(number, int | float) or math.isnan(number):
        return None
    if dtype.startswith("Float"):
        return ctypes.c_float(number).value if dtype == "Float32" else float(number)
    return None if isinstance(number, float) and abs(number) >= EXACT else number


def _value(value: Any, dtype: str) -> Any:
    """A stored argument as it compares with a column's values; None where that is unclear."""
    try:
        if is_integer(dtype) or dtype in ("Float32", "Float64", "Boolean"):
            return _number(value, dtype)
        read = READERS[dtype.partition("(")[0]](value)
    except (KeyError, TypeError, ValueError, OverflowError):
        return None
    # A time with a zone has no order with one that has none.
    astray = isinstance(read, dt.datetime) and (read.tzinfo is None) != ("time_zone=None" in dtype)
    return None if astray else read


def builtin_of(rule: RuleContent) -> str | None:
    """Pandera's name of a rule's check, in `Field`'s words; None for an author's."""
    return None if rule.check is None else rule.check.builtin


def arguments_of(rule: RuleContent) -> Mapping[str, Any]:
    """Of a check, by name; empty where it has none."""
    return (None if rule.check is None else rule.check.arguments) or {}


def _whole(bounds: Bounds) -> Bounds:
    """The same bounds over integers: both included."""
    low, high = bounds.low, bounds.high
    if low is not None and math.isfinite(low):
        low = math.ceil(low) if bounds.low_in else math.floor(low) + 1
    if high is not None and math.isfinite(high):
        high = math.floor(high) if bounds.high_in else math.ceil(high) - 1
    return Bounds(low, high)


def bounds_of(rule: RuleContent, dtype: str) -> Bounds | None:
    """Between what a rule wants a column's values; None where it does not say, or not clearly."""
    name, said = builtin_of(rule), arguments_of(rule)
    # The order of an Enum is that of its categories.
    if name not in BOUNDED or dtype.startswith("Enum"):
        return None
    stated = {
        side: said[word]
        for side, words in (("low", ("min_value", "value")), ("high", ("max_value", "value")))
        for word in words
        if word in said
    }
    ends = {side: _value(each, dtype) for side, each in stated.items()}
    if None in ends.values():
        return None
    bounds = Bounds(
        ends.get("low"),
        ends.get("high"),
        name != "gt" and bool(said.get("include_min", True)),
        name != "lt" and bool(said.get("include_max", True)),
    )
    return _whole(bounds) if is_integer(dtype) else bounds


def length_of(rule: RuleContent) -> Bounds | None:
    """Between what a rule wants a text's length; None where it does not say."""
    if builtin_of(rule) != "str_length":
        return None
    said = arguments_of(rule)
    exact = said.get("exact_value")
    return Bounds(said.get("min_value"), said.get("max_value")) if exact is None else Bounds(exact, exact)


def listed_of(rule: RuleContent, dtype: str, words: Mapping[str, str]) -> Values | None:
    """The values that a rule of one of these names lists; None for other rules, and where a value is unclear."""
    word = words.get(builtin_of(rule) or "")
    if word is None:
        return None
    said = arguments_of(rule).get(word)
    values = tuple(_value(each, dtype) for each in (said if isinstance(said, list) else [said]))
    return None if None in values else values


def affix_of(rule: RuleContent) -> tuple[Callable[[str, str], bool], str] | None:
    """How a text begins or ends, where a rule says so."""
    found = {"str_startswith": str.startswith, "str_endswith": str.endswith}.get(builtin_of(rule) or "")
    return None if found is None else (found, str(arguments_of(rule).get("string")))


def holds(rule: RuleContent, value: Any, dtype: str) -> bool | None:
    """Whether a value passes a rule; None where that cannot be told."""
    if (bounds := bounds_of(rule, dtype)) is not None:
        return bounds.holds(value)
    if (length := length_of(rule)) is not None:
        return length.holds(len(value))
    if (allowed := listed_of(rule, dtype, ALLOWED)) is not None:
        return value in allowed
    if (forbidden := listed_of(rule, dtype, FORBIDDEN)) is not None:
        return value not in forbidden
    affix = affix_of(rule)
    return None if affix is None or not isinstance(value, str) else affix[0](value, affix[1])
