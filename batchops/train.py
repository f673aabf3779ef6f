"""Train a model version and register it with the reference that every later night is compared with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from batchops import codec
from batchops.audit import LABEL, PREDICTION, SCORE, Batch, NightProfile, Reference, Yardstick, audit_batch, merge
from batchops.audit.multivariate import ROWS, usual_areas
from batchops.audit.state import lay_out_outputs
from batchops.audit.stored import packed
from batchops.contract import KEY_UNIQUE, Validation, evaluate
from batchops.contract.keys import duplicates, keys_of, mark
from batchops.contract.versions.record import record, require_unchanged
from batchops.errors import JobError
from batchops.job import LoadedJob, Training
from batchops.models import (
    Asked,
    ContractRef,
    Draft,
    Encoding,
    TrainingData,
    Version,
    encode,
    fitted_by,
    git_state,
    out_of_fold,
    register,
    reliance,
    versions,
    week_folds,
)
from batchops.partition import Fingerprint, Night
from batchops.run.inputs import Unreadable, batches, examine, find
from batchops.run.outcome import Observe, Progress, silent
from batchops.run.references import answers_of, find_references, read_references
from batchops.run.scores import scores_frame
from batchops.run.searching import count_training
from batchops.run.truth import join_truth, read_truth
from batchops.settings import Settings
from batchops.stats import (
    AGE,
    ScoreCells,
    class_order,
    lay_out,
    lay_out_classes,
    lay_out_quality,
    lay_out_scores,
    metrics,
)
from batchops.stats.rows.sample import RowSample
from batchops.store import Store

__all__ = ["train"]

WEEK = 7

CLASSES = 100
"""More different labels than these are no classes."""

Matrix = NDArray[np.float64]
Folds = NDArray[np.int64]
Labels = NDArray[Any]


@dataclass(frozen=True, slots=True)
class _TrainingNight:
    """One night of the training data: as it came, as the contract sees it, and with what became of it."""

    night: Night
    readable: pl.DataFrame
    validation: Validation
    labelled: pl.DataFrame
    unlabelled: pl.DataFrame
    files: tuple[Fingerprint, ...]


def train(job: LoadedJob, settings: Settings, observe: Observe = silent) -> Version:
    """Fit the job's model on its training nights, and register it.

    The reference's scores are out of fold by whole weeks: rows of one night share its weather, its outages and its
    luck, so a model that has seen a night's other rows does better on it than it will on any night to come.

    Raises:
        ContractError: The contract was edited and kept the version that it was published under.
        JobError: The job says nothing of training or labels, there is no training data, or the model is of another kind
            than the task asks for.
        ModelError: The model cannot be fitted, or cannot be stored safely.
    """
    training = job.job.training
    if training is None or job.job.labels is None:
        raise JobError(f"job {job.name}", "says nothing of training or labels", "Add training=... and labels=... to it")
    store, name = Store(settings.root), job.job.model.partition("@")[0]
    require_unchanged(store, job.contract)
    nights = tuple(_nights(job, training, settings, observe))
    if not nights:
        span = f"{training.first} to {training.last}"
        raise JobError(f"job {job.name}", f"has no labelled night from {span}", "Prepare its data first")
    material = _material(job, nights, training.folds)
    observe(Progress("out of fold", training.last, 0, training.folds, len(material.matrix)))
    categorical, asked = material.encoding.categorical, material.asked
    scores = out_of_fold(training.fit, material.matrix, material.labels, material.folds, (categorical, asked))
    observe(Progress("fit", training.last, 0, 1, len(material.matrix)))
    model = fitted_by(training.fit, material.matrix, material.labels, categorical)
    parent = max((each.number for each in versions(store, name)), default=None)
    learnable = _learnable(nights, material)
    scored = _scored(job, learnable, (scores, asked))
    reference = _reference(job, learnable, scored, asked)
    counted = count_training(job, reference, pl.concat(scored))
    quality = metrics(reference.audit.quality, reference.quality)
    draft = Draft(
        model=model,
        encoding=material.encoding,
        contract=ContractRef(job.contract.id, job.contract.digest),
        target=job.job.labels.column,
        threshold=job.job.threshold,
        training=TrainingData(
            first=str(nights[0].night),
            last=str(nights[-1].night),
            nights=len(nights),
            rows=len(material.matrix),
            digest=codec.digest([each.files for each in nights]),
        ),
        sample=_sample(job, nights),
        reference=packed(reference),
        actor=settings.actor,
        git=git_state(job.project),
        trusted=training.trusted,
        metrics={name: estimate.value for name, estimate in quality.items() if estimate.value is not None},
        reliance=_reliance(training, material, job.contract.features),
        parent=parent,
        asked=asked,
        remarks=_remarks(material),
        searched=None if counted is None else packed(counted),
    )
    record(store, job.contract)
    return register(store, name, draft)


@dataclass(frozen=True, slots=True, eq=False)
class _Material:
    """What is learned from: one line a labelled row.

    Attributes:
        labels: 0 or 1, names of classes, or numbers.
        folds: By whole weeks.
        asked: What the model is to answer.
        alone: Classes that stand in one fold alone.
    """

    encoding: Encoding
    matrix: Matrix
    labels: Labels
    folds: Folds
    asked: Asked
    alone: tuple[str, ...]


def _material(job: LoadedJob, nights: Sequence[_TrainingNight], folds: int) -> _Material:
    rows = pl.concat([each.labelled for each in nights])
    encoding, task = _encoding(job, rows), job.job.task
    fold_of = week_folds([str(each.night) for each in nights], folds)
    fold = np.concatenate([np.full(each.labelled.height, fold_of[str(each.night)]) for each in nights])
    classes = _classes(job, rows[LABEL]) if task == "multiclass" else ()
    labels = np.array(rows[LABEL].to_list(), dtype=np.str_) if task == "multiclass" else rows[LABEL].to_numpy()
    alone = tuple(name for name in classes if len(np.unique(fold[labels == name])) == 1)
    return _Material(encoding, encode(rows, encoding), labels, fold, Asked(task, classes), alone)


def _classes(job: LoadedJob, labels: pl.Series) -> tuple[str, ...]:
    """Names of all classes that are labels, in the order of numbers where they are numbers.

    Raises:
        JobError: There are too many to tell apart.
    """
    names = class_order(labels.unique().to_list())
    if len(names) > CLASSES:
        what = f"its labels have {len(names):,} different values, and at most {CLASSES} classes are told apart"
        raise JobError(f"job {job.name}", what, 'Name another column, or write task="regression"')
    return names


def _learnable(nights: Sequence[_TrainingNight], material: _Material) -> Sequence[_TrainingNight]:
    """The nights without labels of classes that the model which scored them, out of fold, could not know."""
    unknown = pl.col(LABEL).is_in(material.alone)
    if not material.alone:
        return nights
    kept = pl.when(~unknown).then(LABEL).alias(LABEL)
    return [replace(each, labelled=each.labelled.with_columns(kept)) for each in nights]


def _remarks(material: _Material) -> tuple[str, ...]:
    if not material.alone:
        return ()
    names = ", ".join(material.alone)
    return (f"rows of {names} stand in one fold alone: nothing is known of how well the model tells them",)


def _encoding(job: LoadedJob, rows: pl.DataFrame) -> Encoding:
    features = job.contract.features
    texts = [name for name in features if rows.schema[name] == pl.String]
    named = sorted({*texts} & {*job.contract.pii})
    if named:
        what = f"the feature {named[0]!r} is text and personal data, and a model keeps its categories readable"
        raise JobError(f"job {job.name}", what, "Take it from the features, or derive one that names nobody")
    return Encoding.of(rows, features, texts)


def _sample(job: LoadedJob, nights: Sequence[_TrainingNight]) -> pl.DataFrame:
    """Rows to take the golden ones from; they lie readable in the store, so of personal data they hold nothing."""
    rows = pl.concat([each.labelled for each in nights])
    hidden = [name for name in job.contract.features if name in job.contract.pii]
    return rows.select(job.contract.features).with_columns(
        pl.lit(None, rows.schema[each]).alias(each) for each in hidden
    )


def _reliance(training: Training, material: _Material, features: Sequence[str]) -> Mapping[str, float]:
    """On the last fold, by a model that did not see it: on its own rows a model relies on what it learned by heart."""
    held = material.folds == material.folds.max()
    matrix, labels = material.matrix, material.labels
    model = fitted_by(training.fit, matrix[~held], labels[~held], material.encoding.categorical)
    return reliance(model, matrix[held], labels[held], features, material.asked)


def _nights(job: LoadedJob, training: Training, settings: Settings, observe: Observe) -> Iterator[_TrainingNight]:
    span = list(Night.parse(training.first).through(Night.parse(training.last)))
    for done, night in enumerate(span):
        observe(Progress("read", str(night), done, len(span)))
        found = examine(find(job.job.source, night, job.project), settings.threads)
        truth = read_truth(job, night, settings.threads)
        if not found or truth is None:
            continue
        try:
            parts = [frame for each in found for frame in batches(each.partition.uri)]
        except Unreadable as error:
            raise JobError(f"training night {night}", "holds a damaged file", "Prepare its data again") from error
        readable = pl.concat(parts, how="diagonal_relaxed")
        references = find_references(job.contract, night, job.project, settings.threads)
        answers = dict(answers_of(job.contract, read_references(job.contract, references), readable))
        keys = keys_of(job.contract, readable, job.job.key)
        if keys is not None:
            answers[KEY_UNIQUE] = mark(keys, duplicates([keys]))
        validation = evaluate(job.contract, readable, answers)
        joined, _ = join_truth(validation.accepted, truth, job.job.key)
        labelled, unlabelled = (joined.filter(held) for held in (pl.col(LABEL).is_not_null(), pl.col(LABEL).is_null()))
        asked = [file for each in references for file in each.inputs]
        files = tuple(each.fingerprint for each in (*found, *truth.inputs, *asked))
        yield _TrainingNight(night, readable, validation, labelled, unlabelled, files)


def _watched(job: LoadedJob) -> tuple[str, ...]:
    """Columns whose distribution is compared: the model's features; without any, all but the key.

    A key names rows and is new every night; what is only passed through is the contract's matter.
    """
    return job.contract.features or tuple(
        column.name for column in job.contract.columns if column.name not in job.job.key
    )


def _scored(job: LoadedJob, nights: Sequence[_TrainingNight], answered: tuple[Matrix, Asked]) -> Sequence[pl.DataFrame]:
    """Every training night's labelled rows as the job's table would hold them, with their labels."""
    scores, asked = answered
    scored, start = [], 0
    for each in nights:
        own = scores[start : start + each.labelled.height]
        start += each.labelled.height
        came = [each.labelled[AGE]] if AGE in each.labelled.columns else []
        scored.append(scores_frame(each.labelled, own, job, asked).with_columns(each.labelled[LABEL], *came))
    return scored


def _reference(
    job: LoadedJob, nights: Sequence[_TrainingNight], scored: Sequence[pl.DataFrame], asked: Asked
) -> Reference:
    """Every training night's audit under cells that are laid out over all of them."""
    yardstick = _yardstick(job, nights, pl.concat(scored), asked)
    audits = []
    for each, rows in zip(nights, scored, strict=True):
        whole = pl.concat([each.labelled.drop(rows.columns, strict=False), rows], how="horizontal")
        parts = (whole, each.unlabelled, each.validation.quarantined.drop(SCORE, LABEL, strict=False))
        batch = Batch(str(each.night), each.readable, each.validation, rows, whole=parts)
        audits.append(audit_batch(batch, yardstick))
    profiles = [
        NightProfile(str(each.night), one.inputs, one.outputs) for each, one in zip(nights, audits, strict=True)
    ]
    samples = [one.sample for one in audits]
    merged = replace(merge(audits), sample=RowSample.pooled(samples, ROWS))
    areas = usual_areas(samples, yardstick.inputs, (1, WEEK, job.job.window))
    return Reference(
        inputs=yardstick.inputs,
        score=yardstick.score,
        quality=yardstick.quality,
        audit=merged,
        nights=tuple(profiles),
        usual_areas=areas,
        classes=yardstick.classes,
    )


def _yardstick(job: LoadedJob, nights: Sequence[_TrainingNight], scored: pl.DataFrame, asked: Asked) -> Yardstick:
    """Cells over all training nights.

    Args:
        scored: Their scored rows, with labels.
    """
    columns = {column.name: column for column in job.contract.columns if column.name in _watched(job)}
    readable = pl.concat([each.readable for each in nights], how="diagonal_relaxed")
    units = {name: each.unit for name, each in columns.items()}
    unit = job.job.labels.unit if job.job.labels is not None and asked.task == "regression" else ""
    score, *classes = lay_out_outputs(scored, asked.classes if asked.task == "multiclass" else (), unit)
    return Yardstick(
        inputs=lay_out(readable, tuple(columns), frozenset(job.contract.pii), units),
        score=score,
        quality=_cells(scored, asked, job.job.threshold),
        slices=job.job.slices,
        dimensions=job.job.dimensions,
        key=tuple(name for name in job.job.key if name not in job.contract.pii),
        classes=tuple(classes),
    )


def _cells(scored: pl.DataFrame, asked: Asked, threshold: float) -> ScoreCells:
    if asked.task == "multiclass":
        return lay_out_classes(scored, asked.classes)
    if asked.task == "regression":
        # The score is the prediction.
        return lay_out_quality(scored.drop(PREDICTION), asked.task)
    return lay_out_scores(scored[SCORE], threshold)
