"""Columns that a pattern names: Pandera tries them one by one, and so do we, under one rule."""

from __future__ import annotations

from typing import Any

import pandera.polars as pa
import polars as pl
import pytest
from hypothesis import given, settings, strategies as st
from pandera.errors import SchemaErrors
from pandera.polars import DataFrameModel, PolarsData

from batchops.contract import FAILED_RULES, compile_contract, evaluate, schema_faults
from batchops.contract.keys import keys_of
from batchops.contract.patterns import concrete
from batchops.errors import ContractError
from batchops.verdict import Limit
from tests.contract.models import model


class Readings(DataFrameModel):
    """Sensors by number, and one that has a name."""

    id: int = pa.Field(metadata={"role": "key"})
    temp_roof: str = pa.Field()
    temps: float = pa.Field(
        alias="temp_.*", regex=True, ge=0, metadata={"rules": {"is_below_ten": {"level": "warn", "warn": 0.5}}}
    )
    volts: int = pa.Field(alias="^v[0-9]$", regex=True, nullable=True, unique=True, required=False)

    @pa.check("temp_.*")
    @classmethod
    def is_below_ten(cls, data: PolarsData) -> pl.LazyFrame:
        """It is called with the column's own name."""
        return data.lazyframe.select(pl.col(data.key) < 10)

    @pa.check("temp_.*", element_wise=True)
    @classmethod
    def is_not_five(cls, value: float) -> bool:
        """One value at a time."""
        return value != 5

    @pa.check("temp_.*")
    @classmethod
    def is_not_six(cls, data: PolarsData) -> pl.LazyFrame:
        """Closed to capturing."""
        return data.lazyframe.collect().lazy().select(pl.col(data.key) != 6)


READINGS = compile_contract(Readings)


def readings(**columns: Any) -> pl.DataFrame:
    good = {"id": [1, 2, 3], "temp_roof": ["a", "b", "c"], "temp_1": [1.0, 2.0, 3.0], "temp_x": [0.0, 1.0, 2.0]}
    return pl.DataFrame(good).with_columns(**{name: pl.Series(values) for name, values in columns.items()})


def failed(frame: pl.DataFrame) -> dict[str, int]:
    tallies = evaluate(READINGS, frame).tallies
    return {id: tally.failed for id, tally in tallies.rules.items() if tally.failed}


def test_a_pattern_has_one_rule_of_each_kind_by_a_readable_name() -> None:
    assert {rule.id: rule.words for rule in READINGS.rules if rule.columns == ("temp_.*",)} == {
        "temp_.*.not_null": "temp_.* is never missing",
        "temp_.*.ge": "temp_.* is at least 0",
        "temp_.*.is_below_ten": "It is called with the column's own name",
        "temp_.*.is_not_five": "One value at a time",
        "temp_.*.is_not_six": "Closed to capturing",
    }
    assert READINGS.rule("temp_.*.is_below_ten").limit == Limit(warn=0.5)
    assert [rule.id for rule in READINGS.rules if rule.columns == ("^v[0-9]$",)] == ["v[0-9].unique"]
    assert READINGS.rule("schema.missing_column:temp_.*").words == "a column matches temp_.*"


@pytest.mark.parametrize(
    ("columns", "rules"),
    [
        ({}, {}),
        ({"temp_1": [-1.0, 2.0, 3.0], "temp_x": [1.0, 2.0, -3.0]}, {"temp_.*.ge": 2}),
        ({"temp_1": [-1.0, 2.0, 3.0], "temp_x": [-1.0, 2.0, 3.0]}, {"temp_.*.ge": 1}),
        ({"temp_2": [None, float("nan"), 1.0]}, {"temp_.*.not_null": 2, "temp_.*.is_below_ten": 1}),
        ({"temp_1": [5.0, 6.0, 7.0]}, {"temp_.*.is_not_five": 1, "temp_.*.is_not_six": 1}),
        ({"temp_1": [11.0, 1.0, 1.0], "temp_x": [1.0, 12.0, 1.0]}, {"temp_.*.is_below_ten": 2}),
        ({"v1": [1, 1, None], "v2": [1, 2, 3]}, {"v[0-9].unique": 2}),
        ({"v10": [1, 1, 1]}, {}),
    ],
)
def test_a_row_fails_where_any_column_of_the_pattern_does(columns: dict[str, Any], rules: dict[str, int]) -> None:
    assert failed(readings(**columns)) == rules


def test_columns_of_a_pattern_are_checked_kept_in_quarantine_and_left_out_of_what_is_accepted() -> None:
    validation = evaluate(READINGS, readings(temp_1=[-1.0, 2.0, 3.0]))
    assert validation.accepted.columns == ["id", "temp_roof"]
    assert validation.accepted.height == 2
    assert validation.quarantined.select("temp_1", "temp_x", FAILED_RULES).row(0) == (-1.0, 0.0, ["temp_.*.ge"])
    assert READINGS.schema.names() == ["id", "temp_roof"]
    assert schema_faults(READINGS, validation.check.tally) == ()


def test_a_pattern_without_a_column_is_missing_unless_it_may_be() -> None:
    frame = readings().drop("temp_1", "temp_x")
    validation = evaluate(READINGS, frame)
    assert set(validation.quarantined[FAILED_RULES].list.first()) == {"schema.missing_column:temp_.*"}
    assert validation.tallies.of("temp_.*.ge").unknown == validation.tallies.of("v[0-9].unique").unknown == 3
    (fault,) = schema_faults(READINGS, validation.check.tally)
    assert (fault.check, fault.column, fault.rows) == ("schema.missing_column", "temp_.*", 3)


def test_columns_of_a_pattern_are_coerced_or_refused_one_by_one() -> None:
    frame = readings(temp_1=[1, 2, 3], temp_x=["a", "b", "c"])
    validation = evaluate(READINGS, frame)
    found = {(fault.check, fault.column) for fault in schema_faults(READINGS, validation.check.tally)}
    assert found == {("schema.coerced", "temp_1"), ("schema.dtype", "temp_x")}
    assert validation.accepted.is_empty()


def test_a_pattern_matches_whole_names_of_columns_that_have_no_field() -> None:
    found = model({"a": (str, pa.Field()), "either": (int, pa.Field(alias="a|b", regex=True))})
    contract = compile_contract(found)
    names = [column.name for column in concrete(contract, ["a", "ab", "b", "cb"]).columns]
    assert names == ["a", "b"]


def test_pandera_takes_a_pattern_with_alternatives_for_another() -> None:
    found = model({"either": (int, pa.Field(alias="a|b", regex=True, ge=2))})
    with pytest.raises(SchemaErrors):
        found.validate(pl.DataFrame({"a": [2], "ab": [1], "b": [2]}), lazy=True)


def test_a_contract_on_a_frame_is_the_same_when_it_is_asked_again() -> None:
    names = readings(v1=[1, 2, 3]).columns
    once = concrete(READINGS, names)
    assert concrete(once, names) is once
    assert [column.name for column in once.columns] == ["id", "temp_roof", "temp_1", "temp_x", "v1"]
    plain = compile_contract(model({"x": (int, pa.Field())}))
    assert concrete(plain, ["x", "y"]) is plain


def test_what_a_column_of_two_patterns_is_says_the_first_and_both_check_it() -> None:
    columns = {
        "id": (int, pa.Field()),
        "all": (float, pa.Field(alias="t_.*", regex=True, ge=0)),
        "some": (float, pa.Field(alias="t_1.*", regex=True, le=9)),
    }
    validation = evaluate(compile_contract(model(columns)), pl.DataFrame({"id": [1, 2], "t_1": [-1.0, 10.0]}))
    assert validation.quarantined[FAILED_RULES].to_list() == [["t_.*.ge"], ["t_1.*.le"]]


def test_personal_data_of_a_pattern_is_personal_in_every_column() -> None:
    columns = {"id": (int, pa.Field()), "mails": (str, pa.Field(alias="mail_.*", regex=True, metadata={"pii": True}))}
    contract = compile_contract(model(columns))
    assert concrete(contract, ["id", "mail_1", "mail_2"]).pii == ("mail_1", "mail_2")
    assert contract.pii == ("mail_.*",)


def test_a_key_is_read_beside_a_pattern() -> None:
    keys = keys_of(READINGS, readings())
    assert keys is not None
    assert keys["id"].to_list() == [1, 2, 3]


def test_strict_and_order_know_the_columns_of_a_pattern() -> None:
    config = type("Config", (), {"strict": True, "ordered": True})
    columns = {"x": (int, pa.Field()), "t": (int, pa.Field(alias="t_.*", regex=True)), "y": (int, pa.Field())}
    contract = compile_contract(model(columns, Config=config))

    def faults(*names: str) -> list[tuple[str, str]]:
        tally = evaluate(contract, pl.DataFrame({name: [1] for name in names})).check.tally
        return [(fault.check, fault.column) for fault in schema_faults(contract, tally)]

    assert faults("x", "t_2", "t_1", "y") == []
    assert faults("x", "t_2", "y", "t_1") == [("schema.order", "t_1")]
    assert faults("x", "t_1", "y", "z") == [("schema.extra_column", "z")]


@pytest.mark.parametrize(
    ("said", "says"),
    [
        ({"metadata": {"role": "feature"}}, "a pattern cannot be feature. Name each column"),
        ({"metadata": {"role": ("passthrough", "label")}}, "a pattern cannot be label"),
        ({"str_contains": "a"}, "it cannot be tried on t_.*, Int64"),
        ({"metadata": {"rules": {"gee": {}}}}, "no rule 'gee'"),
    ],
)
def test_what_cannot_be_meant_of_a_pattern_is_refused(said: dict[str, Any], says: str) -> None:
    columns = {"x": (int, pa.Field()), "t": (int, pa.Field(alias="t_.*", regex=True, ge=0, **said))}
    with pytest.raises(ContractError, match=says):
        compile_contract(model(columns))


def test_a_pattern_is_a_regular_expression() -> None:
    with pytest.raises(ContractError, match="it is no pattern: missing"):
        compile_contract(model({"x": (int, pa.Field()), "t": (int, pa.Field(alias="t_(", regex=True))}))


VALUES = st.lists(st.one_of(st.none(), st.floats(allow_nan=True)), min_size=3, max_size=3)


@settings(deadline=None, max_examples=50)
@given(st.dictionaries(st.sampled_from(["temp_1", "temp_2", "temp_long name"]), VALUES, min_size=1))
def test_rows_that_fail_a_pattern_are_those_that_pandera_blames_in_any_column(columns: dict[str, list[Any]]) -> None:
    found = model(
        {
            "id": (int, pa.Field()),
            "t": (float, pa.Field(alias="temp_.*", regex=True, ge=0, nullable=True)),
        }
    )
    frame = pl.DataFrame({"id": [1, 2, 3]}).with_columns(
        pl.Series(name, values, dtype=pl.Float64) for name, values in columns.items()
    )
    blamed: set[int] = set()
    try:
        found.validate(frame, lazy=True)
    except SchemaErrors as error:
        blamed = set(error.failure_cases["index"].to_list())
    assert set(evaluate(compile_contract(found), frame).quarantined["_row"].to_list()) == blamed
