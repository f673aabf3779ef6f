"""A process that is killed while it runs a night, and the same command once more."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from batchops.run import Outcome
from batchops.store import metrics
from tests.cli.calls import environment
from tests.flights import NAME, NIGHT, NIGHTS, Flights
from tests.run.test_interruptions import time_passes

PATIENCE = 120.0


def killed(flights: Flights, now: Callable[[], bool]) -> bool:
    """Run the night in a process of its own, kill it at this moment, and say whether it still ran."""
    call = [sys.executable, "-m", "batchops", "run", NAME, "--date", str(NIGHT)]
    process = subprocess.Popen(
        call, cwd=flights.folder, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    until = time.monotonic() + PATIENCE
    while process.poll() is None and not now():
        assert time.monotonic() < until
        time.sleep(0.0002)
    os.kill(process.pid, signal.SIGKILL)
    return bool(process.wait() == -signal.SIGKILL)


def end(flights: Flights, outcome: Outcome) -> tuple[object, ...]:
    """What is there when the night is done."""
    runs = [row.run_id for row in flights.runs() if row.night == NIGHT]
    recorded = [run_id for _, run_id in flights.recorded()]
    assert recorded.count(runs[-1]) == 1
    assert metrics(flights.store, NAME, NIGHT, NIGHT)["run_id"].unique().to_list() == runs == [outcome.run_id]
    assert flights.store.names(f"staging/{NAME}/{NIGHT}") == []
    assert flights.store.names(f"runs/{NAME}/{NIGHT}") == runs
    assert f"{NIGHT}/{outcome.run_id}/report.html" in flights.store.read(f"runs/{NAME}/index.html").decode()
    return flights.audit(outcome), flights.scores().write_csv(), len(recorded)


@pytest.fixture(scope="module")
def base(trained: Flights, tmp_path_factory: pytest.TempPathFactory) -> Flights:
    made = trained.copy(tmp_path_factory.mktemp("base") / "project")
    made.run(NIGHTS[1])
    made.cut(40)
    return made


@pytest.fixture(scope="module")
def expected(base: Flights, tmp_path_factory: pytest.TempPathFactory) -> tuple[object, ...]:
    flights = base.copy(tmp_path_factory.mktemp("whole") / "project", kept="")
    return end(flights, flights.run())


def glob(flights: Flights, pattern: str, least: int = 1) -> Callable[[], bool]:
    root = flights.folder / "var/store"
    return lambda: len(list(root.glob(pattern))) >= least


MOMENTS = {
    "some partitions are done": (f"staging/{NAME}/{NIGHT}/*/receipts/*", 15),
    "all is staged": (f"staging/{NAME}/{NIGHT}/*/ready.json", 1),
    "the scores are published": (f"tables/scores/{NAME}/_delta_log/*2.json", 1),
}


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_night_that_is_killed_is_completed_by_the_same_command(
    base: Flights, tmp_path: Path, expected: tuple[object, ...], moment: str
) -> None:
    flights = base.copy(tmp_path / "project", kept="")
    assert killed(flights, glob(flights, *MOMENTS[moment]))
    time_passes(flights)
    assert end(flights, flights.run()) == expected


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(25))
def test_a_night_that_is_killed_at_any_moment_and_again_is_completed_by_the_same_command(
    base: Flights, tmp_path: Path, expected: tuple[object, ...], seed: int
) -> None:
    flights, chance = base.copy(tmp_path / "project", kept=""), random.Random(seed)
    for _ in range(2):
        begun = glob(flights, f"locks/{NAME}/{NIGHT}/*.json")
        started: list[float] = []
        delay = chance.uniform(0, 1.2)

        def now(begun: Callable[[], bool] = begun, started: list[float] = started, delay: float = delay) -> bool:
            if not started and begun():
                started.append(time.monotonic())
            return bool(started) and time.monotonic() > started[0] + delay

        killed(flights, now)
        time_passes(flights)
    assert end(flights, flights.run()) == expected
