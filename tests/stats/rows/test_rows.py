from __future__ import annotations

from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings, strategies as st

from batchops import codec
from batchops.stats.columns.cells import Cells, lay_out
from batchops.stats.columns.profile import summarise
from batchops.stats.rows.hashing import hash_rows
from batchops.stats.rows.sample import ABSENT, HIGH, LOW, MISSING, UNSEEN, RowSample, Sampling, sample_rows
from tests.laws import obeys_the_laws

COLUMNS = ("weight", "seats", "carrier", "late", "name")


def rows(n: int, seed: int = 0) -> pl.DataFrame:
    """Rows with faults of every kind, many of them alike."""
    random = np.random.default_rng(seed)
    number = pl.Series(random.normal(size=n).round(1))
    return pl.DataFrame(
        {
            "weight": number,
            "seats": random.integers(0, 4, n),
            "carrier": random.choice(["AA", "DL", "UA", ""], n),
            "late": random.random(n) < 0.3,
            "name": [f"passenger {i}" for i in range(n)],
            "score": random.integers(0, 3, n) / 8,
            "label": random.integers(0, 2, n),
            "part": random.choice(["day", "night"], n),
        }
    ).with_columns(
        weight=pl.when(pl.int_range(n) % 7 == 0)
        .then(None)
        .when(pl.int_range(n) % 11 == 0)
        .then(np.nan)
        .otherwise(number),
        carrier=pl.when(pl.int_range(n) % 13 == 0).then(pl.lit("ZZ")).otherwise("carrier"),
        label=pl.when(pl.int_range(n) % 5 == 0).then(None).otherwise("label"),
    )


def cells() -> tuple[Cells, ...]:
    return lay_out(rows(400, seed=9).filter(pl.col("carrier") != "ZZ"), COLUMNS, frozenset({"name"}))


def sampling(size: int = 40, key: tuple[str, ...] = ()) -> Sampling:
    return Sampling(cells(), size, key, texts=("part",))


CUTS = st.lists(st.integers(0, 300), max_size=5)


@settings(deadline=None)
@given(cuts=CUTS, seed=st.integers(0, 9), size=st.sampled_from([1, 3, 40, 10_000]), nights=st.booleans())
def test_a_sample_of_rows_is_a_monoid(cuts: list[int], seed: int, size: int, nights: bool) -> None:
    whole = pl.concat([rows(250, seed), rows(250, seed).head(50)]).sample(fraction=1, shuffle=True, seed=seed)
    parts = [whole[start:stop] for start, stop in pairwise([0, *sorted(cuts), whole.height])]
    how = sampling(size)

    def summary(frame: pl.DataFrame) -> RowSample:
        if not nights:
            return sample_rows(frame, how)
        halves = frame.partition_by("part", as_dict=True).items()
        return RowSample.merged(sample_rows(part, how, f"2013-01-{len(str(value))}") for (value,), part in halves)

    if not nights or all(part.height for part in parts):
        obeys_the_laws(parts, summary, pl.concat, RowSample())


def test_samples_of_other_columns_and_sizes_add_up_in_any_order() -> None:
    frames = [rows(80, seed) for seed in range(3)]
    plans = [
        sampling(30),
        Sampling(cells()[:2], 50, texts=("part", "carrier")),
        Sampling(cells()[1:], 20, numbers=("score",)),
    ]
    first, second, third = (sample_rows(frame, how) for frame, how in zip(frames, plans, strict=True))
    whole = first + second + third
    assert whole == third + (second + first) == RowSample.merged([second, third, first])
    assert (whole.size, whole.height, whole.rows) == (20, 20, 240)
    assert set(np.unique(whole.code("late"))) == {ABSENT, 0, 1}


def test_rows_beyond_the_end_of_what_is_known_need_not_be_sampled() -> None:
    first, second = rows(300, 1), pl.concat([rows(60, 2), rows(300, 1).head(40)])
    before = sample_rows(first, sampling(40))
    spared, whole = sample_rows(second, sampling(40), end=before.end), sample_rows(second, sampling(40))
    assert before + spared == before + whole
    assert (spared.rows, whole.height) == (100, 40)
    assert 0 < spared.height < 40


def test_there_is_no_end_while_any_row_can_still_be_kept() -> None:
    assert sample_rows(rows(5), sampling(40)).end is None
    assert RowSample().end is None


def test_rows_that_are_alike_in_everything_are_one_row_with_a_count() -> None:
    frame = pl.concat([rows(100)] * 3)
    once, thrice = sample_rows(rows(100), sampling(20)), sample_rows(frame, sampling(20))
    assert thrice.hashes == once.hashes
    assert thrice.counts == tuple(3 * count for count in once.counts)


def test_few_different_rows_are_all_kept_with_their_exact_numbers() -> None:
    frame = pl.DataFrame({"late": [True] * 70_000 + [False] * 30_001})
    found = sample_rows(frame, Sampling(lay_out(frame, ("late",)), 100))
    assert dict(zip(found.code("late").tolist(), found.counts, strict=True)) == {1: 70_000, 0: 30_001}


def test_every_way_of_being_no_number_has_a_code_of_its_own() -> None:
    frame = pl.DataFrame(
        {
            "weight": [None, float("nan"), float("inf"), float("-inf"), 0.0, -0.0],
            "seats": [0, 1, 99, None, 2, 2],
            "carrier": ["AA", "unheard", None, "", "DL", "DL"],
            "name": ["a"] * 6,
            "order": range(6),
        }
    )
    how = Sampling(cells(), 10, numbers=("order",))
    found = sample_rows(frame, how)
    place = np.argsort(found.number("order"))
    weight, seats, carrier = (found.code(name)[place] for name in ("weight", "seats", "carrier"))
    assert weight[:4].tolist() == [MISSING, MISSING, HIGH, LOW]
    assert weight[4] == weight[5] >= 0
    values = next(each for each in cells() if each.column == "carrier").values
    assert carrier.tolist() == [values.index("AA"), UNSEEN, MISSING, values.index(""), *[values.index("DL")] * 2]
    assert seats[3] == MISSING
    assert seats[2] > seats[4] > seats[1] > seats[0] >= 0
    assert set(found.code("late").tolist()) == {ABSENT}
    assert "name" not in found.codes


def test_codes_are_the_cells_in_which_the_columns_are_counted() -> None:
    frame = rows(3000, seed=4)
    found = sample_rows(frame, sampling(10_000))
    for each in cells():
        if each.kind == "opaque":
            continue
        from_rows = np.bincount(found.code(each.column) + 5, found.weights, minlength=each.size + 5)[5:]
        table = summarise(frame, (each,)).columns[each.column].table
        assert from_rows.tolist() == table.dense(each.size).tolist()


def test_scores_and_labels_come_back_and_unknown_ones_are_not_numbers() -> None:
    frame = rows(50).with_columns(order=pl.int_range(50))
    how = Sampling(cells(), 100, numbers=("order", "score", "label"))
    found = sample_rows(frame, how)
    place = np.argsort(found.number("order"))
    assert found.number("score")[place].tolist() == frame["score"].to_list()
    np.testing.assert_array_equal(found.number("label")[place], frame["label"].cast(pl.Float64).fill_null(np.nan))
    assert np.isnan(found.number("nothing")).all()


def test_the_sample_is_fair() -> None:
    """Of rows 0..n-1 every part of the range is kept alike: Kolmogorov-Smirnov against the uniform."""
    frame = pl.DataFrame({"x": np.arange(200_000)})
    found = sample_rows(frame, Sampling(lay_out(frame, ("x",)), 4000, numbers=("x",)))
    assert found.height == 4000
    places = np.sort(found.number("x")) / 200_000
    distance = np.abs(places - (np.arange(4000) + 0.5) / 4000).max()
    assert distance < 1.63 / np.sqrt(4000)


@pytest.mark.parametrize("dtype", [pl.Int8, pl.Int64, pl.Float32, pl.Float64])
def test_a_row_has_one_hash_whatever_type_its_numbers_are_kept_in(dtype: type[pl.DataType]) -> None:
    known = lay_out(pl.DataFrame({"x": np.arange(100) / 4}), ("x",))
    frame = pl.DataFrame({"x": [0, 1, 7, None]})
    np.testing.assert_array_equal(hash_rows(frame.cast(dtype), known), hash_rows(frame, known))


def test_a_text_has_one_hash_whether_it_is_known_or_not_and_however_it_is_kept() -> None:
    frame = pl.DataFrame({"x": ["", "a", "ab", "äöü", None, "b" * 300]})
    known, none = lay_out(frame.head(2), ("x",)), Cells("x", "category")
    assert known[0].kind == "category"
    expected = hash_rows(frame, [none])
    assert len(np.unique(expected)) == 6
    np.testing.assert_array_equal(hash_rows(frame, known), expected)
    np.testing.assert_array_equal(hash_rows(frame.cast(pl.Categorical), known), expected)
    np.testing.assert_array_equal(hash_rows(frame[::-1], known)[::-1], expected)


WORD = 2**64 - 1


def mixed(bits: int) -> int:
    bits = (bits ^ bits >> 30) * 0xBF58476D1CE4E5B9 & WORD
    bits = (bits ^ bits >> 27) * 0x94D049BB133111EB & WORD
    return bits ^ bits >> 31


def text_hash(text: str) -> int:
    data = text.encode()
    total = sum((byte + 1) * pow(0x9E3779B97F4A7C15, place + 1, 2**64) for place, byte in enumerate(data))
    return mixed((total + len(data) * 0xBF58476D1CE4E5B9) & WORD)


def row_hash(values: dict[str, int]) -> int:
    return mixed(sum((bits ^ bits >> 32) * (text_hash(name) | 1) for name, bits in values.items()) & WORD)


def test_the_hash_is_what_its_definition_says_in_every_version() -> None:
    """Stored samples must add up with those of the next release."""
    frame = pl.DataFrame({"x": [1.5, None], "c": ["New York", ""], "k": [7, 2**63 - 1]})
    known = (Cells("x", "numeric"), Cells("c", "category"))
    number = int(np.float64(1.5).view(np.uint64))
    first = row_hash({"x": number, "c": text_hash("New York"), "k": 7})
    second = row_hash({"x": 0x7FF8 << 48, "c": text_hash(""), "k": 2**63 - 1})
    assert hash_rows(frame, known, ("k",)).tolist() == [first, second] == [4220348874228348084, 2325688638685264437]


def test_a_key_tells_rows_apart_that_are_alike() -> None:
    frame = pl.DataFrame({"late": [True] * 5000, "id": [f"row {i}" for i in range(5000)]})
    known = lay_out(frame, ("late",))
    assert sample_rows(frame, Sampling(known, 300)).counts == (5000,)
    assert sample_rows(frame, Sampling(known, 300, key=("id",))).counts == (1,) * 300


def test_nights_pooled_hold_more_rows_than_their_sum_and_all_below_one_hash() -> None:
    nights = [sample_rows(rows(400, seed), sampling(50), f"2013-01-0{seed}") for seed in range(1, 5)]
    whole = RowSample.merged(sample_rows(rows(400, seed), sampling(10_000), f"2013-01-0{seed}") for seed in range(1, 5))
    pooled = RowSample.pooled(nights, 10_000)
    assert 100 < pooled.height <= 200
    assert pooled.hashes == whole.hashes[: pooled.height]
    assert pooled.night == whole.night[: pooled.height]
    assert pooled.rows == whole.rows == 1600
    assert RowSample.pooled(nights, 60).height == 60
    assert RowSample.pooled([], 60) == RowSample(60)


def test_some_rows_of_a_sample_are_a_sample() -> None:
    found = sample_rows(rows(100), sampling(40))
    some = found.of(np.flatnonzero(found.code("late") == 1))
    assert 0 < some.height < found.height
    assert set(some.code("late").tolist()) == {1}


def test_a_night_of_twenty_columns_takes_tens_of_kilobytes() -> None:
    random = np.random.default_rng(0)
    frame = pl.DataFrame({f"x{i}": random.normal(size=30_000) for i in range(20)})
    how = Sampling(lay_out(frame, frame.columns), 2000)
    assert len(codec.pack(sample_rows(frame, how))) < 80_000


def test_rows_of_no_row_are_neutral() -> None:
    empty = sample_rows(rows(0), sampling())
    some = sample_rows(rows(10), sampling())
    assert empty.height == empty.rows == 0
    assert empty + some == some
    assert empty.code("late").tolist() == []
