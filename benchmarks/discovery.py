"""What searching all slices costs, beside polars' group_by: ``python -m benchmarks.discovery [ROWS]``, on one thread.

Sixteen features, of up to three of which every slice is counted: ten columns of numbers, four of text and two of
booleans, so 236,156 cells of three features. Rows are made batch by batch and forgotten; making them is not timed.
"""

from __future__ import annotations

import os
import resource
import sys
import time
from collections.abc import Iterator, Sequence
from itertools import combinations

# Before polars is imported, which reads it once.
os.environ["POLARS_MAX_THREADS"] = "1"

import numpy as np
import polars as pl

from batchops.stats.discovery import Losses, Search, count_halves, labelled, lay_out_search, propose
from batchops.stats.discovery.cover import cover
from batchops.stats.discovery.features import Codes

__all__ = ["main"]

BATCH = 2**19
SAMPLE = 12
"""Of 560 tables of three features, those that the floor counts; the others are taken to cost as much."""

LIMIT = 4.0
"""Seconds that counting 10 million rows may take."""


def _rows(rows: int) -> Iterator[pl.DataFrame]:
    for start in range(0, rows, BATCH):
        rng, n = np.random.default_rng(start), min(BATCH, rows - start)
        columns: dict[str, pl.Series] = {f"n{at}": pl.Series(rng.gamma(2, 100, n)) for at in range(10)}
        for at in range(4):
            values = pl.Enum([f"value {each}" for each in range(30)])
            codes = np.minimum(rng.geometric(0.1, n) - 1, 29).astype(np.uint8)
            columns[f"t{at}"] = pl.Series(codes.astype(np.uint32)).cat.to(values)
        columns |= {f"b{at}": pl.Series(rng.random(n) < 0.3) for at in range(2)}
        score = rng.beta(2, 8, n)
        yield pl.DataFrame(columns).with_columns(score=pl.Series(score), label=pl.Series(rng.random(n) < score))


def _timed(search: Search, rows: int, spent: dict[str, float]) -> Iterator[tuple[Codes, Losses, bool]]:
    """Batches as they are counted, in nights of one batch; what making and encoding them takes is told apart."""
    start = time.process_time()
    for number, frame in enumerate(_rows(rows)):
        made = time.process_time()
        codes, losses, _ = labelled(frame, search)
        spent["encode"] += time.process_time() - made
        spent["make"] += made - start
        yield codes, losses, number % 2 == 1
        start = time.process_time()


def _laid_out(metric: str) -> Search:
    frame = next(_rows(100_000))
    return lay_out_search(frame, frame.columns[:16], metric)


def _ours(metric: str, rows: int) -> dict[str, float]:
    search = _laid_out(metric)
    spent = {"make": 0.0, "encode": 0.0}
    start = time.process_time()
    cubes = count_halves(_timed(search, rows, spent), search.grid)
    counted = time.process_time()
    proposals = propose(cubes.even, search.grid, search.loss)
    searched = time.process_time() - counted
    print(f"{metric}: {len(cover(search.grid.sizes))} blocks, {proposals.searched:,} slices searched")
    return {"encode": spent["encode"], "count": counted - start - sum(spent.values()), "search": searched}


def _floor(rows: int) -> float:
    """CPU seconds of polars for as many tables, rows and sums and squares of losses by three features each."""
    first, search = next(_rows(BATCH)), _laid_out("log_loss")
    codes, losses, _ = labelled(first, search)
    frame = pl.DataFrame({str(at): line for at, line in enumerate(codes)}).with_columns(loss=pl.Series(losses.steps))
    places = list(combinations(map(str, range(16)), 3))
    start = time.process_time()
    for place in places[:: len(places) // SAMPLE]:
        frame.group_by(place).agg(pl.len(), pl.col("loss").sum(), (pl.col("loss") ** 2).sum().alias("squares"))
    taken = (time.process_time() - start) / len(places[:: len(places) // SAMPLE])
    return taken * len(places) * rows / frame.height


def main(arguments: Sequence[str]) -> int:
    """Print CPU seconds and memory; 1 where counting takes longer than it may."""
    rows = int(arguments[0]) if arguments else 10_000_000
    worst = 0.0
    for metric in ("error_rate", "log_loss"):
        spent = _ours(metric, rows)
        worst = max(worst, spent["count"])
        print("  " + ", ".join(f"{name} {seconds:.2f} s" for name, seconds in spent.items()))
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3:,.0f} MB")
    print(f"polars group_by of as many tables: {_floor(rows):.0f} s")
    return int(worst > LIMIT * rows / 1e7)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
