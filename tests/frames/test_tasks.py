from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from sklearn.metrics import log_loss, mean_squared_error, r2_score

from batchops import FrameAudit, Roles, Severity, audit_frame

CLASSES = ("cat", "dog", "eel")


def animals(rows: int, seed: int, wrong: bool = False) -> pl.DataFrame:
    """Scores of three classes that are true; of dirty rows, if so asked, they are another row's."""
    random = np.random.default_rng(seed)
    scores = random.dirichlet([1.0, 1.0, 1.0], rows)
    dirty = random.random(rows) < 0.3
    label = np.array([random.choice(3, p=each) for each in scores])
    shown = np.where((dirty & wrong)[:, None], random.permutation(scores), scores)
    columns = {f"score_{name}": shown[:, place] for place, name in enumerate(CLASSES)}
    names = np.array(CLASSES)[label]
    return pl.DataFrame({"dirty": dirty, "size": random.normal(size=rows), **columns, "label": names})


def numbers(rows: int, seed: int) -> pl.DataFrame:
    random = np.random.default_rng(seed)
    x = random.normal(size=rows)
    return pl.DataFrame({"x": x, "prediction": 2 * x, "y": 2 * x + random.normal(size=rows)})


def value(made: FrameAudit, name: str) -> float | None:
    assert made.document.quality is not None
    return made.document.quality.metrics[name].value


@pytest.mark.parametrize("scored", [True, False])
def test_slices_of_several_classes_are_searched_for(scored: bool) -> None:
    current, reference = animals(6_000, 1, wrong=True), animals(6_000, 2)
    if not scored:
        top = pl.concat_list([f"score_{name}" for name in CLASSES]).list.arg_max()
        decided = top.replace_strict(dict(enumerate(CLASSES)), return_dtype=pl.String)
        current, reference = (
            each.select("dirty", "size", "label", prediction=decided) for each in (current, reference)
        )
    made = audit_frame(current, reference, discover=True)
    found = [part for part in made.document.slices or () if part.discovered]
    assert found[0].slice == {"dirty": "true"}
    assert found[0].gap.metric == ("log_loss" if scored else "error_rate")
    half = current.filter("dirty")
    if scored:
        truth = log_loss(half["label"], half.select(f"score_{name}" for name in CLASSES).to_numpy(), labels=CLASSES)
        assert found[0].metrics["log_loss"].value == pytest.approx(truth, rel=0.1)


def test_a_class_that_one_side_lacks_is_no_error() -> None:
    current, reference = animals(1_000, 1), animals(4_000, 2)
    lacking = pl.col("label") != "eel"
    for now, was in ((current.filter(lacking), reference), (current, reference.filter(lacking))):
        made = audit_frame(now, was)
        assert made.document.quality is not None
        assert made.document.quality.confusion is not None
        assert made.document.quality.confusion.labels == CLASSES
        assert made.document.quality.n_labelled == now.height


def test_a_score_that_one_side_lacks_is_told_of_the_current_and_passed_over_in_the_reference() -> None:
    current, reference = animals(1_000, 1), animals(4_000, 2)
    made = audit_frame(current.drop("score_eel"), reference)
    assert ("schema.missing_column", "score_eel") in {(each.check, each.subject) for each in made.document.findings}
    made = audit_frame(current, reference.drop("score_eel"))
    assert value(made, "log_loss") is not None


def test_predictions_are_the_scores_of_numbers_where_both_are_guessed() -> None:
    rows = numbers(2_000, 1)
    made = audit_frame(rows.with_columns(score=pl.lit(0.5)), numbers(2_000, 2).with_columns(score=pl.lit(0.5)))
    assert made.document.provenance.roles is not None
    assert "score" not in made.document.provenance.roles
    assert value(made, "mean_squared_error") == pytest.approx(mean_squared_error(rows["y"], rows["prediction"]))
    assert made.document.estimated is not None
    assert made.document.estimated.weighted is not None


@pytest.mark.parametrize("size", [1e-300, 1e-5, 1e5, 1e150, 1e300])
def test_numbers_may_have_any_size(size: float) -> None:
    current, reference = (
        each.with_columns(pl.col("prediction", "y") * size) for each in map(numbers, (900, 999), (1, 2))
    )
    made = audit_frame(current, reference)
    assert value(made, "r2") == pytest.approx(r2_score(current["y"] / size, current["prediction"] / size), abs=1e-6)
    root = np.sqrt(mean_squared_error(current["y"] / size, current["prediction"] / size))
    assert (value(made, "root_mean_squared_error") or 0.0) / size == pytest.approx(root, rel=1e-6)
    assert made.verdict.severity == "PASS"


@pytest.mark.parametrize("current", [numbers(1, 1), numbers(500, 1).with_columns(y=pl.lit(0.1))])
def test_labels_that_do_not_vary_have_nothing_to_explain(current: pl.DataFrame) -> None:
    made = audit_frame(current, numbers(2_000, 2), roles=Roles(task="regression"))
    assert (value(made, "r2"), value(made, "explained_variance")) == (None, None)


def test_nothing_is_judged_against_a_reference_of_two_rows() -> None:
    made = audit_frame(numbers(1_000, 1), numbers(2, 2))
    assert not [each for each in made.document.findings if each.check.startswith("quality")]


def test_of_several_classes_the_predicted_ones_and_each_score_are_compared() -> None:
    reference, current = animals(4_000, 1), animals(4_000, 2)
    same = audit_frame(current, reference).document
    assert same.score is not None
    assert same.score.prediction is not None
    assert [each.label for each in same.score.classes] == [*CLASSES]
    assert {each.check for each in same.findings if each.severity in (Severity.WARN, Severity.FAIL)} == set()
    # All that is said of cats is said of dogs instead.
    moved = current.with_columns(score_cat=pl.lit(0.0), score_dog=pl.col("score_cat") + pl.col("score_dog"))
    found = audit_frame(moved.drop("label"), reference).document
    assert found.score is not None
    assert found.score.prediction is not None
    scores = current.select(f"score_{name}" for name in CLASSES).to_numpy()
    before = np.bincount(reference.select(f"score_{name}" for name in CLASSES).to_numpy().argmax(axis=1), minlength=3)
    now = np.bincount(np.where(scores[:, :2].sum(axis=1) > scores[:, 2], 1, 2), minlength=3)
    assert found.score.prediction.window.distance == pytest.approx(np.abs(before - now).sum() / 2 / 4_000)
    failed = {each.subject for each in found.findings if each.severity is Severity.FAIL}
    assert {"prediction", "score_cat", "score_dog"} <= failed


def test_of_several_classes_a_weighted_estimate_follows_the_rows_that_came() -> None:
    random = np.random.default_rng(3)
    reference = animals(8_000, 2, wrong=True)
    # Dirty rows have wrong scores, and here come twice as many of them: what scores mean has changed by that alone.
    current = animals(8_000, 1, wrong=True)
    more = current.filter(pl.col("dirty") | pl.Series(random.random(8_000) < 0.25))
    made = audit_frame(more.drop("label"), reference)
    truth = log_loss(more["label"], more.select(f"score_{name}" for name in CLASSES).to_numpy(), labels=CLASSES)
    found = made.document.estimated
    assert found is not None
    assert found.weighted is not None
    plain, weighted = found.metrics["log_loss"].value, found.weighted.metrics["log_loss"].value
    assert plain is not None
    assert weighted is not None
    assert abs(weighted - truth) < abs(plain - truth) / 2
