"""The mean of the areas of more than two classes: its variance against rows left out by scikit-learn, one by one."""

import json
import math
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray
from sklearn import metrics as sk

from batchops import codec
from batchops.stats import (
    ENTITY,
    Estimate,
    Quality,
    ScoreCells,
    Sparse,
    design_effects,
    entity_groups,
    lay_out_classes,
    lay_out_quality,
    merge_qualities,
    metrics,
    tally_quality,
)
from batchops.stats.numbers.whole import UNIT
from batchops.stats.outcomes.moves import class_moves

Floats = NDArray[np.float64]

NAMES = ("a", "b", "c")


def drawn(
    seed: int, n: int, offsets: tuple[float, ...] = (0.5, 0.0, -0.8), moved: Floats | None = None
) -> pl.DataFrame:
    """Rows whose scores are the truth's chances, but for what moved them."""
    rng = np.random.default_rng(seed)
    odds = rng.normal(0, 1.2, (n, len(offsets))) + np.array(offsets)
    scores = np.exp(odds) / np.exp(odds).sum(axis=1, keepdims=True)
    true = np.exp(odds if moved is None else odds + moved)
    label = (rng.random((n, 1)) > np.cumsum(true / true.sum(axis=1, keepdims=True), axis=1)).sum(axis=1)
    names = [chr(ord("a") + place) for place in range(len(offsets))]
    columns = {f"score_{name}": scores[:, place] for place, name in enumerate(names)}
    return pl.DataFrame({**columns, "label": np.array(names)[label.clip(max=len(names) - 1)]})


def area(rows: pl.DataFrame) -> float:
    """scikit-learn's, also of two classes, and of rows with weights."""
    weight = rows["weight"].to_numpy() if "weight" in rows.columns else None
    owns = [(rows["label"] == name[-1]).to_numpy() for name in names_of(rows)]
    each = [
        sk.roc_auc_score(own, rows[name], sample_weight=weight) for own, name in zip(owns, names_of(rows), strict=True)
    ]
    return float(np.mean(each))


def names_of(rows: pl.DataFrame) -> list[str]:
    return sorted(name for name in rows.columns if name.startswith("score_"))


def radius(rows: pl.DataFrame, parts: NDArray[np.int64]) -> float:
    """1.96 standard errors by leaving out one part after the other; no two scores may be alike."""
    names = names_of(rows)
    order = [np.argsort(rows[name].to_numpy()) for name in names]
    owns = [(rows["label"] == name[-1]).to_numpy() for name in names]
    weight = rows["weight"].to_numpy() if "weight" in rows.columns else np.ones(rows.height)

    def without(part: int) -> float:
        kept, found = weight * (parts != part), []
        for place, own in zip(order, owns, strict=True):
            mine, others = (kept * own)[place], (kept * ~own)[place]
            found.append(float((mine * np.cumsum(others)).sum() / mine.sum() / others.sum()))
        return float(np.mean(found))

    assert without(-1) == pytest.approx(area(rows))
    left = np.array([without(part) for part in np.unique(parts).tolist()])
    return 1.96 * math.sqrt((len(left) - 1) / len(left) * ((left - left.mean()) ** 2).sum())


def half(found: Estimate) -> float:
    """Half of an interval, without what counting in cells adds to it."""
    assert found.lower is not None
    assert found.upper is not None
    return (found.upper - found.lower) / 2 - found.error


def counted(rows: pl.DataFrame, cells: ScoreCells, nights: int = 1) -> Quality:
    size = -(-rows.height // nights)
    return merge_qualities(
        [tally_quality(part, f"2013-02-{at:02}", (), cells) for at, part in enumerate(rows.iter_slices(size))]
    )


@pytest.mark.parametrize(
    "offsets", [(0.5, 0.0, -0.8), (0.0, 0.0), (0.0, 0.0, 0.0, 0.0, 0.0), (0.5, 0.5, -3.0)], ids=str
)
def test_the_variance_is_that_of_leaving_out_rows(offsets: tuple[float, ...]) -> None:
    cells, rows = lay_out_classes(drawn(1, 20_000, offsets)), drawn(2, 500, offsets)
    found = metrics(counted(rows, cells), cells)["roc_auc"]
    assert half(found) == pytest.approx(radius(rows, np.arange(500)), rel=0.03)


def test_the_variance_is_near_that_of_leaving_out_rows_where_the_night_is_not_like_the_reference() -> None:
    cells, rows = lay_out_classes(drawn(3, 20_000)), drawn(4, 500, (-1.0, 0.0, 1.0), 2 * np.array([0.7, 0.0, -0.7]))
    found = metrics(counted(rows, cells), cells)["roc_auc"]
    assert half(found) == pytest.approx(radius(rows, np.arange(500)), rel=0.06)


def test_rows_with_weights_vary_as_leaving_them_out_says() -> None:
    rng = np.random.default_rng(5)
    laid, rows = (drawn(seed, n).with_columns(weight=rng.gamma(2, 1, n)) for seed, n in ((6, 20_000), (7, 800)))
    cells = lay_out_quality(laid, "multiclass")
    found = metrics(counted(rows, cells), cells)["roc_auc"]
    assert half(found) == pytest.approx(radius(rows, np.arange(800)), rel=0.06)
    assert half(found) > 1.1 * half(
        metrics(counted(rows, replace(cells, weight=None)), replace(cells, weight=None))["roc_auc"]
    )


def test_two_classes_vary_as_one() -> None:
    rows = drawn(8, 400, (0.0, 0.0))
    cells = lay_out_classes(drawn(9, 5_000, (0.0, 0.0)))
    known, unknown = (metrics(counted(rows, each), each)["roc_auc"] for each in (cells, bare(cells)))
    # Of few rows a little of what is to be expected of such an area is counted beside DeLong's variance.
    assert half(known) == pytest.approx(half(unknown), rel=0.03)


def bare(cells: ScoreCells) -> ScoreCells:
    """As they were laid out before it was kept where the reference's rows lie."""
    kept = json.loads(codec.dump(cells))
    del kept["class_rows"]
    return codec.load(ScoreCells, json.dumps(kept))


def test_nights_counted_before_rows_moves_were_are_read_and_their_areas_taken_to_vary_as_one() -> None:
    rows = drawn(10, 6_000)
    cells = lay_out_classes(rows)
    old = bare(cells)
    assert old.class_rows == Sparse()
    written = json.loads(codec.dump(counted(rows, old, 60)))
    for night in written["nights"].values():
        assert night["classes"].pop("moves") == {"cells": [], "values": []}
    read = codec.load(Quality, json.dumps(written))
    assert read == counted(rows, old, 60)
    for each in (cells, old):  # where the reference's rows lie is of no use to nights that did not count by it
        design = design_effects(read, each)
        assert design["roc_auc"] < 0.85
        alone, known = (metrics(counted(rows.head(200), old), each, by)["roc_auc"] for by in ({}, design))
        assert half(known) < 0.9 * half(alone)
        assert half(metrics(counted(rows.head(200), cells), cells)["roc_auc"]) < 0.9 * half(alone)


def test_a_reference_without_labels_leaves_areas_to_vary_as_one() -> None:
    rows = drawn(11, 300)
    assert lay_out_classes(rows.drop("label"), NAMES).class_rows == Sparse()
    assert lay_out_classes(rows.with_columns(label=pl.lit(None)), NAMES).class_rows == Sparse()


def test_a_class_that_the_reference_never_had_moves_nothing_and_its_area_is_measured_all_the_same() -> None:
    laid = drawn(12, 3_000).filter(pl.col("label") != "c")
    cells, rows = lay_out_classes(laid, NAMES), drawn(13, 500)
    assert not class_moves(cells)[2].any()
    found = metrics(counted(rows, cells), cells)["roc_auc"]
    assert found.value == pytest.approx(area(rows), abs=found.error)
    assert half(found) > 0


@pytest.mark.parametrize("nights", [1, 10])
def test_rows_that_are_all_told_apart_leave_an_area_below_1_open(nights: int) -> None:
    label = np.array(NAMES)[np.arange(60) % 3]
    perfect = {f"score_{name}": np.where(label == name, 0.8, 0.1) + np.arange(60) / 1e3 for name in NAMES}
    cells = lay_out_classes(drawn(19, 5_000))
    found = metrics(counted(pl.DataFrame({**perfect, "label": label}), cells, nights), cells)["roc_auc"]
    assert (found.value, found.upper) == (1.0, 1.0)
    assert found.lower is not None
    assert 0.5 < found.lower < 0.99


def test_few_rows_of_a_class_are_not_taken_at_what_they_varied_by_luck() -> None:
    cells, rows = lay_out_classes(drawn(20, 20_000)), drawn(21, 400)
    own = rows.filter(pl.col("label") == "c").sort("score_c")
    few = pl.concat([rows.filter(pl.col("label") != "c"), own.slice(own.height // 2, 4)])
    found = metrics(counted(few, cells), cells)["roc_auc"]
    assert half(found) > 1.3 * radius(few, np.arange(few.height))


def test_moves_stay_whole_and_within_their_unit_however_rare_a_class_is() -> None:
    cells = lay_out_classes(drawn(14, 20_000, (0.0, 0.0, -9.0)), NAMES)
    moves = class_moves(cells)
    assert sum(float(np.abs(each).max()) for each in moves) == pytest.approx(UNIT, abs=len(moves))
    for each in moves:
        assert (each == np.rint(each)).all()
    # The squares of a common row still have digits.
    assert np.abs(moves[0]).max() ** 2 / UNIT > 100


def of_entities(nights: int, entities: int = 150) -> pl.DataFrame:
    """3,600 rows of which an entity's are alike."""
    rng = np.random.default_rng(15)
    entity = rng.integers(entities, size=3_600)
    rows = drawn(16, 3_600, moved=1.5 * rng.normal(size=(entities, 3))[entity])
    return rows.with_columns(entity_groups(pl.Series(entity)), night=np.repeat(np.arange(nights), 3_600 // nights))


@pytest.mark.parametrize("nights", [1, 12])
def test_entities_widen_the_interval_as_leaving_them_out_does(nights: int) -> None:
    rows = of_entities(nights)
    cells = lay_out_classes(drawn(17, 20_000))
    found, alone = (metrics(counted(each, cells, nights), cells)["roc_auc"] for each in (rows, rows.drop(ENTITY)))
    night, group = rows["night"].to_numpy(), rows[ENTITY].to_numpy().astype(np.int64)
    by_group, by_both = radius(rows, group), radius(rows, night * 64 + group)
    base = radius(rows, night) if nights > 1 else by_both
    assert found.clusters == (("night", "entity") if nights > 1 else ("entity",))
    assert half(found) > 1.2 * half(alone)
    expected = math.sqrt(max(base**2 + by_group**2 - by_both**2, base**2))
    # Student's quantile is a little more than 1.96, and parts of some 5 rows are left out beside single ones.
    assert half(found) == pytest.approx(expected, rel=0.1)


def test_rows_without_a_score_leave_the_area_to_nights() -> None:
    rows = of_entities(12)
    cells = lay_out_classes(drawn(18, 20_000))
    whole = counted(rows, cells, 12)
    lost = rows.tail(300).drop([f"score_{name}" for name in NAMES]).with_columns(prediction="label")
    with_lost = whole + tally_quality(lost, "2013-03-01", (), cells)
    assert metrics(whole, cells)["roc_auc"].clusters == ("night", "entity")
    assert metrics(with_lost, cells)["roc_auc"].clusters == ("night",)
