"""Does the world still answer as the model learned? Nights with outcomes against the nights of training.

Sudden change is tested on the newest nights, slow change on control charts; what differs is split into other rows
(covariate drift) and the same rows faring otherwise (concept drift).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from batchops.audit.ages import Aged, aged, ripe
from batchops.audit.changes import ConceptPart
from batchops.audit.charting import ENOUGH_NIGHTS, Charted, chart_figures, chart_parts, charted, known_levels
from batchops.audit.faring import SliceShift, Split, decomposition_parts, decompositions, shift_figures, shifted_slices
from batchops.audit.state import Reference
from batchops.stats import Quality
from batchops.verdict import Figure, Finding, Policy, Scalar

__all__ = ["Concept", "compare_concept", "concept_figures", "concept_part"]

SEASON = 45
"""Days of the year from tonight within which a night of the reference is of the same season."""


@dataclass(frozen=True, slots=True)
class Concept:
    """What nights with outcomes show.

    Attributes:
        season: ``weekday`` where weekdays were told apart, else ``recent``; None of too short a reference.
        covered: The reference has nights of tonight's season.
        slices: Each against itself in the reference.
        decompositions: (metric, dimension, change over the window).
    """

    season: str | None = None
    covered: bool = False
    charted: tuple[Charted, ...] = ()
    slices: tuple[SliceShift, ...] = ()
    decompositions: tuple[Split, ...] = ()


def compare_concept(quality: Quality, reference: Reference, policy: Policy, at_age: Aged | None = None) -> Concept:
    """Compare the nights of a window that have labels with the reference's, at equal age of their labels.

    Args:
        quality: The window's.
        at_age: The same at that age, as `aged` has it, where it is known already.
    """
    at_age = at_age or aged(quality, reference)
    labelled, whole = at_age.quality.nights, ripe(at_age, quality)
    before = reference.audit.quality
    splits = decompositions(whole, reference) if whole.nights else ()
    if not labelled or len(before.nights) < ENOUGH_NIGHTS:
        return Concept(decompositions=splits)
    known, found = known_levels(reference), charted(at_age, reference, policy)
    weekly = any(known[each.metric].effects for each in found)
    return Concept(
        season="weekday" if weekly else "recent",
        covered=_covers([*before.nights], max(labelled)),
        charted=found,
        slices=shifted_slices(whole, reference),
        decompositions=splits,
    )


def _covers(nights: Sequence[str], tonight: str) -> bool:
    """Whether some night lies within `SEASON` days of tonight's day of the year, in whatever year."""
    days = (abs(_day_of_year(night) - _day_of_year(tonight)) for night in nights)
    return any(min(apart, 365 - apart) <= SEASON for apart in days)


def _day_of_year(night: str) -> int:
    return dt.date.fromisoformat(night).timetuple().tm_yday


def concept_figures(concept: Concept) -> Iterator[Figure]:
    """The newest nights' changes, the charts, and the slices' changes."""
    facts: dict[str, Scalar] = {"season": concept.season, "covered": int(concept.covered)}
    yield from chart_figures(concept.charted, facts)
    yield from shift_figures(concept.slices, facts)


def concept_part(concept: Concept, findings: Mapping[str, Finding]) -> ConceptPart | None:
    """The charts and decompositions for audit.json; None before the first label."""
    if not concept.charted and not concept.decompositions:
        return None
    return ConceptPart(
        concept.season, chart_parts(concept.charted, findings), decomposition_parts(concept.decompositions)
    )
