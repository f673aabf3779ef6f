from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from batchops import __version__
from batchops.cli.app import app
from tests.cli.calls import batchops, python

HEAVY = {"polars", "numpy", "pandas", "pandera", "dask", "distributed", "sklearn", "scipy", "deltalake", "pyarrow"}
COMMANDS = [str(command.callback.__name__) for command in app.registered_commands if command.callback is not None]


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"], ["model", "--help"], ["--version"], ["rnu"]])
def test_help_loads_nothing_heavy(arguments: list[str]) -> None:
    script = f"""
import atexit, sys
from batchops.cli import main
sys.argv = ["batchops", *{arguments!r}]
atexit.register(lambda: print("LOADED", *{{name.partition(".")[0] for name in sys.modules}}, file=sys.stderr))
main()
"""
    done = python("-c", script)
    said, loaded, names = done.stderr.partition("LOADED")
    assert "batchops" in done.stdout + said
    assert loaded
    assert HEAVY & set(names.split()) == set()


def test_help_lists_every_command_and_every_exit_code() -> None:
    done = batchops("--help")
    assert done.exit_code == 0
    for word in [*COMMANDS, "model", "quarantine", "ledger", "75", "130", "143"]:
        assert word in done.stdout
    assert "\x1b" not in done.stdout


GROUPED = ["model list", "model show", "quarantine list", "quarantine show", "quarantine release", "ledger verify"]


@pytest.mark.parametrize("command", [*COMMANDS, *GROUPED])
def test_every_command_has_help(command: str) -> None:
    done = CliRunner().invoke(app, [*command.split(), "--help"])
    assert done.exit_code == 0
    assert f" {command} " in done.stdout


def test_the_version_is_the_packages() -> None:
    assert batchops("--version").stdout == f"batchops {__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["rnu", "flights_delay"], "Did you mean 'run'"),
        (["run", "flights_delay", "--dat", "2013-07-04"], "--date"),
        (["run", "flights_delay"], "--date"),
        (["--output", "xml", "doctor"], "'text', 'json'"),
        (["schema", "audits"], "audit"),
        (["run", "flights_delay", "--date", "2013-07-32"], "Write YYYY-MM-DD"),
        (["run", "flights_delay", "--date", "2013-07-04", "--force"], "--reason"),
        (["backfill", "flights_delay", "--from", "2013-07-04", "--to", "2013-07-01"], "Swap them"),
        (["labels", "flights_delay", "--from", "2013-07-04"], "--to"),
        (["labels", "flights_delay", "--date", "2013-07-04", "--to", "2013-07-05"], "Give --date, or"),
        (["doctor", "--threads", "0"], "1 or more"),
    ],
)
def test_wrong_usage_exits_2_and_says_what_would_be_right(arguments: list[str], said: str) -> None:
    done = batchops(*arguments)
    assert (done.exit_code, done.stdout) == (2, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("kind", ["audit", "job", "policy"])
def test_a_schema_is_json_schema_of_every_field(kind: str) -> None:
    done = CliRunner().invoke(app, ["schema", kind])
    assert (done.exit_code, done.stderr) == (0, "")
    schema = json.loads(done.stdout)
    assert schema["type"] == "object"
    assert set(schema.get("required", [])) <= set(schema["properties"])
    assert json.loads(CliRunner().invoke(app, ["--output", "json", "schema", kind]).stdout) == schema


def test_the_schema_of_a_job_says_what_it_needs() -> None:
    schema = json.loads(CliRunner().invoke(app, ["schema", "job"]).stdout)
    assert schema["required"] == ["name", "source", "contract", "key", "model"]
    assert schema["properties"]["contract"]["type"] == "string"
    assert schema["$defs"]["Training"]["properties"]["fit"]["type"] == "string"
