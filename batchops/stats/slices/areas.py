"""The area under the ROC curve of many slices at once, with intervals that know that rows of a night are alike."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from batchops.stats.numbers.contrasts import quantiles
from batchops.stats.numbers.intervals import ENOUGH_NIGHTS, LEVEL
from batchops.stats.outcomes.ranks import placements
from batchops.stats.quality.metrics import area
from batchops.stats.slices.table import Entries

__all__ = ["Areas", "areas"]

Floats = NDArray[np.float64]

CHUNK = 1_000
"""Slices whose cells are laid out at once: 4 MB of 256 cells."""


@dataclass(frozen=True, slots=True, eq=False)
class Areas:
    """One number a slice; not a number where a slice lacks a class, or rows enough for an interval.

    Attributes:
        error: Bound of what counting in cells may cost.
        lower, upper: 95 % interval, with that bound.
    """

    value: Floats
    lower: Floats
    upper: Floats
    error: Floats


def areas(held: Entries, widened: Floats, cells: int, nights: int) -> Areas:
    """The areas of all slices.

    A row's placement is the share of the other class that it beats; the area is their mean, and its variance that of
    the placements (DeLong, DeLong & Clarke-Pearson, 1988), summed by night first where a slice has eight or more
    (Obuchowski, Biometrics, 1997).

    Args:
        held: Of all slices.
        widened: By slice: what the variance of rows that are alone and of one weight must be multiplied with.
        cells, nights: How many there are.
    """
    slices = len(widened)
    order = np.argsort(held.slice, kind="stable")
    held = Entries(*(getattr(held, name)[order] for name in ("slice", "night", "cell", "negatives", "positives")))
    found = []
    for start in range(0, slices, CHUNK):
        stop = min(start + CHUNK, slices)
        first, last = np.searchsorted(held.slice, [start, stop])
        part = Entries(
            held.slice[first:last] - start,
            *(getattr(held, name)[first:last] for name in ("night", "cell", "negatives", "positives")),
        )
        found.append(_areas(part, (stop - start, cells, nights), widened[start:stop]))
    return Areas(*(np.concatenate(each) for each in zip(*found, strict=True))) if found else Areas(*[np.zeros(0)] * 4)


def _areas(held: Entries, shape: tuple[int, int, int], widened: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    slices, cells, nights = shape
    place = held.slice * cells + held.cell
    negatives, positives = (
        np.asarray(np.bincount(place, each, slices * cells), dtype=np.float64).reshape(slices, cells)
        for each in (held.negatives, held.positives)
    )
    value, error = area(negatives, positives)
    below, above = negatives.sum(axis=1, keepdims=True), positives.sum(axis=1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        beaten, beating = (each - value[:, None] for each in placements(negatives, positives))
        rows = (positives * beaten**2).sum(axis=1) / (above * (above - 1))[:, 0]
        rows += (negatives * beating**2).sum(axis=1) / (below * (below - 1))[:, 0]
        share = np.nan_to_num(held.positives * beaten.ravel()[place] / above[held.slice, 0])
        share += np.nan_to_num(held.negatives * beating.ravel()[place] / below[held.slice, 0])
    night = held.slice * nights + held.night
    change = np.bincount(night, weights=share, minlength=slices * nights).reshape(slices, nights)
    count = (np.bincount(night, minlength=slices * nights) > 0).reshape(slices, nights).sum(axis=1).astype(np.float64)
    clustered = count >= ENOUGH_NIGHTS
    with np.errstate(divide="ignore", invalid="ignore"):
        spread = count / (count - 1) * (change**2).sum(axis=1)
        variance = np.where(clustered, spread, rows * widened)
    radius = quantiles(LEVEL, np.where(clustered, count - 1, np.inf)) * np.sqrt(variance) + error
    return value, np.maximum(value - radius, 0.0), np.minimum(value + radius, 1.0), error
