import math
import re

import pytest
from hypothesis import given, strategies as st

from batchops.audit.columns import Histogram
from batchops.audit.outcomes import CalibrationBin
from batchops.report import marks
from batchops.verdict import Severity

shares = st.lists(st.floats(0, 1), min_size=1, max_size=40)
finite = st.floats(-1e6, 1e6)


def numbers(path: str) -> list[float]:
    return [float(each) for each in re.findall(r"-?\d+(?:\.\d+)?", path)]


@given(shares, shares)
def test_a_histogram_stays_in_its_box(was: list[float], now: list[float]) -> None:
    cells = min(len(was), len(now))
    shape = marks.histogram(Histogram("number", 0.0, 1.0, (), tuple(was[:cells]), tuple(now[:cells])))
    if max(*was[:cells], *now[:cells], 0.0) <= 0:
        assert shape is None
    else:
        assert shape is not None
        assert all(-0.1 <= each <= 200.1 for path in (shape.reference, shape.current) for each in numbers(path))
        assert shape.reference.startswith("M0 47")


def test_the_two_distributions_share_one_height() -> None:
    shape = marks.histogram(Histogram("number", 0.0, 1.0, (), (0.5, 0.5), (1.0, 0.0)))
    assert shape is not None
    assert shape.reference == "M0 47V25H200V47V47z"
    assert shape.current == "M0 47V3H100V47H200"


def test_only_new_values_are_marked_as_new() -> None:
    known = marks.histogram(Histogram("category", None, None, ("a", "new"), (1.0, 0.0), (1.0, 0.0)))
    fresh = marks.histogram(Histogram("category", None, None, ("a", "new"), (1.0, 0.0), (0.9, 0.1)))
    assert known is not None
    assert fresh is not None
    assert (known.new, bool(fresh.new)) == ("", True)


@given(st.lists(st.none() | finite, min_size=2, max_size=40), st.none() | finite)
def test_a_line_stays_in_its_box_and_ends_at_the_newest_figure(values: list[float | None], limit: float | None) -> None:
    line = marks.spark(values, () if limit is None else (limit,))
    known = [i for i, value in enumerate(values) if value is not None]
    if len(known) < 2:
        assert line is None
        return
    assert line is not None
    assert all(0 <= each <= 200 for each in numbers(line.path))
    assert all(3 <= each <= 29 for each in (*line.limits, line.y))
    assert line.x == pytest.approx(known[-1] * 200 / (len(values) - 1))


def test_a_missing_night_breaks_the_line() -> None:
    line = marks.spark([1.0, 2.0, None, 1.0, 2.0])
    assert line is not None
    assert line.path.count("M") == 2


@given(st.lists(finite, max_size=50))
def test_an_axis_holds_every_value_and_zero_with_few_round_ticks(values: list[float]) -> None:
    scale = marks.axis(values)
    assert all(scale.low <= value <= scale.high for value in (*values, 0.0))
    assert 1 <= len(scale.ticks) <= 8
    assert 0.0 in scale.ticks


@given(finite, finite, finite)
def test_places_keep_the_order_of_values(low: float, one: float, other: float) -> None:
    high = low + 10
    places = [marks.place(value, low, high, 400) for value in sorted((one, other))]
    assert 0 <= places[0] <= places[1] <= 400


def test_a_worse_verdict_stands_higher_and_the_newest_at_the_right() -> None:
    bars = marks.strip([Severity.PASS, Severity.WARN, Severity.FAIL])
    assert [bar.height for bar in bars] == sorted(bar.height for bar in bars)
    assert [bar.x for bar in bars] == [271, 281, 291]


def test_a_perfect_model_lies_on_the_diagonal() -> None:
    bins = [CalibrationBin(None, i / 10, (i + 1) / 10, 9, i / 10, i / 10, 0, None, None) for i in range(11)]
    plot = marks.curve(bins)
    assert plot is not None
    assert all(x == pytest.approx(260 - y) for x, y in plot.current)
    assert plot.reference == ()
    assert marks.curve([]) is None


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1), st.integers(0, 1000)), max_size=12))
def test_a_calibration_plot_stays_in_its_box(rows: list[tuple[float, float, int]]) -> None:
    plot = marks.curve([CalibrationBin(None, 0, 1, n, p, o, n, p, o) for p, o, n in rows])
    if plot is not None:
        assert all(-1e-9 <= each <= 260 + 1e-9 for dot in (*plot.current, *plot.reference) for each in dot)
        assert all(math.isfinite(each) for bar in plot.bars for each in bar)
