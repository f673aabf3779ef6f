"""The figures of Evidently 0.7: DataDriftPreset and ValueDrift with their defaults.

Missing, NaN and infinite values are left out. A column's type is the current side's: integers of at most ten different
values are categories, texts of which more than half differ are not compared here (Evidently trains a classifier of
words on them), and unsigned integers and temporal columns are not compared by Evidently either.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from scipy.special import rel_entr

from batchops.stats.parity.distances import (
    chi_square,
    counted,
    deviation,
    js_distance,
    ks,
    proportions,
    sturges,
    wasserstein,
)
from batchops.stats.parity.figures import ParityFigure, finite
from batchops.stats.parity.kolmogorov import two_samples
from batchops.stats.parity.sides import Floats, Pair, Side, paired

__all__ = ["DATASET_SHARE", "VERSION", "figures"]

VERSION = "0.7"

DATASET_SHARE = 0.5
"""Of drifted columns, from which on the dataset drifts."""

FEW_INTEGERS = 10
"""Integers of no more different values are categories."""

FEW_VALUES = 20
"""Numbers of no more different values in the reference are counted each, others in bins."""

SMALL_REFERENCE = 1000
"""Up to as many rows a test decides, from there on a distance."""

P_VALUES = ("ks", "chisquare", "z")
P_THRESHOLD, THRESHOLD = 0.05, 0.1
OFFERED = ("psi", "jensenshannon", "kl_div", "hellinger", "wasserstein")


@dataclass(frozen=True, slots=True)
class Compared:
    """Both sides of a column without infinite values, each value's rows side by side, and whether they are numbers."""

    was: Side
    now: Side
    pair: Pair
    numbers: bool

    @property
    def whole(self) -> bool:
        """Both hold integers in every row."""
        return self.was.whole and self.now.whole


def figures(column: str, reference: Side, current: Side) -> Iterator[ParityFigure]:
    """The measure that Evidently picks, and then those that it offers for both numbers and categories."""
    kind = _type(current)
    if kind not in ("numerical", "categorical"):
        yield ParityFigure(column, "text_content_drift" if kind == "text" else "", None, None, None)
        return
    was, now = reference.finite, current.finite
    if not was.held or not now.held or was.table.schema["value"] != now.table.schema["value"]:
        yield ParityFigure(column, "", None, None, None)
        return
    both = Compared(was, now, paired(was, now), kind == "numerical")
    picked = _picked(both)
    for measure in (picked, *(each for each in OFFERED if each != picked)):
        if measure != "wasserstein" or both.numbers:
            yield _figure(column, measure, _value(measure, both), measure == picked)


def _figure(column: str, measure: str, value: float | None, decides: bool) -> ParityFigure:
    threshold = P_THRESHOLD if measure in P_VALUES else THRESHOLD
    if value is None:
        return ParityFigure(column, measure, None, threshold, None, decides)
    if measure == "ks":
        drifted = value <= threshold
    else:
        drifted = value < threshold if measure in P_VALUES else value >= threshold
    return ParityFigure(column, measure, value, threshold, drifted, decides)


def _type(side: Side) -> str:
    """Evidently's type of a column, by its dtype in pandas."""
    if side.kind == "label":
        return "categorical"
    if side.kind == "boolean":
        return "categorical" if side.held == side.rows else "unknown"
    if side.kind == "text":
        return "text" if side.different > 0.5 * side.held else "categorical"
    if side.kind != "number" or (side.whole and not side.signed):
        return "unknown"
    return "categorical" if side.whole and side.different <= FEW_INTEGERS else "numerical"


def _picked(both: Compared) -> str:
    """The measure that decides, by rows of the reference and different values of both sides."""
    many = both.numbers and both.pair.table.height > 5
    if both.was.held <= SMALL_REFERENCE:
        return "ks" if many else "chisquare" if both.pair.table.height > 2 else "z"
    return "wasserstein" if many else "jensenshannon"


def _binned(both: Compared) -> tuple[Floats, Floats] | None:
    """Shares by bin of numbers with many values, by value otherwise; None where numpy makes no such bins."""
    pair = both.pair
    counts = pair.reference, pair.current
    if both.numbers and both.was.different > FEW_VALUES:
        rows = both.was.held + both.now.held
        edges = sturges(float(pair.values[0]), float(pair.values[-1]), rows, both.whole)
        if edges is None:
            return None
        counts = counted(pair.values, pair.reference, edges), counted(pair.values, pair.current, edges)
    return counts[0] / both.was.held, counts[1] / both.now.held


def _filled(shares: Floats) -> Floats:
    """Empty cells at 1e-4, or at a millionth of the smallest share where that is no larger."""
    least = float(shares[shares > 0].min())
    return np.where(shares == 0, least / 10**6 if least <= 0.0001 else 0.0001, shares)


def _psi(shares: tuple[Floats, Floats]) -> float:
    p, q = _filled(shares[0]), _filled(shares[1])
    return float(((p - q) * np.log(p / q)).sum())


def _kl_div(shares: tuple[Floats, Floats]) -> float:
    p, q = _filled(shares[0]), _filled(shares[1])
    return float(rel_entr(p / p.sum(), q / q.sum()).sum())


def _js(shares: tuple[Floats, Floats]) -> float:
    return js_distance(*shares, base=math.e)


BINNED: Mapping[str, Callable[[tuple[Floats, Floats]], float]] = {"psi": _psi, "kl_div": _kl_div, "jensenshannon": _js}


def _value(measure: str, both: Compared) -> float | None:
    pair = both.pair
    if measure in BINNED:
        shares = _binned(both)
        return None if shares is None else finite(BINNED[measure](shares))
    if measure == "wasserstein":
        return finite(wasserstein(pair) / max(deviation(both.was.values, both.was.counts), 0.001))
    if measure == "ks":
        return two_samples(ks(pair), both.was.held, both.now.held)
    if measure == "hellinger":
        return _hellinger(both)
    return chi_square(pair) if measure == "chisquare" else proportions(pair)


def _hellinger(both: Compared) -> float | None:
    """By value of categories; of numbers by bins, of which there are as many as for one row of each value."""
    pair = both.pair
    p, q, width = pair.reference / both.was.held, pair.current / both.now.held, 1.0
    if both.numbers:
        edges = sturges(float(pair.values[0]), float(pair.values[-1]), len(pair.values), both.whole)
        if edges is None:
            return None
        # Densities: those of a very wide range are too small to be multiplied, and Evidently answers 1.
        p = counted(pair.values, pair.reference, edges) / np.diff(edges) / both.was.held
        q = counted(pair.values, pair.current, edges) / np.diff(edges) / both.now.held
        width = float(edges[-1] - edges[0]) / (len(edges) - 1)
    alike = float((np.sqrt(p * q) * width).sum())
    return math.sqrt(1 - min(1.0, alike))
