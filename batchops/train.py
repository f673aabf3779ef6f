"""Train a model version and register it with the reference that every later night is compared with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from batchops import codec
from batchops.audit import LABEL, SCORE, Batch, NightProfile, Reference, Yardstick, audit_batch, merge
from batchops.audit.multivariate import ROWS, usual_areas
from batchops.audit.stored import packed
from batchops.contract import KEY_UNIQUE, Validation, evaluate
from batchops.contract.keys import duplicates, keys_of, mark
from batchops.contract.versions.record import record, require_unchanged
from batchops.errors import JobError
from batchops.job import LoadedJob, Training
from batchops.models import (
    ContractRef,
    Draft,
    Encoding,
    TrainingData,
    Version,
    encode,
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
from batchops.run.truth import join_truth, read_truth
from batchops.settings import Settings
from batchops.stats import lay_out, lay_out_scores, metrics
from batchops.stats.rows.sample import RowSample
from batchops.store import Store

__all__ = ["train"]

WEEK = 7

Matrix = NDArray[np.float64]
Folds = NDArray[np.int64]
Labels = NDArray[np.int8]


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
        JobError: The job says nothing of training or labels, or there is no training data.
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
    rows = pl.concat([each.labelled for each in nights])
    encoding = _encoding(job, rows)
    matrix, labels = encode(rows, encoding), rows[LABEL].to_numpy()
    fold_of = week_folds([str(each.night) for each in nights], training.folds)
    folds = np.concatenate([np.full(each.labelled.height, fold_of[str(each.night)]) for each in nights])
    observe(Progress("out of fold", training.last, 0, training.folds, rows.height))
    scores = out_of_fold(training.fit, matrix, labels, folds, encoding.categorical)
    observe(Progress("fit", training.last, 0, 1, rows.height))
    classifier = training.fit(matrix, labels, encoding.categorical)
    parent = max((each.number for each in versions(store, name)), default=None)
    reference = _reference(job, nights, scores)
    quality = metrics(reference.audit.quality, reference.quality)
    draft = Draft(
        classifier=classifier,
        encoding=encoding,
        contract=ContractRef(job.contract.id, job.contract.digest),
        target=job.job.labels.column,
        threshold=job.job.threshold,
        training=TrainingData(
            first=str(nights[0].night),
            last=str(nights[-1].night),
            nights=len(nights),
            rows=rows.height,
            digest=codec.digest([each.files for each in nights]),
        ),
        sample=_sample(job, rows),
        reference=packed(reference),
        actor=settings.actor,
        git=git_state(job.project),
        trusted=training.trusted,
        metrics={name: estimate.value for name, estimate in quality.items() if estimate.value is not None},
        reliance=_reliance(job, matrix, labels, (folds, encoding.categorical)),
        parent=parent,
    )
    record(store, job.contract)
    return register(store, name, draft)


def _encoding(job: LoadedJob, rows: pl.DataFrame) -> Encoding:
    features = job.contract.features
    texts = [name for name in features if rows.schema[name] == pl.String]
    named = sorted({*texts} & {*job.contract.pii})
    if named:
        what = f"the feature {named[0]!r} is text and personal data, and a model keeps its categories readable"
        raise JobError(f"job {job.name}", what, "Take it from the features, or derive one that names nobody")
    return Encoding.of(rows, features, texts)


def _sample(job: LoadedJob, rows: pl.DataFrame) -> pl.DataFrame:
    """Rows to take the golden ones from; they lie readable in the store, so of personal data they hold nothing."""
    hidden = [name for name in job.contract.features if name in job.contract.pii]
    return rows.select(job.contract.features).with_columns(
        pl.lit(None, rows.schema[each]).alias(each) for each in hidden
    )


def _reliance(
    job: LoadedJob, matrix: Matrix, labels: Labels, how: tuple[Folds, tuple[int, ...]]
) -> Mapping[str, float]:
    """On the last fold, by a model that did not see it: on its own rows a model relies on what it learned by heart."""
    assert job.job.training is not None
    folds, categorical = how
    held = folds == folds.max()
    model = job.job.training.fit(matrix[~held], labels[~held], categorical)
    return reliance(model, matrix[held], labels[held], job.contract.features)


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


def _reference(job: LoadedJob, nights: Sequence[_TrainingNight], scores: Matrix) -> Reference:
    """Every training night's audit under cells that are laid out over all of them."""
    columns = {column.name: column for column in job.contract.columns if column.name in _watched(job)}
    readable = pl.concat([each.readable for each in nights], how="diagonal_relaxed")
    yardstick = Yardstick(
        inputs=lay_out(
            readable, tuple(columns), frozenset(job.contract.pii), {name: each.unit for name, each in columns.items()}
        ),
        score=lay_out(pl.DataFrame({SCORE: scores}), (SCORE,))[0],
        quality=lay_out_scores(pl.Series(scores), job.job.threshold),
        slices=job.job.slices,
        dimensions=job.job.dimensions,
        key=tuple(name for name in job.job.key if name not in job.contract.pii),
    )
    audits, start = [], 0
    for each in nights:
        own = scores[start : start + each.labelled.height]
        start += each.labelled.height
        scored = scores_frame(each.labelled, own, job).with_columns(each.labelled[LABEL])
        whole = pl.concat([each.labelled.drop(scored.columns, strict=False), scored], how="horizontal")
        parts = (whole, each.unlabelled, each.validation.quarantined.drop(SCORE, LABEL, strict=False))
        batch = Batch(str(each.night), each.readable, each.validation, scored, whole=parts)
        audits.append(audit_batch(batch, yardstick))
    profiles = [
        NightProfile(str(each.night), one.inputs, one.outputs) for each, one in zip(nights, audits, strict=True)
    ]
    samples = [one.sample for one in audits]
    merged = replace(merge(audits), sample=RowSample.pooled(samples, ROWS))
    areas = usual_areas(samples, yardstick.inputs, (1, WEEK, job.job.window))
    return Reference(yardstick.inputs, yardstick.score, yardstick.quality, merged, tuple(profiles), areas)
