"""What holds of a night holds where classes or numbers are predicted; of two outcomes the flights tell it."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.metrics import accuracy_score, mean_absolute_error

from batchops.errors import JobError, ModelError
from batchops.models import resolve, versions
from batchops.quarantine.choosing import Wish
from batchops.quarantine.releasing import release
from batchops.run import Options
from batchops.train import train
from tests.flights import rows_in
from tests.tasks import KINDS, NIGHTS, TASKS, Shop, make

BEFORE, TONIGHT = NIGHTS[0], NIGHTS[1]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Shop]:
    return {task: make(tmp_path_factory.mktemp(task) / "project", task) for task in TASKS}


@pytest.fixture
def shop(made: dict[str, Shop], tmp_path: Path, request: pytest.FixtureRequest) -> Shop:
    return made[request.param].twin(tmp_path / "project")


every = pytest.mark.parametrize("shop", TASKS, indirect=True)
multiclass = pytest.mark.parametrize("shop", ["multiclass"], indirect=True)
regression = pytest.mark.parametrize("shop", ["regression"], indirect=True)


def found(outcome: object, check: str) -> list[float | None]:
    document = outcome.document  # type: ignore[attr-defined]
    return [each.value for each in document.findings if each.check == check]


@every
def test_the_audit_is_the_same_for_any_partitioning_and_labels(shop: Shop, tmp_path: Path) -> None:
    shop.run(BEFORE)
    shop.join(BEFORE)
    left = []
    for parts in (1, 4):
        copy = shop.twin(tmp_path / f"{parts}")
        copy.cut(parts, TONIGHT)
        outcome = copy.run(TONIGHT)
        assert rows_in(outcome)[0] == 150
        left.append((copy.audit(outcome), copy.audit(copy.join(TONIGHT)), copy.scores(TONIGHT).write_csv()))
        assert copy.run(TONIGHT).state == "up to date"
        assert copy.join(TONIGHT).state == "up to date"
    assert left[0] == left[1]


@every
def test_released_rows_make_the_night_that_it_would_have_been(shop: Shop, tmp_path: Path) -> None:
    rows = pl.read_parquet(shop.file("visits"))
    far = pl.when(pl.int_range(pl.len()) < 3).then(101.0).otherwise("pages")
    rows.with_columns(pages=far).write_parquet(shop.file("visits"))
    fresh = shop.twin(tmp_path / "fresh")
    assert rows_in(shop.run())[2] == 3
    for each in (shop, fresh):
        each.edit("schemas/shop.py", ("le=100", "le=200"), ('"version": 1', '"version": 2'))
    done = release(shop.job, BEFORE, Wish("a drill"), shop.settings, Options())
    assert done.released == 3
    assert rows_in(done.outcome) == rows_in(fresh.run())
    assert shop.scores().equals(fresh.scores())
    assert shop.join().document is not None


@every
def test_a_run_that_died_before_its_commit_is_completed_by_the_same_command(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    whole = shop.twin(tmp_path / "whole")

    def die(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("batchops.run.paper.publish", die)
        with pytest.raises(KeyboardInterrupt):
            shop.run()
    assert shop.audit(shop.run()) == whole.audit(whole.run())
    assert shop.scores().equals(whole.scores())


@multiclass
def test_a_class_has_a_score_and_the_likeliest_is_the_prediction(shop: Shop) -> None:
    document = shop.run().document
    assert document is not None
    assert document.score is not None
    assert [each.label for each in document.score.classes] == [*KINDS]
    assert document.score.prediction is not None
    scores = shop.scores()
    table = scores.select(f"score_{name}" for name in KINDS).to_numpy()
    assert table.sum(axis=1) == pytest.approx(1)
    assert scores["prediction"].to_list() == [KINDS[place] for place in np.argmax(table, axis=1)]
    assert scores["score"].to_list() == table.max(axis=1).tolist()
    joined = shop.join().document
    assert joined is not None
    assert joined.quality is not None
    truth = scores.join(pl.read_parquet(shop.file("labels")), on="visit")
    accuracy = accuracy_score(truth["came"].to_list(), truth["prediction"].to_list())
    assert joined.quality.metrics["accuracy"].tonight == pytest.approx(accuracy)


@regression
def test_a_number_is_score_and_prediction_and_its_errors_are_scikit_learns(shop: Shop) -> None:
    shop.run()
    outcome = shop.join()
    scores = shop.scores()
    assert scores["score"].equals(scores["prediction"])
    truth = scores.join(pl.read_parquet(shop.file("labels")), on="visit")
    error = mean_absolute_error(truth["came"].to_list(), truth["score"].to_list())
    document = outcome.document
    assert document is not None
    assert document.quality is not None
    assert (document.task, document.unit) == ("regression", "EUR")
    assert document.quality.metrics["mean_absolute_error"].tonight == pytest.approx(error, rel=1e-6)
    page = Path(str(outcome.report)).read_text()
    assert "Prediction drift" in page
    assert "ROC AUC</th>" not in page


@multiclass
def test_a_class_that_no_version_knows_is_a_finding_that_names_it_where_ten_rows_hold_it(shop: Shop) -> None:
    shop.run()
    row = pl.int_range(pl.len())
    shop.relabel(came=pl.when(row < 12).then(pl.lit("tram")).when(row < 14).then(pl.lit("ufo")).otherwise("came"))
    outcome = shop.join()
    assert found(outcome, "labels.unknown") == [14]
    assert outcome.document is not None
    assert outcome.document.quality is not None
    assert outcome.document.quality.n_labelled == 136
    text = shop.audit(outcome)
    assert "tram 12" in text
    assert "ufo" not in text


@pytest.mark.parametrize(
    ("shop", "other", "invalid"), [("multiclass", "car", ""), ("regression", 7.0, float("inf"))], indirect=["shop"]
)
def test_labels_that_contradict_each_other_or_are_none_are_said(shop: Shop, other: object, invalid: object) -> None:
    shop.run()
    labels = pl.read_parquet(shop.file("labels"))
    both = pl.concat([labels, labels[:2].with_columns(came=pl.lit(other)), labels[:2].with_columns(came=pl.lit("boat"))]
                     if isinstance(other, str) else [labels, labels[:2].with_columns(came=pl.lit(other))])  # fmt: skip
    row = pl.int_range(pl.len())
    both.with_columns(came=pl.when(row.is_between(5, 7)).then(pl.lit(invalid)).otherwise("came")).write_parquet(
        shop.file("labels")
    )
    outcome = shop.join()
    assert found(outcome, "labels.conflicting") == [2]
    assert found(outcome, "labels.invalid") == [3]


@multiclass
def test_classes_may_be_whole_numbers(shop: Shop) -> None:
    shutil.rmtree(shop.folder / "var/store")
    for file in (shop.folder / "var/data/labels").rglob("*.parquet"):
        number = pl.col("came").replace_strict({"boat": 2, "car": 10, "plane": 1}, return_dtype=pl.Int64)
        pl.read_parquet(file).with_columns(came=number).write_parquet(file)
    assert train(shop.job, shop.settings).manifest.classes == ("1", "2", "10")
    shop.run()
    assert set(shop.scores()["prediction"]) <= {"1", "2", "10"}


@multiclass
def test_a_class_of_one_fold_alone_is_learned_and_said(shop: Shop) -> None:
    shutil.rmtree(shop.folder / "var/store")
    first = sorted((shop.folder / "var/data/labels").rglob("*.parquet"))[0]
    rows = pl.read_parquet(first)
    rows.with_columns(came=pl.when(pl.int_range(pl.len()) < 30).then(pl.lit("tram")).otherwise("came")).write_parquet(
        first
    )
    manifest = train(shop.job, shop.settings).manifest
    assert manifest.classes == (*KINDS, "tram")
    assert "tram" in manifest.remarks[0]
    document = shop.run().document
    assert document is not None
    assert shop.join().document is not None


@pytest.mark.parametrize(
    ("shop", "changes", "said"),
    [
        (
            "regression",
            (
                ("BoostingRegressor(max", "BoostingClassifier(max"),
                (".fit(features, labels)", ".fit(features, labels > 8)"),
            ),
            "is a classifier, and the job's task is regression",
        ),
        (
            "multiclass",
            (
                ("BoostingClassifier(max", "BoostingRegressor(max"),
                (".fit(features, labels)", ".fit(features, labels == 'car')"),
            ),
            "has no predict_proba, and the job's task is multiclass",
        ),
        (
            "multiclass",
            ((".fit(features, labels)", ".fit(features, labels == 'car')"),),
            "tells False, True apart, and the labels' classes are boat, car, plane",
        ),
        (
            "regression",
            (("BoostingRegressor(max", "BoostingClassifier(max"),),
            "its model refuses the training rows: Unknown label type",
        ),
    ],
    indirect=["shop"],
)
def test_a_model_of_another_kind_than_the_task_is_a_slip(
    shop: Shop, changes: tuple[tuple[str, str], ...], said: str
) -> None:
    shop.edit("jobs/shop.py", *changes)
    with pytest.raises(JobError, match=re.escape(said)) as caught:
        train(shop.job, shop.settings)
    assert caught.value.exit_code == 2
    assert caught.value.remedy
    assert len(versions(shop.store, "shop")) == 1


@regression
def test_a_job_of_another_task_than_its_model_or_its_table_is_a_slip(shop: Shop) -> None:
    shop.run()
    shop.edit("jobs/shop.py", ('task="regression"', 'task="multiclass"'))
    with pytest.raises(JobError, match="was trained for regression, and the job's task is multiclass"):
        shop.run(TONIGHT)
    with pytest.raises(JobError, match="was trained for regression"):
        shop.join()


@regression
def test_numbers_that_are_not_finite_are_rows_without_a_prediction_and_no_model_is_made_of_them(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    predict = HistGradientBoostingRegressor.predict

    def endless(self: HistGradientBoostingRegressor, rows: np.ndarray) -> np.ndarray:
        numbers = predict(self, rows)
        if len(rows) >= 150:  # golden rows are fewer
            numbers[:4] = [np.inf, -np.inf, np.nan, np.inf]
        return np.asarray(numbers)

    monkeypatch.setattr(HistGradientBoostingRegressor, "predict", endless)
    outcome = shop.run()
    assert outcome.state == "withheld"
    assert found(outcome, "score.null_share") == [pytest.approx(4 / 150)]
    assert rows_in(outcome) == (150, 150, 0)
    with pytest.raises(ModelError, match="gives no finite number for 4 of"):
        train(shop.job, shop.settings)


@every
def test_slices_are_searched_whatever_is_predicted(shop: Shop) -> None:
    for night in NIGHTS:
        shop.run(night)
        document = shop.join(night).document
    assert document is not None
    assert document.slicing is not None
    assert document.slicing.searched


@every
def test_the_version_says_what_it_was_made_for(shop: Shop) -> None:
    manifest = resolve(shop.store, "shop@champion").manifest
    assert manifest.task == shop.task
    assert manifest.classes == (KINDS if shop.task == "multiclass" else ())
    assert manifest.reliance["pages"] > 0.1 > abs(manifest.reliance["minutes"])
