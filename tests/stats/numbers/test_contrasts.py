"""Differences of pairs against statsmodels, scipy and brute force."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats
from scipy.optimize import minimize_scalar
from scipy.special import xlogy
from statsmodels.stats.proportion import confint_proportions_2indep, score_test_proportions_2indep

from batchops.stats.numbers.contrasts import MeanDifferences, ShareDifferences


def shares(first: int, first_rows: int, second: int, second_rows: int, effect: float = 1.0) -> ShareDifferences:
    numbers = (first, first_rows, second, second_rows, effect, np.inf)
    return ShareDifferences(*(np.array([float(each)]) for each in numbers))


def test_two_shares_that_are_so_far_apart_are_estimated_at_their_likeliest() -> None:
    rng = np.random.default_rng(0)
    for _ in range(200):
        rows = rng.integers(1, 500, 2)
        counts = rng.binomial(rows, rng.choice([0, 0.01, 0.3, 0.9, 1], 2))
        delta = rng.choice([-0.7, -0.05, 0.0, 0.05, 0.3])

        def unlikely(
            second: float, delta: float = delta, counts: NDArray[np.int64] = counts, rows: NDArray[np.int64] = rows
        ) -> float:
            both = np.array([second + delta, second])
            return -float((xlogy(counts, both) + xlogy(rows - counts, 1 - both)).sum())

        best = minimize_scalar(
            unlikely, bounds=(max(0, -delta), min(1, 1 - delta)), method="bounded", options={"xatol": 1e-10}
        )
        first, second = shares(counts[0], rows[0], counts[1], rows[1])._shares(np.array([delta]))
        assert first[0] - second[0] == pytest.approx(delta)
        assert unlikely(float(second[0])) <= best.fun + 1e-6


def test_without_a_difference_the_chance_is_that_of_the_score_test() -> None:
    for counts in ((12, 80, 300, 4_000), (0, 60, 40, 900), (59, 60, 500, 900)):
        told = score_test_proportions_2indep(*counts, compare="diff", correction=True)
        assert shares(*counts).chance(0.0)[0] == pytest.approx(told.pvalue, rel=1e-6)


def test_an_interval_holds_the_differences_that_are_not_rejected_and_lies_near_newcombes() -> None:
    for counts in ((12, 80, 300, 4_000), (30, 200, 25, 210), (3, 60, 40, 900)):
        pair = shares(*counts)
        lower, upper = (float(each[0]) for each in pair.bounds(0.95))
        newcombe = confint_proportions_2indep(*counts, compare="diff", method="newcomb")
        assert (lower, upper) == pytest.approx(newcombe, abs=0.012)
        for end, side in ((lower, 1), (upper, -1)):
            beyond = side * (float(pair.value[0]) - end) / float(pair._error(np.array([end]))[0])
            assert beyond == pytest.approx(stats.norm.ppf(0.975))


def test_the_chance_at_the_end_of_an_interval_is_what_the_interval_leaves_out() -> None:
    pair = shares(40, 200, 100, 1_000)
    lower = float(pair.bounds(0.95)[0][0])
    assert lower > 0
    assert pair.chance(lower)[0] == pytest.approx(0.025, abs=1e-3)
    assert pair.chance(1.0)[0] == 1.0


def test_nothing_of_both_is_no_difference_and_all_of_one_is() -> None:
    assert shares(0, 60, 0, 900).chance(0.0)[0] == 1.0
    lower, upper = (float(each[0]) for each in shares(0, 60, 0, 900).bounds(0.95))
    assert -0.01 < lower < 0 < upper < 0.07
    assert shares(60, 60, 0, 900).chance(0.5)[0] < 1e-6


def test_a_design_effect_widens_an_interval_by_its_root() -> None:
    plain, wide = (shares(300, 1_000, 3_000, 10_000, effect).bounds(0.95) for effect in (1.0, 4.0))
    assert (wide[1] - wide[0])[0] / (plain[1] - plain[0])[0] == pytest.approx(2.0, abs=0.02)


def test_a_difference_of_means_has_students_tail_on_both_sides_of_the_edge() -> None:
    value, error, edge = 0.3, 0.1, 0.15
    pair = MeanDifferences(np.array([value, -value]), np.array([error**2] * 2), np.array([9.0, np.inf]))
    told = stats.t.sf((value - edge) / error, 9) + stats.t.sf((value + edge) / error, 9)
    assert pair.chance(edge)[0] == pytest.approx(told)
    assert pair.chance(edge)[1] == pytest.approx(stats.norm.sf(1.5) + stats.norm.sf(4.5))
    assert pair.among(slice(1, 2)).bounds(0.95)[0][0] == pytest.approx(-0.3 - 1.959964 * error)


def test_what_never_varies_is_beyond_an_edge_or_not() -> None:
    pair = MeanDifferences(np.array([0.2]), np.zeros(1), np.array([np.inf]))
    assert pair.chance(0.1)[0] == 0.0
    assert pair.chance(0.3)[0] == 1.0
