"""The columns of a job's scores: what its table holds beside the score."""

from __future__ import annotations

from typing import Any

import polars as pl

from batchops.audit import SCORE
from batchops.job import LoadedJob
from batchops.stats import entity_groups
from batchops.store import storable

__all__ = ["PREDICTION", "scores_frame", "scores_schema"]

PREDICTION = "prediction"


def scores_frame(accepted: pl.DataFrame, scores: Any, job: LoadedJob) -> pl.DataFrame:
    """Accepted rows as the job's table holds them.

    That is key, passthrough, slices, searched columns, score, prediction, and the group of the entity.
    """
    sliced = sorted({name for each in job.job.slices for name in each})
    named = dict.fromkeys((*job.job.key, *job.job.passthrough))
    dimensions = [job.job.dimensions[name].alias(name) for name in sliced if name in job.job.dimensions]
    plain = [name for name in sliced if name not in job.job.dimensions and name not in named]
    searched = [name for name in dict.fromkeys(job.job.discover) if name not in named and name not in plain]
    made = accepted.select(
        *named, *plain, *dimensions, *searched, pl.lit(pl.Series(SCORE, scores, dtype=pl.Float64))
    ).with_columns((pl.col(SCORE) >= job.job.threshold).alias(PREDICTION))
    entity = job.job.entity
    return made if entity is None else made.with_columns(entity_groups(accepted[entity]))


def scores_schema(job: LoadedJob) -> pl.Schema:
    """Columns of the job's scores files."""
    rows = scores_frame(job.contract.schema.to_frame(), [], job)
    return storable(rows.with_columns(model_version=pl.lit(""), run_id=pl.lit(""))).schema
