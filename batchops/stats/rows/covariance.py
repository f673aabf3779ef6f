"""How columns of numbers hang together, in whole numbers that add up exactly, and what is left of that in other rows.

Rows are projected on the principal components of the reference, and what the projection loses is compared: where
columns do not hang together as they did, more is lost. Following NannyML (PCA reconstruction error), components explain
65 % of the reference's variance and missing values count as the reference's mean; unlike there the error is squared,
so that its mean over all rows follows from covariances alone, and categories take no part.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from batchops.stats.columns.cells import Cells, filled_floats
from batchops.stats.columns.profile import Profile
from batchops.stats.numbers.sparse import Integers
from batchops.stats.rows.sample import HIGH, LOW, RowSample

__all__ = ["COLUMNS", "EXPLAINED", "Components", "Covariance", "components", "count_products", "row_losses"]

COLUMNS = 50
"""Most columns that are compared in pairs; of more, the first."""

STEP = 64
"""Quanta in the step in which values are multiplied: the reference's range is 2^12 to 2^13 steps."""

LARGEST = 2**15
"""Values further from the centre than so many steps count as so far: the product of two is at most 2^30."""

BATCH = 2**15
"""Rows multiplied at once, for the memory's sake; a million would still add up to less than 2^53, up to which floats
count exactly."""

EXPLAINED = 0.65
"""Share of the reference's variance that its components explain together."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Covariance:
    """Sums over pairs of columns; a commutative monoid whose neutral value is `Covariance()`.

    Each is a square table, line by line; a value is there where it is neither null nor NaN.

    Attributes:
        rows: All of them.
        columns: Sorted.
        counts: Rows where both columns have a value.
        sums: Of the first column's steps from its centre, where the second has a value.
        products: Of both columns' steps.
    """

    rows: int = 0
    columns: tuple[str, ...] = ()
    counts: tuple[int, ...] = ()
    sums: tuple[int, ...] = ()
    products: tuple[int, ...] = ()

    def __add__(self, other: Covariance) -> Covariance:
        return Covariance.merged((self, other))

    @classmethod
    def merged(cls, parts: Iterable[Covariance]) -> Covariance:
        """The sums over all their rows; a column that a part has not has no value there."""
        parts = list(parts)
        columns = tuple(sorted({name for each in parts for name in each.columns}))
        tables = [each.table(columns) for each in parts]
        total = sum(tables, np.zeros((3, len(columns), len(columns)), dtype=object))
        counts, sums, products = (tuple(map(int, each.ravel())) for each in total)
        return cls(sum(each.rows for each in parts), columns, counts, sums, products)

    def table(self, columns: Sequence[str]) -> NDArray[np.object_]:
        """Counts, sums and products over pairs of these columns, 3 x columns x columns, in integers of any size."""
        size = len(self.columns)
        own = np.array([self.counts, self.sums, self.products], dtype=object).reshape(3, size, size)
        if tuple(columns) == self.columns:
            return own
        full = np.zeros((3, len(columns), len(columns)), dtype=object)
        known = [place for place, name in enumerate(columns) if name in self.columns]
        taken = [self.columns.index(columns[place]) for place in known]
        full[np.ix_(range(3), known, known)] = own[np.ix_(range(3), taken, taken)]
        return full

    def about(self, columns: Sequence[str], centre: Floats) -> Floats:
        """Mean products of what two columns differ from a centre, where a missing value counts as the centre.

        Args:
            centre: In steps, one a column.
        """
        counts, sums, products = self.table(columns).astype(np.float64)
        moved = products - sums * centre - (sums * centre).T + counts * np.outer(centre, centre)
        return np.asarray(moved / self.rows)


def count_products(frame: pl.DataFrame, cells: Sequence[Cells]) -> Covariance:
    """Add up the products of every two columns of numbers; times are none."""
    named = [each for each in cells if each.kind in ("numeric", "discrete")][:COLUMNS]
    named.sort(key=lambda each: each.column)
    columns = tuple(each.column for each in named)
    values = filled_floats(frame, named)
    total = np.zeros((3, len(named), len(named)), dtype=object)
    for start in range(0, frame.height, BATCH):
        rows = slice(start, min(start + BATCH, frame.height))
        total += _batch({name: column[rows] for name, column in values.items()}, named, rows.stop - start)
    counts, sums, products = (tuple(map(int, each.ravel())) for each in total)
    return Covariance(frame.height, columns, counts, sums, products)


def _batch(values: Mapping[str, Floats], cells: Sequence[Cells], rows: int) -> Integers:
    """Counts, sums and products over some rows."""
    steps, held, place_of = np.zeros((len(cells), rows)), [np.ones(rows)], []
    for place, each in enumerate(cells):
        missing = _steps(values.get(each.column), each, steps[place])
        # Columns without a gap share the first line, of ones.
        place_of.append(0 if missing is None else len(held))
        if missing is not None:
            held.append((~missing).astype(np.float64))
    lines = np.stack(held)
    # Not `@`, which keeps the interpreter's lock, so that no other batch could be counted meanwhile.
    counts, sums = np.dot(lines, lines.T)[np.ix_(place_of, place_of)], np.dot(steps, lines.T)[:, place_of]
    return np.stack([counts, sums, np.dot(steps, steps.T)]).astype(np.int64)


def _steps(values: Floats | None, cells: Cells, into: Floats) -> NDArray[np.bool_] | None:
    """Write a column's steps from its centre, 0 where it has no value; returns where that is, None for nowhere."""
    if values is None:
        return np.ones(len(into), dtype=np.bool_)
    with np.errstate(over="ignore"):
        np.subtract(values, cells.centre, out=into)
        into *= 1.0 / (cells.quantum * STEP)
    np.clip(np.rint(into, out=into), -LARGEST, LARGEST, out=into)
    missing = np.isnan(into)
    if not missing.any():
        return None
    into[missing] = 0
    return missing


@dataclass(frozen=True, slots=True, eq=False)
class Components:
    """The principal components of a reference.

    Attributes:
        columns: Those that vary in the reference.
        centre, scale: Mean and standard deviation of each, in steps, over all rows of the reference.
        lost: Columns x columns: takes from a standardised row what its projection keeps.
        count: How many components explain `EXPLAINED` of the variance.
    """

    columns: tuple[str, ...]
    centre: Floats
    scale: Floats
    lost: Floats
    count: int

    def loss(self, rows: Covariance) -> float | None:
        """Mean squared error of rows projected on the components, in standard deviations; None without rows."""
        if not rows.rows:
            return None
        moments = rows.about(self.columns, self.centre) / np.outer(self.scale, self.scale)
        return float(np.trace(self.lost @ moments))


def components(reference: Covariance, among: Container[str] | None = None) -> Components | None:
    """The principal components of the reference's standardised columns.

    Args:
        among: Columns that may take part; None: all.

    Returns:
        None where fewer than two columns vary.
    """
    if not reference.rows:
        return None
    named = tuple(name for name in reference.columns if among is None or name in among)
    counts, sums, _ = reference.table(named)
    centre = np.array([sums[i, i] / counts[i, i] if counts[i, i] else 0.0 for i in range(len(counts))])
    variance = np.diag(reference.about(named, centre))
    # Of a constant the rounding of a float is left.
    vary = np.flatnonzero(variance > 1e-9)
    if len(vary) < 2:
        return None
    columns = tuple(named[place] for place in vary)
    centre, scale = centre[vary], np.sqrt(variance[vary])
    values, vectors = np.linalg.eigh(reference.about(columns, centre) / np.outer(scale, scale))
    shares = np.cumsum(values[::-1]) / values.sum()
    count = min(int(np.searchsorted(shares, EXPLAINED, side="right")) + 1, len(columns) - 1)
    kept = vectors[:, ::-1][:, :count]
    return Components(columns, centre, scale, np.eye(len(columns)) - kept @ kept.T, count)


def row_losses(sample: RowSample, found: Components, cells: Sequence[Cells], reference: Profile) -> Floats:
    """The squared error of each sampled row, each value taken as its cell's mean in the reference."""
    known = {each.column: each for each in cells}
    rows = np.zeros((sample.height, len(found.columns)))
    for place, name in enumerate(found.columns):
        means = _cell_means(known[name], reference)
        codes = sample.code(name)
        steps = np.where(codes >= 0, means[np.maximum(codes, 0)], found.centre[place])
        steps[codes == LOW], steps[codes == HIGH] = -LARGEST, LARGEST
        rows[:, place] = (steps - found.centre[place]) / found.scale[place]
    return np.asarray(((rows @ found.lost) ** 2).sum(axis=1))


def _cell_means(cells: Cells, reference: Profile) -> Floats:
    """Of every cell: the reference's mean there, or its nearer end where the reference has no row there; in steps."""
    column = reference.columns[cells.column]
    counts, sums = column.table.dense(cells.size), column.table.floats(cells.size, 1)
    ends = np.clip((cells.breaks() - cells.centre) / cells.quantum, -LARGEST * STEP, LARGEST * STEP)
    nearest = np.append(ends, ends[-1:] if len(ends) else [0.0])
    return np.asarray(np.where(counts > 0, sums / np.maximum(counts, 1), nearest) / STEP)
