"""Which columns name a row within its night: guessed on a sample, decided on all rows."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import polars as pl

from batchops.contract.authoring.reading import Files
from batchops.errors import ContractError, did_you_mean

__all__ = ["Key", "find_key", "given_key"]

LONGEST = 3
"""Columns of a key that is looked for."""

SAMPLE = 20_000
"""Rows on which combinations are tried first."""

FEWEST = 20
"""Rows below which everything is unique, and nothing means anything."""

COLUMNS = 12
"""Columns that are tried in combinations, the likeliest first."""

TRIED = 8
"""Combinations of one size that are tried on all rows."""

BUCKET = 5_000_000
"""Keys that are counted at once: what bounds the memory."""

NAMED = re.compile(r"(^|_)(id|key|uuid|guid|nr|no|num|number|code|ref|pk|sku)($|_)|[a-z](Id|ID|Key|No|Nr|Number|Code)$")


@dataclass(frozen=True, slots=True)
class Key:
    """Columns that name a row.

    Attributes:
        repeated: Rows whose key an earlier row of the night has; 0 for a key.
        given: By a person, rather than found.
    """

    columns: tuple[str, ...] = ()
    repeated: int = 0
    given: bool = False


def _repeated(files: Files, columns: Sequence[str], stop: bool) -> int:
    """Rows whose key an earlier row of their night has; with ``stop``, some of them are enough."""
    repeated = 0
    for part in files.by_night().values():
        rows = sum(files.rows[file] for file in part)
        for bucket in range(buckets := -(-rows // BUCKET)):
            repeated += _in_bucket(files.scan(part).select(columns), bucket, buckets)
        if repeated and stop:
            break
    return repeated


def _in_bucket(scan: pl.LazyFrame, bucket: int, buckets: int) -> int:
    """Rows of a bucket of hashes whose key another row of it has; where all hashes differ, so do the keys."""
    key = pl.struct(pl.all())
    some = scan if buckets == 1 else scan.filter(key.hash(seed=0) % buckets == bucket)
    alike: int = some.select(pl.len() - key.hash(seed=0).n_unique()).collect(engine="streaming").item()
    if alike:
        alike = some.select(pl.len() - key.n_unique()).collect(engine="streaming").item()
    return alike


def _combinations(files: Files, sample: pl.DataFrame, among: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """Combinations that are unique in the sample, the smallest and likeliest first, none with another inside."""
    order = {name: place for place, name in enumerate(files.schema)}
    ranked = sorted(among, key=lambda name: (not NAMED.search(name), order[name]))[:COLUMNS]
    place = {name: number for number, name in enumerate(ranked)}
    sizes = range(1, LONGEST + 1) if sample.height >= FEWEST else range(1, 2)
    for size in sizes:
        alike = [
            names for names in combinations(ranked, size) if size > 1 or sample.height >= FEWEST or place[names[0]] == 0
        ]
        alike.sort(key=lambda names: sum(place[name] for name in names))
        unique = (names for names in alike if sample.select(pl.struct(names).n_unique()).item() == sample.height)
        for _, names in zip(range(TRIED), unique, strict=False):
            yield tuple(sorted(names, key=order.__getitem__))


def find_key(files: Files, among: Sequence[str]) -> Key:
    """The smallest combination of columns that is unique in every night.

    Args:
        among: Columns that may be in it: without nulls, and not measured.

    Returns:
        No columns where none of up to three is found.
    """
    nights = files.by_night()
    most = max(nights, key=lambda night: sum(files.rows[file] for file in nights[night]))
    sample = files.scan(nights[most]).select(among).head(SAMPLE).collect(engine="streaming") if among else None
    if sample is None or sample.height < 2:
        return Key()
    for columns in _combinations(files, sample, among):
        if _repeated(files, columns, stop=True) == 0:
            return Key(columns)
    return Key()


def given_key(files: Files, columns: Sequence[str]) -> Key:
    """A person's key, and in how many rows it repeats.

    Raises:
        ContractError: A column is not there.
    """
    for name in columns:
        if name not in files.schema:
            raise ContractError(f"key {name!r}", "is no column of the data", did_you_mean(name, files.schema.names()))
    return Key(tuple(columns), _repeated(files, columns, stop=False), given=True)
