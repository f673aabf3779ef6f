"""The rules as a dataframely schema: its columns say what may be null, the rest are its rules."""

from __future__ import annotations

from typing import Any

import dataframely as dy
import polars as pl

from benchmarks.contestants import Found
from benchmarks.orders import COLUMNS, NULLABLE, RULES, Asked

__all__ = ["validate"]


def _rule(rule: Asked) -> Any:
    def passes(cls: Any) -> pl.Expr:  # noqa: ARG001 - dataframely calls it so
        return rule.fails.not_()

    return dy.rule()(passes)


def _schema() -> Any:
    kinds = {
        **dict.fromkeys(("number", "customer"), dy.Int64),
        **dict.fromkeys(("country", "currency", "kind", "code"), dy.String),
        **dict.fromkeys(("price", "discount", "tax", "total"), dy.Float64),
        **dict.fromkeys(("placed", "shipped"), dy.Datetime),
        **{"quantity": dy.Int32, "weight": dy.Float32, "express": dy.Bool, "rating": dy.Int8},
    }
    columns = {name: kinds[name](nullable=name in NULLABLE) for name in COLUMNS}
    rules = {rule.id.replace(".", "_"): _rule(rule) for rule in RULES if not rule.id.endswith(".not_null")}
    return type("Orders", (dy.Schema,), {**columns, **rules})


SCHEMA = _schema()


def validate(frame: pl.DataFrame) -> Found:
    """Its good rows, and its failing ones with a column a rule."""
    good, failure = SCHEMA.filter(frame)
    return Found(sum(failure.counts().values()), failure.details(), good)
