"""The columns of a job's scores: what its table holds beside the score."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from batchops.audit import PREDICTION, SCORE
from batchops.audit.state import class_outputs
from batchops.job import LoadedJob
from batchops.models import Asked
from batchops.stats import entity_groups
from batchops.store import storable

__all__ = ["outcome_frame", "scores_frame", "scores_schema"]


def scores_frame(accepted: pl.DataFrame, scores: Any, job: LoadedJob, asked: Asked) -> pl.DataFrame:
    """Accepted rows as the job's table holds them.

    That is key, passthrough, slices, searched columns, what was predicted, and the group of the entity.

    Args:
        scores: As the model answers.
        asked: What it was asked.
    """
    sliced = sorted({name for each in job.job.slices for name in each})
    named = dict.fromkeys((*job.job.key, *job.job.passthrough))
    dimensions = [job.job.dimensions[name].alias(name) for name in sliced if name in job.job.dimensions]
    plain = [name for name in sliced if name not in job.job.dimensions and name not in named]
    searched = [name for name in dict.fromkeys(job.job.discover) if name not in named and name not in plain]
    kept = accepted.select(*named, *plain, *dimensions, *searched)
    made = pl.concat([kept, outcome_frame(scores, asked, job.job.threshold)], how="horizontal")
    entity = job.job.entity
    return made if entity is None else made.with_columns(entity_groups(accepted[entity]))


def outcome_frame(scores: Any, asked: Asked, threshold: float) -> pl.DataFrame:
    """What was predicted of each row: ``score``, ``prediction`` and, of ``multiclass``, a score a class.

    The prediction is in the label's own terms: whether, which, how much. The score is the probability of 1, the
    probability of the predicted class, or the predicted number.
    """
    if asked.task != "multiclass":
        score = pl.DataFrame({SCORE: pl.Series(scores, dtype=pl.Float64)})
        decided = pl.col(SCORE) >= threshold if asked.task == "binary" else pl.col(SCORE)
        # Polars takes what is no number for larger than any.
        return score.with_columns(pl.when(pl.col(SCORE).is_not_nan()).then(decided).alias(PREDICTION))
    return class_outputs(np.asarray(scores, dtype=np.float64).reshape(-1, len(asked.classes)), asked.classes)


def scores_schema(job: LoadedJob, asked: Asked) -> pl.Schema:
    """Columns of the job's scores files."""
    rows = scores_frame(job.contract.schema.to_frame(), [], job, asked)
    return storable(rows.with_columns(model_version=pl.lit(""), run_id=pl.lit(""))).schema
