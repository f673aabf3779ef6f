import datetime as dt
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings, strategies as st
from numpy.typing import NDArray

from batchops.stats import AxisHistogram, histogram, lay_out, summarise

Rows = Sequence[Any] | NDArray[Any]


def drawn(reference: Rows, current: Rows, opaque: bool = False) -> AxisHistogram | None:
    was, now = (pl.DataFrame({"x": pl.Series(values, strict=False)}) for values in (reference, current))
    (cells,) = lay_out(was, ["x"], frozenset(["x"] if opaque else []))
    columns = [summarise(frame, (cells,)).columns["x"] for frame in (now, was)]
    return histogram(columns[0], columns[1], cells)


def axis(reference: Rows, current: Rows) -> AxisHistogram:
    found = drawn(reference, current)
    assert found is not None
    return found


def exact(found: AxisHistogram, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Shares of rows between the ends' inner edges, the ends taking what lies beyond."""
    edges = np.linspace(found.low or 0.0, found.high or 0.0, len(found.current) + 1)
    edges[0], edges[-1] = -np.inf, np.inf
    return np.histogram(values, edges)[0] / len(values)


def test_both_sides_are_on_one_axis_as_their_rows_are() -> None:
    rng = np.random.default_rng(0)
    reference, current = rng.normal(size=20_000), rng.normal(1, 1.5, 3_000)
    found = axis(reference, current)
    assert (found.kind, len(found.reference), found.labels) == ("number", 24, ())
    assert (found.low, found.high) == pytest.approx((-3.2, 5.2), abs=0.3)
    assert np.abs(np.array(found.reference) - exact(found, reference)).max() < 0.005
    assert np.abs(np.array(found.current) - exact(found, current)).max() < 0.01


def test_sentinels_do_not_flatten_the_axis() -> None:
    rng = np.random.default_rng(0)
    reference = rng.normal(size=5_000)
    for share in (1, 50):
        found = axis(reference, np.append(rng.normal(size=1_000), [1e9] * share))
        assert found.high is not None
        assert found.high < 12
        assert found.current[-1] == pytest.approx(share / (1_000 + share), abs=0.006)


def test_a_column_in_another_unit_is_shown_where_it_is() -> None:
    rng = np.random.default_rng(0)
    found = axis(rng.uniform(0, 1, 5_000), rng.uniform(0, 1_000, 1_000))
    assert found.high is not None
    assert found.high > 900
    assert found.reference[0] == pytest.approx(1)


def test_whole_numbers_leave_no_empty_stripes() -> None:
    found = axis(np.arange(5, 24).repeat(50), np.arange(5, 24).repeat(7))
    assert (found.low, found.high, len(found.reference)) == (4.5, 23.5, 19)
    assert found.reference == pytest.approx([1 / 19] * 19)
    many = axis(np.arange(60).repeat(20), np.arange(70).repeat(3))
    assert min(many.current[:-1]) == pytest.approx(max(many.current[:-1]))


def test_categories_are_the_references_commonest_then_other_and_new() -> None:
    reference = [name for rank, name in enumerate("abcdefghijklmnop") for _ in range(100 - rank)]
    found = axis(reference, ["a"] * 5 + ["p"] * 3 + ["?"] * 2)
    assert found.labels == (*"abcdefghijkl", "other", "new")
    assert (found.current[0], found.current[-2], found.current[-1]) == (0.5, 0.3, 0.2)
    assert sum(found.reference) == pytest.approx(1)
    assert axis([True, False], [True]).labels == ("false", "true")


def test_personal_data_is_never_drawn_and_nothing_is_drawn_of_nothing() -> None:
    assert drawn(["Ada"], ["Grace"], opaque=True) is None
    assert drawn([None, math.nan], [None, math.inf]) is None
    only = axis([1.0, 2.0] * 50, [])
    assert sum(only.current) == 0
    assert sum(only.reference) == pytest.approx(1)


def test_times_are_numbers() -> None:
    days = [dt.date(2013, 1, 1) + dt.timedelta(day) for day in range(365)]
    found = axis(days, days[:31])
    assert found.kind == "number"
    assert found.current[0] > 0.3


finite = st.lists(st.floats(-1e300, 1e300) | st.floats(-3, 3) | st.integers(0, 5).map(float), min_size=1, max_size=40)


@settings(deadline=None)
@given(finite, finite)
def test_shares_always_add_up_to_one_on_a_finite_axis(reference: list[float], current: list[float]) -> None:
    found = axis(reference, current)
    assert found.low is not None
    assert found.high is not None
    assert math.isfinite(found.low)
    assert math.isfinite(found.high)
    assert found.low < found.high
    for side in (found.reference, found.current):
        assert sum(side) == pytest.approx(1)
        assert min(side) >= -1e-12
