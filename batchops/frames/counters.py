"""Columns that only count rows, known by their values: of them every new row has one that the reference lacks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import polars as pl

from batchops.frames.roles import Guess, Roles
from batchops.frames.sources import Table

__all__ = ["with_counters"]

ROWS = 100
"""Of fewer rows, measurements may be different whole numbers close to each other by chance."""

APART = 2
"""Times the rows: within so many whole numbers a counter's values lie, where rows of it were left out."""


def with_counters(
    roles: Roles, guesses: tuple[Guess, ...], tables: Sequence[Table], known: Sequence[str]
) -> tuple[Roles, tuple[Guess, ...]]:
    """Take columns of whole numbers that are different in every row, and close to each other, for keys.

    Args:
        tables: Those that are compared; a counter counts the rows of each.
        known: Columns of which the contract says what they are.
    """
    names = [name for name in roles.inputs(tables[0].schema.names()) if name not in known]
    for table in tables:
        names = list(_counters(table, names))
    found = tuple(Guess("key", name, "it counts the rows") for name in names)
    return replace(roles, key=(*roles.key, *names)), (*guesses, *found)


def _counters(table: Table, names: Sequence[str]) -> Iterator[str]:
    whole = [name for name in names if name in table.schema and table.schema[name].is_integer()]
    if not whole:
        return
    values = pl.col(whole)
    ends = values.min().name.suffix(" min"), values.max().name.suffix(" max")
    told = table.answer(pl.len().alias("rows"), *ends).row(0, named=True)
    rows = told["rows"]
    for name in whole:
        low, high = told[f"{name} min"], told[f"{name} max"]
        # The values themselves are only looked at where they have the room of a counter's.
        near = rows >= ROWS and low is not None and rows - 1 <= int(high) - int(low) < APART * rows
        if near and table.answer(pl.col(name).drop_nulls().n_unique())[name][0] == rows:
            yield name
