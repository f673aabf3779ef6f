"""Rows and their losses by every three features at once: whole numbers that add up exactly.

Of each block of features (`cover`) the rows are counted in one pass, and the tables of three features are its sums.
Tables of two and of one are sums of those, so they are not kept.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from batchops.stats.discovery.cover import cover
from batchops.stats.discovery.features import Codes, Feature
from batchops.stats.discovery.losses import Losses
from batchops.stats.numbers.sparse import Sparse

__all__ = ["ORDER", "Cube", "Cubes", "Grid", "Table", "count", "count_halves", "tables_of"]

ORDER = 3
"""Features that a slice names at most."""

CHUNK = 2**18
"""Rows that are counted at once; of four times as many the squares, too, still add up to whole numbers of a float."""

EXACT = 2.0**53
"""Up to here floats count exactly."""

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Place = tuple[int, ...]
Table = tuple[Integers, ...]
"""By cell: rows, losses and squares of losses."""

Odd = NDArray[np.bool_] | bool
Each = Callable[..., Iterator[None]]
"""As `map`."""


@dataclass(frozen=True, slots=True)
class Grid:
    """What is searched; fixed by the reference.

    Attributes:
        features: At most `MOST` of them.
        order: Features that a slice names at most.
    """

    features: tuple[Feature, ...]
    order: int = ORDER

    @property
    def sizes(self) -> tuple[int, ...]:
        """Bins of each feature."""
        return tuple(feature.size for feature in self.features)

    @property
    def places(self) -> tuple[Place, ...]:
        """The features of each table that is kept, in the order in which they are stored."""
        features = len(self.features)
        return tuple(combinations(range(features), min(self.order, features))) if features else ()

    def shape(self, place: Place) -> tuple[int, ...]:
        """Of a table."""
        return tuple(self.features[feature].size for feature in place)


@dataclass(frozen=True, slots=True)
class Cube:
    """Counts of some rows by all combinations of ``order`` features; a commutative monoid.

    Attributes:
        capped: Rows that lost more than counts.
        table: By cell, those of all tables one after the other: rows, losses, and squares of losses.
    """

    capped: int = 0
    table: Sparse = field(default_factory=Sparse)

    def __add__(self, other: Cube) -> Cube:
        return Cube(self.capped + other.capped, self.table + other.table)


@dataclass(frozen=True, slots=True)
class Cubes:
    """Rows in two halves: one is searched, the other says how large what was found is; a commutative monoid."""

    odd: Cube = field(default_factory=Cube)
    even: Cube = field(default_factory=Cube)

    def __add__(self, other: Cubes) -> Cubes:
        return Cubes(self.odd + other.odd, self.even + other.even)


def count(batches: Iterable[tuple[Codes, Losses]], grid: Grid) -> Cube:
    """Count rows; many batches at once are faster than their sum.

    Args:
        batches: The bins of some rows, features x rows, and the losses of the same rows.
    """
    return count_halves(((codes, losses, False) for codes, losses in batches), grid).even


def count_halves(batches: Iterable[tuple[Codes, Losses, Odd]], grid: Grid, threads: int = 1) -> Cubes:
    """Count rows in two halves.

    Args:
        batches: As those of `count`, and which rows are odd: each of them, or all, where they are of one night.
        threads: Blocks that are counted at once.
    """
    halves: dict[bool, _Half] = {}
    with ThreadPoolExecutor(threads) as pool:
        each: Each = map if threads == 1 else pool.map
        for codes, losses, odd in batches:
            for side in (True, False):
                if odd is (not side):
                    continue
                if side not in halves:
                    halves[side] = _Half.of(grid)
                chosen = slice(None) if isinstance(odd, bool) else np.flatnonzero(odd == side)
                halves[side].add(codes[:, chosen], losses.part(chosen), each)
        return Cubes(*(halves[side].cube(grid, each) if side in halves else Cube() for side in (True, False)))


@dataclass(slots=True)
class _Half:
    """Tables of blocks, to which rows are added in place, many at once: a table is read and written each time."""

    blocks: dict[Place, Integers]
    capped: int = 0
    waiting: list[tuple[Codes, Losses]] = field(default_factory=list)

    @classmethod
    def of(cls, grid: Grid) -> _Half:
        places = cover(grid.sizes, len(grid.places[0])) if grid.features else ()
        return cls({place: np.zeros((3, *grid.shape(place)), dtype=np.int64) for place in places})

    def add(self, codes: Codes, losses: Losses, each: Each) -> None:
        self.capped += losses.capped
        self.waiting.append((codes, losses))
        if sum(len(lost.steps) for _, lost in self.waiting) >= CHUNK:
            self._count(each)

    def _count(self, each: Each) -> None:
        if not self.waiting:
            return
        codes, losses = self.waiting[0]
        if len(self.waiting) > 1:
            codes = np.concatenate([part for part, _ in self.waiting], axis=1)
            losses = Losses.joined([part for _, part in self.waiting])
        self.waiting.clear()
        for start in range(0, codes.shape[1], CHUNK):
            rows = slice(start, start + CHUNK)
            added = partial(_add, codes[:, rows], _Lot.of(losses.part(rows)))
            list(each(added, self.blocks.keys(), self.blocks.values()))

    def cube(self, grid: Grid, each: Each) -> Cube:
        self._count(each)
        dense: dict[Place, Integers] = {}
        for block, table in self.blocks.items():
            wanted = [place for place in combinations(block, len(grid.places[0])) if place not in dense]
            dense.update(_sums(table, block, wanted))
        if not dense:
            return Cube()
        measures = [np.concatenate([dense[place][line].ravel() for place in grid.places]) for line in range(3)]
        return Cube(self.capped, Sparse.of(*measures))


@dataclass(frozen=True, slots=True, eq=False)
class _Lot:
    """The losses of `CHUNK` rows at most, as all blocks count them.

    Attributes:
        steps, squares: As those of `Losses`.
        packed: A row and its loss in one number: ``unit`` is more than all their losses together, so that one sum
            tells how many rows there are and what they lose. None where a loss is negative.
    """

    steps: Floats
    squares: Floats | None
    packed: Floats | None
    unit: float

    @classmethod
    def of(cls, losses: Losses) -> _Lot:
        unit = math.ldexp(1.0, math.frexp(float(losses.steps.sum()))[1])
        packed = None if losses.steps.min(initial=0.0) < 0 else losses.steps + unit
        return cls(losses.steps, losses.squares, packed, unit)

    def rows_and_losses(self, joint: Integers, cells: int) -> tuple[Floats, Floats]:
        """By cell."""
        if self.packed is not None:
            both = np.bincount(joint, self.packed, minlength=cells)
            if both.max() < EXACT:
                rows = np.floor(both / self.unit)
                return rows, both - rows * self.unit
        rows = np.bincount(joint, minlength=cells).astype(np.float64)
        return rows, np.asarray(np.bincount(joint, self.steps, minlength=cells), dtype=np.float64)


def _add(codes: Codes, lot: _Lot, block: Place, table: Integers) -> None:
    """Add some rows to the rows, losses and squares by the cells of a block."""
    lines, sizes = [codes[feature] for feature in block], list(table.shape[1:])
    if lot.squares is None:
        # Each loses 0 or 1: one count of both kinds is as good as a count and a sum.
        joint = _joint([*lines, lot.steps.astype(np.uint8)], [*sizes, 2])
        kept, lost = np.moveaxis(np.bincount(joint, minlength=2 * math.prod(sizes)).reshape(*sizes, 2), -1, 0)
        table[0] += kept
        table += lost
        return
    joint, cells = _joint(lines, sizes), math.prod(sizes)
    sums = (*lot.rows_and_losses(joint, cells), np.bincount(joint, lot.squares, minlength=cells))
    for line, each in enumerate(sums):
        table[line] += each.astype(np.int64).reshape(sizes)


def _joint(lines: Sequence[Codes], sizes: Sequence[int]) -> Integers:
    """One number for the bins of several features, the last changing fastest."""
    narrow: type[np.unsignedinteger[Any]] = np.uint16 if math.prod(sizes) <= 2**16 else np.uint32
    joint = lines[0].astype(narrow)
    for line, size in zip(lines[1:], sizes[1:], strict=True):
        np.multiply(joint, narrow(size), out=joint)
        np.add(joint, line, out=joint)
    return np.asarray(joint, dtype=np.int64)


def _sums(table: Integers, block: Place, wanted: Sequence[Place]) -> Iterator[tuple[Place, Integers]]:
    """Tables of a block's features, one feature summed out at a time and what is shared done once."""
    known: dict[Place, Integers] = {block: table}

    def of(place: Place) -> Integers:
        if place not in known:
            dropped = max(set(block) - set(place))
            wider = tuple(sorted((*place, dropped)))
            known[place] = of(wider).sum(axis=1 + wider.index(dropped))
        return known[place]

    for place in wanted:
        yield place, of(place)


def tables_of(cube: Cube, grid: Grid) -> Mapping[Place, Table]:
    """The tables of one feature, two, and so on up to ``order``, by their features."""
    sizes = [math.prod(grid.shape(place)) for place in grid.places]
    measures = [cube.table.dense(sum(sizes), line) for line in range(3)]
    found: dict[Place, Table] = {}
    start = 0
    for place, size in zip(grid.places, sizes, strict=True):
        found[place] = tuple(line[start : start + size].reshape(grid.shape(place)) for line in measures)
        start += size
    for place in grid.places:
        _lower(place, found)
    return dict(sorted(found.items(), key=lambda item: (len(item[0]), item[0])))


def _lower(place: Place, found: dict[Place, Table]) -> None:
    """Add the tables that leave out one feature, and theirs."""
    for axis in range(len(place) if len(place) > 1 else 0):
        less = place[:axis] + place[axis + 1 :]
        if less not in found:
            found[less] = tuple(line.sum(axis=axis) for line in found[place])
            _lower(less, found)
