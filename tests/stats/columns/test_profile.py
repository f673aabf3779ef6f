import datetime as dt
import math
from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import example, given, settings, strategies as st

from batchops.stats import Cells, Column, Profile, lay_out, merge_profiles, summarise
from tests.laws import obeys_the_laws

HOSTILE = (0.0, -0.0, 1e300, -1e300, 1.7e308, -1.7e308, 5e-324, -5e-324, 2.0**53, math.nan, math.inf, -math.inf)
floats = st.none() | st.sampled_from(HOSTILE) | st.floats() | st.floats(-10, 10) | st.integers(-3, 3).map(float)
integers = st.none() | st.integers(-(2**63), 2**63 - 1) | st.integers(-4, 4)
texts = st.none() | st.text(max_size=3) | st.sampled_from(["a", "b", "\x00", "é", "\U0001f600"])
times = st.none() | st.datetimes(dt.datetime(1700, 1, 1), dt.datetime(2200, 1, 1))

KINDS: dict[str, tuple[st.SearchStrategy[Any], Any]] = {
    "f": (floats, pl.Float64),
    "f32": (st.none() | st.floats(width=32), pl.Float32),
    "i": (integers, pl.Int64),
    "u": (st.none() | st.integers(0, 2**64 - 1), pl.UInt64),
    "i8": (st.none() | st.integers(-128, 127), pl.Int8),
    "s": (texts, pl.String),
    "c": (texts, pl.Categorical),
    "b": (st.none() | st.booleans(), pl.Boolean),
    "t": (times, pl.Datetime("us")),
    "d": (st.none() | st.dates(dt.date(1, 1, 1)), pl.Date),
}


def frames(max_size: int = 40) -> st.SearchStrategy[pl.DataFrame]:
    rows = st.lists(st.tuples(*(values for values, _ in KINDS.values())), max_size=max_size)
    schema = {name: dtype for name, (_, dtype) in KINDS.items()}
    return rows.map(lambda drawn: pl.DataFrame(drawn, schema=schema, orient="row"))


@settings(max_examples=80, deadline=None)
@given(reference=frames(), parts=st.lists(frames(15), min_size=1, max_size=4))
def test_the_fold_of_partitions_is_the_profile_of_the_whole(reference: pl.DataFrame, parts: list[pl.DataFrame]) -> None:
    cells = lay_out(reference, list(KINDS))
    obeys_the_laws(parts, lambda frame: summarise(frame, cells), pl.concat, Profile())


@settings(max_examples=80, deadline=None)
@given(reference=frames(), night=frames())
def test_every_row_is_counted_once(reference: pl.DataFrame, night: pl.DataFrame) -> None:
    cells = lay_out(reference, list(KINDS))
    columns = summarise(night, cells).columns
    for each in cells:
        column = columns[each.column]
        assert column.rows == column.present == night.height
        assert column.nulls == night[each.column].null_count()
        unseen = column.unseen if each.kind == "category" else 0
        assert column.table.total() + unseen == column.valid == night.height - column.missing - column.infinite
        assert sum(column.table.dense(each.size)) == column.table.total()


@settings(max_examples=80, deadline=None)
@given(reference=st.lists(floats, max_size=60), night=st.lists(floats, max_size=60))
@example(reference=[1.0] * 300 + [2.0] * 300, night=[1.0, math.nextafter(1.0, 2), 2.0, 0.5, 7.0])
@example(reference=[-1.7e308, 1.7e308], night=[-1.7e308, 0.0, 1.7e308])
@example(reference=[0.0, 5e-324], night=[5e-324, 1.0, -1e300])
def test_numbers_are_counted_in_the_cell_that_holds_them(
    reference: Sequence[float | None], night: Sequence[float | None]
) -> None:
    cells = one(pl.Series("x", reference, dtype=pl.Float64))
    column = summarise(pl.DataFrame({"x": pl.Series(night, dtype=pl.Float64)}), (cells,)).columns["x"]
    finite = [value for value in night if value is not None and math.isfinite(value)]
    assert column.nans == sum(value is not None and math.isnan(value) for value in night)
    assert (column.positive_infinities, column.negative_infinities) == (night.count(math.inf), night.count(-math.inf))
    assert column.zeros == finite.count(0.0)
    assert (column.minimum, column.maximum) == (min(finite, default=None), max(finite, default=None))
    if cells.low is not None and cells.high is not None:
        assert column.below == sum(value < cells.low for value in finite)
        assert column.above == sum(value > cells.high for value in finite)
    expected = by_hand(finite, cells)
    got = zip(column.table.cells, *column.table.values, strict=True)
    assert {cell: (n, total, squares) for cell, n, total, squares in got} == expected


def one(series: pl.Series) -> Cells:
    (cells,) = lay_out(series.to_frame(), [series.name])
    return cells


def by_hand(finite: Sequence[float], cells: Cells) -> dict[int, tuple[int, int, int]]:
    """Count value by value, with quanta in exact arithmetic but for the one rounded subtraction."""
    found: dict[int, tuple[int, int, int]] = {}
    for value in finite:
        difference = value - cells.centre
        far = Fraction(math.copysign(2**22, difference))
        exact = Fraction(difference) / Fraction(cells.quantum) if math.isfinite(difference) else far
        steps = round(max(min(exact, Fraction(2**22)), -Fraction(2**22)))
        if cells.kind == "discrete":
            cell = int((cells.breaks() <= value).sum())
        else:
            cell = sum(edge <= min(max(steps, -(2**21) - 1), 2**21 + 1) for edge in cells.edges)
        kept = steps if abs(steps) <= 2**21 else 0
        n, total, squares = found.get(cell, (0, 0, 0))
        found[cell] = (n + 1, total + kept, squares + kept * kept)
    return found


@given(st.lists(texts, max_size=60), st.lists(texts, max_size=60))
def test_categories_are_counted_by_value_and_new_ones_apart(
    reference: Sequence[str | None], night: Sequence[str | None]
) -> None:
    cells = one(pl.Series("x", reference, dtype=pl.String))
    column = summarise(pl.DataFrame({"x": pl.Series(night, dtype=pl.String)}), (cells,)).columns["x"]
    counts = Counter(value for value in night if value is not None)
    known = {value: n for value, n in counts.items() if value in cells.values}
    assert set(cells.values) == set(reference) - {None}
    assert (
        {cells.values[cell]: n for cell, n in zip(column.table.cells, column.table.values[0], strict=True)} == (known)
        if known
        else not column.table.cells
    )
    assert column.unseen == sum(counts.values()) - sum(known.values())
    assert column.characters == pl.Series(night, dtype=pl.String).str.len_chars().sum()
    assert dict(column.unseen_values.counts) == {value: n for value, n in counts.items() if value not in known}


def test_categories_beyond_the_cap_are_other_and_never_unseen() -> None:
    cells = one(pl.Series("x", [f"v{value}" for value in range(1_500) for _ in range(1 + (value < 1_000))]))
    column = summarise(pl.DataFrame({"x": ["v0", "v1400", "v1400", "never"]}), (cells,)).columns["x"]
    assert cells.capped
    assert cells.values == tuple(sorted(f"v{value}" for value in range(1_000)))
    assert (column.table.dense(cells.size)[-1], column.unseen) == (3, 0)
    assert column.mean_length == (2 + 5 + 5 + 5) / 4


def test_the_order_of_the_reference_does_not_move_the_cells() -> None:
    rng = np.random.default_rng(0)
    frame = pl.DataFrame(
        {"n": rng.lognormal(size=999), "c": rng.choice(list("abcdef"), 999), "h": rng.integers(0, 24, 999)}
    )
    assert lay_out(frame, frame.columns) == lay_out(frame.sample(fraction=1, shuffle=True, seed=1), frame.columns)


def test_integers_are_summed_exactly() -> None:
    values = np.random.default_rng(0).integers(0, 8_000, 50_000)
    frame = pl.DataFrame({"x": values})
    cells = one(frame["x"])
    column = summarise(frame, (cells,)).columns["x"]
    assert cells.kind == "numeric"
    assert Fraction(column.table.total(1)) * Fraction(cells.quantum) == int(values.sum()) - 50_000 * Fraction(
        cells.centre
    )


def test_sums_of_squares_may_be_larger_than_64_bits() -> None:
    cells = one(pl.Series("x", np.linspace(0, 1, 1_000)))
    far = cells.centre + cells.quantum * 2**21
    part = summarise(pl.DataFrame({"x": [far] * 2**20}), (cells,))
    whole = merge_profiles([part] * 8).columns["x"]
    assert whole.table.total(2) == 2**42 * 2**20 * 8
    assert whole.overflow_high == 0
    obeys_the_laws([1, 2, 3], lambda times: merge_profiles([part] * times), sum, Profile())


def test_numbers_too_far_for_the_sums_are_counted_apart_and_in_the_end_cells() -> None:
    cells = one(pl.Series("x", np.linspace(0, 1, 1_000)))
    column = summarise(pl.DataFrame({"x": [1e9, -1e9, -1e300, 0.5]}), (cells,)).columns["x"]
    assert (column.overflow_low, column.overflow_high, column.below, column.above) == (2, 1, 2, 1)
    assert column.table.cells[0] == 0
    assert column.table.cells[-1] == cells.size - 1
    assert column.table.values[1][0] == column.table.values[1][-1] == 0


@pytest.mark.parametrize(
    ("dtype", "values", "kind"),
    [
        (pl.Float64, np.linspace(0, 1, 1_000), "numeric"),
        (pl.Float64, [0.5, 1.5] * 50, "discrete"),
        (pl.Int64, list(range(24)) * 10, "discrete"),
        (pl.Int64, list(range(300)), "numeric"),
        (pl.Decimal(10, 2), [1, 2] * 50, "discrete"),
        (pl.Datetime("ms", "America/New_York"), [dt.datetime(2013, 1, 1, tzinfo=dt.UTC)], "temporal"),
        (pl.Time, [dt.time(1), dt.time(2)], "temporal"),
        (pl.Duration("ms"), [dt.timedelta(1)], "temporal"),
        (pl.Enum(["a", "b"]), ["a", "b"], "category"),
        (pl.Null, [None], "opaque"),
        (pl.List(pl.Int64), [[1]], "opaque"),
        (pl.Binary, [b"x"], "opaque"),
    ],
)
def test_each_dtype_is_counted_as_its_kind(dtype: pl.DataType, values: Sequence[object], kind: str) -> None:
    frame = pl.DataFrame({"x": pl.Series(values, dtype=dtype, strict=False)})
    cells = one(frame["x"])
    column = summarise(frame, (cells,)).columns["x"]
    assert cells.kind == kind
    assert (column.rows, column.absent) == (frame.height, 0)
    assert kind == "opaque" or column.table.total() == frame.height


def test_a_short_sample_of_a_continuous_quantity_is_not_a_list_of_codes() -> None:
    values = np.random.default_rng(0).normal(size=200)
    assert one(pl.Series("x", values)).kind == "numeric"


def test_a_column_that_is_missing_or_of_another_kind_is_absent() -> None:
    frame = pl.DataFrame({"n": np.linspace(0, 1, 500), "c": ["a"] * 500, "b": [True] * 500})
    cells = lay_out(frame, frame.columns)
    night = pl.DataFrame({"n": ["x", "y"], "c": [1, 2]})
    columns = summarise(night, cells).columns
    assert all((columns[name].rows, columns[name].absent, columns[name].valid) == (2, 2, 0) for name in "ncb")


def test_personal_data_is_never_looked_into() -> None:
    frame = pl.DataFrame({"name": ["Ada", None, "Grace"]})
    cells = lay_out(frame, ["name"], opaque=frozenset(["name"]))
    assert summarise(frame, cells).columns["name"] == Column(rows=3, nulls=1)
    assert "Ada" not in repr(cells)


def test_a_column_outside_the_reference_still_shows_its_shape() -> None:
    rng = np.random.default_rng(0)
    cells = one(pl.Series("x", rng.uniform(0, 1, 5_000)))
    column = summarise(pl.DataFrame({"x": rng.uniform(1.2, 1.8, 5_000)}), (cells,)).columns["x"]
    assert column.above == 5_000
    assert len(column.table.cells) >= 15


def test_batches_larger_than_64_bit_sums_allow_are_split() -> None:
    frame = pl.DataFrame({"x": np.linspace(0, 1, 2**20 + 5)})
    cells = lay_out(frame.head(10_000), ["x"])
    halves = [summarise(frame.head(7), cells), summarise(frame.slice(7), cells)]
    assert summarise(frame, cells) == merge_profiles(halves)
