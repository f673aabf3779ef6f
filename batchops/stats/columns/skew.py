"""The same rows as two systems have them, joined by key: whole numbers that add up, for any split of the keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import reduce
from operator import add
from typing import Any, TypeVar

import numpy as np
import polars as pl
import polars.selectors as cs

from batchops.stats.columns.profile import Profile
from batchops.stats.numbers.exact import ExactSum

__all__ = ["ColumnSkew", "Skew", "buckets_of", "match_by_key"]

S = TypeVar("S", "ColumnSkew", "Skew")


@dataclass(frozen=True, slots=True)
class ColumnSkew:
    """One column over rows whose key both sides hold once; a commutative monoid.

    NaN is a missing value like null: two missing values are equal, a missing one and a value are not.

    Attributes:
        rows: That were compared.
        differing: Whose values differ.
        missing_tonight, missing_logged: Of those, that have a value on the other side alone.
        numbers: Of those, that have finite numbers on both sides.
        difference: Sum of |tonight - logged| over ``numbers``.
        tonight, logged: Sums of the numbers themselves, over the same rows.
    """

    rows: int = 0
    differing: int = 0
    missing_tonight: int = 0
    missing_logged: int = 0
    numbers: int = 0
    difference: ExactSum = field(default_factory=ExactSum)
    tonight: ExactSum = field(default_factory=ExactSum)
    logged: ExactSum = field(default_factory=ExactSum)

    def __add__(self, other: ColumnSkew) -> ColumnSkew:
        return _added(self, other)

    @property
    def share(self) -> float | None:
        """Of the rows that differ; None where none was compared."""
        return self.differing / self.rows if self.rows else None


@dataclass(frozen=True, slots=True)
class Skew:
    """What tonight's rows and the logged ones say of the same keys; a commutative monoid.

    A key counts on the side of any part that holds it, so parts must not share one.

    Attributes:
        joined: Keys that each side holds once; these are compared.
        only_tonight, only_logged: Keys that one side holds once, and the other not at all.
        repeated_tonight, repeated_logged: Keys that a side holds twice or more; they are left out of all else.
        nameless_tonight, nameless_logged: Rows whose key has a missing part.
        columns: The compared columns.
        logged: All logged rows, counted in the reference's cells.
    """

    joined: int = 0
    only_tonight: int = 0
    only_logged: int = 0
    repeated_tonight: int = 0
    repeated_logged: int = 0
    nameless_tonight: int = 0
    nameless_logged: int = 0
    columns: Mapping[str, ColumnSkew] = field(default_factory=dict)
    logged: Profile = field(default_factory=Profile)

    def __add__(self, other: Skew) -> Skew:
        return _added(self, other)

    @property
    def keys(self) -> int:
        """Keys that no side holds twice."""
        return self.joined + self.only_tonight + self.only_logged

    @property
    def unmatched(self) -> float | None:
        """Share of the keys that one side alone holds; None where there is no key."""
        return (self.only_tonight + self.only_logged) / self.keys if self.keys else None


def _added(one: S, other: S) -> S:
    """Field by field; mappings by name."""
    sums: dict[str, Any] = {}
    for name in (each.name for each in fields(one)):
        ours, theirs = getattr(one, name), getattr(other, name)
        if isinstance(ours, Mapping):
            both = {**ours, **theirs}
            sums[name] = {
                key: reduce(add, [part[key] for part in (ours, theirs) if key in part]) for key in sorted(both)
            }
        else:
            sums[name] = ours + theirs
    return type(one)(**sums)


def _spelled(frame: pl.DataFrame) -> pl.DataFrame:
    """Values as both sides spell them: categories as text, NaN as null."""
    return frame.with_columns((cs.categorical() | cs.enum()).cast(pl.String), cs.float().fill_nan(None))


def match_by_key(tonight: pl.DataFrame, logged: pl.DataFrame, key: Sequence[str], tolerance: float = 0.0) -> Skew:
    """Join two frames by key and compare every other column that both have.

    Args:
        tonight, logged: Their common columns have the same dtypes, or are both numbers.
        key: Columns that name a row.
        tolerance: Floats differ where their difference is more than this share of the larger of the two; 0: where
            they are not the same number.
    """
    mine, theirs = _places(tonight.select(key)), _places(logged.select(key))
    names = [name for name in mine.columns if name not in (ROWS, PLACE)]
    both = mine.join(theirs, on=names, how="full", coalesce=True, suffix=OTHER).select(
        ROWS, ROWS + OTHER, PLACE, PLACE + OTHER
    )
    once, once_logged = pl.col(ROWS) == 1, pl.col(ROWS + OTHER) == 1
    counts = both.select(
        only_tonight=(once & pl.col(ROWS + OTHER).is_null()).sum(),
        only_logged=(once_logged & pl.col(ROWS).is_null()).sum(),
        repeated_tonight=(pl.col(ROWS) > 1).sum(),
        repeated_logged=(pl.col(ROWS + OTHER) > 1).sum(),
    ).row(0, named=True)
    joined = both.filter(once & once_logged)
    columns = [name for name in tonight.columns if name in logged.columns and name not in key]
    return Skew(
        joined=joined.height,
        **counts,
        nameless_tonight=tonight.height - int(mine[ROWS].sum()),
        nameless_logged=logged.height - int(theirs[ROWS].sum()),
        # One column at a time: a joined frame would hold all of them once more.
        columns={
            name: _compare(tonight[name].gather(joined[PLACE]), logged[name].gather(joined[PLACE + OTHER]), tolerance)
            for name in sorted(columns)
        },
    )


def buckets_of(keys: pl.DataFrame, buckets: int) -> pl.Series:
    """Into which of so many buckets each row falls: equal keys into one, whichever side and process they come from."""
    return _spelled(keys).hash_rows(seed=SEED) % buckets


SEED = 0x0BA7C4
ROWS, PLACE, OTHER = "rows", "place", "_logged"


def _places(keys: pl.DataFrame) -> pl.DataFrame:
    """Every whole key with how many rows hold it, and the place of one of them."""
    named = _spelled(keys.select(pl.col(name).alias(f"key {number}") for number, name in enumerate(keys.columns)))
    whole = named.with_row_index(PLACE).drop_nulls(named.columns)
    return whole.group_by(named.columns).agg(pl.len().alias(ROWS), pl.col(PLACE).first())


def _compare(tonight: pl.Series, logged: pl.Series, tolerance: float) -> ColumnSkew:
    numbers = tonight.dtype.is_numeric() and logged.dtype.is_numeric()
    floats = numbers and (tonight.dtype.is_float() or logged.dtype.is_float())
    pair = _spelled(pl.DataFrame({"a": tonight, "b": logged}))
    differs = pl.col("a").ne_missing(pl.col("b"))
    if floats:
        pair = pair.cast(pl.Float64)
        differs = differs & ~_close(tolerance).fill_null(False) if tolerance else differs
    different = pair.filter(differs)
    known = different.drop_nulls()
    found = ColumnSkew(
        rows=pair.height,
        differing=different.height,
        missing_tonight=different["a"].null_count(),
        missing_logged=different["b"].null_count(),
    )
    return _with_sums(found, known) if numbers and known.height else found


def _close(tolerance: float) -> pl.Expr:
    """Whether two finite floats differ by a small share of the larger; halves do not overflow."""
    a, b = pl.col("a"), pl.col("b")
    within = (a / 2 - b / 2).abs() <= pl.max_horizontal(a.abs(), b.abs()) * (tolerance / 2)
    return within & a.is_finite() & b.is_finite()


def _with_sums(found: ColumnSkew, known: pl.DataFrame) -> ColumnSkew:
    finite = known.cast(pl.Float64).filter(pl.col("a").is_finite() & pl.col("b").is_finite())
    a, b = finite["a"].to_numpy(), finite["b"].to_numpy()
    with np.errstate(over="ignore"):
        apart = np.abs(a - b)
    small = np.isfinite(apart)
    sums = [ExactSum.of(values[small]) for values in (apart, a, b)]
    return _added(found, ColumnSkew(0, 0, 0, 0, int(small.sum()), *sums))
