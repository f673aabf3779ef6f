"""The rows that fail are those that fail in Pandera: random contracts on random rows, of every dtype polars has.

Deliberate exceptions, each in a test of its own here or in test_traps.py:

* A check with one answer for all rows is a matter of the partition; Pandera blames row 0 (trap 3).
* ``str_matches("a|b")`` looks for the pattern at the start; Pandera makes it ``^a|b`` (trap 6).
* NaN is a missing value to a column of floats that is not nullable: to Pandera too, unless it is a Float16.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pandera.polars as pa
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st
from pandera.backends.polars.components import ColumnBackend
from pandera.backends.polars.container import DataFrameSchemaBackend
from pandera.config import ValidationDepth, config_context
from pandera.constants import CHECK_OUTPUT_KEY
from pandera.errors import SchemaErrors
from pandera.polars import PolarsData

from batchops.contract import FAILED_RULES, ROW, Contract, Rule, compile_contract, evaluate
from tests.contract.models import model

pytestmark = pytest.mark.filterwarnings("ignore:.*support is not guaranteed:UserWarning")

NAMES = ["a", "b", "c", "d", *(f"x{n}" for n in range(30))]

Failing = set[tuple[int, str]]
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


def by_number(rules: Sequence[Rule], place: str) -> Sequence[Rule]:
    """The rules that Pandera's checks of a column (or of the frame) became, in its order."""
    return [rule for rule in rules if rule.test.check is not None and rule.id.partition(".")[0] == place]


def failing_in_pandera(schema: Any, contract: Contract, frame: pl.DataFrame) -> Failing:
    """What Pandera's report says; where it breaks (trap 2), what each of its checks says when it is run alone."""
    try:
        with config_context(validation_depth=ValidationDepth.SCHEMA_AND_DATA):
            schema.validate(frame, lazy=True)
    except SchemaErrors as errors:
        return set(reported(contract, errors.failure_cases))
    except (pl.exceptions.PolarsError, TypeError):
        return alone(schema.to_schema(), contract, frame)
    return set()


CORE = {"not_nullable": "not_null", "field_uniqueness": "unique"}


def reported(contract: Contract, cases: pl.DataFrame) -> Any:
    fields = cases.select("schema_context", "column", "check", "check_number", "index").iter_rows()
    for context, column, check, number, row in fields:
        place = column if context == "Column" else "frame"
        if check == "multiple_fields_uniqueness":
            yield row, next(rule.id for rule in contract.rules if "+" in rule.id)
        elif check in CORE:
            yield row, f"{place}.{CORE[check]}"
        elif number is not None and row is not None:
            yield row, by_number(contract.rules, place)[number].id


def alone(schema: Any, contract: Contract, frame: pl.DataFrame) -> Failing:
    found: Failing = set()
    rows = frame.lazy()
    for name, column in schema.columns.items():
        if column.coerce:
            rows = rows.cast({name: column.dtype.type})
    backend = ColumnBackend()
    for column in schema.columns.values():
        rows = backend.set_default(rows, column)
    for name, column in schema.columns.items():
        for result in (*backend.check_nullable(rows, column), *backend.check_unique(rows, column)):
            if not result.passed:
                found |= {(row, f"{name}.{CORE[result.check]}") for row in false_rows(result.check_output)}
        for check, rule in zip(column.checks, by_number(contract.rules, name), strict=True):
            found |= {(row, rule.id) for row in false_rows(check(rows, name).check_output.collect())}
    for check, rule in zip(schema.checks, by_number(contract.rules, "frame"), strict=True):
        found |= {(row, rule.id) for row in false_rows(check(rows).check_output.collect())}
    if schema.unique:
        together = DataFrameSchemaBackend().check_column_values_are_unique(rows, schema)
        found |= {(row, f"{'+'.join(schema.unique)}.unique") for row in false_rows(together.check_output)}
    return found


def false_rows(output: pl.DataFrame) -> list[int]:
    return output.with_row_index().filter(~pl.col(CHECK_OUTPUT_KEY))["index"].to_list()


def failing(contract: Contract, frame: pl.DataFrame) -> Failing:
    found = evaluate(contract, frame)
    assert found.accepted.height + found.quarantined.height == frame.height == found.tallies.rows
    for rule in contract.rules:
        assert found.tallies.of(rule.id).evaluated == frame.height
    listed = {(row, id) for row, ids in found.quarantined.select(ROW, FAILED_RULES).iter_rows() for id in ids}
    for rule in contract.rules:
        assert found.tallies.of(rule.id).failed == sum(id == rule.id for _, id in listed)
    return listed


FRAME_CHECKS: Mapping[str, Callable[[pl.LazyFrame], Any]] = {
    "none is null": lambda frame: frame.select(pl.all().is_not_null()),
    "alike": lambda frame: frame.select(pl.col("a").is_null() == pl.col("a").is_null().shift(1)),
    "rows differ": lambda frame: frame.select(pl.struct(pl.all()).is_first_distinct()),
    "collected": lambda frame: frame.collect().select(pl.col("a").is_not_null()).lazy(),
}


def frame_check(answer: Callable[[pl.LazyFrame], Any], ignore_na: bool) -> Any:
    def asked(cls: Any, data: PolarsData) -> Any:  # noqa: ARG001 - Pandera calls it so
        return answer(data.lazyframe)

    return pa.dataframe_check(ignore_na=ignore_na)(asked)


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
        if kind.asks and draw(st.booleans()):
            options["default"] = kind.values[-1]
        by_value = str(kind.dtype) in ("Int64", "Float64", "String", "Date") and draw(st.booleans())
        return Plan(kind, options | flags, custom, by_value, arrives)

    return drawn()


def fits(value: Any, plan: Plan) -> bool:
    if plan.arrives is None or not plan.arrives.is_integer() or value is None:
        return True
    return bool(pl.Series([value], dtype=pl.Int128, strict=False).cast(plan.arrives, strict=False).null_count() == 0)


def rows_of(drawn: Sequence[Plan]) -> st.SearchStrategy[list[tuple[Any, ...]]]:
    columns = (st.sampled_from([value for value in plan.kind.values if fits(value, plan)]) for plan in drawn)
    return st.lists(st.tuples(*columns), max_size=9)


def unique_together(drawn: Sequence[Plan], wanted: bool) -> Mapping[str, Any]:
    names = [name for name, plan in zip(NAMES, drawn, strict=False) if hashable(plan.kind.dtype)]
    return {"Config": type("Config", (), {"unique": names})} if wanted and len(names) > 1 else {}


def hashable(dtype: pl.DataType) -> bool:
    # Rows of nested values can be compared by few of the versions of polars that are allowed.
    return not dtype.is_nested() and dtype != pl.Null()


def examples(number: int) -> settings:
    return settings(max_examples=number, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def agrees_with_pandera(data: st.DataObject) -> None:
    drawn = data.draw(st.lists(plans(), min_size=1, max_size=4))
    asked = data.draw(st.lists(st.tuples(st.sampled_from(sorted(FRAME_CHECKS)), st.booleans()), max_size=2))
    checks = {f"f{n}": frame_check(FRAME_CHECKS[key], na) for n, (key, na) in enumerate(asked)}
    schema = model_of(drawn, {**checks, **unique_together(drawn, data.draw(st.booleans()))})
    contract = compile_contract(schema)
    frame = frame_of(drawn, data.draw(rows_of(drawn)))
    assert failing(contract, frame) == failing_in_pandera(schema, contract, frame)


@examples(60)
@given(st.data())
def test_rows_fail_the_rules_that_they_fail_in_pandera(data: st.DataObject) -> None:
    agrees_with_pandera(data)


@pytest.mark.slow
@examples(3000)
@given(st.data())
def test_rows_fail_the_rules_that_they_fail_in_pandera_many_times(data: st.DataObject) -> None:
    agrees_with_pandera(data)


@pytest.mark.parametrize("nullable", [True, False])
@pytest.mark.parametrize("name", BY_NAME)
def test_every_check_of_every_dtype_fails_where_it_fails_in_pandera(name: str, nullable: bool) -> None:
    kind = BY_NAME[name]
    asked = [Plan(kind, {**options, "nullable": nullable, "ignore_na": nullable}) for options in ({}, *kind.asks)]
    asked += [Plan(kind, {"nullable": nullable}, [(custom, not nullable)]) for custom in kind.custom]
    schema = model_of(asked, {})
    contract = compile_contract(schema)
    frame = frame_of(asked, [[value] * len(asked) for value in (*kind.values, *kind.values[:2])])
    assert failing(contract, frame) == failing_in_pandera(schema, contract, frame)


def test_nan_is_missing_to_every_column_of_floats_and_to_pandera_unless_they_have_16_bits() -> None:
    for kind, theirs in ((BY_NAME["Float32"], {(0, "a.not_null")}), (BY_NAME["Float16"], set())):
        plan = Plan(kind, {"nullable": False})
        schema = model_of([plan], {})
        contract, frame = compile_contract(schema), frame_of([plan], [(float("nan"),), (1.0,)])
        assert failing(contract, frame) == {(0, "a.not_null")}
        assert failing_in_pandera(schema, contract, frame) == theirs


@examples(25)
@given(st.lists(st.sampled_from([None, 1, 2, 3]), min_size=1, max_size=5))
def test_the_set_of_values_is_of_the_partition_as_it_is_in_pandera(values: list[int | None]) -> None:
    plan = Plan(BY_NAME["Int64"], {"nullable": True, "unique_values_eq": {1, 2}})
    if "set" not in COMPILED:
        COMPILED["set"] = model_of([plan], {})
    schema, frame = COMPILED["set"], frame_of([plan], [(value,) for value in values])
    failed = evaluate(compile_contract(schema), frame).tallies.of("a.unique_values_eq").failed
    try:
        schema.validate(frame, lazy=True)
    except SchemaErrors:
        assert failed == len(values)
    else:
        assert failed == 0


COMPILED: dict[str, Any] = {}

AGGREGATES: Sequence[Callable[[pl.LazyFrame], Any]] = (
    lambda frame: frame.select(pl.col("a").null_count() < 2),
    lambda frame: frame.select(pl.len() < 5),
    lambda frame: frame.select(pl.col("a").n_unique() > 1),
)


@examples(25)
@given(st.data(), st.sampled_from(AGGREGATES))
def test_one_answer_for_all_rows_is_of_all_rows_where_pandera_blames_row_0(data: st.DataObject, asked: Any) -> None:
    drawn = [data.draw(plans([kind for kind in KINDS if not kind.dtype.is_nested()]))]
    drawn = [Plan(drawn[0].kind, {"nullable": True})]
    schema = model_of(drawn, {"asked": frame_check(asked, True)})
    contract = compile_contract(schema)
    rows = data.draw(rows_of(drawn).filter(bool))
    found, theirs = (
        evaluate(contract, frame_of(drawn, rows)),
        failing_in_pandera(schema, contract, frame_of(drawn, rows)),
    )
    assert theirs <= {(0, "frame.asked")}
    assert found.tallies.of("frame.asked").failed == (len(rows) if theirs else 0)
    assert found.accepted.height == len(rows)
