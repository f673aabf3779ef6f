"""Which nights have rows that were set aside, and what these look like, without anybody's personal data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from batchops.contract import FAILED_RULES, OURS, PARTITION, ROW, WHOLE
from batchops.contract.patterns import concrete, matching
from batchops.errors import JobError, UsageError, did_you_mean
from batchops.job import LoadedJob
from batchops.partition import Night
from batchops.quarantine.choosing import check_rules
from batchops.quarantine.held import fails, failures, known_rules, read_held
from batchops.run.history import newest, rows_of
from batchops.run.index import latest_document
from batchops.run.outcome import Span
from batchops.store import RunRow, Store

__all__ = ["MASK", "HeldNight", "Shown", "View", "held_nights", "show_rows"]

MASK = "•••"
"""Stands for a value that is nobody's business."""


@dataclass(frozen=True, slots=True)
class HeldNight:
    """A night with rows that are set aside, or were put back.

    Attributes:
        output: ``published``, ``flagged``, or ``withheld``: nothing of that run is in the table.
        quarantined: Rows set aside; one that fails several rules counts once.
        released: Rows that were put back since.
        rules: Rule that sets rows aside -> how many of these fail it; None where the rows were deleted.
    """

    night: str
    rows: int
    quarantined: int
    released: int
    rules: Mapping[str, int] | None
    output: str
    run_id: str


def _runs(rows: Sequence[RunRow], night: Night) -> tuple[RunRow, ...]:
    """The runs of a night whose rows count, newest first: the published one, and one that was withheld since."""
    score, withheld = newest(rows, night, "score"), newest(rows, night, "withheld")
    if withheld is not None and score is not None and withheld.started < score.started:
        withheld = None
    return tuple(row for row in (withheld, score) if row is not None)


def held_nights(store: Store, job: str, span: Span | None = None) -> tuple[HeldNight, ...]:
    """Every night of a job with rows that are set aside, or were put back, newest first.

    Args:
        span: First and last night; None: all.
    """
    rows = rows_of(store, job, *(span or ()))
    nights = sorted({row.night for row in rows}, reverse=True)
    found = (_held(store, row) for night in nights for row in _runs(rows, night))
    return tuple(each for each in found if each.quarantined or each.released)


def _held(store: Store, row: RunRow) -> HeldNight:
    document = latest_document(store, row)
    rules = _rules(store, row) if row.quarantined else {}
    if rules is not None:
        harmless = {rule.id for rule in document.rules if rule.action == "continue"}
        rules = {id: count for id, count in rules.items() if id not in harmless}
    return HeldNight(
        str(row.night), row.rows_in, row.quarantined, document.rows.released, rules, row.output, row.run_id
    )


def _rules(store: Store, row: RunRow) -> Mapping[str, int] | None:
    folder = f"{row.run_folder}/quarantine"
    files = [store.uri(f"{folder}/{name}") for name in store.names(folder)]
    if not files:
        return None
    listed = [pl.scan_parquet(file, storage_options=store.storage_options).select(FAILED_RULES) for file in files]
    return failures(pl.concat(listed).collect())


@dataclass(frozen=True, slots=True)
class View:
    """What of a night's rows is to be shown.

    Attributes:
        rule: Only rows that fail it.
        columns: Only these of the columns that the rows came with; empty: all.
        limit: At most so many rows.
    """

    rule: str | None = None
    columns: tuple[str, ...] = ()
    limit: int = 20


@dataclass(frozen=True, slots=True)
class Shown:
    """Rows that were set aside, as they arrived.

    Attributes:
        output: Of their run, as in `HeldNight`.
        total: Rows set aside; ``matching``: those among them that were asked for.
        columns: Names in order: where the row stood and what it fails, the key, what failing rules read, the rest.
        rows: Values by column; a column that a partition lacked is not there.
        masked: Columns whose values are `MASK`: personal data.
        unknown: Columns that the contract does not have, whose values are `MASK` too: they may be personal data.
    """

    night: str
    run_id: str
    output: str
    contract: str
    total: int
    matching: int
    columns: tuple[str, ...]
    rows: tuple[Mapping[str, Any], ...]
    masked: tuple[str, ...]
    unknown: tuple[str, ...]


def show_rows(store: Store, job: LoadedJob, night: Night, view: View) -> Shown:
    """Rows of a night that were set aside: those of the newest run that published or withheld it.

    Raises:
        JobError: The night has not run.
        UsageError: There is no such rule or column.
        GateError: The rows were deleted or altered since.
    """
    runs = _runs(rows_of(store, job.name, night, night), night)
    if not runs:
        raise JobError(f"job {job.name!r}", f"has no run of {night}", f"Run `batchops run {job.name} --date {night}`")
    row, contract = runs[0], job.contract
    receipts = latest_document(store, row).run.partitions
    held = [frame for frame in (read_held(store, row, receipt) for receipt in receipts) if frame is not None]
    if view.rule is not None:
        check_rules([view.rule], contract, known_rules(held), "--rule")
    asked = held if view.rule is None else [frame.filter(fails(view.rule)) for frame in held]
    rows = list(_first(asked, view.limit))
    shown = _columns(job, view, held, rows)
    known = {name: matching(contract, name) for name in shown}
    masked = tuple(name for name, column in known.items() if column is not None and column.pii)
    unknown = tuple(name for name, column in known.items() if column is None)
    names = (PARTITION, ROW, FAILED_RULES, *shown)
    return Shown(
        night=str(night),
        run_id=row.run_id,
        output=row.output,
        contract=contract.id,
        total=sum(frame.height for frame in held),
        matching=sum(frame.height for frame in asked),
        columns=names,
        rows=tuple(_masked(each, names, {*masked, *unknown}) for each in rows),
        masked=masked,
        unknown=unknown,
    )


def _columns(
    job: LoadedJob, view: View, held: Sequence[pl.DataFrame], rows: Sequence[Mapping[str, Any]]
) -> tuple[str, ...]:
    """The columns to show: first the key, then what the rules read that these rows fail, then the rest as it came."""
    arrived = list(dict.fromkeys(name for frame in held for name in frame.columns if name not in OURS))
    for name in view.columns:
        if name not in arrived and held:
            raise UsageError("--columns", f"the rows have no column {name!r}", did_you_mean(name, arrived))
    failing = dict.fromkeys(id.removeprefix(WHOLE) for row in rows for id in row[FAILED_RULES])
    read = {rule.id: rule.columns for rule in concrete(job.contract, arrived).rules}
    # The rules of the schema name their column: schema.dtype:dest.
    first = [*job.job.key, *(name for id in failing for name in read.get(id, (id.partition(":")[2],)))]
    ordered = [name for name in dict.fromkeys([*first, *arrived]) if name in arrived]
    return tuple(name for name in ordered if not view.columns or name in view.columns)


def _first(frames: Sequence[pl.DataFrame], limit: int) -> Iterator[Mapping[str, Any]]:
    for frame in frames:
        part = frame.head(limit)
        limit -= part.height
        yield from part.iter_rows(named=True)


def _masked(row: Mapping[str, Any], names: Sequence[str], hidden: set[str]) -> Mapping[str, Any]:
    return {name: MASK if name in hidden and row[name] is not None else row[name] for name in names if name in row}
