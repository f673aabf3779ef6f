"""Files in an object store, through fsspec; loaded only for a root that is an URL."""

from __future__ import annotations

import hashlib
import posixpath
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import fsspec

from batchops.errors import ConfigError
from batchops.partition import Fingerprint

__all__ = ["RemoteFiles", "connect"]

CHUNK = 8 << 20


@dataclass(frozen=True, slots=True)
class RemoteFiles:
    """The objects under one prefix; an object store shows a written object whole or not at all."""

    url: str
    prefix: str
    system: Any

    def _at(self, path: str) -> str:
        return posixpath.join(self.prefix, path) if path else self.prefix

    def read(self, path: str) -> bytes:
        """All bytes of an object."""
        return bytes(self.system.cat_file(self._at(path)))

    def write(self, path: str, data: bytes) -> None:
        """Put an object in place of whatever was there."""
        self.system.pipe_file(self._at(path), data)

    def create(self, path: str, data: bytes) -> bool:
        """Put an object where there is none, by a conditional put; False where there is one."""
        try:
            self.system.pipe_file(self._at(path), data, mode="create")
        except FileExistsError:
            return False
        return True

    def exists(self, path: str) -> bool:
        """Whether an object, or one below this prefix, is there."""
        self.system.invalidate_cache()
        return bool(self.system.exists(self._at(path)))

    def names(self, folder: str) -> list[str]:
        """The names below a prefix, sorted."""
        self.system.invalidate_cache()
        try:
            found = self.system.ls(self._at(folder), detail=False)
        except FileNotFoundError:
            return []
        return sorted({posixpath.basename(name.rstrip("/")) for name in found})

    def delete(self, path: str) -> None:
        """Remove an object, or all below a prefix."""
        if self.exists(path):
            self.system.rm(self._at(path), recursive=True)

    def move(self, source: str, target: str) -> None:
        """Copy, then remove: an object store has no rename."""
        if not self.exists(source):
            raise FileNotFoundError(source)
        self.system.mv(self._at(source), self._at(target), recursive=bool(self.system.isdir(self._at(source))))

    def make(self, folder: str) -> None:
        """Nothing: an object store has no folders."""

    def sync(self, path: str) -> int:
        """The length in bytes: what can be read of an object is kept."""
        self.system.invalidate_cache()
        return int(self.system.size(self._at(path)))

    def digest(self, path: str) -> Fingerprint:
        """SHA-256 and length of an object."""
        sha256, size = hashlib.sha256(), 0
        with self.system.open(self._at(path), "rb") as file:
            while data := file.read(CHUNK):
                sha256.update(data)
                size += len(data)
        return Fingerprint(sha256.hexdigest(), size)

    def uri(self, path: str) -> str:
        """The URL."""
        return posixpath.join(self.url, path) if path else self.url


def connect(url: str, options: Mapping[str, str]) -> RemoteFiles:
    """The files below an fsspec URL; credentials come from the environment, as the protocol's library reads them."""
    try:
        system, prefix = fsspec.core.url_to_fs(url, **options)
    except (ImportError, ValueError) as error:
        raise ConfigError(
            url, f"cannot be opened ({error})", "Check the URL, and install what its protocol needs"
        ) from error
    return RemoteFiles(url, prefix.rstrip("/"), system)
