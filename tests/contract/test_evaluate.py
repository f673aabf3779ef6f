from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pandera.polars as pa
import polars as pl
import pytest
from hypothesis import given, settings, strategies as st
from pandera.errors import SchemaErrors
from pandera.polars import PolarsData

from batchops.contract import (
    FAILED_RULES,
    OURS,
    ROW,
    Contract,
    RuleTally,
    Tallies,
    Validation,
    compile_contract,
    evaluate,
)
from tests.contract.models import Orders, frame_check, model, orders
from tests.laws import obeys_the_laws

ORDERS = compile_contract(Orders)

FLOATS = st.sampled_from([None, float("nan"), float("inf"), -float("inf"), -1.0, 0.0, -0.0, 1.0, 2.5, 3.0, 1e9])
INTS = st.sampled_from([None, -5, 0, 1, 2, 3, 9, 2**40])
TEXTS = st.sampled_from([None, "", "a", "b", "ab", "ba", "xb", "äö", "aaaa"])

FIELDS: list[tuple[Any, st.SearchStrategy[Any], dict[str, Any]]] = [
    *(
        (dtype, values, {name: [dtype(each) for each in bound] if isinstance(bound, list) else bound})
        for dtype, values in ((float, FLOATS), (int, INTS))
        for name, bound in (
            *(("eq", 1), ("ne", 1), ("gt", 1), ("ge", 1), ("lt", 2), ("le", 2), ("isin", [0, 1, 3]), ("notin", [0, 1])),
            *(("in_range", (0, 2)), ("in_range", {"min_value": 0, "max_value": 2, "include_min": False})),
        )
    ),
    *(
        (str, TEXTS, {name: bound})
        for name, bound in (
            *(("eq", "a"), ("ne", "a"), ("isin", ["a", "b"]), ("notin", ["a"]), ("ge", "ab")),
            *(("str_matches", "a"), ("str_matches", "^[ab]+$"), ("str_contains", "b|ö"), ("str_startswith", "a")),
            *(
                ("str_endswith", "b"),
                ("str_length", {"min_value": 1, "max_value": 2}),
                ("str_length", {"exact_value": 2}),
            ),
        )
    ),
]
PANDERA_NAMES = {
    "not_nullable": "not_null",
    "equal_to": "eq",
    "not_equal_to": "ne",
    "greater_than": "gt",
    "greater_than_or_equal_to": "ge",
    "less_than": "lt",
    "less_than_or_equal_to": "le",
}
MODELS: dict[tuple[Any, ...], Any] = {}


def known_model(nullable: bool, ignore_na: bool, index: int) -> Any:
    dtype, _, rule = FIELDS[index]
    key = (nullable, ignore_na, index)
    if key not in MODELS:
        MODELS[key] = model({"x": (dtype, pa.Field(**rule, nullable=nullable, ignore_na=ignore_na))})
    return MODELS[key]


def failing_in_pandera(schema: Any, frame: pl.DataFrame) -> set[tuple[int, str]]:
    try:
        schema.validate(frame, lazy=True)
    except SchemaErrors as errors:
        cases = errors.failure_cases
        names = [str(check).partition("(")[0] for check in cases["check"]]
        return {(row, PANDERA_NAMES.get(name, name)) for row, name in zip(cases["index"], names, strict=True)}
    return set()


def failing(validation: Validation) -> set[tuple[int, str]]:
    rows = validation.quarantined.select(ROW, FAILED_RULES).iter_rows()
    return {(row, rule.rpartition(".")[2]) for row, rules in rows for rule in rules}


def whole(contract: Contract, frame: pl.DataFrame) -> Validation:
    validation = evaluate(contract, frame, {"key.unique": pl.repeat(False, frame.height, dtype=pl.Boolean, eager=True)})
    assert validation.accepted.height + validation.quarantined.height == frame.height
    assert validation.tallies.quarantined == validation.quarantined.height
    return validation


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_the_rows_that_fail_are_those_that_fail_in_pandera(data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(FIELDS) - 1))
    dtype, values, _ = FIELDS[index]
    schema = known_model(data.draw(st.booleans()), data.draw(st.booleans()), index)
    column = data.draw(st.lists(values, min_size=1, max_size=12))
    frame = pl.DataFrame({"x": pl.Series(column, dtype={float: pl.Float64, int: pl.Int64, str: pl.String}[dtype])})
    assert failing(whole(compile_contract(schema), frame)) == failing_in_pandera(schema, frame)


def test_a_pattern_is_looked_for_at_the_start_where_pandera_lets_its_second_half_float() -> None:
    schema = model({"x": (str, pa.Field(str_matches="a|b"))})
    frame = pl.DataFrame({"x": ["a1", "b1", "xa", "xb"]})
    assert failing(whole(compile_contract(schema), frame)) == {(2, "str_matches"), (3, "str_matches")}
    assert failing_in_pandera(schema, frame) == {(2, "str_matches")}


def test_one_answer_for_all_rows_concerns_the_partition_where_pandera_blames_row_0() -> None:
    schema = model({"x": (int, pa.Field())}, asked=frame_check(lambda f: f.select(pl.col("x").mean() > 3)))
    frame = pl.DataFrame({"x": [1, 2, 3]})
    contract = compile_contract(schema)
    validation = whole(contract, frame)
    assert validation.tallies.of("frame.asked") == RuleTally(3, 3)
    assert validation.quarantined.is_empty()
    assert failing_in_pandera(schema, frame) == {(0, "asked")}


def test_a_partition_is_set_aside_where_its_author_says_so() -> None:
    config = type("Config", (), {"metadata": {"rules": {"asked": {"action": "quarantine"}}}})
    schema = model({"x": (int, pa.Field())}, asked=frame_check(lambda f: f.select(pl.len() > 3)), Config=config)
    assert whole(compile_contract(schema), pl.DataFrame({"x": [1, 2]})).quarantined.height == 2
    assert whole(compile_contract(schema), pl.DataFrame({"x": [1, 2, 3, 4]})).quarantined.height == 0


ANSWERS: list[Callable[[pl.LazyFrame], Any]] = [
    lambda frame: frame.select(pl.col("x") > pl.col("y")),
    lambda frame: frame.select(pl.col("x") > 0, pl.col("y") > 0),
    lambda frame: frame.select(pl.col("x", "y") > 0),
    lambda frame: frame.select(pl.all() > 0),
    lambda frame: frame.with_columns(z=pl.col("x") + pl.col("y")).select(pl.col("z") > 0),
    lambda frame: frame.collect().select(pl.col("x") > 0).lazy(),
    lambda frame: frame.select(pl.col("x") < pl.col("x").mean()),
    lambda frame: frame.select(~pl.col("x").is_duplicated()),
    lambda frame: frame.select(pl.col("x").sum().over("y") > 0),
    lambda frame: frame.select(pl.col("x").shift(1).fill_null(0) <= 2),
]


@pytest.mark.parametrize("answer", ANSWERS)
@settings(max_examples=25, deadline=None)
@given(rows=st.lists(st.tuples(INTS, INTS), min_size=2, max_size=12))
def test_checks_of_the_frame_fail_where_they_fail_in_pandera(
    answer: Callable[[pl.LazyFrame], Any], rows: list[tuple[int | None, int | None]]
) -> None:
    key = ("frame", answer)
    if key not in MODELS:
        columns = {name: (int, pa.Field(nullable=True)) for name in ("x", "y")}
        MODELS[key] = model(columns, asked=frame_check(answer))
    frame = pl.DataFrame(rows, schema={"x": pl.Int64, "y": pl.Int64}, orient="row")
    assert failing(whole(compile_contract(MODELS[key]), frame)) == failing_in_pandera(MODELS[key], frame)


def test_an_element_wise_check_is_asked_of_pandera() -> None:
    def even(cls: Any, value: int) -> bool:  # noqa: ARG001 - Pandera calls it so
        return value % 2 == 0

    schema = model({"x": (int, pa.Field(nullable=True))}, even=pa.check("x", element_wise=True)(even))
    contract = compile_contract(schema)
    assert (contract.rule("x.even").scope, contract.rule("x.even").test.passes) == ("row", None)
    frame = pl.DataFrame({"x": [1, 2, None, 5]})
    assert failing(whole(contract, frame)) == failing_in_pandera(schema, frame) == {(0, "even"), (3, "even")}


@pytest.mark.parametrize(
    "answer",
    [
        lambda frame: frame.collect()["nothing"],
        lambda frame: 1 // 0,  # noqa: ARG005
        lambda frame: frame.select(pl.col("s").str.to_date("%Y-%m-%d") > pl.date(2000, 1, 1)),
    ],
)
def test_a_check_that_breaks_is_unknown_and_the_others_still_have_their_answers(answer: Any) -> None:
    columns = {"s": (str, pa.Field(str_startswith="2"))}
    contract = compile_contract(model(columns, asked=frame_check(answer)))
    tallies = whole(contract, pl.DataFrame({"s": ["2001-01-01", "soon"]})).tallies
    assert tallies.of("frame.asked") == RuleTally(0, 0, 2)
    assert (tallies.of("s.str_startswith").evaluated, tallies.of("s.str_startswith").failed) == (2, 1)


def test_set_aside_rows_are_as_they_came() -> None:
    frame = orders(kind=pl.Series(["book", "cup", "ink", "pen"]), count=pl.Series([1, 0, 100, 4], dtype=pl.Int16))
    frame = frame.with_columns(note=pl.lit("extra"))
    validation = whole(ORDERS, frame)
    assert validation.quarantined.drop(ROW, FAILED_RULES).equals(frame[1:2])
    assert validation.quarantined.schema["count"] == pl.Int16
    assert validation.quarantined[ROW].to_list() == [1]
    assert validation.quarantined[FAILED_RULES].to_list() == [["kind.isin", "count.gt"]]
    assert validation.accepted.schema == ORDERS.schema
    assert validation.accepted["number"].to_list() == [1, 3, 4]


def test_no_failing_row_is_left_out_however_many_there_are() -> None:
    """Great Expectations lists 20 of them, or 200."""
    kinds = ["book", "cup", "vase"] * 20_000
    many = pl.concat([orders()] * 15_000)
    number = pl.Series(range(1, many.height + 1), dtype=many.schema["number"])
    validation = whole(ORDERS, many.with_columns(number=number, kind=pl.Series(kinds)))
    failing = [place for place, kind in enumerate(kinds) if kind != "book"]
    assert validation.quarantined[ROW].to_list() == failing
    assert validation.quarantined["number"].to_list() == [place + 1 for place in failing]
    assert validation.tallies.rules["kind.isin"].failed == len(failing) == 40_000


def test_a_batch_knows_where_it_starts() -> None:
    frame = orders(kind=pl.Series(["book", "cup", "ink", "cup"]))
    assert evaluate(ORDERS, frame, start=1000).quarantined[ROW].to_list() == [1001, 1003]


def test_a_column_called_as_ours_keeps_its_values() -> None:
    frame = orders(kind=pl.Series(["cup", "cup", "ink", "cup"])).with_columns(_row=pl.lit("mine"))
    aside = evaluate(ORDERS, frame).quarantined
    assert aside["__row"].to_list() == ["mine"] * 3
    assert aside[ROW].to_list() == [0, 1, 3]


def test_a_rule_that_only_counts_leaves_its_rows() -> None:
    validation = whole(ORDERS, orders(count=pl.Series([1, 100, 3, 4])))
    assert validation.tallies.of("count.le").failed == 1
    assert validation.accepted.height == 4


def test_a_clean_frame_is_accepted_as_it_is() -> None:
    validation = whole(ORDERS, orders())
    assert validation.accepted.equals(orders())
    assert validation.quarantined.columns == [*orders().columns, ROW, FAILED_RULES]
    assert {tally.failed for tally in validation.tallies.rules.values()} == {0}


def test_a_frame_without_rows_is_fine() -> None:
    validation = whole(ORDERS, orders().clear())
    assert validation.tallies == Tallies()
    assert validation.accepted.schema == ORDERS.schema
    assert validation.quarantined.schema[FAILED_RULES] == pl.List(pl.String)


def test_failing_values_are_counted_and_personal_ones_never_kept() -> None:
    frame = orders(kind=pl.Series(["cup", "cup", "ink", "mug"]), email=pl.Series(["secret"] * 4))
    tallies = whole(ORDERS, frame).tallies
    assert tallies.of("kind.isin").values.commonest(1) == (("cup", 2), ("mug", 1))
    assert tallies.of("email.str_contains") == RuleTally(4, 4)
    assert "secret" not in repr(tallies)


def test_marked_duplicates_go_all_together() -> None:
    marks = pl.Series([True, False, True, False])
    validation = evaluate(ORDERS, orders(), {"key.unique": marks})
    assert validation.quarantined[FAILED_RULES].to_list() == [["key.unique"], ["key.unique"]]
    assert validation.tallies.of("key.unique") == RuleTally(4, 2)


def test_a_key_nobody_looked_at_is_unknown() -> None:
    assert evaluate(ORDERS, orders()).tallies.of("key.unique") == RuleTally(0, 0, 4)


ROWS = st.lists(
    st.tuples(INTS, st.sampled_from(["book", "pen", "cup", None]), FLOATS, st.sampled_from([0, 1, 100, None])),
    max_size=8,
)


def night(rows: list[tuple[Any, ...]]) -> pl.DataFrame:
    schema = {"number": pl.Int64, "kind": pl.String, "price": pl.Float64, "count": pl.Int64}
    frame = pl.DataFrame(rows, schema=schema, orient="row")
    return frame.with_columns(email=pl.lit("a@b.c"), sent=pl.date(2013, 7, 4), paid=pl.date(2013, 7, 5))


def together(parts: Sequence[list[tuple[Any, ...]]]) -> list[tuple[Any, ...]]:
    return [row for part in parts for row in part]


@settings(deadline=None)
@given(st.lists(ROWS, min_size=1, max_size=4))
def test_tallies_are_a_monoid_and_no_row_is_lost(parts: list[list[tuple[Any, ...]]]) -> None:
    obeys_the_laws(parts, lambda rows: whole(ORDERS, night(rows)).tallies, together, Tallies())


NARROW = compile_contract(
    model({"small": (pl.Int8, pa.Field(ge=0)), "exact": (pl.Float64, pa.Field(nullable=True, lt=100))})
)


def wide(rows: list[tuple[Any, ...]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema={"small": pl.Int64, "exact": pl.Int64}, orient="row")


@settings(deadline=None)
@given(
    st.lists(
        st.lists(st.tuples(INTS, st.sampled_from([None, 1, 2**53, 2**53 + 1])), max_size=6), min_size=1, max_size=4
    )
)
def test_values_that_cannot_be_read_are_unknown_to_their_rules_and_known_to_the_schema(parts: list[Any]) -> None:
    obeys_the_laws(parts, lambda rows: whole(NARROW, wide(rows)).tallies, together, Tallies())
    rows = together(parts)
    tallies = whole(NARROW, wide(rows)).tallies
    lost = sum(exact == 2**53 + 1 for _, exact in rows)
    assert tallies.of("schema.dtype:exact").failed == tallies.of("exact.lt").unknown == lost
    assert tallies.of("exact.lt").evaluated == len(rows) - lost


def test_a_unique_column_is_judged_within_its_partition() -> None:
    contract = compile_contract(model({"x": (int, pa.Field(unique=True)), "y": (int, pa.Field())}))
    assert failing(whole(contract, pl.DataFrame({"x": [1, 2, 1], "y": [1, 1, 1]}))) == {(0, "unique"), (2, "unique")}
    assert contract.needs_whole_partitions


def test_columns_that_are_unique_together_are_judged_together() -> None:
    config = type("Config", (), {"unique": ["x", "y"]})
    contract = compile_contract(model({"x": (int, pa.Field()), "y": (int, pa.Field())}, Config=config))
    frame = pl.DataFrame({"x": [1, 1, 1], "y": [1, 2, 1]})
    assert whole(contract, frame).tallies.of("x+y.unique").failed == 2


def asks_of_a_column(cls: Any, data: PolarsData) -> pl.LazyFrame:  # noqa: ARG001 - Pandera calls it so
    """Ask for the column by its key."""
    return data.lazyframe.select(pl.col(data.key) % 2 == 0)


def test_a_check_of_two_columns_is_a_rule_of_each() -> None:
    schema = model(
        {"x": (int, pa.Field()), "y": (int, pa.Field())}, even=pa.check("x", "y", name="even")(asks_of_a_column)
    )
    frame = pl.DataFrame({"x": [1, 2], "y": [2, 3]})
    tallies = whole(compile_contract(schema), frame).tallies
    assert tallies.of("x.even").values.commonest(1) == (("1", 1),)
    assert tallies.of("y.even").values.commonest(1) == (("3", 1),)


def with_action(action: str, **said: Any) -> Contract:
    """Two columns whose rules differ in what becomes of a partition."""
    rule = {"rules": {"ge": {"action": action, **said}}}
    return compile_contract(model({"x": (int, pa.Field(ge=0, metadata=rule)), "y": (int, pa.Field(ge=0))}))


BAD_PARTITION = pl.DataFrame({"x": [1, -2, 3, -4], "y": [1, 2, -3, -4]})


def test_a_partition_with_too_many_failing_rows_is_set_aside_whole() -> None:
    found = whole(with_action("fail_partition", fail=0.4), BAD_PARTITION)
    assert found.quarantined[FAILED_RULES].to_list() == [
        ["partition:x.ge"],
        ["x.ge"],
        ["y.ge", "partition:x.ge"],
        ["x.ge", "y.ge"],
    ]
    assert (found.whole, found.accepted.height, found.tallies.quarantined) == (("x.ge",), 0, 4)
    assert found.tallies.of("x.ge").failed == found.tallies.of("y.ge").failed == 2


@pytest.mark.parametrize("said", [{"fail": 0.5}, {"fail_rows": 2}, {"warn_rows": 2}, {"warn": 0.1, "fail": 1.0}])
def test_a_partition_that_stays_within_its_limit_loses_only_the_rows_that_fail(said: dict[str, Any]) -> None:
    found = whole(with_action("fail_partition", level="info", **said), BAD_PARTITION)
    assert found.quarantined[ROW].to_list() == [1, 2, 3]
    assert found.whole == ()


@pytest.mark.parametrize("said", [{"fail": 0.49}, {"fail_rows": 1}, {"warn_rows": 1}, {}])
def test_the_limit_of_a_partition_is_what_fails_it_or_warns_or_nothing(said: dict[str, Any]) -> None:
    found = whole(with_action("fail_partition", level="info", **said), BAD_PARTITION)
    assert (found.whole, found.quarantined.height) == (("x.ge",), 4)


def test_a_share_is_of_the_rows_that_were_tried() -> None:
    rule = {"rules": {"ge": {"action": "fail_partition", "fail": 0.5}}}
    contract = compile_contract(model({"x": (int, pa.Field(ge=0, coerce=True, nullable=True, metadata=rule))}))
    tallies = whole(contract, pl.DataFrame({"x": ["-1", "a", "b", "c"]}))
    assert tallies.tallies.of("x.ge") == RuleTally(1, 1, 3, tallies.tallies.of("x.ge").values)
    assert tallies.whole == ("x.ge",)


def test_a_rule_with_one_answer_sets_its_partition_aside_under_its_own_name() -> None:
    config = type("Config", (), {"metadata": {"rules": {"asked": {"action": "fail_partition"}}}})
    schema = model({"x": (int, pa.Field())}, asked=frame_check(lambda f: f.select(pl.len() > 3)), Config=config)
    found = whole(compile_contract(schema), pl.DataFrame({"x": [1, 2]}))
    assert found.quarantined[FAILED_RULES].to_list() == [["frame.asked"]] * 2
    assert found.whole == ("frame.asked",)


def test_a_rule_that_aborts_the_night_sets_aside_the_rows_that_fail() -> None:
    found = whole(with_action("abort_night"), BAD_PARTITION)
    assert found.quarantined[FAILED_RULES].to_list() == [["x.ge"], ["y.ge"], ["x.ge", "y.ge"]]


def test_what_a_row_fails_is_told_of_any_number_of_rules() -> None:
    schema = model({"x": (int, pa.Field())}, **{f"c{n}": checks_bit(n) for n in range(130)})
    frame = pl.DataFrame({"x": list(range(130))})
    found = whole(compile_contract(schema), frame)
    assert {row: set(rules) for row, rules in found.quarantined.select(ROW, FAILED_RULES).iter_rows()} == {
        row: {f"frame.c{n}" for n in range(130) if row % (n + 2) == 0} for row in range(130) if row != 1
    }


def checks_bit(n: int) -> Any:
    def asked(cls: Any, data: PolarsData) -> Any:  # noqa: ARG001 - Pandera calls it so
        return data.lazyframe.select(pl.col("x") % (n + 2) != 0)

    return pa.dataframe_check(name=f"c{n}")(asked)


def test_rows_are_tried_alike_whatever_slice_they_fall_in(monkeypatch: pytest.MonkeyPatch) -> None:
    frame = pl.DataFrame({"x": [1, -2, None, 4, 5, 6, 7, 8, -9, 10]})
    contract = compile_contract(model({"x": (int, pa.Field(ge=0, lt=9))}))
    at_once = whole(contract, frame)
    monkeypatch.setattr("batchops.contract.trying.SLICE", 3)
    sliced = whole(contract, frame)
    assert sliced.tallies == at_once.tallies
    assert sliced.quarantined.equals(at_once.quarantined)
    assert at_once.quarantined[ROW].to_list() == [1, 2, 8, 9]


def test_a_rule_that_answers_for_some_rows_only_is_unknown() -> None:
    schema = model({"x": (int, pa.Field(ge=0))}, asked=frame_check(lambda f: f.select(pl.col("x").head(3) > 1)))
    tallies = whole(compile_contract(schema), pl.DataFrame({"x": [1, 2, 3, 4, -5]})).tallies
    assert tallies.of("frame.asked") == RuleTally(0, 0, 5)
    assert tallies.of("x.ge").failed == 1


@pytest.mark.parametrize(("said", "aside"), [({}, 0), ({"action": "quarantine"}, 1)])
@pytest.mark.parametrize("broken_by_null", [True, False])
def test_a_check_that_says_true_or_false_sets_rows_aside_only_where_its_author_says_so(
    said: dict[str, Any], aside: int, broken_by_null: bool
) -> None:
    def small(frame: pl.LazyFrame) -> bool:
        values = frame.collect()["x"]
        least = min(values.to_list() if broken_by_null else values.drop_nulls().to_list(), default=0)
        return bool(least < 3)

    config = type("Config", (), {"metadata": {"rules": {"asked": said}}})
    contract = compile_contract(model({"x": (int, pa.Field())}, asked=frame_check(small), Config=config))
    for rows in (1, 4):
        found = whole(contract, pl.DataFrame({"x": [9] * rows}))
        assert (found.quarantined.height, found.tallies.of("frame.asked").failed) == (aside * rows, rows)


def test_a_column_that_is_called_as_one_of_ours_is_kept_under_another_name() -> None:
    came = orders(count=pl.Series([1, 0, 3, 200])).with_columns(pl.lit(n).alias(name) for n, name in enumerate(OURS))
    aside = evaluate(ORDERS, came).quarantined
    for n, name in enumerate(OURS):
        assert aside[f"_{name}"].to_list() == [n] * aside.height
