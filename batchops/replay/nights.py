"""Published nights under a contract, one by one: found as they were, and tried as a night tries its rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Protocol

import polars as pl

from batchops.audit import Audit, AuditDocument, merge
from batchops.audit.figures import contract_figures
from batchops.audit.input_figures import Circumstances, input_figures
from batchops.contract import (
    FAILED_RULES,
    ROW,
    WHOLE,
    Contract,
    RuleTally,
)
from batchops.engine import Fold, Pool, map_reduce
from batchops.errors import GateError, InputChanged, JobError
from batchops.job import LoadedJob
from batchops.partition import Night
from batchops.quarantine.held import read_held
from batchops.replay.values import Replay, ReplayedNight, RuleNight, Skipped
from batchops.run.checking import Known, check_rows
from batchops.run.history import newest, past, past_of, rows_of
from batchops.run.index import latest_document
from batchops.run.inputs import BATCH, WHOLE as ALL, Input, Unreadable, batches, examine, find, still
from batchops.run.keys import Repeated, earlier_nights, repeated_keys
from batchops.run.outcome import Observe, Progress, silent
from batchops.run.references import Referenced, find_references, read_references, reference_parts
from batchops.settings import Settings
from batchops.store import RunRow, Store
from batchops.verdict import Severity, Verdict, judge

__all__ = ["replay"]

OURS = ("contract.", "schema.", "volume.", "freshness.")
"""Families that a contract's own limits judge."""


@dataclass(frozen=True, slots=True)
class _Moved:
    """What becomes of rows otherwise than it did; ``_Moved()`` is nothing."""

    rejected: int = 0
    accepted: int = 0
    by: Counter[str] = field(default_factory=Counter)
    relieved: Counter[str] = field(default_factory=Counter)

    def __add__(self, other: _Moved) -> _Moved:
        return _Moved(
            self.rejected + other.rejected,
            self.accepted + other.accepted,
            self.by + other.by,
            self.relieved + other.relieved,
        )


_Part = tuple[Audit, _Moved]


@dataclass(frozen=True, slots=True)
class _Night:
    """A published night whose files are as they were."""

    contract: Contract
    job: LoadedJob
    store: Store
    row: RunRow
    document: AuditDocument
    rows: tuple[RunRow, ...]
    inputs: tuple[Input, ...]
    references: tuple[Referenced, ...] = ()
    repeated: Repeated = field(default_factory=Repeated)

    @property
    def key(self) -> tuple[str, ...]:
        """The job's, where the contract still has its columns."""
        key = self.job.job.key
        return key if {*key} <= {*self.contract.schema.names()} else self.contract.key


class _Gone(Exception):
    """A night cannot be replayed; it becomes a value before it leaves this module."""


def replay(contract: Contract, job: LoadedJob, nights: int, settings: Settings, observe: Observe = silent) -> Replay:
    """Try a contract on the last published nights of a job, as a night would: keys, other datasets, whole partitions.

    Nothing is scored, and nothing is written.

    Args:
        nights: How many of the published nights, the newest.

    Raises:
        ContractError: Another dataset lacks a column that the contract asks for.
        JobError: No night of the job is published.
    """
    store = Store(settings.root)
    rows = rows_of(store, job.name)
    published = sorted({row.night for row in rows if row.kind == "score"})[-nights:]
    if not published:
        raise JobError(f"job {job.name}", "has no published night", f"Run `batchops run {job.name} --date ...`")
    found: list[ReplayedNight] = []
    skipped: list[Skipped] = []
    so_far = Progress("replay", "", 0, len(published))
    for done, night in enumerate(published):
        observe(replace(so_far, night=str(night), done=done))
        try:
            found.append(_replayed(_found(contract, job, rows, night, settings), settings))
        except _Gone as gone:
            skipped.append(Skipped(str(night), str(gone)))
        so_far = replace(so_far, rows=sum(each.rows for each in found), rejected=sum(each.rejected for each in found))
    observe(replace(so_far, night=str(published[-1]), done=len(published)))
    return Replay(job.name, contract.id, tuple(found), tuple(skipped))


def _found(contract: Contract, job: LoadedJob, rows: tuple[RunRow, ...], night: Night, settings: Settings) -> _Night:
    """A night with all that it was made of.

    Raises:
        _Gone: Its files, or the rows that it set aside, are not what they were.
    """
    store, row = Store(settings.root), newest(rows, night, "score")
    assert row is not None
    document = latest_document(store, row)
    try:
        inputs = examine(find(job.job.source, night, job.project), settings.threads)
        references = find_references(contract, night, job.project, settings.threads)
        references = read_references(contract, references)
        before = {each.partition: each.fingerprint for each in document.run.partitions}
        now = {each.partition.name: each.fingerprint for each in inputs}
        if before != now:
            raise _Gone(_difference(before, now))
        earlier = earlier_nights(store, job.name, rows, (night, contract.unique_over))
        known = _Night(contract, job, store, row, document, rows, inputs, references)
        repeated = repeated_keys(inputs, contract, known.key, earlier, settings.threads) if known.key else Repeated()
    except InputChanged as error:
        raise _Gone(f"{error.where} {error.what}") from error
    return replace(known, repeated=repeated)


def _difference(before: Mapping[str, object], now: Mapping[str, object]) -> str:
    """How a night's files differ from those that it was published from."""
    gone = [name for name in before if name not in now]
    if gone:
        return f"{len(gone)} of {len(before)} files are gone"
    changed = [name for name in before if before[name] != now[name]]
    if changed:
        return f"{changed[0]} has changed since" if len(changed) == 1 else f"{len(changed)} files have changed since"
    more = len(now) - len(before)
    return "a file has come since" if more == 1 else f"{more} files have come since"


def _replayed(night: _Night, settings: Settings) -> ReplayedNight:
    """A night under the contract.

    Raises:
        _Gone: The rows that it set aside are gone, or a file changed while it was read.
    """
    try:
        audit, moved = map_reduce(Fold(partial(_part, night), _merged), night.inputs, Pool(threads=settings.threads))
        for found in night.inputs:
            still(found)
    except GateError as error:
        raise _Gone(error.what) from error
    except InputChanged as error:
        raise _Gone(f"{error.where} {error.what}") from error
    row, verdict = night.row, _judged(night, audit)
    return ReplayedNight(
        night=str(row.night),
        run_id=row.run_id,
        published=row.contract,
        rows=audit.rows,
        set_aside=audit.tallies.quarantined,
        set_aside_before=row.quarantined,
        rejected=moved.rejected,
        accepted=moved.accepted,
        rules=dict(_rules(night, audit, moved, verdict)),
        relieved=dict(moved.relieved),
        severity=verdict.severity,
        before=_before(row),
        withheld=verdict.blocked,
        released=night.document.rows.released,
    )


def _judged(night: _Night, audit: Audit) -> Verdict:
    """What the contract's limits, and the job's, say of the night."""
    around = Circumstances(
        night=night.row.night,
        history=past(night.rows, night.row.night),
        references=reference_parts(night.references),
        timezone=night.job.job.timezone,
        policy=night.job.job.policy,
    )
    figures = [*input_figures(audit, night.contract, around), *contract_figures(audit, night.contract, Audit())]
    return judge(figures, around.policy, str(night.row.night))


def _rules(night: _Night, audit: Audit, moved: _Moved, verdict: Verdict) -> Iterator[tuple[str, RuleNight]]:
    """Each rule, and the schema's own where they failed."""
    levels = {each.subject: each.severity for each in verdict.findings if each.check == "contract.rule"}
    failed = {rule.id: rule.failed for rule in night.document.rules}
    for rule in night.contract.rules:
        tally = audit.tallies.of(rule.id)
        yield rule.id, _rule(tally, failed.get(rule.id), moved.by[rule.id], levels[rule.id])
    for id, tally in audit.tallies.rules.items():
        if id not in levels and tally.failed:
            yield id, _rule(tally, failed.get(id), moved.by[id], Severity.FAIL)


def _rule(tally: RuleTally, before: int | None, rejected: int, severity: Severity) -> RuleNight:
    return RuleNight(tally.failed, tally.evaluated, tally.unknown, before, rejected, severity)


def _before(row: RunRow) -> Severity:
    """The worst that the published run said of what a contract judges."""
    levels = [level for id, level in past_of(row.past).levels.items() if id.startswith(OURS)]
    return min(levels, key=lambda level: level.rank, default=Severity.PASS)


def _part(night: _Night, found: Input) -> _Part:
    """One partition under the contract, in batches."""
    contract = night.contract
    held = _held(night, found.partition.name)
    parts: list[_Part] = []
    start = 0
    try:
        for frame in batches(found.partition.uri, size=ALL if contract.needs_whole_partitions else BATCH):
            parts.append(_batch(night, frame, start, held))
            start += frame.height
    except Unreadable:
        return Audit(), _Moved()
    return _merged(parts)


def _merged(parts: Sequence[_Part]) -> _Part:
    return merge([audit for audit, _ in parts]), sum((moved for _, moved in parts), _Moved())


def _held(night: _Night, partition: str) -> pl.DataFrame:
    """Positions of the rows that the published run set aside, with the rules that they failed."""
    receipts = [each for each in night.document.run.partitions if each.partition == partition]
    frames = [frame for each in receipts if (frame := read_held(night.store, night.row, each)) is not None]
    if not frames:
        return pl.DataFrame(schema={ROW: pl.Int64(), FAILED_RULES: pl.List(pl.String)})
    return pl.concat([frame.select(pl.col(ROW).cast(pl.Int64), FAILED_RULES) for frame in frames])


def _batch(night: _Night, frame: pl.DataFrame, start: int, held: pl.DataFrame) -> _Part:
    """Some rows under the contract, beside what became of them."""
    known = Known(night.contract, night.key, night.repeated, night.references)
    validation, arrival = check_rows(known, frame, start)
    audit = Audit(tallies=validation.tallies, schema=validation.check.tally, arrival=arrival)
    aside = validation.quarantined.select(ROW, FAILED_RULES)
    ours = held.filter(pl.col(ROW).is_between(start, start + frame.height, closed="left"))
    rejected, accepted = aside.join(ours, on=ROW, how="anti"), ours.join(aside, on=ROW, how="anti")
    by = _failures(rejected, night.contract.rules)
    return audit, _Moved(rejected.height, accepted.height, by, _failures(accepted, night.document.rules))


class _Acts(Protocol):
    """A rule of a contract, or of an audit.json."""

    @property
    def id(self) -> str: ...
    @property
    def action(self) -> str: ...


def _failures(rows: pl.DataFrame, rules: Iterable[_Acts]) -> Counter[str]:
    """Rule that sets rows aside -> rows that fail it, or lie in a partition that it set aside whole."""
    named = rows.select(pl.col(FAILED_RULES).list.explode().str.strip_prefix(WHOLE).alias("rule")).drop_nulls()
    harmless = {rule.id for rule in rules if rule.action == "continue"}
    counts = named.group_by("rule").len().iter_rows()
    return Counter({id: count for id, count in counts if id not in harmless})
