"""What every sentence about a finding is made of: its subject, its facts, its size and its limit in words."""

from __future__ import annotations

from dataclasses import dataclass

from batchops.report.formats import SPACE, amount, clean, number, points
from batchops.report.topics import BOTH, LOWER, is_tonight, subject_of
from batchops.report.words.facts import Facts
from batchops.verdict import Finding

__all__ = [
    "Saying",
    "against_limit",
    "figure_of",
    "limit_words",
    "rerun",
    "scope_words",
    "size_words",
    "subject_words",
    "text_of",
    "train",
    "unit_of",
]


@dataclass(frozen=True, slots=True)
class Saying:
    """What can be said of a finding.

    Attributes:
        title: What and where.
        short: What the figure is, to follow the figure itself: "of rows break a rule".
        headline: A sentence with two numbers.
        remedy: What to do next.
        command: What to type, where there is something.
    """

    title: str
    short: str
    headline: str
    remedy: str
    command: str | None = None


def text_of(finding: Finding, key: str) -> str:
    """A fact of the evidence as text; empty where it is not there."""
    value = finding.evidence.get(key)
    return "" if value is None else clean(str(value)).replace("`", "'")[:160]


def figure_of(finding: Finding, key: str) -> float | None:
    """A fact of the evidence as a number; None where it is not there."""
    value = finding.evidence.get(key)
    return float(value) if isinstance(value, int | float) else None


def subject_words(finding: Finding) -> str:
    """What the finding is about."""
    return clean(subject_of(finding.subject)).replace("`", "'")[:160]


def rerun(facts: Facts) -> str | None:
    """The command that runs the night again; None where there is no job."""
    return f"batchops run {facts.job} --date {facts.night}" if facts.job else None


def relabel(facts: Facts) -> str | None:
    """The command that reads the night's labels again; None where there is no job."""
    return f"batchops labels {facts.job} --date {facts.night}" if facts.job else None


def train(facts: Facts) -> str | None:
    """The command that trains a newer model; None where there is no job."""
    return f"batchops train {facts.job}" if facts.job else None


def trained(facts: Facts, on: str) -> str:
    """What to ask for: ``let the job train on newer nights``."""
    return f"let the job train on {on} nights" if facts.job else f"train on {on} rows"


def unit_of(finding: Finding) -> str:
    """The unit to say a figure in: a share that is a difference to the reference's is said in points."""
    is_change = (
        finding.check.endswith((".null_share", ".grown_share")) and finding.evidence.get("reference") is not None
    )
    return "points" if is_change and finding.unit == "share" else finding.unit


def scope_words(finding: Finding, facts: Facts) -> str:
    """On which nights the figure was measured, behind a comma: ``, tonight`` or ``, over 31 nights``."""
    if not facts.job:
        return ""
    if is_tonight(finding.subject) or finding.evidence.get("scope") == "tonight" or facts.nights <= 1:
        return ", tonight"
    return f", over {facts.nights} nights"


def _edge(value: float, unit: str) -> str:
    """A round figure as people write it: ``50 %``, ``5 points``."""
    if unit in ("points", "share"):
        return f"{number(value * 100)}{' points' if unit == 'points' else SPACE + '%'}"
    return amount(value, unit, sign=False)


def limit_words(check: str, limit: float | None, unit: str) -> str:
    """The limit as it is meant: ``±5 points``, ``at least 90 %``, ``50 %``."""
    if limit is None:
        return "none"
    words = _edge(limit, unit)
    return f"±{words}" if check in BOTH else f"at least {words}" if check in LOWER else words


def _bound(value: float, unit: str) -> str:
    """An end of an interval, without its unit where the figure before it has said that."""
    return points(value) if unit == "points" else amount(value, unit).removesuffix(" %").rstrip("\u00a0%").rstrip()


def _of(finding: Finding) -> str:
    """Of what a mean error is a share."""
    moved = text_of(finding, "metric") or finding.subject
    leaning = finding.check == "quality.mean_error" or (finding.check == "concept.shift" and "mean_error" in moved)
    return " of the root mean squared error" if leaning and finding.unit == "ratio" else ""


def size_words(finding: Finding, beside: str = "") -> str:
    """How bad: the figure, its interval, what is usual, its limit, the run before, and what else it stands beside."""
    value, unit = finding.value, unit_of(finding)
    if value is None:
        return f"Could not be measured; limit {limit_words(finding.check, finding.limit, unit)}."
    low, high = finding.lower, finding.upper
    notes = []
    if low is not None and high is not None and (low, high) != (value, value):
        notes.append(f"95\u00a0% interval {_bound(low, unit)} to {_bound(high, unit)}")
    if finding.usual is not None:
        notes.append(f"usual up to {_edge(finding.usual, unit)}")
    parts = [amount(value, unit) + _of(finding) + (f" ({'; '.join(notes)})" if notes else "")]
    if finding.limit is not None:
        allowed = limit_words(finding.check, finding.limit, unit)
        parts.append("none allowed" if finding.limit == 0 and finding.check not in BOTH else f"limit {allowed}")
    if finding.previous is not None:
        parts.append(f"last run {amount(finding.previous, unit)}")
    if beside:
        parts.append(beside)
    return "; ".join(parts) + "."


def against_limit(finding: Finding, of: str = "") -> str:
    """The figure and its limit: ``7.1 %, limit 5 %``; ``of`` says of what it is a share."""
    unit = unit_of(finding)
    return f"{amount(finding.value, unit)}{of}, limit {limit_words(finding.check, finding.limit, unit)}"
