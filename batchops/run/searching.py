"""The search for slices that nobody declared, in what the window's nights published and what came true of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import polars as pl

from batchops.audit import LABEL, SCORE, Audit
from batchops.audit.discovering import search_terms
from batchops.audit.primary import slice_test
from batchops.errors import GateError, JobError
from batchops.job import LoadedJob
from batchops.partition import Night
from batchops.run.document import Made, Tonight
from batchops.run.truth import Truth, join_truth, read_truth
from batchops.stats import Quality, design_effects
from batchops.stats.discovery import Discovery, Grid, Search, discover_nights, features_of, lay_out_loss
from batchops.store import Store, read_scores

__all__ = ["search_nights"]


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


def _found(made: Made, tonight: Tonight, quality: Quality) -> Discovery:
    job, reference = made.job, made.reference
    metric = slice_test(job.job.policy, quality, reference.quality).metric
    features = features_of(reference.inputs, reference.audit.inputs, job.job.discover)
    search = Search(Grid(features), lay_out_loss(metric), job.job.threshold)
    design = design_effects(reference.audit.quality, reference.quality).get(metric, 1.0)
    columns = [feature.column for feature in features]
    nights = _readers(made, tonight, columns)
    return discover_nights(
        sorted(nights),
        lambda night: nights[night](),
        search,
        search_terms(job.job.policy, metric, design),
    )


def _readers(made: Made, tonight: Tonight, columns: Sequence[str]) -> dict[str, Callable[[], pl.DataFrame]]:
    """How each labelled night of the window is read, by its date."""
    known = [(each.night, each.audit) for each in tonight.earlier if each.audit.quality.overall().labelled]
    known.append((tonight.night, tonight.audit))
    truth = {tonight.night: tonight.truth}
    return {str(night): partial(_rows, made, (night, audit), truth.get(night), columns) for night, audit in known}


def _rows(made: Made, known: tuple[Night, Audit], truth: Truth | None, columns: Sequence[str]) -> pl.DataFrame:
    """The published rows of a night with their labels; none where the night cannot be searched as it was published."""
    night, audit = known
    job = made.job
    truth = truth or _truth(job, night, made.settings.threads)
    scored = read_scores(Store(made.settings.root), job.name, night)
    if truth is None or _lacks(scored, audit, columns):
        return pl.DataFrame()
    joined, _ = join_truth(scored, truth, job.job.key)
    return joined.select(*dict.fromkeys((*job.job.key, *columns, SCORE, LABEL)))


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
