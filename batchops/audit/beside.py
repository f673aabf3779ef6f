"""A night beside all that it is compared with, and what of it is judged: from audits alone, without a store."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from batchops.audit.attribution import weighted_figures
from batchops.audit.compare import Comparison, compare_audits
from batchops.audit.concept import Concept, compare_concept, concept_figures
from batchops.audit.estimating import Estimated, estimate_night, estimated_figures, rows_alike
from batchops.audit.figures import drift_figures
from batchops.audit.qualities import quality_figures, with_likeness
from batchops.audit.recent import Earlier, Recent, compare_recent, recent_figures
from batchops.audit.season import Season, YearAgo, compare_season, season_of, with_season
from batchops.audit.slicing import fairness_figures, slice_figures
from batchops.audit.state import Audit, Reference
from batchops.partition import Night
from batchops.verdict import Figure, Policy

__all__ = ["Beside", "Compared", "compare_night", "compared_figures"]


@dataclass(frozen=True, slots=True, eq=False)
class Beside:
    """What a night is compared with.

    Attributes:
        reference: The model's.
        earlier: The window's earlier nights, oldest first, with the labels that are known.
        recent: The recent healthy nights, oldest first.
        labels: Whether the job ever has labels.
        reliance: How much the model relies on each column.
        year_ago: Nights of the same days of the year before, oldest first.
    """

    reference: Reference
    earlier: tuple[Audit, ...] = ()
    recent: tuple[Earlier, ...] = ()
    labels: bool = True
    reliance: Mapping[str, float] = field(default_factory=dict)
    year_ago: tuple[YearAgo, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Compared:
    """A night's comparisons; numbers only.

    Attributes:
        comparison: With the reference.
        recent: With the recent healthy nights.
        concept: Of the window's outcomes with training's.
        estimated: Quality as its scores let expect it; None where they say nothing.
        season: With the same days of an earlier year; None where too few of them are known.
    """

    comparison: Comparison
    recent: Recent
    concept: Concept
    estimated: Estimated | None
    season: Season | None = None


def compare_night(night: Night, audit: Audit, beside: Beside, policy: Policy) -> Compared:
    """Compare a night, and the window that ends with it, with all that it is judged by.

    Raises:
        ConfigError: The policy names a metric that the task does not have.
    """
    comparison = compare_audits([*beside.earlier, audit], beside.reference, policy)
    scores = audit.quality.nights.get(str(night))
    concept = compare_concept(comparison.quality, beside.reference, policy, comparison.aged)
    block = season_of(night.date, beside.year_ago, beside.reference)
    return Compared(
        comparison=with_likeness(comparison, concept.charted),
        recent=compare_recent(audit, beside.recent, night.date, beside.reference),
        concept=concept,
        season=compare_season(block, comparison, concept.slices, beside.reference, policy) if block else None,
        estimated=estimate_night(scores, beside.reference, rows_alike(comparison.together, beside.reference.quality)),
    )


def compared_figures(compared: Compared, beside: Beside, policy: Policy) -> Iterator[Figure]:
    """Every figure that is estimated: all that share the night's error budget, skew and found slices aside."""
    return with_season(_figures(compared, beside, policy), compared.season)


def _figures(compared: Compared, beside: Beside, policy: Policy) -> Iterator[Figure]:
    comparison = compared.comparison
    yield from drift_figures(comparison, policy)
    yield from weighted_figures(comparison.columns, beside.reliance, policy)
    if beside.labels:
        yield from quality_figures(comparison, beside.reference.quality)
        yield from slice_figures(comparison, policy)
        yield from fairness_figures(comparison, policy)
    yield from recent_figures(compared.recent, policy)
    yield from concept_figures(compared.concept)
    yield from estimated_figures(compared.estimated, policy)
