"""What a worker does with one partition: read, check, score, write, summarise; leave a receipt."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import polars as pl

from batchops import codec
from batchops.audit import LABEL, Audit, Batch, audit_batch, merge
from batchops.contract import CONTRACT, PARTITION, RUN_ID
from batchops.job import LoadedJob, load_job
from batchops.models import load, resolve, threads
from batchops.partition import Night, Output, Receipt
from batchops.run.checking import Known, check_rows
from batchops.run.inputs import BATCH, WHOLE, Input, Unreadable, batches, still
from batchops.run.keys import Repeated
from batchops.run.publish import RUN
from batchops.run.reference import reference_of, yardstick_of
from batchops.run.references import Referenced
from batchops.run.scores import scores_frame
from batchops.store import Staging, Store, quarantine_path, scores_path, write_frame, write_rows

__all__ = ["Task", "lost", "work"]


@dataclass(frozen=True, slots=True)
class Task:
    """One partition's work, as it travels to a worker: names and digests, never rows.

    Attributes:
        staging: Key of the run's staging folder.
        model: ``name@number``: the driver resolved the alias, once.
        repeated: Keys that stand in the night more than once, or in a night before it.
        references: The datasets that its rows must name rows of.
        openmp: Threads that predicting may use.
    """

    project: str
    root: str
    job: str
    night: Night
    staging: str
    run_id: str
    model: str
    found: Input
    repeated: Repeated
    references: tuple[Referenced, ...]
    openmp: int


@cache
def _job(name: str, project: str) -> LoadedJob:
    return load_job(name, Path(project))


def work(task: Task) -> Audit:
    """Audit one partition, or take up the receipt of a run that was stopped."""
    store = Store(task.root)
    staging = Staging(store, task.job, task.night, task.staging)
    name = task.found.partition.name
    kept = staging.get(name)
    if kept is not None:
        done = codec.unpack(Audit, kept)
        if _holds(done.receipts[0], task, staging):
            return done
    try:
        done = _Bench(task).audit()
    except Unreadable:
        still(task.found)
        done = lost(task.found, "not a parquet file, or a damaged one")
    staging.put(name, codec.pack(done))
    return done


def lost(found: Input, why: str) -> Audit:
    """The audit of a partition whose rows are unknown."""
    return Audit(receipts=(Receipt(found.partition.name, found.fingerprint, unreadable=why),))


def _holds(receipt: Receipt, task: Task, staging: Staging) -> bool:
    """Whether what a receipt promises is there, and was made from the same input."""
    written = [(output.path, output) for output in receipt.scores]
    written += [(f"{staging.folder}/{RUN}/{output.path}", output) for output in receipt.quarantine]
    return receipt.fingerprint == task.found.fingerprint and all(
        staging.store.exists(path) and staging.store.digest(path) == output.fingerprint for path, output in written
    )


class _Bench:
    """A worker's tools for one partition."""

    def __init__(self, task: Task) -> None:
        self.task, self.store = task, Store(task.root)
        self.folder = Staging(self.store, task.job, task.night, task.staging).folder
        self.job = _job(task.job, task.project)
        version = resolve(self.store, task.model)
        self.model = load(self.store, version, self.job.trusted)
        self.yardstick = yardstick_of(self.job, reference_of(self.store, version, self.job.contract.pii))

    def audit(self) -> Audit:
        """Read the partition in batches, and summarise each on its way."""
        task, parts, start = self.task, [], 0
        receipt = Receipt(task.found.partition.name, task.found.fingerprint)
        size = WHOLE if self.job.contract.needs_whole_partitions else BATCH
        with threads(task.openmp):
            for number, frame in enumerate(batches(task.found.partition.uri, size=size)):
                part, receipt = self.batch(frame, start, number, receipt)
                parts.append(part)
                start += frame.height
        still(task.found)
        return replace(merge(parts), receipts=(receipt,))

    def batch(self, frame: pl.DataFrame, start: int, number: int, receipt: Receipt) -> tuple[Audit, Receipt]:
        """Check, score, write and summarise some rows."""
        task = self.task
        known = Known(self.job.contract, self.job.job.key, task.repeated, task.references)
        validation, arrival = check_rows(known, frame, start)
        asked, scores = self.model.version.manifest.asked, self.model.score(validation.accepted)
        scored = scores_frame(validation.accepted, scores, self.job, asked)
        outputs, quarantine = receipt.scores, receipt.quarantine
        if scored.height:
            path = scores_path(task.job, task.night, task.run_id, receipt.partition, number)
            made = scored.with_columns(pl.lit(task.model).alias("model_version"), pl.lit(task.run_id).alias("run_id"))
            outputs = (*outputs, write_frame(self.store, path, made))
        if validation.quarantined.height:
            quarantine = (*quarantine, self._set_aside(validation.quarantined, receipt.partition, number))
        labelled = scored.with_columns(pl.lit(None).alias(LABEL))
        rows = Batch(str(task.night), frame, validation, labelled, arrival)
        return audit_batch(rows, self.yardstick), replace(
            receipt,
            rows=receipt.rows + frame.height,
            scored=receipt.scored + scored.height,
            quarantined=receipt.quarantined + validation.quarantined.height,
            scores=outputs,
            quarantine=quarantine,
        )

    def _set_aside(self, rows: pl.DataFrame, partition: str, number: int) -> Output:
        facts = {PARTITION: partition, CONTRACT: self.job.contract.id, RUN_ID: self.task.run_id}
        made = rows.with_columns(pl.lit(value).alias(name) for name, value in facts.items())
        path = quarantine_path(partition, number)
        return replace(write_rows(self.store, f"{self.folder}/{RUN}/{path}", made), path=path)
