"""Lay out over the reference in which cells scores, predictions and errors are counted."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from batchops.stats.numbers.sparse import Sparse
from batchops.stats.numbers.whole import weight_quantum
from batchops.stats.outcomes.classes import ClassCounts
from batchops.stats.outcomes.regression import lay_out_errors
from batchops.stats.outcomes.state import ScoreCells
from batchops.stats.outcomes.tally import tally_quality

__all__ = ["class_order", "lay_out_classes", "lay_out_quality", "lay_out_scores"]

Floats = NDArray[np.float64]

FINE = 4_096
COARSE = 256
FEWEST = 32
"""Cells of the score of each of very many classes."""

SHARED = 2 * FINE
"""Cells of the scores of all classes, where each has `COARSE` or fewer."""

DECILES = 10


def lay_out_scores(scores: pl.Series, threshold: float = 0.5) -> ScoreCells:
    """Lay out the cells of scores over the reference's (out of fold) scores; those outside 0 to 1 are left out."""
    values = _possible(scores)
    fine, coarse, deciles = _edges(values, FINE, threshold), _edges(values, COARSE, threshold), _deciles(values)
    edges = np.unique(np.concatenate([fine, coarse, deciles]))
    bins = deciles if len(deciles) else fine
    return ScoreCells(tuple(edges.tolist()), threshold, tuple(coarse.tolist()), tuple(bins.tolist()))


def _possible(scores: pl.Series) -> Floats:
    values = scores.cast(pl.Float64).drop_nulls().to_numpy()
    return np.sort(values[(values >= 0) & (values <= 1)])


def _edges(values: Floats, cells: int, threshold: float) -> Floats:
    """Quantiles of sorted scores, and the threshold."""
    if not len(values):
        return np.array([threshold])
    inner = np.quantile(values, np.arange(1, cells) / cells, method="inverted_cdf")
    # A score that is many quantiles at once has a cell of its own, in which no order is lost.
    often = np.nextafter(inner[1:][inner[1:] == inner[:-1]], 2.0)
    return np.unique(np.concatenate([inner, often, [threshold]]))


def _deciles(values: Floats) -> Floats:
    if not len(values):
        return values
    return np.unique(np.quantile(values, np.arange(1, DECILES) / DECILES, method="inverted_cdf"))


def lay_out_classes(frame: pl.DataFrame, classes: Sequence[str] | None = None) -> ScoreCells:
    """Lay out the cells of more than two classes over the reference.

    Args:
        frame: Any of ``label``, ``prediction`` and ``score_<class>``.
        classes: Their names; None: all that are labels, predictions or have a score, in the order of numbers where
            they are numbers, else of names.
    """
    return _with_rows(_class_cells(frame, classes), frame)


def _with_rows(cells: ScoreCells, frame: pl.DataFrame) -> ScoreCells:
    """With where the labelled rows of each class lie, and those of the others."""
    if not cells.class_edges or "label" not in frame.columns:
        return cells
    names = [f"score_{name}" for name in cells.classes]
    known = frame.select(*names, "label", *(["weight"] if cells.weight is not None else [])).drop_nulls("label")
    counted = tally_quality(known, "", (), cells).nights[""].classes or ClassCounts()
    first = 0 if cells.weight is None else 3
    return replace(cells, class_rows=Sparse(counted.histogram.cells, counted.histogram.values[first : first + 2]))


def _cells_of_each(classes: int) -> int:
    """Cells of the score of each of so many classes."""
    return max(FINE // classes, min(COARSE, SHARED // classes), FEWEST)


def _class_cells(frame: pl.DataFrame, classes: Sequence[str] | None) -> ScoreCells:
    names = tuple(classes) if classes is not None else _class_names(frame)
    cells = _cells_of_each(max(len(names), 1))
    scored = len(names) > 0 and all(f"score_{name}" in frame.columns for name in names)
    values = [_possible(frame[f"score_{name}"]) for name in names] if scored else []
    deciles = [_deciles(each) for each in values]
    edges = [
        np.unique(np.concatenate([_edges(each, cells, 0.5), own])) for each, own in zip(values, deciles, strict=True)
    ]
    return ScoreCells(
        task="multiclass",
        classes=names,
        class_edges=tuple(tuple(each.tolist()) for each in edges),
        class_bins=tuple(tuple(each.tolist()) for each in deciles),
    )


def _class_names(frame: pl.DataFrame) -> tuple[str, ...]:
    held = [frame[name].drop_nulls().unique() for name in ("label", "prediction") if name in frame.columns]
    names = {name for values in held for name in values.cast(pl.String)}
    names |= {name.removeprefix("score_") for name in frame.columns if name.startswith("score_")}
    return class_order(names)


def class_order(names: Iterable[str]) -> tuple[str, ...]:
    """Names of classes in the order of numbers where all are numbers, else of texts.

    >>> class_order(["10", "9"]), class_order(["10", "9", "none"])
    (('9', '10'), ('10', '9', 'none'))
    """
    known = sorted(names)
    numbers = [_number(name) for name in known]
    if not all(map(math.isfinite, numbers)):
        return tuple(known)
    return tuple(name for _, name in sorted(zip(numbers, known, strict=True)))


def _number(name: str) -> float:
    try:
        return float(name)
    except ValueError:
        return math.inf


def lay_out_quality(frame: pl.DataFrame, task: str, threshold: float = 0.5) -> ScoreCells:
    """Lay out the cells of any task over the reference.

    Args:
        frame: Columns as `tally_quality` reads them. Where there is a ``prediction``, it decides; where there is a
            ``weight``, it weighs.
        task: ``binary``, ``multiclass`` or ``regression``.
        threshold: Of ``binary`` scores.
    """
    decided = "prediction" in frame.columns
    if task == "binary":
        scores = frame["score"] if "score" in frame.columns else pl.Series([], dtype=pl.Float64)
        cells = lay_out_scores(scores, threshold)
    elif task == "multiclass":
        cells = _class_cells(frame, None)
    else:
        numbers = [_floats(frame, name) for name in ("prediction" if decided else "score", "label")]
        cells = ScoreCells(task="regression", errors=lay_out_errors(numbers[0], numbers[1]))
    weight = weight_quantum(frame["weight"]) if "weight" in frame.columns else None
    cells = replace(cells, decided=decided, weight=weight)
    return _with_rows(cells, frame) if task == "multiclass" else cells


def _floats(frame: pl.DataFrame, name: str) -> Floats:
    if name not in frame.columns:
        return np.full(frame.height, np.nan)
    return frame[name].cast(pl.Float64).fill_null(np.nan).to_numpy()
