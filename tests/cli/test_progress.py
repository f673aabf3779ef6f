from __future__ import annotations

from tests.cli.calls import on_terminal, python

WORK = """
import sys
from types import SimpleNamespace
from batchops.cli.call import Call
from batchops.cli.progress import watched
call = Call(quiet="-q" in sys.argv)
with watched(call, "run delay") as observe:
    for done in range(4):
        observe(SimpleNamespace(stage="score", night="2013-07-04", done=done, total=3, rows=1000 * done, rejected=7))
print("result", call.colour)
"""


def test_a_log_gets_one_line_at_the_start_and_one_at_the_end() -> None:
    done = python("-c", WORK)
    first, last = done.stderr.splitlines()
    assert first == "batchops: run delay: started"
    assert last.startswith("batchops: run delay: finished in ")
    assert done.stdout == "result False\n"


def test_a_terminal_gets_a_bar_on_standard_error_alone() -> None:
    done = on_terminal("-c", WORK)
    assert done.exit_code == 0
    assert done.stdout == "result True\n"
    for words in ("2013-07-04 score", "3/3", "rows/s", "7 rejected", "finished in"):
        assert words in done.stderr


def test_quiet_gets_neither() -> None:
    assert python("-c", WORK, "-q").stderr == ""
    assert on_terminal("-c", WORK, "-q").stderr == ""


def test_no_color_is_obeyed_on_a_terminal() -> None:
    assert on_terminal("-c", WORK, NO_COLOR="1").stdout == "result False\n"


def test_rich_is_loaded_for_a_terminal_alone() -> None:
    script = WORK + "print('rich' in sys.modules)"
    assert python("-c", script).stdout.splitlines()[-1] == "False"
    assert on_terminal("-c", script).stdout.splitlines()[-1] == "True"
