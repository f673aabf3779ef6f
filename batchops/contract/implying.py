"""Whether what one rule asks follows from what others ask: that values from 80 to 5 000 are above 0.

Only Pandera's own checks of a single column are understood; of anything else, a rule follows from its equal alone.
"""

from __future__ import annotations

import ctypes
import datetime as dt
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from batchops.contract.content import RuleContent

__all__ = ["implied", "same_test"]

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
class _Bounds:
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


def _is_integer(dtype: str) -> bool:
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
        if _is_integer(dtype) or dtype in ("Float32", "Float64", "Boolean"):
            return _number(value, dtype)
        read = READERS[dtype.partition("(")[0]](value)
    except (KeyError, TypeError, ValueError, OverflowError):
        return None
    zoned = isinstance(read, dt.datetime) and read.tzinfo is not None
    return None if zoned and "time_zone=None" in dtype else read


def _builtin(rule: RuleContent) -> str | None:
    return None if rule.check is None else rule.check.builtin


def _said(rule: RuleContent) -> Mapping[str, Any]:
    return (None if rule.check is None else rule.check.arguments) or {}


def _whole(bounds: _Bounds) -> _Bounds:
    """The same bounds over integers: both included."""
    low, high = bounds.low, bounds.high
    if low is not None and math.isfinite(low):
        low = math.ceil(low) if bounds.low_in else math.floor(low) + 1
    if high is not None and math.isfinite(high):
        high = math.floor(high) if bounds.high_in else math.ceil(high) - 1
    return _Bounds(low, high)


def _bounds(rule: RuleContent, dtype: str) -> _Bounds | None:
    """Between what a rule wants a column's values; None where it does not say, or not clearly."""
    name, said = _builtin(rule), _said(rule)
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
    bounds = _Bounds(
        ends.get("low"),
        ends.get("high"),
        name != "gt" and bool(said.get("include_min", True)),
        name != "lt" and bool(said.get("include_max", True)),
    )
    return _whole(bounds) if _is_integer(dtype) else bounds


def _length(rule: RuleContent) -> _Bounds | None:
    if _builtin(rule) != "str_length":
        return None
    said = _said(rule)
    exact = said.get("exact_value")
    return _Bounds(said.get("min_value"), said.get("max_value")) if exact is None else _Bounds(exact, exact)


def _listed(rule: RuleContent, dtype: str, words: Mapping[str, str]) -> Values | None:
    """The values that a rule of one of these names lists; None for other rules, and where a value is unclear."""
    word = words.get(_builtin(rule) or "")
    if word is None:
        return None
    said = _said(rule).get(word)
    values = tuple(_value(each, dtype) for each in (said if isinstance(said, list) else [said]))
    return None if None in values else values


def _affix(rule: RuleContent) -> tuple[Callable[[str, str], bool], str] | None:
    """How a text begins or ends, where a rule says so."""
    found = {"str_startswith": str.startswith, "str_endswith": str.endswith}.get(_builtin(rule) or "")
    return None if found is None else (found, str(_said(rule).get("string")))


def _holds(rule: RuleContent, value: Any, dtype: str) -> bool | None:
    """Whether a value passes a rule; None where that cannot be told."""
    if (bounds := _bounds(rule, dtype)) is not None:
        return bounds.holds(value)
    if (length := _length(rule)) is not None:
        return length.holds(len(value))
    if (allowed := _listed(rule, dtype, ALLOWED)) is not None:
        return value in allowed
    if (forbidden := _listed(rule, dtype, FORBIDDEN)) is not None:
        return value not in forbidden
    affix = _affix(rule)
    return None if affix is None or not isinstance(value, str) else affix[0](value, affix[1])


def _within(outer: _Bounds, inner: tuple[_Bounds, ...]) -> bool:
    """Whether what all of the inner bounds hold lies within the outer ones."""
    low = outer.low is None or any(each.above(outer.low, outer.low_in) for each in inner)
    return low and (outer.high is None or any(each.below(outer.high, outer.high_in) for each in inner))


def _follows(rule: RuleContent, others: tuple[RuleContent, ...], dtype: str) -> bool:
    """Whether a rule of a column's values follows from others of the same column."""
    lists = (_listed(other, dtype, ALLOWED) for other in others)
    if any(values is not None and all(_holds(rule, each, dtype) for each in values) for values in lists):
        return True
    if (bounds := _bounds(rule, dtype)) is not None:
        return _within(bounds, tuple(each for other in others if (each := _bounds(other, dtype)) is not None))
    if (length := _length(rule)) is not None:
        return _within(length, tuple(each for other in others if (each := _length(other)) is not None))
    if (forbidden := _listed(rule, dtype, FORBIDDEN)) is not None:
        return all(any(_holds(other, value, dtype) is False for other in others) for value in forbidden)
    if (affix := _affix(rule)) is None:
        return False
    return any(
        _builtin(other) == _builtin(rule) and affix[0](str(_said(other).get("string")), affix[1]) for other in others
    )


def same_test(one: RuleContent, other: RuleContent) -> bool:
    """Whether two rules let the same rows pass, as far as their own words tell."""
    return (one.columns, one.check, one.null_passes) == (other.columns, other.check, other.null_passes)


def _fewer(rule: RuleContent, other: RuleContent) -> bool:
    """Whether the other wants the same to be unique, by columns that are among the rule's."""
    alike = all(each.check is None and each.id.endswith(".unique") for each in (rule, other))
    return alike and rule.scope == other.scope and {*other.columns} <= {*rule.columns}


def implied(rule: RuleContent, by: Iterable[RuleContent], dtypes: Mapping[str, str]) -> bool:
    """Whether every row that passes all of ``by`` passes the rule.

    Args:
        dtypes: Of the columns, by name.

    Returns:
        False also where that cannot be told.
    """
    among = tuple(by)
    if rule.check is None:
        return any((each.id == rule.id and same_test(each, rule)) or _fewer(rule, each) for each in among)
    if any(same_test(each, rule) for each in among):
        return True
    if rule.check.builtin is None or len(rule.columns) != 1:
        return False
    others = tuple(each for each in among if each.columns == rule.columns and each.check is not None)
    present = f"{rule.columns[0]}.not_null" in {each.id for each in among}
    if not (rule.null_passes or present or not all(each.null_passes for each in others)):
        return False
    return _follows(rule, others, dtypes.get(rule.columns[0], ""))
