import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl
import pytest

from batchops import ledger
from batchops.errors import BatchopsError, ConfigError, StoreError
from batchops.store import Publication, Staging, Store, lease, publish_scores, published, record_run, write_frame
from tests.store.worlds import NIGHT, run_row, scores


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 600 kB of our own."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=600k", "tmpfs", folder], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip(f"no disk can be mounted here: {mounted.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def fill(disk: Path) -> None:
    with (disk / "ballast").open("wb", buffering=0) as file:
        for size in (65536, 4096, 1):
            try:
                while True:
                    file.write(b"0" * size)
            except OSError:
                continue


def files(disk: Path) -> set[str]:
    return {str(path.relative_to(disk)) for path in disk.rglob("*") if path.is_file()}


WRITES: dict[str, Callable[[Store], object]] = {
    "write": lambda store: store.write("kept", b"new" * 100_000),
    "create": lambda store: store.create("other", b"new" * 100_000),
    "frame": lambda store: write_frame(store, "f.parquet", pl.DataFrame({"a": range(50_000)})),
    "receipt": lambda store: Staging(store, "j", NIGHT, "k" * 64).begin("r"),
    "ledger": lambda store: ledger.append(store, "j", "run", {"run_id": "r"}),
    "lease": lambda store: lease(store, "j", NIGHT).__enter__(),
    "runs": lambda store: record_run(store, run_row()),
}


@pytest.mark.parametrize("what", WRITES)
def test_a_full_disk_is_named_and_nothing_is_left_behind(disk: Path, what: str) -> None:
    store = Store(str(disk))
    store.write("kept", b"old")
    fill(disk)
    before = files(disk)
    with pytest.raises(StoreError, match="no space left") as caught:
        WRITES[what](store)
    assert caught.value.exit_code == 75
    assert files(disk) == before
    assert store.read("kept") == b"old"


@pytest.mark.parametrize("what", WRITES)
def test_a_disk_that_may_not_be_written_is_a_mistake_in_the_settings(disk: Path, what: str) -> None:
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    with pytest.raises(ConfigError, match=r"read-only") as caught:
        WRITES[what](Store(str(disk)))
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("what", WRITES)
def test_a_root_below_a_file_is_a_mistake_in_the_settings(tmp_path: Path, what: str) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ConfigError):
        WRITES[what](Store(str(tmp_path / "file" / "root")))


def test_a_commit_that_finds_no_space_publishes_nothing_and_can_be_repeated(disk: Path) -> None:
    store = Store(str(disk))
    first, second = scores(store, "r1"), scores(store, "r2")
    publish_scores(store, "j", NIGHT, [first], Publication("r1", "k"))
    fill(disk)
    with pytest.raises(BatchopsError, match="no space left"):
        publish_scores(store, "j", NIGHT, [second], Publication("r2", "k"))
    assert published(store, "j", NIGHT) == "r1"
    (disk / "ballast").unlink()
    publish_scores(store, "j", NIGHT, [second], Publication("r2", "k"))
    assert published(store, "j", NIGHT) == "r2"
