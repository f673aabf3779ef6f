"""A release whose process dies before any of its lasting steps, and the same command given again."""

from __future__ import annotations

from pathlib import Path

import pytest

from batchops.run import Outcome
from tests.flights import Flights
from tests.quarantine.held import NEAR, break_rows, put_back
from tests.run.test_interruptions import BEFORE, TONIGHT, is_complete_after_every_death


@pytest.fixture(scope="module")
def base(trained: Flights, tmp_path_factory: pytest.TempPathFactory) -> Flights:
    """A night is published, and some of its rows are set aside."""
    made = trained.copy(tmp_path_factory.mktemp("base") / "project")
    made.run(BEFORE)
    made.cut({name: made.rows(TONIGHT).filter(origin=name[:3]) for name in ("EWR", "JFK")}, TONIGHT)
    break_rows(made, TONIGHT)
    made.run(TONIGHT)
    return made


def release(flights: Flights) -> Outcome:
    return put_back(flights, TONIGHT, waived=(NEAR,)).outcome


def test_a_release_that_dies_at_any_step_leaves_the_old_night_or_the_new_and_is_completed(
    base: Flights, tmp_path: Path
) -> None:
    is_complete_after_every_death(base, tmp_path, release, "sync tables/scores")
