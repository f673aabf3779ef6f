"""The one place where limits meet figures, under one error budget for the whole night."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from batchops.verdict.findings import Figure, Finding, Past, Severity, Verdict, worst
from batchops.verdict.limits import Limit, Policy

__all__ = ["FALSE_FAILS", "FALSE_WARNINGS", "judge", "severity_of"]

FALSE_WARNINGS = 0.05
"""Share of nights without any change on which something may still WARN, all figures of the night together."""

FALSE_FAILS = 1 / 365
"""The same for FAIL: once a job-year."""


def _beyond(figure: Figure, limit: float, bounds: tuple[float, float]) -> bool:
    """Whether all of ``bounds`` lies beyond the limit, and beyond what is usual."""
    low, high = bounds
    edge = max(limit, figure.usual or 0.0)
    if figure.side == "upper":
        return low > edge
    if figure.side == "lower":
        return high < limit
    return low > edge or high < -edge


@dataclass(frozen=True, slots=True)
class _Odds:
    """Of a figure that was estimated: its probabilities without a change, alone and among all figures of the night.

    Attributes:
        p_value, q_value: At the limit that is shown.
        fail: The q-value at the limit of FAIL, for figures that depend on each other in any way.
    """

    p_value: float | None = None
    q_value: float | None = None
    fail: float | None = None


def severity_of(figure: Figure, limit: Limit, odds: _Odds | None = None) -> Severity:
    """FAIL, WARN: a figure is proved to lie beyond a limit; UNSURE: only the estimate does; NOT RUN: there is none.

    Proved: by its chances under the night's error budget; by its interval where it has no chances.
    """
    value = figure.value
    if value is None:
        return Severity.NOT_RUN
    odds = odds or _odds([(figure, limit)])[0]
    if limit.fail is not None and figure.can_fail and _proved(figure, limit.fail, odds.fail, FALSE_FAILS):
        return Severity.FAIL
    if limit.shown is None:
        return Severity.PASS
    if _proved(figure, limit.shown, odds.q_value, FALSE_WARNINGS):
        return Severity.WARN
    beyond = _beyond(figure, limit.shown, (value, value))
    return Severity.UNSURE if beyond or not figure.can_pass else Severity.PASS


def _proved(figure: Figure, limit: float, q_value: float | None, budget: float) -> bool:
    value = figure.value
    assert value is not None
    if figure.chance is not None:
        return _beyond(figure, limit, (value, value)) and q_value is not None and q_value <= budget
    plain = (value if figure.lower is None else figure.lower, value if figure.upper is None else figure.upper)
    if budget == FALSE_WARNINGS:
        return _beyond(figure, limit, plain)
    low = plain[0] if figure.lower_corrected is None else figure.lower_corrected
    high = plain[1] if figure.upper_corrected is None else figure.upper_corrected
    return _beyond(figure, limit, (low, high))


def _odds(judged: Sequence[tuple[Figure, Limit]]) -> list[_Odds]:
    """By figure; one budget for all figures of the night."""
    warns = [_chance(figure, limit.shown, figure.own) for figure, limit in judged]
    fails = [_chance(figure, limit.fail) if figure.can_fail else None for figure, limit in judged]
    warned, failed = _q_values(warns), _q_values(fails)
    # Whatever they have to do with each other (Benjamini & Yekutieli, 2001).
    worst_case = sum(1 / rank for rank in range(1, sum(p is not None for p in fails) + 1))
    return [
        _Odds(p, q, None if fail is None else min(1.0, fail * worst_case))
        for p, q, fail in zip(warns, warned, failed, strict=True)
    ]


def _chance(figure: Figure, limit: float | None, own: bool = False) -> float | None:
    """Of a truth no further out than the limit, or than what is usual, where that is not part of the chance already.

    FAIL asks for both: what is usual was estimated too.
    """
    if figure.chance is None or figure.value is None or limit is None:
        return None
    return figure.chance(abs(limit) if own else max(abs(limit), figure.usual or 0.0))


def _q_values(chances: Sequence[float | None]) -> list[float | None]:
    """Of each p-value: the smallest false discovery rate at which it is among the discoveries."""
    known = sorted((p, place) for place, p in enumerate(chances) if p is not None)
    found: list[float | None] = [None] * len(chances)
    least = 1.0
    for rank in range(len(known), 0, -1):
        p, place = known[rank - 1]
        least = min(least, p * len(known) / rank)
        found[place] = least
    return found


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
    """Apply the policy's limits to every figure of a night, under one error budget.

    Where nothing has changed, something WARNs on at most `FALSE_WARNINGS` of the nights, and FAILs on at most
    `FALSE_FAILS`, whatever the number of figures; counted figures (rows that break a rule) take nothing of it.

    Args:
        history: Earlier runs of this job, one a night, oldest first, all before ``night``.
    """
    findings, last = [], history[-1] if history else None
    judged = [(figure, figure.limit or policy.limit(figure.check, figure.subject)) for figure in figures]
    shared = _odds(judged)
    levels = [severity_of(*pair, odds) for pair, odds in zip(judged, shared, strict=True)]
    known = {figure.id: level for figure, level in zip(figures, levels, strict=True)}
    for (figure, limit), odds, severity in zip(judged, shared, levels, strict=True):
        if figure.beside is not None and not _worse(severity, known[figure.beside]):
            continue
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
                p_value=odds.p_value,
                q_value=odds.q_value,
            )
        )
    findings.sort(key=lambda finding: (finding.severity.rank, not finding.blocking, -_excess(finding), finding.id))
    return Verdict(
        severity=worst([f.severity for f in findings if f.severity not in (Severity.UNSURE, Severity.NOT_RUN)]),
        findings=tuple(findings),
        blocked=any(finding.blocking and finding.severity is Severity.FAIL for finding in findings),
        shared=sum(odds.p_value is not None for odds in shared),
    )


def _worse(severity: Severity, beside: Severity) -> bool:
    return severity.rank < min(beside.rank, Severity.UNSURE.rank)
