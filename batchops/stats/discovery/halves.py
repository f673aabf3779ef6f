"""Which rows are searched, and which say how large what was found is: alternate nights, or every row by its hash."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from batchops.stats.discovery.cube import Cubes, Odd, count, count_halves
from batchops.stats.discovery.features import Codes
from batchops.stats.discovery.layout import Search, labelled
from batchops.stats.discovery.losses import Losses
from batchops.stats.discovery.measure import Discovery, Recount, Terms, measure, recount, recount_of
from batchops.stats.discovery.search import propose
from batchops.stats.rows.hashing import hash_rows

__all__ = ["discover", "discover_nights", "is_odd", "odd_rows"]


def is_odd(night: str) -> bool:
    """The half of a night, by its date: neighbours lie in different ones.

    >>> is_odd("2013-07-04"), is_odd("2013-07-05")
    (True, False)
    """
    return dt.date.fromisoformat(night).toordinal() % 2 == 1


def odd_rows(frame: pl.DataFrame, columns: Sequence[str]) -> NDArray[np.bool_]:
    """The half of each row, by its values alone.

    Args:
        columns: The more the better: rows that are the same in all of them lie in one half. A key is enough.
    """
    return np.asarray(hash_rows(frame, (), columns) & np.uint64(1), dtype=np.bool_)


def discover(cubes: Cubes, search: Search, terms: Terms) -> Discovery:
    """Search the even half, and measure what was found on the odd one; for rows without a night.

    What is found is proved only where ``terms.rows_independent``.
    """
    proposals = propose(cubes.even, search.grid, search.loss)
    return measure(proposals, recount_of(cubes.odd, search.grid, proposals.slices), search.loss, terms)


def discover_nights(
    nights: Sequence[str], read: Callable[[str], pl.DataFrame], search: Search, terms: Terms
) -> Discovery:
    """Search the even nights, and measure what was found on the odd ones, as they differ.

    Where all nights are of one half, as a single night is, rows are halved instead, and nothing is proved.

    Args:
        nights: ISO dates.
        read: The labelled rows of a night; each is read once, and forgotten.
    """
    even, odd = [night for night in nights if not is_odd(night)], [night for night in nights if is_odd(night)]
    if not even or not odd:
        cubes = count_halves(_halved(nights, read, search), search.grid)
        return discover(cubes, search, replace(terms, rows_independent=False))
    proposals = propose(count((_counted(read(night), search) for night in even), search.grid), search.grid, search.loss)
    other = Recount()
    for night in odd if proposals.slices else ():
        codes, losses = _counted(read(night), search)
        other += recount(codes, losses, proposals.slices, night)
    return measure(proposals, other, search.loss, terms)


def _counted(frame: pl.DataFrame, search: Search) -> tuple[Codes, Losses]:
    codes, losses, _ = labelled(frame, search)
    return codes, losses


def _halved(
    nights: Sequence[str], read: Callable[[str], pl.DataFrame], search: Search
) -> Iterator[tuple[Codes, Losses, Odd]]:
    for night in nights:
        frame = read(night)
        codes, losses, held = labelled(frame, search)
        yield codes, losses, odd_rows(frame, frame.columns)[held]
