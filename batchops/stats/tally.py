"""Count a frame's scores and labels, over all rows and by slice, in one pass."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from batchops.stats.quality import (
    LOSS,
    SCORE,
    SQUARE,
    NightQuality,
    Quality,
    ScoreCells,
    SliceKey,
    SliceQuality,
    merge_qualities,
)
from batchops.stats.sparse import Integers, Sparse

__all__ = ["MISSING", "tally_quality"]

MISSING = "missing"
"""Value of a dimension where it is null."""

BATCH = 2**20
"""Rows whose sums stay whole in a float."""

JOINT = 65_536
"""Slices whose dimensions have at most so many values together are counted at once, and summed out."""

CHUNK = 65_536
SAMPLE = 10_000

Floats = NDArray[np.float64]
Slice = tuple[str, ...]
Sums = tuple[list[Floats | None], list[Floats | None]]
"""What is added up over all rows, and over labelled ones; None counts rows."""


@dataclass(frozen=True, slots=True)
class _Rows:
    """Rows with a possible score; those with a label come a second time, alone."""

    score: Floats
    held: NDArray[np.bool_]
    labelled_score: Floats
    label: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class _Dimension:
    values: tuple[str, ...]
    codes: NDArray[np.unsignedinteger]


def tally_quality(frame: pl.DataFrame, night: str, slices: Sequence[Slice], cells: ScoreCells) -> Quality:
    """Count the rows of one night.

    Args:
        frame: Column ``score``; column ``label``, 0/1 or bool, null where unknown, if there are labels; and a column
            for each dimension that a slice names, null counting as `MISSING`.
        night: ISO date.
        slices: Each a tuple of dimensions.
    """
    if frame.height > BATCH:
        parts = [tally_quality(part, night, slices, cells) for part in frame.iter_slices(BATCH)]
        return merge_qualities(parts)
    score = frame["score"].cast(pl.Float64)
    missing = score.null_count() + int(score.is_nan().sum() or 0)
    possible = score.is_between(0, 1).fill_null(value=False)
    impossible = frame.height - missing - int(possible.sum() or 0)
    strange = 0
    if "label" in frame.columns and frame["label"].dtype != pl.Null:
        label = frame["label"].cast(pl.Float64)
        known = label.is_in([0.0, 1.0]).fill_null(value=False)
        strange = frame.height - label.null_count() - int(known.sum())
        frame = frame.with_columns(label=pl.when(known).then(label == 1))
    if missing or impossible:
        frame = frame.filter(possible)
    return Quality({night: _night(frame, slices, cells, (missing, impossible, strange))})


def _night(
    frame: pl.DataFrame, slices: Sequence[Slice], cells: ScoreCells, apart: tuple[int, int, int]
) -> NightQuality:
    rows = _rows(frame)
    fine = _cell_of(rows.labelled_score, np.array(cells.edges))
    sums = _row_sums(rows, cells.threshold)
    bins = cells.wider(cells.calibration)[fine]
    return NightQuality(
        *apart,
        overall=SliceQuality(*_totals(sums, rows), histogram=_histogram(fine, rows.label)),
        calibration=Sparse.grouped(
            bins, np.ones_like(bins), rows.label.astype(np.int64), np.rint(rows.labelled_score * SCORE).astype(np.int64)
        ),
        slices=_slices(frame, slices, sums, rows, cells.wider(cells.coarse)[fine]),
    )


def _rows(frame: pl.DataFrame) -> _Rows:
    score = frame["score"].cast(pl.Float64).to_numpy()
    if "label" not in frame.columns or frame["label"].dtype == pl.Null:
        held = np.zeros(len(score), dtype=np.bool_)
        return _Rows(score, held, score[:0], held[:0])
    held = frame["label"].is_not_null().to_numpy()
    return _Rows(score, held, score[held], frame["label"].drop_nulls().to_numpy())


def _cell_of(scores: Floats, edges: Floats) -> Integers:
    """The cell of each score: as np.searchsorted from the right, five times as fast for thousands of edges."""
    cell = np.empty(len(scores), dtype=np.int64)
    for start in range(0, len(scores), CHUNK):
        chunk = scores[start : start + CHUNK]
        order = np.argsort(chunk)
        bounds = np.concatenate(([0], np.searchsorted(chunk[order], edges), [len(chunk)]))
        cell[start : start + CHUNK][order] = np.repeat(np.arange(len(edges) + 1), np.diff(bounds))
    return cell


def _row_sums(rows: _Rows, threshold: float) -> Sums:
    """What is added up, in whole numbers kept as floats, in the order of the fields of `SliceQuality`.

    The log loss clips scores as scikit-learn does, at the rounding error of a double.
    """
    score = rows.score
    over_all = [None, (score >= threshold).astype(np.float64), np.rint(score * SCORE), np.rint(score * score * SCORE)]
    score, positive = rows.labelled_score, rows.label
    error = np.where(positive, 1 - score, score) ** 2
    epsilon = np.finfo(np.float64).eps
    clipped = np.clip(score, epsilon, 1 - epsilon)
    loss = -np.log(np.where(positive, clipped, 1 - clipped))
    chosen = score >= threshold
    labelled = [
        None,
        positive.astype(np.float64),
        np.rint(score * SCORE),
        np.rint(score * score * SCORE),
        np.rint(score * SCORE) * positive,
        np.rint(error * SCORE),
        np.rint(error * error * SCORE),
        np.rint(loss * LOSS),
        np.rint(loss * loss * SQUARE),
        (chosen & positive).astype(np.float64),
        (chosen & ~positive).astype(np.float64),
    ]
    return over_all, labelled


def _totals(sums: Sums, rows: _Rows) -> list[int]:
    """The sums over all rows."""
    counted = zip(sums, (rows.score, rows.label), strict=True)
    return [len(column) if each is None else int(each.sum()) for lines, column in counted for each in lines]


def _groups(sums: Sums, code: Integers, size: int, held: NDArray[np.bool_]) -> Integers:
    """The sums by group: one line a sum, one column a group."""
    over_all, labelled = sums
    lines: list[NDArray[Any]] = [np.bincount(code, weights=each, minlength=size) for each in over_all]
    if held.any():
        known = code if held.all() else code[held]
        lines += [np.bincount(known, weights=each, minlength=size) for each in labelled]
    else:
        lines += [np.zeros(size)] * len(labelled)
    return np.stack(lines).astype(np.int64)


def _histogram(cell: Integers, label: NDArray[np.bool_]) -> Sparse:
    size = int(cell.max(initial=0)) + 1
    counts = np.bincount(cell * 2 + label, minlength=2 * size).reshape(size, 2)
    return Sparse.of(counts[:, 0], counts[:, 1])


def _slices(
    frame: pl.DataFrame,
    slices: Sequence[Slice],
    sums: Sums,
    rows: _Rows,
    coarse: Integers,
) -> tuple[tuple[SliceKey, SliceQuality], ...]:
    names = sorted({name for each in slices for name in each})
    dimensions = {name: _encoded(frame[name]) for name in names} if frame.height else {}
    found: dict[SliceKey, SliceQuality] = {}
    for block, members in _blocks(slices, dimensions) if dimensions else ():
        for member, ordered, groups, lines in _tables(block, members, sums, rows.held, dimensions):
            histograms = _histograms(_joint(ordered, dimensions)[rows.held], coarse, rows.label)
            for group, line in zip(groups.tolist(), lines.T.tolist(), strict=True):
                key = _key(group, ordered, member, dimensions)
                found[key] = SliceQuality(*line, histogram=histograms.get(group, Sparse()))
    return tuple((key, found[key]) for key in sorted(found))


def _tables(
    block: Slice, members: Sequence[Slice], sums: Sums, held: NDArray[np.bool_], dimensions: Mapping[str, _Dimension]
) -> Iterator[tuple[Slice, Slice, Integers, Integers]]:
    """For each slice of a block: its dimensions in the block's order, its occupied groups, and their sums."""
    shape = tuple(len(dimensions[name].values) for name in block)
    joint = _joint(block, dimensions)
    if math.prod(shape) > JOINT:
        groups, code = np.unique(joint, return_inverse=True)
        lines = _groups(sums, code, len(groups), held)
        for member in members:
            yield member, block, groups, lines
        return
    table = _groups(sums, joint, math.prod(shape), held).reshape(-1, *shape)
    for member in members:
        axes = tuple(1 + axis for axis, name in enumerate(block) if name not in member)
        lines = table.sum(axis=axes).reshape(len(table), -1)
        groups = np.flatnonzero(lines[0])
        yield member, tuple(name for name in block if name in member), groups, lines[:, groups]


def _encoded(series: pl.Series) -> _Dimension:
    """A dimension as small numbers; its values are guessed from some rows, which is right but for rare ones."""
    text = series.cast(pl.String)
    # Rows spread over all: files are often sorted by what they are sliced by.
    for sample in (text.gather_every(max(1, len(text) // SAMPLE)), text):
        values = sorted({*sample.unique().drop_nulls(), MISSING})
        codes = text.cast(pl.Enum(values), strict=False)
        if codes.null_count() == text.null_count():
            break
    physical = codes.to_physical()
    if physical.null_count():
        physical = physical.fill_null(values.index(MISSING))
    return _Dimension(tuple(values), physical.to_numpy())


def _blocks(slices: Sequence[Slice], dimensions: Mapping[str, _Dimension]) -> Iterator[tuple[Slice, list[Slice]]]:
    """Groups of slices, with the dimensions they are counted by together."""
    blocks: list[tuple[set[str], list[Slice]]] = []
    for each in sorted(set(slices), key=lambda names: (-len(names), names)):
        for names, members in blocks:
            if math.prod(len(dimensions[name].values) for name in names.union(each)) <= JOINT:
                names.update(each)
                members.append(each)
                break
        else:
            blocks.append((set(each), [each]))
    for names, members in blocks:
        yield tuple(sorted(names)), members


def _joint(names: Slice, dimensions: Mapping[str, _Dimension]) -> Integers:
    """One number for the values of several dimensions, the last changing fastest."""
    joint = dimensions[names[0]].codes.astype(np.int64)
    for name in names[1:]:
        joint *= len(dimensions[name].values)
        joint += dimensions[name].codes
    return joint


def _histograms(group: Integers, coarse: Integers, label: NDArray[np.bool_]) -> Mapping[int, Sparse]:
    """For each group with labels: negatives and positives by coarse cell."""
    if not len(group):
        return {}
    width = int(coarse.max()) + 1
    place, counts = np.unique((group * width + coarse) * 2 + label, return_counts=True)
    owner = place // (2 * width)
    starts = np.flatnonzero(np.concatenate(([True], owner[1:] != owner[:-1])))
    found = {}
    for start, stop in zip(starts, np.append(starts[1:], len(place)), strict=True):
        cell, positive, n = (place[start:stop] // 2) % width, place[start:stop] % 2, counts[start:stop]
        found[int(owner[start])] = Sparse.grouped(cell, n * (1 - positive), n * positive)
    return found


def _key(group: int, ordered: Slice, member: Slice, dimensions: Mapping[str, _Dimension]) -> SliceKey:
    value = {}
    for name in reversed(ordered):
        group, code = divmod(group, len(dimensions[name].values))
        value[name] = dimensions[name].values[code]
    return tuple((name, value[name]) for name in member)
