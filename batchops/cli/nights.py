"""Commands on nights: run, backfill, retry, labels."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from batchops.cli.call import Call, Result
from batchops.cli.outcomes import of_night, of_range
from batchops.cli.progress import watched
from batchops.errors import UsageError
from batchops.partition import Night

if TYPE_CHECKING:
    from batchops.run import Options
    from batchops.settings import Settings

__all__ = ["backfill", "labels", "parse_night", "retry", "run"]

NIGHT = re.compile(r"\d{4}-\d{2}-\d{2}")
JobName = Annotated[str, typer.Argument(metavar="JOB", help="Name of a file in jobs/, without .py.")]
Force = Annotated[bool, typer.Option("--force", help="Score again although the input is unchanged.")]
Reason = Annotated[str | None, typer.Option(metavar="TEXT", help="Why, for the ledger; needed with --force.")]
Wait = Annotated[float | None, typer.Option(metavar="SECONDS", help="Wait for another runner of the same night.")]
FailOn = Annotated[Literal["fail", "warn"], typer.Option(help="Exit 3 from this severity on.")]
First = Annotated[str, typer.Option("--from", metavar="YYYY-MM-DD", help="First night.")]
Last = Annotated[str, typer.Option("--to", metavar="YYYY-MM-DD", help="Last night, included.")]
Date = Annotated[str | None, typer.Option("--date", metavar="YYYY-MM-DD", help="One night.")]


def parse_night(text: str, option: str) -> Night:
    """The night an option names.

    Raises:
        UsageError: It is no date.
    """
    try:
        return Night.parse(text)
    except ValueError as error:
        raise UsageError(option, f"{text!r} is no date", "Write YYYY-MM-DD, such as 2013-07-04") from error


def _range(first: str, last: str) -> tuple[Night, Night]:
    nights = parse_night(first, "--from"), parse_night(last, "--to")
    if nights[0] > nights[1]:
        raise UsageError("--from", f"{first} is after --to {last}", "Swap them")
    return nights


def _options(
    settings: Settings, wait: float | None = None, force: bool = False, reason: str | None = None, fail_on: str = "fail"
) -> Options:
    if force and not reason:
        raise UsageError("--force", "a published night is scored again only for a reason", "Add --reason TEXT")
    from batchops.run import Options

    return Options(force, reason, settings.wait if wait is None else wait, fail_on == "warn")


def run(
    ctx: typer.Context,
    job: JobName,
    date: Annotated[str, typer.Option("--date", metavar="YYYY-MM-DD", help="The logical night.")],
    force: Force = False,
    reason: Reason = None,
    wait: Wait = None,
    fail_on: FailOn = "fail",
) -> Result:
    """Check, score, audit and publish one night."""
    call: Call = ctx.obj
    night, settings = parse_night(date, "--date"), call.settings()
    options = _options(settings, wait, force, reason, fail_on)
    from batchops.job import load_job
    from batchops.run import run_night

    loaded = load_job(job, settings.project)
    with watched(call, f"run {job} {night}") as observe:
        outcome = run_night(loaded, night, settings, options, observe)
    return of_night(outcome, call)


def backfill(
    ctx: typer.Context,
    job: JobName,
    first: First,
    last: Last,
    reprocess: Annotated[
        Literal["missing", "failed", "all"], typer.Option(help="Which nights to run; all needs --force.")
    ] = "missing",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")] = False,
    force: Force = False,
    reason: Reason = None,
    wait: Wait = None,
    fail_on: FailOn = "fail",
) -> Result:
    """Run a range of nights in one process, oldest first."""
    call: Call = ctx.obj
    nights, settings = _range(first, last), call.settings()
    options = _options(settings, wait, force, reason, fail_on)
    from batchops import run as runs
    from batchops.job import load_job

    loaded = load_job(job, settings.project)
    if dry_run:
        steps = runs.plan(loaded, nights, settings, reprocess)
        return Result([f"{night}  {what}" for night, what in steps], [{"night": str(n), "what": w} for n, w in steps])
    with watched(call, f"backfill {job} {nights[0]} to {nights[1]}") as observe:
        outcomes = runs.backfill(loaded, nights, settings, replace(options, reprocess=reprocess), observe)
    return of_range(outcomes, runs.range_exit_code(outcomes))


def retry(ctx: typer.Context, job: JobName, wait: Wait = None, fail_on: FailOn = "fail") -> Result:
    """Run every night without published scores, from the first night that was run to the last."""
    call: Call = ctx.obj
    settings = call.settings()
    options = _options(settings, wait, fail_on=fail_on)
    from batchops import run as runs
    from batchops.job import load_job
    from batchops.store import Store

    loaded, store = load_job(job, settings.project), Store(settings.root)
    # A night that was started has a run's folder, or receipts in staging.
    names = {*store.names(f"runs/{loaded.name}"), *store.names(f"staging/{loaded.name}")}
    known = sorted(Night.parse(name) for name in names if NIGHT.fullmatch(name))
    if not known:
        return Result([f"{job} has run no night yet"], {"exit_code": 0, "nights": []})
    first, last = known[0], known[-1]
    with watched(call, f"retry {job} {first} to {last}") as observe:
        outcomes = runs.backfill(loaded, (first, last), settings, replace(options, reprocess="failed"), observe)
    return of_range(outcomes, runs.range_exit_code(outcomes))


def labels(
    ctx: typer.Context,
    job: JobName,
    date: Date = None,
    first: Annotated[str | None, typer.Option("--from", metavar="YYYY-MM-DD", help="First night.")] = None,
    last: Annotated[str | None, typer.Option("--to", metavar="YYYY-MM-DD", help="Last night, included.")] = None,
    wait: Wait = None,
    fail_on: FailOn = "fail",
) -> Result:
    """Join the labels that came since, and publish each night's quality."""
    call: Call = ctx.obj
    if (date is None) == (first is None or last is None) or (date is not None and (first or last)):
        raise UsageError("labels", "which nights is not clear", "Give --date, or --from and --to")
    nights, settings = _range(date or str(first), date or str(last)), call.settings()
    options = _options(settings, wait, fail_on=fail_on)
    from batchops.job import load_job
    from batchops.labels import join_labels
    from batchops.run import range_exit_code

    loaded = load_job(job, settings.project)
    with watched(call, f"labels {job} {nights[0]} to {nights[1]}") as observe:
        outcomes = join_labels(loaded, nights, settings, options, observe)
    return of_range(outcomes, range_exit_code(outcomes))
