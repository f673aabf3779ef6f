"""The rows that fail are those that fail in Pandera: random contracts on random rows, of every dtype polars has.

Deliberate exceptions, each in a test of its own here or in test_traps.py:

* A check with one answer for all rows is a matter of the partition; Pandera blames row 0 (trap 3).
* ``str_matches("a|b")`` looks for the pattern at the start; Pandera makes it ``^a|b`` (trap 6).
* NaN is a missing value to a column of floats that is not nullable: to Pandera too, unless it is a Float16.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pandera.polars as pa
import polars as pl
import pytest
from hypothesis import HealthCheck, given, seed, settings, strategies as st
from pandera.backends.polars.components import ColumnBackend
from pandera.backends.polars.container import DataFrameSchemaBackend
from pandera.config import ValidationDepth, config_context
from pandera.constants import CHECK_OUTPUT_KEY
from pandera.errors import SchemaErrors
from pandera.polars import PolarsData

from batchops.contract import FAILED_RULES, ROW, Contract, Rule, compile_contract, evaluate
from tests.contract.kinds import BY_NAME, KINDS, NAMES, Plan, frame_of, hashable, model_of, plans, rows_of

pytestmark = pytest.mark.filterwarnings("ignore:.*support is not guaranteed:UserWarning")

Failing = set[tuple[int, str]]


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
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, TypeError):
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


def unique_together(drawn: Sequence[Plan], wanted: bool) -> Mapping[str, Any]:
    names = [name for name, plan in zip(NAMES, drawn, strict=False) if hashable(plan.kind.dtype)]
    return {"Config": type("Config", (), {"unique": names})} if wanted and len(names) > 1 else {}


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
@pytest.mark.parametrize("part", range(6))
def test_rows_fail_the_rules_that_they_fail_in_pandera_many_times(part: int) -> None:
    # The parts are one test's, so that workers share them; each begins elsewhere.
    @seed(part)
    @examples(500)
    @given(st.data())
    def asked(data: st.DataObject) -> None:
        agrees_with_pandera(data)

    asked()


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
