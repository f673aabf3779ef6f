import math

import numpy as np
import pytest
from hypothesis import given, strategies as st
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from batchops.stats.numbers.averages import Averaged, mean_estimate
from batchops.stats.numbers.intervals import (
    Spread,
    freedom_of,
    influences,
    proportion_estimate,
    spread_of,
    two_sided,
    wilson,
)
from benchmarks.shares import CASES, Case, coverage

Nights = list[tuple[int, int]]
nights = st.lists(st.tuples(st.integers(0, 9), st.integers(9, 30)), min_size=8, max_size=20)


@given(st.integers(0, 50), st.integers(1, 50))
def test_wilson_is_statsmodels(hits: int, misses: int) -> None:
    n = hits + misses
    exact = proportion_confint(hits, n, method="wilson")
    assert wilson(hits / n, n, two_sided(0.95)) == pytest.approx(exact, abs=1e-9)


@given(nights)
def test_leaving_out_a_night_is_what_its_influence_says(counts: Nights) -> None:
    above, below = (np.array(side, dtype=np.float64) for side in zip(*counts, strict=True))
    ratio = above.sum() / below.sum()
    for night, change in enumerate(influences(above, below)):
        rest = np.delete(above, night).sum() / np.delete(below, night).sum()
        assert ratio - rest == pytest.approx(change, abs=1e-12)


def test_equal_nights_give_the_interval_of_their_mean() -> None:
    shares = np.random.default_rng(0).uniform(0.2, 0.4, 30)
    spread = spread_of(influences(shares * 100, np.full(30, 100.0)))
    lower, upper = stats.t.interval(0.95, 29, shares.mean(), stats.sem(shares))
    assert 2 * spread.radius() == pytest.approx(upper - lower)


def test_a_share_that_every_night_has_still_has_an_interval() -> None:
    found = proportion_estimate(np.zeros(10), np.full(10, 20.0))
    assert (found.value, found.lower) == (0, 0)
    assert found.upper is not None
    assert 0.04 < found.upper < 0.07


@pytest.mark.parametrize("expected", [0.03, 0.1, 0.18, 0.5, 1, 2, 4])
def test_a_rare_share_is_held_however_few_rows_are_expected_to_count(expected: float) -> None:
    rows, held = 2_800, 0.0
    for hits in range(30):
        found = proportion_estimate(np.array([float(hits)]), np.array([float(rows)]))
        assert found.lower is not None
        assert found.upper is not None
        if found.lower <= expected / rows <= found.upper:
            held += stats.binom.pmf(hits, rows, expected / rows)
    # By Wilson's alone .84 of .18 expected rows, .91 of .1.
    assert held > 0.93


@given(st.lists(st.integers(0, 10), min_size=1, max_size=7))
def test_few_nights_are_taken_row_by_row_and_say_so(hits: list[int]) -> None:
    found = proportion_estimate(np.array(hits, dtype=np.float64), np.full(len(hits), 10.0))
    rows, few = 10 * len(hits), 3 if len(hits) > 5 else 2
    lower, upper = proportion_confint(sum(hits), rows, method="wilson")
    # Of so few that count, or do not, Wilson's would hold a rare truth too seldom.
    if 0 < sum(hits) <= few:
        lower = stats.chi2.ppf(0.05, 2 * sum(hits)) / (2 * rows)
    if 0 < rows - sum(hits) <= few:
        upper = 1 - stats.chi2.ppf(0.05, 2 * (rows - sum(hits))) / (2 * rows)
    assert (found.lower, found.upper) == pytest.approx((lower, upper), abs=1e-9)
    assert found.rows_independent


def test_a_mean_of_rows_has_students_interval() -> None:
    values = np.random.default_rng(0).random(50)
    found = mean_estimate(np.array([values.sum()]), np.array([50.0]), Averaged(float((values**2).sum())))
    exact = stats.t.interval(0.95, 49, values.mean(), stats.sem(values))
    assert (found.lower, found.upper) == pytest.approx(exact, rel=1e-6)
    assert mean_estimate(np.array([0.5]), np.array([1.0]), Averaged(0.25)).lower is None
    assert mean_estimate(np.array([0.0]), np.array([0.0]), Averaged(0.0)).value is None


@given(st.floats(0.01, 5), st.floats(2, 500), st.floats(-10, 10))
def test_chances_are_students(error: float, freedom: float, excess: float) -> None:
    spread = Spread(error**2, freedom)
    assert spread.chance(excess) == pytest.approx(float(stats.t.sf(excess / error, freedom)), abs=1e-9)
    assert Spread(error**2).chance(excess) == pytest.approx(float(stats.norm.sf(excess / error)), abs=1e-6)
    assert (Spread(0.0).chance(1e-9), Spread(0.0).chance(0.0)) == (0.0, 1.0)
    assert Spread(1.0, math.inf).radius() == pytest.approx(1.959964, abs=1e-6)


@given(st.integers(8, 40), st.integers(1, 500))
def test_equal_nights_that_differ_as_normals_do_know_all_but_one_degree_of_freedom(nights: int, rows: int) -> None:
    changes = stats.norm.ppf((np.arange(nights) + 0.5) / nights)
    assert freedom_of(changes, np.full(nights, float(rows))) == nights - 1


def test_a_night_that_outweighs_all_others_leaves_little_freedom() -> None:
    even, one = np.random.default_rng(0).normal(size=20), np.zeros(20)
    one[3] = 1
    assert freedom_of(one - one.mean(), np.ones(20)) < 3
    assert freedom_of(even - even.mean(), np.append(np.ones(19), 100.0)) < 2
    assert spread_of(even).freedom == 19
    assert spread_of(even, np.append(np.ones(19), 100.0)).freedom < 2


@pytest.mark.slow
@pytest.mark.parametrize(
    "case", [case for case in CASES if case.told], ids=lambda case: f"{case.kind} {case.truth}, {case.name}"
)
def test_intervals_cover_what_they_say(case: Case) -> None:
    # 1,500 runs are off by 1.1 points, twice their standard error.
    assert 0.925 <= coverage(case, 1_500, seed=5) <= 0.975
