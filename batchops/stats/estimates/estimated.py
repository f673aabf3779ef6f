"""Quality before the labels: what it is expected to be, and the band in which it came true on nights like these."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from batchops.stats.estimates.cbpe import Curve, Expected, expected_scores, realised_scores, score_curve, weighted_curve
from batchops.stats.estimates.class_losses import (
    class_curve,
    expected_class_losses,
    realised_class_losses,
    weighted_class_curve,
)
from batchops.stats.estimates.dle import (
    Transfer,
    class_transfer,
    expected_classes,
    expected_errors,
    loss_curve,
    realised_classes,
    realised_errors,
    weighted_losses,
    weighted_transfer,
)
from batchops.stats.estimates.misses import Miss, Misses, folds_of, misses_of
from batchops.stats.numbers.intervals import Estimate, Spread
from batchops.stats.numbers.sparse import Sparse
from batchops.stats.outcomes.state import NightQuality, Quality, ScoreCells

__all__ = ["CLIP", "LEAST_ROWS", "LOSSES", "RELATIVE", "Lesson", "Outlook", "WeightedRows", "effective_rows", "learn"]

Floats = NDArray[np.float64]
Expecting = Callable[[NightQuality], Mapping[str, Expected]]

METHODS: Mapping[str, str] = MappingProxyType({"binary": "CBPE", "multiclass": "CBPE", "regression": "DLE"})

RELATIVE = frozenset({"log_loss", "brier_score", "mean_absolute_error", "root_mean_squared_error"})
"""Metrics of which less is better, and whose rise is a share of what they were in the reference."""

LOSSES = RELATIVE | {"false_positive_rate", "false_negative_rate"}
"""All metrics of which less is better."""

ENDS: Mapping[str, tuple[float, float]] = MappingProxyType(
    dict.fromkeys(RELATIVE - {"brier_score"}, (0.0, math.inf))
    | {"matthews_corrcoef": (-1.0, 1.0), "cohen_kappa": (-1.0, 1.0)}
)
"""What metrics cannot leave; the others are shares."""

LEAST_ROWS = 30
"""With fewer effective rows of the reference there is no weighted estimate."""

CLIP = 0.99
"""Weights are clipped at this quantile, so that a few rows of the reference do not speak for all."""


@dataclass(frozen=True, slots=True)
class Outlook:
    """What is expected of rows without labels.

    Attributes:
        method: ``CBPE`` or ``DLE``.
        n: Rows that it is about.
        metrics: By name. ``nights`` are the reference's that the band rests on; without eight it takes rows as
            independent.
        worse: By how much each is worse than the reference's: `RELATIVE` ones as a share of it, others as they are.
        effective_rows: Of a weighted estimate.
    """

    method: str
    n: int
    metrics: Mapping[str, Estimate]
    worse: Mapping[str, Estimate]
    effective_rows: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class WeightedRows:
    """Labelled rows of the reference, and how much likelier each is among the rows to be estimated.

    Attributes:
        scores: Or predictions; of more than two classes a line a class.
        labels: 0 or 1, numbers, or places among the classes; a row of which one of the three is not a number is left
            out.
        weights: Not negative; their scale is of no matter.
    """

    scores: Floats
    labels: Floats
    weights: Floats

    def clipped(self) -> WeightedRows:
        """The rows that can be used, no weight above the quantile `CLIP`."""
        scored = np.isfinite(np.atleast_2d(self.scores)).all(axis=0)
        held = scored & np.isfinite(self.labels) & np.isfinite(self.weights) & (self.weights > 0)
        weights = self.weights[held]
        most = np.quantile(weights, CLIP) if len(weights) else 0.0
        return WeightedRows(self.scores[..., held], self.labels[held], np.minimum(weights, most))


def effective_rows(weights: Floats) -> float:
    """How many rows of equal weight would tell as much: (sum of weights)^2 / sum of squared weights (Kish, 1965).

    >>> effective_rows(np.array([1.0, 1.0, 0.0]))
    2.0
    """
    total = float((weights**2).sum())
    return float(weights.sum()) ** 2 / total if total > 0 else 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Lesson:
    """What a reference teaches about rows without labels.

    Attributes:
        expecting: From a night's scores to its metrics; None where the reference has no labels, or no scores.
        realised: What the reference itself got, by metric.
        misses: By metric.
    """

    cells: ScoreCells
    expecting: Expecting | None
    realised: Mapping[str, float]
    misses: Mapping[str, Misses]

    def outlook(self, night: NightQuality) -> Outlook | None:
        """What to expect of a night's rows, with labels or without; None where nothing can be."""
        return None if self.expecting is None else self._outlook(night, self.expecting, None)

    def weighted(self, night: NightQuality, rows: WeightedRows) -> Outlook | None:
        """The same, from those rows of the reference that look like the night's; None where too few of them do.

        What such scores, or predictions, came to is learned anew from weighted rows (importance weighting: Shimodaira,
        2000; NannyML's PAPE).
        """
        rows = rows.clipped()
        effective = effective_rows(rows.weights)
        expecting = None if effective < LEAST_ROWS else _from_rows(rows, self.cells)
        return None if expecting is None else self._outlook(night, expecting, effective)

    def _outlook(self, night: NightQuality, expecting: Expecting, effective: float | None) -> Outlook | None:
        found, n = expecting(night), night.overall.n
        if not found:
            return None
        metrics = {name: self._estimate(name, each, n) for name, each in found.items()}
        worse = {
            name: self._worse(name, each, metrics[name])
            for name, each in found.items()
            if name in self.realised and (name not in RELATIVE or self.realised[name] > 0)
        }
        return Outlook(METHODS[self.cells.task], n, metrics, worse, effective)

    def _estimate(self, name: str, found: Expected, n: int) -> Estimate:
        misses, (least, most) = self.misses.get(name, Misses()), ENDS.get(name, (0.0, 1.0))
        lower, upper = (min(max(each, least), most) for each in misses.band(found))
        return Estimate(found.value, lower, upper, n, misses.nights, found.error, not misses.nights)

    def _worse(self, name: str, found: Expected, now: Estimate) -> Estimate:
        was, loss = self.realised[name], name in LOSSES
        unit = was if name in RELATIVE else 1.0
        rises = [(each - was) / unit for each in (now.value, now.lower, now.upper) if each is not None]
        value, *ends = rises if loss else [-each for each in rises]
        alike = Expected(found.value / unit, found.variance / unit / unit, found.error / unit)
        chance = partial(_chance, self.misses.get(name, Misses()).per(unit).excess(alike, high=loss), value)
        return Estimate(
            value, min(ends), max(ends), now.n, now.nights, now.error / unit, now.rows_independent, chance=chance
        )


def _chance(spread: Spread, value: float, edge: float) -> float:
    """Of an estimate so much worse, where what comes true is worse by at most ``edge``."""
    return spread.chance(value - edge)


def learn(reference: Quality, cells: ScoreCells) -> Lesson:
    """Learn from the reference's labelled nights what to expect of rows without labels.

    Each of its nights is also estimated from the other weeks, to know how far such estimates are off.
    """
    names = [name for name in sorted(reference.nights) if reference.nights[name].overall.labelled]
    nights = [_bare(reference.nights[name]) for name in names]
    expecting = _learned(nights, cells)
    if expecting is None:
        return Lesson(cells, None, {}, {})
    realised = REALISED[cells.task](_whole(nights), cells)
    return Lesson(cells, expecting, realised, misses_of(_compared(names, nights, cells)))


def _bare(night: NightQuality) -> NightQuality:
    """A night's labelled rows, without what is not needed of them."""
    total = night.overall
    if total.labelled == total.n:
        return replace(night, slices=(), calibration=Sparse())
    chosen = total.true_positives + total.false_positives
    labelled = replace(total, n=total.labelled, square=total.labelled_square, selected=chosen)
    classes = None if night.classes is None else replace(night.classes, unlabelled=Sparse())
    return replace(night, slices=(), calibration=Sparse(), scores=Sparse(), overall=labelled, classes=classes)


def _whole(nights: Sequence[NightQuality]) -> NightQuality:
    return Quality({str(place): night for place, night in enumerate(nights)}).total()


def _compared(names: Sequence[str], nights: Sequence[NightQuality], cells: ScoreCells) -> list[Mapping[str, Miss]]:
    """Every night as the other weeks let expect it, and as it came true."""
    folds = folds_of(names)
    groups: dict[int, list[NightQuality]] = {}
    for fold, night in zip(folds, nights, strict=True):
        groups.setdefault(fold, []).append(night)
    wholes = {fold: _whole(group) for fold, group in groups.items()}
    found: list[Mapping[str, Miss]] = []
    for fold, group in groups.items():
        expecting = _learned([whole for other, whole in wholes.items() if other != fold], cells)
        if expecting is None:
            continue
        for night in group:
            expected, realised = expecting(night), REALISED[cells.task](night, cells)
            found.append({name: Miss(expected[name], realised[name]) for name in expected if name in realised})
    return found


def _expected_classes(
    transfer: Transfer, curve: Curve | None, cells: ScoreCells, night: NightQuality
) -> Mapping[str, Expected]:
    losses = {} if curve is None else expected_class_losses(curve, cells, night)
    return expected_classes(transfer, cells, night) | losses


def _realised_classes(night: NightQuality, cells: ScoreCells) -> Mapping[str, float]:
    return realised_classes(night, cells) | realised_class_losses(night, cells)


REALISED: Mapping[str, Callable[[NightQuality, ScoreCells], Mapping[str, float]]] = MappingProxyType(
    {"binary": realised_scores, "multiclass": _realised_classes, "regression": realised_errors}
)


def _learned(nights: Sequence[NightQuality], cells: ScoreCells) -> Expecting | None:
    """From labelled nights, by the task's own method; None without any."""
    if cells.task == "regression":
        losses = loss_curve(nights, cells)
        return None if losses is None else partial(expected_errors, losses, cells)
    if cells.task == "multiclass":
        transfer = class_transfer(nights, cells)
        return None if transfer is None else partial(_expected_classes, transfer, class_curve(nights, cells), cells)
    curve = score_curve(nights, cells)
    return None if curve is None else partial(expected_scores, curve, cells)


def _from_rows(rows: WeightedRows, cells: ScoreCells) -> Expecting | None:
    """From single rows with weights; None where they cannot say it."""
    if cells.task == "regression":
        losses = weighted_losses(rows.scores, rows.scores - rows.labels, rows.weights, cells)
        return None if losses is None else partial(expected_errors, losses, cells)
    if cells.task == "multiclass":
        if cells.decided:
            # What was decided of sampled rows is not kept.
            return None
        transfer = weighted_transfer(rows.scores, rows.labels, rows.weights)
        curve = weighted_class_curve(rows.scores, rows.labels, rows.weights, cells)
        return partial(_expected_classes, transfer, curve, cells)
    curve = weighted_curve(rows.scores, rows.labels, rows.weights, cells)
    return None if curve is None else partial(expected_scores, curve, cells)
