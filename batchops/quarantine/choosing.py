"""Which of a night's set-aside rows are meant, and which rules somebody answers for."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import polars as pl

from batchops.contract import KEY_UNIQUE, PARTITION, ROW, Contract
from batchops.errors import UsageError, did_you_mean
from batchops.quarantine.held import fails
from batchops.quarantine.standing import Standing

__all__ = ["Wish", "check_rules", "check_wish", "chosen"]


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person wants to have released.

    Attributes:
        reason: Why; the ledger and audit.json keep it.
        rules: Rows that fail one of these; empty: whatever they fail.
        rows: Rows by partition and position; empty: wherever they stand. Where both are given, both must hold.
        waived: Rules that a row may fail nevertheless.
        dry_run: Find out what would happen, and write nothing.
    """

    reason: str
    rules: tuple[str, ...] = ()
    rows: tuple[tuple[str, int], ...] = ()
    waived: tuple[str, ...] = ()
    dry_run: bool = False


def check_rules(ids: Collection[str], contract: Contract, seen: Collection[str], option: str) -> None:
    """Make sure that each id is a rule of the contract, or one that a row was set aside for.

    Raises:
        UsageError: It is neither.
    """
    known = {rule.id for rule in contract.rules} | {*seen}
    for id in ids:
        if id not in known:
            raise UsageError(option, f"there is no rule {id!r} in {contract.id}", did_you_mean(id, known))


def check_wish(wish: Wish, contract: Contract, standing: Standing, seen: Collection[str]) -> None:
    """Make sure that a wish can be granted, whatever the rows are like.

    Args:
        seen: Every rule that some row was set aside for.

    Raises:
        UsageError: It names a rule or row that is not there, or waives what nobody can answer for.
    """
    check_rules(wish.rules, contract, seen, "--rule")
    for id in wish.waived:
        if id.startswith("schema."):
            what = f"{id} cannot be waived: a value that cannot be read cannot be scored"
            raise UsageError("--waive", what, "Let its producer correct it, or the contract read it")
        if id == KEY_UNIQUE:
            what = f"{id} cannot be waived: a night's scores have one row a key"
            raise UsageError("--waive", what, "Choose the copy that is right with --rows PARTITION:ROW")
    check_rules(wish.waived, contract, (), "--waive")
    rows = {receipt.partition: receipt.rows for receipt in standing.receipts}
    for partition, row in wish.rows:
        if partition not in rows:
            raise UsageError("--rows", f"the night has no partition {partition!r}", did_you_mean(partition, rows))
        if not 0 <= row < rows[partition]:
            what = f"{partition} has no row {row}: it has {rows[partition]}, counted from 0"
            raise UsageError("--rows", what, "See `batchops quarantine show`")


def chosen(wish: Wish, held: Mapping[str, pl.DataFrame]) -> Mapping[str, pl.Series]:
    """Of each partition's set-aside rows, which are meant: one bool a row."""
    return {partition: rows.select(_meant(wish, partition)).to_series() for partition, rows in held.items()}


def _meant(wish: Wish, partition: str) -> pl.Expr:
    positions = [row for name, row in wish.rows if name == partition]
    placed = pl.col(ROW).is_in(positions) if wish.rows else pl.lit(True)
    # A literal alone would be one row long.
    every = pl.col(PARTITION).is_not_null()
    return every & placed & (pl.any_horizontal([fails(id) for id in wish.rules]) if wish.rules else pl.lit(True))
