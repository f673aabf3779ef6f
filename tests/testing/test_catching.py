from __future__ import annotations

import math
from typing import Any

import pandera.polars as pa
import polars as pl
import pytest

from batchops.contract import compile_contract
from batchops.testing import Trial, assert_contract_catches, try_contract
from schemas.flights import Flights
from tests.contract.models import Orders, frame_check, model


def trials(**columns: Any) -> dict[str, Trial]:
    return {trial.rule: trial for trial in try_contract(model(columns), n=40)}


@pytest.fixture(scope="module")
def flights() -> dict[str, Trial]:
    return {trial.rule: trial for trial in assert_contract_catches(Flights)}


def test_every_rule_of_our_own_contract_is_caught(flights: dict[str, Trial]) -> None:
    assert list(flights) == [rule.id for rule in compile_contract(Flights).rules]
    assert {trial.outcome for trial in flights.values()} == {"caught"}
    assert flights["distance.in_range"].place.startswith("schemas/flights.py:")


def test_a_mutant_breaks_little_else(flights: dict[str, Trial]) -> None:
    others = {id: trial.others for id, trial in flights.items()}
    assert others["frame.hour_is_local"] == ()
    assert others["distance.in_range"] == ()
    assert others["dest.str_matches"] == ("dest.isin",)
    assert sum(map(bool, others.values())) < 8


def test_what_always_fails_with_another_rule_is_noted(flights: dict[str, Trial]) -> None:
    implied = {id: trial.implied for id, trial in flights.items()}
    assert implied["dest.str_matches"] == ("dest.isin",)
    assert implied["wind_speed.in_range"] == ()  # below 0 only it fails


def test_the_words_of_a_mutant_hold_no_value() -> None:
    by_id = {trial.rule: trial for trial in try_contract(Orders)}
    assert by_id["price.in_range"].mutant == "price next to a bound"
    assert by_id["number.not_null"].mutant == "number missing"
    assert by_id["key.unique"].mutant == "one row twice"


@pytest.mark.parametrize(
    ("column", "rule", "reason"),
    [
        ((pl.Enum(["a", "b"]), pa.Field(isin=["a", "b", "c"])), "x.isin", "it leaves all that a column of type Enum"),
        ((pl.Int8, pa.Field(in_range=(-128, 127))), "x.in_range", "it leaves all that a column of type Int8"),
        ((pl.UInt16, pa.Field(ge=0)), "x.ge", "it leaves all that a column of type UInt16"),
        ((pl.Boolean, pa.Field(isin=[True, False])), "x.isin", "it leaves all that a column of type Boolean"),
    ],
)
def test_a_rule_that_nothing_can_break_is_vacuous_and_says_why(column: Any, rule: str, reason: str) -> None:
    trial = trials(x=column)[rule]
    assert trial.outcome == "vacuous"
    assert trial.reason.startswith(reason)
    with pytest.raises(AssertionError, match=r"nothing breaks 1 rule of \d+:\n.*" + reason):
        assert_contract_catches(model({"x": column}), n=40)


def test_a_default_leaves_nothing_missing_which_is_no_fault() -> None:
    assert trials(x=(int, pa.Field(default=3)))["x.not_null"].outcome == "untested"
    assert_contract_catches(model({"x": (int, pa.Field(default=3, le=9))}), n=40)


def test_an_answer_of_null_is_named_as_the_reason() -> None:
    checked = frame_check(lambda frame: frame.select(pl.when(pl.col("x") >= 0).then(True)))
    schema = model({"x": (int, pa.Field())}, asked=checked)
    (trial,) = (trial for trial in try_contract(schema, n=40) if trial.rule == "frame.asked")
    assert trial.outcome == "vacuous"
    assert "answers null" in trial.reason


def test_a_check_that_is_always_true_is_vacuous() -> None:
    schema = model({"x": (int, pa.Field())}, asked=frame_check(lambda frame: frame.select(pl.col("x") == pl.col("x"))))
    outcomes = {trial.rule: trial.outcome for trial in try_contract(schema, n=40)}
    assert outcomes == {"x.not_null": "caught", "frame.asked": "vacuous"}


def test_not_a_number_is_a_value_that_breaks_bounds() -> None:
    assert trials(x=(pl.Float32, pa.Field(lt=math.inf)))["x.lt"].outcome == "caught"


def test_keys_of_other_nights_are_not_tried_and_no_fault() -> None:
    config = type("Config", (), {"metadata": {"unique_over": 7}})
    schema = model({"n": (int, pa.Field(metadata={"role": "key"}))}, Config=config)
    outcomes = {trial.rule: trial.outcome for trial in assert_contract_catches(schema, n=30)}
    assert outcomes["key.unique_over_nights"] == "untested"
    assert outcomes["key.unique"] == "caught"


def test_a_rule_that_raises_on_some_values_is_caught_and_noted() -> None:
    asked = frame_check(lambda frame: frame.select(pl.col("x").str.to_date("%Y-%m-%d") > pl.date(2001, 1, 1)))
    schema = model({"x": (str, pa.Field()), "y": (int, pa.Field(ge=0))}, asked=asked)
    by_id = {trial.rule: trial for trial in try_contract(schema, n=30)}
    assert (by_id["frame.asked"].outcome, by_id["frame.asked"].breaks) == ("caught", True)
    assert not by_id["y.ge"].breaks
