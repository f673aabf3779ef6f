from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score

from batchops.models.domain import FOLDS, TREES, Side, _placements, separate
from batchops.models.scoring import threads

Floats = NDArray[np.float64]


def side(matrix: Floats, nights: NDArray[np.int64] | None = None, weights: Floats | None = None) -> Side:
    none = np.zeros(len(matrix), dtype=np.int64)
    return Side(matrix, np.ones(len(matrix)) if weights is None else weights, none if nights is None else nights)


def normal(n: int, seed: int, columns: int = 4) -> Floats:
    return np.random.default_rng(seed).normal(size=(n, columns))


def test_rows_of_one_kind_cannot_be_told_apart() -> None:
    found = separate(side(normal(2000, 1)), side(normal(1000, 2)))
    assert found is not None
    assert found.lower < 0.5 < found.upper
    assert found.auc == pytest.approx(0.5, abs=0.03)
    assert found.ratios.mean() == pytest.approx(1)


def test_a_column_that_moved_is_found_with_the_area_that_theory_gives_and_named() -> None:
    moved = normal(4000, 2)
    moved[:, 2] += 1.0
    found = separate(side(normal(4000, 1)), side(moved))
    assert found is not None
    # Two normals one standard deviation apart: Phi(1 / sqrt 2).
    assert found.lower < 0.7602 < found.upper + 0.01
    assert found.shares[2] > 0.95
    assert sum(found.shares) == pytest.approx(1)


def test_what_no_column_shows_alone_is_found_in_two_together() -> None:
    together = normal(4000, 2)
    together[:, 1] = 0.8 * together[:, 0] + 0.6 * together[:, 1]
    found = separate(side(normal(4000, 1)), side(together))
    assert found is not None
    assert found.lower > 0.6
    assert found.shares[0] + found.shares[1] > 0.95


def test_the_area_is_the_mean_of_what_models_say_of_folds_they_never_saw() -> None:
    # So few different numbers that trees take them as they are.
    reference, current = normal(600, 1).round(1), (normal(300, 2) + 0.4).round(1)
    found = separate(side(reference), side(current))
    assert found is not None
    matrix, truth = np.concatenate([reference, current]), np.repeat([0, 1], [600, 300])
    weights = np.where(truth == 1, 450 / 300, 450 / 600)
    fold = np.concatenate([np.arange(600) % FOLDS, np.arange(300) % FOLDS])
    areas = []
    for each in range(FOLDS):
        seen = fold != each
        with threads(1):
            model = HistGradientBoostingClassifier(**TREES).fit(matrix[seen], truth[seen], weights[seen])
            areas.append(roc_auc_score(truth[~seen], model.predict_proba(matrix[~seen])[:, 1]))
    assert found.auc == pytest.approx(np.mean(areas), abs=1e-12)


def test_only_the_order_of_many_different_numbers_counts() -> None:
    reference, current = normal(2000, 1), normal(2000, 2) + 0.3
    reference[::7, 1] = np.nan
    plain, bent = separate(side(reference), side(current)), separate(side(np.exp(reference)), side(np.exp(current)))
    assert plain is not None
    assert bent is not None
    assert (plain.auc, plain.falls) == (bent.auc, bent.falls)
    np.testing.assert_array_equal(plain.ratios, bent.ratios)


def test_weighted_placements_are_those_of_rows_repeated() -> None:
    random = np.random.default_rng(0)
    scores, truth = random.integers(0, 6, 40) / 6, random.integers(0, 2, 40)
    counts = random.integers(1, 4, 40)
    area, pulls = _placements(scores, truth, counts.astype(float))
    again = np.repeat(np.arange(40), counts)
    assert area == pytest.approx(roc_auc_score(truth[again], scores[again]))
    _, one_by_one = _placements(scores[again], truth[again], np.ones(len(again)))
    np.testing.assert_allclose(np.bincount(again, one_by_one), pulls, atol=1e-12)


def delong(scores: Floats, truth: NDArray[np.int64]) -> float:
    """The variance as it stands in the paper, pair by pair."""
    ahead, behind = scores[truth == 1], scores[truth == 0]
    pairs = (ahead[:, None] > behind) + 0.5 * (ahead[:, None] == behind)
    return float(pairs.mean(axis=1).var(ddof=1) / len(ahead) + pairs.mean(axis=0).var(ddof=1) / len(behind))


def test_the_placements_make_delongs_variance() -> None:
    random = np.random.default_rng(0)
    truth = random.integers(0, 2, 200)
    scores = (random.normal(size=200) + truth).round(1)
    _, pulls = _placements(scores, truth, np.ones(200))
    parts = [pulls[truth == each] for each in (0, 1)]
    assert sum((part**2).sum() * len(part) / (len(part) - 1) for part in parts) == pytest.approx(delong(scores, truth))


def test_ratios_turn_the_reference_into_the_current_side() -> None:
    """Means under the weights are those of the other side: importance weighting (Shimodaira, 2000)."""
    reference, current = normal(8000, 1), normal(4000, 2)
    current[:, 0] += 0.5
    found = separate(side(reference), side(current))
    assert found is not None
    mean = (found.ratios[:, None] * reference).sum(axis=0) / found.ratios.sum()
    assert mean[0] == pytest.approx(0.5, abs=0.1)
    assert mean[1:] == pytest.approx(0, abs=0.06)
    assert found.ratios.max() / found.ratios.min() <= 400


def test_the_same_rows_give_the_same_bits() -> None:
    first, second = (separate(side(normal(500, 1)), side(normal(400, 2) + 0.3)) for _ in range(2))
    assert first is not None
    assert second is not None
    assert (first.auc, first.error, first.falls) == (second.auc, second.error, second.falls)
    np.testing.assert_array_equal(first.ratios, second.ratios)


def nightly(nights: int, seed: int) -> tuple[Floats, NDArray[np.int64]]:
    """Rows of which each night has a weather of its own, that means nothing."""
    random = np.random.default_rng(seed)
    night = np.repeat(np.arange(nights), 60)
    return random.normal(size=(nights, 3))[night] * 2 + random.normal(size=(len(night), 3)), night


def test_nights_with_a_weather_of_their_own_are_not_learned_by_heart() -> None:
    (before, then), (after, now) = nightly(60, 1), nightly(16, 2)
    by_night = separate(side(before, then), side(after, now))
    shuffled = np.random.default_rng(0).permutation(len(after))
    by_row = separate(side(before), side(after[shuffled]))
    assert by_night is not None
    assert by_row is not None
    assert by_night.lower < 0.5 < by_night.upper
    assert by_row.lower > 0.7
    assert by_night.error > 2 * by_row.error


def test_categories_and_missing_values_tell_sides_apart() -> None:
    random = np.random.default_rng(0)
    before, after = (random.integers(0, 255, (3000, 2)).astype(float) for _ in range(2))
    after[:, 0] = np.where(random.random(3000) < 0.3, np.nan, after[:, 0])
    codes = separate(side(before), side(after), (0, 1))
    numbers = separate(side(before), side(after))
    for found in (codes, numbers):
        assert found is not None
        assert found.shares[0] > 0.9
        # A row without the value is of the current side; .3 of them, and chance for the rest.
        assert found.auc == pytest.approx(0.65, abs=0.03)


@pytest.mark.parametrize("categorical", [(), (0,)])
@pytest.mark.parametrize("known", [0, 1])
def test_a_column_without_any_value_in_a_fold_tells_nothing(categorical: tuple[int, ...], known: int) -> None:
    empty = np.column_stack([np.full(300, np.nan), np.ones(300)])
    empty[:known, 0] = 1.0
    found = separate(side(empty), side(empty[:90]), categorical)
    assert found is not None
    assert (found.falls, found.shares) == ((0.0, 0.0), (0.0, 0.0))
    assert [found.lower, found.auc, found.upper] == pytest.approx([0.5] * 3)


@pytest.mark.parametrize("rows", [0, 1, 5])
def test_a_handful_of_rows_is_not_asked(rows: int) -> None:
    assert separate(side(normal(100, 1)), side(normal(rows, 2))) is None
    assert separate(side(normal(rows, 2)), side(normal(100, 1))) is None


@pytest.mark.slow
def test_of_sides_that_do_not_differ_few_are_called_apart() -> None:
    """One in twenty at the most may lie above .5 by 1.645 standard errors."""
    above = 0
    for seed in range(60):
        found = separate(side(normal(600, 2 * seed)), side(normal(200, 2 * seed + 1)))
        assert found is not None
        above += found.auc - 1.645 * found.error > 0.5
    assert above <= 8
