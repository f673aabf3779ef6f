"""The same night once more: unchanged, changed, made with something else, forced, or held by somebody else."""

from __future__ import annotations

import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from batchops import ledger
from batchops.errors import ConfigError
from batchops.run import Options, run_night
from batchops.store import lease, published, scores_version
from tests.cli.calls import batchops, environment, here
from tests.flights import NAME, NIGHT, Flights

JOB = f"jobs/{NAME}.py"


def test_the_same_input_is_up_to_date_and_changes_nothing(flights: Flights) -> None:
    first = flights.run()
    kept = {path: path.read_bytes() for path in (flights.folder / "var/store").rglob("*") if path.is_file()}
    again = flights.run()
    assert (again.state, again.exit_code, again.run_id, again.note) == ("up to date", 0, first.run_id, None)
    assert (again.report, again.audit) == (first.report, first.audit)
    now = {path: path.read_bytes() for path in (flights.folder / "var/store").rglob("*") if path.is_file()}
    assert {
        path for path in kept.keys() | now.keys() if kept.get(path) != now.get(path) and "locks" not in str(path)
    } == set()


def test_a_changed_input_supersedes_and_the_past_stays_readable(flights: Flights) -> None:
    first = flights.run()
    version, scores = scores_version(flights.store, NAME), flights.scores()
    flights.change(lambda rows: rows.head(-5), name="LGA")
    second = flights.run()
    assert second.state == first.state
    assert second.run_id != first.run_id
    assert scores_version(flights.store, NAME) == (version or 0) + 1
    assert flights.scores(version=version).equals(scores)
    assert flights.scores().height == scores.height - 5
    assert flights.recorded() == [("score", first.run_id), ("score", second.run_id)]
    assert [row.run_id for row in flights.runs()] == [second.run_id]
    assert Path(str(first.audit)).is_file()


@pytest.mark.slow
def test_an_input_that_changes_back_supersedes_again(flights: Flights) -> None:
    kept = {file: file.read_bytes() for file in flights.files()}
    first = flights.run()
    scores = flights.scores()
    flights.change(lambda rows: rows.head(-5), name="LGA")
    flights.run()
    for file, data in kept.items():
        file.write_bytes(data)
    third = flights.run()
    assert third.state != "up to date"
    assert third.run_id != first.run_id
    assert flights.scores().equals(scores)


def make_with_another(flights: Flights, what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Change what a night is made with, and leave its input alone."""
    if what == "model":
        assert flights.promote().number == 2
    elif what == "contract":
        flights.edit(
            "schemas/flights.py", ("in_range=(1, 9999)", "in_range=(1, 9998)"), ('"version": 1', '"version": 2')
        )
    elif what == "policy":
        flights.edit(JOB, ("Limit(warn=0.85)", "Limit(warn=0.84)"))
    elif what == "job":
        flights.edit(JOB, ("window=31", "window=30"))
    else:
        for module in ("night", "document"):
            monkeypatch.setattr(f"batchops.run.{module}.__version__", "99.0")


@pytest.mark.parametrize("what", ["model", "contract", "policy", "job", "batchops"])
def test_a_night_made_with_something_else_is_scored_again_only_by_force_and_for_a_reason(
    flights: Flights, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    first = flights.run()
    before = flights.scores()
    make_with_another(flights, what, monkeypatch)
    again = flights.run()
    assert (again.state, again.exit_code, again.run_id) == ("up to date", 0, first.run_id)
    assert again.note is not None
    assert re.match(rf"{what}: published under .+, now .+--force --reason", again.note), again.note
    assert flights.scores().equals(before)
    with pytest.raises(ConfigError, match="needs a reason") as refused:
        flights.run(force=True)
    assert refused.value.exit_code == 2
    assert published(flights.store, NAME, NIGHT) == first.run_id
    forced = flights.run(force=True, reason="the owner asked for it")
    assert forced.state == first.state
    assert published(flights.store, NAME, NIGHT) == forced.run_id != first.run_id
    assert [record.subject["reason"] for record in ledger.records(flights.store, NAME)] == [
        None,
        "the owner asked for it",
    ]
    assert forced.document is not None
    assert forced.document.run.reason == "the owner asked for it"
    assert flights.run().note is None
    models = {"model": [f"{NAME}@2"]}.get(what, [f"{NAME}@1"])
    assert flights.scores()["model_version"].unique().to_list() == models


def test_the_command_line_says_what_force_needs(flights: Flights) -> None:
    (done,) = here([["run", NAME, "--date", str(NIGHT), "--force"]], cwd=flights.folder)
    assert done.exit_code == 2
    assert "--reason" in done.stderr


def test_a_second_runner_is_told_to_come_back_and_one_that_waits_has_its_turn(flights: Flights) -> None:
    call = [sys.executable, "-m", "batchops", "run", NAME, "--date", str(NIGHT), "--wait", "60"]
    with lease(flights.store, NAME, NIGHT):
        waiting = subprocess.Popen(
            call, cwd=flights.folder, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        turned_away = batchops("run", NAME, "--date", str(NIGHT), cwd=flights.folder)
        assert waiting.poll() is None
        assert published(flights.store, NAME, NIGHT) is None
    assert turned_away.exit_code == 75
    assert "works on this night" in turned_away.stdout + turned_away.stderr
    assert waiting.wait(timeout=60) in (0, 3)
    (row,) = flights.runs()
    assert row.exit_code == waiting.returncode
    assert published(flights.store, NAME, NIGHT) == row.run_id


def test_of_many_runners_at_once_one_publishes(flights: Flights) -> None:
    job = flights.job

    def run(wait: float) -> str:
        return run_night(job, NIGHT, flights.settings, Options(wait=wait)).state

    with ThreadPoolExecutor(4) as pool:
        states = list(pool.map(run, (30, 30, 30, 30)))
    assert sorted(states)[1:] == ["up to date"] * 3
    assert len(flights.runs()) == len(flights.recorded()) == 1
    assert scores_version(flights.store, NAME) == 1
