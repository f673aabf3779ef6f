"""What is searched, laid out over the reference; and rows as the search counts them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from batchops.stats.columns.ours import ours
from batchops.stats.discovery.cube import ORDER, Grid, count
from batchops.stats.discovery.features import MOST, Codes, Feature, encode, lay_out_features
from batchops.stats.discovery.losses import LOSSES, NUMBERS, Loss, Losses, lay_out_loss, losses_of, row_losses
from batchops.stats.discovery.search import strength

__all__ = ["LABEL", "LOSS", "SCORE", "Search", "labelled", "lay_out_search"]

SCORE, LABEL, LOSS = "score", "label", "loss"
"""Columns of rows to be counted, marked as ours or not; a loss that is given needs no score and no label."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Search:
    """What is searched; fixed by the reference.

    Attributes:
        threshold: ``prediction = score >= threshold``, for the rate of errors.
    """

    grid: Grid
    loss: Loss
    threshold: float = 0.5


def lay_out_search(
    frame: pl.DataFrame, columns: Sequence[str], metric: str, first: Sequence[str] = (), threshold: float = 0.5
) -> Search:
    """Lay out a search over the reference.

    Args:
        frame: The reference's rows: the columns, and `SCORE` and `LABEL` or `LOSS` if it has them.
        columns: To slice by, none of personal data. Of more than `MOST`, those of ``first`` are taken, and then those
            one of whose bins differs most from the rest in the reference; without losses, the first ones.
        metric: One of `LOSSES`, or any name for the mean of the losses given.
        first: Columns that are declared to be sliced by.
    """
    features = lay_out_features(frame, (*first, *columns))
    held, values = _losses(frame, metric, threshold)
    scaled = metric in LOSSES and metric not in NUMBERS
    loss = lay_out_loss(metric, values if len(values) and not scaled else None)
    if len(features) > MOST and len(values):
        features = _strongest(features, frame.filter(held), (losses_of(values, loss), loss), first)
    return Search(Grid(features[:MOST], ORDER), loss, threshold)


def _strongest(
    features: Sequence[Feature], frame: pl.DataFrame, lost: tuple[Losses, Loss], first: Sequence[str]
) -> tuple[Feature, ...]:
    """Declared features before others, and those by their best slice; all in the order they had."""
    grid = Grid(tuple(features), order=1)
    best = strength(count([(encode(frame, features), lost[0])], grid), grid, lost[1])
    ranked = sorted(range(len(features)), key=lambda at: (features[at].column not in first, -best[at], at))
    return tuple(features[at] for at in sorted(ranked[:MOST]))


def labelled(frame: pl.DataFrame, search: Search) -> tuple[Codes, Losses, NDArray[np.bool_]]:
    """Rows as they are counted: those whose loss is known.

    Args:
        frame: Columns `SCORE` and `LABEL` (0/1, bool or a number), or `LOSS`, null where unknown, and the features.

    Returns:
        Bins and losses of those rows, and which of all rows they are.
    """
    held, values = _losses(frame, search.loss.metric, search.threshold)
    rows = frame if held.all() else frame.filter(held)
    return encode(rows, search.grid.features), losses_of(values, search.loss), held


def _losses(frame: pl.DataFrame, metric: str, threshold: float) -> tuple[NDArray[np.bool_], Floats]:
    """Which rows have a loss, and theirs."""
    lost = ours(frame, LOSS)
    if lost is not None:
        given = lost.cast(pl.Float64).to_numpy()
        held = np.isfinite(given)
        return held, given[held]
    if ours(frame, SCORE) is None or metric not in LOSSES:
        return np.zeros(frame.height, dtype=np.bool_), np.zeros(0)
    score, label = (_floats(frame, name) for name in (SCORE, LABEL))
    values = row_losses(metric, score, label, threshold)
    held = np.isfinite(values)
    return held, values[held]


def _floats(frame: pl.DataFrame, name: str) -> Floats:
    """A column's numbers; not a number where it has none."""
    column = ours(frame, name)
    return np.full(frame.height, np.nan) if column is None else column.cast(pl.Float64).to_numpy()
