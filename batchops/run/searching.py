"""The search for slices that nobody declared, in what the window's nights published and what came true of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType

import numpy as np
import polars as pl

from batchops.audit import LABEL, SCORE, Audit, Reference
from batchops.audit.discovering import search_terms
from batchops.audit.primary import slice_test
from batchops.audit.stored import unpacked
from batchops.errors import GateError, JobError
from batchops.job import LoadedJob
from batchops.models import read_searched
from batchops.partition import Night
from batchops.run.document import Made, Tonight
from batchops.run.truth import Truth, join_truth, read_truth
from batchops.stats import Quality, design_effects, metrics
from batchops.stats.discovery import (
    Counted,
    Discovery,
    Grid,
    Loss,
    Proposal,
    Recount,
    Search,
    count_reference,
    discover_nights,
    features_of,
    lay_out_loss,
)
from batchops.stats.discovery.class_losses import class_losses
from batchops.stats.discovery.layout import LOSS
from batchops.store import Store, read_scores

__all__ = ["count_training", "search_nights"]

TYPICAL: Mapping[str, str] = MappingProxyType(
    {
        "root_mean_squared_error": "mean_squared_error",
        "mean_absolute_error": "mean_absolute_error",
        "mean_error": "mean_absolute_error",
    }
)
"""Metric of numbers -> how large a row's loss is."""


def search_nights(made: Made, tonight: Tonight, quality: Quality) -> Discovery | None:
    """Find slices that fare worse on every other night of the window, and measure them on the nights between.

    The rows of one night are held at a time.

    Args:
        quality: Of the window.

    Returns:
        None where the job asks for no search, or tonight's labels are not there.
    """
    if tonight.truth is None or not made.job.job.discover:
        return None
    with made.clock.stage("search"):
        return _found(made, tonight, quality)


def count_training(job: LoadedJob, reference: Reference, scored: pl.DataFrame) -> Counted | None:
    """Count the training's rows as nights are searched, to know later how found slices fared there.

    Args:
        scored: All of them, out of fold, with their labels.

    Returns:
        None where the job asks for no search.
    """
    if not job.job.discover:
        return None
    search = _search(job, reference, reference.audit.quality)
    columns = [feature.column for feature in search.grid.features]
    return count_reference(_searchable(scored, columns, reference, search.loss.metric), search)


def _found(made: Made, tonight: Tonight, quality: Quality) -> Discovery:
    job, reference = made.job, made.reference
    search = _search(job, reference, quality)
    metric, features = search.loss.metric, search.grid.features
    design = design_effects(reference.audit.quality, reference.quality).get(metric, 1.0)
    nights = _readers(_Library(made, [feature.column for feature in features], metric), tonight)
    return discover_nights(
        sorted(nights),
        lambda night: nights[night](),
        search,
        search_terms(job.job.policy, metric, design, reference=lambda slices: _before(made, search, slices)),
    )


def _search(job: LoadedJob, reference: Reference, quality: Quality) -> Search:
    """What a job's nights are searched for."""
    metric = slice_test(job.job.policy, quality, reference.quality).metric
    features = features_of(reference.inputs, reference.audit.inputs, job.job.discover)
    return Search(Grid(features), _loss(metric, reference), job.job.threshold)


def _before(made: Made, search: Search, slices: Sequence[Proposal]) -> Recount | None:
    """The slices in training; None of a version that was trained when the job asked for no search."""
    data = read_searched(Store(made.settings.root), made.version)
    if data is None:
        return None
    return unpacked(Counted, data, f"what may be searched of model {made.version}").recount(slices, search)


def _searchable(rows: pl.DataFrame, columns: Iterable[str], reference: Reference, metric: str) -> pl.DataFrame:
    """Some columns of scored rows and what they are measured by; of more than two classes that is each row's loss."""
    kept = dict.fromkeys((*columns, SCORE, LABEL))
    if not reference.quality.classes:
        return rows.select(*kept)
    return rows.with_columns(class_losses(reference.quality.classes, metric).alias(LOSS)).select(*kept, LOSS)


def _loss(metric: str, reference: Reference) -> Loss:
    """How losses are counted: those that have a unit by how large they were in the reference."""
    if metric not in TYPICAL:
        return lay_out_loss(metric)
    size = metrics(reference.audit.quality, reference.quality)[TYPICAL[metric]].value or 0.0
    return lay_out_loss(metric, np.array([size]))


@dataclass(frozen=True, slots=True)
class _Library:
    """Where the rows of nights are read.

    Attributes:
        columns: That are searched.
        metric: On which slices are compared.
    """

    made: Made
    columns: Sequence[str]
    metric: str

    def rows(self, night: Night, audit: Audit, truth: Truth | None) -> pl.DataFrame:
        """What a night published, with its labels; none where it cannot be searched as it was published."""
        job = self.made.job
        truth = truth or _truth(job, night, self.made.settings.threads)
        scored = read_scores(Store(self.made.settings.root), job.name, night)
        if truth is None or _lacks(scored, audit, self.columns):
            return pl.DataFrame()
        joined, _ = join_truth(scored, truth, job.job.key)
        return _searchable(joined, (*job.job.key, *self.columns), self.made.reference, self.metric)


def _readers(library: _Library, tonight: Tonight) -> dict[str, Callable[[], pl.DataFrame]]:
    """How each labelled night of the window is read, by its date."""
    known = [(each.night, each.audit) for each in tonight.earlier if each.audit.quality.overall().labelled]
    known.append((tonight.night, tonight.audit))
    truth = {tonight.night: tonight.truth}
    return {str(night): partial(library.rows, night, audit, truth.get(night)) for night, audit in known}


def _truth(job: LoadedJob, night: Night, threads: int) -> Truth | None:
    """The labels of an earlier night; None where they are gone or damaged since, which is no matter of tonight."""
    try:
        return read_truth(job, night, threads)
    except (GateError, JobError):
        return None


def _lacks(scored: pl.DataFrame, audit: Audit, columns: Sequence[str]) -> bool:
    """Whether a column had values on the night and was not among those that its scores keep.

    Such a night would be one of missing values.
    """
    return any(
        name not in scored.columns or scored[name].null_count() == scored.height
        for name in columns
        if (column := audit.inputs.columns.get(name)) is None or column.valid
    )
