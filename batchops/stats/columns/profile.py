"""What is kept of a column: kilobytes of whole numbers that add up exactly, for any split of the rows in any order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from operator import attrgetter
from typing import Any, TypeAlias

import numpy as np
import polars as pl
from numpy.typing import NDArray

from batchops.sketch import ValueSample
from batchops.stats.columns.cells import REACH, Cells, floats_of, quanta
from batchops.stats.columns.coding import codes_of
from batchops.stats.columns.unlisted import grouped
from batchops.stats.numbers.placing import cell_of
from batchops.stats.numbers.sparse import Integers, Sparse, merge_sparse

__all__ = ["Column", "Profile", "merge_profiles", "summarise"]

BATCH = 2**20
"""Rows whose sums of squares still fit 64 bits: (2^21)^2 * 2^20 < 2^63."""

CLOSE = 2**16
"""Whole numbers that lie within so many of each other are counted one by one."""

EXACT = 2**53
"""Up to here floats count exactly."""

Floats = NDArray[np.float64]
Counted: TypeAlias = tuple[Floats, Integers]
"""Numbers, and how many rows hold each; a number may come twice."""


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
        characters: Of ``category``: of all values together, Unicode code points.
        unlisted: Of ``category`` with more values than are listed: rows of the others, by group (`grouped`).
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
    characters: int = 0
    unseen_values: ValueSample = field(default_factory=ValueSample)
    table: Sparse = field(default_factory=Sparse)
    unlisted: Sparse = field(default_factory=Sparse)

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
    def mean_length(self) -> float | None:
        """Characters of a text on average; None where there is none, and of states older than this count."""
        return self.characters / self.valid if self.characters and self.valid else None

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
    "characters",
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
        unlisted=merge_sparse([column.unlisted for column in columns]),
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
    series = frame[cells.column]
    if series.dtype == pl.Null:
        # A file whose writer saw no value has no type for it; its rows are no less null.
        return Column(rows=rows, nulls=rows)
    return _COUNTERS[cells.kind](series, cells) or Column(rows=rows, absent=rows)


def _opaque(series: pl.Series, cells: Cells) -> Column | None:  # noqa: ARG001 - one of `_COUNTERS`
    return Column(rows=len(series), nulls=series.null_count())


def _category(series: pl.Series, cells: Cells) -> Column | None:
    if not isinstance(series.dtype, pl.String | pl.Categorical | pl.Enum):
        return None
    places = {value: cell for cell, value in enumerate(cells.values)}
    dense, characters = np.zeros(cells.size, dtype=np.int64), 0
    others = []
    for value, n in _values(series):
        cell = places.get(value)
        characters += n * len(value)
        if cell is None:
            others.append((value, n))
        else:
            dense[cell] += n
    known = Column(rows=len(series), nulls=series.null_count(), characters=characters)
    rows = sum(n for _, n in others)
    if cells.capped:
        dense[len(cells.values)] = rows
        return replace(known, table=Sparse.of(dense), unlisted=grouped(others))
    return replace(known, unseen=rows, unseen_values=ValueSample.of(others), table=Sparse.of(dense))


def _values(series: pl.Series) -> Iterable[tuple[str, int]]:
    """The texts of a column, and how many rows hold each."""
    if isinstance(series.dtype, pl.Enum):
        values, codes = codes_of(series)
        counts = np.bincount(codes, minlength=len(values) + 1)[:-1]
        return ((values[place], int(counts[place])) for place in np.flatnonzero(counts))
    found = series.alias("value").value_counts(name="n").filter(pl.col("value").is_not_null())
    return zip(found["value"].cast(pl.String).to_list(), found["n"].to_list(), strict=True)


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
    known, finite = _apart(series, values)
    counted = _counted(series)
    if counted is not None or not len(finite):
        return known if counted is None else _of_counted(known, counted, cells)
    steps = quanta(finite, cells)
    cell = cell_of(steps, np.array(cells.edges, dtype=np.float64))
    low, high = steps < -REACH, steps > REACH
    overflow = int(np.count_nonzero(low)), int(np.count_nonzero(high))
    if any(overflow):
        steps[low | high] = 0
    return replace(
        _with_range(known, finite, cells),
        zeros=len(finite) - int(np.count_nonzero(finite)),
        overflow_low=overflow[0],
        overflow_high=overflow[1],
        table=Sparse.of(*_sums(cell, steps, cells.size)),
    )


def _sums(cell: Integers, steps: Floats, size: int) -> Integers:
    """Rows, sums and sums of squares of whole steps, by cell: in floats as long as those count exactly."""
    largest = max(float(steps.max()), -float(steps.min()), 1.0)
    dense = np.zeros((3, size), dtype=np.int64)
    dense[0] = np.bincount(cell, minlength=size)
    dense[1] = np.bincount(cell, weights=steps, minlength=size)
    rows = max(int(EXACT // largest**2), 1)
    for start in range(0, len(steps), rows):
        part = steps[start : start + rows]
        dense[2] += np.bincount(cell[start : start + rows], weights=part * part, minlength=size).astype(np.int64)
    return dense


def _discrete(series: pl.Series, cells: Cells) -> Column | None:
    values = floats_of(series, cells.kind)
    if values is None:
        return None
    known, finite = _apart(series, values)
    counted = _counted(series)
    return _of_counted(known, _listed(finite) if counted is None else counted, cells)


def _of_counted(known: Column, counted: Counted, cells: Cells) -> Column:
    """Of numbers that each come with how many rows hold them."""
    values, counts = counted
    if not len(values):
        return known
    steps = quanta(values, cells).astype(np.int64)
    low, high = steps < -REACH, steps > REACH
    if cells.kind == "discrete":
        cell, new = np.searchsorted(cells.breaks(), values, side="right"), ~np.isin(values, np.array(cells.points))
    else:
        cell, new = np.searchsorted(np.array(cells.edges), steps, side="right"), np.zeros(len(values), dtype=np.bool_)
    steps[low | high] = 0
    unseen = zip(values[new].tolist(), counts[new].tolist(), strict=True)
    return replace(
        _with_range(known, values, cells, counts),
        zeros=int(counts[values == 0].sum()),
        overflow_low=int(counts[low].sum()),
        overflow_high=int(counts[high].sum()),
        unseen=int(counts[new].sum()),
        unseen_values=ValueSample.of((_shown(value), n) for value, n in unseen),
        table=Sparse.grouped(cell, counts, counts * steps, counts * steps * steps),
    )


def _counted(series: pl.Series) -> Counted | None:
    """Whole numbers, and how many rows hold each; None where there are no such, or they lie far apart."""
    # Of 128 bits NumPy has none; as floats they are counted like other numbers.
    if not series.dtype.is_integer() or series.dtype == pl.Int128:
        return None
    whole = series.drop_nulls().to_numpy()
    if not len(whole):
        return None
    low, high = int(whole.min()), int(whole.max())
    if high - low >= CLOSE or max(-low, high) >= EXACT:
        return None
    counts = np.bincount(whole.astype(np.int64) - low)
    held = np.flatnonzero(counts)
    return (held + low).astype(np.float64), counts[held]


def _listed(values: Floats) -> Counted:
    """Different numbers, and how many rows hold each; -0.0 is 0.0."""
    found = pl.Series("value", values).value_counts(name="n")
    return found["value"].to_numpy() + 0.0, found["n"].to_numpy().astype(np.int64)


def _shown(value: float) -> str:
    return str(int(value)) if value.is_integer() and abs(value) < 2**53 else repr(value)


def _apart(series: pl.Series, values: Floats) -> tuple[Column, Floats]:
    """What is counted apart from finite values, and those, of values that are not null."""
    known = Column(rows=len(series), nulls=series.null_count())
    finite = np.isfinite(values)
    if finite.all():
        return known, values
    strange = values[~finite]
    nans = int(np.isnan(strange).sum())
    positive, negative = int(np.isposinf(strange).sum()), int(np.isneginf(strange).sum())
    return replace(known, nans=nans, positive_infinities=positive, negative_infinities=negative), values[finite]


def _with_range(column: Column, finite: Floats, cells: Cells, counts: Integers | None = None) -> Column:
    """Add the smallest and largest value, and how many rows lie outside the reference's; -0.0 is 0.0.

    Args:
        counts: How many rows hold each value; None: one.
    """
    least, most = float(finite.min()) + 0.0, float(finite.max()) + 0.0
    below = above = 0
    if cells.low is not None and least < cells.low:
        below = _rows(finite < cells.low, counts)
    if cells.high is not None and most > cells.high:
        above = _rows(finite > cells.high, counts)
    return replace(column, minimum=least, maximum=most, below=below, above=above)


def _rows(held: NDArray[np.bool_], counts: Integers | None) -> int:
    return int(np.count_nonzero(held)) if counts is None else int(counts[held].sum())


_COUNTERS: Mapping[str, Callable[[pl.Series, Cells], Column | None]] = {
    "numeric": _numeric,
    "temporal": _numeric,
    "discrete": _discrete,
    "category": _category,
    "boolean": _boolean,
    "opaque": _opaque,
}
