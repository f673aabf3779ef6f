from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from batchops.errors import GateError, UsageError
from batchops.frames import audit_frame, open_frame, open_path
from tests.frames.two import frame

ROWS = frame(1_000)


def read(path: object) -> pl.DataFrame:
    return pl.concat(list(open_frame(path).batches()))


@pytest.mark.parametrize("kind", ["file", "glob", "folder", "delta", "csv", "tsv"])
def test_every_form_of_the_same_rows_reads_alike(tmp_path: Path, kind: str) -> None:
    half = ROWS.height // 2
    where: Path = tmp_path / "rows.parquet"
    if kind == "file":
        ROWS.write_parquet(where)
    elif kind in ("glob", "folder"):
        (tmp_path / "parts").mkdir()
        ROWS.head(half).write_parquet(tmp_path / "parts" / "a.parquet")
        ROWS.tail(-half).write_parquet(tmp_path / "parts" / "b.parquet")
        where = tmp_path / "parts" / "*.parquet" if kind == "glob" else tmp_path / "parts"
    elif kind == "delta":
        where = tmp_path / "table"
        ROWS.write_delta(str(where))
    else:
        where = tmp_path / f"rows.{kind}"
        ROWS.write_csv(where, separator="," if kind == "csv" else "\t")
    assert_frame_equal(read(where), ROWS)
    assert open_frame(where).count() == ROWS.height
    assert len(open_frame(where).digest()) == 64


def test_frames_in_memory_read_alike() -> None:
    for each in (ROWS, ROWS.lazy(), ROWS.to_pandas(), ROWS.to_arrow()):
        table = open_frame(each)
        assert_frame_equal(pl.concat(list(table.batches())), ROWS)
        assert table.digest() == ""


def test_files_of_a_folder_may_differ_in_their_columns_and_in_how_they_hold_numbers(tmp_path: Path) -> None:
    ROWS.write_parquet(tmp_path / "a.parquet")
    ROWS.drop("direct").with_columns(pl.col("hour").cast(pl.Float64), new=pl.lit(1)).write_parquet(
        tmp_path / "b.parquet"
    )
    rows = read(tmp_path)
    assert rows["direct"].null_count() == rows["new"].null_count() == ROWS.height
    assert rows["hour"].to_list() == 2 * ROWS["hour"].to_list()


def test_parquet_is_read_slice_by_slice_over_row_groups_and_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("batchops.frames.sources.BATCH", 40)
    every = pl.DataFrame({"at": range(150), "name": [f"row {at}" for at in range(150)]})
    parts = [
        every[:70],
        every[70:70],
        every[70:75].with_columns(pl.col("at").cast(pl.Float64)),
        every[75:].select("name"),
    ]
    for place, part in enumerate(parts):
        part.write_parquet(tmp_path / f"{place}.parquet", row_group_size=30)
    table = open_path(str(tmp_path))
    frames = list(table.batches())
    assert [frame.height for frame in frames] == [40, 40, 40, 30]
    expected = every.with_columns(pl.when(pl.col("at") < 75).then(pl.col("at")).cast(pl.Float64))
    assert_frame_equal(pl.concat(frames), expected)
    assert_frame_equal(pl.concat(frames), table.rows.collect())
    # Of one column, and of one that the last file lacks.
    assert_frame_equal(pl.concat(table.batches(["at"])), expected.select("at"))
    assert list(table.batches(["nowhere"])) == []


def test_csv_files_of_a_folder_may_have_their_columns_in_another_order(tmp_path: Path) -> None:
    ROWS.write_csv(tmp_path / "a.csv")
    ROWS.select(reversed(ROWS.columns)).drop("temp").write_csv(tmp_path / "b.csv")
    rows = read(tmp_path)
    assert_frame_equal(rows.head(ROWS.height), ROWS)
    assert_frame_equal(rows.tail(ROWS.height).drop("temp"), ROWS.drop("temp"))
    assert rows["temp"].null_count() == ROWS.height


def test_a_folder_of_several_kinds_is_refused_and_a_marker_is_no_file_of_it(tmp_path: Path) -> None:
    night = tmp_path / "night=2013-07-04"
    night.mkdir()
    ROWS.write_parquet(night / "a.parquet")
    (night / "_SUCCESS").touch()
    for each in (tmp_path, night, f"{night}/*", f"{tmp_path}/night=*"):
        assert_frame_equal(read(each), ROWS)
    ROWS.write_csv(night / "b.csv")
    with pytest.raises(UsageError, match=r"\.csv, \.parquet"):
        read(night)


def test_a_csv_column_without_a_value_has_no_type_and_one_that_begins_without_has_its_own(tmp_path: Path) -> None:
    number, empty = [""] * 1_500 + ["2.5"], ["", *[""] * 1_500]
    rows = [f"{at},{value},{none}" for at, (value, none) in enumerate(zip(number, empty, strict=True))]
    (tmp_path / "a.csv").write_text("\n".join(["id,late,never", *rows]))
    assert dict(open_path(str(tmp_path / "a.csv")).schema) == {"id": pl.Int64, "late": pl.Float64, "never": pl.Null}


def test_types_that_the_first_rows_of_a_csv_belie_are_those_that_hold_all_rows(tmp_path: Path) -> None:
    first = ["1,true,2020-01-01,1.5,a"] * 1_500
    (tmp_path / "a.csv").write_text("\n".join(["i,b,d,f,s", *first, "2.5,maybe,never,x,b"]))
    table = open_path(str(tmp_path / "a.csv"))
    with pytest.raises(GateError):
        list(table.batches())
    wider = table.wider()
    assert wider is not None
    assert dict(wider.schema) == {"i": pl.Float64, "b": pl.String, "d": pl.String, "f": pl.String, "s": pl.String}
    assert pl.concat(list(wider.batches())).row(-1) == (2.5, "maybe", "never", "x", "b")
    made = audit_frame(tmp_path / "a.csv")
    assert made.document.rows.total == 1_501


def test_values_that_arrow_has_no_type_for_are_text() -> None:
    import pandas as pd

    odd = pd.DataFrame({"mixed": [1, "a", None], "z": [1j, 2j, 3j], "few": pd.arrays.SparseArray([0, 0, 1])})
    rows = read(odd)
    assert rows["mixed"].to_list() == ["1", "a", None]
    assert rows["z"].dtype == pl.String
    assert rows["few"].to_list() == [0, 0, 1]


def test_an_index_with_a_name_is_a_column_and_two_columns_of_one_name_are_refused() -> None:
    import pandas as pd
    import pyarrow as pa

    assert read(pd.DataFrame({"a": [1, 2]}, index=pd.Index([7, 8], name="id"))).to_dict(as_series=False) == {
        "id": [7, 8], "a": [1, 2],
    }  # fmt: skip
    assert read(pd.DataFrame({"a": [1, 2]}, index=[7, 8])).columns == ["a"]
    for twice in (
        pd.DataFrame([[1, 2]], columns=["a", "a"]),
        pd.DataFrame([[1, 2]], columns=[1, "1"]),
        pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"]),
    ):
        with pytest.raises(UsageError, match="two columns are called"):
            open_frame(twice)


def test_a_dataset_of_arrow_is_read_in_batches(tmp_path: Path) -> None:
    import pyarrow.dataset as ds

    ROWS.write_parquet(tmp_path / "a.parquet")
    assert_frame_equal(read(ds.dataset(tmp_path)), ROWS)


def test_what_is_not_there_or_no_table_is_refused(tmp_path: Path) -> None:
    (tmp_path / "flights.parquet").write_bytes(b"PAR1 cut off")
    (tmp_path / "notes.txt").write_text("none")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match=r"flights\.parquet"):
        open_path(str(tmp_path / "flihgts.parquet"))
    with pytest.raises(UsageError, match="neither parquet nor CSV"):
        open_path(str(tmp_path / "notes.txt"))
    with pytest.raises(UsageError, match="holds no file that ends with"):
        open_path(str(tmp_path / "empty"))
    with pytest.raises(UsageError, match="only local files"):
        open_path("s3://bucket/flights.parquet")
    with pytest.raises(GateError, match="cannot be read"):
        open_path(str(tmp_path / "flights.parquet")).count()
    for none, name in (({}, "dict"), (ROWS["temp"], "Series"), (ROWS["temp"].to_pandas(), "Series"), (None, "None")):
        with pytest.raises(UsageError, match=f"is a {name}"):
            open_frame(none)
