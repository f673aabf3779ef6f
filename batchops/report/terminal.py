"""A night in at most 12 lines, for a terminal, a log or a mail."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from batchops.audit.document import AuditDocument, Family, FindingPart
from batchops.report.formats import NONE, clean, count, date, seconds, tile
from batchops.report.topics import family_of, urgency
from batchops.report.words.saying import limit_words
from batchops.report.words.tasks import family_title
from batchops.verdict import Severity

__all__ = ["LINES", "summary"]

LINES = 12
WIDTH = 100

GLYPHS = {Severity.FAIL: "✕", Severity.WARN: "!", Severity.UNSURE: "?", Severity.NOT_RUN: "-", Severity.PASS: "✓"}
COLOURS = {Severity.FAIL: "31", Severity.WARN: "33", Severity.UNSURE: "2", Severity.NOT_RUN: "2", Severity.PASS: "32"}
EXITS = {
    0: "published",
    2: "something a person wrote is wrong",
    3: "a gate failed",
    4: "some nights of the range failed",
    75: "try later",
}


def _text(text: str, width: int = WIDTH) -> str:
    """Fit for a line: no control characters, no odd spaces, not too long."""
    plain = clean(text).replace("\u202f", " ").replace("\u00a0", " ").replace("`", "")
    return plain if len(plain) <= width else plain[: width - 1] + "…"


def _style(text: str, code: str, colour: bool) -> str:
    return f"\x1b[{code}m{text}\x1b[0m" if colour and text.strip() else text


def _level(severity: Severity, colour: bool, width: int = 0) -> str:
    return _style(f"{GLYPHS[severity]} {severity.value}".ljust(width), f"1;{COLOURS[severity]}", colour)


def _row(family: Family, findings: Sequence[FindingPart], document: AuditDocument) -> tuple[str, ...]:
    """A family's cells: name, now, limit, last run, since, where."""
    if family.why is not None:
        return (family_title(family.name, document.task), NONE, "", "", "", family.why)
    alarms = [f for f in findings if family_of(f.check) == family.name and f.severity in (Severity.FAIL, Severity.WARN)]
    first = min(alarms, key=urgency, default=None)
    past = [each.figures.get(family.series) for each in document.history]
    last = next((value for value in reversed(past) if value is not None), None)
    check = family.series.partition(":")[0]
    return (
        family_title(family.name, document.task),
        tile(family.value, family.name, family.unit),
        limit_words(check, family.limit, family.unit) if family.limit is not None and family.name != "slices" else "",
        "" if last is None else tile(last, family.name, family.unit),
        date(first.since, year=False) if first and first.since else "",
        family.text,
    )


def _table(document: AuditDocument, colour: bool) -> list[str]:
    head = ("", "now", "limit", "last run", "since", "what")
    rows = [tuple(_text(cell) for cell in _row(family, document.findings, document)) for family in document.families]
    # Two tables have no run before.
    figures = range(1, 5) if document.job else range(1, 3)
    widths = {i: max(len(row[i]) for row in (head, *rows)) for i in (0, *figures)}

    def cells(row: tuple[str, ...]) -> list[str]:
        return [row[0].ljust(widths[0]), *(row[i].rjust(widths[i]) for i in figures), row[5]]

    name, *rest = cells(head)
    lines = [_style(f"{name}  {'':9}  {'  '.join(rest)}".rstrip(), "2", colour)]
    for family, row in zip(document.families, rows, strict=True):
        name, *rest = cells(row)
        used = len(name) + 13 + sum(len(cell) + 2 for cell in rest[:-1])
        rest[-1] = _text(rest[-1], max(20, 132 - used))
        lines.append(f"{name}  {_level(family.severity, colour, 9)}  {'  '.join(rest)}".rstrip())
    return lines


def _exit(document: AuditDocument, code: int) -> str:
    return "done" if code == 0 and not document.job else EXITS.get(code, "failed")


def summary(
    document: AuditDocument, colour: bool = False, exit_code: int | None = None, paths: Mapping[str, str] | None = None
) -> list[str]:
    """The night's summary, line by line.

    Args:
        exit_code: None where no process ends by it.
        paths: What to find where, such as ``report`` and ``audit``; as many as there are lines left.
    """
    verdict, rows = document.verdict, document.rows
    severity = _level(verdict.severity, colour)
    of = [_text(document.job) if document.job else "audit", date(document.night) if document.night else ""]
    about = "  ".join(part for part in (*of, _text(seconds(document.run.seconds))) if part)
    lines = [f"{severity}  {about}", _style(_text(verdict.headline, 132), "1", colour), *_table(document, colour)]
    done = "scored" if document.job else "accepted"
    what = f"{count(rows.scored)} of {count(rows.total)} rows {done}, {count(rows.quarantined)} set aside"
    what += f", {verdict.output}" if document.job else ""
    end = [f"rows    {_text(what)}"]
    if exit_code is not None:
        end = [f"exit    {exit_code} ({_exit(document, exit_code)}; {_text(what)})"]
    left = LINES - len(lines) - len(end)
    found = [f"{_text(name)[:7].ljust(7)} {_text(path, 200)}" for name, path in (paths or {}).items()]
    return [*lines, *found[:left], *end]
