"""What was done, in order: one chain of records a job, each holding the digest of the one before it.

A record is one object, ``ledger/<job>/<number>-<first digits of the previous record's digest>.json``. Two writers
who extend the same record want the same name, and creating an object is exclusive: one of them succeeds, the other
starts again from the new head. So a chain never forks, without any lock.

A chain alone cannot show that its end was cut off, or that all of it was written anew: give the head's digest to
somebody outside the root, and check against it (`verify` with an anchor).
"""

from __future__ import annotations

import datetime as dt
import getpass
import os
import re
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

from batchops import codec
from batchops.errors import LedgerBroken, StoreError
from batchops.store.files import Store

__all__ = ["Record", "Scalar", "Verified", "append", "head", "records", "verify"]

Scalar = str | int | float | bool | None

FORMAT = 1
ATTEMPTS = 100
ORIGIN = "0" * 64
NAME = re.compile(r"(\d{8})-([0-9a-f]{12})\.json")


@dataclass(frozen=True, slots=True)
class Record:
    """One thing that was done.

    Attributes:
        number: 1 for the first.
        previous: Digest of the record before it; zeros for the first.
        time: UTC, ISO 8601.
        kind: What was done: ``score``, ``withheld``, ``labels`` or ``release``.
        actor: Who did it, and on which machine.
        subject: What it was done to.
        digest: SHA-256 of all the rest as canonical JSON.
    """

    format: int
    number: int
    previous: str
    time: str
    kind: str
    actor: str
    subject: Mapping[str, Scalar]
    digest: str = ""

    @property
    def name(self) -> str:
        """What its file must be called."""
        return f"{self.number:08}-{self.previous[:12]}.json"

    def sealed(self) -> Record:
        """The same record with the digest that its content has."""
        return replace(self, digest=codec.digest(replace(self, digest="")))


@dataclass(frozen=True, slots=True)
class Verified:
    """A chain without a fault: how many records, and the digest of the last (None where there is none)."""

    records: int
    head: str | None


def _actor() -> str:
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        # A container's account often has a number and no name.
        user = f"uid {os.getuid()}"
    return f"{user}@{socket.gethostname()}"


def _folder(job: str) -> str:
    return f"ledger/{job}"


def _read(store: Store, path: str) -> Record:
    """One record of a chain.

    Raises:
        LedgerBroken: It is no record, or was altered.
    """
    try:
        record = codec.load(Record, store.read(path))
    except (FileNotFoundError, codec.Invalid) as error:
        raise _broken(store, path, "is no record") from error
    if record.format != FORMAT:
        raise _broken(store, path, f"has format {record.format}, which this version cannot read")
    if record.digest != record.sealed().digest:
        raise _broken(store, path, "was altered: its content does not have its digest")
    return record


def _broken(store: Store, path: str, what: str) -> LedgerBroken:
    return LedgerBroken(store.uri(path), what, "Compare the folder with a backup: somebody altered it")


@lru_cache(maxsize=65536)
def _identity(store: Store, path: str) -> tuple[str, Scalar, str]:
    """Kind, run and digest of a record; records never change, so each is read once a process."""
    record = _read(store, path)
    return record.kind, record.subject.get("run_id"), record.digest


def _find(store: Store, folder: str, names: list[str], wanted: tuple[str, Scalar]) -> str | None:
    """The digest of the newest record of this kind and run."""
    for name in reversed(names):
        kind, run_id, digest = _identity(store, f"{folder}/{name}")
        if (kind, run_id) == wanted:
            return digest
    return None


def append(store: Store, job: str, kind: str, subject: Mapping[str, Scalar], actor: str | None = None) -> str:
    """Add a record to a job's chain; nothing if its ``run_id`` already has one of this kind.

    Args:
        subject: Names and values; ``run_id``, where there is one, makes appending idempotent.
        actor: Who did it; None: this account on this machine.

    Returns:
        The digest of the chain's head, to be kept outside the root.

    Raises:
        LedgerBroken: The head is no record, or was altered.
        StoreError: The store failed, or other writers were always first.
    """
    folder, run_id = _folder(job), subject.get("run_id")
    for _ in range(ATTEMPTS):
        names = store.names(folder)
        last = _read(store, f"{folder}/{names[-1]}") if names else None
        if last is not None and run_id is not None and _find(store, folder, names, (kind, run_id)):
            return last.digest
        record = Record(
            format=FORMAT,
            number=1 if last is None else last.number + 1,
            previous=ORIGIN if last is None else last.digest,
            time=dt.datetime.now(dt.UTC).isoformat(),
            kind=kind,
            actor=actor or _actor(),
            subject=dict(subject),
        ).sealed()
        if store.create(f"{folder}/{record.name}", codec.dump(record)):
            return record.digest
    raise StoreError(store.uri(folder), "other writers were always first", "Run the same command again")


def head(store: Store, job: str) -> str | None:
    """The digest of the last record; None where there is none.

    Raises:
        LedgerBroken: The last file is no record, or was altered.
    """
    names = store.names(_folder(job))
    return _read(store, f"{_folder(job)}/{names[-1]}").digest if names else None


def records(store: Store, job: str) -> Iterator[Record]:
    """All records of a job, oldest first, each sound by itself; whether they are a chain, `verify` tells."""
    return (_read(store, f"{_folder(job)}/{name}") for name in store.names(_folder(job)))


def verify(store: Store, job: str, anchor: str | None = None) -> Verified:
    """Follow a job's chain from its first record to its last.

    Args:
        anchor: A head's digest that was kept outside the root, or at least 12 digits of it; it must still be there.

    Raises:
        LedgerBroken: A record was altered, removed, added or moved, or the chain ends before the anchor.
    """
    folder, before, seen, number = _folder(job), ORIGIN, set(), 0
    for number, name in enumerate(store.names(folder), start=1):
        path = f"{folder}/{name}"
        named = NAME.fullmatch(name)
        if named is None:
            raise _broken(store, path, "does not belong in a ledger")
        if int(named.group(1)) > number:
            raise _broken(store, path, f"comes after a gap: record {number} is missing")
        if int(named.group(1)) < number:
            raise _broken(store, path, f"is a second record {int(named.group(1))}")
        before = _follow(store, path, number, before)
        seen.add(before)
    if anchor is not None and not (len(anchor) >= 12 and any(digest.startswith(anchor) for digest in seen)):
        raise LedgerBroken(
            store.uri(folder),
            f"the chain of {number} records does not hold {anchor[:12]}, which was its head once",
            "Compare the folder with a backup: its end was cut off, or all of it was written anew",
        )
    return Verified(number, before if seen else None)


def _follow(store: Store, path: str, number: int, before: str) -> str:
    """Check one record against its place in the chain; its digest."""
    record = _read(store, path)
    if record.number != number or not path.endswith(record.name):
        raise _broken(store, path, f"was moved: it holds record {record.number}")
    if record.previous != before:
        raise _broken(store, path, "does not follow the record before it, or that one was altered")
    return record.digest
