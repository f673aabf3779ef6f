"""How much the reference varies by itself: how far a window of its nights may lie from the rest of it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from scipy.special import kolmogi, stdtr, stdtrit

from batchops.stats.columns.cells import Cells
from batchops.stats.columns.drift import DECIDES, atoms
from batchops.stats.columns.measures import EXPECTED
from batchops.stats.columns.profile import Column
from batchops.stats.columns.unlisted import GROUPS, largest_growth
from batchops.stats.numbers.sparse import Integers

__all__ = ["ENOUGH_WINDOWS", "RARELY", "Season", "Straying", "Usual", "Weekdays", "usual"]

Floats = NDArray[np.float64]
Season = Literal["weekday", "all"]

ENOUGH_WINDOWS = 8
"""Fewer disjoint windows cannot say what is usual."""

RARELY = 1 / 1_000
"""Share of windows that lie further out than what is usual."""

SMALL = 0.5
"""A window with fewer rows than this share of the median's shows its sampling rather than the column: what only it
has, an unseen value or one out of range, is no sign of what is usual."""

WEEK = 7
WEEKS = 4
"""Weeks of the reference from which the pattern of a week is taken out of longer windows."""

LEAST_FREEDOM = 4.0
LONGEST_MEMORY = 0.97


@dataclass(frozen=True, slots=True)
class Weekdays:
    """The weekdays of the reference's nights, in order, and of the night that is judged; 0 to 6."""

    nights: tuple[int, ...]
    judged: int


@dataclass(frozen=True, slots=True)
class Straying:
    """How far windows lie from the reference though nothing has changed: an offset, and Student's t beyond it.

    Attributes:
        proved: What some window of the reference itself proves, sampling aside.
        windows: How many were looked at.
    """

    offset: float
    spread: float
    freedom: float
    proved: float
    windows: int

    @property
    def reach(self) -> float:
        """What one window of 1,000 passes, at most 1, and no less than what one of the reference proves."""
        strays = self.spread and float(stdtrit(self.freedom, 1 - RARELY / 2)) * self.spread
        return min(1.0, max(self.offset + strays, self.proved))

    def chance(self, far: float) -> float:
        """Probability of a window at least so far from the reference: what has happened may happen."""
        seen = 1 / (self.windows + 1) if far <= self.proved else 0.0
        beyond = far - self.offset
        if beyond <= 0:
            return 1.0
        return max(seen, 2 * float(stdtr(self.freedom, -beyond / self.spread)) if self.spread > 0 else 0.0)


@dataclass(frozen=True, slots=True)
class Usual:
    """How far a window of so many nights may lie from the reference though nothing has changed.

    Attributes:
        value: The deciding distance, at most 1; None where there is nothing to compare.
        windows: Disjoint windows that were compared; with fewer than `ENOUGH_WINDOWS` the figures are the best guess,
            and cannot say what is usual.
        null_change: Absolute change of the share, at most 1; None as for ``value``.
        unseen_change, outside_change, grown_change: The largest that a window showed; None as for ``value``.
        season: ``weekday`` where only nights of the judged night's weekday were taken, ``all`` where there were too few
            of them; None where no weekday was asked for, or windows are longer than a night.
        distances, nulls: How ``value`` and ``null_change`` are distributed; None as for those.
    """

    value: float | None = None
    windows: int = 0
    null_change: float | None = None
    unseen_change: float | None = None
    outside_change: float | None = None
    season: Season | None = None
    distances: Straying | None = None
    nulls: Straying | None = None
    grown_change: float | None = None

    @property
    def enough(self) -> bool:
        """Whether there are enough windows to say what is usual."""
        return self.windows >= ENOUGH_WINDOWS


def usual(
    nights: Sequence[Column], reference: Column, cells: Cells, length: int, weekday: Weekdays | None = None
) -> Usual:
    """How far a window of ``length`` consecutive nights may lie from the reference, by the reference's own nights.

    The deviation of a night from the rest of the reference is taken to be the sampling of its rows, which is
    subtracted, and a shock, of which the next night keeps a part (an autoregression of order 1, whose memory and spread
    are estimated from the nights, corrected for having been measured from their own mean). From those follows how far
    the mean of a window strays, and the reference's own mean; the figure is passed by one window of a thousand. It is
    no less than what any window of the reference itself proves. Nights weigh by their rows, so that small ones, which
    are far off by chance, say little. Sampling is left to the chance that the judged rows' estimate carries.

    Args:
        nights: The reference's nights, in order.
        reference: Their sum.
        length: Nights in a window, 1 or more.
        weekday: For windows of one night: take nights of the same weekday alone, where there are eight or more.
    """
    chosen, season = _season(len(nights), length, weekday)
    windows = len(chosen) // length
    if len(nights) <= length:
        return Usual(windows=windows, season=season)
    missing, present = _column(nights, "missing"), _column(nights, "present")
    nulls = _straying(_Nights(missing[:, None], present, chosen, "linf"), length)
    plain = Usual(windows=windows, null_change=_reach(nulls), season=season, nulls=nulls)
    if not cells.size:
        return plain
    counts = np.stack([night.table.dense(cells.size) for night in nights])
    now = _windows(counts, length)
    rest = reference.table.dense(cells.size) - now
    kept = _large_enough(now.sum(axis=1)) & (rest.sum(axis=1) > 0)
    kept &= np.isin(np.arange(len(kept)), chosen)
    if not kept.any():
        return plain
    distances = _straying(_deciding(counts, chosen, cells, length), length)
    return replace(
        plain,
        value=_reach(distances),
        unseen_change=_largest_unseen(now[kept], rest[kept], cells),
        outside_change=_largest_outside(nights, counts, cells, length, kept),
        distances=distances,
        grown_change=_largest_grown(nights, length, kept) if cells.capped else None,
    )


def _reach(straying: Straying | None) -> float | None:
    return None if straying is None else straying.reach


def _season(nights: int, length: int, weekday: Weekdays | None) -> tuple[Integers, Season | None]:
    """Which windows of the reference count."""
    everything = np.arange(nights)
    if weekday is None or length > 1:
        return everything, None
    same = np.flatnonzero(np.array(weekday.nights) == weekday.judged)
    return (same, "weekday") if len(same) >= ENOUGH_WINDOWS else (everything, "all")


@dataclass(frozen=True, slots=True, eq=False)
class _Nights:
    """What is compared of the reference's nights.

    Attributes:
        above: Rows that count, nights x figures: up to each edge (ks), in each cell (tvd), or one figure (linf).
        rows: Rows by night.
        chosen: The nights that stand for the judged one.
        measure: How the differences of a night's shares make one distance.
    """

    above: Integers
    rows: Integers
    chosen: Integers
    measure: str

    def distances(self, apart: Floats) -> Floats:
        """Of differences of shares, windows x figures."""
        return np.asarray(np.abs(apart).sum(axis=1) / 2 if self.measure == "tvd" else np.abs(apart).max(axis=1))

    def provable(self, noise: Floats, looks: int) -> Floats:
        """What sampling adds to a distance at the very most, of so many looked at; ``noise``: 1 / n + 1 / m."""
        if self.measure == "tvd":
            share = self.above.sum(axis=0) / max(int(self.rows.sum()), 1)
            mean = float(np.sqrt(share * np.maximum(1 - share, 0)).sum()) / math.sqrt(2 * math.pi)
            return np.asarray(np.sqrt(noise) * (mean + math.sqrt(math.log(20 * looks) / 2)))
        # One share is off by no more than the largest of many.
        return np.asarray(np.sqrt(noise) * float(kolmogi(0.05 / looks)))


def _deciding(counts: Integers, chosen: Integers, cells: Cells, length: int) -> _Nights:
    rows = counts.sum(axis=1)
    if DECIDES[cells.kind] == "ks":
        return _Nights(np.cumsum(counts, axis=1)[:, :-1], rows, chosen, "ks")
    if cells.kind == "category":
        # As the comparison pools them, for a window of the usual size.
        thin = counts.sum(axis=0) / max(int(rows.sum()), 1) * np.median(rows) * length < EXPECTED
        counts = np.concatenate([counts[:, ~thin], counts[:, thin].sum(axis=1, keepdims=True)], axis=1)
    return _Nights(counts, rows, chosen, "tvd")


def _straying(nights: _Nights, length: int) -> Straying | None:
    """How far windows lie from the reference; None where no night can be compared with others."""
    held = nights.chosen[nights.rows[nights.chosen] > 0]
    others = int(nights.rows.sum()) - int(nights.rows[held].sum())
    if len(held) < 2 and not others:
        return None
    above, rows = nights.above[held].astype(np.float64), nights.rows[held].astype(np.float64)
    total, whole = above.sum(axis=0), rows.sum()
    apart = above / rows[:, None] - total / whole
    offset = 0.0
    if others:
        rest = (nights.above.sum(axis=0) - total) / others
        offset = float(nights.distances((total / whole - rest)[None])[0])
    freedom = len(held) - 1.0
    if length >= WEEK and len(held) >= WEEKS * WEEK:
        pattern = _weekly(apart, rows)
        apart, freedom = apart - pattern[np.arange(len(held)) % WEEK], freedom - WEEK + 1
        around = np.concatenate([pattern] * (length // WEEK + 2))
        offset += float(nights.distances(_means(around, length)[:WEEK]).max())
    shocks = _Shocks.of(apart, rows, total / whole, freedom)
    spread, freedom = _spread(nights.distances(apart), shocks, length, len(held))
    proved = _proved(nights, length)
    return Straying(offset, spread, freedom, proved, len(nights.rows) - length + 1)


def _weekly(apart: Floats, rows: Floats) -> Floats:
    """The mean deviation of every seventh night, 7 x figures."""
    day = np.arange(len(rows)) % WEEK
    weight = (day == np.arange(WEEK)[:, None]) * rows
    return np.asarray(weight @ apart / weight.sum(axis=1, keepdims=True))


def _means(values: Floats, length: int) -> Floats:
    sums = np.concatenate([np.zeros_like(values[:1]), np.cumsum(values, axis=0)])
    return np.asarray((sums[length:] - sums[:-length]) / length)


@dataclass(frozen=True, slots=True)
class _Shocks:
    """What nights have beside the sampling of their rows.

    Attributes:
        share: Of the squared deviations; 0 to 1.
        memory: What the next night keeps of a shock; 0 to below 1.
        freedom: Degrees of freedom left of the deviations.
        weights: Of the nights, by rows; they add up to 1.
    """

    share: float
    memory: float
    freedom: float
    weights: Floats

    @classmethod
    def of(cls, apart: Floats, rows: Floats, share: Floats, freedom: float) -> _Shocks:
        """From deviations of shares, nights x figures, and the shares of all."""
        nights, weights = len(rows), rows / rows.sum()
        squares = float((weights[:, None] * apart**2).sum())
        lost = max(freedom, 1.0) / nights
        sampled = float((share * (1 - share)).sum()) * float((weights / rows).sum()) * lost
        shocks = squares - sampled
        if shocks <= 1e-9 * squares or shocks <= 0:
            return cls(0.0, 0.0, freedom, weights)
        pairs = np.sqrt(weights[1:] * weights[:-1])
        product = float((pairs[:, None] * apart[1:] * apart[:-1]).sum()) / float(pairs.sum())
        kept = product / shocks
        # The mean that deviations are taken from follows them, which hides memory (Kendall, Biometrika 41, 1954).
        memory = kept + (1 + 3 * max(kept, 0.0)) / nights
        return cls(shocks / squares, min(max(memory, 0.0), LONGEST_MEMORY), freedom, weights)


def _spread(distances: Floats, shocks: _Shocks, length: int, nights: int) -> tuple[float, float]:
    """The deviation of how far the mean of ``length`` nights lies from that of ``nights`` others, and its freedom."""
    if not shocks.share or nights < 2:
        return 0.0, math.inf
    seen = float((shocks.weights * distances**2).sum()) * shocks.share * nights / max(shocks.freedom, 1.0)
    window, all_of_them = _spread_of_mean(shocks.memory, length), _spread_of_mean(shocks.memory, nights)
    # Deviations from a mean of nights that remember each other are smaller than from the true one.
    true = seen * (1 - 1 / nights) / (1 - all_of_them)
    square = shocks.memory**2
    freedom = min(shocks.freedom * (1 - square) / (1 + square), _tail(distances, shocks.weights, length))
    return math.sqrt(true * (window + all_of_them)), max(freedom, LEAST_FREEDOM)


def _tail(distances: Floats, weights: Floats, length: int) -> float:
    """Degrees of freedom of the Student's t whose tails are as heavy as those of the mean of so many nights.

    Its excess of the fourth moment is 6 / (nu - 4); that of a mean of independent nights is one night's over their
    number.
    """
    square = float((weights * distances**2).sum())
    excess = float((weights * distances**4).sum()) / square**2 - 3 if square > 0 else 0.0
    return 4 + 6 * length / excess if excess > 0 else math.inf


def _spread_of_mean(memory: float, nights: int) -> float:
    """The variance of a mean of nights over that of one: (1 + 2 sum (1 - k / L) rho^k) / L."""
    lags = np.arange(1, nights)
    return float(1 + 2 * ((1 - lags / nights) * memory**lags).sum()) / nights


def _proved(nights: _Nights, length: int) -> float:
    """The largest distance of a window from all other nights, less what sampling may have added."""
    above, rows = _windows(nights.above, length), _windows(nights.rows, length)
    rest = nights.rows.sum() - rows
    kept = (rows > 0) & (rest > 0)
    if length == 1:
        kept &= np.isin(np.arange(len(rows)), nights.chosen)
    if not kept.any():
        return 0.0
    above, rows, rest = above[kept], rows[kept], rest[kept]
    apart = above / rows[:, None] - (nights.above.sum(axis=0) - above) / rest[:, None]
    return float((nights.distances(apart) - nights.provable(1 / rows + 1 / rest, len(rows))).max(initial=0.0))


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


def _largest_grown(nights: Sequence[Column], length: int, kept: NDArray[np.bool_]) -> float | None:
    """The largest growth of a group of categories that are not listed, of a window against all other nights."""
    groups = np.stack([night.unlisted.dense(GROUPS) for night in nights])
    present = _column(nights, "present")
    now, rows = _windows(groups, length), _windows(present, length)
    rest, others = groups.sum(axis=0) - now, present.sum() - rows
    kept = kept & _large_enough(rows) & (others > 0)
    return largest_growth(now[kept], rest[kept], rows[kept], others[kept])


def _largest_outside(
    nights: Sequence[Column], counts: Integers, cells: Cells, length: int, kept: NDArray[np.bool_]
) -> float | None:
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
    kept = kept & _large_enough(present)
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
