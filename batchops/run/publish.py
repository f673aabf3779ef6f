"""Publication: everything is staged first, one Delta commit makes it visible, the rest is derived from what was staged.

A process may die between any two steps. Before the commit nothing is visible, and a later start finds the receipts.
After it, a later start finds the staged publication and completes it: every step says what is, so doing it twice is
doing it once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from batchops import codec, ledger
from batchops.partition import Night, Output
from batchops.store import (
    MetricRow,
    Publication,
    RunRow,
    Store,
    publish_scores,
    published,
    record_metrics,
    record_run,
)

__all__ = ["RUN", "Ready", "Recovered", "publish", "recover", "stage"]

READY = "ready.json"
RUN = "run"


@dataclass(frozen=True, slots=True)
class Ready:
    """All that publication needs, staged beside the run's folder.

    Attributes:
        row: The run's row; its version of the scores table is filled in by the commit.
        outputs: The scores files, for a run that publishes any.
        reason: Why an unchanged input was run again, or rows were released.
        release: What the ledger says of rows that were put back; None for a run that put none back.
    """

    row: RunRow
    metrics: tuple[MetricRow, ...]
    outputs: tuple[Output, ...]
    actor: str
    reason: str | None
    release: Mapping[str, ledger.Scalar] | None = None


@dataclass(frozen=True, slots=True)
class Recovered:
    """A run that a later process completed.

    Attributes:
        anchor: Head of the job's ledger after it.
    """

    row: RunRow
    anchor: str


def stage(store: Store, folder: str, files: Mapping[str, bytes], ready: Ready) -> None:
    """Write the run's documents into the staging folder, and last of all what says that it is whole."""
    for name, data in files.items():
        store.write(f"{folder}/{RUN}/{name}", data)
    store.write(f"{folder}/{READY}", codec.dump(ready))


def publish(store: Store, folder: str, ready: Ready, publication: Publication | None) -> str:
    """Commit a staged run's scores, then derive the rest.

    Args:
        publication: None for runs that publish no scores: labels, and scores that are withheld.

    Returns:
        The digest of the ledger's head.

    Raises:
        LockHeld: Another run has published the night in the meantime.
    """
    row, version = ready.row, None
    if publication is not None:
        version = publish_scores(store, row.job, row.night, ready.outputs, publication)
    return _derive(store, folder, ready, version)


def _derive(store: Store, folder: str, ready: Ready, version: int | None) -> str:
    """Everything that follows the commit."""
    row = replace(ready.row, scores_version=version)
    if store.exists(f"{folder}/{RUN}"):
        store.move(f"{folder}/{RUN}", row.run_folder)
    record_metrics(store, row.job, row.night, row.kind, ready.metrics)
    record_run(store, row)
    kind = row.kind if ready.release is None else "release"
    subject = {**_subject(store, row, ready.reason), **(ready.release or {})}
    head = ledger.append(store, row.job, kind, subject, ready.actor)
    # What runs with other inputs left of this night is of no use to anybody now.
    store.delete(folder.rpartition("/")[0])
    return head


def _subject(store: Store, row: RunRow, reason: str | None) -> dict[str, ledger.Scalar]:
    return {
        "run_id": row.run_id,
        "night": str(row.night),
        "key": row.key,
        "severity": row.severity,
        "output": row.output,
        "model": row.model,
        "model_digest": row.model_digest,
        "contract_digest": row.contract_digest,
        "job_digest": row.job_digest,
        "policy_digest": row.policy_digest,
        "batchops": row.batchops,
        "audit": store.digest(f"{row.run_folder}/audit.json").sha256,
        "reason": reason,
    }


def _version_of(store: Store, ready: Ready) -> int:
    """The version of the table in which a run that committed before published its night."""
    row = ready.row
    return publish_scores(store, row.job, row.night, ready.outputs, Publication(row.run_id, row.key))


def recover(store: Store, job: str, night: Night) -> Mapping[str, Recovered]:
    """Complete what an earlier process committed and did not finish.

    Returns:
        Each run that was completed, by its staging folder: the same command, given again, has its result there.
    """
    parent, found = f"staging/{job}/{night}", {}
    for name in store.names(parent):
        path = f"{parent}/{name}/{READY}"
        if not store.exists(path):
            continue
        ready = codec.load(Ready, store.read(path))
        moved = store.exists(f"{ready.row.run_folder}/audit.json")
        committed = ready.row.kind == "score" and published(store, job, night) == ready.row.run_id
        if committed or moved:
            version = _version_of(store, ready) if committed else None
            head = _derive(store, f"{parent}/{name}", ready, version)
            found[f"{parent}/{name}"] = Recovered(replace(ready.row, scores_version=version), head)
    return found
