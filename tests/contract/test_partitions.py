"""What becomes of rows does not depend on how they were split into partitions and batches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import reduce
from itertools import pairwise
from operator import add
from typing import Any

import pandera.polars as pa
import polars as pl
import pytest
from hypothesis import given, settings, strategies as st

from batchops import codec
from batchops.contract import FAILED_RULES, ROW, Contract, Tallies, Validation, compile_contract, evaluate
from tests.contract.kinds import NAMES, Plan, annotation, frame_of, plans, rows_of
from tests.contract.models import frame_check, model

pytestmark = pytest.mark.filterwarnings("ignore:.*support is not guaranteed:UserWarning")


def compiled(drawn: Sequence[Plan], levels: Sequence[str]) -> Contract:
    """A contract of the plans' built-in checks, each column of a level of its own."""
    columns = {}
    for name, plan, level in zip(NAMES, drawn, levels, strict=False):
        options = {**plan.options, "unique": False, "metadata": {"level": level}}
        columns[name] = (annotation(plan.kind.dtype), pa.Field(**options))
    filled = frame_check(lambda frame: frame.select(pl.all().is_not_null()))
    return compile_contract(model(columns, asked=filled))


def split(frame: pl.DataFrame, cuts: Sequence[int]) -> list[tuple[int, pl.DataFrame]]:
    edges = [0, *sorted(min(cut, frame.height) for cut in cuts), frame.height]
    return [(low, frame[low:high]) for low, high in pairwise(edges)]


def together(parts: Sequence[Validation]) -> tuple[Tallies, pl.DataFrame, pl.DataFrame]:
    return (
        reduce(add, (part.tallies for part in parts), Tallies()),
        pl.concat([part.quarantined for part in parts]),
        pl.concat([part.accepted for part in parts]),
    )


def same_rows(left: pl.DataFrame, right: pl.DataFrame) -> bool:
    """Bit for bit: NaN is NaN, and 0.0 is not -0.0."""
    return left.schema == right.schema and repr(left.rows()) == repr(right.rows())


@settings(max_examples=50, deadline=None)
@given(st.data())
def test_any_split_gives_the_same_tallies_and_sets_the_same_rows_aside(data: st.DataObject) -> None:
    drawn = data.draw(st.lists(plans(), min_size=1, max_size=3))
    levels = data.draw(st.lists(st.sampled_from(["info", "warn", "error", "critical"]), min_size=3, max_size=3))
    contract = compiled(drawn, levels)
    assert not contract.needs_whole_partitions
    frame = frame_of(drawn, data.draw(rows_of(drawn)))
    tallies, aside, accepted = together([evaluate(contract, frame)])
    cuts = data.draw(st.lists(st.integers(0, frame.height), max_size=4))
    parts = [evaluate(contract, rows, start=start) for start, rows in split(frame, cuts)]
    found = together(parts)
    assert found[0] == tallies
    assert codec.dump(found[0]) == codec.dump(tallies)
    assert same_rows(found[1], aside)
    assert same_rows(found[2], accepted)
    assert tallies.rows == frame.height == accepted.height + aside.height
    assert tallies.quarantined == aside.height


@settings(max_examples=50, deadline=None)
@given(st.data())
def test_rows_set_aside_are_the_rows_that_came_bit_for_bit(data: st.DataObject) -> None:
    drawn = data.draw(st.lists(plans(), min_size=1, max_size=3))
    contract = compiled(drawn, ["error"] * 3)
    frame = frame_of(drawn, data.draw(rows_of(drawn))).with_columns(extra=pl.lit("more than the contract asks for"))
    found = evaluate(contract, frame)
    assert same_rows(found.quarantined.drop(ROW, FAILED_RULES), frame[found.quarantined[ROW].to_list()])
    kept = sorted({*range(frame.height)} - {*found.quarantined[ROW].to_list()})
    assert same_rows(found.accepted, evaluate(contract, frame[kept]).accepted)


INTS = st.lists(st.tuples(st.sampled_from([None, -1, 0, 1, 2]), st.booleans()), max_size=12)
WHOLE = {"rules": {"ge": {"action": "fail_partition", "fail": 0.25}}}
LIMITED = compile_contract(
    model({"x": (int, pa.Field(ge=0, nullable=True, metadata=WHOLE)), "y": (bool, pa.Field(eq=True))})
)


@given(INTS, st.lists(st.integers(0, 12), max_size=3))
def test_what_a_partition_loses_whole_is_its_own_and_the_tallies_are_the_night_s(
    rows: Any, cuts: Sequence[int]
) -> None:
    frame = pl.DataFrame(rows, schema={"x": pl.Int64, "y": pl.Boolean}, orient="row")
    parts = [(part, evaluate(LIMITED, part, start=start)) for start, part in split(frame, cuts)]
    tallies = reduce(add, (found.tallies for _, found in parts), Tallies())
    assert replace(tallies, quarantined=0) == replace(evaluate(LIMITED, frame).tallies, quarantined=0)
    for part, found in parts:
        failing = int((part["x"] < 0).sum())
        beyond = part.height > 0 and failing / part.height > 0.25
        assert found.whole == (("x.ge",) if beyond else ())
        assert found.quarantined.height == (
            part.height if beyond else part.filter((pl.col("x") < 0) | ~pl.col("y")).height
        )
        innocent = found.quarantined.filter(pl.col("x").is_null() | (pl.col("x") >= 0))
        assert innocent[FAILED_RULES].list.contains("partition:x.ge").all() == (beyond or innocent.is_empty())
        assert found.accepted.height + found.quarantined.height == part.height


def test_only_a_rule_of_the_partition_depends_on_the_split() -> None:
    contract = compile_contract(model({"x": (int, pa.Field(unique=True, ge=0))}))
    frame = pl.DataFrame({"x": [1, 1, -1]})
    tallies, _, _ = together([evaluate(contract, rows, start=start) for start, rows in split(frame, [1])])
    assert (tallies.of("x.unique").failed, evaluate(contract, frame).tallies.of("x.unique").failed) == (0, 2)
    assert tallies.of("x.ge") == evaluate(contract, frame).tallies.of("x.ge")
