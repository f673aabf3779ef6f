"""Which keys of a night stand in it more than once, before any of its rows is looked at."""

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
from batchops.contract.keys import buckets_for, candidates, collect, confirm, duplicates, in_memory, keys_of, spill
from batchops.engine import Fold, Pool, map_reduce
from batchops.run.inputs import Input, Unreadable, batches, row_count

__all__ = ["duplicated_keys"]


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

    def leave(self, numbered: tuple[int, Input]) -> None:
        """Leave the hashes of a partition's keys in the folder."""
        number, found = numbered
        for batch, keys in enumerate(self.keys(found)):
            spill(keys, self.folder, f"{number}-{batch}", self.buckets)


def duplicated_keys(
    inputs: Sequence[Input], contract: Contract, key: tuple[str, ...], threads: int
) -> pl.DataFrame | None:
    """The keys that two rows of the night or more hold; None where there are none.

    A large night's keys are compared over files of hashes, so that memory stays what one batch needs.
    """
    rows = sum(row_count(found.partition.uri) for found in inputs)
    with tempfile.TemporaryDirectory(prefix="batchops-keys-") as folder:
        search = _Search(contract, key, Path(folder), buckets_for(rows))
        if in_memory(rows):
            return duplicates([keys for found in inputs for keys in search.keys(found)])
        pool = Pool(threads=threads)
        map_reduce(Fold(search.leave, _nothing), list(enumerate(inputs)), pool)
        twice = Fold(partial(candidates, search.folder), _joined)
        hashes = map_reduce(twice, range(search.buckets), pool)
        if not len(hashes):
            return None
        return confirm([collect(keys, hashes) for found in inputs for keys in search.keys(found)])


def _nothing(parts: Sequence[None]) -> None:
    """Merge what is no result: the files are."""


def _joined(parts: Sequence[NDArray[np.uint64]]) -> NDArray[np.uint64]:
    return np.concatenate([np.empty(0, np.uint64), *parts])
