"""Was it so a year ago? The window against the same days of an earlier year, of earlier nights or of training.

Nothing is judged by it: years differ too. But a change against training that those days had too, and beside which
tonight's window lies within its limit, is one of the season, and no reason to train again.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from batchops.audit.ages import Aged
from batchops.audit.changes import SeasonFigure, SeasonPart
from batchops.audit.compare import ColumnComparison, Comparison
from batchops.audit.faring import SliceShift, shifted_slices
from batchops.audit.figures import ALL_ROWS
from batchops.audit.primary import MAIN_METRICS
from batchops.audit.qualities import judged_change
from batchops.audit.state import Audit, Reference
from batchops.stats import Column, Estimate, Profile, Quality, compare, merge_profiles, merge_qualities, metrics
from batchops.stats.nights.ages import ALL, at_ages
from batchops.verdict import Figure, Policy, Scalar

__all__ = ["AROUND", "Block", "Season", "YearAgo", "compare_season", "season_of", "season_part", "with_season"]

AROUND = 15
"""Days of the year on either side of tonight that are of its season."""

ENOUGH = 8
"""Nights below which such days say nothing."""

EXPLAINED = 2 / 3
"""Share of a change against training that those days must have had too."""


@dataclass(frozen=True, slots=True)
class YearAgo:
    """A night of the same days of an earlier year, scored by tonight's model.

    Attributes:
        digest: Of its stored audit.
    """

    night: str
    audit: Audit
    digest: str


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """Nights of the same days of an earlier year.

    Attributes:
        source: ``history`` or ``reference``.
    """

    source: str
    nights: tuple[str, ...]
    inputs: Profile
    outputs: Profile
    quality: Quality
    digests: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Season:
    """The window beside those days.

    Attributes:
        figures: Id of a figure -> how it stands; of every column, the score, the main metrics, and slices whose change
            against themselves in training is beyond its limit.
    """

    source: str
    nights: tuple[str, ...]
    digests: Mapping[str, str]
    figures: Mapping[str, SeasonFigure]

    def of(self, figure: Figure) -> SeasonFigure | None:
        """How a figure stands; that of a metric's charts and newest nights is the metric's own."""
        if figure.id in self.figures:
            return self.figures[figure.id]
        root, _, measure = figure.check.partition(".")
        if root == "concept" and measure in ("shift", "ewma", "cusum"):
            return self.figures.get(f"quality.{figure.subject.partition(' (')[0]}:{ALL_ROWS}")
        return None


def season_of(night: dt.date, earlier: Sequence[YearAgo], reference: Reference) -> Block | None:
    """The same days of an earlier year; None where too few of them are known.

    Args:
        earlier: Published nights of those days; where they are too few, those of training are taken.
    """
    return _published(earlier) or _trained(night, reference)


def compare_season(
    block: Block, comparison: Comparison, slices: Sequence[SliceShift], reference: Reference, policy: Policy
) -> Season:
    """Set the window beside the same days of an earlier year.

    Args:
        slices: The window's, each against itself in the reference.
    """
    found = dict(_quality_figures(comparison, block, reference, policy))
    found |= _slice_figures(slices, block, reference, policy)
    for column in (*comparison.columns, comparison.score):
        is_score = column is comparison.score
        side = block.outputs if is_score else block.inputs
        check, subject = ("score.distance", ALL_ROWS) if is_score else ("drift.distance", column.cells.column)
        known = side.columns.get(column.cells.column)
        if column.cells.size and known is not None:
            limit = policy.limit(check, subject).shown
            found[f"{check}:{column.cells.column}"] = _distance(column, known, limit)
    return Season(block.source, block.nights, block.digests, found)


def _published(earlier: Sequence[YearAgo]) -> Block | None:
    if len(earlier) < ENOUGH:
        return None
    return Block(
        "history",
        tuple(each.night for each in earlier),
        merge_profiles([each.audit.inputs for each in earlier]),
        merge_profiles([each.audit.outputs for each in earlier]),
        merge_qualities([each.audit.quality for each in earlier]),
        {each.night: each.digest for each in earlier},
    )


def _trained(night: dt.date, reference: Reference) -> Block | None:
    kept = [each for each in reference.nights if _of_season(dt.date.fromisoformat(each.night), night)]
    if len(kept) < ENOUGH:
        return None
    known = reference.audit.quality.nights
    return Block(
        "reference",
        tuple(each.night for each in kept),
        merge_profiles([each.inputs for each in kept]),
        merge_profiles([each.outputs for each in kept]),
        Quality({each.night: known[each.night] for each in kept if each.night in known}),
    )


def _of_season(day: dt.date, night: dt.date) -> bool:
    """Whether a day is one of those of an earlier year."""
    apart = abs(day.timetuple().tm_yday - night.timetuple().tm_yday)
    return (night - day).days >= 365 - AROUND and min(apart, 365 - apart) <= AROUND


def _distance(column: ColumnComparison, then: Column, limit: float | None) -> SeasonFigure:
    beside = compare(column.window.column, then, column.cells).distance.value
    before = compare(then, column.reference, column.cells).distance.value
    usual = column.window.usual.value or 0.0
    found = _figure(column.window.drift.distance.value, before, beside, limit)
    return replace(found, seasonal=found.seasonal and (found.now or 0.0) > usual)


def _quality_figures(
    comparison: Comparison, block: Block, reference: Reference, policy: Policy
) -> Iterator[tuple[str, SeasonFigure]]:
    labelled = {night: part for night, part in block.quality.nights.items() if part.overall.labelled}
    if len(labelled) < ENOUGH:
        return
    cells, was = reference.quality, comparison.metrics_reference
    whole = metrics(Quality(labelled), cells)
    then = {**metrics(_at_age(Quality(labelled), comparison.aged, reference), cells)}
    # Of the window's gap it is taken off already what is still to come.
    then["calibration_gap"] = whole.get("calibration_gap", then.get("calibration_gap"))  # type: ignore[assignment]
    for name in MAIN_METRICS[cells.task]:
        if name in comparison.metrics and name in then:
            now = judged_change(name, comparison.metrics, was).value
            before = judged_change(name, then, was).value
            beside = judged_change(name, comparison.metrics, then).value
            if name == "calibration_gap":
                # It is judged from 0.
                beside = None if now is None or before is None else now - before
            limit = policy.limit(f"quality.{name}", ALL_ROWS).shown
            yield f"quality.{name}:{ALL_ROWS}", _figure(now, before, beside, limit)


def _slice_figures(
    slices: Sequence[SliceShift], block: Block, reference: Reference, policy: Policy
) -> Iterator[tuple[str, SeasonFigure]]:
    """Of slices beyond their limit; what they have beside those days is a share of the same in training."""
    beyond = {}
    for each in slices:
        limit = policy.limit("concept.shift", each.label).shown
        if limit is not None and abs(each.change.value or 0.0) > limit:
            beyond[each.label] = (each.change, limit)
    for each in shifted_slices(block.quality, reference) if beyond else ():
        if each.label in beyond:
            (now, limit), then = beyond[each.label], each.change
            beside = (now.value or 0.0) - (then.value or 0.0)
            # Of several slices some lie beyond the limit beside those days by chance; both intervals allow for that.
            room = math.hypot(_radius(now), _radius(then))
            yield f"concept.shift:{each.label}", _figure(now.value, then.value, beside, limit, room)


def _radius(estimate: Estimate) -> float:
    return ((estimate.upper or 0.0) - (estimate.lower or 0.0)) / 2


def _at_age(quality: Quality, aged: Aged, reference: Reference) -> Quality:
    ages = tuple(aged.ages.values())
    partial = ages and min(ages) < ALL and all(part.ages for part in quality.nights.values())
    return at_ages(quality, ages, reference.quality) if partial else quality


def _figure(
    now: float | None, before: float | None, beside: float | None, limit: float | None, room: float = 0.0
) -> SeasonFigure:
    """How a figure stands; ``room`` is how far ``beside`` may be off."""
    seasonal = (
        now is not None
        and before is not None
        and beside is not None
        and limit is not None
        and abs(now) > limit
        and now * before > 0
        and abs(before) >= EXPLAINED * abs(now)
        and abs(beside) <= limit + room
    )
    return SeasonFigure(now, before, beside, limit, seasonal)


def with_season(figures: Iterable[Figure], season: Season | None) -> Iterator[Figure]:
    """The figures, with how they stand beside those days among their evidence."""
    for figure in figures:
        found = None if season is None else season.of(figure)
        if season is None or found is None or found.then is None:
            yield figure
            continue
        facts: dict[str, Scalar] = {
            "season_from": season.source,
            "season_first": season.nights[0],
            "season_last": season.nights[-1],
            "season_nights": len(season.nights),
            "season_then": found.then,
            "season_beside": found.beside,
            "seasonal": int(found.seasonal),
        }
        yield replace(figure, evidence={**figure.evidence, **facts})


def season_part(season: Season | None) -> SeasonPart | None:
    """The comparison for audit.json; None where too few of those days are known."""
    if season is None:
        return None
    nights = season.nights
    return SeasonPart(season.source, nights[0], nights[-1], len(nights), season.digests, season.figures)
