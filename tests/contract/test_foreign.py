from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings, strategies as st

from batchops.contract import ColumnSpec, Contract, ForeignKey
from batchops.contract.foreign import fault, foreign_keys, orphans
from batchops.contract.keys import keys_of

CUSTOMERS = ForeignKey("customers", ("shop", "customer_id"), "customers.parquet", ("store", "id"))
KINDS: dict[str, pl.DataType] = {"shop": pl.String(), "customer_id": pl.Int64()}


def contract(**kinds: pl.DataType) -> Contract:
    columns = tuple(ColumnSpec(name, dtype) for name, dtype in (KINDS | kinds).items())
    return Contract("Orders", "", "", "", columns, (), references=(CUSTOMERS,))


def fails(ours: pl.DataFrame, theirs: pl.DataFrame, asked: Contract) -> list[bool]:
    keys = keys_of(asked, ours, CUSTOMERS.columns)
    assert keys is not None
    assert fault(asked, CUSTOMERS, theirs.schema) is None
    return orphans(keys, foreign_keys(asked, CUSTOMERS, theirs)).to_list()


PAIRS = st.lists(st.tuples(st.sampled_from(["A", "B", "", "é", None]), st.integers(1, 4) | st.none()), max_size=12)


@settings(deadline=None)
@given(PAIRS, PAIRS)
def test_a_row_fails_that_names_what_is_not_there_and_one_with_a_missing_part_names_nothing(
    ours: list[Any], theirs: list[Any]
) -> None:
    known = {pair for pair in theirs if None not in pair}
    expected = [None not in pair and pair not in known for pair in ours]
    mine = pl.DataFrame(ours, schema={"shop": pl.String, "customer_id": pl.Int64}, orient="row")
    other = pl.DataFrame(theirs, schema={"store": pl.String, "id": pl.Int64}, orient="row")
    assert fails(mine, other, contract()) == expected


def test_keys_are_compared_by_value_whatever_types_hold_them() -> None:
    asked = contract(shop=pl.Enum(["A", "B"]), customer_id=pl.Int16())
    ours = pl.DataFrame({"shop": ["A", "B", "B"], "customer_id": pl.Series([1, 2, 3], dtype=pl.UInt8)})
    theirs = pl.DataFrame(
        {"store": pl.Series(["A", "B", "Z"], dtype=pl.Categorical), "id": pl.Series([1, 2, 2**40], dtype=pl.Int64)}
    )
    assert fails(ours, theirs, asked) == [False, False, True]


def test_a_number_without_a_value_names_nothing() -> None:
    price = ForeignKey("prices", ("price",), "prices.parquet", ("price",))
    asked = Contract("Orders", "", "", "", (ColumnSpec("price", pl.Float64()),), (), references=(price,))
    keys = keys_of(asked, pl.DataFrame({"price": [1.5, float("nan"), 2.5]}), price.columns)
    assert keys is not None
    known = foreign_keys(asked, price, pl.DataFrame({"price": [1.5, float("nan")]}))
    assert orphans(keys, known).to_list() == [False, False, True]


@pytest.mark.parametrize(
    ("columns", "what", "remedy"),
    [
        ({"store": pl.String, "ID": pl.Int64}, "customers has no column 'id'", "Did you mean"),
        (
            {"store": pl.String, "id": pl.String},
            "id of customers is String and cannot be compared with customer_id, Int64",
            "same type",
        ),
    ],
)
def test_a_dataset_that_cannot_be_asked_is_told_by_column(columns: dict[str, Any], what: str, remedy: str) -> None:
    found = fault(contract(), CUSTOMERS, pl.Schema(columns))
    assert found is not None
    assert found[0] == what
    assert remedy in found[1] or "There is" in found[1]
