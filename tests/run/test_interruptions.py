"""A process that dies before any of its lasting steps, and the same command given again."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from batchops.run import Outcome
from batchops.store import metrics, published, scores_version
from tests.project import Project
from tests.store.worlds import Life, Mortal, Stopped, leases_run_out
from tests.tasks import NIGHTS, Shop

BEFORE, TONIGHT = NIGHTS[0], NIGHTS[1]
OPENERS = ("batchops.labels", "batchops.quarantine", "batchops.run")

Command = Callable[[Any], Outcome]


@contextmanager
def mortal(life: Life) -> Iterator[None]:
    """Every store that a run opens dies with this life."""
    with pytest.MonkeyPatch.context() as patch:
        for name, module in list(sys.modules.items()):
            if name.startswith(OPENERS) and hasattr(module, "Store"):
                patch.setattr(module, "Store", partial(Mortal, life=life))
        yield


def time_passes(project: Project) -> None:
    """The leases of the dead run out."""
    leases_run_out(project.folder / "var/store")


TAKEN = [f"series.{name}" for name in ("seconds", "stage_seconds", "rows_per_second", "peak_memory", "cpu_seconds")]
"""What a run takes is never twice the same."""


def seen(project: Project) -> tuple[Any, ...]:
    """What an analyst can see of the night: its scores, its runs and figures, its reports, its ledger."""
    store = project.store
    run_id = published(store, project.name, TONIGHT)
    scores = None if run_id is None else project.scores(TONIGHT).write_csv()
    mine = [row for row in project.runs() if row.night == TONIGHT]
    return (
        scores,
        scores_version(store, project.name),
        [(row.kind, row.severity, row.output, row.rows_in, row.scored, row.scores_version) for row in mine],
        metrics(store, project.name, TONIGHT, TONIGHT).filter(~pl.col("metric").is_in(TAKEN)).drop("run_id").rows(),
        [kind for kind, _ in project.recorded()],
        len(store.names(f"runs/{project.name}/{TONIGHT}")),
    )


def whole(project: Project, outcome: Outcome) -> tuple[Any, ...]:
    """What must be the same after a death as without one."""
    store = project.store
    rows = {row.run_id: row for row in project.runs()}
    folders = {f"runs/{project.name}/{TONIGHT}/{name}" for name in store.names(f"runs/{project.name}/{TONIGHT}")}
    mine = {row.run_folder for row in rows.values() if row.night == TONIGHT}
    assert mine <= folders
    assert outcome.run_id in rows
    recorded = project.recorded()
    assert len(recorded) == len(set(recorded))
    assert set(rows) <= {run_id for _, run_id in recorded}
    figures = metrics(store, project.name, TONIGHT, TONIGHT)["run_id"].unique().to_list()
    assert set(figures) <= set(rows)
    assert store.names(f"staging/{project.name}/{TONIGHT}") == []
    assert f"{TONIGHT}/{outcome.run_id}/report.html" in store.read(f"runs/{project.name}/index.html").decode()
    hidden = [path for path in (project.folder / "var/store").rglob(".tmp-*") if path.is_file()]
    assert hidden == []
    return project.audit(outcome), *seen(project)


def is_complete_after_every_death(
    base: Project, folder: Path, command: Command, visible: str, last: str = "index.html"
) -> None:
    """Give the command to a copy of the base that dies before its n-th step, for every n, and then to its heir.

    Args:
        visible: The step after which others may see the result.
        last: The step after which the command is done; where it is to be repeated without end, that of the run.
    """
    life = Life()
    undisturbed = base.twin(folder / "whole")
    before = seen(undisturbed)
    with mortal(life):
        outcome = command(undisturbed)
    expected = whole(undisturbed, outcome)
    assert expected[1:] != before
    first, end = (next(n for n, step in enumerate(life.steps) if name in step) for name in (visible, last))
    assert 5 < first < end < len(life.steps)
    for number, step in enumerate(life.steps[: end + 1]):
        where = f"died before step {number} of {len(life.steps)}, {step}"
        project = base.twin(folder / str(number))
        with mortal(Life(number)), pytest.raises(Stopped):
            command(project)
        if number <= first:
            assert seen(project) == before, where
        time_passes(project)
        found = whole(project, command(project))
        assert found == expected, where


@pytest.fixture(scope="module")
def base(small: Shop, tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """A night was run and has its labels; tonight's input is there."""
    made = small.twin(tmp_path_factory.mktemp("base") / "project")
    made.run(BEFORE)
    made.join(BEFORE)
    made.cut(2, TONIGHT)
    return made


@pytest.fixture(scope="module")
def scored(base: Shop, tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """The same, and tonight is published."""
    made = base.twin(tmp_path_factory.mktemp("scored") / "project")
    made.run(TONIGHT)
    return made


def test_a_night_that_dies_at_any_step_is_completed_by_the_same_command(base: Shop, tmp_path: Path) -> None:
    is_complete_after_every_death(base, tmp_path, lambda shop: shop.run(TONIGHT), "sync tables/scores")


@pytest.mark.slow
def test_labels_that_die_at_any_step_are_completed_by_the_same_command(scored: Shop, tmp_path: Path) -> None:
    is_complete_after_every_death(scored, tmp_path, lambda shop: shop.join(TONIGHT), "move staging")


@pytest.mark.slow
def test_a_changed_input_that_dies_at_any_step_leaves_the_old_scores_or_the_new(scored: Shop, tmp_path: Path) -> None:
    changed = scored.twin(tmp_path / "changed")
    changed.change(lambda rows: rows.head(-7), TONIGHT, "p0")
    is_complete_after_every_death(changed, tmp_path, lambda shop: shop.run(TONIGHT), "sync tables/scores")


@pytest.mark.slow
def test_a_forced_night_that_dies_at_any_step_is_scored_again_once(scored: Shop, tmp_path: Path) -> None:
    def force(shop: Shop) -> Outcome:
        return shop.run(TONIGHT, force=True, reason="a drill")

    is_complete_after_every_death(scored, tmp_path, force, "sync tables/scores", "delete staging")


@pytest.mark.slow
def test_a_withheld_night_that_dies_at_any_step_is_withheld_by_the_same_command(base: Shop, tmp_path: Path) -> None:
    broken = base.twin(tmp_path / "broken")
    broken.change(lambda rows: rows.drop("city"), TONIGHT, "p0")
    is_complete_after_every_death(broken, tmp_path, lambda shop: shop.run(TONIGHT), "move staging", "delete staging")
