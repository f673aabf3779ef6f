"""The rules as steps of a pointblank validation."""

from __future__ import annotations

import pointblank as pb
import polars as pl

from benchmarks.contestants import Found
from benchmarks.orders import RULES

__all__ = ["validate"]


def validate(frame: pl.DataFrame) -> Found:
    """Its counts of all steps, and the rows that fail one."""
    steps = pb.Validate(frame)
    for rule in RULES:
        if rule.id.endswith(".not_null"):
            steps = steps.col_vals_not_null(rule.columns[0])
        else:
            steps = steps.col_vals_expr(rule.fails.not_().fill_null(True))
    done = steps.interrogate(collect_extracts=False)
    return Found(sum(done.n_failed().values()), done.get_sundered_data(type="fail"), done.get_sundered_data())
