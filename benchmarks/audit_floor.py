"""The least that a comparison of a table's columns can cost: moments, histograms and counts in one pass of polars.

``python -m benchmarks.audit_floor CURRENT COLUMN...``: the whole process is what is measured.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence

import polars as pl

__all__ = ["main"]

BINS = 20


def _asked(rows: pl.LazyFrame, columns: Sequence[str]) -> Iterator[pl.Expr]:
    schema = rows.collect_schema()
    ends = rows.select(
        expression
        for name in columns
        if schema[name].is_numeric()
        for expression in (pl.col(name).min().alias(f"{name} low"), pl.col(name).max().alias(f"{name} high"))
    ).collect(engine="streaming")
    for name in columns:
        column = pl.col(name)
        yield column.null_count().alias(f"{name} nulls")
        if not schema[name].is_numeric():
            yield column.value_counts().implode().alias(f"{name} counts")
            continue
        low, high = float(ends[f"{name} low"][0]), float(ends[f"{name} high"][0])
        yield column.mean().alias(f"{name} mean")
        yield column.std().alias(f"{name} deviation")
        for bin in range(1, BINS):
            yield (column >= low + (high - low) * bin / BINS).sum().alias(f"{name} {bin}")


def main(arguments: Sequence[str]) -> int:
    """Count one table, and print how many figures there are of it."""
    rows = pl.scan_parquet(arguments[0])
    figures = rows.select(*_asked(rows, arguments[1:])).collect(engine="streaming")
    print(figures.width)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
