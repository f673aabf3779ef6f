from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings, strategies as st

from batchops.contract import compile_contract, keys
from tests.contract.models import Orders, orders

SCHEMA = {"carrier": pl.String, "flight": pl.Int64, "origin": pl.String}
ROWS = st.lists(
    st.tuples(st.sampled_from(["UA", "AA", "", None]), st.integers(1, 4) | st.none(), st.sampled_from(["EWR", "é"])),
    max_size=12,
)


def frame(rows: list[Any]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def over_files(parts: list[pl.DataFrame], folder: Path, buckets: int) -> pl.DataFrame | None:
    for number, part in enumerate(parts):
        keys.spill(part, folder, f"night=2013-07-04/part-{number}.parquet", buckets)
    suspected = np.concatenate([keys.candidates(folder, bucket) for bucket in range(buckets)])
    return keys.confirm(keys.collect(part, suspected) for part in parts)


def marked(parts: list[pl.DataFrame], confirmed: pl.DataFrame | None) -> list[bool]:
    return [flag for part in parts for flag in keys.mark(part, confirmed).to_list()]


@settings(deadline=None, max_examples=40)
@given(st.lists(ROWS, min_size=1, max_size=5), st.integers(1, 5))
def test_both_ways_mark_every_row_of_a_key_that_comes_twice_in_the_night(rows: list[list[Any]], buckets: int) -> None:
    parts = [frame(part) for part in rows]
    times = Counter(row for part in rows for row in part)
    expected = [times[row] > 1 and None not in row for part in rows for row in part]
    with TemporaryDirectory() as folder:
        assert marked(parts, over_files(parts, Path(folder), buckets)) == expected
    assert marked(parts, keys.duplicates(parts)) == expected


def test_two_keys_of_one_hash_are_no_duplicates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "_hashes", lambda keys: pl.repeat(2**63 + 5, keys.height, dtype=pl.UInt64, eager=True))
    parts = [frame([("UA", 1, "EWR"), ("UA", 2, "EWR")]), frame([("UA", 3, "EWR"), ("UA", 1, "EWR")])]
    confirmed = over_files(parts, tmp_path, 4)
    assert marked(parts, confirmed) == [True, False, False, True]


def test_a_clean_night_has_no_candidates(tmp_path: Path) -> None:
    part = pl.DataFrame({"flight": range(10_000)})
    keys.spill(part, tmp_path, "one", 7)
    assert sum(len(keys.candidates(tmp_path, bucket)) for bucket in range(7)) == 0
    assert keys.duplicates([part]) is None
    assert not keys.mark(part, None).any()


def test_buckets_share_the_hashes_evenly(tmp_path: Path) -> None:
    part = pl.DataFrame({"flight": [*range(10_000), *range(10_000)]})
    keys.spill(part, tmp_path, "one", 4)
    sizes = [len(keys.candidates(tmp_path, bucket)) for bucket in range(4)]
    assert sum(sizes) == 10_000
    assert all(2_300 < size < 2_700 for size in sizes)


def test_a_part_written_again_takes_the_place_of_the_first(tmp_path: Path) -> None:
    part = frame([("UA", 1, "EWR")])
    for _ in range(2):
        keys.spill(part, tmp_path, "one", 1)
    assert len(keys.candidates(tmp_path, 0)) == 0


def test_a_key_is_the_same_under_every_dtype_it_may_have(tmp_path: Path) -> None:
    contract = compile_contract(Orders)
    plain = keys.keys_of(contract, orders(), ("kind", "number"))
    other = orders(kind=orders()["kind"].cast(pl.Categorical), number=orders()["number"].cast(pl.Int16))
    retyped = keys.keys_of(contract, other, ("kind", "number"))
    assert plain is not None
    assert retyped is not None
    assert marked([plain, retyped], over_files([plain, retyped], tmp_path, 2)) == [True] * 8
    raw = other.select("kind").cast(pl.Enum(["book", "pen", "ink"]))
    assert marked([raw], keys.duplicates([raw, orders().select("kind")[:1]])) == [True, True, False, True]


def test_there_is_no_key_without_its_columns() -> None:
    contract = compile_contract(Orders)
    assert keys.keys_of(contract, orders().drop("number")) is None
    assert keys.keys_of(contract, orders(number=pl.Series(["1", "2", "3", "4"]))) is None


def test_hashes_are_the_same_in_every_process() -> None:
    script = (
        "import polars as pl\n"
        "from batchops.contract import keys\n"
        "print(keys._hashes(pl.DataFrame({'a': ['UA', 'é'], 'b': [1, 2]})).to_list())"
    )
    project = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=project)
    here = keys._hashes(pl.DataFrame({"a": ["UA", "é"], "b": [1, 2]})).to_list()
    assert done.stdout.strip() == str(here)


def test_one_function_decides_which_way() -> None:
    assert keys.in_memory(900)
    assert not keys.in_memory(10_000_000)
    assert (keys.buckets_for(0), keys.buckets_for(10_000_000)) == (1, 3)


def held_over_files(tonight: list[pl.DataFrame], earlier: dict[str, list[pl.DataFrame]], buckets: int) -> Any:
    with TemporaryDirectory() as folder:
        ours, theirs = Path(folder, "ours"), Path(folder, "theirs")
        for number, part in enumerate(tonight):
            keys.spill(part, ours, str(number), buckets)
        for night, parts in earlier.items():
            for number, part in enumerate(parts):
                keys.spill(part, theirs, f"{night}-{number}", buckets)
        hashes = np.concatenate([keys.shared(ours, theirs, bucket) for bucket in range(buckets)])
    stored = [(night, keys.behind(part, hashes)) for night, parts in earlier.items() for part in parts]
    return keys.again([keys.behind(part, hashes) for part in tonight], stored)


def held_in_memory(tonight: list[pl.DataFrame], earlier: dict[str, list[pl.DataFrame]]) -> Any:
    stored = [(night, keys.behind(part)) for night, parts in earlier.items() for part in parts]
    return keys.again(map(keys.behind, tonight), stored)


NIGHTS = st.dictionaries(st.sampled_from(["2025-06-01", "2025-06-02", "2025-06-03"]), st.lists(ROWS, max_size=3))


@settings(deadline=None, max_examples=40)
@given(st.lists(ROWS, min_size=1, max_size=4), NIGHTS, st.integers(1, 5))
def test_both_ways_mark_every_row_of_a_key_that_an_earlier_night_holds(
    rows: list[list[Any]], nights: dict[str, list[list[Any]]], buckets: int
) -> None:
    tonight = [frame(part) for part in rows]
    earlier = {night: [frame(part) for part in parts] for night, parts in nights.items()}
    known = {night: {row for part in parts for row in part if None not in row} for night, parts in nights.items()}
    expected = [any(row in held for held in known.values()) for part in rows for row in part]
    counts = {night: sum(row in held for part in rows for row in part) for night, held in known.items()}
    for found in (held_in_memory(tonight, earlier), held_over_files(tonight, earlier, buckets)):
        assert marked(tonight, found) == expected
        assert keys.holders(pl.concat(tonight), found, nights) == counts


def test_two_keys_of_one_hash_are_not_held_by_another_night(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "_hashes", lambda keys: pl.repeat(7, keys.height, dtype=pl.UInt64, eager=True))
    tonight = [frame([("UA", 1, "EWR"), ("UA", 2, "EWR")])]
    found = held_over_files(tonight, {"2025-06-01": [frame([("UA", 3, "EWR"), ("UA", 2, "EWR")])]}, 3)
    assert marked(tonight, found) == [False, True]


def test_a_key_that_a_table_gives_back_in_another_type_is_the_same_key() -> None:
    contract = compile_contract(Orders)
    ours = keys.keys_of(contract, orders(), ("kind", "number"))
    assert ours is not None
    table = ours.with_columns(pl.col("kind").cast(pl.String), pl.col("number").cast(pl.Decimal(20, 0)))
    found = held_in_memory([ours], {"2025-06-01": [keys.stored_keys(contract, table[:2], ("kind", "number"))]})
    assert marked([ours], found) == [True, True, False, False]
