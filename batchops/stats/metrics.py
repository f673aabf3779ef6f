"""Metrics of a window of nights, from what was counted; named, and equal to, scikit-learn's."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from batchops.stats.intervals import (
    ENOUGH_NIGHTS,
    Estimate,
    Spread,
    counted,
    influences,
    mean_estimate,
    proportion_estimate,
    spread_of,
)
from batchops.stats.quality import LOSS, SCORE, SQUARE, SUMS, Quality, ScoreCells, SliceQuality
from batchops.stats.sparse import Sparse, merge_sparse

__all__ = ["METRICS", "Confusion", "area", "baselines", "confusion", "design_effects", "metrics", "nightly_sums"]

Floats = NDArray[np.float64]
Nightly = Mapping[str, Floats]


@dataclass(frozen=True, slots=True)
class Confusion:
    """Decisions on labelled rows, at the threshold."""

    threshold: float
    true_positives: int
    false_positives: int
    true_negatives: int
    false_negatives: int


@dataclass(frozen=True, slots=True)
class _Ratio:
    """A metric that is one sum over another.

    Attributes:
        above, below: The sums by night.
        squares: For a mean that is no share of rows: the sum of squares of what is averaged.
        bounds: What the mean cannot leave.
    """

    above: Callable[[Nightly], Floats]
    below: Callable[[Nightly], Floats]
    squares: Callable[[Nightly], Floats] | None = None
    bounds: tuple[float, float] = (0.0, 1.0)


def _sum(name: str, unit: int = 1) -> Callable[[Nightly], Floats]:
    return lambda nightly: nightly[name] / unit


def _negatives(nightly: Nightly) -> Floats:
    return nightly["labelled"] - nightly["positives"]


def _correct(nightly: Nightly) -> Floats:
    return nightly["true_positives"] + _negatives(nightly) - nightly["false_positives"]


def _chosen(nightly: Nightly) -> Floats:
    return nightly["true_positives"] + nightly["false_positives"]


def _missed(nightly: Nightly) -> Floats:
    return nightly["positives"] - nightly["true_positives"]


def _gap(nightly: Nightly) -> Floats:
    return nightly["positives"] - nightly["labelled_score"] / SCORE


RATIOS: Mapping[str, _Ratio] = MappingProxyType(
    {
        "accuracy": _Ratio(_correct, _sum("labelled")),
        "precision": _Ratio(_sum("true_positives"), _chosen),
        "recall": _Ratio(_sum("true_positives"), _sum("positives")),
        "f1": _Ratio(
            lambda nightly: 2 * nightly["true_positives"], lambda nightly: nightly["positives"] + _chosen(nightly)
        ),
        "false_positive_rate": _Ratio(_sum("false_positives"), _negatives),
        "false_negative_rate": _Ratio(_missed, _sum("positives")),
        "selection_rate": _Ratio(_sum("selected"), _sum("n")),
        "base_rate": _Ratio(_sum("positives"), _sum("labelled")),
        "mean_score": _Ratio(_sum("score", SCORE), _sum("n"), _sum("square", SCORE)),
        "calibration_gap": _Ratio(_gap, _sum("labelled"), _sum("brier", SCORE), (-1.0, 1.0)),
        "log_loss": _Ratio(_sum("log_loss", LOSS), _sum("labelled"), _sum("log_loss_square", SQUARE), (0.0, math.inf)),
        "brier_score": _Ratio(_sum("brier", SCORE), _sum("labelled"), _sum("brier_square", SCORE)),
    }
)

METRICS = (*RATIOS, "roc_auc")
"""accuracy, precision, recall, f1, false_positive_rate, false_negative_rate, log_loss, brier_score and roc_auc are
scikit-learn's. selection_rate is the share of scores at or above the threshold, base_rate the share of positives,
mean_score the mean score; calibration_gap is base_rate minus the mean score of labelled rows."""


def nightly_sums(parts: Sequence[SliceQuality]) -> dict[str, Floats]:
    """The sums of a slice as arrays, one number a night."""
    return {name: np.array([float(getattr(part, name)) for part in parts]) for name in SUMS}


def metrics(
    quality: Quality, cells: ScoreCells, design: Mapping[str, float] = MappingProxyType({})
) -> dict[str, Estimate]:
    """All of `METRICS` over all nights of ``quality``, with 95 % intervals.

    Args:
        quality: A window.
        cells: With which it was counted.
        design: Design effect by metric, from `design_effects` of the reference, to widen the intervals of fewer than
            eight nights.
    """
    parts = _parts(quality)
    nightly = nightly_sums(parts)
    found = {name: _estimate(name, ratio, nightly, design.get(name, 1.0)) for name, ratio in RATIOS.items()}
    found["roc_auc"] = _area_estimate(parts, len(cells.edges) + 1, design.get("roc_auc", 1.0))
    return found


def _parts(quality: Quality) -> list[SliceQuality]:
    return [quality.nights[night].overall for night in sorted(quality.nights)]


def _estimate(name: str, ratio: _Ratio, nightly: Nightly, design: float) -> Estimate:
    above, below = ratio.above(nightly), ratio.below(nightly)
    if ratio.squares is not None:
        return mean_estimate(above, below, float(ratio.squares(nightly).sum()), design, ratio.bounds)
    if name == "f1":
        design *= _f1_effect(above, below)
    return proportion_estimate(above, below, design)


def _f1_effect(above: Floats, below: Floats) -> float:
    """What the variance of F1 = 2 TP / (2 TP + FP + FN) is, over that of a share of as many rows.

    A true positive moves both sums by 2, a wrong decision only the lower by 1.
    """
    doubled, total = float(above.sum()), float(below.sum())
    if not 0 < doubled < total:
        return 1.0
    value = doubled / total
    residuals = doubled / 2 * (2 - 2 * value) ** 2 + (total - doubled) * value**2
    return residuals / (value * (1 - value) * total)


def area(negatives: Floats, positives: Floats) -> tuple[Floats, Floats]:
    """The area under the ROC curve, and how much of it counting in cells may hide.

    U = sum over cells of neg (pos above + pos in the cell / 2), over the number of pairs; pairs in one cell count one
    half, so the true area is at most sum pos neg / 2 pairs away, on either side.

    Args:
        negatives, positives: Rows by cell along the last axis.

    Returns:
        Two numbers, or one for each line; not a number where there is no pair.
    """
    above = positives.sum(axis=-1, keepdims=True) - np.cumsum(positives, axis=-1)
    pairs = negatives.sum(axis=-1) * positives.sum(axis=-1)
    same = (negatives * positives).sum(axis=-1) / 2
    with np.errstate(invalid="ignore", divide="ignore"):
        return ((negatives * above).sum(axis=-1) + same) / pairs, same / pairs


def _area_estimate(parts: Sequence[SliceQuality], size: int, design: float) -> Estimate:
    held = [part for part in parts if part.labelled]
    whole = merge_sparse([part.histogram for part in held])
    negatives, positives = whole.floats(size, 0), whole.floats(size, 1)
    n, nights = round(negatives.sum() + positives.sum()), len(held)
    if not negatives.any() or not positives.any():
        return Estimate(None, n=n, nights=nights)
    value, error = (float(each) for each in area(negatives, positives))
    alone = nights < ENOUGH_NIGHTS
    spread = _delong(negatives, positives, design) if alone else _area_spread(held, negatives, positives)
    if spread is None:
        return Estimate(value, None, None, n, nights, error, rows_independent=alone)
    radius = spread.radius() + error
    return Estimate(value, max(0.0, value - radius), min(1.0, value + radius), n, nights, error, alone)


def _delong(negatives: Floats, positives: Floats, design: float) -> Spread | None:
    """Variance of the area for independent rows (DeLong, DeLong & Clarke-Pearson, 1988), rows of one cell as ties."""
    n, m = negatives.sum(), positives.sum()
    if n < 2 or m < 2:
        return None
    beaten = (np.cumsum(negatives) - negatives / 2) / n
    beating = (m - np.cumsum(positives) + positives / 2) / m
    return Spread(design * (_weighted_variance(beaten, positives) / m + _weighted_variance(beating, negatives) / n))


def _weighted_variance(values: Floats, weights: Floats) -> float:
    total = weights.sum()
    mean = (values * weights).sum() / total
    return float((weights * (values - mean) ** 2).sum() / (total - 1))


def _area_spread(held: Sequence[SliceQuality], negatives: Floats, positives: Floats) -> Spread | None:
    """Spread of the area, by leaving out one night at a time; None where some night holds a whole class."""
    without = np.array([_area_without(part.histogram, negatives, positives) for part in held])
    if not np.isfinite(without).all():
        return None
    return spread_of(without)


def _area_without(night: Sparse, negatives: Floats, positives: Floats) -> float:
    size = len(negatives)
    value, _ = area(negatives - night.floats(size, 0), positives - night.floats(size, 1))
    return float(value)


def design_effects(quality: Quality, cells: ScoreCells) -> dict[str, float]:
    """By how much each metric's variance between nights exceeds that of independent rows, at least 1.

    Computed on the reference, it widens the interval of a single night. Metrics that fewer than eight nights have are
    left out.
    """
    parts = _parts(quality)
    nightly = nightly_sums(parts)
    found = {}
    for name, ratio in RATIOS.items():
        above, below = ratio.above(nightly), ratio.below(nightly)
        value, n, nights = counted(above, below)
        if value is None or nights < ENOUGH_NIGHTS:
            continue
        held = below > 0
        squares = value if ratio.squares is None else float(ratio.squares(nightly).sum()) / n
        independent = (squares - value**2) / n * (_f1_effect(above, below) if name == "f1" else 1.0)
        if independent > 0:
            found[name] = max(1.0, spread_of(influences(above[held], below[held])).variance / independent)
    effect = _area_effect(parts, len(cells.edges) + 1)
    return found if effect is None else {**found, "roc_auc": effect}


def _area_effect(parts: Sequence[SliceQuality], size: int) -> float | None:
    held = [part for part in parts if part.labelled]
    if len(held) < ENOUGH_NIGHTS:
        return None
    whole = merge_sparse([part.histogram for part in held])
    negatives, positives = whole.floats(size, 0), whole.floats(size, 1)
    rows, nights = _delong(negatives, positives, 1.0), _area_spread(held, negatives, positives)
    if rows is None or nights is None or rows.variance <= 0:
        return None
    return max(1.0, nights.variance / rows.variance)


def confusion(quality: Quality, cells: ScoreCells) -> Confusion:
    """Decisions over all nights."""
    total = quality.overall()
    return Confusion(
        cells.threshold, total.true_positives, total.false_positives, total.true_negatives, total.false_negatives
    )


def baselines(quality: Quality, base_rate: float) -> dict[str, float | None]:
    """What a model without features would get on the same labels: it gives every row the reference's base rate.

    The clipping of the log loss is that of the scores.
    """
    total = quality.overall()
    if not total.labelled:
        return dict.fromkeys(("accuracy", "log_loss", "brier_score", "roc_auc"))
    share = total.positives / total.labelled
    epsilon = float(np.finfo(np.float64).eps)
    chance = min(max(base_rate, epsilon), 1 - epsilon)
    return {
        "accuracy": share if base_rate >= 0.5 else 1 - share,
        "log_loss": -(share * math.log(chance) + (1 - share) * math.log(1 - chance)),
        "brier_score": share * (1 - base_rate) ** 2 + (1 - share) * base_rate**2,
        "roc_auc": 0.5 if 0 < share < 1 else None,
    }
