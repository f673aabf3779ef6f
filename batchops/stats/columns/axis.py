"""Two distributions of a column on one shared axis, as shares; drawing them is another's work."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from batchops.sketch import K_ANONYMOUS
from batchops.stats.columns.cells import OUTER, Cells
from batchops.stats.columns.measures import value_counts
from batchops.stats.columns.profile import Column

__all__ = ["AxisHistogram", "histogram"]

Floats = NDArray[np.float64]

TAIL = 0.0025
"""Share of the rows at each end that does not stretch the axis: it covers the central 99.5 % of both sides."""

TOP = 12


@dataclass(frozen=True, slots=True)
class AxisHistogram:
    """Two distributions on one axis.

    Attributes:
        kind: ``number`` (equal cells from ``low`` to ``high``; the first and last also hold what lies beyond) or
            ``category`` (one cell a label).
        labels: Names of categories that `K_ANONYMOUS` rows of a side hold, then ``other`` and ``new``; empty for
            numbers.
        reference, current: Share of the non-null rows in each cell; all 0 where there are none.
    """

    kind: str
    low: float | None
    high: float | None
    labels: tuple[str, ...]
    reference: tuple[float, ...]
    current: tuple[float, ...]


def histogram(current: Column, reference: Column, cells: Cells, size: int = 24) -> AxisHistogram | None:
    """Put a column and its reference on one axis.

    Numbers: the rows of a cell are spread evenly about their mean, as widely as their standard deviation says, inside
    the cell. What lies more than one reference range outside stretches the axis only where most rows lie there.

    Returns:
        None for opaque columns, and for numbers that neither side has.
    """
    if cells.kind in ("category", "boolean"):
        return _categories(current, reference, cells)
    if not cells.numbers:
        return None
    sides = [_Masses.of(column, cells) for column in (reference, current)]
    axis = _axis(sides, cells, size)
    if axis is None:
        return None
    edges = np.linspace(axis[0], axis[1], axis[2] + 1)
    was, now = (side.shares(edges) for side in sides)
    return AxisHistogram("number", float(edges[0]), float(edges[-1]), (), was, now)


def _categories(current: Column, reference: Column, cells: Cells) -> AxisHistogram:
    was, now = value_counts(reference, cells), value_counts(current, cells)
    if cells.kind == "boolean":
        return AxisHistogram("category", None, None, cells.values, _shares(was), _shares(now))
    first = np.arange(min(TOP, len(cells.values)))
    named = first[np.maximum(was, now)[first] >= K_ANONYMOUS]
    folded = [_shares(_folded(counts, named)) for counts in (was, now)]
    labels = (*(cells.values[place] for place in named), "other", "new")
    return AxisHistogram("category", None, None, labels, folded[0], folded[1])


def _folded(counts: NDArray[np.int64], named: NDArray[np.int64]) -> NDArray[np.int64]:
    """Rows of the named categories, of the others together, and of those that the reference does not have."""
    return np.concatenate([counts[named], [counts[:-1].sum() - counts[named].sum(), counts[-1]]])


def _shares(counts: NDArray[np.int64]) -> tuple[float, ...]:
    return tuple((counts / max(int(counts.sum()), 1)).tolist())


@dataclass(frozen=True, slots=True)
class _Masses:
    """Rows, each lot spread evenly over an interval (a point where both ends are one)."""

    rows: Floats
    low: Floats
    high: Floats

    @classmethod
    def of(cls, column: Column, cells: Cells) -> _Masses:
        if not column.table.cells or column.minimum is None or column.maximum is None:
            return cls(np.zeros(0), np.zeros(0), np.zeros(0))
        ends = np.concatenate(([-np.inf], cells.breaks(), [np.inf]))
        cell = np.array(column.table.cells)
        rows, sums, squares = (np.array([float(n) for n in values]) for values in column.table.values)
        rows[cell == 0] -= column.overflow_low
        rows[cell == cells.size - 1] -= column.overflow_high
        held = rows > 0
        cell, rows, mean = cell[held], rows[held], sums[held] / rows[held]
        half = np.sqrt(3 * np.maximum(squares[held] / rows - mean**2, 0)) * cells.quantum
        middle = cells.located(mean)
        low = np.maximum(middle - half, np.maximum(ends[cell], column.minimum))
        high = np.minimum(middle + half, np.minimum(ends[cell + 1], column.maximum))
        far = np.array([column.overflow_low, column.overflow_high], dtype=np.float64)
        extremes = np.array([column.minimum, column.maximum])
        low, high = np.append(np.minimum(low, high), extremes), np.append(high, extremes)
        return cls(np.append(rows, far), low, high)

    def below(self, places: Floats) -> Floats:
        """Share of the rows below each place."""
        width = self.high - self.low
        reach = places[:, None] - self.low
        with np.errstate(divide="ignore", invalid="ignore"):
            part = np.where(width > 0, reach / width, reach > 0)
        return np.asarray((np.clip(part, 0, 1) * self.rows).sum(axis=1) / self.rows.sum())

    def shares(self, edges: Floats) -> tuple[float, ...]:
        """Share of the rows between each two edges; the ends hold what is beyond."""
        if not self.rows.sum():
            return (0.0,) * (len(edges) - 1)
        inner = self.below(edges[1:-1])
        return tuple(np.diff(np.concatenate(([0.0], inner, [1.0]))).tolist())

    def central(self) -> tuple[float, float] | None:
        """The interval that leaves `TAIL` of the rows out on each side."""
        if not self.rows.sum():
            return None
        places = np.unique(np.concatenate([self.low, self.high]))
        # Between these places the share below grows in a straight line; at a point with rows of its own it jumps.
        shares = np.stack([self.below(places), self.below(np.nextafter(places, np.inf))], axis=1).ravel()
        low, high = np.interp([TAIL, 1 - TAIL], shares, np.repeat(places, 2))
        return float(low), float(high)


def _axis(sides: list[_Masses], cells: Cells, size: int) -> tuple[float, float, int] | None:
    """The two ends of the axis, and how many cells it has."""
    spans = [span for span in (side.central() for side in sides) if span is not None]
    if not spans:
        return None
    low, high = min(span[0] for span in spans), max(span[1] for span in spans)
    breaks = cells.breaks()
    if len(breaks) > 2 * OUTER and sides[1].rows.sum():
        ends = sides[1].below(np.array([breaks[0], breaks[-1]]))
        if ends[0] <= 0.5:
            low = max(low, float(breaks[0]))
        if ends[1] >= 0.5:
            high = min(high, float(breaks[-1]))
    return _whole_steps(low, high, cells, size)


def _whole_steps(low: float, high: float, cells: Cells, size: int) -> tuple[float, float, int]:
    """Cells of evenly spaced points hold as many points each, so that no empty stripe is drawn."""
    if cells.kind == "discrete" and len(cells.points) > 1:
        gaps = np.diff(cells.points)
        step = float(gaps.min())
        multiples = gaps / step
        many = (high - low) / step
        if np.allclose(multiples, np.rint(multiples), atol=1e-6) and many < 100 * size:
            first = cells.points[0] + np.floor((low - cells.points[0]) / step + 1e-6) * step
            number = int(np.floor((high - first) / step + 1e-6)) + 1
            each = -(-number // size)
            wide = -(-number // each)
            return float(first - step / 2), float(first - step / 2 + wide * each * step), wide
    if high <= low:
        half = abs(low) / 2 or 0.5
        return low - half, high + half, size
    return low, high, size
