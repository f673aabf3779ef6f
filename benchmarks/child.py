"""One measured process: ``python -m benchmarks.child floor|night PROJECT ROWS THREADS``; answers one line of JSON."""

from __future__ import annotations

import json
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from batchops.job import LoadedJob, load_job
from batchops.models import load, resolve
from batchops.report import Links, render
from batchops.run import run_night
from batchops.run.inputs import find
from batchops.settings import Settings
from batchops.store import Store
from benchmarks.floor import Floor
from benchmarks.rows import JOB, model_root, night_of, project_settings

__all__ = ["Measured", "main"]


@dataclass(frozen=True, slots=True)
class Measured:
    """What a process took, from when its libraries were loaded.

    Attributes:
        cpu: Seconds of user and system time.
        peak: Bytes, of the whole process.
        scored: Rows that were scored; the floor scores all.
        stages: Seconds of a night's stages; none for the floor.
    """

    seconds: float
    cpu: float
    peak: int
    scored: int
    stages: Mapping[str, float]


@dataclass(slots=True)
class _Spent:
    seconds: float = 0.0
    cpu: float = 0.0


@contextmanager
def _measured() -> Iterator[_Spent]:
    spent, wall, cpu = _Spent(), time.perf_counter(), time.process_time()
    yield spent
    spent.seconds, spent.cpu = time.perf_counter() - wall, time.process_time() - cpu


def _peak() -> int:
    # Not ru_maxrss: that begins with what the process had that started this one.
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text("utf-8"))
    return int(found[1]) * 1024 if found else 0


def _floor(job: LoadedJob, settings: Settings, rows: int) -> Measured:
    with _measured() as spent:
        store = Store(settings.root)
        model = load(store, resolve(store, job.job.model), job.trusted)
        partitions = find(job.job.source, night_of(rows), job.project)
        Floor(job.job, model, Path(settings.root) / "floor").run(partitions, settings.threads)
    return Measured(spent.seconds, spent.cpu, _peak(), rows, {})


def _night(job: LoadedJob, settings: Settings, rows: int) -> Measured:
    with _measured() as night:
        outcome = run_night(job, night_of(rows), settings)
    peak, document = _peak(), outcome.document
    assert document is not None
    # The page has no place in the comparison: what it cost is what it costs once more.
    with _measured() as page:
        render(document, None, Links())
    stages = dict(document.run.stages)
    stages["publish and the rest"] = night.seconds - page.seconds - sum(stages.values())
    return Measured(night.seconds - page.seconds, night.cpu - page.cpu, peak, document.rows.scored, stages)


def main() -> None:
    """Run what the command line asks for, in a store that holds the model and goes when it is done."""
    what, project, rows, threads = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    with tempfile.TemporaryDirectory(dir=project / "var") as folder:
        settings = project_settings(project, Path(folder), threads)
        shutil.copytree(model_root(project) / "models", Path(folder) / "models")
        job = load_job(JOB, project)
        measured = {"floor": _floor, "night": _night}[what](job, settings, rows)
    print(json.dumps(asdict(measured)))


if __name__ == "__main__":
    main()
