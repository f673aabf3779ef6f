"""Which files are a night, whether they are all there, and what they hold, named by their content."""

from __future__ import annotations

import datetime as dt
import glob
import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from batchops.engine import Fold, Pool, map_reduce
from batchops.errors import GateError, InputChanged, InputNotReady, did_you_mean
from batchops.partition import Fingerprint, Night, Partition, Source

__all__ = [
    "BATCH",
    "WHOLE",
    "Input",
    "Unreadable",
    "batches",
    "columns_of",
    "examine",
    "find",
    "nights",
    "require",
    "row_count",
    "still",
]

BATCH = 1 << 19
"""Rows that are held at once: what bounds a worker's memory, whatever a partition's size."""

WHOLE = (1 << 32) - 1
"""Rows of the longest partition that can be read whole: polars counts no further."""

CHUNK = 1 << 22


@dataclass(frozen=True, slots=True)
class Input:
    """A partition as it was when the night began.

    Attributes:
        stamp: (size, mtime in ns, inode) by which a later change is seen without reading the file again.
    """

    partition: Partition
    fingerprint: Fingerprint
    stamp: tuple[int, int, int]


def _fixed(pattern: str) -> Path:
    """The part of a pattern before its first wildcard's folder."""
    parts = Path(pattern).parts
    wild = next((index for index, part in enumerate(parts) if glob.has_magic(part)), len(parts) - 1)
    return Path(*parts[:wild])


def find(source: Source, night: Night, project: Path) -> tuple[Partition, ...]:
    """The night's partitions, by name; none where there is no file yet."""
    pattern = str(project / source.pattern.format(night=night))
    root = _fixed(pattern)
    files = (Path(path) for path in glob.glob(pattern, recursive=True))
    return tuple(sorted(Partition(path.relative_to(root).as_posix(), str(path)) for path in files if path.is_file()))


def nights(source: Source, project: Path) -> tuple[str, ...]:
    """Every night the source has a file of, oldest first."""
    before, _, after = str(project / source.pattern).partition("{night}")
    level = len(Path(before + "x").parts) - 1
    found = set()
    for path in glob.glob(f"{glob.escape(before)}*{after.replace('{night}', '*')}", recursive=True):
        part = Path(path).parts[level].removeprefix(Path(before + "x").name[:-1])[:10]
        try:
            found.add(str(Night.parse(part)))
        except ValueError:
            continue
    return tuple(sorted(found))


def require(source: Source, night: Night, project: Path, now: dt.datetime) -> tuple[Partition, ...]:
    """The night's partitions, all of them.

    Raises:
        InputNotReady: Files are missing, and the deadline has not passed.
        GateError: Files are missing, and the deadline has passed.
    """
    found = find(source, night, project)
    pattern = source.pattern.format(night=night)
    if source.marker is not None and not (_fixed(str(project / pattern)) / source.marker).exists():
        what = f"its marker {source.marker} is not there"
    elif len(found) < (source.expect or 1):
        what = f"{len(found)} of {source.expect} files are there" if source.expect else "no file is there"
    else:
        return found
    where = f"night {night}, {pattern}"
    if source.deadline_hours is not None:
        end = dt.datetime.combine((night + 1).date, dt.time(), dt.UTC)
        deadline = end + dt.timedelta(hours=source.deadline_hours)
        if now >= deadline:
            raise GateError(where, f"{what}, past its deadline ({deadline:%Y-%m-%d %H:%M} UTC)", "Ask its producer")
    known = nights(source, project)
    near = did_you_mean(str(night), known) if known and not known[0] <= str(night) <= known[-1] else ""
    remedy = f"Run again when it has arrived (there are {known[0]} to {known[-1]})" if near else "Run again later"
    raise InputNotReady(where, what, remedy)


def _stamp(uri: str) -> tuple[int, int, int]:
    status = os.stat(uri)
    return status.st_size, status.st_mtime_ns, status.st_ino


def _examined(partition: Partition) -> tuple[Input, ...]:
    before = _stamp(partition.uri)
    content = hashlib.sha256()
    with open(partition.uri, "rb") as file:
        while chunk := file.read(CHUNK):
            content.update(chunk)
    found = Input(partition, Fingerprint(content.hexdigest(), before[0]), before)
    still(found)
    return (found,)


def _joined(parts: Sequence[tuple[Input, ...]]) -> tuple[Input, ...]:
    return tuple(sorted((found for part in parts for found in part), key=lambda found: found.partition))


def examine(partitions: Sequence[Partition], threads: int) -> tuple[Input, ...]:
    """Fingerprint every partition.

    Raises:
        InputChanged: A file changed while it was read.
    """
    return map_reduce(Fold(_examined, _joined), partitions, Pool(threads=threads))


def still(found: Input) -> None:
    """Make sure that a partition is what it was when it was fingerprinted.

    Raises:
        InputChanged: It is not.
    """
    try:
        now = _stamp(found.partition.uri)
    except FileNotFoundError:
        now = None
    if now != found.stamp:
        remedy = "Run again when its producer has finished"
        raise InputChanged(found.partition.name, "changed while the night ran", remedy)


class Unreadable(Exception):
    """A partition's bytes are no rows; it becomes a value before it leaves the worker."""


@contextmanager
def _readable() -> Iterator[None]:
    try:
        yield
    except (pl.exceptions.PolarsError, OSError) as error:
        raise Unreadable from error


def row_count(uri: str) -> int:
    """A parquet file's rows, from its footer; 0 where it has none that can be read."""
    try:
        with _readable():
            return int(_scan(uri).select(pl.len()).collect().item())
    except Unreadable:
        return 0


def columns_of(uri: str) -> pl.Schema:
    """A parquet file's columns, from its footer.

    Raises:
        Unreadable: It is no parquet file, or a damaged one.
    """
    with _readable():
        return _scan(uri).collect_schema()


def batches(uri: str, columns: Sequence[str] | None = None, size: int = BATCH) -> Iterator[pl.DataFrame]:
    """A parquet file's rows, at most ``size`` at once; one empty frame where it has none.

    Args:
        columns: Those of them that the file has; None: all.

    Raises:
        Unreadable: It is no parquet file, or a damaged one.
    """
    with _readable():
        rows = _scan(uri)
        if columns is not None:
            rows = rows.select([name for name in columns if name in rows.collect_schema()])
        total = int(_scan(uri).select(pl.len()).collect().item())
    for start in range(0, max(total, 1), size):
        with _readable():
            frame = rows.slice(start, size).collect()
        yield frame


def _scan(uri: str) -> pl.LazyFrame:
    return pl.scan_parquet(uri, hive_partitioning=False, glob=False)
