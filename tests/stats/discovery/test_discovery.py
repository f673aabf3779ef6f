from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from itertools import combinations
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings, strategies as st
from numpy.typing import NDArray
from scipy import stats
from sklearn.metrics import brier_score_loss, confusion_matrix, log_loss, mean_absolute_error, mean_squared_error
from statsmodels.stats import proportion
from statsmodels.stats.multitest import multipletests

from batchops.stats import lay_out, summarise
from batchops.stats.discovery import (
    LOSSES,
    Cube,
    Cubes,
    Discovery,
    Grid,
    Proposal,
    Proposals,
    Recount,
    Search,
    Terms,
    count,
    count_halves,
    cube,
    discover,
    discover_nights,
    encode,
    features_of,
    is_odd,
    labelled,
    lay_out_features,
    lay_out_loss,
    lay_out_search,
    losses_of,
    measure,
    odd_rows,
    propose,
    recount,
    recount_of,
    row_losses,
)
from batchops.stats.discovery.cube import tables_of
from batchops.stats.numbers.sparse import Sparse
from tests.laws import obeys_the_laws

Codes = NDArray[np.uint8]
Floats = NDArray[np.float64]

COLUMNS = ("distance", "delay", "carrier", "late", "month", "cargo")


def rows(n: int, seed: int = 0) -> pl.DataFrame:
    rng = np.random.default_rng(seed)
    missing = rng.random((3, n)) < 0.03
    carriers = np.array([f"C{each}" for each in range(20)])[np.minimum(rng.geometric(0.2, n) - 1, 19)]
    score = rng.beta(2, 5, n)
    return pl.DataFrame(
        {
            "distance": np.where(missing[0], np.nan, rng.gamma(2, 400, n).round()),
            "delay": np.where(rng.random(n) < 0.4, 0.0, rng.normal(0, 10, n)),
            "carrier": without(carriers.tolist(), missing[1], pl.String),
            "late": without((rng.random(n) < 0.3).tolist(), missing[2], pl.Boolean),
            "month": rng.integers(1, 5, n),
            "cargo": rng.integers(0, 50, n),
            "score": score,
            "label": (rng.random(n) < score).astype(np.int8),
        }
    )


def without(values: Sequence[Any], missing: NDArray[np.bool_], dtype: Any) -> pl.Series:
    return pl.Series([None if gone else each for gone, each in zip(missing, values, strict=True)], dtype=dtype)


FRAME = rows(20_000)
SEARCH = lay_out_search(FRAME, COLUMNS, "log_loss")


def counted(frame: pl.DataFrame, search: Search = SEARCH) -> Cube:
    codes, losses, _ = labelled(frame, search)
    return count([(codes, losses)], search.grid)


def test_bins_are_named_by_what_they_hold() -> None:
    frame = pl.DataFrame(
        {
            "zeros": [0.0] * 60 + [0.5 + each for each in range(40)],
            "few": [1, 2, 2, 3] * 25,
            "flag": [True, False, None, None] * 25,
            "who": ["a"] * 40 + ["b"] * 31 + ["c"] * 20 + ["rare"] * 9,
            "same": [7.0] * 100,
            "when": [None] * 100,
        }
    )
    bins = {feature.column: feature.bins for feature in lay_out_features(frame, frame.columns, values=2)}
    assert bins == {
        "zeros": ("[0, 0.5)", "[0.5, 19)", "[19, 40]", "missing"),
        "few": ("[1, 2)", "[2, 3)", "[3, 3]", "missing"),
        "flag": ("false", "true", "missing"),
        "who": ("a", "b", "other", "missing"),
    }
    assert "rare" not in lay_out_features(frame, ["who"])[0].bins


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False, width=64), min_size=1, max_size=80), st.integers(2, 8))
def test_every_number_lies_in_the_bin_that_its_name_says(values: list[float], bins: int) -> None:
    frame = pl.DataFrame({"x": values}, schema={"x": pl.Float64})
    for feature in lay_out_features(frame, ["x"], bins=bins):
        ends = [tuple(float(end) for end in name.strip("[])").split(", ")) for name in feature.bins[:-1]]
        assert [low for low, _ in ends[1:]] == [high for _, high in ends[:-1]] == list(feature.edges)
        for value, code in zip(values, encode(frame, [feature])[0].tolist(), strict=True):
            low, high = ends[code]
            assert low <= value < high or (code == len(ends) - 1 and low <= value <= high)


def test_bins_of_the_reference_s_cells_are_those_of_its_rows() -> None:
    frame = FRAME.with_columns(same=pl.lit(1.0), none=pl.lit(None, pl.String), when=pl.lit(None, pl.Date))
    names = [*COLUMNS, "score", "same", "none", "when"]
    cells = lay_out(frame, names)
    by_rows = {each.column: each for each in lay_out_features(frame, names)}
    by_cells = {each.column: each for each in features_of(cells, summarise(frame, cells), names)}
    assert list(by_cells) == list(by_rows) == [*COLUMNS, "score"]
    for name in ("carrier", "late", "month", "cargo"):
        assert by_cells[name] == by_rows[name]
    for name in ("distance", "score", "delay"):
        shares = np.bincount(encode(frame, [by_cells[name]])[0]) / frame.height
        assert by_cells[name].size == by_rows[name].size
        assert shares == pytest.approx(np.bincount(encode(frame, [by_rows[name]])[0]) / frame.height, abs=0.02)


def test_what_the_reference_did_not_have_falls_in_the_end_bins_and_in_other() -> None:
    features = lay_out_features(FRAME, COLUMNS)
    frame = pl.DataFrame(
        {
            "distance": [-math.inf, -1e9, math.inf, math.nan, None],
            "carrier": ["NEW", "C0", None, "other", "missing"],
            "late": [1, 0, 1, 0, 1],
            "cargo": ["text"] * 5,
        }
    )
    names = {
        feature.column: [feature.bins[code] for code in line]
        for feature, line in zip(features, encode(frame, features).tolist(), strict=True)
    }
    first, last = features[0].bins[0], features[0].bins[-2]
    assert names["distance"] == [first, first, last, "missing", "missing"]
    assert names["carrier"] == ["other", "C0", "missing", "other", "other"]
    assert names["late"] == names["cargo"] == names["month"] == ["missing"] * 5


@pytest.mark.parametrize("dtype", [pl.String, pl.Categorical, pl.Enum(["b", "a", "new"])])
def test_text_is_encoded_alike_in_every_type(dtype: Any) -> None:
    features = lay_out_features(pl.DataFrame({"x": ["a"] * 20 + ["b"] * 20}), ["x"])
    frame = pl.DataFrame({"x": pl.Series(["b", None, "new", "a"]).cast(dtype)})
    assert encode(frame, features).tolist() == [[1, 3, 2, 0]]


def test_all_cells_are_those_of_group_by() -> None:
    search = lay_out_search(FRAME, COLUMNS, "log_loss")
    codes, losses, held = labelled(FRAME, search)
    tables = tables_of(
        count(
            [(codes[:, :7_000], losses.part(slice(7_000))), (codes[:, 7_000:], losses.part(slice(7_000, None)))],
            search.grid,
        ),
        search.grid,
    )
    assert held.all()
    assert losses.squares is not None
    names = [feature.column for feature in search.grid.features]
    frame = pl.DataFrame(dict(zip(names, codes, strict=True))).with_columns(
        steps=pl.Series(losses.steps).cast(pl.Int64), squares=pl.Series(losses.squares).cast(pl.Int64)
    )
    sought = [place for order in (1, 2, 3) for place in combinations(range(len(names)), order)]
    assert list(tables) == sought
    for place in sought:
        by = [names[feature] for feature in place]
        expected = {
            tuple(line[: len(by)]): line[len(by) :]
            for line in frame.group_by(by).agg(pl.len(), pl.col("steps").sum(), pl.col("squares").sum()).rows()
        }
        occupied = zip(*np.nonzero(tables[place][0]), strict=True)
        found = {tuple(map(int, cell)): tuple(int(line[cell]) for line in tables[place]) for cell in occupied}
        assert found == expected


@pytest.mark.parametrize("metric", ["log_loss", "error_rate", "calibration_gap", "root_mean_squared_error"])
def test_cubes_obey_the_laws(metric: str) -> None:
    search = lay_out_search(FRAME, COLUMNS, metric)
    frame = FRAME.head(3_000).with_row_index()

    def halves(part: pl.DataFrame) -> Cubes:
        codes, losses, held = labelled(part, search)
        return count_halves([(codes, losses, part["index"].to_numpy()[held] % 3 == 0)], search.grid)

    obeys_the_laws([frame[:1_000], frame[1_000:1_001], frame[1_001:1_001], frame[1_001:]], halves, pl.concat, Cubes())


@pytest.mark.parametrize("metric", ["log_loss", "error_rate"])
def test_halves_of_many_batches_are_those_of_one_on_any_number_of_threads(
    metric: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cube, "CHUNK", 700)
    search = lay_out_search(FRAME, COLUMNS, metric)
    codes, losses, _ = labelled(FRAME, search)
    odd = np.arange(codes.shape[1]) % 3 == 0
    parts = [slice(at, at + 450) for at in range(0, len(odd), 450)]
    batches = [(codes[:, part], losses.part(part), odd[part]) for part in parts]
    whole = count_halves([(codes, losses, odd)], search.grid)
    assert count_halves(batches, search.grid) == count_halves(batches, search.grid, threads=3) == whole


@pytest.mark.parametrize("loss", [0.0, 3.0, 1e9])
def test_rows_and_losses_too_many_for_one_number_are_counted_apart(loss: float) -> None:
    n = 20_000
    losses = losses_of(np.full(n, loss), SEARCH.loss)
    codes = np.zeros((len(SEARCH.grid.features), n), dtype=np.uint8)
    rows, lost, squares = tables_of(count([(codes, losses)], SEARCH.grid), SEARCH.grid)[(0,)]
    assert losses.squares is not None
    assert (rows[0], lost[0], squares[0]) == (n, n * losses.steps[0], n * losses.squares[0])
    assert rows[1:].sum() == lost[1:].sum() == squares[1:].sum() == 0


def test_a_night_is_one_half_and_rows_are_two() -> None:
    codes, losses, _ = labelled(FRAME, SEARCH)
    odd = np.arange(codes.shape[1]) % 2 == 1
    whole = counted(FRAME)
    assert count_halves([(codes, losses, True)], SEARCH.grid) == Cubes(odd=whole)
    assert count_halves([(codes, losses, False)], SEARCH.grid) == Cubes(even=whole)
    halves = count_halves([(codes, losses, odd)], SEARCH.grid)
    assert halves.odd + halves.even == whole
    assert halves.odd == count([(codes[:, odd], losses.part(odd))], SEARCH.grid)
    assert is_odd("2024-02-29") != is_odd("2024-03-01")


def test_losses_are_those_of_scikit_learn() -> None:
    score, label = FRAME["score"].to_numpy(), FRAME["label"].to_numpy().astype(float)
    means = {metric: float(np.nanmean(row_losses(metric, score, label, 0.3))) for metric in LOSSES}
    (negative, wrong), (missed, positive) = confusion_matrix(label, score >= 0.3).tolist()
    assert means == pytest.approx(
        {
            "log_loss": log_loss(label, score),
            "brier_score": brier_score_loss(label, score),
            "error_rate": (wrong + missed) / len(label),
            "false_positive_rate": wrong / (wrong + negative),
            "false_negative_rate": missed / (missed + positive),
            "selection_rate": (wrong + positive) / len(label),
            "calibration_gap": label.mean() - score.mean(),
            "mean_error": score.mean() - label.mean(),
            "mean_absolute_error": mean_absolute_error(label, score),
            "root_mean_squared_error": mean_squared_error(label, score),
        }
    )
    with pytest.raises(ValueError, match="roc_auc"):
        row_losses("roc_auc", score, label)


def test_rows_without_a_label_or_a_possible_score_are_left_out() -> None:
    frame = pl.DataFrame({"score": [0.1, None, math.nan, 1.5, 0.2, 0.3], "label": [0, 1, 1, 1, None, 2]})
    held = {metric: labelled(frame, replace(SEARCH, loss=lay_out_loss(metric)))[2].tolist() for metric in LOSSES}
    assert held["log_loss"] == held["error_rate"] == [True, False, False, False, False, False]
    assert held["selection_rate"] == [True, False, False, False, True, True]
    assert held["false_negative_rate"] == [False] * 6
    assert held["mean_error"] == [True, False, False, True, False, True]
    given = pl.DataFrame({"loss": [0.5, None, math.nan, math.inf]})
    assert labelled(given, SEARCH)[2].tolist() == [True, False, False, False]


def test_a_huge_loss_counts_as_the_cap_and_is_told() -> None:
    loss = lay_out_loss("root_mean_squared_error", np.array([1.0, 2.0, 3.0]))
    codes = np.zeros((1, 2), dtype=np.uint8)
    cube = count([(codes, losses_of(np.array([2.0, 1e30]), loss))], Grid(lay_out_features(FRAME, ["month"])))
    assert cube.capped == 1
    assert losses_of(np.array([2.0]), loss).steps[0] * loss.quantum == 2.0


def grid_of(sizes: Sequence[int]) -> Grid:
    frame = pl.DataFrame({f"f{at}": np.arange(400) % size for at, size in enumerate(sizes)})
    return Grid(lay_out_features(frame, frame.columns))


SIZES = (5, 5, 5, 5, 5, 5, 2, 2)
GRID = grid_of(SIZES)
ERRORS = lay_out_loss("error_rate")
PLANTED = (("f0", "[0, 1)"), ("f1", "[0, 1)"), ("f6", "[0, 1)"))


def drawn(rng: np.random.Generator, n: int) -> Codes:
    return np.stack([rng.integers(0, size, n).astype(np.uint8) for size in SIZES])


def errors(rng: np.random.Generator, codes: Codes, wrong: float) -> Floats:
    """One row in ten is wrong; of the planted 2 % of the rows, ``wrong`` of them."""
    planted = (codes[0] == 0) & (codes[1] == 0) & (codes[6] == 0)
    return np.asarray(rng.random(codes.shape[1]) < np.where(planted, wrong, 0.1), dtype=np.float64)


def discovered(seed: int, n: int, wrong: float = 0.1, terms: Terms | None = None) -> tuple[Proposals, Discovery]:
    rng = np.random.default_rng(seed)
    codes = drawn(rng, n)
    losses = losses_of(errors(rng, codes, wrong), ERRORS)
    cubes = count_halves([(codes, losses, np.arange(n) % 2 == 0)], GRID)
    proposals = propose(cubes.even, GRID, ERRORS)
    found = measure(
        proposals, recount_of(cubes.odd, GRID, proposals.slices), ERRORS, terms or Terms(rows_independent=True)
    )
    return proposals, found


def test_a_planted_slice_is_found_first_and_its_parents_and_children_are_not_listed() -> None:
    for seed in range(10):
        _, found = discovered(seed, 100_000, wrong=0.3)
        first = found.slices[0]
        assert first.key == PLANTED
        assert first.gap.lower is not None
        assert first.gap.upper is not None
        assert first.gap.lower < 0.2 < first.gap.upper + 0.05
        assert (first.p_value or 1) < 1e-6
        assert len(found.slices) <= 4
        assert not any(set(each.key) < set(PLANTED) for each in found.slices)


def test_where_nothing_differs_hardly_anything_is_selected() -> None:
    runs = [discovered(seed, 10_000)[1] for seed in range(60)]
    assert sum(found.selected > 0 for found in runs) <= 6


def test_a_wide_slice_is_listed_and_not_its_many_parts() -> None:
    rng = np.random.default_rng(0)
    codes = drawn(rng, 50_000)
    losses = losses_of((rng.random(50_000) < np.where(codes[2] == 1, 0.2, 0.1)).astype(float), ERRORS)
    proposals = propose(count([(codes, losses)], GRID), GRID, ERRORS)
    assert proposals.outstanding > 50
    assert proposals.slices[0].key == (("f2", "[1, 2)"),)
    assert len(proposals.slices) <= 3


def test_a_slice_and_its_complement_and_the_same_rows_twice_count_once() -> None:
    rng = np.random.default_rng(0)
    codes = drawn(rng, 50_000)
    codes[7] = codes[6]
    gap = lay_out_loss("calibration_gap")
    label = (rng.random(50_000) < np.where(codes[6] == 1, 0.4, 0.3)).astype(float)
    losses = losses_of(label - 0.35, gap)
    proposals = propose(count([(codes, losses)], GRID), GRID, gap)
    assert [each.key[0][0] for each in proposals.slices if len(each.key) == 1] == ["f6"]
    assert proposals.slices[0].n < 25_100


def test_a_feature_that_goes_along_with_another_tells_nothing_new() -> None:
    rng = np.random.default_rng(0)
    codes = drawn(rng, 50_000)
    codes[1] = np.where(rng.random(50_000) < 0.8, codes[0], codes[1])
    lost = (rng.random(50_000) < np.where(codes[0] == 0, 0.25, 0.1)).astype(float)
    proposals = propose(count([(codes, losses_of(lost, ERRORS))], GRID), GRID, ERRORS)
    assert proposals.slices[0].key == (("f0", "[0, 1)"),)
    assert not any(("f1", "[0, 1)") in each.key for each in proposals.slices)
    both = (rng.random(50_000) < np.where((codes[0] == 0) | (codes[1] == 0), 0.25, 0.1)).astype(float)
    proposals = propose(count([(codes, losses_of(both, ERRORS))], GRID), GRID, ERRORS)
    assert {each.key for each in proposals.slices[:2]} == {(("f0", "[0, 1)"),), (("f1", "[0, 1)"),)}


def found_in(values: np.ndarray[Any, Any], inside: np.ndarray[Any, Any], metric: str) -> tuple[Proposals, Recount, Any]:
    loss = lay_out_loss(metric, values)
    proposals = Proposals(slices=(Proposal((("f6", "[0, 1)"),), (0,), (0,), 100, 1.0),))
    codes = np.where(inside, 0, 1).astype(np.uint8)[None, :]
    return proposals, recount(codes, losses_of(values, loss), proposals.slices), loss


def test_a_difference_of_means_is_welch_s() -> None:
    rng = np.random.default_rng(0)
    values, inside = rng.exponential(1, 4_000), rng.random(4_000) < 0.05
    values[inside] *= 1.5
    found = measure(*found_in(values, inside, "log_loss"), Terms(rows_independent=True)).slices[0]
    oracle = stats.ttest_ind(values[inside], values[~inside], equal_var=False, alternative="greater")
    both = stats.ttest_ind(values[inside], values[~inside], equal_var=False).confidence_interval()
    assert found.gap.value == pytest.approx(values[inside].mean() - values[~inside].mean(), abs=1e-6)
    assert (found.gap.lower, found.gap.upper) == pytest.approx((both.low, both.high), rel=1e-3)
    assert found.p_value == pytest.approx(oracle.pvalue, rel=1e-2)


def test_a_difference_of_shares_is_newcombe_s_and_its_chance_a_score_test_s() -> None:
    rng = np.random.default_rng(0)
    inside = rng.random(6_000) < 0.03
    values = (rng.random(6_000) < np.where(inside, 0.25, 0.1)).astype(float)
    counts = [int(values[inside].sum()), int(inside.sum()), int(values[~inside].sum()), int((~inside).sum())]
    found = measure(*found_in(values, inside, "error_rate"), Terms(limit=0.02, rows_independent=True)).slices[0]
    lower, upper = proportion.confint_proportions_2indep(*counts, method="newcomb")
    oracle = proportion.test_proportions_2indep(
        *counts, value=0.02, method="score", alternative="larger", correction=False
    )
    assert (found.gap.lower, found.gap.upper) == pytest.approx((lower, upper), abs=1e-9)
    assert found.p_value == pytest.approx(oracle.pvalue, rel=0.05)


def test_a_root_is_measured_as_a_root() -> None:
    rng = np.random.default_rng(0)
    inside = rng.random(20_000) < 0.1
    residuals = rng.normal(0, np.where(inside, 2.0, 1.0))
    proposals, other, loss = found_in(residuals**2, inside, "root_mean_squared_error")
    found = measure(proposals, other, loss).slices[0]
    assert found.value == pytest.approx((residuals[inside] ** 2).mean() ** 0.5, rel=1e-3)
    # The standard error of a normal's root mean square is sigma / sqrt(2 n).
    width = 1.96 * math.hypot(2 / (2 * inside.sum()) ** 0.5, 1 / (2 * (~inside).sum()) ** 0.5)
    assert found.gap.upper == pytest.approx((found.gap.value or 0) + width, rel=0.02)


def test_a_limit_may_be_a_share_of_the_rest_s_own_figure() -> None:
    rng = np.random.default_rng(0)
    values, inside = rng.exponential(1, 4_000), rng.random(4_000) < 0.05
    values[inside] *= 1.5
    proposals, other, loss = found_in(values, inside, "log_loss")
    shared = measure(proposals, other, loss, Terms(0.1, "log_loss", rows_independent=True)).slices[0]
    assert shared.scale == shared.rest == pytest.approx(values[~inside].mean(), abs=1e-6)
    alone = measure(proposals, other, loss, Terms(0.1 * shared.scale, rows_independent=True)).slices[0]
    assert (shared.p_value, alone.scale) == (alone.p_value, 1.0)
    errors = values - values.mean()
    scaled = measure(*found_in(errors, inside, "mean_error"), Terms(0.1, "root_mean_squared_error")).slices[0]
    assert scaled.scale == pytest.approx((errors[~inside] ** 2).mean() ** 0.5, rel=1e-3)


def test_over_nights_the_nights_are_what_varies() -> None:
    rng = np.random.default_rng(0)
    codes = drawn(rng, 24 * 2_000)
    shock = rng.normal(0, 0.05, 24)
    night = np.repeat(np.arange(24), 2_000)
    inside = codes[6] == 0
    lost = (rng.random(len(night)) < 0.2 + np.where(inside, shock[night], 0)).astype(float)
    proposals = Proposals(slices=(Proposal((("f6", "[0, 1)"),), (6,), (0,), 100, 1.0),))
    parts = [
        recount(
            codes[:, night == each], losses_of(lost[night == each], ERRORS), proposals.slices, f"2024-01-{each + 1:02}"
        )
        for each in range(24)
    ]
    whole = sum(parts, Recount())
    by_night, by_row = (
        measure(proposals, each, ERRORS) for each in (whole, recount(codes, losses_of(lost, ERRORS), proposals.slices))
    )
    assert (by_night.slices[0].proved, by_night.nights, by_row.slices[0].proved) == (True, 24, False)
    night_gaps = [lost[(night == each) & inside].mean() - lost[(night == each) & ~inside].mean() for each in range(24)]
    estimate = by_night.slices[0].gap
    assert estimate.value == by_row.slices[0].gap.value
    width = stats.t.ppf(0.975, 23) * np.std(night_gaps, ddof=1) / 24**0.5
    assert (estimate.upper or 0) - (estimate.value or 0) == pytest.approx(width, rel=0.02)
    assert not estimate.rows_independent
    assert not measure(proposals, sum(parts[:5], Recount()), ERRORS).slices[0].proved


def test_recounts_obey_the_laws_and_agree_with_the_cube() -> None:
    slices = (
        Proposal((), (0, 2, 4), (1, 3, 0), 0, 1.0),
        Proposal((), (2,), (0,), 0, 1.0),
        Proposal((), (1, 5), (0, 4), 0, 1.0),
    )
    frame = FRAME.head(4_000)

    def of(part: pl.DataFrame) -> Recount:
        codes, losses, _ = labelled(part, SEARCH)
        return recount(codes, losses, slices, "2024-01-01")

    obeys_the_laws([frame[:1_500], frame[1_500:1_501], frame[1_501:]], of, pl.concat, Recount())
    assert of(frame) == recount_of(counted(frame), SEARCH.grid, slices, "2024-01-01")


def test_corrected_intervals_are_those_of_benjamini_and_yekutieli() -> None:
    proposals, _ = discovered(3, 6_000, wrong=0.6)
    many = Proposals(slices=proposals.slices * 3 + (Proposal((("f2", "[0, 1)"),), (2,), (0,), 9, 1.0),) * 5)
    rng = np.random.default_rng(3)
    codes = drawn(rng, 6_000)
    other = recount(codes, losses_of(errors(rng, codes, 0.6), ERRORS), many.slices)
    found = measure(many, other, ERRORS, Terms(limit=0.1, rows_independent=True))
    chances = [each.p_value for each in found.slices if each.p_value is not None]
    assert found.selected == multipletests(chances, 0.05, "fdr_bh")[0].sum() > 0
    level = 1 - 0.05 * found.selected / len(chances)
    first = found.slices[0]
    loose = measure(Proposals(slices=many.slices[:1]), Recount({"": Sparse(**_first(other))}), ERRORS).slices[0]
    assert first.gap == loose.gap
    assert (first.upper_corrected or 0) > (first.gap.upper or 0)
    assert level > 0.95


def _first(other: Recount) -> dict[str, Any]:
    table = other.nights[""]
    return {"cells": table.cells[:2], "values": tuple(line[:2] for line in table.values)}


def test_below_the_support_nothing_is_measured() -> None:
    inside = np.arange(1_000) < 49
    found = measure(*found_in(np.ones(1_000), inside, "error_rate")).slices[0]
    assert (found.n, found.gap.value, found.p_value) == (49, None, None)


def test_of_many_features_the_declared_and_the_telling_ones_are_searched() -> None:
    rng = np.random.default_rng(0)
    frame = pl.DataFrame({f"x{at:02}": rng.normal(size=3_000) for at in range(30)})
    frame = frame.with_columns(
        score=pl.lit(0.2), label=pl.Series(rng.random(3_000) < 0.1 + 0.4 * (frame["x27"] > 1).to_numpy()).cast(pl.Int8)
    )
    names = tuple(
        feature.column for feature in lay_out_search(frame, frame.columns[:30], "log_loss", ("x29",)).grid.features
    )
    assert len(names) == 16
    assert {"x27", "x29"} <= set(names)
    unlabelled = lay_out_search(frame.drop("label"), frame.columns[:30], "log_loss", ("x29",))
    assert [each.column for each in unlabelled.grid.features] == ["x29", *frame.columns[:15]]


def test_nothing_to_search_finds_nothing() -> None:
    empty = lay_out_search(FRAME, (), "log_loss")
    assert counted(FRAME, empty) == Cube()
    assert propose(Cube(), empty.grid, empty.loss) == Proposals()
    assert propose(Cube(), SEARCH.grid, SEARCH.loss).slices == ()
    assert measure(Proposals(), recount_of(Cube(), SEARCH.grid, ()), SEARCH.loss).slices == ()


@settings(max_examples=20)
@given(st.integers(1, 7), st.integers(0, 400), st.integers(0, 2**32 - 1))
def test_any_number_of_features_is_counted(features: int, n: int, seed: int) -> None:
    grid = grid_of(SIZES[:features])
    rng = np.random.default_rng(seed)
    codes = drawn(rng, n)[:features]
    tables = tables_of(count([(codes, losses_of(np.ones(n), ERRORS))], grid), grid)
    assert len(tables) == sum(math.comb(features, order) for order in (1, 2, 3))
    assert all(int(rows.sum()) == int(lost.sum()) == n for rows, lost, _ in tables.values())


def night_of(night: str, wrong: float = 0.3) -> pl.DataFrame:
    """4,000 rows, of which those of one carrier on short flights are wrong more often."""
    rng = np.random.default_rng(int(night.replace("-", "")))
    frame = pl.DataFrame({"carrier": rng.choice(list("ABCDE"), 4_000), "distance": rng.integers(0, 5, 4_000)})
    chance = np.where((frame["carrier"] == "A").to_numpy() & (frame["distance"] == 1).to_numpy(), wrong, 0.05)
    return frame.with_columns(score=pl.lit(0.1), label=pl.Series(rng.random(4_000) < chance).cast(pl.Int8))


NIGHT = night_of("2024-01-01")
NIGHTLY = lay_out_search(NIGHT, NIGHT.columns[:2], "error_rate")


def test_even_nights_are_searched_and_odd_ones_measured_each_read_once() -> None:
    nights, read = [f"2024-02-{day:02}" for day in range(1, 25)], []

    def reading(night: str) -> pl.DataFrame:
        read.append(night)
        return night_of(night)

    found = discover_nights(nights, reading, NIGHTLY, Terms())
    assert sorted(read) == nights
    assert (found.nights, found.slices[0].proved) == (12, True)
    first = found.slices[0]
    assert first.key == (("carrier", "A"), ("distance", "[1, 2)"))
    odd = pl.concat(night_of(night) for night in nights if is_odd(night))
    inside = (odd["carrier"] == "A") & (odd["distance"] == 1)
    assert first.n == inside.sum()
    assert first.value == pytest.approx(odd.filter(inside)["label"].mean())
    assert first.rest == pytest.approx(odd.filter(~inside)["label"].mean())


def test_a_slice_of_few_nights_proves_nothing_however_many_nights_there_are() -> None:
    nights = [f"2024-02-{day:02}" for day in range(1, 29)]

    def reading(night: str) -> pl.DataFrame:
        return night_of(night).with_columns(monday=pl.lit(date.fromisoformat(night).weekday() == 0))

    search = lay_out_search(pl.concat(map(reading, nights[:7])), ["monday", "carrier", "distance"], "error_rate")
    slices = tuple(Proposal((("monday", flag),), (0,), (at,), 9, 1.0) for at, flag in enumerate(("false", "true")))
    parts = [recount(*labelled(reading(night), search)[:2], slices, night) for night in nights if is_odd(night)]
    usual, mondays = measure(Proposals(slices=slices), sum(parts, Recount()), search.loss).slices
    assert (usual.gap.nights, mondays.gap.nights) == (12, 2)
    assert (usual.proved, mondays.proved, mondays.p_value) == (True, False, None)
    assert mondays.gap.rows_independent


def test_one_night_is_halved_by_its_rows_and_proves_nothing() -> None:
    found = discover_nights(
        ["2024-02-01"], lambda night: night_of(night, wrong=0.6), NIGHTLY, Terms(rows_independent=True)
    )
    assert found.slices[0].key == (("carrier", "A"), ("distance", "[1, 2)"))
    assert (found.nights, found.slices[0].proved) == (0, False)
    frame = night_of("2024-02-01", wrong=0.6).with_row_index()
    odd = odd_rows(frame, ["index"])
    codes, losses, _ = labelled(frame, NIGHTLY)
    cubes = count_halves([(codes, losses, odd)], NIGHTLY.grid)
    assert discover(cubes, NIGHTLY, Terms(rows_independent=True)).slices[0].proved


def test_the_half_of_a_row_depends_on_its_values_alone() -> None:
    frame = FRAME.with_row_index()
    odd = odd_rows(frame, frame.columns)
    assert abs(odd.mean() - 0.5) < 4 * 0.5 / math.sqrt(len(odd))
    assert np.array_equal(odd[5_000:7_000], odd_rows(frame[5_000:7_000], frame.columns))
    assert np.array_equal(odd[::-1], odd_rows(frame.reverse(), frame.columns))
