"""The mean over more than two classes of the area under the ROC curve of each against the rest."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from batchops.stats.numbers.smooth import LOGIT, Shape, Smooth
from batchops.stats.numbers.whole import UNIT
from batchops.stats.outcomes.classes import ClassCounts, Margins
from batchops.stats.outcomes.moves import class_moves
from batchops.stats.outcomes.state import ScoreCells
from batchops.stats.quality.curves import area, area_shape, area_variance
from batchops.stats.quality.ratios import judged
from batchops.stats.quality.window import Window, left_out

__all__ = ["mean_area"]

Floats = NDArray[np.float64]
Sides = tuple[Floats, Floats]
"""Of one class: rows of others, and its own, nights x cells."""

MOVES = 3
"""Measure of a group of entities' histogram that holds what its rows move the mean of the areas by."""


@dataclass(frozen=True, slots=True, eq=False)
class _Area:
    """The area of a class.

    Attributes:
        error: What counting in cells may hide of it.
        without: What it is without each night.
        seen: Its variance over independent rows, DeLong's.
        shape: How it varies where the truth is another one.
    """

    value: float
    error: float
    without: Floats
    seen: float
    shape: Shape

    @property
    def expected(self) -> float:
        """Its variance, as few rows may have varied too little by luck."""
        return self.shape.variance(self.value) * self.shape.scale(self.value, self.seen)


@dataclass(frozen=True, slots=True, eq=False)
class _Together:
    """What rows move the mean of the areas by, in the reference's unit; see `class_moves`.

    Attributes:
        centre: By true class: what a row of it does on average, were areas and ranks the reference's: taken off.
        variance: Of what a row does.
        likeness: The mean correlation of two classes' areas.
    """

    centre: Floats
    variance: float
    likeness: float


def mean_area(window: Window, cells: ScoreCells, by_entity: Margins | None) -> Smooth:
    """The mean of the areas of each class against the rest, of classes that some rows are and others are not.

    Its variance over independent rows has that of each area, as of two classes, and their correlation from what rows
    move. Where that was not counted, as the reference had no labels, the areas are taken to vary as one: the interval
    of a single cross-section is too wide rather than too narrow, and the nights of a reference may show by how much.

    Args:
        by_entity: Nights x groups of entities x classes, where they are known of all rows.
    """
    rows = int(judged(window.rows).sum())
    if not rows or not cells.class_edges:
        return Smooth(None)
    sides = _sides(window, cells)
    held = [(others, own) for others, own in sides if others.any() and own.any()]
    if not held:
        return Smooth(None)
    areas, together = [_of_class(pair) for pair in held], _together(window, cells, sides)
    figure = Smooth(
        float(np.mean([each.value for each in areas])),
        rows,
        np.mean([each.without for each in areas], axis=0),
        _mean_variance([each.seen for each in areas], 1.0) if rows > 1 else None,
        float(np.mean([each.error for each in areas])),
        at_most=True,
    )
    if together is None:
        return figure
    figure = _as_they_vary(figure, areas, together.likeness)
    return figure if by_entity is None else _with_entities(figure, window, by_entity, together)


def _as_they_vary(figure: Smooth, areas: Sequence[_Area], likeness: float) -> Smooth:
    def variance(true: float) -> float:
        """Were all areas this."""
        return _mean_variance([each.shape.variance(true) for each in areas], likeness)

    return replace(
        figure,
        variance=_mean_variance([each.expected for each in areas], likeness),
        link=LOGIT,
        shape=Shape(variance, min(each.shape.rows for each in areas)),
        at_most=False,
    )


def _counts(window: Window) -> list[ClassCounts]:
    """Of the nights that have labels."""
    return [window.nights[place].classes or ClassCounts() for place in window.labelled]


def _sides(window: Window, cells: ScoreCells) -> list[Sides]:
    tables = [counts.histogram for counts in _counts(window)]
    sizes = [len(edges) + 1 for edges in cells.class_edges]
    # Weights are kept of the first two of three measures.
    first = 3 if any(len(table.values) > 3 for table in tables) else 0
    others, own = (
        window.factor * np.stack([table.floats(sum(sizes), first + side) for table in tables]) for side in range(2)
    )
    return [(others[:, start:stop], own[:, start:stop]) for start, stop in pairwise(np.cumsum([0, *sizes]).tolist())]


def _of_class(sides: Sides) -> _Area:
    negatives, positives = (side.sum(axis=0) for side in sides)
    value, error = area(negatives, positives)
    # Weights leave rounding behind where a night held all rows of a cell.
    left = (np.maximum(whole - side, 0.0) for whole, side in zip((negatives, positives), sides, strict=True))
    n, m = float(negatives.sum()), float(positives.sum())
    shape, seen = Shape(area_shape(n, m), min(n, m)), area_variance(negatives, positives) or 0.0
    return _Area(float(value), float(error), area(*left)[0], seen, shape)


def _together(window: Window, cells: ScoreCells, sides: Sequence[Sides]) -> _Together | None:
    """None where it was not counted, or no class varies."""
    moves, tables = class_moves(cells), [counts.moves for counts in _counts(window)]
    if not moves or not any(table.cells for table in tables):
        return None
    own, others, spreads, rows = np.array([_moved(each, *pair) for each, pair in zip(moves, sides, strict=True)]).T
    sums, squares = window.measures(tables, len(moves), 2).sum(axis=0)
    centre, n = own + others.sum() - others, rows.sum()
    variance = max(float((squares * UNIT - 2 * centre * sums + centre**2 * rows).sum()) / n, 0.0)
    alone = float((spreads**2).sum())
    pairs = float(spreads.sum()) ** 2 - alone
    if not n or not variance or not pairs > 0:
        return None
    return _Together(centre, variance, min(max((variance - alone) / pairs, -1.0), 1.0))


def _moved(moves: Floats, others: Floats, own: Floats) -> tuple[float, float, float, float]:
    """What a class's own rows move its area by on average, and others; its deviation; and its rows."""
    means, variance = [], 0.0
    parts = [side.sum(axis=0) for side in (others, own)]
    for side, part in enumerate(parts):
        at, n = moves[side::2], float(part.sum())
        means.append(float((part * at).sum()) / n if n else 0.0)
        variance += float((part * (at - means[-1]) ** 2).sum())
    every = sum(float(part.sum()) for part in parts)
    return means[1], means[0], math.sqrt(variance / every) if every else 0.0, float(parts[1].sum())


def _mean_variance(variances: Sequence[float], likeness: float) -> float:
    """Of the mean of figures of which any two have so large a correlation on average."""
    alone, one = sum(variances), sum(map(math.sqrt, variances)) ** 2
    return max(alone + likeness * (one - alone), 0.0) / len(variances) ** 2


def _with_entities(figure: Smooth, window: Window, by_entity: Margins, together: _Together) -> Smooth:
    """With what the area is about without each group of entities: less what its rows move it by.

    What rows move it by is brought from the reference's scale to that of the window's own variance.
    """
    assert window.entities is not None
    assert figure.value is not None
    parts = [[part.histogram for part in line] for line in window.entities.parts]
    known = all(len(part.values) > MOVES or not part.cells for line in parts for part in line)
    if not known or window.rows["unscored_labelled"].any() or not figure.variance:
        return figure
    classes = len(together.centre)
    sums = window.factor * np.array([[part.floats(classes, MOVES).sum() for part in line] for line in parts])
    moved = sums - (by_entity.true * together.centre).sum(axis=-1)
    scale = math.sqrt(figure.n * figure.variance / together.variance)
    left = left_out(np.stack([moved, by_entity.true.sum(axis=-1)], axis=-1))
    with np.errstate(divide="ignore", invalid="ignore"):
        groups, by_night = (figure.value + scale * each[:, 0] / each[:, 1] for each in left)
    return replace(figure, groups=groups, cells=by_night)
