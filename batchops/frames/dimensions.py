"""The values of a slice: those of its column, or intervals of numbers that have too many."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
import polars as pl

from batchops.frames.layout import sample_of
from batchops.frames.sources import Table

__all__ = ["dimensions_of", "intervals"]

VALUES = 12
"""Numbers with more different values than these are taken in intervals."""

PARTS = 5


def dimensions_of(table: Table, columns: Sequence[str]) -> Mapping[str, pl.Expr]:
    """How each column is sliced, with intervals at the quintiles of this table."""
    if not columns:
        return {}
    sample, _ = sample_of(table, list(columns))
    return {name: intervals(sample[name]) if name in sample.columns else pl.col(name) for name in columns}


def intervals(sample: pl.Series) -> pl.Expr:
    """The column's values as text; numbers and times of many values as ``[low, high)``, the last ``[low, high]``.

    What lies outside the sample belongs to the first or the last interval. NaN is missing.

    >>> frame = pl.DataFrame({"x": [float(i) for i in range(100)]})
    >>> frame.select(intervals(frame["x"]))["x"].unique(maintain_order=True).to_list()
    ['[0, 19.8)', '[19.8, 39.6)', '[39.6, 59.4)', '[59.4, 79.2)', '[79.2, 99]']
    """
    column = pl.col(sample.name)
    if not sample.dtype.is_numeric():
        return column.cast(pl.String)
    known = sample.cast(pl.Float64).drop_nulls()
    values = known.filter(known.is_finite()).to_numpy()
    whole = column.fill_nan(None) if sample.dtype.is_float() else column
    if len(np.unique(values)) <= VALUES:
        return whole.cast(pl.String)
    edges = np.unique(np.quantile(values, np.linspace(0, 1, PARTS + 1)))
    if len(edges) < 3:
        return whole.cast(pl.String)
    texts = [f"{edge:.6g}" for edge in edges]
    labels = [f"[{low}, {high})" for low, high in pairwise(texts[:-1])]
    return whole.cut(edges[1:-1].tolist(), labels=[*labels, f"[{texts[-2]}, {texts[-1]}]"], left_closed=True).cast(
        pl.String
    )
