"""Intervals of largest differences, ranges and sums of sizes."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from scipy import stats

from batchops.stats.numbers.maxima import Bridge, Nights, largest_gap, sum_of_sizes, widest_range

Floats = NDArray[np.float64]

PLACES = np.linspace(0, 1, 201)[1:-1]
SIZES = st.floats(-2, 2).map(lambda value: round(value, 3))


def held(draws: int, truth: float, draw: Callable[[], tuple[float, float]]) -> float:
    ends = np.array([draw() for _ in range(draws)])
    return float(((ends[:, 0] <= truth) & (truth <= ends[:, 1])).mean())


@given(arrays(np.float64, 5, elements=SIZES), st.floats(0.01, 1))
def test_what_is_seen_lies_within_and_nothing_below_nothing(values: Floats, error: float) -> None:
    pairs = error * math.sqrt(2) * (1 - np.eye(5))
    for value, (lower, upper) in (
        (np.abs(values).max(), largest_gap(values, Bridge(np.linspace(0.2, 0.8, 5), error))),
        (np.abs(values).sum(), sum_of_sizes(values, error**2 * np.eye(5))),
        (np.ptp(values), widest_range([(values, pairs)], 0.0)),
    ):
        assert 0 <= lower <= value + 1e-9
        assert value - 1e-9 <= upper


def test_one_place_by_far_the_largest_has_the_interval_of_a_single_normal_figure() -> None:
    radius = stats.norm.ppf(0.975)
    apart = np.array([0.05, 0.6, 0.05])
    lower, upper = largest_gap(apart, Bridge(np.array([0.1, 0.5, 0.9]), 0.1))
    assert upper == pytest.approx(0.6 + radius * 0.05)
    assert lower == pytest.approx(0.6 - radius * 0.05, abs=0.005)
    covariance = np.array([[1.0, 0.5], [0.5, 2.0]])
    lower, upper = sum_of_sizes(np.array([30.0, -40.0]), covariance)
    error = math.sqrt(1 + 2 - 2 * 0.5)
    assert (lower, upper) == pytest.approx((70 - radius * error, 70 + radius * error), abs=0.15)
    errors = np.array([[0, 1.0], [1.0, 0]])
    assert widest_range([(np.array([0.0, 9.0]), errors)], 7.0) == pytest.approx((9 - radius, 9 + radius))


@pytest.mark.parametrize("size", [1.30, 1.42])
def test_a_gap_begins_above_0_where_it_is_more_than_noise_shows(size: float) -> None:
    """Kolmogorov's law has 5 % beyond 1.358."""
    assert stats.kstwobign.isf(0.05) == pytest.approx(1.358, abs=1e-3)
    noise = 0.02
    apart = size * noise * 4 * PLACES * (1 - PLACES)
    lower, _ = largest_gap(apart, Bridge(PLACES, noise))
    assert (lower > 0) == (size > 1.358)


def test_of_few_places_noise_shows_less() -> None:
    assert Bridge(np.array([0.5]), 1.0).largest() == pytest.approx(1.96 / 2, abs=0.05)
    assert Bridge(PLACES, 1.0).largest() == pytest.approx(1.358, abs=1e-3)
    lumpy = np.append(PLACES[PLACES < 0.4], 0.9)
    assert Bridge(lumpy, 1.0).largest() < 1.3


@pytest.mark.parametrize("moved", [0.0, 0.1, 0.3, 0.8])
def test_gaps_of_independent_rows_are_held_in_19_of_20(moved: float) -> None:
    rng, n, edges = np.random.default_rng(5), 1_000, stats.norm.ppf(PLACES)
    truth = float(np.abs(stats.norm.cdf(edges) - stats.norm.cdf(edges - moved)).max())

    def draw() -> tuple[float, float]:
        first, second = (np.searchsorted(np.sort(rng.normal(at, 1, n)), edges) / n for at in (moved, 0.0))
        return largest_gap(first - second, Bridge((first + second) / 2, math.sqrt(2 / n)))

    assert 0.925 <= held(400, truth, draw) <= 0.985


def test_gaps_that_nights_shift_are_held_in_19_of_20() -> None:
    """Nights move all places alike: noise that knows them has another shape than that of rows."""
    rng, shape = np.random.default_rng(6), PLACES * (1 - PLACES)

    def draw() -> tuple[float, float]:
        changes = rng.normal(size=(30, 1)) * shape / math.sqrt(30)
        return largest_gap(changes.sum(axis=0), Nights(changes))

    assert 0.92 <= held(400, 0.0, draw) <= 0.98


@pytest.mark.parametrize("cells", [12, 60])
def test_sums_of_sizes_are_held_where_nothing_differs_and_where_all_does(cells: int) -> None:
    rng, signs = np.random.default_rng(7), np.where(np.arange(cells) % 3, 1.0, -1.0)
    for size in (0.0, 6.0):

        def draw(size: float = size) -> tuple[float, float]:
            return sum_of_sizes(size * signs + rng.normal(size=cells), np.eye(cells))

        assert 0.92 <= held(400, size * cells, draw) <= 0.98
    # Many small differences make a sum that no interval can know: this one is the wider.
    assert held(200, 1.0 * cells, lambda: sum_of_sizes(signs + rng.normal(size=cells), np.eye(cells))) >= 0.97


def test_drawn_noise_and_the_normal_law_of_many_sizes_agree() -> None:
    values = np.concatenate([np.full(10, 3.0), np.full(20, 0.4)])
    few = sum_of_sizes(values, np.eye(30))
    many = sum_of_sizes(np.append(values, 0.0), np.diag(np.append(np.ones(30), 0.0)))
    assert many == pytest.approx(few, abs=0.5)


def test_few_degrees_of_freedom_widen() -> None:
    values, covariance = np.array([1.0, -3.0, 9.0]), np.eye(3)
    (low, high), (lower, higher) = sum_of_sizes(values, covariance), sum_of_sizes(values, covariance, 7.0)
    assert lower < low
    assert higher > high


@pytest.mark.parametrize("apart", [0.0, 1.0, 8.0])
def test_ranges_are_held_in_19_of_20(apart: float) -> None:
    rng, groups = np.random.default_rng(8), 6
    errors = math.sqrt(2) * (1 - np.eye(groups))
    tukey = stats.studentized_range.isf(0.05, groups, 1e6)

    def draw() -> tuple[float, float]:
        values = rng.normal(size=groups) + apart * np.linspace(0, 1, groups)
        return widest_range([(values, errors)], max(0.0, float(np.ptp(values)) - tukey))

    assert 0.925 <= held(400, apart, draw) <= 0.99


def test_a_range_that_is_far_from_the_widest_adds_no_noise() -> None:
    wide = (np.array([0.0, 9.0]), np.array([[0, 1.0], [1.0, 0]]))
    narrow = (np.array([0.0, 1.0]), np.array([[0, 1.0], [1.0, 0]]))
    assert widest_range([wide, narrow], 7.0) == widest_range([wide], 7.0)
    assert widest_range([wide, wide], 7.0)[0] < widest_range([wide], 7.0)[0]
