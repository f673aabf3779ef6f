"""Which nights of a window may be set beside the reference, and with which of their labels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache

from batchops.audit.outcomes import AgePart
from batchops.audit.state import Reference
from batchops.stats import Estimate, Quality, metrics
from batchops.stats.nights.ages import ALL, Arrival, age_of, arrival_of, at_ages, known_by, young_nights
from batchops.stats.outcomes.state import AGE_EDGES

__all__ = ["Aged", "age_effects", "age_parts", "aged", "ripe"]


@dataclass(frozen=True, slots=True, eq=False)
class Aged:
    """The nights of a window that have labels, at the age of those.

    Attributes:
        quality: The nights that may be compared, each with the labels of the days that are over.
        reference: The reference's nights at the same ages.
        ages: Spans of days that are over, by night; `ALL` where all labels count.
        young: Nights left out, since too many of their labels are still to come.
        arrival: How the reference's labels came; None where that is not known of both sides.
    """

    quality: Quality
    reference: Quality
    ages: Mapping[str, int] = field(default_factory=dict)
    young: tuple[str, ...] = ()
    arrival: Arrival | None = None

    @property
    def whole(self) -> bool:
        """Whether all labels of all nights count, so that there is nothing to tell apart."""
        return not self.young and all(age == ALL for age in self.ages.values())

    @property
    def expected(self) -> float:
        """Rows of the nights times the share of their labels that are to be there by now."""
        shares = self.arrival or Arrival((1.0,) * ALL)
        return sum(part.overall.n * shares.by(self.ages[night]) for night, part in self.quality.nights.items())


@lru_cache(maxsize=8)
def _arrival(reference: Reference) -> Arrival | None:
    return arrival_of(reference.audit.quality)


def aged(quality: Quality, reference: Reference) -> Aged:
    """The nights of a window, and the reference, at equal age of their labels."""
    labelled = {night: part for night, part in sorted(quality.nights.items()) if part.overall.labelled}
    arrival, before = _arrival(reference), reference.audit.quality
    if arrival is None or not all(part.ages for part in labelled.values()):
        young = young_nights(quality)
        kept = {night: part for night, part in labelled.items() if night not in young}
        return Aged(Quality(kept), before, dict.fromkeys(kept, ALL), tuple(sorted(young)))
    ages = {night: age_of(part, arrival) for night, part in labelled.items()}
    kept = {night: known_by(labelled[night], age, reference.quality) for night, age in ages.items() if age}
    kept = {night: part for night, part in kept.items() if part.overall.labelled}
    of = tuple(ages[night] for night in kept)
    matched = before if not of or min(of) == ALL else _matched(reference, of)
    return Aged(
        Quality(kept), matched, {night: ages[night] for night in kept}, tuple(sorted({*labelled} - {*kept})), arrival
    )


@lru_cache(maxsize=8)
def _matched(reference: Reference, ages: tuple[int, ...]) -> Quality:
    return at_ages(reference.audit.quality, ages, reference.quality)


def ripe(found: Aged, quality: Quality) -> Quality:
    """Nights whose labels are all there, with their slices."""
    return Quality({night: quality.nights[night] for night, age in found.ages.items() if age == ALL})


@lru_cache(maxsize=128)
def age_effects(reference: Reference, age: int) -> Mapping[str, float]:
    """What each metric of the reference has more at an age than with all its labels."""
    if age >= ALL:
        return {}
    cells, whole = reference.quality, _overall(reference)
    then = metrics(at_ages(reference.audit.quality, (age,), cells), cells)
    pairs = ((name, each.value, whole[name].value) for name, each in then.items())
    return {name: now - then for name, now, then in pairs if now is not None and then is not None}


@lru_cache(maxsize=8)
def _overall(reference: Reference) -> Mapping[str, Estimate]:
    bare = {night: replace(part, slices=()) for night, part in reference.audit.quality.nights.items()}
    return metrics(Quality(bare), reference.quality)


def age_parts(quality: Quality, reference: Reference) -> tuple[AgePart, ...]:
    """Coverage by age, of the window and of the reference; none where it is not known when labels came."""
    arrival = _arrival(reference)
    nights = [part for part in quality.nights.values() if part.ages]
    rows = sum(part.overall.n for part in nights)
    if not rows:
        return ()
    parts = []
    for span in range(ALL):
        known = sum(each.labelled for part in nights for own, each in part.ages if own <= span)
        days = AGE_EDGES[span] if span < len(AGE_EDGES) else None
        parts.append(AgePart(days, known, known / rows, arrival.by(span + 1) if arrival is not None else None))
    return tuple(parts)
