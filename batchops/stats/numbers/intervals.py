"""Intervals that know that rows of one night, and of one entity, are not independent.

Over `ENOUGH_NIGHTS` or more nights the night is what was sampled: variances come from how nights differ. With fewer,
rows are taken as independent, widened by a design effect where one is known from the reference, and the estimate says
so. Where sums come by groups of entities (customers, planes) too, of which each night may have rows, the variance is
V(nights) + V(groups) - V(groups of each night), and at least V(nights) (Cameron, Gelbach & Miller, Journal of Business
& Economic Statistics, 2011): pairs of rows that share a night, an entity or both are then counted once each. Entities
fall into groups by a hash, at random, so that the jackknife over groups has the spread of entities (random groups:
Wolter, Introduction to Variance Estimation, 2007, 2 and 4).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaincinv, ndtri, stdtr, stdtrit

__all__ = [
    "ENOUGH_NIGHTS",
    "LEVEL",
    "NOT_MEASURED",
    "Estimate",
    "Spread",
    "counted",
    "design_effect",
    "difference",
    "entity_spreads",
    "freedom_of",
    "influences",
    "joined",
    "night_changes",
    "proportion_estimate",
    "ratio_spread",
    "share_effect",
    "spread_of",
    "two_sided",
    "widening",
    "wilson",
]

Floats = NDArray[np.float64]

ENOUGH_NIGHTS = 8

FEW, RAISE = 20, 1.5
"""With fewer effective rows of a kind over nights, a share's design effect is raised, by 1.5 of itself with none."""

LEVEL = 0.95


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number, and how well it is known.

    Attributes:
        value: None where it cannot be measured.
        lower, upper: 95 % interval, unless said otherwise; None where there is none.
        n: Rows it rests on.
        nights: Nights it rests on; 0 where the rows have none.
        error: Bound of what counting in cells may cost; 0 where the value is exact.
        rows_independent: The interval takes rows as independent, since there are too few nights to do better.
        entities: Groups of entities whose likeness the interval counts; 0 where it counts none.
        chance: The probability of an estimate at least this far out where the truth is at most so far from 0; None
            where there is none.
    """

    value: float | None
    lower: float | None = None
    upper: float | None = None
    n: int = 0
    nights: int = 0
    error: float = 0.0
    rows_independent: bool = False
    chance: Callable[[float], float] | None = field(default=None, compare=False, repr=False)
    entities: int = field(default=0, kw_only=True)

    @property
    def freedom(self) -> float:
        """Degrees of freedom by the smaller number of clusters; infinite where rows are taken as independent."""
        few = [self.entities] if self.entities else []
        if not self.rows_independent and (self.nights >= ENOUGH_NIGHTS or not few):
            few.append(self.nights)
        return min(few) - 1 if few and min(few) > 1 else math.inf

    @property
    def clusters(self) -> tuple[str, ...]:
        """What rows are taken to hang together by: ``night``, ``entity``."""
        if self.lower is None or self.upper is None:
            return ()
        by_night = self.nights >= ENOUGH_NIGHTS and not self.rows_independent
        return (*(("night",) if by_night else ()), *(("entity",) if self.entities else ()))


NOT_MEASURED = Estimate(None)


@dataclass(frozen=True, slots=True)
class Spread:
    """How far an estimate may be off.

    Attributes:
        variance: Of the estimate.
        freedom: Degrees of freedom of the variance; infinite where rows are taken as independent.
    """

    variance: float
    freedom: float = math.inf

    @property
    def error(self) -> float:
        """The standard error."""
        return math.sqrt(self.variance)

    def radius(self, level: float = LEVEL) -> float:
        """Half the width of a two-sided interval.

        >>> round(Spread(1.0).radius(), 4), round(Spread(1.0, freedom=9).radius(), 4)
        (1.96, 2.2622)
        """
        return two_sided(level, self.freedom) * self.error

    def chance(self, excess: float) -> float:
        """Probability of an estimate at least ``excess`` above its true value."""
        if self.variance <= 0:
            return 0.0 if excess > 0 else 1.0
        freedom = min(self.freedom, 1e9)
        return float(stdtr(freedom, -excess / self.error))


def design_effect(between: Spread, independent: float) -> float:
    """By how much a spread over nights exceeds the variance of independent rows.

    What it exceeds 1 by is widened so that the normal quantile then does what Student's does for so few nights.

    >>> [round(design_effect(Spread(4.0, freedom), 1.0), 2) for freedom in (math.inf, 7)]
    [4.0, 5.37]
    """
    effect = between.variance / independent
    return effect if effect <= 1 else 1 + (effect - 1) * widening(between.freedom) ** 2


def two_sided(level: float, freedom: float = math.inf) -> float:
    """The quantile that leaves (1 - level) / 2 on each side: Student's t, or the normal for infinite freedom."""
    tail = 0.5 + level / 2
    return float(ndtri(tail) if math.isinf(freedom) else stdtrit(freedom, tail))


def widening(freedom: float) -> float:
    """By how much Student's quantile exceeds the normal one.

    >>> round(widening(9), 4), widening(math.inf)
    (1.1542, 1.0)
    """
    return two_sided(LEVEL, freedom) / two_sided(LEVEL)


def wilson(share: float, n: float, quantile: float) -> tuple[float, float]:
    """Interval of a share (Wilson, 1927), for any number of rows, effective ones included.

    >>> [round(bound, 4) for bound in wilson(0.02, 30, 1.96)]
    [0.0024, 0.1466]
    """
    if n <= 0:
        return 0.0, 1.0
    square = quantile**2 / n
    middle = (share + square / 2) / (1 + square)
    radius = quantile * math.sqrt(share * (1 - share) / n + square / (4 * n)) / (1 + square)
    return max(0.0, min(share, middle - radius)), min(1.0, max(share, middle + radius))


def influences(above: Floats, below: Floats) -> Floats:
    """What leaving out each night does to the ratio of sums ``above.sum() / below.sum()``.

    The change is (a_g - R b_g) / (B - b_g): the linearised residual of the ratio with the night's own weight taken
    out, which is the delete-one jackknife exactly (Cochran, Sampling Techniques, 1977, 6.17).

    Args:
        above, below: One number a night; or nights x figures.
    """
    total = below.sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        change = (above - above.sum(axis=0) / total * below) / (total - below)
    return np.asarray(np.nan_to_num(change, nan=0.0, posinf=0.0, neginf=0.0))


def night_changes(above: Floats, below: Floats) -> Floats:
    """`influences` of figures over the nights, less their mean, in such size that their squares add up to the variance.

    Args:
        above: Nights x figures.
        below: Rows of each night, nights x 1.
    """
    changes, nights = influences(above, np.broadcast_to(below, above.shape)), len(above)
    return np.asarray((changes - changes.mean(axis=0)) * math.sqrt((nights - 1) / nights))


def spread_of(changes: Floats, rows: Floats | None = None) -> Spread:
    """The jackknife's spread, from `influences` of one figure over its nights.

    Its degrees of freedom are the nights less one; with ``rows``, the rows of each night, no more than those of nights
    so unequal and of changes so far from normal (`freedom_of`).
    """
    nights = len(changes)
    centred = changes - changes.mean()
    variance = float((nights - 1) / nights * (centred**2).sum())
    return Spread(variance, nights - 1 if rows is None else freedom_of(centred, rows))


def freedom_of(changes: Floats, rows: Floats) -> float:
    """Degrees of freedom of a jackknife's variance: the nights less one where they are equal and normal.

    The least of three (Satterthwaite, 1946): that; (sum n)^2 / sum n^2 - 1 for nights of n rows, as a few large ones
    count as few; and 2 m / (m4 / m2^2 - 1) from the changes' own moments, as does one that outweighs all others. Never
    less than 1.

    Args:
        changes: Less their mean.

    >>> changes = np.array([-1.0, 1, -1, 1])
    >>> freedom_of(changes, np.ones(4)), round(freedom_of(changes, np.array([1, 1, 1, 5])), 2)
    (3.0, 1.29)
    """
    equal = float(rows.sum() ** 2 / (rows**2).sum()) - 1
    square, fourth = float((changes**2).mean()), float((changes**4).mean())
    excess = fourth / square**2 - 1 if square > 0 else 0.0
    normal = 2 * len(changes) / excess if excess > 0 else math.inf
    return max(1.0, min(len(changes) - 1.0, equal, normal))


def counted(above: Floats, below: Floats) -> tuple[float | None, int, int]:
    """The ratio of sums, the sum below, and the number of nights that have any."""
    total = float(below.sum())
    value = float(above.sum()) / total if total > 0 else None
    return value, round(total), int(np.count_nonzero(_by_night(below)))


def _by_night(sums: Floats) -> Floats:
    return np.asarray(sums.sum(axis=1)) if sums.ndim == 2 else sums


def entity_spreads(above: Floats, below: Floats) -> tuple[Spread, Spread, int] | None:
    """Of a ratio of sums: its spread over groups of entities, that over groups of each night, and how many groups.

    Args:
        above, below: Nights x groups.

    Returns:
        None where fewer than `ENOUGH_NIGHTS` groups have rows.
    """
    rows, groups = below.sum(axis=0), int(np.count_nonzero(below.sum(axis=0)))
    if groups < ENOUGH_NIGHTS:
        return None
    held, cells = rows > 0, below > 0
    over_groups = spread_of(influences(above.sum(axis=0)[held], rows[held]), rows[held])
    return over_groups, spread_of(influences(above[cells], below[cells])), groups


def joined(base: Spread, groups: Spread, beside: Spread) -> Spread:
    """The spread that counts entities too; its degrees of freedom are Satterthwaite's (1946), of a sum of variances.

    Args:
        base: Without them.
        groups: Over groups of entities.
        beside: What both have counted: the spread over groups of each night; of independent rows, where ``base`` is
            none over nights.

    >>> found = joined(Spread(4.0, 30), Spread(3.0, 63), Spread(1.0))
    >>> found.variance, round(found.freedom, 1)
    (6.0, 53.2)
    """
    variance = base.variance + groups.variance - beside.variance
    if variance <= base.variance:
        return base
    below = sum(each.variance**2 / each.freedom for each in (base, groups, beside))
    return Spread(variance, variance**2 / below)


def ratio_spread(above: Floats, below: Floats, rows: Spread, independent: float) -> tuple[Spread, int]:
    """The spread of a ratio of sums, and how many groups of entities it counts.

    Args:
        above, below: One number a night, or nights x groups of entities.
        rows: For fewer nights than `ENOUGH_NIGHTS`.
        independent: The variance, were all rows independent.
    """
    nightly, count = _by_night(above), _by_night(below)
    held = count > 0
    by_night = int(np.count_nonzero(held)) >= ENOUGH_NIGHTS
    base = spread_of(influences(nightly[held], count[held]), count[held]) if by_night else rows
    entities = entity_spreads(above, below) if below.ndim == 2 else None
    if entities is None:
        return base, 0
    groups, cells, number = entities
    return joined(base, groups, cells if by_night else Spread(independent)), number


def proportion_estimate(above: Floats, below: Floats, design: float = 1.0, alone: float = 1.0) -> Estimate:
    """A share of rows, by night: Wilson's interval at the effective number of rows.

    That is n over the design effect, which is the variance between nights (and entities) over the variance of
    independent rows (Korn & Graubard, 1998); where every night has the same share of 0 or 1 it is ``design``.

    Args:
        above, below: Rows that count, and rows, one number a night; or nights x groups of entities.
        design: Design effect for when there are fewer than `ENOUGH_NIGHTS` nights.
        alone: What of it independent rows have already, by their weights: groups of entities show that too.
    """
    value, n, nights = counted(above, below)
    if value is None:
        return NOT_MEASURED
    effect, freedom, entities = share_effect(above, below, design, alone)
    rows = float(below.sum()) / effect
    lower, upper = wilson(value, rows, two_sided(LEVEL, freedom))
    if math.isinf(freedom):
        lower, upper = min(lower, _of_few(value, rows)), max(upper, 1 - _of_few(1 - value, rows))
    lone = nights < ENOUGH_NIGHTS and not entities
    return Estimate(value, lower, upper, n, nights, rows_independent=lone, entities=entities)


def _of_few(share: float, n: float) -> float:
    """The least share where one to three of many rows count: Poisson's lower bound at 5 % on one side.

    Wilson's is too high for so few, and where less than one is expected holds the truth in down to 84 % (Brown, Cai &
    DasGupta, Interval Estimation for a Binomial Proportion, 2001, 4.1.1). 1 where more rows count, or none.

    >>> round(_of_few(1 / 2_800, 2_800) * 2_800, 3), _of_few(0.5, 2_800)
    (0.051, 1.0)
    """
    rows = share * n
    return float(gammaincinv(rows, 1 - LEVEL)) / n if 0 < rows <= (3 if n > 50 else 2) + 1e-9 else 1.0


def share_effect(above: Floats, below: Floats, design: float = 1.0, alone: float = 1.0) -> tuple[float, float, int]:
    """The design effect of a share, as `proportion_estimate` takes it.

    Returns:
        The effect, the degrees of freedom of its variance, and how many groups of entities it counts. Where there are
        too few nights and groups to tell, it is ``design`` with infinite freedom.
    """
    # Rows with weights may weigh less than one row.
    value, n = counted(above, below)[0], float(below.sum())
    effect = max(design, 1.0)
    if value is None:
        return effect, math.inf, 0
    plain = value * (1 - value) / n
    spread, entities = ratio_spread(above, below, Spread(effect * plain), alone * plain)
    effect = spread.variance / plain if plain > 0 and spread.variance > 0 else effect
    return effect if math.isinf(spread.freedom) else _raised(effect, value, n), spread.freedom, entities


def _raised(effect: float, value: float, n: float) -> float:
    """A design effect that so few rows cannot tell: raised by up to 2.5 times, the fewer effective rows count.

    Nights on which a rare thing is common are themselves rare; where none was seen, their spread was not either.
    Simulated: intervals of a share of 2 %, of 8 to 31 nights with a design effect of 20, covered it in 86 to 93 %
    without that, and in 94 to 97 % with it.
    """
    fewer = min(value, 1 - value) * n / max(effect, 1.0)
    return effect * (1 + RAISE * max(0.0, 1 - fewer / FEW))


def difference(now: Estimate, was: Estimate) -> Estimate:
    """``now - was`` of two independent shares (Newcombe's hybrid score interval, 1998, method 10)."""
    if now.value is None or was.value is None:
        return Estimate(None, n=now.n, nights=now.nights)
    value = now.value - was.value
    down = math.hypot(now.value - _or(now.lower, now.value), _or(was.upper, was.value) - was.value)
    up = math.hypot(_or(now.upper, now.value) - now.value, was.value - _or(was.lower, was.value))
    lower, upper = max(-1.0, value - down), min(1.0, value + up)
    return replace(now, value=value, lower=lower, upper=upper, error=0.0, chance=None)


def _or(bound: float | None, value: float) -> float:
    return value if bound is None else bound
