"""Aliases: which version is champion, since when, by whom and why, as a chain that cannot be altered unseen."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from dataclasses import dataclass

from batchops import codec
from batchops.errors import DigestMismatch, ModelError, StoreError, UnknownVersion, UsageError, did_you_mean
from batchops.models.manifest import Version
from batchops.models.registry import require_model, version
from batchops.store import Store

__all__ = ["CHAMPION", "AliasChange", "AliasRecord", "alias_history", "aliases", "resolve", "set_alias"]

CHAMPION = "champion"

FORMAT = 1

ATTEMPTS = 20
"""How often others may come first before giving up."""


@dataclass(frozen=True, slots=True)
class AliasChange:
    """What somebody wants an alias to mean from now on.

    Attributes:
        number: Of the version.
        evidence: What it rests on: ids of runs or reports.
    """

    alias: str
    number: int
    actor: str
    reason: str
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AliasRecord:
    """One move of an alias.

    Attributes:
        index: Counts the moves of all aliases of a model from 1.
        previous: SHA-256 of the record before; empty for the first.
        time: UTC, ISO.
        before, number: Version that the alias named, and that it names from now on.
        version: Digest of that version.
    """

    index: int
    previous: str
    time: str
    alias: str
    before: int | None
    number: int
    version: str
    actor: str
    reason: str
    evidence: tuple[str, ...] = ()
    format: int = FORMAT


@dataclass(frozen=True, slots=True)
class _Sealed:
    """A record as it is stored, with the digest of its canonical bytes."""

    record: AliasRecord
    digest: str


def _folder(name: str) -> str:
    return f"models/{name}/aliases"


def _chain(store: Store, name: str) -> tuple[_Sealed, ...]:
    chain: list[_Sealed] = []
    for index, file in enumerate(store.names(_folder(name)), 1):
        where = f"{_folder(name)}/{file}"
        broken = ModelError(where, "the history of aliases was altered", "Restore the folder from a backup")
        try:
            sealed = codec.load(_Sealed, store.read(where))
        except codec.Invalid as error:
            raise broken from error
        before = chain[-1].digest if chain else ""
        if (file, sealed.record.index) != (f"{index:08d}.json", index) or sealed.record.previous != before:
            raise broken
        if sealed.digest != codec.digest(sealed.record):
            raise broken
        chain.append(sealed)
    return tuple(chain)


def alias_history(store: Store, name: str) -> tuple[AliasRecord, ...]:
    """Every move of the model's aliases, oldest first.

    Raises:
        ModelError: A record was altered, removed from the middle, or put in another place.
    """
    return tuple(sealed.record for sealed in _chain(store, name))


def _current(history: tuple[AliasRecord, ...]) -> dict[str, AliasRecord]:
    return {record.alias: record for record in history}


def aliases(store: Store, name: str) -> Mapping[str, int]:
    """The number of the version that each alias names now.

    Raises:
        ModelError: As in `alias_history`.
    """
    return {alias: record.number for alias, record in sorted(_current(alias_history(store, name)).items())}


def set_alias(store: Store, name: str, change: AliasChange) -> AliasRecord:
    """Let an alias name another version; saying what is already so adds nothing.

    Raises:
        UsageError: It is no alias, or no reason is given.
        UnknownVersion: There is no such version.
        ModelError: As in `alias_history`.
        StoreError: Others wrote at the same time, again and again.
    """
    if not re.fullmatch(r"[a-z][a-z0-9_-]*", change.alias):
        raise UsageError(f"alias {change.alias!r}", "that is no alias", "Use small letters, digits, - and _")
    if not change.reason.strip():
        raise UsageError(f"alias {change.alias}", "its move needs a reason", "Say why; the history keeps it")
    target = version(store, name, change.number)
    for _ in range(ATTEMPTS):
        chain = _chain(store, name)
        held = _current(tuple(sealed.record for sealed in chain)).get(change.alias)
        if held is not None and held.number == change.number:
            return held
        record = AliasRecord(
            index=len(chain) + 1,
            previous=chain[-1].digest if chain else "",
            time=dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
            alias=change.alias,
            before=held.number if held else None,
            number=change.number,
            version=target.digest,
            actor=change.actor,
            reason=change.reason,
            evidence=change.evidence,
        )
        # The name holds the place alone: of two that write at once, one is refused and looks again.
        if store.create(f"{_folder(name)}/{record.index:08d}.json", codec.dump(_Sealed(record, codec.digest(record)))):
            return record
    raise StoreError(f"{_folder(name)}", "others change aliases at the same time", "Run again")


def resolve(store: Store, reference: str) -> Version:
    """The version that ``name@alias`` or ``name@3`` means; there is no implicit latest.

    Raises:
        UnknownVersion: There is no such model, number or alias, or the reference names neither.
        ModelError: The history of aliases or the manifest was altered.
    """
    where = f"model {reference!r}"
    name, _, wanted = reference.partition("@")
    if not wanted:
        raise UnknownVersion(where, "names no version", f"Write {name}@{CHAMPION} or {name}@1; there is no latest")
    if wanted.isdecimal():
        return version(store, name, int(wanted))
    require_model(store, name)
    current = _current(alias_history(store, name))
    if wanted not in current:
        held = [f"{alias} (version {record.number})" for alias, record in sorted(current.items())]
        near = did_you_mean(wanted, current)
        remedy = near if near.endswith("?") else f"There is {', '.join(held) or 'none yet'}"
        raise UnknownVersion(where, f"{name} has no alias {wanted!r}", remedy)
    found = version(store, name, current[wanted].number)
    if found.digest != current[wanted].version:
        raise DigestMismatch(found.folder, f"is not the version that became {wanted}", "Restore it, or register anew")
    return found
