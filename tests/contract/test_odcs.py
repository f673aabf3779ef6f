from __future__ import annotations

import datetime as dt
import json
from copy import deepcopy
from dataclasses import replace
from decimal import Decimal
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pandera.polars as pa
import polars as pl
import pytest
import yaml
from hypothesis import given, reject, settings, strategies as st
from open_data_contract_standard.model import OpenDataContractStandard

from batchops.contract import Contract, Freshness, compile_contract
from batchops.contract.authoring.restating import dtype_named, restate
from batchops.contract.authoring.writing import write_module
from batchops.contract.content import Content, content_of, digest_of
from batchops.contract.odcs.documents import Imported, from_odcs, to_odcs
from batchops.errors import ContractError
from schemas.flights import Flights
from tests.contract.models import Orders, model
from tests.contract.test_infer import compiled

SCHEMA = json.loads((files("open_data_contract_standard") / "schema.json").read_text())
STANDARD = jsonschema.Draft201909Validator(SCHEMA)
EXAMPLES = Path(__file__).parent / "odcs"


def exported(content: Content) -> str:
    """The document of a content, valid by the standard's own model and schema."""
    text = to_odcs(content, "schemas.model:Model")
    OpenDataContractStandard.from_string(text)
    STANDARD.validate(yaml.safe_load(text))
    return text


def imported(text: str) -> tuple[Contract, Imported]:
    """The contract of the module that is written for a document of one object."""
    (found,) = from_odcs("x.yaml", text)
    restated = restate(found.content)
    assert restated.left_out == ()
    return compiled(write_module("Rows.", [restated.draft]), restated.draft.name), found


def without_code(content: Content) -> Content:
    """What of a content a document can say: all but an author's own checks."""
    kept = (rule for rule in content.rules if rule.check is None or rule.check.author is None)
    return replace(content, rules=tuple(kept))


def comes_back(contract: Contract) -> Contract:
    content = content_of(contract)
    again, _ = imported(exported(content))
    back, wanted = content_of(again), without_code(content)
    assert {rule.id: rule.words for rule in back.rules} == {rule.id: rule.words for rule in wanted.rules}
    assert digest_of(back) == digest_of(wanted)
    return again


LEVELS: st.SearchStrategy[dict[str, Any]] = st.sampled_from(
    [{}, {"level": "warn"}, {"level": "info"}, {"level": "critical"}, {"fail": 0.2}, {"warn": 0.01}]
)
SEVERITIES: st.SearchStrategy[dict[str, Any]] = st.one_of(
    LEVELS,
    st.sampled_from(
        [
            *({"action": "continue", "fail": 0.125}, {"level": "warn", "warn": 0.25}, {"level": "critical", "warn": 0}),
            *({"warn_rows": 2, "fail_rows": 9}, {"level": "warn", "warn_rows": 5}, {"fail_rows": 3}),
            *({"action": "fail_partition"}, {"action": "abort_night"}, {"action": "abort_night", "fail": 0.5}),
            *({"level": "warn", "action": "quarantine"}, {"level": "info", "fail": 1.0}),
        ]
    ),
)

NUMBERS: list[dict[str, Any]] = [
    *(
        {},
        {"ge": 0},
        {"gt": -5, "le": 7},
        {"in_range": (0, 9)},
        {"eq": 1},
        {"ne": 2},
    ),
    *(
        {"in_range": {"min_value": 0, "max_value": 2, "include_min": False}},
        {"in_range": (0, 10), "lt": 8, "unique": True},
    ),
    {"ge": 0, "ignore_na": False, "nullable": True},
]
KINDS: list[tuple[Any, list[dict[str, Any]]]] = [
    (int, [*NUMBERS, {"isin": [1, 2, 3]}, {"notin": [4]}, {"in_range": (2**53 + 1, 2**63 - 1)}, {"default": 3}]),
    (pl.Int8, NUMBERS),
    (pl.UInt64, [{"le": 2**64 - 1}]),
    (
        float,
        [*NUMBERS, {"ge": 0.1, "lt": float("inf")}, {"isin": [0.5, 1e-7, 1e300]}, {"default": 1.5, "nullable": True}],
    ),
    (pl.Float32, [{"in_range": (0.5, 1e9)}]),
    (pl.Decimal(10, 2), [{}, {"ge": Decimal("0.10")}]),
    (
        str,
        [
            *(
                {},
                {"isin": ["a", "b"]},
                {"str_matches": r"[A-Z]\d{3}$"},
                {"str_matches": "a|b"},
                {"str_contains": "^a|b$"},
            ),
            *(
                {"str_length": {"min_value": 2, "max_value": 5}},
                {"str_length": {"min_value": 3}},
                {"str_startswith": "x"},
            ),
            *(
                {"str_contains": "@", "str_matches": "^a"},
                {"eq": "it's"},
                {"ge": "a"},
                {"str_endswith": 'q"'},
                {"unique": True},
            ),
            {"default": "none"},
        ],
    ),
    (pl.Categorical, [{}, {"isin": ["a"]}]),
    (pl.Enum(["a", "b"]), [{}, {"nullable": True}]),
    (pl.Date, [{}, {"ge": dt.date(2020, 1, 1)}, {"in_range": (dt.date(2020, 1, 1), dt.date(2021, 1, 1))}]),
    (pl.Datetime("us", "UTC"), [{}, {"gt": dt.datetime(2020, 1, 1, tzinfo=dt.UTC)}]),
    (pl.Datetime("ms"), [{"lt": dt.datetime(2020, 1, 1, 12)}]),
    (pl.Time, [{"ge": dt.time(6, 30)}]),
    (pl.Duration, [{}, {"le": dt.timedelta(hours=2)}]),
    (bool, [{}, {"coerce": True}]),
    (pl.Binary, [{}]),
    (pl.Null, [{"nullable": True}]),
    (pl.List(pl.Struct({"a": pl.Int8, "b": pl.Enum(["x"])})), [{}]),
    (pl.Array(pl.Float32, 3), [{}]),
    (pl.Struct({"a": pl.Datetime("us"), "b": pl.List(pl.String)}), [{"nullable": True}]),
]
ROLES: list[Any] = ["passthrough", "feature", "key", ("key", "feature"), "protected", "label"]


@st.composite
def contracts(draw: st.DrawFn) -> Contract:
    columns: dict[str, Any] = {}
    for number in range(draw(st.integers(1, 4))):
        dtype, options = draw(st.sampled_from(KINDS))
        words = dict(draw(st.sampled_from(options)))
        words.setdefault("nullable", draw(st.booleans()))
        metadata = {"role": draw(st.sampled_from(ROLES)), **draw(SEVERITIES)}
        metadata |= draw(st.sampled_from([{}, {"unit": "EUR"}, {"pii": True}]))
        if not words["nullable"]:
            metadata["rules"] = {"not_null": {**draw(LEVELS), **draw(st.sampled_from([{}, {"words": "it is there"}]))}}
        words |= draw(st.sampled_from([{}, {"description": "What it is."}, {"required": False}]))
        columns[f"c{number}"] = (dtype, pa.Field(**words, metadata=metadata))
    config: dict[str, Any] = {"strict": draw(st.sampled_from([False, True, "filter"])), "ordered": draw(st.booleans())}
    said: dict[str, Any] = {"name": "Rows", "version": draw(st.sampled_from([1, "1.2.0", "2025-06"])), "owner": "shop"}
    said |= draw(st.sampled_from([{}, {"rows": (1, None)}, {"rows": (10, 20)}, {"weekday_volume": 0.3}]))
    if len(columns) > 2 and draw(st.booleans()):
        config["unique"] = draw(st.sampled_from([["c1", "c2"], [("c0", "c1"), ("c1", "c2")]]))
    keyed = any("key" in field.metadata["role"] for _, field in columns.values())
    if keyed and draw(st.booleans()):
        said |= {"unique_over": 7, "rules": {"key.unique": draw(SEVERITIES)}}
    if draw(st.booleans()):
        said["references"] = {"others": {"columns": "c0", "in": "data/others/*.parquet", "key": "id"}}
    Config = type("Config", (), {**config, "metadata": said})  # noqa: N806 - Pandera's name
    try:
        return compile_contract(model(columns, Config=Config))
    except ContractError as error:  # a column's word and its rule's may not go together
        if "fails before it warns" not in str(error):
            raise
        reject()


@settings(max_examples=40, deadline=None)
@given(contract=contracts())
def test_a_contract_comes_back_from_its_document_and_asks_for_the_same(contract: Contract) -> None:
    comes_back(contract)


def test_the_example_comes_back_but_for_its_own_checks_which_are_named() -> None:
    content = content_of(compile_contract(Flights))
    again, found = imported(exported(content))
    assert digest_of(content_of(again)) == digest_of(without_code(content))
    assert (again.owner, again.description) == (content.owner, content.description)
    code = [rule.id for rule in content.rules if rule.check is not None and rule.check.author is not None]
    assert [note.partition(":")[0] for note in found.notes] == code
    assert "code of schemas.model:Model.leaves_its_origin" in found.notes[1]


def test_freshness_and_keys_of_several_columns_come_back() -> None:
    columns = {name: (int, pa.Field(metadata={"role": "key"})) for name in ("a", "b")}
    said = {
        "freshness": {"column": "at", "hours": 1.5},
        "references": {
            "shops": {"columns": ("a", "b"), "in": "data/shops/{night}.parquet", "key": ("x", "y")},
            "other_b": {"columns": "b", "in": "b.parquet"},
        },
        "rules": {"a+b.in_shops": {"level": "warn"}, "key.unique": {"level": "critical"}},
    }
    at = {"at": (pl.Datetime("us", "UTC"), pa.Field())}
    contract = compile_contract(model({**columns, **at}, Config=type("Config", (), {"metadata": said})))
    again = comes_back(contract)
    assert (again.freshness, again.references, again.version) == (contract.freshness, contract.references, "")


def test_names_that_the_standards_references_cannot_hold_come_back() -> None:
    said = {"references": {"shops": {"columns": "shop no", "in": "shops.parquet", "key": "no."}}}
    columns = {"shop": (int, pa.Field(alias="shop no"))}
    assert comes_back(compile_contract(model(columns, Config=type("Config", (), {"metadata": said})))).references


def test_a_pattern_of_columns_comes_back() -> None:
    columns = {"temps": (float, pa.Field(alias="^temp_.*$", regex=True, ge=-90, metadata={"unit": "°C"}))}
    assert comes_back(compile_contract(model({**columns, "id": (int, pa.Field())}))).patterns


def test_an_authors_words_come_back() -> None:
    content = content_of(compile_contract(Orders))
    again, found = imported(exported(content))
    assert digest_of(content_of(again)) == digest_of(without_code(content))
    assert found.notes == (
        "frame.is_paid_after_it_is_sent: An order is paid on the day it is sent, or later"
        " (code of schemas.model:Model.is_paid_after_it_is_sent)",
    )


def unusual(contract: Contract) -> dict[str, tuple[Any, ...]]:
    """Level, action and limit of the rules that are not usual."""
    usual: tuple[Any, ...] = ("error", "quarantine", 0, 0.05, "share")
    said: dict[str, tuple[Any, ...]] = {
        rule.id: (rule.level, rule.action, rule.limit.warn, rule.limit.fail, rule.unit) for rule in contract.rules
    }
    return {id: words for id, words in said.items() if words != usual}


def test_a_document_that_a_person_wrote_is_read_as_it_is_meant() -> None:
    contract, found = imported((EXAMPLES / "payments.odcs.yaml").read_text())
    assert (contract.name, contract.version, contract.model.__name__) == ("seller payments", "1.1.0", "SellerPayments")
    assert contract.description == "Every payment of a day, as it was settled."
    assert contract.schema == {
        "pay_id": pl.String,
        "settled_on": pl.Date,
        "received_at": pl.Datetime("us"),
        "amount": pl.Decimal(18, 2),
        "installments": pl.Int32,
        "currency": pl.String,
        "iban": pl.String,
        "is_open": pl.Boolean,
        "shape": pl.String,
    }
    assert (contract.key, contract.pii) == (("pay_id",), ("iban",))
    # A range by mustBeBetween excludes its bounds.
    assert contract.rows == (101, 119_999)
    assert contract.freshness == Freshness("received_at", 48)
    assert {
        rule.id: rule.words for rule in contract.rules if rule.id.endswith(("range", "length", "matches", ".gt"))
    } == {
        "pay_id.str_length": "pay_id has 11 characters",
        "pay_id.str_matches": "pay_id begins with a match of ACC[0-9]{8}$",
        "settled_on.in_range": "settled_on is above 2020-01-01 and at most 2030-01-01",
        "installments.in_range": "installments is at least 1 and below 49",
        "iban.str_matches": "iban begins with a match of [A-Z]{2}[0-9]{2}[A-Z0-9]+$",
    }
    assert [rule.id for rule in contract.rules if rule.id.endswith(".unique")] == [
        "pay_id.unique",
        "settled_on+amount+iban.unique",
        "key.unique",
    ]
    assert unusual(contract) == {
        "installments.not_null": ("error", "continue", 0, 0.01, "share"),
        "currency.isin": ("warn", "continue", 4, None, "rows"),
    }
    assert found.notes == (
        "shape: its type is geometry; taken for text",
        "amount: The amount is never more than what was ordered. (text)",
        "SELECT COUNT(*) FROM {object} WHERE amount < 0 (sql)",
        "a check (soda)",
    )


def test_a_document_of_several_objects_is_one_module_of_several_contracts() -> None:
    found = from_odcs("shop.yaml", (EXAMPLES / "shop.odcs.yaml").read_text())
    text = write_module("Shop.", [restate(each.content).draft for each in found])
    customers, orders = compiled(text, "Customers"), compiled(text, "Orders")
    assert (customers.key, customers.pii, customers.owner, customers.version) == (
        ("id",),
        ("e-mail",),
        "shop team",
        "7",
    )
    assert orders.key == ("line", "order_no")
    assert orders.rows == (1, None)
    assert orders.pii == ("address",)
    assert [(each.rule, each.path, each.key) for each in orders.references] == [
        ("customer_id.in_customers", "data/customers/night={night}/*.parquet", ("id",))
    ]
    assert orders.schema["placed_at"] == pl.Datetime("us", "Europe/Berlin")
    assert orders.schema["address"] == pl.Struct({"street": pl.String, "number": pl.UInt16})
    assert orders.schema["tags"] == pl.List(pl.String)
    assert found[1].notes == ("shop_id: refers to shops.id; say where its files are",)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: [1", r"x\.yaml:1: is no YAML"),
        ("- 1", "no document of the Open Data Contract Standard v3"),
        ("apiVersion: v2.2.2\nkind: DataContract", "no document of the Open Data Contract Standard v3"),
        ("apiVersion: v3.1.0\nkind: DataContract", "no object with properties"),
        ("apiVersion: v3.1.0\nschema:\n- name: x\n  properties: []", "no object with properties"),
        ("!!python/object/apply:os.getcwd []", "is no YAML"),
    ],
)
def test_what_is_no_contract_is_an_error(text: str, said: str) -> None:
    with pytest.raises(ContractError, match=said):
        from_odcs("x.yaml", text)


@pytest.mark.parametrize(
    "text",
    ["varchar(18)", "__import__('os')", "String()()", "List(os)", "Enum(open('x'))", "Int64)", "", "Struct({**{}})"],
)
def test_only_a_dtype_is_read_as_one(text: str) -> None:
    assert dtype_named(text) is None or text == "Struct({**{}})"


DOCUMENTS = [yaml.safe_load(path.read_text()) for path in sorted(EXAMPLES.glob("*.yaml"))]
ODD: list[Any] = [None, 1, -1, 1.5, True, "x", "", "^(", [], {}, [1], ["x"], [[1]], {"a": 1}, "2020-01-01"]


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The way to every value within a value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place for key, each in inner for place in ((*path, key), *places(each, (*path, key)))]


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_a_document_with_something_odd_in_it_is_read_or_refused(data: st.DataObject) -> None:
    document = deepcopy(data.draw(st.sampled_from(DOCUMENTS)))
    *way, last = data.draw(st.sampled_from(places(document)))
    inner = document
    for key in way:
        inner = inner[key]
    inner[last] = data.draw(st.sampled_from(ODD))
    try:
        found = from_odcs("x.yaml", yaml.safe_dump(document))
    except ContractError:
        return
    compile(write_module("X.", [restate(each.content).draft for each in found]), "x.py", "exec")


def test_an_argument_that_has_no_value_says_nothing() -> None:
    document = deepcopy(DOCUMENTS[0])
    (item,) = document["schema"][0]["properties"][5]["quality"]
    rules = []
    for values in (["EUR"], None):
        item["arguments"]["validValues"] = values
        (found,) = from_odcs("x.yaml", yaml.safe_dump(document))
        rules.append("currency.isin" in {rule.id for rule in found.content.rules})
    assert rules == [True, False]


def test_what_has_not_the_standards_form_is_named_by_its_place() -> None:
    document = deepcopy(DOCUMENTS[0])
    document["schema"][0]["properties"][0]["quality"] = {"metric": "nullValues"}
    with pytest.raises(
        ContractError, match=r"schema\.payments_v1\.properties\.pay_id\.quality is not a list of mappings"
    ):
        from_odcs("x.yaml", yaml.safe_dump(document))
