from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from batchops.errors import GateError, UsageError
from batchops.frames import open_frame, open_path
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


def test_files_of_a_folder_may_lack_a_column(tmp_path: Path) -> None:
    ROWS.write_parquet(tmp_path / "a.parquet")
    ROWS.drop("direct").write_parquet(tmp_path / "b.parquet")
    assert read(tmp_path)["direct"].null_count() == ROWS.height


def test_what_is_not_there_or_no_table_is_refused(tmp_path: Path) -> None:
    (tmp_path / "flights.parquet").write_bytes(b"PAR1 cut off")
    (tmp_path / "notes.txt").write_text("none")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match=r"flights\.parquet"):
        open_path(str(tmp_path / "flihgts.parquet"))
    with pytest.raises(UsageError, match="neither parquet nor CSV"):
        open_path(str(tmp_path / "notes.txt"))
    with pytest.raises(UsageError, match="neither parquet nor CSV"):
        open_path(str(tmp_path / "empty"))
    with pytest.raises(GateError, match="cannot be read"):
        open_path(str(tmp_path / "flights.parquet")).count()
    with pytest.raises(UsageError, match="is a dict"):
        open_frame({})
