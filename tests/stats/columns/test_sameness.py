from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from batchops.stats.columns.sameness import (
    category_chance,
    clustered_category_chance,
    clustered_ordered_chance,
    ordered_chance,
    unseen_chance,
    variation_chance,
)

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]

ZIPF = 1 / np.arange(1.0, 1001)
SHARES: dict[str, Floats] = {
    "fine": np.full(200, 1 / 200),
    "three": np.full(3, 1 / 3),
    "spike": np.append(0.7, np.full(60, 0.3 / 60)),
    "nearly constant": np.append(0.97, np.full(60, 0.03 / 60)),
    "five": np.array([0.6, 0.3, 0.05, 0.04, 0.01]),
    "zipf": ZIPF / ZIPF.sum(),
    "thousand": np.full(1000, 1e-3),
}


def rates(
    share: Floats, sizes: tuple[int, int], chance: Callable[[Integers, Integers], float], runs: int = 400
) -> Floats:
    """How often the chance of rows drawn alike is at most 1 in 20, and at most 1 in 100."""
    rng = np.random.default_rng(sizes[0])
    now, was = (rng.multinomial(n, share, size=runs) for n in sizes)
    found = np.array([chance(x, y) for x, y in zip(now, was, strict=True)])
    return np.array([(found <= level).mean() for level in (0.05, 0.01)])


def categories(now: Integers, was: Integers) -> tuple[Integers, Integers, int]:
    """As a column counts them: what the reference lacks is unseen, last, and the commonest of it is known."""
    held = was > 0
    new = now[~held]
    return np.append(now[held], new.sum()), np.append(was[held], 0), int(new.max(initial=0))


@pytest.mark.parametrize("rows", [5, 20, 1_000])
@pytest.mark.parametrize("name", ["fine", "three", "spike", "nearly constant"])
def test_ordered_rows_drawn_alike_are_called_different_as_often_as_said(name: str, rows: int) -> None:
    found = rates(SHARES[name], (rows, 2_000), ordered_chance)
    assert (found <= (0.083, 0.025)).all()


@pytest.mark.parametrize("rows", [20, 1_000])
@pytest.mark.parametrize("name", ["five", "zipf", "thousand"])
def test_categories_drawn_alike_are_called_different_no_more_than_said(name: str, rows: int) -> None:
    found = rates(SHARES[name], (rows, 2_000), lambda now, was: category_chance(*categories(now, was)), 150)
    assert (found <= (0.09, 0.034)).all()


@pytest.mark.parametrize(("rows", "shift"), [(20, 0.5), (100, 0.3), (1_000, 0.1)])
def test_a_shift_is_found_as_often_as_by_students_test(rows: int, shift: float) -> None:
    rng = np.random.default_rng(rows)
    edges = stats.norm.ppf(np.arange(1, 200) / 200)
    reference = rng.normal(size=20_000)
    was, ours, theirs = np.bincount(np.searchsorted(edges, reference), minlength=200), 0, 0
    for _ in range(200):
        values = rng.normal(shift, 1, rows)
        ours += ordered_chance(np.bincount(np.searchsorted(edges, values), minlength=200), was) <= 0.05
        theirs += stats.ttest_ind(values, reference).pvalue <= 0.05
    assert ours >= 0.9 * theirs > 50


@pytest.mark.parametrize(("rows", "shift"), [(20, 0.7), (100, 0.4), (1_000, 0.07)])
def test_a_shift_of_all_but_a_spike_is_found_as_often_as_by_kolmogorov_and_smirnov(rows: int, shift: float) -> None:
    rng = np.random.default_rng(rows)
    share, edges = SHARES["spike"], np.exp(stats.norm.ppf(np.arange(1, 60) / 60))
    moved = np.diff(stats.norm.cdf(np.log(np.maximum(edges - shift, 1e-9))), prepend=0.0, append=1.0)
    was = rng.multinomial(20_000, share)
    now, same = (rng.multinomial(rows, each, size=400) for each in (np.append(0.7, 0.3 * moved), share))

    def found(chance: Callable[[Integers], float]) -> float:
        """How often, at the limit that so many unchanged rows pass in 1 of 20 times."""
        limit = np.quantile([chance(each) for each in same], 0.05)
        return float(np.sum(np.array([chance(each) for each in now]) <= limit))

    def near(counts: Integers) -> float:
        return -float(np.abs(np.cumsum(counts) / rows - np.cumsum(was) / was.sum()).max())

    assert found(lambda counts: ordered_chance(counts, was)) >= 0.9 * found(near) > 60


def test_a_spike_that_shrinks_is_found() -> None:
    rng, share = np.random.default_rng(0), SHARES["spike"]
    fewer = np.append(0.64, share[1:] * 0.36 / 0.3)
    now, was = rng.multinomial(1_000, fewer), rng.multinomial(20_000, share)
    assert ordered_chance(now, was) < 1e-3


@pytest.mark.parametrize("name", ["five", "zipf", "thousand"])
def test_one_new_category_of_a_hundredth_is_found_among_any_number(name: str) -> None:
    rng, share = np.random.default_rng(0), SHARES[name]
    was, found = rng.multinomial(20_000, share), 0
    for _ in range(40):
        now = np.append(rng.multinomial(990, share), 10)
        found += category_chance(*categories(now, np.append(was, 0))) <= 0.05
    assert found >= 38


def test_one_known_category_of_a_thousand_that_grows_is_found() -> None:
    rng, share = np.random.default_rng(0), SHARES["zipf"]
    now, was = rng.multinomial(980, share), rng.multinomial(20_000, share)
    now[-1] += 20
    assert category_chance(*categories(now, was)) < 1e-6


def test_a_little_of_every_category_is_found() -> None:
    rng, share = np.random.default_rng(0), np.full(40, 1 / 40)
    tilted = share * np.where(np.arange(40) % 2, 1.25, 0.75)
    now, was = rng.multinomial(2_000, tilted), rng.multinomial(20_000, share)
    assert category_chance(np.append(now, 0), np.append(was, 0)) < 1e-6


def test_values_that_a_short_reference_happens_to_lack_are_no_surprise() -> None:
    rng, share = np.random.default_rng(0), SHARES["zipf"]
    found = []
    for _ in range(300):
        now, was = rng.multinomial(500, share), rng.multinomial(500, share)
        found.append(unseen_chance(float(now[was == 0].sum()), 500, was))
    assert np.mean(np.array(found) <= 0.05) <= 0.07
    assert unseen_chance(250, 500, was) < 1e-6


@pytest.mark.slow
@pytest.mark.parametrize("ordered", [True, False])
def test_nights_that_share_shocks_are_not_called_different_but_a_shift_of_all_is(ordered: bool) -> None:
    rng = np.random.default_rng(0)
    edges = stats.norm.ppf(np.arange(1, 12) / 12)

    def world(shocks: Floats) -> Integers:
        shares = np.diff(
            np.concatenate(
                [np.zeros((len(shocks), 1)), stats.norm.cdf(edges - shocks[:, None]), np.ones((len(shocks), 1))], axis=1
            ),
            axis=1,
        )
        return rng.multinomial(200, shares)

    was = world(rng.normal(0, 0.4, 3_000)).sum(axis=0)
    chance = clustered_ordered_chance if ordered else clustered_category_chance
    end = np.zeros((20, 0 if ordered else 1), dtype=np.int64)
    was = was if ordered else np.append(was, 0)

    def found(shift: float) -> float:
        nights = [np.concatenate([world(rng.normal(shift, 0.4, 20)), end], axis=1) for _ in range(200)]
        return float(np.mean([chance(each, was) <= 0.05 for each in nights]))

    assert found(0.0) <= 0.09
    assert found(0.5) >= 0.9


@pytest.mark.parametrize("rows", [50, 2_000])
def test_total_variation_at_the_edge_is_hardly_ever_called_beyond_it(rows: int) -> None:
    rng, share = np.random.default_rng(rows), np.array([0.4, 0.3, 0.2, 0.05, 0.05])
    moved, edge = share + np.array([0.1, 0, -0.05, 0, -0.05]), 0.1
    now, was = rng.multinomial(rows, moved, size=300), rng.multinomial(50_000, share, size=300)
    found = [variation_chance(x, y, edge) for x, y in zip(now, was, strict=True)]
    assert np.mean(np.array(found) <= 0.05) <= 0.075
    assert variation_chance(rng.multinomial(2_000, share[::-1]), was[0], edge) < 1e-6
