from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from batchops.job import load_job
from tests.flights import NAME, Flights


def test_threads_that_ask_at_once_get_one_job(flights: Flights) -> None:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for _ in range(5):
            flights.forget()
            with ThreadPoolExecutor(8) as pool:
                jobs = list(pool.map(lambda _: load_job(NAME, flights.folder), range(16)))
            assert {id(each.job) for each in jobs} == {id(jobs[0].job)}
    finally:
        sys.setswitchinterval(before)


def test_two_projects_in_one_process_have_each_its_own_job(flights: Flights, tmp_path: Path) -> None:
    other = flights.copy(tmp_path / "other")
    other.edit(f"jobs/{NAME}.py", ("window=31", "window=7"))
    for _ in range(2):
        assert flights.job.job.window == 31
        assert other.job.job.window == 7
