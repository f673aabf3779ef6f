"""The five minutes of docs/first-contract.md, as a schema author spends them: from an empty folder, as written."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from tests.cli.calls import PROJECT, Done, python, session

GUIDE = (PROJECT / "docs" / "first-contract.md").read_text("utf-8")
FENCE = re.compile(r"^```(python|sh)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def commands(body: str) -> list[list[str]]:
    return [shlex.split(line)[1:] for line in body.splitlines()]


def run(calls: list[list[str]], folder: Path) -> list[Done]:
    """Run commands of one process; ``> file`` is what the shell makes of it."""
    done = session([call[: call.index(">")] if ">" in call else call for call in calls], folder)
    for call, each in zip(calls, done, strict=True):
        assert each.exit_code == 0, (call, each)
        if ">" in call:
            (folder / call[-1]).write_text(each.stdout)
    return done


def test_five_minutes_lead_from_a_file_of_data_to_a_contract_that_is_checked_tested_and_documented(
    tmp_path: Path,
) -> None:
    (_, data), (_, infer), (_, finished), (_, tried), (_, changed) = FENCE.findall(GUIDE)
    made = python("-c", data, cwd=tmp_path)
    assert made.exit_code == 0, made.stderr
    (drafted,) = run(commands(infer), tmp_path)
    assert "order_id" in drafted.stdout
    assert "personal data: email" in drafted.stdout
    draft = tmp_path / "schemas" / "orders.py"
    for done in run([["contract", "check"], ["contract", "test"]], tmp_path):
        assert "Orders v1" in done.stdout
    assert "user1@" not in draft.read_text("utf-8")
    draft.write_text(finished)
    checked, tested, shown, _ = run(commands(tried), tmp_path)
    assert "Orders v1" in checked.stdout
    assert "15 rules: 15 caught" in tested.stdout
    assert "schemas/orders.py:" in shown.stdout
    assert (tmp_path / "docs" / "contracts" / "Orders.html").stat().st_size > 10_000
    run(commands(changed)[:1], tmp_path)
    draft.write_text(finished.replace("in_range=(1, 100)", "in_range=(1, 50)").replace('"version": 1', '"version": 2'))
    (said,) = run(commands(changed)[1:], tmp_path)
    assert "items.in_range" in said.stdout
    assert "narrow" in said.stdout
