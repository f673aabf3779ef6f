"""Metrics that are one sum over another, by night, with the interval that belongs to shares and to means."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from batchops.stats.numbers.averages import Averaged, mean_estimate
from batchops.stats.numbers.intervals import (
    ENOUGH_NIGHTS,
    Estimate,
    counted,
    design_effect,
    influences,
    proportion_estimate,
    spread_of,
)
from batchops.stats.outcomes.state import SCORE
from batchops.stats.quality.window import Window

__all__ = ["Nightly", "Ratio", "calibration_gap", "f1_effect", "judged", "ratio_effect", "ratio_estimate", "total_of"]

Floats = NDArray[np.float64]
Nightly = Mapping[str, Floats]


@dataclass(frozen=True, slots=True)
class Ratio:
    """A metric that is one sum over another.

    Attributes:
        above, below: The sums by night.
        squares: For a mean that is no share of rows: the sum of squares of what is averaged.
        bounds: What the mean cannot leave.
        every: It is over all rows, not over labelled ones.
        widened: What the variance of a share must be multiplied by, from its two sums.
    """

    above: Callable[[Nightly], Floats]
    below: Callable[[Nightly], Floats]
    squares: Callable[[Nightly], Floats] | None = None
    bounds: tuple[float, float] = (0.0, 1.0)
    every: bool = False
    widened: Callable[[Floats, Floats], float] | None = None


def f1_effect(above: Floats, below: Floats) -> float:
    """What the variance of F1 = 2 TP / (2 TP + FP + FN) is, over that of a share of as many rows.

    A true positive moves both sums by 2, a wrong decision only the lower by 1.
    """
    doubled, total = float(above.sum()), float(below.sum())
    if not 0 < doubled < total:
        return 1.0
    value = doubled / total
    residuals = doubled / 2 * (2 - 2 * value) ** 2 + (total - doubled) * value**2
    return residuals / (value * (1 - value) * total)


def total_of(name: str, unit: int = 1) -> Callable[[Nightly], Floats]:
    """A sum by its name, in the unit of what was summed."""
    return lambda nightly: nightly[name] / unit


def judged(sums: Nightly) -> Floats:
    """Rows that have a score and a label."""
    return sums["labelled"] - sums["unscored_labelled"]


def calibration_gap(sums: Nightly) -> Floats:
    """Of them, how many more are positive than the scores say."""
    return np.where(judged(sums) > 0, sums["positives"] - sums["labelled_score"] / SCORE, 0.0)


def ratio_estimate(ratio: Ratio, window: Window, design: float = 1.0, skewness: float | None = None) -> Estimate:
    """The metric over the window.

    Args:
        design: Design effect for windows of fewer than eight nights.
        skewness: For then, of what is averaged; None where it is not known.
    """
    sums = window.sums if window.entities is None else window.entities.sums
    above, below = ratio.above(sums), ratio.below(sums)
    alone = window.effect_all if ratio.every else window.effect
    if ratio.squares is not None:
        squares = float(ratio.squares(window.sums).sum())
        found = mean_estimate(above, below, Averaged(squares, ratio.bounds, skewness), design * alone, alone)
    else:
        alone *= ratio.widened(above, below) if ratio.widened else 1.0
        found = proportion_estimate(above, below, design * alone, alone)
    rows = round(float(ratio.below(window.rows).sum()))
    return found if found.n == rows else replace(found, n=rows)


def ratio_effect(ratio: Ratio, window: Window) -> float | None:
    """By how much the variance between nights exceeds that of independent rows, at least 1; None: not known.

    Of independent rows with the weights they have: `ratio_estimate` widens by those of its own window.
    """
    above, below = ratio.above(window.sums), ratio.below(window.sums)
    value, n, nights = counted(above, below)
    if value is None or nights < ENOUGH_NIGHTS or not n:
        return None
    held = below > 0
    squares = value if ratio.squares is None else float(ratio.squares(window.sums).sum()) / n
    independent = (squares - value**2) / n * (ratio.widened(above, below) if ratio.widened else 1.0)
    if independent <= 0:
        return None
    independent *= window.effect_all if ratio.every else window.effect
    return max(1.0, design_effect(spread_of(influences(above[held], below[held])), independent))
