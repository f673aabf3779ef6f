"""What is kept of a column: kilobytes of whole numbers that add up exactly, for any split of the rows in any order."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from operator import attrgetter
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from batchops.sketch import ValueSample
from batchops.stats.columns.cells import REACH, Cells, floats_of, quanta
from batchops.stats.numbers.sparse import Integers, Sparse, merge_sparse

__all__ = ["Column", "Profile", "merge_profiles", "summarise"]

CHUNK = 65_536
BATCH = 2**20
"""Rows whose sums of squares still fit 64 bits: (2^21)^2 * 2^20 < 2^63."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Column:
    """A column's state; a commutative monoid.

    Attributes:
        rows: All rows.
        absent: Rows of partitions that lacked the column, or had it in a dtype of another kind.
        nulls, nans, positive_infinities, negative_infinities, zeros: Rows.
        overflow_low, overflow_high: Finite values further than 2^21 quanta from the centre; they count in the end
            cells, and in no sum.
        minimum, maximum: Of finite values; None where there is none.
        below, above: Finite values outside the reference's range.
        unseen: Values that the reference does not have, of ``discrete`` (in or outside its range) and ``category``.
        unseen_values: A sample of those, with exact counts.
        table: By cell: rows; and for numbers the sum and the sum of squares, in quanta from the centre.
    """

    rows: int = 0
    absent: int = 0
    nulls: int = 0
    nans: int = 0
    positive_infinities: int = 0
    negative_infinities: int = 0
    zeros: int = 0
    overflow_low: int = 0
    overflow_high: int = 0
    minimum: float | None = None
    maximum: float | None = None
    below: int = 0
    above: int = 0
    unseen: int = 0
    unseen_values: ValueSample = field(default_factory=ValueSample)
    table: Sparse = field(default_factory=Sparse)

    def __add__(self, other: Column) -> Column:
        return _merged((self, other))

    @property
    def present(self) -> int:
        """Rows whose partition had the column."""
        return self.rows - self.absent

    @property
    def missing(self) -> int:
        """Rows without a value: null or NaN."""
        return self.nulls + self.nans

    @property
    def infinite(self) -> int:
        """Rows that are plus or minus infinity."""
        return self.positive_infinities + self.negative_infinities

    @property
    def valid(self) -> int:
        """Rows with a finite value or a category."""
        return self.present - self.missing - self.infinite

    @property
    def unseen_within(self) -> int:
        """Values that the reference does not have, inside its range."""
        return self.unseen - self.below - self.above

    @property
    def outside(self) -> int:
        """Rows outside the reference's range, infinities among them."""
        return self.below + self.above + self.infinite


@dataclass(frozen=True, slots=True)
class Profile:
    """The state of every counted column of some rows; a commutative monoid whose neutral value is ``Profile()``."""

    columns: Mapping[str, Column] = field(default_factory=dict)

    def __add__(self, other: Profile) -> Profile:
        return merge_profiles((self, other))


COUNTS = (
    "rows",
    "absent",
    "nulls",
    "nans",
    "positive_infinities",
    "negative_infinities",
    "zeros",
    "overflow_low",
    "overflow_high",
    "below",
    "above",
    "unseen",
)
_counts = attrgetter(*COUNTS)


def _merged(columns: Sequence[Column]) -> Column:
    if len(columns) == 1:
        return columns[0]
    sums: dict[str, Any] = dict(zip(COUNTS, map(sum, zip(*map(_counts, columns), strict=True)), strict=True))
    return Column(
        **sums,
        minimum=min((c.minimum for c in columns if c.minimum is not None), default=None),
        maximum=max((c.maximum for c in columns if c.maximum is not None), default=None),
        unseen_values=ValueSample.merged(column.unseen_values for column in columns),
        table=merge_sparse([column.table for column in columns]),
    )


def merge_profiles(profiles: Sequence[Profile]) -> Profile:
    """The profile of all their rows; many at once is faster than one by one."""
    parts: dict[str, list[Column]] = {}
    for profile in profiles:
        for name, column in profile.columns.items():
            parts.setdefault(name, []).append(column)
    return Profile({name: _merged(columns) for name, columns in parts.items()})


def summarise(frame: pl.DataFrame, cells: Sequence[Cells]) -> Profile:
    """Count the rows of a frame, in the cells laid out over the reference.

    A column that is not there, or whose dtype is of another kind, is counted as absent. A bool is not a number.
    """
    if frame.height > BATCH:
        return merge_profiles([summarise(part, cells) for part in frame.iter_slices(BATCH)])
    return Profile({each.column: _column(frame, each) for each in cells})


def _column(frame: pl.DataFrame, cells: Cells) -> Column:
    rows = frame.height
    if cells.column not in frame.columns:
        return Column(rows=rows, absent=rows)
    if frame.schema[cells.column] == pl.Null:
        # A file whose writer saw no value has no type for it; its rows are no less null.
        return Column(rows=rows, nulls=rows)
    return _COUNTERS[cells.kind](frame[cells.column], cells) or Column(rows=rows, absent=rows)


def _opaque(series: pl.Series, cells: Cells) -> Column | None:  # noqa: ARG001 - one of `_COUNTERS`
    return Column(rows=len(series), nulls=series.null_count())


def _category(series: pl.Series, cells: Cells) -> Column | None:
    if not isinstance(series.dtype, pl.String | pl.Categorical | pl.Enum):
        return None
    counts = series.alias("value").value_counts(name="n").filter(pl.col("value").is_not_null())
    cell_of = {value: cell for cell, value in enumerate(cells.values)}
    dense = np.zeros(cells.size, dtype=np.int64)
    unseen = []
    for value, n in zip(counts["value"].cast(pl.String).to_list(), counts["n"].to_list(), strict=True):
        cell = cell_of.get(value, len(cells.values) if cells.capped else -1)
        if cell < 0:
            unseen.append((value, n))
        else:
            dense[cell] += n
    return Column(
        rows=len(series),
        nulls=series.null_count(),
        unseen=sum(n for _, n in unseen),
        unseen_values=ValueSample.of(unseen),
        table=Sparse.of(dense),
    )


def _boolean(series: pl.Series, cells: Cells) -> Column | None:
    if series.dtype != pl.Boolean:
        return None
    nulls, true = series.null_count(), int(series.sum() or 0)
    dense = np.zeros(cells.size, dtype=np.int64)
    dense[:] = len(series) - nulls - true, true
    return Column(rows=len(series), nulls=nulls, table=Sparse.of(dense))


def _numeric(series: pl.Series, cells: Cells) -> Column | None:
    values = floats_of(series, cells.kind)
    if values is None:
        return None
    known = _known(series, values)
    finite = _only_finite(values)
    if not len(finite):
        return known
    dense = np.zeros((3, cells.size), dtype=np.int64)
    edges = np.array(cells.edges, dtype=np.int32)
    overflow = np.zeros(2, dtype=np.int64)
    for start in range(0, len(finite), CHUNK):
        steps = quanta(finite[start : start + CHUNK], cells).astype(np.int32)
        steps.sort()
        _add_sorted(steps, edges, dense, overflow)
    return replace(
        _with_range(known, finite, cells),
        zeros=len(finite) - int(np.count_nonzero(finite)),
        overflow_low=int(overflow[0]),
        overflow_high=int(overflow[1]),
        table=Sparse.of(*dense),
    )


def _add_sorted(steps: NDArray[np.int32], edges: NDArray[np.int32], dense: Integers, overflow: Integers) -> None:
    """Add a sorted chunk to the counts, sums and sums of squares by cell."""
    bounds = np.concatenate(([0], np.searchsorted(steps, edges), [len(steps)]))
    counts = np.diff(bounds)
    wide = steps.astype(np.int64)
    if steps[0] < -REACH or steps[-1] > REACH:
        low, high = np.searchsorted(steps, [-REACH, REACH + 1])
        wide[:low] = wide[high:] = 0
        overflow += (low, len(steps) - high)
    filled = np.flatnonzero(counts)
    starts = bounds[filled]
    dense[0] += counts
    dense[1, filled] += np.add.reduceat(wide, starts)
    dense[2, filled] += np.add.reduceat(np.multiply(wide, wide, out=wide), starts)


def _discrete(series: pl.Series, cells: Cells) -> Column | None:
    values = floats_of(series, cells.kind)
    if values is None:
        return None
    known = _known(series, values)
    finite = _only_finite(values)
    if not len(finite):
        return known
    distinct, counts = _distinct(finite)
    cell = np.searchsorted(cells.breaks(), distinct, side="right")
    steps = quanta(distinct, cells).astype(np.int64)
    low, high = steps < -REACH, steps > REACH
    steps[low | high] = 0
    new = ~np.isin(distinct, np.array(cells.points))
    unseen = zip(distinct[new].tolist(), counts[new].tolist(), strict=True)
    return replace(
        _with_range(known, finite, cells),
        zeros=int(counts[distinct == 0].sum()),
        overflow_low=int(counts[low].sum()),
        overflow_high=int(counts[high].sum()),
        unseen=int(counts[new].sum()),
        unseen_values=ValueSample.of((_shown(value), n) for value, n in unseen),
        table=Sparse.grouped(cell, counts, counts * steps, counts * steps * steps),
    )


def _distinct(values: Floats) -> tuple[Floats, Integers]:
    """The values of every sorted chunk without repetition, and how often each comes; -0.0 is 0.0."""
    found, counts = [], []
    for start in range(0, len(values), CHUNK):
        chunk = np.sort(values[start : start + CHUNK])
        first = np.flatnonzero(np.concatenate(([True], chunk[1:] != chunk[:-1])))
        found.append(chunk[first] + 0.0)
        counts.append(np.diff(first, append=len(chunk)))
    return np.concatenate(found), np.concatenate(counts)


def _shown(value: float) -> str:
    return str(int(value)) if value.is_integer() and abs(value) < 2**53 else repr(value)


def _known(series: pl.Series, values: Floats) -> Column:
    """What is counted apart from finite values."""
    known = Column(rows=len(series), nulls=series.null_count())
    if not len(values) or (np.isfinite(values.min()) and np.isfinite(values.max())):
        return known
    return replace(
        known,
        nans=int(np.isnan(values).sum()),
        positive_infinities=int(np.isposinf(values).sum()),
        negative_infinities=int(np.isneginf(values).sum()),
    )


def _only_finite(values: Floats) -> Floats:
    finite = np.isfinite(values)
    return values if finite.all() else values[finite]


def _with_range(column: Column, finite: Floats, cells: Cells) -> Column:
    """Add the smallest and largest value, and how many lie outside the reference's; -0.0 is 0.0."""
    least, most = float(finite.min()) + 0.0, float(finite.max()) + 0.0
    below = above = 0
    if cells.low is not None and least < cells.low:
        below = int(np.count_nonzero(finite < cells.low))
    if cells.high is not None and most > cells.high:
        above = int(np.count_nonzero(finite > cells.high))
    return replace(column, minimum=least, maximum=most, below=below, above=above)


_COUNTERS: Mapping[str, Callable[[pl.Series, Cells], Column | None]] = {
    "numeric": _numeric,
    "temporal": _numeric,
    "discrete": _discrete,
    "category": _category,
    "boolean": _boolean,
    "opaque": _opaque,
}
