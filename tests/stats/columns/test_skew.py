"""Two systems' rows joined by key, against a plain join of dictionaries, under any split of the keys."""

from __future__ import annotations

import datetime as dt
import math
from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings, strategies as st

from batchops.stats import ColumnSkew, Profile, Skew, buckets_of, lay_out, match_by_key, summarise
from batchops.stats.numbers.exact import ExactSum
from tests.laws import obeys_the_laws

KEY = ("name", "number")
HOSTILE = (0.0, -0.0, 1e300, -1e300, 1.7e308, -1.7e308, 5e-324, math.nan, math.inf, -math.inf)
floats = st.none() | st.sampled_from(HOSTILE) | st.floats() | st.integers(-3, 3).map(float)
texts = st.none() | st.sampled_from(["a", "é", "", "\x00", "\U0001f600"])
COLUMNS: dict[str, tuple[st.SearchStrategy[Any], Any]] = {
    "name": (texts, pl.String),
    "number": (st.none() | st.sampled_from([0.0, -0.0, 1.0, math.nan, math.inf]), pl.Float64),
    "float": (floats, pl.Float64),
    "float32": (st.none() | st.floats(width=32), pl.Float32),
    "integer": (st.none() | st.integers(-(2**63), 2**63 - 1) | st.integers(0, 2), pl.Int64),
    "text": (texts, pl.String),
    "category": (texts, pl.Categorical),
    "flag": (st.none() | st.booleans(), pl.Boolean),
    "time": (st.none() | st.datetimes(dt.datetime(2000, 1, 1), dt.datetime(2000, 1, 2)), pl.Datetime("us")),
}
VALUES = [name for name in COLUMNS if name not in KEY]


def frames(max_size: int = 12) -> st.SearchStrategy[pl.DataFrame]:
    rows = st.lists(st.tuples(*(values for values, _ in COLUMNS.values())), max_size=max_size)
    schema = {name: dtype for name, (_, dtype) in COLUMNS.items()}
    return rows.map(lambda drawn: pl.DataFrame(drawn, schema=schema, orient="row"))


def plain(value: Any) -> Any:
    """A value as Python compares it: NaN is missing."""
    return None if isinstance(value, float) and math.isnan(value) else value


def by_key(frame: pl.DataFrame) -> tuple[dict[tuple[Any, ...], list[dict[str, Any]]], int]:
    """Rows by whole key, and how many rows have none."""
    found: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    nameless = 0
    for row in frame.iter_rows(named=True):
        key = tuple(plain(row[name]) for name in KEY)
        if None in key:
            nameless += 1
        else:
            found.setdefault(key, []).append({name: plain(row[name]) for name in VALUES})
    return found, nameless


def oracle(tonight: pl.DataFrame, logged: pl.DataFrame) -> tuple[Counter[str], dict[str, Counter[str]]]:
    (ours, ours_nameless), (theirs, theirs_nameless) = by_key(tonight), by_key(logged)
    counts = Counter({"nameless_tonight": ours_nameless, "nameless_logged": theirs_nameless})
    columns: dict[str, Counter[str]] = {name: Counter() for name in VALUES}
    for key in {*ours, *theirs}:
        here, there = ours.get(key, []), theirs.get(key, [])
        counts["repeated_tonight"] += len(here) > 1
        counts["repeated_logged"] += len(there) > 1
        counts["only_tonight"] += len(here) == 1 and not there
        counts["only_logged"] += len(there) == 1 and not here
        if len(here) != 1 or len(there) != 1:
            continue
        counts["joined"] += 1
        for name in VALUES:
            one, other = here[0][name], there[0][name]
            columns[name]["rows"] += 1
            columns[name]["differing"] += one != other
            columns[name]["missing_tonight"] += one is None and other is not None
            columns[name]["missing_logged"] += one is not None and other is None
    return counts, columns


@settings(max_examples=150, deadline=None)
@given(tonight=frames(), logged=frames())
def test_the_same_keys_and_rows_differ_as_in_a_plain_join(tonight: pl.DataFrame, logged: pl.DataFrame) -> None:
    found = match_by_key(tonight, logged, KEY)
    counts, columns = oracle(tonight, logged)
    assert {name: getattr(found, name) for name in counts} == dict(counts)
    assert set(found.columns) == set(VALUES)
    for name, expected in columns.items():
        told = {what: getattr(found.columns[name], what) for what in expected}
        assert told == dict(expected), name


@settings(max_examples=80, deadline=None)
@given(tonight=frames(20), logged=frames(20), buckets=st.integers(1, 4))
def test_any_split_of_the_keys_adds_up_to_the_whole(tonight: pl.DataFrame, logged: pl.DataFrame, buckets: int) -> None:
    cells = lay_out(tonight, VALUES)

    def of_bucket(frame: pl.DataFrame, bucket: int) -> pl.DataFrame:
        return frame.filter(buckets_of(frame.select(KEY), buckets) == bucket)

    def skew(pair: tuple[pl.DataFrame, pl.DataFrame]) -> Skew:
        found = match_by_key(*pair, KEY)
        return found + Skew(logged=summarise(pair[1], cells) if pair[1].height else Profile())

    def join(pairs: Sequence[tuple[pl.DataFrame, pl.DataFrame]]) -> tuple[pl.DataFrame, pl.DataFrame]:
        return pl.concat([one for one, _ in pairs]), pl.concat([other for _, other in pairs])

    parts = [(of_bucket(tonight, bucket), of_bucket(logged, bucket)) for bucket in range(buckets)]
    obeys_the_laws(parts, skew, join, match_by_key(tonight.clear(), logged.clear(), KEY))


def test_nothing_at_all_is_the_neutral_value() -> None:
    found = match_by_key(pl.DataFrame({"k": [1], "x": [1.0]}), pl.DataFrame({"k": [1], "x": [2.0]}), ["k"])
    assert Skew() + found == found == found + Skew()
    assert ColumnSkew() + found.columns["x"] == found.columns["x"]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=8), max_size=4))
def test_a_sum_is_exact_in_every_order(parts: list[list[float]]) -> None:
    exact = sum((Fraction(value) for part in parts for value in part), Fraction())
    sums = [ExactSum.of(np.array(part, dtype=np.float64)) for part in parts]
    for order in (sums, sums[::-1]):
        total = ExactSum()
        for each in order:
            total = total + each
        assert Fraction(total.units) * Fraction(2) ** total.exponent == exact
        assert total.units % 2 == 1 or total == ExactSum()
        n = sum(map(len, parts))
        assert total.mean(n) == (float(exact / n) if n else None)


def test_a_sum_of_many_is_exact_too() -> None:
    values = np.random.default_rng(1).normal(size=100_000) * 10.0 ** np.random.default_rng(2).integers(-9, 9, 100_000)
    assert ExactSum.of(values).mean(1) == math.fsum(values)


def test_differing_numbers_say_by_how_much() -> None:
    tonight = pl.DataFrame({"k": [1, 2, 3, 4, 5], "x": [1.0, 2.0, 3.0, None, math.inf]})
    logged = pl.DataFrame({"k": [5, 4, 3, 2, 1], "x": [1.0, 2.0, 3.0, 4.0, 2.5]})
    found = match_by_key(tonight, logged, ["k"]).columns["x"]
    assert (found.rows, found.differing, found.missing_tonight, found.numbers) == (5, 4, 1, 2)
    assert found.share == 0.8
    assert [each.mean(found.numbers) for each in (found.difference, found.tonight, found.logged)] == [1.75, 1.5, 3.25]


@pytest.mark.parametrize(("tolerance", "differing"), [(0.0, 6), (1e-9, 4), (0.02, 3), (0.999, 3)])
def test_a_tolerance_is_of_the_larger_number_and_never_of_what_is_not_finite(tolerance: float, differing: int) -> None:
    tonight = pl.DataFrame({"k": range(8), "x": [1.0, 0.3, 100.0, 1e308, math.inf, None, 1.0, math.nan]})
    logged = pl.DataFrame({"k": range(8), "x": [1.0, 0.1 + 0.2, 101.0, -1e308, 1e308, 1.0, 1.0 + 1e-12, math.nan]})
    assert match_by_key(tonight, logged, ["k"], tolerance).columns["x"].differing == differing


def test_whole_numbers_are_compared_beyond_the_reach_of_floats_and_with_no_tolerance() -> None:
    tonight = pl.DataFrame({"k": [1, 2], "n": [2**62, 5]})
    logged = pl.DataFrame({"k": [1, 2], "n": [2**62 + 1, 5]})
    assert match_by_key(tonight, logged, ["k"], 0.5).columns["n"].differing == 1
