"""Count a frame's scores, decisions and labels, over all rows and by slice, in one pass."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from batchops.stats.numbers.placing import cell_of
from batchops.stats.numbers.sparse import Integers, Sparse
from batchops.stats.numbers.whole import Whole, group_sums, weights_of
from batchops.stats.outcomes.class_tally import tally_classes
from batchops.stats.outcomes.counting import Line, Lines
from batchops.stats.outcomes.error_tally import tally_errors
from batchops.stats.outcomes.grouping import JOINT, MISSING, NO_HISTOGRAMS, Histograms, Slice, by_slice
from batchops.stats.outcomes.state import (
    AGE,
    AGE_EDGES,
    ENTITY,
    LOSS,
    SCORE,
    SQUARE,
    NightQuality,
    Quality,
    ScoreCells,
    SliceQuality,
    Weighted,
    merge_qualities,
)

__all__ = ["MISSING", "WIDE", "tally_quality"]

BATCH = 2**20
"""Rows whose sums stay whole in a float."""

CLASS_BATCH = 2**22
"""Scores of many classes that are held at once."""

WIDE = 8
"""Cells of a slice's histogram (of regression, of the absolute error) that are one cell of a group of entities."""

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class _Rows:
    """Rows with a possible score or decision; those with a label come a second time, alone.

    Attributes:
        score: None where there is none.
        chosen: Decided to be positive.
    """

    score: Floats | None
    chosen: Bools
    held: Bools
    label: Bools
    weights: Integers | None

    @property
    def labelled_score(self) -> Floats:
        """Of the rows with a label; there must be scores."""
        assert self.score is not None
        return self.score[self.held]


def tally_quality(frame: pl.DataFrame, night: str, slices: Sequence[Slice], cells: ScoreCells) -> Quality:
    """Count the rows of one night.

    Args:
        frame: ``label``, null where unknown, if there are labels; ``weight``, if ``cells`` have a quantum for it; a
            column for each dimension that a slice names, null counting as `MISSING`; `ENTITY`, if rows have entities;
            `AGE` of labels, null where not known, if it is known of any; and, by task: of ``binary``,
            ``score`` from 0 to 1 and, where decisions are given, ``prediction``, the label and it being 0/1 or bool;
            of ``multiclass``, ``score_<class>`` for each class and ``prediction``, either of which may be missing; of
            ``regression``, ``prediction`` or ``score``.
        night: ISO date.
        slices: Each a tuple of dimensions.
    """
    batch = max(2**14, CLASS_BATCH // len(cells.classes)) if cells.classes else BATCH
    if frame.height > batch:
        parts = [tally_quality(part, night, slices, cells) for part in frame.iter_slices(batch)]
        return merge_qualities(parts)
    weights, strange = None, 0
    if cells.weight is not None:
        absent = pl.repeat(None, frame.height, dtype=pl.Float64, eager=True)
        weights, known = weights_of(frame["weight"] if "weight" in frame.columns else absent, cells.weight)
        strange = frame.height - int(known.sum())
        if strange:
            frame, weights = frame.filter(known), weights[known]
    tallies = {"binary": _tally_scores, "multiclass": tally_classes, "regression": tally_errors}
    own = []
    if ENTITY in frame.columns and not frame[ENTITY].null_count():
        own.append((ENTITY,))
    if AGE in frame.columns:
        frame = frame.with_columns(_span(frame))
        own.append((AGE,))
    found = tallies[cells.task](frame, (*slices, *own), cells, weights)
    found = _parted(found, cells.task != "multiclass") if own else found
    return Quality({night: replace(found, strange_weights=strange) if strange else found})


def _span(frame: pl.DataFrame) -> pl.Expr:
    """The span of days in which a label came; the last where it is not known, none of rows without a label."""
    age = pl.col(AGE).cast(pl.Int64)
    spans = pl.lit(len(AGE_EDGES), pl.Int64) - pl.sum_horizontal(
        (age < edge).fill_null(value=False).cast(pl.Int64) for edge in AGE_EDGES
    )
    known = pl.col("label").is_not_null() if "label" in frame.columns else pl.lit(value=False)
    return pl.when(known).then(spans).alias(AGE)


def _parted(night: NightQuality, by_cell: bool) -> NightQuality:
    """Groups of entities, and spans of days, that were counted as slices, apart from those.

    Args:
        by_cell: What groups have a histogram of lies in cells, of which a few wide ones are enough.
    """
    slices = tuple((key, part) for key, part in night.slices if key[0][0] not in (ENTITY, AGE))
    groups, spans = (
        [(int(key[0][1]), part) for key, part in night.slices if key[0][0] == name and key[0][1] != MISSING]
        for name in (ENTITY, AGE)
    )
    return replace(
        night,
        slices=slices,
        entities=tuple((group, _wide(part) if by_cell else part) for group, part in sorted(groups)),
        ages=tuple((span, _of_labels(part)) for span, part in sorted(spans, key=lambda each: each[0]) if part.labelled),
    )


def _of_labels(part: SliceQuality) -> SliceQuality:
    """Without what is over all rows: those whose label is none have no day that matters."""
    errors = part.errors and replace(part.errors, prediction=0, prediction_square=0)
    return replace(part, n=0, selected=0, score=0, square=0, unscored=0, errors=errors, weighted=None)


def _wide(part: SliceQuality) -> SliceQuality:
    """With its histogram in cells that are as wide as `WIDE` of a slice's."""
    histogram, weighted = part.histogram, part.weighted
    if histogram.cells:
        cells = np.array(histogram.cells, dtype=np.int64) // WIDE
        histogram = Sparse.grouped(cells, *(np.array(each) for each in histogram.values))
    if weighted is not None:
        weighted = replace(weighted, sums=_wide(weighted.sums))
    return replace(part, histogram=histogram, weighted=weighted)


def _tally_scores(
    frame: pl.DataFrame, slices: Sequence[Slice], cells: ScoreCells, weights: Integers | None
) -> NightQuality:
    if "score" not in frame.columns:
        # Decisions alone; where there are none either, nothing can be said of any row.
        frame = frame if "prediction" in frame.columns else frame.with_columns(prediction=None)
        cells = replace(cells, decided=True)
    elif cells.decided and "prediction" not in frame.columns:
        frame = frame.with_columns(prediction=None)
    possible, missing, impossible = _possible(frame, cells)
    strange = 0
    if "label" in frame.columns and frame["label"].dtype != pl.Null:
        label = frame["label"].cast(pl.Float64)
        known = label.is_in([0.0, 1.0]).fill_null(value=False)
        strange = frame.height - label.null_count() - int(known.sum())
        frame = frame.with_columns(label=pl.when(known).then(label == 1))
    if missing or impossible:
        frame = frame.filter(possible)
        weights = None if weights is None else weights[possible.to_numpy()]
    return _night(frame, slices, cells, (_rows(frame, cells, weights), (missing, impossible, strange)))


def _possible(frame: pl.DataFrame, cells: ScoreCells) -> tuple[pl.Series, int, int]:
    """Which rows can be counted; how many have no score or decision, and how many one that cannot be."""
    absent = pl.Series([False]).new_from_index(0, frame.height)
    possible = ~absent
    if "score" in frame.columns:
        score = frame["score"].cast(pl.Float64)
        absent = score.is_null() | score.is_nan().fill_null(value=True)
        possible = score.is_between(0, 1).fill_null(value=False)
    if cells.decided:
        decision = frame["prediction"].cast(pl.Float64)
        unknown = decision.is_null() | decision.is_nan().fill_null(value=True)
        possible = possible & decision.is_in([0.0, 1.0]).fill_null(value=False)
        absent = absent | unknown
    missing = int(absent.sum() or 0)
    return possible, missing, frame.height - missing - int(possible.sum() or 0)


def _rows(frame: pl.DataFrame, cells: ScoreCells, weights: Integers | None) -> _Rows:
    score = frame["score"].cast(pl.Float64).to_numpy() if "score" in frame.columns else None
    if cells.decided:
        chosen = frame["prediction"].cast(pl.Float64).to_numpy() == 1
    else:
        chosen = np.asarray(frame["score"].cast(pl.Float64).to_numpy() >= cells.threshold)
    if "label" not in frame.columns or frame["label"].dtype == pl.Null:
        held = np.zeros(frame.height, dtype=np.bool_)
        return _Rows(score, chosen, held, held[:0], weights)
    held = frame["label"].is_not_null().to_numpy()
    return _Rows(score, chosen, held, frame["label"].drop_nulls().to_numpy(), weights)


def _night(
    frame: pl.DataFrame, slices: Sequence[Slice], cells: ScoreCells, counted: tuple[_Rows, tuple[int, int, int]]
) -> NightQuality:
    rows, apart = counted
    lines = _lines(rows)
    if rows.score is None:
        return NightQuality(
            *apart,
            overall=_sums(lines.names, lines.total().tolist(), (Sparse(), Sparse())),
            slices=_slices(frame, slices, lines, (rows, None)),
        )
    every = cell_of(rows.score, np.array(cells.edges))
    fine = every[rows.held]
    size = len(cells.edges) + 1
    return NightQuality(
        *apart,
        overall=_sums(lines.names, lines.total().tolist(), _histogram(fine, rows)),
        calibration=_calibration(cells.wider(cells.calibration)[fine], rows, len(cells.calibration) + 1),
        slices=_slices(frame, slices, lines, (rows, cells.wider(cells.coarse)[fine])),
        scores=Sparse.of(np.bincount(every, minlength=size), group_sums(every, size, np.rint(rows.score * SCORE))),
    )


def _lines(rows: _Rows) -> Lines:
    """What is added up, named as the fields of `SliceQuality`."""
    every = {"n": Line(), "selected": Line(rows.chosen.astype(np.float64))}
    chosen, positive = rows.chosen[rows.held], rows.label
    labelled = {
        "labelled": Line(),
        "positives": Line(positive.astype(np.float64)),
        "true_positives": Line((chosen & positive).astype(np.float64)),
        "false_positives": Line((chosen & ~positive).astype(np.float64)),
    }
    if rows.score is None:
        every["unscored"] = labelled["unscored_labelled"] = Line()
    else:
        every |= {"score": Line(np.rint(rows.score * SCORE)), "square": Line(np.rint(rows.score**2 * SCORE))}
        labelled |= _score_lines(rows.labelled_score, positive)
    return Lines(every, labelled, rows.held, rows.weights)


def _score_lines(score: Floats, positive: Bools) -> dict[str, Line]:
    """The log loss clips scores as scikit-learn does, at the rounding error of a double."""
    error = np.where(positive, 1 - score, score) ** 2
    epsilon = np.finfo(np.float64).eps
    clipped = np.clip(score, epsilon, 1 - epsilon)
    loss = -np.log(np.where(positive, clipped, 1 - clipped))
    units = np.rint(score * SCORE)
    return {
        "labelled_score": Line(units),
        "labelled_square": Line(np.rint(score * score * SCORE)),
        "positive_score": Line(units * positive),
        "brier": Line(np.rint(error * SCORE)),
        "brier_square": Line(np.rint(error * error * SCORE)),
        "log_loss": Line(np.rint(loss * LOSS)),
        "log_loss_square": Line(np.rint(loss * loss * SQUARE)),
    }


def _sums(names: Sequence[str], line: Sequence[Any], histograms: Histograms) -> SliceQuality:
    """The value of one line of sums; see `Lines.count`."""
    width = len(names)
    plain = dict(zip(names, line[:width], strict=True))
    if len(line) == width:
        return SliceQuality(**plain, histogram=histograms[0])
    weighted = dict(zip(names, line[width:-2], strict=True))
    return SliceQuality(
        **plain,
        histogram=histograms[0],
        weighted=Weighted(SliceQuality(**weighted, histogram=histograms[1]), *line[-2:]),
    )


def _histogram(cell: Integers, rows: _Rows) -> Histograms:
    """Negatives and positives by cell: rows, and their weights."""
    size = int(cell.max(initial=0)) + 1
    place = cell * 2 + rows.label
    counts = np.bincount(place, minlength=2 * size).reshape(size, 2)
    plain = Sparse.of(counts[:, 0], counts[:, 1])
    if rows.weights is None:
        return plain, Sparse()
    heavy = group_sums(place, 2 * size, rows.weights[rows.held]).reshape(size, 2)
    return plain, Sparse.of(heavy[:, 0], heavy[:, 1])


def _calibration(bins: Integers, rows: _Rows, size: int) -> Sparse:
    columns: list[NDArray[Any] | None] = [None, rows.label.astype(np.int64), np.rint(rows.labelled_score * SCORE)]
    tables = [group_sums(bins, size, column) for column in columns]
    if rows.weights is not None:
        weights = rows.weights[rows.held]
        tables += [group_sums(bins, size, column, weights) for column in columns]
    return Sparse.of(*tables)


def _slices(
    frame: pl.DataFrame, slices: Sequence[Slice], lines: Lines, counted: tuple[_Rows, Integers | None]
) -> tuple[tuple[tuple[tuple[str, str], ...], SliceQuality], ...]:
    rows, coarse = counted
    found = {}
    for table in by_slice(frame, slices, lines.count):
        histograms = _histograms(table.codes[rows.held], coarse, rows)
        for key, group, line in zip(table.keys, table.groups.tolist(), table.sums.T.tolist(), strict=True):
            found[key] = _sums(lines.names, line, histograms.get(group, NO_HISTOGRAMS))
    return tuple((key, found[key]) for key in sorted(found))


def _histograms(group: Integers, coarse: Integers | None, rows: _Rows) -> Mapping[int, Histograms]:
    """For each group with labels: negatives and positives by coarse cell, of rows and of weights."""
    if coarse is None or not len(group):
        return {}
    width = int(coarse.max()) + 1
    joint = (group * width + coarse) * 2 + rows.label
    heavy: Whole | None = None
    size = int(joint.max()) + 1
    if size > JOINT:
        place, joint = np.unique(joint, return_inverse=True)
        counts = np.bincount(joint)
    else:
        counts = np.bincount(joint)
        place = np.flatnonzero(counts)
    if rows.weights is not None:
        heavy = group_sums(joint, len(counts), rows.weights[rows.held])
    if size <= JOINT:
        counts, heavy = counts[place], None if heavy is None else heavy[place]
    owner = place // (2 * width)
    starts = np.flatnonzero(np.concatenate(([True], owner[1:] != owner[:-1])))
    found = {}
    for start, stop in zip(starts, np.append(starts[1:], len(place)), strict=True):
        cell, positive = (place[start:stop] // 2) % width, place[start:stop] % 2
        both = [
            Sparse() if n is None else Sparse.grouped(cell, n[start:stop] * (1 - positive), n[start:stop] * positive)
            for n in (counts, heavy)
        ]
        found[int(owner[start])] = (both[0], both[1])
    return found
