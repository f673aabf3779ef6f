import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings, strategies as st
from numpy.typing import NDArray
from scipy import stats
from scipy.spatial.distance import jensenshannon
from statsmodels.stats.proportion import confint_proportions_2indep

from batchops.stats import MEASURES, Cells, Column, ColumnDrift, compare, lay_out, merge_profiles, summarise
from batchops.stats.columns.measures import grouped_shares, hellinger, js_distance, linf, psi, total_variation

Floats = NDArray[np.float64]
Rows = Sequence[Any] | NDArray[Any]


def columns(reference: Rows, *nights: Rows) -> tuple[Cells, Column, list[Column]]:
    frames = [pl.DataFrame({"x": pl.Series(values, strict=False)}) for values in (reference, *nights)]
    (cells,) = lay_out(frames[0], ["x"])
    was, *now = [summarise(frame, (cells,)).columns["x"] for frame in frames]
    return cells, was, now


def drift(reference: Rows, current: Rows) -> ColumnDrift:
    cells, was, (now,) = columns(reference, current)
    return compare(now, was, cells)


def value(estimate: object) -> float:
    found = getattr(estimate, "value", estimate)
    assert isinstance(found, float)
    return found


def pairs(seed: int) -> list[tuple[Floats, Floats]]:
    rng = np.random.default_rng(seed)
    zeros = np.where(rng.random(4_000) < 0.7, 0.0, rng.lognormal(size=4_000))
    return [
        (rng.normal(size=5_000), rng.normal(0.2, 1.2, 800)),
        (rng.lognormal(0, 2, 5_000), rng.lognormal(0.3, 2, 800)),
        (zeros, np.where(rng.random(700) < 0.6, 0.0, rng.lognormal(size=700))),
        (rng.uniform(0, 1, 3_000), rng.uniform(5, 6, 300)),
        (rng.uniform(0, 1, 3_000), np.append(rng.uniform(0, 1, 300), 1e9)),
        (rng.integers(0, 24, 3_000).astype(float), rng.integers(2, 27, 500).astype(float)),
        (rng.integers(0, 9, 3_000) * 1.8 + 32, rng.integers(3, 12, 500) * 1.8 + 32.1),
    ]


@pytest.mark.parametrize("case", range(7))
def test_ks_is_scipys_within_its_printed_bound(case: int) -> None:
    reference, current = pairs(case)[case]
    distance = drift(reference, current).distance
    exact = float(stats.ks_2samp(current, reference).statistic)
    assert value(distance) - 1e-12 <= exact <= value(distance) + distance.error + 1e-12
    assert distance.error < 0.02


# Values closer than a quantum, 2^-19 of the range, are one.
numbers = st.lists(
    st.floats(-3, 3).map(lambda number: round(number, 4)) | st.integers(-2, 2).map(float), min_size=1, max_size=50
)


@settings(deadline=None)
@given(numbers, numbers)
def test_the_bound_of_ks_holds_for_any_numbers(reference: list[float], current: list[float]) -> None:
    distance = drift(reference, current).distance
    places = np.array(reference + current)
    now, was = ((np.array(side)[:, None] <= places).mean(axis=0) for side in (current, reference))
    exact = float(np.abs(now - was).max())
    assert value(distance) - 1e-12 <= exact <= value(distance) + distance.error + 1e-12


@pytest.mark.parametrize("case", [0, 1, 2, 5, 6])
def test_wasserstein_is_scipys_over_the_references_standard_deviation(case: int) -> None:
    reference, current = pairs(case)[case]
    exact = stats.wasserstein_distance(current, reference) / np.std(reference)
    assert value(drift(reference, current).measures["wasserstein"]) == pytest.approx(exact, rel=0.05, abs=0.003)


def test_one_sentinel_in_the_reference_does_not_blind_a_column() -> None:
    rng = np.random.default_rng(0)
    reference, shifted = np.append(rng.normal(size=5_000), 1e9), rng.normal(0.5, 1, 1_000)
    distance = drift(reference, shifted).distance
    exact = float(stats.ks_2samp(shifted, reference).statistic)
    assert value(distance) == pytest.approx(exact, abs=0.005)
    assert distance.error < 0.02


def test_a_short_reference_that_a_sentinel_blinds_says_so_by_its_bound() -> None:
    rng = np.random.default_rng(0)
    reference, shifted = np.append(rng.normal(size=50), 1e300), rng.normal(2, 1, 1_000)
    distance = drift(reference, shifted).distance
    exact = float(stats.ks_2samp(shifted, reference).statistic)
    assert value(distance) <= exact <= value(distance) + distance.error


def test_a_column_in_another_unit_is_as_far_as_the_sums_reach() -> None:
    rng = np.random.default_rng(0)
    found = drift(rng.uniform(0, 1, 3_000), rng.uniform(0, 1_000, 300))
    assert value(found.measures["wasserstein"]) > 10


def test_one_value_of_a_billion_does_not_hide_a_shift() -> None:
    rng = np.random.default_rng(0)
    reference, shifted = rng.normal(size=5_000), rng.normal(0.5, 1, 1_000)
    plain, hidden = drift(reference, shifted), drift(reference, np.append(shifted, 1e9))
    assert value(hidden.distance) == pytest.approx(value(plain.distance), abs=0.002)
    assert value(hidden.measures["wasserstein"]) == pytest.approx(value(plain.measures["wasserstein"]), rel=0.08)


shares = st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), min_size=2, max_size=12).filter(
    lambda drawn: all(sum(each[side] for each in drawn) for side in (0, 1))
)


@given(shares)
def test_measures_on_shares_are_their_formulas(drawn: list[tuple[int, int]]) -> None:
    p, q = (np.array(side) / sum(side) for side in zip(*drawn, strict=True))
    assert js_distance(p, q) == pytest.approx(jensenshannon(p, q, base=2), abs=1e-7)
    assert total_variation(p, q) == pytest.approx(sum(max(a - b, 0) for a, b in zip(p, q, strict=True)))
    assert linf(p, q) == max(abs(p - q))
    assert hellinger(p, q) ** 2 == pytest.approx(((np.sqrt(p) - np.sqrt(q)) ** 2).sum() / 2, abs=1e-9)
    high, low = np.maximum(p, 1e-4), np.maximum(q, 1e-4)
    assert psi(p, q) == pytest.approx((high * np.log(high / low)).sum() + (low * np.log(low / high)).sum())
    for measure in (js_distance, total_variation, linf, hellinger):
        assert 0 <= measure(p, q) <= 1
        assert measure(p, q) == pytest.approx(measure(q, p))
        assert measure(p, p) == pytest.approx(0, abs=1e-7)


@given(shares)
def test_groups_hold_a_twentieth_of_the_reference_and_ten_expected_rows(drawn: list[tuple[int, int]]) -> None:
    now, was = (np.array(side) for side in zip(*drawn, strict=True))
    p, q = grouped_shares(now, was)
    assert len(p) == len(q) <= 20
    assert p.sum() == pytest.approx(1)
    assert q.sum() == pytest.approx(1)
    assert len(q) == 1 or (q.min() >= 0.05 - 1e-9 and q.min() * now.sum() >= 10 - 1e-9)


def test_total_variation_of_categories_is_over_pooled_cells_with_new_values_apart() -> None:
    reference = ["a"] * 500 + ["b"] * 490 + ["c"] * 5 + ["d"] * 5
    found = drift(reference, ["a"] * 400 + ["b"] * 500 + ["d"] * 60 + ["new"] * 40)
    # c, of which five rows are expected and none came, is pooled; d came by far more often than chance allows.
    assert value(found.distance) == pytest.approx((0.1 + 0.01 + 0.005 + 0.055 + 0.04) / 2)
    assert value(found.unseen_share) == 0.04
    assert found.measure == "tvd"


def test_a_thin_category_that_grows_is_not_pooled_away() -> None:
    rng = np.random.default_rng(0)
    names = np.array([f"c{place}" for place in range(60)])
    found = drift(names[rng.integers(0, 60, 6_000)], np.append(names[rng.integers(0, 60, 150)], ["c7"] * 50))
    assert value(found.distance) == pytest.approx(0.25, abs=0.03)
    assert found.distance.chance is not None
    assert found.distance.chance(0.1) < 1e-4
    assert found.distance.chance(0.3) > 0.5


CHANGED: dict[str, tuple[Rows, Rows]] = {
    "numbers": (np.arange(2_000.0), np.append(np.arange(0.0, 2_000, 5), np.arange(1_500.0, 1_900))),
    "codes": ([0.0, 1.0, 2.0] * 500, [0.0] * 100 + [1.0] * 50 + [2.0] * 50),
    "two": ([0.0, 1.0] * 500, [0.0] * 150 + [1.0] * 50),
    "categories": (list("abcde") * 300, list("abcde") * 30 + ["e"] * 50),
    "booleans": ([True, False] * 500, [True] * 150 + [False] * 50),
}


@pytest.mark.parametrize("name", CHANGED)
def test_the_chance_falls_with_the_effect_and_grows_with_what_is_allowed(name: str) -> None:
    found = drift(*CHANGED[name]).distance
    assert found.chance is not None
    assert found.value is not None
    chances = [found.chance(edge) for edge in (0.0, 0.02, 0.1, found.value, 0.5, 1.0)]
    assert chances[0] < 1e-4
    # The one test of "no difference at all" is another, so that only the others are in order.
    assert chances[1:] == sorted(chances[1:])
    assert chances[3] > 0.3
    assert chances[-1] > 0.9
    same = drift(CHANGED[name][0], CHANGED[name][0]).distance
    assert same.chance is not None
    assert same.chance(0.0) > 0.9


def test_changes_of_shares_carry_their_chances() -> None:
    found = drift([1.0, 2.0, None] * 300, [1.0, 3.0, None, None] * 50)
    for change in (found.null_change, found.outside_change):
        assert change.chance is not None
        assert change.chance(0.0) < 1e-3
        assert change.chance(0.4) > 0.3
    assert drift(["a"] * 300, ["a"] * 30).unseen_change.chance is not None
    assert drift(["a"] * 300, [None] * 30).distance.chance is None


def test_a_little_outside_a_short_reference_is_no_surprise() -> None:
    rng, chances = np.random.default_rng(0), []
    for _ in range(200):
        chance = drift(rng.normal(size=100), rng.normal(size=200)).outside_change.chance
        assert chance is not None
        chances.append(chance(0.0))
    assert np.mean(np.array(chances) <= 0.05) <= 0.085
    assert np.mean(np.array(chances) <= 0.5) >= 0.25


def test_an_absent_rare_category_raises_nothing() -> None:
    found = drift(["AA"] * 80_788 + ["OO"], ["AA"] * 31_000)
    assert value(found.distance) < 2e-5
    assert found.distance.lower == 0


def test_missing_unseen_and_outside_shares_stand_apart_from_the_distance() -> None:
    gust = [None] * 67 + [float("nan")] * 3 + [20.0, 25.0] * 15
    found = drift(gust * 20, [None] * 80 + [float("nan")] * 5 + [20.0, 25.0] * 6 + [30.0, 22.0, math.inf])
    assert value(found.null_share) == 0.85
    assert value(found.null_change) == pytest.approx(0.15)
    assert value(found.unseen_share) == 0.01
    assert value(found.outside_share) == 0.02
    assert found.rows == 100
    assert found.distance.n == 14


def test_a_change_of_a_share_has_newcombes_interval() -> None:
    # Newcombe (1998), table II, row a: 56/70 against 48/80 is 0.2 with (0.0524, 0.3339).
    found = drift([None] * 48 + [1.0] * 32, [None] * 56 + [1.0] * 14).null_change
    assert value(found) == pytest.approx(0.2)
    assert (found.lower, found.upper) == pytest.approx((0.0524, 0.3339), abs=5e-5)


@pytest.mark.parametrize(("was", "now"), [(48, 56), (48, 20), (48, 42)])
def test_two_values_are_as_far_apart_as_the_share_of_either_changed(was: int, now: int) -> None:
    found = drift([True] * was + [False] * (80 - was), [True] * now + [False] * (70 - now)).distance
    low, high = confint_proportions_2indep(now, 70, was, 80, method="newcomb")
    assert value(found) == pytest.approx(abs(now / 70 - was / 80))
    assert found.lower == pytest.approx(max(0.0, low, -high))
    assert found.upper == pytest.approx(max(high, -low))


@pytest.mark.parametrize(
    ("reference", "current"),
    [
        ([1.0] * 100, [1.0] * 50),
        ([1.0] * 100, [2.0] * 50),
        ([1.0] * 100, [None] * 50),
        ([None] * 100, [1.0] * 50),
        ([1.0, 2.0] * 50, []),
        ([], [1.0]),
        ([math.nan] * 9, [math.inf] * 9),
        (["a"] * 100, [None] * 10),
        (["a"] * 100, ["b"] * 10),
        ([True] * 30, [False] * 10),
        ([1.0, 2.0] * 50, ["a", "b"]),
        ([1e300, -1e300] * 50, [1e308, 1.0]),
        ([[1]], [[2]]),
    ],
)
def test_every_measure_is_there_and_finite_or_none(reference: Sequence[object], current: Sequence[object]) -> None:
    found = drift(np.array(reference, dtype=object).tolist(), np.array(current, dtype=object).tolist())
    assert list(found.measures) == list(MEASURES)
    assert all(figure is None or math.isfinite(figure) for figure in found.measures.values())
    for estimate in (found.distance, found.null_share, found.unseen_share, found.outside_share):
        if estimate.value is not None:
            assert estimate.lower is not None
            assert estimate.upper is not None
            assert 0 <= estimate.lower <= estimate.value <= estimate.upper <= 1


def test_a_constant_column_that_stays_has_no_distance_and_one_that_moves_has_all() -> None:
    assert value(drift([3.0] * 100, [3.0] * 9).distance) == 0
    assert value(drift([3.0] * 100, [4.0] * 9).distance) == 1


@pytest.mark.parametrize("n", [20, 100, 1_000, 10_000])
@pytest.mark.parametrize("kind", ["normal", "skewed", "five", "many"])
def test_rows_drawn_from_the_reference_prove_no_drift(n: int, kind: str) -> None:
    rng = np.random.default_rng(n)
    draws: dict[str, Callable[[int], Rows]] = {
        "normal": lambda size: rng.normal(size=size),
        "skewed": lambda size: rng.lognormal(0, 2, size),
        "five": lambda size: rng.choice(list("abcde"), size, p=[0.6, 0.3, 0.05, 0.04, 0.01]),
        "many": lambda size: np.minimum(rng.zipf(1.5, size), 1_000).astype(str),
    }
    draw = draws[kind]
    cells, was, nights = columns(draw(50_000), *(draw(n) for _ in range(60)))
    assert sum((compare(night, was, cells).distance.lower or 0) > 0 for night in nights) <= 6


def test_intervals_of_a_window_cluster_by_night() -> None:
    rng = np.random.default_rng(3)
    reference = rng.normal(0, math.hypot(1, 0.4), 20_000)
    alarms = {"by night": 0, "by row": 0}
    for _ in range(60):
        nights = [rng.normal(shock, 1, 200) for shock in rng.normal(0, 0.4, 31)]
        cells, was, parts = columns(reference, *nights)
        whole = merge_profiles([]).columns.get("x", Column())
        for part in parts:
            whole += part
        alarms["by night"] += (compare(whole, was, cells, parts).distance.lower or 0) > 0
        alarms["by row"] += (compare(whole, was, cells).distance.lower or 0) > 0
    assert alarms["by night"] <= 6
    assert alarms["by row"] >= 20


def test_a_real_shift_is_proved() -> None:
    rng = np.random.default_rng(0)
    found = drift(rng.normal(size=50_000), rng.normal(0.3, 1, 1_000)).distance
    true = 2 * stats.norm.cdf(0.15) - 1
    assert found.lower is not None
    assert found.upper is not None
    assert 0.05 < found.lower < true < found.upper
