"""Other datasets that a night's rows must name rows of: found, fingerprinted, and asked.

Their content belongs to the run's key: the same rows against other customers are another input, since other rows are
set aside. Where the path names no night, every change of the dataset therefore makes published nights stale.
"""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from batchops import codec
from batchops.audit.document import ReferencePart
from batchops.contract import Contract, ForeignKey
from batchops.contract.foreign import fault, foreign_keys, orphans
from batchops.contract.keys import behind, keys_of
from batchops.errors import ContractError
from batchops.partition import Night, Source
from batchops.run.inputs import Input, Unreadable, batches, columns_of, examine, find, require, row_count, still

__all__ = ["Referenced", "answers_of", "find_references", "read_references", "reference_parts", "require_references"]

KEPT = 256 << 20
"""Bytes of another dataset's keys that a process keeps; of a larger one, each batch of rows reads the keys again."""

MOST = 8
"""Datasets whose keys a process keeps."""

_kept: dict[object, pl.DataFrame | None] = {}
_keeping = threading.Lock()


@dataclass(frozen=True, slots=True)
class Referenced:
    """Another dataset as it was when the night began.

    Attributes:
        inputs: Its files, by name.
        rows: That it has; 0 before it was read.
        unreadable: Why it cannot be asked; None where it can.
    """

    reference: ForeignKey
    inputs: tuple[Input, ...]
    rows: int = 0
    unreadable: str | None = None

    @property
    def digest(self) -> str:
        """Of its files' names and content."""
        return codec.digest([(found.partition.name, found.fingerprint.sha256) for found in self.inputs])


def find_references(contract: Contract, night: Night, project: Path, threads: int) -> tuple[Referenced, ...]:
    """Every dataset that the contract refers to, fingerprinted; one without files is unreadable.

    Raises:
        InputChanged: A file changed while it was read.
    """
    found = []
    for reference in contract.references:
        inputs = examine(find(Source(reference.path), night, project), threads)
        found.append(Referenced(reference, inputs, unreadable=None if inputs else "no file is there"))
    return tuple(found)


def require_references(references: Sequence[Referenced], source: Source, night: Night, project: Path) -> None:
    """Make sure that the datasets that come every night have come.

    Args:
        source: Of the night's own rows: its deadline holds for the others too.

    Raises:
        InputNotReady: One has not come, and the deadline has not passed.
        GateError: One has not come, and the deadline has passed.
    """
    for each in references:
        if not each.inputs and "{night}" in each.reference.path:
            nightly = Source(each.reference.path, deadline_hours=source.deadline_hours)
            require(nightly, night, project, dt.datetime.now(dt.UTC))


def read_references(contract: Contract, references: Sequence[Referenced]) -> tuple[Referenced, ...]:
    """Read their keys once, so that a damaged dataset is known before any row is looked at.

    Raises:
        ContractError: One lacks a column of its key, or has it in a type that ours cannot be compared with.
        InputChanged: A file is not what it was when it was fingerprinted.
    """
    return tuple(_read(contract, each) if each.unreadable is None else each for each in references)


def _read(contract: Contract, referenced: Referenced) -> Referenced:
    try:
        for found in referenced.inputs:
            wrong = fault(contract, referenced.reference, columns_of(found.partition.uri))
            if wrong is not None:
                what, remedy = wrong
                raise ContractError(
                    f"{contract.id}, {referenced.reference.rule}", f"{what} ({found.partition.name})", remedy
                )
        _known(contract, referenced)
    except Unreadable:
        for found in referenced.inputs:
            still(found)
        return replace(referenced, unreadable="a file is not parquet, or damaged")
    return replace(referenced, rows=sum(row_count(found.partition.uri) for found in referenced.inputs))


def answers_of(contract: Contract, references: Sequence[Referenced], frame: pl.DataFrame) -> Mapping[str, pl.Series]:
    """Rule -> one bool a row, true where it names a row that is not there; nothing where that cannot be known."""
    answers = {}
    for each in references:
        keys = keys_of(contract, frame, each.reference.columns) if each.unreadable is None else None
        if keys is not None:
            answers[each.reference.rule] = orphans(keys, _named(contract, each, keys))
    return answers


def reference_parts(references: Sequence[Referenced]) -> tuple[ReferencePart, ...]:
    """The datasets as audit.json names them."""
    return tuple(
        ReferencePart(
            name=each.reference.name,
            path=each.reference.path,
            files=tuple(found.partition.name for found in each.inputs),
            digest=each.digest,
            rows=each.rows,
            unreadable=each.unreadable,
        )
        for each in references
    )


def _keys(contract: Contract, referenced: Referenced) -> Iterator[pl.DataFrame]:
    """The dataset's keys, a batch at a time."""
    names = tuple(dict.fromkeys(referenced.reference.key))
    for found in referenced.inputs:
        still(found)
        for frame in batches(found.partition.uri, names):
            yield foreign_keys(contract, referenced.reference, frame)


def _known(contract: Contract, referenced: Referenced) -> pl.DataFrame | None:
    """All its keys, each once, read once a process; None where they are too many to be kept."""
    types = contract.schema
    stamps = tuple((found.partition.uri, found.stamp) for found in referenced.inputs)
    name = (referenced.reference, stamps, tuple(types[column] for column in referenced.reference.columns))
    with _keeping:
        if name not in _kept:
            while len(_kept) >= MOST:
                del _kept[next(iter(_kept))]
            _kept[name] = _gathered(_keys(contract, referenced))
        return _kept[name]


def _gathered(parts: Iterator[pl.DataFrame]) -> pl.DataFrame | None:
    """Every key once; None, but all of them read, where they take more than `KEPT` bytes."""
    parts_so_far: list[pl.DataFrame] = []
    whole = True
    for part in parts:
        if not whole:
            continue
        parts_so_far.append(part)
        if sum(each.estimated_size() for each in parts_so_far) > KEPT:
            parts_so_far = [pl.concat(parts_so_far).unique()]
            whole = parts_so_far[0].estimated_size() <= KEPT
    return pl.concat(parts_so_far).unique() if whole else None


def _named(contract: Contract, referenced: Referenced, keys: pl.DataFrame) -> pl.DataFrame:
    """Of the dataset's keys, at least those that these rows name."""
    known = _known(contract, referenced)
    if known is not None:
        return known
    ours = behind(keys)
    found = [ours.join(theirs, on=ours.columns, how="semi") for theirs in _keys(contract, referenced)]
    return pl.concat([ours.clear(), *found]).unique()
