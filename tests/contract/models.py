"""Contracts and frames that the tests share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandera.polars as pa
import polars as pl
from pandera.polars import DataFrameModel, PolarsData

__all__ = ["Orders", "frame_check", "model", "orders"]


def model(columns: dict[str, Any], **attributes: Any) -> type[DataFrameModel]:
    """A model made of ``name: (dtype, Field)``, and of checks and Config."""
    return type(
        "Model",
        (DataFrameModel,),
        {
            "__annotations__": {name: dtype for name, (dtype, _) in columns.items()},
            "__module__": __name__,
            **{name: field for name, (_, field) in columns.items()},
            **attributes,
        },
    )


def frame_check(answer: Callable[[pl.LazyFrame], Any], **options: Any) -> classmethod[Any, Any, Any]:
    """A check of the whole frame, called ``asked``."""

    def asked(cls: Any, data: PolarsData) -> Any:  # noqa: ARG001 - Pandera calls it so
        return answer(data.lazyframe)

    checked: classmethod[Any, Any, Any] = pa.dataframe_check(**options)(asked)
    return checked


class Orders(pa.DataFrameModel):
    """Orders of a small shop."""

    number: int = pa.Field(ge=1, metadata={"role": "key"})
    kind: str = pa.Field(isin=["book", "pen", "ink"], metadata={"role": "feature"})
    price: float = pa.Field(in_range=(0.5, 5000), nullable=True, metadata={"role": "feature", "unit": "EUR"})
    count: int = pa.Field(gt=0, le=99, metadata={"role": "feature", "rules": {"le": {"level": "warn", "warn": 0.02}}})
    email: str = pa.Field(str_contains="@", nullable=True, metadata={"pii": True, "level": "warn"})
    sent: pl.Date = pa.Field(metadata={"role": "passthrough"})
    paid: pl.Date = pa.Field(nullable=True)

    @pa.dataframe_check
    @classmethod
    def is_paid_after_it_is_sent(cls, data: PolarsData) -> pl.LazyFrame:
        """An order is paid on the day it is sent, or later.

        Never before.
        """
        return data.lazyframe.select(pl.col("paid") >= pl.col("sent"))

    class Config:
        """Its particulars."""

        metadata = {  # noqa: RUF012 - Pandera reads a plain class attribute
            "name": "Orders",
            "version": 4,
            "owner": "shop",
            "rows": (1, None),
            "weekday_volume": 0.3,
            "rules": {"is_paid_after_it_is_sent": {"level": "critical"}, "kind.isin": {"fail": 0.2}},
        }


def orders(**columns: Any) -> pl.DataFrame:
    """Four good orders, with some columns otherwise."""
    good: dict[str, Any] = {
        "number": [1, 2, 3, 4],
        "kind": ["book", "pen", "ink", "pen"],
        "price": [10.0, None, 0.5, 5000.0],
        "count": [1, 2, 3, 4],
        "email": ["a@b.c", None, "d@e.f", "g@h.i"],
        "sent": [19000, 19001, 19002, 19003],
        "paid": [19000, 19005, None, 19003],
    }
    dates = pl.col("sent", "paid").cast(pl.Int32).cast(pl.Date)
    return pl.DataFrame(good).with_columns(dates).with_columns(**columns)
