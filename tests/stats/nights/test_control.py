from __future__ import annotations

import datetime as dt
import math

import numpy as np
import pytest
from hypothesis import given, strategies as st
from numpy.typing import NDArray
from scipy.stats import kstest, multivariate_normal, norm

from batchops.stats.nights import nightly as nightly_module
from batchops.stats.nights.control import (
    ALLOWANCE,
    MEMORY,
    OUTLIER,
    Chart,
    cusum,
    cusum_chance,
    cusum_limit,
    ewma,
    ewma_chance,
    ewma_limit,
)
from batchops.stats.nights.nightly import Nightly, innovations, level_of, likeness, moved, shift_of, weekday_effects

Floats = NDArray[np.float64]
FIRST = dt.date(2013, 1, 1).toordinal()


def nights(values: Floats, errors: float | Floats = 0.0, first: int = 0) -> Nightly:
    names = (dt.date.fromordinal(FIRST + first + place).isoformat() for place in range(len(values)))
    return Nightly(tuple(names), tuple(values.tolist()), tuple(np.broadcast_to(errors, len(values)).tolist()))


def days(rng: np.random.Generator, count: int, rho: float) -> Floats:
    """Day effects of unit variance."""
    found = np.empty(count)
    found[0] = rng.standard_normal()
    for place in range(1, count):
        found[place] = rho * found[place - 1] + math.sqrt(1 - rho**2) * rng.standard_normal()
    return found


@pytest.fixture
def one_pair(monkeypatch: pytest.MonkeyPatch) -> tuple[float, float]:
    """A grid of a single correlation and deviation, whose likelihood is a plain normal distribution."""
    monkeypatch.setattr(nightly_module, "RHO", np.array([0.6]))
    monkeypatch.setattr(nightly_module, "TAU", np.array([1.3]))
    return 0.6, 1.3


def test_the_filter_agrees_with_the_joint_normal_distribution_of_all_nights(one_pair: tuple[float, float]) -> None:
    rng = np.random.default_rng(5)
    values, errors = rng.normal(3, 1, 12), rng.uniform(0.1, 2, 12)
    names = tuple(dt.date.fromordinal(FIRST + int(day)).isoformat() for day in np.cumsum(rng.integers(1, 4, 12)))
    whole = Nightly(names, tuple(values.tolist()), tuple(errors.tolist()))
    before, last = Nightly(names[:11], whole.values[:11], whole.errors[:11]), whole.last(1)
    (found,) = innovations(level_of(before), last)
    rho, scale = one_pair[0], float(values[:11].std(ddof=1))
    apart = np.abs(whole.days()[:, None] - whole.days()[None, :])
    covariance = (one_pair[1] * scale) ** 2 * rho**apart + np.diag(errors**2) + 1e4 * scale**2
    gain = covariance[11, :11] @ np.linalg.inv(covariance[:11, :11])
    expected = values[0] + gain @ (values[:11] - values[0])
    spread = math.sqrt(covariance[11, 11] - gain @ covariance[:11, 11])
    assert found == pytest.approx((values[11] - expected) / spread, rel=1e-6)


def test_the_weights_of_the_grid_are_their_likelihoods() -> None:
    values = days(np.random.default_rng(2), 30, 0.8)
    level, scale = level_of(nights(values, 0.2)), float(values.std(ddof=1))
    apart = np.abs(np.subtract.outer(np.arange(30), np.arange(30)))
    heights = [
        multivariate_normal(np.full(30, values[0]), tau**2 * rho**apart + np.eye(30) * 0.04 + 1e4 * scale**2).logpdf(
            values
        )
        for rho, tau in zip(level.rho, level.tau, strict=True)
    ]
    weights = np.exp(np.array(heights) - max(heights))
    assert level.weights == pytest.approx(weights / weights.sum(), abs=1e-6)


@pytest.mark.parametrize("rho", [0.0, 0.7])
def test_innovations_are_standard_normal_where_nothing_changes(rho: float) -> None:
    rng = np.random.default_rng(11)
    found = []
    for _ in range(40):
        values = 5 + days(rng, 120, rho) + 0.5 * rng.standard_normal(120)
        level = level_of(nights(values[:90], 0.5))
        found.append(innovations(level, nights(values[90:], 0.5, 90)))
    assert kstest(np.concatenate(found), "norm").pvalue > 0.01
    lagged = [np.corrcoef(each[:-1], each[1:])[0, 1] for each in found]
    assert abs(float(np.mean(lagged))) < 0.1


def test_a_rise_by_the_margin_is_no_surprise_and_a_larger_one_is() -> None:
    rng = np.random.default_rng(4)
    quiet, risen = [], []
    for _ in range(40):
        values = days(rng, 110, 0.3)
        level = level_of(nights(values[:90]))
        quiet.append(innovations(level, nights(values[90:] + 0.8, 0.0, 90), margin=0.8).mean())
        risen.append(innovations(level, nights(values[90:] + 2.3, 0.0, 90), margin=0.8).mean())
    assert abs(float(np.mean(quiet))) < 0.1
    assert min(risen) > 0.2


def test_an_interval_of_a_shift_covers_nothing_95_times_of_100() -> None:
    rng = np.random.default_rng(8)
    hits = chances = 0
    for _ in range(300):
        values = days(rng, 100, 0.5)
        found = shift_of(level_of(nights(values[:60])), nights(values[93:], 0.0, 93))
        assert found.lower is not None
        assert found.upper is not None
        assert found.chance is not None
        hits += found.lower <= 0 <= found.upper
        chances += found.chance(0.0) <= 0.05
    assert 0.9 <= hits / 300 <= 0.99
    assert chances / 300 <= 0.09


def test_the_chance_of_a_shift_falls_as_it_is_further_from_the_edge() -> None:
    level = level_of(nights(days(np.random.default_rng(1), 60, 0.2)))
    shift = shift_of(level, nights(np.full(7, 2.0), 0.0, 60))
    assert shift.chance is not None
    chances = [shift.chance(edge) for edge in (0.0, 0.5, 1.0, 2.0, 5.0)]
    assert chances == sorted(chances)
    assert chances[0] < 1e-3
    assert chances[3] == pytest.approx(0.5, abs=0.2)
    assert shift_of(level, Nightly()).value is None


def test_weekdays_are_told_apart_only_where_they_differ_by_more_than_chance() -> None:
    rng = np.random.default_rng(6)
    weekly = np.tile([3.0, 0, 0, 0, 0, 0, -3.0], 12)
    values = weekly + 0.3 * rng.standard_normal(84)
    effects = weekday_effects(nights(values))
    # The first of January 2013 was a Tuesday.
    assert effects[1] == pytest.approx(3.0, abs=0.3)
    assert effects[0] == pytest.approx(-3.0, abs=0.3)
    assert nights(values).minus(effects).values == pytest.approx(np.zeros(84), abs=1.2)
    assert weekday_effects(nights(values[:55])) == {}
    plain = [weekday_effects(nights(rng.standard_normal(84))) for _ in range(20)]
    assert np.mean([max(map(abs, each.values()), default=0.0) for each in plain]) < 0.25


@given(st.lists(st.floats(-5, 5), max_size=40))
def test_a_cumulative_sum_is_the_largest_sum_of_its_last_nights(values: list[float]) -> None:
    steps = np.clip(np.array(values), -OUTLIER, OUTLIER) - ALLOWANCE
    sums = [0.0, *(float(steps[place:].sum()) for place in range(len(steps)))]
    chart = cusum(np.array(values))
    assert chart.value == pytest.approx(max(sums), abs=1e-9)
    if chart.start is not None:
        assert float(steps[chart.start :].sum()) == pytest.approx(chart.value, abs=1e-9)


@given(st.lists(st.floats(-3, 3), min_size=1, max_size=40))
def test_a_moving_average_is_the_weighted_sum_of_all_nights(values: list[float]) -> None:
    weights = MEMORY * (1 - MEMORY) ** np.arange(len(values))[::-1]
    expected = float(weights @ np.array(values)) / math.sqrt(float((weights**2).sum()))
    assert ewma(np.array(values)).value == pytest.approx(max(expected, 0.0), abs=1e-9)


def test_no_night_is_no_chart() -> None:
    assert cusum(np.zeros(0)) == ewma(np.zeros(0)) == Chart(0.0, None)


def test_one_odd_night_is_no_lasting_change() -> None:
    odd = np.array([0.0] * 20 + [100.0])
    assert cusum(odd).value < cusum_limit(1e-3, 21)
    assert ewma(odd).value < ewma_limit(1e-2)


@pytest.mark.parametrize("nights", [1, 7, 31])
def test_charts_stand_as_high_as_their_chances_say(nights: int) -> None:
    rng = np.random.default_rng(nights)
    walks = rng.standard_normal((20_000, nights))
    sums, averages = np.zeros(len(walks)), np.zeros(len(walks))
    for step in np.clip(walks, -OUTLIER, OUTLIER).T:
        sums = np.maximum(0, sums + step - ALLOWANCE)
        averages = MEMORY * step + (1 - MEMORY) * averages
    averages /= math.sqrt(MEMORY / (2 - MEMORY) * (1 - (1 - MEMORY) ** (2 * nights)))
    assert cusum(walks[0]).value == pytest.approx(sums[0])
    assert ewma(walks[0]).value == pytest.approx(max(averages[0], 0.0))
    for chance in (0.05, 0.01):
        # Four standard errors of 20,000 runs; an outlier that counts less makes a short chart stand lower.
        room = 4 * math.sqrt(chance / 20_000)
        assert float((sums >= cusum_limit(chance, nights)).mean()) <= chance + room
        assert float((averages >= ewma_limit(chance)).mean()) <= chance + room
        if nights > 1:
            assert float((sums >= cusum_limit(chance, nights)).mean()) >= 0.8 * chance - room
            assert float((averages >= ewma_limit(chance)).mean()) >= 0.8 * chance - room


@pytest.mark.parametrize("chance", [0.05, 1e-3, 1e-6])
def test_a_limit_is_passed_with_its_chance(chance: float) -> None:
    assert cusum_chance(cusum_limit(chance, 31), 31) == pytest.approx(chance)
    assert ewma_chance(ewma_limit(chance)) == pytest.approx(chance)
    assert cusum_chance(0.0, 31) == ewma_chance(0.0) == cusum_chance(3.0, 0) == 1.0


def test_a_change_of_means_has_the_variance_of_nights_that_follow_each_other(one_pair: tuple[float, float]) -> None:
    rng = np.random.default_rng(6)
    before, after = nights(rng.normal(3, 1, 20), 0.4), nights(rng.normal(4, 1, 7), 0.6, 25)
    sides = [np.array(each.values) for each in (before, after)]
    scale = float(np.concatenate([each - each.mean() for each in sides]).std(ddof=1))
    days = np.concatenate([before.days(), after.days()])
    covariance = (one_pair[1] * scale) ** 2 * one_pair[0] ** np.abs(days[:, None] - days[None, :])
    covariance += np.diag([0.4**2] * 20 + [0.6**2] * 7)
    shares = np.array([-1 / 20] * 20 + [1 / 7] * 7)
    spread, value = math.sqrt(shares @ covariance @ shares), sides[1].mean() - sides[0].mean()
    found = moved(before, after)
    assert found.value == pytest.approx(value)
    assert found.upper == pytest.approx(value + 1.959964 * spread, rel=1e-5)
    assert found.chance is not None
    expected = norm.sf((abs(value) - 0.2) / spread) + norm.sf((abs(value) + 0.2) / spread)
    assert found.chance(0.2) == pytest.approx(expected)


@pytest.mark.parametrize("rho", [0.0, 0.7])
def test_nights_that_follow_each_other_have_seldom_moved(rho: float) -> None:
    chances = []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        values = days(rng, 90, rho) + rng.normal(0, 0.5, 90)
        chance = moved(nights(values[:60], 0.5), nights(values[60:], 0.5, 60)).chance
        assert chance is not None
        chances.append(chance(0.0))
    assert np.mean(np.array(chances) <= 0.05) <= 0.1
    assert min(chances) > 0.001


def test_the_likeness_of_a_window_is_what_its_mean_varies_more_than_that_of_strangers(
    one_pair: tuple[float, float],
) -> None:
    rng = np.random.default_rng(8)
    before, errors = nights(rng.normal(3, 1, 40)), rng.uniform(0.1, 2, 9)
    after = nights(rng.normal(3, 1, 9), errors, first=60)
    apart = np.abs(np.subtract.outer(np.arange(9), np.arange(9)))
    tau = one_pair[1] * float(np.std(before.values, ddof=1))
    covariance = tau**2 * one_pair[0] ** apart + np.diag(errors**2)
    assert likeness(level_of(before), after) == pytest.approx(covariance.mean() * 9 / np.diag(covariance).mean())
    assert likeness(level_of(before), after.last(1)) == 1


@pytest.mark.parametrize(("rho", "least", "most"), [(0.0, 1.0, 1.7), (0.7, 2.5, 6.5), (0.95, 5.0, 30.0)])
def test_a_window_is_as_alike_as_its_nights_follow_each_other(rho: float, least: float, most: float) -> None:
    rng, found = np.random.default_rng(11), []
    for _ in range(40):
        values = days(rng, 90 + 31, rho)
        found.append(likeness(level_of(nights(values[:90], 0.1)), nights(values[90:], 0.1, first=90)))
    assert least <= np.median(found) <= most
    # Without any shock, or on the same night, there is nothing to remember.
    rows = nights(np.full(90, 3.0) + 0.1 * rng.standard_normal(90), 0.1)
    assert likeness(level_of(rows), nights(np.full(31, 3.0), 0.1, first=90)) < 2
