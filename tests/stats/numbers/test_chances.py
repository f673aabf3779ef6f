import math

import numpy as np
import pytest
from hypothesis import given, strategies as st
from scipy import stats

from batchops.stats.numbers.chances import (
    heavier,
    joined_chance,
    kolmogorov_chance,
    share_chance,
    weighted_squares_chance,
)

hits = (
    st.integers(0, 30).flatmap(lambda rows: st.tuples(st.integers(0, rows), st.just(rows))).filter(lambda each: each[1])
)


@given(hits, hits)
def test_at_no_difference_the_chance_is_twice_the_smaller_tail_of_fishers_exact_test(
    now: tuple[int, int], was: tuple[int, int]
) -> None:
    table = [[now[0], now[1] - now[0]], [was[0], was[1] - was[0]]]
    tails = [float(stats.fisher_exact(table, alternative=side).pvalue) for side in ("greater", "less")]
    assert share_chance(now, was) == pytest.approx(min(1.0, 2 * min(tails)), rel=1e-6, abs=1e-12)
    assert share_chance(now, was, upper=True) == pytest.approx(tails[0], rel=1e-6, abs=1e-12)


@given(hits, st.floats(0, 0.5))
def test_against_a_reference_without_end_the_chance_is_binomial(now: tuple[int, int], edge: float) -> None:
    exact = float(stats.binom.sf(now[0] - 1, now[1], 0.3 + edge))
    assert share_chance(now, (3e11, 1e12), edge, upper=True) == pytest.approx(exact, rel=1e-3, abs=1e-9)


@given(hits, hits, st.floats(0, 1), st.floats(0, 1))
def test_the_chance_grows_with_what_is_allowed(
    now: tuple[int, int], was: tuple[int, int], first: float, second: float
) -> None:
    low, high = sorted((first, second))
    assert share_chance(now, was, low, upper=True) <= share_chance(now, was, high, upper=True) + 1e-9
    # Of both sides, what is allowed takes from one what it gives to the other: the sum falls only where it is likely.
    assert min(share_chance(now, was, low), 0.5) <= share_chance(now, was, high) + 1e-9
    assert share_chance(now, was) == pytest.approx(share_chance(was, now))


def test_many_rows_are_as_fast_and_as_exact_as_few() -> None:
    exact = float(stats.hypergeom.sf(10_299, 2_000_000, 20_100, 1_000_000)) * 2
    assert share_chance((10_300, 1_000_000), (9_800, 1_000_000)) == pytest.approx(exact, rel=1e-3)


@pytest.mark.parametrize("truth", [0.01, 0.2])
@pytest.mark.parametrize(("rows", "others"), [(20, 100), (200, 100), (200, 100_000)])
def test_shares_at_the_edge_are_hardly_ever_called_beyond_it(truth: float, rows: int, others: int) -> None:
    rng, edge = np.random.default_rng(rows), 0.05
    now, was = rng.binomial(rows, truth + edge, 400), rng.binomial(others, truth, 400)
    chances = [share_chance((int(x), rows), (int(y), others), edge) for x, y in zip(now, was, strict=True)]
    assert np.mean(np.array(chances) <= 0.05) <= 0.075


@given(st.floats(0.05, 60), st.integers(1, 30))
def test_equal_weights_give_a_chi_square(value: float, freedom: int) -> None:
    exact = float(stats.chi2.sf(value, freedom))
    assert weighted_squares_chance(value, np.full(freedom, 1.0)) == pytest.approx(exact, rel=0.08, abs=1e-13)


def test_uneven_weights_give_what_is_drawn() -> None:
    rng, weights = np.random.default_rng(0), np.array([0.6, 0.2, 0.1, 0.05, 0.05])
    drawn = (rng.normal(size=(200_000, 5)) ** 2) @ weights
    for value in (0.2, 1.0, 2.5, 5.0):
        assert weighted_squares_chance(value, weights) == pytest.approx(float((drawn >= value).mean()), rel=0.05)


def test_nothing_to_weigh_is_certain_where_nothing_was_seen() -> None:
    assert weighted_squares_chance(0.0, np.zeros(0)) == 1
    assert weighted_squares_chance(1.0, np.zeros(3)) == 0


@given(st.floats(1e-12, 1), st.floats(1, 1e6))
def test_few_degrees_of_freedom_make_a_chance_larger(chance: float, freedom: float) -> None:
    exact = 2 * float(stats.t.sf(stats.norm.isf(chance / 2), freedom))
    assert heavier(chance, freedom) == pytest.approx(exact, rel=1e-6)
    assert heavier(chance, freedom) >= chance * (1 - 1e-9)
    assert heavier(chance, math.inf) == chance


@given(st.floats(0.001, 1), st.integers(1, 1000))
def test_kolmogorovs_tail_is_scipys(excess: float, rows: int) -> None:
    exact = float(stats.kstwobign.sf(excess * math.sqrt(rows)))
    assert kolmogorov_chance(excess, rows) == pytest.approx(exact, rel=1e-9, abs=1e-300)
    assert kolmogorov_chance(-excess, rows) == 1


@given(st.floats(1e-150, 1), st.floats(1e-150, 1))
def test_chances_of_two_tests_are_joined_as_fisher_does(first: float, second: float) -> None:
    exact = float(stats.combine_pvalues([first, second]).pvalue)
    assert joined_chance(first, second) == pytest.approx(exact, rel=1e-9, abs=1e-300)
    assert joined_chance(first, 0.0) == 0
