"""From a frame to the matrix a model was fitted on: the same columns, codes and order, for ever."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import polars as pl

from batchops.errors import ModelError, did_you_mean

__all__ = ["Encoding", "Feature", "Matrix", "encode"]

Matrix = np.ndarray[Any, np.dtype[np.float64]]
"""Float64; rows x features, or rows."""


@dataclass(frozen=True, slots=True)
class Feature:
    """One column of the matrix.

    Attributes:
        name: The frame's column.
        dtype: Its polars type when the model was fitted, in words.
        kind: A number is taken as it is; a category as its place in ``categories``.
        categories: Known values, sorted; empty for a number.
    """

    name: str
    dtype: str
    kind: Literal["number", "category"]
    categories: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Encoding:
    """The matrix's columns, in order."""

    features: tuple[Feature, ...]

    @classmethod
    def of(cls, frame: pl.DataFrame, columns: Sequence[str], categorical: Collection[str]) -> Encoding:
        """Learn the categories of these columns.

        Raises:
            ModelError: The frame lacks a column, or a column's type is no number, text or bool.
        """
        _require(frame, columns)
        return cls(tuple(_feature(frame[name], name in categorical) for name in columns))

    @property
    def names(self) -> tuple[str, ...]:
        """The columns' names, in order."""
        return tuple(feature.name for feature in self.features)

    @property
    def categorical(self) -> tuple[int, ...]:
        """Positions of the categories."""
        return tuple(place for place, feature in enumerate(self.features) if feature.kind == "category")


def _require(frame: pl.DataFrame, names: Sequence[str]) -> None:
    for name in names:
        if name not in frame.columns:
            raise ModelError(f"feature {name}", "the rows have no such column", did_you_mean(name, frame.columns))


def _feature(column: pl.Series, category: bool) -> Feature:
    dtype = str(column.dtype)
    if category:
        values = column.drop_nulls().unique().cast(pl.String).sort()
        return Feature(column.name, dtype, "category", tuple(values))
    if not (column.dtype.is_numeric() or column.dtype == pl.Boolean):
        remedy = "Name it among the categories, or leave it out of the features"
        raise ModelError(f"feature {column.name}", f"{dtype} is no number", remedy)
    return Feature(column.name, dtype, "number")


def _column(feature: Feature) -> pl.Expr:
    column = pl.col(feature.name)
    if feature.kind == "category":
        codes = column.cast(pl.String).cast(pl.Enum(feature.categories), strict=False).to_physical()
        return codes.cast(pl.Float64).fill_null(float("nan"))
    return column.cast(pl.Float64).fill_null(float("nan"))


def encode(frame: pl.DataFrame, encoding: Encoding) -> Matrix:
    """The matrix of these rows.

    Returns:
        Float64, rows x features, column by column in memory; NaN where a value is null, or a category that was not
        known when the encoding was made; bools are 0 and 1.

    Raises:
        ModelError: The frame lacks a feature, or holds text where a number was.
    """
    _require(frame, encoding.names)
    try:
        return frame.select(_column(feature) for feature in encoding.features).to_numpy(order="fortran")
    except pl.exceptions.PolarsError as error:
        wrong = [f.name for f in encoding.features if str(frame.schema[f.name]) != f.dtype]
        raise ModelError(
            f"features {', '.join(wrong)}", "their types are not those the model was fitted on", "Correct the input"
        ) from error
