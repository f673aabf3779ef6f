"""The scaffold's job, from its data to its report, as the operator of a cron job meets it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.calls import Done, batchops, python, session

FIRST, LAST = "2025-04-01", "2025-04-03"
NIGHTS = ("--from", FIRST, "--to", LAST)
COMMANDS = {
    "too early": ["run", "visits", "--date", FIRST],
    "train": ["train", "visits"],
    "no such night": ["run", "visits", "--date", "2031-01-01"],
    "no such night, for cron": ["run", "visits", "--date", "2031-01-01", "-q"],
    "first": ["run", "visits", "--date", FIRST],
    "again": ["run", "visits", "--date", FIRST, "--output", "json"],
    "quiet": ["-q", "run", "visits", "--date", FIRST],
    "planned": ["backfill", "visits", *NIGHTS, "--dry-run"],
    "backfill": ["backfill", "visits", *NIGHTS, "--output", "json"],
    "backfill again": ["backfill", "visits", *NIGHTS],
    "labels": ["labels", "visits", *NIGHTS],
    "retry": ["retry", "visits"],
    "status": ["status", "visits"],
    "status for machines": ["status", "--output", "json"],
    "report": ["report", "visits"],
    "rendered": ["report", "visits", "--date", FIRST, "--render"],
    "no such report": ["report", "visits", "--date", "2031-01-01"],
    "models": ["model", "list"],
    "model": ["model", "show", "visits@champion"],
    "no such alias": ["model", "show", "visits@champoin"],
    "no such model": ["model", "list", "visitors"],
    "ledger": ["ledger", "verify", "visits", "--output", "json"],
    "no such job": ["run", "visist", "--date", FIRST],
    "no such ledger": ["ledger", "verify", "visist"],
    "check": ["check"],
    "doctor": ["doctor", "--output", "json"],
}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("project") / "shop"
    assert batchops("-q", "init", str(folder)).exit_code == 0
    assert python("-m", "jobs.visits_data", cwd=folder).exit_code == 0
    return folder


@pytest.fixture(scope="module")
def said(project: Path) -> dict[str, Done]:
    return dict(zip(COMMANDS, session(list(COMMANDS.values()), cwd=project), strict=True))


def test_exit_codes_say_what_a_scheduler_has_to_do(said: dict[str, Done]) -> None:
    expected = {
        "too early": 2,
        "no such night": 75,
        "no such night, for cron": 75,
        "no such report": 2,
        "no such alias": 2,
        "no such model": 2,
        "no such job": 2,
        "no such ledger": 2,
    }
    assert {name: done.exit_code for name, done in said.items()} == {name: expected.get(name, 0) for name in COMMANDS}


def test_nothing_is_scored_before_there_is_a_model(said: dict[str, Done]) -> None:
    assert said["too early"].stdout == ""
    assert "model visits" in said["too early"].stderr


def test_a_night_is_told_in_at_most_15_lines(said: dict[str, Done]) -> None:
    lines = said["first"].stdout.splitlines()
    assert 5 <= len(lines) <= 15
    assert "visits" in lines[0]
    assert any(line.startswith("report ") for line in lines)
    started, finished = said["first"].stderr.splitlines()
    assert started == f"batchops: run visits {FIRST}: started"
    assert finished.startswith(f"batchops: run visits {FIRST}: finished in ")


def test_the_same_input_is_up_to_date(said: dict[str, Done]) -> None:
    value = json.loads(said["again"].stdout)
    assert (value["job"], value["night"], value["state"], value["exit_code"]) == ("visits", FIRST, "up to date", 0)
    assert Path(value["report"]).is_file()


def test_quiet_is_silent_on_success_and_useful_on_failure(said: dict[str, Done]) -> None:
    assert (said["quiet"].stdout, said["quiet"].stderr) == ("", "")
    failed = said["no such night, for cron"]
    assert failed.stdout == ""
    assert 1 <= len(failed.stderr.splitlines()) <= 15
    assert "2031-01-01" in failed.stderr


def test_a_backfill_does_what_its_dry_run_says(said: dict[str, Done]) -> None:
    assert said["planned"].stdout == f"{FIRST}  check\n2025-04-02  run\n{LAST}  run\n"
    value = json.loads(said["backfill"].stdout)
    checked, *ran = value["nights"]
    assert checked["state"] == "up to date"
    assert {night["state"] for night in ran} <= {"published", "flagged"}
    assert [night["rows"]["total"] for night in ran] == [400, 400]
    assert "3 up to date" in said["backfill again"].stdout


def test_status_and_report_lead_to_files(said: dict[str, Done]) -> None:
    (value,) = json.loads(said["status for machines"].stdout)
    assert (value["job"], value["nights"], value["night"]) == ("visits", 3, LAST)
    assert Path(value["report"]).is_file()
    assert Path(value["index"]).is_file()
    assert value["report"] in said["status"].stdout
    assert said["report"].stdout == f"{value['report']}\n"
    assert "<html" in Path(said["rendered"].stdout.strip()).read_text()


def test_a_model_is_listed_with_its_aliases_and_shown(said: dict[str, Done]) -> None:
    (line,) = said["models"].stdout.splitlines()
    assert line.startswith("visits@1 ")
    assert line.endswith(" champion")
    assert "basket" in said["model"].stdout
    assert "champion" in said["no such alias"].stderr


def test_the_ledger_has_a_record_of_every_run_and_its_head_is_an_anchor(project: Path, said: dict[str, Done]) -> None:
    head = json.loads(said["ledger"].stdout)["head"]
    (status,) = json.loads(said["status for machines"].stdout)
    assert head == status["anchor"]
    record = max((project / "var/store/ledger/visits").iterdir())
    record.write_bytes(record.read_bytes().replace(b"visits", b"visist", 1).replace(b"PASS", b"FAIL"))
    (done,) = session([["ledger", "verify", "visits", "--anchor", head]], cwd=project)
    assert done.exit_code == 3
    assert record.name in done.stderr


def test_a_name_that_is_not_there_asks_what_was_meant(said: dict[str, Done]) -> None:
    for name in ("no such job", "no such ledger", "no such model"):
        assert "Did you mean visits?" in said[name].stderr


def test_doctor_finds_nothing_wrong(said: dict[str, Done]) -> None:
    assert {check["ok"] for check in json.loads(said["doctor"].stdout)} == {True}
