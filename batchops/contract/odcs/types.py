"""Types of the Open Data Contract Standard, and the dtypes that stand for them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from zoneinfo import available_timezones

import polars as pl

from batchops.contract.authoring.restating import dtype_named

__all__ = ["dtype_of", "type_words"]

LOGICAL: tuple[tuple[tuple[type[pl.DataType], ...], str], ...] = (
    ((pl.String, pl.Categorical, pl.Enum), "string"),
    ((pl.Boolean,), "boolean"),
    ((pl.Date,), "date"),
    ((pl.Datetime,), "timestamp"),
    ((pl.Time,), "time"),
    ((pl.Decimal,), "number"),
    ((pl.List, pl.Array), "array"),
    ((pl.Struct,), "object"),
)
"""Dtypes by the standard's word; durations, bytes and nulls have none, and pass for text with a name of their own."""

PHYSICAL: tuple[tuple[str, pl.DataType], ...] = (
    (r"(var)?char.*|.*text|string|uuid|json.*|enum.*|nvarchar.*|character.*", pl.String()),
    (r"tinyint|int1", pl.Int8()),
    (r"smallint|int2|int16|short", pl.Int16()),
    (r"bigint|int8|int64|long|bigserial", pl.Int64()),
    (r"int|integer|int4|int32|serial", pl.Int64()),
    (r"double.*|float8|float64|float", pl.Float64()),
    (r"real|float4|float32", pl.Float32()),
    (r"bool(ean)?|bit", pl.Boolean()),
    (r"date", pl.Date()),
    (r"timestamptz|timestamp with time zone|timestamp_tz|timestamp_ltz", pl.Datetime("us", "UTC")),
    (r"timestamp.*|datetime.*", pl.Datetime("us")),
    (r"time.*", pl.Time()),
    (r"(var)?binary.*|blob|bytea|bytes", pl.Binary()),
)
"""What databases call types; polars' own names stand for themselves."""

FORMATS = {
    **{f"i{bits}": f"Int{bits}" for bits in (8, 16, 32, 64, 128)},
    **{f"u{bits}": f"UInt{bits}" for bits in (8, 16, 32, 64, 128)},
    **{"f32": "Float32", "f64": "Float64"},
}
FORMAT_OF = {dtype: name for name, dtype in FORMATS.items()}

VECTOR = {"float16": "Float16", "float32": "Float32", "float64": "Float64", "int8": "Int8", "uint8": "UInt8"}


def _logical(dtype: pl.DataType) -> str:
    if dtype.is_integer():
        return "integer"
    if dtype.is_float():
        return "number"
    return next((word for kinds, word in LOGICAL if isinstance(dtype, kinds)), "string")


def type_words(dtype: pl.DataType) -> dict[str, Any]:
    """A dtype in the standard's words: logical type and options, polars' own name, what is nested in it."""
    words: dict[str, Any] = {"logicalType": _logical(dtype), "physicalType": str(dtype)}
    options: dict[str, Any] = {"format": FORMAT_OF[str(dtype)]} if str(dtype) in FORMAT_OF else {}
    if isinstance(dtype, pl.Datetime):
        options["timezone"] = dtype.time_zone is not None
        if dtype.time_zone is not None:
            options["defaultTimezone"] = dtype.time_zone
    if isinstance(dtype, pl.Array):
        options.update(minItems=dtype.size, maxItems=dtype.size)
    if options:
        words["logicalTypeOptions"] = options
    if isinstance(dtype, pl.List | pl.Array):
        words["items"] = type_words(_whole(dtype.inner))
    if isinstance(dtype, pl.Struct):
        words["properties"] = [{"name": field.name, **type_words(_whole(field.dtype))} for field in dtype.fields]
    return words


def _whole(dtype: Any) -> pl.DataType:
    whole: pl.DataType = dtype() if isinstance(dtype, type) else dtype
    return whole


def dtype_of(words: Mapping[str, Any]) -> pl.DataType | None:
    """The dtype of a property: polars' own name, or what its logical and physical type come to; None for neither.

    An integer that says nothing of its width has 64 bits: smaller ones are read as it without loss.
    """
    physical = str(words.get("physicalType") or "").strip()
    if (own := dtype_named(physical)) is not None:
        return own
    logical, options = str(words.get("logicalType") or ""), words.get("logicalTypeOptions") or {}
    decimal = re.fullmatch(r"(?:decimal|numeric|number)\((\d+)(?:, ?(\d+))?\)", physical, re.IGNORECASE)
    if decimal and logical in ("number", ""):
        return pl.Decimal(int(decimal[1]), int(decimal[2] or 0))
    by_physical = next((dtype for form, dtype in PHYSICAL if re.fullmatch(form, physical, re.IGNORECASE)), None)
    nested = _nested(logical, words, options)
    return nested or _simple(logical, options, by_physical)


def _simple(logical: str, options: Mapping[str, Any], physical: pl.DataType | None) -> pl.DataType | None:
    if logical in ("integer", "number"):
        usual = "i64" if logical == "integer" else "f64"
        wanted = options.get("format") or ("f32" if physical == pl.Float32 and logical == "number" else usual)
        return dtype_named(FORMATS.get(wanted, FORMATS[usual]))
    if logical in ("date", "timestamp"):
        clock = logical == "timestamp" or "H" in str(options.get("format") or "")
        if not clock and not isinstance(physical, pl.Datetime):
            return pl.Date()
        zone = str(options.get("defaultTimezone") or "UTC") if options.get("timezone") else None
        if zone is not None and zone not in available_timezones():
            return None
        return physical if isinstance(physical, pl.Datetime) and zone is None else pl.Datetime("us", zone)
    simple = {"string": pl.String(), "boolean": pl.Boolean(), "time": pl.Time()}
    return simple.get(logical, physical)


def _nested(logical: str, words: Mapping[str, Any], options: Mapping[str, Any]) -> pl.DataType | None:
    if logical == "object" and words.get("properties"):
        inner = {str(each.get("name")): dtype_of(each) for each in words["properties"]}
        return pl.Struct({name: dtype for name, dtype in inner.items() if dtype is not None})
    if logical == "array" and words.get("items"):
        item = dtype_of(words["items"])
        return None if item is None else pl.List(item)
    if logical == "map" and words.get("map"):
        pair = {part: dtype_of(words["map"].get(part) or {}) or pl.String() for part in ("key", "value")}
        return pl.List(pl.Struct(pair))
    if logical == "vector" and options.get("dimensions"):
        kind = dtype_named(VECTOR.get(str(options.get("elementType") or "float32"), "Float32"))
        return pl.Array(kind or pl.Float32(), int(options["dimensions"]))
    return None
