"""The search for slices in two tables: a pass of its own; half of the rows is searched, the other half believed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from batchops.audit import LABEL, PREDICTION, SCORE
from batchops.audit.discovering import search_terms
from batchops.frames.counting import Side, accepted_rows, outcome, spread
from batchops.frames.layout import sample_of
from batchops.frames.sources import Table
from batchops.stats.columns.coding import coded
from batchops.stats.columns.ours import marked
from batchops.stats.discovery import (
    Cubes,
    Discovery,
    Losses,
    Proposal,
    Recount,
    Search,
    count_halves,
    labelled,
    lay_out_search,
    measure,
    propose,
    recount_of,
)
from batchops.stats.rows.hashing import hash_rows
from batchops.verdict import Policy

__all__ = ["Searched", "search"]

LOSS = "loss"

EPSILON = float(np.finfo(np.float64).eps)
"""Scores are clipped by so much before their logarithm is taken, as scikit-learn does."""


@dataclass(frozen=True, slots=True)
class Searched:
    """What is searched, and on which metric.

    Attributes:
        columns: To slice by.
        first: Those of them that a person named.
        threads: Batches that are worked on at once.
    """

    metric: str
    columns: tuple[str, ...]
    first: tuple[str, ...]
    policy: Policy
    threads: int


def search(current: Table, reference: Table | None, side: Side, asked: Searched) -> Discovery:
    """Find slices that fare worse in one half of the current rows, and measure them on the other.

    Rows are taken as independent of each other, as everywhere where there are no nights.
    """
    laid = reference if reference is not None else current
    plan = lay_out_search(_sample(laid, side, asked), asked.columns, asked.metric, asked.first, side.roles.threshold)
    halves = _counted(current, side, plan, asked.threads)
    proposals = propose(halves.odd, plan.grid, plan.loss)

    def before(slices: Sequence[Proposal]) -> Recount | None:
        if reference is None:
            return None
        both = _counted(reference, side, plan, asked.threads)
        return recount_of(both.odd + both.even, plan.grid, slices)

    other = recount_of(halves.even, plan.grid, proposals.slices)
    terms = search_terms(asked.policy, asked.metric, rows_independent=True, reference=before)
    return measure(proposals, other, plan.loss, terms)


def _sample(table: Table, side: Side, asked: Searched) -> pl.DataFrame:
    names = [*side.roles.output(table.schema.names()), *([side.roles.label] if side.roles.label else [])]
    sample, _ = sample_of(table, list(dict.fromkeys((*asked.columns, *names))))
    return _with_outcome(sample, side, asked.metric)


def _with_outcome(rows: pl.DataFrame, side: Side, metric: str) -> pl.DataFrame:
    """Rows with their score and label, or their loss, as columns of ours."""
    found = rows.select(outcome(rows.schema, side.roles, side.truth))
    if SCORE not in found.columns and PREDICTION in found.columns:
        # Decisions were given, and no score: each counts as a score of 0 or 1.
        found = found.with_columns(pl.col(PREDICTION).alias(SCORE))
    if side.truth is not None and side.truth.task == "multiclass":
        found = found.select(_class_loss(found, metric).alias(LOSS))
    named = [found[name].alias(marked(name)) for name in (SCORE, LABEL, LOSS) if name in found.columns]
    return rows.with_columns(pl.lit(None).alias(marked("")), *named)


def _class_loss(found: pl.DataFrame, metric: str) -> pl.Expr:
    """What each row of several classes adds to the log loss or the share of errors; null where that is not known."""
    names = [name for name in found.columns if name.startswith(f"{SCORE}_")]
    if LABEL not in found.columns or not (names or PREDICTION in found.columns):
        return pl.lit(None, pl.Float64)
    classes = {name: name.removeprefix(f"{SCORE}_") for name in names}
    known = pl.all_horizontal(pl.lit(True), *(pl.col(name).is_between(0, 1) for name in names))
    if metric == "log_loss" and names:
        own = pl.coalesce(pl.when(pl.col(LABEL) == each).then(pl.col(name)) for name, each in classes.items())
        return pl.when(known).then(-own.clip(EPSILON, 1 - EPSILON).log())
    decided = pl.col(PREDICTION)
    if PREDICTION not in found.columns:
        top = pl.max_horizontal(names)
        decided = pl.coalesce(pl.when(pl.col(name) == top).then(pl.lit(each)) for name, each in classes.items())
    return pl.when(known).then((decided != pl.col(LABEL)).cast(pl.Float64))


def _counted(table: Table, side: Side, plan: Search, threads: int) -> Cubes:
    def work(frame: pl.DataFrame) -> tuple[NDArray[np.uint8], Losses, NDArray[np.bool_]]:
        return _halved(frame, side, plan)

    # One batch is made ready while others are counted, which takes several times as long.
    return count_halves(spread(work, table.batches(), 1), plan.grid, threads)


def _halved(frame: pl.DataFrame, side: Side, plan: Search) -> tuple[NDArray[np.uint8], Losses, NDArray[np.bool_]]:
    accepted = coded(accepted_rows(frame, side), side.yardstick.inputs)
    rows = _with_outcome(accepted, side, plan.loss.metric)
    codes, losses, held = labelled(rows, plan)
    odd = hash_rows(rows, side.yardstick.inputs, rows.columns) & np.uint64(1) == 1
    return codes, losses, odd[held]
