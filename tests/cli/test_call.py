from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
import typer
from hypothesis import given, strategies as st
from typer.testing import CliRunner

from batchops import errors
from batchops.cli.call import QUIET_LINES, Call, Result, answered, hoist
from tests.cli.calls import Done, python


def tree(kind: type[errors.BatchopsError]) -> list[type[errors.BatchopsError]]:
    return [kind, *(leaf for child in kind.__subclasses__() for leaf in tree(child))]


def answer(result: Result | BaseException, call: Call = Call()) -> Any:  # noqa: B008 a frozen value
    """Run one command that gives the result, or raises it, under these global options."""
    app = typer.Typer()

    @app.callback(invoke_without_command=True)
    def options(ctx: typer.Context) -> None:
        ctx.obj = call

    def command(ctx: typer.Context) -> Result:  # noqa: ARG001 as every command
        if isinstance(result, BaseException):
            raise result
        return result

    app.command("it")(answered(command))
    return CliRunner().invoke(app, ["it"])


@pytest.mark.parametrize("kind", tree(errors.BatchopsError))
def test_an_error_exits_with_its_code_and_says_where_what_and_the_remedy(kind: type[errors.BatchopsError]) -> None:
    done = answer(kind("flights_delay 2013-07-04", "is wrong", "Do this"))
    assert done.exit_code == kind.exit_code
    assert done.stdout == ""
    assert done.stderr == "batchops: flights_delay 2013-07-04: is wrong. Do this.\n"


def test_a_bug_exits_1_with_one_line_that_holds_no_data(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.chdir(tmp_path)
    done = answer(ZeroDivisionError("Jane Doe, born 1980"), Call({"root": str(tmp_path / "store")}))
    assert done.exit_code == 1
    assert done.stderr.count("\n") == 1
    assert "ZeroDivisionError" in done.stderr
    assert "Jane" not in done.stderr
    (log,) = (tmp_path / "store" / "crashes").iterdir()
    assert "Traceback" in log.read_text()
    assert log.name in done.stderr


def test_debug_prints_the_traceback(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.chdir(tmp_path)
    assert "Traceback" in answer(errors.JobError("a", "b", "c"), Call(debug=True)).stderr
    assert "Traceback" in answer(ZeroDivisionError(), Call({"root": str(tmp_path)}, debug=True)).stderr


def test_an_interrupt_exits_130() -> None:
    assert answer(KeyboardInterrupt()).exit_code == 130


def test_a_termination_exits_143() -> None:
    script = """
import os, signal, typer
from batchops.cli.call import Call, Result, answered
app = typer.Typer()
@app.callback()
def options(ctx: typer.Context): ctx.obj = Call()
def command(ctx: typer.Context): os.kill(os.getpid(), signal.SIGTERM); return Result(["not reached"])
app.command("it")(answered(command))
app(["it"])
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (143, "")
    assert "goes on where it stopped" in done.stderr


def test_a_result_is_on_standard_output_alone() -> None:
    done = answer(Result(["one", "two"], {"a": 1}, 3))
    assert (done.exit_code, done.stdout, done.stderr) == (3, "one\ntwo\n", "")


def test_json_is_one_document() -> None:
    done = answer(Result(["one"], {"a": [1, None]}, 4), Call(output="json"))
    assert (done.exit_code, json.loads(done.stdout)) == (4, {"a": [1, None]})


def test_json_holds_the_error_too() -> None:
    done = answer(errors.JobError("here", "this", "that"), Call(output="json"))
    assert json.loads(done.stdout) == {
        "exit_code": 2,
        "error": {"kind": "JobError", "where": "here", "what": "this", "remedy": "that"},
    }


@pytest.mark.parametrize("output", ["text", "json"])
def test_quiet_says_nothing_on_success(output: str) -> None:
    done = answer(Result(["one"], {"a": 1}), Call(quiet=True, output=output))
    assert (done.exit_code, done.stdout, done.stderr) == (0, "", "")


def test_quiet_says_at_most_15_lines_on_failure() -> None:
    done = answer(Result([f"line {number}" for number in range(40)], exit_code=3), Call(quiet=True))
    assert done.exit_code == 3
    assert (done.stdout, done.stderr.splitlines()) == ("", [f"line {number}" for number in range(QUIET_LINES)])


def test_a_reader_that_has_seen_enough_is_no_failure() -> None:
    body = """
import typer
from batchops.cli.call import Call, Result, answered
app = typer.Typer()
@app.callback()
def options(ctx: typer.Context): ctx.obj = Call()
def command(ctx: typer.Context): return Result(["x" * 1000] * 1000)
app.command("it")(answered(command))
app(["it"])
"""
    with subprocess.Popen([sys.executable, "-c", body], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.read(10)
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0


def test_a_process_of_these_tests_finds_no_pandas_as_its_users_have_none() -> None:
    script = "import sys, pandera.polars, batchops.run; sys.exit('pandas' in sys.modules)"
    assert python("-c", script) == Done(0, "", "")


LOCAL = st.lists(st.sampled_from(["run", "delay", "--date", "2013-07-04", "--force", "--dry-run"]), max_size=6)
GLOBAL = st.lists(
    st.sampled_from([["-q"], ["--quiet"], ["--debug"], ["--root", "var"], ["--root=var"], ["--output", "json"]]),
    max_size=4,
)


@given(local=LOCAL, chosen=GLOBAL, data=st.data())
def test_a_global_option_may_stand_anywhere(local: list[str], chosen: list[list[str]], data: st.DataObject) -> None:
    mixed: list[list[str]] = [[word] for word in local]
    places = sorted(data.draw(st.integers(0, len(local))) for _ in chosen)
    for place, option in reversed(list(zip(places, chosen, strict=True))):
        mixed.insert(place, option)
    assert hoist([word for words in mixed for word in words]) == [*(w for option in chosen for w in option), *local]


def test_what_follows_two_dashes_is_left_alone() -> None:
    assert hoist(["run", "--", "-q", "--root"]) == ["run", "--", "-q", "--root"]
