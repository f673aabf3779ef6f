import hashlib
import pickle
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import polars as pl
import pytest

from batchops.errors import ConfigError, StoreError
from batchops.store import Store, storable, write_frame
from batchops.store.kinds import held


@pytest.fixture(params=["folder", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    return Store(str(tmp_path / "var") if request.param == "folder" else f"memory://{tmp_path.name}")


def test_what_is_written_is_read_and_replaced(store: Store) -> None:
    for data in (b"one", b"", b"three" * 1000):
        store.write("a/b/c", data)
        assert store.read("a/b/c") == data
        assert store.digest("a/b/c").sha256 == hashlib.sha256(data).hexdigest()
        assert store.digest("a/b/c").size == store.sync("a/b/c") == len(data)


def test_what_is_not_there_is_said_to_be_absent(store: Store) -> None:
    assert not store.exists("a")
    assert store.names("a") == []
    store.delete("a")
    for verb in (store.read, store.digest, store.sync, lambda path: store.move(path, "b")):
        with pytest.raises(FileNotFoundError):
            verb("a")


def test_of_many_who_create_one_succeeds(store: Store) -> None:
    together = threading.Barrier(8)

    def create(number: int) -> bool:
        together.wait()
        return store.create("a/b", str(number).encode())

    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(create, range(8)))
    assert sum(won) == 1
    assert store.read("a/b") == str(won.index(True)).encode()
    assert store.names("a") == ["b"]


def test_names_are_sorted_and_are_those_of_files_and_folders(store: Store) -> None:
    for path in ("f/z", "f/a", "f/m/inside"):
        store.write(path, b"")
    assert store.names("f") == ["a", "m", "z"]


def test_a_folder_is_moved_and_deleted_with_all_in_it(store: Store) -> None:
    store.write("here/x/1", b"1")
    store.write("here/2", b"2")
    store.move("here", "far/there")
    assert (store.exists("here"), store.names("far/there"), store.read("far/there/x/1")) == (False, ["2", "x"], b"1")
    store.delete("far/there")
    assert store.names("far") == []
    store.write("far/there", b"a file now")
    store.move("far/there", "near")
    store.delete("near")
    assert not store.exists("near")


@pytest.mark.parametrize("path", ["../x", "/etc/x", "a/../../x"])
def test_a_path_outside_the_root_is_refused(store: Store, path: str) -> None:
    with pytest.raises(ValueError, match="not below the root"):
        store.write(path, b"")


def test_a_reader_never_sees_half_a_file(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    contents = [bytes([letter]) * (letter * 4000) for letter in range(60, 90)]
    store.write("f", contents[0])
    seen: set[bytes] = set()
    over = threading.Event()

    def look() -> None:
        while not over.is_set():
            seen.add(store.read("f"))

    reader = threading.Thread(target=look)
    reader.start()
    for content in contents * 5:
        store.write("f", content)
    over.set()
    reader.join()
    assert seen <= set(contents)
    assert store.names("") == ["f"]


def test_a_folder_that_is_not_empty_is_not_overwritten_by_a_move(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    store.write("new/f", b"new")
    store.write("old/f", b"old")
    with pytest.raises(StoreError):
        store.move("new", "old")
    assert store.read("old/f") == b"old"
    assert store.read("new/f") == b"new"


def test_what_a_killed_writer_left_is_not_listed(tmp_path: Path) -> None:
    (tmp_path / ".tmp-0123").write_bytes(b"half a fi")
    assert Store(str(tmp_path)).names("") == []


def test_a_store_is_a_value_that_travels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    store = Store("var")
    home = pickle.loads(pickle.dumps(store))
    assert home == store == Store(f"{tmp_path}/var") == Store(f"file://{tmp_path}/var/")
    assert (home.uri("a/b"), home.local("a/b")) == (f"{tmp_path}/var/a/b", tmp_path / "var/a/b")
    remote = Store("s3://bucket/batchops/", {"AWS_REGION": "x"})
    assert (remote.uri("a"), remote.local("a")) == ("s3://bucket/batchops/a", None)
    assert remote.storage_options == {"AWS_REGION": "x"}
    assert store.storage_options is None


def test_a_protocol_nobody_knows_is_a_mistake_in_the_settings() -> None:
    with pytest.raises(ConfigError, match="Protocol not known"):
        Store("gopher://old/net").names("")


def test_a_folder_does_not_pay_for_the_import_of_fsspec_or_pyarrow(tmp_path: Path) -> None:
    code = (
        "import sys; from batchops.store import *; import polars as pl, batchops.partition as p\n"
        f"s, n = Store({str(tmp_path)!r}), p.Night.parse('2013-07-04')\n"
        "f = write_frame(s, scores_path('j', n, 'r', 'p'), pl.DataFrame({'a': [1]}))\n"
        "publish_scores(s, 'j', n, [f], Publication('r', 'k')); assert len(read_scores(s, 'j', n)) == 1\n"
        "print([m for m in ('fsspec', 'pyarrow') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


KINDS: dict[str, pl.DataType | type[pl.DataType]] = {
    "small": pl.UInt8,
    "big": pl.UInt64,
    "list": pl.List(pl.UInt16),
    "struct": pl.Struct({"x": pl.Enum(["a"])}),
    "carrier": pl.Enum(["AA", "UA"]),
    "when": pl.Datetime("ms", "America/New_York"),
}


def test_what_a_table_cannot_hold_is_stored_as_what_it_can(tmp_path: Path) -> None:
    values = {"small": 255, "big": 2**64 - 1, "list": [65535], "struct": {"x": "a"}, "carrier": "UA", "when": 0}
    frame = pl.DataFrame([values], schema=KINDS)
    stored = storable(frame)
    assert not any(held(kind) for kind in frame.schema.values())
    assert all(held(kind) for kind in stored.schema.values())
    assert storable(stored).equals(stored)
    row = stored.row(0, named=True)
    assert {**row, "when": row["when"].timestamp()} == values
    output = write_frame(Store(str(tmp_path)), "f.parquet", frame)
    assert pl.read_parquet(tmp_path / "f.parquet").equals(stored)
    assert (output.rows, output.fingerprint) == (1, Store(str(tmp_path)).digest("f.parquet"))
