"""The page of a contract: complete, escaped, silent on personal data, the same bytes for the same contract."""

from __future__ import annotations

import re
from dataclasses import replace

import pandera.polars as pa
import pytest

from batchops.contract import compile_contract
from batchops.contract.content import Content, content_of
from batchops.contract.terms import ForeignKey, Freshness
from batchops.contract.versions.diffing import Change
from batchops.report import formats
from batchops.report.contract_page import Surroundings, render_contract
from schemas.flights import Flights
from tests.contract.models import Orders

FLIGHTS, ORDERS = content_of(compile_contract(Flights)), content_of(compile_contract(Orders))


@pytest.mark.parametrize("content", [FLIGHTS, ORDERS], ids=["flights", "orders"])
def test_every_column_and_every_rule_stands_on_the_page(content: Content) -> None:
    page = render_contract(content)
    never = {rule.id for rule in content.rules if rule.id.endswith(".not_null")}
    for column in content.columns:
        assert f'id="column-{formats.slug(column.name)}"' in page
    for rule in content.rules:
        assert rule.id in never or page.count(f'id="rule-{formats.slug(rule.id)}"') == 1, rule.id


def test_the_same_contract_gives_the_same_bytes() -> None:
    assert render_contract(FLIGHTS) == render_contract(FLIGHTS)


def test_the_page_asks_nothing_of_the_network() -> None:
    page = render_contract(FLIGHTS, Surroundings(jobs=("flights_delay",)))
    assert not re.findall(r'(?:src|href)="(?!#|data:,)[^"]*"', page)
    assert "default-src 'none'" in page


def test_words_of_an_author_are_text_and_never_markup() -> None:
    hostile = replace(ORDERS, description="<script>alert(1)</script>", owner="</title><b>")
    page = render_contract(hostile)
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page


def test_what_is_asked_of_the_whole_night_is_said() -> None:
    asked = replace(
        ORDERS,
        freshness=Freshness("sent", 26),
        references=(ForeignKey("customers", ("email",), "data/customers.parquet", ("id",)),),
        unique_over=7,
        strict="forbid",
        ordered=True,
    )
    page = render_contract(asked)
    for words in (
        "at least 1",
        "within 30.0",
        "newest sent at most 26 h before",
        "occurs once in 7 nights",
        "email names a row of customers",
        "are forbidden",
        "columns come in the order",
    ):
        assert words in page, words


def test_a_rule_says_only_where_it_differs_from_its_level() -> None:
    page = render_contract(ORDERS)
    (at_most,) = re.findall(r'<li id="rule-count-le.*?</li>', page)
    assert "warn: WARN beyond 2.0" in at_most
    (at_least,) = re.findall(r'<li id="rule-count-gt.*?</li>', page)
    assert at_least.endswith("· error</span></li>")


class _Members(pa.DataFrameModel):
    """Who they are."""

    name: str = pa.Field(isin=[f"secret {n}" for n in range(20)], metadata={"pii": True})
    team: str = pa.Field(isin=[f"team {n}" for n in range(20)])


def test_a_long_list_of_values_is_shown_unless_it_is_personal_data() -> None:
    page = render_contract(content_of(compile_contract(_Members)))
    assert "team 19" in page
    assert "secret" not in page


def test_changes_name_the_version_they_are_counted_from() -> None:
    changes = (Change("count.le", "rule", "narrowing", "count is at most 99", "count is at most 50", "fewer"),)
    page = render_contract(ORDERS, Surroundings(versions=("3", "4"), previous="3", changes=changes))
    assert "Changes since v3" in page
    assert "<td>narrowed</td><td>count is at most 99</td><td>count is at most 50</td>" in page
    assert 'id="changes"' not in render_contract(ORDERS)
