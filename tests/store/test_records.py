import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from pathlib import Path

import polars as pl
import pytest

from batchops.store import RunRow, Store, metrics, record_metrics, record_run, runs
from tests.store.worlds import NIGHT, metric_row, run_row


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path))


def test_a_row_comes_back_as_it_was_recorded(store: Store) -> None:
    row = replace(run_row(), peak_memory=2**40, scores_version=7, headline="ø")
    record_run(store, row)
    (found,) = runs(store, "j").to_dicts()
    assert {**found} == {**asdict(row), "night": row.night.date}
    assert set(found) == set(RunRow.__dataclass_fields__)


def test_where_nothing_was_recorded_there_are_no_rows_but_all_columns(store: Store) -> None:
    assert runs(store).is_empty()
    assert metrics(store, "j").is_empty()
    columns = runs(store).schema, metrics(store, "j").schema
    record_run(store, run_row())
    record_metrics(store, "j", NIGHT, "score", [metric_row("a")])
    assert columns == (runs(store).schema, metrics(store, "j").schema)
    assert runs(store, "unknown").schema == columns[0]


def test_recording_again_replaces_the_night_and_nothing_else(store: Store) -> None:
    for night in (NIGHT, NIGHT + 1, NIGHT + 31):
        record_run(store, run_row(night))
    record_run(store, run_row(run_id="labels", kind="labels"))
    record_run(store, run_row(job="other"))
    for _ in range(2):
        record_run(store, run_row(run_id="r2"))
    found = runs(store, "j").select("night", "kind", "run_id").rows()
    assert sorted(found) == [
        (NIGHT.date, "labels", "labels"),
        (NIGHT.date, "score", "r2"),
        ((NIGHT + 1).date, "score", "r1"),
        ((NIGHT + 31).date, "score", "r1"),
    ]
    assert sorted(runs(store)["job"]) == ["j"] * 4 + ["other"]


def test_runs_are_sorted_by_night_and_end(store: Store) -> None:
    for day in (40, 2, 0, 31, 1):
        record_run(store, run_row(NIGHT + day))
    assert runs(store, "j")["night"].to_list() == [(NIGHT + day).date for day in (0, 1, 2, 31, 40)]


def test_a_range_of_nights_is_read_with_both_ends(store: Store) -> None:
    for day in range(0, 70, 10):
        record_run(store, run_row(NIGHT + day))
        record_metrics(store, "j", NIGHT + day, "score", [metric_row("a", night=NIGHT + day)])
    wanted = [(NIGHT + day).date for day in (20, 30, 40)]
    assert runs(store, "j", NIGHT + 20, NIGHT + 40)["night"].to_list() == wanted
    assert metrics(store, "j", NIGHT + 15, NIGHT + 45)["night"].to_list() == wanted
    assert runs(store, "j", last=NIGHT + 5)["night"].to_list() == [NIGHT.date]
    assert runs(store, "j", first=NIGHT + 55)["night"].to_list() == [(NIGHT + 60).date]


def test_figures_keep_their_order_and_are_replaced_with_their_night(store: Store) -> None:
    record_metrics(store, "j", NIGHT, "score", [metric_row(name) for name in "zebra"])
    record_metrics(store, "j", NIGHT + 1, "score", [metric_row("later", night=NIGHT + 1)])
    record_metrics(store, "j", NIGHT, "score", [metric_row(name, "r2", None) for name in "cab"])
    found = metrics(store, "j")
    assert found["subject"].to_list() == ["c", "a", "b", "later"]
    assert found["value"].to_list() == [None, None, None, 0.1]
    record_metrics(store, "j", NIGHT, "score", [])
    assert metrics(store, "j")["subject"].to_list() == ["later"]


def test_figures_of_another_night_are_a_bug(store: Store) -> None:
    with pytest.raises(ValueError, match="not all rows"):
        record_metrics(store, "j", NIGHT + 1, "score", [metric_row("a")])


def test_many_writers_of_one_month_lose_nothing(store: Store) -> None:
    together = threading.Barrier(4)

    def record(day: int) -> None:
        together.wait()
        record_run(store, run_row(NIGHT + day))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(record, range(8)))
    assert runs(store, "j")["night"].to_list() == [(NIGHT + day).date for day in range(8)]


def test_the_newest_version_of_the_table_is_one_file_a_job_and_month(store: Store) -> None:
    for day in range(5):
        record_run(store, run_row(NIGHT + day))
    record_run(store, run_row(NIGHT + 31))
    scanned = pl.scan_delta(store.uri("tables/runs"))
    found = scanned.collect().group_by("month").len().sort("month")
    assert found.rows() == [("2013-07", 5), ("2013-08", 1)]
