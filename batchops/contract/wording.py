"""Rules in words that a reader understands: "distance is between 80 and 5 000 mi"."""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from batchops.contract.terms import ColumnSpec

__all__ = ["LISTED", "SHORT", "asks", "listed", "number", "short_name", "statistics", "tolerated"]

SHORT = {
    "equal_to": "eq",
    "not_equal_to": "ne",
    "greater_than": "gt",
    "greater_than_or_equal_to": "ge",
    "less_than": "lt",
    "less_than_or_equal_to": "le",
}
"""Pandera's names of checks, by the words that `Field` has for them."""

LISTED = 6
"""Values that a sentence still names one by one."""


def number(value: Any, measured: bool = False) -> str:
    """A bound as people write it: no needless decimals; digits in threes, but years, times and codes as they are.

    Args:
        measured: It has a unit: digits go in threes from 1 000 on, not only from 10 000.

    >>> number(2013), number(5000, measured=True), number(12.0), number(-1234567.5)
    ('2013', '5 000', '12', '-1 234 567.5')
    """
    if isinstance(value, dt.datetime | dt.date | dt.time):
        return value.isoformat(" ") if isinstance(value, dt.datetime) else value.isoformat()
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    whole_number = math.isfinite(value) and value == int(value)
    text = f"{value:.0f}" if whole_number else repr(value)
    if abs(value) < (1_000 if measured else 10_000):
        return text
    whole, point, rest = text.partition(".")
    return re.sub(r"(?<=\d)(?=(\d{3})+$)", " ", whole) + point + rest


def listed(names: Sequence[str]) -> str:
    """Names as a sentence has them.

    >>> listed(["a"]), listed(["a", "b", "c"])
    ('a', 'a, b and c')
    """
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def tolerated(column: str, limit: float, unit: str) -> str:
    """How often a column may be missing.

    >>> tolerated("temp", 0.25, "share"), tolerated("temp", 1200, "rows")
    ('temp is missing in at most 25 % of the rows', 'temp is missing in at most 1 200 rows')
    """
    much = f"{100 * limit:.3g} % of the rows" if unit == "share" else f"{number(limit, measured=True)} rows"
    return f"{column} is missing in at most {much}"


def short_name(check: Any) -> str:
    """The check's name in a rule's id: `Field`'s word for a built-in, the author's for others."""
    name = SHORT.get(check.name, check.name)
    return re.sub(r"\W+", "_", name).strip("_") or "check"


def statistics(check: Any) -> Mapping[str, Any]:
    """A built-in check's arguments, sets in order, so that they are the same in every process."""
    return {
        name: sorted(value, key=lambda each: (str(type(each)), each)) if isinstance(value, set | frozenset) else value
        for name, value in check._check_kwargs.items()
    }


def _among(values: Collection[Any]) -> str:
    if len(values) > LISTED:
        return f"one of {number(len(values), measured=True)} values"
    listed = [number(value) for value in values] or ["no value"]
    return listed[0] if len(listed) == 1 else f"{', '.join(listed[:-1])} or {listed[-1]}"


def _length(min_value: int | None = None, max_value: int | None = None, exact_value: int | None = None) -> str:
    if exact_value is not None or min_value == max_value:
        return f"has {exact_value if exact_value is not None else min_value} characters"
    if min_value is None:
        return f"has at most {max_value} characters"
    return f"has at least {min_value} characters" if max_value is None else f"has {min_value} to {max_value} characters"


def _range(min_value: str, max_value: str, include_min: str = "True", include_max: str = "True") -> str:
    if include_min == include_max == "True":
        return f"is between {min_value} and {max_value}"
    low = "at least" if include_min == "True" else "above"
    high = "at most" if include_max == "True" else "below"
    return f"is {low} {min_value} and {high} {max_value}"


COMPARISONS: Mapping[str, Callable[..., str]] = {
    "eq": lambda value: f"is {value}",
    "ne": lambda value: f"is not {value}",
    "gt": lambda min_value: f"is above {min_value}",
    "ge": lambda min_value: f"is at least {min_value}",
    "lt": lambda max_value: f"is below {max_value}",
    "le": lambda max_value: f"is at most {max_value}",
    "in_range": _range,
}
"""Sentences over bounds, which come as text, with the column's unit to follow."""

OTHERS: Mapping[str, Callable[..., str]] = {
    "isin": lambda allowed_values: f"is {_among(allowed_values)}",
    "notin": lambda forbidden_values: f"is not {_among(forbidden_values)}",
    "str_matches": lambda pattern: f"begins with a match of {getattr(pattern, 'pattern', pattern)}",
    "str_contains": lambda pattern: f"contains {getattr(pattern, 'pattern', pattern)}",
    "str_startswith": lambda string: f"starts with {string}",
    "str_endswith": lambda string: f"ends with {string}",
    "str_length": _length,
    "unique_values_eq": lambda values: f"takes each of {len(values)} values and no other",
}


def _own_words(check: Any, builtin: str) -> str | None:
    """What the author wrote: ``error=``, unless Pandera wrote it, or the docstring's first sentence."""
    generated = re.compile(rf"({'|'.join(SHORT)}|{builtin or 'no check'})\(")
    if check.error and not (builtin and generated.match(check.error)):
        return str(check.error)
    first = (check.description or "").strip().partition("\n\n")[0]
    return re.sub(r"\s+", " ", first).rstrip(".") or None


def asks(check: Any, column: ColumnSpec | None) -> str:
    """What a Pandera check asks, in words.

    Args:
        column: That it stands on; None for a check of the frame.
    """
    name = getattr(check._check_fn, "__name__", "")
    builtin = SHORT.get(name, name) if check.is_builtin_check(name) else ""
    own = _own_words(check, builtin)
    if own is not None:
        return own
    if column is not None and builtin in COMPARISONS:
        bounds = {name: number(value, bool(column.unit)) for name, value in statistics(check).items()}
        return f"{column.name} {COMPARISONS[builtin](**bounds)} {column.unit}".rstrip()
    if column is not None and builtin in OTHERS:
        return f"{column.name} {OTHERS[builtin](**statistics(check))}"
    words = short_name(check).replace("_", " ")
    return words if column is None else f"{column.name}: {words}"
