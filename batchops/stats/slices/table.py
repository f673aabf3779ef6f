"""What was counted of every slice, as arrays: slices x nights, for all tasks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from operator import attrgetter, itemgetter

import numpy as np
from numpy.typing import NDArray

from batchops.stats.numbers.whole import UNIT, real
from batchops.stats.outcomes.regression import ErrorCells
from batchops.stats.outcomes.state import GROUPS, SUMS, NightQuality, Quality, ScoreCells, SliceKey, SliceQuality

__all__ = ["Entries", "SliceTable", "Sums", "entries", "slice_table"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Sums = Mapping[str, Floats]
"""By name, arrays of one shape."""

Reader = Callable[[Sequence[SliceQuality]], Floats]
"""The sums of many parts: a line a name, a column a part."""

COUNTED = ("known_rows", "every_row", "known_weight_square", "every_weight_square", "missed")
"""Beside the sums, which are by weight where rows have weights: how many rows, with a label and in all; the squares of
their weights; and positives that were not predicted."""

_sums = attrgetter(*SUMS, "correct")
_sums_alone = attrgetter(*SUMS)

ERRORS = (
    "n",
    "labelled",
    "prediction",
    "prediction_square",
    "label",
    "error",
    "error_square",
    "error_fourth",
    "absolute",
)


@dataclass(frozen=True, slots=True, eq=False)
class SliceTable:
    """Sums by slice and night.

    Attributes:
        keys: Slices, ordered.
        nights: ISO dates, ordered.
        sums: Slices x nights, under the names of `SliceQuality`'s fields, or of `ERRORS` for regression, and of
            `COUNTED`. Where rows have weights, those before the last are in their quanta.
        overall: Nights: over all rows.
        entities: Nights x groups of entities: over all rows; None where some night knows no entities.
        centre: Of regression: what was taken from labels and predictions before they were summed.
    """

    task: str
    keys: tuple[SliceKey, ...]
    nights: tuple[str, ...]
    sums: Sums
    overall: Sums
    centre: float = 0.0
    entities: Sums | None = None

    @property
    def labelled(self) -> bool:
        """Whether any row has a label."""
        return bool(self.overall["labelled"].any())

    @property
    def rows(self) -> Floats:
        """Labelled rows of each slice; all rows where none has a label."""
        return np.asarray(self.sums["known_rows" if self.labelled else "every_row"].sum(axis=1))

    @property
    def total(self) -> float:
        """The same of all rows."""
        return float(self.overall["known_rows" if self.labelled else "every_row"].sum())

    def at(self, places: Sequence[int]) -> SliceTable:
        """Some of the slices."""
        kept = {name: each[np.array(places, dtype=np.int64)] for name, each in self.sums.items()}
        return replace(self, keys=tuple(self.keys[at] for at in places), sums=kept)

    def rest(self) -> Sums:
        """Slices x nights: of all rows outside of each slice."""
        return {name: self.overall[name] - own for name, own in self.sums.items()}


def slice_table(quality: Quality, cells: ScoreCells) -> SliceTable:
    """The sums of all slices of a window.

    Args:
        cells: With which it was counted.
    """
    nights = tuple(sorted(quality.nights))
    keys = tuple(sorted({key for night in quality.nights.values() for key, _ in night.slices}))
    place = {key: number for number, key in enumerate(keys)}
    names, read = _reader(cells)
    sums, overall = np.zeros((len(names), len(keys), len(nights))), np.zeros((len(names), len(nights)))
    for column, name in enumerate(nights):
        night = quality.nights[name]
        overall[:, column] = read([night.overall])[:, 0]
        if night.slices:
            rows = [place[key] for key, _ in night.slices]
            sums[:, rows, column] = read([part for _, part in night.slices])
    return SliceTable(
        cells.task,
        keys,
        nights,
        dict(zip(names, sums, strict=True)),
        dict(zip(names, overall, strict=True)),
        cells.errors.centre if cells.errors is not None else 0.0,
        _entities([quality.nights[name] for name in nights], names, read),
    )


def _entities(nights: Sequence[NightQuality], names: Sequence[str], read: Reader) -> Sums | None:
    if not nights or any(night.overall.n and not night.entities for night in nights):
        return None
    sums = np.zeros((len(names), len(nights), GROUPS))
    for row, night in enumerate(nights):
        if night.entities:
            sums[:, row, [group for group, _ in night.entities]] = read([part for _, part in night.entities])
    return dict(zip(names, sums, strict=True))


def _reader(cells: ScoreCells) -> tuple[tuple[str, ...], Reader]:
    """The names of the sums, and how to read them from many parts: a line a name."""
    scale = cells.errors or ErrorCells()
    regression = cells.task == "regression"
    names = (*(ERRORS if regression else (*SUMS, "correct")), *COUNTED)

    def one(part: SliceQuality) -> Sequence[float]:
        weighted = part.weighted
        sums = part if weighted is None else weighted.sums
        squares = (part.labelled, part.n) if weighted is None else (weighted.labelled_square, weighted.square)
        own = _errors(sums, scale) if regression else _sums(sums)
        return (*own, part.labelled, part.n, *squares, part.positives - part.true_positives)

    def read(parts: Sequence[SliceQuality]) -> Floats:
        if cells.task == "binary" and cells.weight is None:
            return _plain(parts)
        return np.array([one(part) for part in parts], dtype=np.float64).T

    return names, read


def _plain(parts: Sequence[SliceQuality]) -> Floats:
    """The same of many parts of two classes without weights, at the speed of C: there may be 300,000 in a window."""
    width = len(SUMS)
    raw = np.fromiter(chain.from_iterable(map(_sums_alone, parts)), np.float64, len(parts) * width)
    lines = raw.reshape(len(parts), width).T
    n, labelled, positives, right, wrong = (
        lines[SUMS.index(name)] for name in ("n", "labelled", "positives", "true_positives", "false_positives")
    )
    correct = right + labelled - positives - wrong
    return np.vstack([lines, correct, labelled, n, labelled, n, positives - right])


def _errors(part: SliceQuality, scale: ErrorCells) -> Sequence[float]:
    """In the label's unit; labels and predictions less the centre."""
    sums = part.errors
    if sums is None:
        return (part.n, part.labelled, *(0.0,) * (len(ERRORS) - 2))
    step = 1 / UNIT
    return (
        part.n,
        part.labelled,
        real(sums.prediction, scale.label_exponent) * step,
        real(sums.prediction_square, 2 * scale.label_exponent) * step,
        sums.moment(0, 1, scale),
        *(sums.moment(power, 0, scale) for power in (1, 2, 4)),
        sums.absolute_sum(scale),
    )


@dataclass(frozen=True, slots=True, eq=False)
class Entries:
    """The occupied cells of the histograms of all slices and nights, one below the other.

    Attributes:
        slice, night, cell: Numbers.
        negatives, positives: Rows, or their weights.
    """

    slice: Integers
    night: Integers
    cell: Integers
    negatives: Floats
    positives: Floats


def entries(quality: Quality, table: SliceTable) -> Entries:
    """All histograms of a window's slices."""
    place = {key: number for number, key in enumerate(table.keys)}
    parts = [quality.nights[night].slices for night in table.nights]
    held = [(part if part.weighted is None else part.weighted.sums).histogram for night in parts for _, part in night]
    cells_of = [histogram.cells for histogram in held]
    sizes = np.fromiter(map(len, cells_of), np.int64, len(held))
    places = np.array([place[key] for night in parts for key, _ in night], dtype=np.int64)
    nights = np.repeat(np.arange(len(parts)), [len(night) for night in parts])
    total = int(sizes.sum())
    values = [histogram.values for histogram in held if histogram.cells]
    negatives, positives = (
        np.fromiter(chain.from_iterable(map(itemgetter(side), values)), np.float64, total) for side in (0, 1)
    )
    cells = np.fromiter(chain.from_iterable(cells_of), np.int64, total)
    return Entries(np.repeat(places, sizes), np.repeat(nights, sizes), cells, negatives, positives)
