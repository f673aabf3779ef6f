"""Columns that are not as promised: missing, of another dtype."""

from __future__ import annotations

import polars as pl

from batchops.contract import Contract, check_schema, schema_faults
from batchops.contract.casting import fit
from batchops.errors import ContractError, did_you_mean
from batchops.testing.rows import place

__all__ = ["spoiled"]

COLUMNS = ("schema.missing_column", "schema.dtype")
"""Rules that each column has."""

DTYPES: tuple[pl.DataType, ...] = (pl.String(), pl.Float64(), pl.Boolean(), pl.Date(), pl.List(pl.Int8()))


def _retyped(contract: Contract, frame: pl.DataFrame, name: str) -> pl.DataFrame:
    """The frame with a column that cannot be read as the contract's."""
    column = contract.column(name)
    dtype = next(dtype for dtype in DTYPES if fit(dtype, column.dtype, column.coerce) == "none")
    return frame.with_columns(pl.lit(None, dtype=dtype).alias(name))


def _spoiled(contract: Contract, frame: pl.DataFrame, kind: str, name: str) -> pl.DataFrame | None:
    if kind == "schema.missing_column":
        return frame.drop(name)
    if kind == "schema.dtype":
        return _retyped(contract, frame, name)
    if kind == "schema.order":
        return frame.select(reversed(frame.columns))
    return frame.with_columns(pl.lit(None).alias(name or "unexpected")) if kind == "schema.extra_column" else None


def spoiled(contract: Contract, frame: pl.DataFrame, id: str) -> pl.DataFrame:
    """A frame that breaks a rule of the schema.

    Args:
        id: ``schema.missing_column:amount``, ``schema.dtype:amount``, ``schema.order`` or ``schema.extra_column``.

    Raises:
        ContractError: There is no such rule, or the contract does not mind.
    """
    kind, _, name = id.partition(":")
    if kind in COLUMNS and name not in frame.columns:
        raise ContractError(place(contract), f"has no column {name!r}", did_you_mean(name, contract.schema.names()))
    found = _spoiled(contract, frame, kind, name)
    if found is None:
        known = (*COLUMNS, "schema.order", "schema.extra_column")
        raise ContractError(place(contract), f"has no rule {id!r}", did_you_mean(kind, known))
    tally = check_schema(contract, found.schema, found.height).tally
    if kind not in {fault.check for fault in schema_faults(contract, tally)}:
        raise ContractError(
            place(contract, id), "nothing breaks it", "Make the column required, or the contract strict"
        )
    return found
