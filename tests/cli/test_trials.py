from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.calls import batchops, here

VACUOUS = '''
import pandera.polars as pa
import polars as pl


class Stock(pa.DataFrameModel):
    """What is left in the shop."""

    left: pl.UInt16 = pa.Field(ge=0, le=500)
'''
HOPELESS = '''
import pandera.polars as pa


class Codes(pa.DataFrameModel):
    """Codes."""

    code: str = pa.Field(str_startswith="ab", isin=["cd"])
'''


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cli") / "shop"
    assert batchops("-q", "init", str(folder)).exit_code == 0
    return folder


def test_the_contract_of_a_new_project_catches_everything(project: Path) -> None:
    text, quiet, again = here(
        [["contract", "test"], ["-q", "contract", "test"], ["contract", "test", "Visits", "--seed", "7"]], project
    )
    assert (text.exit_code, text.stderr) == (0, "")
    assert text.stdout == "ok    Visits v1  15 rules: 15 caught\n"
    assert (quiet.stdout, quiet.stderr) == ("", "")
    assert again.stdout == text.stdout


def test_a_vacuous_rule_fails_with_its_place_and_the_reason(project: Path) -> None:
    (project / "schemas" / "stock.py").write_text(VACUOUS)
    (project / "schemas" / "codes.py").write_text(HOPELESS)
    text, machine = here([["contract", "test"], ["contract", "test", "--output", "json"]], project)
    assert (text.exit_code, machine.exit_code) == (2, 2)
    assert "FAIL  Stock  3 rules: 2 caught, 1 vacuous" in text.stdout
    assert (
        "vacuous   schemas/stock.py:9: left.ge (left is at least 0): it leaves all that a column of type UInt16"
        in text.stdout
    )
    assert "FAIL  Codes  schemas/codes.py:8, code." in text.stdout
    assert "ok    Visits v1  15 rules: 15 caught" in text.stdout
    value = json.loads(machine.stdout)
    by_name = {each["contract"]: each for each in value["contracts"]}
    assert (by_name["Stock"]["vacuous"], by_name["Stock"]["error"]) == (1, None)
    assert by_name["Codes"]["error"]["where"].startswith("schemas/codes.py:8")
    trial = next(each for each in by_name["Visits v1"]["trials"] if each["rule"] == "pages.le")
    assert (trial["outcome"], trial["mutant"], trial["place"]) == (
        "caught",
        "pages next to a bound",
        "schemas/visits.py:17",
    )


def test_a_project_without_contracts_says_what_to_do(tmp_path: Path) -> None:
    (done,) = here([["contract", "test"]], tmp_path)
    assert (done.exit_code, done.stdout) == (2, "")
    assert "batchops contract infer" in done.stderr
