from __future__ import annotations

from pathlib import Path
from typing import Any

import pandera.polars as pa
import polars as pl
import pytest
from hypothesis import assume, given, settings, strategies as st
from pandera.errors import SchemaErrors

from batchops.contract import compile_contract, evaluate, schema_faults
from batchops.errors import ContractError
from batchops.testing import sample_frame, violate
from schemas.flights import Flights
from tests.contract.models import Orders, frame_check, model
from tests.testing.contracts import contracts

FLIGHTS = compile_contract(Flights)


def failing(schema: Any, frame: pl.DataFrame, **answers: pl.Series) -> set[str]:
    tallies = evaluate(compile_contract(schema), frame, answers).tallies.rules
    return {id for id, tally in tallies.items() if tally.failed}


@settings(max_examples=40, deadline=None)
@given(contracts(), st.data())
def test_the_rule_fails_and_a_bound_next_to_it_holds(schema: Any, data: st.DataObject) -> None:
    rules = compile_contract(schema).rules
    assume(rules)
    rule = data.draw(st.sampled_from(rules))
    frame = sample_frame(schema, 12)
    try:
        broken = violate(schema, frame, rule.id)
    except ContractError:
        assume(False)  # a bound where the dtype ends
    assert rule.id in failing(schema, broken)
    assert broken.schema == frame.schema
    # One row of one column is another.
    assert sum(not broken[name].equals(frame[name], null_equal=True) for name in frame.columns) == 1
    assert sum(one != other for one, other in zip(broken.rows(), frame.rows(), strict=True)) == 1
    # Where it cannot spell what it found, Pandera breaks on its own report.
    with pytest.raises((SchemaErrors, pl.exceptions.PolarsError, pl.exceptions.PanicException)):
        schema.validate(broken, lazy=True)


@pytest.mark.parametrize("rule", [rule.id for rule in FLIGHTS.rules if rule.scope == "row"][::5])
def test_any_rule_of_our_own_contract_is_broken_alone_or_nearly(rule: str) -> None:
    frame = sample_frame(Flights, 40)
    failed = failing(Flights, violate(Flights, frame, rule))
    assert rule in failed
    assert len(failed) <= 2


def test_a_key_is_broken_by_a_row_that_comes_twice() -> None:
    frame = sample_frame(Orders, 20)
    broken = violate(Orders, frame, "key.unique")
    assert broken.height == 20
    assert broken["number"].n_unique() == 19
    assert failing(Orders, broken) == set()


def test_a_seed_breaks_the_same_row() -> None:
    frame = sample_frame(Orders, 20)
    one, again = (violate(Orders, frame, "price.in_range", seed=3) for _ in range(2))
    assert one.equals(again)
    assert frame.equals(sample_frame(Orders, 20))


def test_two_columns_are_changed_where_one_is_not_enough() -> None:
    columns = {name: (int, pa.Field(nullable=True)) for name in ("x", "y")}
    asked = frame_check(lambda frame: frame.select(pl.col("x").is_not_null() | pl.col("y").is_not_null()))
    schema = model(columns, asked=asked)
    frame = pl.DataFrame({"x": [1, 2], "y": [3, 4]})
    assert violate(schema, frame, "frame.asked").null_count().row(0) == (1, 1)


def test_a_rule_of_all_rows_is_broken_in_as_few_other_rules_as_possible() -> None:
    asked = frame_check(lambda frame: frame.select(pl.col("x").median() < 100))
    schema = model({"x": (float, pa.Field(in_range=(0, 1000)))}, asked=asked)
    assert failing(schema, violate(schema, sample_frame(schema, 20), "frame.asked")) == {"frame.asked"}


def test_a_column_that_refers_to_another_dataset_names_nobody(tmp_path: Path) -> None:
    (tmp_path / "people").mkdir()
    pl.DataFrame({"id": [7, 70]}).write_parquet(tmp_path / "people" / "all.parquet")
    said = {"references": {"people": {"columns": "person", "in": "people/*.parquet", "key": "id"}}}
    schema = model({"person": (int, pa.Field(le=100))}, Config=type("Config", (), {"metadata": said}))
    frame = sample_frame(schema, 5, project=tmp_path)
    broken = violate(schema, frame, "person.in_people", project=tmp_path)
    assert len(set(broken["person"]) - {7, 70}) == 1
    assert broken["person"].is_between(-(10**9), 100).all()


@pytest.mark.parametrize("rule", ["schema.missing_column:price", "schema.dtype:price", "schema.extra_column"])
def test_columns_are_not_as_promised(rule: str) -> None:
    broken = violate(Orders, sample_frame(Orders, 5), rule)
    contract = compile_contract(Orders)
    faults = schema_faults(contract, evaluate(contract, broken).check.tally)
    assert [fault.check for fault in faults] == [rule.partition(":")[0]]


def test_columns_come_in_another_order() -> None:
    config = type("Config", (), {"ordered": True})
    schema = model({"a": (int, pa.Field()), "b": (int, pa.Field())}, Config=config)
    assert violate(schema, sample_frame(schema, 5), "schema.order").columns == ["b", "a"]
    with pytest.raises(ContractError, match="nothing breaks it"):
        violate(Orders, sample_frame(Orders, 5), "schema.order")


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ("price.in_rnge", "has no rule 'price.in_rnge'. Did you mean price.in_range?"),
        ("schema.missing_column:prize", "has no column 'prize'. Did you mean price?"),
        ("schema.missing", "has no rule 'schema.missing'. Did you mean schema.missing_column"),
    ],
)
def test_a_rule_that_is_not_there_is_an_error(rule: str, message: str) -> None:
    with pytest.raises(ContractError) as caught:
        violate(Orders, sample_frame(Orders, 5), rule)
    assert message in str(caught.value)


def test_a_rule_that_nothing_breaks_is_an_error_with_its_place() -> None:
    schema = model({"x": (pl.UInt8, pa.Field(ge=0))})
    with pytest.raises(ContractError, match=r"x\.ge: no row that breaks it is found"):
        violate(schema, sample_frame(schema, 5), "x.ge")
