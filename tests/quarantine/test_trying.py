"""Rows that were set aside, before the same contract and before others."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import pandera.polars as pa
import polars as pl
import pytest
from hypothesis import given, strategies as st
from pandera.polars import DataFrameModel

from batchops.contract import (
    CONTRACT,
    FAILED_RULES,
    PARTITION,
    ROW,
    RUN_ID,
    WHOLE,
    Contract,
    Tallies,
    compile_contract,
    evaluate,
)
from batchops.quarantine.correcting import corrected
from batchops.quarantine.trying import Trial, try_again
from tests.contract.models import Orders, frame_check, model, orders


class Mended(Orders):
    """The same shop, which sells cards too, and for up to 9,000."""

    kind: str = pa.Field(isin=["book", "pen", "ink", "card"], metadata={"role": "feature"})
    price: float = pa.Field(in_range=(0.5, 9000), nullable=True, metadata={"role": "feature", "unit": "EUR"})


class Coerced(Orders):
    """The same shop, whose counts may come as text."""

    count: int = pa.Field(gt=0, coerce=True, metadata={"role": "feature"})


TODAY, TOMORROW = compile_contract(Orders), compile_contract(Mended)

rows = st.lists(
    st.fixed_dictionaries(
        {
            "number": st.integers(-1, 4),
            "kind": st.sampled_from(["book", "pen", "card", "wine"]),
            "price": st.sampled_from([None, 0.1, 5.0, 6000.0, 9999.0]),
            "count": st.sampled_from([-1, 1, 100]),
            "email": st.sampled_from([None, "a@b.c", "nobody"]),
            "sent": st.sampled_from([None, 19000, 19003]),
            "paid": st.sampled_from([None, 19001]),
        }
    ),
    max_size=12,
)


def frame(drawn: list[dict[str, Any]]) -> pl.DataFrame:
    made = pl.DataFrame(drawn, schema={**orders().schema, "sent": pl.Int32(), "paid": pl.Int32()})
    return made.with_columns(pl.col("sent", "paid").cast(pl.Date))


def stored(
    contract: Contract, night: pl.DataFrame, answers: Mapping[str, pl.Series] | None = None
) -> tuple[Tallies, pl.DataFrame]:
    """A night's tallies, and what it set aside as a run stores it."""
    found = evaluate(contract, night, answers or {})
    names = {PARTITION: "p", CONTRACT: contract.id, RUN_ID: "r1"}
    return found.tallies, found.quarantined.with_columns(pl.lit(value).alias(name) for name, value in names.items())


def failed(trial: Trial) -> list[tuple[int, list[str]]]:
    return list(trial.left.select(ROW, FAILED_RULES).iter_rows())


@given(drawn=rows, whole=st.booleans())
def test_the_same_contract_says_the_same_again(drawn: list[dict[str, Any]], whole: bool) -> None:
    tallies, held = stored(TODAY, frame(drawn))
    trial = try_again(TODAY, held, {}, whole=whole)
    assert trial.left.equals(held)
    assert trial.validation.accepted.is_empty()
    assert trial.passing.is_empty()
    assert corrected(tallies, trial.was, trial.now) == tallies


@given(drawn=rows)
def test_a_mended_contract_counts_as_if_it_had_been_there_from_the_start(drawn: list[dict[str, Any]]) -> None:
    night = frame(drawn)
    tallies, held = stored(TODAY, night)
    trial, at_once = try_again(TOMORROW, held, {}), evaluate(TOMORROW, night)
    assert corrected(tallies, trial.was, trial.now) == at_once.tallies
    assert trial.left.select(ROW, FAILED_RULES).equals(at_once.quarantined.select(ROW, FAILED_RULES))
    accepted = pl.concat([evaluate(TODAY, night).accepted, trial.validation.accepted])
    assert accepted.sort(pl.all()).equals(at_once.accepted.sort(pl.all()))


@given(drawn=rows, waived=st.sets(st.sampled_from(["kind.isin", "price.in_range", "number.ge", "sent.not_null"])))
def test_a_row_passes_that_fails_what_is_waived_and_nothing_else(
    drawn: list[dict[str, Any]], waived: Collection[str]
) -> None:
    tallies, held = stored(TODAY, frame(drawn))
    trial = try_again(TODAY, held, {}, waived)
    harmless = {rule.id for rule in TODAY.rules if rule.action == "continue"} | {*waived}
    kept = held.filter(pl.col(FAILED_RULES).list.set_difference(sorted(harmless)).list.len() > 0)
    assert trial.left.equals(kept)
    assert trial.left.height + trial.passing.height == held.height
    after = corrected(tallies, trial.was, trial.now)
    assert after.rules == tallies.rules
    assert after.quarantined == kept.height


def test_rows_stay_as_they_came_in_every_type() -> None:
    night = orders(kind=pl.Series(["book", "wine", "wine", "pen"], dtype=pl.Categorical), extra=pl.lit(1, pl.UInt8))
    _, held = stored(TODAY, night)
    trial = try_again(TODAY, held, {})
    assert trial.left.schema == held.schema
    assert trial.left.select(night.columns).equals(night[[1, 2]])


def test_a_value_that_can_be_read_by_now_is_tried_and_counted() -> None:
    night = orders(count=pl.Series(["1", "2", "many", "4"]))
    tallies, held = stored(TODAY, night)
    assert tallies.quarantined == 4
    trial = try_again(compile_contract(Coerced), held, {})
    assert failed(trial) == [(2, ["schema.dtype:count"])]
    after = corrected(tallies, trial.was, trial.now)
    assert (after.quarantined, after.of("schema.dtype:count").failed) == (1, 1)


def above_the_mean() -> type[DataFrameModel]:
    return model(
        {"a": (int, pa.Field(ge=0)), "b": (int, pa.Field(ge=0))},
        asked=frame_check(lambda rows: rows.select(pl.col("a") >= pl.col("a").mean() / 2)),
    )


@pytest.mark.parametrize(("whole", "passing"), [(False, []), (True, [0, 1])])
def test_a_rule_over_a_partition_keeps_its_answer_unless_all_rows_are_tried(whole: bool, passing: list[int]) -> None:
    contract = compile_contract(above_the_mean())
    assert contract.rule("frame.asked").scope == "partition"
    # Two rows are far below the mean of all five; beside each other they are not.
    _, held = stored(contract, pl.DataFrame({"a": [1, 1, 9, 9, 9], "b": [1, -1, 1, 1, 1]}))
    trial = try_again(contract, held, {}, waived=("b.ge",), whole=whole)
    assert trial.passing.get_column(ROW).to_list() == passing


FEW = {"b.ge": {"action": "fail_partition", "fail": 0.3}}


def test_a_part_of_a_partition_that_was_set_aside_whole_stays_and_all_of_it_is_tried_anew() -> None:
    fields = {"a": (int, pa.Field(ge=0)), "b": (int, pa.Field(ge=0))}
    strict = compile_contract(model(fields, Config=type("Config", (), {"metadata": {"name": "M", "rules": FEW}})))
    loose = compile_contract(
        model(
            {**fields, "b": (int, pa.Field(ge=-5))},
            Config=type("Config", (), {"metadata": {"name": "M", "rules": FEW}}),
        )
    )
    tallies, held = stored(strict, pl.DataFrame({"a": [1, 2, 3, -4], "b": [-1, -1, 1, 1]}))
    assert held.get_column(FAILED_RULES).to_list() == [
        ["b.ge"],
        ["b.ge"],
        [f"{WHOLE}b.ge"],
        ["a.ge", f"{WHOLE}b.ge"],
    ]
    part = try_again(loose, held[[0, 2]], {})
    assert failed(part) == [(2, [f"{WHOLE}b.ge"])]
    assert try_again(loose, held[[2, 3]], {}, waived=("b.ge",)).passing.get_column(ROW).to_list() == [2]
    all_of_it = try_again(loose, held, {}, whole=True)
    assert failed(all_of_it) == [(3, ["a.ge"])]
    assert corrected(tallies, all_of_it.was, all_of_it.now).of("b.ge").failed == 0


def test_a_pattern_counts_the_failures_of_the_columns_that_it_names() -> None:
    fields = {"a": (int, pa.Field(ge=0)), "many": (int, pa.Field(ge=0, alias="^x_.*$", regex=True))}
    contract = compile_contract(model(fields))
    tallies, held = stored(contract, pl.DataFrame({"a": [1, 2, -3], "x_1": [1, -1, 1], "x_2": [1, -1, 1]}))
    trial = try_again(contract, held, {})
    assert corrected(tallies, trial.was, trial.now) == tallies
    freed = try_again(contract, held, {}, waived=[rule.id for rule in contract.rules])
    assert freed.passing.height == 2


def test_the_night_answers_whether_a_key_is_unique() -> None:
    _, held = stored(TODAY, orders(number=pl.Series([1, 2, -2, 4])))
    assert failed(try_again(TODAY, held, {})) == [(2, ["number.ge"])]
    (again,) = failed(try_again(TODAY, held, {"key.unique": pl.Series([True])}, waived=("number.ge",)))
    assert sorted(again[1]) == ["key.unique", "number.ge"]
    assert try_again(TODAY, held, {"key.unique": pl.Series([False])}, waived=("number.ge",)).left.is_empty()


def test_a_rule_that_nobody_can_answer_now_says_what_it_said() -> None:
    night = orders(number=pl.Series([1, 2, -2, 4]))
    twice = {"key.unique": pl.Series([True, True, False, False])}
    _, held = stored(TODAY, night, twice)
    assert failed(try_again(TODAY, held, {})) == [(0, ["key.unique"]), (1, ["key.unique"]), (2, ["number.ge"])]
