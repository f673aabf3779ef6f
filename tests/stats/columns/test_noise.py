import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from numpy.typing import NDArray

from batchops.stats.columns.measures import pooled, total_variation
from batchops.stats.columns.noise import noise_of_ks, noise_of_variation

Floats = NDArray[np.float64]

NUMBERS: list[Floats] = [
    np.full(250, 1 / 250),
    np.append(0.7, np.full(90, 0.3 / 90)),
    np.array([0.5, 0.3, 0.2]),
    np.append(0.9, np.full(9, 0.1 / 9)),
]
CATEGORIES: list[Floats] = [
    np.array([0.6, 0.3, 0.05, 0.04, 0.01]),
    np.full(60, 1 / 60),
    (1 / np.arange(1.0, 301)) / (1 / np.arange(1.0, 301)).sum(),
]


@pytest.mark.parametrize("rows", [20, 200, 5_000])
@pytest.mark.parametrize("case", range(4))
def test_rows_drawn_from_the_reference_pass_its_noise_in_one_night_of_twenty(case: int, rows: int) -> None:
    rng, share = np.random.default_rng(case), NUMBERS[case]
    now, was = rng.multinomial(rows, share, size=600) / rows, rng.multinomial(2_000, share, size=600)
    apart = np.abs(np.cumsum(now - was / 2_000, axis=1)).max(axis=1)
    # Distances of few rows come in steps, so that exactly one in twenty may not be there.
    assert 0.01 <= np.mean(apart > noise_of_ks(rows, was[0]) - 1e-9) <= 0.09


@pytest.mark.parametrize("rows", [200, 5_000])
@pytest.mark.parametrize("case", range(3))
def test_categories_drawn_from_the_reference_pass_its_noise_in_one_night_of_twenty(case: int, rows: int) -> None:
    rng, share = np.random.default_rng(case), CATEGORIES[case]
    was = np.append(rng.multinomial(20_000, share), 0)
    noise, passed = noise_of_variation(rows, was), []
    for _ in range(400):
        now = np.append(rng.multinomial(rows, share), 0)
        passed.append(total_variation(*pooled(now, was)) > noise)
    # Of 60 equal ones, none expects ten rows of 200.
    assert (0.005 if (case, rows) != (1, 200) else 0) <= np.mean(passed) <= 0.10


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(0, 500), min_size=3, max_size=40).filter(any), st.floats(1, 1e7))
def test_noise_is_a_distance(counts: list[int], rows: float) -> None:
    was = np.array(counts)
    for noise in (noise_of_ks, noise_of_variation):
        assert 0 <= noise(rows, was) <= 1
        assert noise(rows, was) == noise(rows, was)


def test_a_constant_has_no_noise() -> None:
    assert noise_of_ks(100, np.array([0, 50, 0])) == 0
    assert noise_of_variation(100, np.array([50, 0])) == 0
