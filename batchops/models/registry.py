"""Registered versions of models, found by name and number."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping

from batchops.errors import DigestMismatch, MissingReference, UnknownVersion, did_you_mean
from batchops.models.manifest import MANIFEST, REFERENCE, SEARCHED, Version, parse_manifest
from batchops.store import Store

__all__ = [
    "folders",
    "model_names",
    "read_reference",
    "read_searched",
    "read_verified",
    "require_model",
    "version",
    "versions",
]


def model_names(store: Store) -> tuple[str, ...]:
    """Models that have a version."""
    return tuple(name for name in store.names("models") if folders(store, name))


def folders(store: Store, name: str) -> Mapping[int, str]:
    """Folder of each version, by number; none where there is no such model."""
    found = [child for child in store.names(f"models/{name}") if re.fullmatch(r"\d{4,}-[0-9a-f]{8}", child)]
    return {int(child.partition("-")[0]): f"models/{name}/{child}" for child in found}


def require_model(store: Store, name: str) -> Mapping[int, str]:
    """Folder of each version of a model that has one.

    Raises:
        UnknownVersion: It has none.
    """
    found = folders(store, name)
    if not found:
        known = model_names(store)
        remedy = did_you_mean(name, known) if known else "Train it first"
        raise UnknownVersion(f"model {name}", "no version of it is registered", remedy)
    return found


def _read(store: Store, folder: str) -> Version:
    path = f"{folder}/{MANIFEST}"
    try:
        return parse_manifest(folder, store.read(path))
    except FileNotFoundError as error:
        raise DigestMismatch(path, "is not there", "Restore it, or register anew") from error


def versions(store: Store, name: str) -> tuple[Version, ...]:
    """Every version of a model, oldest first; none where there is no such model.

    Raises:
        DigestMismatch: A manifest was altered.
    """
    return tuple(_read(store, folder) for _, folder in sorted(folders(store, name).items()))


def version(store: Store, name: str, number: int) -> Version:
    """One version of a model.

    Raises:
        UnknownVersion: There is no such model or number.
        DigestMismatch: Its manifest was altered.
    """
    found = require_model(store, name)
    if number not in found:
        remedy = f"There is {', '.join(str(each) for each in sorted(found))}"
        raise UnknownVersion(f"model {name}@{number}", f"{name} has no version {number}", remedy)
    return _read(store, found[number])


def read_verified(store: Store, version: Version, name: str) -> bytes:
    """A file of a version, if it is the one that was registered.

    Raises:
        DigestMismatch: It is gone, or another.
    """
    where = f"{version.folder}/{name}"
    try:
        data = store.read(where)
    except FileNotFoundError as error:
        raise DigestMismatch(where, "is not there", "Restore it, or train the model again") from error
    if hashlib.sha256(data).hexdigest() != version.manifest.files[name]:
        raise DigestMismatch(where, "is not what was registered", "Restore it, or train the model again")
    return data


def read_reference(store: Store, version: Version) -> bytes:
    """What nights are compared with, without loading the model.

    Raises:
        DigestMismatch: It is not what was registered.
        MissingReference: The version was registered without one.
    """
    if REFERENCE not in version.manifest.files:
        raise MissingReference(str(version), "was registered without a reference", "Train it again with batchops train")
    return read_verified(store, version, REFERENCE)


def read_searched(store: Store, version: Version) -> bytes | None:
    """What found slices are set beside; None where the version was registered without it.

    Raises:
        DigestMismatch: It is not what was registered.
    """
    return read_verified(store, version, SEARCHED) if SEARCHED in version.manifest.files else None
