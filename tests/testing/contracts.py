"""Contracts made up: columns of every dtype, with checks that some value of each obeys."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any

import pandera.polars as pa
import polars as pl
from hypothesis import strategies as st

from tests.contract.models import model

__all__ = ["contracts"]

ZONED = Annotated[pl.Datetime, "us", "Europe/Berlin"]
NUMBERS: dict[Any, st.SearchStrategy[Any]] = {
    pl.Int8: st.integers(-128, 127),
    pl.Int16: st.integers(-(2**15), 2**15 - 1),
    pl.Int32: st.integers(-(2**31), 2**31 - 1),
    pl.Int64: st.integers(-(2**63), 2**63 - 1),
    pl.UInt8: st.integers(0, 255),
    pl.UInt16: st.integers(0, 2**16 - 1),
    pl.UInt32: st.integers(0, 2**32 - 1),
    pl.UInt64: st.integers(0, 2**64 - 1),
    pl.Float32: st.floats(-1e6, 1e6, width=32),
    pl.Float64: st.floats(-1e12, 1e12),
    Annotated[pl.Decimal, 12, 3]: st.decimals(-(10**6), 10**6, places=3),
    pl.Date: st.dates(dt.date(1900, 1, 1), dt.date(2200, 1, 1)),
    Annotated[pl.Datetime, "ms", None]: st.datetimes(dt.datetime(1900, 1, 1), dt.datetime(2200, 1, 1)).map(
        lambda value: value.replace(microsecond=0)
    ),
    pl.Time: st.times().map(lambda value: value.replace(microsecond=0, tzinfo=None)),
    Annotated[pl.Duration, "us"]: st.timedeltas(dt.timedelta(days=-900), dt.timedelta(days=900)),
}
"""Dtypes with an order, and values to bound them by."""

UNBOUND: list[Any] = [
    pl.Boolean,
    pl.Binary,
    pl.Categorical,
    ZONED,
    Annotated[pl.List, pl.Int16],
    Annotated[pl.Struct, {"a": pl.Int8, "b": pl.String}],
    Annotated[pl.Array, pl.Float32, 2],
]

WORDS = st.text("abcXYZ019-_.", min_size=1, max_size=6)
PATTERNS = (
    r"[A-Z]{3}$",
    r"^[a-c]+\d{2,4}$",
    r"(foo|bar)-\w+",
    r"\d{4}-\d{2}",
    r"a|x",
    r"[^a]b?c+$",
    r"\S+@\S+\.(de|org)$",
)


@st.composite
def _bounds(draw: st.DrawFn, values: st.SearchStrategy[Any]) -> dict[str, Any]:
    one, two, three = sorted(draw(st.lists(values, min_size=3, max_size=3, unique=True)))
    return draw(
        st.sampled_from(
            [
                {},
                {"ge": one},
                {"le": three},
                {"ge": one, "le": two},
                {"in_range": (one, three)},
                {"gt": one, "le": three},
                {"in_range": {"min_value": one, "max_value": three, "include_max": False}},
                {"isin": [one, two, three]},
                {"isin": [one, two], "ne": one},
                {"ge": one, "notin": [one, three]},
                {"eq": two},
                {"ge": two, "ne": two, "le": three},
            ]
        )
    )


@st.composite
def _texts(draw: st.DrawFn) -> dict[str, Any]:
    low = draw(st.integers(1, 5))
    return draw(
        st.sampled_from(
            [
                {},
                {"str_matches": draw(st.sampled_from(PATTERNS))},
                {"str_contains": draw(st.sampled_from(PATTERNS))},
                {"str_length": {"min_value": low, "max_value": low + draw(st.integers(0, 9))}},
                {"str_length": {"exact_value": low}},
                {"str_startswith": draw(WORDS), "str_endswith": draw(WORDS)},
                {"str_startswith": "ab", "str_length": {"min_value": 8}},
                {"isin": draw(st.lists(WORDS, min_size=1, max_size=5, unique=True))},
                {"str_contains": "@", "str_endswith": ".org"},
                {"str_matches": r"[a-z]+", "str_length": {"max_value": 6}, "ne": "abc"},
            ]
        )
    )


@st.composite
def fields(draw: st.DrawFn) -> tuple[Any, dict[str, Any]]:
    """A dtype, and the arguments of its `Field`."""
    kind = draw(st.sampled_from(["number"] * 4 + ["text"] * 2 + ["enum", "unbound"]))
    if kind == "number":
        dtype = draw(st.sampled_from(list(NUMBERS)))
        said = draw(_bounds(NUMBERS[dtype]))
    elif kind == "text":
        dtype, said = pl.String, draw(_texts())
    elif kind == "enum":
        names = draw(st.lists(WORDS, min_size=2, max_size=5, unique=True))
        dtype, said = pl.Enum(names), draw(st.sampled_from([{}, {"isin": names[:1]}]))
    else:
        dtype, said = draw(st.sampled_from(UNBOUND)), {}
    return dtype, {**said, "nullable": draw(st.booleans())}


@st.composite
def contracts(draw: st.DrawFn) -> Any:
    """A model of one to four columns."""
    columns = draw(st.lists(fields(), min_size=1, max_size=4))
    return model({f"x{place}": (dtype, pa.Field(**said)) for place, (dtype, said) in enumerate(columns)})
