"""The job's page: the verdict now, incidents instead of alarms, lines over all runs, and every run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from batchops.audit.document import AuditDocument, Family
from batchops.report import formats, marks
from batchops.report.environment import fill
from batchops.report.topics import BOTH, topic
from batchops.report.words.runs import index_headline, index_lead, topic_name
from batchops.report.words.saying import limit_words
from batchops.report.words.tasks import family_title
from batchops.verdict import Past, Severity

__all__ = ["Incident", "RunLine", "incidents", "render_index"]

ALARMS = (Severity.FAIL, Severity.WARN)


@dataclass(frozen=True, slots=True)
class RunLine:
    """A run as the index shows it.

    Attributes:
        output: ``published``, ``flagged`` or ``withheld``.
        report: Where its page lies, relative to the index; None where there is none.
    """

    past: Past
    headline: str
    output: str
    report: str | None = None


@dataclass(frozen=True, slots=True)
class Incident:
    """One thing that was wrong on consecutive runs.

    Attributes:
        topic: What it was about, as `topics.topic` names it.
        severity: The worst it was.
        nights: Runs it lasted.
        is_open: Whether the newest run has it.
    """

    topic: str
    severity: Severity
    first: str
    last: str
    nights: int
    is_open: bool


def incidents(history: Sequence[Past]) -> tuple[Incident, ...]:
    """Consecutive runs with the same thing wrong are one incident; open ones first, then the newest.

    Args:
        history: One run a night, oldest first.
    """
    running: dict[str, Incident] = {}
    closed: list[Incident] = []
    for past in history:
        tonight: dict[str, Severity] = {}
        for id, severity in past.levels.items():
            if severity in ALARMS:
                name = topic(id)
                tonight[name] = min(severity, tonight.get(name, severity), key=lambda each: each.rank)
        closed += [running.pop(name) for name in list(running) if name not in tonight]
        for name, severity in tonight.items():
            old = running.get(name)
            worst = severity if old is None else min(severity, old.severity, key=lambda each: each.rank)
            first, nights = (past.night, 0) if old is None else (old.first, old.nights)
            running[name] = Incident(name, worst, first, past.night, nights + 1, False)
    still = [Incident(i.topic, i.severity, i.first, i.last, i.nights, True) for i in running.values()]
    still.sort(key=lambda each: (each.severity.rank, -each.nights, each.topic))
    closed.sort(key=lambda each: each.topic)
    closed.sort(key=lambda each: (each.last, each.nights), reverse=True)
    return (*still, *closed)


def render_index(
    job: str, title: str, runs: Sequence[RunLine], newest: AuditDocument | None = None, version: str = ""
) -> str:
    """The index page of a job, as HTML.

    Args:
        runs: One a night, in any order.
        newest: Of the newest night, whose tiles say which lines to draw, with which limits.
    """
    lines, task = sorted(runs, key=lambda line: line.past.night), newest.task if newest else None
    history = [line.past for line in lines]
    found = incidents(history)
    open_ones = [each for each in found if each.is_open]
    closed = [each for each in found if not each.is_open]
    view: dict[str, Any] = {
        "job": job,
        "question": title,
        "version": version,
        "severity": Severity,
        "level": history[-1].severity if history else Severity.NOT_RUN,
        "headline": index_headline(history),
        "lead": index_lead(open_ones, history, task),
        "newest": lines[-1] if lines else None,
        "facts": _facts(lines),
        "strip": marks.strip([past.severity for past in history], 90) if history else (),
        "open": [_row(each, lines, task) for each in open_ones],
        "closed": [_row(each, lines, task) for each in closed],
        "trends": [
            trend
            for family in (newest.families if newest else ())
            if (trend := _trend(family, history, task)) is not None
        ],
        "runs": [_run(line) for line in reversed(lines)],
        "levels": [each for each in Severity if each in {past.severity for past in history}],
    }
    return fill("index.html.j2", view)


def _facts(lines: Sequence[RunLine]) -> list[tuple[str, str]]:
    if not lines:
        return []
    history = [line.past for line in lines]
    counts = [(level, sum(past.severity is level for past in history)) for level in Severity]
    return [
        ("Runs", formats.count(len(lines))),
        ("Nights", formats.nights(history[0].night, history[-1].night)),
        ("Verdicts", " · ".join(f"{n} {level.value.lower()}" for level, n in counts if n)),
        ("Rows", formats.count(sum(past.rows for past in history))),
        ("Withheld", formats.count(sum(line.output == "withheld" for line in lines))),
    ]


def _row(incident: Incident, lines: Sequence[RunLine], task: str | None) -> dict[str, Any]:
    """An incident, and where it lies among the runs on a bar of 400."""
    reports = {line.past.night: line.report for line in lines}
    numbers = {line.past.night: i for i, line in enumerate(lines)}
    start = marks.place(numbers[incident.first], 0, len(lines), 400)
    return {
        "severity": incident.severity,
        "name": topic_name(incident.topic, task),
        "first": incident.first,
        "last": incident.last,
        "nights": incident.nights,
        "report": reports.get(incident.first),
        "x": start,
        "width": max(2.0, marks.place(numbers[incident.last] + 1, 0, len(lines), 400) - start),
    }


def _trend(family: Family, history: Sequence[Past], task: str | None) -> dict[str, Any] | None:
    values = [past.figures.get(family.series) for past in history]
    check = family.series.partition(":")[0]
    limits = [] if family.limit is None else [family.limit, -family.limit] if check in BOTH else [family.limit]
    near = [each for each in limits if len(limits) == 1 or (family.value or 0) * each >= 0][:1]
    line = marks.spark(values, near, height=64)
    if line is None:
        return None
    known = [(past.night, value) for past, value in zip(history, values, strict=True) if value is not None]
    figure = formats.tile(known[-1][1], family.name, family.unit)
    limit = (
        f"limit {limit_words(check, family.limit, family.unit)}"
        if family.limit is not None and family.name != "slices"
        else ""
    )
    return {
        "title": family_title(family.name, task),
        "severity": family.severity,
        "figure": figure,
        "text": "; ".join(part for part in (family.text, limit) if part),
        "line": line,
        "label": f"{family_title(family.name, task)} over {formats.plural(len(known), 'run')}: now {figure}",
        "first": history[0].night,
        "last": history[-1].night,
    }


def _run(line: RunLine) -> dict[str, Any]:
    alarms = [id for id, severity in line.past.levels.items() if severity in ALARMS]
    return {
        "night": line.past.night,
        "severity": line.past.severity,
        "headline": line.headline,
        "rows": line.past.rows,
        "output": line.output,
        "report": line.report,
        "run_id": line.past.run_id,
        "wrong": len({topic(id) for id in alarms}),
    }
