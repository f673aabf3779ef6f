import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import product

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings, strategies as st

from batchops.stats import (
    NightQuality,
    Quality,
    ScoreCells,
    SliceQuality,
    lay_out_scores,
    merge_qualities,
    tally_quality,
)
from batchops.stats.outcomes.state import AGE, AGE_EDGES, ENTITY, LOSS, SCORE, SUMS
from tests.laws import obeys_the_laws

SLICES = (("carrier",), ("origin",), ("carrier", "origin"), ("origin", "carrier"))
CELLS = lay_out_scores(pl.Series(np.random.default_rng(0).beta(2, 5, 5_000)))

scores = st.none() | st.floats(0, 1) | st.sampled_from([math.nan, math.inf, -0.0, 0.0, 1.0, 0.5, -0.1, 1.1, 5e-324])
rows = st.tuples(
    scores,
    st.sampled_from([None, 0, 1, 2]),
    st.sampled_from([None, "AA", "UA", "é", "missing", ""]),
    st.sampled_from([None, "JFK"]),
    st.integers(0, 63),
    st.sampled_from([None, 0, 1, 2, 9, 10, 89, 90, 5_000]),
)


def frame(drawn: Sequence[tuple[object, ...]]) -> pl.DataFrame:
    schema: dict[str, type[pl.DataType]] = {
        "score": pl.Float64,
        "label": pl.Int8,
        "carrier": pl.String,
        "origin": pl.String,
        ENTITY: pl.UInt8,
    }
    schema[AGE] = pl.Int32
    return pl.DataFrame(drawn, schema=schema, orient="row")


def tally(each: pl.DataFrame, cells: ScoreCells = CELLS) -> NightQuality:
    return tally_quality(each, "2013-07-04", SLICES, cells).nights["2013-07-04"]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(rows, max_size=15).map(frame), min_size=1, max_size=4))
def test_the_fold_of_partitions_is_the_quality_of_the_whole(parts: list[pl.DataFrame]) -> None:
    obeys_the_laws(parts, lambda part: tally_quality(part, "2013-07-04", SLICES, CELLS), pl.concat, Quality())


@settings(max_examples=60, deadline=None)
@given(st.lists(rows, max_size=40).map(frame))
def test_every_slice_is_what_a_filter_of_its_rows_would_give(night: pl.DataFrame) -> None:
    found = tally(night)
    possible = night.filter(pl.col("score").is_between(0, 1)).with_columns(
        pl.col("carrier", "origin").fill_null("missing")
    )
    assert found.overall.n + found.missing + found.impossible == night.height
    assert found.strange_labels == night.filter(pl.col("label") == 2).height
    expected = {}
    for names in SLICES:
        for values in set(possible.select(names).iter_rows()):
            key = tuple(zip(names, values, strict=True))
            held = possible.filter(pl.all_horizontal(pl.col(name) == value for name, value in key))
            expected[key] = by_hand(held)
    assert {key: plain(part) for key, part in found.slices} == expected
    assert plain(found.overall) == by_hand(possible)
    assert [key for key, _ in found.slices] == sorted(expected)


@settings(max_examples=30, deadline=None)
@given(st.lists(rows, max_size=40).map(frame))
def test_every_group_of_entities_is_what_a_filter_of_its_rows_would_give(night: pl.DataFrame) -> None:
    found, bare = tally(night), tally(night.drop(ENTITY))
    possible = night.filter(pl.col("score").is_between(0, 1))
    expected = {number: by_hand(held) for (number,), held in possible.group_by(ENTITY)}
    assert {number: plain(part) for number, part in found.entities} == expected
    assert replace(found, entities=()) == bare
    assert tally(night.with_columns(pl.lit(None, pl.UInt8).alias(ENTITY))) == bare


@settings(max_examples=30, deadline=None)
@given(st.lists(rows, max_size=40).map(frame))
def test_every_span_of_days_is_what_a_filter_of_its_labels_would_give(night: pl.DataFrame) -> None:
    found = tally(night)
    known = night.filter(pl.col("score").is_between(0, 1) & pl.col("label").is_in([0, 1]))
    span = pl.sum_horizontal((pl.col(AGE) >= edge).cast(pl.Int64) for edge in AGE_EDGES)
    by_span = known.with_columns(span=pl.when(pl.col(AGE).is_null()).then(len(AGE_EDGES)).otherwise(span))
    expected = {number: by_hand(held) for (number,), held in by_span.group_by("span")}
    labelled = {number: plain(replace(part, n=part.labelled)) for number, part in found.ages}
    assert {number: each[3:] for number, each in labelled.items()} == {n: each[3:] for n, each in expected.items()}
    assert replace(found, ages=()) == tally(night.drop(AGE))


def plain(part: SliceQuality) -> tuple[int, ...]:
    histogram = part.histogram.total(0), part.histogram.total(1)
    assert histogram == (part.negatives, part.positives)
    return (
        *(part.n, part.selected, part.score, part.labelled, part.positives, part.positive_score, part.brier),
        *(part.log_loss, part.true_positives, part.false_positives, part.true_negatives, part.false_negatives),
    )


def by_hand(held: pl.DataFrame) -> tuple[int, ...]:
    known = [(score, label) for score, label in held.select("score", "label").iter_rows() if label in (0, 1)]
    every = held["score"].to_list()
    epsilon = 2.0**-52
    losses = [
        -math.log(min(max(p, epsilon), 1 - epsilon) if y else 1 - min(max(p, epsilon), 1 - epsilon)) for p, y in known
    ]
    return (
        len(every),
        sum(score >= 0.5 for score in every),
        sum(round(score * SCORE) for score in every),
        len(known),
        sum(label for _, label in known),
        sum(round(score * SCORE) * label for score, label in known),
        sum(round((label - score) ** 2 * SCORE) for score, label in known),
        sum(round(loss * LOSS) for loss in losses),
        *(sum((p >= 0.5) == said and y == true for p, y in known) for said, true in ((1, 1), (1, 0), (0, 0), (0, 1))),
    )


def test_labels_may_be_bools_or_absent() -> None:
    night = pl.DataFrame(
        {"score": [0.1, 0.9, 0.6], "label": [True, None, False], "carrier": ["a"] * 3, "origin": ["b"] * 3}
    )
    assert (tally(night).overall.labelled, tally(night).overall.positives) == (2, 1)
    assert tally(night.drop("label")).overall.labelled == 0
    assert tally(night.drop("label")) == tally(night.with_columns(label=pl.lit(None)))


def test_dimensions_may_be_of_any_type_that_has_words() -> None:
    night = pl.DataFrame(
        {"score": [0.1, 0.9, 0.6], "carrier": [1, 2, None], "origin": pl.Series(["x", None, "y"], dtype=pl.Categorical)}
    )
    keys = [key for key, _ in tally(night).slices if len(key) == 1]
    assert keys == [(("carrier", value),) for value in ("1", "2", "missing")] + [
        (("origin", value),) for value in ("missing", "x", "y")
    ]


def test_a_value_that_comes_late_in_a_batch_is_not_lost() -> None:
    night = pl.DataFrame({"score": [0.5] * 20_001, "carrier": ["AA"] * 20_000 + ["ZZ"], "origin": [None] * 20_001})
    found = dict(tally(night.with_columns(pl.col("origin").cast(pl.String))).slices)
    assert found[(("carrier", "ZZ"),)].n == 1


def test_slices_of_more_values_than_fit_a_table_are_counted_all_the_same() -> None:
    rng = np.random.default_rng(0)
    night = pl.DataFrame(
        {
            "score": rng.random(6_000),
            "label": rng.random(6_000) < 0.3,
            "carrier": rng.integers(0, 3_000, 6_000).astype(str),
            "origin": rng.integers(0, 3_000, 6_000).astype(str),
        }
    )
    found = dict(tally(night).slices)
    counts = night.group_by("carrier", "origin").agg(n=pl.len(), y=pl.col("label").sum())
    for carrier, origin, n, positives in counts.head(500).iter_rows():
        part = found[(("carrier", carrier), ("origin", origin))]
        assert (part.n, part.labelled, part.positives) == (n, n, positives)


def test_the_threshold_and_the_deciles_are_edges_and_frequent_scores_have_cells_of_their_own() -> None:
    rng = np.random.default_rng(0)
    cells = lay_out_scores(pl.Series(np.where(rng.random(50_000) < 0.2, 0.25, rng.beta(1, 900, 50_000))), 0.37)
    assert set(cells.coarse) | set(cells.calibration) | {0.37, 0.25, math.nextafter(0.25, 1)} <= set(cells.edges)
    assert list(cells.edges) == sorted(set(cells.edges))
    assert len(cells.edges) > 3_000
    assert 200 < len(cells.coarse) < 260


@pytest.mark.parametrize("values", [[], [None], [0.3] * 10, [math.nan, 2.0], [0.0, 1.0]])
def test_any_reference_gives_cells_to_count_in(values: list[float | None]) -> None:
    cells = lay_out_scores(pl.Series(values, dtype=pl.Float64))
    night = frame([(score, label, "a", "b", 7, 1) for score, label in product([0.0, 0.3, 0.5, 1.0], [0, 1])])
    assert tally(night, cells).overall.histogram.total() == 4


def test_nights_stay_apart_and_parts_of_one_night_add_up() -> None:
    night = frame([(0.5, 1, "a", "b", 7, 1)])
    first, second = (tally_quality(night, name, SLICES, CELLS) for name in ("2013-07-04", "2013-07-05"))
    both = merge_qualities([first, second, second])
    assert (both.nights["2013-07-04"].overall.n, both.nights["2013-07-05"].overall.n) == (1, 2)
    assert both.total().overall.n == 3
    assert Quality().total() == NightQuality()


def test_scores_are_counted_over_all_rows_whether_labelled_or_not() -> None:
    rng = np.random.default_rng(0)
    score = rng.beta(2, 5, 3_000)
    night = pl.DataFrame({"score": score, "label": [None] * 2_000 + [1] * 1_000})
    found = tally_quality(night, "2013-07-04", (), CELLS).nights["2013-07-04"].scores
    cell = np.searchsorted(np.array(CELLS.edges), score, side="right")
    size = len(CELLS.edges) + 1
    assert found.dense(size).tolist() == np.bincount(cell, minlength=size).tolist()
    assert found.floats(size, 1) / SCORE == pytest.approx(np.bincount(cell, weights=score, minlength=size), abs=1e-6)


def test_slices_of_weighted_rows_are_those_of_repeated_ones() -> None:
    rng = np.random.default_rng(1)
    weight = rng.integers(0, 4, 800)
    night = pl.DataFrame(
        {
            "score": rng.beta(2, 5, 800),
            "label": rng.random(800) < 0.3,
            "carrier": rng.choice(["AA", "UA"], 800),
            "origin": rng.choice(["JFK", "LGA"], 800),
            "weight": weight,
        }
    )
    weighted = tally(night, replace(CELLS, weight=0.5))
    repeated = dict(tally(night[np.repeat(np.arange(800), weight)]).slices)
    plain = dict(tally(night).slices)
    for key, part in weighted.slices:
        assert part.weighted is not None
        assert replace(part, weighted=None) == plain[key]
        for name in (*SUMS, "correct"):
            assert getattr(part.weighted.sums, name) == 2 * getattr(repeated[key], name)
        doubled = [tuple(2 * n for n in side) for side in repeated[key].histogram.values]
        assert list(part.weighted.sums.histogram.values) == doubled
