from pathlib import Path

import pytest

from batchops.errors import StoreError
from batchops.store import Staging, Store
from tests.store.worlds import NIGHT


@pytest.fixture
def staging(tmp_path: Path) -> Staging:
    return Staging(Store(str(tmp_path)), "j", NIGHT, "a" * 64)


def test_the_next_start_goes_on_under_the_first_run_id(staging: Staging) -> None:
    assert staging.begin("r1") == "r1"
    assert staging.begin("r2") == "r1"


def test_what_was_finished_is_found_again(staging: Staging) -> None:
    staging.begin("r1")
    for partition, data in (("EWR/x.parquet", b"1"), ("JFK/x.parquet", b"2")):
        staging.put(partition, data)
    again = Staging(staging.store, "j", NIGHT, "a" * 64)
    assert (again.get("EWR/x.parquet"), again.get("JFK/x.parquet"), again.get("LGA/x.parquet")) == (b"1", b"2", None)


def test_other_inputs_begin_anew(staging: Staging) -> None:
    staging.begin("r1")
    staging.put("p", b"1")
    other = Staging(staging.store, "j", NIGHT, "b" * 64)
    assert other.begin("r2") == "r2"
    assert other.get("p") is None


def test_a_finished_run_leaves_nothing(staging: Staging) -> None:
    staging.begin("r1")
    staging.put("p", b"1")
    staging.clear()
    staging.clear()
    assert not staging.store.exists(staging.folder)
    assert staging.begin("r2") == "r2"


def test_a_start_that_cannot_be_read_names_the_folder_to_delete(staging: Staging) -> None:
    staging.store.write(f"{staging.folder}/begin.json", b"{}")
    with pytest.raises(StoreError, match=r"Delete .*staging/j"):
        staging.begin("r1")
