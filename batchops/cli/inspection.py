"""Commands that look and change nothing: status, report, ledger verify, doctor."""

from __future__ import annotations

import importlib.util
import json
import os
import platform
import shutil
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated

import typer

from batchops import __version__
from batchops.cli.call import Call, Result
from batchops.cli.nights import Date, JobName, parse_night
from batchops.errors import BatchopsError, JobError, did_you_mean
from batchops.settings import Settings

__all__ = ["doctor", "report", "require_job", "status", "verify"]

LIBRARIES = ("polars", "pandera", "deltalake", "pyarrow", "dask", "scikit-learn", "skops", "scipy", "numpy", "pydantic")
LITTLE_SPACE = 1 << 30


def status(
    ctx: typer.Context, job: Annotated[str | None, typer.Argument(metavar="JOB", help="All jobs without it.")] = None
) -> Result:
    """Say how every job stands, and where its latest report and its index are."""
    call: Call = ctx.obj
    settings = call.settings()
    if job is not None:
        require_job(job, settings)
    from batchops import codec
    from batchops.status import lines, status as standing

    jobs = standing(settings, job)
    return Result([line for each in jobs for line in lines(settings, each, call.colour)], json.loads(codec.dump(jobs)))


def report(
    ctx: typer.Context,
    job: JobName,
    date: Date = None,
    render: Annotated[bool, typer.Option("--render", help="Make the page again from its audit.json.")] = False,
) -> Result:
    """Print the path of a night's report, the latest by default."""
    call: Call = ctx.obj
    settings = call.settings()
    night = None if date is None else parse_night(date, "--date")
    require_job(job, settings)
    from batchops.status import latest_report, render_again

    path = (render_again if render else latest_report)(settings, job, night)
    if path is None:
        raise JobError(
            f"job {job!r}", f"has no report{f' of {night}' if night else ''}", f"Run `batchops run {job} --date ...`"
        )
    return Result([path], {"report": path})


def verify(
    ctx: typer.Context,
    job: JobName,
    anchor: Annotated[
        str | None, typer.Option(metavar="DIGEST", help="A head noted outside the store: shows truncation too.")
    ] = None,
) -> Result:
    """Check that the record of a job's runs is whole and unaltered."""
    call: Call = ctx.obj
    settings = call.settings()
    from batchops import ledger
    from batchops.store import Store

    require_job(job, settings)
    verified = ledger.verify(Store(settings.root), job, anchor)
    head = verified.head or "none"
    return Result([f"{job}: {verified.records} records, unaltered; head {head}"], {"job": job, "head": verified.head})


def require_job(job: str, settings: Settings) -> None:
    """Make sure that the project defines the job, or that the store remembers it.

    Raises:
        JobError: Neither does.
    """
    from batchops.job import job_names
    from batchops.store import Store

    known = {*job_names(settings.project), *Store(settings.root).names("runs")}
    if job not in known:
        raise JobError(
            f"job {job!r}", f"is neither in {settings.project}/jobs nor in the store", did_you_mean(job, known)
        )


def doctor(ctx: typer.Context) -> Result:
    """Check this machine, the settings and the store."""
    call: Call = ctx.obj
    settings = call.settings()
    checks = [
        ("batchops", True, f"{__version__}, Python {platform.python_version()}"),
        ("project", (settings.project / "jobs").is_dir(), str(settings.project)),
        ("work", True, f"{settings.scheduler}, {settings.threads} threads, {os.cpu_count()} cores here"),
        _store(settings),
        *(_library(name) for name in LIBRARIES),
    ]
    if importlib.util.find_spec("pandas") is not None:
        checks.append(("pandas", True, "is installed: every command takes about a second longer to start"))
    wrong = [name for name, good, _ in checks if not good]
    lines = [f"{'ok' if good else 'WRONG':<6}{name:<14}{words}" for name, good, words in checks]
    value = [{"check": name, "ok": good, "detail": words} for name, good, words in checks]
    return Result(lines, value, 2 if wrong else 0)


def _library(name: str) -> tuple[str, bool, str]:
    try:
        return name, True, version(name)
    except PackageNotFoundError:
        return name, False, "is not installed: pip install batchops"


def _store(settings: Settings) -> tuple[str, bool, str]:
    """Whether the store's root can be written, tried by writing."""
    from batchops.store import Store

    probe = f"locks/doctor-{os.getpid()}"
    try:
        store = Store(settings.root)
        store.write(probe, b"")
        store.delete(probe)
    except BatchopsError as error:
        return "store", False, str(error)
    if "://" in settings.root:
        return "store", True, settings.root
    free = shutil.disk_usage(Path(settings.root)).free
    return "store", free > LITTLE_SPACE, f"{settings.root}, {free / (1 << 30):.1f} GiB free"
