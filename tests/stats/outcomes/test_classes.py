import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings, strategies as st
from numpy.typing import NDArray
from sklearn import metrics as sk

from batchops.stats import (
    CLASS_METRICS,
    ENTITY,
    Estimate,
    Quality,
    ScoreCells,
    class_details,
    design_effects,
    lay_out_quality,
    merge_qualities,
    metrics,
    tally_quality,
    trivial,
)
from batchops.stats.outcomes.state import SCORE
from tests.laws import obeys_the_laws
from tests.stats.outcomes.coverage import covered

NIGHT = "2013-07-04"
SCHEMA = {
    "score_a": pl.Float64,
    "score_b": pl.Float64,
    "score_c": pl.Float64,
    "label": pl.String,
    "place": pl.String,
    "weight": pl.Float64,
}
shares = st.sampled_from([0.0, 0.2, 0.5, 1.0, None, float("nan"), 1.5])
rows = st.tuples(
    *(shares,) * 3,
    st.sampled_from([None, "a", "b", "c", "new"]),
    st.sampled_from([None, "x", "y"]),
    st.sampled_from([0.0, 0.5, 3.0, None, -1.0, float("inf")]),
)


def frame(drawn: Sequence[tuple[object, ...]]) -> pl.DataFrame:
    return pl.DataFrame(drawn, schema=SCHEMA, orient="row")


CELLS = lay_out_quality(
    frame([(0.2, 0.3, 0.5, "a", "x", 1.0), (0.1, 0.8, 0.1, "b", "x", 2.5), (0.0, 0.0, 1.0, "c", "x", 1.0)]),
    "multiclass",
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(rows, max_size=12).map(frame), min_size=1, max_size=4))
def test_the_fold_of_partitions_is_the_quality_of_the_whole(parts: list[pl.DataFrame]) -> None:
    group = pl.when(pl.col("place") == "x").then(1).otherwise(2).cast(pl.UInt8).alias(ENTITY)
    parts = [part.with_columns(group) for part in parts]
    obeys_the_laws(parts, lambda part: tally_quality(part, NIGHT, (("place",),), CELLS), pl.concat, Quality())


@settings(max_examples=30, deadline=None)
@given(st.lists(rows, max_size=40).map(frame))
def test_every_group_of_entities_has_who_was_taken_for_whom_among_its_rows(night: pl.DataFrame) -> None:
    group = pl.when(pl.col("place") == "x").then(9).otherwise(2).cast(pl.UInt8)
    night = night.with_columns(group.alias(ENTITY))
    for number, part in tally_quality(night, NIGHT, (), CELLS).nights[NIGHT].entities:
        counts = tally_quality(night.filter(pl.col(ENTITY) == number), NIGHT, (), CELLS).nights[NIGHT].classes
        assert counts is not None
        assert part.weighted is not None
        for place, table in enumerate((part.histogram, part.weighted.sums.histogram)):
            filled = len(counts.confusion.values) > place
            pairs = counts.confusion.floats(9, place).reshape(3, 3) if filled else np.zeros((3, 3))
            expected = (np.diag(pairs), pairs.sum(axis=1), pairs.sum(axis=0))
            moved = counts.moves.floats(3, 2 * place) if counts.moves.cells else np.zeros(3)
            for measure, line in enumerate((*expected, moved)):
                assert table.floats(3, measure).tolist() == line.tolist()


def test_parts_of_a_night_that_have_no_scores_add_up_with_those_that_have() -> None:
    rows = pl.concat([drawn(np.random.default_rng(9), 60), drawn(np.random.default_rng(10), 60)])
    rows = rows.with_columns(pl.Series(ENTITY, np.arange(120) % 9, dtype=pl.UInt8), prediction="label")
    cells = lay_out_quality(rows.drop("prediction"), "multiclass")
    bare = [name for name in rows.columns if name.startswith("score_")]
    scored, decided = rows.head(60), rows.tail(60).drop(bare)
    whole = tally_quality(scored, NIGHT, (), cells) + tally_quality(decided, NIGHT, (), cells)
    night, alone = whole.nights[NIGHT], tally_quality(scored, NIGHT, (), cells).nights[NIGHT]
    assert night.overall.unscored == 60
    assert night.classes is not None
    assert alone.classes is not None
    assert night.classes.moves == alone.classes.moves
    by_group = sum(part.histogram.total(3) for _, part in night.entities)
    assert by_group == alone.classes.moves.total(0) != 0
    assert metrics(whole, cells)["roc_auc"].clusters == ()


Floats = NDArray[np.float64]
NAMES = ("a", "b", "c", "d")


def drawn(rng: np.random.Generator, n: int, classes: Sequence[str] = NAMES, shock: float = 0.0) -> pl.DataFrame:
    """Rows whose scores are the truth's chances, times a shock that they share."""
    odds = rng.normal(0, 1.2, (n, len(classes)))
    scores = np.exp(odds) / np.exp(odds).sum(axis=1, keepdims=True)
    true = np.exp(odds + rng.normal(0, shock, len(classes)))
    chosen = (rng.random((n, 1)) > np.cumsum(true / true.sum(axis=1, keepdims=True), axis=1)).sum(axis=1)
    label = np.array(classes)[np.minimum(chosen, len(classes) - 1)]
    columns = {f"score_{name}": scores[:, place] for place, name in enumerate(classes)}
    return pl.DataFrame({**columns, "label": label, "weight": rng.exponential(2.0, n)})


def scores_of(rows: pl.DataFrame, classes: Sequence[str] = NAMES) -> Floats:
    return rows.select(f"score_{name}" for name in classes).to_numpy()


def window(rows: pl.DataFrame, cells: ScoreCells, nights: int = 1) -> Quality:
    size = -(-rows.height // nights)
    return merge_qualities(
        [tally_quality(part, f"2013-01-{night:02}", (), cells) for night, part in enumerate(rows.iter_slices(size))]
    )


def expected(rows: pl.DataFrame, classes: Sequence[str], weight: Floats | None) -> dict[str, float]:
    scores = scores_of(rows, classes)
    label, decided = rows["label"].to_numpy().astype(str), np.array(classes)[scores.argmax(axis=1)]
    means: dict[str, float] = {}
    for average in ("macro", "weighted"):
        found = sk.precision_recall_fscore_support(
            label, decided, average=average, sample_weight=weight, zero_division=0
        )
        means |= {f"{name}_{average}": found[place] for place, name in enumerate(("precision", "recall", "f1"))}
    return means | {
        "accuracy": sk.accuracy_score(label, decided, sample_weight=weight),
        "error_rate": 1 - sk.accuracy_score(label, decided, sample_weight=weight),
        "balanced_accuracy": sk.balanced_accuracy_score(label, decided, sample_weight=weight),
        "matthews_corrcoef": sk.matthews_corrcoef(label, decided, sample_weight=weight),
        "cohen_kappa": sk.cohen_kappa_score(label, decided, sample_weight=weight),
        "log_loss": sk.log_loss(label, scores, labels=classes, sample_weight=weight),
        "brier_score": sk.brier_score_loss(label, scores, labels=classes, sample_weight=weight),
    }


@pytest.mark.parametrize("nights", [1, 10])
@pytest.mark.parametrize("weighted", [False, True])
def test_metrics_of_classes_are_scikit_learns(weighted: bool, nights: int) -> None:
    rows = drawn(np.random.default_rng(0), 4_000)
    rows = rows if weighted else rows.drop("weight")
    cells = lay_out_quality(rows, "multiclass")
    assert cells.classes == NAMES
    found = metrics(window(rows, cells, nights), cells)
    weight = rows["weight"].to_numpy() if weighted else None
    for name, exact in expected(rows, NAMES, weight).items():
        assert found[name].value == pytest.approx(exact, abs=1e-7 if weighted else 1e-8), name
    area = found["roc_auc"]
    exact = sk.roc_auc_score(rows["label"].to_numpy(), scores_of(rows), multi_class="ovr", sample_weight=weight)
    assert area.value == pytest.approx(exact, abs=area.error + 1e-7)
    assert area.error < 0.01
    assert tuple(found) == CLASS_METRICS
    for name, estimate in found.items():
        assert estimate.n == 4_000, name
        assert estimate.rows_independent == (nights < 8)
        assert (estimate.lower or 0) <= (estimate.value or 0) <= (estimate.upper or 0), name


def test_each_class_has_figures_of_its_own() -> None:
    rows = drawn(np.random.default_rng(1), 2_000)
    cells = lay_out_quality(rows.drop("weight"), "multiclass")
    decided = np.array(NAMES)[scores_of(rows).argmax(axis=1)]
    precision, recall, f1, _ = sk.precision_recall_fscore_support(rows["label"].to_numpy(), decided)
    for place, name in enumerate(NAMES):
        found = class_details(window(rows, cells), cells)[name]
        assert found["precision"].value == pytest.approx(precision[place])
        assert found["recall"].value == pytest.approx(recall[place])
        assert found["f1"].value == pytest.approx(f1[place])
        assert found["selection_rate"].value == pytest.approx((decided == name).mean())


def test_whole_weights_count_a_row_as_often_as_they_say() -> None:
    rng = np.random.default_rng(2)
    rows = drawn(rng, 500).with_columns(weight=pl.Series(rng.integers(0, 5, 500)))
    cells = lay_out_quality(rows, "multiclass")
    repeated = rows[np.repeat(np.arange(500), rows["weight"].to_numpy())].drop("weight")
    alone = metrics(window(repeated, replace(cells, weight=None)), replace(cells, weight=None))
    for name, estimate in metrics(window(rows, cells), cells).items():
        assert estimate.value == pytest.approx(alone[name].value, abs=1e-12), name


def test_decisions_without_scores_have_a_confusion_and_no_loss() -> None:
    rng = np.random.default_rng(3)
    rows = pl.DataFrame({"label": rng.integers(0, 12, 900), "prediction": rng.integers(0, 12, 900)})
    cells = lay_out_quality(rows, "multiclass")
    assert cells.classes == tuple(str(each) for each in range(12))
    found = metrics(window(rows, cells), cells)
    assert found["accuracy"].value == pytest.approx(sk.accuracy_score(rows["label"], rows["prediction"]))
    assert {name for name, each in found.items() if each.value is None} == {"log_loss", "brier_score", "roc_auc"}


@pytest.mark.filterwarnings("ignore:A single label was found", "ignore:y_pred contains classes not in y_true")
@pytest.mark.parametrize(
    ("labels", "decided"),
    [(["a"], ["a"]), (["a"], ["b"]), (["a"] * 5, ["a"] * 5), (["a", "b"] * 4, ["a"] * 8), (["a", "b", "c"], ["c"] * 3)],
)
def test_few_rows_and_one_class_alone_are_no_trouble(labels: list[str], decided: list[str]) -> None:
    rows = pl.DataFrame({"label": labels, "prediction": decided})
    cells = lay_out_quality(pl.DataFrame({"label": list("abc"), "prediction": list("abc")}), "multiclass")
    found = metrics(window(rows, cells), cells)
    assert found["accuracy"].value == pytest.approx(sk.accuracy_score(labels, decided))
    assert found["f1_macro"].value == pytest.approx(sk.f1_score(labels, decided, average="macro", zero_division=0))
    assert found["matthews_corrcoef"].value == pytest.approx(sk.matthews_corrcoef(labels, decided))
    for estimate in found.values():
        bounds = estimate.value, estimate.lower, estimate.upper
        assert all(bound is None or math.isfinite(bound) for bound in bounds)
    if len(set(decided)) == 1:
        assert (found["matthews_corrcoef"].lower, found["cohen_kappa"].upper) == (None, None)


def test_labels_that_are_no_class_are_strange_and_such_decisions_impossible() -> None:
    rows = pl.DataFrame({"label": ["a", "new", None, "b"], "prediction": ["a", "b", "b", "new"]})
    cells = lay_out_quality(pl.DataFrame({"label": ["a", "b", "c"], "prediction": ["a", "b", "c"]}), "multiclass")
    night = tally_quality(rows, NIGHT, (), cells).nights[NIGHT]
    assert (night.overall.n, night.overall.labelled, night.strange_labels, night.impossible) == (3, 1, 1, 1)


def test_without_labels_classes_are_counted_and_nothing_is_measured() -> None:
    rows = drawn(np.random.default_rng(4), 300).drop("label", "weight")
    cells = lay_out_quality(drawn(np.random.default_rng(5), 300).drop("weight"), "multiclass")
    quality = window(rows, cells)
    assert all(each.value is None for each in metrics(quality, cells).values())
    counts = quality.nights["2013-01-00"].classes
    assert counts is not None
    scores = scores_of(rows)
    sums = counts.expected.floats(16, 0).reshape(4, 4) / SCORE
    for place in range(4):
        assert sums[place] == pytest.approx(scores[scores.argmax(axis=1) == place].sum(axis=0), abs=1e-6)


def test_the_baseline_of_classes_gives_every_row_the_references_shares() -> None:
    rng = np.random.default_rng(6)
    before, now = drawn(rng, 1_000).drop("weight"), drawn(rng, 700).drop("weight")
    cells = lay_out_quality(before, "multiclass")
    found = trivial(window(now, cells), cells, window(before, cells))
    shares = np.array([(before["label"] == name).mean() for name in NAMES])
    commonest = np.full(700, NAMES[int(shares.argmax())])
    label = now["label"].to_numpy()
    assert found["accuracy"] == pytest.approx(sk.accuracy_score(label, commonest))
    assert found["log_loss"] == pytest.approx(sk.log_loss(label, np.tile(shares, (700, 1)), labels=NAMES))
    assert found["brier_score"] == pytest.approx(sk.brier_score_loss(label, np.tile(shares, (700, 1)), labels=NAMES))
    assert found["f1_macro"] == pytest.approx(sk.f1_score(label, commonest, average="macro", zero_division=0))


COVERED = ("accuracy", "balanced_accuracy", "f1_macro", "f1_weighted", "matthews_corrcoef", "cohen_kappa", "log_loss")


@pytest.mark.simulation
@pytest.mark.parametrize(("nights", "shock"), [(1, 0.0), (20, 0.5)])
def test_intervals_of_classes_cover_the_truth(nights: int, shock: float) -> None:
    rng = np.random.default_rng(7)

    def draw(nights: int, rows: int) -> Quality:
        return merge_qualities(
            [
                tally_quality(drawn(rng, rows, shock=shock).drop("weight"), f"{night:04}", (), cells)
                for night in range(nights)
            ]
        )

    cells = lay_out_quality(drawn(rng, 5_000).drop("weight"), "multiclass")
    truth = metrics(draw(2_000, 300) if shock else draw(1, 2_000_000), cells)
    runs = 500
    found = covered(
        (*COVERED, "roc_auc"), truth, lambda: metrics(draw(nights, 400 if nights == 1 else 100), cells), runs
    )
    for name, times in found.items():
        assert times > 0.93 * runs, name
        assert times < 0.98 * runs, name


def test_one_night_is_as_uncertain_as_nights_miss_a_figure_that_is_another_for_each_mix_of_classes() -> None:
    rng, nights, size = np.random.default_rng(8), 60, 300
    shares = rng.dirichlet([2.0, 2.0, 2.0], nights)
    label = np.concatenate([rng.choice(3, size, p=each) for each in shares])
    wrong = rng.random(len(label)) < 0.3
    decided = np.where(wrong, rng.integers(3, size=len(label)), label)
    names = np.array(["a", "b", "c"])
    rows = pl.DataFrame({"label": names[label], "prediction": names[decided]})
    cells = lay_out_quality(rows, "multiclass")
    design = design_effects(window(rows, cells, nights), cells)
    for name in ("precision_macro", "precision_weighted"):
        whole, held = metrics(window(rows, cells, nights), cells)[name].value or 0.0, 0
        for part in rows.iter_slices(size):
            found = metrics(window(part, cells), cells, design)[name]
            held += (found.lower or 0.0) <= whole <= (found.upper or 1.0)
        assert held >= 0.9 * nights
    # What they miss it by is the less, the more nights there are.
    many, one = design["precision_weighted"], design["precision_weighted of one night"]
    assert one > 1.3 * many
    for count in (1, 4, 7):
        few = window(rows.head(count * size), cells, count)
        alone, known = (metrics(few, cells, each)["precision_weighted"] for each in ({}, design))
        wider = (on_logits(known) / on_logits(alone)) ** 2
        assert wider == pytest.approx(many + (one - many) / count)


def on_logits(found: Estimate) -> float:
    assert found.lower is not None
    assert found.upper is not None
    return math.log(found.upper / (1 - found.upper)) - math.log(found.lower / (1 - found.lower))


def test_a_share_near_one_has_more_room_below_it_than_above() -> None:
    rng = np.random.default_rng(12)
    label = rng.choice(list("abc"), 500)
    taken = np.where(rng.random(500) < 0.96, label, rng.choice(list("abc"), 500))
    rows = pl.DataFrame({"label": label, "prediction": taken})
    found = metrics(
        tally_quality(rows, NIGHT, (), lay_out_quality(rows, "multiclass")), lay_out_quality(rows, "multiclass")
    )
    for name in ("precision_weighted", "recall_macro", "f1_macro", "balanced_accuracy"):
        lower, value, upper = found[name].lower, found[name].value, found[name].upper
        assert lower is not None
        assert value is not None
        assert upper is not None
        assert upper < 1
        assert value - lower > 1.2 * (upper - value)
