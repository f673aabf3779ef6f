"""The root under which everything is kept: a folder, or an object store, with the same few verbs."""

from __future__ import annotations

import io
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from typing import Protocol

import polars as pl

from batchops.partition import Fingerprint, Output
from batchops.store.kinds import storable
from batchops.store.local import LocalFiles
from batchops.store.trouble import guarded

__all__ = ["Store", "write_frame", "write_rows"]

REMOTE = "batchops.store.remote"


class Files(Protocol):
    """What a folder and an object store have in common."""

    def read(self, path: str) -> bytes: ...
    def write(self, path: str, data: bytes) -> None: ...
    def create(self, path: str, data: bytes) -> bool: ...
    def exists(self, path: str) -> bool: ...
    def names(self, folder: str) -> list[str]: ...
    def delete(self, path: str) -> None: ...
    def move(self, source: str, target: str) -> None: ...
    def make(self, folder: str) -> None: ...
    def sync(self, path: str) -> int: ...
    def digest(self, path: str) -> Fingerprint: ...
    def uri(self, path: str) -> str: ...


@lru_cache(maxsize=16)
def _files(root: str, options: tuple[tuple[str, str], ...]) -> Files:
    if "://" not in root:
        return LocalFiles(Path(root))
    # By name, so that a folder does not pay for fsspec's import.
    files: Files = import_module(REMOTE).connect(root, dict(options))
    return files


def _checked(path: str) -> str:
    parts = path.split("/")
    if path.startswith("/") or ".." in parts:
        raise ValueError(f"{path!r} is not below the root")
    return path


@dataclass(frozen=True)
class Store:
    """Everything batchops keeps, under one root. Paths are relative to it, with ``/`` between the names.

    A value: it can be sent to a worker. Every step that lasts is one call of a method, so a subclass can stop before
    or after any of them.

    Attributes:
        root: A folder, made absolute, or an URL that fsspec and polars both know: ``s3://bucket/batchops``.
        options: What the object store needs beyond what the environment says; empty for a folder.
    """

    root: str
    options: Mapping[str, str] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        root = self.root.removeprefix("file://")
        object.__setattr__(self, "root", root.rstrip("/") if "://" in root else os.path.abspath(root))

    @property
    def _files(self) -> Files:
        return _files(self.root, tuple(sorted(self.options.items())))

    def read(self, path: str) -> bytes:
        """All bytes of a file.

        Raises:
            FileNotFoundError: It is not there.
        """
        with guarded(self.uri(path)):
            return self._files.read(_checked(path))

    def write(self, path: str, data: bytes) -> None:
        """Put a whole file in place of whatever was there: a reader sees the old bytes or the new."""
        with guarded(self.uri(path)):
            self._files.write(_checked(path), data)

    def create(self, path: str, data: bytes) -> bool:
        """Put a whole file where there is none; of many that try, one succeeds.

        Returns:
            False where there was one already; it is left as it was.
        """
        with guarded(self.uri(path)):
            return self._files.create(_checked(path), data)

    def exists(self, path: str) -> bool:
        """Whether a file or folder is there."""
        with guarded(self.uri(path)):
            return self._files.exists(_checked(path))

    def names(self, folder: str) -> list[str]:
        """The names in a folder, sorted; none where there is no such folder."""
        with guarded(self.uri(folder)):
            return self._files.names(_checked(folder))

    def delete(self, path: str) -> None:
        """Remove a file, or a folder with all in it; silent where there is none."""
        with guarded(self.uri(path)):
            self._files.delete(_checked(path))

    def move(self, source: str, target: str) -> None:
        """Rename a file or folder; in a local folder this is one step.

        Raises:
            FileNotFoundError: There is no such source.
            StoreError: The target is a folder that is not empty.
        """
        with guarded(self.uri(target)):
            self._files.move(_checked(source), _checked(target))

    def make_folder(self, path: str) -> None:
        """Make a folder, for those who write into it by themselves; nothing in an object store."""
        with guarded(self.uri(path)):
            self._files.make(_checked(path))

    def sync(self, path: str) -> int:
        """Wait until a file that somebody else wrote would outlive a power cut.

        Returns:
            Its length in bytes.

        Raises:
            FileNotFoundError: It is not there.
        """
        with guarded(self.uri(path)):
            return self._files.sync(_checked(path))

    def digest(self, path: str) -> Fingerprint:
        """SHA-256 and length of a file.

        Raises:
            FileNotFoundError: It is not there.
        """
        with guarded(self.uri(path)):
            return self._files.digest(_checked(path))

    def uri(self, path: str = "") -> str:
        """What polars and Delta open: an absolute path, or an URL."""
        if "://" in self.root:
            return f"{self.root}/{path}" if path else self.root
        return os.path.join(self.root, path) if path else self.root

    def local(self, path: str = "") -> Path | None:
        """The path where the root is a folder; None where it is an object store."""
        return None if "://" in self.root else Path(self.root, path)

    @property
    def storage_options(self) -> dict[str, str] | None:
        """What polars and Delta are given beside `uri`; None: the environment says all."""
        return dict(self.options) or None


def write_rows(store: Store, path: str, frame: pl.DataFrame) -> Output:
    """Write a frame as one parquet file, whole and on the disk, every column of the type it has.

    The file is made in memory, so this is for batches of some hundred thousand rows.
    """
    buffer = io.BytesIO()
    frame.write_parquet(buffer)
    data = buffer.getvalue()
    store.write(path, data)
    return Output(path, len(frame), Fingerprint(sha256(data).hexdigest(), len(data)))


def write_frame(store: Store, path: str, frame: pl.DataFrame) -> Output:
    """The same for a table, which has fewer types than polars: each column of its type of `storable`."""
    return write_rows(store, path, storable(frame))
