from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from sklearn.metrics import roc_auc_score

from batchops.audit import LABEL, SCORE
from batchops.audit.stored import unpacked
from batchops.errors import JobError
from batchops.models import Asked, Encoding, encode, load, out_of_fold, resolve, threads, versions, week_folds
from batchops.models.manifest import SEARCHED
from batchops.partition import Night
from batchops.run.reference import reference_of
from batchops.stats.discovery import Counted, Proposal
from batchops.train import train
from tests.flights import KEY, NAME, TRAINING, Flights

JOB = f"jobs/{NAME}.py"


def labelled(flights: Flights) -> pl.DataFrame:
    """The training rows, read by hand."""
    first, last = (Night(date) for date in TRAINING)
    parts = []
    for night in first.through(last):
        rows = flights.rows(night).join(pl.read_parquet(flights.labels(night)), on=list(KEY), maintain_order="left")
        parts.append(rows.with_columns(pl.lit(str(night)).alias("night"), pl.col("late").alias(LABEL)))
    return pl.concat(parts)


def test_a_version_says_what_it_was_made_of(trained: Flights) -> None:
    version = resolve(trained.store, f"{NAME}@champion")
    manifest = version.manifest
    rows = labelled(trained)
    assert (version.number, manifest.actor, manifest.parent) == (1, "ann@tower", None)
    assert (manifest.training.first, manifest.training.last) == (str(TRAINING[0]), str(TRAINING[1]))
    assert manifest.training.nights == 41
    # A row that the contract sets aside is not learned from.
    assert 0 <= rows.height - manifest.training.rows < 0.01 * rows.height
    assert manifest.contract.digest == trained.job.contract.digest
    assert set(manifest.reliance) == set(trained.job.contract.features)
    assert load(trained.store, version).version == version


def test_the_reference_is_scored_by_models_that_did_not_see_the_week(trained: Flights) -> None:
    """The area that is kept equals scikit-learn's on out-of-fold scores made by hand, to the width of a cell."""
    version, job = resolve(trained.store, f"{NAME}@champion"), trained.job
    assert job.job.training is not None
    rows = labelled(trained)
    if rows.height != version.manifest.training.rows:
        pytest.fail("the contract sets training rows aside: make them by its accepted rows")
    features = job.contract.features
    encoding = Encoding.of(rows, features, [name for name in features if rows.schema[name] == pl.String])
    matrix, late = encode(rows, encoding), rows[LABEL].to_numpy()
    fold_of = week_folds(rows["night"].unique(maintain_order=True).to_list(), job.job.training.folds)
    folds = rows["night"].replace_strict(fold_of, return_dtype=pl.Int64).to_numpy()
    with threads(1):
        scores = out_of_fold(job.job.training.fit, matrix, late, folds, (encoding.categorical, Asked()))
    kept = version.manifest.metrics
    assert kept["roc_auc"] == pytest.approx(roc_auc_score(late, scores), abs=1e-3)
    assert kept["base_rate"] == pytest.approx(late.mean())
    # So is what found slices will be set beside.
    counted = unpacked(Counted, trained.store.read(f"{version.folder}/{SEARCHED}"), SEARCHED)
    by = {feature.column: place for place, feature in enumerate(counted.search.grid.features)}
    bins = (("dest", "BOS"), ("visib", counted.search.grid.features[by["visib"]].bins[0]))
    codes = [(by[name], counted.search.grid.features[by[name]].bins.index(value)) for name, value in bins]
    place, code = zip(*sorted(codes), strict=True)
    found = counted.recount([Proposal(bins, place, code, 0, 0.0)], counted.search)
    assert found is not None
    edge = counted.search.grid.features[by["visib"]].edges[0]
    inside = ((rows["dest"] == "BOS") & (rows["visib"] < edge)).fill_null(False).to_numpy()
    every, own = found.sums(1)[0, :2].T
    assert counted.search.loss.metric == "calibration_gap"
    assert (every[0], own[0]) == (rows.height, inside.sum())
    assert own[1] * counted.search.loss.quantum == pytest.approx((late - scores)[inside].sum(), abs=0.01)
    reference = reference_of(trained.store, version)
    assert reference.audit.outputs.columns[SCORE].rows == rows.height
    assert reference.audit.quality.total().overall.labelled == rows.height
    # A model scores the rows that it was made of far better than any night to come.
    flattering = load(trained.store, version).score(rows)
    assert roc_auc_score(late, flattering) > kept["roc_auc"] + 0.05


@pytest.fixture
def small(trained: Flights, tmp_path: Path) -> Flights:
    """A project of three weeks without any model, whose training takes a second."""
    first = Night(TRAINING[0])
    flights = trained.copy(tmp_path / "small", nights=tuple(first.through(first + 20)))
    shutil.rmtree(flights.folder / "var/store")
    flights.edit(
        JOB, (f'last="{TRAINING[1]}", folds=3', f'last="{first + 20}", folds=2'), ("max_iter=20", "max_iter=5")
    )
    return flights


@pytest.mark.slow
@pytest.mark.usefixtures("told_apart_anew")
def test_the_same_data_gives_the_same_model_and_never_another_champion(small: Flights) -> None:
    with threads(1):
        first, second = train(small.job, small.settings), train(small.job, small.settings)
    assert [version.number for version in versions(small.store, NAME)] == [1, 2]
    files = [version.manifest.files for version in (first, second)]
    assert files[0]["reference.audit"] == files[1]["reference.audit"]
    assert files[0]["golden.parquet"] == files[1]["golden.parquet"]
    assert (first.manifest.parent, second.manifest.parent) == (None, 1)
    assert resolve(small.store, f"{NAME}@champion") == first


def test_a_night_without_labels_is_not_learned_from(small: Flights) -> None:
    small.labels(Night(TRAINING[0]) + 3).unlink()
    with threads(1):
        version = train(small.job, small.settings)
    assert version.manifest.training.nights == 20


def test_a_damaged_training_file_stops_the_training(small: Flights) -> None:
    small.files(Night(TRAINING[0]) + 3)[0].write_bytes(b"PAR1")
    with pytest.raises(JobError, match="training night 2013-01-04: holds a damaged file"):
        train(small.job, small.settings)
    assert versions(small.store, NAME) == ()


def test_without_any_labelled_night_there_is_nothing_to_learn(small: Flights) -> None:
    shutil.rmtree(small.folder / "var/data/labels")
    with pytest.raises(JobError, match="has no labelled night from 2013-01-01 to 2013-01-21"):
        train(small.job, small.settings)


def test_a_job_that_says_nothing_of_training_is_not_trained(small: Flights) -> None:
    job = small.job
    with pytest.raises(JobError, match="says nothing of training"):
        train(replace(job, job=replace(job.job, training=None)), small.settings)


def test_personal_data_is_in_no_file_of_a_version(small: Flights) -> None:
    small.edit(
        "schemas/flights.py",
        ('metadata={"role": "feature", "unit": "mi"}', 'metadata={"role": "feature", "pii": True}'),
    )
    small.edit(JOB, ('    "distance",\n', ""))
    with threads(1):
        version = train(small.job, small.settings)
    golden = pl.read_parquet(small.store.uri(f"{version.folder}/golden.parquet"))
    assert golden["distance"].null_count() == golden.height > 90
    assert [cells.kind for cells in reference_of(small.store, version).inputs if cells.column == "distance"] == [
        "opaque"
    ]


def test_text_that_names_people_is_no_feature(small: Flights) -> None:
    small.edit("schemas/flights.py", ('isin=ORIGINS, metadata={"role"', 'isin=ORIGINS, metadata={"pii": True, "role"'))
    small.edit(JOB, ('("origin",), ', ""))
    with pytest.raises(JobError, match="'origin' is text and personal data"):
        train(small.job, small.settings)
