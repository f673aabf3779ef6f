"""Random contracts and rows: columns of every dtype polars has, and all that may be asked of them."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pandera.polars as pa
import polars as pl
from hypothesis import strategies as st
from pandera.polars import PolarsData

from tests.contract.models import model

__all__ = [
    "BY_NAME",
    "KINDS",
    "NAMES",
    "Kind",
    "Plan",
    "annotation",
    "frame_of",
    "hashable",
    "model_of",
    "plans",
    "rows_of",
]

NAMES = ["a", "b", "c", "d", *(f"x{n}" for n in range(30))]

Expression = Callable[[pl.Expr], pl.Expr]

DAY = dt.date(2024, 2, 29)
NOON = dt.datetime(2024, 3, 31, 12, 30)
HOUR = dt.timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Kind:
    """Columns of one dtype: what is in them, and what may be asked of them.

    Attributes:
        asks: Options of a Field.
        custom: Expressions of the column for checks that an author wrote.
    """

    dtype: pl.DataType
    values: Sequence[Any]
    asks: Sequence[Mapping[str, Any]] = ()
    custom: Sequence[Expression] = ()

    def __repr__(self) -> str:
        return str(self.dtype)


def compared(middle: Any, high: Any) -> tuple[Mapping[str, Any], ...]:
    """Every built-in check that compares."""
    return (
        *({name: middle} for name in ("eq", "ne", "gt", "ge", "lt", "le")),
        {"isin": [middle]},
        {"notin": [middle, high]},
        {"in_range": (middle, high)},
        *(
            {"in_range": {"min_value": middle, "max_value": high, word: False}}
            for word in ("include_min", "include_max")
        ),
    )


def same(value: pl.Expr) -> pl.Expr:
    return value == value.first()


ANY: tuple[Expression, ...] = (
    lambda value: value.is_not_null(),
    lambda value: ~value.is_duplicated(),
    lambda value: value.is_first_distinct(),
)


def whole_numbers() -> list[Kind]:
    kinds = []
    for dtype in (
        pl.Int8,
        pl.Int16,
        pl.Int32,
        pl.Int64,
        pl.Int128,
        pl.UInt8,
        pl.UInt16,
        pl.UInt32,
        pl.UInt64,
        pl.UInt128,
    ):
        bits, signed = int(str(dtype()).lstrip("UInt")), str(dtype()).startswith("I")
        low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
        custom = (*ANY, same, lambda value: value % 2 == 0, lambda value: value < value.mean())
        kinds.append(Kind(dtype(), [None, low, 0, 1, 2, 3, high], compared(1, 3), custom))
    return kinds


def floats() -> list[Kind]:
    values = [None, float("nan"), float("inf"), float("-inf"), -1.5, -0.0, 0.0, 1.0, 2.5, 1e4]
    custom = (*ANY, same, lambda value: value.is_finite(), lambda value: value > value.mean())
    half = [value for value in values if value is None or not math.isnan(value)]  # NaN has a test of its own
    return [
        *(Kind(dtype(), values, compared(1.0, 2.5), custom) for dtype in (pl.Float32, pl.Float64)),
        Kind(pl.Float16(), half, compared(1.0, 2.5), custom),
    ]


def moments() -> list[Kind]:
    kinds = []
    for unit in ("ms", "us", "ns"):
        for zone in (None, "UTC", "Europe/Berlin"):
            values = [None, dt.datetime(1969, 12, 31, 23), NOON, NOON + HOUR]
            kinds.append(Kind(pl.Datetime(unit, zone), values, () if zone else compared(NOON, NOON + HOUR), ANY))
        kinds.append(Kind(pl.Duration(unit), [None, -HOUR, 0 * HOUR, HOUR], compared(0 * HOUR, HOUR), ANY))
    return kinds


TEXTS = [None, "", "a", "b", "ab", "ba", "xb", "äö", "\U0001d518\U0001d52b", "e\u0301", "a\x00b", "a" * 5000]
ASKED_OF_TEXT: tuple[Mapping[str, Any], ...] = (
    *compared("ab", "b"),
    *({"str_matches": pattern} for pattern in ("a", "^[ab]+$", "[^a]")),
    *({"str_contains": pattern} for pattern in ("b|ö", "^a", r"\w{3}")),
    *({name: "a"} for name in ("str_startswith", "str_endswith")),
    *({"str_length": bounds} for bounds in ({"min_value": 1}, {"max_value": 2}, {"min_value": 1, "max_value": 2})),
    {"str_length": {"exact_value": 3}},
)

KINDS = (
    *whole_numbers(),
    *floats(),
    *moments(),
    Kind(
        pl.Decimal(12, 2),
        [None, Decimal("-1.50"), Decimal("0.00"), Decimal("2.50")],
        compared(Decimal("0.00"), Decimal("2.50")),
        ANY,
    ),
    Kind(pl.Boolean(), [None, True, False], ({"eq": True}, {"ne": True}, {"isin": [True]}), ANY),
    Kind(
        pl.String(),
        TEXTS,
        ASKED_OF_TEXT,
        (*ANY, lambda value: value.str.len_bytes() < 4, lambda value: value > value.max()),
    ),
    Kind(pl.Categorical(), [None, "a", "b", "\U0001d518"], ({"isin": ["a", "b"]}, {"eq": "a"}, {"ne": "a"}), ANY),
    Kind(
        pl.Enum(["b", "a", "\U0001d518"]),
        [None, "a", "b", "\U0001d518"],
        ({"isin": ["a", "b"]}, {"eq": "a"}, {"ne": "a"}),
        ANY,
    ),
    Kind(pl.Binary(), [None, b"", b"a", b"\xff\x00"], ({"eq": b"a"}, {"ne": b""}), ANY),
    Kind(
        pl.Date(), [None, DAY, DAY + dt.timedelta(1), dt.date(1582, 10, 4)], compared(DAY, DAY + dt.timedelta(1)), ANY
    ),
    Kind(pl.Time(), [None, dt.time(), dt.time(12), dt.time(23, 59)], compared(dt.time(12), dt.time(13)), ANY),
    Kind(pl.List(pl.Int64), [None, [], [None], [1, 2]], (), (lambda value: value.list.len() > 0, ANY[0])),
    Kind(pl.Array(pl.Int64, 2), [None, [1, 2], [None, 3]], (), (lambda value: value.arr.sum() > 3, ANY[0])),
    Kind(
        pl.Struct({"a": pl.Int64}),
        [None, {"a": 1}, {"a": None}],
        (),
        (lambda value: value.struct.field("a") > 0, ANY[0]),
    ),
    Kind(pl.Null(), [None], (), (ANY[0],)),
)
BY_NAME = {str(kind.dtype): kind for kind in KINDS}


@dataclass(frozen=True, slots=True)
class Plan:
    """A random column.

    Attributes:
        by_value: It has a check of single values too, in Python.
        arrives: The dtype it is coerced from; None: its own.
    """

    kind: Kind
    options: Mapping[str, Any]
    custom: Sequence[tuple[Expression, bool]] = ()
    by_value: bool = False
    arrives: pl.DataType | None = field(default=None)


def checked(name: str, expression: Expression, ignore_na: bool) -> Any:
    def asked(cls: Any, data: PolarsData) -> pl.LazyFrame:  # noqa: ARG001 - Pandera calls it so
        return data.lazyframe.select(expression(pl.col(data.key)))

    return pa.check(name, ignore_na=ignore_na)(asked)


def is_not_one(cls: Any, value: Any) -> bool:  # noqa: ARG001 - Pandera calls it so
    return bool(value not in (1, "a", DAY))


def annotation(dtype: pl.DataType) -> Any:
    """How an author writes the dtype: Pandera takes some of them as a class only."""
    return type(dtype) if str(dtype) in ("Int128", "UInt128", "Float16") else dtype


def model_of(plans: Sequence[Plan], frame_checks: Mapping[str, Any]) -> Any:
    """A model with a column a plan: ``a``, ``b``, ..."""
    checks = dict(frame_checks)
    columns = {}
    for name, plan in zip(NAMES, plans, strict=False):
        columns[name] = (annotation(plan.kind.dtype), pa.Field(**plan.options))
        checks |= {f"{name}_{n}": checked(name, *custom) for n, custom in enumerate(plan.custom)}
        if plan.by_value:
            checks[f"{name}_by_value"] = pa.check(name, element_wise=True)(is_not_one)
    return model(columns, **checks)


def frame_of(plans: Sequence[Plan], rows: Sequence[Sequence[Any]]) -> pl.DataFrame:
    series = []
    for index, (name, plan) in enumerate(zip(NAMES, plans, strict=False)):
        values = pl.Series(
            name, [row[index] for row in rows], dtype=_naive(plan.arrives or plan.kind.dtype), strict=False
        )
        zone = getattr(plan.kind.dtype, "time_zone", None)
        series.append(values.dt.replace_time_zone(zone) if zone else values)
    return pl.DataFrame(series)


def _naive(dtype: pl.DataType) -> pl.DataType:
    return pl.Datetime(dtype.time_unit) if isinstance(dtype, pl.Datetime) else dtype


def hashable(dtype: pl.DataType) -> bool:
    # Rows of nested values can be compared by few of the versions of polars that are allowed.
    return not dtype.is_nested() and dtype != pl.Null()


NARROWER = {"Int64": pl.Int8(), "UInt64": pl.UInt16(), "Int128": pl.Int64(), "Float64": pl.Float32()}


def plans(kinds: Sequence[Kind] = KINDS) -> st.SearchStrategy[Plan]:
    @st.composite
    def drawn(draw: st.DrawFn) -> Plan:
        kind = draw(st.sampled_from(kinds))
        asked = draw(st.lists(st.sampled_from(kind.asks), max_size=3)) if kind.asks else []
        options: dict[str, Any] = {name: value for each in asked for name, value in each.items()}
        flags = {name: draw(st.booleans()) for name in ("nullable", "ignore_na", "coerce")}
        flags["unique"] = draw(st.booleans()) and hashable(kind.dtype)
        custom = draw(st.lists(st.tuples(st.sampled_from(kind.custom), st.booleans()), max_size=2))
        arrives = NARROWER.get(str(kind.dtype)) if flags["coerce"] and draw(st.booleans()) else None
        filled, by_value = draw(st.booleans()), draw(st.booleans())
        if kind.asks and filled:
            options["default"] = kind.values[-1]
        by_value = by_value and str(kind.dtype) in ("Int64", "Float64", "String", "Date")
        return Plan(kind, options | flags, custom, by_value, arrives)

    return drawn()


def fits(value: Any, plan: Plan) -> bool:
    if plan.arrives is None or not plan.arrives.is_integer() or value is None:
        return True
    return bool(pl.Series([value], dtype=pl.Int128, strict=False).cast(plan.arrives, strict=False).null_count() == 0)


def rows_of(drawn: Sequence[Plan]) -> st.SearchStrategy[list[tuple[Any, ...]]]:
    columns = (st.sampled_from([value for value in plan.kind.values if fits(value, plan)]) for plan in drawn)
    return st.lists(st.tuples(*columns), max_size=9)
