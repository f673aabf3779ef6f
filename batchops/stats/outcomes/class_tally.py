"""Count rows of more than two classes: who was taken for whom, and what the scores of each class were."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from batchops.stats.numbers.placing import cell_of
from batchops.stats.numbers.sparse import Integers, Sparse
from batchops.stats.numbers.whole import UNIT, group_sums
from batchops.stats.outcomes.classes import ClassCounts
from batchops.stats.outcomes.counting import Line, Lines
from batchops.stats.outcomes.grouping import NO_HISTOGRAMS, Histograms, Slice, Table, by_slice
from batchops.stats.outcomes.moves import class_moves
from batchops.stats.outcomes.state import ENTITY, LOSS, SCORE, SQUARE, NightQuality, ScoreCells, SliceQuality, Weighted

__all__ = ["tally_classes"]

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

MOST = 64
"""Of more classes it is not kept by group of entities who was taken for whom."""


@dataclass(frozen=True, slots=True)
class _Rows:
    """Rows with a class that was decided; labels are those of labelled rows alone.

    Attributes:
        scores: A line a class; None where there are none.
        decided, label: Places among the classes.
    """

    scores: Floats | None
    decided: Integers
    held: Bools
    label: Integers
    weights: Integers | None

    def of_labelled(self, lines: Floats) -> Floats:
        """Of lines of numbers, those of labelled rows; where all are, no copy."""
        return lines if self.held.all() else lines[:, self.held]


def tally_classes(
    frame: pl.DataFrame, slices: Sequence[Slice], cells: ScoreCells, weights: Integers | None
) -> NightQuality:
    """Count the rows of one night; a label that is none of the classes is strange, a decision impossible."""
    names = [f"score_{name}" for name in cells.classes]
    scores = _scores(frame, names) if cells.class_edges and set(names) <= set(frame.columns) else None
    absent: Bools = np.zeros(frame.height, dtype=np.bool_)
    possible: Bools = ~absent
    if scores is not None:
        absent = np.asarray(np.isnan(scores).any(axis=0))
        possible = np.asarray(((scores >= 0) & (scores <= 1)).all(axis=0))
    if "prediction" in frame.columns and (cells.decided or scores is None):
        decided = _places(frame["prediction"], cells.classes)
        absent = absent | frame["prediction"].is_null().to_numpy()
        possible = possible & (decided >= 0)
    elif scores is not None:
        decided = np.argmax(scores, axis=0)
    else:
        return NightQuality(missing=frame.height)
    label, strange = np.full(frame.height, -1), 0
    if "label" in frame.columns and frame["label"].dtype != pl.Null:
        label = _places(frame["label"], cells.classes)
        strange = int(((label < 0) & frame["label"].is_not_null().to_numpy()).sum())
    missing = int(absent.sum())
    apart = missing, frame.height - missing - int(possible.sum()), strange
    if not possible.all():
        frame, decided, label = frame.filter(possible), decided[possible], label[possible]
        scores = None if scores is None else scores[:, possible]
        weights = None if weights is None else weights[possible]
    held = label >= 0
    return _night(frame, slices, cells, (_Rows(scores, decided, held, label[held], weights), apart))


def _scores(frame: pl.DataFrame, names: Sequence[str]) -> Floats:
    columns = [frame[name].cast(pl.Float64).fill_null(np.nan).to_numpy() for name in names]
    return np.stack(columns)


def _places(series: pl.Series, classes: Sequence[str]) -> Integers:
    """Of each value among the classes; -1 where it is none of them."""
    kind = pl.Enum(classes)
    physical = series.cast(pl.String).cast(kind, strict=False).to_physical().cast(pl.Int64)
    return physical.fill_null(-1).to_numpy()


def _night(
    frame: pl.DataFrame,
    slices: Sequence[Slice],
    cells: ScoreCells,
    counted: tuple[_Rows, tuple[int, int, int]],
) -> NightQuality:
    rows, apart = counted
    lines = _lines(rows, len(cells.classes))
    overall = lines.total().tolist()
    classes, moved = _counts(rows, cells)
    found = {}
    for table in by_slice(frame, slices, lines.count):
        kept = table.keys[0][0][0] == ENTITY and len(cells.classes) <= MOST
        own = _margins(table, rows, len(cells.classes), moved) if kept else {}
        for key, group, line in zip(table.keys, table.groups.tolist(), table.sums.T.tolist(), strict=True):
            found[key] = _sums(lines.names, line, own.get(group, NO_HISTOGRAMS))
    return NightQuality(
        *apart,
        overall=_sums(lines.names, overall, NO_HISTOGRAMS),
        slices=tuple((key, found[key]) for key in sorted(found)),
        classes=classes,
    )


def _lines(rows: _Rows, classes: int) -> Lines:
    right = (rows.decided[rows.held] == rows.label).astype(np.float64)
    every, labelled = {"n": Line()}, {"labelled": Line(), "hits": Line(right)}
    if rows.scores is None:
        every["unscored"] = labelled["unscored_labelled"] = Line()
        return Lines(every, labelled, rows.held, rows.weights)
    scores = rows.of_labelled(rows.scores)
    own = np.take_along_axis(scores, rows.label[None, :], axis=0)[0]
    epsilon = np.finfo(np.float64).eps
    loss = -np.log(np.clip(own, epsilon, 1 - epsilon))
    # Squared distance of the scores from the truth; scikit-learn halves it where there are two classes.
    error = np.maximum((scores**2).sum(axis=0) - 2 * own + 1, 0.0) * (0.5 if classes == 2 else 1.0)
    labelled |= {
        "brier": Line(np.rint(error * SCORE)),
        "brier_square": Line(np.rint(error * error * SCORE)),
        "log_loss": Line(np.rint(loss * LOSS)),
        "log_loss_square": Line(np.rint(loss * loss * SQUARE)),
    }
    return Lines(every, labelled, rows.held, rows.weights)


def _margins(table: Table, rows: _Rows, classes: int, moved: Floats | None) -> Mapping[int, Histograms]:
    """For each group of entities, by class: rows rightly taken for it, that are it, taken for it; and their weights.

    Args:
        moved: What labelled rows move the area by, added up beside them; None where it is not known.
    """
    size, group = int(table.codes.max()) + 1, table.codes[rows.held].astype(np.int64) * classes
    decided, weights = rows.decided[rows.held], None if rows.weights is None else rows.weights[rows.held]
    right = decided == rows.label

    def tables(by: Integers | None) -> list[Sparse]:
        every = np.ones(len(right), dtype=np.bool_)
        kinds = ((rows.label, right), (rows.label, every), (decided, every))
        lines = [
            Line().sums((group + place)[kept], size * classes, None if by is None else by[kept])
            for place, kept in kinds
        ]
        if moved is not None:
            lines.append(Line(moved).sums(group + rows.label, size * classes, by))
        return [Sparse.of(*each) for each in np.stack(lines).reshape(len(lines), size, classes).swapaxes(0, 1)]

    return table.histograms(tables, weights)


def _sums(names: Sequence[str], line: Sequence[Any], histograms: Histograms) -> SliceQuality:
    width = len(names)
    plain = dict(zip(names, line[:width], strict=True))
    if len(line) == width:
        return SliceQuality(**plain, histogram=histograms[0])
    heavy = SliceQuality(**dict(zip(names, line[width:-2], strict=True)), histogram=histograms[1])
    return SliceQuality(**plain, histogram=histograms[0], weighted=Weighted(heavy, *line[-2:]))


def _counts(rows: _Rows, cells: ScoreCells) -> tuple[ClassCounts, Floats | None]:
    """All of the night's classes, and what each labelled row moves the mean of their areas by, where that is known."""
    classes = len(cells.classes)
    weights = None if rows.weights is None else rows.weights[rows.held]
    pair = rows.label * classes + rows.decided[rows.held]
    confusion = [np.bincount(pair, minlength=classes**2)]
    if weights is not None:
        confusion.append(group_sums(pair, classes**2, weights))
    predicted = Sparse.of(np.bincount(rows.decided, minlength=classes))
    moved = np.zeros(len(rows.label)) if cells.class_rows.cells else None
    if rows.scores is None:
        return ClassCounts(Sparse.of(*confusion), predicted=predicted), moved
    units = np.rint(rows.scores * SCORE)
    expected = np.stack([group_sums(rows.decided, classes, line) for line in units], axis=1)
    scores = rows.of_labelled(rows.scores), rows.of_labelled(units)
    histogram, moved = _histogram(rows.label, cells, scores, weights)
    counts = ClassCounts(Sparse.of(*confusion), histogram, Sparse.of(expected.ravel()), predicted)
    counts = replace(counts, unlabelled=_unlabelled(rows, cells), moves=_moves(rows.label, moved, classes, weights))
    return counts, moved


def _moves(label: Integers, moved: Floats | None, classes: int, weights: Integers | None) -> Sparse:
    if moved is None:
        return Sparse()
    square = moved * moved
    square /= UNIT
    columns = (moved, np.rint(square, out=square))
    kinds = (None,) if weights is None else (None, weights)
    return Sparse.of(*(group_sums(label, classes, column, by) for by in kinds for column in columns))


def _histogram(
    label: Integers, cells: ScoreCells, scores: tuple[Floats, Floats], weights: Integers | None
) -> tuple[Sparse, Floats | None]:
    """By class and cell of its score, and what each row moves the mean of their areas by.

    Args:
        scores: A line a class, and the same in 1 / SCORE.
    """
    tables, moves = [], class_moves(cells)
    moved = np.zeros(len(label)) if moves else None
    for place, (edges, score, units) in enumerate(zip(cells.class_edges, *scores, strict=True)):
        size = len(edges) + 1
        cell = cell_of(score, np.array(edges))
        both = cell * 2 + (label == place)
        if moved is not None:
            moved += moves[place][both]
        counts = np.bincount(both, minlength=2 * size).reshape(size, 2)
        lines = [counts[:, 0], counts[:, 1], group_sums(cell, size, units)]
        if weights is not None:
            lines += list(group_sums(both, 2 * size, weights).reshape(size, 2).T)
        tables.append(np.stack(lines))
    return Sparse.of(*np.concatenate(tables, axis=1)), moved


def _unlabelled(rows: _Rows, cells: ScoreCells) -> Sparse:
    assert rows.scores is not None
    if rows.held.all():
        return Sparse()
    tables = []
    for scores, edges in zip(rows.scores, cells.class_edges, strict=True):
        score, size = scores[~rows.held], len(edges) + 1
        cell = cell_of(score, np.array(edges))
        tables.append(np.stack([group_sums(cell, size, None), group_sums(cell, size, np.rint(score * SCORE))]))
    return Sparse.of(*np.concatenate(tables, axis=1))
