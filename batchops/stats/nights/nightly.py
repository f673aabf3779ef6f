"""A figure's nights: how they vary by themselves, and what the next of them should be.

A night's value is y = mu + x + e: the figure's level, the night's own circumstances (a storm, a holiday rush), and what
its rows show by chance. Circumstances last: x is autoregressive, with correlation rho from one day to the next and a
standard deviation tau. The level is unknown, and so are rho and tau: all likely pairs are kept, each with its weight,
so what 40 nights cannot know about them widens what is expected (a Kalman filter over a grid; Harvey, Forecasting,
Structural Time Series Models, 1989, 3.2).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from batchops.stats.numbers.intervals import LEVEL, Estimate, two_sided

__all__ = [
    "ENOUGH_FOR_WEEKDAYS",
    "Level",
    "Nightly",
    "innovations",
    "level_of",
    "likeness",
    "moved",
    "shift_of",
    "weekday_effects",
]

Floats = NDArray[np.float64]

RHO = np.tanh(np.linspace(0, 2.65, 12))
TAU = np.geomspace(0.1, 4.0, 18)
"""The grid: correlations of neighbouring days, and standard deviations in those of the reference's values. It is dense
towards a correlation of 1, of which a stretch of nights shows too little: their own spread is then too small."""

DIFFUSE = 1e4
"""Variance of the level before the first night, in variances of the values."""

ENOUGH_FOR_WEEKDAYS = 8
"""Nights of each weekday that the reference needs for weekdays to be told apart."""

EXTREME = 8.0
"""Standard deviations beyond which an innovation is not told apart."""


@dataclass(frozen=True, slots=True)
class Nightly:
    """A figure's values by night, oldest first.

    Attributes:
        nights: ISO dates.
        values: Finite.
        errors: Standard error of each for independent rows; 0 where a value is exact.
    """

    nights: tuple[str, ...] = ()
    values: tuple[float, ...] = ()
    errors: tuple[float, ...] = ()

    def last(self, count: int) -> Nightly:
        """The newest of them."""
        return Nightly(self.nights[-count:], self.values[-count:], self.errors[-count:])

    def minus(self, effects: Mapping[int, float]) -> Nightly:
        """Without what their weekdays (0 is Monday) are known to add."""
        values = (v - effects.get(weekday(night), 0.0) for night, v in zip(self.nights, self.values, strict=True))
        return replace(self, values=tuple(values))

    def days(self) -> Floats:
        """Their dates, in days."""
        return np.array([dt.date.fromisoformat(night).toordinal() for night in self.nights], dtype=np.float64)


def weekday(night: str) -> int:
    """0 for Monday.

    >>> weekday("2013-07-04")
    3
    """
    return dt.date.fromisoformat(night).weekday()


@dataclass(frozen=True, slots=True, eq=False)
class Level:
    """What is known of a figure after some nights: one entry a pair of the grid.

    Attributes:
        weights: Of each pair; their sum is 1.
        rho, tau: The pairs.
        mean, circumstance: Expected level, and expected x of the last night.
        level_variance, covariance, variance: Of the level, of level and x, and of x.
        day: The last night's, or None before the first.
        nights: How many were seen.
    """

    weights: Floats
    rho: Floats
    tau: Floats
    mean: Floats
    circumstance: Floats
    level_variance: Floats
    covariance: Floats
    variance: Floats
    day: float | None = None
    nights: int = 0

    @property
    def value(self) -> float:
        """The expected level."""
        return float((self.weights * self.mean).sum())

    @property
    def spread(self) -> float:
        """The standard deviation of the night's own circumstances."""
        return float(np.sqrt((self.weights * self.tau**2).sum()))

    @property
    def correlation(self) -> float:
        """Of neighbouring nights' circumstances."""
        return float((self.weights * self.rho).sum())


def level_of(nightly: Nightly) -> Level:
    """What a figure's nights tell of its level and of how it varies; 2 nights or more."""
    values = np.array(nightly.values)
    scale = float(values.std(ddof=1)) or max(nightly.errors, default=0.0) or max(abs(float(values[0])), 1.0) * 1e-6
    rho, tau = (each.ravel() for each in np.meshgrid(RHO, TAU * scale))
    start = np.full(rho.size, float(values[0]))
    level = Level(
        weights=np.full(rho.size, 1 / rho.size),
        rho=rho,
        tau=tau,
        mean=start,
        circumstance=np.zeros(rho.size),
        level_variance=np.full(rho.size, DIFFUSE * scale**2),
        covariance=np.zeros(rho.size),
        variance=tau**2,
    )
    for day, value, error in zip(nightly.days(), nightly.values, nightly.errors, strict=True):
        level, _ = _seen(level, day, (value, error))
    return level


def _seen(level: Level, day: float, night: tuple[float, float]) -> tuple[Level, float]:
    """After one more night; with the probability of a value no larger than its, as a normal quantile."""
    value, error = night
    carried = level.rho ** (1.0 if level.day is None else max(day - level.day, 1.0))
    circumstance, covariance = carried * level.circumstance, carried * level.covariance
    variance = carried**2 * level.variance + level.tau**2 * (1 - carried**2)
    total = level.level_variance + 2 * covariance + variance + error**2
    total = np.maximum(total, np.finfo(np.float64).tiny)
    off = value - level.mean - circumstance
    below = float((level.weights * ndtr(off / np.sqrt(total))).sum())
    above = float((level.weights * ndtr(-off / np.sqrt(total))).sum())
    quantile = float(ndtri(below)) if below < above else -float(ndtri(above))
    to_level, to_night = (level.level_variance + covariance) / total, (covariance + variance) / total
    odds = np.log(level.weights) - (np.log(total) + off**2 / total) / 2
    weights = np.exp(odds - odds.max())
    seen = replace(
        level,
        # A pair that seems impossible may come back: no weight ever vanishes.
        weights=np.maximum(weights / weights.sum(), 1e-30),
        mean=level.mean + to_level * off,
        circumstance=circumstance + to_night * off,
        level_variance=level.level_variance - to_level**2 * total,
        covariance=covariance - to_level * to_night * total,
        variance=variance - to_night**2 * total,
        day=day,
        nights=level.nights + 1,
    )
    return seen, min(max(quantile, -EXTREME), EXTREME)


def innovations(level: Level, nightly: Nightly, margin: float = 0.0) -> Floats:
    """By night, how far above what was expected it lies, in standard deviations: independent and standard normal
    where the figure's level has risen by ``margin`` since the reference, and below that where it has not.

    Rising after rising night is not counted again and again: what a night shows is expected of the next.

    Args:
        level: Of the reference.
        nightly: Later nights.
        margin: Rise that does not matter yet; to look for a fall, negate the values of both.
    """
    found = []
    for day, value, error in zip(nightly.days(), nightly.values, nightly.errors, strict=True):
        level, quantile = _seen(level, day, (value - margin, error))
        found.append(quantile)
    return np.array(found)


def shift_of(level: Level, nightly: Nightly) -> Estimate:
    """How far the mean of some nights lies from the reference's level; its chances count both sides.

    The mean of nights of one stretch has the variance of the level, plus that of `_wandering`.
    """
    count = len(nightly.values)
    if not count or level.nights < 2:
        return Estimate(None, nights=count)
    off = float(np.mean(nightly.values)) - level.mean
    return _estimate(level.weights, off, level.level_variance + _wandering(level, nightly), count)


def _estimate(weights: Floats, off: Floats, variance: Floats, nights: int) -> Estimate:
    """How far something lies off, by pair of the grid, with the chances of both sides."""
    deviation, value = np.sqrt(variance), float((weights * off).sum())
    spread = float(np.sqrt((weights * (variance + (off - value) ** 2)).sum()))

    def chance(edge: float) -> float:
        tails = ndtr((edge - np.abs(off)) / deviation) + ndtr((-edge - np.abs(off)) / deviation)
        return min(1.0, float((weights * tails).sum()))

    radius = two_sided(LEVEL) * spread
    return Estimate(value, value - radius, value + radius, nights=nights, chance=chance)


def likeness(level: Level, nightly: Nightly) -> float:
    """How many times as much the mean of some nights varies as it would if none knew of the night before; 1 or more.

    By the likeliest pair of the grid: that unlikely ones cannot be ruled out would hide every change.
    """
    best = int(np.argmax(level.weights))
    alone = (level.tau[best] ** 2 + float(np.mean(np.square(nightly.errors)))) / len(nightly.values)
    return max(1.0, float(_wandering(level, nightly)[best] / alone)) if alone > 0 else 1.0


def _wandering(level: Level, nightly: Nightly) -> Floats:
    """Variance of the mean of some nights about the level, by pair of the grid."""
    count = len(nightly.values)
    return _variance(level, nightly, np.full(count, 1 / count))


def _variance(level: Level, nightly: Nightly, shares: Floats) -> Floats:
    """Variance of a sum of nights' shares, by pair: tau^2 sum u_i u_j rho^|i - j| + sum u_i^2 e_i^2."""
    days = nightly.days()
    apart = np.abs(days[:, None] - days[None, :])
    rho, places = np.unique(level.rho, return_inverse=True)
    together = np.array([shares @ each**apart @ shares for each in rho])[places]
    return np.asarray(level.tau**2 * together + (shares**2 * np.square(nightly.errors)).sum())


def moved(before: Nightly, after: Nightly) -> Estimate:
    """How far the mean of some nights lies from that of earlier ones, where both show how nights follow each other.

    Each side is taken from its own mean, so that a change between them is not taken for nights that wander. The
    difference is a sum of shares of 1 / L after and of -1 / L before; its chances count both sides.

    Args:
        before, after: Two nights or more.
    """
    sides = [np.array(each.values) for each in (before, after)]
    apart = tuple(np.concatenate([each - each.mean() for each in sides]).tolist())
    joined = Nightly(before.nights + after.nights, apart, before.errors + after.errors)
    level = level_of(joined)
    shares = np.concatenate([np.full(len(each), sign / len(each)) for each, sign in zip(sides, (-1, 1), strict=True)])
    off = np.full(len(level.weights), float(sides[1].mean() - sides[0].mean()))
    return _estimate(level.weights, off, _variance(level, joined, shares), len(after.values))


def weekday_effects(nightly: Nightly) -> Mapping[int, float]:
    """What each weekday adds to the figure, shrunk towards nothing by as much as chance alone would show.

    The James-Stein factor is 1 - (W - 3) s^2 / sum n_w d_w^2, at least 0, for W weekdays whose means lie d_w from
    their common mean (Efron & Morris, 1973). Empty where some weekday has fewer than `ENOUGH_FOR_WEEKDAYS` nights.
    """
    values, days = np.array(nightly.values), np.array([weekday(night) for night in nightly.nights], dtype=np.int64)
    counts = np.bincount(days, minlength=7)
    if counts.min() < ENOUGH_FOR_WEEKDAYS:
        return {}
    means = np.bincount(days, values, minlength=7) / counts
    apart = means - means.mean()
    within = float(((values - means[days]) ** 2).sum()) / (len(values) - 7)
    between = float((counts * apart**2).sum())
    kept = max(0.0, 1 - 4 * within / between) if between > 0 else 0.0
    return {day: float(kept * each) for day, each in enumerate(apart)} if kept else {}
