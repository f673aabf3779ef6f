"""Orders of a shop, and 37 rules on them: as a Pandera model, and as plain expressions."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandera.polars as pa
import polars as pl
from pandera.polars import PolarsData

__all__ = ["COLUMNS", "NULLABLE", "RULES", "Asked", "Orders", "made"]

COUNTRIES = ("AT", "BE", "CH", "CZ", "DE", "DK", "ES", "FI", "FR", "IT", "NL", "NO", "PL", "PT", "SE")
CURRENCIES = ("CHF", "CZK", "DKK", "EUR", "NOK", "PLN", "SEK")
KINDS = ("book", "game", "music", "paper", "pen", "print")
CODE = "^[A-Z]{2}[0-9]{4}$"
FIRST, LAST = dt.datetime(2020, 1, 1), dt.datetime(2030, 1, 1)
CENTS = 0.01


class Orders(pa.DataFrameModel):
    """What an order must obey."""

    number: int = pa.Field(ge=1)
    customer: int = pa.Field(in_range=(1, 5_000_000))
    country: str = pa.Field(isin=list(COUNTRIES), str_length={"exact_value": 2})
    currency: str = pa.Field(isin=list(CURRENCIES))
    kind: str = pa.Field(isin=list(KINDS))
    price: float = pa.Field(gt=0, le=10_000, nullable=True)
    quantity: pl.Int32 = pa.Field(ge=1, le=99)
    discount: float = pa.Field(in_range=(0, 0.9))
    tax: float = pa.Field(ge=0, le=5_000)
    total: float = pa.Field(ge=0, le=1_000_000)
    weight: pl.Float32 = pa.Field(gt=0, lt=1_000, nullable=True)
    code: str = pa.Field(str_matches=CODE, str_length={"exact_value": 6})
    placed: pl.Datetime = pa.Field(ge=FIRST, lt=LAST)
    shipped: pl.Datetime = pa.Field(ge=FIRST, nullable=True)
    express: bool = pa.Field()
    rating: pl.Int8 = pa.Field(in_range=(1, 5), nullable=True)

    @pa.dataframe_check
    @classmethod
    def is_shipped_after_it_is_placed(cls, data: PolarsData) -> pl.LazyFrame:
        """An order is shipped after it is placed."""
        return data.lazyframe.select(pl.col("shipped") >= pl.col("placed"))

    @pa.dataframe_check
    @classmethod
    def adds_up(cls, data: PolarsData) -> pl.LazyFrame:
        """The total is price times quantity less the discount, plus tax."""
        return data.lazyframe.select(adds_up())


def adds_up() -> pl.Expr:
    """Null where an order has no price."""
    due = pl.col("price") * pl.col("quantity") * (1 - pl.col("discount")) + pl.col("tax")
    return (pl.col("total") - due).abs() <= CENTS


@dataclass(frozen=True, slots=True)
class Asked:
    """A rule by hand.

    Attributes:
        fails: True where a row fails, else false or null.
        count: The cheapest expression of how many do.
    """

    id: str
    columns: tuple[str, ...]
    fails: pl.Expr
    count: pl.Expr


COLUMNS = tuple(Orders.to_schema().columns)
NULLABLE = ("price", "weight", "shipped", "rating")
FLOATS = ("discount", "tax", "total")


def _filled(name: str) -> Asked:
    value = pl.col(name)
    fails, count = value.is_null(), value.null_count()
    if name in FLOATS:
        fails, count = fails | value.is_nan(), count + value.is_nan().sum()
    return Asked(f"{name}.not_null", (name,), fails, count)


def _asked(id: str, passes: pl.Expr, *columns: str) -> Asked:
    return Asked(id, columns or (id.partition(".")[0],), passes.not_(), passes.not_().sum())


def _between(name: str, low: float, high: float) -> Asked:
    return _asked(f"{name}.in_range", (pl.col(name) >= low) & (pl.col(name) <= high))


RULES = (
    *(_filled(name) for name in COLUMNS if name not in NULLABLE),
    _asked("number.ge", pl.col("number") >= 1),
    _between("customer", 1, 5_000_000),
    _asked("country.isin", pl.col("country").is_in(COUNTRIES)),
    _asked("country.str_length", pl.col("country").str.len_chars() == 2),
    _asked("currency.isin", pl.col("currency").is_in(CURRENCIES)),
    _asked("kind.isin", pl.col("kind").is_in(KINDS)),
    _asked("price.gt", pl.col("price") > 0),
    _asked("price.le", pl.col("price") <= 10_000),
    _asked("quantity.ge", pl.col("quantity") >= 1),
    _asked("quantity.le", pl.col("quantity") <= 99),
    _between("discount", 0, 0.9),
    _asked("tax.ge", pl.col("tax") >= 0),
    _asked("tax.le", pl.col("tax") <= 5_000),
    _asked("total.ge", pl.col("total") >= 0),
    _asked("total.le", pl.col("total") <= 1_000_000),
    _asked("weight.gt", pl.col("weight") > 0),
    _asked("weight.lt", pl.col("weight") < 1_000),
    _asked("code.str_matches", pl.col("code").str.contains(CODE)),
    _asked("code.str_length", pl.col("code").str.len_chars() == 6),
    _asked("placed.ge", pl.col("placed") >= FIRST),
    _asked("placed.lt", pl.col("placed") < LAST),
    _asked("shipped.ge", pl.col("shipped") >= FIRST),
    _between("rating", 1, 5),
    _asked("frame.is_shipped_after_it_is_placed", pl.col("shipped") >= pl.col("placed"), "placed", "shipped"),
    _asked("frame.adds_up", adds_up(), "price", "quantity", "discount", "tax", "total"),
)


def _good(rows: int, start: int) -> pl.DataFrame:
    random = np.random.default_rng(start)

    def one_of(values: tuple[str, ...]) -> pl.Series:
        return pl.Series(values).gather(random.integers(0, len(values), rows))

    def hole(name: str, share: float) -> pl.Expr:
        return pl.when(pl.Series(random.random(rows) >= share)).then(pl.col(name))

    placed = pl.Series(random.integers(0, 5 * 365 * 86_400, rows) * 1_000_000).cast(pl.Duration("us"))
    frame = pl.DataFrame(
        {
            "number": np.arange(start + 1, start + rows + 1),
            "customer": random.integers(1, 5_000_001, rows),
            "country": one_of(COUNTRIES),
            "currency": one_of(CURRENCIES),
            "kind": one_of(KINDS),
            "price": np.exp(random.normal(3, 1, rows)).round(2).clip(0.01, 9_999),
            "quantity": random.integers(1, 10, rows).astype(np.int32),
            "discount": random.choice([0, 0.05, 0.1, 0.25], rows),
            "tax": np.exp(random.normal(1, 1, rows)).round(2).clip(0, 4_999),
            "weight": np.exp(random.normal(0, 1, rows)).clip(0.01, 999).astype(np.float32),
            "code": one_of(tuple(f"{a}{b}{number:04}" for a in "ABC" for b in "XYZ" for number in range(1_000))),
            "placed": placed + FIRST,
            "shipped": placed + FIRST + pl.Series(random.integers(0, 86_400, rows) * 1_000_000).cast(pl.Duration("us")),
            "express": random.random(rows) < 0.1,
            "rating": random.integers(1, 6, rows).astype(np.int8),
        }
    )
    due = pl.col("price") * pl.col("quantity") * (1 - pl.col("discount")) + pl.col("tax")
    frame = frame.with_columns(total=due.round(2))
    holes = [hole(name, share) for name, share in zip(NULLABLE, (0.01, 0.05, 0.2, 0.4), strict=True)]
    return frame.with_columns(holes).select(COLUMNS)


def _spoilt(frame: pl.DataFrame, share: float, start: int) -> pl.DataFrame:
    """The same with something wrong in a share of the rows, in many ways and mostly with values of its own."""
    random = np.random.default_rng(start + 1)
    noise = pl.Series(random.random(frame.height))
    wrong: dict[str, pl.Expr] = {
        "number": -pl.col("number"),
        "customer": 5_000_000 + pl.col("customer"),
        "country": pl.col("country").str.to_lowercase(),
        "currency": pl.lit(None, pl.String),
        "kind": pl.lit("kind ") + (noise * 400).cast(pl.Int32).cast(pl.String),
        "price": pl.lit(10_000 + noise * 1_000),
        "quantity": pl.lit((100 + noise * 100).cast(pl.Int32)),
        "discount": pl.lit(1 + noise),
        "tax": pl.lit(-noise),
        "total": -pl.col("total"),
        "weight": pl.lit((1_000 + noise * 1_000).cast(pl.Float32)),
        "code": pl.col("code") + (noise * 100).cast(pl.Int32).cast(pl.String),
        "placed": pl.col("placed") - dt.timedelta(days=4_000),
        "shipped": pl.col("shipped") - dt.timedelta(days=2),
        "rating": pl.lit(9, pl.Int8),
    }
    way = pl.Series(np.where(random.random(frame.height) < share, random.integers(0, len(wrong), frame.height), -1))
    return frame.with_columns(
        pl.when(way == number).then(value).otherwise(pl.col(name)).alias(name)
        for number, (name, value) in enumerate(wrong.items())
    )


def made(folder: Path, rows: int, share: float) -> Path:
    """Write orders, unless they are there; uncompressed, so that reading them leaves little behind in memory.

    Args:
        share: Of rows with something wrong.
    """
    path = folder / f"orders-{rows}-{share:g}.parquet"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        step = 1_000_000
        parts = [_good(min(step, rows - start), start) for start in range(0, rows, step)]
        if share:
            parts = [_spoilt(part, share, number) for number, part in enumerate(parts)]
        pl.concat(parts).write_parquet(path.with_suffix(".part"), compression="uncompressed")
        path.with_suffix(".part").rename(path)
    return path
