"""Count predicted numbers and how far they are from what came true."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from batchops.stats.numbers.placing import cell_of
from batchops.stats.numbers.sparse import Integers, Sparse
from batchops.stats.numbers.whole import UNIT, far_apart
from batchops.stats.outcomes.counting import Line, Lines
from batchops.stats.outcomes.grouping import NO_HISTOGRAMS, Histograms, Slice, Table, by_slice
from batchops.stats.outcomes.regression import LARGEST, MOMENTS, ErrorCells, ErrorSums, ErrorTables
from batchops.stats.outcomes.state import ENTITY, NightQuality, ScoreCells, SliceQuality, Weighted

__all__ = ["tally_errors"]

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

SLICE_FIELDS = ("n", "labelled")


def tally_errors(
    frame: pl.DataFrame, slices: Sequence[Slice], cells: ScoreCells, weights: Integers | None
) -> NightQuality:
    """Count the rows of one night; a prediction that is not finite is impossible, such a label strange."""
    scale = cells.errors or ErrorCells()
    name = "score" if "score" in frame.columns and not cells.decided else "prediction"
    if name not in frame.columns:
        return NightQuality(missing=frame.height)
    predicted = frame[name].cast(pl.Float64).fill_null(np.nan).to_numpy()
    label, strange = np.full(frame.height, np.nan), 0
    if "label" in frame.columns and frame["label"].dtype != pl.Null:
        label = frame["label"].cast(pl.Float64).fill_null(np.nan).to_numpy()
        strange = frame.height - frame["label"].null_count() - int(np.isfinite(label).sum())
    absent, possible = np.isnan(predicted), np.isfinite(predicted)
    apart = int(absent.sum()), int((~absent & ~possible).sum()), strange
    if not possible.all():
        frame, predicted, label = frame.filter(possible), predicted[possible], label[possible]
        weights = None if weights is None else weights[possible]
    held = np.isfinite(label)
    half = predicted[held] / 2 - label[held] / 2
    lines = Lines(_prediction_lines(predicted, scale), _error_lines(half, label[held], scale), held, weights)
    heavy = None if weights is None else weights[held]
    with np.errstate(over="ignore"):
        sizes = np.abs(half) * 2
        error_cell = cell_of(sizes, np.array(scale.edges))
    found = {}
    for table in by_slice(frame, slices, lines.count):
        own = _by_group(table, held, error_cell, heavy) if table.keys[0][0][0] == ENTITY else {}
        for key, group, line in zip(table.keys, table.groups.tolist(), table.sums.T.tolist(), strict=True):
            found[key] = _sums(lines.names, line, 0.0, own.get(group, NO_HISTOGRAMS))
    largest = min(float(sizes.max(initial=0.0)), LARGEST)
    cell = cell_of(predicted, np.array(scale.predictions))
    return NightQuality(
        *apart,
        overall=_sums(lines.names, lines.total().tolist(), largest, NO_HISTOGRAMS),
        slices=tuple((key, found[key]) for key in sorted(found)),
        scores=_by_cell(cell, [Line(), lines.every["prediction"]], scale),
        errors=ErrorTables(
            _histogram(error_cell * 2 + (half >= 0), 2 * (len(scale.edges) + 1), heavy),
            _by_cell(cell[held], [Line(), *(lines.labelled[each] for each in ("1,0", "absolute", "2,0"))], scale),
        ),
    )


def _line(powers: Floats, shift: Integers | None, power: int = 1) -> Line:
    return Line(np.rint(powers * UNIT), None if shift is None else shift * power)


def _prediction_lines(predicted: Floats, scale: ErrorCells) -> dict[str, Line]:
    away, shift = far_apart(predicted / 2 - scale.centre / 2, scale.label_exponent - 1)
    return {"n": Line(), "prediction": _line(away, shift), "prediction_square": _line(away**2, shift, 2)}


def _error_lines(half: Floats, label: Floats, scale: ErrorCells) -> dict[str, Line]:
    """Named as the fields of `ErrorSums`, moments by their powers."""
    error, error_shift = far_apart(half, scale.error_exponent - 1)
    away, shift = far_apart(label / 2 - scale.centre / 2, scale.label_exponent - 1)
    found = {"labelled": Line()}
    for power, label_power in MOMENTS:
        together = None
        if error_shift is not None or shift is not None:
            together = _times(error_shift, power, len(half)) + _times(shift, label_power, len(half))
        found[f"{power},{label_power}"] = _line(error**power * away**label_power, together)
    size = np.abs(half)
    occurs = label != 0
    with np.errstate(over="ignore"):
        # As scikit-learn, which divides by no less than the rounding error of a double.
        share = 2 * np.minimum(size / np.maximum(np.abs(label), np.finfo(np.float64).eps), 2.0**1000)
    relative, relative_shift = far_apart(np.where(occurs, share, 0.0), 0)
    return found | {
        "absolute": _line(np.abs(error), error_shift),
        "label_absolute": _line(np.abs(away), shift),
        "relative_rows": Line(occurs.astype(np.float64)),
        "relative": _line(relative, relative_shift),
        "relative_square": _line(relative**2, relative_shift, 2),
    }


def _times(shift: Integers | None, power: int, rows: int) -> Integers:
    return np.zeros(rows, dtype=np.int64) if shift is None else shift * power


def _by_group(table: Table, held: Bools, cell: Integers, weights: Integers | None) -> Mapping[int, Histograms]:
    """For each group of entities: rows by cell of the absolute error, and their weights."""
    width, size = int(cell.max(initial=0)) + 1, int(table.codes.max()) + 1
    joint = table.codes[held] * width + cell

    def tables(by: Integers | None) -> list[Sparse]:
        return [Sparse.of(each) for each in Line().sums(joint, size * width, by).reshape(size, width)]

    return table.histograms(tables, weights)


def _sums(names: Sequence[str], line: Sequence[Any], largest: float, histograms: Histograms) -> SliceQuality:
    width = len(names)
    fields, errors = _errors(names, line[:width], largest)
    if len(line) == width:
        return SliceQuality(**fields, errors=errors, histogram=histograms[0])
    heavy_fields, heavy_errors = _errors(names, line[width:-2], largest)
    weighted = Weighted(SliceQuality(**heavy_fields, errors=heavy_errors, histogram=histograms[1]), *line[-2:])
    return SliceQuality(**fields, errors=errors, histogram=histograms[0], weighted=weighted)


def _errors(names: Sequence[str], line: Sequence[Any], largest: float) -> tuple[dict[str, Any], ErrorSums]:
    named = dict(zip(names, line, strict=True))
    fields = {name: named.pop(name) for name in SLICE_FIELDS}
    moments = tuple(named.pop(f"{power},{label_power}") for power, label_power in MOMENTS)
    return fields, ErrorSums(moments=moments, largest=largest, **named)


def _by_cell(cell: Integers, lines: Sequence[Line], scale: ErrorCells) -> Sparse:
    size = len(scale.predictions) + 1
    return Sparse.of(*(line.sums(cell, size, None) for line in lines))


def _histogram(place: Integers, size: int, weights: Integers | None) -> Sparse:
    """By cell of the absolute error: rows predicted too low, and the others; then their weights."""
    lines = list(Line().sums(place, size, None).reshape(-1, 2).T)
    if weights is not None:
        lines += list(Line().sums(place, size, weights).reshape(-1, 2).T)
    return Sparse.of(*lines)
