from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace
from zoneinfo import ZoneInfo

import pandera.polars as pa
import polars as pl
import pytest
from hypothesis import given, strategies as st

from batchops.contract import ColumnSpec, Contract, Freshness, compile_contract
from batchops.contract.freshness import age, newest
from batchops.errors import ContractError
from batchops.partition import Night
from tests.contract.models import model

NIGHT = Night.parse("2025-06-01")
MOMENT = pl.Datetime("us", "UTC")
NEW_YORK = ZoneInfo("America/New_York")


def contract(dtype: pl.DataType = MOMENT) -> Contract:
    return Contract("Orders", "", "", "", (ColumnSpec("placed_at", dtype),), (), freshness=Freshness("placed_at", 26))


def hours(values: Sequence[object], dtype: pl.DataType = MOMENT, timezone: str = "UTC") -> float | None:
    asked = contract(dtype)
    return age(asked, newest(asked, pl.DataFrame({"placed_at": pl.Series(values, dtype=dtype)})), NIGHT, timezone)


def utc(*when: int) -> dt.datetime:
    return dt.datetime(*when, tzinfo=dt.UTC)  # type: ignore[misc, arg-type]


def test_age_is_counted_from_the_newest_row_to_the_nights_end() -> None:
    assert hours([utc(2025, 6, 1, 9), None, utc(2025, 6, 1, 22, 30)]) == 1.5


def test_a_night_ends_where_it_is() -> None:
    when = [utc(2025, 6, 1, 22)]
    assert hours(when, timezone="America/New_York") == 6
    assert hours(when, timezone="Asia/Tokyo") == -7


def test_a_moment_is_the_same_in_every_zone_that_it_may_be_written_in() -> None:
    tokyo = [utc(2025, 6, 1, 22).astimezone(ZoneInfo("Asia/Tokyo"))]
    assert hours(tokyo, pl.Datetime("ms", "Asia/Tokyo"), "America/New_York") == 6


def test_a_time_without_a_zone_is_on_the_nights_own_clocks() -> None:
    for timezone in ("UTC", "Asia/Tokyo"):
        assert hours([dt.datetime(2025, 6, 1, 22)], pl.Datetime("ns"), timezone) == 2


def test_a_date_is_its_midnight() -> None:
    assert hours([dt.date(2025, 6, 1), dt.date(2025, 5, 1)], pl.Date()) == 24


def test_a_row_of_tomorrow_is_below_zero() -> None:
    assert hours([utc(2025, 6, 3)]) == -24


@pytest.mark.parametrize("values", [[], [None, None]])
def test_without_a_value_there_is_no_age(values: list[None]) -> None:
    assert hours([*values]) is None


def test_a_column_that_is_not_there_or_cannot_be_read_has_none() -> None:
    asked = contract()
    assert newest(asked, pl.DataFrame({"other": [1]})) is None
    assert newest(asked, pl.DataFrame({"placed_at": ["yesterday"]})) is None
    assert newest(replace(asked, freshness=None), pl.DataFrame({"placed_at": [utc(2025, 6, 1)]})) is None


@given(st.lists(st.datetimes(dt.datetime(1901, 1, 1), dt.datetime(2200, 1, 1)) | st.none(), max_size=8))
def test_the_newest_is_the_largest_to_the_microsecond(values: list[dt.datetime | None]) -> None:
    asked = contract(pl.Datetime("us"))
    known = [(value - dt.datetime(1970, 1, 1)) // dt.timedelta(microseconds=1) for value in values if value is not None]
    frame = pl.DataFrame({"placed_at": pl.Series(values, dtype=pl.Datetime("us"))})
    assert newest(asked, frame) == max(known, default=None)


def test_the_newest_value_of_personal_data_is_nobodys_business() -> None:
    config = type("Config", (), {"metadata": {"freshness": {"column": "born", "hours": 3}}})
    with pytest.raises(ContractError, match="born is personal data"):
        compile_contract(model({"born": (pl.Date, pa.Field(metadata={"pii": True}))}, Config=config))
