"""Python values as source text, laid out as ruff formats it: one line where it fits, else one item a line."""

from __future__ import annotations

import datetime as dt
import math
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import polars as pl

__all__ = ["WIDTH", "Call", "Code", "dtype_code", "lay", "literal", "text_literal", "width"]

WIDTH = 120
"""Columns of a line."""

GROUPED = 10_000
"""From here on an integer's digits are grouped."""


@dataclass(frozen=True, slots=True)
class Code:
    """Source text that stands as it is: a name, a dtype."""

    text: str


@dataclass(frozen=True, slots=True)
class Call:
    """A call by keywords."""

    name: str
    keywords: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Group:
    """Brackets with items in them, each with what stands before it.

    Attributes:
        hugs: All items may stand on one line between the brackets, as arguments of a call do.
    """

    opens: str
    items: tuple[tuple[str, _Node], ...]
    closes: str
    hugs: bool = False


_Node = str | _Group


def width(text: str) -> int:
    """Columns that a text takes: two for a wide character, none for a combining one."""
    if text.isascii():
        return len(text)
    return sum(0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def text_literal(text: str) -> str:
    """A string in double quotes, unless they would have to be escaped more often than single ones; a pattern raw."""
    if "\\" in text and text.isprintable() and not text.endswith("\\") and not {"'", '"'} & {*text}:
        return f'r"{text}"'
    return _quoted(c if c in "'\"" else repr(c)[1:-1] for c in text)


def _quoted(characters: Iterable[str]) -> str:
    """Characters as they are escaped, but for the quotes among them."""
    body = "".join(characters)
    if body.count('"') > body.count("'"):
        return "'" + body.replace("'", "\\'") + "'"
    return '"' + body.replace('"', '\\"') + '"'


def _number(value: float) -> str:
    if not math.isfinite(value):
        return f'float("{value}")'
    return f"{value:_}" if isinstance(value, int) and abs(value) >= GROUPED else repr(value).replace("e+", "e")


def dtype_code(dtype: Any) -> Code | Call:
    """The expression that makes a dtype."""
    if isinstance(dtype, pl.Enum):
        return Call("pl.Enum", {"": dtype.categories.to_list()})
    if isinstance(dtype, pl.Struct):
        return Call("pl.Struct", {"": {field.name: dtype_code(field.dtype) for field in dtype.fields}})
    if isinstance(dtype, pl.Array):
        return Call("pl.Array", {"": dtype_code(dtype.inner), " ": dtype.size})
    if isinstance(dtype, pl.List):
        return Call("pl.List", {"": dtype_code(dtype.inner)})
    if isinstance(dtype, pl.Datetime):
        return Call("pl.Datetime", {"": dtype.time_unit, " ": dtype.time_zone})
    if isinstance(dtype, pl.Duration):
        return Call("pl.Duration", {"": dtype.time_unit})
    if isinstance(dtype, pl.Decimal):
        return Call("pl.Decimal", {"": dtype.precision, " ": dtype.scale})
    return Code(f"pl.{dtype}")


def literal(value: Any) -> str:
    """A value on one line."""
    return _flat(_node(value))


def _node(value: Any) -> _Node:
    if isinstance(value, Mapping):
        return _Group("{", tuple((f"{literal(key)}: ", _node(each)) for key, each in value.items()), "}")
    if isinstance(value, list):
        return _Group("[", tuple(("", _node(each)) for each in value), "]")
    if isinstance(value, tuple):
        return _Group("(", tuple(("", _node(each)) for each in value), ",)" if len(value) == 1 else ")")
    if isinstance(value, Call):
        items = ((f"{name}=" if name.strip() else "", _node(each)) for name, each in value.keywords.items())
        return _Group(f"{value.name}(", tuple(items), ")", hugs=True)
    return _atom(value)


def _atom(value: Any) -> str:
    if isinstance(value, Code):
        return value.text
    if isinstance(value, str):
        return text_literal(value)
    if isinstance(value, re.Pattern):
        return f"re.compile({text_literal(value.pattern)})"
    if isinstance(value, Decimal):
        return f'Decimal("{value}")'
    if isinstance(value, dt.datetime | dt.date | dt.time | dt.timedelta):
        return repr(value).replace("datetime.", "dt.", 1).replace("tzinfo=datetime.timezone.utc", "tzinfo=dt.UTC")
    if isinstance(value, bytes):
        return "b" + _quoted(chr(byte) if byte in b"'\"" else repr(bytes([byte]))[2:-1] for byte in value)
    return repr(value) if isinstance(value, bool) or not isinstance(value, int | float) else _number(value)


def _flat(node: _Node) -> str:
    if isinstance(node, str):
        return node
    return node.opens + ", ".join(before + _flat(each) for before, each in node.items) + node.closes


def lay(before: str, value: Any, after: str = "", indent: int = 0) -> list[str]:
    """The lines of a value.

    Args:
        before, after: What stands on its first line before it and on its last line after it: ``x: int = ``, ``,``.
        indent: Of its first line, in columns.
    """
    return list(_lines(before, _node(value), after, indent))


def _lines(before: str, node: _Node, after: str, indent: int) -> Iterable[str]:
    margin = " " * indent
    line = f"{margin}{before}{_flat(node)}{after}"
    if isinstance(node, str) or not node.items or width(line) <= WIDTH:
        return [line]
    first, last = f"{margin}{before}{node.opens}", f"{margin}{node.closes[-1]}{after}"
    body = f"{margin}    {', '.join(start + _flat(each) for start, each in node.items)}"
    if node.hugs and width(body) <= WIDTH:
        return [first, body, last]
    inner = [line for start, each in node.items for line in _lines(start, each, ",", indent + 4)]
    return [first, *inner, last]
