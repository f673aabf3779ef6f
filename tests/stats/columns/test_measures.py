import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, strategies as st
from scipy import stats
from scipy.spatial.distance import jensenshannon

from batchops.stats import MEASURES, Cells, Column, lay_out, summarise
from batchops.stats.columns.measures import (
    drawn_anew,
    grouped_shares,
    kolmogorov_smirnov,
    measures,
    pooled,
    value_counts,
)
from batchops.stats.columns.sameness import anderson_darling, pearson

tables = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), min_size=2, max_size=12).filter(
    lambda drawn: all(sum(each[side] for each in drawn) for side in (0, 1))
)

ADVERSARIAL: list[tuple[Sequence[Any], Sequence[Any]]] = [
    ([1.0, 2.0, 2.0, 3.0] * 50, [2.0, 2.0, 3.0, 3.0] * 20),
    ([5.0] * 100, [5.0] * 10),
    ([5.0] * 100, [6.0] * 10),
    ([1.0, 2.0] * 50, [1.5]),
    ([1e300, -1e300, 0.0, 1.0] * 25, [1e300, 1e308, -1e300] * 5),
    (["a", "b", "b", "c"] * 50, ["b", "b", "z"] * 20),
    (["a"] * 100, ["a"]),
    ([True, False, False] * 40, [True] * 30),
]


def counted(reference: Sequence[Any], current: Sequence[Any]) -> tuple[Column, Column, Cells]:
    frames = [pl.DataFrame({"x": pl.Series(values, strict=False)}) for values in (reference, current)]
    (cells,) = lay_out(frames[0], ["x"])
    was, now = (summarise(frame, (cells,)).columns["x"] for frame in frames)
    return now, was, cells


@given(tables)
def test_chi_square_is_scipys(drawn: list[tuple[int, int]]) -> None:
    now, was = (np.array(side) for side in zip(*drawn, strict=True))
    table = np.stack([now, was])[:, now + was > 0]
    assert pearson(now, was) == pytest.approx(stats.chi2_contingency(table, correction=False).statistic, abs=1e-9)


def scholz_deviation(n: int, m: int) -> float:
    """Of the statistic for two samples without ties (Scholz & Stephens, 1987, equation 4): scipy divides by it."""
    total, k, both = n + m, 2, 1 / n + 1 / m
    tails = np.cumsum(1 / np.arange(total - 1, 1, -1))
    h, g = tails[-1] + 1, float((tails / np.arange(2, total)).sum())
    a = (4 * g - 6) * (k - 1) + (10 - 6 * g) * both
    b = (2 * g - 4) * k**2 + 8 * h * k + (2 * g - 14 * h - 4) * both - 8 * h + 4 * g - 6
    c = (6 * h + 2 * g - 2) * k**2 + (4 * h - 4 * g + 6) * k + (2 * h - 6) * both + 4 * h
    d = (2 * h + 6) * k**2 - 4 * h * k
    variance = (a * total**3 + b * total**2 + c * total + d) / ((total - 1) * (total - 2) * (total - 3))
    return float(np.sqrt(variance))


@given(tables)
def test_anderson_darling_is_scipys_with_its_norm_taken_off(drawn: list[tuple[int, int]]) -> None:
    now, was = (np.array(side) for side in zip(*drawn, strict=True))
    n, m = now.sum(), was.sum()
    if np.count_nonzero(now + was) < 2 or n + m < 4:
        assert anderson_darling(now, was) >= 0
        return
    values = [np.repeat(np.arange(len(counts)), counts) for counts in (now, was)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        normed = stats.anderson_ksamp(values, variant="midrank").statistic
    assert (anderson_darling(now, was) - 1) / scholz_deviation(n, m) == pytest.approx(normed, abs=1e-6)


@pytest.mark.parametrize(("reference", "current"), ADVERSARIAL)
def test_every_measure_is_scipys_on_the_printed_cells(reference: Sequence[Any], current: Sequence[Any]) -> None:
    now, was, cells = counted(reference, current)
    found = measures(now, was, cells)
    assert tuple(found) == tuple(MEASURES)
    counts, others = value_counts(now, cells), value_counts(was, cells)
    shares = grouped_shares if cells.numbers else lambda now, was: pooled(now, drawn_anew(was, cells))
    p, q = shares(counts, others) if cells.kind != "boolean" else (counts / counts.sum(), others / others.sum())
    assert found["js_distance"] == pytest.approx(jensenshannon(p, q, base=2), abs=1e-7)
    assert found["hellinger"] == pytest.approx(np.linalg.norm(np.sqrt(p) - np.sqrt(q)) / np.sqrt(2), abs=1e-7)
    assert found["tvd"] == pytest.approx(abs(p - q).sum() / 2, abs=1e-12)
    assert found["linf"] == pytest.approx(abs(p - q).max(), abs=1e-12)
    held = p + q > 0
    table = np.stack([p * counts.sum(), q * others.sum()])[:, held]
    assert found["chi_square"] == pytest.approx(stats.chi2_contingency(table, correction=False).statistic, abs=1e-7)
    if cells.numbers:
        value, error = kolmogorov_smirnov(counts, others, np.zeros(len(counts), dtype=bool))
        exact = stats.ks_2samp(current, reference).statistic
        assert value - 1e-12 <= exact <= value + error + 1e-12
        assert found["ks"] == value


@pytest.mark.parametrize(("reference", "current"), ADVERSARIAL[:2] + ADVERSARIAL[3:4])
def test_wasserstein_of_values_with_a_cell_of_their_own_is_scipys(
    reference: Sequence[float], current: Sequence[float]
) -> None:
    found = measures(*counted(reference, current))["wasserstein"]
    spread = np.std(reference)
    if not spread:
        assert found is None
    else:
        assert found == pytest.approx(stats.wasserstein_distance(current, reference) / spread, abs=1e-5)


def test_a_column_without_values_has_no_measure() -> None:
    assert set(measures(*counted([1.0, 2.0], [None])).values()) == {None}


@pytest.mark.parametrize("values", [300, 900, 3_000])
def test_what_a_reference_drawn_anew_would_lack_is_what_another_draw_of_its_world_lacks(values: int) -> None:
    random = np.random.default_rng(values)
    was, now = (pl.DataFrame({"x": random.integers(0, values, 4_000).astype(str)}) for _ in range(2))
    (cells,) = lay_out(was, ("x",))
    before, after = (value_counts(summarise(each, (cells,)).columns["x"], cells) for each in (was, now))
    again = drawn_anew(before, cells)
    assert again.sum() == pytest.approx(before.sum())
    assert (again >= 0).all()
    # Beyond the listed ones, rows of categories that are not known.
    listed = slice(0, len(cells.values))
    assert again[listed].sum() == pytest.approx(after[listed].sum(), abs=5 * np.sqrt(4_000))
    assert before[listed].sum() >= again[listed].sum()


def test_of_a_column_whose_every_value_is_its_own_nothing_is_known_anew() -> None:
    frame = pl.DataFrame({"x": [str(each) for each in range(400)]})
    (cells,) = lay_out(frame, ("x",))
    again = drawn_anew(value_counts(summarise(frame, (cells,)).columns["x"], cells), cells)
    assert (again[:-1].sum(), again[-1]) == (0, 400)
