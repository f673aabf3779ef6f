"""Would a newer model help? Advice with its evidence, from what was judged; nothing is done about it here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from batchops.audit.changes import ConceptPart, DecompositionPart, RetrainPart
from batchops.verdict import Finding, Severity

__all__ = ["Evidence", "retrain"]

ALARMS = (Severity.FAIL, Severity.WARN)

BROKEN = ("input.", "schema.", "partition.", "contract.", "freshness.", "volume.")
"""Families of data that is not as it must be: a model that learned from it would learn that."""

CALIBRATION = ("calibration_gap", "mean_error")
"""Metrics that a line through the scores mends."""

RELIED_ON = 0.01
"""Fall of the model's score, when a column is shuffled, from which on it relies on that column."""

EXPLAINED = 2 / 3
"""Share of a change that other rows explain from which on the model itself is as good as it was."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the advice rests on.

    Attributes:
        findings: Of the night.
        concept: Its charts and decompositions; None before the first label.
        reliance: How much the model relies on each column.
        labelled: Rows of the window with an outcome.
    """

    findings: Sequence[Finding] = ()
    concept: ConceptPart | None = None
    reliance: Mapping[str, float] = field(default_factory=dict)
    labelled: int = 0

    @property
    def alarms(self) -> tuple[Finding, ...]:
        """What is WARN or FAIL."""
        return tuple(finding for finding in self.findings if finding.severity in ALARMS)


def retrain(evidence: Evidence) -> RetrainPart:
    """The first advice whose case is there; ``keep`` where none is.

    Data that FAILs comes first: no outcome of it can be trusted. Then, with outcomes: scores that are merely too high
    or too low are recalibrated; a fall that other rows explain is kept, one of the same rows asks for a newer model.
    What the same days of an earlier year had too passes with the season. Without outcomes drift proves no fall,
    however large it is, and neither does an estimate: labels are waited for.
    """
    for advice, case in CASES:
        reasons = case(evidence)
        if reasons:
            return RetrainPart(advice, reasons)
    return RetrainPart("keep", (*_explained(evidence), *_of_season(evidence)))


def _broken(evidence: Evidence) -> tuple[str, ...]:
    failed = [each for each in evidence.findings if each.severity is Severity.FAIL]
    return tuple(each.id for each in failed if each.check.startswith(BROKEN) or each.check == "recent.null_share")


def _fallen(evidence: Evidence) -> tuple[Finding, ...]:
    """Alarms that say that the model is worse, in time; a slice that always was is none."""
    return tuple(
        each
        for each in evidence.alarms
        if each.check.startswith(("quality.", "concept."))
        and each.check != "quality.coverage"
        and not each.evidence.get("seasonal")
    )


def _of_season(evidence: Evidence) -> tuple[str, ...]:
    """Alarms that the same days of an earlier year explain: the season passes."""
    return tuple(
        each.id
        for each in evidence.alarms
        if each.check.startswith(("quality.", "concept.")) and each.evidence.get("seasonal")
    )


def _metric(finding: Finding) -> str:
    """What an alarm measures; of a slice that is its own, but for an error that all rows share."""
    root, _, name = finding.check.partition(".")
    if root == "quality":
        return name
    return "mean_error" if _shared(finding) else finding.subject.partition(" (")[0]


def _shared(finding: Finding) -> bool:
    """Whether a slice's mean error has moved as that of all rows has, up to the limit: one line mends both."""
    value, everywhere, limit = finding.value, finding.evidence.get("all_rows"), finding.limit
    if value is None or limit is None or not isinstance(everywhere, float):
        return False
    return abs(value - everywhere) <= limit


def _calibration_alone(evidence: Evidence) -> tuple[str, ...]:
    fallen = _fallen(evidence)
    if not evidence.labelled or any(_metric(each) not in CALIBRATION for each in fallen):
        return ()
    return tuple(each.id for each in fallen)


def _worse(evidence: Evidence) -> tuple[str, ...]:
    fallen = _fallen(evidence)
    if not evidence.labelled or not fallen or _explained(evidence):
        return ()
    within = [each for each in _decompositions(evidence) if each.within > 0]
    drifted = [each.id for each in evidence.alarms if _relied_on(each, evidence.reliance)]
    parts = [f"decomposition.{each.metric}:{each.dimension}" for each in within]
    return (*(each.id for each in fallen), *parts, *drifted)


def _decompositions(evidence: Evidence) -> tuple[DecompositionPart, ...]:
    """Of the loss: a rise is bad."""
    parts = evidence.concept.decompositions if evidence.concept is not None else ()
    return tuple(each for each in parts if each.metric not in CALIBRATION)


def _explained(evidence: Evidence) -> tuple[str, ...]:
    """Dimensions by which other rows explain most of the loss's rise, where something has fallen."""
    fallen = _fallen(evidence)
    if not fallen or any(_metric(each) == "roc_auc" for each in fallen):
        return ()
    parts = (each for each in _decompositions(evidence) if each.total > 0 and each.mix >= EXPLAINED * each.total)
    return tuple(f"decomposition.{each.metric}:{each.dimension}" for each in parts)


def _relied_on(finding: Finding, reliance: Mapping[str, float]) -> bool:
    root, column = finding.check.partition(".")[0], finding.subject.partition(" (")[0]
    return root == "drift" and reliance.get(column, 0.0) >= RELIED_ON


def _unknown(evidence: Evidence) -> tuple[str, ...]:
    if evidence.labelled:
        return ()
    suspects = ("score.", "estimated.")
    return tuple(
        each.id for each in evidence.alarms if each.check.startswith(suspects) or _relied_on(each, evidence.reliance)
    )


CASES: tuple[tuple[str, Callable[[Evidence], tuple[str, ...]]], ...] = (
    ("look at the data", _broken),
    ("recalibrate", _calibration_alone),
    ("retrain", _worse),
    ("wait for labels", _unknown),
)
"""Advice, and the reasons for it; the first that has any is given."""
