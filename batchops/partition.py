"""Nights, and the files that make one: what was read, named by its content."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["Fingerprint", "Night", "Output", "Partition", "Receipt", "Source"]


@dataclass(frozen=True, order=True, slots=True)
class Night:
    """A logical date: the name of a batch, never the wall clock.

    >>> Night.parse("2013-07-04") - 3
    Night(date=datetime.date(2013, 7, 1))
    """

    date: dt.date

    @classmethod
    def parse(cls, text: str) -> Night:
        """Read ``YYYY-MM-DD``.

        Raises:
            ValueError: The text is no date.
        """
        return cls(dt.date.fromisoformat(text))

    def __str__(self) -> str:
        return self.date.isoformat()

    def __add__(self, days: int) -> Night:
        return Night(self.date + dt.timedelta(days=days))

    def __sub__(self, days: int) -> Night:
        return self + -days

    def through(self, last: Night) -> Iterator[Night]:
        """Every night from this one to ``last``, both included."""
        night = self
        while night <= last:
            yield night
            night += 1


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """A file's content: SHA-256 in hex, and its length in bytes."""

    sha256: str
    size: int


@dataclass(frozen=True, order=True, slots=True)
class Partition:
    """One file of a night.

    Attributes:
        name: The file's path relative to the fixed part of the source's pattern; unique within the night.
        uri: Where to read it.
    """

    name: str
    uri: str


@dataclass(frozen=True, slots=True)
class Source:
    """Which files are a night.

    Attributes:
        pattern: Path with ``{night}``, relative to the project, and globs: ``data/night={night}/*.parquet``.
        expect: How many files make a whole night; fewer means "not there yet". None: one or more.
        marker: A file beside the partitions that says the night is complete, such as ``_SUCCESS``.
        deadline_hours: Hours after the night's end (midnight, UTC) until which a missing file means "not yet";
            later it is a failure that a person has to look at. None: for ever "not yet".
    """

    pattern: str
    expect: int | None = None
    marker: str | None = None
    deadline_hours: float | None = None


@dataclass(frozen=True, slots=True)
class Output:
    """A file that a worker wrote: its path relative to the store's root (or the run's folder), rows and content."""

    path: str
    rows: int
    fingerprint: Fingerprint


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of one partition.

    Attributes:
        partition: Its name.
        fingerprint: Its content when it was read; None where it could not be opened.
        rows: Rows it held; scored + quarantined, always. Zero where it is unreadable: its rows are unknown.
        scored: Rows that were scored.
        quarantined: Rows set aside.
        unreadable: Why it could not be read; None where it could.
        scores: The scores files, relative to the store's root, one a batch of at most a million rows.
        quarantine: The quarantine files, relative to the run's folder.
    """

    partition: str
    fingerprint: Fingerprint | None
    rows: int = 0
    scored: int = 0
    quarantined: int = 0
    unreadable: str | None = None
    scores: tuple[Output, ...] = ()
    quarantine: tuple[Output, ...] = ()
