"""The five tiles: one figure a family."""

from __future__ import annotations

from collections.abc import Sequence

from batchops.audit.document import Family
from batchops.report.formats import clean, date, plural
from batchops.report.topics import BOTH, family_of, is_tonight, subject_of, urgency
from batchops.report.words.checks import say
from batchops.report.words.facts import Facts
from batchops.report.words.saying import limit_words, unit_of
from batchops.report.words.tasks import IN_UNIT
from batchops.verdict import Finding, Severity, worst

__all__ = ["family", "nearest", "not_run", "severity_of_family"]

STEADY = {
    "contract": ("contract.quarantined",),
    "score": ("score.distance",),
    # Each task has one of these.
    "quality": ("quality.calibration_gap", "quality.root_mean_squared_error", "quality.accuracy"),
}
"""What a tile shows as long as nothing of its family is wrong, so that its line over the nights stays the same line."""

ALARMS = (Severity.FAIL, Severity.WARN)


def nearest(findings: Sequence[Finding]) -> Finding | None:
    """Of the figures that hold, the one that is nearest to its limit; None where none has both."""
    held = [f for f in findings if f.value is not None and f.limit is not None and f.severity is Severity.PASS]
    return max(held, key=lambda f: (_use(f), f.id), default=None)


def _use(finding: Finding) -> float:
    """How much of its limit a figure uses up; 1 is at the limit."""
    value, limit = finding.value or 0.0, finding.limit or 0.0
    # A slice that is better than the rest is nowhere near being worse.
    value = abs(value) if finding.check in BOTH or value > 0 else 0.0
    edge = max(limit, finding.usual or 0.0)
    if finding.check == "quality.coverage":
        return (1 - value) / (1 - limit) if limit < 1 else 1.0
    return value / edge if edge > 0 else 0.0


def severity_of_family(findings: Sequence[Finding]) -> Severity:
    """By the rule of the verdict: UNSURE and NOT RUN do not stop a PASS from being one."""
    known = [f.severity for f in findings if f.severity not in (Severity.UNSURE, Severity.NOT_RUN)]
    return worst(known) if known else worst([f.severity for f in findings])


def not_run(name: str, facts: Facts) -> str:
    """Why a family was not judged, and when it will be."""
    if not facts.job:
        if not facts.rows and name != "contract":
            return "There are no rows."
        return {
            "contract": "No contract was given, or it was not asked for.",
            "drift": "There is no reference, or drift was not asked for.",
            "score": "There is no score to compare with a reference.",
            "quality": "There are no labels with scores, or quality was not asked for.",
            "slices": "No slice was named, none has enough labelled rows, or slices were not asked for.",
        }[name]
    if name in ("quality", "slices"):
        if name == "slices" and facts.labelled and not facts.slices:
            return "No slice has enough labelled rows."
        if facts.labels_expected is None:
            return "The job names no labels."
        if not facts.labelled:
            due = "due" if facts.labels_expected <= facts.night else "expected"
            return f"No outcome is known yet; labels are {due} on {date(facts.labels_expected)}."
        return "Too few outcomes are known."
    if not facts.rows:
        return "There were no rows."
    return "No row was scored." if name == "score" else "There was nothing to judge."


def _shown(name: str, findings: Sequence[Finding]) -> Finding | None:
    """The figure of the tile: the worst alarm, else the steady one, else the one nearest to its limit."""
    alarms = sorted((f for f in findings if f.severity in ALARMS), key=urgency)
    if alarms:
        return alarms[0]
    steady = [f for f in findings if f.check in STEADY.get(name, ()) and f.value is not None]
    window = [f for f in steady if not is_tonight(f.subject)]
    return next(iter(window or steady), None) or nearest(findings)


def _subjects(name: str, findings: Sequence[Finding], facts: Facts) -> str:
    """How many columns or rules of how many are wrong."""
    if name == "drift":
        wrong = {subject_of(f.subject) for f in findings if f.severity in ALARMS and f.check != "skew.unmatched"}
        return f"{len(wrong)} of {plural(max(facts.columns, len(wrong)), 'column')}" if wrong else ""
    if name == "contract":
        wrong = {f.subject for f in findings if f.severity in ALARMS and f.check == "contract.rule"}
        return f"{len(wrong)} of {plural(max(facts.rules, len(wrong)), 'rule')} broken" if wrong else ""
    return ""


def _slices(findings: Sequence[Finding], facts: Facts) -> Family:
    alarms = sorted((f for f in findings if f.severity in ALARMS), key=urgency)
    tested = max(facts.slices, sum(f.value is not None for f in findings))
    first = min(alarms or [f for f in findings if f.value is not None], key=lambda f: f.limit or 0.0)
    failing = sum(f.severity is Severity.FAIL for f in alarms)
    unit = f" {facts.unit}" if facts.unit and first.check.removeprefix("slices.") in IN_UNIT else ""
    text = f"of {plural(tested, 'slice')} beyond {limit_words(first.check, first.limit, first.unit)}{unit}"
    if alarms:
        text += f"; {failing} {'fails' if failing == 1 else 'fail'}" if 0 < failing < len(alarms) else ""
        text += f"; worst: {clean(alarms[0].subject)}"
    unsure = sum(f.severity is Severity.UNSURE for f in findings)
    text += f"; {unsure} unsure" if unsure else ""
    return Family("slices", severity_of_family(findings), "slices.alarms", float(len(alarms)), "", 0.0, text, None)


def family(name: str, findings: Sequence[Finding], facts: Facts) -> Family:
    """One tile.

    Args:
        name: contract, drift, score, quality or slices.
        findings: All of the night's; those of other families are passed over.
    """
    own = [finding for finding in findings if family_of(finding.check) == name]
    measured = [finding for finding in own if finding.value is not None]
    if not measured:
        return Family(name, Severity.NOT_RUN, "", None, "", None, "", not_run(name, facts))
    if name == "slices":
        return _slices(own, facts)
    severity = severity_of_family(own)
    shown = _shown(name, own) or measured[0]
    if severity is Severity.PASS and shown.severity is Severity.UNSURE:
        severity = Severity.UNSURE
    text = say(shown, facts).short
    if shown.usual is not None and shown.limit is not None and shown.usual > shown.limit:
        text += f"; usual up to {limit_words(shown.check, shown.usual, unit_of(shown))}"
    subjects = _subjects(name, own, facts)
    text += f"; {subjects}" if subjects else ""
    return Family(name, severity, shown.id, shown.value, unit_of(shown), shown.limit, text, None)
