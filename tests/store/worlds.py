"""What the tests of the store share: values, and a store that stops at a chosen step."""

from __future__ import annotations

import datetime as dt
import json
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from batchops.partition import Night, Output
from batchops.store import MetricRow, RunRow, Store, scores_path, write_frame
from batchops.store.records import Kind

NIGHT = Night.parse("2013-07-04")
SCHEMA = {"flight": pl.Int64(), "score": pl.Float64()}
STEPS = ("write", "create", "delete", "move", "sync")


class Stopped(BaseException):
    """The process died here; nothing may catch it."""


def leases_run_out(root: Path) -> None:
    """Time passes for the leases of the dead, and for nothing else: a busy machine loses no lease of the living."""
    for note in (root / "locks").rglob("*.json"):
        note.write_text(json.dumps({**json.loads(note.read_text()), "until": "2013-01-01T00:00:00Z"}))


@dataclass
class Life:
    """The lasting steps that a process takes, and before which of them it dies."""

    last: int | None = None
    steps: list[str] = field(default_factory=list)

    @property
    def over(self) -> bool:
        return self.last is not None and len(self.steps) > self.last


@dataclass(frozen=True)
class Mortal(Store):
    """A store whose process dies before its n-th lasting step: from then on nothing that it does lasts.

    To die after a step is to die before the next: the flush that follows each Delta commit is a step, too.
    """

    life: Life = field(default_factory=Life, hash=False, compare=False)

    def __getattribute__(self, name: str) -> Any:
        value = super().__getattribute__(name)
        if name not in STEPS:
            return value

        def step(path: str, *args: Any) -> Any:
            # A lease is renewed when time has passed, and not at a step of the work.
            renewal = threading.current_thread().name.startswith("lease")
            if not renewal:
                self.life.steps.append(f"{name} {path}")
            if not self.life.over:
                return value(path, *args)
            if not renewal:
                raise Stopped
            return None

        return step


def frame(first: int = 0, rows: int = 3) -> pl.DataFrame:
    return pl.DataFrame({"flight": range(first, first + rows), "score": [0.25] * rows}, schema=SCHEMA)


def scores(
    store: Store, run_id: str, rows: pl.DataFrame | None = None, night: Night = NIGHT, part: str = "p"
) -> Output:
    return write_frame(store, scores_path("j", night, run_id, part), frame() if rows is None else rows)


def run_row(night: Night = NIGHT, run_id: str = "r1", kind: Kind = "score", job: str = "j") -> RunRow:
    now = dt.datetime(2013, 7, 5, 2, tzinfo=dt.UTC)
    return RunRow(
        job=job,
        night=night,
        kind=kind,
        run_id=run_id,
        key="k",
        severity="PASS",
        output="published",
        exit_code=0,
        rows_in=3,
        scored=3,
        quarantined=0,
        model="m@1",
        model_digest="d1",
        contract="C v1",
        contract_digest="d2",
        job_digest="d3",
        policy_digest="d4",
        batchops="0.1",
        started=now,
        finished=now + dt.timedelta(seconds=2),
        seconds=2.0,
        peak_memory=None,
        headline="All is well",
        past="{}",
        run_folder=f"runs/{job}/{night}/{run_id}",
    )


def metric_row(subject: str, run_id: str = "r1", value: float | None = 0.1, night: Night = NIGHT) -> MetricRow:
    return MetricRow("j", night, "score", run_id, subject, "drift.distance", value, None, 0.2, 3, "PASS")
