"""How often every 95 % interval holds the truth: ``python -m benchmarks.coverage [--draws N] [--only FAMILY ...]``.

What is measured stands beside each family: shares and means (`benchmarks/shares.py`), the metrics of all tasks over 31,
7 and single nights, with weights and with entities (`benchmarks/quality_worlds.py`), declared and found slices
(`benchmarks/slice_worlds.py`), drift, estimates before the labels, and all columns together
(`benchmarks/other_worlds.py`). See docs/statistics.md for what an interval of one night means.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain

from benchmarks.covering import HEAD, Covering
from benchmarks.night import machine, table
from benchmarks.other_worlds import bands, drifts, together
from benchmarks.quality_worlds import WORLDS, entities, own_night, windows
from benchmarks.shares import CASES, cover
from benchmarks.slice_worlds import declared, found

__all__ = ["main"]

LIBRARIES = ("polars", "numpy", "scipy")


def _shares(draws: int) -> Iterator[Covering]:
    return (cover(case, draws) for case in CASES)


def _quality(name: str) -> Callable[[int], Iterator[Covering]]:
    return lambda draws: chain(windows(name, draws), own_night(name, draws))


def _entities(draws: int) -> Iterator[Covering]:
    """Each draw makes its rows anew, so they are fewer."""
    for name in ("two classes", "three classes", "numbers"):
        for nights in (10, 1):
            yield from entities(name, max(draws // 4, 1), nights)


FAMILIES: Mapping[str, Callable[[int], Iterator[Covering]]] = {
    "shares": _shares,
    **{name: _quality(name) for name in WORLDS},
    "entities": _entities,
    "slices": lambda draws: declared(max(draws // 5, 1)),
    "found slices": lambda draws: found(max(draws // 5, 1)),
    "drift": lambda draws: drifts(max(draws // 4, 1)),
    "estimates": bands,
    "all columns": lambda draws: together(max(draws // 20, 1)),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and print a table as it is measured."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.coverage", description=__doc__)
    parser.add_argument("--draws", type=int, default=2_000, help="Windows of each case; fewer of what takes longer.")
    parser.add_argument("--only", nargs="+", choices=list(FAMILIES), default=list(FAMILIES), metavar="FAMILY")
    asked = parser.parse_args(arguments)
    print("\n".join(machine(1, LIBRARIES)), end="\n\n", flush=True)
    head = True
    for family in asked.only:
        for covering in FAMILIES[family](asked.draws):
            lines = list(table(HEAD, covering.rows()))
            print("\n".join(lines if head else lines[2:]), flush=True)
            head = False
    return 0


if __name__ == "__main__":
    sys.exit(main())
