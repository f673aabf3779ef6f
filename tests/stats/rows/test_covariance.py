from __future__ import annotations

from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings, strategies as st
from sklearn.decomposition import PCA
from sklearn.preprocessing import StandardScaler

from batchops.stats.columns.cells import Cells, lay_out
from batchops.stats.columns.profile import summarise
from batchops.stats.rows.covariance import COLUMNS, LARGEST, Covariance, components, count_products, row_losses
from batchops.stats.rows.sample import Sampling, sample_rows
from tests.laws import obeys_the_laws

NAMES = ("a", "b", "c", "d", "e")


def rows(n: int, seed: int = 0, missing: float = 0.1) -> pl.DataFrame:
    """Five columns that one thing moves, and values of every kind that are none."""
    random = np.random.default_rng(seed)
    common = random.normal(size=(n, 1))
    values = common * [1, 0.8, 0.6, 0.4, 0] + random.normal(size=(n, 5)) * [0.3, 0.5, 0.7, 1, 1]
    values = values * [1, 1000, 1e-6, 1, 1] + [0, 1e6, 0, 0, 0]
    values[random.random((n, 5)) < missing] = np.nan
    frame = pl.DataFrame(values, schema=list(NAMES))
    return frame.with_columns(
        b=pl.when(pl.col("b").is_nan()).then(None).otherwise("b"), text=pl.lit("x"), e=(pl.col("e") * 2).round()
    )


def cells(frame: pl.DataFrame) -> tuple[Cells, ...]:
    return lay_out(frame, (*NAMES, "text"))


@settings(deadline=None)
@given(cuts=st.lists(st.integers(0, 200), max_size=4), seed=st.integers(0, 9))
def test_products_of_columns_are_a_monoid(cuts: list[int], seed: int) -> None:
    known = cells(rows(500, 77))
    spoilt = rows(200, seed).with_columns(
        a=pl.when(pl.int_range(200) % 9 == 0)
        .then(float("inf"))
        .when(pl.int_range(200) % 7 == 0)
        .then(-1e300)
        .otherwise("a")
    )
    parts = [spoilt[start:stop] for start, stop in pairwise([0, *sorted(cuts), 200])]
    obeys_the_laws(parts, lambda frame: count_products(frame, known), pl.concat, count_products(rows(0), known))
    obeys_the_laws([parts[0], parts[0]], lambda frame: count_products(frame, known), pl.concat, Covariance())


def test_products_are_exact_however_large_the_values_are() -> None:
    frame = pl.DataFrame({"a": np.resize([1e300, -1e300, np.inf], 300_000), "b": np.resize([5.0, np.nan], 300_000)})
    known = lay_out(pl.DataFrame({"a": np.arange(1000.0) / 7, "b": np.arange(1000.0) / 3}), ("a", "b"))
    counts, sums, products = count_products(frame, known).table(("a", "b"))
    assert counts.tolist() == [[300_000, 150_000], [150_000, 150_000]]
    assert products[0, 0] == 300_000 * LARGEST**2
    assert sums[0, 0] == 100_000 * LARGEST
    assert products[0, 1] == sums[1, 1] // 150_000 * sums[0, 1]


def test_a_part_that_lacks_a_column_counts_it_as_missing() -> None:
    known = cells(rows(500))
    whole = count_products(rows(100, 1), known) + count_products(rows(100, 2).drop("c"), known)
    again = count_products(rows(100, 1), known) + count_products(
        rows(100, 2).drop("c"), [each for each in known if each.column != "c"]
    )
    assert whole == again
    assert whole.columns == NAMES


def oracle(reference: pl.DataFrame, current: pl.DataFrame) -> tuple[int, float, float, np.ndarray]:
    """NannyML's calculation by scikit-learn, with squared errors."""
    before, after = (
        frame.select(NAMES).cast(pl.Float64).fill_null(np.nan).to_numpy() for frame in (reference, current)
    )
    mean = np.nanmean(before, axis=0)
    before, after = (np.where(np.isnan(values), mean, values) for values in (before, after))
    scaler = StandardScaler().fit(before)
    pca = PCA(n_components=0.65).fit(scaler.transform(before))
    losses = []
    for values in (before, after):
        scaled = scaler.transform(values)
        losses.append(((scaled - pca.inverse_transform(pca.transform(scaled))) ** 2).sum(axis=1))
    return pca.n_components_, float(losses[0].mean()), float(losses[1].mean()), losses[1]


@pytest.mark.parametrize("missing", [0.0, 0.2])
def test_the_loss_is_that_of_scikit_learns_projection(missing: float) -> None:
    reference, current = rows(4000, 1, missing), rows(1500, 2, missing / 2).with_columns(a=-pl.col("a"))
    known = cells(reference)
    found = components(count_products(reference, known))
    assert found is not None
    count, before, after, each = oracle(reference, current)
    assert found.count == count
    assert found.loss(count_products(reference, known)) == pytest.approx(before, rel=1e-4)
    assert found.loss(count_products(current, known)) == pytest.approx(after, rel=1e-4)
    assert after > 1.5 * before
    how = Sampling(known, 10_000, numbers=("row",))
    sample = sample_rows(current.with_columns(row=pl.int_range(pl.len())), how)
    losses = row_losses(sample, found, known, summarise(reference, known))
    mine = losses[np.argsort(sample.number("row"))]
    assert mine.mean() == pytest.approx(after, rel=0.02)
    assert np.corrcoef(mine, each)[0, 1] > 0.99


def test_columns_that_do_not_vary_take_no_part() -> None:
    frame = rows(300).with_columns(b=pl.lit(7.0), c=pl.lit(None, pl.Float64))
    known = cells(rows(300))
    found = components(count_products(frame, known))
    assert found is not None
    assert found.columns == ("a", "d", "e")
    assert components(count_products(frame.select("a", "b"), known)) is None
    assert components(Covariance()) is None
    assert found.loss(Covariance()) is None


def test_more_columns_than_can_be_paired_are_cut_off() -> None:
    frame = pl.DataFrame(np.random.default_rng(0).normal(size=(100, COLUMNS + 3)))
    assert len(count_products(frame, lay_out(frame, frame.columns)).columns) == COLUMNS
