"""A night with rows put back, before any of it is written: which rows pass, and what the night would be with them."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import polars as pl

from batchops.audit import LABEL, Audit, Batch, audit_batch, merge
from batchops.contract import Tallies
from batchops.errors import DigestMismatch
from batchops.job import LoadedJob
from batchops.models import Version, load, resolve, threads
from batchops.partition import Night
from batchops.quarantine.choosing import Wish, check_wish, chosen
from batchops.quarantine.correcting import corrected
from batchops.quarantine.dataset import dataset_answers
from batchops.quarantine.held import failures, known_rules
from batchops.quarantine.standing import Standing
from batchops.quarantine.trying import Trial, arrived, try_again
from batchops.run.clock import Clock
from batchops.run.document import Made, Release, Tonight
from batchops.run.history import healthy, past, past_of, window
from batchops.run.paper import Judged, assess
from batchops.run.reference import reference_of, require_task, yardstick_of
from batchops.run.references import Referenced, find_references, read_references, reference_parts
from batchops.run.scores import scores_frame
from batchops.settings import Settings
from batchops.store import Lease

__all__ = ["Again", "Case", "Tried", "Weighed", "try_wish", "weigh"]


@dataclass(frozen=True, slots=True)
class Case:
    """A wish, and the night that it is about."""

    job: LoadedJob
    night: Night
    wish: Wish
    settings: Settings
    now: Standing


@dataclass(frozen=True, slots=True)
class Again:
    """A partition of which some rows were tried again.

    Attributes:
        others: Rows set aside that were not.
    """

    trial: Trial
    others: pl.DataFrame


@dataclass(frozen=True, slots=True)
class Tried:
    """Rows that were set aside, tried again.

    Attributes:
        held: Rows that are set aside.
        meant: Of those, the ones that the wish names.
        partitions: Those of which rows were tried again, by name.
        references: The datasets that were asked.
        harmless: Rules that set no row aside.
        waived: Rules that a row may fail nevertheless.
    """

    held: int
    meant: int
    partitions: Mapping[str, Again]
    references: tuple[Referenced, ...]
    harmless: frozenset[str]
    waived: frozenset[str]

    @property
    def passed(self) -> int:
        """Rows that pass."""
        return sum(each.trial.validation.accepted.height for each in self.partitions.values())

    @property
    def still(self) -> Mapping[str, int]:
        """Rule that keeps rows aside -> how many of those that were tried again; a row may fail several."""
        return _counted([each.trial.left for each in self.partitions.values()], self.harmless | self.waived)

    @property
    def freed(self) -> Mapping[str, int]:
        """Rule that had set rows aside -> how many of those that pass; a row may have failed several."""
        return _counted([each.trial.passing for each in self.partitions.values()], self.harmless)


def _counted(frames: Sequence[pl.DataFrame], but: Collection[str]) -> Mapping[str, int]:
    """Rule -> rows that fail it, some rules left out."""
    total: Counter[str] = Counter()
    for frame in frames:
        total.update(failures(frame))
    return {id: rows for id, rows in total.most_common() if id not in but}


@dataclass(frozen=True, slots=True)
class Weighed:
    """A night with the rows that pass.

    Attributes:
        tonight: Of no run yet, with the receipts of before.
        scored: Partition -> its rows that pass, as the job's table holds them but for ``run_id``.
    """

    made: Made
    tonight: Tonight
    judged: Judged
    scored: Mapping[str, pl.DataFrame]


def try_wish(case: Case) -> Tried:
    """Ask today's contract about the rows that a wish names.

    Raises:
        UsageError: The wish names a rule or row that is not there, or waives what nobody can answer for.
        GateError: The rows were deleted or altered since.
    """
    job, wish, now = case.job, case.wish, case.now
    held = now.held()
    check_wish(wish, job.contract, now, known_rules(held.values()))
    meant = {partition: mask for partition, mask in chosen(wish, held).items() if mask.any()}
    rows = {partition: held[partition].filter(mask) for partition, mask in meant.items()}
    found = find_references(job.contract, case.night, job.project, case.settings.threads) if rows else ()
    references = read_references(job.contract, found)
    raw = {partition: arrived(frame) for partition, frame in rows.items()}
    answers = dataset_answers(job, case.night, now, references, raw)
    totals = {receipt.partition: receipt.rows for receipt in now.receipts}
    partitions = {}
    for partition, frame in rows.items():
        whole = frame.height == totals[partition]
        trial = try_again(job.contract, frame, answers[partition], wish.waived, whole)
        partitions[partition] = Again(trial, held[partition].filter(~meant[partition]))
    return Tried(
        held=sum(frame.height for frame in held.values()),
        meant=sum(frame.height for frame in rows.values()),
        partitions=partitions,
        references=references,
        harmless=frozenset(rule.id for rule in job.contract.rules if rule.action == "continue"),
        waived=frozenset(wish.waived),
    )


def weigh(case: Case, tried: Tried, clock: Clock, lease: Lease | None, fail_on_warn: bool = False) -> Weighed:
    """Score the rows that pass by the night's own model, and judge the night with them.

    Raises:
        JobError: That model answers another task than the job's.
        ModelError: That model may not be used.
    """
    job, now, store = case.job, case.now, case.now.store
    version = resolve(store, now.row.model)
    if version.digest != now.row.model_digest:
        what = "is not the model of that name which scored the night"
        raise DigestMismatch(f"model {version}", what, "Score the night again with --force, and release then")
    require_task(job, version)
    with clock.stage("load"):
        model, reference = load(store, version, job.trusted), reference_of(store, version, job.contract.pii)
    yardstick, scored, parts = yardstick_of(job, reference), {}, []
    with clock.stage("score"), threads(case.settings.threads):
        for partition, again in tried.partitions.items():
            validation = again.trial.validation
            rows = scores_frame(validation.accepted, model.score(validation.accepted), job, version.manifest.asked)
            scored[partition] = rows.with_columns(pl.lit(now.row.model).alias("model_version"))
            labelled = rows.with_columns(pl.lit(None).alias(LABEL))
            # What all the night's rows are like is known: no row is counted as having come again.
            batch = Batch(str(case.night), again.trial.left.clear(), validation, labelled)
            parts.append(audit_batch(batch, yardstick))
    made = Made(job, version, reference, case.settings, clock, lease, case.wish.reason, fail_on_warn)
    tonight = _tonight(case, tried, _added(case, tried, merge(parts)), version)
    return Weighed(made, tonight, assess(made, tonight), scored)


def _added(case: Case, tried: Tried, gain: Audit) -> Audit:
    """The night's audit with the rows that pass: what all its rows are like was known before."""
    before, trials = case.now.audit, [each.trial for each in tried.partitions.values()]
    was, now = (sum(parts, Tallies()) for parts in ([t.was for t in trials], [t.now for t in trials]))
    return replace(
        before,
        receipts=case.now.receipts,
        tallies=corrected(before.tallies, was, now),
        outputs=before.outputs + gain.outputs,
        quality=before.quality + gain.quality,
        sample=before.sample.updated(gain.sample),
    )


def _tonight(case: Case, tried: Tried, audit: Audit, version: Version) -> Tonight:
    now, rows, night = case.now, case.now.rows, case.night
    return Tonight(
        night=night,
        kind="score",
        run_id="",
        key=now.row.key,
        audit=audit,
        earlier=window(now.store, rows, night, case.job.job.window, version),
        history=past(rows, night),
        recent=healthy(now.store, rows, night, version, case.job.job.policy.exceptional),
        replaces=now.row.run_id,
        published=past_of(now.row.past),
        references=reference_parts(tried.references),
        released=now.document.rows.released + tried.passed,
        release=Release(_facts(case, tried), _command(case)),
    )


def _facts(case: Case, tried: Tried) -> Mapping[str, str | int | None]:
    """What the ledger says: who did it and why is said of every record."""
    wish = case.wish
    return {
        "from_run": case.now.row.run_id,
        "released": tried.passed,
        "meant": tried.meant,
        "set_aside_before": tried.held,
        "rules": ", ".join(tried.freed),
        "only_rules": ", ".join(wish.rules) or None,
        "only_rows": ", ".join(f"{partition}:{row}" for partition, row in wish.rows) or None,
        "waived": ", ".join(wish.waived) or None,
        "contract": case.job.contract.id,
    }


def _command(case: Case) -> str:
    wish = case.wish
    words = ["batchops", "quarantine", "release", case.job.name, "--date", str(case.night), "--reason", "replay"]
    words += [word for id in wish.rules for word in ("--rule", id)]
    words += [word for partition, row in wish.rows for word in ("--rows", f"{partition}:{row}")]
    words += [word for id in wish.waived for word in ("--waive", id)]
    return shlex.join(words)
