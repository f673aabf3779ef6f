"""What many tests share: a project of real flights with a trained model, made once a session."""

from __future__ import annotations

import fcntl
import gc
import hashlib
import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from hypothesis import settings

from batchops import models
from batchops.guest import GUESTS
from batchops.models import Separation, Side, domain, threads
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


REMEMBERED = 500
"""Answers that a worker keeps; a simulation asks for thousands."""


def pytest_collection_finish() -> None:
    """What was imported and collected stays: looking through it again and again costs a thirtieth of all tests."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def imported() -> Mapping[str, ModuleType]:
    """The jobs and schemas of this repository that files of tests import."""
    return {name: module for name, module in sys.modules.items() if name.partition(".")[0] in GUESTS}


@pytest.fixture(scope="module", autouse=True)
def guests_as_imported(imported: Mapping[str, ModuleType]) -> None:
    """Whatever projects the tests before were in: what looks a class's module up finds the one it is of."""
    for name in [name for name in sys.modules if name.partition(".")[0] in GUESTS]:
        del sys.modules[name]
    sys.modules.update(imported)


@pytest.fixture(scope="session", autouse=True)
def told_apart_once() -> Iterator[None]:
    """What is asked of the same bytes again is answered as before, the night against its training above all.

    Many tests run the same night, and half of a small one is this. That the same rows give the same numbers is a test
    of `batchops.models.domain`; where a test is about that, it takes `told_apart_anew`.
    """
    answers: dict[bytes, Separation | None] = {}

    def separate(reference: Side, current: Side, categorical: tuple[int, ...], explain: bool) -> Separation | None:
        asked = hashlib.sha256(repr((categorical, explain)).encode())
        for side in (reference, current):
            for array in (side.matrix, side.weights, side.nights):
                asked.update(f"{array.dtype} {array.shape}".encode())
                asked.update(np.ascontiguousarray(array).data)
        key = asked.digest()
        if key not in answers:
            if len(answers) == REMEMBERED:
                del answers[next(iter(answers))]
            answers[key] = domain.separate(reference, current, categorical, explain)
        return answers[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(models, "separate", separate)
        yield


@pytest.fixture
def told_apart_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is remembered of earlier nights."""
    monkeypatch.setattr(models, "separate", domain.separate)


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
