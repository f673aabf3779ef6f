"""Figures that are the largest of several: largest differences, ranges, and sums of absolute values over all signs.

Noise only adds to them, since it is the place where it is largest that is looked at. So an interval

- ends as far above as at one place alone: what is seen is at least what is seen at the place of the true largest;
- begins lower by what noise adds at those places that may be the true largest, which are seen to be less than the
  largest by at most `LIKELY` standard errors of the difference (moment selection: Andrews & Soares, Inference for
  Parameters Defined by Moment Inequalities, Econometrica, 2010; of cumulative shares Raghavachari, 1973);
- begins at 0 unless more is seen than noise alone shows in 95 %, and then above 0.

No interval of such a figure can be exact whatever the truth is, since its slope jumps where two places are equally
large (Hirano & Porter, Impossibility Results for Nondifferentiable Functionals, Econometrica, 2012; of sums of absolute
values Cai & Low, Annals of Statistics, 2011). These hold too often rather than too rarely: most so where many small
differences make a sum.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import kolmogi, ndtr, ndtri

from batchops.stats.numbers.intervals import LEVEL, two_sided, widening

__all__ = ["Bridge", "Nights", "largest_gap", "sum_of_sizes", "widest_range"]

Floats = NDArray[np.float64]
Held = NDArray[np.bool_]
Added = tuple[float, Callable[[float], float]]
"""What noise adds on average, and what it passes with a given probability."""

LIKELY = 1.75
"""A place seen to be smaller than the largest by more standard errors than this is taken to be smaller."""

DRAWS = 2_000
STEPS = 256
FEW = 30
"""Noise in a sum of more sizes than this is nearly normal."""

LUMP = 0.05
"""A step with more of the rows than this makes the largest gap smaller than Kolmogorov's law has it."""

MEAN_SIZE = math.sqrt(2 / math.pi)
"""The mean of |z|, z being standard normal."""

SIZE_SPREAD = 1 - 2 / math.pi
"""Its variance."""


def _ends(value: float, error: float, nothing: float, added: Callable[[], Added]) -> tuple[float, float]:
    """An interval.

    Args:
        error: Standard error at the places that may be the largest.
        nothing: What noise alone shows in 5 % at most.
        added: What noise adds at those places.
    """
    upper = value + two_sided(LEVEL) * error
    if value <= nothing:
        return 0.0, upper
    mean, quantile = added()
    # What noise adds makes truths above the interval rarer, so that more of the 5 % may lie below it.
    above = float(ndtr(-two_sided(LEVEL) - mean / error)) if error > 0 else 0.0
    return value - min(nothing, max(0.0, quantile(1 - LEVEL - above))), upper


def _drawn(noise: Floats, widened: float = 1.0) -> Added:
    mean = float(noise.mean())
    return mean, lambda share: mean + widened * (float(np.quantile(noise, 1 - share)) - mean)


def _normal(mean: float, spread: float) -> Added:
    return mean, lambda share: mean - float(ndtri(share)) * spread


@dataclass(frozen=True, slots=True, eq=False)
class Bridge:
    """Noise of the difference of two cumulative shares of independent rows.

    Attributes:
        places: The cumulative share of both sides together, 0 to 1, where the difference is looked at.
        noise: sqrt(1 / n + 1 / m) of the effective rows of both sides.
    """

    places: Floats
    noise: float

    def together(self, first: int) -> Floats:
        """Covariance with one of the places."""
        low, high = np.minimum(self.places, self.places[first]), np.maximum(self.places, self.places[first])
        return np.asarray(self.noise**2 * low * (1 - high))

    def squares(self) -> Floats:
        """Variance by place."""
        return np.asarray(self.noise**2 * self.places * (1 - self.places))

    def paths(self, held: Held) -> Floats:
        """Draws x some of the places."""
        return np.asarray(self.noise * _bridges()[:, _steps(self.places[held])])

    def largest(self) -> float:
        """What the largest passes in 5 %: Kolmogorov's quantile where places lie close."""
        steps = _steps(self.places)
        if len(self.places) > FEW and np.diff(steps, prepend=0, append=STEPS).max() <= LUMP * STEPS:
            return self.noise * float(kolmogi(1 - LEVEL))
        return self.noise * float(np.quantile(np.abs(_bridges()[:, steps]).max(axis=1), LEVEL))


@dataclass(frozen=True, slots=True, eq=False)
class Nights:
    """Noise as it is seen between nights.

    Attributes:
        changes: Nights x places: what each night does, of which the squares add up to the variance.
    """

    changes: Floats

    def together(self, first: int) -> Floats:
        """Covariance with one of the places."""
        return np.asarray(self.changes[:, first] @ self.changes)

    def squares(self) -> Floats:
        """Variance by place."""
        return np.asarray((self.changes**2).sum(axis=0))

    def paths(self, held: Held) -> Floats:
        """Draws x some of the places."""
        return np.asarray(_standard(len(self.changes)) @ self.changes[:, held])

    def largest(self) -> float:
        """What the largest passes in 5 %."""
        return float(np.quantile(np.abs(self.paths(np.ones(self.changes.shape[1], dtype=np.bool_))).max(axis=1), LEVEL))


def largest_gap(apart: Floats, noise: Bridge | Nights) -> tuple[float, float]:
    """The 95 % interval of max |F - G| of two cumulative shares.

    Args:
        apart: F - G at some places.
    """
    first = int(np.abs(apart).argmax())
    rising = np.sign(apart[first]) * apart
    squares, together = noise.squares(), noise.together(first)
    same, opposite = (
        side >= rising[first] - LIKELY * np.sqrt(np.maximum(squares + squares[first] - 2 * covariance, 0.0)) - 1e-15
        for side, covariance in ((rising, together), (-rising, -together))
    )
    error = math.sqrt(float(squares[same | opposite].max()))

    def added() -> Added:
        high = noise.paths(same).max(axis=1)
        return _drawn(np.maximum(high, -noise.paths(opposite).min(axis=1)) if opposite.any() else high)

    return _ends(float(rising[first]), error, noise.largest(), added)


def _steps(places: Floats) -> NDArray[np.int64]:
    return np.unique(np.rint(places * STEPS).astype(np.int64))


@cache
def _bridges() -> NDArray[np.float32]:
    """Paths of Brownian bridges, draws x steps, always the same."""
    steps = np.random.default_rng(STEPS).normal(0, 1 / math.sqrt(STEPS), (DRAWS, STEPS)).cumsum(axis=1)
    bridges = np.concatenate([np.zeros((DRAWS, 1)), steps], axis=1)
    return np.asarray(bridges - np.linspace(0, 1, STEPS + 1) * bridges[:, -1:], dtype=np.float32)


@lru_cache(maxsize=16)
def _standard(figures: int, seed: int = 0) -> Floats:
    """Draws x figures that are standard normal and independent, always the same."""
    return np.random.default_rng((figures, seed)).normal(size=(DRAWS, figures))


def sum_of_sizes(values: Floats, covariance: Floats, freedom: float = math.inf) -> tuple[float, float]:
    """The 95 % interval of sum |v|, from values with normal errors.

    Args:
        values: As they are seen.
        covariance: Of their errors, values x values.
        freedom: Its degrees of freedom. What noise adds on average is known better than what it adds to one value, so
            that Student's quantile widens what it differs from that by.
    """
    errors = np.sqrt(np.maximum(np.diagonal(covariance), 0.0))
    widened = widening(freedom)
    signs = np.sign(values)
    error = widened * math.sqrt(max(0.0, float(signs @ covariance @ signs)))
    clear = np.abs(values) > LIKELY * widened * errors
    # Of values that are 0 some are taken to be clear: the others make up for them.
    more = 1 / (2 * float(ndtr(LIKELY)) - 1)
    fixed, value = signs * clear, float(np.abs(values).sum())
    if len(values) > FEW:
        mean, spread = MEAN_SIZE * float(errors.sum()), math.sqrt(SIZE_SPREAD * float((errors**2).sum()))
        nothing = mean + widened * float(ndtri(LEVEL)) * spread
        added = more * MEAN_SIZE * float(errors[~clear].sum())
        beside = max(0.0, float(fixed @ covariance @ fixed)) + SIZE_SPREAD * float((errors[~clear] ** 2).sum())
        return _ends(value, error, nothing, lambda: _normal(added, widened * math.sqrt(beside)))
    noise = _normals(covariance)
    _, beyond = _drawn(np.abs(noise).sum(axis=1), widened)
    grown = noise @ fixed + more * np.abs(noise[:, ~clear]).sum(axis=1)
    return _ends(value, error, beyond(1 - LEVEL), lambda: _drawn(grown, widened))


def widest_range(ranges: Sequence[tuple[Floats, Floats]], least: float) -> tuple[float, float]:
    """The 95 % interval of the widest of several ranges: of a figure's largest value less its smallest over groups.

    Args:
        ranges: Values by group, and groups x groups the standard errors of their differences; of independent rows.
        least: What all pairs at once prove; 0 where noise shows as much though no groups differ.
    """
    widths = [float(np.ptp(values)) for values, _ in ranges]
    widest = int(np.argmax(widths))
    own = [float(errors[values.argmax(), values.argmin()]) for values, errors in ranges]
    likely = [
        (errors, *_extremes(values, errors))
        for at, (values, errors) in enumerate(ranges)
        if at == widest or widths[at] >= widths[widest] - LIKELY * math.hypot(own[at], own[widest])
    ]
    error = max(float(errors[np.ix_(high, low)].max()) for errors, high, low in likely)

    def added() -> Added:
        if len(likely) == 1 and len(likely[0][1]) == len(likely[0][2]) == 1:
            return _normal(0.0, error)
        return _drawn(np.max([_range_noise(*each, seed) for seed, each in enumerate(likely)], axis=0))

    return _ends(widths[widest], error, widths[widest] - least, added)


def _extremes(values: Floats, errors: Floats) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The groups that may be the largest, and those that may be the smallest."""
    highest, lowest = int(values.argmax()), int(values.argmin())
    high = np.flatnonzero(values[highest] - values <= LIKELY * errors[highest])
    return high, np.flatnonzero(values - values[lowest] <= LIKELY * errors[lowest])


def _range_noise(errors: Floats, high: NDArray[np.int64], low: NDArray[np.int64], seed: int) -> Floats:
    """Draws of the largest difference that noise adds between one of these and one of those."""
    held = np.union1d(high, low)
    squares = errors[np.ix_(held, held)] ** 2
    # As they vary around the first: (d_0i^2 + d_0j^2 - d_ij^2) / 2.
    noise = _normals((squares[:1] + squares[:, :1] - squares) / 2, seed)
    return np.asarray(
        noise[:, np.searchsorted(held, high)].max(axis=1) - noise[:, np.searchsorted(held, low)].min(axis=1)
    )


def _normals(covariance: Floats, seed: int = 0) -> Floats:
    """Draws x figures with the covariance."""
    spread, axes = np.linalg.eigh(covariance)
    return np.asarray(_standard(len(spread), seed) @ (axes * np.sqrt(np.maximum(spread, 0.0))).T)
