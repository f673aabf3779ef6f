"""Call the command line as its users do: in a process of its own, its streams in pipes or on a terminal."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

from typer.testing import CliRunner

from batchops.cli.app import app
from batchops.cli.call import hoist
from tests.project import forget

__all__ = ["RUNTIME", "Done", "batchops", "environment", "here", "on_terminal", "python", "session"]

PROJECT = Path(__file__).parent.parent.parent

RUNTIME = Path(__file__).parent / "runtime"
"""On the path, it keeps pandas from a process."""


@dataclass(frozen=True, slots=True)
class Done:
    """How a process ended, and what it wrote."""

    exit_code: int
    stdout: str
    stderr: str


def environment(**more: str) -> dict[str, str]:
    """This process's environment without our variables, so that a test sees its own alone, and without pandas."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("BATCHOPS_")}
    return {**kept, "PYTHONPATH": f"{RUNTIME}{os.pathsep}{PROJECT}", "PYTHONWARNINGS": "error", **more}


def python(*arguments: str, cwd: Path = PROJECT, **more: str) -> Done:
    """Run Python with its streams in pipes."""
    done = subprocess.run(
        [sys.executable, *arguments], cwd=cwd, env=environment(**more), capture_output=True, text=True, check=False
    )
    return Done(done.returncode, done.stdout, done.stderr)


def batchops(*arguments: str, cwd: Path = PROJECT, **more: str) -> Done:
    """Run the command line with its streams in pipes."""
    return python("-m", "batchops", *arguments, cwd=cwd, **more)


def on_terminal(*arguments: str, cwd: Path = PROJECT, **more: str) -> Done:
    """Run Python with standard output and standard error on terminals of their own."""
    ends = [pty.openpty(), pty.openpty()]
    with subprocess.Popen(
        [sys.executable, *arguments],
        cwd=cwd,
        env=environment(TERM="xterm", COLUMNS="120", **more),
        stdin=subprocess.DEVNULL,
        stdout=ends[0][1],
        stderr=ends[1][1],
    ) as process:
        for _, far in ends:
            os.close(far)
        stdout, stderr = (_read_all(near) for near, _ in ends)
    return Done(process.returncode, stdout, stderr)


def _read_all(terminal: int) -> str:
    """What was written to a terminal until its last writer left; Linux says so by an error."""
    with os.fdopen(terminal, "rb", buffering=0) as stream:
        chunks = []
        while True:
            try:
                chunk = stream.read(65536)
            except OSError:
                break
            if not chunk:
                break
            chunks.append(chunk)
    return b"".join(chunks).decode().replace("\r\n", "\n")


SESSION = """
import json, os, sys
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as the command line does, which is not called here
from typer.testing import CliRunner
from batchops.cli.app import app
from batchops.cli.call import hoist
for command in json.loads(sys.argv[1]):
    done = CliRunner().invoke(app, hoist(command))
    print(json.dumps([done.exit_code, done.stdout, done.stderr]))
"""


def session(commands: Sequence[Sequence[str]], cwd: Path) -> list[Done]:
    """Run several commands in one process, which pays for its imports once."""
    done = python("-c", SESSION, json.dumps(commands), cwd=cwd)
    assert done.exit_code == 0, done.stderr
    return [Done(*json.loads(line)) for line in done.stdout.splitlines()]


def here(commands: Sequence[Sequence[str]], cwd: Path) -> list[Done]:
    """Run several commands in the tests' own process, whose imports are paid for, as one of their own would."""
    forget(cwd)
    with contextlib.chdir(cwd), mock.patch.dict(os.environ, environment(), clear=True):
        done = [CliRunner().invoke(app, hoist(list(command))) for command in commands]
    return [Done(each.exit_code, each.stdout, each.stderr) for each in done]
