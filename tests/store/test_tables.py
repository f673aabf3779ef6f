import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from deltalake import DeltaTable
from polars.testing import assert_frame_equal

from batchops.errors import ConfigError, LockHeld, StoreError
from batchops.partition import Night, Output
from batchops.store import (
    Publication,
    Store,
    publication,
    publish_scores,
    published,
    read_scores,
    scores_folder,
    scores_path,
    scores_version,
    write_frame,
)
from tests.store.worlds import NIGHT, SCHEMA, frame, scores


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path))


def publish(store: Store, run_id: str, rows: pl.DataFrame | None = None, night: Night = NIGHT) -> int:
    return publish_scores(
        store, "j", night, [scores(store, run_id, rows, night)], Publication(run_id, f"key of {run_id}")
    )


def night_rows(rows: pl.DataFrame, night: Night = NIGHT) -> pl.DataFrame:
    return rows.with_columns(pl.lit(night.date).alias("night"))


def test_nothing_is_published_before_the_first_commit(store: Store) -> None:
    scores(store, "r1")
    assert published(store, "j", NIGHT) is None
    assert publication(store, "j", NIGHT) is None
    assert scores_version(store, "j") is None
    with pytest.raises(StoreError, match="no scores are published"):
        read_scores(store, "j", NIGHT)


def test_a_night_is_published_whole(store: Store) -> None:
    files = [scores(store, "r1", frame(10 * part), part=str(part)) for part in range(4)]
    version = publish_scores(store, "j", NIGHT, files, Publication("r1", "key", {"model": "m@1"}))
    assert (published(store, "j", NIGHT), scores_version(store, "j")) == ("r1", version)
    assert publication(store, "j", NIGHT) == Publication("r1", "key", {"model": "m@1"})
    assert published(store, "j", NIGHT + 1) is None
    expected = night_rows(pl.concat([frame(10 * part) for part in range(4)]))
    assert_frame_equal(read_scores(store, "j", NIGHT), expected, check_row_order=False)


def test_polars_and_arrow_read_the_table_as_we_do(store: Store) -> None:
    publish(store, "r1", frame(0))
    publish(store, "r2", frame(10), NIGHT + 1)
    ours = pl.concat([read_scores(store, "j", night) for night in (NIGHT, NIGHT + 1)])
    uri = store.uri("tables/scores/j")
    assert_frame_equal(pl.scan_delta(uri).collect(), ours, check_row_order=False)
    arrow = pl.DataFrame(DeltaTable(uri).to_pyarrow_table())
    assert_frame_equal(arrow, ours, check_row_order=False, check_column_order=False)


def test_a_new_run_takes_the_place_of_the_old_and_the_past_stays_readable(store: Store) -> None:
    publish(store, "other", frame(50), NIGHT + 1)
    old = publish(store, "r1", frame(0))
    new = publish(store, "r2", frame(10))
    assert published(store, "j", NIGHT) == "r2"
    assert_frame_equal(read_scores(store, "j", NIGHT), night_rows(frame(10)))
    assert_frame_equal(read_scores(store, "j", NIGHT, old), night_rows(frame(0)))
    assert_frame_equal(read_scores(store, "j", NIGHT + 1, new), night_rows(frame(50), NIGHT + 1))


def test_publishing_again_changes_nothing(store: Store) -> None:
    first = publish(store, "r1")
    publish(store, "r2", night=NIGHT + 1)
    assert publish(store, "r1") == first
    assert scores_version(store, "j") == first + 1


def test_one_run_cannot_publish_other_files_under_its_name(store: Store) -> None:
    publish(store, "r1")
    with pytest.raises(StoreError, match="has published other files"):
        publish_scores(store, "j", NIGHT, [scores(store, "r1", part="q")], Publication("r1", "k"))


@pytest.mark.parametrize("path", ["tables/scores/j/night=2013-07-05/r1-a_0.parquet", "x/r1-a.parquet"])
def test_a_file_of_another_night_or_place_is_a_bug(store: Store, path: str) -> None:
    with pytest.raises(ValueError, match="scores_path"):
        publish_scores(store, "j", NIGHT, [write_frame(store, path, frame())], Publication("r1", "k"))


def test_a_file_of_another_run_is_a_bug(store: Store) -> None:
    with pytest.raises(ValueError, match="scores_path"):
        publish_scores(store, "j", NIGHT, [scores(store, "r1")], Publication("r", "k"))


def test_a_night_without_scores_is_a_published_night(store: Store) -> None:
    publish_scores(store, "j", NIGHT, [], Publication("r1", "k", schema=SCHEMA))
    publish_scores(store, "j", NIGHT + 1, [], Publication("r2", "k"))
    for night, run_id in ((NIGHT, "r1"), (NIGHT + 1, "r2")):
        assert published(store, "j", night) == run_id
        assert_frame_equal(read_scores(store, "j", night), night_rows(frame(rows=0), night))


def test_a_night_without_scores_and_columns_is_refused(store: Store) -> None:
    with pytest.raises(StoreError, match="no table exists"):
        publish_scores(store, "j", NIGHT, [], Publication("r1", "k"))


def test_a_column_is_added_and_older_nights_read_it_as_null(store: Store) -> None:
    publish(store, "r1")
    wider = frame(10).with_columns(gate=pl.lit("A1"))
    publish(store, "r2", wider, NIGHT + 1)
    publish(store, "r3", frame(20), NIGHT + 2)
    assert_frame_equal(read_scores(store, "j", NIGHT + 1), night_rows(wider, NIGHT + 1), check_column_order=False)
    for night in (NIGHT, NIGHT + 2):
        assert read_scores(store, "j", night)["gate"].to_list() == [None] * 3
    assert pl.scan_delta(store.uri("tables/scores/j")).collect().height == 9


def test_a_retyped_column_is_refused_and_the_table_stays_readable(store: Store) -> None:
    publish(store, "r1")
    with pytest.raises(StoreError, match="column flight is Int64 in the table and String in the new files"):
        publish(store, "r2", frame().cast({"flight": pl.String}))
    assert published(store, "j", NIGHT) == "r1"
    assert_frame_equal(read_scores(store, "j", NIGHT), night_rows(frame()))


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (frame().drop("score"), "column score is missing"),
        (frame().with_columns(x=1), "column x is not expected"),
        (frame().cast({"score": pl.Float32}), "column score is Float32 and not Float64"),
    ],
)
def test_files_of_one_night_have_one_schema(store: Store, rows: pl.DataFrame, words: str) -> None:
    files = [scores(store, "r1", part="0"), scores(store, "r1", rows, part="1")]
    with pytest.raises(StoreError, match=words):
        publish_scores(store, "j", NIGHT, files, Publication("r1", "k"))
    with pytest.raises(StoreError, match=words):
        publish_scores(store, "j", NIGHT, files[1:], Publication("r1", "k", schema=SCHEMA))
    assert published(store, "j", NIGHT) is None


@pytest.mark.parametrize(
    ("column", "words"),
    [(pl.Series("t", [1], pl.Duration), "cannot hold Duration"), (pl.Series("night", ["x"]), "the partition's name")],
)
def test_a_column_that_no_table_holds_is_named(store: Store, column: pl.Series, words: str) -> None:
    with pytest.raises(StoreError, match=words):
        publish(store, "r1", pl.DataFrame([column]))


def test_an_unsigned_column_that_came_past_storable_is_named(store: Store) -> None:
    path = scores_path("j", NIGHT, "r1", "p")
    store.make_folder(scores_folder("j", NIGHT))
    pl.DataFrame({"n": [1]}, schema={"n": pl.UInt32}).write_parquet(store.uri(path))
    with pytest.raises(StoreError, match="column n: a table cannot hold UInt32"):
        publish_scores(store, "j", NIGHT, [Output(path, 1, store.digest(path))], Publication("r1", "k"))


def test_a_file_that_is_gone_cut_or_no_parquet_is_refused(store: Store) -> None:
    file = scores(store, "r1")
    store.write(file.path, store.read(file.path)[:-10])
    with pytest.raises(StoreError, match="bytes and not"):
        publish_scores(store, "j", NIGHT, [file], Publication("r1", "k"))
    cut = replace(file, fingerprint=store.digest(file.path))
    with pytest.raises(StoreError, match="no parquet file"):
        publish_scores(store, "j", NIGHT, [cut], Publication("r1", "k"))
    store.delete(file.path)
    with pytest.raises(StoreError, match="is gone"):
        publish_scores(store, "j", NIGHT, [file], Publication("r1", "k"))
    assert published(store, "j", NIGHT) is None


def test_a_runner_that_was_overtaken_is_refused(store: Store) -> None:
    publish(store, "r1")
    late = Publication("r2", "k", replaces="r1")
    publish(store, "r3")
    with pytest.raises(LockHeld, match="run r3 has published"):
        publish_scores(store, "j", NIGHT, [scores(store, "r2")], late)
    assert published(store, "j", NIGHT) == "r3"
    publish_scores(store, "j", NIGHT, [scores(store, "r4")], Publication("r4", "k", replaces="r3"))
    with pytest.raises(LockHeld):
        publish_scores(store, "j", NIGHT, [scores(store, "r5")], Publication("r5", "k", replaces=None))
    assert published(store, "j", NIGHT) == "r4"


@pytest.mark.parametrize("before", [None, "r0"])
def test_of_two_who_publish_the_same_night_one_succeeds(store: Store, before: str | None) -> None:
    if before:
        publish(store, before)
    together, writers = threading.Barrier(4), ["a", "b", "c", "d"]
    files = {run_id: scores(store, run_id, frame(10 * ord(run_id))) for run_id in writers}

    def race(run_id: str) -> bool:
        together.wait()
        try:
            publish_scores(store, "j", NIGHT, [files[run_id]], Publication(run_id, "k", replaces=before))
        except LockHeld:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        won = dict(zip(writers, pool.map(race, writers), strict=True))
    winner = published(store, "j", NIGHT)
    assert won == {run_id: run_id == winner for run_id in writers}
    assert_frame_equal(read_scores(store, "j", NIGHT), night_rows(frame(10 * ord(str(winner)))))


def test_different_nights_published_at_once_all_land_each_with_its_version(store: Store) -> None:
    together, nights = threading.Barrier(4), [NIGHT + day for day in range(4)]

    def race(night: Night) -> int:
        rows = frame().with_columns(pl.lit(0.5).alias(f"x{night}")) if night == NIGHT else frame()
        file = scores(store, f"r{night}", rows, night)
        together.wait()
        return publish_scores(store, "j", night, [file], Publication(f"r{night}", "k"))

    with ThreadPoolExecutor(4) as pool:
        versions = list(pool.map(race, nights))
    assert [published(store, "j", night) for night in nights] == [f"r{night}" for night in nights]
    assert len(set(versions)) == 4
    for night, version in zip(nights, versions, strict=True):
        assert read_scores(store, "j", night, version).height == 3
    assert f"x{NIGHT}" in read_scores(store, "j", NIGHT + 3).columns


def test_a_checkpoint_that_fails_does_not_undo_a_commit(store: Store) -> None:
    publish(store, "r0")
    log = Path(store.uri("tables/scores/j/_delta_log"))
    for version in range(1, 41):
        (log / f"{version:020}.checkpoint.parquet").mkdir()
    versions = [publish(store, f"r{number}") for number in range(1, 25)]
    assert published(store, "j", NIGHT) == "r24"
    assert len(set(versions)) == 24


def test_no_table_lives_where_delta_cannot_reach(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no table can be kept there"):
        published(Store(f"memory://{tmp_path.name}"), "j", NIGHT)


def test_a_version_that_never_was_is_said_to_fail(store: Store) -> None:
    publish(store, "r1")
    with pytest.raises(StoreError):
        read_scores(store, "j", NIGHT, 99)
