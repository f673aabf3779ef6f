"""How each column is counted: cells that are laid out once, over the reference, and kept for every night after.

Cells come from the reference alone, so nothing in a night can move them, and every night's counts can be added to
and compared with every other's.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence, Set as AbstractSet
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

__all__ = [
    "KNOWN_VALUES",
    "OUTER",
    "POINTS",
    "QUANTILES",
    "REACH",
    "Cells",
    "Kind",
    "filled_floats",
    "floats_of",
    "lay_out",
    "quanta",
]

Kind = Literal["numeric", "discrete", "category", "boolean", "temporal", "opaque"]

QUANTILES = 200
"""Cells inside the reference's range, at its quantiles, and equal ones where those would be too wide."""

OUTER = 32
"""Equal cells over the reference's range, and as many on each side, so that what lies outside has a shape."""

POINTS = 255
"""Numbers with at most so many distinct values have one cell a value."""

KNOWN_VALUES = 1_000
"""Categories that have a cell of their own, the commonest of the reference; the others share one."""

REACH = 2**21
"""Numbers further than so many quanta from the centre are left out of sums, and counted apart."""

SPAN_BITS = 19

ONCE = 0.05
"""Largest share of values seen once for a column to be discrete: it estimates how often a new row would show a value
not seen yet (Good, 1953), so that a short sample of a continuous quantity is not taken for a list of codes."""

FAR = 32
"""Where the range is more than so many times the central 98 % of it, outliers stretch it, and the scale is set by
those 98 %: one sentinel of a billion in the reference must not make all else one cell."""

SAME = 0.999
"""Share of a frequent quantum's rows that are one value for it to count as that value."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Cells:
    """How one column is counted.

    Cells of numbers are open at both ends: ``numeric`` and ``temporal`` have ``len(edges) + 1``, cell i holding
    quanta from ``edges[i - 1]`` up to, not including, ``edges[i]``. ``discrete`` has one cell a point, one for each
    gap between, and outer ones. ``category`` has one cell a value and one for all other known values; ``boolean`` has
    two. ``opaque`` columns (personal data, nested values) are never looked into.

    Attributes:
        centre: Zero of the quanta, in the column's unit (temporal: microseconds since 1970).
        quantum: A power of two; sums are kept in whole quanta.
        edges: In quanta from the centre, strictly increasing.
        low, high: The reference's smallest and largest finite value; None where it has none.
        points: The reference's values, ascending, of ``discrete``. Of other numbers those values that have a cell
            one quantum wide because they are so frequent (zero, often); rows so close to one count as equal to it.
        values: The reference's values, commonest first, of ``category``.
        capped: The reference had more values than are listed; so an unlisted one counts as other, not as unseen.
    """

    column: str
    kind: Kind
    unit: str | None = None
    centre: float = 0.0
    quantum: float = 1.0
    edges: tuple[int, ...] = ()
    low: float | None = None
    high: float | None = None
    points: tuple[float, ...] = ()
    values: tuple[str, ...] = ()
    capped: bool = False

    @property
    def numbers(self) -> bool:
        """Whether the column's values have an order and a distance."""
        return self.kind in ("numeric", "discrete", "temporal")

    @property
    def size(self) -> int:
        """How many cells there are; 0 for opaque columns."""
        if self.kind == "discrete":
            return _between(self.points)
        if self.numbers:
            return len(self.edges) + 1
        return {"category": len(self.values) + 1, "boolean": 2}.get(self.kind, 0)

    def breaks(self) -> Floats:
        """Where one cell of numbers ends and the next begins, in the column's unit.

        For ``discrete`` these are exact: a point begins a cell, and the next larger float ends it.
        """
        if self.kind != "discrete":
            with np.errstate(over="ignore"):
                return np.nan_to_num(self.located(np.array(self.edges, dtype=np.float64)))
        return _breaks(self.points)

    def located(self, quanta: Floats) -> Floats:
        """From quanta to the column's unit."""
        return quanta * self.quantum + self.centre


def _breaks(values: tuple[float, ...]) -> Floats:
    points = np.array(values)
    below, above = _outer(points[0], points[-1])
    with np.errstate(over="ignore"):
        inner = np.stack([points, np.nextafter(points, np.inf)], axis=1).ravel()
    return np.unique(np.concatenate([below, inner, above]))


@lru_cache(1_000)
def _between(points: tuple[float, ...]) -> int:
    """How many cells there are: a night asks some hundred times for each column."""
    return len(_breaks(points)) + 1


def quanta(values: Floats, cells: Cells) -> Floats:
    """Finite values as whole quanta from the centre, as floats, at most one beyond `REACH`."""
    with np.errstate(over="ignore"):
        steps = (values - cells.centre) * (1.0 / cells.quantum)
    return np.clip(np.rint(steps, out=steps), -REACH - 1, REACH + 1, out=steps)


def floats_of(series: pl.Series, kind: Kind) -> Floats | None:
    """The non-null values of a column of numbers or times, as floats; None where its dtype is not of this kind."""
    dtype = series.dtype
    if series.null_count():
        series = series.drop_nulls()
    if kind == "temporal":
        if not dtype.is_temporal():
            return None
        micros = _microseconds(series)
        return micros.cast(pl.Float64).to_numpy()
    if not dtype.is_numeric():
        return None
    return series.cast(pl.Float64).to_numpy()


def filled_floats(frame: pl.DataFrame, cells: Sequence[Cells]) -> Mapping[str, Floats]:
    """Columns of numbers as floats, NaN where a value is null; times, and columns of another dtype, are left out.

    An array may be the column's own: it is not to be written to.
    """
    schema = frame.schema
    named = [each.column for each in cells if each.kind in ("numeric", "discrete") and each.column in schema]
    named = [name for name in named if schema[name].is_numeric()]
    # `to_numpy` makes NaN of null too, in five times as long.
    made = frame.select(pl.col(named).cast(pl.Float64).fill_null(math.nan))
    return {name: made[name].to_numpy() for name in named}


def _microseconds(series: pl.Series) -> pl.Series:
    if series.dtype == pl.Time:
        return series.to_physical() // 1_000
    if isinstance(series.dtype, pl.Duration):
        return series.dt.total_microseconds()
    return series.cast(pl.Datetime("us")).to_physical()


def lay_out(
    frame: pl.DataFrame,
    columns: Sequence[str],
    opaque: AbstractSet[str] = frozenset(),
    units: Mapping[str, str | None] | None = None,
) -> tuple[Cells, ...]:
    """Lay out the cells of columns over the reference.

    Args:
        frame: The reference's rows.
        columns: Those to count; a column that the frame lacks is opaque.
        opaque: Columns never to be looked into: personal data.
        units: Of columns, for the reader.
    """
    named = units or {}
    return tuple(_cells_of(frame, column, column in opaque, named.get(column)) for column in columns)


def _cells_of(frame: pl.DataFrame, column: str, opaque: bool, unit: str | None) -> Cells:
    if opaque or column not in frame.columns:
        return Cells(column, "opaque", unit)
    series = frame[column]
    dtype = series.dtype
    if dtype.is_temporal():
        return _numeric(column, "temporal", unit, _finite(series, "temporal"))
    if dtype.is_numeric():
        values = _finite(series, "numeric")
        starts = np.flatnonzero(values[1:] != values[:-1]) + 1
        if len(values) and len(starts) < POINTS:
            counts = np.diff(starts, prepend=0, append=len(values))
            if (counts == 1).sum() <= ONCE * len(values):
                return _discrete(column, unit, values[np.append(0, starts)])
        return _numeric(column, "numeric", unit, values)
    if dtype == pl.Boolean:
        return Cells(column, "boolean", unit, values=("false", "true"))
    if isinstance(dtype, pl.String | pl.Categorical | pl.Enum):
        return _category(column, unit, series)
    return Cells(column, "opaque", unit)


def _finite(series: pl.Series, kind: Kind) -> Floats:
    """Sorted."""
    values = floats_of(series, kind)
    assert values is not None
    # Adding zero turns -0.0, which would be printed apart, into 0.0.
    values = values[np.isfinite(values)] + 0.0
    values.sort()
    return values


def _quantiles(values: Floats, shares: Floats) -> Floats:
    """Of sorted values, the least that so large a share does not exceed: numpy's ``inverted_cdf``."""
    return np.asarray(values[np.maximum(np.ceil(len(values) * shares - 1), 0).astype(np.int64)])


def _scale(low: float, high: float) -> tuple[float, float]:
    """The centre and the quantum with which the range is about 2^19 quanta; whole numbers stay exact."""
    half = high / 2 - low / 2 or abs(low) / 2 or 0.5
    exponent = min(max(math.frexp(half)[1] + 1 - SPAN_BITS, -1_000), 1_005)
    quantum = math.ldexp(1.0, exponent)
    middle = low / 2 + high / 2
    steps = middle / quantum
    return (round(steps) * quantum if abs(steps) < 2**53 else middle), quantum


def _outer(low: float, high: float) -> tuple[Floats, Floats]:
    """Edges of the outer cells: `OUTER` below ``low`` and as many above ``high``, over one range each."""
    with np.errstate(over="ignore"):
        steps = np.arange(1, OUTER + 1) * ((high / OUTER - low / OUTER) or abs(low) / OUTER or 1 / OUTER)
        below, above = low - steps[::-1], high + steps
    return below[np.isfinite(below)], above[np.isfinite(above)]


def _typical(values: Floats) -> tuple[float, float]:
    """The range that sets the scale, of sorted values: all of it, unless outliers stretch it beyond all reason."""
    low, high = float(values[0]), float(values[-1])
    least, most = (float(each) for each in _quantiles(values, np.array([0.01, 0.99])))
    stretched = least < most and high / FAR - low / FAR > most - least
    return (least, most) if stretched else (low, high)


def _numeric(column: str, kind: Kind, unit: str | None, values: Floats) -> Cells:
    if not len(values):
        return Cells(column, kind, unit)
    typical = _typical(values)
    centre, quantum = _scale(*typical)
    scale = Cells(column, kind, unit, centre, quantum, low=float(values[0]), high=float(values[-1]))
    steps = quanta(values, scale)
    inner = _quantiles(steps, np.linspace(0, 1, QUANTILES + 1))
    often = np.unique(inner[1:][inner[1:] == inner[:-1]])
    # Equal steps inside the range too: where the reference is thin, its quantiles leave a wide gap.
    parts = np.arange(1, OUTER) / OUTER
    inside = typical[0] * (1 - parts) + typical[1] * parts
    equal = quanta(np.concatenate([inside, *_outer(*typical)]), scale)
    edges = np.unique(np.concatenate([inner, often + 1, steps[-1:] + 1, equal])).astype(np.int64)
    return replace(
        scale, edges=tuple(edges[np.abs(edges) <= REACH].tolist()), points=tuple(_frequent(values, steps, often))
    )


def _frequent(values: Floats, steps: Floats, often: Floats) -> Iterator[float]:
    """The value of each frequent quantum that is really one value, and not many that lie closer than a quantum."""
    for step in often:
        start, stop = np.searchsorted(steps, [step, step + 1])
        distinct, counts = np.unique(values[start:stop], return_counts=True)
        if counts.max() >= SAME * (stop - start):
            yield float(distinct[counts.argmax()])


def _discrete(column: str, unit: str | None, distinct: Floats) -> Cells:
    low, high = float(distinct[0]), float(distinct[-1])
    centre, quantum = _scale(low, high)
    points = tuple(distinct.tolist())
    return Cells(column, "discrete", unit, centre, quantum, low=low, high=high, points=points)


def _category(column: str, unit: str | None, series: pl.Series) -> Cells:
    counts = series.drop_nulls().cast(pl.String).alias("value").value_counts(name="n")
    common = counts.sort(["n", "value"], descending=[True, False]).head(KNOWN_VALUES)
    return Cells(column, "category", unit, values=tuple(common["value"]), capped=counts.height > KNOWN_VALUES)
