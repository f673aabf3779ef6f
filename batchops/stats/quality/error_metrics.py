"""Metrics of predicted numbers, over a window of nights."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from batchops.stats.numbers.intervals import (
    ENOUGH_NIGHTS,
    LEVEL,
    NOT_MEASURED,
    Estimate,
    share_effect,
    two_sided,
    wilson,
)
from batchops.stats.numbers.smooth import AS_IT_IS, POSITIVE, REST, Smooth, smooth_effect, smooth_estimate
from batchops.stats.numbers.whole import real
from batchops.stats.outcomes.regression import LARGEST, MOMENTS, ErrorCells, ErrorSums, ErrorTables
from batchops.stats.outcomes.state import ScoreCells, SliceQuality
from batchops.stats.outcomes.tally import WIDE
from batchops.stats.quality.ratios import Ratio, ratio_effect
from batchops.stats.quality.window import Window, left_out

__all__ = ["ERROR_METRICS", "error_effects", "error_metrics"]

Floats = NDArray[np.float64]
Moments = Mapping[tuple[int, int], Floats]
"""(i, j) -> sums of error^i (label - centre)^j, one number a night; (0, 0) is rows."""

HALF_UNIT = 2.0**-31
"""What is summed is rounded to so much of its scale, row by row."""

NEAR = 0.4
"""Shares as far as that from a half, or farther, say nothing of how a half varies."""

_MEANS = ("mean_absolute_error", "mean_error", "mean_absolute_percentage_error", "mean_label", "mean_prediction")
_LEVELS = ("mean_label", "mean_prediction")
_SHARES = ("mean_absolute_percentage_error",)
_SMOOTH = ("mean_squared_error", "root_mean_squared_error", "r2", "explained_variance")

ERROR_METRICS = (*_MEANS, *_SMOOTH, "median_absolute_error", "max_error")
"""Of predicted numbers; scikit-learn's, but that mean_absolute_percentage_error leaves out rows whose label is 0.
mean_error is the mean of prediction - label: above 0 where predictions are too high. mean_prediction is over all rows,
labelled or not."""


def error_metrics(window: Window, cells: ScoreCells, design: Mapping[str, float]) -> dict[str, Estimate]:
    """All of `ERROR_METRICS`, with 95 % intervals.

    Args:
        window: Its nights.
        cells: With which it was counted.
        design: Design effect by metric, for windows of fewer than eight nights.
    """
    scale = cells.errors or ErrorCells()
    found = {name: _mean(name, window, scale, design.get(name, 1.0)) for name in _MEANS}
    for name, figure in _smooth(window, scale).items():
        found[name] = smooth_estimate(figure, design.get(name, 1.0), window.effect)
    found["median_absolute_error"] = _median(window, scale, design.get("median_absolute_error", 1.0))
    n, held = int(window.rows["labelled"].sum()), [window.nights[place] for place in window.labelled]
    largest = max((night.overall.errors or ErrorSums()).largest for night in held) if held else math.inf
    found["max_error"] = Estimate(largest if largest < LARGEST else None, n=n, nights=len(held))
    return found


def error_effects(window: Window, cells: ScoreCells) -> dict[str, float]:
    """By how much each metric's variance between nights exceeds that of independent rows, where it is known."""
    scale = cells.errors or ErrorCells()
    effects = {name: smooth_effect(figure, window.effect) for name, figure in _smooth(window, scale).items()}
    for name in _MEANS:
        effects[name] = smooth_effect(_mean_figure(_sums(name, window, scale)), _weights_effect(name, window))
    effects["median_absolute_error"] = _median_effect(window, scale)
    return {name: effect for name, effect in effects.items() if effect is not None}


@dataclass(frozen=True, slots=True, eq=False)
class _Sums:
    """What a mean is made of.

    Attributes:
        above, below: Sum and rows by night.
        squares: Sum of the rows' squares over all nights.
        entities: Nights x groups of entities x (sum, rows); None where rows have none.
    """

    above: Floats
    below: Floats
    squares: float
    entities: Floats | None


def _mean_figure(sums: _Sums) -> Smooth:
    """A mean of rows."""
    held = sums.below > 0
    above, below = sums.above[held], sums.below[held]
    n = below.sum()
    if not n > 0 or not np.isfinite(above).all():
        return Smooth(None, round(float(n)))
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        without = (above.sum() - above) / (n - below)
        value = above.sum() / n
        variance = (np.float64(sums.squares) / n - value**2) / (n - 1) if n > 1 else math.nan
        left = [] if sums.entities is None else [each[:, 0] / each[:, 1] for each in left_out(sums.entities)]
    figure = Smooth(float(value), round(float(n)), without, float(variance), bounds=(-math.inf, math.inf))
    return replace(figure, groups=left[0], cells=left[1]) if left else figure


def _errors(part: SliceQuality) -> ErrorSums:
    return part.errors or ErrorSums()


def _sums(name: str, window: Window, scale: ErrorCells) -> _Sums:
    error, label = scale.error_exponent, scale.label_exponent
    above, squares, exponent, below = {
        "mean_absolute_error": ("absolute", (2, 0), error, "labelled"),
        "mean_error": ((1, 0), (2, 0), error, "labelled"),
        "mean_absolute_percentage_error": ("relative", "relative_square", 0, "relative_rows"),
        "mean_label": ((0, 1), (0, 2), label, "labelled"),
        "mean_prediction": ("prediction", "prediction_square", label, "n"),
    }[name]
    factor = _factor_all(window) if below == "n" else window.factor

    def line(parts: Sequence[SliceQuality]) -> tuple[Floats, Floats]:
        known = [_errors(part) for part in parts]
        rows = (
            [each.relative_rows for each in known] if below == "relative_rows" else [getattr(p, below) for p in parts]
        )
        values = np.array([real(_whole(each, above), exponent - 30) for each in known])
        return factor * values, factor * np.array(rows, dtype=np.float64)

    total = real(sum(_whole(_errors(part), squares) for part in window.parts), 2 * exponent - 30)
    entities = None
    if window.entities is not None:
        lines = window.entities.parts
        both = np.stack(line([part for each in lines for part in each]), axis=-1)
        entities = both.reshape(len(lines), -1, 2)
    return _Sums(*line(window.parts), factor * total, entities)


def _factor_all(window: Window) -> float:
    total = sum(part.n for part in window.parts)
    return float(window.rows["n"].sum()) / total if total else 1.0


def _whole(part: ErrorSums, name: object) -> int:
    if isinstance(name, str):
        return int(getattr(part, name))
    return part.moments[MOMENTS.index(name)]


def _weights_effect(name: str, window: Window) -> float:
    return window.effect_all if name == "mean_prediction" else window.effect


def _mean(name: str, window: Window, scale: ErrorCells, design: float) -> Estimate:
    figure = _mean_figure(_sums(name, window, scale))
    if figure.value is None:
        return Estimate(None, n=figure.n)
    unit = 0 if name in _SHARES else scale.label_exponent if name in _LEVELS else scale.error_exponent
    signed = name in _LEVELS or name == "mean_error"
    figure = replace(
        figure,
        error=math.ldexp(HALF_UNIT, unit),
        bounds=(-math.inf if signed else 0.0, math.inf),
        link=AS_IT_IS if signed else POSITIVE,
    )
    found = smooth_estimate(figure, design, _weights_effect(name, window))
    if name not in _LEVELS or found.value is None:
        return found
    ends = [None if each is None else each + scale.centre for each in (found.value, found.lower, found.upper)]
    return replace(found, value=ends[0], lower=ends[1], upper=ends[2])


def _moments(parts: Sequence[SliceQuality], factor: float) -> Moments:
    """In scales, so that their powers stay far from the ends of what floats can hold."""
    found = {
        power: factor * np.array([real(_errors(part).moments[place], -30) for part in parts])
        for place, power in enumerate(MOMENTS)
    }
    return {(0, 0): factor * np.array([float(part.labelled) for part in parts]), **found}


def _left(window: Window, nightly: Moments, whole: Moments) -> tuple[Moments, ...]:
    """The moments without each night; and without each group of entities, and each group of each night."""
    without = {power: whole[power] - values for power, values in nightly.items()}
    if window.entities is None:
        return (without,)
    lines = window.entities.parts
    each = _moments([part for line in lines for part in line], window.factor)
    tables = np.stack([*each.values()], axis=-1).reshape(len(lines), -1, len(each))
    return (without, *(dict(zip(each, left.T, strict=True)) for left in left_out(tables)))


def _without(figures: Sequence[Floats]) -> dict[str, Any]:
    """As `Smooth` has them."""
    return dict(zip(("without", "groups", "cells"), figures, strict=False))


def _smooth(window: Window, scale: ErrorCells) -> dict[str, Smooth]:
    """The metrics that are no mean of one number a row; computed in scales, and put into units at the end."""
    n = int(window.rows["labelled"].sum())
    if not n:
        return dict.fromkeys(_SMOOTH, Smooth(None))
    nightly = _moments([window.parts[place] for place in window.labelled], window.factor)
    whole = {power: np.asarray(values.sum()) for power, values in nightly.items()}
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        sides = _left(window, nightly, whole)
        unit = real(1, 2 * scale.error_exponent)
        mean, left = float(whole[2, 0] / whole[0, 0]), [side[2, 0] / side[0, 0] for side in sides]
        variance = float(whole[4, 0] / whole[0, 0] - np.float64(mean) ** 2) / n
        freedom = _freedom(whole)
        root, scaled = math.sqrt(max(mean, 0.0)), math.ldexp(1.0, scale.error_exponent)
        squared = Smooth(
            mean * unit,
            n,
            variance=variance * unit * unit,
            error=HALF_UNIT * unit,
            bounds=(0.0, math.inf),
            link=POSITIVE,
            freedom=freedom,
            **_without([each * unit for each in left]),
        )
        rooted = Smooth(
            root * scaled,
            n,
            variance=variance / (4 * mean) * unit if mean > 0 else 0.0,
            error=(math.sqrt(mean + HALF_UNIT) - root) * scaled,
            bounds=(0.0, math.inf),
            link=POSITIVE,
            freedom=freedom,
            **_without([np.sqrt(np.maximum(each, 0.0)) * scaled for each in left]),
        )
        explained = {
            name: replace(_explained(whole, sides, scale, name == "r2"), freedom=freedom)
            for name in ("r2", "explained_variance")
        }
    return {"mean_squared_error": squared, "root_mean_squared_error": rooted, **explained}


def _freedom(whole: Moments) -> float:
    """Degrees of freedom of the variance over rows of a mean square.

    Satterthwaite's (1946) need the squared errors' own kurtosis, a moment of the eighth order. Half of as many rows as
    make the mean square, m = (sum e^2)^2 / sum e^4, are near those of normal errors. Where errors are skewed or have
    long tails, fewer, 3 m^2 / 2 n: the rows that would say how it varies are rarer still. That no fewer than 3: where
    none of those rows came, no quantile makes up for it. Simulated with 60, 400 and 2,000 rows of normal, uniform,
    Laplace's and exponential errors: 94 to 96 %, but 89 % with 60 exponential ones.
    """
    if not whole[4, 0] > 0:
        return math.inf
    rows = float(whole[2, 0] ** 2 / whole[4, 0])
    return max(1.0, min(rows / 2, max(3.0, 1.5 * rows**2 / float(whole[0, 0]))))


def _explained(whole: Moments, sides: Sequence[Moments], scale: ErrorCells, plain: bool) -> Smooth:
    """1 less the errors' mean square (or variance) over the labels' variance.

    The variance over rows is that of (e^2 - f d^2) / V, f being the ratio, V the labels' sum of squares, d their
    distance from the mean (the delta method; for explained variance e is the error less its mean).
    """
    n = np.float64(whole[0, 0])
    ratio = real(1, 2 * scale.error_exponent - 2 * scale.label_exponent)
    share, spread = _unexplained(whole, plain), _labels_spread(whole)
    # What labels that do not vary seem to vary by is their rounding; a single one does not vary.
    if n < 2 or not spread > 4 * HALF_UNIT * n or not math.isfinite(float(share)):
        return Smooth(None, round(n))
    m, b = whole[0, 1] / n, np.float64(0.0) if plain else whole[1, 0] / n
    fourth = _centred_fourth(whole, np.asarray(b))
    both = (whole[2, 2] - 2 * m * whole[2, 1] + m**2 * whole[2, 0]) - 2 * b * (
        whole[1, 2] - 2 * m * whole[1, 1] + m**2 * whole[1, 0]
    )
    both = both + b**2 * spread
    labels = whole[0, 4] - 4 * m * whole[0, 3] + 6 * m**2 * whole[0, 2] - 4 * m**3 * whole[0, 1] + m**4 * whole[0, 0]
    f = np.float64(share)
    variance = float((fourth - 2 * f * both + f**2 * labels) / spread**2)
    return Smooth(
        float(1 - f * ratio),
        round(n),
        variance=variance * ratio * ratio,
        error=float(2 * HALF_UNIT * (1 + abs(f)) * n / spread * ratio),
        bounds=(-math.inf, 1.0),
        link=REST,
        **_without([1 - _unexplained(side, plain) * ratio for side in sides]),
    )


def _centred_fourth(whole: Moments, b: Floats) -> float:
    """The sum of (error - b)^4."""
    return float(
        whole[4, 0] - 4 * b * whole[3, 0] + 6 * b**2 * whole[2, 0] - 4 * b**3 * whole[1, 0] + b**4 * whole[0, 0]
    )


def _labels_spread(sums: Moments) -> Floats:
    return np.asarray(sums[0, 2] - sums[0, 1] ** 2 / sums[0, 0])


def _unexplained(sums: Moments, plain: bool) -> Floats:
    above = sums[2, 0] if plain else sums[2, 0] - sums[1, 0] ** 2 / sums[0, 0]
    return np.asarray(above / _labels_spread(sums))


def _by_cell(window: Window, scale: ErrorCells) -> Floats:
    """Nights with labels x cells of the absolute error: rows."""
    tables = [(window.nights[place].errors or ErrorTables()).histogram for place in window.labelled]
    return np.asarray(window.measures(tables, len(scale.edges) + 1, 2).sum(axis=1))


def _median_effect(window: Window, scale: ErrorCells) -> float | None:
    """The design effect of the share of rows up to the median's cell, from which its interval comes."""
    if not window.labelled:
        return None
    tables = _by_cell(window, scale)
    reached = np.cumsum(tables.sum(axis=0))
    cell = int(np.searchsorted(reached, reached[-1] / 2 * (1 - 1e-12)))
    share = Ratio(lambda _: tables[:, : cell + 1].sum(axis=1), lambda _: tables.sum(axis=1))
    return ratio_effect(share, window)


def _by_entity(window: Window, scale: ErrorCells) -> tuple[Floats, Floats] | None:
    """Nights x groups of entities: rows up to the edge of the wide cells that is nearest the median, and all rows.

    None where rows have no entities, their errors were not kept by cell, or no edge is near: a share that is small has
    another design effect than a half.
    """
    if window.entities is None:
        return None
    lines, size = window.entities.parts, len(scale.edges) // WIDE + 1
    tables = window.factor * np.stack([[part.histogram.floats(size, 0) for part in line] for line in lines])
    reached, rows = np.cumsum(tables, axis=-1), tables.sum(axis=-1)
    if not np.allclose(rows, window.entities.sums["labelled"]):
        return None
    shares = reached.sum(axis=(0, 1)) / rows.sum()
    nearest = int(np.abs(shares - 0.5).argmin())
    return (reached[..., nearest], rows) if abs(shares[nearest] - 0.5) < NEAR else None


def _median(window: Window, scale: ErrorCells, design: float) -> Estimate:
    """The median of the absolute error, by cell, and Woodruff's interval (1952).

    The interval of the share of rows up to the median's cell is read back as quantiles, and widened to whole cells.
    Entities, whose errors are kept in wide cells, have the design effect of the share up to the nearest edge of those.
    """
    held = [window.nights[place] for place in window.labelled]
    n, size = int(window.rows["labelled"].sum()), len(scale.edges) + 1
    if not held or not n:
        return NOT_MEASURED
    tables = _by_cell(window, scale)
    whole = tables.sum(axis=0)
    reached, total = np.cumsum(whole), whole.sum()
    largest = max(_errors(night.overall).largest for night in held)
    ends = np.minimum(np.concatenate([[0.0], scale.edges, [largest]]), largest)
    cell = int(np.searchsorted(reached, total / 2 * (1 - 1e-12)))
    last = int(np.searchsorted(reached, total / 2 * (1 + 1e-12), side="right"))
    low, high = float(ends[cell]), float(ends[min(last, size - 1) + 1])
    value = _between(low, high, (total / 2 - (reached[cell] - whole[cell])) / whole[cell] if cell == last else 0.5)
    if high >= LARGEST:
        return Estimate(None, n=n, nights=len(held))
    above, below = _by_entity(window, scale) or (tables[:, : cell + 1].sum(axis=1), tables.sum(axis=1))
    effect, freedom, entities = share_effect(above, below, design * window.effect, window.effect)
    share = float(reached[cell] / total)
    bounds = wilson(share, total / effect, two_sided(LEVEL, freedom))
    down, up = (np.clip(0.5 + bound - share, 0.0, 1.0) for bound in bounds)
    lower = float(ends[min(int(np.searchsorted(reached, down * total)), size - 1)])
    upper = float(ends[min(int(np.searchsorted(reached, up * total)), size - 1) + 1])
    nights, error = len(held), max(value - low, high - value)
    alone = nights < ENOUGH_NIGHTS and not entities
    return Estimate(value, min(lower, value), max(upper, value), n, nights, error, alone, entities=entities)


def _between(low: float, high: float, share: float) -> float:
    return low + (high - low) * min(max(float(share), 0.0), 1.0)
