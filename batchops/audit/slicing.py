"""Slices and groups: what of them is judged, and how they are laid out in audit.json; small ones show nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from batchops.audit.compare import Comparison
from batchops.audit.groups import FairnessPart, GapPart, GroupPart, SlicePart, SlicingPart
from batchops.audit.outcomes import Interval
from batchops.audit.primary import limit_of, side_of, unit_of
from batchops.sketch import K_ANONYMOUS
from batchops.stats import Estimate, Fairness, SliceGap, SliceGaps, SliceKey
from batchops.verdict import Figure, Finding, Policy, Severity, worst

__all__ = [
    "fairness_figures",
    "fairness_parts",
    "slice_figures",
    "slice_label",
    "slices_parts",
    "slicing_part",
]

Findings = Mapping[str, Finding]

UNIT = {"mean_prediction_difference": "", "mean_error_difference": ""}
"""Of fairness differences that are none of shares."""


def slice_label(key: SliceKey) -> str:
    """A slice in words: ``carrier DL · part of day 16-20 h``."""
    return " · ".join(f"{name.replace('_', ' ')} {value}" for name, value in key)


def slice_figures(comparison: Comparison, policy: Policy) -> Iterator[Figure]:
    """Every slice that may be named, once there are labels; those below the support have no value.

    Of a slice and its complement, which tell the same, one is a figure.
    """
    gaps = comparison.slices
    if not comparison.labelled:
        return
    check, before = f"slices.{gaps.metric}", _by_key(comparison.slices_reference)
    for gap in gaps.slices:
        if gap.supported != gap.tested or (gap.hidden and not gap.supported):
            continue
        label, was = slice_label(gap.key), before.get(gap.key)
        own = gap.metrics.get(gaps.metric)
        yield Figure(
            check,
            label,
            gap.gap.value,
            unit_of(gaps.metric),
            0 if gap.hidden else gap.n,
            gap.gap.lower,
            gap.gap.upper,
            gap.lower_corrected,
            gap.upper_corrected,
            side=side_of(gaps.metric),
            limit=limit_of(policy, check, label, 1.0 if gap.scale is None else gap.scale),
            chance=gap.gap.chance,
            evidence={
                "metric": gaps.metric,
                "slice": own.value if own is not None else None,
                "rest": gap.rest,
                "predicted": gap.predicted,
                "observed": gap.observed,
                "reference": was.gap.value if was is not None and not gap.hidden else None,
                "tested": gaps.tested,
            },
        )


def _by_key(gaps: SliceGaps) -> Mapping[SliceKey, SliceGap]:
    return {gap.key: gap for gap in gaps.slices}


def slicing_part(comparison: Comparison) -> SlicingPart | None:
    """How slices were tested; None before the first label, and where there are none."""
    gaps = comparison.slices
    if not gaps.slices or not comparison.labelled:
        return None
    return SlicingPart(gaps.metric, gaps.tested, gaps.support, sum(gap.hidden for gap in gaps.slices), 0)


def slices_parts(comparison: Comparison, findings: Findings) -> tuple[SlicePart, ...] | None:
    """Every slice, worst first; None where the job names none.

    A slice that must not be counted is listed without a count or a rate, and not at all where a value of it is held by
    fewer than k rows.
    """
    gaps, before = comparison.slices, _by_key(comparison.slices_reference)
    if not gaps.slices:
        return None
    named = _named(gaps)
    parts = [
        _part(gap, gaps.metric, before.get(gap.key), _finding(gap, gaps.metric, findings))
        for gap in gaps.slices
        if named.issuperset(gap.key)
    ]
    parts.sort(key=lambda part: (part.severity.rank, -abs(part.gap.value or 0.0), part.label))
    return tuple(parts)


def _named(gaps: SliceGaps) -> frozenset[tuple[str, str]]:
    """Values that may be named: those of k rows or more."""
    rows: dict[tuple[tuple[str, ...], tuple[str, str]], int] = {}
    for gap in gaps.slices:
        dimensions = tuple(name for name, _ in gap.key)
        for pair in gap.key:
            rows[dimensions, pair] = rows.get((dimensions, pair), 0) + gap.rows
    return frozenset(pair for (_, pair), n in rows.items() if n >= K_ANONYMOUS)


def _finding(gap: SliceGap, metric: str, findings: Findings) -> Finding | None:
    """What was found of a slice; of its complement where that was judged in its place, and both sides are bad."""
    if gap.twin is not None and side_of(metric) != "both":
        return None
    return findings.get(f"slices.{metric}:{slice_label(gap.twin or gap.key)}")


def _part(gap: SliceGap, metric: str, was: SliceGap | None, finding: Finding | None) -> SlicePart:
    own = finding if gap.twin is None else None
    severity = finding.severity if finding is not None else Severity.NOT_RUN
    return SlicePart(
        slice=dict(gap.key),
        label=slice_label(gap.key),
        discovered=False,
        n=None if gap.hidden else gap.n,
        metrics={name: _interval(each) for name, each in gap.metrics.items()},
        gap=GapPart(
            metric,
            gap.gap.value,
            gap.gap.lower,
            gap.gap.upper,
            gap.lower_corrected,
            gap.upper_corrected,
            was.gap.value if was is not None and not gap.hidden else None,
        ),
        predicted=gap.predicted,
        observed=gap.observed,
        missed=gap.missed,
        limit=finding.limit if finding is not None else None,
        p_value=own.p_value if own is not None else None,
        q_value=own.q_value if own is not None else None,
        # The better half of two is as well as the other is not.
        severity=Severity.PASS if gap.twin is not None and finding is None and gap.supported else severity,
    )


def _interval(estimate: Estimate) -> Interval:
    return Interval(estimate.value, estimate.lower, estimate.upper)


def fairness_figures(comparison: Comparison, policy: Policy) -> Iterator[Figure]:
    """The differences of every dimension; judged where the policy states a limit."""
    for each in comparison.fairness:
        for name, found in each.differences.items():
            check, label = f"fairness.{name}", each.dimension.replace("_", " ")
            yield Figure(
                check,
                label,
                found.value,
                UNIT.get(name, "points"),
                found.n,
                found.lower,
                found.upper,
                limit=policy.limit(check, label),
                chance=found.chance,
                evidence={"groups": sum(group.compared for group in each.groups), **_extremes(each, name)},
            )


def _extremes(found: Fairness, name: str) -> Mapping[str, str]:
    """The groups that are furthest apart."""
    apart = found.extremes.get(name)
    return {} if apart is None else {"lowest": apart[0], "highest": apart[1]}


def fairness_parts(comparison: Comparison, findings: Findings) -> tuple[FairnessPart, ...] | None:
    """Every dimension that a slice names alone; None where none does."""
    named = _named(comparison.slices)
    parts = tuple(
        FairnessPart(
            dimension=each.dimension,
            groups=tuple(
                GroupPart(
                    group.value,
                    None if group.hidden else group.n,
                    {name: _interval(found) for name, found in group.metrics.items()},
                )
                for group in each.groups
                if (each.dimension, group.value) in named
            ),
            differences={name: _interval(found) for name, found in each.differences.items()},
            severity=_severity(each, findings),
        )
        for each in comparison.fairness
    )
    return parts or None


def _severity(found: Fairness, findings: Findings) -> Severity:
    """The worst of what was judged; NOT RUN where the policy states no limit."""
    label = found.dimension.replace("_", " ")
    judged = [findings.get(f"fairness.{name}:{label}") for name in found.differences]
    return worst([each.severity for each in judged if each is not None and each.limit is not None])
