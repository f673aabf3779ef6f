"""One runner a night: a lease that its holder renews, and that runs out when the holder dies.

The leases of a night are numbered; the highest number counts. A runner may take number n + 1 only when n was given
back or has run out, and of many who try one succeeds, because creating a file is exclusive. A given-back lease stays
as a note, so that numbers only grow: else a runner that looked at the folder long ago could take a number twice.
The holder stops believing in its lease a quarter of its time before others do, so clocks may differ by that much.
"""

from __future__ import annotations

import datetime as dt
import os
import re
import secrets
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace

from batchops import codec
from batchops.errors import ConfigError, LockHeld, StoreError
from batchops.partition import Night
from batchops.store.files import Store

__all__ = ["Lease", "lease"]

EXPIRY = 60.0
POLL = 0.2
NAME = re.compile(r"\d{8}\.json")


@dataclass(frozen=True, slots=True)
class _Note:
    """What a lease's file says."""

    token: str
    holder: str
    since: dt.datetime
    until: dt.datetime
    returned: bool = False

    @property
    def seconds_left(self) -> float:
        return 0.0 if self.returned else (self.until - dt.datetime.now(dt.UTC)).total_seconds()


def _fresh(expiry: float) -> _Note:
    now = dt.datetime.now(dt.UTC)
    holder = f"process {os.getpid()} on {socket.gethostname()}"
    return _Note(secrets.token_hex(8), holder, now, now + dt.timedelta(seconds=expiry))


def _read(store: Store, path: str) -> _Note | None:
    """The note of a lease; None where it is gone, or is no note at all and binds nobody."""
    try:
        return codec.load(_Note, store.read(path))
    except (FileNotFoundError, codec.Invalid):
        return None


def _leases(store: Store, folder: str) -> list[str]:
    return [name for name in store.names(folder) if NAME.fullmatch(name)]


class Lease:
    """A night held by this process, renewed by a thread until it is given back."""

    def __init__(self, store: Store, path: str, note: _Note, asked: float) -> None:
        self._store, self._path, self._note = store, path, note
        self._expiry = (note.until - note.since).total_seconds()
        self._good_until = asked + 0.75 * self._expiry
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._keep, name=f"lease {path}", daemon=True)
        self._thread.start()

    def check(self) -> None:
        """Make sure that the night is still ours; before anything that others can see.

        Raises:
            LockHeld: The lease ran out, and another runner may have the night.
        """
        if time.monotonic() < self._good_until and self._highest():
            return
        raise LockHeld(
            self._store.uri(self._path),
            "the lease was lost: this process stood still for too long, or the store did",
            "Run the same command again: what is finished is kept",
        )

    def _highest(self) -> bool:
        folder, _, name = self._path.rpartition("/")
        return _leases(self._store, folder)[-1:] == [name]

    def _keep(self) -> None:
        while not self._stopped.wait(self._expiry / 4):
            # A failing store is asked again; the lease runs out by itself if it fails for long.
            with suppress(StoreError, ConfigError, FileNotFoundError):
                self._renew()

    def _renew(self) -> None:
        now = time.monotonic()
        if now >= self._good_until or not self._highest():
            self._stopped.set()
            return
        until = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=self._expiry)
        self._store.write(self._path, codec.dump(replace(self._note, until=until)))
        self._good_until = now + 0.75 * self._expiry

    def give_back(self) -> None:
        """Stop renewing, and let the next runner in."""
        self._stopped.set()
        self._thread.join()
        # The work is done; if the note cannot be written, the lease runs out by itself.
        with suppress(StoreError, ConfigError, FileNotFoundError):
            if time.monotonic() < self._good_until and self._highest():
                self._store.write(self._path, codec.dump(replace(self._note, returned=True)))


def _take(store: Store, folder: str, expiry: float) -> Lease | _Note | None:
    """The lease; or the note of who has it; or None where somebody was quicker and it is worth asking again."""
    names = _leases(store, folder)
    newest = _read(store, f"{folder}/{names[-1]}") if names else None
    if newest is not None and newest.seconds_left > 0:
        return newest
    number = int(names[-1].partition(".")[0]) + 1 if names else 1
    name = f"{number:08}.json"
    path, asked, note = f"{folder}/{name}", time.monotonic(), _fresh(expiry)
    if not store.create(path, codec.dump(note)):
        return _read(store, path)
    names = _leases(store, folder)
    if names[-1:] != [name]:
        # We looked long ago: the number had been taken, given back and swept away.
        store.delete(path)
        return None
    for old in names[:-1]:
        store.delete(f"{folder}/{old}")
    return Lease(store, path, note, asked)


def _wait(store: Store, folder: str, wait: float, expiry: float) -> Lease:
    deadline = time.monotonic() + wait
    while True:
        found = _take(store, folder, expiry)
        if isinstance(found, Lease):
            return found
        left = deadline - time.monotonic()
        if left <= 0 and found is not None:
            since, until = (f"{moment:%Y-%m-%d %H:%M:%S} UTC" for moment in (found.since, found.until))
            raise LockHeld(
                store.uri(folder),
                f"{found.holder} works on this night since {since}, and has it until {until} unless it renews",
                "Run the same command later, or with a longer wait; a dead runner's lease runs out by itself",
            )
        time.sleep(0.0 if found is None else min(POLL, left, max(0.01, found.seconds_left)))


@contextmanager
def lease(store: Store, job: str, night: Night, wait: float = 0, expiry: float = EXPIRY) -> Iterator[Lease]:
    """Hold a night while the block runs.

    Args:
        wait: Seconds to wait for another runner.
        expiry: Seconds after which a lease that is not renewed runs out; it is renewed four times in that.

    Raises:
        LockHeld: Another runner holds it, and still did after the wait.
    """
    held = _wait(store, f"locks/{job}/{night}", wait, expiry)
    try:
        yield held
    finally:
        held.give_back()
