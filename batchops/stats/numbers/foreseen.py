"""What the next value of a series is to be expected: of nights that remember each other, with odd ones among them.

A value is y_t = x_t b + u_t, its circumstances u autoregressive of order 1 with Student's t innovations. How much is
remembered, and how heavy the tails are, a few dozen nights cannot tell: all pairs of a grid are kept, each with its
weight, and what is foreseen is their mixture (Zellner, An Introduction to Bayesian Inference in Econometrics, 1971, 4.1
and 7.2: flat priors of b and of log scale, and for each pair Student's t).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln, stdtr, stdtrit

__all__ = ["Foreseen", "Series", "foresee"]

Floats = NDArray[np.float64]

MEMORIES = np.tanh(np.linspace(0, 2.3, 8))
"""Correlations of neighbouring days, 0 to .98: denser towards 1, of which a stretch of nights shows too little."""

TAILS, LIKELY = np.array([3.0, 6.0, 15.0, 1e6]), np.array([0.1, 0.2, 0.3, 0.4])
"""Degrees of freedom of the innovations, and how likely each was before any night was seen."""

ROUNDS = 12
"""Rounds of weighting for Student's t (Lange, Little & Taylor, JASA 84, 1989)."""

LEAST = 1e-6
"""A scale is at least this share of the standard deviation: most of the values may be equal."""


POINTS, ROUNDS_OF_SEARCH = 33, 4
"""A quantile is found to a millionth of what is searched."""


@dataclass(frozen=True, slots=True, eq=False)
class Series:
    """Values to learn from.

    Attributes:
        values: Oldest first.
        gaps: Days between each and the one before; one fewer than values.
        known: What is known of each value beforehand, values x regressors, a column of ones among them.
        next: The same of the value to be foreseen.
        ahead: Days from the last value to it.
    """

    values: Floats
    gaps: Floats
    known: Floats
    next: Floats
    ahead: float = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class Foreseen:
    """The distribution of the next value: a mixture of Student's t; all arrays have one entry a pair.

    Attributes:
        effects: Of each regressor, pairs x regressors.
        strange: By value, how many scales it lay from what was foreseen of it, in the likeliest pair.
    """

    weights: Floats
    centres: Floats
    scales: Floats
    freedoms: Floats
    effects: Floats
    strange: Floats

    @property
    def centre(self) -> float:
        """Its mean."""
        return float(self.weights @ self.centres)

    def above(self, value: float) -> float:
        """Probability of a larger one."""
        return float(self._tails(np.array([-value]), -self.centres)[0])

    def below(self, value: float) -> float:
        """Probability of a smaller one."""
        return float(self._tails(np.array([value]), self.centres)[0])

    def _tails(self, values: Floats, centres: Floats) -> Floats:
        """Probability of less than each of the values."""
        beyond = values[:, None] - centres
        with np.errstate(divide="ignore", invalid="ignore"):
            off = np.where(self.scales > 0, beyond / self.scales, np.sign(beyond) * np.inf)
        return np.asarray(np.where(beyond == 0, 0.5, stdtr(self.freedoms, off)) @ self.weights)

    def radius(self, level: float) -> float:
        """Half the width of the interval around the centre that holds it with probability ``level``."""
        own = self.centres - self.centre
        return self._reached(lambda far: self._tails(-far, own) + self._tails(-far, -own), 1 - level)

    def upper(self, level: float) -> float:
        """What it exceeds with probability 1 - ``level``, .5 or more."""
        own = self.centres - self.centre
        return self.centre + self._reached(lambda far: self._tails(-far, -own), 1 - level)

    def _reached(self, tail: Callable[[Floats], Floats], chance: float) -> float:
        """How far from the centre a tail has that chance: by halving, many points at a time."""
        each = stdtrit(self.freedoms, 1 - chance / 2) * self.scales
        low, high = 0.0, float((np.abs(self.centres - self.centre) + each).max())
        for _ in range(ROUNDS_OF_SEARCH):
            points = np.linspace(low, high, POINTS)
            place = int(np.count_nonzero(tail(points[1:]) > chance))
            low, high = float(points[min(place, POINTS - 2)]), float(points[min(place + 1, POINTS - 1)])
        return high

    def strangeness(self, value: float) -> float:
        """How many scales a value lies from the centre, in the likeliest pair."""
        best = int(np.argmax(self.weights))
        off, scale = abs(value - float(self.centres[best])), float(self.scales[best])
        return off / scale if scale > 0 else math.inf if off > 0 else 0.0


@dataclass(frozen=True, slots=True, eq=False)
class _Fitted:
    """By pair: effects, inverse of their weighted squares, residuals and squared scale of the innovations."""

    effects: Floats
    inverse: Floats
    residuals: Floats
    squares: Floats


def foresee(series: Series) -> Foreseen:
    """What the next value is expected to be.

    Args:
        series: Of at least two values more than there are regressors, whose columns are not linear in each other.

    >>> calm = Series(np.array([1.0, 2, 1, 2, 1, 2, 1, 2]), np.ones(7), np.ones((8, 1)), np.ones(1))
    >>> round(foresee(calm).centre, 1), round(foresee(calm).above(4.0), 3)
    (1.6, 0.012)
    """
    rho, tails = (each.ravel() for each in np.meshgrid(MEMORIES, TAILS, indexing="ij"))
    kept = rho[:, None] ** np.maximum(series.gaps, 1.0)
    spread = np.concatenate([np.ones((len(rho), 1)), np.sqrt(1 - kept**2)], axis=1)
    kept = np.concatenate([np.zeros((len(rho), 1)), kept], axis=1)
    # Each value less what is remembered of the one before, in its own innovation's deviation.
    values = (series.values - kept * _before(series.values)) / spread
    known = (series.known - kept[:, :, None] * _before(series.known)) / spread[:, :, None]
    fitted = _fit(values, known, tails)
    freedom = len(series.values) - series.known.shape[1]
    ahead = rho ** max(series.ahead, 1.0)
    rest = series.values[-1] - fitted.effects @ series.known[-1]
    moved = series.next - ahead[:, None] * series.known[-1]
    unsure = np.einsum("ck,ckl,cl->c", moved, fitted.inverse, moved)
    scales = np.sqrt(fitted.squares * (1 - ahead**2 + unsure))
    weights = _weights(fitted, known, np.log(spread).sum(axis=1), tails, freedom)
    best = int(np.argmax(weights))
    alone = math.sqrt(float(fitted.squares[best]))
    return Foreseen(
        weights=weights,
        centres=fitted.effects @ series.next + ahead * rest,
        scales=scales,
        freedoms=1 / (1 / tails + 1 / freedom),
        effects=fitted.effects,
        strange=np.abs(fitted.residuals[best]) / alone if alone > 0 else np.zeros(len(series.values)),
    )


def _before(values: Floats) -> Floats:
    return np.concatenate([np.zeros_like(values[:1]), values[:-1]])


def _fit(values: Floats, known: Floats, tails: Floats) -> _Fitted:
    """Weighted least squares, the weights those of Student's t.

    Args:
        values: Pairs x values; known: pairs x values x regressors.
    """
    count, size = known.shape[1:]
    apart = np.abs(values - np.median(values, axis=1, keepdims=True))
    weights = _unlike(apart**2, np.median(apart, axis=1) ** 2, tails)
    for _ in range(ROUNDS):
        heavy = known * weights[:, :, None]
        inverse = np.linalg.inv(np.einsum("cnk,cnl->ckl", heavy, known))
        effects = np.einsum("ckl,cl->ck", inverse, np.einsum("cnk,cn->ck", heavy, values))
        residuals = values - np.einsum("cnk,ck->cn", known, effects)
        least = LEAST**2 * (residuals**2).sum(axis=1) / (count - size)
        squares = np.maximum((weights * residuals**2).sum(axis=1) / (count - size), least)
        weights = _unlike(residuals**2, squares, tails)
    return _Fitted(effects, inverse, residuals, squares)


def _unlike(off: Floats, squares: Floats, tails: Floats) -> Floats:
    """The less a value weighs, the further off it is: (nu + 1) / (nu + off / squares)."""
    off = np.divide(off, squares[:, None], out=np.zeros_like(off), where=squares[:, None] > 0)
    return np.asarray((tails[:, None] + 1) / (tails[:, None] + off))


def _weights(fitted: _Fitted, known: Floats, spread: Floats, tails: Floats, freedom: int) -> Floats:
    """Of the pairs, by how likely the values are under each."""
    if not fitted.squares.all():
        return np.full(len(tails), 1 / len(tails))
    count = fitted.residuals.shape[1]
    off = fitted.residuals**2 / fitted.squares[:, None]
    heights = gammaln((tails + 1) / 2) - gammaln(tails / 2) - np.log(tails * math.pi) / 2
    odds = count * heights - (tails + 1) / 2 * np.log1p(off / tails[:, None]).sum(axis=1)
    odds -= freedom / 2 * np.log(fitted.squares) + spread
    odds -= np.linalg.slogdet(np.einsum("cnk,cnl->ckl", known, known))[1] / 2
    odds += np.tile(np.log(LIKELY), len(MEMORIES))
    found = np.exp(odds - odds.max())
    return np.asarray(found / found.sum())
