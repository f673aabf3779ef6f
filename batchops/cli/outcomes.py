"""Nights that were run, as lines for people and values for machines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from batchops.cli.call import Call, Result

if TYPE_CHECKING:
    from batchops.run import Outcome

__all__ = ["of_night", "of_range"]

TROUBLES_SHOWN = 12


def of_night(outcome: Outcome, call: Call) -> Result:
    """The answer of `run`: the whole summary of a night."""
    return Result(_night_lines(outcome, call), _value(outcome), outcome.exit_code)


def of_range(outcomes: Sequence[Outcome], exit_code: int) -> Result:
    """The answer of `backfill`, `retry` and `labels`: how many, and each night that needs a look."""
    value = {"exit_code": exit_code, "nights": [_value(outcome) for outcome in outcomes]}
    return Result(_range_lines(outcomes), value, exit_code)


def _value(outcome: Outcome) -> dict[str, Any]:
    value: dict[str, Any] = {
        name: getattr(outcome, name)
        for name in ("job", "night", "state", "exit_code", "run_id", "note", "report", "audit", "anchor")
    }
    document = outcome.document
    value["severity"] = None if document is None else document.verdict.severity.value
    value["headline"] = None if document is None else document.verdict.headline
    value["rows"] = None if document is None else asdict(document.rows)
    return value


def _paths(outcome: Outcome) -> dict[str, str]:
    return {name: path for name in ("report", "audit") if (path := getattr(outcome, name)) is not None}


def _night_lines(outcome: Outcome, call: Call) -> list[str]:
    note = [outcome.note] if outcome.note else []
    if outcome.document is None or outcome.state == "up to date":
        report = [f"report  {outcome.report}"] if outcome.report else []
        return [f"{outcome.job} {outcome.night}: {outcome.state}", *note, *report]
    from batchops.report.terminal import summary

    return [*summary(outcome.document, call.colour, outcome.exit_code, _paths(outcome)), *note]


def _range_lines(outcomes: Sequence[Outcome]) -> list[str]:
    """Counts first; then what a person has to look at, then where the last report is."""
    if not outcomes:
        return ["nothing to do"]
    counts = Counter(outcome.state for outcome in outcomes)
    first, last = outcomes[0].night, outcomes[-1].night
    parts = ", ".join(f"{count} {state}" for state, count in counts.most_common())
    nights = "1 night" if len(outcomes) == 1 else f"{len(outcomes)} nights"
    lines = [f"{outcomes[0].job} {first} to {last}: {nights}: {parts}"]
    troubled = [outcome for outcome in outcomes if outcome.exit_code]
    for outcome in troubled[-TROUBLES_SHOWN:]:
        why = outcome.note or (outcome.document.verdict.headline if outcome.document else "")
        lines.append(f"  {outcome.night}  {outcome.state:<10}  {why}".rstrip())
    if len(troubled) > TROUBLES_SHOWN:
        lines.append(f"  and {len(troubled) - TROUBLES_SHOWN} earlier nights")
    report = next((outcome.report for outcome in reversed(outcomes) if outcome.report), None)
    return [*lines, f"report  {report}"] if report else lines
