"""What belongs together: the family of a check, the thing it is about, its place on the page, its place in a queue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from batchops.audit.document import FindingPart
from batchops.audit.figures import TONIGHT
from batchops.report.formats import slug
from batchops.verdict import Finding, Severity

__all__ = [
    "BOTH",
    "FAMILIES",
    "LOWER",
    "Topic",
    "anchor",
    "family_of",
    "groups",
    "is_tonight",
    "subject_of",
    "topic",
    "urgency",
]

FAMILIES = {
    "contract": "Data contract",
    "drift": "Input drift",
    "score": "Score drift",
    "quality": "Model quality",
    "slices": "Slices",
}
"""The five tiles, and what they are called."""

BOTH = frozenset(
    {
        "quality.calibration_gap",
        "quality.mean_error",
        "slices.calibration_gap",
        "slices.mean_error",
        "slices.selection_rate",
        "volume.weekday",
        "drift.null_share",
        "recent.null_share",
        "series.rows",
        "series.quarantined_share",
        "series.length",
        "series.score_null_share",
        "series.selection_rate",
        "series.score_mean",
        "series.score_deviation",
        "series.score_p05",
        "series.score_p50",
        "series.score_p95",
    }
)
"""Checks whose limit holds on both sides of zero."""

LOWER = frozenset({"quality.coverage"})
"""Checks that must not fall below their limit."""

OF = {
    "input": "contract",
    "partition": "contract",
    "schema": "contract",
    "volume": "contract",
    "freshness": "contract",
    "labels": "quality",
    "skew": "drift",
    "recent": "drift",
    "concept": "quality",
    "estimated": "score",
    "series": "score",
    "series.rows": "contract",
    "series.quarantined_share": "contract",
    "series.length": "drift",
}
BY_FILE = frozenset({"input.unreadable", "input.empty", "partition.duplicate", "partition.late"})
"""Checks whose files have one cause: however many there are, they are one topic."""

PLACES = {
    "contract.rule": "rule",
    "drift": "column",
    "skew.schema": "skew-schema",
    "skew.feature": "skew-feature",
    "skew.distribution": "skew-distribution",
    "slices": "slice",
    "recent": "column",
}
COMPONENTS = ("outside_share", "unseen_share", "grown_share", "null_share", "distance")
QUEUE = (
    "input.unreadable",
    "schema",
    "partition.duplicate",
    "freshness",
    "contract.quarantined",
    "quality",
    "concept",
    "slices",
    "estimated",
    "volume",
    "series",
    "skew",
    "score",
    "drift",
    "recent",
    "contract",
    "input.empty",
    "partition.late",
    "quality.coverage",
    "labels",
)
"""What speaks first among findings of one severity: a check, or else its root."""


def family_of(check: str) -> str:
    """Which of the five tiles a check belongs to."""
    root = check.partition(".")[0]
    return OF.get(check) or OF.get(root, root)


def is_tonight(subject: str) -> bool:
    """Whether a figure is about tonight alone, where the same is judged over the window too."""
    return subject.endswith(TONIGHT)


def subject_of(subject: str) -> str:
    """The subject, whatever nights it was measured on."""
    return subject.removesuffix(TONIGHT)


def topic(id: str) -> str:
    """What one incident is about: a column, a rule, all slices together, or a check of its own.

    >>> topic("drift.distance:temp (tonight)"), topic("slices.calibration_gap:carrier DL")
    ('drift:temp', 'slices')
    """
    check, _, subject = id.partition(":")
    family = family_of(check)
    if family in ("slices", "score"):
        return family
    if check in BY_FILE or check == "skew.unmatched":
        return check
    return f"drift:{subject_of(subject)}" if family == "drift" else id


def anchor(check: str, subject: str) -> str:
    """Where on the page the evidence stands."""
    root = check.partition(".")[0]
    if check == "skew.unmatched" or root == "estimated":
        return root
    place = PLACES.get(check) or PLACES.get(root)
    return f"{place}-{slug(subject_of(subject))}" if place else family_of(check)


def urgency(finding: Finding | FindingPart) -> tuple[int, bool, int, bool, int]:
    """What a reader has to know first: by severity, then what withholds scores, then by what it says of their use.

    A score that is known to be wrong comes before inputs that merely look different, and what is new to the model
    before what is merely distributed otherwise.
    """
    root, _, measure = finding.check.partition(".")
    place = next((QUEUE.index(each) for each in (finding.check, root) if each in QUEUE), len(QUEUE))
    component = COMPONENTS.index(measure) if measure in COMPONENTS else len(COMPONENTS)
    return finding.severity.rank, not finding.blocking, place, is_tonight(finding.subject), component


@dataclass(frozen=True, slots=True)
class Topic:
    """Findings about one thing; worst first, the first speaks for them."""

    findings: tuple[FindingPart, ...]

    @property
    def lead(self) -> FindingPart:
        """The worst of them."""
        return self.findings[0]

    @property
    def others(self) -> tuple[FindingPart, ...]:
        """All but the first."""
        return self.findings[1:]

    @property
    def is_slices(self) -> bool:
        """Whether it holds all slices together."""
        return family_of(self.lead.check) == "slices"

    @property
    def since(self) -> str | None:
        """The earliest night that any of its worst findings was first seen."""
        found = [f.since for f in self.findings if f.since is not None and f.severity is self.lead.severity]
        return min(found, default=None)

    @property
    def nights(self) -> int:
        """The longest of their runs."""
        return max((f.nights for f in self.findings if f.severity is self.lead.severity), default=0)


def groups(findings: Sequence[FindingPart]) -> tuple[Topic, ...]:
    """Every WARN and FAIL, gathered by what it is about, most urgent first."""
    found: dict[str, list[FindingPart]] = {}
    for finding in sorted(findings, key=urgency):
        if finding.severity in (Severity.FAIL, Severity.WARN):
            found.setdefault(topic(finding.id), []).append(finding)
    return tuple(Topic(tuple(members)) for members in found.values())
