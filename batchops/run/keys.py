"""Which keys of a night stand in it more than once, or in a night before it, before any of its rows is looked at."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from batchops.contract import Contract
from batchops.contract.keys import (
    again,
    behind,
    buckets_for,
    candidates,
    collect,
    confirm,
    duplicates,
    in_memory,
    keys_of,
    shared,
    spill,
    stored_keys,
)
from batchops.engine import Fold, Pool, map_reduce
from batchops.partition import Night
from batchops.run.history import newest
from batchops.run.inputs import Input, Unreadable, batches, row_count
from batchops.store import RunRow, Store, read_scores_by_file

__all__ = ["NONE", "Earlier", "Repeated", "earlier_nights", "repeated_keys"]


@dataclass(frozen=True, slots=True)
class Earlier:
    """Published nights whose keys tonight's must differ from.

    Attributes:
        runs: Each night's run, oldest night first.
        rows: Scored in all of them.
    """

    store: Store
    job: str
    runs: tuple[tuple[Night, str], ...]
    rows: int

    @property
    def nights(self) -> tuple[str, ...]:
        """ISO dates."""
        return tuple(str(night) for night, _ in self.runs)


@dataclass(frozen=True, slots=True)
class Repeated:
    """What a night's rows are marked by, as it travels to the workers.

    Attributes:
        twice: Keys that two rows of the night or more hold; None where there are none.
        held: Keys that an earlier night holds, with that night (`contract.keys.again`); None where there are none.
        nights: The earlier nights that were looked through.
    """

    twice: pl.DataFrame | None = None
    held: pl.DataFrame | None = None
    nights: tuple[str, ...] = ()


NONE = Repeated()


def earlier_nights(store: Store, job: str, rows: Sequence[RunRow], span: tuple[Night, int | None]) -> Earlier | None:
    """The published nights that a key must not come from; None where the contract does not ask.

    Only nights before this one count, whenever they were published, so that a night run again meets neither itself nor
    what came after it.

    Args:
        rows: The job's runs.
        span: The night, and the contract's nights, this one included.
    """
    night, length = span
    if length is None:
        return None
    known = [newest(rows, each, "score") for each in (night - (length - 1)).through(night - 1)]
    published = [row for row in known if row is not None]
    return Earlier(
        store, job, tuple((row.night, row.run_id) for row in published), sum(row.scored for row in published)
    )


@dataclass(frozen=True, slots=True)
class _Search:
    contract: Contract
    key: tuple[str, ...]
    folder: Path
    buckets: int

    def keys(self, found: Input) -> Iterator[pl.DataFrame]:
        """A partition's keys by batch; none where it is unreadable or lacks a key column."""
        try:
            for frame in batches(found.partition.uri, self.key):
                keys = keys_of(self.contract, frame, self.key)
                if keys is not None:
                    yield keys
        except Unreadable:
            return

    def stored(self, earlier: Earlier, nights: Sequence[Night]) -> Iterator[tuple[str, pl.DataFrame]]:
        """The keys of published nights, a file at a time."""
        for night, frame in read_scores_by_file(earlier.store, earlier.job, nights, self.key):
            yield str(night), stored_keys(self.contract, frame, self.key)

    def leave(self, numbered: tuple[int, Input]) -> None:
        """Leave the hashes of a partition's keys in tonight's folder."""
        number, found = numbered
        for batch, keys in enumerate(self.keys(found)):
            spill(keys, self.folder / TONIGHT, f"{number}-{batch}", self.buckets)

    def leave_stored(self, earlier: Earlier, night: Night) -> None:
        """Leave the hashes of a published night's keys in the folder of earlier nights."""
        for number, (name, keys) in enumerate(self.stored(earlier, [night])):
            spill(keys, self.folder / BEFORE, f"{name}-{number}", self.buckets)


TONIGHT, BEFORE = "tonight", "before"


def repeated_keys(
    inputs: Sequence[Input], contract: Contract, key: tuple[str, ...], earlier: Earlier | None, threads: int
) -> Repeated:
    """The keys that two rows of the night hold, and those that an earlier night holds too.

    A large night's keys are compared over files of hashes, so that memory stays what one batch and the repeated keys
    need.
    """
    rows = sum(row_count(found.partition.uri) for found in inputs)
    with tempfile.TemporaryDirectory(prefix="batchops-keys-") as folder:
        search = _Search(contract, key, Path(folder), buckets_for(rows + (earlier.rows if earlier is not None else 0)))
        if in_memory(rows):
            return _compared(search, inputs, earlier)
        pool = Pool(threads=threads)
        map_reduce(Fold(search.leave, _nothing), list(enumerate(inputs)), pool)
        within = Fold(partial(candidates, search.folder / TONIGHT), _joined)
        hashes = map_reduce(within, range(search.buckets), pool)
        parts = (collect(keys, hashes) for found in inputs for keys in search.keys(found))
        twice = confirm(parts) if len(hashes) else None
        return _with_earlier(search, inputs, earlier, twice, pool)


def _compared(search: _Search, inputs: Sequence[Input], earlier: Earlier | None) -> Repeated:
    """A small night's keys stay in memory; those of earlier nights pass by, a file at a time."""
    parts = [keys for found in inputs for keys in search.keys(found)]
    if earlier is None:
        return Repeated(duplicates(parts))
    nights = [night for night, _ in earlier.runs]
    theirs = ((night, behind(keys)) for night, keys in search.stored(earlier, nights))
    return Repeated(duplicates(parts), again(map(behind, parts), theirs), earlier.nights)


def _with_earlier(
    search: _Search, inputs: Sequence[Input], earlier: Earlier | None, twice: pl.DataFrame | None, pool: Pool
) -> Repeated:
    """A large night's keys against those of the nights before it, by what their hashes share."""
    if earlier is None:
        return Repeated(twice)
    nights = [night for night, _ in earlier.runs]
    map_reduce(Fold(partial(search.leave_stored, earlier), _nothing), nights, pool)
    between = Fold(partial(shared, search.folder / TONIGHT, search.folder / BEFORE), _joined)
    hashes = map_reduce(between, range(search.buckets), pool)
    if not len(hashes):
        return Repeated(twice, None, earlier.nights)
    ours = (behind(keys, hashes) for found in inputs for keys in search.keys(found))
    theirs = ((night, behind(keys, hashes)) for night, keys in search.stored(earlier, nights))
    return Repeated(twice, again(ours, theirs), earlier.nights)


def _nothing(parts: Sequence[None]) -> None:
    """Merge what is no result: the files are."""


def _joined(parts: Sequence[NDArray[np.uint64]]) -> NDArray[np.uint64]:
    return np.concatenate([np.empty(0, np.uint64), *parts])
