"""Figures that are no ratio of sums: their intervals, by leaving out nights, or by the delta method over rows."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from batchops.stats.numbers.intervals import (
    ENOUGH_NIGHTS,
    LEVEL,
    NOT_MEASURED,
    Estimate,
    Spread,
    design_effect,
    joined,
    spread_of,
    two_sided,
)

__all__ = [
    "AS_IT_IS",
    "CORRELATION",
    "LOGIT",
    "POSITIVE",
    "REST",
    "Link",
    "Shape",
    "Smooth",
    "lone_effect",
    "smooth_effect",
    "smooth_estimate",
]

Floats = NDArray[np.float64]

HALVINGS = 44
"""Halvings of [0, 1] until a bound of an interval is known to 1e-13."""

FEW = 20
"""Rows of the rarer kind, at which what was seen to vary and what is to be expected count half each."""


@dataclass(frozen=True, slots=True)
class Link:
    """The scale on which a figure's errors are taken to be normal.

    Attributes:
        there, back: To the scale and from it.
        slope: Of ``there``.
    """

    there: Callable[[Floats], Floats]
    back: Callable[[float], float]
    slope: Callable[[float], float]


AS_IT_IS = Link(lambda values: values, lambda value: value, lambda _: 1.0)

POSITIVE = Link(np.log, math.exp, lambda value: 1 / value)
"""A variance, or its root."""

REST = Link(lambda values: np.log(1 - values), lambda value: 1 - math.exp(value), lambda value: -1 / (1 - value))
"""1 less a ratio of variances."""

CORRELATION = Link(np.arctanh, math.tanh, lambda value: 1 / (1 - value**2))
"""Fisher's z (1915)."""

LOGIT = Link(logit, lambda value: float(expit(value)), lambda value: 1 / (value * (1 - value)))
"""A probability that may be near 0 or 1."""


@dataclass(frozen=True, slots=True)
class Shape:
    """How a share varies where the truth is another one: for intervals that few rows, or a share of 0 or 1, leave open.

    Attributes:
        variance: Over independent rows, of the true share.
        rows: Of the rarer kind.
        always: Whenever rows are taken as independent; else only where the figure is 0 or 1.
    """

    variance: Callable[[float], float]
    rows: float
    always: bool = False

    def scale(self, value: float, seen: float) -> float:
        """What ``variance`` is to be multiplied with, where rows varied by ``seen``.

        Never less than they did; with few rows, which may have varied too little by luck, nearer to 1.
        """
        expected, weight = self.variance(value), self.rows / (self.rows + FEW)
        ratio = seen / expected if expected > 0 else 1.0
        return max(ratio, weight * ratio + 1 - weight)

    def bounds(self, value: float, scale: float, quantile: float) -> tuple[float, float]:
        """All truths of which the share is less than ``quantile`` standard errors away."""

        def end(outside: float) -> float:
            near, far = value, outside
            for _ in range(HALVINGS):
                middle = (near + far) / 2
                held = abs(middle - value) <= quantile * math.sqrt(scale * self.variance(middle))
                near, far = (middle, far) if held else (near, middle)
            return near

        return end(0.0), end(1.0)


@dataclass(frozen=True, slots=True, eq=False)
class Smooth:
    """A figure, and how it varies.

    Attributes:
        value: None where it cannot be measured.
        n: Rows it rests on.
        without: The figure without each night that has such rows.
        groups, cells: The same without each group of entities, and without each group of each night; empty where rows
            have no entities.
        variance: Over independent rows; None where that is not known.
        error: Bound of what counting in cells may cost, on either side.
        more: Variance that the nights cannot show, since they have no row of some kind.
        bounds: What the figure cannot leave.
        freedom: Degrees of freedom of ``variance``.
        shape: Of shares that few rows may leave at 0 or 1.
        at_most: ``variance`` is an upper bound, so that a design effect may be less than 1.
    """

    value: float | None
    n: int = 0
    without: Floats = field(default_factory=lambda: np.zeros(0))
    variance: float | None = None
    error: float = 0.0
    bounds: tuple[float, float] = (0.0, 1.0)
    link: Link = AS_IT_IS
    groups: Floats = field(default_factory=lambda: np.zeros(0))
    cells: Floats = field(default_factory=lambda: np.zeros(0))
    more: float = 0.0
    freedom: float = math.inf
    shape: Shape | None = None
    at_most: bool = False

    def alone(self) -> Smooth:
        """The figure without an interval, where how it varies cannot be known from what was seen."""
        return replace(self, without=np.full(len(self.without), np.nan), variance=None)

    @property
    def entities(self) -> int:
        """Groups of entities that its spread counts; 0 where they are too few, or one cannot be left out."""
        known = np.isfinite(self.groups).all() and np.isfinite(self.cells).all()
        return len(self.groups) if known and len(self.groups) >= ENOUGH_NIGHTS else 0


def smooth_estimate(figure: Smooth, design: float = 1.0, weights: float = 1.0) -> Estimate:
    """The figure with its 95 % interval: over eight or more nights from how they differ, else from rows.

    Args:
        design: Design effect for when there are fewer nights.
        weights: By how much weights widen the variance of independent rows.
    """
    nights, entities = len(figure.without), figure.entities
    alone = nights < ENOUGH_NIGHTS and not entities
    value = figure.value
    if value is None or not math.isfinite(value):
        return NOT_MEASURED if value is None else Estimate(None, n=figure.n, nights=nights)
    plain = Estimate(value, None, None, figure.n, nights, figure.error, alone)
    inside = _inside(figure)
    scored = figure.shape is not None and (not inside or (alone and figure.shape.always))
    link = figure.link if inside and not scored else AS_IT_IS
    with np.errstate(over="ignore", invalid="ignore"):
        spread = _spread(figure, link, design, weights)
    if spread is None or not math.isfinite(spread.variance):
        return plain
    if figure.shape is not None and scored:
        ends = _scored(figure, figure.shape, spread)
    else:
        middle, radius = float(link.there(np.array(value))), spread.radius()
        ends = (_back(link, middle - radius), _back(link, middle + radius))
    ends = (min(ends), max(ends))
    lower = max(figure.bounds[0], min(ends[0], value) - figure.error)
    upper = min(figure.bounds[1], max(ends[1], value) + figure.error)
    if not math.isfinite(lower) or not math.isfinite(upper):
        return plain
    return Estimate(value, lower, upper, figure.n, nights, figure.error, alone, entities=entities)


def _scored(figure: Smooth, shape: Shape, spread: Spread) -> tuple[float, float]:
    """The interval by the score test, widened as the nights, entities or weights widen a variance."""
    value, seen = float(figure.value or 0.0), float(figure.variance or 0.0)
    expected = shape.variance(value)
    wider = spread.variance / seen if seen > 0 else 1.0
    if len(figure.without) >= ENOUGH_NIGHTS:
        scale = max(1.0, spread.variance / expected if expected > 0 else 1.0)
    else:
        scale = shape.scale(value, seen) * max(wider, 1.0)
    clustered = figure.entities or len(figure.without) >= ENOUGH_NIGHTS
    return shape.bounds(value, scale, two_sided(LEVEL, spread.freedom if clustered else math.inf))


def _back(link: Link, value: float) -> float:
    try:
        return link.back(value)
    except OverflowError:
        return math.inf if link is POSITIVE else -math.inf


def _inside(figure: Smooth) -> bool:
    """Whether the link can be taken of the figure and of all that its spread is taken from."""
    nights = figure.without[: len(figure.without) * (len(figure.without) >= ENOUGH_NIGHTS)]
    every = np.concatenate([nights, [figure.value or 0.0], *([figure.groups, figure.cells] * (figure.entities > 0))])
    with np.errstate(divide="ignore", invalid="ignore"):
        return bool(np.isfinite(figure.link.there(every)).all())


def _spread(figure: Smooth, link: Link, design: float, weights: float) -> Spread | None:
    if len(figure.without) >= ENOUGH_NIGHTS:
        base = spread_of(link.there(figure.without)) if np.isfinite(figure.without).all() else None
        if base is not None and figure.more and figure.value is not None:
            base = Spread(base.variance + figure.more * link.slope(figure.value) ** 2, base.freedom)
        beside = spread_of(link.there(figure.cells)) if figure.entities else Spread(0.0)
    else:
        beside = Spread(weights * _of_rows(figure, link))
        base = (
            Spread(beside.variance * (design if figure.at_most else max(design, 1.0)), figure.freedom)
            if math.isfinite(beside.variance)
            else None
        )
    if base is None or not figure.entities:
        return base
    return joined(base, spread_of(link.there(figure.groups)), beside)


def _of_rows(figure: Smooth, link: Link) -> float:
    """The variance, were all rows independent; not a number where it is not known."""
    if figure.value is None or figure.variance is None or not math.isfinite(figure.variance):
        return math.nan
    return (math.sqrt(max(figure.variance, 0.0)) * link.slope(figure.value)) ** 2


def smooth_effect(figure: Smooth, weights: float = 1.0) -> float | None:
    """By how much the variance between nights exceeds that of independent rows; None: not known.

    At least 1, but of a variance that is an upper bound.

    Args:
        weights: By how much weights widen the variance of independent rows.
    """
    if figure.value is None or len(figure.without) < ENOUGH_NIGHTS or not np.isfinite(figure.without).all():
        return None
    if figure.variance is None or not 0 < figure.variance < math.inf:
        return None
    effect = design_effect(spread_of(figure.without), figure.variance * weights)
    return effect if figure.at_most else max(1.0, effect)


def lone_effect(figure: Smooth, nightly: Floats, variances: Floats, weights: float = 1.0) -> float:
    """By how much nights by themselves miss the figure of all, beyond what the rows of each let expect; at least 1.

    Where the figure of one night is not on average that of many, it is more than `smooth_effect`: the mean square of
    the misses over the mean variance, on the link's scale.

    Args:
        nightly, variances: The figure of each night alone, and its variance over independent rows; not a number where
            there is none.
    """
    if figure.value is None or not len(nightly):
        return 1.0
    with np.errstate(divide="ignore", invalid="ignore"):
        slopes = np.array([figure.link.slope(each) if 0 < each < 1 else math.nan for each in nightly.tolist()])
        misses = figure.link.there(nightly) - float(figure.link.there(np.array(figure.value)))
        spreads = variances * slopes**2
    held = np.isfinite(misses) & np.isfinite(spreads) & (spreads > 0)
    if np.count_nonzero(held) < ENOUGH_NIGHTS:
        return 1.0
    return max(1.0, float((misses[held] ** 2).mean() / spreads[held].mean()) / weights)
