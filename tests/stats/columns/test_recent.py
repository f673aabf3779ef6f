from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl
import pytest
from hypothesis import given, strategies as st
from numpy.typing import NDArray
from scipy.stats import binom, theilslopes

from batchops.stats import Estimate, compare, lay_out, merge_profiles, summarise
from batchops.stats.columns.recent import (
    chance_of_rows,
    expectation,
    new_share,
    nightly_distances,
    nightly_new_shares,
    tail_of_share,
)

Floats = NDArray[np.float64]
TONIGHT = dt.date(2013, 7, 4)


def days(count: int) -> list[dt.date]:
    return [TONIGHT - dt.timedelta(days=count - place) for place in range(count)]


def test_an_interval_covers_tonight_95_times_of_100() -> None:
    rng = np.random.default_rng(1)
    hits = 0
    for _ in range(600):
        values = rng.normal(50, 3, 41)
        found = expectation(values[:40].tolist(), days(40), TONIGHT)
        hits += abs(values[40] - found.centre) <= found.radius()
    assert 0.92 <= hits / 600 <= 0.98


@pytest.mark.parametrize("rho", [0.0, 0.7, 0.95])
def test_chances_are_kept_where_neighbouring_nights_are_alike(rho: float) -> None:
    rng = np.random.default_rng(2)
    small = 0
    for _ in range(300):
        values = np.zeros(57)
        for place in range(1, 57):
            values[place] = rho * values[place - 1] + np.sqrt(1 - rho**2) * rng.standard_normal()
        found = expectation(values[:56].tolist(), days(56), TONIGHT)
        small += found.chance(values[56] - found.centre) <= 0.01
    assert small / 300 <= 0.04


def test_an_odd_night_among_them_hardly_widens_what_is_expected() -> None:
    values = np.random.default_rng(3).normal(100, 1, 30)
    clean = expectation(values.tolist(), days(30), TONIGHT)
    values[7] = 1e6
    odd = expectation(values.tolist(), days(30), TONIGHT)
    assert odd.radius() < 1.5 * clean.radius()
    assert abs(odd.centre - clean.centre) < 0.5


def test_what_happened_before_is_never_impossible() -> None:
    values = [10.0] * 30 + [50.0]
    found = expectation(values, days(31), TONIGHT)
    assert found.chance(50.0 - found.centre) >= 1 / 32
    assert expectation([10.0] * 30, days(30), TONIGHT).chance(1.0) < 1e-9
    assert expectation([10.0] * 30, days(30), TONIGHT).chance(0.0) == 1.0


def test_tonights_weekday_is_told_apart_where_it_differs() -> None:
    rng = np.random.default_rng(4)
    values = [700.0 if day.weekday() == TONIGHT.weekday() else 1000.0 for day in days(56)] + rng.normal(0, 5, 56)
    found = expectation(values.tolist(), days(56), TONIGHT)
    assert found.weekday
    assert found.centre == pytest.approx(700, abs=5)
    other = expectation(values.tolist(), days(56), TONIGHT + dt.timedelta(days=1))
    assert other.centre == pytest.approx(1000, abs=5)


def test_a_trend_is_followed() -> None:
    values = 5.0 * np.arange(40) + np.random.default_rng(5).normal(0, 3, 40)
    found = expectation(values.tolist(), days(40), TONIGHT)
    assert found.trend == pytest.approx(theilslopes(values, np.arange(40)).slope, rel=0.01)
    assert found.centre == pytest.approx(200, abs=5)
    assert expectation(np.random.default_rng(6).normal(0, 3, 40).tolist(), days(40), TONIGHT).trend == 0.0


@given(st.lists(st.floats(-1e6, 1e6), min_size=8, max_size=60), st.floats(-2e6, 2e6), st.floats(0, 1e6))
def test_a_chance_falls_with_the_distance_and_rises_with_the_edge(values: list[float], off: float, edge: float) -> None:
    found = expectation(values, days(len(values)), TONIGHT)
    assert found.radius() >= 0
    assert 0 <= found.chance(off) <= found.chance(off / 2) <= 1
    assert found.chance(off) <= found.chance(off, edge)


@given(st.integers(0, 60), st.integers(1, 60), st.floats(0.01, 0.99))
def test_the_tail_of_a_share_is_the_binomial(rows: int, n: int, edge: float) -> None:
    assert tail_of_share(min(rows, n), n, edge) == pytest.approx(binom.sf(min(rows, n) - 1, n, edge), abs=1e-12)


def frames(rng: np.random.Generator, count: int) -> list[pl.DataFrame]:
    return [
        pl.DataFrame({"x": rng.normal(rng.normal(), 1, 400), "c": rng.choice(["a", "b", "c"], 400, p=[0.6, 0.3, 0.1])})
        for _ in range(count)
    ]


def test_a_nights_distance_is_that_of_the_comparison_with_all_others() -> None:
    rng = np.random.default_rng(7)
    nights = frames(rng, 9)
    cells = lay_out(pl.concat(nights), ("x", "c"))
    profiles = [summarise(night, cells) for night in nights]
    for each in cells:
        columns = [profile.columns[each.column] for profile in profiles]
        found = nightly_distances(columns, each)
        for place, column in enumerate(columns):
            rest = merge_profiles([p for at, p in enumerate(profiles) if at != place]).columns[each.column]
            assert found[place] == pytest.approx(compare(column, rest, each).distance.value, abs=1e-9)


def test_new_values_are_those_that_no_other_night_has() -> None:
    reference = pl.DataFrame({"c": ["a"] * 50 + ["b"] * 50})
    cells = lay_out(reference, ("c",))
    nights = [
        pl.DataFrame({"c": values})
        for values in (["a"] * 10, ["a"] * 6 + ["x"] * 4, ["a"] * 8 + ["b"] * 2, ["a"] * 9 + ["x"])
    ]
    columns = [summarise(night, cells).columns["c"] for night in nights]
    assert nightly_new_shares(columns, cells[0]).tolist() == [0.0, 0.0, 0.2, 0.0]
    others = merge_profiles([summarise(night, cells) for night in nights]).columns["c"]
    tonight = summarise(pl.DataFrame({"c": ["a"] * 5 + ["x"] * 2 + ["y"] * 3}), cells).columns["c"]
    found = new_share(tonight, others, cells[0])
    assert found.value == pytest.approx(0.3)
    assert found.chance is not None
    assert found.chance(0.1) == pytest.approx(binom.sf(2, 10, 0.1))
    (number,) = lay_out(pl.DataFrame({"x": np.arange(1000.0)}), ("x",))
    assert new_share(tonight, others, number).value is None


def test_an_estimate_without_chances_has_those_of_its_interval() -> None:
    estimate = Estimate(0.3, 0.2, 0.4)
    assert chance_of_rows(estimate, 0.2) == pytest.approx(0.025)
    assert chance_of_rows(estimate, 0.3) == pytest.approx(0.5)
    assert chance_of_rows(Estimate(-0.3, -0.4, -0.2), 0.2) == pytest.approx(0.025)
    assert chance_of_rows(Estimate(0.3, 0.3, 0.3), 0.2) == 0.0
    assert chance_of_rows(Estimate(None), 0.2) == 1.0
    assert chance_of_rows(Estimate(0.3, 0.2, 0.4, chance=lambda edge: edge), 0.7) == 0.7
