"""The command that tries a contract on published nights."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from batchops.cli.call import Call, Result
from batchops.cli.contracts import aligned
from batchops.cli.progress import watched
from batchops.errors import GateError, JobError

if TYPE_CHECKING:
    from batchops.contract import Contract
    from batchops.job import LoadedJob
    from batchops.replay import Replay, ReplayedRule
    from batchops.settings import Settings

__all__ = ["replay"]


def replay(
    ctx: typer.Context,
    spec: Annotated[str, typer.Argument(metavar="NEW", help="A contract of the project: its name, or module:Class.")],
    nights: Annotated[int, typer.Option(help="How many published nights, the newest.", min=1, metavar="N")] = 30,
    job: Annotated[
        str | None, typer.Option(help="Only of this job; else of all jobs under a contract of its name.", metavar="JOB")
    ] = None,
    fail_on: Annotated[
        Literal["rejected", "accepted", "verdict"] | None,
        typer.Option(
            help="Exit with 3 where rows are newly rejected or accepted, or nights newly fail.", metavar="WHAT"
        ),
    ] = None,
) -> Result:
    """Try a contract on published nights: what it rejects that was scored, and accepts that was set aside."""
    call: Call = ctx.obj
    settings = call.settings()
    from batchops import codec
    from batchops.contract.lookup import load_contract
    from batchops.replay import replay as over

    contract = load_contract(spec, settings.project)
    jobs = _jobs(contract, job, settings)
    with watched(call, f"replay {contract.id}") as observe:
        found = [over(contract, each, nights, settings, observe) for each in jobs]
    lines = [line for each in found for line in _lines(each)]
    fails = {
        "rejected": any(each.rejected for each in found),
        "accepted": any(each.accepted for each in found),
        "verdict": any(each.failing for each in found),
        None: False,
    }[fail_on]
    value = [{**_totals(each), **json.loads(codec.dump(each))} for each in found]
    return Result(lines, value, GateError.exit_code if fails else 0)


def _jobs(contract: Contract, job: str | None, settings: Settings) -> Sequence[LoadedJob]:
    """The jobs whose nights are replayed.

    Raises:
        JobError: There is none.
    """
    from batchops.job import job_names, load_job

    if job is not None:
        return [load_job(job, settings.project)]
    loaded = [load_job(name, settings.project) for name in job_names(settings.project)]
    found = [each for each in loaded if each.contract.name == contract.name]
    if not found:
        raise JobError(f"contract {contract.name}", "is no job's", "Name one: --job JOB")
    return found


def _share(rows: int, total: int) -> str:
    return f"{100 * rows / total:.2g} %" if total else "-"


def _lines(found: Replay) -> list[str]:
    """For people: totals, then what each rule does otherwise, then what could not be looked at."""
    if not found.nights:
        return [f"{found.contract} over {found.job}: no night could be replayed", *_notes(found)]
    before = sorted({night.published for night in found.nights})
    span = f"{found.nights[0].night} to {found.nights[-1].night}"
    withheld = sum(night.withheld for night in found.nights)
    head = f"{found.contract} over {len(found.nights)} nights of {found.job}, {span}"
    lines = [
        f"{head} (published under {', '.join(before)})",
        f"  {found.rejected:,} of {found.rows:,} rows newly rejected ({_share(found.rejected, found.rows)}), "
        f"{found.accepted:,} newly accepted",
        f"  {len(found.failing)} nights fail that did not; {withheld} would be withheld",
    ]
    changed = [rule for rule in found.rules if rule.rejected or rule.failed != (rule.before or 0) or rule.fails]
    if changed:
        titles = ("RULE", "REJECTED", "SHARE", "FAIL IT", "DID", "NIGHTS", "FIRST", "LAST", "VERDICT")
        lines += ["", *aligned([titles, *(_row(rule, len(found.nights)) for rule in changed)])]
    if found.relieved:
        rows = [(id, f"{count:,}") for id, count in sorted(found.relieved.items(), key=lambda each: -each[1])]
        lines += ["", *aligned([("RULE AS PUBLISHED", "NEWLY ACCEPTED"), *rows])]
    return [*lines, *_notes(found)]


def _row(rule: ReplayedRule, nights: int) -> tuple[str, ...]:
    verdict = [f"{count} {word}" for count, word in ((rule.fails, "FAIL"), (rule.warns, "WARN")) if count]
    return (
        rule.id,
        f"{rule.rejected:,}",
        _share(rule.rejected, rule.evaluated),
        f"{rule.failed:,}",
        "new" if rule.before is None else f"{rule.before:,}",
        f"{len(rule.nights)} of {nights}",
        rule.nights[0] if rule.nights else "",
        rule.nights[-1] if rule.nights else "",
        ", ".join(verdict) or "PASS",
    )


def _notes(found: Replay) -> Iterator[str]:
    blind = sorted({rule.id for rule in found.rules if rule.unknown and not rule.evaluated})
    if blind:
        yield f"not known: {', '.join(blind)}"
    for night in found.nights:
        if night.released:
            yield f"{night.night}: {night.released:,} rows had been put back by hand; they count as they arrived"
    for each in found.skipped:
        yield f"skipped {each.night}: {each.why}"


def _totals(found: Replay) -> dict[str, Any]:
    from batchops import codec

    return {
        "rows": found.rows,
        "rejected": found.rejected,
        "accepted": found.accepted,
        "failing": [night.night for night in found.failing],
        "rules": json.loads(codec.dump(found.rules)),
        "relieved": dict(found.relieved),
    }
