"""How estimates miss: what came true on labelled nights, against what the other weeks would have let expect of them.

The band of an estimate is no formula for independent rows. On flights, three times the error of independent rows held
the truth on one night of three: what a night does to all its rows at once is not in it.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from batchops.stats.estimates.cbpe import Expected
from batchops.stats.numbers.intervals import ENOUGH_NIGHTS, LEVEL, Spread, two_sided

__all__ = ["FOLDS", "Miss", "Misses", "folds_of", "misses_of"]

Floats = NDArray[np.float64]

FOLDS = 12
"""The reference's weeks are estimated in at most so many groups, each from the others."""

NORMAL = two_sided(LEVEL)


@dataclass(frozen=True, slots=True)
class Miss:
    """A metric of one night of the reference.

    Attributes:
        expected: From other weeks.
        realised: As it came true.
    """

    expected: Expected
    realised: float


@dataclass(frozen=True, slots=True)
class Misses:
    """How far off the estimates of one metric were; the defaults are those of independent rows.

    Attributes:
        nights: How many were compared; 0 where they were fewer than eight.
        between: Variance of the misses beyond that of independent rows.
        low, high: Of a miss (estimated less realised) in its own standard deviations: 95 of 100 lie between.
    """

    nights: int = 0
    between: float = 0.0
    low: float = -NORMAL
    high: float = NORMAL

    def band(self, found: Expected) -> tuple[float, float]:
        """In which 95 of 100 such nights come true."""
        spread = math.sqrt(found.variance + self.between)
        return found.value - self.high * spread - found.error, found.value - self.low * spread + found.error

    def per(self, unit: float) -> Misses:
        """The same of a metric in other units."""
        return replace(self, between=self.between / unit / unit)

    def excess(self, found: Expected, high: bool) -> Spread:
        """How far an estimate may be too high, or too low, by itself: as its own side of the band, or half of it."""
        spread = math.sqrt(found.variance + self.between)
        side = max(self.high if high else -self.low, (self.high - self.low) / 2) * spread + found.error
        freedom = self.nights - 1 if self.nights else math.inf
        return Spread((side / two_sided(LEVEL, freedom)) ** 2, freedom)


def misses_of(nights: Sequence[Mapping[str, Miss]]) -> dict[str, Misses]:
    """By metric; those that fewer than eight nights have are left out."""
    names = sorted({name for night in nights for name in night})
    held = {name: [night[name] for night in nights if name in night] for name in names}
    return {name: _misses(each) for name, each in held.items() if len(each) >= ENOUGH_NIGHTS}


def _misses(nights: Sequence[Miss]) -> Misses:
    """Quantiles of the misses, each in its own standard deviation.

    From 39 nights on those between which 95 % of as many and one more would lie whatever their distribution is
    (conformal prediction: Vovk, Gammerman & Shafer, 2005); of fewer, Student's t.
    """
    n = len(nights)
    missed = np.array([each.expected.value - each.realised for each in nights])
    variances = np.array([each.expected.variance for each in nights])
    between = max(0.0, float((missed**2).mean() - variances.mean()))
    spread = np.sqrt(variances + between)
    apart = np.sort(np.divide(missed, spread, out=np.zeros(n), where=spread > 0))
    rank = (n + 1) * (1 - LEVEL) / 2
    if rank >= 1:
        # Between two ranks, as far as it takes to hold 95 % and no more (Hutson, 1999).
        places = np.array([rank - 1, n - rank])
        low, high = np.interp(places, np.arange(n), apart).tolist()
        return Misses(n, between, low, high)
    radius = two_sided(LEVEL, n - 1) * float(apart.std(ddof=1)) * math.sqrt(1 + 1 / n)
    return Misses(n, between, float(apart.mean()) - radius, float(apart.mean()) + radius)


def folds_of(nights: Sequence[str]) -> list[int]:
    """Which group of whole weeks each night belongs to; of nights without dates, or of one week, each is its own.

    Args:
        nights: Ascending.

    >>> folds_of(["2013-01-05", "2013-01-06", "2013-01-07"]), folds_of(["2013-01-07", "2013-01-08"])
    ([0, 0, 1], [0, 1])
    """
    try:
        dates = [dt.date.fromisoformat(night).isocalendar()[:2] for night in nights]
    except ValueError:
        dates = []
    weeks = sorted(set(dates))
    places = [weeks.index(each) for each in dates] if len(weeks) > 1 else list(range(len(nights)))
    count = max(places, default=0) + 1
    return [place * min(FOLDS, count) // count for place in places]
