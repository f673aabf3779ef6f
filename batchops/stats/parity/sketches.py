"""TFDV's two approximate summaries, as its in-memory statistics make them of the rows in their order.

Both are exact of few different values. Of many they depend on the order of the rows, and can only be had by doing the
same with it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl

from batchops.stats.parity.sides import Floats, Integers

__all__ = ["BLOCK", "COUNTERS", "Summary", "commonest", "exact", "summarised"]

COUNTERS = 1024
"""Texts that are counted at a time."""

BLOCK = 5701
"""Values that a level of the summary of numbers holds; no more different ones are all kept."""

PRECISION = 0.01 / 3


def commonest(batches: Iterable[pl.Series]) -> pl.DataFrame:
    """Texts by 1,024 counters, each raised by what was taken off all of them (Misra & Gries, 1982).

    Where fewer texts are left, those whose count fell to nothing last fill their places. One of these is left out by
    TFDV, by the order of a hash that differs from process to process, so its own figures do too; here it is the last.

    Returns:
        ``value``, sorted, and ``rows``.
    """
    counts, dropped, taken = dict[str, int](), list[str](), 0
    for series in batches:
        for text in series.drop_nulls().cast(pl.String).to_list():
            counts[text] = counts.get(text, 0) + 1
            if len(counts) > COUNTERS:
                dropped = [each for each, count in counts.items() if count == 1 and each != text]
                counts = {each: count - 1 for each, count in counts.items() if count > 1}
                taken += 1
    spare = sorted(set(dropped) - set(counts))[: COUNTERS - len(counts)]
    rows = {text: count + taken for text, count in counts.items()} | dict.fromkeys(spare, taken)
    table = pl.DataFrame({"value": list(rows), "rows": list(rows.values())}, {"value": pl.String, "rows": pl.Int64})
    return table.sort("value")


@dataclass(frozen=True, slots=True)
class Summary:
    """Some of the values in their order, and between which ranks each may lie.

    Attributes:
        weights: Rows of each value.
        low, high: Fewest rows below it, and most rows up to it.
    """

    values: Floats
    weights: Floats
    low: Floats
    high: Floats

    def at(self, places: Integers) -> Summary:
        """Only these entries."""
        return Summary(self.values[places], self.weights[places], self.low[places], self.high[places])


def exact(values: Floats, counts: Integers) -> Summary:
    """All values, sorted and different, whose ranks are known."""
    high = np.cumsum(counts).astype(np.float64)
    return Summary(values, counts.astype(np.float64), high - counts, high)


def summarised(batches: Iterable[pl.Series]) -> Summary:
    """The summary of numbers (Zhang & Wang, 2007): blocks of rows are thinned out and merged, level by level."""
    levels = list[Summary | None]()
    for rows in _blocks(batches):
        summary = _thinned(exact(*np.unique(rows, return_counts=True)))
        for level in range(len(levels) + 1):
            if level == len(levels):
                levels.append(None)
            held = levels[level]
            summary = _merged(summary, held)
            if held is None or len(summary.values) <= BLOCK + 1:
                levels[level] = summary
                break
            levels[level], summary = None, _thinned(summary)
    whole: Summary | None = None
    for held in levels:
        whole = held if whole is None else _merged(whole, held)
    return whole if whole is not None else exact(np.zeros(0), np.zeros(0, dtype=np.int64))


def _blocks(batches: Iterable[pl.Series]) -> Iterator[Floats]:
    """Each two blocks of rows with a value, and the rest."""
    kept = np.zeros(0)
    for series in batches:
        kept = np.concatenate([kept, series.cast(pl.Float64).drop_nulls().drop_nans().to_numpy()])
        whole = len(kept) - len(kept) % (2 * BLOCK)
        yield from (kept[start : start + 2 * BLOCK] for start in range(0, whole, 2 * BLOCK))
        kept = kept[whole:]
    if len(kept):
        yield kept


def _merged(one: Summary, other: Summary | None) -> Summary:
    if other is None:
        return one
    values = np.union1d(one.values, other.values)
    weights, low, high = np.zeros(len(values)), np.zeros(len(values)), np.zeros(len(values))
    for side in (one, other):
        at = np.searchsorted(side.values, values, "left")
        inside = np.minimum(at, len(side.values) - 1)
        held = side.values[inside] == values
        weights += np.where(held, side.weights[inside], 0.0)
        before = np.maximum(at - 1, 0)
        below = np.where(at > 0, side.low[before] + side.weights[before], 0.0)
        above = np.where(at < len(side.values), side.high[inside] - side.weights[inside], side.high[-1])
        low += np.where(held, side.low[inside], below)
        high += np.where(held, side.high[inside], above)
    return Summary(values, weights, low, high)


def _thinned(summary: Summary) -> Summary:
    """About a block of entries, of which neighbours may be any known number of ranks apart, but no more."""
    entries = len(summary.values)
    if entries <= BLOCK:
        return summary
    apart = summary.high[-1] * max(1.0 / BLOCK, PRECISION)
    starts, ends = (summary.high - summary.weights).tolist(), (summary.low + summary.weights).tolist()
    kept, reading, saved = [0], 0, 0
    while reading + 1 < entries:
        following, end = reading + 1, ends[reading]
        while following < entries and saved < entries and starts[following] - end <= apart:
            saved += BLOCK
            following += 1
        reading = max(reading + 1, following - 1)
        kept.append(reading)
        saved -= entries
    return summary.at(np.array(kept))
