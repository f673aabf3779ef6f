"""Delta tables: a partition is replaced in one commit, compared and swapped against the snapshot it was made from.

What was tried on deltalake 1.6.6, and why the commit is done by hand:

* With the library's own retries, two writers who publish the same new partition from one snapshot both succeed, and
  the partition holds every row twice. Without retries each commit is a compare-and-swap on the whole table.
* A commit with an older schema silently drops the newer columns, so the snapshot's schema is always passed on.
* A file with a column of another type is committed and makes the table unreadable, so footers are read first.
* `DeltaTable.version` does not move after a commit: the version is the snapshot's, plus one.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import polars as pl
from deltalake import CommitProperties, DeltaTable, Schema
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError
from deltalake.transaction import AddAction

from batchops.errors import ConfigError, StoreError
from batchops.partition import Output
from batchops.store.files import Store
from batchops.store.kinds import held
from batchops.store.trouble import guarded, translate

__all__ = ["Change", "Table", "active", "commits", "footer", "open_table", "read", "read_files", "transact"]

ATTEMPTS = 12
CONFIGURATION = {
    "delta.checkpointInterval": "20",
    # Old versions stay readable until gc removes them.
    "delta.enableExpiredLogCleanup": "false",
    "delta.logRetentionDuration": "interval 3650 days",
    "delta.deletedFileRetentionDuration": "interval 30 days",
}

Filters = list[tuple[str, str, Any]]


@dataclass(frozen=True, slots=True)
class Table:
    """Where a table lies and what it is partitioned by.

    Attributes:
        path: Relative to the store's root.
        partition: Types of the partition columns; the files do not hold them.
    """

    path: str
    partition: Mapping[str, pl.DataType]


@dataclass(frozen=True, slots=True)
class Change:
    """New content of one partition.

    Attributes:
        partition: Its values, as text.
        files: All its files, relative to the store's root, below the table's path.
        metadata: Kept in the commit.
    """

    partition: Mapping[str, str]
    files: Sequence[Output]
    metadata: Mapping[str, object]


@contextmanager
def _translated(where: str) -> Iterator[None]:
    """Let a lost race out as it is, and everything else as an error of ours."""
    try:
        with guarded(where):
            yield
    except CommitFailedError:
        raise
    except DeltaError as error:
        raise translate(error, where) from error
    except StoreError as error:
        if "recognise URL" in str(error.__cause__):
            raise ConfigError(where, "no table can be kept there", "Choose a folder, s3://, gs:// or az://") from error
        raise


def open_table(store: Store, table: Table, version: int | None = None) -> DeltaTable | None:
    """A snapshot of a table, the newest or that of a version; None where there is no table yet.

    Raises:
        StoreError: The table cannot be read, or its version is gone.
    """
    where = store.uri(table.path)
    with _translated(where):
        try:
            return DeltaTable(where, version=version, storage_options=store.storage_options)
        except TableNotFoundError:
            return None


def _types(snapshot: DeltaTable) -> dict[str, pl.DataType]:
    return dict(pl.Schema(snapshot.schema()))


def _open_or_create(store: Store, table: Table, columns: Mapping[str, pl.DataType]) -> DeltaTable:
    where = store.uri(table.path)
    snapshot = open_table(store, table)
    if snapshot is None:
        try:
            with _translated(where):
                snapshot = DeltaTable.create(
                    where,
                    schema=Schema.from_arrow(pl.Schema({**columns, **table.partition})),
                    partition_by=list(table.partition),
                    configuration=CONFIGURATION,
                    storage_options=store.storage_options,
                )
        except (CommitFailedError, StoreError):
            # Another writer may have made it in the meantime; if not, this was a real failure.
            snapshot = open_table(store, table)
            if snapshot is None:
                raise
    return snapshot


def footer(store: Store, path: str) -> dict[str, pl.DataType]:
    """The types of a parquet file's columns.

    Raises:
        StoreError: It is no parquet file.
    """
    where = store.uri(path)
    try:
        with guarded(where):
            return dict(pl.scan_parquet(where, storage_options=store.storage_options).collect_schema())
    except pl.exceptions.ComputeError as error:
        raise StoreError(where, "is no parquet file", "Run the night again") from error


def _refuse_retyped(where: str, have: Mapping[str, pl.DataType], columns: Mapping[str, pl.DataType]) -> None:
    for name, kind in columns.items():
        if have.get(name, kind) != kind:
            raise StoreError(
                where,
                f"column {name} is {have[name]} in the table and {kind} in the new files",
                "Give the column its type of before, or another name: columns are only added",
            )


def _add_columns(store: Store, table: Table, snapshot: DeltaTable, columns: Mapping[str, pl.DataType]) -> None:
    """Add the columns that the table lacks, in a commit of their own; the snapshot moves on with it."""
    have = _types(snapshot)
    added = pl.Schema({name: kind for name, kind in columns.items() if name not in have})
    if added:
        with _translated(store.uri(table.path)):
            snapshot.alter.add_columns(
                Schema.from_arrow(added).fields, commit_properties=CommitProperties(max_commit_retries=0)
            )


def _refuse_foreign(store: Store, table: Table, columns: Mapping[str, pl.DataType]) -> None:
    for name, kind in columns.items():
        if name in table.partition:
            raise StoreError(store.uri(table.path), f"column {name} is the partition's name", "Name it differently")
        if not held(kind):
            raise StoreError(store.uri(table.path), f"column {name}: a table cannot hold {kind}", "Cast it before")


def _commit(store: Store, table: Table, snapshot: DeltaTable, change: Change) -> int:
    """Replace the partition in the snapshot's successor.

    Raises:
        CommitFailedError: The table has moved on since the snapshot.
    """
    now = time.time_ns() // 1_000_000
    actions = [
        AddAction(
            path=file.path.removeprefix(f"{table.path}/"),
            size=file.fingerprint.size,
            partition_values=change.partition,
            modification_time=now,
            data_change=True,
            stats=json.dumps({"numRecords": file.rows}),
        )
        for file in change.files
    ]
    version = snapshot.version() + 1
    entry = f"{table.path}/_delta_log/{version:020}.json"
    try:
        with _translated(store.uri(table.path)):
            snapshot.create_write_transaction(
                actions,  # type: ignore[arg-type]
                mode="overwrite",
                schema=snapshot.schema(),
                partition_by=list(table.partition),
                partition_filters=[(name, "=", value) for name, value in change.partition.items()],
                commit_properties=CommitProperties(custom_metadata=dict(change.metadata), max_commit_retries=0),
            )
    except StoreError:
        # The library writes checkpoints after the commit: one that fails does not undo it.
        if not _landed(store, entry, actions[0].path):
            raise
    store.sync(entry)
    return version


def _landed(store: Store, entry: str, path: str) -> bool:
    try:
        return path in store.read(entry).decode()
    except FileNotFoundError:
        return False


def transact(
    store: Store, table: Table, columns: Mapping[str, pl.DataType], propose: Callable[[DeltaTable], Change | int]
) -> int:
    """Replace one partition of a table, starting anew from a fresh snapshot whenever another writer was first.

    Args:
        columns: What the files hold, without the partition's columns.
        propose: Given a snapshot, the change; or a version, where nothing is left to do. May be called again.

    Returns:
        The version of the table that holds the change.

    Raises:
        StoreError: A column has the wrong type, the store failed, or other writers were always first.
    """
    _refuse_foreign(store, table, columns)
    for attempt in range(ATTEMPTS):
        snapshot = _open_or_create(store, table, columns)
        _refuse_retyped(store.uri(table.path), _types(snapshot), columns)
        change = propose(snapshot)
        if isinstance(change, int):
            return change
        try:
            _add_columns(store, table, snapshot, columns)
            return _commit(store, table, snapshot, change)
        except CommitFailedError:
            time.sleep(random.uniform(0, 0.01 * 2 ** min(attempt, 5)))
    raise StoreError(store.uri(table.path), "other writers were always first", "Run the same command again")


def active(snapshot: DeltaTable, filters: Filters) -> list[str]:
    """URIs of the files that a snapshot holds for the partitions that pass."""
    return snapshot.file_uris(file_pruning_predicate=filters)


def read(store: Store, table: Table, snapshot: DeltaTable, filters: Filters) -> pl.DataFrame:
    """The rows of the partitions that pass; a column that an older file lacks is null."""
    types = pl.Schema(_types(snapshot))
    where = store.uri(table.path)
    with _translated(where):
        files = active(snapshot, filters)
        if not files:
            return pl.DataFrame(schema=types)
        return pl.scan_parquet(
            files,
            schema=types,
            missing_columns="insert",
            hive_partitioning=True,
            hive_schema=dict(table.partition),
            storage_options=store.storage_options,
        ).collect()


def read_files(
    store: Store, table: Table, snapshot: DeltaTable, filters: Filters, columns: Sequence[str]
) -> Iterator[pl.DataFrame]:
    """Some columns of the partitions that pass, one file at a time; nothing where the table lacks one of them."""
    types = _types(snapshot)
    if not set(columns) <= types.keys():
        return
    for uri in active(snapshot, filters):
        with _translated(store.uri(table.path)):
            rows = pl.scan_parquet(
                uri,
                schema={name: kind for name, kind in types.items() if name not in table.partition},
                missing_columns="insert",
                hive_partitioning=False,
                storage_options=store.storage_options,
            )
            frame = rows.select(columns).collect()
        yield frame


def commits(snapshot: DeltaTable, limit: int | None = None) -> list[dict[str, Any]]:
    """The metadata of the newest commits, newest first, each with its ``version``."""
    return snapshot.history(limit)
