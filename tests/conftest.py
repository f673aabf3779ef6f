"""What many tests share: a project of real flights with a trained model, made once a session."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings

from batchops.models import threads
from batchops.store import Store
from batchops.train import train
from jobs.flights_data import prepare
from tests.flights import NIGHTS, TRAINING, Flights, make

# The same examples for everybody, so that a change is blamed for what it broke and for nothing else. To search for
# more: pytest --hypothesis-profile=default. No deadline: a test must not fail because a machine is busy.
settings.register_profile("same", derandomize=True, deadline=None)
settings.load_profile("same")


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Flights:
    """The project that all copies are made from; nothing may be run in it."""
    flights = make(tmp_path_factory.mktemp("flights") / "project")
    data = flights.folder / "var" / "data"
    prepare(data, *TRAINING)
    prepare(data, NIGHTS[0].date, NIGHTS[-1].date)
    with threads(1):  # busy cores do not slow one thread
        train(flights.job, flights.settings)
    return flights


@pytest.fixture
def flights(trained: Flights, tmp_path: Path) -> Flights:
    """A project of the test's own: a model, a few nights' files, and nothing run yet."""
    return trained.copy(tmp_path / "project")


@pytest.fixture
def fresh_store(tmp_path: Path) -> Store:
    """An empty store in a folder of its own."""
    return Store(str(tmp_path / "store"))
