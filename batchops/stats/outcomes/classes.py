"""More than two classes: what is counted of them, and the metrics that follow from who was taken for whom."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from batchops.stats.numbers.sparse import Sparse, merge_sparse

__all__ = ["FROM_MARGINS", "ClassCounts", "Margins", "merge_counts", "per_class", "variance_by_pairs"]

Floats = NDArray[np.float64]

STEP = 1e-4
"""Part of a row by which margins are moved to see how a metric answers."""


@dataclass(frozen=True, slots=True)
class ClassCounts:
    """A night's classes; a commutative monoid of whole numbers.

    Numbers of cells: of a pair, first * K + second; of a class's score, after those of all classes before it.

    Attributes:
        confusion: By (true class, predicted class): labelled rows; then their weight, if rows have one.
        histogram: By class and cell of its score: labelled rows of other classes, rows of the class, sum of the score
            in 1 / SCORE; then the weights of the first two.
        expected: By (predicted class, class), over all rows: sum of the class's score in 1 / SCORE.
        predicted: By class, over all rows: rows for which it was predicted.
        unlabelled: By class and cell of its score, over rows without a label: rows, and sum of the score in 1 / SCORE.
        moves: By true class, over labelled rows with scores: sums of what `class_moves` adds up for a row, and of its
            square in 1 / UNIT; then the same by weight. Empty where the reference had no labels.
    """

    confusion: Sparse = field(default_factory=Sparse)
    histogram: Sparse = field(default_factory=Sparse)
    expected: Sparse = field(default_factory=Sparse)
    predicted: Sparse = field(default_factory=Sparse)
    unlabelled: Sparse = field(default_factory=Sparse)
    moves: Sparse = field(default_factory=Sparse)

    def __add__(self, other: ClassCounts) -> ClassCounts:
        return merge_counts((self, other)) or self


def merge_counts(parts: Sequence[ClassCounts]) -> ClassCounts | None:
    """The sum of many; None of none."""
    if len(parts) <= 1:
        return parts[0] if parts else None
    return ClassCounts(
        merge_sparse([part.confusion for part in parts]),
        merge_sparse([part.histogram for part in parts]),
        merge_sparse([part.expected for part in parts]),
        merge_sparse([part.predicted for part in parts]),
        merge_sparse([part.unlabelled for part in parts]),
        merge_sparse([part.moves for part in parts]),
    )


@dataclass(frozen=True, slots=True, eq=False)
class Margins:
    """All of a confusion matrix that the metrics here need; classes along the last axis.

    Attributes:
        right: Rows of the class for which it was predicted.
        true: Rows of the class.
        predicted: Rows for which it was predicted.
    """

    right: Floats
    true: Floats
    predicted: Floats

    @classmethod
    def of(cls, confusion: Floats) -> Margins:
        """Of matrices with a line for each true class and a column for each predicted one."""
        return cls(np.diagonal(confusion, axis1=-2, axis2=-1), confusion.sum(axis=-1), confusion.sum(axis=-2))

    def without(self, part: Margins) -> Margins:
        """The margins of all other rows."""
        return Margins(self.right - part.right, self.true - part.true, self.predicted - part.predicted)

    @property
    def varied(self) -> bool:
        """Whether more than one class was true, and more than one predicted, of a single matrix."""
        return all(np.count_nonzero(each > 0) > 1 for each in (self.true, self.predicted))

    def total(self) -> Margins:
        """The sum over the first axis."""
        return Margins(self.right.sum(axis=0), self.true.sum(axis=0), self.predicted.sum(axis=0))


def _share(above: Floats, below: Floats) -> Floats:
    """One over the other, 0 where there is nothing below, as scikit-learn has it."""
    return np.divide(above, below, out=np.zeros(np.broadcast(above, below).shape), where=below > 0)


def per_class(margins: Margins) -> Mapping[str, tuple[Floats, Floats]]:
    """Of precision, recall and F1: what is divided, and by what, for each class."""
    return {
        "precision": (margins.right, margins.predicted),
        "recall": (margins.right, margins.true),
        "f1": (2 * margins.right, margins.true + margins.predicted),
    }


def _mean(name: str, weighted: bool) -> Callable[[Margins], Floats]:
    """The mean over classes that occur or are predicted, or the mean weighted by how often they occur."""

    def figure(margins: Margins) -> Floats:
        values = _share(*per_class(margins)[name])
        weights = margins.true if weighted else (margins.true + margins.predicted > 0).astype(np.float64)
        return _share((weights * values).sum(axis=-1), weights.sum(axis=-1))

    return figure


def _accuracy(margins: Margins) -> Floats:
    return _share(margins.right.sum(axis=-1), margins.true.sum(axis=-1))


def _balanced_accuracy(margins: Margins) -> Floats:
    """The mean recall of the classes that occur."""
    held = margins.true > 0
    return _share(_share(margins.right, margins.true).sum(axis=-1), held.sum(axis=-1).astype(np.float64))


def _matthews(margins: Margins) -> Floats:
    """Correlation of true and predicted class (Gorodkin, 2004); 0 where one of them never changes."""
    n = margins.true.sum(axis=-1)
    both = margins.right.sum(axis=-1) * n - (margins.true * margins.predicted).sum(axis=-1)
    true, predicted = (n**2 - (each**2).sum(axis=-1) for each in (margins.true, margins.predicted))
    return _share(both, np.sqrt(np.maximum(true, 0.0) * np.maximum(predicted, 0.0)))


def _kappa(margins: Margins) -> Floats:
    """Agreement beyond that of chance (Cohen, 1960); not a number where chance alone would agree always."""
    n = margins.true.sum(axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        agreed = margins.right.sum(axis=-1) / n
        chance = (margins.true * margins.predicted).sum(axis=-1) / n**2
        return np.asarray((agreed - chance) / (1 - chance))


FROM_MARGINS: Mapping[str, Callable[[Margins], Floats]] = MappingProxyType(
    {
        "accuracy": _accuracy,
        "balanced_accuracy": _balanced_accuracy,
        "precision_macro": _mean("precision", weighted=False),
        "recall_macro": _mean("recall", weighted=False),
        "f1_macro": _mean("f1", weighted=False),
        "precision_weighted": _mean("precision", weighted=True),
        "recall_weighted": _mean("recall", weighted=True),
        "f1_weighted": _mean("f1", weighted=True),
        "matthews_corrcoef": _matthews,
        "cohen_kappa": _kappa,
    }
)
"""scikit-learn's, with 0 where a class is never predicted; ``cohen_kappa`` is its cohen_kappa_score."""


def variance_by_pairs(figure: Callable[[Margins], Floats], confusion: Floats) -> float:
    """Variance of a metric over independent rows, by the delta method on the multinomial of (true, predicted) pairs.

    The variance of a figure of counts is sum count_c d_c^2 - (sum count_c d_c)^2 / n, d_c being how it answers to one
    more row of pair c (Agresti, Categorical Data Analysis, 2013, 16.1); the answers are taken numerically.
    """
    whole = Margins.of(confusion)
    classes = len(whole.true)
    steps, still = STEP * np.eye(classes), np.zeros((classes, classes))

    def answers(right: Floats, true: Floats, predicted: Floats) -> Floats:
        up = Margins(whole.right + right, whole.true + true, whole.predicted + predicted)
        down = Margins(whole.right - right, whole.true - true, whole.predicted - predicted)
        return np.asarray((figure(up) - figure(down)) / (2 * STEP))

    right = answers(steps, still, still)
    true, predicted = answers(still, steps, still), answers(still, still, steps)
    answer = true[:, None] + predicted[None, :] + np.diag(right)
    n, held = confusion.sum(), confusion > 0
    change = np.where(held, answer, 0.0)
    with np.errstate(invalid="ignore", over="ignore"):
        return float((confusion * change**2).sum() - (confusion * change).sum() ** 2 / n)
