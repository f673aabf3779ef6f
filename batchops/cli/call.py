"""One call of the command line: its global options, its result, and what of it goes to which stream."""

from __future__ import annotations

import functools
import json
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

import typer

from batchops.errors import BatchopsError
from batchops.settings import Settings, load_settings

__all__ = ["GLOBAL_VALUES", "Call", "Result", "answered", "hoist", "tell"]

QUIET_LINES = 15
INTERRUPTED, TERMINATED, BUG = 130, 143, 1
GLOBAL_VALUES = ("--root", "--project", "--scheduler", "--threads", "--output")
GLOBAL_SWITCHES = ("-q", "--quiet", "--debug")


@dataclass(frozen=True, slots=True)
class Call:
    """What the global options say.

    Attributes:
        flags: Settings given as options; None where not given.
    """

    flags: Mapping[str, Any] = field(default_factory=dict)
    quiet: bool = False
    output: str = "text"
    debug: bool = False

    @property
    def colour(self) -> bool:
        """Whether standard output takes colours."""
        return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"

    @property
    def live(self) -> bool:
        """Whether somebody watches standard error."""
        return sys.stderr.isatty() and not self.quiet

    def settings(self) -> Settings:
        """The settings of this call; thread pools are bounded by them before any library makes one.

        Raises:
            ConfigError: A setting is wrong.
        """
        settings = load_settings(self.flags, os.environ, Path.cwd())
        for variable in ("POLARS_MAX_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
            os.environ.setdefault(variable, str(settings.threads))
        return settings


@dataclass(frozen=True, slots=True)
class Result:
    """What a command answers.

    Attributes:
        lines: For people.
        value: The same for machines, as plain JSON values.
    """

    lines: Sequence[str] = ()
    value: Any = None
    exit_code: int = 0


class _Terminated(BaseException):
    """SIGTERM came."""


def _on_terminate(_number: int, _frame: FrameType | None) -> None:
    raise _Terminated


def hoist(arguments: Sequence[str]) -> list[str]:
    """Move global options to the front, so that they may stand anywhere before ``--``.

    >>> hoist(["run", "delay", "-q", "--root", "var", "--date", "2013-07-04"])
    ['-q', '--root', 'var', 'run', 'delay', '--date', '2013-07-04']
    """
    front: list[str] = []
    rest: list[str] = []
    queue = iter(arguments)
    for argument in queue:
        if argument == "--":
            rest += [argument, *queue]
        elif argument in GLOBAL_VALUES:
            front += [argument, *[value for value in [next(queue, None)] if value is not None]]
        elif argument in GLOBAL_SWITCHES or argument.partition("=")[0] in GLOBAL_VALUES:
            front.append(argument)
        else:
            rest.append(argument)
    return front + rest


def tell(lines: Iterable[str]) -> None:
    """Write lines to standard error."""
    for line in lines:
        print(line, file=sys.stderr, flush=True)


def _print_result(call: Call, result: Result) -> None:
    if call.quiet and result.exit_code == 0:
        return
    if call.output == "json":
        print(json.dumps(result.value, ensure_ascii=False, allow_nan=False))
    elif call.quiet:
        tell(result.lines[:QUIET_LINES])
    else:
        for line in result.lines:
            print(line)
    sys.stdout.flush()


def _of_error(error: BatchopsError) -> Result:
    value = {"where": error.where, "what": error.what, "remedy": error.remedy, "kind": type(error).__name__}
    return Result((), {"exit_code": error.exit_code, "error": value}, error.exit_code)


def _write_crash(call: Call) -> str:
    """Keep the traceback where the runs' logs are; say where, or how to see it."""
    try:
        folder = Path(call.settings().root) / "crashes"
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}-{os.getpid()}.log"
        path.write_text(traceback.format_exc(), encoding="utf-8")
    except (BatchopsError, OSError):
        return "Run again with --debug for the traceback"
    return f"The traceback is in {path}"


def _attempt(call: Call, body: Callable[[], Result]) -> Result:
    """Run a command's body; whatever happens becomes a result."""
    try:
        return body()
    except BatchopsError as error:
        if call.debug:
            traceback.print_exc()
        tell([f"batchops: {error}"])
        return _of_error(error)
    except KeyboardInterrupt:
        tell(["batchops: interrupted; the same command goes on where it stopped"])
        return Result((), {"exit_code": INTERRUPTED}, INTERRUPTED)
    except _Terminated:
        tell(["batchops: terminated; the same command goes on where it stopped"])
        return Result((), {"exit_code": TERMINATED}, TERMINATED)
    except Exception as bug:  # noqa: BLE001 the edge: one line for the operator, the rest for the maintainer
        if call.debug:
            traceback.print_exc()
        # Only the kind: a library's message may hold values of the data.
        tell([f"batchops: a bug in batchops: {type(bug).__name__}. {_write_crash(call)}."])
        return Result((), {"exit_code": BUG, "error": {"kind": type(bug).__name__}}, BUG)


def answered(body: Callable[..., Result]) -> Callable[..., None]:
    """A command for typer from a function that answers a `Result`: prints it, and exits with its code."""

    @functools.wraps(body)
    def command(ctx: typer.Context, **given: Any) -> None:
        call: Call = ctx.obj
        before = signal.signal(signal.SIGTERM, _on_terminate)
        try:
            result = _attempt(call, lambda: body(ctx, **given))
        finally:
            signal.signal(signal.SIGTERM, before)
        try:
            _print_result(call, result)
        except BrokenPipeError:  # the reader, such as head, has seen enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(result.exit_code)

    return command
