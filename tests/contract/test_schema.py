from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pandera.polars as pa
import polars as pl
import pytest
from hypothesis import given, settings, strategies as st
from polars.testing.parametric import series

from batchops.contract import (
    FAILED_RULES,
    SchemaTally,
    check_schema,
    compile_contract,
    evaluate,
    likely_rename,
    schema_faults,
)
from batchops.contract.casting import PLAIN
from tests.contract.models import Orders, model, orders
from tests.laws import obeys_the_laws

ORDERS = compile_contract(Orders)


def faults(frame: pl.DataFrame) -> set[tuple[str, str]]:
    tally = check_schema(ORDERS, frame.schema, frame.height).tally
    return {(fault.check, fault.column) for fault in schema_faults(ORDERS, tally)}


def test_a_missing_column_takes_all_rows_with_it_and_the_other_rules_are_still_counted() -> None:
    validation = evaluate(ORDERS, orders(count=pl.Series([1, 2, 3, 200])).drop("kind"))
    assert validation.accepted.is_empty()
    assert validation.quarantined[FAILED_RULES].to_list() == [
        *[["schema.missing_column:kind"]] * 3,
        ["schema.missing_column:kind", "count.le"],
    ]
    assert (validation.tallies.of("kind.isin").evaluated, validation.tallies.of("kind.isin").unknown) == (0, 4)
    assert validation.tallies.of("count.le").failed == 1
    assert faults(orders().drop("kind")) == {("schema.missing_column", "kind")}


def test_a_renamed_column_is_a_missing_and_an_extra_one_and_the_likely_rename() -> None:
    frame = orders().rename({"price": "Price"})
    assert faults(frame) == {("schema.missing_column", "price"), ("schema.extra_column", "Price")}
    tally = check_schema(ORDERS, frame.schema, 4).tally
    assert [fault.hint for fault in schema_faults(ORDERS, tally)] == ["Price", ""]
    assert evaluate(ORDERS, frame).quarantined["Price"].to_list() == orders()["price"].to_list()


@pytest.mark.parametrize(
    ("missing", "extra", "renames"),
    [
        (["wind_speed"], ["windSpeed", "wind_gusts"], {"wind_speed": "windSpeed"}),
        (["temp", "dewp"], ["temperature", "note"], {}),
        (["seats", "seat"], ["seats_"], {"seats": "seats_"}),
        ([], ["x"], {}),
    ],
)
def test_renames_are_guessed_by_likeness(missing: list[str], extra: list[str], renames: dict[str, str]) -> None:
    assert likely_rename(missing, extra) == renames


def test_an_extra_column_is_noticed_and_left_out() -> None:
    frame = orders().with_columns(note=pl.lit("x"))
    assert faults(frame) == {("schema.extra_column", "note")}
    assert evaluate(ORDERS, frame).accepted.schema == ORDERS.schema


def test_a_column_of_another_kind_takes_all_rows_with_it() -> None:
    frame = orders(count=pl.Series(["1", "2", "3", "4"]))
    validation = evaluate(ORDERS, frame)
    assert set(validation.quarantined[FAILED_RULES].list.first()) == {"schema.dtype:count"}
    assert validation.quarantined["count"].to_list() == ["1", "2", "3", "4"]
    assert validation.tallies.of("count.gt").unknown == 4
    assert faults(frame) == {("schema.dtype", "count")}


def read(dtype: Any, column: pl.Series, **field: Any) -> tuple[list[Any], list[Any], set[str]]:
    """Accepted and quarantined values of a column that was promised otherwise, and what the schema says of it."""
    contract = compile_contract(model({"x": (dtype, pa.Field(nullable=True, **field))}))
    frame = column.alias("x").to_frame()
    validation = evaluate(contract, frame)
    if validation.accepted.height:
        assert validation.accepted.schema == contract.schema
    checks = {fault.check for fault in schema_faults(contract, check_schema(contract, frame.schema, 3).tally)}
    return validation.accepted["x"].to_list(), validation.quarantined["x"].to_list(), checks


MIDNIGHT = pl.Series([0, 1], dtype=pl.Int32).cast(pl.Date)
NOON = pl.Series([0, 43_200_000_001], dtype=pl.Int64).cast(pl.Datetime("us"))
TWO_53 = 2**53
CENTS = pl.Series([Decimal("1.25"), Decimal("99.90")], dtype=pl.Decimal(10, 2))
LAPSES = pl.Series([1000, 1001], dtype=pl.Int64).cast(pl.Duration("us"))


@pytest.mark.parametrize(
    ("dtype", "column", "accepted", "lost"),
    [
        (pl.Int64, pl.Series([1, None], dtype=pl.Int8), [1, None], []),
        (pl.Int8, pl.Series([1, 127, 128, None]), [1, 127, None], [128]),
        (pl.UInt8, pl.Series([-1, 0, 255, 256]), [0, 255], [-1, 256]),
        (pl.Float64, pl.Series([1, 2], dtype=pl.Int32), [1.0, 2.0], []),
        (
            pl.Float64,
            pl.Series([TWO_53, -TWO_53, TWO_53 + 1, -TWO_53 - 1]),
            [2.0**53, -(2.0**53)],
            [TWO_53 + 1, -TWO_53 - 1],
        ),
        (pl.Float64, pl.Series([TWO_53, TWO_53 + 1], dtype=pl.UInt64), [2.0**53], [TWO_53 + 1]),
        (pl.Float64, pl.Series([0.5, None], dtype=pl.Float32), [0.5, None], []),
        (pl.Float32, pl.Series([0.5, None], dtype=pl.Float16), [0.5, None], []),
        (pl.Float32, pl.Series([2**24, 2**24 + 1]), [2.0**24], [2**24 + 1]),
        (pl.String, pl.Series(["a", None], dtype=pl.Categorical), ["a", None], []),
        (pl.String, pl.Series(["a", "b"], dtype=pl.Enum(["a", "b"])), ["a", "b"], []),
        (pl.Datetime("us"), MIDNIGHT, MIDNIGHT.cast(pl.Datetime("us")).to_list(), []),
        (pl.Datetime("ms"), NOON, NOON[:1].to_list(), NOON[1:].to_list()),
        (pl.Datetime("ns"), NOON, NOON.cast(pl.Datetime("ns")).to_list(), []),
        (pl.Int64, pl.Series([None, None], dtype=pl.Null), [None, None], []),
        (pl.Enum(["a"]), pl.Series(["a", "b", None]), ["a", None], ["b"]),
        (pl.Enum(["a"]), pl.Series(["a", "b", None], dtype=pl.Categorical), ["a", None], ["b"]),
        (pl.Decimal(12, 3), CENTS, [Decimal("1.25"), Decimal("99.90")], []),
        (pl.Decimal(10, 1), CENTS, [Decimal("99.9")], [Decimal("1.25")]),
        (pl.Decimal(3, 2), CENTS, [Decimal("1.25")], [Decimal("99.90")]),
        (pl.Decimal(10, 2), pl.Series([1, 10**12]), [Decimal(1)], [10**12]),
        (pl.Duration("ms"), LAPSES, LAPSES[:1].to_list(), LAPSES[1:].to_list()),
        (pl.Duration("ns"), LAPSES, LAPSES.to_list(), []),
    ],
)
def test_what_loses_nothing_is_coerced_and_said_value_by_value(
    dtype: Any, column: pl.Series, accepted: list[Any], lost: list[Any]
) -> None:
    assert read(dtype, column) == (accepted, lost, {"schema.coerced"})


@pytest.mark.parametrize(
    ("dtype", "column"),
    [
        (pl.Int64, pl.Series([1.0, 2.0])),
        (pl.Int64, pl.Series(["1", "2"])),
        (pl.Int64, pl.Series([True, False])),
        (pl.Float32, pl.Series([1.0, 0.1])),
        (pl.String, pl.Series([1, 2])),
        (pl.Date, NOON),
        (pl.Datetime("us", "UTC"), NOON),
        (pl.Datetime("us"), NOON.dt.replace_time_zone("UTC")),
        (pl.Int64, pl.Series([[1], [2]])),
        (pl.List(pl.Int64), pl.Series([1, 2])),
        (pl.Float64, CENTS),
        (pl.Decimal(10, 2), pl.Series([1.5, 2.0])),
        (pl.Duration("us"), pl.Series([1, 2])),
    ],
)
def test_what_might_lose_something_is_not_read(dtype: Any, column: pl.Series) -> None:
    assert read(dtype, column) == ([], column.to_list(), {"schema.dtype"})


def test_another_time_zone_is_the_same_moment() -> None:
    moments = NOON.dt.replace_time_zone("America/New_York")
    accepted, lost, checks = read(pl.Datetime("us", "UTC"), moments)
    assert (accepted, lost, checks) == (moments.to_list(), [], {"schema.coerced"})


@pytest.mark.parametrize(
    ("dtype", "column", "accepted", "lost"),
    [
        (pl.Int64, pl.Series(["1", "x", None]), [1, None], ["x"]),
        (pl.Int64, pl.Series([1.0, 1.5, float("inf")]), [1], [1.5, float("inf")]),
        (pl.Float64, pl.Series(["0.5", ""]), [0.5], [""]),
        (pl.Int64, pl.concat([CENTS, pl.Series([Decimal("2.00")], dtype=CENTS.dtype)]), [2], CENTS[:2].to_list()),
    ],
)
def test_an_author_who_coerces_gets_more_where_the_value_permits(
    dtype: Any, column: pl.Series, accepted: list[Any], lost: list[Any]
) -> None:
    assert read(dtype, column, coerce=True) == (accepted, lost, {"schema.coerced"})


def test_an_all_null_column_breaks_only_the_rules_that_null_breaks() -> None:
    validation = evaluate(ORDERS, orders(price=pl.Series([None] * 4), kind=pl.Series([None] * 4)))
    assert {tuple(rules) for rules in validation.quarantined[FAILED_RULES]} == {("kind.not_null",)}
    assert validation.tallies.of("price.in_range").failed == 0


def test_an_optional_column_may_be_absent() -> None:
    contract = compile_contract(
        model({"x": (int, pa.Field()), "y": (int, pa.Field(required=False, nullable=True, ge=0))})
    )
    validation = evaluate(contract, pl.DataFrame({"x": [1, 2]}))
    assert validation.accepted.to_dict(as_series=False) == {"x": [1, 2], "y": [None, None]}
    assert validation.tallies.of("y.ge").unknown == 2
    assert schema_faults(contract, validation.check.tally) == ()


def test_a_default_takes_the_place_of_null() -> None:
    contract = compile_contract(model({"x": (int, pa.Field(default=7))}))
    validation = evaluate(contract, pl.DataFrame({"x": [1, None]}))
    assert validation.accepted["x"].to_list() == [1, 7]


def test_no_rows_are_no_faults() -> None:
    assert check_schema(ORDERS, pl.Schema(), 0).tally == SchemaTally()
    assert evaluate(ORDERS, pl.DataFrame()).accepted.schema == ORDERS.schema


def test_a_tally_keeps_no_category_of_an_enum() -> None:
    frame = orders(kind=pl.Series(["pen"] * 4, dtype=pl.Enum(["pen", "secret"])))
    assert "secret" not in repr(check_schema(ORDERS, frame.schema, 4).tally)


def test_an_enum_of_other_categories_is_read_by_its_values_and_named_as_it_is() -> None:
    contract = compile_contract(model({"x": (pl.Enum(["a", "b"]), pa.Field(nullable=True))}))
    frame = pl.DataFrame({"x": ["b", "c", None, "a"]}, schema={"x": pl.Enum(["c", "b", "a"])})
    validation = evaluate(contract, frame)
    assert validation.accepted["x"].to_list() == ["b", None, "a"]
    assert validation.accepted.schema == contract.schema
    assert validation.quarantined["x"].to_list() == ["c"]
    assert validation.quarantined[FAILED_RULES].to_list() == [["schema.dtype:x"]]
    assert schema_faults(contract, validation.check.tally) == ()


def test_categories_within_a_list_are_compared_and_never_tallied() -> None:
    contract = compile_contract(model({"x": (pl.List(pl.Enum(["a"])), pa.Field())}))
    same = pl.DataFrame({"x": [["a"]]}, schema={"x": pl.List(pl.Enum(["a"]))})
    other = pl.DataFrame({"x": [["secret"]]}, schema={"x": pl.List(pl.Enum(["secret"]))})
    assert evaluate(contract, same).accepted.equals(same)
    validation = evaluate(contract, other)
    (fault,) = schema_faults(contract, validation.check.tally)
    assert (fault.check, fault.dtype, fault.wanted) == ("schema.dtype", "List(Enum) of other categories", "List(Enum)")
    assert validation.accepted.is_empty()
    assert "secret" not in repr(validation.check.tally)


# Of everything that polars of this version has; Object has no place in a file.
INNER = [
    *(getattr(pl, name) for name in PLAIN if hasattr(pl, name)),
    *(pl.Decimal(10, 2), pl.Decimal(38, 0), pl.Enum(["a", "b"])),
    *(pl.Duration(unit) for unit in ("ms", "us", "ns")),
    *(pl.Datetime(unit, zone) for unit in ("ms", "us", "ns") for zone in (None, "UTC", "America/New_York")),
]
EVERY_DTYPE = [
    *INNER,
    *(nest(each) for each in INNER for nest in (pl.List, lambda inner: pl.Struct({"a": inner, "b": pl.List(inner)}))),
    *(pl.Array(each, 2) for each in INNER if each != pl.Null),
]


def is_accepted_unchanged(column: pl.Series) -> bool:
    # Pandera knows these by their classes alone.
    dtype: Any = type(column.dtype) if column.dtype in (pl.Int128, pl.UInt128, pl.Float16) else column.dtype
    contract = compile_contract(model({"x": (dtype, pa.Field(nullable=True))}))
    validation = evaluate(contract, column.to_frame())
    assert validation.accepted.schema == contract.schema
    assert schema_faults(contract, validation.check.tally) == ()
    return validation.accepted.equals(column.to_frame())


@pytest.mark.parametrize("dtype", EVERY_DTYPE, ids=str)
def test_a_column_of_any_dtype_is_compiled_and_its_nulls_are_accepted(dtype: Any) -> None:
    assert is_accepted_unchanged(pl.Series("x", [None, None], dtype=dtype))


@settings(deadline=None, max_examples=50)
@given(st.sampled_from(INNER).flatmap(lambda dtype: series(dtype=dtype, name="x", allow_null=True, max_size=5)))
def test_values_of_any_dtype_that_was_promised_are_accepted_unchanged(column: pl.Series) -> None:
    assert is_accepted_unchanged(column)


DTYPES = st.sampled_from([pl.Int64(), pl.Int32(), pl.String(), pl.Null(), pl.Enum(["a"]), pl.Datetime("us", "UTC")])
SCHEMAS = st.dictionaries(st.sampled_from([*ORDERS.schema, "note"]), DTYPES)


@settings(deadline=None)
@given(st.lists(st.lists(st.tuples(SCHEMAS, st.integers(0, 5)), max_size=3), min_size=1, max_size=4))
def test_a_schema_tally_is_a_monoid(parts: list[list[tuple[dict[str, pl.DataType], int]]]) -> None:
    def tally(partitions: Sequence[tuple[dict[str, pl.DataType], int]]) -> SchemaTally:
        return sum((check_schema(ORDERS, schema, rows).tally for schema, rows in partitions), SchemaTally())

    obeys_the_laws(parts, tally, lambda split: [one for part in split for one in part], SchemaTally())


SOME_OF: dict[pl.DataType, list[Any]] = {
    pl.Int8(): [1, -2],
    pl.UInt64(): [1, 2**63],
    pl.Float64(): [1.5, float("nan")],
    pl.Decimal(10, 2): [Decimal("1.25"), None],
    pl.Boolean(): [True, False],
    pl.String(): ["2025-01-02", "\u00e9"],
    pl.Categorical(): ["a", "7"],
    pl.Enum(["a", "7"]): ["a", "7"],
    pl.Binary(): [b"1", b"\xff"],
    pl.Date(): [dt.date(2025, 1, 2)] * 2,
    pl.Time(): [dt.time(1, 2)] * 2,
    pl.Datetime("us"): [dt.datetime(2025, 1, 2)] * 2,
    pl.Datetime("ns", "UTC"): [dt.datetime(2025, 1, 2, tzinfo=dt.UTC)] * 2,
    pl.Duration("us"): [dt.timedelta(1)] * 2,
    pl.List(pl.Int8()): [[1], []],
}


@pytest.mark.parametrize("wanted", SOME_OF, ids=str)
def test_no_dtype_that_arrives_for_another_breaks_the_night(wanted: pl.DataType) -> None:
    """polars raises for casts that it does not know, whatever ``strict`` says."""
    contract = compile_contract(model({"x": (wanted, pa.Field(coerce=not wanted.is_nested(), nullable=True))}))
    for found, values in SOME_OF.items():
        validation = evaluate(contract, pl.DataFrame({"x": pl.Series(values, dtype=found)}))
        assert validation.accepted.height + validation.quarantined.height == 2
        assert validation.accepted.schema == {"x": wanted}


@pytest.mark.parametrize(
    ("wanted", "good", "bad"),
    [
        (pl.Date(), "2025-01-02", "02.01.2025"),
        (pl.Time(), "10:20:30", "10 o'clock"),
        (pl.Datetime("us"), "2025-01-02 10:20:30.5", "2025-01-02"),
        (pl.Datetime("us"), "2025-01-02T10:20:30", "yesterday"),
        (pl.Int64(), "12", "12.5"),
    ],
    ids=str,
)
def test_text_is_coerced_where_it_is_written_as_iso_8601_has_it(wanted: pl.DataType, good: str, bad: str) -> None:
    contract = compile_contract(model({"x": (wanted, pa.Field(coerce=True))}))
    validation = evaluate(contract, pl.DataFrame({"x": [good, bad]}))
    assert validation.accepted["x"].null_count() == 0
    assert validation.quarantined["x"].to_list() == [bad]
