from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, strategies as st
from numpy.typing import NDArray
from scipy.stats import t

from batchops.stats.numbers import foreseen as module
from batchops.stats.numbers.foreseen import Foreseen, Series, foresee

Floats = NDArray[np.float64]


def series(values: Floats) -> Series:
    return Series(values, np.ones(len(values) - 1), np.ones((len(values), 1)), np.ones(1))


def alike(rng: np.random.Generator, count: int, rho: float) -> Floats:
    found = rng.standard_normal(count)
    for place in range(1, count):
        found[place] = rho * found[place - 1] + np.sqrt(1 - rho**2) * found[place]
    return found


@pytest.fixture
def one_pair(monkeypatch: pytest.MonkeyPatch) -> float:
    """A single memory, and normal innovations."""
    monkeypatch.setattr(module, "MEMORIES", np.array([0.6]))
    monkeypatch.setattr(module, "TAILS", np.array([1e9]))
    monkeypatch.setattr(module, "LIKELY", np.ones(1))
    return 0.6


@pytest.mark.usefixtures("one_pair")
def test_without_memory_it_is_the_prediction_of_a_normal_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MEMORIES", np.zeros(1))
    values = np.random.default_rng(1).normal(5, 2, 12)
    found, spread = foresee(series(values)), float(values.std(ddof=1)) * np.sqrt(1 + 1 / 12)
    assert found.centre == pytest.approx(values.mean())
    assert found.above(9.0) == pytest.approx(t.sf((9 - values.mean()) / spread, 11))
    assert found.radius(0.95) == pytest.approx(t.ppf(0.975, 11) * spread)
    assert found.upper(0.95) == pytest.approx(values.mean() + t.ppf(0.95, 11) * spread)


def test_with_memory_it_is_the_prediction_of_generalised_least_squares(one_pair: float) -> None:
    rng = np.random.default_rng(2)
    days = np.cumsum(rng.integers(1, 4, 15)).astype(np.float64)
    values, known = rng.normal(0, 1, 15) + 0.2 * days, np.column_stack([np.ones(15), days])
    found = foresee(Series(values, np.diff(days), known, np.array([1.0, days[-1] + 2]), 2.0))
    every = np.append(days, days[-1] + 2)
    correlation = one_pair ** np.abs(every[:, None] - every[None, :])
    inverse, cross = np.linalg.inv(correlation[:15, :15]), correlation[15, :15]
    effects = np.linalg.solve(known.T @ inverse @ known, known.T @ inverse @ values)
    rest = values - known @ effects
    assert found.effects[0] == pytest.approx(effects)
    assert found.centre == pytest.approx(found_at(effects, days) + cross @ inverse @ rest)
    square = float(rest @ inverse @ rest) / 13
    moved = np.array([1.0, days[-1] + 2]) - known.T @ inverse @ cross
    unsure = moved @ np.linalg.solve(known.T @ inverse @ known, moved)
    assert found.scales[0] ** 2 == pytest.approx(square * (1 - cross @ inverse @ cross + unsure))


def found_at(effects: Floats, days: Floats) -> float:
    return float(effects @ np.array([1.0, days[-1] + 2]))


@pytest.mark.parametrize("rho", [0.0, 0.7, 0.95])
@pytest.mark.parametrize("nights", [8, 28, 56])
def test_chances_hold_whatever_nights_remember(rho: float, nights: int) -> None:
    rng, tails = np.random.default_rng([nights, int(100 * rho)]), []
    for _ in range(1_000):
        values = alike(rng, nights + 1, rho)
        found = foresee(series(values[:-1]))
        tails.append(2 * min(found.above(values[-1]), found.below(values[-1])))
    small = np.array(tails)
    # Four standard errors of a thousand runs.
    assert 0.02 <= float((small <= 0.05).mean()) <= 0.078
    assert float((small <= 0.002).mean()) <= 0.0077


def test_heavy_tails_are_seen_in_the_nights_themselves() -> None:
    rng, small = np.random.default_rng(5), 0
    for _ in range(1_000):
        values = rng.standard_t(3, 57)
        found = foresee(series(values[:-1]))
        small += 2 * min(found.above(values[-1]), found.below(values[-1])) <= 0.002
    # A normal tail would be passed by 20 and more.
    assert small <= 14
    heavy, calm = (foresee(series(values)) for values in (rng.standard_t(2, 200), rng.standard_normal(200)))
    share = [float(each.weights[np.tile(module.TAILS, 8) == 3].sum()) for each in (heavy, calm)]
    assert share[0] > 0.9
    assert share[1] < 0.1


@given(st.lists(st.floats(-1e6, 1e6), min_size=8, max_size=30), st.floats(-2e6, 2e6))
def test_both_tails_are_the_whole(values: list[float], at: float) -> None:
    found: Foreseen = foresee(series(np.array(values)))
    assert found.above(at) + found.below(at) == pytest.approx(1)
    assert found.above(at + 1) <= found.above(at)
    assert found.weights.sum() == pytest.approx(1)
    if found.scales.min() == 0:
        return
    inside = 1 - found.above(found.centre + found.radius(0.9)) - found.below(found.centre - found.radius(0.9))
    assert inside >= 0.9 - 1e-6


def test_equal_values_foresee_the_same() -> None:
    found = foresee(series(np.full(9, 4.0)))
    assert found.centre == pytest.approx(4)
    assert found.radius(0.95) == pytest.approx(0, abs=1e-6)
    assert found.above(5.0) < 1e-9
    assert found.above(4.0) == pytest.approx(0.5, abs=0.5)
