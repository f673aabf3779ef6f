"""How much the reference varies by itself: each stretch of its nights against the rest of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from batchops.stats.cells import Cells
from batchops.stats.drift import DECIDES, atoms
from batchops.stats.measures import EXPECTED
from batchops.stats.profile import Column
from batchops.stats.sparse import Integers

__all__ = ["ENOUGH_WINDOWS", "Usual", "usual"]

Floats = NDArray[np.float64]

ENOUGH_WINDOWS = 8
"""Fewer disjoint windows cannot say what is usual."""

SMALL = 0.5
"""A window with fewer rows than this share of the median's shows its sampling rather than the column, and is left
out."""


@dataclass(frozen=True, slots=True)
class Usual:
    """The largest figures that the reference's own nights show against the rest of it.

    Attributes:
        value: The deciding distance; None where there is nothing to compare.
        windows: Disjoint windows of the length; with fewer than `ENOUGH_WINDOWS` the figures are what was seen, and
            cannot say what is usual.
        null_change, unseen_change, outside_change: Largest absolute change of the share; None as for ``value``.
    """

    value: float | None = None
    windows: int = 0
    null_change: float | None = None
    unseen_change: float | None = None
    outside_change: float | None = None

    @property
    def enough(self) -> bool:
        """Whether there are enough windows to say what is usual."""
        return self.windows >= ENOUGH_WINDOWS


def usual(nights: Sequence[Column], reference: Column, cells: Cells, length: int) -> Usual:
    """Compare every window of ``length`` consecutive nights of the reference with the rest of it.

    Args:
        nights: The reference's nights, in order.
        reference: Their sum.
        length: Nights in a window, 1 or more.
    """
    windows = len(nights) // length
    if len(nights) <= length:
        return Usual(windows=windows)
    missing = _largest_change(
        _windows(_column(nights, "missing"), length), _windows(_column(nights, "present"), length), reference
    )
    if not cells.size:
        return Usual(windows=windows, null_change=missing)
    counts = np.stack([night.table.dense(cells.size) for night in nights])
    now = _windows(counts, length)
    rest = reference.table.dense(cells.size) - now
    kept = _large_enough(now.sum(axis=1)) & (rest.sum(axis=1) > 0)
    if not kept.any():
        return Usual(windows=windows, null_change=missing)
    now, rest = now[kept], rest[kept]
    return Usual(
        value=_largest_distance(now, rest, cells),
        windows=windows,
        null_change=missing,
        unseen_change=_largest_unseen(now, rest, cells),
        outside_change=_largest_outside(nights, counts, cells, length),
    )


def _column(nights: Sequence[Column], name: str) -> Integers:
    return np.array([getattr(night, name) for night in nights], dtype=np.int64)


def _windows(nightly: Integers, length: int) -> Integers:
    """Sums over every ``length`` consecutive nights, by prefix sums along the first axis."""
    sums = np.concatenate([np.zeros_like(nightly[:1]), np.cumsum(nightly, axis=0)])
    difference: Integers = sums[length:] - sums[:-length]
    return difference


def _large_enough(rows: Integers) -> NDArray[np.bool_]:
    mark: NDArray[np.bool_] = (rows > 0) & (rows >= SMALL * np.median(rows))
    return mark


def _largest_change(missing: Integers, present: Integers, reference: Column) -> float | None:
    rest = reference.present - present
    kept = _large_enough(present) & (rest > 0)
    if not kept.any():
        return None
    share, other = missing[kept] / present[kept], (reference.missing - missing[kept]) / rest[kept]
    return float(np.abs(share - other).max())


def _largest_distance(now: Integers, rest: Integers, cells: Cells) -> float:
    share, other = (counts / counts.sum(axis=1, keepdims=True) for counts in (now, rest))
    if DECIDES[cells.kind] == "ks":
        return float(np.abs(np.cumsum(share - other, axis=1)).max())
    thin = np.zeros(cells.size, dtype=np.bool_)
    if cells.kind == "category":
        # As the comparison pools them, for a window of the usual size.
        thin = (now + rest).sum(axis=0) / (now + rest).sum() * np.median(now.sum(axis=1)) < EXPECTED
    apart = share - other
    known, unseen = apart * (rest > 0), np.where(rest > 0, 0.0, share)
    kept, pool = np.abs(known[:, ~thin]).sum(axis=1), np.abs(known[:, thin].sum(axis=1))
    return float(((kept + pool + unseen.sum(axis=1)) / 2).max())


def _largest_unseen(now: Integers, rest: Integers, cells: Cells) -> float | None:
    """Largest share of a window's rows with a value that no other night has, inside the others' range."""
    if cells.kind not in ("discrete", "category") or cells.capped:
        return None
    new = rest == 0
    if cells.kind == "discrete":
        held = rest > 0
        new &= atoms(cells) & np.logical_or.accumulate(held, axis=1)
        new &= np.logical_or.accumulate(held[:, ::-1], axis=1)[:, ::-1]
    return float((np.where(new, now, 0).sum(axis=1) / now.sum(axis=1)).max())


def _largest_outside(nights: Sequence[Column], counts: Integers, cells: Cells, length: int) -> float | None:
    """Largest share of a window's rows beyond the smallest and largest value of all other nights.

    Inside the one cell where the others end, rows are taken to be spread evenly.
    """
    if not cells.numbers or cells.low is None:
        return None
    lows = np.array([np.inf if night.minimum is None else night.minimum for night in nights])
    highs = np.array([-np.inf if night.maximum is None else night.maximum for night in nights])
    breaks = cells.breaks()
    below = _beyond(lows, highs, counts, breaks, length)
    above = _beyond(-highs, -lows, counts[:, ::-1], -breaks[::-1], length)
    present = _windows(_column(nights, "present"), length)
    kept = _large_enough(present)
    return float(((below + above)[kept] / present[kept]).max(initial=0.0))


def _beyond(lows: Floats, highs: Floats, counts: Integers, breaks: Floats, length: int) -> Floats:
    """Rows of every window below the smallest value of all other nights."""
    first = np.concatenate([[np.inf], np.minimum.accumulate(lows)])
    last = np.concatenate([np.minimum.accumulate(lows[::-1])[::-1], [np.inf]])
    others = np.minimum(first[: len(lows) - length + 1], last[length:])
    least = sliding_window_view(lows, length).min(axis=1)
    most = sliding_window_view(highs, length).max(axis=1)
    rows = np.zeros(len(others))
    sums = _windows(counts, length)
    for window in np.flatnonzero((least < others) & np.isfinite(others)):
        cell = int(np.searchsorted(breaks, others[window], side="right"))
        low = max(least[window], breaks[cell - 1] if cell else -np.inf)
        high = min(most[window], breaks[cell] if cell < len(breaks) else np.inf)
        part = min(max((others[window] - low) / (high - low), 0.0), 1.0) if high > low else float(high < others[window])
        rows[window] = sums[window, :cell].sum() + part * sums[window, cell]
    return rows
