"""What is questionable about a contract: slips that compile, found before any row is read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandera.polars as pa
import polars as pl
import pytest

from batchops.contract import Contract, compile_contract
from batchops.contract.checking import Use, doubts, doubts_of_use
from tests.contract.test_diff import contract_of


def of_field(dtype: Any = int, **said: Any) -> Contract:
    return contract_of({"x": (dtype, said)})


def found(contract: Contract) -> list[tuple[str, str]]:
    return [(doubt.weight, doubt.what) for doubt in doubts(contract)]


FRUIT = pl.Enum(["apple", "pear"])


@pytest.mark.parametrize(
    ("contract", "weight", "what"),
    [
        (lambda: of_field(pl.UInt8, ge=300), "error", "no UInt8 can pass"),
        (lambda: of_field(pl.UInt8, le=300), "warning", "every UInt8 passes"),
        (lambda: of_field(pl.UInt8, ge=0), "warning", "every UInt8 passes"),
        (lambda: of_field(pl.Int8, in_range=(-128, 127)), "warning", "every Int8 passes"),
        (lambda: of_field(int, isin=[]), "error", "no Int64 can pass"),
        (lambda: of_field(pl.UInt8, isin=[300, -1]), "error", "no UInt8 can pass"),
        (lambda: of_field(pl.UInt8, notin=[300]), "warning", "every UInt8 passes"),
        (lambda: of_field(FRUIT, isin=["apple", "pear", "plum"]), "warning", "every Enum passes"),
        (lambda: of_field(FRUIT, isin=["plum"]), "error", "no Enum can pass"),
        (lambda: of_field(str, str_length={"min_value": 0}), "warning", "every String passes"),
        (lambda: of_field(bool, isin=[True, False]), "warning", "every Boolean passes"),
        (lambda: of_field(int, ge=5, le=3), "error", "no value of x passes all of x.ge, x.le"),
        (lambda: of_field(float, gt=5, le=5), "error", "no value of x passes all of x.gt, x.le"),
        (lambda: of_field(str, isin=["a", "b"], notin=["a", "b"]), "error", "no value of x passes all of"),
        (lambda: of_field(str, isin=["ab"], str_length={"max_value": 1}), "error", "no value of x passes all of"),
        (lambda: of_field(int, in_range=(80, 5000), gt=0), "note", "other rules ask as much"),
        (lambda: of_field(ge=0, nullable=True, metadata={"warn": 0.25}), "warning", "it fails beyond 5 %, before it"),
        (lambda: of_field(nullable=True, metadata={"role": "key"}), "warning", "of the key and may be missing"),
        (lambda: of_field(float, metadata={"role": "key"}), "warning", "rounding makes two keys of one"),
        (lambda: of_field(metadata={"role": ("label", "feature")}), "error", "read its own answer"),
    ],
)
def test_a_slip_is_found(contract: Callable[[], Contract], weight: str, what: str) -> None:
    said = found(contract())
    assert len(said) == 1, said
    assert said[0][0] == weight
    assert what in said[0][1]


@pytest.mark.parametrize(
    "contract",
    [
        lambda: of_field(int, in_range=(80, 5000)),
        lambda: of_field(float, ge=0, lt=float("inf")),
        lambda: of_field(pl.UInt8, le=200),
        lambda: of_field(str, isin=["a", "b"]),
        lambda: of_field(str, isin=["a", "b"], str_length=1),
        lambda: of_field(FRUIT, isin=["apple"]),
        lambda: of_field(FRUIT, ge="pear"),
        lambda: of_field(str, str_matches="a|b", str_startswith="a"),
        lambda: of_field(metadata={"role": "key"}),
    ],
)
def test_what_may_be_meant_is_left_alone(contract: Callable[[], Contract]) -> None:
    assert [said for said in found(contract()) if said[0] != "note"] == []


class Slow(pa.DataFrameModel):
    x: int = pa.Field(unique=True)

    @pa.check("x", element_wise=True)
    @classmethod
    def small(cls, value: int) -> bool:
        return value < 5

    class Config:
        drop_invalid_rows = True


def test_what_is_slow_and_what_does_nothing_are_notes_with_their_lines() -> None:
    said = doubts(compile_contract(Slow))
    assert [doubt.weight for doubt in said] == ["note", "note"]
    assert "run through Pandera by itself" in said[0].what
    assert "drop_invalid_rows does nothing" in said[1].what
    assert all(doubt.where.startswith("tests/contract/test_checking.py:") for doubt in said)


class TestAJobsUse:
    def test_features_that_the_model_wants(self) -> None:
        contract = contract_of({"x": (int, {"metadata": {"role": "feature"}}), "y": (int, {})})
        use = Use("delay", "jobs/delay.py", model="delay@3", wanted=(("x", "Int32"), ("y", "Int64"), ("z", "Int64")))
        said = [(doubt.weight, doubt.what) for doubt in doubts_of_use(contract, use)]
        assert said == [
            ("warning", "the model delay@3 of delay was fitted on x as Int32, and it is Int64"),
            ("error", "the model delay@3 of delay wants y, which is no feature"),
            ("error", "the model delay@3 of delay wants z, which the contract does not have"),
        ]

    def test_a_feature_that_the_model_does_not_read(self) -> None:
        contract = contract_of({each: (int, {"metadata": {"role": "feature"}}) for each in "xy"})
        use = Use("delay", "jobs/delay.py", model="delay@3", wanted=(("x", "Int64"),))
        (doubt,) = doubts_of_use(contract, use)
        assert (doubt.weight, doubt.what) == ("note", "y is a feature that the model delay@3 of delay does not read")

    @pytest.mark.parametrize(("trains", "weight"), [(True, "error"), (False, "warning")])
    def test_text_that_is_personal_data_is_no_feature(self, trains: bool, weight: str) -> None:
        contract = of_field(str, metadata={"role": "feature", "pii": True})
        (doubt,) = doubts_of_use(contract, Use("delay", "jobs/delay.py", trains=trains))
        assert (doubt.weight, "keeps its categories readable" in doubt.what) == (weight, True)

    def test_whole_files_that_are_large(self) -> None:
        small, large = (Use("delay", "jobs/delay.py", rows=rows) for rows in (1000, 50_000_000))
        contract = compile_contract(Slow)
        assert doubts_of_use(contract, small) == ()
        assert [doubt.what for doubt in doubts_of_use(contract, large)] == [
            "x.unique wants whole files at once, and delay has one of 50,000,000 rows"
        ]
