"""What every published version of a contract asked: one file a version in the store, written once.

``contracts/<name>/<version>.json`` holds the content under which a night was first published, or a model registered.
Names and versions are free text; what a path may not hold is spelt as in a URL.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from urllib.parse import quote, unquote

from batchops import codec
from batchops.contract.content import FORMAT, Content, content_of
from batchops.contract.locating import where
from batchops.contract.terms import Contract
from batchops.contract.versions.diffing import Change, Diff, diff
from batchops.errors import ContractError
from batchops.store.files import Store

__all__ = ["UNVERSIONED", "altered", "read_content", "record", "recorded", "require_unchanged", "versions"]

UNVERSIONED = "unversioned"
"""File name of a contract that has no version."""

NAMED = 3
"""Changes that a refusal names one by one."""


@dataclass(frozen=True, slots=True)
class _Numbered:
    """All that a file of another format is read for."""

    format: int = FORMAT


def _safe(text: str) -> str:
    """The text as one name of a path.

    >>> _safe("2024/07 (draft)"), _safe(".."), _safe("1.2.0")
    ('2024%2F07%20%28draft%29', '%2E.', '1.2.0')
    """
    quoted = quote(text, safe="")
    return f"%2E{quoted[1:]}" if quoted.startswith(".") else quoted


def _path(name: str, version: str) -> str:
    return f"contracts/{_safe(name)}/{_safe(version or UNVERSIONED)}.json"


def read_content(where: str, data: bytes) -> Content:
    """A stored content.

    Args:
        where: Its file, for the error.

    Raises:
        ContractError: It is none, or has a format that this version cannot read.
    """
    try:
        number = codec.load(_Numbered, data).format
        if number > FORMAT:
            what = f"has format {number}, and this version reads up to {FORMAT}"
            raise ContractError(where, what, "Use the batchops that wrote it, or a newer one")
        return codec.load(Content, data)
    except codec.Invalid as error:
        raise ContractError(where, "is no stored contract", "Compare it with a backup") from error


def recorded(store: Store, name: str, version: str) -> Content | None:
    """What was published or registered under this name and version; None where nothing was.

    Args:
        version: Empty for a contract without one.

    Raises:
        ContractError: What is stored there cannot be read.
    """
    path = _path(name, version)
    try:
        data = store.read(path)
    except FileNotFoundError:
        return None
    return read_content(store.uri(path), data)


def record(store: Store, contract: Contract) -> None:
    """Keep what a contract asks under its name and version, before anything that it was asked for is published.

    Raises:
        ContractError: It was edited and kept its version.
    """
    path = _path(contract.name, contract.version)
    if store.exists(path) or not store.create(path, codec.dump_pretty(content_of(contract))):
        require_unchanged(store, contract)


def _natural(version: str) -> list[tuple[bool, int, str]]:
    return [(not part.isdigit(), int(part) if part.isdigit() else 0, part) for part in re.findall(r"\d+|\D+", version)]


def versions(store: Store, name: str) -> tuple[str, ...]:
    """The recorded versions of a contract, ``9`` before ``10``; empty text for the one without a version."""
    files = store.names(f"contracts/{_safe(name)}")
    found = [unquote(file.removesuffix(".json")) for file in files if file.endswith(".json")]
    return tuple(sorted(("" if each == UNVERSIONED else each for each in found), key=_natural))


def altered(store: Store, contract: Contract) -> Diff | None:
    """How a contract differs from what is recorded under its name and version; None where only in words, or nothing is.

    Digests are asked first. Where they differ the contents decide: a later batchops may store more of the same.

    Raises:
        ContractError: What is stored there cannot be read.
    """
    before = recorded(store, contract.name, contract.version)
    if before is None or before.digest == contract.digest:
        return None
    found = diff(before, content_of(contract))
    return found if found.asked else None


def require_unchanged(store: Store, contract: Contract) -> None:
    """Make sure that what a contract asks is what was recorded under its name and version, where something was.

    Raises:
        ContractError: It was edited and kept its version.
    """
    found = altered(store, contract)
    if found is not None:
        what = f"{contract.id} was published with other content: {_named(found.asked)}"
        raise ContractError(where(contract.model), what, _remedy(store, contract, found))


def _named(changes: tuple[Change, ...]) -> str:
    said = [f"{change.what} {change.verb}" for change in changes[:NAMED]]
    left = len(changes) - len(said)
    return ", ".join([*said, f"and {left} more"] if left else said)


def _remedy(store: Store, contract: Contract, found: Diff) -> str:
    taken = versions(store, contract.name)
    wanted = found.suggested_version
    if wanted in taken:
        wanted = replace(found, old=replace(found.old, version=taken[-1])).suggested_version
    if contract.version and wanted:
        raised = f"Raise version to {wanted}"
    else:
        raised = f"Give it version {wanted}" if wanted else "Give it another version"
    command = f"batchops contract diff {contract.name}@{contract.version or UNVERSIONED} {contract.name}"
    return f"{raised} in its Config.metadata; see `{command}`"
