"""Which dtypes may stand for which without losing anything, and how that is made sure of."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Literal

import polars as pl

__all__ = ["Fit", "cast", "fit", "read_dtype", "survives"]

Fit = Literal["same", "exact", "checked", "none"]

TEXT = (pl.String, pl.Categorical, pl.Enum)

DATE, TIME = "%Y-%m-%d", "%H:%M:%S%.f"

MANTISSA = {64: 53, 32: 24, 16: 11}
"""Bits of a float's mantissa, by its width: integers up to 2^bits are exact."""


def _bits(dtype: pl.DataType) -> int:
    return int(str(dtype).lstrip("UIntFloa"))


def _between_numbers(found: pl.DataType, wanted: pl.DataType) -> Fit:
    if found.is_integer() and wanted.is_integer():
        grows = _bits(wanted) > _bits(found)
        same_sign = found.is_signed_integer() == wanted.is_signed_integer()
        widens = grows and (same_sign or found.is_unsigned_integer())
        return "exact" if widens else "checked"
    if found.is_integer():
        return "exact" if _bits(found) < MANTISSA[_bits(wanted)] else "checked"
    return "exact" if _bits(found) < _bits(wanted) else "none"


def _between_times(found: pl.DataType, wanted: pl.Datetime) -> Fit:
    if found == pl.Date:
        return "none" if wanted.time_zone else "exact" if wanted.time_unit != "ns" else "checked"
    if not isinstance(found, pl.Datetime) or (found.time_zone is None) != (wanted.time_zone is None):
        return "none"
    return "exact" if found.time_unit == wanted.time_unit else "checked"


def _between_decimals(found: pl.DataType, wanted: pl.Decimal) -> Fit:
    if found.is_integer():
        return "checked"
    if not isinstance(found, pl.Decimal):
        return "none"
    whole = wanted.precision - wanted.scale >= found.precision - found.scale
    return "exact" if whole and wanted.scale >= found.scale else "checked"


def fit(found: pl.DataType, wanted: pl.DataType, coerce: bool = False) -> Fit:
    """Whether a column of one dtype may stand for another.

    Args:
        coerce: Also allow casts that lose nothing only where a value happens to permit it.

    Returns:
        ``exact``: for all its values; ``checked``: for those that `survives` says so; ``none``: not at all.
    """
    how: Fit = "none"
    if found == wanted:
        return "same"
    if found == pl.Null:
        return "exact"
    if found.is_numeric() and wanted.is_numeric() and not (found.is_decimal() or wanted.is_decimal()):
        how = "none" if wanted.is_integer() and found.is_float() else _between_numbers(found, wanted)
    elif isinstance(wanted, pl.Datetime):
        how = _between_times(found, wanted)
    elif isinstance(wanted, pl.Decimal):
        how = _between_decimals(found, wanted)
    elif isinstance(wanted, pl.Duration) and isinstance(found, pl.Duration):
        how = "checked"
    elif isinstance(found, TEXT) and isinstance(wanted, TEXT):
        how = "checked" if isinstance(wanted, pl.Enum) else "exact"
    return "checked" if how == "none" and coerce and _castable(found, wanted) else how


@lru_cache(maxsize=256)
def _castable(found: pl.DataType, wanted: pl.DataType) -> bool:
    """Whether polars knows a way from one dtype to the other that no value breaks."""
    if found.is_nested() or wanted.is_nested() or found == pl.Binary or isinstance(found, pl.Object):
        return False
    probe = pl.Series("x", [True]) if found == pl.Boolean else pl.Series("x", ["1" if isinstance(found, TEXT) else 1])
    if isinstance(found, pl.Enum):
        found = pl.String()
    try:
        # Without a value polars finds nothing wrong.
        probe.cast(found).to_frame().select(survives(pl.col("x"), found, wanted))
    except pl.exceptions.PolarsError:
        return False
    return True


def cast(column: pl.Expr, found: pl.DataType, wanted: pl.DataType) -> pl.Expr:
    """The column as the dtype wanted; null where a value has no place in it.

    Text is read as a date or a time where it is written as ISO 8601 has it.
    """
    if isinstance(found, pl.Enum | pl.Categorical) and not isinstance(wanted, TEXT):
        column, found = column.cast(pl.String), pl.String()
    if found == pl.String and wanted == pl.Date:
        return column.str.to_date(DATE, strict=False)
    if found == pl.String and wanted == pl.Time:
        return column.str.to_time(TIME, strict=False)
    if found == pl.String and isinstance(wanted, pl.Datetime) and wanted.time_zone is None:
        text = column.str.replace(r"^(\S{10}) ", "${1}T")
        return text.str.to_datetime(f"{DATE}T{TIME}", time_unit=wanted.time_unit, strict=False)
    return column.cast(wanted, strict=False)


def _rounds(found: pl.DataType, wanted: pl.DataType) -> bool:
    """Whether a cast may give a value that is only near."""
    temporal = found.is_temporal() and wanted.is_temporal()
    return temporal or ((found.is_float() or found.is_decimal()) and wanted.is_numeric())


def survives(column: pl.Expr, found: pl.DataType, wanted: pl.DataType) -> pl.Expr:
    """Whether each value is the same after the cast; null survives."""
    after = cast(column, found, wanted)
    kept = column.is_null() | after.is_not_null()
    if found.is_integer() and wanted.is_float():
        edge = 2 ** MANTISSA[_bits(wanted)]
        low = column >= -edge if found.is_signed_integer() else pl.lit(True)
        kept = kept & (column.is_null() | (low & (column <= edge)))
    elif _rounds(found, wanted):
        same = column.is_null() | (after.cast(found, strict=False) == column)
        kept = kept & same.fill_null(False)
    return kept


PLAIN = (
    *("Int8", "Int16", "Int32", "Int64", "Int128", "UInt8", "UInt16", "UInt32", "UInt64", "UInt128"),
    *("Float16", "Float32", "Float64", "Boolean", "String", "Categorical", "Binary", "Date", "Time", "Null"),
)
"""Dtypes without parameters, by their names; the oldest polars does not have all of them."""

AMOUNT = re.compile(r"Decimal\(precision=(\d+), scale=(\d+)\)")
LAPSE = re.compile(r"Duration\(time_unit='(ms|us|ns)'\)")
MOMENT = re.compile(r"Datetime\(time_unit='(ms|us|ns)', time_zone=(?:None|'([^']*)')\)")


def read_dtype(text: str) -> pl.DataType | None:
    """The dtype of a tallied name; None for nested and rarer ones, which stand for no other dtype."""
    if moment := MOMENT.fullmatch(text):
        return pl.Datetime(moment[1], moment[2])  # type: ignore[arg-type]
    if amount := AMOUNT.fullmatch(text):
        return pl.Decimal(int(amount[1]), int(amount[2]))
    if lapse := LAPSE.fullmatch(text):
        return pl.Duration(lapse[1])  # type: ignore[arg-type]
    if text == "Enum":
        return pl.Enum([])
    return getattr(pl, text)() if text in PLAIN else None
