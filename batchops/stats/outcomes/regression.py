"""Predicted numbers: on which scale their errors are counted, and what is kept of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, fields

import numpy as np
from numpy.typing import NDArray

from batchops.stats.numbers.sparse import Sparse, merge_sparse
from batchops.stats.numbers.whole import real

__all__ = [
    "LARGEST",
    "MOMENTS",
    "ErrorCells",
    "ErrorSums",
    "ErrorTables",
    "lay_out_errors",
    "merge_errors",
    "merge_tables",
]

Floats = NDArray[np.float64]

CELLS = 512
PREDICTIONS = 1_024
HALVINGS, DOUBLINGS = 20, 40

LARGEST = float(np.finfo(np.float64).max)
"""What stands for errors that no float can hold."""

MOMENTS = tuple((power, order - power) for order in range(1, 5) for power in range(order, -1, -1))
"""(i, j) of the sums of error^i label^j that are kept, up to the fourth order: 14 of them."""


@dataclass(frozen=True, slots=True)
class ErrorCells:
    """How numbers and their errors are counted; fixed by the reference. error = prediction - label.

    Attributes:
        centre: Median label of the reference; labels and predictions are summed as their distance from it.
        label_exponent, error_exponent: Scales of labels and of errors, as powers of two.
        edges: Of the cells of the absolute error; cell i holds those from ``edges[i - 1]`` up to, not including,
            ``edges[i]``.
        predictions: The same of the prediction.
    """

    centre: float = 0.0
    label_exponent: int = 0
    error_exponent: int = 0
    edges: tuple[float, ...] = ()
    predictions: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True)
class ErrorSums:
    """Sums over rows, in whole multiples of 1 / `UNIT` of the scale; a commutative monoid.

    Errors are in 2^error_exponent, labels and predictions less the centre in 2^label_exponent of `ErrorCells`, their
    products in the product of both. A row far from the scale keeps 30 bits of its own, so a sum may have any size.

    Attributes:
        prediction, prediction_square: Over all rows with a prediction; what follows is over labelled ones.
        moments: Sums of error^i label^j, in the order of `MOMENTS`.
        absolute: Of the absolute error.
        label_absolute: Of the label's distance from the centre.
        relative, relative_square: Of |error / label| and its square, without scale, over ``relative_rows`` whose label
            is not 0.
        largest: The largest absolute error, as it is, but at most `LARGEST`; of slices it is not kept.
    """

    prediction: int = 0
    prediction_square: int = 0
    moments: tuple[int, ...] = (0,) * len(MOMENTS)
    absolute: int = 0
    label_absolute: int = 0
    relative_rows: int = 0
    relative: int = 0
    relative_square: int = 0
    largest: float = 0.0

    def __add__(self, other: ErrorSums) -> ErrorSums:
        return merge_errors((self, other)) or self

    def moment(self, power: int, label_power: int, cells: ErrorCells) -> float:
        """The sum of error^power (label - centre)^label_power, in the label's unit; infinite where too large."""
        exponent = power * cells.error_exponent + label_power * cells.label_exponent
        return real(self.moments[MOMENTS.index((power, label_power))], exponent - 30)

    def absolute_sum(self, cells: ErrorCells) -> float:
        """The sum of the absolute error, in the label's unit."""
        return real(self.absolute, cells.error_exponent - 30)


_WHOLE = tuple(each.name for each in fields(ErrorSums) if each.name not in ("moments", "largest"))


def merge_errors(parts: Sequence[ErrorSums]) -> ErrorSums | None:
    """The sum of many; None of none."""
    if len(parts) <= 1:
        return parts[0] if parts else None
    return ErrorSums(
        moments=tuple(map(sum, zip(*(part.moments for part in parts), strict=True))),
        largest=max(part.largest for part in parts),
        **{name: sum(getattr(part, name) for part in parts) for name in _WHOLE},
    )


@dataclass(frozen=True, slots=True)
class ErrorTables:
    """A night's errors by cell; a commutative monoid of whole numbers.

    Attributes:
        histogram: By cell of the absolute error: rows predicted too low, and the others; then their weights, if rows
            have one.
        predictions: By cell of the prediction: labelled rows, and sums of the error, of its absolute value and of its
            square, as in `ErrorSums`.
    """

    histogram: Sparse = field(default_factory=Sparse)
    predictions: Sparse = field(default_factory=Sparse)

    def __add__(self, other: ErrorTables) -> ErrorTables:
        return merge_tables((self, other)) or self


def merge_tables(parts: Sequence[ErrorTables]) -> ErrorTables | None:
    """The sum of many; None of none."""
    if len(parts) <= 1:
        return parts[0] if parts else None
    return ErrorTables(
        merge_sparse([part.histogram for part in parts]), merge_sparse([part.predictions for part in parts])
    )


def lay_out_errors(predictions: Floats, labels: Floats) -> ErrorCells:
    """Lay out scale and cells over the reference's rows.

    Args:
        predictions, labels: As many numbers; where one of two is not finite, the row says nothing of the error.
    """
    predicted = np.sort(predictions[np.isfinite(predictions)])
    both = np.isfinite(predictions) & np.isfinite(labels)
    known = np.sort(labels[both]) if both.any() else predicted
    if not len(known):
        return ErrorCells()
    centre = float(known[(len(known) - 1) // 2])
    label_exponent = _exponent(known / 2 - centre / 2) + 1
    half = np.abs(predictions[both] / 2 - labels[both] / 2)
    error_exponent = _exponent(half) + 1 if half.any() else label_exponent - 20 * int(both.any())
    return ErrorCells(
        centre,
        label_exponent,
        max(error_exponent, -1_000),
        _error_edges(np.sort(half[half < 2.0**1_020]) * 2, error_exponent),
        tuple(_quantiles(predicted, PREDICTIONS).tolist()),
    )


def _exponent(halves: Floats) -> int:
    """The power of two above 99 % of the absolute values, or above all where most are 0."""
    sizes = np.abs(halves)
    typical = float(np.quantile(sizes, 0.99, method="inverted_cdf")) or float(sizes.max(initial=0.0))
    return max(math.frexp(typical)[1], -1_000) if typical else 0


def _quantiles(values: Floats, cells: int) -> Floats:
    """Edges at the quantiles of sorted values; one that is many quantiles at once has a cell of its own."""
    if not len(values):
        return values
    inner = np.quantile(values, np.arange(cells + 1) / cells, method="inverted_cdf")
    often = np.nextafter(inner[1:][inner[1:] == inner[:-1]], np.inf)
    edges = np.unique(np.concatenate([inner, often]))
    return np.asarray(edges[np.isfinite(edges)])


def _error_edges(sizes: Floats, exponent: int) -> tuple[float, ...]:
    inner = _quantiles(sizes, CELLS)
    middle = inner[inner > 0]
    least, most = (float(middle[0]), float(middle[-1])) if len(middle) else (2.0**exponent,) * 2
    with np.errstate(over="ignore"):
        outer = np.concatenate(
            [least * 2.0 ** -np.arange(1, HALVINGS), most * 2.0 ** np.arange(1, DOUBLINGS), [np.nextafter(0.0, 1.0)]]
        )
    edges = np.unique(np.concatenate([inner, outer]))
    return tuple(edges[(edges > 0) & np.isfinite(edges)].tolist())
