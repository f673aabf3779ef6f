"""Columns as a few bins each, laid out over the reference, so that every row is some small numbers.

How bins of numbers are named: ``[low, high)``, and the last ``[low, high]``. The first and the last end where the
reference ends, both rounded outwards; rows beyond, infinities among them, are counted in them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from batchops.sketch import K_ANONYMOUS
from batchops.stats.columns.cells import Cells
from batchops.stats.columns.coding import codes_of
from batchops.stats.columns.profile import Column, Profile

__all__ = [
    "BINS",
    "MISSING",
    "MOST",
    "OTHER",
    "Codes",
    "Feature",
    "encode",
    "features_of",
    "in_bins",
    "lay_out_features",
]

BINS = 5
"""Bins of a column of numbers, at the reference's quantiles; one more for missing ones. Three features of five bins
make slices of 0.8 % of the rows: finer ones would fall below the support."""

VALUES = 12
"""Categories with a bin of their own, the commonest of the reference."""

MOST = 16
"""Features that are searched at once."""

OTHER = "other"
MISSING = "missing"

FEW = 8
"""Distinct numbers that have a bin each."""

NEARLY = 1e-6

CHUNK = 65_536

Floats = NDArray[np.float64]
Codes = NDArray[np.uint8]
"""Rows in their bins: one line a feature, one column a row."""


@dataclass(frozen=True, slots=True)
class Feature:
    """A column and its bins; the last one is `MISSING`: null or NaN.

    Attributes:
        edges: Of numbers: bin i holds what is at least ``edges[i - 1]`` and less than ``edges[i]``.
        bins: Their names. Of categories the values themselves, then `OTHER`; of booleans ``false`` and ``true``.
    """

    column: str
    kind: Literal["number", "category", "boolean"]
    edges: tuple[float, ...] = ()
    bins: tuple[str, ...] = (MISSING,)

    @property
    def size(self) -> int:
        """How many bins there are."""
        return len(self.bins)


def lay_out_features(
    frame: pl.DataFrame, columns: Sequence[str], bins: int = BINS, values: int = VALUES
) -> tuple[Feature, ...]:
    """Lay out bins over the reference, for the columns that can be sliced by, in the order given.

    Times, nested values and columns that have only one bin are left out. Never give a column of personal data: its
    values would be names.

    Args:
        bins: Of numbers, `MISSING` aside; 2 to 8.
        values: Categories that are named; 1 to 12.
    """
    found = []
    for column in dict.fromkeys(columns):
        if column in frame.columns:
            feature = _feature(frame[column], bins, values)
            if feature is not None and _varies(frame, feature):
                found.append(feature)
    return tuple(found)


def _feature(series: pl.Series, bins: int, values: int) -> Feature | None:
    dtype = series.dtype
    if dtype == pl.Boolean:
        return Feature(series.name, "boolean", bins=("false", "true", MISSING))
    if isinstance(dtype, pl.String | pl.Categorical | pl.Enum):
        return Feature(series.name, "category", bins=(*_common(series, values), OTHER, MISSING))
    return in_bins(series, bins) if dtype.is_numeric() else None


def in_bins(series: pl.Series, bins: int = BINS) -> Feature | None:
    """Numbers in bins at their quantiles; of `FEW` different ones or fewer, a bin each. None of fewer than two."""
    return _number(series.name, _distinct(series), bins)


def _varies(frame: pl.DataFrame, feature: Feature) -> bool:
    code = _encoded(frame, feature)
    return len(code) > 0 and bool(code.min() != code.max())


def _common(series: pl.Series, values: int) -> list[str]:
    counts = series.drop_nulls().cast(pl.String).alias("value").value_counts(name="n")
    return _named(dict(zip(counts["value"].to_list(), counts["n"].to_list(), strict=True)), values)


def _named(rows: Mapping[str, int], values: int) -> list[str]:
    """The commonest categories, in their own order."""
    known = [value for value, n in rows.items() if n >= K_ANONYMOUS and value not in (OTHER, MISSING)]
    return sorted(sorted(known, key=lambda value: (-rows[value], value))[:values])


def _distinct(series: pl.Series) -> _Counted:
    values = series.drop_nulls().cast(pl.Float64).to_numpy()
    distinct, counts = np.unique(values[np.isfinite(values)] + 0.0, return_counts=True)
    return _Counted(distinct, counts)


@dataclass(frozen=True, slots=True, eq=False)
class _Counted:
    """Numbers, ascending, and how many rows hold each; or where cells begin, and the largest number, of no row."""

    values: Floats
    rows: NDArray[np.int64]


def _number(column: str, counted: _Counted, bins: int) -> Feature | None:
    values = counted.values
    if len(values) < 2:
        return None
    ends = _rounded(np.concatenate((values[:1], _edges(counted, bins), values[-1:])))
    edges = [edge for edge in ends[1:-1] if values[0] < edge <= values[-1]]
    shown = [_shown(each) for each in (ends[0], *edges, ends[-1])]
    names = [f"[{low}, {high})" for low, high in pairwise(shown[:-1])]
    return Feature(column, "number", tuple(edges), (*names, f"[{shown[-2]}, {shown[-1]}]", MISSING))


def _edges(counted: _Counted, bins: int) -> Floats:
    """Where bins begin, the first aside."""
    values = counted.values[counted.rows > 0]
    if len(values) <= FEW:
        return values[1:]
    below = np.cumsum(counted.rows[counted.rows > 0])
    inner = np.searchsorted(below, np.arange(1, bins) * below[-1] / bins)
    # A value that is many quantiles at once, such as zero, has a bin of its own: the next one begins a bin.
    often = inner[np.diff(inner, prepend=0) == 0]
    starts = np.setdiff1d(np.concatenate((inner, np.minimum(often + 1, len(values) - 1))), [0])
    return np.asarray(values[starts])


def _rounded(ends: Floats) -> list[float]:
    """Round ends as far as a tenth of the narrower bin beside them, the last upwards and the others downwards.

    A bin is what its name says, and no single row's value can be read from it.
    """
    with np.errstate(over="ignore"):
        gaps = np.diff(ends)
    beside = np.minimum(np.append(gaps, np.inf), np.append(np.inf, gaps)).tolist()
    last = len(beside) - 1
    return [_to(end, gap, up=place == last) for place, (end, gap) in enumerate(zip(ends.tolist(), beside, strict=True))]


def _to(end: float, gap: float, up: bool) -> float:
    if not 1e-290 < gap < 1e290:
        return end
    power = math.floor(math.log10(gap)) - 1
    side = 1 if up else -1
    # Downwards is upwards of what is mirrored. What is so many steps but for its last bits stays.
    steps = math.ceil(side * end / 10.0**power - NEARLY)
    if abs(steps) >= 2**53:
        return end
    # As the shortest decimal number: 3 * 0.1 is 0.30000000000000004.
    nearest, next_one = (side * round(each * 10.0**power, -power) + 0.0 for each in (steps, steps + 1))
    return nearest if side * nearest >= side * end else next_one


def _shown(value: float) -> str:
    return str(int(value)) if value.is_integer() and abs(value) < 2**53 else repr(value)


def features_of(
    cells: Sequence[Cells], reference: Profile, columns: Sequence[str], bins: int = BINS, values: int = VALUES
) -> tuple[Feature, ...]:
    """The same where the reference's rows are not at hand: its counts, in their cells, are enough.

    Edges are those of cells; of a column with at most 255 distinct numbers they are what the rows give.
    """
    known = {each.column: each for each in cells}
    found = []
    for name in dict.fromkeys(columns):
        if name in known and name in reference.columns:
            feature = _of_cells(known[name], reference.columns[name], bins, values)
            if feature is not None:
                found.append(feature)
    return tuple(found)


def _of_cells(cells: Cells, column: Column, bins: int, values: int) -> Feature | None:
    counts = column.table.dense(cells.size)
    if cells.kind == "boolean":
        several = np.count_nonzero([*counts, column.missing]) > 1
        return Feature(cells.column, "boolean", bins=("false", "true", MISSING)) if several else None
    if cells.kind == "category":
        rows = dict(zip(cells.values, counts.tolist(), strict=False))
        named = _named(rows, values)
        bare = len(named) + (sum(rows[value] for value in named) < column.valid) + (column.missing > 0)
        return Feature(cells.column, "category", bins=(*named, OTHER, MISSING)) if bare > 1 else None
    if not cells.numbers or cells.kind == "temporal" or column.minimum is None or column.maximum is None:
        return None
    held = np.flatnonzero(counts)
    starts = np.concatenate(([column.minimum], cells.breaks()))[held]
    starts = np.clip(starts, column.minimum, column.maximum)
    ends = np.append(starts, [column.maximum] if column.maximum > starts[-1] else [])
    return _number(cells.column, _Counted(ends, np.resize(np.append(counts[held], 0), len(ends))), bins)


def encode(frame: pl.DataFrame, features: Sequence[Feature]) -> Codes:
    """Every row's bins; a column that is not there, or of another kind, is missing in all rows."""
    codes = np.empty((len(features), frame.height), dtype=np.uint8)
    for line, feature in zip(codes, features, strict=True):
        line[:] = _encoded(frame, feature)
    return codes


def _encoded(frame: pl.DataFrame, feature: Feature) -> Codes:
    missing = feature.size - 1
    if feature.column not in frame.columns:
        return np.full(frame.height, missing, dtype=np.uint8)
    series = frame[feature.column]
    dtype = series.dtype
    if feature.kind == "number" and dtype.is_numeric():
        return _binned(series, feature)
    if feature.kind == "boolean" and dtype == pl.Boolean:
        return series.cast(pl.UInt8).fill_null(missing).to_numpy()
    if feature.kind == "category" and isinstance(dtype, pl.String | pl.Categorical | pl.Enum):
        if isinstance(dtype, pl.Enum):
            values, places = codes_of(series)
            bin_of = {value: place for place, value in enumerate(feature.bins[:-2])}
            bins = [*(bin_of.get(value, missing - 1) for value in values), missing]
            return np.array(bins, dtype=np.uint8)[places]
        known = series.cast(pl.Enum(feature.bins[:-2]), strict=False).to_physical().cast(pl.UInt8)
        code = known.fill_null(missing - 1)
        return (code.set(series.is_null(), missing) if series.null_count() else code).to_numpy()
    return np.full(frame.height, missing, dtype=np.uint8)


def _binned(series: pl.Series, feature: Feature) -> Codes:
    """How many edges each value has reached: for a few edges faster than any search."""
    # `to_numpy` makes NaN of null too, in five times as long.
    values = series.cast(pl.Float64).fill_null(math.nan).to_numpy()
    code = np.zeros(len(values), dtype=np.uint8)
    for start in range(0, len(values), CHUNK):
        part, into = values[start : start + CHUNK], code[start : start + CHUNK]
        for edge in feature.edges:
            into += part >= edge
        into[np.isnan(part)] = feature.size - 1
    return code
