"""What a command on nights is asked, says on the way, and comes back with."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from batchops.audit import AuditDocument
from batchops.partition import Night
from batchops.verdict import Severity

__all__ = [
    "AS_USUAL",
    "Observe",
    "Options",
    "Outcome",
    "Progress",
    "Reprocess",
    "Span",
    "State",
    "exit_code",
    "range_exit_code",
    "silent",
]

Reprocess = Literal["missing", "failed", "all"]

Span = tuple[Night, Night]
"""First and last night of a range, both included."""

State = Literal["published", "flagged", "withheld", "up to date", "not ready", "locked", "failed"]


@dataclass(frozen=True, slots=True)
class Options:
    """How to run a night.

    Attributes:
        force: Score it again although its input is unchanged; needs a reason, which the ledger keeps.
        wait: Seconds to wait for another runner of the same night.
        fail_on_warn: Exit 3 on WARN too.
        reprocess: Of a range, which nights to run: see `plan`.
    """

    force: bool = False
    reason: str | None = None
    wait: float = 0.0
    fail_on_warn: bool = False
    reprocess: Reprocess = "missing"


AS_USUAL = Options()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one night.

    Attributes:
        note: What else the operator should know, such as "published under model 1; champion is now 2".
        report, audit: Where they lie; None where none was written.
        anchor: Head of the job's ledger after this run, to be kept outside the store.
    """

    job: str
    night: str
    state: State
    exit_code: int
    document: AuditDocument | None = None
    run_id: str | None = None
    note: str | None = None
    report: str | None = None
    audit: str | None = None
    anchor: str | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a night is: partitions done of total, rows read and rows rejected so far."""

    stage: str
    night: str
    done: int
    total: int
    rows: int = 0
    rejected: int = 0


Observe = Callable[[Progress], None]


def silent(progress: Progress) -> None:
    """Say nothing."""


def exit_code(severity: Severity, fail_on_warn: bool) -> int:
    """3 where a gate failed, else 0."""
    failing = (Severity.FAIL, Severity.WARN) if fail_on_warn else (Severity.FAIL,)
    return 3 if severity in failing else 0


def range_exit_code(outcomes: Sequence[Outcome]) -> int:
    """The exit code of several nights.

    The code all of them share; 3 where all were published but some are flagged; 4 where some were published and
    others were not.
    """
    codes = {outcome.exit_code for outcome in outcomes}
    if len(codes) <= 1:
        return codes.pop() if codes else 0
    stands = {"published", "flagged", "up to date"}
    if all(outcome.state in stands for outcome in outcomes):
        return max(codes)
    return 4 if any(outcome.state in stands for outcome in outcomes) else max(codes - {75}, default=75)
