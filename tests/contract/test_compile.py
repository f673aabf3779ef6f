from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandera.polars as pa
import polars as pl
import pytest
from pandera.polars import PolarsData

from batchops.contract import compile_contract
from batchops.errors import ContractError
from batchops.verdict import NOTHING, Limit
from tests.cli.calls import RUNTIME
from tests.contract.models import Orders, frame_check, model

ORDERS = compile_contract(Orders)


def test_rules_have_readable_ids() -> None:
    assert [rule.id for rule in ORDERS.rules] == [
        "number.not_null",
        "number.ge",
        "kind.not_null",
        "kind.isin",
        "price.in_range",
        "count.not_null",
        "count.gt",
        "count.le",
        "email.str_contains",
        "sent.not_null",
        "frame.is_paid_after_it_is_sent",
        "key.unique",
    ]


def is_more_than_one(cls: Any, data: PolarsData) -> pl.LazyFrame:  # noqa: ARG001 - Pandera calls it so
    """Ask for more than one."""
    return data.lazyframe.select(pl.col(data.key) > 1)


def test_two_checks_of_one_name_get_two_ids() -> None:
    twice = model({"x": (int, pa.Field(ge=0))}, at_least=pa.check("x", name="ge")(is_more_than_one))
    assert [rule.id for rule in compile_contract(twice).rules] == ["x.not_null", "x.ge", "x.ge_2"]


@pytest.mark.parametrize(
    ("id", "words"),
    [
        ("number.ge", "number is at least 1"),
        ("kind.isin", "kind is book, ink or pen"),
        ("price.in_range", "price is between 0.5 and 5 000 EUR"),
        ("count.gt", "count is above 0"),
        ("email.str_contains", "email contains @"),
        ("sent.not_null", "sent is never missing"),
        ("frame.is_paid_after_it_is_sent", "An order is paid on the day it is sent, or later"),
        ("key.unique", "no two rows of the night have the same number"),
        ("schema.missing_column:kind", "the column kind is there"),
        ("schema.dtype:price", "price can be read as Float64 without loss"),
    ],
)
def test_a_rule_is_a_sentence(id: str, words: str) -> None:
    assert ORDERS.rule(id).words == words


@pytest.mark.parametrize(
    ("field", "words"),
    [
        (pa.Field(in_range={"min_value": 1, "max_value": 9, "include_max": False}), "x is at least 1 and below 9"),
        (pa.Field(isin=range(1234)), "x is one of 1 234 values"),
        (pa.Field(isin=[2013]), "x is 2013"),
        (pa.Field(notin=[1, 2]), "x is not 1 or 2"),
        (pa.Field(eq=7), "x is 7"),
        (pa.Field(ne=7), "x is not 7"),
        (pa.Field(lt=12345), "x is below 12 345"),
    ],
)
def test_bounds_read_as_people_write_them(field: Any, words: str) -> None:
    assert compile_contract(model({"x": (int, field)})).rules[1].words == words


@pytest.mark.parametrize(
    ("length", "words"),
    [
        ({"exact_value": 3}, "s has 3 characters"),
        ({"min_value": 2}, "s has at least 2 characters"),
        ({"max_value": 2}, "s has at most 2 characters"),
        ({"min_value": 2, "max_value": 5}, "s has 2 to 5 characters"),
    ],
)
def test_lengths_read_as_people_write_them(length: dict[str, int], words: str) -> None:
    assert compile_contract(model({"s": (str, pa.Field(str_length=length))})).rules[1].words == words


def test_a_tolerated_absence_says_how_much() -> None:
    rules = {"rules": {"not_null": {"level": "warn", "warn": 0.25}}}
    contract = compile_contract(model({"x": (float, pa.Field(metadata=rules))}))
    assert contract.rule("x.not_null").words == "x is missing in at most 25 % of the rows"


@pytest.mark.parametrize(
    ("said", "limit", "action"),
    [
        ({"level": "info"}, NOTHING, "continue"),
        ({"level": "warn"}, Limit(warn=0), "continue"),
        ({}, Limit(warn=0, fail=0.05), "quarantine"),
        ({"level": "critical"}, Limit(fail=0, blocking=True), "quarantine"),
        ({"level": "warn", "action": "quarantine", "fail": 0.5}, Limit(warn=0, fail=0.5), "quarantine"),
        ({"warn": 0.01, "fail": 0.02}, Limit(warn=0.01, fail=0.02), "quarantine"),
        ({"level": "critical", "fail": 0.1, "action": "continue"}, Limit(fail=0.1, blocking=True), "continue"),
        ({"level": "info", "warn": 0.1}, Limit(warn=0.1), "continue"),
    ],
)
def test_the_level_gives_limit_and_action_unless_they_are_stated(
    said: dict[str, Any], limit: Limit, action: str
) -> None:
    rule = compile_contract(model({"x": (int, pa.Field(ge=0, metadata=said))})).rule("x.ge")
    assert (rule.limit, rule.action) == (limit, action)


def test_the_narrower_word_wins() -> None:
    assert ORDERS.rule("count.le").limit == Limit(warn=0.02)
    assert ORDERS.rule("count.gt").level == "error"
    assert ORDERS.rule("kind.isin").limit == Limit(warn=0, fail=0.2)
    assert ORDERS.rule("frame.is_paid_after_it_is_sent").level == "critical"


def test_a_check_that_only_warns_in_pandera_warns_here() -> None:
    assert compile_contract(model({"x": (int, pa.Field(ge=0, raise_warning=True))})).rule("x.ge").level == "warn"


def test_a_contract_knows_its_columns() -> None:
    assert ORDERS.id == "Orders v4"
    assert (ORDERS.key, ORDERS.features, ORDERS.pii) == (("number",), ("kind", "price", "count"), ("email",))
    assert (ORDERS.rows, ORDERS.weekday_volume, ORDERS.owner) == ((1, None), 0.3, "shop")
    assert ORDERS.column("price").unit == "EUR"
    assert ORDERS.schema["sent"] == pl.Date
    assert not ORDERS.needs_whole_partitions


@pytest.mark.parametrize(
    ("columns", "attributes", "says"),
    [
        ({"x": (int, pa.Field(metadata={"rol": "key"}))}, {}, "Did you mean role"),
        ({"x": (int, pa.Field(metadata={"role": "keyy"}))}, {}, "Did you mean key"),
        ({"x": (int, pa.Field(metadata={"level": "fatal"}))}, {}, "level 'fatal' is unknown"),
        ({"x": (int, pa.Field(metadata={"warn": 5}))}, {}, "warn is no share"),
        ({"x": (int, pa.Field(metadata={"warn": 0.5, "fail": 0.1}))}, {}, "fails before it warns"),
        ({"x": (int, pa.Field(ge=0, metadata={"rules": {"gee": {}}}))}, {}, "no rule 'gee'.*Did you mean"),
        ({"x": (int, pa.Field(str_contains="a"))}, {}, "cannot be tried on x"),
        (
            {"x": (int, pa.Field()), "y": (int, pa.Field(alias="y.*", regex=True, metadata={"role": "key"}))},
            {},
            "Name each column",
        ),
        ({"x": (int, pa.Field())}, {"Config": type("Config", (), {"metadata": {"rows": 5}})}, "rows is no pair"),
        ({"x": (int, pa.Field())}, {"Config": type("Config", (), {"unique": ["x", "nope"]})}, "unique names nope"),
        ({"x": (int, pa.Field())}, {"asked": frame_check(lambda f: f.select(pl.col("y") > 1))}, "it reads y"),
        ({"x": (int, pa.Field())}, {"asked": frame_check(lambda f: f.select(pl.col("x") + 1))}, "true or false"),
        ({"x": (int, pa.Field())}, {"asked": frame_check(lambda f: f, groupby="x")}, "groupby does nothing"),
    ],
)
def test_what_cannot_be_meant_is_refused(columns: dict[str, Any], attributes: dict[str, Any], says: str) -> None:
    with pytest.raises(ContractError, match=says):
        compile_contract(model(columns, **attributes))


def test_only_a_model_is_a_contract() -> None:
    with pytest.raises(ContractError, match="dict is no contract"):
        compile_contract({})


GROUPS = {"a": (int, pa.Field()), "b": (int, pa.Field()), "g": (str, pa.Field()), "s": (str, pa.Field())}


@pytest.mark.parametrize(
    ("scope", "expr"),
    [
        ("row", pl.col("a") > 0),
        ("row", pl.col("a").is_between(1, 2) & pl.col("s").is_in(["x"])),
        ("row", pl.when(pl.col("a") > 1).then(pl.col("b") > 0).otherwise(True)),
        ("row", pl.any_horizontal(pl.col("a") > 0, pl.col("b") > 0)),
        ("row", pl.all_horizontal(pl.col("a", "b") > 0)),
        ("row", pl.col("*").is_not_null()),
        ("row", pl.col("a").cast(pl.Datetime("us")).dt.year() > 2000),
        ("row", pl.concat_list("a", "b").list.sum() > 0),
        ("row", pl.col("s").str.contains("x")),
        ("partition", pl.col("a").sum().over("g") > 0),
        ("partition", pl.col("a") < pl.col("a").mean()),
        ("partition", ~pl.col("a").is_duplicated()),
        ("partition", pl.col("a") > pl.col("a").shift(1)),
        ("partition", pl.col("a").sort() > 0),
        ("partition", pl.col("a").cum_sum() > 0),
        ("partition", pl.col("a").forward_fill() > 0),
        ("partition", pl.col("a").diff() >= 0),
        ("partition", pl.col("a").rolling_mean(3) > 0),
        ("partition", pl.col("a").map_batches(lambda column: column > 0, return_dtype=pl.Boolean)),
        ("partition", pl.col("a").mean() > 3),
        ("partition", pl.len() > 3),
        ("partition", pl.lit(True)),
        ("partition", pl.col("a", "b").cum_sum() > 0),
    ],
)
def test_a_rule_may_run_where_it_sees_enough(scope: str, expr: pl.Expr) -> None:
    contract = compile_contract(model(GROUPS, asked=frame_check(lambda frame: frame.select(expr))))
    assert contract.rule("frame.asked").scope == scope
    assert contract.needs_whole_partitions == (scope == "partition")


def test_a_rule_names_the_columns_it_reads() -> None:
    one = compile_contract(model(GROUPS, asked=frame_check(lambda f: f.select(pl.col("b") > pl.col("a")))))
    many = compile_contract(model(GROUPS, asked=frame_check(lambda f: f.select(pl.col("a", "b") > 0))))
    assert one.rule("frame.asked").columns == many.rule("frame.asked").columns == ("a", "b")


def bounded(high: int, words: str = "as stated") -> Any:
    return model(
        {"x": (int, pa.Field(le=high))}, asked=frame_check(lambda f: f.select(pl.col("x") < high), error=words)
    )


def test_the_digest_follows_what_is_asked_and_nothing_else() -> None:
    digest = compile_contract(bounded(3)).digest
    assert compile_contract(bounded(3)).digest == digest
    assert compile_contract(bounded(3, "in other words")).digest == digest
    assert compile_contract(bounded(4)).digest != digest
    warned = model({"x": (int, pa.Field(le=3, metadata={"level": "warn"}))})
    plain = model({"x": (int, pa.Field(le=3))})
    assert compile_contract(warned).digest != compile_contract(plain).digest


def test_the_digest_is_the_same_in_every_process() -> None:
    script = (
        "from batchops.contract import compile_contract\n"
        "from schemas.flights import Flights\n"
        "print(compile_contract(Flights).digest)"
    )
    project = Path(__file__).parents[2]
    digests = {
        subprocess.run(
            [sys.executable, "-c", script],
            capture_output=True,
            text=True,
            check=True,
            cwd=project,
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": path},
        ).stdout
        for seed, path in (("1", ""), ("2", str(RUNTIME)))
    }
    assert len(digests) == 1


def test_a_contract_travels_by_the_path_of_its_model() -> None:
    assert pickle.loads(pickle.dumps(ORDERS)) is ORDERS
