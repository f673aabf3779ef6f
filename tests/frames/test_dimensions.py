from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl
import pytest

from batchops import Roles, audit_frame
from batchops.frames import open_frame
from batchops.frames.dimensions import dimensions_of, intervals
from batchops.stats.discovery import encode, lay_out_features
from tests.frames.two import frame

RANDOM = np.random.default_rng(0)
WHEN = [dt.datetime(2013, 1, 1) + dt.timedelta(minutes=int(each)) for each in RANDOM.integers(0, 90 * 1440, 2_000)]


def named(values: pl.Series) -> list[str | None]:
    return pl.DataFrame({"x": values}).select(intervals(values.alias("x"))).to_series().to_list()


@pytest.mark.parametrize(
    ("values", "names"),
    [
        (pl.Series([2.0, 1.5, None, float("nan")]), ["2", "1.5", None, None]),
        (pl.Series([3, 1]), ["3", "1"]),
        (pl.Series([True, False]), ["true", "false"]),
        (pl.Series(["a", None]), ["a", None]),
        (pl.Series([dt.date(2013, 7, 4)]), ["2013-07-04"]),
        (pl.Series([dt.datetime(2013, 7, 4, 12, 30)]), ["2013-07-04"]),
        (pl.Series([dt.timedelta(minutes=1)]), ["60"]),
        (pl.Series([1.25], dtype=pl.Decimal(5, 3)), ["1.25"]),
    ],
)
def test_few_values_are_slices_of_their_own(values: pl.Series, names: list[str | None]) -> None:
    assert named(values) == names


def test_many_numbers_are_the_intervals_in_which_slices_are_searched_for() -> None:
    rows = frame(5_000)
    for name in ("amount", "temp", "hour"):
        (feature,) = lay_out_features(rows, [name])
        found = [feature.bins[code] for code in encode(rows, [feature])[0]]
        assert named(rows[name]) == found, name
    assert len(set(named(rows["temp"]))) == 5


def test_many_times_are_intervals_of_days_and_hours() -> None:
    days, hours = pl.Series(WHEN), pl.Series([each.time() for each in WHEN])
    assert all("[2013-0" in (each or "") for each in named(days))
    assert named(days) == named(days.cast(pl.Date))
    assert named(days) == named(days.dt.replace_time_zone("Asia/Tokyo"))
    assert len(set(named(days))) == 5
    assert len(set(named(hours))) == 5
    first = min(each or "" for each in named(hours))
    inside = {each.hour for each, name in zip(WHEN, named(hours), strict=True) if name == first}
    assert first == f"[00:00, {max(inside) + 1:02}:00)"
    assert inside == set(range(len(inside)))


def test_what_lies_outside_the_reference_belongs_to_the_outermost_interval() -> None:
    values = pl.Series("x", [float(each) for each in range(100)])
    far = pl.DataFrame({"x": [-1e9, 1e9, float("inf"), None]}).select(intervals(values)).to_series().to_list()
    assert far == ["[0, 19)", "[79, 99]", "[79, 99]", None]


def test_a_column_that_one_table_lacks_is_laid_out_over_the_other() -> None:
    rows = frame(300)
    tables = [open_frame(rows.drop("temp")), open_frame(rows)]
    assert dimensions_of(tables, ["temp", "hour"]).keys() == {"temp", "hour"}
    for one, other in ((rows, rows.drop("carrier")), (rows.drop("carrier"), rows)):
        made = audit_frame(one, other, roles=Roles(slices=("carrier",)))
        held = {part.label for part in made.document.slices or ()}
        assert bool(held) == ("carrier" in one.columns)
