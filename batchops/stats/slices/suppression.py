"""Counts that must not be shown, and counts that must not be shown lest those could be had by subtraction."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set as AbstractSet
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from batchops.stats.outcomes.state import SliceKey

__all__ = ["suppressed"]

Floats = NDArray[np.float64]

SETTLED = 1e-6
"""A part of a random vector so small is none: of a count that n others leave open it is about 1 / n."""

DRAWS = 3

WHOLE: SliceKey = ()
"""The key of all rows."""


@dataclass(frozen=True, slots=True)
class _Line:
    """A count, and those of one table that add up to it."""

    head: SliceKey
    parts: tuple[SliceKey, ...]


@dataclass(frozen=True, slots=True)
class _Tables:
    """All counts, by dimensions; keys with their dimensions in order.

    Attributes:
        rows: By key; those of undeclared sums too, and of all rows.
        margins: Sums over dimensions that are no slices themselves: nobody shows them, but they can be had.
        lines: Of slices alone; a line may sum out several dimensions.
        equations: Of all counts, each summing out one dimension.
    """

    rows: Mapping[SliceKey, int]
    margins: frozenset[SliceKey]
    lines: tuple[_Line, ...]
    equations: tuple[_Line, ...]


def suppressed(counts: Mapping[SliceKey, int], total: int, k: int) -> frozenset[SliceKey]:
    """Which slices must show no count.

    Those of fewer than ``k`` rows, and of the others those that cost fewest rows, until neither a hidden count, nor
    what a line of a table hides where that is below ``k``, can be had by adding and subtracting: counts of one
    dimension add up to all rows, and those of several dimensions to those of fewer. The total is always shown.

    Args:
        counts: Rows by slice, without slices of no row; slices of the same dimensions hold every row once.
        total: All rows.

    >>> sexes = {(("sex", "f"),): 60, (("sex", "m"),): 35, (("sex", "x"),): 5}
    >>> sorted(key[0][1] for key in suppressed(sexes, 100, k=10))
    ['m', 'x']
    """
    if all(rows >= k for rows in counts.values()):
        return frozenset()
    tables = _laid_out({_ordered(key): rows for key, rows in counts.items()}, total)
    hidden = {key for key, rows in tables.rows.items() if rows < k and key != WHOLE}
    while True:
        _close(tables, hidden, k)
        settled = _settled(tables, hidden) & hidden
        found = (_beside(key, tables, hidden) for key in sorted(settled))
        more = {key for key in found if key is not None}
        if not more:
            return frozenset(key for key in counts if _ordered(key) in hidden)
        hidden |= more


def _ordered(key: SliceKey) -> SliceKey:
    return tuple(sorted(key))


def _names(key: SliceKey) -> tuple[str, ...]:
    return tuple(name for name, _ in key)


def _kept(key: SliceKey, names: Sequence[str]) -> SliceKey:
    return tuple(pair for pair in key if pair[0] in names)


def _laid_out(counts: Mapping[SliceKey, int], total: int) -> _Tables:
    declared: dict[tuple[str, ...], list[SliceKey]] = {}
    for key in counts:
        declared.setdefault(_names(key), []).append(key)
    rows, every = dict(counts), dict(declared)
    for names, keys in declared.items():
        for kept in _subsets(names):
            if kept and kept not in every:
                for key in keys:
                    part = _kept(key, kept)
                    rows[part] = rows.get(part, 0) + counts[key]
                every[kept] = list({_kept(key, kept): None for key in keys})
    lines = (
        line
        for names, keys in declared.items()
        for kept in _subsets(names)
        if not kept or kept in declared
        for line in _lines(keys, kept)
    )
    equations = (
        line
        for names, keys in every.items()
        for kept in combinations(names, len(names) - 1)
        for line in _lines(keys, kept)
    )
    margins = frozenset(rows) - frozenset(counts)
    # Sums before what they are sums of: what is hidden of them hides the rest at no cost.
    ordered = sorted(lines, key=lambda line: (len(line.parts[0]), line.head))
    return _Tables({**rows, WHOLE: total}, margins, tuple(ordered), tuple(equations))


def _subsets(names: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """All ways to keep fewer of them."""
    return (kept for size in range(len(names)) for kept in combinations(names, size))


def _lines(keys: Sequence[SliceKey], kept: Sequence[str]) -> Iterator[_Line]:
    heads: dict[SliceKey, list[SliceKey]] = {}
    for key in keys:
        heads.setdefault(_kept(key, kept), []).append(key)
    return (_Line(head, tuple(parts)) for head, parts in heads.items())


def _close(tables: _Tables, hidden: set[SliceKey], k: int) -> None:
    """Hide more, until each line whose sum is shown hides two counts or none, and ``k`` rows or none.

    Of those that would do, the one that costs fewest rows: a count whose other lines hide something already costs no
    other count.
    """
    within: dict[SliceKey, list[_Line]] = {}
    for line in tables.lines:
        for key in line.parts:
            within.setdefault(key, []).append(line)

    def cost(key: SliceKey) -> tuple[int, SliceKey]:
        """Its rows, and those of the smallest other count in each line that would hide it alone."""
        opened = (each for each in within[key] if each.head not in hidden and hidden.isdisjoint(each.parts))
        others = (min((tables.rows[part] for part in each.parts if part != key), default=0) for each in opened)
        return tables.rows[key] + sum(others), key

    size = -1
    while size != len(hidden):
        size = len(hidden)
        for line in tables.lines:
            if line.head in hidden:
                continue
            out = [key for key in line.parts if key in hidden]
            rows = sum(tables.rows[key] for key in out)
            while out and (len(out) < 2 or rows < k):
                rest = [key for key in line.parts if key not in hidden]
                if not rest:
                    hidden.update({line.head} - {WHOLE})
                    break
                out.append(min(rest, key=cost))
                hidden.add(out[-1])
                rows += tables.rows[out[-1]]


def _settled(tables: _Tables, hidden: AbstractSet[SliceKey]) -> set[SliceKey]:
    """Unknown counts that the equations leave only one value."""
    unknown = hidden | tables.margins
    # Each equation: its head less its parts is 0; what is shown moves to the other side.
    left = [
        {key: sign for key, sign in ((line.head, -1.0), *((part, 1.0) for part in line.parts)) if key in unknown}
        for line in tables.equations
    ]
    settled: set[SliceKey] = set()
    while alone := {key for signs in left if len(signs) == 1 for key in signs}:
        settled |= alone
        left = [{key: sign for key, sign in signs.items() if key not in alone} for signs in left]
    return settled | _settled_together([signs for signs in left if signs])


def _settled_together(equations: Sequence[Mapping[SliceKey, float]]) -> set[SliceKey]:
    """Those that only several equations settle together.

    What the equations leave open is their null space; a count is settled where every vector of it is 0, and so a
    random one too.
    """
    names = sorted({key for signs in equations for key in signs})
    if not names:
        return set()
    place = {key: column for column, key in enumerate(names)}
    matrix = _Signs(
        np.repeat(np.arange(len(equations)), [len(signs) for signs in equations]),
        np.array([place[key] for signs in equations for key in signs]),
        np.array([sign for signs in equations for sign in signs.values()]),
        (len(equations), len(names)),
    )
    draws = np.random.default_rng(DRAWS).standard_normal((DRAWS, len(names)))
    free = np.max([np.abs(matrix.left_open(draw)) for draw in draws], axis=0)
    return {names[column] for column in np.flatnonzero(free < SETTLED)}


@dataclass(frozen=True, slots=True, eq=False)
class _Signs:
    """A matrix of signs, of which only those that are not 0 are kept."""

    row: NDArray[np.int64]
    column: NDArray[np.int64]
    sign: Floats
    shape: tuple[int, int]

    def left_open(self, vector: Floats) -> Floats:
        """The vector's part in the null space: what is left of it by least squares (conjugate gradients)."""
        rows, columns = self.shape
        rest = vector.copy()
        slope = self._times(rest)
        direction, size = slope, float(slope @ slope)
        for _ in range(2 * min(rows, columns) + 10):
            if size < SETTLED**4:
                break
            step = np.bincount(self.column, self.sign * direction[self.row], columns)
            length = size / float(step @ step)
            rest -= length * step
            slope = self._times(rest)
            before, size = size, float(slope @ slope)
            direction = slope + size / before * direction
        return rest

    def _times(self, vector: Floats) -> Floats:
        return np.asarray(np.bincount(self.row, self.sign * vector[self.column], self.shape[0]), dtype=np.float64)


def _beside(key: SliceKey, tables: _Tables, hidden: AbstractSet[SliceKey]) -> SliceKey | None:
    """The smallest count that is shown and shares an equation with one that must not be had; else one of its table."""
    unknown = hidden | tables.margins | {WHOLE}
    near = {each for line in tables.equations if key in (line.head, *line.parts) for each in (line.head, *line.parts)}
    table = {each for each in tables.rows if _names(each) == _names(key)}
    for candidates in (near, table):
        shown = [(tables.rows[each], each) for each in candidates if each not in unknown]
        if shown:
            return min(shown)[1]
    return None
