"""The files of a night that is published anew: those of before under the new run's name, and those that are new."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from hashlib import sha256

import polars as pl

from batchops.contract import CONTRACT, ROW, RUN_ID
from batchops.errors import GateError
from batchops.partition import Output, Receipt
from batchops.quarantine.weighing import Again
from batchops.run.inputs import BATCH
from batchops.run.publish import RUN
from batchops.store import RunRow, Staging, Store, quarantine_path, renamed, scores_path, write_frame, write_rows

__all__ = ["Place", "carry", "put_back"]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a night is published anew.

    Attributes:
        before: The run that published it before.
        staging, run_id: Of the run that publishes it now.
        contract: Id of the contract that rows were tried by.
    """

    before: RunRow
    staging: Staging
    run_id: str
    contract: str

    @property
    def store(self) -> Store:
        """That of the staging."""
        return self.staging.store

    @property
    def folder(self) -> str:
        """Of the run that is staged."""
        return f"{self.staging.folder}/{RUN}"


def carry(receipt: Receipt, place: Place) -> Receipt:
    """Write the files of a partition of which nothing is released under the new run; its receipt.

    Raises:
        GateError: One was altered since.
    """
    for file in receipt.quarantine:
        _copy(place.store, (f"{place.before.run_folder}/{file.path}", f"{place.folder}/{file.path}"), file)
    return replace(receipt, scores=tuple(_scores(receipt, place)))


def put_back(receipt: Receipt, again: Again, scored: pl.DataFrame, place: Place) -> Receipt:
    """Write the files of a partition with the rows that pass; its receipt.

    Args:
        scored: Those rows, but for ``run_id``.

    Raises:
        GateError: A file of before was altered since.
    """
    store, before, partition = place.store, place.before, receipt.partition
    rows = scored.with_columns(pl.lit(place.run_id).alias("run_id"))
    # A partition may be released from again: each time under a name that the files of no other run have.
    name = f"{partition}, released by {place.run_id}"
    new = [
        write_frame(store, scores_path(before.job, before.night, place.run_id, name, number), part)
        for number, part in enumerate(_parts(rows))
    ]
    facts = {CONTRACT: place.contract, RUN_ID: place.run_id}
    left = again.trial.left.with_columns(pl.lit(value).alias(name) for name, value in facts.items())
    aside = pl.concat([again.others, left]).sort(ROW)
    kept = []
    for number, part in enumerate(_parts(aside)):
        path = quarantine_path(partition, number)
        kept.append(replace(write_rows(store, f"{place.folder}/{path}", part), path=path))
    return replace(
        receipt,
        scored=receipt.scored + rows.height,
        quarantined=aside.height,
        scores=(*_scores(receipt, place), *new),
        quarantine=tuple(kept),
    )


def _parts(rows: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """The rows in pieces that can be written; none where there is no row."""
    return rows.iter_slices(BATCH) if rows.height else iter(())


def _scores(receipt: Receipt, place: Place) -> Iterator[Output]:
    """The partition's scores files of before, byte for byte, under the new run's name."""
    for file in receipt.scores:
        path = renamed(file.path, place.run_id)
        _copy(place.store, (file.path, path), file)
        yield replace(file, path=path)


def _copy(store: Store, paths: tuple[str, str], file: Output) -> None:
    source, target = paths
    data = store.read(source)
    if sha256(data).hexdigest() != file.fingerprint.sha256:
        raise GateError(store.uri(source), "was altered since its run wrote it", "Compare the folder with a backup")
    store.write(target, data)
