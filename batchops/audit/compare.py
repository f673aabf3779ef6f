"""Two audits against each other: tonight and its window against the reference. Numbers only; nothing is judged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

from batchops.audit.ages import Aged, aged
from batchops.audit.multivariate import Together, compare_together
from batchops.audit.primary import MAIN_METRICS, slice_test
from batchops.audit.state import Audit, Reference
from batchops.stats import (
    NOT_MEASURED,
    Alike,
    Cells,
    Column,
    ColumnDrift,
    Estimate,
    Fairness,
    Profile,
    Quality,
    SliceGaps,
    SliceTest,
    Usual,
    compare,
    design_effects,
    fairness,
    merge_profiles,
    merge_qualities,
    metrics,
    night_likeness,
    slice_gaps,
    usual,
)
from batchops.stats.columns.usual import Straying
from batchops.stats.nights.ages import ALL
from batchops.verdict import Policy

__all__ = ["ColumnComparison", "Comparison", "Component", "Scope", "compare_audits"]

TONIGHT = 1

GAP = "calibration_gap"

EVERY_ROW = ("mean_score", "selection_rate", "mean_prediction")
"""Metrics over all rows, whatever is known of them."""

SCORE_PLACE = -1
"""Of the score; those of several classes come before it."""


@dataclass(frozen=True, slots=True)
class Component:
    """One way in which a column differs from the reference.

    Attributes:
        check: Last part of its figure's name: distance, null_share, unseen_share, outside_share or grown_share.
        now: The share (or distance) itself.
        change: What is judged: the distance, or the share less the reference's.
        usual: The largest such change that nights of the reference show against the rest of it.
        known: Whether the reference has windows enough to call that usual.
        own: Whether the change's chance counts how windows of the reference stray by themselves.
    """

    check: str
    now: Estimate
    change: Estimate
    usual: float | None
    known: bool
    own: bool = False


@dataclass(frozen=True, slots=True)
class Scope:
    """A column over some nights."""

    column: Column
    drift: ColumnDrift
    usual: Usual

    @property
    def components(self) -> tuple[Component, ...]:
        """The five ways, in a fixed order."""
        drift, usual, known = self.drift, self.usual, self.usual.enough
        distance, null = _with_own(drift.distance, usual.distances), _with_own(drift.null_change, usual.nulls)
        return (
            Component("distance", drift.distance, distance, usual.value, known, usual.distances is not None),
            Component("null_share", drift.null_share, null, usual.null_change, known, usual.nulls is not None),
            Component("unseen_share", drift.unseen_share, drift.unseen_change, usual.unseen_change, known),
            Component("outside_share", drift.outside_share, drift.outside_change, usual.outside_change, known),
            Component("grown_share", drift.grown_share, drift.grown_change, usual.grown_change, known),
        )


def _with_own(change: Estimate, usual: Straying | None) -> Estimate:
    """A change whose chance is no less than that of such windows of the reference lying so far from it."""
    rows, value = change.chance, change.value
    if usual is None or rows is None or value is None:
        return change
    own = usual.chance(abs(value))
    return replace(change, chance=lambda edge: max(own, rows(edge)))


@dataclass(frozen=True, slots=True)
class ColumnComparison:
    """One column: in the reference, over the window, and tonight.

    Attributes:
        tonight: The window itself where that is one night.
        alone: The reference has no nights, so that nothing can be usual: the practical limit alone decides.
    """

    cells: Cells
    reference: Column
    window: Scope
    tonight: Scope
    alone: bool = False


@dataclass(frozen=True, slots=True)
class Comparison:
    """Everything a night is judged by, beside its own contract.

    Attributes:
        quality: Of the window's nights.
        metrics, metrics_tonight, metrics_reference: By scikit-learn's names; the window's and the reference's at equal
            age of their labels, as far as they can be counted at an age.
        aged: The nights and the reference at that age.
        slices, slices_reference: Gaps of the window's slices and of the reference's.
        fairness: The groups of every dimension that a slice names alone.
        together: All columns at once; None where a side has no sampled rows.
        classes: Of more than two classes: the predicted class, and the score of each.
    """

    columns: tuple[ColumnComparison, ...]
    score: ColumnComparison
    quality: Quality
    metrics: Mapping[str, Estimate]
    metrics_tonight: Mapping[str, Estimate]
    metrics_reference: Mapping[str, Estimate]
    slices: SliceGaps
    slices_reference: SliceGaps
    fairness: tuple[Fairness, ...] = ()
    together: Together | None = None
    classes: tuple[ColumnComparison, ...] = ()
    aged: Aged = field(default_factory=lambda: Aged(Quality(), Quality()))

    @property
    def realised(self) -> Mapping[str, Estimate]:
        """Tonight's metrics once its labels are all there; nothing before."""
        last = max(self.quality.nights, default="")
        return self.metrics_tonight if self.aged.ages.get(last, ALL) == ALL and last not in self.aged.young else {}

    @property
    def labelled(self) -> bool:
        """Whether any row of the window has a label."""
        return any(night.overall.labelled for night in self.quality.nights.values())


def compare_audits(nights: Sequence[Audit], reference: Reference, policy: Policy) -> Comparison:
    """Compare a window with the reference.

    Args:
        nights: The window's nights, oldest first; the last is tonight.
        policy: Says on which metric slices are compared with the rest, and from which gap on they stand out.

    Raises:
        ConfigError: The policy names a metric that the task does not have.
    """
    quality = merge_qualities([night.quality for night in nights])
    cells, design = reference.quality, _design(reference)
    test = slice_test(policy, quality, cells)
    alike = _alike(reference, test.metric)
    places = [SCORE_PLACE - place for place in range(len(reference.outputs))]
    score, *classes = _columns([night.outputs for night in nights], places, reference)
    slices = slice_gaps(quality, cells, test, alike)
    hidden = frozenset(gap.key for gap in slices.slices if gap.hidden)
    at_age = aged(quality, reference)
    now, before = _at_equal_age(metrics(quality, cells, design), quality, at_age, reference)
    return Comparison(
        columns=_columns([night.inputs for night in nights], range(len(reference.inputs)), reference),
        score=score,
        quality=quality,
        metrics=now,
        metrics_tonight=metrics(nights[-1].quality, cells, design),
        metrics_reference=before,
        slices=slices,
        slices_reference=_slices(reference, replace(test, limit=0.0)),
        fairness=fairness(quality, cells, hidden, test.least, alike),
        together=compare_together(nights, reference),
        classes=tuple(classes),
        aged=at_age,
    )


def _at_equal_age(
    now: Mapping[str, Estimate], quality: Quality, at_age: Aged, reference: Reference
) -> tuple[Mapping[str, Estimate], Mapping[str, Estimate]]:
    """A window's metrics and the reference's; of nights that may not be compared nothing is told that is judged."""
    before, cells = _metrics(reference), reference.quality
    if at_age.whole:
        return now, before
    if not at_age.quality.nights:
        return {**now, **dict.fromkeys(MAIN_METRICS[cells.task], NOT_MEASURED)}, before
    own = metrics(at_age.quality, cells, _design(reference))
    theirs = before if at_age.reference is reference.audit.quality else metrics(at_age.reference, cells)
    own, theirs = _of_labels(_widened(own, now, quality, reference)), _of_labels(theirs)
    if GAP in own and GAP in theirs:
        # It is held against 0, and not against training: so what training's has more at that age is taken off.
        own[GAP], theirs[GAP] = _moved(own[GAP], _value(before[GAP]) - _value(theirs[GAP])), before[GAP]
    return {**now, **own}, {**before, **theirs}


def _widened(
    own: Mapping[str, Estimate], now: Mapping[str, Estimate], quality: Quality, reference: Reference
) -> Mapping[str, Estimate]:
    """Intervals at an age, as much wider as entities make those of all labels: their sums are kept of those alone."""
    if not any(each.entities for each in now.values()):
        return own
    nights = {night: replace(part, slices=(), entities=()) for night, part in quality.nights.items()}
    bare = metrics(Quality(nights), reference.quality, _design(reference))
    found = dict(own)
    for name, each in own.items():
        wide, narrow = (_width(side.get(name, NOT_MEASURED)) for side in (now, bare))
        if wide and narrow and now[name].entities and not each.entities and each.value is not None:
            by = max(1.0, wide / narrow)
            ends = [None if end is None else each.value + by * (end - each.value) for end in (each.lower, each.upper)]
            found[name] = replace(each, lower=ends[0], upper=ends[1], entities=now[name].entities)
    return found


def _width(estimate: Estimate) -> float:
    return estimate.upper - estimate.lower if estimate.upper is not None and estimate.lower is not None else 0.0


def _value(estimate: Estimate) -> float:
    return estimate.value or 0.0


def _moved(estimate: Estimate, by: float) -> Estimate:
    ends = [None if each is None else each + by for each in (estimate.value, estimate.lower, estimate.upper)]
    return replace(estimate, value=ends[0], lower=ends[1], upper=ends[2])


def _of_labels(found: Mapping[str, Estimate]) -> dict[str, Estimate]:
    """What could be counted at an age, but for what is over all rows, labelled or not."""
    return {name: each for name, each in found.items() if each.value is not None and name not in EVERY_ROW}


# A reference never changes while a process lives, and many nights are compared with it.


@lru_cache(maxsize=8)
def _design(reference: Reference) -> Mapping[str, float]:
    return design_effects(reference.audit.quality, reference.quality)


@lru_cache(maxsize=8)
def _alike(reference: Reference, metric: str) -> Alike:
    return night_likeness(reference.audit.quality, reference.quality, _design(reference), metric)


@lru_cache(maxsize=8)
def _metrics(reference: Reference) -> Mapping[str, Estimate]:
    return metrics(reference.audit.quality, reference.quality)


@lru_cache(maxsize=8)
def _slices(reference: Reference, test: SliceTest) -> SliceGaps:
    return slice_gaps(reference.audit.quality, reference.quality, test)


@lru_cache(maxsize=4096)
def _usual(reference: Reference, place: int, length: int) -> Usual:
    cells, whole = _counted(reference, place)
    sides = [night.outputs if place < 0 else night.inputs for night in reference.nights]
    nights = [side.columns.get(cells.column, Column()) for side in sides]
    return usual(nights, whole, cells, length)


def _counted(reference: Reference, place: int) -> tuple[Cells, Column]:
    """A column of the reference by its place; before the first those of its outputs, the score the last."""
    if place < 0:
        cells = reference.outputs[SCORE_PLACE - place]
        return cells, reference.audit.outputs.columns.get(cells.column, Column())
    cells = reference.inputs[place]
    return cells, reference.audit.inputs.columns.get(cells.column, Column())


def _columns(nights: Sequence[Profile], places: Sequence[int], reference: Reference) -> tuple[ColumnComparison, ...]:
    whole = merge_profiles(nights)
    found = []
    for place in places:
        cells, before = _counted(reference, place)
        parts = [night.columns.get(cells.column, Column()) for night in nights]
        window, tonight = whole.columns.get(cells.column, Column()), parts[-1]
        over = Scope(window, compare(window, before, cells, parts), _usual(reference, place, len(nights)))
        last = over
        if len(nights) > 1:
            last = Scope(tonight, compare(tonight, before, cells), _usual(reference, place, TONIGHT))
        found.append(ColumnComparison(cells, before, over, last, not reference.nights))
    return tuple(found)
