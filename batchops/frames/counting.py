"""One side, counted in one pass: each batch checked, put in cells, and forgotten."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import polars as pl

from batchops.audit import LABEL, SCORE, Audit, merge
from batchops.audit.state import Yardstick
from batchops.contract import KEY_UNIQUE, Contract, Tallies, Validation, evaluate
from batchops.contract.keys import duplicates, keys_of, mark
from batchops.frames.roles import Roles
from batchops.frames.sources import Table
from batchops.stats import summarise, tally_quality

__all__ = ["NIGHT", "Side", "count", "scored_rows"]

NIGHT = ""
"""The only night of rows that have none."""

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Side:
    """How the rows of one side are counted.

    Attributes:
        roles: Settled.
        contract: None: every row is accepted.
        labels: Values of the label -> 0 or 1, of binary.
        keep_failing: Rows that the contract sets aside take part in quality and slices.
    """

    roles: Roles
    yardstick: Yardstick
    contract: Contract | None = None
    positive: pl.Expr | None = None
    keep_failing: bool = False


def count(table: Table, side: Side, threads: int) -> Audit:
    """The audit of a table; the memory it takes is that of a few batches."""
    twice = _twice(table, side)

    def work(frame: pl.DataFrame) -> Audit:
        return _audit(frame, side, twice)

    parts: list[Audit] = []
    for part in _spread(work, table.batches(), threads):
        parts = [merge([*parts, part])]
    return parts[0] if parts else Audit()


def _spread(work: Callable[[T], R], items: Iterable[T], threads: int) -> Iterator[R]:
    """Work on a few items at once, in their order; never more of them are held than are worked on."""
    waiting: deque[Future[R]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        for item in items:
            waiting.append(pool.submit(work, item))
            if len(waiting) > threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _twice(table: Table, side: Side) -> pl.DataFrame | None:
    """Keys that stand in more than one row of the table; None where none are looked for."""
    if side.contract is None or not side.contract.key:
        return None
    parts = [keys_of(side.contract, frame) for frame in table.batches(side.contract.key)]
    known = [part for part in parts if part is not None]
    return duplicates(known) if known else None


def _audit(frame: pl.DataFrame, side: Side, twice: pl.DataFrame | None) -> Audit:
    validation = _tried(frame, side, twice)
    accepted = frame if validation is None or side.keep_failing else validation.accepted
    scored = scored_rows(accepted, side)
    yardstick = side.yardstick
    return Audit(
        tallies=Tallies(rows=frame.height) if validation is None else validation.tallies,
        schema=Audit().schema if validation is None else validation.check.tally,
        inputs=summarise(frame, yardstick.inputs),
        outputs=summarise(scored.select(SCORE), (yardstick.score,)) if SCORE in scored.columns else Audit().outputs,
        quality=tally_quality(scored, NIGHT, yardstick.slices, yardstick.quality)
        if SCORE in scored.columns
        else Audit().quality,
    )


def _tried(frame: pl.DataFrame, side: Side, twice: pl.DataFrame | None) -> Validation | None:
    if side.contract is None:
        return None
    answers = {}
    keys = keys_of(side.contract, frame) if twice is not None else None
    if keys is not None and twice is not None:
        answers[KEY_UNIQUE] = mark(keys, twice)
    return evaluate(side.contract, frame, answers)


def scored_rows(accepted: pl.DataFrame, side: Side) -> pl.DataFrame:
    """What quality is counted from: score, label and the dimensions of the slices, under the names it knows."""
    roles, taken = side.roles, []
    if roles.score is not None and roles.score in accepted.columns:
        taken.append(pl.col(roles.score).cast(pl.Float64, strict=False).alias(SCORE))
    if side.positive is not None and roles.label in accepted.columns:
        taken.append(side.positive.alias(LABEL))
    if roles.prediction is not None and roles.prediction in accepted.columns:
        taken.append(pl.col(roles.prediction).alias("prediction"))
    if roles.weight is not None and roles.weight in accepted.columns:
        taken.append(pl.col(roles.weight).cast(pl.Float64, strict=False).alias("weight"))
    dimensions = side.yardstick.dimensions
    taken += [dimensions[name].alias(name) for name in side.yardstick.sliced if _has(dimensions[name], accepted)]
    return accepted.select(taken)


def _has(dimension: pl.Expr, frame: pl.DataFrame) -> bool:
    return set(dimension.meta.root_names()) <= set(frame.columns)
