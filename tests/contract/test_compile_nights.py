from __future__ import annotations

from typing import Any

import pandera.polars as pa
import polars as pl
import pytest

from batchops.contract import (
    KEY_UNIQUE,
    KEY_UNIQUE_OVER_NIGHTS,
    Contract,
    ForeignKey,
    Freshness,
    compile_contract,
    evaluate,
)
from batchops.errors import ContractError
from batchops.verdict import Limit
from tests.contract.models import model

CUSTOMERS = {"columns": "customer_id", "in": "data/customers/night={night}/*.parquet", "key": "id"}


def night(**said: Any) -> Contract:
    """A contract with a key, a customer and a time, and these words in Config."""
    columns = {
        "id": (int, pa.Field(metadata={"role": "key"})),
        "customer_id": (int, pa.Field()),
        "shop": (str, pa.Field()),
        "placed_at": (pl.Datetime, pa.Field()),
    }
    return compile_contract(model(columns, Config=type("Config", (), {"metadata": said})))


def test_words_of_the_night_become_rules_of_the_night() -> None:
    contract = night(
        freshness={"column": "placed_at", "hours": 26},
        references={"customers": CUSTOMERS, "stock": {"columns": ("shop", "id"), "in": "data/stock.parquet"}},
        unique_over=7,
    )
    assert contract.freshness == Freshness("placed_at", 26.0)
    assert contract.references == (
        ForeignKey("customers", ("customer_id",), "data/customers/night={night}/*.parquet", ("id",)),
        ForeignKey("stock", ("shop", "id"), "data/stock.parquet", ("shop", "id")),
    )
    assert contract.unique_over == 7
    assert {rule.id: (rule.words, rule.columns) for rule in contract.rules if rule.scope == "dataset"} == {
        KEY_UNIQUE: ("no two rows of the night have the same id", ("id",)),
        KEY_UNIQUE_OVER_NIGHTS: ("no key of the night occurred in the 6 nights before", ("id",)),
        "customer_id.in_customers": ("customer_id is one of customers' id", ("customer_id",)),
        "shop+id.in_stock": ("shop and id are together one of stock's shop and id", ("shop", "id")),
    }
    assert not contract.needs_whole_partitions


def test_over_two_nights_is_the_night_before() -> None:
    assert night(unique_over=2).rule(KEY_UNIQUE_OVER_NIGHTS).words == "no key of the night occurred in the night before"


def test_rules_of_the_night_can_be_called_like_any_other() -> None:
    rules = {
        "customer_id.in_customers": {"level": "critical"},
        KEY_UNIQUE_OVER_NIGHTS: {"level": "warn", "warn_rows": 3},
    }
    contract = night(references={"customers": CUSTOMERS}, unique_over=7, rules=rules)
    assert contract.rule("customer_id.in_customers").limit == Limit(fail=0, blocking=True)
    over = contract.rule(KEY_UNIQUE_OVER_NIGHTS)
    assert (over.level, over.limit, over.unit, over.action) == ("warn", Limit(warn=3), "rows", "continue")


def test_a_rule_of_the_night_is_unknown_until_it_is_answered() -> None:
    contract = night(references={"customers": CUSTOMERS})
    frame = pl.DataFrame({"id": [1], "customer_id": [9], "shop": ["a"], "placed_at": [None]}, schema=contract.schema)
    frame = frame.with_columns(placed_at=pl.datetime(2025, 6, 1))
    silent = evaluate(contract, frame, {KEY_UNIQUE: pl.Series([False])})
    assert silent.tallies.of("customer_id.in_customers").unknown == 1
    answered = evaluate(
        contract, frame, {KEY_UNIQUE: pl.Series([False]), "customer_id.in_customers": pl.Series([True])}
    )
    assert answered.quarantined["_failed_rules"].to_list() == [["customer_id.in_customers"]]


@pytest.mark.parametrize(
    ("said", "says"),
    [
        ({"freshnes": {}}, "no word 'freshnes'. Did you mean freshness"),
        ({"freshness": {"column": "placed_at", "hour": 2}}, "no word 'hour'. Did you mean hours"),
        ({"freshness": {"column": "placed_at"}}, 'no column or no hours. Write "freshness"'),
        ({"freshness": {"column": "placed_at", "hours": True}}, "no hours"),
        ({"freshness": {"column": "placed_at", "hours": float("inf")}}, "no hours"),
        ({"freshness": {"column": "placed", "hours": 2}}, "it reads placed, .*Did you mean placed_at"),
        ({"freshness": {"column": "shop", "hours": 2}}, "shop is neither a date nor a time"),
        ({"freshness": 26}, "no mapping"),
        ({"references": {"customers": {"columns": "customer_id"}}}, "references, customers: in is missing"),
        ({"references": {"customers": {**CUSTOMERS, "on": "x"}}}, "no word 'on'"),
        ({"references": {"customers": {**CUSTOMERS, "columns": "custmer_id"}}}, "Did you mean customer_id"),
        ({"references": {"customers": {**CUSTOMERS, "key": ("a", "b")}}}, "columns and key are not as many"),
        ({"references": {"customers": {**CUSTOMERS, "columns": ()}}}, "columns is no column"),
        ({"references": {"customers": {**CUSTOMERS, "columns": ("id", "id")}}}, "columns is no column"),
        ({"references": {"customers": {**CUSTOMERS, "in": " "}}}, "in is no text"),
        ({"references": {"our customers": CUSTOMERS}}, "letters, digits and underscores"),
        ({"references": [CUSTOMERS]}, "no mapping"),
        ({"unique_over": 1}, "unique_over is no count. Write a whole number, 2 or more"),
        ({"unique_over": 7.0}, "unique_over is no count"),
        ({"rules": {"customer_id.in_custmers": {}}, "references": {"customers": CUSTOMERS}}, "Did you mean"),
        ({"rules": {"key.unique": {"action": "abort"}}}, "action 'abort' is unknown. Did you mean abort_night"),
        ({"rules": {"key.unique": {"fail": 0.1, "warn_rows": 3}}}, "shares and rows at once"),
        ({"rules": {"key.unique": {"fail_rows": 0.1}}}, "fail_rows is no count"),
        ({"rules": {"key.unique": {"fail_rows": True}}}, "fail_rows is no count"),
        ({"rules": {"key.unique": {"warn_rows": 3, "fail_rows": 2}}}, "fails before it warns"),
        ({"rules": {"key.unique": {"warn_rows": 3}}}, "State fail_rows too"),
        ({"rules": {"key.unique": {"words": ""}}}, "words is no text"),
        ({"rules": ["key.unique"]}, "rules is no mapping"),
        ({"rows": (5, 2)}, "asks for more than it allows"),
        ({"rows": (True, None)}, "no pair of counts"),
        ({"version": True}, "version is neither"),
        ({"owner": 3}, "owner is no text"),
    ],
)
def test_words_that_cannot_be_meant_are_refused(said: dict[str, Any], says: str) -> None:
    with pytest.raises(ContractError, match=says):
        night(**said)


def test_a_key_over_nights_needs_a_key() -> None:
    config = type("Config", (), {"metadata": {"unique_over": 2}})
    with pytest.raises(ContractError, match="no column has the role"):
        compile_contract(model({"x": (int, pa.Field())}, Config=config))


@pytest.mark.parametrize(
    ("said", "limit", "unit"),
    [
        ({"action": "abort_night"}, Limit(warn=0, fail=0, blocking=True), "share"),
        ({"action": "abort_night", "fail": 0.01}, Limit(warn=0, fail=0.01, blocking=True), "share"),
        ({"action": "abort_night", "fail_rows": 10}, Limit(warn=0, fail=10, blocking=True), "rows"),
        ({"action": "abort_night", "level": "warn", "warn_rows": 2}, Limit(warn=2, fail=0, blocking=True), "rows"),
        ({"action": "fail_partition"}, Limit(warn=0, fail=0.05), "share"),
        ({"warn_rows": 1, "fail_rows": 3}, Limit(warn=1, fail=3), "rows"),
        ({"fail_rows": 3}, Limit(warn=0, fail=3), "rows"),
        ({"level": "critical", "fail_rows": 3}, Limit(fail=3, blocking=True), "rows"),
        ({"level": "warn", "warn_rows": 3}, Limit(warn=3), "rows"),
    ],
)
def test_actions_and_counts_give_the_limit(said: dict[str, Any], limit: Limit, unit: str) -> None:
    contract = compile_contract(model({"x": (int, pa.Field(ge=0, metadata={"rules": {"ge": said}}))}))
    rule = contract.rule("x.ge")
    assert (rule.limit, rule.unit) == (limit, unit)
    assert contract.needs_whole_partitions == (said.get("action") == "fail_partition")


def test_a_narrower_word_in_another_unit_takes_the_place_of_both_thresholds() -> None:
    said = {"warn": 0.01, "fail": 0.02, "rules": {"ge": {"fail_rows": 3}}}
    contract = compile_contract(model({"x": (int, pa.Field(ge=0, metadata=said))}))
    assert (contract.rule("x.ge").limit, contract.rule("x.ge").unit) == (Limit(warn=0, fail=3), "rows")
    assert contract.rule("x.not_null").limit == Limit(warn=0.01, fail=0.02)


def test_a_tolerated_absence_may_be_counted_in_rows() -> None:
    said = {"rules": {"not_null": {"level": "warn", "warn_rows": 1200}}}
    contract = compile_contract(model({"x": (int, pa.Field(metadata=said))}))
    assert contract.rule("x.not_null").words == "x is missing in at most 1 200 rows"
