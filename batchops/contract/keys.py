"""Keys that occur more than once in a night: exactly, in memory bounded by a bucket.

Each worker hashes its partition's keys and leaves the hashes, sorted, in a file of its own (`spill`). A bucket is a
range of hashes; whichever is seen twice in it is a candidate (`candidates`). Only where there are any are keys read
again: those behind candidate hashes are counted (`collect`), and a key with two rows or more in the whole night is a
duplicate (`confirm`), so that two keys of one hash never pass for one. All rows of such a key are marked (`mark`).

A key with a missing part (null or NaN) is no duplicate: it falls to its column's rule. Hashes are polars' own, with a
fixed seed: the same in every process of one polars version, and never kept beyond the night.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import polars as pl
import polars.selectors as cs
from numpy.typing import NDArray

from batchops.contract.arriving import fit_rows
from batchops.contract.terms import Contract

__all__ = [
    "IN_MEMORY",
    "buckets_for",
    "candidates",
    "collect",
    "confirm",
    "duplicates",
    "in_memory",
    "keys_of",
    "mark",
    "spill",
]

IN_MEMORY = 20_000
"""Rows of a night up to which its keys are compared in memory; more are compared faster by their hashes, a million in
a seventh of the time."""

PER_BUCKET = 4_000_000
"""Hashes that are sorted at once: 32 MB."""

SEED = 0x0BA7C405
COUNT = "_rows"
DUPLICATED = "_duplicated"

Hashes = NDArray[np.uint64]


def in_memory(rows: int) -> bool:
    """Whether a night of so many rows is better compared in memory (`duplicates`) than over files."""
    return rows <= IN_MEMORY


def buckets_for(rows: int) -> int:
    """How many buckets keep the memory of `candidates` bounded for a night of so many rows."""
    return max(1, -(-rows // PER_BUCKET))


def keys_of(contract: Contract, frame: pl.DataFrame, key: Iterable[str] = ()) -> pl.DataFrame | None:
    """The key columns, each of the contract's dtype so that every partition spells a key the same way.

    Args:
        key: Its columns; the contract's own where none are given.

    Returns:
        One row a row; None where a column of the key is missing or cannot be read.
    """
    names = tuple(key) or contract.key
    fitted = fit_rows(contract, frame)
    if {*names} & {*fitted.check.missing, *fitted.check.unusable}:
        return None
    return fitted.rows.select(names)


def _spelled(keys: pl.DataFrame) -> pl.DataFrame:
    """Keys as every process spells them: text as text, NaN as null."""
    return keys.with_columns((cs.categorical() | cs.enum()).cast(pl.String), cs.float().fill_nan(None))


def _hashes(keys: pl.DataFrame) -> pl.Series:
    return keys.hash_rows(seed=SEED)


def spill(keys: pl.DataFrame, folder: Path, part: str, buckets: int) -> None:
    """Leave the hashes of a partition's keys in a file of its own.

    The file holds the start of each bucket and their end (int64, buckets + 1), then the hashes in order.

    Args:
        part: The partition's name, any text; the same part written again takes the place of the first.
        buckets: The same for all parts of a night.
    """
    hashes = np.sort(_hashes(_spelled(keys).drop_nulls()).to_numpy())
    edges = np.array([(bucket << 64) // buckets for bucket in range(1, buckets)], dtype=np.uint64)
    starts = np.concatenate([[0], np.searchsorted(hashes, edges), [len(hashes)]]).astype(np.int64)
    folder.mkdir(parents=True, exist_ok=True)
    name = hashlib.sha256(part.encode()).hexdigest()[:32]
    unfinished = folder / f".{name}"
    with unfinished.open("wb") as file:
        np.int64(buckets).tofile(file)
        starts.tofile(file)
        hashes.tofile(file)
    unfinished.rename(folder / f"{name}.keys")


def _bucket(path: Path, bucket: int) -> Hashes:
    with path.open("rb") as file:
        buckets = int(np.fromfile(file, np.int64, 1)[0])
        starts = np.fromfile(file, np.int64, buckets + 1)
        file.seek(8 * int(starts[bucket]), 1)
        return np.fromfile(file, np.uint64, int(starts[bucket + 1] - starts[bucket]))


def candidates(folder: Path, bucket: int) -> Hashes:
    """The hashes of a bucket that were spilt twice or more, in order."""
    parts = [_bucket(path, bucket) for path in sorted(folder.glob("*.keys"))]
    if not parts:
        return np.empty(0, np.uint64)
    # A stable sort would merge parts that are in order already, and take four times as long as sorting them anew.
    hashes = np.concatenate(parts)
    hashes.sort()
    return np.unique(hashes[1:][hashes[1:] == hashes[:-1]])


def _counted(keys: pl.DataFrame) -> pl.DataFrame:
    return keys.group_by(keys.columns).agg(pl.len().alias(COUNT))


def collect(keys: pl.DataFrame, hashes: Hashes) -> pl.DataFrame:
    """The keys of a partition behind candidate hashes, with how many of its rows hold each (`confirm` reads it)."""
    whole = _spelled(keys).drop_nulls()
    suspected = np.isin(_hashes(whole).to_numpy(), hashes)
    return _counted(whole.filter(pl.Series(suspected)))


def confirm(suspects: Iterable[pl.DataFrame]) -> pl.DataFrame | None:
    """The keys that two rows of the night or more hold, out of what was collected; None where there are none."""
    frames = list(suspects)
    if not frames:
        return None
    names = [name for name in frames[0].columns if name != COUNT]
    counted = pl.concat(frames).group_by(names).agg(pl.col(COUNT).sum())
    twice = counted.filter(pl.col(COUNT) > 1).select(names).sort(names)
    return twice if twice.height else None


def duplicates(parts: Iterable[pl.DataFrame]) -> pl.DataFrame | None:
    """The same as `confirm`, from the keys of all partitions at once."""
    return confirm(_counted(_spelled(keys).drop_nulls()) for keys in parts)


def mark(keys: pl.DataFrame, confirmed: pl.DataFrame | None) -> pl.Series:
    """One bool a row: its key is a duplicate."""
    if confirmed is None or confirmed.is_empty():
        return pl.repeat(False, keys.height, dtype=pl.Boolean, eager=True).alias(DUPLICATED)
    twice = confirmed.with_columns(pl.lit(True).alias(DUPLICATED))
    found = _spelled(keys).join(twice, on=keys.columns, how="left", maintain_order="left")
    return found.get_column(DUPLICATED).fill_null(False)
