from __future__ import annotations

import datetime as dt
import hashlib
import warnings
from pathlib import Path
from typing import Any

import pandera.polars as pa
import polars as pl
import pytest
from hypothesis import given, settings, strategies as st

from batchops.contract import compile_contract, evaluate
from batchops.errors import ContractError
from batchops.testing import sample_frame, try_contract
from schemas.flights import Flights
from tests.contract.models import Orders, frame_check, model
from tests.testing.contracts import contracts

col = pl.col


def accepted_whole(schema: Any, frame: pl.DataFrame, **answers: pl.Series) -> bool:
    """Whether no rule at all fails, or has no answer."""
    found = evaluate(compile_contract(schema), frame, answers)
    tallies = found.tallies.rules.values()
    return found.quarantined.is_empty() and not any(tally.failed or tally.unknown for tally in tallies)


@settings(max_examples=60, deadline=None)
@given(contracts(), st.integers(0, 9))
def test_a_sample_is_accepted_whole_by_us_and_by_pandera(schema: Any, seed: int) -> None:
    frame = sample_frame(schema, 25, seed)
    assert frame.height == 25
    assert accepted_whole(schema, frame)
    schema.validate(frame, lazy=True)


@settings(max_examples=15, deadline=None)
@given(contracts(), st.integers(0, 9))
def test_a_seed_gives_the_same_rows_again(schema: Any, seed: int) -> None:
    assert sample_frame(schema, 10, seed).equals(sample_frame(schema, 10, seed))


def test_another_seed_gives_other_rows() -> None:
    assert not sample_frame(Flights, 10, seed=1).equals(sample_frame(Flights, 10, seed=2))


@pytest.mark.parametrize("schema", [Flights, Orders])
def test_our_contracts_accept_their_samples(schema: Any) -> None:
    frame = sample_frame(schema, 300)
    contract = compile_contract(schema)
    assert frame.schema == contract.schema
    assert not frame.select(contract.key).is_duplicated().any()
    assert accepted_whole(schema, frame, **{"key.unique": pl.repeat(False, 300, dtype=pl.Boolean, eager=True)})
    schema.validate(frame, lazy=True)


def test_a_nullable_column_has_some_nulls_and_many_values() -> None:
    frame = sample_frame(Orders, 400)
    assert 10 < frame["price"].null_count() < 100
    assert frame["kind"].n_unique() == 3
    assert frame["price"].n_unique() > 200


def whole_number(**said: Any) -> Any:
    return int, pa.Field(**said)


def number(**said: Any) -> Any:
    return float, pa.Field(**said)


def text(**said: Any) -> Any:
    return str, pa.Field(**said)


MANY: dict[str, tuple[dict[str, Any], Any]] = {
    "a product": (
        {"price": number(gt=0), "items": whole_number(in_range=(1, 20)), "total": number(gt=0)},
        lambda frame: frame.select((col.total - col.price * col.items).abs() < 0.01),
    ),
    "a sum": (
        {"net": number(ge=0), "tax": number(ge=0), "gross": number(ge=0)},
        lambda frame: frame.select((col.gross - col.tax - col.net).abs() < 0.01),
    ),
    "times": (
        {"start": (pl.Datetime, pa.Field()), "end": (pl.Datetime, pa.Field()), "took": (pl.Duration, pa.Field())},
        lambda frame: frame.select((col.end >= col.start) & (col.took == col.end - col.start)),
    ),
    "text of other columns": (
        {"land": text(isin=["DE", "FR"]), "number": whole_number(in_range=(1, 999)), "id": text()},
        lambda frame: frame.select(col.id == col.land + "-" + col.number.cast(pl.String)),
    ),
    "parts of a whole": (
        {name: whole_number(in_range=(0, 100)) for name in ("a", "b", "c")},
        lambda frame: frame.select(col.a + col.b + col.c == 100),
    ),
    "either or": (
        {"kind": text(isin=["card", "cash"]), "card": text(nullable=True)},
        lambda frame: frame.select((col.kind == "card") == col.card.is_not_null()),
    ),
    "text that is a date": (
        {"x": text()},
        lambda frame: frame.select(col.x.str.to_date("%Y-%m-%d") > pl.date(2001, 1, 1)),
    ),
    "a remainder": ({"x": whole_number(ge=10**9, le=10**15)}, lambda frame: frame.select(col.x % 97 == 1)),
    "a chain": (
        {name: whole_number() for name in ("a", "b", "c", "d")},
        lambda frame: frame.select((col.a < col.b) & (col.b < col.c) & (col.c < col.d)),
    ),
    "a check that collects": (
        {"x": whole_number(), "y": whole_number()},
        lambda frame: frame.collect().select(col.x > col.y).lazy(),
    ),
    "a mean": (
        {"x": number(in_range=(0, 100))},
        lambda frame: frame.select(col.x.mean().is_between(45, 55) & (col.x.std() < 5)),
    ),
    "a small mean": ({"x": number(in_range=(0, 10_000))}, lambda frame: frame.select(col.x.mean() < 10)),
    "a share": ({"x": text(isin=["DE", "FR", "IT"])}, lambda frame: frame.select((col.x == "DE").mean() > 0.6)),
    "few nulls": (
        {"x": number(nullable=True)},
        lambda frame: frame.select(col.x.null_count() / pl.len() < 0.02),
    ),
    "so many values": ({"x": text()}, lambda frame: frame.select(col.x.n_unique() == 3)),
    "an order": (
        {"x": whole_number(), "y": whole_number()},
        lambda frame: frame.select(col.x.diff().fill_null(0) >= 0),
    ),
    "one after the other": (
        {"x": whole_number(metadata={"role": "key"})},
        lambda frame: frame.select(col.x.diff().fill_null(1) == 1),
    ),
    "groups": (
        {"x": text(isin=list("abcdefghijklmnop")), "y": whole_number()},
        lambda frame: frame.select(pl.len().over("x") <= 9),
    ),
    "two that go together": (
        {"a": number(in_range=(0, 1)), "b": number(in_range=(0, 1))},
        lambda frame: frame.select(pl.corr("a", "b") > 0.5),
    ),
}


@pytest.mark.parametrize("name", MANY)
def test_a_check_of_the_frame_is_obeyed_and_broken(name: str) -> None:
    columns, answer = MANY[name]
    schema = model(columns, asked=frame_check(answer))
    frame = sample_frame(schema, 60)
    schema.validate(frame, lazy=True)
    assert frame.height == 60
    assert {trial.outcome for trial in try_contract(schema, n=60)} == {"caught"}


def luhn(cls: Any, value: str) -> bool:  # noqa: ARG001 - Pandera calls it so
    digits = [int(char) * (1 + place % 2) for place, char in enumerate(reversed(value))]
    return sum(each - 9 if each > 9 else each for each in digits) % 10 == 0


def test_a_check_that_only_python_knows_is_searched_for() -> None:
    card = text(str_matches=r"\d{16}$")
    schema = model({"card": card}, luhn=pa.check("card", element_wise=True)(luhn))
    assert sample_frame(schema, 40)["card"].map_elements(lambda value: luhn(None, value), pl.Boolean).all()


def test_unique_columns_are_unique_together_and_alone() -> None:
    config = type("Config", (), {"unique": ["a", "b"]})
    schema = model({"a": whole_number(in_range=(1, 9)), "b": whole_number(in_range=(1, 9))}, Config=config)
    assert not sample_frame(schema, 60).is_duplicated().any()
    schema = model({"a": whole_number(in_range=(1, 30), unique=True), "b": text(unique=True, nullable=True)})
    assert sample_frame(schema, 30)["a"].n_unique() == 30


def test_more_rows_than_can_differ_is_an_error_with_a_remedy() -> None:
    schema = model({"a": whole_number(in_range=(1, 9), unique=True)})
    with pytest.raises(ContractError, match=r"only 9 rows of 10 are found.*fewer rows"):
        sample_frame(schema, 10)


def test_values_that_must_all_occur_do() -> None:
    frame = sample_frame(model({"a": text(unique_values_eq=["x", "y", "z"])}), 5)
    assert set(frame["a"]) == {"x", "y", "z"}


def test_columns_of_a_pattern_get_a_column() -> None:
    schema = model({"temp": (float, pa.Field(alias=r"^temp_[a-c]$", regex=True, in_range=(0, 9))), "x": whole_number()})
    frame = sample_frame(schema, 20)
    (name,) = (name for name in frame.columns if name != "x")
    assert name.startswith("temp_")
    assert frame[name].is_between(0, 9).all()
    assert accepted_whole(schema, frame)


def test_a_fresh_column_lies_in_the_last_hours_of_one_day() -> None:
    config = type("Config", (), {"metadata": {"freshness": {"column": "at", "hours": 6}}})
    frame = sample_frame(model({"at": (pl.Datetime, pa.Field())}, Config=config), 50)
    assert frame["at"].dt.date().n_unique() == 1
    assert frame["at"].dt.hour().is_between(18, 23).all()


REFERRING = {"references": {"people": {"columns": "person", "in": "people/*.parquet", "key": "id"}}}


def test_a_column_that_refers_to_another_dataset_has_its_values(tmp_path: Path) -> None:
    (tmp_path / "people").mkdir()
    pl.DataFrame({"id": [7, 70, 700]}).write_parquet(tmp_path / "people" / "all.parquet")
    schema = model({"person": whole_number(le=100)}, Config=type("Config", (), {"metadata": REFERRING}))
    assert set(sample_frame(schema, 20, project=tmp_path)["person"]) == {7, 70}
    assert sample_frame(schema, 20, project=tmp_path / "elsewhere")["person"].n_unique() > 3


KNOWN = {"7433faa2f0ef", "c70196556926"}


def is_known(cls: Any, value: str) -> bool:  # noqa: ARG001 - Pandera calls it so
    return hashlib.sha256(value.encode()).hexdigest()[:12] in KNOWN


def secretive(**more: Any) -> Any:
    """A contract whose codes nobody guesses: tulip #1 and rose #1."""
    return model({"code": text(), **more}, is_known=pa.check("code", element_wise=True)(is_known))


def test_what_cannot_be_guessed_is_named_with_the_remedy() -> None:
    schema = secretive()
    with pytest.raises(ContractError, match=r"code\.is_known: no value for code is found.*examples"):
        sample_frame(schema, 20)


def test_rows_of_the_authors_own_are_drawn_from() -> None:
    schema = secretive(n=whole_number(in_range=(1, 50)))
    like = pl.DataFrame({"code": ["tulip #1", "rose #1", "nettle"], "n": [1, 2, 3]})
    frame = sample_frame(schema, 20, like=like)
    assert set(frame["code"]) == {"tulip #1", "rose #1"}
    assert {trial.outcome for trial in try_contract(schema, like=like, n=20)} == {"caught"}


def test_rows_of_the_authors_own_may_have_a_column_alone() -> None:
    schema = secretive(n=whole_number(in_range=(1, 50)))
    frame = sample_frame(schema, 20, like=pl.DataFrame({"code": ["rose #1"]}))
    assert set(frame["code"]) == {"rose #1"}
    assert frame["n"].n_unique() > 5


def test_rows_of_the_authors_own_may_stand_beside_the_contract() -> None:
    schema = secretive()
    schema.examples = lambda: pl.DataFrame({"code": ["rose #1"]})
    assert set(sample_frame(schema, 5)["code"]) == {"rose #1"}


def test_rows_that_the_contract_refuses_are_no_examples() -> None:
    schema = secretive()
    with pytest.raises(ContractError, match="refuses all rows that it was given") as caught:
        sample_frame(schema, 5, like=pl.DataFrame({"code": ["nettle"]}))
    assert "nettle" not in str(caught.value)


def test_enough_rows_of_the_authors_own_are_taken_as_they_are() -> None:
    like = sample_frame(Orders, 90, seed=5)
    frame = sample_frame(Orders, 30, like=like)
    assert frame.join(like, on="number", how="inner").height == 30
    assert frame.join(like, on=like.columns, how="anti", nulls_equal=True).is_empty()


@pytest.mark.parametrize(
    "dtype", [pl.UInt128, pl.Float16, pl.Null, pl.Categorical, pl.Binary, pl.Time, pl.Duration, pl.Int128]
)
def test_every_dtype_can_be_made_up(dtype: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # Pandera's, of dtypes it knows little of
        schema = model({"x": (dtype, pa.Field(nullable=dtype == pl.Null))})
        assert sample_frame(schema, 10).schema["x"] == dtype


def test_bounds_beyond_what_a_float_holds_are_exact() -> None:
    low = 2**60 + 1
    frame = sample_frame(model({"x": whole_number(in_range=(low, low + 2))}), 30)
    assert set(frame["x"]) == {low, low + 1, low + 2}


def test_dates_stay_within_their_bounds() -> None:
    first, last = dt.date(2020, 2, 28), dt.date(2020, 3, 1)
    frame = sample_frame(model({"x": (pl.Date, pa.Field(ge=first, lt=last))}), 20)
    assert set(frame["x"]) == {first, dt.date(2020, 2, 29)}
