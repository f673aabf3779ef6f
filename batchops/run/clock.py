"""Where a run's time and memory went."""

from __future__ import annotations

import datetime as dt
import re
import resource
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["Clock", "cpu_seconds", "peak_memory"]


def cpu_seconds() -> float:
    """What this process, all its threads, and its children that have ended have used so far."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


@dataclass(slots=True)
class Clock:
    """Counts seconds by stage, from its making on."""

    started: dt.datetime = field(default_factory=lambda: dt.datetime.now(dt.UTC))
    stages: dict[str, float] = field(default_factory=dict)
    _start: float = field(default_factory=time.perf_counter)
    _used: float = field(default_factory=cpu_seconds)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Count the seconds of a ``with`` block under this name."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.stages[name] = self.stages.get(name, 0.0) + time.perf_counter() - start

    def name_run(self) -> str:
        """A name for the run that began then: names sort by time, and no two runs share one."""
        return f"{self.started:%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}"

    @property
    def seconds(self) -> float:
        """Since it was made."""
        return time.perf_counter() - self._start

    @property
    def cpu(self) -> float:
        """Seconds of all cores since it was made; workers that still run, and other machines, are not in it."""
        return cpu_seconds() - self._used


def peak_memory() -> int:
    """The largest resident size this process has had, in bytes.

    Not ``ru_maxrss``: that survives an exec, so a child of a large process would report its parent's.
    """
    line = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text("ascii"))
    return int(line[1]) * 1024 if line is not None else 0
