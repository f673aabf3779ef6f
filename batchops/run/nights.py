"""A night beside the nights before it: the recent healthy ones, and those whose outcomes are known."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from batchops.audit import Reference
from batchops.audit.concept import Concept, compare_concept, concept_figures
from batchops.audit.lately import SeriesPart
from batchops.audit.recent import Earlier, Recent, compare_recent, recent_figures
from batchops.audit.series import Measured, Past, expected_series, series_figures, series_part
from batchops.audit.state import Audit
from batchops.partition import Night
from batchops.stats import Quality
from batchops.verdict import Figure, Policy, judge

__all__ = ["Nights", "compare_nights", "nights_figures", "run_series"]


@dataclass(frozen=True, slots=True)
class Nights:
    """What the nights before say of this one."""

    recent: Recent
    concept: Concept


def compare_nights(
    tonight: tuple[Night, Audit], recent: Sequence[Earlier], window: Quality, reference: Reference, policy: Policy
) -> Nights:
    """Compare a night with the recent healthy nights, and the window's outcomes with training's."""
    night, audit = tonight
    return Nights(
        compare_recent(audit, recent, night.date, reference),
        compare_concept(window, reference, policy),
    )


def nights_figures(nights: Nights, policy: Policy) -> Iterator[Figure]:
    """Everything that is judged of it."""
    yield from recent_figures(nights.recent, policy)
    yield from concept_figures(nights.concept)


def run_series(
    measured: Sequence[Measured], recent: Sequence[Earlier], night: Night, policy: Policy
) -> tuple[SeriesPart, ...]:
    """What the run took, beside what the recent nights' runs let expect: judged for itself, under its own budget."""
    past = Past([each.day for each in recent], [each.figures for each in recent])
    expected = expected_series(measured, past, night.date)
    findings = judge([*series_figures(measured, expected)], policy, str(night)).findings
    return series_part(measured, expected, {finding.id: finding for finding in findings}, policy)
