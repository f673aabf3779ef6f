"""Pure policy: figures and limits in, findings and a verdict out; no statistic is computed and no sentence written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Literal

__all__ = [
    "DEFAULT_LIMITS",
    "NOTHING",
    "Figure",
    "Finding",
    "Limit",
    "Past",
    "Policy",
    "Severity",
    "Side",
    "Verdict",
    "judge",
    "severity_of",
    "worst",
]

Scalar = str | int | float | None
Side = Literal["upper", "lower", "both"]


class Severity(StrEnum):
    """The five words of a verdict, worst first. NOT RUN is never PASS."""

    FAIL = "FAIL"
    WARN = "WARN"
    UNSURE = "UNSURE"
    NOT_RUN = "NOT RUN"
    PASS = "PASS"

    @property
    def rank(self) -> int:
        """0 for the worst, 4 for PASS."""
        return list(Severity).index(self)


def worst(severities: Sequence[Severity]) -> Severity:
    """The worst of them; NOT RUN where there are none."""
    return min(severities, key=lambda severity: severity.rank, default=Severity.NOT_RUN)


@dataclass(frozen=True, slots=True)
class Limit:
    """Where a figure begins to matter.

    Attributes:
        warn: WARN where the plain interval lies wholly beyond it. None: as ``fail``.
        fail: FAIL where the corrected interval lies wholly beyond it. None: the figure never fails.
        blocking: A FAIL withholds the night's scores; else they are published and flagged.
    """

    warn: float | None = None
    fail: float | None = None
    blocking: bool = False

    @property
    def shown(self) -> float | None:
        """The limit to print beside a figure: the first that it would cross."""
        return self.fail if self.warn is None else self.warn


NOTHING = Limit()
"""The limit of what is shown but never judged."""

DEFAULT_LIMITS: Mapping[str, Limit] = MappingProxyType(
    {
        "input.unreadable": Limit(fail=0, blocking=True),
        "input.empty": Limit(warn=0),
        "schema.missing_column": Limit(fail=0, blocking=True),
        "schema.dtype": Limit(fail=0, blocking=True),
        "schema.coerced": Limit(warn=0),
        "schema.extra_column": Limit(warn=0),
        "schema.order": Limit(warn=0),
        "skew.schema": Limit(warn=0),
        "skew.feature": Limit(warn=0.01, fail=0.05),
        "skew.unmatched": Limit(warn=0.01, fail=0.10),
        "skew.distribution": Limit(warn=0.10, fail=0.30),
        "partition.late": Limit(warn=0),
        "partition.duplicate": Limit(fail=0),
        "contract.rule": Limit(fail=0),
        "contract.quarantined": Limit(warn=0.01, fail=0.10, blocking=True),
        "volume.rows": Limit(fail=0, blocking=False),
        "volume.weekday": Limit(warn=0.30, fail=0.60),
        "freshness.age": Limit(fail=0),
        "drift.distance": Limit(warn=0.20, fail=0.50),
        "drift.null_share": Limit(warn=0.05, fail=0.50),
        "drift.unseen_share": Limit(warn=0.005, fail=0.10),
        "drift.outside_share": Limit(warn=0.05, fail=0.50),
        "score.distance": Limit(warn=0.10, fail=0.30),
        "score.null_share": Limit(fail=0, blocking=True),
        "quality.calibration_gap": Limit(warn=0.03, fail=0.05),
        "quality.roc_auc": Limit(warn=0.03, fail=0.06),
        "quality.coverage": Limit(warn=0.90),
        "labels.conflicting": Limit(warn=0),
        "labels.invalid": Limit(warn=0),
        "labels.unmatched": Limit(warn=0),
        "slices.calibration_gap": Limit(fail=0.10),
    }
)
"""Limits of a job that states none; shares are of 1."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What a job tolerates.

    Attributes:
        limits: By check (``drift.null_share``) or by check and subject (``drift.null_share:wind_gust``), the
            more specific first; what is not named has its default.
    """

    limits: Mapping[str, Limit] = field(default_factory=dict)

    def limit(self, check: str, subject: str) -> Limit:
        """The limit of a figure; `NOTHING` for checks without one."""
        return self.stated(check, subject) or DEFAULT_LIMITS.get(check, NOTHING)

    def stated(self, check: str, subject: str) -> Limit | None:
        """The limit that the job itself states for a figure; None where it states none."""
        return self.limits.get(f"{check}:{subject}", self.limits.get(check))


@dataclass(frozen=True, slots=True)
class Figure:
    """One number to be judged.

    Attributes:
        check: What was measured, as ``family.measure``.
        subject: Of what: a column, rule, slice, or ``all rows``.
        value: The estimate; None where it could not be measured, which is NOT RUN.
        unit: ``share`` (of 1), ``points`` (a difference of shares), ``distance`` (0 to 1), ``rows``, ``ratio``...
        n: Rows (or nights, where the unit says so) it rests on.
        lower, upper: 95 % interval; equal to the value where it is counted, not estimated.
        lower_corrected, upper_corrected: The same corrected for all looks of its family; None: as plain.
        usual: The largest value that the reference's own variation explains; only what is beyond it counts.
        can_fail: False where the reference is too short to say what is usual: then WARN is the worst.
        side: Which excess matters.
        limit: Overrides the policy's (a rule carries its own).
        evidence: Named facts for the sentence and the reader.
    """

    check: str
    subject: str
    value: float | None
    unit: str = "share"
    n: int = 0
    lower: float | None = None
    upper: float | None = None
    lower_corrected: float | None = None
    upper_corrected: float | None = None
    usual: float | None = None
    can_fail: bool = True
    side: Side = "upper"
    limit: Limit | None = None
    evidence: Mapping[str, Scalar] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """Stable over nights: ``check:subject``."""
        return f"{self.check}:{self.subject}"


@dataclass(frozen=True, slots=True)
class Finding:
    """A figure that was judged.

    Attributes:
        since: First night of the unbroken run of nights with this finding at WARN or worse; None where it is
            no finding tonight.
        nights: How many published nights that run has, tonight included.
        usual: As in `Figure`.
        previous: The figure one run ago; None where there is none.
    """

    id: str
    severity: Severity
    check: str
    subject: str
    value: float | None
    unit: str
    limit: float | None
    blocking: bool
    lower: float | None
    upper: float | None
    usual: float | None
    n: int
    since: str | None
    nights: int
    previous: float | None
    evidence: Mapping[str, Scalar]


@dataclass(frozen=True, slots=True)
class Past:
    """What later nights need of an earlier run.

    Attributes:
        night: ISO date.
        levels: Severity by figure id, of what was WARN or worse.
        since: For each of those, the first night of its unbroken run, and how many nights that run has.
        figures: Values by figure id, of what is worth a line over nights.
        files: The night's files -> first 16 hex digits of their digest; empty for a file without rows.
        late: Those of them that were not there when the night was first published.
    """

    night: str
    run_id: str
    severity: Severity
    rows: int = 0
    levels: Mapping[str, Severity] = field(default_factory=dict)
    since: Mapping[str, tuple[str, int]] = field(default_factory=dict)
    figures: Mapping[str, float | None] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    late: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """All figures of a night, judged; worst first.

    Attributes:
        severity: The worst of them, UNSURE and NOT RUN aside: those do not stop a PASS from being one.
        findings: Every figure with its severity, PASS included.
        blocked: A blocking limit failed: the scores are withheld.
    """

    severity: Severity
    findings: tuple[Finding, ...]
    blocked: bool

    @property
    def alarms(self) -> tuple[Finding, ...]:
        """What is WARN or FAIL."""
        return tuple(finding for finding in self.findings if finding.severity in (Severity.FAIL, Severity.WARN))


def _beyond(figure: Figure, limit: float, bounds: tuple[float, float]) -> bool:
    """Whether all of ``bounds`` lies beyond the limit, and beyond what is usual."""
    low, high = bounds
    edge = max(limit, figure.usual or 0.0)
    if figure.side == "upper":
        return low > edge
    if figure.side == "lower":
        return high < limit
    return low > edge or high < -edge


def severity_of(figure: Figure, limit: Limit) -> Severity:
    """FAIL, WARN: an interval lies wholly beyond a limit; UNSURE: only the estimate does; NOT RUN: there is none."""
    value = figure.value
    if value is None:
        return Severity.NOT_RUN
    plain = (value if figure.lower is None else figure.lower, value if figure.upper is None else figure.upper)
    corrected = (
        plain[0] if figure.lower_corrected is None else figure.lower_corrected,
        plain[1] if figure.upper_corrected is None else figure.upper_corrected,
    )
    if limit.fail is not None and figure.can_fail and _beyond(figure, limit.fail, corrected):
        return Severity.FAIL
    if limit.shown is None:
        return Severity.PASS
    if _beyond(figure, limit.shown, plain):
        return Severity.WARN
    return Severity.UNSURE if _beyond(figure, limit.shown, (value, value)) else Severity.PASS


def _since(id: str, tonight: str, last: Past | None) -> tuple[str, int]:
    """First night and length of the unbroken run of alarms that ends tonight."""
    if last is None or id not in last.levels:
        return tonight, 1
    first, length = last.since.get(id, (last.night, 1))
    return first, length + 1


def _excess(finding: Finding) -> float:
    """How far beyond its limit a finding is, to order findings of one severity."""
    if finding.value is None or finding.limit is None:
        return 0.0
    return abs(finding.value) / finding.limit if finding.limit > 0 else 1.0


def judge(figures: Sequence[Figure], policy: Policy, night: str, history: Sequence[Past] = ()) -> Verdict:
    """Apply the policy's limits to every figure of a night.

    Args:
        history: Earlier runs of this job, one a night, oldest first, all before ``night``.
    """
    findings, last = [], history[-1] if history else None
    for figure in figures:
        limit = figure.limit or policy.limit(figure.check, figure.subject)
        severity = severity_of(figure, limit)
        alarm = severity in (Severity.FAIL, Severity.WARN)
        since, nights = _since(figure.id, night, last) if alarm else (None, 0)
        findings.append(
            Finding(
                id=figure.id,
                severity=severity,
                check=figure.check,
                subject=figure.subject,
                value=figure.value,
                unit=figure.unit,
                limit=limit.fail if severity is Severity.FAIL else limit.shown,
                blocking=limit.blocking,
                lower=figure.lower,
                upper=figure.upper,
                usual=figure.usual,
                n=figure.n,
                since=since,
                nights=nights,
                previous=last.figures.get(figure.id) if last is not None else None,
                evidence=figure.evidence,
            )
        )
    findings.sort(key=lambda finding: (finding.severity.rank, not finding.blocking, -_excess(finding), finding.id))
    return Verdict(
        severity=worst([f.severity for f in findings if f.severity not in (Severity.UNSURE, Severity.NOT_RUN)]),
        findings=tuple(findings),
        blocked=any(finding.blocking and finding.severity is Severity.FAIL for finding in findings),
    )
