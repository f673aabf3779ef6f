"""Files in a folder: whatever is there is whole, and stays after a power cut."""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from batchops.errors import ConfigError
from batchops.partition import Fingerprint

__all__ = ["LocalFiles"]

HIDDEN = ".tmp-"


def _sync(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def _put(path: Path, data: bytes) -> None:
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _make(folder: Path) -> None:
    """Make a folder and those above it, and wait until their names are on the disk."""
    missing = [folder] if not folder.is_dir() else []
    while missing and not missing[-1].parent.is_dir():
        missing.append(missing[-1].parent)
    folder.mkdir(parents=True, exist_ok=True)
    for made in missing:
        _sync(made.parent)


@contextmanager
def _beside(target: Path) -> Iterator[Path]:
    """A name in the target's folder that nobody lists; nothing is left there, however the block ends."""
    _make(target.parent)
    hidden = target.with_name(f"{HIDDEN}{secrets.token_hex(8)}")
    try:
        yield hidden
    finally:
        hidden.unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class LocalFiles:
    """The files under one folder; paths are relative to it."""

    root: Path

    def read(self, path: str) -> bytes:
        """All bytes of a file."""
        return (self.root / path).read_bytes()

    def write(self, path: str, data: bytes) -> None:
        """Put a whole file in place of whatever was there."""
        target = self.root / path
        with _beside(target) as hidden:
            _put(hidden, data)
            os.replace(hidden, target)
        _sync(target.parent)

    def create(self, path: str, data: bytes) -> bool:
        """Put a whole file where there is none; False where there is one."""
        target = self.root / path
        with _beside(target) as hidden:
            _put(hidden, data)
            try:
                # A link, unlike a rename, refuses to replace; unlike O_EXCL, it never shows half a file.
                os.link(hidden, target)
            except FileExistsError:
                return False
            except OSError as error:
                if error.errno not in (errno.EPERM, errno.ENOTSUP):
                    raise
                raise ConfigError(
                    str(target), "this file system cannot link files", "Put the root on another, or on an object store"
                ) from error
        _sync(target.parent)
        return True

    def exists(self, path: str) -> bool:
        """Whether a file or folder is there."""
        return (self.root / path).exists()

    def names(self, folder: str) -> list[str]:
        """The names in a folder, sorted."""
        try:
            return sorted(name for name in os.listdir(self.root / folder) if not name.startswith(HIDDEN))
        except (FileNotFoundError, NotADirectoryError):
            return []

    def delete(self, path: str) -> None:
        """Remove a file, or a folder as one step: it is renamed out of sight first."""
        target = self.root / path
        if target.is_dir():
            hidden = target.with_name(f"{HIDDEN}{secrets.token_hex(8)}")
            with suppress(FileNotFoundError):
                os.replace(target, hidden)
                _sync(target.parent)
                shutil.rmtree(hidden)
        elif target.exists():
            target.unlink(missing_ok=True)
            _sync(target.parent)

    def move(self, source: str, target: str) -> None:
        """Rename, in one step, after what is moved has reached the disk."""
        start, end = self.root / source, self.root / target
        for found in [start, *start.rglob("*")]:
            _sync(found)
        _make(end.parent)
        os.replace(start, end)
        _sync(end.parent)
        if start.parent != end.parent:
            _sync(start.parent)

    def make(self, folder: str) -> None:
        """Make a folder."""
        _make(self.root / folder)

    def sync(self, path: str) -> int:
        """Wait until a file and its name are on the disk; its length in bytes."""
        target = self.root / path
        _sync(target)
        _sync(target.parent)
        return target.stat().st_size

    def digest(self, path: str) -> Fingerprint:
        """SHA-256 and length of a file."""
        with (self.root / path).open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
            return Fingerprint(sha256, file.tell())

    def uri(self, path: str) -> str:
        """The absolute path."""
        return str(self.root / path)
