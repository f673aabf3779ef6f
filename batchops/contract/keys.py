"""Keys that occur more than once, in a night or over several: exactly, in memory bounded by a bucket.

Each worker hashes its partition's keys and leaves the hashes, sorted, in a file of its own (`spill`). A bucket is a
range of hashes; whichever is seen twice in it is a candidate (`candidates`). Only where there are any are keys read
again: those behind candidate hashes are counted (`collect`), and a key with two rows or more in the whole night is a
duplicate (`confirm`), so that two keys of one hash never pass for one. All rows of such a key are marked (`mark`).

Over several nights it is the same with two folders: the hashes of tonight and those of the nights before it, and a
candidate is in both (`shared`). The keys behind candidates are read again on both sides (`behind`), and joined.

A key with a missing part (null or NaN) is no duplicate: it falls to its column's rule. Hashes are polars' own, with a
fixed seed: the same in every process of one polars version, and never kept beyond the night.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import polars.selectors as cs
from numpy.typing import NDArray

from batchops.contract.arriving import fit_rows
from batchops.contract.terms import Contract

__all__ = [
    "IN_MEMORY",
    "NIGHT",
    "again",
    "behind",
    "buckets_for",
    "candidates",
    "collect",
    "confirm",
    "duplicates",
    "holders",
    "in_memory",
    "keys_of",
    "mark",
    "shared",
    "spelled",
    "spill",
    "stored_keys",
]

IN_MEMORY = 20_000
"""Rows of a night up to which its keys are compared in memory; more are compared faster by their hashes, a million in
a seventh of the time."""

PER_BUCKET = 4_000_000
"""Hashes that are sorted at once: 32 MB."""

SEED = 0x0BA7C405
COUNT = "_rows"
DUPLICATED = "_duplicated"
NIGHT = "_night"
"""Column of `again`: the earlier night that holds the key."""

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
    fitted = fit_rows(replace(contract, columns=tuple(c for c in contract.columns if c.name in names)), frame)
    if {*names} & {*fitted.check.missing, *fitted.check.unusable}:
        return None
    return fitted.rows.select(names)


def stored_keys(contract: Contract, frame: pl.DataFrame, key: Iterable[str]) -> pl.DataFrame:
    """Keys that a table of scores gave back, of the contract's dtypes again; null where a dtype has no such value.

    A table has fewer dtypes than polars: small unsigned numbers and categories come back as others.
    """
    types = contract.schema
    return frame.select(pl.col(name).cast(types[name], strict=False) for name in key)


def spelled(keys: pl.DataFrame) -> pl.DataFrame:
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
    hashes = np.sort(_hashes(spelled(keys).drop_nulls()).to_numpy())
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


def _sorted(folder: Path, bucket: int) -> Hashes:
    """All hashes of a bucket, in order."""
    hashes = np.concatenate(
        [np.empty(0, np.uint64), *(_bucket(path, bucket) for path in sorted(folder.glob("*.keys")))]
    )
    # A stable sort would merge parts that are in order already, and take four times as long as sorting them anew.
    hashes.sort()
    return hashes


def candidates(folder: Path, bucket: int) -> Hashes:
    """The hashes of a bucket that were spilt twice or more, in order."""
    hashes = _sorted(folder, bucket)
    return _once(hashes[1:][hashes[1:] == hashes[:-1]])


def shared(folder: Path, earlier: Path, bucket: int) -> Hashes:
    """The hashes of a bucket that both folders hold, in order; both were spilt in as many buckets."""
    ours = _sorted(folder, bucket)
    return _once(ours[_among(ours, _sorted(earlier, bucket))])


# numpy's unique, isin and intersect1d do not know that hashes are in order, and take ten times as long.


def _once(hashes: Hashes) -> Hashes:
    """Each of some hashes in order, once."""
    return hashes[np.concatenate([[True], hashes[1:] != hashes[:-1]])] if len(hashes) else hashes


def _among(hashes: Hashes, known: Hashes) -> NDArray[np.bool_]:
    """Which hashes are among known ones that are in order."""
    if not len(known):
        return np.zeros(len(hashes), np.bool_)
    places = np.searchsorted(known, hashes)
    found: NDArray[np.bool_] = known[np.minimum(places, len(known) - 1)] == hashes
    return found


def _counted(keys: pl.DataFrame) -> pl.DataFrame:
    return keys.group_by(keys.columns).agg(pl.len().alias(COUNT))


def _suspected(keys: pl.DataFrame, hashes: Hashes) -> pl.DataFrame:
    whole = spelled(keys).drop_nulls()
    return whole.filter(pl.Series(_among(_hashes(whole).to_numpy(), np.sort(hashes))))


def collect(keys: pl.DataFrame, hashes: Hashes) -> pl.DataFrame:
    """The keys of a partition behind candidate hashes, with how many of its rows hold each (`confirm` reads it)."""
    return _counted(_suspected(keys, hashes))


def behind(keys: pl.DataFrame, hashes: Hashes | None = None) -> pl.DataFrame:
    """The keys behind candidate hashes, each once; all of them where no hashes are given."""
    found = spelled(keys).drop_nulls() if hashes is None else _suspected(keys, hashes)
    return found.unique()


def again(tonight: Iterable[pl.DataFrame], earlier: Iterable[tuple[str, pl.DataFrame]]) -> pl.DataFrame | None:
    """The keys of tonight that an earlier night holds too.

    Args:
        tonight: Keys as `behind` gives them, a frame a partition.
        earlier: The same of earlier nights, each with its night; looked at one after the other.

    Returns:
        The key's columns and `NIGHT`, one row a key and night, in order; None where there is none.
    """
    parts = list(tonight)
    if not parts:
        return None
    ours = pl.concat(parts).unique()
    names = ours.columns
    found = [
        ours.join(theirs, on=names, how="semi").with_columns(pl.lit(night).alias(NIGHT)) for night, theirs in earlier
    ]
    held = pl.concat([ours.clear().with_columns(pl.lit("").alias(NIGHT)), *found]).unique().sort(*names, NIGHT)
    return held if held.height else None


def holders(keys: pl.DataFrame, held: pl.DataFrame | None, nights: Iterable[str]) -> Mapping[str, int]:
    """How many of these rows' keys each of the earlier nights holds; 0 for those that hold none."""
    counts = dict.fromkeys(nights, 0)
    if held is not None:
        found = spelled(keys).join(held, on=keys.columns, how="inner").group_by(NIGHT).len()
        counts |= dict(found.iter_rows())
    return counts


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
    return confirm(_counted(spelled(keys).drop_nulls()) for keys in parts)


def mark(keys: pl.DataFrame, confirmed: pl.DataFrame | None) -> pl.Series:
    """One bool a row: its key is a duplicate."""
    if confirmed is None or confirmed.is_empty():
        return pl.repeat(False, keys.height, dtype=pl.Boolean, eager=True).alias(DUPLICATED)
    twice = confirmed.select(keys.columns).unique().with_columns(pl.lit(True).alias(DUPLICATED))
    found = spelled(keys).join(twice, on=keys.columns, how="left", maintain_order="left")
    return found.get_column(DUPLICATED).fill_null(False)
