"""Commands on rows that were set aside: quarantine list, show, release."""

from __future__ import annotations

import datetime as dt
import json
import math
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from batchops.cli.call import Call, Result
from batchops.cli.inspection import require_job
from batchops.cli.nights import FailOn, JobName, Wait, parse_night
from batchops.cli.outcomes import of_night
from batchops.cli.progress import watched
from batchops.errors import UsageError

if TYPE_CHECKING:
    from batchops.quarantine.looking import HeldNight, Shown
    from batchops.quarantine.releasing import Released

__all__ = ["list_", "release", "show"]

WIDEST = 28
"""Characters of a value that a terminal is shown."""

Night = Annotated[str, typer.Option("--date", metavar="YYYY-MM-DD", help="The night.")]
Rules = Annotated[list[str] | None, typer.Option("--rule", metavar="ID", help="Rows that fail it; may be repeated.")]


def list_(
    ctx: typer.Context,
    job: JobName,
    first: Annotated[str | None, typer.Option("--from", metavar="YYYY-MM-DD", help="First night.")] = None,
    last: Annotated[str | None, typer.Option("--to", metavar="YYYY-MM-DD", help="Last night, included.")] = None,
) -> Result:
    """List the nights with rows that are set aside, newest first, and the rules that these fail."""
    call: Call = ctx.obj
    settings = call.settings()
    if (first is None) != (last is None):
        raise UsageError("quarantine list", "which nights is not clear", "Give --from and --to, or neither")
    span = None if first is None or last is None else (parse_night(first, "--from"), parse_night(last, "--to"))
    require_job(job, settings)
    from batchops import codec
    from batchops.quarantine.looking import held_nights
    from batchops.store import Store

    nights = held_nights(Store(settings.root), job, span)
    lines = _table([_HEAD, *(_night(each) for each in nights)], right=(1, 2, 3)) if nights else []
    return Result(lines or [f"{job}: no row is set aside"], json.loads(codec.dump(nights)))


_HEAD = ("night", "rows in", "set aside", "released", "rules", "run")


def _night(night: HeldNight) -> tuple[str, ...]:
    rules = "the rows were deleted" if night.rules is None else _counts(night.rules)
    run = night.run_id + (" (withheld)" if night.output == "withheld" else "")
    return night.night, f"{night.rows:,}", f"{night.quarantined:,}", f"{night.released:,}", rules, run


def _counts(rules: Mapping[str, int]) -> str:
    """Rules with their rows: ``dest.isin 12, temp.in_range 3``."""
    return ", ".join(f"{id} {rows:,}" for id, rows in rules.items())


def _table(rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = (
        "  ".join(
            cell.rjust(width) if place in right else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    )
    return [line.rstrip() for line in lines]


def show(
    ctx: typer.Context,
    job: JobName,
    date: Night,
    rule: Annotated[str | None, typer.Option("--rule", metavar="ID", help="Only rows that fail it.")] = None,
    limit: Annotated[int, typer.Option(min=1, metavar="N", help="At most so many rows.")] = 20,
    columns: Annotated[str | None, typer.Option(metavar="A,B", help="Only these columns.")] = None,
) -> Result:
    """Show rows that were set aside, as they arrived; personal data is masked."""
    call: Call = ctx.obj
    night, settings = parse_night(date, "--date"), call.settings()
    from batchops.job import load_job
    from batchops.quarantine.looking import View, show_rows
    from batchops.store import Store

    view = View(rule, tuple(columns.split(",")) if columns else (), limit)
    loaded = load_job(job, settings.project)
    shown = show_rows(Store(settings.root), loaded, night, view)
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    value = {name: getattr(shown, name) for name in shown.__slots__ if name != "rows"}
    rows = [{name: _plain(cell) for name, cell in row.items()} for row in shown.rows]
    return Result(list(_shown(job, shown, width)), {"job": job, **value, "rows": rows})


def _plain(value: Any) -> Any:
    """A value as JSON has it; what JSON has no word for, as text."""
    if isinstance(value, dict):
        return {str(name): _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    return value if value is None or isinstance(value, str | int | bool) else _spelled(value)


def _spelled(value: Any) -> str:
    if isinstance(value, dt.datetime):
        return value.isoformat(sep=" ")
    return value.hex() if isinstance(value, bytes) else str(value)


def _shown(job: str, shown: Shown, width: int | None) -> Iterator[str]:
    """Rows as a table; on a terminal as many columns as there is room for, in a pipe all of them."""
    from batchops.report.formats import plural

    of = "" if shown.matching == shown.total else f" of {shown.total:,}"
    output = " (withheld)" if shown.output == "withheld" else ""
    yield f"{job} {shown.night}: {plural(shown.matching, 'row')}{of} set aside, run {shown.run_id}{output}"
    if not shown.rows:
        return
    names = shown.columns[3:]
    rows = [("partition:row", "fails", *names), *(_cells(row, names, width) for row in shown.rows)]
    fitting = _fitting(rows, width)
    yield from _table([row[:fitting] for row in rows])
    if fitting < len(rows[0]):
        yield f"and {plural(len(rows[0]) - fitting, 'column')} more: choose with --columns {','.join(names[-2:])}"
    if len(shown.rows) < shown.matching:
        yield f"and {plural(shown.matching - len(shown.rows), 'row')} more: --limit {shown.matching} shows all"
    if shown.masked:
        yield f"masked, as they are personal data: {', '.join(shown.masked)}"
    if shown.unknown:
        yield f"masked, as the contract does not say what they are: {', '.join(shown.unknown)}"


def _cells(row: Mapping[str, Any], names: Sequence[str], width: int | None) -> tuple[str, ...]:
    from batchops.report.formats import clean

    values = ("" if name not in row else "null" if row[name] is None else str(_plain(row[name])) for name in names)
    cells = (clean(f"{row['_partition']}:{row['_row']}"), clean(", ".join(row["_failed_rules"])), *map(clean, values))
    return tuple(cell if width is None or len(cell) <= WIDEST else f"{cell[: WIDEST - 1]}…" for cell in cells)


def _fitting(rows: Sequence[Sequence[str]], width: int | None) -> int:
    """How many columns there is room for; the first two always."""
    used, fitting = 0, 0
    for column in zip(*rows, strict=True):
        used += max(map(len, column)) + (2 if fitting else 0)
        if width is not None and used > width and fitting >= 2:
            break
        fitting += 1
    return fitting


def release(
    ctx: typer.Context,
    job: JobName,
    date: Night,
    reason: Annotated[str | None, typer.Option(metavar="TEXT", help="Why; audit.json and the ledger keep it.")] = None,
    rule: Rules = None,
    rows: Annotated[
        list[str] | None, typer.Option("--rows", metavar="PARTITION:ROW,...", help="Only these, as `show` names them.")
    ] = None,
    waive: Annotated[
        list[str] | None, typer.Option(metavar="ID", help="Let rows fail this rule; may be repeated.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would happen, and write nothing.")] = False,
    wait: Wait = None,
    fail_on: FailOn = "fail",
) -> Result:
    """Put rows that were set aside back into their night, if they pass today's contract."""
    call: Call = ctx.obj
    night, settings = parse_night(date, "--date"), call.settings()
    if not reason:
        raise UsageError("--reason", "rows are released only for a reason", "Add --reason TEXT; the ledger keeps it")
    chosen = tuple(_row(text) for given in rows or () for text in given.split(","))
    from batchops.job import load_job
    from batchops.quarantine.choosing import Wish
    from batchops.quarantine.releasing import release as put_back
    from batchops.run import Options

    wish = Wish(reason, tuple(rule or ()), chosen, tuple(waive or ()), dry_run)
    options = Options(wait=settings.wait if wait is None else wait, fail_on_warn=fail_on == "warn")
    loaded = load_job(job, settings.project)
    with watched(call, f"release {job} {night}"):
        released = put_back(loaded, night, wish, settings, options)
    return _released(released, wish.dry_run, call)


def _row(text: str) -> tuple[str, int]:
    partition, _, row = text.strip().rpartition(":")
    if not partition or not row.isdecimal():
        raise UsageError("--rows", f"{text!r} names no row", "Write PARTITION:ROW, such as EWR.parquet:312")
    return partition, int(row)


def _released(released: Released, dry_run: bool, call: Call) -> Result:
    base = of_night(released.outcome, call)
    facts = {name: getattr(released, name) for name in ("held", "meant", "released", "still", "labelled")}
    severity = None if released.severity is None else released.severity.value
    value = {**base.value, **facts, "severity": severity or base.value["severity"], "dry_run": dry_run}
    if released.held is None:
        return Result(base.lines, value, base.exit_code)
    return Result([*_said(released, dry_run, severity), *(base.lines if not dry_run else ())], value, base.exit_code)


def _said(released: Released, dry_run: bool, severity: str | None) -> Iterator[str]:
    """What became of the rows, in as many lines as it takes."""
    night, passed, meant = f"{released.outcome.job} {released.outcome.night}", released.released, released.meant
    verb = "would be released" if dry_run else "released"
    if not meant:
        why = f"none of the {released.held:,} set aside is meant" if released.held else "no row is set aside"
        yield f"{night}: nothing to release: {why}"
    else:
        rows = "row" if meant == 1 else "rows"
        of = f"{passed:,} of {meant:,} {rows}" + ("" if meant == released.held else f" ({released.held:,} set aside)")
        yield f"{night}: {of} {verb}" + (f"; the night would be {severity}" if dry_run and severity else "")
    if released.still:
        hint = "" if passed else "; correct what is wrong, or answer for it with --waive"
        yield f"what stays aside fails {_counts(released.still)}{hint}"
    if released.labelled:
        joined = f"batchops labels {released.outcome.job} --date {released.outcome.night}"
        yield f"labels were joined to the scores of before: join them again with `{joined}`"
