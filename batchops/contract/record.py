"""What every published version of a contract asked: one file a version in the store, written once.

``contracts/<name>/<version>.json`` holds the content under which a night was first published, or a model registered.
Names and versions are free text; what a path may not hold is spelt as in a URL.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import quote, unquote

from batchops import codec
from batchops.contract.content import FORMAT, Content, content_of
from batchops.contract.terms import Contract
from batchops.errors import ContractError
from batchops.store.files import Store

__all__ = ["read_content", "record", "recorded", "versions"]

UNVERSIONED = "unversioned"
"""File name of a contract that has no version."""


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
    """Keep what a contract asks under its name and version; where that is kept already, it stays as it was."""
    store.create(_path(contract.name, contract.version), codec.dump_pretty(content_of(contract)))


def _natural(version: str) -> list[tuple[bool, int, str]]:
    return [(not part.isdigit(), int(part) if part.isdigit() else 0, part) for part in re.findall(r"\d+|\D+", version)]


def versions(store: Store, name: str) -> tuple[str, ...]:
    """The recorded versions of a contract, ``9`` before ``10``; empty text for the one without a version."""
    files = store.names(f"contracts/{_safe(name)}")
    found = [unquote(file.removesuffix(".json")) for file in files if file.endswith(".json")]
    return tuple(sorted(("" if each == UNVERSIONED else each for each in found), key=_natural))
