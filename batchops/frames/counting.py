"""One side, counted in one pass: each batch checked, put in cells, and forgotten."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import polars as pl

from batchops.audit import LABEL, PREDICTION, SCORE, Audit, merge
from batchops.audit.state import Yardstick, class_outputs, class_score, products_of, sample_of
from batchops.contract import KEY_UNIQUE, Contract, Tallies, Validation, evaluate
from batchops.contract.keys import duplicates, keys_of, mark
from batchops.frames.roles import Roles
from batchops.frames.sources import Table
from batchops.frames.truth import Truth
from batchops.stats import entity_groups, summarise, tally_quality
from batchops.stats.columns.coding import coded
from batchops.stats.columns.ours import SLICED, marked

__all__ = [
    "NIGHT",
    "Side",
    "accepted_rows",
    "count",
    "has_scores",
    "outcome",
    "outputs",
    "repeated_keys",
    "scored_rows",
    "spread",
]

WEIGHT = "weight"

NIGHT = ""
"""The only night of rows that have none."""

MERGED = 8
"""Batches whose audits are added up at once, which takes less than adding them one by one."""

KEPT = 2**23 - 2**16
"""Bytes; of a larger block than 32 MiB glibc learns nothing."""

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Side:
    """How the rows of one side are counted.

    Attributes:
        roles: Settled.
        contract: None: every row is accepted.
        truth: What labels and decisions mean; None: nothing is known of them.
        keep_failing: Rows that the contract sets aside take part in quality and slices.
        twice: Keys that stand in more than one row, as `repeated_keys` finds them.
        outcomes: Scores meet labels, and slices are counted; False where nobody asked for quality or slices.
    """

    roles: Roles
    yardstick: Yardstick
    contract: Contract | None = None
    truth: Truth | None = None
    keep_failing: bool = False
    twice: pl.DataFrame | None = None
    outcomes: bool = True


def count(table: Table, side: Side, threads: int) -> Audit:
    """The audit of a table; the memory it takes is that of a few batches."""
    _keep_freed_memory()
    whole, parts, merged = Audit(), list[Audit](), 0

    def work(frame: pl.DataFrame) -> Audit:
        return _audit(frame, side, whole.sample.end)

    for part in spread(work, table.batches(), threads):
        parts.append(part)
        # The first ones soon, since what is known of the sample spares the later ones most of its work.
        if len(parts) >= min(merged, MERGED):
            whole, parts, merged = merge([whole, *parts]), [], merged + len(parts)
    return merge([whole, *parts])


def _keep_freed_memory() -> None:
    """Let the C library keep what a batch gives back for the next one, instead of asking the system for it anew.

    glibc keeps up to twice the largest block that was ever given back, and returns all else at once; so this gives back
    a large one, of which no page was ever touched. Half of the time of some statistics went into new pages.
    """
    np.empty(KEPT, dtype=np.uint8)


def spread(work: Callable[[T], R], items: Iterable[T], threads: int) -> Iterator[R]:
    """Work on a few items at once, in their order; never more of them are held than are worked on."""
    waiting: deque[Future[R]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        for item in items:
            waiting.append(pool.submit(work, item))
            if len(waiting) > threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def repeated_keys(table: Table, contract: Contract | None) -> pl.DataFrame | None:
    """Keys that stand in more than one row of the table; None where none are looked for."""
    if contract is None or not contract.key:
        return None
    parts = [keys_of(contract, frame) for frame in table.batches(contract.key)]
    known = [part for part in parts if part is not None]
    return duplicates(known) if known else None


def _audit(frame: pl.DataFrame, side: Side, end: int | None) -> Audit:
    validation, yardstick, empty = _tried(frame, side), side.yardstick, Audit()
    frame = coded(frame, yardstick.inputs)
    taken = frame if validation is None or side.keep_failing else coded(validation.accepted, yardstick.inputs)
    scored = scored_rows(taken, side)
    apart = None if validation is None or side.keep_failing else validation.quarantined
    rest = () if apart is None else (_beside(apart, apart.select(_dimensions(apart, side))),)
    whole, given = _beside(taken, scored), outputs(scored, yardstick.quality.classes)
    return Audit(
        tallies=Tallies(rows=frame.height) if validation is None else validation.tallies,
        schema=empty.schema if validation is None else validation.check.tally,
        inputs=summarise(frame, yardstick.inputs),
        outputs=summarise(given, yardstick.outputs) if SCORE in given.columns else empty.outputs,
        quality=tally_quality(scored, NIGHT, yardstick.slices, yardstick.quality)
        if side.outcomes and has_scores(scored.columns)
        else empty.quality,
        sample=sample_of((whole, *rest), yardstick, NIGHT, end),
        products=products_of(frame, yardstick),
    )


def _beside(rows: pl.DataFrame, scored: pl.DataFrame) -> pl.DataFrame:
    """Whole rows, with what is ours of them under names that none of their own columns has."""
    outcomes = [name for name in scored.columns if name in (SCORE, LABEL) or name.startswith(f"{SCORE}_")]
    own = [scored[name].alias(marked(name)) for name in outcomes]
    own += [scored[name] for name in scored.columns if name.startswith(SLICED)]
    # There is one at least, so that no column of theirs is taken for ours.
    return rows.with_columns(pl.lit(None).alias(marked("")), *own)


def accepted_rows(frame: pl.DataFrame, side: Side) -> pl.DataFrame:
    """The rows that quality is counted from."""
    validation = None if side.keep_failing else _tried(frame, side)
    return frame if validation is None else validation.accepted


def _tried(frame: pl.DataFrame, side: Side) -> Validation | None:
    if side.contract is None:
        return None
    answers = {}
    keys = keys_of(side.contract, frame) if side.twice is not None else None
    if keys is not None and side.twice is not None:
        answers[KEY_UNIQUE] = mark(keys, side.twice)
    return evaluate(side.contract, frame, answers)


def scored_rows(accepted: pl.DataFrame, side: Side) -> pl.DataFrame:
    """What quality is counted from, under the names that `tally_quality` knows; dimensions are marked as ours."""
    rows = accepted.select(*outcome(accepted.schema, side.roles, side.truth), *_dimensions(accepted, side))
    entity = side.roles.entity
    return rows if entity not in accepted.columns else rows.with_columns(entity_groups(accepted[entity or ""]))


def _dimensions(rows: pl.DataFrame, side: Side) -> Iterator[pl.Expr]:
    for name in side.yardstick.sliced:
        values = side.yardstick.dimensions[name]
        if set(values.meta.root_names()) <= set(rows.columns):
            yield values.alias(marked(name, SLICED))


def outcome(schema: pl.Schema, roles: Roles, truth: Truth | None) -> Iterator[pl.Expr]:
    """Score, label, decision and weight of each row, as far as the table has them."""
    task = truth.task if truth is not None else "binary"
    if task == "multiclass":
        prefix = f"{roles.score}_"
        yield from (
            pl.col(name).cast(pl.Float64, strict=False).alias(class_score(name.removeprefix(prefix)))
            for name in schema.names()
            if roles.score is not None and name.startswith(prefix)
        )
    scored = roles.prediction if task == "regression" and roles.score is None else roles.score
    if task != "multiclass" and scored is not None and scored in schema:
        yield pl.col(scored).cast(pl.Float64, strict=False).alias(SCORE)
    decided = None if task == "regression" else roles.prediction
    for name, column in ((LABEL, roles.label), (PREDICTION, decided)):
        if truth is not None and column is not None and column in schema:
            yield truth.read(column, schema[column]).alias(name)
    if roles.weight is not None and roles.weight in schema:
        yield pl.col(roles.weight).cast(pl.Float64, strict=False).alias(WEIGHT)


def outputs(scored: pl.DataFrame, classes: Sequence[str]) -> pl.DataFrame:
    """What is predicted of each row, under the names of a job's table; without a column where nothing is.

    Of several classes: the largest score, the class that was given or else has it, and the score of each. Where some
    class has no score, none is the largest.
    """
    names = [class_score(name) for name in classes]
    if not names or not {*names} <= {*scored.columns}:
        return scored.select(name for name in scored.columns if name == SCORE)
    table = scored.select(names).to_numpy()
    made = class_outputs(np.where(np.isfinite(table), table, np.nan), classes)
    decided = (scored if PREDICTION in scored.columns else made)[PREDICTION].cast(pl.String)
    return scored.select(made[SCORE], decided, *names)


def has_scores(names: Iterable[str]) -> bool:
    """Whether there is anything to be right or wrong among columns of outcomes."""
    return any(name == PREDICTION or name.startswith(SCORE) for name in names)
