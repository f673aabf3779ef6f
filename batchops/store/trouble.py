"""What the operating system says, in the words a scheduler understands."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager

import polars as pl

from batchops.errors import BatchopsError, ConfigError, StoreError

__all__ = ["guarded", "translate"]

FULL = {errno.ENOSPC, errno.EDQUOT}
CLOSED = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR}
# Libraries written in Rust hide the number in their sentence.
NUMBER = re.compile(r"os error (\d+)|Os \{ code: (\d+)")


def _number(error: Exception) -> int | None:
    number = getattr(error, "errno", None)
    found = NUMBER.search(str(error))
    if number is None and found:
        number = int(found.group(1) or found.group(2))
    return number


def translate(error: Exception, where: str) -> BatchopsError:
    """Our own error for one that came from a disk, a network or a library that writes to them.

    Args:
        error: What was raised.
        where: The path that was being read or written.
    """
    number = _number(error)
    if number in FULL:
        return StoreError(where, "no space left on the device", "Free some space, then run the same command again")
    if number in CLOSED or isinstance(error, PermissionError):
        why = os.strerror(number).lower() if number else "access denied"
        return ConfigError(where, f"cannot be written or read ({why})", "Give the account the right, or another root")
    why = os.strerror(number) if number else type(error).__name__
    return StoreError(where, f"the store failed ({why})", "Look at the disk or the network, then run the command again")


@contextmanager
def guarded(where: str) -> Iterator[None]:
    """Let only our own errors out, and `FileNotFoundError`, which is an answer.

    Raises:
        StoreError: The store is full or failed.
        ConfigError: The store may not be written or read.
    """
    try:
        yield
    except FileNotFoundError:
        raise
    except (OSError, pl.exceptions.ComputeError) as error:
        if isinstance(error, pl.exceptions.ComputeError) and _number(error) is None:
            raise
        raise translate(error, where) from error
