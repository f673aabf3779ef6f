"""One night: read, check, score, audit, judge, publish; safe to kill and to run again."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace

from batchops import __version__, codec
from batchops.audit import Audit, merge
from batchops.contract.versions.record import require_unchanged
from batchops.engine import Fold, Pool, map_reduce
from batchops.errors import ConfigError, InputNotReady, LockHeld
from batchops.job import LoadedJob
from batchops.models import Version, load, resolve
from batchops.partition import Night
from batchops.run.clock import Clock
from batchops.run.document import Made, Tonight
from batchops.run.history import LOOK_BACK, healthy, newest, past, past_of, rows_of, window, year_ago
from batchops.run.index import refresh_index
from batchops.run.inputs import Input, examine, require, still
from batchops.run.keys import Earlier, earlier_nights, repeated_keys
from batchops.run.outcome import AS_USUAL, Observe, Options, Outcome, Progress, State, silent
from batchops.run.paper import put_out, taken_up
from batchops.run.publish import recover
from batchops.run.reference import reference_of, require_task, version_of
from batchops.run.references import Referenced, find_references, read_references, reference_parts, require_references
from batchops.run.skew import Serving, measure_skew
from batchops.run.task import Task, lost, work
from batchops.settings import Settings
from batchops.store import Lease, RunRow, Staging, Store, lease

__all__ = ["publish_night", "run_night"]


@dataclass(frozen=True, slots=True)
class _Night:
    """A night whose inputs are known.

    Attributes:
        references: The datasets that its rows must name rows of.
        earlier: Published nights that its keys must differ from; None where the contract does not ask.
        key: Digest of job name, night and the content of inputs and references: the same key is the same run.
    """

    job: LoadedJob
    night: Night
    settings: Settings
    store: Store
    inputs: tuple[Input, ...]
    references: tuple[Referenced, ...]
    earlier: Earlier | None
    key: str
    version: Version
    rows: tuple[RunRow, ...]

    @property
    def made_with(self) -> str:
        """Digest of everything but the input that the scores depend on."""
        runs = self.earlier.runs if self.earlier is not None else ()
        return codec.digest([self.job.digest, self.job.contract.digest, self.version.digest, __version__, runs])


def run_night(
    job: LoadedJob, night: Night, settings: Settings, options: Options = AS_USUAL, observe: Observe = silent
) -> Outcome:
    """Score and audit one night, publish it, and bring the job's index up to date.

    Returns:
        What became of it; a night whose input is not there, or that another runner holds, is an outcome too.

    Raises:
        ConfigError: ``force`` without a reason.
        ContractError: The contract was edited and kept the version that it was published under.
        JobError: The job's model, or its table, is of another task.
        UnknownVersion: The job's model does not exist.
        ModelError: It may not be used; nothing is scored.
        TryLater: An input changed while it was read, or the store failed; run the same command again.
    """
    outcome = publish_night(job, night, settings, options, observe)
    if outcome.run_id is not None:
        # Also where nothing was to do: the run before may have been stopped at this point.
        refresh_index(Store(settings.root), job)
    return outcome


def publish_night(job: LoadedJob, night: Night, settings: Settings, options: Options, observe: Observe) -> Outcome:
    """The same without the index, for one of many nights."""
    if options.force and not options.reason:
        raise ConfigError("--force", "needs a reason", 'Say why with --reason "..."; the ledger keeps it')
    try:
        with lease(Store(settings.root), job.name, night, options.wait) as held:
            return _run(job, night, settings, options, observe, held)
    except (LockHeld, InputNotReady) as error:
        state: State = "locked" if isinstance(error, LockHeld) else "not ready"
        return Outcome(job.name, str(night), state, error.exit_code, note=str(error))


def _run(job: LoadedJob, night: Night, settings: Settings, options: Options, observe: Observe, held: Lease) -> Outcome:
    clock, store = Clock(), Store(settings.root)
    recovered = recover(store, job.name, night)
    with clock.stage("fingerprint"):
        partitions = require(job.job.source, night, job.project, dt.datetime.now(dt.UTC))
        inputs = examine(partitions, settings.threads)
        references = find_references(job.contract, night, job.project, settings.threads)
        require_references(references, job.job.source, night, job.project)
    rows = rows_of(store, job.name, night - LOOK_BACK, night)
    version, key = resolve(store, job.job.model), _key(job, night, inputs, references)
    require_task(job, version, version_of(store, rows[-1], version) if rows else None)
    earlier = earlier_nights(store, job.name, rows, (night, job.contract.unique_over))
    known = _Night(job, night, settings, store, inputs, references, earlier, key, version, rows)
    before = newest(rows, night, "score")
    staging = Staging(store, job.name, night, codec.digest([key, known.made_with, options.reason]))
    if staging.folder in recovered:
        return taken_up(store, recovered[staging.folder])
    if before is not None and before.key == key and not options.force:
        return _up_to_date(known, before)
    require_unchanged(store, job.contract)
    with clock.stage("load"):
        load(store, version, job.trusted)
        reference = reference_of(store, version, job.contract.pii)
    if references:
        with clock.stage("references"):
            known = replace(known, references=read_references(job.contract, references))
    run_id = staging.begin(clock.name_run())
    audit = _audit(known, staging, run_id, clock, observe)
    with clock.stage("skew"):
        serving = Serving(job, night, inputs, version, reference.inputs)
        audit = replace(audit, skew=measure_skew(serving, store, settings.threads))
    for found in (*inputs, *(file for each in references for file in each.inputs)):
        still(found)
    made = Made(job, version, reference, settings, clock, held, options.reason, options.fail_on_warn)
    tonight = Tonight(
        night=night,
        kind="score",
        run_id=run_id,
        key=key,
        audit=audit,
        earlier=window(store, rows, night, job.job.window, version),
        history=past(rows, night),
        recent=healthy(store, rows, night, version, job.job.policy.exceptional),
        year_ago=year_ago(store, rows, night, version),
        replaces=None if before is None else before.run_id,
        published=None if before is None else past_of(before.past),
        references=reference_parts(known.references),
    )
    return put_out(made, tonight, staging)


def _key(job: LoadedJob, night: Night, inputs: Sequence[Input], references: Sequence[Referenced]) -> str:
    """What makes a run of this night the same run."""
    content = [(found.partition.name, found.fingerprint.sha256) for found in inputs]
    named = {"references": [(each.reference.rule, each.digest) for each in references]} if references else {}
    return codec.digest({"job": job.name, "night": str(night), "inputs": content, **named})


def _up_to_date(known: _Night, before: RunRow) -> Outcome:
    """Nothing to do; but say what the night was made with, where that is not what it would be made with now."""
    now = {
        "model": (before.model_digest, known.version.digest, before.model, str(known.version)),
        "contract": (before.contract_digest, known.job.contract.digest, before.contract, known.job.contract.id),
        "job": (before.job_digest, known.job.digest, "another job definition", "today's"),
        "policy": (before.policy_digest, known.job.policy_digest, "another policy", "today's"),
        "batchops": (before.batchops, __version__, before.batchops, __version__),
    }
    changed = [f"{what}: published under {was}, now {today}" for what, (a, b, was, today) in now.items() if a != b]
    note = "; ".join(changed) + '. Score it again with --force --reason "..."' if changed else None
    labels = newest(known.rows, known.night, "labels")
    shown = before if labels is None or labels.started < before.started else labels
    return Outcome(
        job=known.job.name,
        night=str(known.night),
        state="up to date",
        exit_code=0,
        run_id=before.run_id,
        note=note,
        report=known.store.uri(f"{shown.run_folder}/report.html"),
        audit=known.store.uri(f"{shown.run_folder}/audit.json"),
    )


def _audit(known: _Night, staging: Staging, run_id: str, clock: Clock, observe: Observe) -> Audit:
    """Every partition's audit, merged."""
    settings, pool = known.settings, Pool(known.settings.scheduler, known.settings.threads)
    with clock.stage("keys"):
        job = known.job
        repeated = repeated_keys(known.inputs, job.contract, job.job.key, known.earlier, settings.threads)
    here = max(1, min(settings.threads, len(known.inputs)))
    tasks = [
        Task(
            project=str(known.job.project),
            root=settings.root,
            job=known.job.name,
            night=known.night,
            staging=staging.key,
            run_id=run_id,
            model=str(known.version),
            found=found,
            repeated=repeated,
            references=known.references,
            # A cluster's workers are given one core each; here, the cores that partitions leave idle predict.
            openmp=max(1, settings.threads // here) if settings.scheduler == "threads" else 1,
        )
        for found in known.inputs
    ]
    with clock.stage("partitions"):
        return map_reduce(Fold(work, merge, lost=_dead, done=_Counter(known, observe)), tasks, pool)


def _dead(task: Task, worker: str) -> Audit:
    return lost(task.found, f"every worker that took it died, the last at {worker}")


class _Counter:
    """Adds up what the partitions report, from whichever thread, and tells the observer."""

    def __init__(self, known: _Night, observe: Observe) -> None:
        self._tell, self._lock = observe, threading.Lock()
        self._sum = Progress("partitions", str(known.night), 0, len(known.inputs))

    def __call__(self, part: Audit) -> None:
        with self._lock:
            so_far = self._sum
            self._sum = replace(
                so_far,
                done=so_far.done + 1,
                rows=so_far.rows + part.rows,
                rejected=so_far.rejected + part.tallies.quarantined,
            )
            self._tell(self._sum)
