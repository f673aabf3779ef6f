"""Rows that were set aside, as a run left them in its folder."""

from __future__ import annotations

import io
from collections.abc import Iterable
from hashlib import sha256

import polars as pl

from batchops.contract import FAILED_RULES, WHOLE
from batchops.errors import GateError
from batchops.partition import Output, Receipt
from batchops.store import RunRow, Store

__all__ = ["fails", "failures", "known_rules", "read_held"]


def read_held(store: Store, row: RunRow, receipt: Receipt) -> pl.DataFrame | None:
    """All rows of a partition that a run set aside, each column of the type it came with; None where there are none.

    Raises:
        GateError: They were deleted or altered since.
    """
    return pl.concat([_read(store, row, path) for path in files]) if (files := receipt.quarantine) else None


def _read(store: Store, row: RunRow, file: Output) -> pl.DataFrame:
    where = store.uri(f"{row.run_folder}/{file.path}")
    try:
        data = store.read(f"{row.run_folder}/{file.path}")
    except FileNotFoundError as error:
        remedy = f'Score the night again: `batchops run {row.job} --date {row.night} --force --reason "..."`'
        raise GateError(where, "the rows that were set aside are gone", remedy) from error
    if sha256(data).hexdigest() != file.fingerprint.sha256:
        raise GateError(where, "was altered since the run wrote it", "Compare the folder with a backup")
    return pl.read_parquet(io.BytesIO(data))


def fails(rule: str) -> pl.Expr:
    """True for rows that were set aside and fail this rule, or lie in a partition that it set aside whole."""
    listed = pl.col(FAILED_RULES).list
    return listed.contains(rule) | listed.contains(WHOLE + rule)


def failures(rows: pl.DataFrame) -> dict[str, int]:
    """Rule -> rows that fail it, the most first; a row may fail several."""
    counts = rows.select(pl.col(FAILED_RULES).explode().drop_nulls().alias("rule")).group_by("rule").len()
    return dict(counts.sort(["len", "rule"], descending=[True, False]).iter_rows())


def known_rules(rows: Iterable[pl.DataFrame]) -> set[str]:
    """Every rule that some row fails."""
    return {id.removeprefix(WHOLE) for frame in rows for id in failures(frame)}
