import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence

import pytest

from batchops.engine import Fold, Pool, map_reduce
from batchops.errors import ConfigError, StoreError


def square(number: int) -> int:
    return number * number


def total(numbers: Sequence[int]) -> int:
    return sum(numbers)


def die_on_seven(number: int) -> int:
    if number == 7:
        os._exit(9)
    return number


def forgive(number: int, worker: str) -> int:
    assert worker.startswith("tcp://")
    return 1000 + number


def refuse(number: int) -> int:
    raise StoreError(f"item {number}", "cannot be read", "Try again")


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    """A scheduler and two workers, as an operator would start them."""
    run = [sys.executable, "-m", "distributed.cli.dask_scheduler"]
    scheduler = subprocess.Popen(
        [*run, "--host", "127.0.0.1", "--port", "18786", "--dashboard-address", "127.0.0.1:0", "--no-show"],
        stderr=subprocess.DEVNULL,
    )
    address = "tcp://127.0.0.1:18786"
    worker = [sys.executable, "-m", "distributed.cli.dask_worker", address, "--nworkers", "2", "--nthreads", "1"]
    workers = subprocess.Popen([*worker, "--dashboard-address", "127.0.0.1:0"], stderr=subprocess.DEVNULL)
    time.sleep(1)
    yield address
    for process in (workers, scheduler):
        process.terminate()
        process.wait(20)


@pytest.mark.parametrize("items", [0, 1, 7, 8, 9, 100])
@pytest.mark.parametrize("threads", [1, 2])
def test_threads_fold_every_item_once(items: int, threads: int) -> None:
    seen: list[int] = []
    result = map_reduce(Fold(square, total, done=seen.append), range(items), Pool(threads=threads))
    assert result == sum(number * number for number in range(items))
    assert sorted(seen) == [number * number for number in range(items)]


def test_an_error_comes_home_as_itself() -> None:
    with pytest.raises(StoreError, match="item 3"):
        map_reduce(Fold(refuse, total), [3], Pool())


def test_an_unknown_scheduler_is_refused() -> None:
    with pytest.raises(ConfigError, match="is no scheduler"):
        map_reduce(Fold(square, total), [1], Pool("thread"))


@pytest.mark.cluster
def test_a_scheduler_that_is_not_there_says_so() -> None:
    with pytest.raises(StoreError, match="cannot be reached"):
        map_reduce(Fold(square, total), [1], Pool("tcp://127.0.0.1:9", patience=1))


@pytest.mark.cluster
def test_a_running_cluster_gives_the_same_answer_with_tasks_bounded_in_flight(cluster: str) -> None:
    assert map_reduce(Fold(square, total), range(40), Pool(cluster)) == sum(n * n for n in range(40))
    with pytest.raises(StoreError, match="item 3"):
        map_reduce(Fold(refuse, total), [3], Pool(cluster))


@pytest.mark.cluster
def test_an_item_that_kills_its_worker_is_given_up_and_the_others_are_finished() -> None:
    fold = Fold(die_on_seven, total, lost=forgive)
    assert map_reduce(fold, range(10), Pool("processes", threads=2)) == sum(range(10)) + 1000
