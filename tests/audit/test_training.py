"""What a model was trained under against what serves it: every difference of a feature is named, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from batchops.audit.training import SchemaDifference, schema_differences
from batchops.contract import compile_contract
from batchops.contract.content import ColumnContent, Content, RuleContent, content_of
from batchops.models import Feature
from schemas.flights import Flights

FLIGHTS = content_of(compile_contract(Flights))


def features(content: Content) -> tuple[Feature, ...]:
    return tuple(Feature(each.name, each.dtype, "number") for each in content.columns if "feature" in each.roles)


def changed(column: str, **changes: Any) -> Content:
    """The contract with one column otherwise."""
    columns = tuple(replace(each, **changes) if each.name == column else each for each in FLIGHTS.columns)
    return replace(FLIGHTS, columns=columns)


def differences(trained: Content, now: Content = FLIGHTS) -> tuple[SchemaDifference, ...]:
    return schema_differences(trained, features(trained), now)


def test_a_contract_does_not_differ_from_itself() -> None:
    assert differences(FLIGHTS) == ()


@pytest.mark.parametrize(
    ("changes", "aspect", "trained", "now"),
    [
        ({"dtype": "Float32"}, "dtype", "Float32", "Float64"),
        ({"nullable": True}, "nullability", "may be null", "never null"),
        ({"roles": ("feature", "protected")}, "role", "role feature, protected", "role feature"),
        ({"unit": "°C"}, "unit", "in °C", "in °F"),
        ({"unit": ""}, "unit", "no unit", "in °F"),
    ],
)
def test_each_thing_that_a_column_is_may_differ(changes: dict[str, Any], aspect: str, trained: str, now: str) -> None:
    assert differences(changed("temp", **changes)) == (SchemaDifference("temp", (aspect,), trained, now),)


def test_bounds_are_compared_by_what_they_test_and_not_by_their_words() -> None:
    rules = [rule for rule in FLIGHTS.rules if rule.columns == ("temp",)]
    assert any(rule.check is not None and rule.check.builtin == "in_range" for rule in rules)
    reworded = tuple(replace(rule, words=f"so {rule.words}", level="warn") for rule in FLIGHTS.rules)
    assert differences(replace(FLIGHTS, rules=reworded[::-1])) == ()
    fewer = tuple(rule for rule in FLIGHTS.rules if rule not in rules)
    (found,) = differences(replace(FLIGHTS, rules=fewer))
    assert (found.column, found.aspects, found.trained) == ("temp", ("bounds",), "no bounds")
    assert found.now == "temp is between -40 and 130 °F"


def test_bounds_that_changed_behind_the_same_words_are_said_to_have() -> None:
    def fewer(rule: RuleContent) -> RuleContent:
        check = rule.check
        if check is None or rule.id != "dest.isin":
            return rule
        return replace(rule, check=replace(check, arguments={"allowed_values": ["ATL"]}))

    (found,) = differences(replace(FLIGHTS, rules=tuple(map(fewer, FLIGHTS.rules))))
    assert (found.column, found.aspects) == ("dest", ("bounds",))
    assert found.now == f"{found.trained} (changed since)"


def test_several_differences_of_a_column_are_one() -> None:
    (found,) = differences(changed("temp", dtype="Float32", unit="°C"))
    assert found == SchemaDifference("temp", ("dtype", "unit"), "Float32; in °C", "Float64; in °F")


def test_a_column_that_is_no_feature_may_be_anything() -> None:
    assert differences(changed("tailnum", dtype="Int64", unit="kg", nullable=False)) == ()


def test_features_that_came_and_went_are_named_once() -> None:
    gone = replace(FLIGHTS, columns=tuple(each for each in FLIGHTS.columns if each.name != "temp"))
    assert differences(FLIGHTS, gone) == (SchemaDifference("temp", ("role",), "a feature", "absent"),)
    assert differences(gone) == (SchemaDifference("temp", ("role",), "absent", "a feature"),)
    demoted = changed("temp", roles=("passthrough",))
    assert differences(FLIGHTS, demoted) == (SchemaDifference("temp", ("role",), "a feature", "role passthrough"),)


def test_a_feature_in_another_place_is_named_and_those_it_passed_are_not() -> None:
    def moved(column: ColumnContent) -> bool:
        return column.name == "temp"

    last = replace(FLIGHTS, columns=tuple(sorted(FLIGHTS.columns, key=moved)))
    (found,) = differences(FLIGHTS, last)
    count = len(features(FLIGHTS))
    assert (found.column, found.aspects) == ("temp", ("order",))
    assert found.now == f"place {count} of {count}"


def test_without_the_contract_of_training_dtypes_and_order_are_compared() -> None:
    now = changed("temp", dtype="Float32", unit="°C", nullable=True)
    assert schema_differences(None, features(FLIGHTS), now) == (
        SchemaDifference("temp", ("dtype",), "Float64", "Float32"),
    )
    gone = replace(FLIGHTS, columns=tuple(each for each in FLIGHTS.columns if each.name != "temp"))
    assert schema_differences(None, features(gone), FLIGHTS) == (
        SchemaDifference("temp", ("role",), "no feature", "a feature"),
    )
