"""What a model without features would get on the same labels: it gives every row the same answer."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from batchops.stats.numbers.whole import real
from batchops.stats.outcomes.classes import FROM_MARGINS, Margins
from batchops.stats.outcomes.regression import ErrorCells, ErrorSums
from batchops.stats.outcomes.state import Quality, ScoreCells
from batchops.stats.quality.window import Window, window_of

__all__ = ["baselines", "trivial"]

Floats = NDArray[np.float64]

EPSILON = float(np.finfo(np.float64).eps)

_RATES = (
    "accuracy",
    "error_rate",
    "log_loss",
    "brier_score",
    "roc_auc",
    "average_precision",
    "balanced_accuracy",
    "matthews_corrcoef",
    "calibration_gap",
)


def trivial(quality: Quality, cells: ScoreCells, reference: Quality) -> dict[str, float | None]:
    """Metrics of the answer that the reference alone suggests, on the labels of ``quality``.

    That is its base rate of two classes, its shares of more, its mean of numbers (its median for absolute errors).
    Metrics that say nothing of such an answer are left out.
    """
    before = window_of(reference)
    if cells.task == "multiclass":
        return _class_baselines(quality, cells, before)
    if cells.task == "regression":
        return _error_baselines(window_of(quality), cells.errors or ErrorCells(), before)
    positives, labelled = (float(before.sums[name].sum()) for name in ("positives", "labelled"))
    return baselines(quality, positives / labelled if labelled else 0.5)


def baselines(quality: Quality, base_rate: float) -> dict[str, float | None]:
    """Of two classes: every row gets ``base_rate`` as its score.

    The clipping of the log loss is that of the scores.
    """
    sums = window_of(quality).sums
    labelled = float(sums["labelled"].sum())
    if not labelled:
        return dict.fromkeys(_RATES)
    share = float(sums["positives"].sum()) / labelled
    chance = min(max(base_rate, EPSILON), 1 - EPSILON)
    accuracy = share if base_rate >= 0.5 else 1 - share
    return {
        "accuracy": accuracy,
        "error_rate": 1 - accuracy,
        "log_loss": -(share * math.log(chance) + (1 - share) * math.log(1 - chance)),
        "brier_score": share * (1 - base_rate) ** 2 + (1 - share) * base_rate**2,
        "roc_auc": 0.5 if 0 < share < 1 else None,
        "average_precision": share if share > 0 else None,
        "balanced_accuracy": 0.5 if 0 < share < 1 else accuracy,
        "matthews_corrcoef": 0.0,
        "calibration_gap": share - base_rate,
    }


def _class_counts(window: Window, cells: ScoreCells) -> Floats:
    """Labelled rows of each class."""
    size = len(cells.classes)
    tables = [night.classes.confusion for night in window.nights if night.classes is not None]
    if not tables:
        return np.zeros(size)
    counted = window.measures(tables, size**2, 1).sum(axis=(0, 1))
    return np.asarray(counted.reshape(size, size).sum(axis=1))


def _class_baselines(quality: Quality, cells: ScoreCells, before: Window) -> dict[str, float | None]:
    true, known = _class_counts(window_of(quality), cells), _class_counts(before, cells)
    n = float(true.sum())
    if not n or not known.sum():
        return {}
    shares = known / known.sum()
    confusion = np.zeros((len(true), len(true)))
    confusion[:, int(np.argmax(shares))] = true
    margins = Margins.of(confusion)
    found: dict[str, float | None] = {name: float(figure(margins)) for name, figure in FROM_MARGINS.items()}
    if not math.isfinite(found["cohen_kappa"] or 0.0):
        found["cohen_kappa"] = None
    squares = float((shares**2).sum())
    brier = float((true * (squares - 2 * shares + 1)).sum() / n)
    return found | {
        "error_rate": 1 - float(found["accuracy"] or 0.0),
        "log_loss": float(-(true * np.log(np.clip(shares, EPSILON, 1 - EPSILON))).sum() / n),
        "brier_score": brier / 2 if len(true) == 2 else brier,
        "roc_auc": 0.5 if (true > 0).sum() > 1 else None,
    }


def _error_baselines(window: Window, scale: ErrorCells, before: Window) -> dict[str, float | None]:
    now, was = ([part.errors or ErrorSums() for part in each.parts] for each in (window, before))
    n, known = (sum(part.labelled for part in each.parts) for each in (window, before))
    if not n or not known:
        return {}
    unit, square = 1 / 2.0**30, scale.label_exponent
    mean, label, squares = (
        real(sum(_moment(part, place) for part in parts), -30) / rows
        for parts, rows, place in ((was, known, LABEL), (now, n, LABEL), (now, n, LABEL_SQUARE))
    )
    away = squares - 2 * mean * label + mean**2
    spread = squares - label**2
    absolute = real(sum(part.label_absolute for part in now), -30) / n
    scaled = math.ldexp(1.0, square)
    found = {
        "mean_absolute_error": absolute * scaled,
        "mean_squared_error": away * scaled**2 if abs(square) < 500 else math.nan,
        "root_mean_squared_error": math.sqrt(max(away, 0.0)) * scaled,
        "mean_error": (mean - label) * scaled,
        "r2": 1 - away / spread if spread > unit else math.nan,
        "explained_variance": 0.0 if spread > unit else math.nan,
        "mean_prediction": scale.centre + mean * scaled,
    }
    return {name: value if math.isfinite(value) else None for name, value in found.items()}


LABEL, LABEL_SQUARE = 1, 4


def _moment(part: ErrorSums, place: int) -> int:
    return part.moments[place]
