"""What is judged, and what comes of it: figures in, findings and a verdict out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from batchops.verdict.limits import Limit, Side

__all__ = ["Figure", "Finding", "Past", "Scalar", "Severity", "Verdict", "worst"]

Scalar = str | int | float | None


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
        chance: The probability of a figure at least this far out where the truth is at most so far from 0. With it
            the figure is judged under the night's error budget; without, by its interval, or as counted.
        own: The chance counts own variation already, so for WARN it is asked at the limit and not at what is usual.
        can_pass: False for what is only foreseen: then UNSURE is the best.
        beside: Id of the figure that tells the same over more nights. Both count under the budget; this one becomes a
            finding only where it is WARN or worse, and worse than that.
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
    chance: Callable[[float], float] | None = field(default=None, compare=False, repr=False)
    can_pass: bool = True
    own: bool = False
    beside: str | None = None

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
        p_value: Of "the truth is at most the limit, and at most what is usual"; None where the figure was counted.
        q_value: The same among all such figures of the night (Benjamini & Hochberg, 1995): WARN at 0.05.
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
    p_value: float | None = None
    q_value: float | None = None


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
        shared: How many figures shared the night's error budget.
    """

    severity: Severity
    findings: tuple[Finding, ...]
    blocked: bool
    shared: int = 0

    @property
    def alarms(self) -> tuple[Finding, ...]:
        """What is WARN or FAIL."""
        return tuple(finding for finding in self.findings if finding.severity in (Severity.FAIL, Severity.WARN))
