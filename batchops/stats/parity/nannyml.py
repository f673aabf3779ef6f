"""The figures of NannyML 0.13: UnivariateDriftCalculator with its defaults.

Both sides are cut in chunks of a tenth of their rows, in their order, and what is left over is a chunk of its own. Each
is compared with the whole reference; the threshold is the mean of the reference's own chunks plus three standard
deviations, which takes no notice of how large a chunk is. Integers are numbers, however few; temporal columns are not
compared. Missing values and NaN are left out; with an infinite value it fails.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from batchops.stats.parity.distances import contingency, counted, doane, hellinger, js_distance, ks, wasserstein
from batchops.stats.parity.figures import ParityFigure, finite
from batchops.stats.parity.sides import Floats, Pair, Side, paired

__all__ = ["CHUNKS", "VERSION", "Chunks", "figures"]

VERSION = "0.13"

CHUNKS = 10
"""In which a side is cut, if the rows of a chunk are not given."""

LARGE_REFERENCE = 10_000
"""From as many rows on, ks and wasserstein are taken over `BINS` equal bins of the reference's range."""

BINS = 10_000

DECIDES = "jensen_shannon"

HIGHEST: Mapping[str, float] = {"kolmogorov_smirnov": 1.0}
"""Thresholds are no higher; those of the other distances are not bounded, though none can be more than 1."""

SIGNIFICANT = 0.05
"""P-value below which chi2 is drift, whatever its threshold."""

NUMBERS = (DECIDES, "kolmogorov_smirnov", "wasserstein", "hellinger")
CATEGORIES = (DECIDES, "chi2", "l_infinity", "hellinger")


@dataclass(frozen=True, slots=True)
class Chunks:
    """Both sides cut in chunks, each to be read once."""

    reference: Iterator[Side]
    current: Iterator[Side]


@dataclass(frozen=True, slots=True)
class Answer:
    """One measure of one chunk, and whether it is drift where that does not go by the threshold."""

    value: float | None
    alert: bool | None = None


UNKNOWN = Answer(None, False)


def figures(column: str, reference: Side, chunks: Chunks) -> Iterator[ParityFigure]:
    """Every measure that NannyML has for the column's kind, the one it takes by itself first."""
    fitted = _fit(reference)
    if fitted is None:
        yield ParityFigure(column, "", None, None, None)
        return
    own, now = ([fitted.compare(chunk) for chunk in side] for side in (chunks.reference, chunks.current))
    for measure in fitted.names:
        yield _figure(column, measure, [each[measure] for each in own], [each[measure] for each in now])


def _figure(column: str, measure: str, own: list[Answer], now: list[Answer]) -> ParityFigure:
    known = np.array([answer.value for answer in own if answer.value is not None])
    threshold = None
    if known.size and measure != "chi2":
        with np.errstate(over="ignore"):
            threshold = finite(min(float(known.mean() + 3 * known.std()), HIGHEST.get(measure, np.inf)))
    values = tuple(answer.value for answer in now)
    alerts = [_alerts(answer, threshold) for answer in now]
    largest = max((value for value in values if value is not None), default=None)
    drifted = None if largest is None else any(alerts)
    return ParityFigure(column, measure, largest, threshold, drifted, measure == DECIDES, values)


def _alerts(answer: Answer, threshold: float | None) -> bool:
    if answer.alert is not None:
        return answer.alert
    return answer.value is not None and threshold is not None and answer.value > threshold


def _fit(reference: Side) -> Numbers | Categories | None:
    """None for a column that NannyML does not compare, or fails on."""
    if not reference.held or reference.kind == "other" or reference.finite.held < reference.held:
        return None
    if reference.kind != "number":
        return Categories(reference, reference.counts / reference.held)
    edges = doane(reference.values, reference.counts)
    if edges is None:
        return None
    return Numbers(reference, edges, counted(reference.values, reference.counts, edges) / reference.held)


def _with_rest(was: Floats, now: Floats) -> tuple[Floats, Floats]:
    """One more cell for the rows that lie in none of the reference's."""
    rest = 1 - float(now.sum())
    return (np.append(was, 0.0), np.append(now, rest)) if rest > 0 else (was, now)


@dataclass(frozen=True, slots=True)
class Categories:
    """A reference of categories.

    Attributes:
        shares: Of each of its values.
    """

    reference: Side
    shares: Floats
    names: tuple[str, ...] = CATEGORIES

    def compare(self, chunk: Side) -> Mapping[str, Answer]:
        """Every measure of a chunk."""
        if not chunk.held or chunk.kind != self.reference.kind:
            return dict.fromkeys(self.names, UNKNOWN)
        pair = paired(self.reference, chunk)
        was, now = pair.reference / self.reference.held, pair.current / chunk.held
        shares = _with_rest(self.shares, now[pair.reference > 0])
        statistic, p_value = contingency(pair)
        return {
            DECIDES: Answer(js_distance(*shares, base=2)),
            "chi2": Answer(statistic, p_value < SIGNIFICANT),
            "l_infinity": Answer(float(np.abs(was - now).max())),
            "hellinger": Answer(hellinger(*shares)),
        }


@dataclass(frozen=True, slots=True)
class Numbers:
    """A reference of numbers.

    Attributes:
        edges: Of Doane's bins.
        shares: Of each bin.
    """

    reference: Side
    edges: Floats
    shares: Floats
    names: tuple[str, ...] = NUMBERS

    def compare(self, chunk: Side) -> Mapping[str, Answer]:
        """Every measure of a chunk."""
        if not chunk.held or chunk.kind != "number":
            return dict.fromkeys(self.names, UNKNOWN)
        shares = _with_rest(self.shares, counted(chunk.values, chunk.counts, self.edges) / chunk.held)
        if self.reference.held >= LARGE_REFERENCE:
            distance, area = _ks_binned(self.reference, chunk), _wasserstein_binned(self.reference, chunk)
        else:
            pair: Pair = paired(self.reference, chunk)
            distance, area = ks(pair), wasserstein(pair)
        return {
            DECIDES: Answer(js_distance(*shares, base=2)),
            "kolmogorov_smirnov": Answer(distance),
            "wasserstein": Answer(finite(area)),
            "hellinger": Answer(hellinger(*shares)),
        }


def _shares_below(side: Side, edges: Floats) -> Floats:
    """Of the rows inside the edges, cumulative at the right end of each bin."""
    return np.cumsum(counted(side.values, side.counts, edges) / side.held)


def _ks_binned(reference: Side, chunk: Side) -> float:
    """The largest difference of the cumulative shares, at the right ends of equal bins of the reference's range."""
    edges = np.linspace(reference.values[0], reference.values[-1], BINS + 1)
    below = float(chunk.counts[chunk.values < edges[0]].sum()) / chunk.held
    return float(np.abs(_shares_below(reference, edges) - (below + _shares_below(chunk, edges))).max())


def _wasserstein_binned(reference: Side, chunk: Side) -> float:
    """The area between the cumulative shares over the same bins, and beyond them how far the rows lie outside.

    NannyML counts one row too many below the range, if there are any, and so do we.
    """
    low, high = float(reference.values[0]), float(reference.values[-1])
    if low == high:
        low, high = low - 0.5, high + 0.5
    edges = np.linspace(low, high, BINS + 1)
    smaller, larger = chunk.values < low, chunk.values > high
    outside = float(((low - chunk.values) * chunk.counts)[smaller].sum())
    outside += float(((chunk.values - high) * chunk.counts)[larger].sum())
    below = (float(chunk.counts[smaller].sum()) + 1) / chunk.held if smaller.any() else 0.0
    apart = np.abs(_shares_below(reference, edges) - (_shares_below(chunk, edges) + below))
    return float((apart * (edges[1] - edges[0])).sum()) + outside / chunk.held
