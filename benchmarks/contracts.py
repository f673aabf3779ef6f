"""A contract of 37 rules beside the least that it can cost, and beside other libraries; see README.md.

``python -m benchmarks.contracts``
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.contestants import CONTESTANTS
from benchmarks.night import POOLS, default_folder, machine, table
from benchmarks.orders import made
from benchmarks.rows import REPOSITORY

__all__ = ["main"]

LIBRARIES = ("polars", "pandera")
RIVALS = ("dataframely", "pointblank")
MIB = 2**20


@dataclass(frozen=True, slots=True)
class Runs:
    """The measured processes on rows with some share of wrong ones, in the order they ran.

    Attributes:
        of: For each contestant one mapping a run: the fields of `benchmarks.contract_child.Measured`.
    """

    share: float
    of: Mapping[str, Sequence[Mapping[str, Any]]]

    @property
    def floor(self) -> str:
        """What the others are held against."""
        return "raw two phases" if self.share else "raw counts"

    def least(self, name: str, what: str) -> float:
        """The smallest of a figure over the runs: whatever else a machine does, it only ever adds."""
        return float(min(run[what] for run in self.of[name]))

    def most(self, name: str, what: str) -> float:
        """The largest of a figure over the runs."""
        return float(max(run[what] for run in self.of[name]))


def _present() -> Iterator[str]:
    yield from CONTESTANTS
    for name in RIVALS:
        if importlib.util.find_spec(name) is None:
            print(f"{name}: not installed: pip install {name}", file=sys.stderr)
        else:
            yield name


def _child(name: str, path: Path, threads: int) -> Mapping[str, Any]:
    environment = {**os.environ, **dict.fromkeys(POOLS, str(threads))}
    command = [sys.executable, "-m", "benchmarks.contract_child", name, str(path)]
    done = subprocess.run(command, env=environment, cwd=REPOSITORY, stdout=subprocess.PIPE, check=True)
    found: Mapping[str, Any] = json.loads(done.stdout)
    return found


def _measure(names: Sequence[str], path: Path, share: float, asked: argparse.Namespace) -> Runs:
    """All contestants in turn, again and again, so that whatever else this machine does meets every one."""
    found: dict[str, list[Mapping[str, Any]]] = {name: [] for name in names}
    for number in range(asked.repeats):
        for name in names:
            run = _child(name, path, asked.threads)
            print(f"{share:.0%}, {name} {number + 1}: {run['seconds']:.2f} s, cpu {run['cpu']:.2f} s", file=sys.stderr)
            found[name].append(run)
    return Runs(share, found)


def _line(runs: Runs, name: str) -> Sequence[str]:
    seconds, cpu = runs.least(name, "seconds"), runs.least(name, "cpu")
    aside = runs.of[name][0]["quarantined"]
    return [
        name,
        f"{seconds:.2f}",
        f"{seconds / runs.least(runs.floor, 'seconds'):.2f}",
        f"{cpu:.2f}",
        f"{cpu / runs.least(runs.floor, 'cpu'):.2f}",
        f"{runs.most(name, 'beyond') / MIB:,.0f}",
        f"{runs.of[name][0]['failed']:,}",
        "" if aside is None else f"{aside:,}",
    ]


HEAD = ("contestant", "s", "ratio", "cpu s", "ratio", "MiB beyond", "failures", "rows set aside")


def _report(runs: Runs) -> Iterator[str]:
    one = runs.of["batchops"][0]
    yield f"\n{runs.share:.0%} of the rows wrong: input {one['rows_bytes'] / MIB:,.0f} MiB, " + (
        f"quarantine {one['quarantine_bytes'] / MIB:,.0f} MiB; ratios are to {runs.floor}\n"
    )
    yield from table(HEAD, [_line(runs, name) for name in runs.of])


def main() -> None:
    """Make the rows, measure, and print tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.contracts", description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000, metavar="N")
    parser.add_argument("--shares", type=float, nargs="+", default=[0, 0.05], metavar="SHARE", help="of wrong rows")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3, help="runs of each (%(default)s)")
    parser.add_argument("--folder", type=Path, default=default_folder() / "orders", help="of rows, kept (%(default)s)")
    asked = parser.parse_args()
    names = tuple(_present())
    libraries = (*LIBRARIES, *(name for name in RIVALS if name in names))
    print("; ".join(machine(asked.threads, libraries)), end=f"\n{asked.rows:,} rows, 37 rules\n")
    for share in asked.shares:
        path = made(asked.folder.resolve(), asked.rows, share)
        print("\n".join(_report(_measure(names, path, share, asked))), flush=True)


if __name__ == "__main__":
    main()
