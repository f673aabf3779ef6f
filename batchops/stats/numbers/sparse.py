"""Integers by cell, of which only the occupied cells are kept: how distributions are stored and added."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Integers", "Sparse", "merge_sparse"]

Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Sparse:
    """One or more integers for every occupied cell; a cell where all are zero is left out.

    Adding two tables adds them cell by cell, in integers of any size, so the sum is exact for any split and order.

    Attributes:
        cells: Numbers of the occupied cells, ascending.
        values: For each measure (count, sum...) one integer a cell, as long as ``cells``.
    """

    cells: tuple[int, ...] = ()
    values: tuple[tuple[int, ...], ...] = ()

    @classmethod
    def of(cls, *dense: Integers) -> Sparse:
        """Keep the occupied cells of arrays that have one number for every cell.

        >>> Sparse.of(np.array([0, 2, 0, 1]), np.array([0, 7, 0, -7]))
        Sparse(cells=(1, 3), values=((2, 1), (7, -7)))
        """
        kept = np.flatnonzero(np.any(np.stack(dense) != 0, axis=0))
        if not len(kept):
            return cls()
        return cls(tuple(kept.tolist()), tuple(tuple(measure[kept].tolist()) for measure in dense))

    @classmethod
    def grouped(cls, cells: Integers, *values: Integers) -> Sparse:
        """Add up rows by their cell; the sums must fit 64 bits.

        >>> Sparse.grouped(np.array([5, 2, 5]), np.array([1, 1, 1]))
        Sparse(cells=(2, 5), values=((1, 2),))
        """
        if not len(cells):
            return cls()
        return _grouped(cells, values)

    def __add__(self, other: Sparse) -> Sparse:
        return merge_sparse((self, other))

    def dense(self, size: int, measure: int = 0) -> Integers:
        """One measure as an array over all ``size`` cells; its numbers must fit 64 bits."""
        full = np.zeros(size, dtype=np.int64)
        if self.cells:
            full[np.array(self.cells)] = np.array(self.values[measure], dtype=np.int64)
        return full

    def floats(self, size: int, measure: int) -> NDArray[np.float64]:
        """One measure as floats over all ``size`` cells, for numbers of any size."""
        full = np.zeros(size)
        if self.cells:
            full[np.array(self.cells)] = np.array(self.values[measure], dtype=np.float64)
        return full

    def total(self, measure: int = 0) -> int:
        """The sum of one measure over all cells."""
        return sum(self.values[measure]) if self.values else 0


def merge_sparse(tables: Sequence[Sparse]) -> Sparse:
    """The sum of many tables at once, faster than adding them one by one."""
    filled = [table for table in tables if table.cells]
    if not filled:
        return Sparse()
    if len(filled) == 1:
        return filled[0]
    cells = np.concatenate([np.array(table.cells, dtype=np.int64) for table in filled])
    columns = zip(*(table.values for table in filled), strict=True)
    return _grouped(cells, [_joined(list(column)) for column in columns])


def _joined(pieces: Sequence[tuple[int, ...]]) -> NDArray[Any]:
    """One measure of many tables; as Python integers where a sum of them might not fit 64 bits."""
    largest = max(max(map(abs, (max(piece), min(piece)))) for piece in pieces)
    fits = largest * len(pieces) < 2**63
    return np.concatenate([np.array(piece, dtype=np.int64 if fits else object) for piece in pieces])


def _grouped(cells: Integers, values: Sequence[NDArray[Any]]) -> Sparse:
    order = np.argsort(cells, kind="stable")
    ordered = cells[order]
    starts = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
    sums = [np.add.reduceat(value[order], starts) for value in values]
    kept = np.flatnonzero(np.any(np.stack([each != 0 for each in sums]), axis=0))
    if not len(kept):
        return Sparse()
    return Sparse(tuple(ordered[starts[kept]].tolist()), tuple(tuple(each[kept].tolist()) for each in sums))
