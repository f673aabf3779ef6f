"""Add up rows by slice: dimensions as small numbers, several at once in one table, and summed out."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from batchops.stats.columns.coding import codes_of
from batchops.stats.columns.ours import SLICED, ours
from batchops.stats.numbers.sparse import Integers, Sparse
from batchops.stats.numbers.whole import Whole
from batchops.stats.outcomes.state import SliceKey

__all__ = ["JOINT", "MISSING", "NO_HISTOGRAMS", "Dimension", "Histograms", "Slice", "Table", "by_slice", "encoded"]

MISSING = "missing"
"""Value of a dimension where it is null."""

JOINT = 65_536
"""Slices whose dimensions have at most so many values together are counted at once, and summed out."""

SAMPLE = 10_000

Histograms = tuple[Sparse, Sparse]
"""Of a group's rows, and of their weights."""

NO_HISTOGRAMS: Histograms = (Sparse(), Sparse())

Slice = tuple[str, ...]
Count = Callable[[Integers, int], Whole]
"""From the group of each row and the number of groups to the sums: one line a sum, the first counts rows."""


@dataclass(frozen=True, slots=True)
class Dimension:
    """Values, sorted, and for each row the place of its own."""

    values: tuple[str, ...]
    codes: NDArray[np.unsignedinteger]


@dataclass(frozen=True, slots=True)
class Table:
    """The occupied groups of one slice.

    Attributes:
        keys: Of each group.
        groups: The number of each among those of ``codes``.
        sums: A line for each sum of the count, a column for each group.
        codes: The group of each row.
    """

    keys: tuple[SliceKey, ...]
    groups: Integers
    sums: Whole
    codes: Integers

    def histograms(
        self, tables: Callable[[Integers | None], Sequence[Sparse]], weights: Integers | None
    ) -> Mapping[int, Histograms]:
        """Of each group, by its number.

        Args:
            tables: From the rows' weights, or None for the rows alone, to a histogram for each number up to the last.
        """
        plain = tables(None)
        heavy = [Sparse()] * len(plain) if weights is None else tables(weights)
        return {group: (plain[group], heavy[group]) for group in self.groups.tolist()}


def by_slice(frame: pl.DataFrame, slices: Sequence[Slice], count: Count) -> Iterator[Table]:
    """Every slice, counted.

    Args:
        frame: A column for each dimension, marked as ours or not.
        slices: Each a tuple of dimensions; those of which one is not there have no group.
        count: Sums by group.
    """
    if not frame.height:
        return
    columns = {name: ours(frame, name, SLICED) for name in sorted({name for each in slices for name in each})}
    dimensions = {name: encoded(column) for name, column in columns.items() if column is not None}
    slices = [each for each in slices if set(each) <= set(dimensions)]
    for block, members in _blocks(slices, dimensions):
        for member, ordered, groups, lines in _tables(block, members, count, dimensions):
            keys = tuple(_key(group, ordered, member, dimensions) for group in groups.tolist())
            yield Table(keys, groups, lines, _joint(ordered, dimensions))


def _tables(
    block: Slice, members: Sequence[Slice], count: Count, dimensions: Mapping[str, Dimension]
) -> Iterator[tuple[Slice, Slice, Integers, Whole]]:
    """For each slice of a block: its dimensions in the block's order, its occupied groups, and their sums."""
    shape = tuple(len(dimensions[name].values) for name in block)
    joint = _joint(block, dimensions)
    if math.prod(shape) > JOINT:
        groups, code = np.unique(joint, return_inverse=True)
        lines = count(code, len(groups))
        for member in members:
            yield member, block, groups, lines
        return
    table = count(joint, math.prod(shape))
    table = table.reshape(-1, *shape)
    for member in members:
        axes = tuple(1 + axis for axis, name in enumerate(block) if name not in member)
        lines = table.sum(axis=axes).reshape(len(table), -1)
        groups = np.flatnonzero(lines[0])
        yield member, tuple(name for name in block if name in member), groups, lines[:, groups]


def encoded(series: pl.Series) -> Dimension:
    """A dimension as small numbers; its values are guessed from some rows, which is right but for rare ones."""
    if isinstance(series.dtype, pl.Enum):
        return _listed(series)
    text = series.cast(pl.String)
    # Rows spread over all: files are often sorted by what they are sliced by.
    for sample in (text.gather_every(max(1, len(text) // SAMPLE)), text):
        values = sorted({*sample.unique().drop_nulls(), MISSING})
        codes = text.cast(pl.Enum(values), strict=False)
        if codes.null_count() == text.null_count():
            break
    physical = codes.to_physical()
    if physical.null_count():
        physical = physical.fill_null(values.index(MISSING))
    return Dimension(tuple(values), physical.to_numpy())


def _listed(series: pl.Series) -> Dimension:
    """The same of a type that lists its values, of which those that no row has are left out."""
    listed, codes = codes_of(series)
    held = np.flatnonzero(np.bincount(codes, minlength=len(listed) + 1)[:-1])
    values = sorted({*(listed[place] for place in held), MISSING})
    place_of = {value: place for place, value in enumerate(values)}
    places = np.array([place_of.get(value, 0) for value in (*listed, MISSING)], dtype=np.uint32)
    return Dimension(tuple(values), places[codes])


def _blocks(slices: Sequence[Slice], dimensions: Mapping[str, Dimension]) -> Iterator[tuple[Slice, list[Slice]]]:
    """Groups of slices, with the dimensions they are counted by together."""
    blocks: list[tuple[set[str], list[Slice]]] = []
    for each in sorted(set(slices), key=lambda names: (-len(names), names)):
        for names, members in blocks:
            if math.prod(len(dimensions[name].values) for name in names.union(each)) <= JOINT:
                names.update(each)
                members.append(each)
                break
        else:
            blocks.append((set(each), [each]))
    for names, members in blocks:
        yield tuple(sorted(names)), members


def _joint(names: Slice, dimensions: Mapping[str, Dimension]) -> Integers:
    """One number for the values of several dimensions, the last changing fastest."""
    joint = dimensions[names[0]].codes.astype(np.int64)
    for name in names[1:]:
        joint *= len(dimensions[name].values)
        joint += dimensions[name].codes
    return joint


def _key(group: int, ordered: Slice, member: Slice, dimensions: Mapping[str, Dimension]) -> SliceKey:
    value = {}
    for name in reversed(ordered):
        group, code = divmod(group, len(dimensions[name].values))
        value[name] = dimensions[name].values[code]
    return tuple((name, value[name]) for name in member)
