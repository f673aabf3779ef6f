"""What is kept of scores and of the labels they met: whole numbers by night and slice, which add up exactly.

Labels of a night are counted together with its scores, or not at all: a night's quality is made anew when labels
come, and nothing is ever added to it twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from operator import attrgetter
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from batchops.stats.numbers.sparse import Integers, Sparse, merge_sparse
from batchops.stats.outcomes.classes import ClassCounts, merge_counts
from batchops.stats.outcomes.regression import ErrorCells, ErrorSums, ErrorTables, merge_errors, merge_tables

__all__ = [
    "AGE",
    "AGE_EDGES",
    "ENTITY",
    "GROUPS",
    "LOSS",
    "SCORE",
    "SQUARE",
    "NightQuality",
    "Quality",
    "ScoreCells",
    "SliceKey",
    "SliceQuality",
    "Weighted",
    "merge_qualities",
    "merge_slices",
]

SCORE = 2**30
"""Scores, their squares and squared errors are summed as whole multiples of 1 / 2^30."""

LOSS = 2**26
"""Log losses are summed as whole multiples of 1 / 2^26: up to 36 a row, a million rows stay exact in a float."""

SQUARE = 2**20
"""Squares of log losses are summed as whole multiples of 1 / 2^20."""

AGE = "label_age"
"""Column of whole days from the night to when a row's outcome became known."""

AGE_EDGES = (1, 2, 3, 4, 5, 6, 7, 10, 14, 21, 30, 45, 60, 90)
"""Ends of the spans of days by which labels are counted; what came later is of a last one."""

ENTITY = "entity_group"
"""Column of rows that hang together across nights: the number of their entity's group, below `GROUPS`."""

GROUPS = 64
"""Entities fall into so many groups, at random: so many degrees of freedom, in kilobytes a night."""

Floats = NDArray[np.float64]

K = TypeVar("K", int, tuple[tuple[str, str], ...])

SliceKey = tuple[tuple[str, str], ...]
"""A slice: (dimension, value) pairs."""


@dataclass(frozen=True, slots=True)
class ScoreCells:
    """In which cells scores meet labels; fixed by the reference.

    Cell i of ``len(edges) + 1`` holds scores from ``edges[i - 1]`` up to, not including, ``edges[i]``.

    Attributes:
        edges: Quantiles of the reference's scores, 4,096 or fewer, and the threshold.
        threshold: ``prediction = score >= threshold``.
        coarse: Those edges that also bound the cells of slices.
        calibration: Those at the reference's deciles, which bound the bins of the calibration.
        task: ``binary``, ``multiclass`` or ``regression``.
        decided: Decisions come as a column ``prediction``; the threshold, or the highest score, decides nothing.
        weight: Quantum of the column ``weight``; None where rows have none.
        classes: Names, in order; empty but for ``multiclass``.
        class_edges, class_bins: For each class, what ``edges`` and ``calibration`` are for its score.
        class_rows: By cell of ``class_edges``, those of all classes before it first: labelled rows of the reference
            that are of other classes, and of the class, by weight where rows have one; empty without labels.
        errors: Scale and cells of ``regression``.
    """

    edges: tuple[float, ...] = ()
    threshold: float = 0.5
    coarse: tuple[float, ...] = ()
    calibration: tuple[float, ...] = ()
    task: str = "binary"
    decided: bool = False
    weight: float | None = None
    classes: tuple[str, ...] = ()
    class_edges: tuple[tuple[float, ...], ...] = ()
    class_bins: tuple[tuple[float, ...], ...] = ()
    class_rows: Sparse = field(default_factory=Sparse)
    errors: ErrorCells | None = None

    @property
    def scored(self) -> bool:
        """Whether the reference had scores (of regression, predictions), not decisions alone."""
        if self.task == "multiclass":
            return bool(self.class_edges)
        return self.task == "regression" or not self.decided or len(self.edges) > 1

    def wider(self, edges: Sequence[float]) -> Integers:
        """For each cell, the number of the wider cell it lies in; ``edges`` are some of the cells' own.

        >>> ScoreCells(edges=(0.2, 0.5, 0.7)).wider((0.5,)).tolist()
        [0, 0, 1, 1]
        """
        starts = np.concatenate(([-np.inf], self.edges))
        return np.searchsorted(np.array(edges), starts, side="right").astype(np.int64)


@dataclass(frozen=True, slots=True)
class SliceQuality:
    """Counts and sums over the rows of a slice, or over all; a commutative monoid.

    Of regression and of more than two classes, what is said of scores, positives and the threshold is 0.

    Attributes:
        n: Rows with a score, or a prediction in its place.
        selected: Of those, scores at or above the threshold.
        score, square: Sums of the score and of its square, in 1 / `SCORE`.
        labelled: Rows with a score and a label; what follows is over these.
        positives: Of those, labels that are 1.
        labelled_score, labelled_square, positive_score: Sums of the score, its square, and the score of positives.
        brier, brier_square: Sums of the squared error of the score, in 1 / `SCORE`, and of its square.
        log_loss, log_loss_square: Sums of the log loss, in 1 / `LOSS`, and of its square, in 1 / `SQUARE`.
        true_positives, false_positives: At the threshold, or of the given decisions.
        unscored: Of ``n``, rows that have a decision and no score; ``unscored_labelled`` of them have a label.
        histogram: By cell of the score: negatives and positives. Of a group of entities also, of regression: rows by
            cell of the absolute error; of more than two classes, by class: labelled rows that were rightly taken for
            it, that are it, and that were taken for it, and, of those that are it, the sum of `ClassCounts.moves`.
        hits: Of more than two classes: labelled rows whose prediction is the label.
        errors: Of regression.
        weighted: The same sums of rows with weights.
    """

    n: int = 0
    selected: int = 0
    score: int = 0
    square: int = 0
    labelled: int = 0
    positives: int = 0
    labelled_score: int = 0
    labelled_square: int = 0
    positive_score: int = 0
    brier: int = 0
    brier_square: int = 0
    log_loss: int = 0
    log_loss_square: int = 0
    true_positives: int = 0
    false_positives: int = 0
    unscored: int = 0
    unscored_labelled: int = 0
    histogram: Sparse = field(default_factory=Sparse, kw_only=True)
    hits: int | None = field(default=None, kw_only=True)
    errors: ErrorSums | None = field(default=None, kw_only=True)
    weighted: Weighted | None = field(default=None, kw_only=True)

    def __add__(self, other: SliceQuality) -> SliceQuality:
        return merge_slices((self, other))

    @property
    def negatives(self) -> int:
        """Labels that are 0."""
        return self.labelled - self.positives

    @property
    def false_negatives(self) -> int:
        """Positives below the threshold."""
        return self.positives - self.true_positives

    @property
    def true_negatives(self) -> int:
        """Negatives below the threshold."""
        return self.negatives - self.false_positives

    @property
    def correct(self) -> int:
        """Labelled rows that were decided rightly."""
        return self.true_positives + self.true_negatives if self.hits is None else self.hits


@dataclass(frozen=True, slots=True)
class Weighted:
    """Rows counted as often as their weight has quanta; a commutative monoid.

    Attributes:
        sums: Everything of the rows, each times its weight.
        square, labelled_square: Sums of the squared weights, over all rows and over labelled ones.
    """

    sums: SliceQuality
    square: int
    labelled_square: int


SUMS = tuple(each.name for each in fields(SliceQuality) if not each.kw_only)
_sums = attrgetter(*SUMS)


@dataclass(frozen=True, slots=True)
class NightQuality:
    """A night's scores: all rows, and by slice; a commutative monoid.

    Attributes:
        missing: Rows whose score is null or NaN, left out of all else.
        impossible: Rows whose score is not between 0 and 1, left out of all else.
        strange_labels: Rows whose label is neither 0 nor 1, counted as not labelled.
        overall: All rows.
        calibration: By bin of the score: labelled rows, positives, sum of the score in 1 / `SCORE`.
        slices: Ordered by key.
        scores: By cell of the score (of regression, of the prediction), over all rows whether labelled or not: rows,
            and the sum of the score in 1 / `SCORE` (of the prediction as in `ErrorSums`).
        strange_weights: Rows whose weight is missing, negative or endless, left out of all else.
        classes: Of more than two classes.
        errors: Of regression.
        entities: By group of entities, ordered: all its rows, their scores or errors in a few wide cells.
        ages: By span of `AGE_EDGES` in which the label came, ordered: the labelled rows, where that is known.
        label_age: Days from the night to its newest label; to when they were read, where their own days are not known.
    """

    missing: int = 0
    impossible: int = 0
    strange_labels: int = 0
    overall: SliceQuality = field(default_factory=SliceQuality)
    calibration: Sparse = field(default_factory=Sparse)
    slices: tuple[tuple[SliceKey, SliceQuality], ...] = ()
    scores: Sparse = field(default_factory=Sparse)
    strange_weights: int = 0
    classes: ClassCounts | None = None
    errors: ErrorTables | None = None
    entities: tuple[tuple[int, SliceQuality], ...] = ()
    ages: tuple[tuple[int, SliceQuality], ...] = ()
    label_age: int | None = None

    def __add__(self, other: NightQuality) -> NightQuality:
        return _merged_night((self, other))


@dataclass(frozen=True, slots=True)
class Quality:
    """The quality of nights, by ISO date; a commutative monoid whose neutral value is ``Quality()``.

    Adding joins different nights to a window, and parts of one night to the night.
    """

    nights: Mapping[str, NightQuality] = field(default_factory=dict)

    def __add__(self, other: Quality) -> Quality:
        return merge_qualities((self, other))

    def overall(self) -> SliceQuality:
        """All rows of all nights, without their slices."""
        return merge_slices([night.overall for night in self.nights.values()] or [SliceQuality()])

    def calibration(self) -> Sparse:
        """By bin of the score, over all nights: labelled rows, positives, sum of the score in 1 / `SCORE`."""
        return merge_sparse([night.calibration for night in self.nights.values()])

    def total(self) -> NightQuality:
        """All nights as one."""
        return _merged_night([self.nights[night] for night in sorted(self.nights)])


def merge_slices(parts: Sequence[SliceQuality]) -> SliceQuality:
    """The sums over all their rows; one part or more."""
    if len(parts) == 1:
        return parts[0]
    sums = map(sum, zip(*map(_sums, parts), strict=True))
    hits = [part.hits for part in parts if part.hits is not None]
    return SliceQuality(
        *sums,
        histogram=merge_sparse([part.histogram for part in parts]),
        hits=sum(hits) if hits else None,
        errors=merge_errors([part.errors for part in parts if part.errors is not None]),
        weighted=_merged_weights([part.weighted for part in parts if part.weighted is not None]),
    )


def _merged_weights(parts: Sequence[Weighted]) -> Weighted | None:
    if not parts:
        return None
    squares = sum(part.square for part in parts), sum(part.labelled_square for part in parts)
    return Weighted(merge_slices([part.sums for part in parts]), *squares)


def _merged_night(parts: Sequence[NightQuality]) -> NightQuality:
    if len(parts) == 1:
        return parts[0]
    return NightQuality(
        missing=sum(part.missing for part in parts),
        impossible=sum(part.impossible for part in parts),
        strange_labels=sum(part.strange_labels for part in parts),
        overall=merge_slices([part.overall for part in parts] or [SliceQuality()]),
        calibration=merge_sparse([part.calibration for part in parts]),
        slices=_merged_by_key([part.slices for part in parts]),
        scores=merge_sparse([part.scores for part in parts]),
        strange_weights=sum(part.strange_weights for part in parts),
        classes=merge_counts([part.classes for part in parts if part.classes is not None]),
        errors=merge_tables([part.errors for part in parts if part.errors is not None]),
        entities=_merged_by_key([part.entities for part in parts]),
        ages=_merged_by_key([part.ages for part in parts]),
        label_age=max((part.label_age for part in parts if part.label_age is not None), default=None),
    )


def _merged_by_key(parts: Sequence[Sequence[tuple[K, SliceQuality]]]) -> tuple[tuple[K, SliceQuality], ...]:
    found: dict[K, list[SliceQuality]] = {}
    for part in parts:
        for key, quality in part:
            found.setdefault(key, []).append(quality)
    return tuple((key, merge_slices(found[key])) for key in sorted(found))


def merge_qualities(qualities: Sequence[Quality]) -> Quality:
    """The quality of all their rows; many at once is faster than one by one."""
    nights: dict[str, list[NightQuality]] = {}
    for quality in qualities:
        for night, part in quality.nights.items():
            nights.setdefault(night, []).append(part)
    return Quality({night: _merged_night(parts) for night, parts in nights.items()})
