"""Metrics of a window of nights, from what was counted; named, and equal to, scikit-learn's."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from batchops.stats.numbers.intervals import ENOUGH_NIGHTS, Estimate
from batchops.stats.numbers.smooth import (
    AS_IT_IS,
    CORRELATION,
    LOGIT,
    Shape,
    Smooth,
    lone_effect,
    smooth_effect,
    smooth_estimate,
)
from batchops.stats.outcomes.classes import FROM_MARGINS, Margins, variance_by_pairs
from batchops.stats.outcomes.state import LOSS, SCORE, SQUARE, Quality, ScoreCells
from batchops.stats.outcomes.tally import WIDE
from batchops.stats.quality.calibration_error import calibration_effect, calibration_error
from batchops.stats.quality.class_metrics import CLASS_METRICS, by_class, class_effects, class_metrics
from batchops.stats.quality.curves import area, area_shape, area_variance, average_precision, average_precision_variance
from batchops.stats.quality.error_metrics import ERROR_METRICS, error_effects, error_metrics
from batchops.stats.quality.moments import skewness
from batchops.stats.quality.ratios import (
    Nightly,
    Ratio,
    calibration_gap,
    f1_effect,
    judged,
    ratio_effect,
    ratio_estimate,
    total_of,
)
from batchops.stats.quality.window import Window, left_out, nightly_sums, window_of

__all__ = [
    "METRICS",
    "RATIOS",
    "TASK_METRICS",
    "Confusion",
    "area",
    "class_details",
    "confusion",
    "design_effects",
    "metrics",
    "nightly_sums",
]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Confusion:
    """Decisions on labelled rows, at the threshold."""

    threshold: float
    true_positives: int
    false_positives: int
    true_negatives: int
    false_negatives: int


def _negatives(nightly: Nightly) -> Floats:
    return nightly["labelled"] - nightly["positives"]


def _wrong(nightly: Nightly) -> Floats:
    return nightly["labelled"] - nightly["correct"]


def _chosen(nightly: Nightly) -> Floats:
    return nightly["true_positives"] + nightly["false_positives"]


def _missed(nightly: Nightly) -> Floats:
    return nightly["positives"] - nightly["true_positives"]


def _scored(nightly: Nightly) -> Floats:
    """Rows that have a score."""
    return nightly["n"] - nightly["unscored"]


RATIOS: Mapping[str, Ratio] = MappingProxyType(
    {
        "accuracy": Ratio(total_of("correct"), total_of("labelled")),
        "precision": Ratio(total_of("true_positives"), _chosen),
        "recall": Ratio(total_of("true_positives"), total_of("positives")),
        "f1": Ratio(
            lambda nightly: 2 * nightly["true_positives"],
            lambda nightly: nightly["positives"] + _chosen(nightly),
            widened=f1_effect,
        ),
        "false_positive_rate": Ratio(total_of("false_positives"), _negatives),
        "false_negative_rate": Ratio(_missed, total_of("positives")),
        "selection_rate": Ratio(total_of("selected"), total_of("n"), every=True),
        "base_rate": Ratio(total_of("positives"), total_of("labelled")),
        "mean_score": Ratio(total_of("score", SCORE), _scored, total_of("square", SCORE), every=True),
        "calibration_gap": Ratio(calibration_gap, judged, total_of("brier", SCORE), (-1.0, 1.0)),
        "log_loss": Ratio(total_of("log_loss", LOSS), judged, total_of("log_loss_square", SQUARE), (0.0, math.inf)),
        "brier_score": Ratio(total_of("brier", SCORE), judged, total_of("brier_square", SCORE)),
        "error_rate": Ratio(_wrong, total_of("labelled")),
        "specificity": Ratio(lambda nightly: _negatives(nightly) - nightly["false_positives"], _negatives),
    }
)

FROM_DECISIONS = ("balanced_accuracy", "matthews_corrcoef")
FROM_CURVES = ("roc_auc", "average_precision")

METRICS = (*RATIOS, *FROM_DECISIONS, *FROM_CURVES, "expected_calibration_error")
"""Of two classes. scikit-learn's where it has one of that name (``average_precision``: its score; of positives
alone it is 1, of negatives alone, where scikit-learn warns and says 0, it is not measured). selection_rate is
the share of rows decided to be positive, base_rate the share of positives, mean_score the mean score, specificity the
share of negatives decided to be so; calibration_gap is base_rate minus the mean score of labelled rows, and
expected_calibration_error the mean over the reference's ten bins of the score of the absolute gap, by rows."""

TASK_METRICS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"binary": METRICS, "multiclass": CLASS_METRICS, "regression": ERROR_METRICS}
)


def metrics(
    quality: Quality, cells: ScoreCells, design: Mapping[str, float] = MappingProxyType({})
) -> dict[str, Estimate]:
    """All `TASK_METRICS` of the cells' task over all nights of ``quality``, with 95 % intervals.

    Args:
        quality: A window.
        cells: With which it was counted.
        design: Design effect by metric, from `design_effects` of the reference, to widen the intervals of fewer than
            eight nights.
    """
    window = window_of(quality)
    if cells.task == "multiclass":
        return class_metrics(window, cells, design)
    if cells.task == "regression":
        return error_metrics(window, cells, design)
    skewed = skewness(window, cells) if len(window.nights) < ENOUGH_NIGHTS else {}
    found = {
        name: ratio_estimate(ratio, window, design.get(name, 1.0), skewed.get(name)) for name, ratio in RATIOS.items()
    }
    for name, figure in _smooth(window, cells).items():
        found[name] = smooth_estimate(figure, design.get(name, 1.0), window.effect)
    effects = design.get("calibration_gap", 1.0), design.get("expected_calibration_error", 1.0)
    found["expected_calibration_error"] = calibration_error(window, len(cells.calibration) + 1, effects)
    return found


def design_effects(quality: Quality, cells: ScoreCells) -> dict[str, float]:
    """By how much each metric's variance between nights exceeds that of independent rows, at least 1.

    Computed on the reference, it widens the interval of a single night, beside what that night's own weights do.
    Metrics that fewer than eight nights have are left out. Means over classes that follow the night's shares have a
    second one, of single nights.
    """
    window = window_of(quality)
    if cells.task == "multiclass":
        return class_effects(window, cells)
    if cells.task == "regression":
        return error_effects(window, cells)
    effects = {name: ratio_effect(ratio, window) for name, ratio in RATIOS.items()}
    smooth = _smooth(window, cells)
    effects |= {name: smooth_effect(figure, window.effect) for name, figure in smooth.items()}
    effects["expected_calibration_error"] = calibration_effect(window, len(cells.calibration) + 1)
    found = {name: effect for name, effect in effects.items() if effect is not None}
    if "average_precision" in found:
        alone = _lone_precision(smooth["average_precision"], window, cells)
        found["average_precision"] = max(found["average_precision"], alone)
    return found


def _lone_precision(figure: Smooth, window: Window, cells: ScoreCells) -> float:
    """How far nights by themselves miss: average precision is steeper in how many positives there are."""
    tables = [counts for _, counts in _curves(window, cells)]
    values = [float(average_precision(negatives, positives)[0]) for negatives, positives in tables]
    variances = [average_precision_variance(*each) for each in tables]
    spreads = np.array([math.nan if each is None else each for each in variances])
    return lone_effect(figure, np.array(values), spreads, window.effect)


def class_details(quality: Quality, cells: ScoreCells) -> dict[str, dict[str, Estimate]]:
    """Of each of more than two classes: precision, recall, f1, base_rate and selection_rate.

    Args:
        quality: A window.
        cells: With which it was counted.
    """
    return by_class(window_of(quality), cells)


def _smooth(window: Window, cells: ScoreCells) -> dict[str, Smooth]:
    """The metrics that are no ratio of sums."""
    held = window.labelled
    decisions, entities = _decisions(window.sums)[held], window.entities
    by_entity = left_out(_decisions(entities.sums)) if entities is not None else None
    n = int(window.rows["labelled"].sum())
    found = {name: _from_decisions(name, (decisions, by_entity), n) for name in FROM_DECISIONS}
    curves = _curves(window, cells)
    if not curves:
        return found | dict.fromkeys(FROM_CURVES, Smooth(None))
    nightly = [counts for _, counts in curves]
    rows = int(judged(window.rows).sum())
    found["roc_auc"] = _with_entities(_from_curve(nightly, rows, "roc_auc"), window, cells, area)
    found["average_precision"] = _with_entities(
        _from_curve(nightly, rows, "average_precision"), window, cells, average_precision
    )
    return found


def _curves(window: Window, cells: ScoreCells) -> list[tuple[int, Floats]]:
    """Places of the nights that have labels and scores; negatives and positives of each by cell."""
    size, held = len(cells.edges) + 1, window.judged
    counts = [window.parts[place].histogram for place in held]
    return [
        (place, window.factor * np.stack([table.floats(size, 0), table.floats(size, 1)]))
        for place, table in zip(held, counts, strict=True)
    ]


def _with_entities(
    figure: Smooth, window: Window, cells: ScoreCells, value_of: Callable[[Floats, Floats], tuple[Floats, Floats]]
) -> Smooth:
    """The area under a curve with what it is without each group of entities, in the few wide cells kept of those."""
    if window.entities is None or figure.value is None:
        return figure
    size, lines = len(cells.coarse) // WIDE + 1, window.entities.parts
    counts = [[part.histogram.floats(size, side) for line in lines for part in line] for side in range(2)]
    tables = window.factor * np.stack([np.stack(each) for each in counts], axis=1)
    sides = (np.maximum(each, 0.0) for each in left_out(tables.reshape(len(lines), -1, 2, size)))
    groups, by_night = (value_of(each[:, 0], each[:, 1])[0] for each in sides)
    return replace(figure, groups=groups, cells=by_night)


def _decisions(sums: Nightly) -> Floats:
    """For each night (and group of entities): true class x decided class."""
    true_positives, false_positives = sums["true_positives"], sums["false_positives"]
    return np.stack(
        [
            np.stack([_negatives(sums) - false_positives, false_positives], axis=-1),
            np.stack([_missed(sums), true_positives], axis=-1),
        ],
        axis=-2,
    )


def _from_decisions(name: str, decisions: tuple[Floats, tuple[Floats, Floats] | None], n: int) -> Smooth:
    """Of decisions by night, and what is left of them without each entity."""
    if not n:
        return Smooth(None)
    nightly, by_entity = decisions
    nothing = np.zeros(0)
    figure, whole, bounded = FROM_MARGINS[name], nightly.sum(axis=0), name != "matthews_corrcoef"
    # Half a row of each kind more: where one was never seen, that is no proof that it never comes.
    variance, seen = variance_by_pairs(figure, whole + 0.5), variance_by_pairs(figure, whole)
    found = Smooth(
        float(figure(Margins.of(whole))),
        n,
        figure(Margins.of(np.maximum(whole - nightly, 0.0))),
        variance,
        more=max(0.0, (variance or 0.0) - (seen or 0.0)),
        bounds=(0.0 if bounded else -1.0, 1.0),
        link=AS_IT_IS if bounded else CORRELATION,
        groups=figure(Margins.of(by_entity[0])) if by_entity is not None else nothing,
        cells=figure(Margins.of(by_entity[1])) if by_entity is not None else nothing,
    )
    # Where one side never changes, a correlation is 0 by convention, which has no spread.
    return found if bounded or Margins.of(whole).varied else found.alone()


def _from_curve(nightly: list[Floats], rows: int, name: str) -> Smooth:
    value_of = area if name == "roc_auc" else average_precision
    variance_of = area_variance if name == "roc_auc" else average_precision_variance
    negatives, positives = np.sum(nightly, axis=0)
    alone = not negatives.any()
    if not positives.any() or (alone and name == "roc_auc"):
        return Smooth(None, rows)
    value, error = value_of(negatives, positives)
    # Weights leave rounding behind where a night held all rows of a cell.
    without = [
        value_of(np.maximum(negatives - night[0], 0.0), np.maximum(positives - night[1], 0.0))[0] for night in nightly
    ]
    figure = Smooth(
        float(value), rows, np.array(without, dtype=np.float64), variance_of(negatives, positives), float(error)
    )
    n, m = float(negatives.sum()), float(positives.sum())
    if name == "roc_auc":
        return replace(figure, link=LOGIT, shape=Shape(area_shape(n, m), min(n, m), always=True))
    shape = Shape(lambda true: true * (1 - true) / m, m)
    return figure.alone() if alone else replace(figure, link=LOGIT, freedom=max(m - 1, 1.0), shape=shape)


def confusion(quality: Quality, cells: ScoreCells) -> Confusion:
    """Decisions over all nights."""
    total = quality.overall()
    return Confusion(
        cells.threshold, total.true_positives, total.false_positives, total.true_negatives, total.false_negatives
    )
