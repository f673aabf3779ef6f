"""A number for each row that depends on its values alone: not on where the row stands, nor on any library's version."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import polars as pl
from numpy.typing import NDArray

from batchops.stats.columns.cells import Cells, filled_floats, floats_of
from batchops.stats.columns.coding import codes_of
from batchops.stats.outcomes.state import ENTITY, GROUPS

__all__ = ["entity_groups", "hash_rows"]

Hashes = NDArray[np.uint64]

CHUNK = 65_536
"""Rows hashed at once: what is worked on stays in the cache."""

MISSING = np.uint64(0x7FF8_0000_0000_0000)
"""The bits of one NaN: null and NaN are the same."""

ABSENT = np.uint64(0x7FF8_0000_0000_0001)
"""The bits of another: of a column that is not there, or of another kind."""

BASE = np.uint64(0x9E37_79B9_7F4A_7C15)
FIRST = np.uint64(0xBF58_476D_1CE4_E5B9)
SECOND = np.uint64(0x94D0_49BB_1331_11EB)


def hash_rows(frame: pl.DataFrame, cells: Sequence[Cells], others: Sequence[str] = ()) -> Hashes:
    """Hash every row by its values of some columns.

    Numbers are hashed by their value as a float, whatever their type, and texts by their UTF-8 bytes. Each column's
    64 bits are folded, multiplied by an odd number of its own and added up (multiply-shift: Dietzfelbinger et al.,
    1997), and the sum is mixed by the end of SplitMix64 (Steele, Lea & Flood, 2014).

    Args:
        cells: Of the columns that are counted; opaque ones are left out.
        others: More columns, such as the key; one that is not there counts as such.

    Returns:
        Uint64, one a row, spread evenly.
    """
    named: list[tuple[str, Cells | None]] = [(each.column, each) for each in cells if each.kind != "opaque"]
    counted = {column for column, _ in named}
    named += [(name, None) for name in others if name not in counted]
    total = np.zeros(frame.height, dtype=np.uint64)
    floats = filled_floats(frame, cells)
    room = np.empty(min(CHUNK, frame.height), dtype=np.uint64)
    for column, known in sorted(named, key=lambda pair: pair[0]):
        if column in floats:
            bits = _float_bits(floats[column])
        else:
            bits = _bits(frame[column], known) if column in frame.columns else np.broadcast_to(ABSENT, frame.height)
        odd = _known_hashes((column,))[0] | np.uint64(1)
        for start in range(0, frame.height, CHUNK):
            part = bits[start : start + CHUNK]
            folded = np.right_shift(part, np.uint64(32), out=room[: len(part)])
            folded ^= part
            folded *= odd
            total[start : start + CHUNK] += folded
    for start in range(0, frame.height, CHUNK):
        _mix(total[start : start + CHUNK])
    return total


def entity_groups(rows: pl.Series) -> pl.Series:
    """Which group each row's entity falls into: 0 to `GROUPS` - 1, at random, and the same on every night.

    Rows without an entity are those of one.
    """
    hashes = hash_rows(rows.alias(ENTITY).to_frame(), (), (ENTITY,))
    return pl.Series(ENTITY, (hashes % np.uint64(GROUPS)).astype(np.uint8))


def _mix(bits: Hashes) -> Hashes:
    """The finaliser of SplitMix64, in place."""
    bits ^= bits >> np.uint64(30)
    bits *= FIRST
    bits ^= bits >> np.uint64(27)
    bits *= SECOND
    bits ^= bits >> np.uint64(31)
    return bits


def _bits(series: pl.Series, cells: Cells | None) -> Hashes:
    """64 bits for each value: those of a number as a float, or a text's hash."""
    dtype = series.dtype
    if dtype == pl.Null:
        return np.full(len(series), MISSING)
    if isinstance(dtype, pl.String | pl.Categorical | pl.Enum):
        if cells is not None and cells.kind != "category":
            return np.full(len(series), ABSENT)
        return _text_bits(series, cells.values if cells is not None else ())
    if dtype == pl.Boolean and (cells is None or cells.kind == "boolean"):
        return _float_bits(series.cast(pl.Float64).fill_null(math.nan).to_numpy())
    if cells is None:
        return _plain_bits(series)
    values = floats_of(series, cells.kind) if cells.kind == "temporal" else None
    return np.full(len(series), ABSENT) if values is None else _time_bits(series, values)


def _time_bits(series: pl.Series, known: NDArray[np.float64]) -> Hashes:
    values = np.full(len(series), np.nan)
    values[series.is_not_null().to_numpy()] = known
    return _float_bits(values)


def _plain_bits(series: pl.Series) -> Hashes:
    """Of a column that is not counted: whole numbers as they are, since a key may be too large for a float."""
    dtype = series.dtype
    if dtype.is_integer():
        whole = series.cast(pl.UInt64 if dtype == pl.UInt64 else pl.Int64).fill_null(0).to_numpy()
        bits = whole.astype(np.uint64)
        if series.null_count():
            bits[series.is_null().to_numpy()] = MISSING
        return bits
    if dtype.is_temporal():
        return _plain_bits(series.to_physical())
    if dtype.is_numeric():
        return _float_bits(series.cast(pl.Float64).fill_null(math.nan).to_numpy())
    return np.full(len(series), ABSENT)


def _float_bits(values: NDArray[np.float64]) -> Hashes:
    """Of numbers; every NaN is missing, and -0.0 is 0.0."""
    values = values + 0.0
    bits = values.view(np.uint64)
    missing = np.isnan(values)
    if missing.any():
        bits[missing] = MISSING
    return bits


def _text_bits(series: pl.Series, known: Sequence[str]) -> Hashes:
    """Of texts; known values are hashed once, and only others row by row."""
    if isinstance(series.dtype, pl.Enum):
        values, listed = codes_of(series)
        return np.asarray(np.append(_known_hashes(values), MISSING)[listed])
    texts = series.cast(pl.String)
    codes = texts.cast(pl.Enum(known), strict=False)
    unknown = codes.null_count()
    places = codes.to_physical()
    if unknown:
        places = places.fill_null(len(known))
    bits: Hashes = np.append(_known_hashes(tuple(known)), MISSING)[places.to_numpy()]
    if unknown > texts.null_count():
        rest = codes.is_null() & texts.is_not_null()
        bits[rest.to_numpy()] = _text_hashes(texts.filter(rest))
    return bits


@lru_cache(maxsize=1024)
def _known_hashes(texts: tuple[str, ...]) -> Hashes:
    """Of a column's name, and of its values, which are the same in every batch."""
    return _text_hashes(texts)


def _text_hashes(texts: Sequence[str] | pl.Series) -> Hashes:
    """A polynomial of each text's bytes modulo 2^64, then mixed with its length."""
    series = texts if isinstance(texts, pl.Series) else pl.Series(list(texts), dtype=pl.String)
    hashes = np.empty(len(series), dtype=np.uint64)
    for start in range(0, len(series), CHUNK):
        part = series[start : start + CHUNK]
        hashes[start : start + CHUNK] = _polynomials(part)
    return hashes


def _polynomials(texts: pl.Series) -> Hashes:
    lengths = texts.str.len_bytes().cast(pl.Int64).to_numpy()
    data = np.frombuffer(texts.str.join("").item().encode(), dtype=np.uint8)
    sums = np.zeros(len(lengths), dtype=np.uint64)
    filled = np.flatnonzero(lengths)
    if len(filled):
        starts = np.cumsum(lengths[filled]) - lengths[filled]
        place = np.arange(len(data)) - np.repeat(starts, lengths[filled])
        powers = np.cumprod(np.full(int(lengths.max()), BASE))
        sums[filled] = np.add.reduceat(powers[place] * (data + np.uint64(1)), starts)
    return _mix(sums + lengths.astype(np.uint64) * FIRST)
