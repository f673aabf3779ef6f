"""What earlier nights left: the line since when, and the window's stored audits."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, fields, replace
from functools import lru_cache

from batchops import codec
from batchops.audit import Audit
from batchops.audit.recent import LONGEST, REACH, Earlier
from batchops.audit.season import AROUND, YearAgo
from batchops.audit.stored import unpacked
from batchops.models import Version
from batchops.partition import Night
from batchops.run.reference import same_cells
from batchops.stats import Quality
from batchops.store import RunRow, Store, runs
from batchops.verdict import Past, Severity

__all__ = [
    "HISTORY",
    "LOOK_BACK",
    "Stored",
    "healthy",
    "load_audit",
    "newest",
    "past",
    "past_of",
    "rows_of",
    "window",
    "year_ago",
]

LOOK_BACK = 366 + AROUND
"""Days before a night in which the runs that it remembers lie, so that a night costs the same after ten years."""

HISTORY = 30
"""Earlier runs that a night's audit.json shows."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A published night, as it was stored.

    Attributes:
        audit: Its input audit, with the quality of its newest labels.
        digest: Of the stored bytes.
    """

    night: Night
    audit: Audit
    digest: str


def rows_of(store: Store, job: str, first: Night | None = None, last: Night | None = None) -> tuple[RunRow, ...]:
    """Every run of a job that counts, by night and end, from one night to another."""
    names = [field.name for field in fields(RunRow)]
    found = runs(store, job, first, last).select(names)
    return tuple(RunRow(**{**row, "night": Night(row["night"])}) for row in found.iter_rows(named=True))


def newest(rows: Sequence[RunRow], night: Night, kind: str) -> RunRow | None:
    """The run of a night and kind; None where there is none."""
    return next((row for row in reversed(rows) if row.night == night and row.kind == kind), None)


def past(rows: Sequence[RunRow], night: Night) -> tuple[Past, ...]:
    """The published nights before this one, oldest first, each as its newest run judged it; at most `HISTORY`."""
    found: dict[Night, RunRow] = {}
    for row in sorted(rows, key=lambda row: (row.night, row.kind == "labels")):
        if row.night < night and row.kind != "withheld":
            found[row.night] = row
    return tuple(past_of(row.past) for _, row in sorted(found.items())[-HISTORY:])


@lru_cache(maxsize=512)
def past_of(text: str) -> Past:
    """What a run left for later nights."""
    return codec.load(Past, text)


@lru_cache(maxsize=512)
def _audit(store: Store, path: str) -> tuple[Audit, str]:
    data = store.read(path)
    return unpacked(Audit, data, store.uri(path)), codec.digest(data)


@lru_cache(maxsize=512)
def _quality(store: Store, path: str) -> tuple[Quality, str]:
    data = store.read(path)
    return unpacked(Quality, data, store.uri(path)), codec.digest(data)


def load_audit(store: Store, rows: Sequence[RunRow], night: Night) -> Stored | None:
    """A published night's stored audit, with its newest labels; None where it is not published.

    A run's folder never changes, so each is read once a process.
    """
    score, labels = newest(rows, night, "score"), newest(rows, night, "labels")
    if score is None:
        return None
    audit, digest = _audit(store, f"{score.run_folder}/night.audit")
    if labels is not None and labels.started > score.started:
        quality, labelled = _quality(store, f"{labels.run_folder}/quality.audit")
        audit, digest = replace(audit, quality=quality), codec.digest(f"{digest} {labelled}".encode())
    return Stored(night, audit, digest)


def window(store: Store, rows: Sequence[RunRow], night: Night, length: int, version: Version) -> tuple[Stored, ...]:
    """The published nights among the ``length - 1`` days before this one, oldest first.

    Args:
        version: That scored this one: what was counted in other cells cannot be added to it.
    """
    earlier = (night - (length - 1)).through(night - 1)
    found = (load_audit(store, rows, each) for each in earlier if _alike(store, newest(rows, each, "score"), version))
    return tuple(stored for stored in found if stored is not None)


def _alike(store: Store, row: RunRow | None, version: Version) -> bool:
    return row is not None and same_cells(store, row, version)


def healthy(
    store: Store, rows: Sequence[RunRow], night: Night, version: Version, exceptional: Collection[str] = ()
) -> tuple[Earlier, ...]:
    """The newest published nights of the last `REACH` days that did not FAIL, oldest first; at most `LONGEST`.

    A night counts as its newest run judged it: one that failed by its labels leaves.

    Args:
        version: As in `window`.
        exceptional: Nights that say nothing of what is usual.
    """
    found: list[Earlier] = []
    for each in reversed([*(night - REACH).through(night - 1)]):
        score, labels = newest(rows, each, "score"), newest(rows, each, "labels")
        if score is None or str(each) in exceptional or len(found) == LONGEST or not same_cells(store, score, version):
            continue
        last = labels if labels is not None and labels.started > score.started else score
        stored = load_audit(store, rows, each) if last.severity != Severity.FAIL else None
        if stored is not None:
            found.append(Earlier(str(each), stored.audit, past_of(score.past).figures))
    return tuple(reversed(found))


def year_ago(store: Store, rows: Sequence[RunRow], night: Night, version: Version) -> tuple[YearAgo, ...]:
    """The published nights within `AROUND` days of a year before this one, oldest first.

    Args:
        version: As in `window`; another model errs otherwise, whatever the season.
    """
    then = night - 365
    found = []
    for each in (then - AROUND).through(then + AROUND):
        score = newest(rows, each, "score")
        stored = load_audit(store, rows, each) if score is not None and score.model_digest == version.digest else None
        if stored is not None:
            found.append(YearAgo(str(each), stored.audit, stored.digest))
    return tuple(found)
