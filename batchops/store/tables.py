"""The scores of a job: one Delta table, one partition a night, one commit a publication."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

import polars as pl
from deltalake import DeltaTable

from batchops.errors import LockHeld, StoreError
from batchops.partition import Night, Output
from batchops.store.delta import Change, Table, active, commits, footer, open_table, read, read_files, transact
from batchops.store.files import Store, write_frame

__all__ = [
    "ANY",
    "Publication",
    "publication",
    "publish_scores",
    "published",
    "quarantine_path",
    "read_scores",
    "read_scores_by_file",
    "renamed",
    "scores_folder",
    "scores_path",
    "scores_version",
]

ANY = "*"
"""`Publication.replaces`: whatever the night holds now."""

LOOK_BACK = 64


@dataclass(frozen=True, slots=True)
class Publication:
    """Who publishes a night, and what the commit remembers of it.

    Attributes:
        run_id: The files' names begin with it.
        key: Of the run: job, night and inputs.
        metadata: More facts for the commit.
        schema: What every file holds, without ``night``; None: what the first file holds. Needed where nothing was
            scored and the job has no table yet.
        replaces: The run that the night must still hold when the commit lands; None: no run; `ANY`: no matter.
            This is the fence: a runner that lost its lease and was overtaken is refused.
    """

    run_id: str
    key: str
    metadata: Mapping[str, str] = field(default_factory=dict)
    schema: Mapping[str, pl.DataType] | None = None
    replaces: str | None = ANY


def _table(job: str) -> Table:
    return Table(f"tables/scores/{job}", {"night": pl.Date()})


def scores_folder(job: str, night: Night) -> str:
    """Where a night's scores files lie, relative to the root."""
    return f"{_table(job).path}/night={night}"


def _part(partition: str) -> str:
    return sha256(partition.encode()).hexdigest()[:12]


def scores_path(job: str, night: Night, run_id: str, partition: str, batch: int = 0) -> str:
    """The path of one scores file: the same for the same run, partition and batch."""
    return f"{scores_folder(job, night)}/{run_id}-{_part(partition)}_{batch:04}.parquet"


def renamed(path: str, run_id: str) -> str:
    """The path of a scores file under which another run publishes the same rows again."""
    folder, _, name = path.rpartition("/")
    return f"{folder}/{run_id}-{name.rpartition('-')[2]}"


def quarantine_path(partition: str, batch: int = 0) -> str:
    """The path of one file of rows that were set aside, relative to its run's folder."""
    return f"quarantine/{_part(partition)}_{batch:04}.parquet"


def _run_of(uri: str) -> str:
    return uri.rsplit("/", 1)[-1].rpartition("-")[0]


def _night(night: Night) -> list[tuple[str, str, str]]:
    return [("night", "=", str(night))]


def _run(snapshot: DeltaTable, night: Night) -> str | None:
    """The run whose files a snapshot holds for a night."""
    files = active(snapshot, _night(night))
    return _run_of(min(files)) if files else None


def published(store: Store, job: str, night: Night) -> str | None:
    """The run under which a night is published now; None where it is not."""
    snapshot = open_table(store, _table(job))
    return None if snapshot is None else _run(snapshot, night)


def scores_version(store: Store, job: str) -> int | None:
    """The newest version of a job's scores; None where it has none."""
    snapshot = open_table(store, _table(job))
    return None if snapshot is None else snapshot.version()


def _commit_of(snapshot: DeltaTable, night: Night, run_id: str) -> Mapping[str, Any] | None:
    """The newest commit in which a run published a night, looking back a little and then at all."""
    for limit in (LOOK_BACK, None):
        for commit in commits(snapshot, limit):
            if commit.get("run_id") == run_id and commit.get("night") == str(night):
                return commit
    return None


def publication(store: Store, job: str, night: Night) -> Publication | None:
    """What the commit that published a night says of its run; None where the night is not published."""
    snapshot = open_table(store, _table(job))
    run_id = None if snapshot is None else _run(snapshot, night)
    if snapshot is None or run_id is None:
        return None
    commit = _commit_of(snapshot, night, run_id) or {}
    return Publication(run_id, commit.get("key", ""), commit.get("facts", {}))


def _columns(
    store: Store, files: Sequence[Output], declared: Mapping[str, pl.DataType] | None
) -> dict[str, pl.DataType]:
    """The types that all files share.

    Raises:
        StoreError: A file is gone, has another length than its receipt says, or other columns than the rest.
    """
    columns = None if declared is None else dict(declared)
    for file in files:
        where = store.uri(file.path)
        try:
            size = store.sync(file.path)
        except FileNotFoundError as error:
            raise StoreError(where, "the scores file is gone", "Run the night again") from error
        if size != file.fingerprint.size:
            raise StoreError(where, f"has {size} bytes and not {file.fingerprint.size}", "Run the night again")
        found = footer(store, file.path)
        columns = found if columns is None else columns
        if found != columns:
            raise StoreError(where, _difference(found, columns), "Run the night again with one version of the job")
    return columns or {}


def _difference(found: Mapping[str, pl.DataType], columns: Mapping[str, pl.DataType]) -> str:
    for name in [*columns, *found]:
        if name not in found:
            return f"column {name} is missing"
        if name not in columns:
            return f"column {name} is not expected"
        if found[name] != columns[name]:
            return f"column {name} is {found[name]} and not {columns[name]}"
    return "its columns differ"


def _nothing_scored(store: Store, job: str, night: Night, publication: Publication) -> Output:
    """A file without rows, so that a night without scores is a published night."""
    table = _table(job)
    columns = publication.schema
    if columns is None:
        snapshot = open_table(store, table)
        if snapshot is None:
            raise StoreError(store.uri(table.path), "nothing was scored and no table exists", "State the schema")
        columns = {name: kind for name, kind in pl.Schema(snapshot.schema()).items() if name not in table.partition}
    path = scores_path(job, night, publication.run_id, "")
    return write_frame(store, path, pl.DataFrame(schema=dict(columns)))


def publish_scores(store: Store, job: str, night: Night, files: Sequence[Output], publication: Publication) -> int:
    """Make a night's files its scores, all at once, in place of those of any earlier run.

    Published again by the same run with the same files, nothing happens.

    Args:
        files: Written by `scores_path` names; none: nothing was scored.

    Returns:
        The version of the table that holds them.

    Raises:
        ValueError: A file is not of this night, or not named by this run.
        LockHeld: Another run has published the night since.
        StoreError: A file is gone or differs, or the store failed; nothing was published.
    """
    folder = scores_folder(job, night)
    for file in files:
        if file.path.rpartition("/")[0] != folder or _run_of(file.path) != publication.run_id:
            raise ValueError(f"{file.path} is no scores file of run {publication.run_id}: name it by scores_path")
    files = list(files) or [_nothing_scored(store, job, night, publication)]
    columns = _columns(store, files, publication.schema)
    facts = dict(publication.metadata)
    metadata = {"run_id": publication.run_id, "key": publication.key, "night": str(night), "facts": facts}
    change = Change({"night": str(night)}, files, metadata)
    expected = [publication.replaces] if publication.replaces != ANY else []

    def propose(snapshot: DeltaTable) -> Change | int:
        now = _run(snapshot, night)
        if now == publication.run_id:
            return _again(store, snapshot, night, change)
        if not expected:
            expected.append(now)
        if now != expected[0]:
            raise LockHeld(
                store.uri(folder),
                f"run {now} has published this night in the meantime",
                "Run the same command again: it starts from what is published now",
            )
        return change

    return transact(store, _table(job), columns, propose)


def _again(store: Store, snapshot: DeltaTable, night: Night, change: Change) -> int:
    """The version in which the same run published the same files before."""
    before = sorted(uri.rsplit("/", 1)[-1] for uri in active(snapshot, _night(night)))
    run_id = str(change.metadata["run_id"])
    if before != sorted(file.path.rsplit("/", 1)[-1] for file in change.files):
        where = store.uri(change.files[0].path.rpartition("/")[0])
        raise StoreError(where, f"run {run_id} has published other files", "Run the night again under a new run id")
    commit = _commit_of(snapshot, night, run_id)
    return snapshot.version() if commit is None else int(commit["version"])


def read_scores(store: Store, job: str, night: Night, version: int | None = None) -> pl.DataFrame:
    """The published scores of a night, with the column ``night``.

    Args:
        version: Of the table; None: the newest.

    Raises:
        StoreError: The night was not published (in that version).
    """
    table = _table(job)
    snapshot = open_table(store, table, version)
    if snapshot is None or _run(snapshot, night) is None:
        raise StoreError(store.uri(scores_folder(job, night)), "no scores are published", "Run the night first")
    return read(store, table, snapshot, [*_night(night)])


def read_scores_by_file(
    store: Store, job: str, nights: Iterable[Night], columns: Sequence[str]
) -> Iterator[tuple[Night, pl.DataFrame]]:
    """Some columns of what is published for each of the nights, one file at a time, as of one version of the table.

    A night that is not published gives nothing, and one without rows an empty frame.
    """
    table = _table(job)
    snapshot = open_table(store, table)
    if snapshot is None:
        return
    for night in nights:
        for frame in read_files(store, table, snapshot, _night(night), columns):
            yield night, frame
