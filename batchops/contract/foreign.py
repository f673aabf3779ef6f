"""Rows that must name a row of another dataset: whose keys are whose."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import polars as pl

from batchops.contract.arriving import check_schema, fit_rows
from batchops.contract.keys import spelled
from batchops.contract.terms import ColumnSpec, Contract, ForeignKey, spell
from batchops.errors import did_you_mean

__all__ = ["fault", "foreign_keys", "orphans"]

MISSED = "_missed"


def _asked(contract: Contract, reference: ForeignKey) -> Contract:
    """The columns that the other dataset's key is read as: those that refer to it; text for categories."""
    types = contract.schema
    wanted = [pl.String() if isinstance(types[c], pl.Enum | pl.Categorical) else types[c] for c in reference.columns]
    columns = tuple(ColumnSpec(name, dtype) for name, dtype in zip(reference.columns, wanted, strict=True))
    return replace(contract, columns=columns)


def fault(contract: Contract, reference: ForeignKey, schema: Mapping[str, pl.DataType]) -> tuple[str, str] | None:
    """Why a file of the other dataset cannot be referred to, and the remedy; None where it can.

    Args:
        schema: The file's columns.
    """
    for theirs in reference.key:
        if theirs not in schema:
            return f"{reference.name} has no column {theirs!r}", did_you_mean(theirs, schema)
    found = {ours: schema[theirs] for ours, theirs in zip(reference.columns, reference.key, strict=True)}
    check = check_schema(_asked(contract, reference), found, 1)
    for ours, theirs in zip(reference.columns, reference.key, strict=True):
        if ours in check.unusable:
            wanted = spell(contract.schema[ours])
            what = (
                f"{theirs} of {reference.name} is {spell(schema[theirs])} and cannot be compared with {ours}, {wanted}"
            )
            return what, "Give both the same type"
    return None


def foreign_keys(contract: Contract, reference: ForeignKey, frame: pl.DataFrame) -> pl.DataFrame:
    """The other dataset's keys under the names of the columns that refer to it, each once; none with a missing part.

    Args:
        frame: Rows of the other dataset in which `fault` finds none.
    """
    pairs = zip(reference.columns, reference.key, strict=True)
    theirs = frame.select(pl.col(theirs).alias(ours) for ours, theirs in pairs)
    return spelled(fit_rows(_asked(contract, reference), theirs).rows).drop_nulls().unique()


def orphans(keys: pl.DataFrame, known: pl.DataFrame) -> pl.Series:
    """One bool a row: it names a row that the other dataset does not have.

    A row with a missing part names none, and passes, as in SQL.

    Args:
        keys: The referring columns, as `keys_of` gives them.
        known: Keys of the other dataset, as `foreign_keys` gives them.
    """
    whole = pl.all_horizontal(pl.col(name).is_not_null() for name in keys.columns)
    there = known.with_columns(pl.lit(False).alias(MISSED))
    found = spelled(keys).join(there, on=keys.columns, how="left", maintain_order="left")
    return found.select((pl.col(MISSED).fill_null(True) & whole).alias(MISSED)).to_series()
