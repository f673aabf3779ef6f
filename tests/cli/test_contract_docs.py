"""The command that writes contracts' pages, as its user calls it."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.calls import PROJECT, batchops, here


def test_every_contract_of_the_project_gets_a_page_that_names_its_jobs_and_lines(tmp_path: Path) -> None:
    out, root = str(tmp_path / "pages"), str(tmp_path / "store")
    text, machine = here(
        [
            ["contract", "docs", "--out", out, "--root", root],
            ["contract", "docs", "Flights", "--out", out, "--output", "json"],
        ],
        PROJECT,
    )
    assert (text.exit_code, text.stdout) == (0, f"wrote {out}/Flights.html\n")
    assert json.loads(machine.stdout) == {"pages": [f"{out}/Flights.html"]}
    page = (tmp_path / "pages" / "Flights.html").read_text("utf-8")
    assert "flights_delay" in page
    assert "schemas/flights.py:" in page


def test_a_project_without_contracts_is_told_how_to_get_one(tmp_path: Path) -> None:
    done = batchops("contract", "docs", cwd=tmp_path)
    assert done.exit_code == 2
    assert "batchops contract infer" in done.stderr
