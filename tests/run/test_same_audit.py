from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.cli.calls import environment
from tests.flights import NIGHTS, Flights, rows_in

BEFORE, TONIGHT = NIGHTS[0], NIGHTS[1]

pytestmark = pytest.mark.usefixtures("told_apart_anew")


@pytest.fixture(scope="module")
def base(trained: Flights, tmp_path_factory: pytest.TempPathFactory) -> Flights:
    """A project in which the night before was run, so that every copy has the same past."""
    made = trained.copy(tmp_path_factory.mktemp("base") / "project")
    made.run(BEFORE)
    made.join(BEFORE)
    return made


@pytest.fixture(scope="module")
def scheduler() -> Iterator[str]:
    """A Dask scheduler with two workers, as an operator would start them."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
    run, dashboard = [sys.executable, "-m"], ["--dashboard-address", "127.0.0.1:0"]
    place = ["--host", "127.0.0.1", "--port", address.rpartition(":")[2], "--no-show"]
    two = ["--nworkers", "2", "--nthreads", "1"]
    processes = [
        subprocess.Popen(
            [*run, "distributed.cli.dask_scheduler", *place, *dashboard],
            env=environment(PYTHONWARNINGS="default"),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ),
        subprocess.Popen(
            [*run, "distributed.cli.dask_worker", address, *two, *dashboard],
            env=environment(PYTHONWARNINGS="default"),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ),
    ]
    yield address
    for process in reversed(processes):
        process.terminate()
        process.wait(20)


def written(base: Flights, to: Path, parts: int, scheduler: str = "threads", threads: int = 2) -> tuple[str, ...]:
    """What a night in so many files leaves: its audit before and after its labels, and its scores."""
    flights = base.copy(to, kept="")
    flights.cut(parts, TONIGHT)
    outcome = flights.run(TONIGHT, replace(flights.settings, scheduler=scheduler, threads=threads))
    assert outcome.document is not None
    assert len(outcome.document.run.partitions) == parts
    assert rows_in(outcome)[0] == flights.rows(TONIGHT).height > 800
    joined = flights.join(TONIGHT)
    assert joined.document is not None
    assert joined.document.quality is not None
    assert [past.night for past in joined.document.history] == [str(BEFORE)]
    scores = flights.scores(TONIGHT).write_csv()
    return flights.audit(outcome), flights.audit(joined), scores


@pytest.fixture(scope="module")
def expected(base: Flights, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, ...]:
    return written(base, tmp_path_factory.mktemp("whole") / "project", 1)


@pytest.mark.parametrize(("parts", "threads"), [(3, 2), (50, 2), (3, 1)])
def test_the_audit_is_the_same_bytes_for_any_number_of_partitions_and_threads(
    base: Flights, tmp_path: Path, expected: tuple[str, ...], parts: int, threads: int
) -> None:
    assert written(base, tmp_path / "project", parts, threads=threads) == expected


def test_a_night_in_another_order_of_rows_has_the_same_audit(
    base: Flights, tmp_path: Path, expected: tuple[str, ...]
) -> None:
    flights = base.copy(tmp_path / "project", kept="")
    rows = flights.rows(TONIGHT).sample(fraction=1, shuffle=True, seed=1)
    flights.cut({"a": rows[:500], "b": rows[500:]}, TONIGHT)
    assert flights.audit(flights.run(TONIGHT)) == expected[0]
    assert flights.scores(TONIGHT).write_csv() == expected[2]


@pytest.mark.cluster
def test_the_audit_is_the_same_bytes_on_processes(
    base: Flights, tmp_path: Path, expected: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", environment()["PYTHONPATH"])
    assert written(base, tmp_path / "project", 3, "processes") == expected


@pytest.mark.slow
@pytest.mark.cluster
def test_the_audit_is_the_same_bytes_on_a_scheduler_with_two_workers(
    base: Flights, tmp_path: Path, expected: tuple[str, ...], scheduler: str
) -> None:
    assert written(base, tmp_path / "project", 3, scheduler) == expected
