"""A bounded sample of whole rows that merges exactly: for what columns one by one cannot show."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import TypeAlias

import numpy as np
import polars as pl
from numpy.typing import NDArray

from batchops.stats.columns.cells import Cells, floats_of, quanta
from batchops.stats.columns.ours import SLICED, ours
from batchops.stats.numbers.sparse import Integers
from batchops.stats.rows.hashing import hash_rows

__all__ = [
    "ABSENT",
    "HIGH",
    "LOW",
    "MISSING",
    "QUANTUM",
    "UNKNOWN",
    "UNSEEN",
    "RowSample",
    "Sampling",
    "sample_rows",
]

MISSING, UNSEEN, LOW, HIGH, ABSENT = -1, -2, -3, -4, -5
"""Codes beside the cells': null or NaN; a category that the reference does not have; minus and plus infinity; a
column that was not there, or of another kind."""

UNKNOWN = -(2**62)
"""A score or label that is not known."""

ZERO = ord("0")
"""The character of cell 0; codes are kept as one character a row, which takes half the room of digits."""

HASH_BITS = 48
"""Of a row's hash that are kept: rows hardly ever share one, and those that do are told apart by all else."""

QUANTUM = 2.0**-30
"""Scores and labels are kept in whole numbers of this."""

Row: TypeAlias = tuple[int | str, ...]


@dataclass(frozen=True, slots=True)
class Sampling:
    """What is kept of how many rows.

    Attributes:
        cells: Of the columns; opaque ones are left out.
        size: Most rows that are kept.
        key: Columns that name a row, none of them personal data: with a key no two rows have one hash.
        numbers: Columns kept as whole numbers of ``quantum``, null where unknown: score and label.
        texts: Columns kept as text: the dimensions of slices.
        classes: Of labels that are text, kept as places among these.
    """

    cells: tuple[Cells, ...]
    size: int
    key: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ("score", "label")
    texts: tuple[str, ...] = ()
    quantum: float = QUANTUM
    classes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RowSample:
    """The rows whose hashes are smallest, in whole numbers; a commutative monoid whose neutral value is `RowSample()`.

    Which rows are kept depends on their values alone, and a row that survives in the whole survived in every part
    (bottom-k sampling: Cohen & Kaplan, 2007). Rows that are alike in everything are one row with a count, kept or
    dropped together; so the kept rows, each taken ``counts`` times, stand for all rows.

    Attributes:
        size: Most different rows that are kept; 0 before any row. Of two samples the smaller holds for both.
        rows: How many rows were looked at.
        hashes: Ascending.
        counts: How many rows are this row.
        night: ISO date of each; empty without one.
        codes: Column -> one character a row: ``0`` is cell 0 and so on through Unicode; those before it are `MISSING`,
            `UNSEEN`, `LOW`, `HIGH` and `ABSENT`.
        numbers: Score, label... -> whole numbers of the sampling's quantum, or `UNKNOWN`.
        texts: Dimension -> value; empty where it is null or was not there.
    """

    size: int = 0
    rows: int = 0
    hashes: tuple[int, ...] = ()
    counts: tuple[int, ...] = ()
    night: tuple[str, ...] = ()
    codes: Mapping[str, str] = field(default_factory=dict)
    numbers: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    texts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def __add__(self, other: RowSample) -> RowSample:
        return RowSample.merged((self, other))

    @property
    def height(self) -> int:
        """How many different rows are kept."""
        return len(self.hashes)

    @property
    def end(self) -> int | None:
        """The hash beyond which no further row can be kept; None while any can."""
        return self.hashes[-1] if 0 < self.size == self.height else None

    @classmethod
    def merged(cls, samples: Iterable[RowSample]) -> RowSample:
        """The sample of all their rows; many at once is faster than one by one."""
        samples = [each for each in samples if each.size]
        if len(samples) < 2:
            return samples[0] if samples else cls()
        size = min(each.size for each in samples)
        names = _names(samples)
        end = _end(np.concatenate([np.array(each.hashes, dtype=np.uint64) for each in samples]), size)
        rows = [pair for each in samples for pair in _pairs(each, names, end)]
        return _kept(rows, names, size, sum(each.rows for each in samples))

    @classmethod
    def pooled(cls, samples: Iterable[RowSample], size: int) -> RowSample:
        """As many rows of all, at most ``size``, as their samples together know: those up to where the first one ends.

        Of many nights that is many times what the sample of their sum would hold; but it does not add up any more.
        """
        samples = [each for each in samples if each.height]
        ends = [each.hashes[-1] for each in samples if each.height == each.size]
        hashes = [np.array(each.hashes, dtype=np.uint64) for each in samples]
        names, end = _names(samples), min([*ends, _end(np.concatenate(hashes), size)]) if samples else -1
        rows = [pair for each in samples for pair in _pairs(each, names, end)]
        return _kept(rows, names, size, sum(each.rows for each in samples))

    def updated(self, newer: RowSample) -> RowSample:
        """The same rows, with what is known by now of some of them: of a row with their hash, ``newer`` is believed."""
        if not newer.height:
            return self
        names, known = _names((self, newer)), set(newer.hashes)
        whole = np.concatenate([np.array(each.hashes, dtype=np.uint64) for each in (self, newer)])
        end = _end(whole, self.size)
        rows = [pair for pair in _pairs(self, names, end) if pair[0][0] not in known]
        return _kept([*rows, *_pairs(newer, names, end)], names, self.size, self.rows)

    def smaller(self, size: int) -> RowSample:
        """The sample of at most so many rows."""
        return self if self.size <= size else RowSample.merged((self, RowSample(size)))

    def of(self, places: Integers) -> RowSample:
        """Some of the kept rows, by their places in ascending order; ``rows`` stays that of all."""
        names = _names([self])
        every = _pairs(self, names, 2**HASH_BITS)
        return _kept([every[place] for place in places.tolist()], names, self.size, self.rows)

    def code(self, column: str) -> Integers:
        """A column's codes, one a kept row; all `ABSENT` where it was never there."""
        if column not in self.codes:
            return np.full(self.height, ABSENT)
        return np.frombuffer(self.codes[column].encode("utf-32-le"), dtype="<u4").astype(np.int64) - ZERO

    def number(self, name: str, quantum: float = QUANTUM) -> NDArray[np.float64]:
        """Scores or labels, one a kept row; NaN where unknown."""
        found = np.array(self.numbers.get(name, (UNKNOWN,) * self.height), dtype=np.int64)
        return np.where(found == UNKNOWN, np.nan, found * quantum)

    @property
    def weights(self) -> NDArray[np.float64]:
        """How many rows each kept row is."""
        return np.array(self.counts, dtype=np.float64)


@dataclass(frozen=True, slots=True)
class _Names:
    codes: tuple[str, ...]
    numbers: tuple[str, ...]
    texts: tuple[str, ...]


def _names(samples: Sequence[RowSample]) -> _Names:
    return _Names(
        tuple(sorted({name for each in samples for name in each.codes})),
        tuple(sorted({name for each in samples for name in each.numbers})),
        tuple(sorted({name for each in samples for name in each.texts})),
    )


def _end(hashes: NDArray[np.uint64], size: int) -> int:
    """The hash up to which the ``size`` smallest different ones lie."""
    different = np.unique(hashes)
    return int(different[min(size, len(different)) - 1]) if len(different) else -1


def _pairs(sample: RowSample, names: _Names, end: int) -> list[tuple[Row, int]]:
    """Its rows up to a hash, with their counts; columns that it lacks are filled."""
    stop = int(np.searchsorted(np.array(sample.hashes, dtype=np.uint64), end, side="right")) if end >= 0 else 0
    columns: list[Sequence[int | str]] = [sample.hashes[:stop], sample.night[:stop]]
    columns += [sample.codes.get(name, chr(ZERO + ABSENT) * stop)[:stop] for name in names.codes]
    columns += [sample.numbers.get(name, (UNKNOWN,) * stop)[:stop] for name in names.numbers]
    columns += [sample.texts.get(name, ("",) * stop)[:stop] for name in names.texts]
    return list(zip(zip(*columns, strict=True), sample.counts[:stop], strict=True))


def _kept(rows: Sequence[tuple[Row, int]], names: _Names, size: int, seen: int) -> RowSample:
    """The first rows in the order of their hashes, equal ones added up."""
    counts: dict[Row, int] = {}
    for row, count in rows:
        counts[row] = counts.get(row, 0) + count
    kept = sorted(counts.items(), key=itemgetter(0))[:size]
    columns = list(zip(*(row for row, _ in kept), strict=True)) or [()] * (2 + _width(names))
    middle, last = 2 + len(names.codes), 2 + len(names.codes) + len(names.numbers)
    hashes, night = columns[:2]
    return RowSample(
        size,
        seen,
        hashes,
        tuple(count for _, count in kept),
        night,
        {name: "".join(column) for name, column in zip(names.codes, columns[2:middle], strict=True)},
        dict(zip(names.numbers, columns[middle:last], strict=True)),
        dict(zip(names.texts, columns[last:], strict=True)),
    )


def _width(names: _Names) -> int:
    return len(names.codes) + len(names.numbers) + len(names.texts)


def sample_rows(frame: pl.DataFrame, sampling: Sampling, night: str = "", end: int | None = None) -> RowSample:
    """Sample the rows of a frame: all are hashed, and only those that can be kept are looked at.

    Args:
        frame: The columns of the sampling's cells and key, and, marked as ours or not, its numbers and texts; what is
            not there is absent, or unknown.
        night: ISO date of the rows.
        end: That of a sample which this one will be added to, so that rows beyond it need not be looked at: the sum is
            the same.
    """
    # Not by its score or label: a row that was set aside is the same row when it is scored after all.
    hashes = hash_rows(frame, sampling.cells, sampling.key) >> np.uint64(64 - HASH_BITS)
    near = None if end is None else np.flatnonzero(hashes <= np.uint64(end))
    kept = _smallest(hashes, sampling.size) if near is None else near[_smallest(hashes[near], sampling.size)]
    rows, chosen = frame[kept], hashes[kept]
    cells = {each.column: each for each in sampling.cells if each.kind != "opaque"}
    names = _Names(tuple(sorted(cells)), tuple(sorted(sampling.numbers)), tuple(sorted(sampling.texts)))
    columns: list[Sequence[int | str]] = [chosen.tolist(), [night] * len(kept)]
    columns += [(_codes(rows, cells[name]) + ZERO).astype("<u4").tobytes().decode("utf-32-le") for name in names.codes]
    columns += [_whole(rows, name, sampling) for name in names.numbers]
    columns += [_text(rows, name) for name in names.texts]
    pairs = [(row, 1) for row in zip(*columns, strict=True)]
    return _kept(pairs, names, sampling.size, frame.height)


def _smallest(hashes: NDArray[np.uint64], size: int) -> NDArray[np.intp]:
    """Places of the rows with the ``size`` smallest different hashes."""
    bound = size
    while bound < len(hashes):
        # Rows that are alike share a hash; so there may have to be more rows than different hashes.
        end = np.partition(hashes, bound - 1)[bound - 1]
        found = np.flatnonzero(hashes <= end)
        if len(np.unique(hashes[found])) >= size:
            return found[hashes[found] <= np.uint64(_end(hashes[found], size))]
        bound = 4 * max(bound, len(found))
    return np.flatnonzero(hashes <= np.uint64(_end(hashes, size))) if len(hashes) else np.zeros(0, dtype=np.intp)


def _codes(rows: pl.DataFrame, cells: Cells) -> Integers:
    """The cell of every row in one column."""
    if cells.column not in rows.columns:
        return np.full(rows.height, ABSENT)
    series = rows[cells.column]
    if series.dtype == pl.Null:
        return np.full(rows.height, MISSING)
    codes = np.full(rows.height, MISSING)
    found = _of_values(series, cells)
    if found is None:
        return np.full(rows.height, ABSENT)
    codes[series.is_not_null().to_numpy()] = found
    return codes


def _of_values(series: pl.Series, cells: Cells) -> Integers | None:
    """The cells of the values that are not null; None where their type is of another kind."""
    if cells.kind == "category":
        if not isinstance(series.dtype, pl.String | pl.Categorical | pl.Enum):
            return None
        other = len(cells.values) if cells.capped else UNSEEN
        known = series.drop_nulls().cast(pl.String).cast(pl.Enum(cells.values), strict=False).to_physical()
        return known.cast(pl.Int64).fill_null(other).to_numpy()
    if cells.kind == "boolean":
        return series.drop_nulls().cast(pl.Int64).to_numpy() if series.dtype == pl.Boolean else None
    values = floats_of(series, cells.kind)
    if values is None:
        return None
    codes = np.where(np.isnan(values), MISSING, np.where(values > 0, HIGH, LOW))
    finite = np.isfinite(values)
    if cells.kind == "discrete":
        codes[finite] = np.searchsorted(cells.breaks(), values[finite], side="right")
    else:
        steps = quanta(values[finite], cells)
        codes[finite] = np.searchsorted(np.array(cells.edges, dtype=np.float64), steps, side="right")
    return codes


def _whole(rows: pl.DataFrame, name: str, sampling: Sampling) -> list[int]:
    column = ours(rows, name)
    if column is None or column.dtype == pl.Null:
        return [UNKNOWN] * rows.height
    if sampling.classes and not column.dtype.is_numeric():
        column = column.cast(pl.String).cast(pl.Enum(sampling.classes), strict=False).to_physical()
    values, quantum = column.cast(pl.Float64, strict=False).fill_null(float("nan")).to_numpy(), sampling.quantum
    known = np.isfinite(values)
    whole = np.full(len(values), UNKNOWN)
    # Twice the largest number would no longer fit 64 bits.
    most = -UNKNOWN * quantum
    whole[known] = np.clip(np.rint(np.clip(values[known], -most, most) / quantum), UNKNOWN + 1, -UNKNOWN).astype(
        np.int64
    )
    return whole.tolist()


def _text(rows: pl.DataFrame, name: str) -> Sequence[str]:
    column = ours(rows, name, SLICED)
    return [""] * rows.height if column is None else column.cast(pl.String).fill_null("").to_list()
