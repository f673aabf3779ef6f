"""Commands on a project's files: init and check."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from batchops.cli.call import Call, Result
from batchops.cli.contract_checks import errors_of
from batchops.errors import BatchopsError, ConfigError, JobError, UnknownVersion, UsageError
from batchops.guest import line_of

if TYPE_CHECKING:
    from batchops.job import LoadedJob
    from batchops.settings import Settings

__all__ = ["check", "init"]

SUFFIX = ".txt"
"""Of every file of the scaffold: none of them is code of the framework."""


def _scaffold(folder: Traversable, below: Path = Path()) -> Iterator[tuple[Path, bytes]]:
    """Every file that `init` writes: its path in the project, and its content."""
    for item in sorted(folder.iterdir(), key=lambda item: item.name):
        if item.is_dir():
            yield from _scaffold(item, below / item.name)
        elif item.name.endswith(SUFFIX):
            yield below / item.name.removesuffix(SUFFIX), item.read_bytes()


def init(
    ctx: typer.Context,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where; it may exist, its files are kept.")] = Path(),
) -> Result:
    """Write a project with a small job that runs: settings, contract, job, made-up data, report."""
    written = list(_scaffold(files("batchops.cli") / "scaffold"))
    taken = [str(path) for path, _ in written if (folder / path).exists()]
    if taken:
        raise ConfigError(str(folder), f"already holds {', '.join(taken)}", "Choose an empty folder")
    try:
        for path, content in written:
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(content)
    except OSError as error:
        raise ConfigError(str(folder), f"cannot be written ({error.strerror})", "Choose another folder") from error
    enter = "" if folder == Path() else f"cd {folder} && "
    lines = [*(f"wrote {folder / path}" for path, _ in written), f"next: {enter}batchops check"]
    return Result(lines, {"folder": str(folder), "files": [str(path) for path, _ in written]})


def check(
    ctx: typer.Context,
    job: Annotated[str | None, typer.Argument(metavar="JOB", help="All jobs of the project without it.")] = None,
) -> Result:
    """Check jobs and their contracts without reading any data."""
    call: Call = ctx.obj
    settings = call.settings()
    from batchops.job import job_names

    names = [job] if job else list(job_names(settings.project))
    if not names:
        raise JobError(f"project {settings.project}", "has no job", "Write one in jobs/, or run `batchops init DIR`")
    lines: list[str] = []
    value: list[dict[str, Any]] = []
    for name in names:
        wrong, about = _check(name, settings)
        lines += wrong or [f"ok  jobs/{name}.py  {about}"]
        value.append({"job": name, "ok": not wrong, "problems": wrong})
    return Result(lines, value, UsageError.exit_code if any(not each["ok"] for each in value) else 0)


def _check(name: str, settings: Settings) -> tuple[list[str], str]:
    """What is wrong with a job, and else what it is."""
    from batchops.job import load_job

    path = settings.project / "jobs" / f"{name}.py"
    try:
        loaded = load_job(name, settings.project)
        about = f"{loaded.contract.id}, {len(loaded.contract.rules)} rules, {_check_model(loaded, settings)}"
        refused = errors_of(loaded, settings)
    except UsageError as error:
        if not path.is_file():
            raise
        return _problems(name, path, settings, error), ""
    return refused, about


def _problems(name: str, path: Path, settings: Settings, error: BatchopsError) -> list[str]:
    """Each problem at its file and line; where the job could be imported, all of them and not only the first."""
    place = line_of(error.__cause__, settings.project)
    if place:
        return [f"{place}: {error.what}. {error.remedy}"]
    found = [(error.what, error.remedy)]
    job = getattr(sys.modules.get(f"jobs.{name}"), "JOB", None)
    from batchops.contract import compile_contract
    from batchops.job import Job, problems

    if isinstance(job, Job) and isinstance(error, JobError):
        found = list(problems(job, compile_contract(job.contract))) or found
    shown = path.relative_to(settings.project)
    return [f"{shown}:{_line(path, what)}: {what}. {remedy}" for what, remedy in found]


def _line(path: Path, what: str) -> int:
    """The line of the first text in the file that the problem quotes; else that of ``JOB``."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and repr(node.value) in what:
            return node.lineno
    job = (
        node.lineno
        for node in tree.body
        if isinstance(node, ast.Assign | ast.AnnAssign) and "JOB" in ast.unparse(node).split("=")[0]
    )
    return next(job, 1)


def _check_model(loaded: LoadedJob, settings: Settings) -> str:
    """How the job's model fits its contract, where one is registered.

    Raises:
        JobError: The model answers another task than the job's, or wants features that the contract does not have.
    """
    from batchops.models import resolve
    from batchops.run.reference import require_task
    from batchops.store import Store

    ref = loaded.job.model
    try:
        version = resolve(Store(settings.root), ref)
    except UnknownVersion:
        return f"model {ref} not registered yet"
    require_task(loaded, version)
    missing = [each.name for each in version.manifest.features if each.name not in loaded.contract.features]
    if missing:
        raise JobError(
            f"job {loaded.name}",
            f"the model {ref!r} wants {', '.join(missing)}, which the contract has no feature for",
            "Mark them as features, or train a version",
        )
    return f"model {version}"
