"""Two independent estimates of one figure: by how much it changed, and how likely chance alone would change it so."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

from batchops.stats.numbers.intervals import LEVEL, Estimate, Spread, two_sided

__all__ = ["fallen", "risen", "shifted", "widened"]


def _spread(estimate: Estimate) -> Spread | None:
    """How an estimate varies, read from its interval: the longer half, since one side may be cut off at a bound.

    Rows that are all alike do not say that none is otherwise: up to three in n may be (Hanley & Lippman-Hand, 1983).
    """
    if estimate.value is None or estimate.lower is None or estimate.upper is None:
        return None
    half = max(estimate.upper - estimate.value, estimate.value - estimate.lower) - estimate.error
    if estimate.n:
        half = max(half, 3 * abs(estimate.value) / estimate.n)
    freedom = estimate.freedom
    return Spread((max(half, 0.0) / two_sided(LEVEL, freedom)) ** 2, freedom)


def _per(estimate: Estimate, unit: float) -> Estimate:
    """The same in other units, before anything is squared: a number of 10^300 has a square that none holds."""
    value, lower, upper = (None if x is None else x / unit for x in (estimate.value, estimate.lower, estimate.upper))
    return replace(estimate, value=value, lower=lower, upper=upper, error=estimate.error / unit)


def _together(now: Spread, was: Spread, weight: float = 1.0) -> Spread:
    """Of ``now - weight * was`` (Welch, Biometrika, 1947)."""
    first, second = now.variance, weight**2 * was.variance
    below = first**2 / now.freedom + second**2 / was.freedom
    return Spread(first + second, (first + second) ** 2 / below if below > 0 else math.inf)


def _unsure(value: float, now: Estimate) -> Estimate:
    """A change of which nobody can say how it varies: nothing is proved by it."""
    return Estimate(value, n=now.n, nights=now.nights, chance=lambda _: 1.0)


def _estimate(value: float, spread: Spread, error: float, now: Estimate, chance: Callable[[float], float]) -> Estimate:
    radius = spread.radius() + error
    return replace(now, value=value, lower=value - radius, upper=value + radius, error=error, chance=chance)


def widened(estimate: Estimate, times: float) -> Estimate:
    """The same, where it varies ``times`` as much, in variance, as its interval says.

    >>> wide = widened(Estimate(1.0, 0.75, 1.5), 4)
    >>> wide.lower, wide.upper
    (0.5, 2.0)
    """
    value, lower, upper, error = estimate.value, estimate.lower, estimate.upper, estimate.error
    if value is None or lower is None or upper is None:
        return estimate
    root = math.sqrt(times)
    below, above = (max(half - error, 0.0) * root + error for half in (value - lower, upper - value))
    return replace(estimate, lower=value - below, upper=value + above)


def fallen(now: Estimate, was: Estimate) -> Estimate:
    """By how much a figure lies below what it was; below 0 where it rose."""
    if now.value is None or was.value is None:
        return Estimate(None, n=now.n, nights=now.nights)
    value, first, second = was.value - now.value, _spread(now), _spread(was)
    if first is None or second is None:
        return _unsure(value, now)
    spread, error = _together(first, second), now.error + was.error
    return _estimate(value, spread, error, now, lambda edge: spread.chance(value - error - edge))


def risen(now: Estimate, was: Estimate) -> Estimate:
    """By which part of what it was a figure rose: now / was - 1, of figures that are never below 0.

    Whether the true ratio is beyond 1 + edge is asked of now - (1 + edge) was, which needs no ratio (Fieller, 1954).
    """
    if now.value is None or was.value is None or was.value <= 0:
        return Estimate(None, n=now.n, nights=now.nights)
    now, was = _per(now, was.value), _per(was, was.value)
    assert now.value is not None
    current = now.value
    value, first, second = current - 1, _spread(now), _spread(was)
    if first is None or second is None:
        return _unsure(value, now)

    def chance(edge: float) -> float:
        excess = current - (1 + edge) - now.error - (1 + edge) * was.error
        return _together(first, second, 1 + edge).chance(excess)

    spread = _together(first, second, 1 + value)
    return _estimate(value, spread, now.error + (1 + value) * was.error, now, chance)


def shifted(now: Estimate, was: Estimate | None, unit: float | None = 1.0) -> Estimate:
    """By how many units a figure lies above what it was, on either side of 0.

    Args:
        was: None: from 0.
        unit: Above 0.
    """
    start = Estimate(0.0, 0.0, 0.0) if was is None else was
    if now.value is None or start.value is None or not unit:
        return Estimate(None, n=now.n, nights=now.nights)
    now, start = _per(now, unit), _per(start, unit)
    assert now.value is not None
    assert start.value is not None
    value, first, second = now.value - start.value, _spread(now), _spread(start)
    if first is None or second is None:
        return _unsure(value, now)
    spread, error = _together(first, second), now.error + start.error

    def chance(edge: float) -> float:
        excess = abs(value) - error
        return min(1.0, spread.chance(excess - edge) + spread.chance(excess + edge))

    return _estimate(value, spread, error, now, chance)
