"""A whole night beside the least its scores could cost, in one run: ``python -m benchmarks.night``; see README.md."""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.rows import PARTITION, REPOSITORY, prepare

__all__ = ["POOLS", "default_folder", "machine", "main", "table"]

KINDS = ("floor", "night")
LIBRARIES = ("polars", "numpy", "scikit-learn", "pandera", "deltalake", "dask")
POOLS = ("POLARS_MAX_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass(frozen=True, slots=True)
class Runs:
    """The measured processes of one size, in the order they ran.

    Attributes:
        of: For each kind one mapping a run: the fields of `benchmarks.child.Measured`, and ``process``, the seconds
            of the whole process with the loading of its libraries.
    """

    rows: int
    of: Mapping[str, Sequence[Mapping[str, Any]]]

    def least(self, kind: str, what: str) -> float:
        """The smallest of a figure over the runs of a kind: whatever else a machine does, it only ever adds."""
        return float(min(run[what] for run in self.of[kind]))

    def most(self, kind: str, what: str) -> float:
        """The largest of a figure over the runs of a kind."""
        return float(max(run[what] for run in self.of[kind]))

    @property
    def stages(self) -> Mapping[str, float]:
        """Seconds of the stages of the fastest night."""
        fastest = min(self.of["night"], key=lambda run: run["seconds"])
        return dict(fastest["stages"])


def default_folder() -> Path:
    """Where rows and model are kept for the next time, unless the command line says otherwise."""
    return Path(tempfile.gettempdir()) / "batchops-benchmark"


def _child(kind: str, project: Path, rows: int, threads: int) -> Mapping[str, Any]:
    """Run one process, with the thread pools that ``batchops run`` would have."""
    environment = {**os.environ, "OMP_WAIT_POLICY": "PASSIVE", **dict.fromkeys(POOLS, str(threads))}
    command = [sys.executable, "-m", "benchmarks.child", kind, str(project), str(rows), str(threads)]
    start = time.perf_counter()
    done = subprocess.run(command, env=environment, cwd=REPOSITORY, stdout=subprocess.PIPE, check=True)
    return {**json.loads(done.stdout), "process": time.perf_counter() - start}


def _measure(project: Path, rows: int, threads: int, repeats: int) -> Runs:
    """Alternate floor and night, so that whatever else this machine does meets both."""
    found: dict[str, list[Mapping[str, Any]]] = {kind: [] for kind in KINDS}
    for number in range(repeats):
        for kind in KINDS:
            run = _child(kind, project, rows, threads)
            print(
                f"{rows:>12,} rows, {kind} {number + 1}: {run['seconds']:.1f} s, cpu {run['cpu']:.1f} s",
                file=sys.stderr,
            )
            found[kind].append(run)
    return Runs(rows, found)


def machine(threads: int, libraries: Sequence[str] = LIBRARIES) -> Iterator[str]:
    """What was measured on, in a few phrases."""
    found = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text("utf-8"))
    yield f"{dt.date.today()}; {os.cpu_count()} cores, {found[1] if found else platform.machine()}; {threads} threads"
    yield f"load when it began {os.getloadavg()[0]:.1f}; Python {platform.python_version()}"
    yield ", ".join(f"{name} {version(name)}" for name in libraries)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Lines of Markdown."""
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    for line in (head, ["-" * (width - 1) + ":" for width in widths], *rows):
        yield f"| {' | '.join(cell.rjust(width) for cell, width in zip(line, widths, strict=True))} |"


def _figures(runs: Runs) -> Sequence[str]:
    figures = [f"{runs.rows:,}"]
    for what in ("seconds", "cpu", "process"):
        floor, night = (runs.least(kind, what) for kind in KINDS)
        figures += [f"{floor:.1f}", f"{night:.1f}", f"{night / floor:.2f}"]
    floor, night = (runs.most(kind, "peak") / 1e6 for kind in KINDS)
    return [*figures, f"{floor:.0f}", f"{night:.0f}"]


HEAD = (
    *("rows", "floor s", "night s", "ratio", "floor cpu s", "night cpu s", "ratio"),
    *("floor process s", "night process s", "ratio", "floor MB", "night MB"),
)


def _report(measured: Sequence[Runs]) -> Iterator[str]:
    yield from table(HEAD, [_figures(runs) for runs in measured])
    yield ""
    stages = [runs.stages for runs in measured]
    yield from table(
        ("stage of the night, s", *(f"{runs.rows:,} rows" for runs in measured)),
        [(name, *(f"{each[name]:.2f}" for each in stages)) for name in stages[0]],
    )
    largest = max(measured, key=lambda runs: runs.rows)
    if len(measured) > 1:
        smallest = min(measured, key=lambda runs: runs.rows)
        growth = largest.most("night", "peak") / smallest.most("night", "peak")
        yield f"\nPeak memory of the night, {largest.rows:,} rows to {smallest.rows:,}: {growth:.2f}."
    scored = largest.least("night", "scored")
    yield f"The contract accepts {scored / largest.rows:.4%} of the rows; files of {PARTITION:,} rows."


def main() -> None:
    """Make the rows, measure, and print tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.night", description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[1_000_000, 10_000_000], metavar="N")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3, help="runs of each kind and size (%(default)s)")
    parser.add_argument("--folder", type=Path, default=default_folder(), help="of rows and model, kept (%(default)s)")
    asked = parser.parse_args()
    folder = asked.folder.resolve()
    print("; ".join(machine(asked.threads)), end="\n\n")
    prepare(folder, asked.rows, asked.threads)
    measured = [_measure(folder, rows, asked.threads, asked.repeats) for rows in sorted(asked.rows)]
    print("\n".join(_report(measured)))


if __name__ == "__main__":
    main()
