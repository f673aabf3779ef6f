"""A night as it is published now: the run that scored it, what it wrote down, and the rows that it set aside."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from batchops.audit import Audit, AuditDocument
from batchops.errors import GateError, InputNotReady
from batchops.job import LoadedJob
from batchops.partition import Night, Receipt
from batchops.quarantine.held import read_held
from batchops.run.history import LOOK_BACK, load_audit, newest, rows_of
from batchops.run.index import latest_document
from batchops.store import RunRow, Store

__all__ = ["Standing", "standing"]


@dataclass(frozen=True, slots=True)
class Standing:
    """A published night.

    Attributes:
        rows: Runs of the job from a year before the night up to it.
        row: The run that scored it last.
        document: What that run wrote down.
        audit: Its state, without labels.
        labelled: Labels were joined to these scores.
    """

    store: Store
    rows: tuple[RunRow, ...]
    row: RunRow
    document: AuditDocument
    audit: Audit
    labelled: bool

    @property
    def receipts(self) -> tuple[Receipt, ...]:
        """What became of each partition."""
        return self.document.run.partitions

    def held(self) -> Mapping[str, pl.DataFrame]:
        """Partition -> the rows that were set aside of it, as they were stored.

        Raises:
            GateError: They were deleted or altered since.
        """
        frames = {receipt.partition: read_held(self.store, self.row, receipt) for receipt in self.receipts}
        return {partition: frame for partition, frame in frames.items() if frame is not None}


def standing(store: Store, job: LoadedJob, night: Night) -> Standing:
    """The night as it is published now.

    Raises:
        InputNotReady: It is not published, or its newest run withheld its scores.
        GateError: It was scored by another definition of the job, or a file of its scores is gone.
    """
    rows = rows_of(store, job.name, night - LOOK_BACK, night)
    row, withheld, labels = (newest(rows, night, kind) for kind in ("score", "withheld", "labels"))
    where = f"{job.name}, night {night}"
    run = f"batchops run {job.name} --date {night}"
    again = f'Score it again (`{run} --force --reason "..."`)'
    if withheld is not None and (row is None or row.started < withheld.started):
        what = "its newest run withheld its scores"
        raise InputNotReady(where, what, f"Correct the input or the contract, then `{run}`; its report says why")
    if row is None:
        raise InputNotReady(where, "it is not published", f"Score it first: `{run}`")
    if row.job_digest != job.digest:
        what = "the job has changed since the night was scored, and one night has one definition of its key and slices"
        raise GateError(where, what, f"{again} by today's first")
    stored, document = load_audit(store, [row], night), latest_document(store, row)
    assert stored is not None
    for path in (file.path for receipt in document.run.partitions for file in receipt.scores):
        if not store.exists(path):
            raise GateError(store.uri(path), "is gone, and holds scores of the night", f"{again}, and release then")
    labelled = labels is not None and labels.started > row.started
    return Standing(store, rows, row, document, stored.audit, labelled)
