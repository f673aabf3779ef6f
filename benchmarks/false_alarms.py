"""Nights on which nothing has changed: how many of them raise any alarm, of all families together.

``python -m benchmarks.false_alarms [--nights N] [--evidently PYTHON] [--nannyml PYTHON]``
``python -m benchmarks.false_alarms --years N [--cases "memory .7, window 31" ...]``
``python -m benchmarks.false_alarms --delays RUNS``

Two tables: each night is a whole audit of 20 columns of every shape, with a score, labels and slices; columns, score,
quality, slices and all columns together are judged under one budget. Beside it how many of the same nights other tools
call drifted anywhere. Years: whole jobs over simulated years, each night judged as a run judges it, counted in episodes
(`benchmarks/years.py`); delays: how long a change of such a job takes to be found. See docs/statistics.md.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import polars as pl

from batchops import Roles, Severity, audit_frame
from benchmarks.episodes import CASES, delay_lines, year_lines
from benchmarks.night import machine, table
from benchmarks.rows import REPOSITORY
from benchmarks.worlds import WORLDS

__all__ = ["main"]

LIBRARIES = ("polars", "numpy", "scipy", "scikit-learn")
SIZES = (20, 100, 1_000, 10_000, 100_000)
REFERENCE = 20_000
KINDS = ("normal", "lognormal", "heavy-tailed", "zero-inflated", "whole numbers")
TEXTS = ("5 categories", "200 categories, Zipf", "1000 categories, Zipf", "1000 categories, equal")
COPIES = {**dict.fromkeys(KINDS, 3), **dict.fromkeys(TEXTS, 1), "200 categories, equal": 1}


def night(rows: int, seed: int) -> pl.DataFrame:
    """Rows of a world that never changes: 20 inputs, one of them with nulls, a score that is true, and its label."""
    random = np.random.default_rng([seed, rows])
    columns = {
        f"{name} {copy}": WORLDS[name].values(random, rows) for name, copies in COPIES.items() for copy in range(copies)
    }
    score = random.beta(2, 3, rows)
    missing = random.random(rows) < 0.05
    return pl.DataFrame(columns).with_columns(
        pl.when(pl.Series(missing)).then(None).otherwise(pl.col("normal 0")).alias("normal 0"),
        pl.Series("score", score),
        pl.Series("label", (random.random(rows) < score).astype(np.int64)),
    )


def _two_tables(nights: int, sizes: Sequence[int]) -> Iterator[tuple[str, ...]]:
    roles = Roles(score="score", label="label", slices=("5 categories 0", ("5 categories 0", "whole numbers 0")))
    for rows in sizes:
        warned, failed, figures = 0, 0, 0
        for seed in range(nights):
            # A reference of its own for every 20 nights: its own noise must show too.
            reference = night(REFERENCE, 1_000_000 + seed // 20)
            made = audit_frame(night(rows, seed), reference, roles=roles).document
            warned += made.verdict.severity in (Severity.WARN, Severity.FAIL)
            failed += made.verdict.severity is Severity.FAIL
            figures = made.budget.figures if made.budget else 0
        print(f"{rows:>8,} rows: {warned} of {nights} nights warn", file=sys.stderr)
        yield f"{rows:,}", f"{figures}", f"{nights}", f"{warned / nights:.1%}", f"{failed / nights:.2%}"


def _others(name: str, python: str, nights: int, sizes: Sequence[int]) -> Iterator[tuple[str, ...]]:
    """How many of the same nights another tool calls drifted in any column."""
    for rows in sizes:
        with tempfile.TemporaryDirectory() as folder:
            paths = [Path(folder) / f"{seed}.parquet" for seed in range(nights)]
            reference = Path(folder) / "reference.parquet"
            night(REFERENCE, 1_000_000).drop("score", "label").write_parquet(reference)
            for seed, path in enumerate(paths):
                night(rows, seed).drop("score", "label").write_parquet(path)
            script = str(REPOSITORY / "benchmarks" / f"by_{name}.py")
            command = [python, script, "alarms", str(reference), *map(str, paths)]
            done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True, text=True)
        lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
        wrong = sum(line.get("drifted", 0) > 0 for line in lines)
        lost = sum("error" in line for line in lines)
        print(f"{rows:>8,} rows, {name}: {wrong} of {nights} nights, {lost} errors", file=sys.stderr)
        yield name, f"{rows:,}", f"{nights}", f"{wrong / nights:.1%}", f"{lost}"


def _over_nights(years: int, delays: int, cases: Sequence[str]) -> None:
    if years:
        head = (
            "case",
            "years",
            "nights warn",
            "WARN episodes / nights",
            "nights to one",
            "nights fail",
            "FAILs a year",
        )
        print("\n".join(["", *table(head, list(year_lines(years, cases)))]), flush=True)
    if delays:
        lines = [
            (name, *line)
            for name in ("memory 0, window 31", "memory .7, window 31")
            for line in delay_lines(delays, CASES[name])
        ]
        print("\n".join(["", *table(("case", "change", "nights to WARN", "to FAIL"), lines)]), flush=True)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and print what was measured and on what."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.false_alarms", description=__doc__)
    parser.add_argument("--nights", type=int, default=400)
    parser.add_argument("--rows", type=int, nargs="+", default=list(SIZES))
    parser.add_argument("--others", type=int, default=40, help="Nights for the other tools, which take long.")
    parser.add_argument("--evidently", help="Interpreter that has evidently 0.7.")
    parser.add_argument("--nannyml", help="Interpreter that has nannyml 0.13.")
    parser.add_argument("--years", type=int, default=0, help="Simulated years of each case, instead of two tables.")
    parser.add_argument("--cases", nargs="+", choices=list(CASES), default=list(CASES))
    parser.add_argument("--delays", type=int, default=0, help="Runs of each change, instead of two tables.")
    asked = parser.parse_args(arguments)
    print("\n".join(machine(2, LIBRARIES)), flush=True)
    if asked.years or asked.delays:
        _over_nights(asked.years, asked.delays, asked.cases)
        return 0
    head = ("rows", "judged figures", "nights", "any WARN", "any FAIL")
    print("\n".join(["", *table(head, list(_two_tables(asked.nights, asked.rows)))]), flush=True)
    lines = [
        line
        for name in ("evidently", "nannyml")
        if getattr(asked, name)
        for line in _others(name, getattr(asked, name), asked.others, asked.rows)
    ]
    if lines:
        print("\n".join(["", *table(("tool", "rows", "nights", "any drift", "errors"), lines)]))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
