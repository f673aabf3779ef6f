"""What came true against what was scored, for every task: the figures to judge, and the section of audit.json."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from batchops.audit.ages import age_parts
from batchops.audit.charting import Charted
from batchops.audit.compare import Comparison
from batchops.audit.figures import ALL_ROWS
from batchops.audit.outcomes import (
    CalibrationBin,
    ConfusionPart,
    GainBin,
    Interval,
    MetricPart,
    QualityPart,
    RecalibrationPart,
    ThresholdPart,
)
from batchops.audit.primary import MAIN_METRICS
from batchops.audit.state import Reference
from batchops.sketch import K_ANONYMOUS
from batchops.stats import (
    NOT_MEASURED,
    ClassCounts,
    Estimate,
    Quality,
    ScoreCells,
    baselines,
    calibration,
    class_details,
    confusion,
    fallen,
    gain,
    recalibration,
    risen,
    shifted,
    thresholds,
    trivial,
)
from batchops.stats.nights.nightly import likeness
from batchops.stats.numbers.changes import widened
from batchops.verdict import Figure, Finding, Scalar, Severity

__all__ = ["MAIN_METRICS", "judged_change", "main_values", "quality_figures", "quality_part", "with_likeness"]

Metrics = Mapping[str, Estimate]


@dataclass(frozen=True, slots=True)
class _Judged:
    """How a metric is held against the reference.

    Attributes:
        change: From now, the reference's, and the reference's metrics, to what is judged.
        limit: From the finding's limit, the reference's value and its metrics, to the limit in the metric's own unit.
        unit: Of what is judged.
        both: A change on either side matters.
    """

    change: Callable[[Estimate, Estimate, Metrics], Estimate]
    limit: Callable[[float, float | None, Metrics], float | None]
    unit: str
    both: bool = False


def _by(move: Callable[[float, float], float]) -> Callable[[float, float | None, Metrics], float | None]:
    return lambda limit, was, _: None if was is None else move(was, limit)


def _bias(now: Estimate, was: Estimate, before: Metrics) -> Estimate:
    return shifted(now, was, before.get("root_mean_squared_error", NOT_MEASURED).value)


def _bias_limit(limit: float, was: float | None, before: Metrics) -> float | None:
    size = before.get("root_mean_squared_error", NOT_MEASURED).value
    return None if was is None or size is None else was + limit * size


_FALL = _Judged(lambda now, was, _: fallen(now, was), _by(lambda was, limit: was - limit), "fall")
_RISE = _Judged(lambda now, was, _: risen(now, was), _by(lambda was, limit: was * (1 + limit)), "share")

_HOW: Mapping[str, _Judged] = {
    "calibration_gap": _Judged(lambda now, _, __: shifted(now, None), lambda limit, _, __: limit, "points", both=True),
    "roc_auc": _FALL,
    "accuracy": replace(_FALL, unit="points"),
    "log_loss": _RISE,
    "root_mean_squared_error": _RISE,
    "mean_error": _Judged(_bias, _bias_limit, "ratio", both=True),
}


def with_likeness(comparison: Comparison, charts: Sequence[Charted]) -> Comparison:
    """The same, where each metric of which is known how nights follow each other varies by as much, on both sides."""
    now, before = dict(comparison.metrics), dict(comparison.metrics_reference)
    for each in charts:
        times = likeness(each.level, each.series)
        for side in (now, before):
            if each.metric in side:
                side[each.metric] = widened(side[each.metric], times)
    return replace(comparison, metrics=now, metrics_reference=before)


def quality_figures(comparison: Comparison, cells: ScoreCells) -> Iterator[Figure]:
    """The window's main metrics against the reference's, and how many of its rows have a label."""
    now, before = comparison.metrics, comparison.metrics_reference
    names = MAIN_METRICS[cells.task]
    if not cells.scored:
        names = ("accuracy",)
    for name in names:
        change, n = judged_change(name, now, before), now.get(name, NOT_MEASURED).n
        yield Figure(
            f"quality.{name}",
            ALL_ROWS,
            change.value,
            _HOW[name].unit,
            n,
            change.lower,
            change.upper,
            side="both" if _HOW[name].both else "upper",
            evidence=_evidence(name, now, before) if comparison.aged.whole else _aged_evidence(name, comparison),
            chance=change.chance,
        )
    aged = comparison.aged
    # Nights whose labels are still to come have no share of them yet; where there is no other night, they have what
    # they have.
    own = aged.quality if aged.quality.nights else comparison.quality
    nights = [night.overall for night in own.nights.values() if night.overall.labelled]
    labelled = sum(night.labelled for night in nights)
    expected = aged.expected or sum(night.n for night in nights)
    facts: dict[str, Scalar] = {"labelled": labelled, "scored": sum(night.n for night in nights)}
    yield Figure(
        "quality.coverage",
        ALL_ROWS,
        min(labelled / expected, 1.0) if expected else None,
        "share",
        sum(night.n for night in nights),
        side="lower",
        evidence=facts,
    )


def main_values(metrics: Metrics, cells: ScoreCells) -> Mapping[str, float]:
    """What is judged of the task, where it is known."""
    found = {name: metrics.get(name, NOT_MEASURED).value for name in MAIN_METRICS[cells.task]}
    return {name: value for name, value in found.items() if value is not None}


def judged_change(name: str, now: Metrics, before: Metrics) -> Estimate:
    """What is judged of one of `MAIN_METRICS`: its fall, its rise, or itself.

    Not measured on fewer than k rows, nor against fewer: how far those may be off cannot be told from them.
    """
    current, was = now.get(name, NOT_MEASURED), before.get(name, NOT_MEASURED)
    if current.n < K_ANONYMOUS or (name != "calibration_gap" and was.n < K_ANONYMOUS):
        return NOT_MEASURED
    return _HOW[name].change(current, was, before)


def _evidence(name: str, now: Metrics, before: Metrics) -> dict[str, Scalar]:
    value, was = now.get(name, NOT_MEASURED), before.get(name, NOT_MEASURED).value
    if name != "calibration_gap":
        return {"now": value.value, "reference": was, "nights": value.nights}
    observed = now["base_rate"].value
    predicted = None if value.value is None else (observed or 0.0) - value.value
    return {"observed": observed, "predicted": predicted, "reference": was, "nights": value.nights}


def _aged_evidence(name: str, comparison: Comparison) -> dict[str, Scalar]:
    """At equal age: of a gap from 0, what was observed and predicted so far says nothing of what it will be."""
    now, was = comparison.metrics.get(name, NOT_MEASURED), comparison.metrics_reference.get(name, NOT_MEASURED)
    young = len(comparison.aged.young)
    return {"now": now.value, "reference": was.value, "nights": now.nights, "young": young, "equal_age": 1}


def quality_part(
    comparison: Comparison,
    reference: Reference,
    findings: Mapping[str, Finding],
    facts: tuple[str | None, int, int],
    previous: Mapping[str, float | None],
) -> QualityPart | None:
    """Metrics, decisions, calibration, thresholds and gain of the window; None before the first label.

    Args:
        facts: Why some rows never get a label; conflicting labels; labels that were never scored.
        previous: Figures of the run before, by id.
    """
    quality, cells = comparison.quality, reference.quality
    nights = [night.overall for night in quality.nights.values() if night.overall.labelled]
    if not nights:
        return None
    never, conflicting, unmatched = facts
    labelled = sum(night.labelled for night in nights)
    shown = labelled >= K_ANONYMOUS
    binary = cells.task == "binary" and shown
    return QualityPart(
        task=cells.task,
        n_labelled=labelled,
        nights_labelled=len(nights),
        coverage=labelled / sum(night.n for night in nights),
        never=never,
        conflicting=conflicting,
        unmatched=unmatched,
        metrics=_metric_parts(comparison, reference, findings, previous),
        confusion=_confusion(quality, cells),
        calibration=_calibration(quality, reference),
        recalibration=_recalibration(quality, cells) if shown else None,
        thresholds=tuple(
            ThresholdPart(
                each.threshold, each.selection_rate, each.precision, each.recall, each.false_positive_rate, each.f1
            )
            for each in (thresholds(quality, cells) if binary else ())
        ),
        gain=tuple(GainBin(each.share, each.gain, each.lift) for each in (gain(quality, cells) if binary else ())),
        classes=_classes(quality, cells),
        label_age=quality.nights[max(quality.nights)].label_age,
        ages=age_parts(quality, reference),
        young=comparison.aged.young,
        left_out=sum(night.missing + night.impossible + night.strange_weights for night in quality.nights.values()),
    )


def _metric_parts(
    comparison: Comparison,
    reference: Reference,
    findings: Mapping[str, Finding],
    previous: Mapping[str, float | None],
) -> dict[str, MetricPart]:
    quality, cells = comparison.quality, reference.quality
    beside = trivial(quality, cells, reference.audit.quality)
    rate = previous.get("metric.base_rate") if cells.task == "binary" else None
    last = baselines(quality, rate) if rate is not None else {}
    before, parts = comparison.metrics_reference, {}
    for name, now in comparison.metrics.items():
        was, finding = before.get(name, NOT_MEASURED), findings.get(f"quality.{name}:{ALL_ROWS}")
        limit = finding.limit if finding is not None else None
        parts[name] = MetricPart(
            value=now.value,
            lower=now.lower,
            upper=now.upper,
            tonight=comparison.metrics_tonight.get(name, NOT_MEASURED).value,
            previous=previous.get(f"metric.{name}"),
            reference=was.value,
            reference_lower=was.lower,
            reference_upper=was.upper,
            baseline=beside.get(name),
            limit=_HOW[name].limit(limit, was.value, before) if limit is not None and name in _HOW else None,
            severity=finding.severity if finding is not None else Severity.NOT_RUN,
            binning_error=now.error,
            baseline_last=last.get(name),
            clusters=now.clusters,
        )
    return parts


def _recalibration(quality: Quality, cells: ScoreCells) -> RecalibrationPart | None:
    found = recalibration(quality, cells)
    if found is None:
        return None
    return RecalibrationPart(found.intercept, found.slope, found.brier_score_now, found.brier_score)


def _confusion(quality: Quality, cells: ScoreCells) -> ConfusionPart | None:
    if cells.task == "regression":
        return None
    if cells.task == "multiclass":
        size = len(cells.classes)
        total = np.zeros(size**2, dtype=np.int64)
        for night in quality.nights.values():
            total += (night.classes or ClassCounts()).confusion.dense(size**2)
        return ConfusionPart(cells.classes, tuple(map(tuple, total.reshape(size, size).tolist())), None)
    decided = confusion(quality, cells)
    return ConfusionPart(
        labels=("0", "1"),
        counts=(
            (decided.true_negatives, decided.false_positives),
            (decided.false_negatives, decided.true_positives),
        ),
        threshold=None if cells.decided else decided.threshold,
    )


def _calibration(quality: Quality, reference: Reference) -> tuple[CalibrationBin, ...]:
    now, was = (calibration(each, reference.quality) for each in (quality, reference.audit.quality))
    # Without one label in the reference there is no cell of any class to set beside.
    pairs = zip(now, was or [None] * len(now), strict=True)
    return tuple(
        CalibrationBin(
            a.label,
            a.low,
            a.high,
            a.n,
            a.predicted,
            a.observed,
            b.n if b is not None else 0,
            b.predicted if b is not None else None,
            b.observed if b is not None else None,
        )
        for a, b in pairs
        if a.predicted is not None and a.observed is not None and a.n >= K_ANONYMOUS
    )


def _classes(quality: Quality, cells: ScoreCells) -> dict[str, dict[str, Interval]]:
    """Of classes with rows enough to be shown."""
    if cells.task != "multiclass":
        return {}
    return {
        name: {metric: Interval(each.value, each.lower, each.upper) for metric, each in found.items()}
        for name, found in class_details(quality, cells).items()
        if found and found["recall"].n >= K_ANONYMOUS
    }
