"""Labels of a night: read, one a key, joined to what was scored."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import polars as pl

from batchops.audit import LABEL
from batchops.errors import GateError, JobError, did_you_mean
from batchops.job import LoadedJob
from batchops.partition import Night
from batchops.run.inputs import Input, Unreadable, batches, examine, find
from batchops.stats import AGE

__all__ = ["Truth", "join_truth", "read_truth", "unknown_classes"]


@dataclass(frozen=True, slots=True)
class Truth:
    """What is known of a night's outcomes.

    Attributes:
        labels: Key columns and `LABEL` (of ``binary`` Int8, 0 or 1; of ``multiclass`` the name of a class, of whatever
            model; of ``regression`` Float64, finite), one row a
            key; and `AGE`, where the job names a column for it.
        conflicting: Keys that came with different labels; they have none.
        repeated: Rows that say again what another row said.
        invalid: Rows whose label cannot be one (null means "not known yet" and is none of them), or whose key cannot be
            read.
        inputs: The files.
    """

    labels: pl.DataFrame
    conflicting: int
    repeated: int
    invalid: int
    inputs: tuple[Input, ...]


def read_truth(job: LoadedJob, night: Night, threads: int) -> Truth | None:
    """Read a night's labels; None where none have come.

    Raises:
        JobError: The job has no labels, or they lack a column.
        GateError: A file of labels cannot be read.
        InputChanged: A file changed while it was read.
    """
    if job.job.labels is None:
        raise JobError(f"job {job.name}", "says nothing of labels", "Add labels=Labels(...) to it")
    inputs = examine(find(job.job.labels.source, night, job.project), threads)
    if not inputs:
        return None
    observed = job.job.labels.observed
    names = (*job.job.key, job.job.labels.column, *(() if observed is None else (observed,)))
    rows = pl.concat([_rows(found, names, job) for found in inputs], how="vertical_relaxed")
    if observed is not None:
        rows = rows.with_columns(age_of_labels(rows[observed], night, job.job.timezone))
    known = rows.filter(pl.col(job.job.labels.column).is_not_null())
    # Null where it cannot be one.
    label = READ[job.job.task](known[job.job.labels.column])
    named = pl.all_horizontal(pl.col(job.job.key).is_not_null())
    valid = known.with_columns(label.alias(LABEL)).filter(pl.col(LABEL).is_not_null() & named)
    # Of a label that came twice, the first time is when it became known.
    known_since = [] if observed is None else [pl.col(AGE).min()]
    kinds = pl.col(LABEL).n_unique().alias("_kinds")
    by_key = valid.group_by(job.job.key).agg(kinds, pl.col(LABEL).first(), *known_since)
    single = by_key.filter(pl.col("_kinds") == 1).drop("_kinds")
    return Truth(
        labels=single.sort(job.job.key),
        conflicting=by_key.height - single.height,
        repeated=valid.height - by_key.height,
        invalid=known.height - valid.height,
        inputs=inputs,
    )


def _whether(labels: pl.Series) -> pl.Series:
    """0 or 1."""
    values = labels.cast(pl.Float64, strict=False)
    return values.set(~values.is_in([0.0, 1.0]).fill_null(value=False), None).cast(pl.Int8)


def _which(labels: pl.Series) -> pl.Series:
    """The name of a class, as people write it: no ``.0`` behind whole numbers."""
    if labels.dtype.is_float():
        whole = labels.is_finite() & (labels == labels.round())
        return labels.set(~whole, None).cast(pl.Int64, strict=False).cast(pl.String)
    names = labels.cast(pl.String)
    return names.set((names.str.strip_chars() == "").fill_null(value=False), None)


def _how_much(labels: pl.Series) -> pl.Series:
    """A finite number."""
    values = labels.cast(pl.Float64, strict=False)
    return values.set(~values.is_finite().fill_null(value=False), None)


READ: Mapping[str, Callable[[pl.Series], pl.Series]] = MappingProxyType(
    {"binary": _whether, "multiclass": _which, "regression": _how_much}
)
"""How labels are read, by task."""


def age_of_labels(observed: pl.Series, night: Night, timezone: str) -> pl.Series:
    """Whole days from the night to when outcomes became known, at least 0; null where that is not known.

    Args:
        observed: Dates, times (those with a zone are taken in the job's own), or their ISO text.

    Raises:
        JobError: It holds anything else.
    """
    dtype = observed.dtype
    if dtype == pl.String:
        days = observed.str.slice(0, 10).str.to_date("%Y-%m-%d", strict=False)
    elif isinstance(dtype, pl.Datetime):
        local = observed.dt.convert_time_zone(timezone) if dtype.time_zone is not None else observed
        days = local.dt.date()
    elif dtype in (pl.Date, pl.Null):
        days = observed.cast(pl.Date)
    else:
        what = f"column {observed.name!r} is of type {dtype}, which is no day"
        raise JobError("Labels(observed=...)", what, "Name a column of dates or times")
    return (days.cast(pl.Int32) - (night.date - dt.date(1970, 1, 1)).days).clip(lower_bound=0).alias(AGE)


def _rows(found: Input, names: tuple[str, ...], job: LoadedJob) -> pl.DataFrame:
    where = f"labels {found.partition.name}"
    try:
        rows = pl.concat(list(batches(found.partition.uri)))
    except Unreadable as error:
        what = "is not a parquet file, or a damaged one"
        raise GateError(where, what, "Ask its producer to write it again") from error
    for name in names:
        if name not in rows.columns:
            raise JobError(where, f"has no column {name!r}", did_you_mean(name, rows.columns))
    label = names[len(job.job.key)]
    if rows.schema[label].is_nested():
        what = f"column {label!r} holds {rows.schema[label]}, and no labels"
        raise JobError(where, what, "Name a column of single values")
    types = {column.name: column.dtype for column in job.contract.columns if column.name in job.job.key}
    # A key that cannot be read names no row; it is counted, and its value is in no error.
    casts = [pl.col(name).cast(types[name], strict=False) if name in types else pl.col(name) for name in names]
    return rows.select(casts)


def unknown_classes(joined: pl.DataFrame, classes: Sequence[str]) -> Mapping[str, int]:
    """Labels that are none of a model's classes -> rows; the commonest first.

    Args:
        joined: As `join_truth` gives it.
    """
    strange = joined.filter(pl.col(LABEL).is_not_null() & ~pl.col(LABEL).is_in(classes))
    counts = strange.group_by(LABEL).len("rows").sort(["rows", LABEL], descending=[True, False])
    return dict(counts.iter_rows())


def join_truth(scored: pl.DataFrame, truth: Truth, key: tuple[str, ...]) -> tuple[pl.DataFrame, int]:
    """Scored rows with their `LABEL` (null where unknown), and how many labels are of keys that were never scored."""
    joined = scored.drop(LABEL, strict=False).join(
        truth.labels, on=list(key), how="left", maintain_order="left", nulls_equal=False
    )
    return joined, truth.labels.join(scored, on=list(key), how="anti").height
