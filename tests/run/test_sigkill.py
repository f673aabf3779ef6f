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
from tests.run.test_interruptions import time_passes
from tests.tasks import NIGHTS, Shop

PATIENCE = 120.0
NAME, NIGHT = Shop.name, NIGHTS[1]


def killed(shop: Shop, now: Callable[[], bool]) -> bool:
    """Run the night in a process of its own, kill it at this moment, and say whether it still ran."""
    call = [sys.executable, "-m", "batchops", "run", NAME, "--date", str(NIGHT)]
    process = subprocess.Popen(
        call, cwd=shop.folder, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    until = time.monotonic() + PATIENCE
    while process.poll() is None and not now():
        assert time.monotonic() < until
        time.sleep(0.0002)
    os.kill(process.pid, signal.SIGKILL)
    return bool(process.wait() == -signal.SIGKILL)


def end(shop: Shop, outcome: Outcome) -> tuple[object, ...]:
    """What is there when the night is done."""
    runs = [row.run_id for row in shop.runs() if row.night == NIGHT]
    recorded = [run_id for _, run_id in shop.recorded()]
    assert recorded.count(runs[-1]) == 1
    assert metrics(shop.store, NAME, NIGHT, NIGHT)["run_id"].unique().to_list() == runs == [outcome.run_id]
    assert shop.store.names(f"staging/{NAME}/{NIGHT}") == []
    assert shop.store.names(f"runs/{NAME}/{NIGHT}") == runs
    assert f"{NIGHT}/{outcome.run_id}/report.html" in shop.store.read(f"runs/{NAME}/index.html").decode()
    return shop.audit(outcome), shop.scores(NIGHT).write_csv(), len(recorded)


@pytest.fixture(scope="module")
def base(small: Shop, tmp_path_factory: pytest.TempPathFactory) -> Shop:
    made = small.twin(tmp_path_factory.mktemp("base") / "project")
    made.run(NIGHTS[0])
    made.cut(40, NIGHT)
    return made


@pytest.fixture(scope="module")
def expected(base: Shop, tmp_path_factory: pytest.TempPathFactory) -> tuple[object, ...]:
    shop = base.twin(tmp_path_factory.mktemp("whole") / "project")
    return end(shop, shop.run(NIGHT))


def glob(shop: Shop, pattern: str, least: int = 1) -> Callable[[], bool]:
    root = shop.folder / "var/store"
    return lambda: len(list(root.glob(pattern))) >= least


MOMENTS = {
    "some partitions are done": (f"staging/{NAME}/{NIGHT}/*/receipts/*", 15),
    "all is staged": (f"staging/{NAME}/{NIGHT}/*/ready.json", 1),
    "the scores are published": (f"tables/scores/{NAME}/_delta_log/*2.json", 1),
}


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_night_that_is_killed_is_completed_by_the_same_command(
    base: Shop, tmp_path: Path, expected: tuple[object, ...], moment: str
) -> None:
    shop = base.twin(tmp_path / "project")
    assert killed(shop, glob(shop, *MOMENTS[moment]))
    time_passes(shop)
    assert end(shop, shop.run(NIGHT)) == expected


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(25))
def test_a_night_that_is_killed_at_any_moment_and_again_is_completed_by_the_same_command(
    base: Shop, tmp_path: Path, expected: tuple[object, ...], seed: int
) -> None:
    shop, chance = base.twin(tmp_path / "project"), random.Random(seed)
    for _ in range(2):
        begun = glob(shop, f"locks/{NAME}/{NIGHT}/*.json")
        started: list[float] = []
        delay = chance.uniform(0, 1.2)

        def now(begun: Callable[[], bool] = begun, started: list[float] = started, delay: float = delay) -> bool:
            if not started and begun():
                started.append(time.monotonic())
            return bool(started) and time.monotonic() > started[0] + delay

        killed(shop, now)
        time_passes(shop)
    assert end(shop, shop.run(NIGHT)) == expected
