"""Intervals that count nights and entities: against rows left out one group at a time, and statsmodels."""

import math
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray
from sklearn import metrics as sk
from statsmodels.regression.linear_model import OLS
from statsmodels.stats.sandwich_covariance import cov_cluster_2groups

from batchops.stats import (
    ENTITY,
    Estimate,
    Quality,
    SliceTest,
    class_details,
    entity_groups,
    fairness,
    lay_out_quality,
    lay_out_scores,
    merge_qualities,
    metrics,
    slice_gaps,
    tally_quality,
)
from batchops.stats.numbers.averages import Averaged, mean_estimate
from batchops.stats.numbers.intervals import freedom_of, proportion_estimate, two_sided
from batchops.stats.numbers.sparse import Sparse

Floats = NDArray[np.float64]
Figure = Callable[[pl.DataFrame], float]

NIGHTS, ROWS = 12, 300


def world(task: str = "binary", entities: int = 150, nights: int = NIGHTS) -> pl.DataFrame:
    """Rows of which an entity's are alike, and a night's a little."""
    rng = np.random.default_rng(5)
    night, entity = np.repeat(np.arange(nights), ROWS), rng.integers(entities, size=nights * ROWS)
    logit = rng.normal(-0.5, 1, len(night))
    moved = logit + 1.5 * rng.normal(size=entities)[entity] + 0.1 * rng.normal(size=nights)[night]
    frame = pl.DataFrame(
        {
            "night": night,
            "score": 1 / (1 + np.exp(-logit)) if task == "binary" else logit,
            "label": (rng.random(len(night)) < 1 / (1 + np.exp(-moved))).astype(np.float64)
            if task == "binary"
            else moved + rng.normal(size=len(night)),
            "kind": rng.choice(["a", "b"], len(night)),
        }
    )
    return frame.with_columns(entity_groups(pl.Series(entity)))


def quality(
    rows: pl.DataFrame,
    task: str = "binary",
    slices: tuple[tuple[str, ...], ...] = (),
    weight: float | None = None,
) -> Quality:
    cells = replace(CELLS[task], weight=weight)
    parts = [tally_quality(part, f"2013-01-{night + 1:02}", slices, cells) for (night,), part in rows.group_by("night")]
    return merge_qualities(parts)


CELLS = {
    "binary": lay_out_scores(world()["score"]),
    "regression": lay_out_quality(world("regression").select("score", "label"), "regression", 0.5),
}


def jackknife(rows: pl.DataFrame, figure: Figure, uneven: bool = True) -> float:
    """Half the interval by leaving out nights, groups and both by hand.

    Args:
        uneven: Uneven clusters leave less freedom, as they do for ratios of sums.
    """
    parts = []
    for by in (["night"], [ENTITY], ["night", ENTITY]):
        each = rows.partition_by(by)
        values = np.array([figure(rows.join(part.select(by).unique(), on=by, how="anti")) for part in each])
        sizes, centred = np.array([float(part.height) for part in each]), values - values.mean()
        freedom = freedom_of(centred, sizes) if uneven and len(by) == 1 else len(values) - 1
        parts.append(((len(values) - 1) / len(values) * (centred**2).sum(), freedom))
    nights, groups, cells = parts
    total = nights[0] + groups[0] - cells[0]
    assert total > nights[0]
    freedom = total**2 / sum(variance**2 / each for variance, each in parts)
    return two_sided(0.95, freedom) * math.sqrt(total)


def half(estimate: Estimate) -> float:
    assert estimate.lower is not None
    assert estimate.upper is not None
    return (estimate.upper - estimate.lower) / 2


def binary_figures() -> Iterator[tuple[str, Figure]]:
    yield "log_loss", lambda rows: float(sk.log_loss(rows["label"], rows["score"]))
    yield "brier_score", lambda rows: float(sk.brier_score_loss(rows["label"], rows["score"]))
    yield "calibration_gap", lambda rows: float((rows["label"] - rows["score"]).mean())  # type: ignore[arg-type]
    yield "balanced_accuracy", lambda rows: float(sk.balanced_accuracy_score(rows["label"], rows["score"] >= 0.5))


@pytest.mark.parametrize(("name", "figure"), [*binary_figures()])
def test_the_variance_is_that_of_leaving_out_nights_entities_and_both(name: str, figure: Figure) -> None:
    rows = world()
    found = metrics(quality(rows), CELLS["binary"])[name]
    assert found.clusters == ("night", "entity")
    assert found.entities == rows[ENTITY].n_unique()
    # A mean that is never negative has its interval by its logarithm, on which it is a little longer on one side.
    close = 1e-3 if name in ("log_loss", "brier_score") else 1e-6
    assert half(found) == pytest.approx(jackknife(rows, figure, name != "balanced_accuracy"), rel=close)
    assert half(found) > 1.05 * half(metrics(quality(rows.drop(ENTITY)), CELLS["binary"])[name])


@pytest.mark.parametrize(
    ("name", "figure"),
    [
        ("mean_error", lambda rows: float((rows["score"] - rows["label"]).mean())),
        ("mean_absolute_error", lambda rows: float((rows["score"] - rows["label"]).abs().mean())),
        ("root_mean_squared_error", lambda rows: float(np.sqrt(((rows["score"] - rows["label"]) ** 2).mean()))),
        ("r2", lambda rows: float(sk.r2_score(rows["label"], rows["score"]))),
    ],
)
def test_the_same_holds_of_numbers(name: str, figure: Figure) -> None:
    rows = world("regression")
    found = metrics(quality(rows, "regression"), CELLS["regression"])[name]
    assert found.clusters == ("night", "entity")
    # Some have their interval on a scale of their own, on which it is a little longer on one side.
    assert half(found) == pytest.approx(jackknife(rows, figure, uneven=False), rel=0.01)


def test_the_area_counts_entities_in_a_few_wide_cells() -> None:
    rows = world()
    found = metrics(quality(rows), CELLS["binary"])["roc_auc"]
    by_hand = jackknife(rows, lambda left: float(sk.roc_auc_score(left["label"], left["score"])), uneven=False)
    assert found.clusters == ("night", "entity")
    assert half(found) - found.error == pytest.approx(by_hand, rel=0.05)


def test_average_precision_counts_entities_in_a_few_wide_cells() -> None:
    rows = world()
    found, alone = (metrics(quality(each), CELLS["binary"]) for each in (rows, rows.drop(ENTITY)))
    by_hand = jackknife(rows, lambda left: float(sk.average_precision_score(left["label"], left["score"])), False)
    precision = found["average_precision"]
    assert precision.clusters == ("night", "entity")
    assert half(precision) - precision.error == pytest.approx(by_hand, rel=0.05)
    assert half(precision) > 1.05 * half(alone["average_precision"])


def test_the_median_of_the_error_counts_entities_in_a_few_wide_cells() -> None:
    rows = world("regression")
    found = metrics(quality(rows, "regression"), CELLS["regression"])["median_absolute_error"]
    errors = (rows["score"] - rows["label"]).abs()
    below = rows.with_columns(below=errors <= errors.median())
    radius = jackknife(below, lambda left: float(left["below"].mean()))  # type: ignore[arg-type]
    lower, upper = (errors.quantile(share, "linear") for share in (0.5 - radius, 0.5 + radius))
    assert found.clusters == ("night", "entity")
    assert found.lower == pytest.approx(lower, rel=0.02)
    assert found.upper == pytest.approx(upper, rel=0.02)
    alone = metrics(quality(rows.drop(ENTITY), "regression"), CELLS["regression"])["median_absolute_error"]
    assert half(found) > 1.2 * half(alone)
    heavy = quality(rows.with_columns(weight=2.0), "regression", weight=1.0)
    by_weight = metrics(heavy, replace(CELLS["regression"], weight=1.0))["median_absolute_error"]
    assert half(by_weight) == pytest.approx(half(found), rel=1e-6)


def test_nights_counted_before_errors_were_kept_by_entity_leave_the_median_to_nights() -> None:
    rows = world("regression")
    counted = quality(rows, "regression")
    older = Quality(
        {
            night: replace(
                part, entities=tuple((group, replace(each, histogram=Sparse())) for group, each in part.entities)
            )
            for night, part in counted.nights.items()
        }
    )
    found = metrics(older, CELLS["regression"])
    assert found["mean_absolute_error"].clusters == ("night", "entity")
    bare = metrics(quality(rows.drop(ENTITY), "regression"), CELLS["regression"])
    assert found["median_absolute_error"] == bare["median_absolute_error"]


def classes(entities: int = 150) -> pl.DataFrame:
    """The binary world's rows, of which some are of a third class, and some were taken rightly by luck."""
    rows, rng = world(entities=entities), np.random.default_rng(6)
    label = np.where(rng.random(rows.height) < 0.3, 2, rows["label"] == 1)
    taken = np.where(rng.random(rows.height) < 0.2, label, rows["score"] >= 0.75)
    return rows.drop("score").with_columns(label=label, prediction=taken)


def test_who_was_taken_for_whom_counts_entities() -> None:
    rows = classes()
    cells = lay_out_quality(rows, "multiclass")
    days = rows.partition_by("night")
    counted = merge_qualities([tally_quality(part, f"{at:02}", (), cells) for at, part in enumerate(days)])
    found, by_class = metrics(counted, cells), class_details(counted, cells)

    def pairs(left: pl.DataFrame) -> Floats:
        return np.bincount(left["label"] * 3 + left["prediction"], minlength=9).reshape(3, 3).astype(np.float64)

    def right(left: pl.DataFrame) -> float:
        return float(np.trace(pairs(left)) / left.height)

    def f1(left: pl.DataFrame) -> float:
        table = pairs(left)
        each = 2 * np.diag(table) / (table.sum(axis=0) + table.sum(axis=1))
        return float((each * table.sum(axis=1)).sum() / left.height)

    for name, figure in (("recall_weighted", right), ("f1_weighted", f1)):
        assert found[name].clusters == ("night", "entity")
        # The interval of a share's logit is a little longer on one side.
        assert half(found[name]) == pytest.approx(jackknife(rows, figure, uneven=False), rel=5e-3)
    share = rows.with_columns(label=(pl.col("label") == 1).cast(pl.Float64), score=0.5)
    whole = metrics(quality(share), CELLS["binary"])["base_rate"]
    assert by_class["1"]["base_rate"].clusters == ("night", "entity")
    assert half(by_class["1"]["base_rate"]) == pytest.approx(half(whole))


def test_of_very_many_classes_who_was_taken_for_whom_is_left_to_nights() -> None:
    rows = classes().with_columns(label=pl.int_range(pl.len()) % 70)
    rows = rows.with_columns(prediction="label")
    cells = lay_out_quality(rows, "multiclass")
    night = tally_quality(rows, "", (), cells).nights[""]
    assert len(cells.classes) > 64
    assert not any(part.histogram.cells for _, part in night.entities)
    found = metrics(Quality({"": night}), cells)
    assert found["accuracy"].clusters == ("entity",)
    assert found["balanced_accuracy"].clusters == ()


def test_a_means_variance_is_that_of_statsmodels_but_for_small_corrections() -> None:
    rows = world(entities=2_000)
    table = np.zeros((2, NIGHTS, 64))
    for night, group, label in rows.select("night", ENTITY, "label").iter_rows():
        table[:, night, group] += (label, 1)
    found = mean_estimate(table[0], table[1], Averaged(float(rows["label"].sum())))
    fit = OLS(rows["label"].to_numpy(), np.ones(rows.height)).fit()
    both, by_night, _ = cov_cluster_2groups(fit, rows["night"].to_numpy(), rows[ENTITY].to_numpy().astype(int), False)
    assert both[0, 0] > by_night[0, 0]
    # The jackknife divides by clusters less one.
    assert (half(found) / two_sided(0.95, 11)) ** 2 == pytest.approx(both[0, 0] * NIGHTS / (NIGHTS - 1), rel=0.15)


def test_one_night_counts_entities_alone_and_two_tables_are_one_night() -> None:
    rows = world(nights=1)
    for task in ("binary", "regression"):
        table = world(task, nights=1)
        for name, found in metrics(quality(table, task), CELLS[task]).items():
            alone = metrics(quality(table.drop(ENTITY), task), CELLS[task])[name]
            assert found.value == alone.value
            if found.clusters:
                assert found.clusters == ("entity",)
                assert half(found) >= half(alone) * 0.999
    many = pl.concat([rows.with_columns(pl.lit(value).alias("label")) for value in (0.0, 1.0)])
    found = metrics(quality(many), CELLS["binary"])["accuracy"]
    assert not found.rows_independent


@pytest.mark.parametrize("task", ["binary", "regression"])
def test_entities_that_make_no_difference_widen_rows_with_weights_no_more_than_others(task: str) -> None:
    rng, wider = np.random.default_rng(9), dict[str, list[float]]()
    whole = world(task).with_columns(night=pl.lit(0))
    for seed in range(10):
        table = whole.sample(fraction=1, with_replacement=True, seed=seed).with_columns(
            pl.Series("weight", np.maximum(rng.gamma(0.5, 1, whole.height).round(2), 0.01)),
            entity_groups(pl.Series(rng.integers(10_000, size=whole.height))),
        )
        with_them, without = (
            metrics(quality(each, task, weight=0.01), CELLS[task]) for each in (table, table.drop(ENTITY))
        )
        for name, found in with_them.items():
            if found.clusters:
                wider.setdefault(name, []).append(half(found) / half(without[name]))
    assert len(wider) >= 8
    # Counted twice, weights of which a third weigh would widen all by a half.
    assert all(np.median(ratios) < 1.12 for ratios in wider.values()), {k: np.median(v) for k, v in wider.items()}


def test_too_few_entities_are_none() -> None:
    found = metrics(quality(world(entities=5)), CELLS["binary"])["log_loss"]
    assert (found.clusters, found.entities) == (("night",), 0)


def test_a_night_that_knows_no_entities_leaves_nights_alone() -> None:
    rows = world()
    older = tally_quality(rows.drop(ENTITY), "2012-12-31", (), CELLS["binary"])
    assert metrics(quality(rows) + older, CELLS["binary"])["log_loss"].clusters == ("night",)


def test_where_all_rows_are_alike_a_share_has_wilsons_interval() -> None:
    ones = np.ones((10, 64))
    found = proportion_estimate(ones, ones)
    assert found.value == 1.0
    assert found.lower is not None
    assert 0.97 < found.lower < 1


def test_slices_are_as_much_wider_as_entities_make_the_whole() -> None:
    rows = world()
    test = SliceTest("log_loss")
    known, bare = (
        slice_gaps(quality(each, slices=(("kind",),)), CELLS["binary"], test) for each in (rows, rows.drop(ENTITY))
    )
    for with_entities, without in zip(known.slices, bare.slices, strict=True):
        assert with_entities.gap.value == without.gap.value
        assert half(with_entities.gap) > 1.05 * half(without.gap)
        assert half(with_entities.metrics["brier_score"]) > 1.05 * half(without.metrics["brier_score"])
    groups = [fairness(quality(each, slices=(("kind",),)), CELLS["binary"])[0] for each in (rows, rows.drop(ENTITY))]
    wide, narrow = (each.differences["demographic_parity_difference"] for each in groups)
    assert half(wide) >= half(narrow)


def test_an_entity_is_in_the_same_group_on_every_night_and_groups_are_even() -> None:
    names = pl.Series([f"N{number}" for number in range(20_000)])
    groups = entity_groups(names)
    assert groups.equals(entity_groups(names.reverse()).reverse().alias(ENTITY))
    counts = groups.value_counts()["count"]
    assert len(counts) == 64
    assert 230 < int(counts.min()) < int(counts.max()) < 400  # type: ignore[arg-type]
    assert entity_groups(pl.Series([None, None], dtype=pl.String)).n_unique() == 1
    assert entity_groups(pl.Series([3, 4, 3])).to_list()[::2] == [entity_groups(pl.Series([3]))[0]] * 2
