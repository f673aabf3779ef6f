"""How both sides are counted: laid out once over the reference, before the first row of either is counted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import polars as pl

from batchops.contract import Contract
from batchops.frames.sources import Table
from batchops.stats import Cells, lay_out

__all__ = ["SAMPLE", "lay_out_inputs", "sample_of"]

SAMPLE = 1 << 19
"""Rows that quantiles are taken from: of more, every so-manieth, so that no stretch of the data is passed over."""


def sample_of(table: Table, columns: Sequence[str]) -> tuple[pl.DataFrame, bool]:
    """Rows that stand for all of them, and whether they are all of them."""
    total = table.count()
    step = -(-total // SAMPLE)
    if step <= 1:
        parts = list(table.batches(columns))
        return (pl.concat(parts) if parts else table.rows.select(columns).head(0).collect()), True
    parts, seen = [], 0
    for frame in table.batches(columns):
        parts.append(frame.gather_every(step, -seen % step))
        seen += frame.height
    return pl.concat(parts), False


def lay_out_inputs(
    table: Table, columns: Sequence[str], contract: Contract | None
) -> tuple[tuple[Cells, ...], pl.DataFrame]:
    """The cells of every input, and the sample that they were laid out over."""
    sample, whole = sample_of(table, columns)
    hidden = frozenset(contract.pii) if contract is not None else frozenset[str]()
    units: Mapping[str, str] = {each.name: each.unit for each in contract.columns} if contract is not None else {}
    cells = lay_out(sample, tuple(columns), hidden, {name: units.get(name, "") for name in columns})
    return (cells if whole else _exact(table, cells, sample)), sample


def _exact(table: Table, cells: Sequence[Cells], sample: pl.DataFrame) -> tuple[Cells, ...]:
    """The same cells, where extremes and listed values are those of all rows."""
    numbers = [each.column for each in cells if each.kind == "numeric"]
    listed = [each.column for each in cells if each.kind in ("discrete", "category")]
    asked = [pl.col(name).min().alias(f"{name} low") for name in numbers]
    asked += [pl.col(name).max().alias(f"{name} high") for name in numbers]
    asked += [pl.col(name).unique().implode().alias(name) for name in listed]
    told = table.answer(*asked) if asked else pl.DataFrame()
    return tuple(_widened(each, told, sample) for each in cells)


def _widened(cells: Cells, told: pl.DataFrame, sample: pl.DataFrame) -> Cells:
    name = cells.column
    if cells.kind == "numeric":
        low, high = told[f"{name} low"][0], told[f"{name} high"][0]
        ends = [float(each) for each in (low, high) if each is not None]
        return replace(cells, low=min(ends), high=max(ends)) if ends else cells
    if cells.kind not in ("discrete", "category"):
        return cells
    # The rarest values, which the sample may have passed over, come behind the ones that it has.
    every = pl.concat([sample[name], told[name].explode().cast(sample.schema[name])])
    return lay_out(pl.DataFrame({name: every}), (name,), frozenset(), {name: cells.unit or ""})[0]
