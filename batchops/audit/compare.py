"""Two audits against each other: tonight and its window against the reference. Numbers only; nothing is judged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from batchops.audit.multivariate import Together, compare_together
from batchops.audit.primary import slice_test
from batchops.audit.state import Audit, Reference
from batchops.stats import (
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
from batchops.verdict import Policy

__all__ = ["ColumnComparison", "Comparison", "Component", "Scope", "compare_audits"]

TONIGHT = 1
SCORE_PLACE = -1
"""Of the score; those of several classes come before it."""


@dataclass(frozen=True, slots=True)
class Component:
    """One way in which a column differs from the reference.

    Attributes:
        check: Last part of its figure's name: distance, null_share, unseen_share or outside_share.
        now: The share (or distance) itself.
        change: What is judged: the distance, or the share less the reference's.
        usual: The largest such change that nights of the reference show against the rest of it.
        known: Whether the reference has windows enough to call that usual.
    """

    check: str
    now: Estimate
    change: Estimate
    usual: float | None
    known: bool


@dataclass(frozen=True, slots=True)
class Scope:
    """A column over some nights."""

    column: Column
    drift: ColumnDrift
    usual: Usual

    @property
    def components(self) -> tuple[Component, ...]:
        """The four ways, in a fixed order."""
        drift, usual, known = self.drift, self.usual, self.usual.enough
        distance, null = _with_own(drift.distance, usual.distances), _with_own(drift.null_change, usual.nulls)
        return (
            Component("distance", drift.distance, distance, usual.value, known),
            Component("null_share", drift.null_share, null, usual.null_change, known),
            Component("unseen_share", drift.unseen_share, drift.unseen_change, usual.unseen_change, known),
            Component("outside_share", drift.outside_share, drift.outside_change, usual.outside_change, known),
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
        metrics, metrics_tonight, metrics_reference: By scikit-learn's names.
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
    return Comparison(
        columns=_columns([night.inputs for night in nights], range(len(reference.inputs)), reference),
        score=score,
        quality=quality,
        metrics=metrics(quality, cells, design),
        metrics_tonight=metrics(nights[-1].quality, cells, design),
        metrics_reference=_metrics(reference),
        slices=slices,
        slices_reference=_slices(reference, replace(test, limit=0.0)),
        fairness=fairness(quality, cells, hidden, test.least, alike),
        together=compare_together(nights, reference),
        classes=tuple(classes),
    )


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
