"""What many tests share: a project of real flights with a trained model, made once a session."""

from __future__ import annotations

import fcntl
import gc
import os
import shutil
from pathlib import Path

import pytest
from hypothesis import settings

from batchops.models import threads
from batchops.store import Store
from batchops.train import train
from jobs.flights_data import prepare
from tests import tasks
from tests.flights import NIGHTS, TRAINING, Flights, make
from tests.tasks import Shop

# The same examples for everybody, so that a change is blamed for what it broke and for nothing else. To search for
# more: pytest --hypothesis-profile=default. No deadline: a test must not fail because a machine is busy.
settings.register_profile("same", derandomize=True, deadline=None)
settings.load_profile("same")


def pytest_collection_finish() -> None:
    """What was imported and collected stays: looking through it again and again costs a thirtieth of all tests."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Flights:
    """The project that all copies are made from, by all workers of pytest; nothing may be run in it."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    made = Flights(shared / "flights")
    with (shared / "flights.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not made.folder.exists():
            unfinished = make(shared / "unfinished")
            data = unfinished.folder / "var" / "data"
            prepare(data, *TRAINING)
            prepare(data, NIGHTS[0].date, NIGHTS[-1].date)
            with threads(1):  # busy cores do not slow one thread
                train(unfinished.job, unfinished.settings)
            unfinished.forget()
            unfinished.folder.rename(made.folder)
    return made


@pytest.fixture
def flights(trained: Flights, tmp_path: Path) -> Flights:
    """A project of the test's own: a model, a few nights' files, and nothing run yet."""
    return trained.copy(tmp_path / "project")


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """Another such project, whose nights have few rows of few columns: for what is done to a night many times."""
    made = tasks.make(tmp_path_factory.mktemp("small") / "project", "binary")
    for night in tasks.TRAINING[0].through(tasks.TRAINING[1]):
        for kind in ("visits", "labels"):
            shutil.rmtree(made.file(kind, night).parent)
    return made


@pytest.fixture
def fresh_store(tmp_path: Path) -> Store:
    """An empty store in a folder of its own."""
    return Store(str(tmp_path / "store"))
