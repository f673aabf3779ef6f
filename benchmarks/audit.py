"""An audit of two tables beside polars' floor and other tools, whole processes in one run.

``python -m benchmarks.audit``. Others run in environments of their own: ``--evidently PYTHON`` and ``--nannyml PYTHON``
name their interpreters; without them they are left out. See README.md.
"""

from __future__ import annotations

import argparse
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.audit_rows import COLUMNS, current_path, prepare, reference_path
from benchmarks.night import POOLS, default_folder, machine, table
from benchmarks.rows import REPOSITORY

__all__ = ["main"]

LIBRARIES = ("polars", "numpy", "scipy", "jinja2", "pydantic")
SECTIONS = ("--slice", "carrier", "--slice", "origin", "--slice", "carrier,origin")
PATIENCE = 900
"""Seconds after which a process is given up."""


@dataclass(frozen=True, slots=True)
class Spent:
    """What a process took; None where it failed or was given up."""

    seconds: float
    cpu: float
    peak: int


def _process(command: Sequence[str], threads: int) -> Spent | None:
    """Run a whole process, start-up included."""
    environment = {**os.environ, "OMP_WAIT_POLICY": "PASSIVE", **dict.fromkeys(POOLS, str(threads))}
    start = time.perf_counter()
    child = subprocess.Popen(command, env=environment, cwd=REPOSITORY, stdout=subprocess.DEVNULL)
    peak, status, usage = _awaited(child, start)
    seconds = time.perf_counter() - start
    # 3: something failed its limits, which is no failure of the tool.
    if os.waitstatus_to_exitcode(status) not in (0, 3):
        return None
    return Spent(seconds, usage.ru_utime + usage.ru_stime, peak)


def _awaited(child: subprocess.Popen[bytes], start: float) -> tuple[int, int, resource.struct_rusage]:
    """Its peak memory in bytes, its status, and what it used.

    The peak is looked up while it runs: ``ru_maxrss`` survives an exec, and would be that of this process.
    """
    peak = 0
    while True:
        peak = max(peak, _peak(child.pid))
        done, status, usage = os.wait4(child.pid, os.WNOHANG)
        if done:
            return peak, status, usage
        if time.perf_counter() - start > PATIENCE:
            child.kill()
        time.sleep(0.005)


def _peak(pid: int) -> int:
    try:
        found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text("ascii"))
    except FileNotFoundError:
        return 0
    return int(found[1]) * 1024 if found else 0


def _commands(folder: Path, rows: int, out: Path, asked: argparse.Namespace) -> Mapping[str, Sequence[str]]:
    now, was = str(current_path(folder, rows)), str(reference_path(folder))
    ours = [sys.executable, "-m", "batchops", "audit", now, "--reference", was, "--out", str(out), "-q"]
    found = {
        "floor": [sys.executable, "-m", "benchmarks.audit_floor", now, *COLUMNS],
        "batchops, drift": [*ours, "--only", "drift"],
        "batchops, all": [*ours, *SECTIONS],
        "batchops, all and search": [*ours, *SECTIONS, "--discover"],
    }
    for name in ("evidently", "nannyml"):
        python = getattr(asked, name)
        if python:
            script = str(REPOSITORY / "benchmarks" / f"by_{name}.py")
            found[name] = [python, script, "report", was, now, "--out", str(out), "--columns", *COLUMNS]
    return found


def _measured(folder: Path, rows: int, asked: argparse.Namespace) -> Mapping[str, Sequence[Spent | None]]:
    found: dict[str, list[Spent | None]] = {}
    with tempfile.TemporaryDirectory() as out:
        for number in range(asked.repeats):
            for name, command in _commands(folder, rows, Path(out), asked).items():
                spent = _process(command, asked.threads)
                told = f"{spent.seconds:.2f} s, {spent.peak / 1e6:.0f} MB" if spent else "gave up"
                print(f"{rows:>12,} rows, {name} {number + 1}: {told}", file=sys.stderr)
                found.setdefault(name, []).append(spent)
    return found


def _line(name: str, rows: int, runs: Mapping[str, Sequence[Spent | None]]) -> tuple[str, ...]:
    own = [run for run in runs[name] if run is not None]
    floor = [run for run in runs["floor"] if run is not None]
    if not own:
        return (name, f"{rows:,}", "-", "-", "-", "-")
    seconds, least = min(run.seconds for run in own), min(run.seconds for run in floor)
    cpu, peak = min(run.cpu for run in own), max(run.peak for run in own)
    return (name, f"{rows:,}", f"{seconds:.2f}", f"{seconds / least:.2f}", f"{cpu:.2f}", f"{peak / 1e6:.0f}")


def _report(measured: Mapping[int, Mapping[str, Sequence[Spent | None]]]) -> Iterator[str]:
    lines = [_line(name, rows, runs) for rows, runs in measured.items() for name in runs]
    yield from table(("what", "rows", "process s", "of the floor", "cpu s", "peak MB"), lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure every size, and print what was measured and on what."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.audit", description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=[250_000, 1_000_000, 10_000_000])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--folder", type=Path, default=default_folder() / "audit")
    parser.add_argument("--evidently", help="Interpreter that has evidently 0.7.")
    parser.add_argument("--nannyml", help="Interpreter that has nannyml 0.13.")
    asked = parser.parse_args(arguments)
    about = list(machine(asked.threads, LIBRARIES))
    prepare(asked.folder, asked.rows)
    measured = {rows: _measured(asked.folder, rows, asked) for rows in asked.rows}
    print("\n".join([*about, "", *_report(measured)]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
