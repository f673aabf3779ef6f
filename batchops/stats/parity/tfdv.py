"""The figures of TensorFlow Data Validation 1.16: the distances of its drift comparators, which have no threshold.

Numbers are compared by the Jensen-Shannon *divergence* in base 2 of two histograms of ten equal bins, each over its own
side's range, cut at the edges of both as if the rows of a bin lay evenly in it. Each histogram is made of a thousand
quantiles. Texts are compared over the thousand commonest of each side. What TFDV only approximates, the quantiles of
more than 5,701 different numbers and the counts of more than 1,024 texts, is approximated as by its in-memory
statistics. Booleans are numbers to it, it fails on categorical columns, and missing values and NaN are left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import numpy as np
import polars as pl

from batchops.stats.parity.figures import ParityFigure, finite
from batchops.stats.parity.sides import Floats, Side, tally
from batchops.stats.parity.sketches import BLOCK, COUNTERS, Summary, commonest, exact, summarised

__all__ = ["VERSION", "Counted", "figures", "read"]

VERSION = "1.16"

BINS = 10

QUANTILES = 1000

LISTED = 1000
"""Texts that TFDV keeps of a side."""


@dataclass(frozen=True, slots=True)
class Counted:
    """A column's rows as TFDV counts them.

    Attributes:
        side: All of them; of texts the counts that TFDV has.
        summary: Of numbers.
    """

    side: Side
    summary: Summary | None = None


def read(batches: Callable[[], Iterator[pl.Series]]) -> Counted:
    """Read a column; a second time where it has too many different values to be known exactly."""
    side = tally(batches())
    if side.kind == "text" and side.different > COUNTERS:
        return Counted(replace(side, table=commonest(batches())))
    if side.kind == "boolean":
        side = replace(side, kind="number", table=side.table.cast({"value": pl.Float64}).sort("value"))
    if side.kind != "number":
        return Counted(side)
    return Counted(side, summarised(batches()) if side.different > BLOCK else exact(side.values, side.counts))


def figures(column: str, reference: Counted, current: Counted) -> Iterator[ParityFigure]:
    """The divergence; of texts L-infinity first, which is what its guide compares them by."""
    was, now = reference.side, current.side
    if was.kind != now.kind or was.kind not in ("number", "text"):
        yield ParityFigure(column, "", None, None, None)
        return
    if was.kind == "number":
        yield ParityFigure(column, "jensen_shannon_divergence", _js_of_numbers(reference, current), None, None)
        return
    shares = _listed(was, now)
    yield ParityFigure(column, "linf", _linf(shares), None, None)
    yield ParityFigure(column, "jensen_shannon_divergence", _divergence(*shares), None, None, decides=False)


def _listed(reference: Side, current: Side) -> tuple[Floats, Floats]:
    """Shares of the commonest values of either side; of as many rows the last in the order of values come first."""
    was, now = (
        side.table.with_columns(pl.col("value").cast(pl.String))
        .sort("rows", "value", descending=True)
        .head(LISTED)
        .with_columns(share=pl.col("rows") / pl.col("rows").sum())
        .select("value", "share")
        for side in (reference, current)
    )
    both = was.join(now, on="value", how="full", coalesce=True, suffix="_now").fill_null(0.0).sort("value")
    return both["share"].to_numpy(), both["share_now"].to_numpy()


def _linf(shares: tuple[Floats, Floats]) -> float | None:
    was, now = shares
    return float(np.abs(was - now).max()) if was.sum() and now.sum() else None


def _divergence(was: Floats, now: Floats) -> float | None:
    """Jensen-Shannon, base 2, of weights of the same cells; None where a side has none."""
    if not was.sum() or not now.sum():
        return None
    was, now = was / was.sum(), now / now.sum()
    middle, total = (was + now) / 2, 0.0
    for share in (was, now):
        held = share > 0
        total += float((share[held] * np.log2(share[held] / middle[held])).sum()) / 2
    return min(1.0, total)


@dataclass(frozen=True, slots=True)
class Histogram:
    """A side's rows as TFDV keeps them.

    Attributes:
        edges: Of bins of equal width; none where all finite rows hold one value.
        weights: Rows of each bin.
        point: That one value.
        at_point: Rows that hold it.
        infinite: Rows that are infinite.
    """

    edges: Floats = field(default_factory=lambda: np.zeros(0))
    weights: Floats = field(default_factory=lambda: np.zeros(0))
    point: float | None = None
    at_point: float = 0.0
    infinite: float = 0.0


def _js_of_numbers(reference: Counted, current: Counted) -> float | None:
    """Over the cells that the edges of both histograms make, a cell for each point, and one a side for infinity."""
    was, now = _histogram(reference), _histogram(current)
    edges = np.union1d(was.edges, now.edges)
    points = sorted({each.point for each in (was, now) if each.point is not None})
    cells = []
    for side, infinite in ((was, [was.infinite, 0.0]), (now, [0.0, now.infinite])):
        held = [side.at_point if side.point == point else 0.0 for point in points]
        cells.append(np.concatenate([_cut(side, edges), held, infinite]))
    value = _divergence(*cells)
    return None if value is None else finite(value)


def _cut(side: Histogram, edges: Floats) -> Floats:
    """Rows in finer bins, as if they lay evenly in each bin."""
    cells = np.zeros(max(0, len(edges) - 1))
    if not len(side.edges):
        return cells
    inside = np.searchsorted(side.edges, edges[:-1], "right") - 1
    held = (inside >= 0) & (inside < len(side.weights))
    of = inside[held]
    cells[held] = np.diff(edges)[held] / np.diff(side.edges)[of] * side.weights[of]
    return cells


def _histogram(counted: Counted) -> Histogram:
    """Ten equal bins over the finite values, weighted by how much of each quantile's interval lies in them."""
    side = counted.side
    finite_values = side.finite.values
    infinite = float(side.held - side.finite.held)
    if not len(finite_values) or counted.summary is None:
        return Histogram(infinite=infinite)
    low, high = float(finite_values[0]), float(finite_values[-1])
    if low == high:
        return Histogram(point=low, at_point=float(side.finite.held), infinite=infinite)
    edges = np.linspace(low, high, BINS + 1)
    if not np.isfinite(edges).all():
        return Histogram(infinite=infinite)
    lows, highs, weights = _intervals(*_without_infinity(side, *_quantiles(counted.summary)))
    return Histogram(edges, _overlap(edges, lows, highs) @ weights, infinite=infinite)


def _quantiles(summary: Summary) -> tuple[Floats, Floats]:
    """The values nearest to equally spaced ranks, and the rows up to each of them."""
    last = len(summary.values) - 1
    twice_rank = 2 * (np.arange(QUANTILES + 1) * summary.high[-1] / QUANTILES)
    following = np.maximum(np.searchsorted(summary.low + summary.high, twice_rank, "right"), 1)
    at, after = following - 1, np.minimum(following, last)
    ends = summary.low[at] + summary.weights[at] + summary.high[after] - summary.weights[after]
    at = np.where((following > last) | (twice_rank < ends), at, after)
    return summary.values[at], summary.high[at]


def _without_infinity(side: Side, quantiles: Floats, up_to: Floats) -> tuple[Floats, Floats]:
    first = int(np.searchsorted(quantiles, -np.inf, "right"))
    if first:
        quantiles, up_to = quantiles[first:], up_to[first:] - up_to[first - 1]
    positive = float(side.counts[side.values == np.inf].sum())
    if positive:
        last = int(np.searchsorted(quantiles, np.inf, "left"))
        finite_rows = up_to[-1] - positive
        quantiles = np.append(quantiles[:last], side.finite.values[-1])
        up_to = np.append(up_to[:last], finite_rows)
    return quantiles, up_to


def _intervals(quantiles: Floats, up_to: Floats) -> tuple[Floats, Floats, Floats]:
    """Low, high and rows of the intervals between quantiles; those that end at one value share their rows evenly."""
    lows, highs, weights = quantiles[:-1], quantiles[1:], np.diff(up_to)
    if not len(lows):
        return lows, highs, weights
    starts = np.append(0, np.flatnonzero(np.diff(highs)) + 1)
    lengths = np.diff(np.append(starts, len(highs)))
    weights = np.repeat(np.add.reduceat(weights, starts) / lengths, lengths)
    first = (lows == lows[0]) & (highs == highs[0])
    weights[first] += up_to[0] / first.sum()
    return lows, highs, weights


def _overlap(edges: Floats, lows: Floats, highs: Floats) -> Floats:
    """Which part of each interval lies in each bin, bins x intervals; a point on an edge lies in the bin below."""
    left, right = edges[:-1, None], edges[1:, None]
    width = highs - lows
    inside = np.clip(np.minimum(right, highs) - np.maximum(left, lows), 0.0, None) / np.where(width > 0, width, 1.0)
    point = (left < lows) & (lows <= right)
    point[0] |= lows == edges[0]
    return np.where(width > 0, inside, point)
