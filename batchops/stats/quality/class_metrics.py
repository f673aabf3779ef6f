"""Metrics of more than two classes, over a window of nights."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from batchops.stats.numbers.intervals import NOT_MEASURED, Estimate, proportion_estimate
from batchops.stats.numbers.smooth import CORRELATION, LOGIT, Smooth, lone_effect, smooth_effect, smooth_estimate
from batchops.stats.outcomes.classes import FROM_MARGINS, ClassCounts, Margins, per_class, variance_by_pairs
from batchops.stats.outcomes.state import LOSS, SCORE, SQUARE, ScoreCells
from batchops.stats.quality.class_areas import mean_area
from batchops.stats.quality.ratios import Ratio, f1_effect, judged, ratio_effect, ratio_estimate, total_of
from batchops.stats.quality.window import Window, left_out

__all__ = ["CLASS_METRICS", "by_class", "class_effects", "class_metrics"]

Floats = NDArray[np.float64]


_RATIOS: Mapping[str, Ratio] = MappingProxyType(
    {
        "accuracy": Ratio(total_of("correct"), total_of("labelled")),
        "error_rate": Ratio(lambda nightly: nightly["labelled"] - nightly["correct"], total_of("labelled")),
        "log_loss": Ratio(total_of("log_loss", LOSS), judged, total_of("log_loss_square", SQUARE), (0.0, math.inf)),
        "brier_score": Ratio(total_of("brier", SCORE), judged, total_of("brier_square", SCORE), (0.0, 2.0)),
    }
)
_SMOOTH = tuple(name for name in FROM_MARGINS if name != "accuracy")
_MIXED = frozenset(name for name in _SMOOTH if name.endswith(("_macro", "_weighted")))
"""Whose figure of one night is not on average that of many, the nights' shares of classes being what they are."""
_ONE_NIGHT = "{} of one night"
"""By which name design effects hold how far single nights miss such a figure."""

_CORRELATIONS = ("matthews_corrcoef", "cohen_kappa")

CLASS_METRICS = (*_RATIOS, *_SMOOTH, "roc_auc")
"""Of more than two classes; scikit-learn's. ``roc_auc`` is the mean over classes of each against the rest."""


def class_metrics(window: Window, cells: ScoreCells, design: Mapping[str, float]) -> dict[str, Estimate]:
    """All of `CLASS_METRICS`, with 95 % intervals.

    Args:
        window: Its nights.
        cells: With which it was counted.
        design: Design effect by metric, for windows of fewer than eight nights.
    """
    found = {name: ratio_estimate(ratio, window, design.get(name, 1.0)) for name, ratio in _RATIOS.items()}
    for name, figure in _smooth(window, cells).items():
        found[name] = smooth_estimate(figure, _effect(name, design, len(window.labelled)), window.effect)
    return found


def _effect(name: str, design: Mapping[str, float], nights: int) -> float:
    """The design effect of a window: what single nights miss a figure by beyond their variance grows less with each."""
    many = design.get(name, 1.0)
    return many + (design.get(_ONE_NIGHT.format(name), many) - many) / max(nights, 1)


def class_effects(window: Window, cells: ScoreCells) -> dict[str, float]:
    """By how much each metric's variance between nights exceeds that of independent rows, where it is known."""
    effects = {name: ratio_effect(ratio, window) for name, ratio in _RATIOS.items()}
    smooth = _smooth(window, cells)
    effects |= {name: smooth_effect(figure, window.effect) for name, figure in smooth.items()}
    found = {name: effect for name, effect in effects.items() if effect is not None}
    nightly = _confusions(window, cells) if window.labelled else np.zeros((0, 0, 0))
    for name in _MIXED & found.keys():
        figure = FROM_MARGINS[name]
        spreads = np.array([variance_by_pairs(figure, each) for each in nightly])
        alone = lone_effect(smooth[name], figure(Margins.of(nightly)), spreads, window.effect)
        found[_ONE_NIGHT.format(name)] = max(found[name], alone)
    return found


def _counts(window: Window) -> list[ClassCounts]:
    """Of the nights that have labels."""
    return [window.nights[place].classes or ClassCounts() for place in window.labelled]


def _confusions(window: Window, cells: ScoreCells) -> Floats:
    """Nights with labels x true class x predicted class."""
    size = len(cells.classes)
    tables = [counts.confusion for counts in _counts(window)]
    return window.measures(tables, size**2, 1).reshape(len(tables), size, size)


def _by_entity(window: Window, classes: int) -> Margins | None:
    """Nights x groups of entities x classes; None where that is not known of all rows."""
    if window.entities is None:
        return None
    tables = [[part.histogram for part in line] for line in window.entities.parts]
    sides = [
        window.factor * np.array([[each.floats(classes, at) for each in line] for line in tables]) for at in range(3)
    ]
    margins = Margins(*sides)
    return margins if np.allclose(margins.true.sum(axis=-1), window.entities.sums["labelled"]) else None


def _left(margins: Margins | None) -> list[Margins]:
    """What is left without each group of entities, and without each group of each night."""
    if margins is None:
        return []
    sides = left_out(np.stack([margins.right, margins.true, margins.predicted], axis=-1))
    return [Margins(*np.moveaxis(np.maximum(each, 0.0), -1, 0)) for each in sides]


def _smooth(window: Window, cells: ScoreCells) -> dict[str, Smooth]:
    if not window.labelled:
        return dict.fromkeys((*_SMOOTH, "roc_auc"), Smooth(None))
    nightly, n = _confusions(window, cells), int(window.rows["labelled"].sum())
    found = {name: _from_pairs(FROM_MARGINS[name], nightly, n, name in _CORRELATIONS) for name in _SMOOTH}
    by_entity = _by_entity(window, len(cells.classes))
    left = _left(by_entity)
    if left:
        sides = {name: [FROM_MARGINS[name](each) for each in left] for name in found}
        found = {name: replace(each, groups=sides[name][0], cells=sides[name][1]) for name, each in found.items()}
    return found | {"roc_auc": mean_area(window, cells, by_entity)}


def _from_pairs(figure: Callable[[Margins], Floats], nightly: Floats, n: int, correlation: bool) -> Smooth:
    whole = nightly.sum(axis=0)
    margins = Margins.of(whole)
    value = float(figure(margins))
    found = Smooth(
        value if math.isfinite(value) else None,
        n,
        figure(margins.without(Margins.of(nightly))),
        variance_by_pairs(figure, whole),
        bounds=(-1.0, 1.0) if correlation else (0.0, 1.0),
        link=CORRELATION if correlation else LOGIT,
    )
    # Where one side never changes, it is 0 whatever rows come: that is a convention, of no spread.
    return found if margins.varied or not correlation else found.alone()


def by_class(window: Window, cells: ScoreCells) -> dict[str, dict[str, Estimate]]:
    """Precision, recall and F1 of each class, with the share of rows that are it and that were taken for it."""
    if not window.labelled:
        return {name: {} for name in cells.classes}
    margins = _by_entity(window, len(cells.classes)) or Margins.of(_confusions(window, cells))
    labelled = margins.true.sum(axis=-1)
    found: dict[str, dict[str, Estimate]] = {}
    for place, name in enumerate(cells.classes):
        figures = {
            metric: (above[..., place], below[..., place]) for metric, (above, below) in per_class(margins).items()
        }
        figures["base_rate"] = margins.true[..., place], labelled
        figures["selection_rate"] = margins.predicted[..., place], labelled
        found[name] = {
            metric: _share(above, below, window.effect * (f1_effect(above, below) if metric == "f1" else 1.0))
            for metric, (above, below) in figures.items()
        }
    return found


def _share(above: Floats, below: Floats, alone: float) -> Estimate:
    return proportion_estimate(above, below, alone, alone) if below.sum() > 0 else NOT_MEASURED
