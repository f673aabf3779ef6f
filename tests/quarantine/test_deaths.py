"""A release whose process dies before any of its lasting steps, and the same command given again."""

from __future__ import annotations

from pathlib import Path

import pytest

from batchops.quarantine.choosing import Wish
from batchops.quarantine.releasing import release
from batchops.run import Options, Outcome
from tests.project import rows_in
from tests.run.test_interruptions import BEFORE, TONIGHT, is_complete_after_every_death
from tests.tasks import Shop


@pytest.fixture(scope="module")
def base(small: Shop, tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """A night is published, and some of its rows are set aside."""
    made = small.twin(tmp_path_factory.mktemp("base") / "project")
    made.run(BEFORE)
    made.cut(2, TONIGHT)
    made.spoil(TONIGHT)
    assert rows_in(made.run(TONIGHT))[2] == 6
    return made


def put_back(shop: Shop) -> Outcome:
    return release(shop.job, TONIGHT, Wish("a drill", waived=("pages.le",)), shop.settings, Options()).outcome


def test_a_release_that_dies_at_any_step_leaves_the_old_night_or_the_new_and_is_completed(
    base: Shop, tmp_path: Path
) -> None:
    is_complete_after_every_death(base, tmp_path, put_back, "sync tables/scores")
