"""Which of polars' types a Delta table holds as they are, and what stands for the others."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl
from polars.datatypes import DataTypeClass

__all__ = ["held", "storable"]

PLAIN = (
    pl.Boolean,
    pl.Int8,
    pl.Int16,
    pl.Int32,
    pl.Int64,
    pl.Float32,
    pl.Float64,
    pl.Decimal,
    pl.String,
    pl.Binary,
    pl.Date,
)
WIDER: Mapping[pl.DataType, pl.DataType] = {
    pl.UInt8(): pl.Int16(),
    pl.UInt16(): pl.Int32(),
    pl.UInt32(): pl.Int64(),
    # The type of 18446744073709551615.
    pl.UInt64(): pl.Decimal(20, 0),
}


def _value(kind: pl.DataType | DataTypeClass) -> pl.DataType:
    """Polars lets a class stand for the type it makes."""
    return kind() if isinstance(kind, DataTypeClass) else kind


def _stand_in(kind: pl.DataType) -> pl.DataType:
    if isinstance(kind, pl.Enum | pl.Categorical):
        return pl.String()
    if isinstance(kind, pl.Datetime):
        return pl.Datetime("us", "UTC" if kind.time_zone else None)
    if isinstance(kind, pl.List | pl.Array):
        return pl.List(_stand_in(_value(kind.inner)))
    if isinstance(kind, pl.Struct):
        return pl.Struct({field.name: _stand_in(_value(field.dtype)) for field in kind.fields})
    return WIDER.get(kind, kind)


def held(kind: pl.DataType) -> bool:
    """Whether a table holds this type as it is."""
    if _stand_in(kind) != kind:
        return False
    if isinstance(kind, pl.List):
        return held(_value(kind.inner))
    if isinstance(kind, pl.Struct):
        return all(held(_value(field.dtype)) for field in kind.fields)
    return isinstance(kind, (*PLAIN, pl.Datetime))


def storable(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with types that a table has: signed numbers, text for enums, times in microseconds and UTC."""
    casts = {name: _stand_in(kind) for name, kind in frame.schema.items() if _stand_in(kind) != kind}
    return frame.cast(casts) if casts else frame  # type: ignore[arg-type]
