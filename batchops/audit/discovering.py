"""Slices that nobody declared: which of what was found may be shown, as figures to judge and as parts of the document.

What is shown of them is measured on rows that the search did not see: on its other half.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence, Set as AbstractSet
from dataclasses import replace
from itertools import permutations

from batchops.audit.compare import Comparison
from batchops.audit.groups import GapPart, SlicePart, SlicingPart
from batchops.audit.outcomes import Interval
from batchops.audit.primary import limit_of, side_of, unit_of
from batchops.audit.slicing import slice_label, slices_parts, slicing_part
from batchops.sketch import K_ANONYMOUS
from batchops.stats import SliceKey
from batchops.stats.discovery import Discovery, FoundSlice, Proposal, Recount, Terms
from batchops.verdict import PRIMARY, Figure, Finding, Policy, Severity

Before = Callable[[Sequence[Proposal]], Recount | None]
"""How proposed slices fared in the reference."""

__all__ = ["all_slices", "declared", "discovered_figures", "discovered_parts", "search_terms"]


def search_terms(
    policy: Policy, metric: str, design: float = 1.0, rows_independent: bool = False, reference: Before | None = None
) -> Terms:
    """On what terms found slices are measured, by a job's limit of their metric."""
    limit = policy.limit(f"slices.{metric}", "").shown or 0.0
    scale = next((known[metric][1] for known in PRIMARY.values() if metric in known), None)
    return Terms(limit, scale, design, rows_independent, reference)


def discovered_figures(
    found: Discovery, policy: Policy, declared: AbstractSet[SliceKey] = frozenset()
) -> Iterator[Figure]:
    """One figure a slice that was found, and is not among the declared ones.

    Where the other half proves nothing (rows of a night that both halves share; a slice of fewer than eight nights)
    the worst that becomes of it is UNSURE; FAIL takes nights.
    """
    for each in _shown(found, declared):
        check, label = f"slices.{found.metric}", slice_label(each.key)
        yield Figure(
            check,
            label,
            each.gap.value,
            unit_of(found.metric),
            each.n,
            each.gap.lower,
            each.gap.upper,
            each.lower_corrected,
            each.upper_corrected,
            can_fail=each.proved and found.nights > 0,
            side=side_of(found.metric),
            limit=limit_of(policy, check, label, each.scale),
            evidence={
                "metric": found.metric,
                "slice": each.value,
                "rest": each.rest,
                "reference": each.reference,
                "tested": len(found.slices),
                "searched": found.searched,
                "nights": found.nights,
            },
            chance=each.gap.chance if each.proved else _certain,
        )


def declared(comparison: Comparison) -> frozenset[SliceKey]:
    """The slices that a search need not find."""
    return frozenset(gap.key for gap in comparison.slices.slices)


def all_slices(
    comparison: Comparison, findings: Mapping[str, Finding], found: Discovery | None
) -> tuple[tuple[SlicePart, ...] | None, SlicingPart | None]:
    """All slices, declared and found, worst first, and how they were tested."""
    own, how = slices_parts(comparison, findings), slicing_part(comparison)
    if found is None:
        return own, how
    how = how or SlicingPart(found.metric, 0, found.support, 0, 0)
    both = [*(own or ()), *discovered_parts(found, findings, declared(comparison))]
    return tuple(sorted(both, key=lambda part: part.severity.rank)), replace(how, searched=found.searched)


def _certain(edge: float) -> float:  # noqa: ARG001 - a figure's chance
    """Halves of the same nights agree by what those nights had in common, however large the figure is."""
    return 1.0


def discovered_parts(
    found: Discovery, findings: Mapping[str, Finding], declared: AbstractSet[SliceKey] = frozenset()
) -> tuple[SlicePart, ...]:
    """The same slices for the document, worst first."""
    parts = [
        _part(each, found.metric, findings.get(f"slices.{found.metric}:{slice_label(each.key)}"))
        for each in _shown(found, declared)
    ]
    return tuple(sorted(parts, key=lambda part: (part.severity.rank, -abs(part.gap.value or 0.0), part.label)))


def _part(each: FoundSlice, metric: str, finding: Finding | None) -> SlicePart:
    gap = each.gap
    return SlicePart(
        slice=dict(each.key),
        label=slice_label(each.key),
        discovered=True,
        n=each.n,
        metrics={metric: Interval(each.value)},
        gap=GapPart(
            metric, gap.value, gap.lower, gap.upper, each.lower_corrected, each.upper_corrected, each.reference
        ),
        predicted=None,
        observed=None,
        missed=None,
        limit=finding.limit if finding is not None else None,
        p_value=finding.p_value if finding is not None else None,
        q_value=finding.q_value if finding is not None else None,
        severity=finding.severity if finding is not None else Severity.NOT_RUN,
    )


def _shown(found: Discovery, declared: AbstractSet[SliceKey]) -> list[FoundSlice]:
    """Slices that are not declared, and from which no count of fewer than k rows can be had.

    Two slices of which one holds the other tell how many rows lie between them.
    """
    known = {frozenset(key) for key in declared}
    held = [each for each in found.slices if each.n >= K_ANONYMOUS and frozenset(each.key) not in known]
    close = {
        wide.key
        for wide, narrow in permutations(held, 2)
        if set(wide.key) < set(narrow.key) and 0 < wide.n - narrow.n < K_ANONYMOUS
    }
    return [each for each in held if each.key not in close]
