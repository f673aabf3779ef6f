"""The sections of audit.json about what came true: quality, and estimates of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from batchops.verdict import Severity

__all__ = [
    "AgePart",
    "BacktestPart",
    "CalibrationBin",
    "ConfusionPart",
    "EstimatedMetric",
    "EstimatedPart",
    "GainBin",
    "Interval",
    "MetricPart",
    "QualityPart",
    "RecalibrationPart",
    "ThresholdPart",
    "WeightedPart",
]


@dataclass(frozen=True, slots=True)
class Interval:
    """A number and its 95 % interval; None where it cannot be had."""

    value: float | None
    lower: float | None = None
    upper: float | None = None


@dataclass(frozen=True, slots=True)
class MetricPart:
    """A metric, under scikit-learn's name (``roc_auc``, ``brier_score``...) in the mapping that holds it.

    Attributes:
        lower, upper: 95 % interval; ``clusters`` is what it takes rows to hang together by: ``night`` where there are
            eight or more, ``entity`` where the job names one; neither: rows are taken as independent.
        tonight: The same on tonight alone; None before its labels.
        previous: The window's value one run ago.
        baseline: What a model without features would get: the reference's base rate, commonest class or mean.
        limit: The value that it must not pass, in the metric's own unit.
        binning_error: Bound of what counting in cells may cost; 0 where the figure is exact.
        baseline_last: What the base rate of the window one run ago would get; None where that is not known.
    """

    value: float | None
    lower: float | None
    upper: float | None
    tonight: float | None
    previous: float | None
    reference: float | None
    reference_lower: float | None
    reference_upper: float | None
    baseline: float | None
    limit: float | None
    severity: Severity
    binning_error: float
    baseline_last: float | None = None
    clusters: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CalibrationBin:
    """Labelled rows whose score lies in [low, high): mean score and share of positives (of regression mean label).

    Attributes:
        label: The class whose score it is; None but for multiclass.
    """

    label: str | None
    low: float
    high: float
    n: int
    predicted: float
    observed: float
    reference_n: int
    reference_predicted: float | None
    reference_observed: float | None


@dataclass(frozen=True, slots=True)
class RecalibrationPart:
    """The line through log odds that would mend the scores: observed = sigmoid(intercept + slope * logit(score)).

    Attributes:
        brier_score: What the mended scores would get, where ``brier_score_now`` is what these get.
    """

    intercept: float
    slope: float
    brier_score_now: float
    brier_score: float


@dataclass(frozen=True, slots=True)
class ConfusionPart:
    """Decisions on labelled rows.

    Attributes:
        labels: Names of the classes, K of them; of two, the second is the positive one.
        counts: Labelled rows, whatever their weight: K lines, one a true class, of K numbers, one a predicted class,
            both in the order of ``labels``.
        threshold: Prediction = score at or above it; None where predictions were given, and for more classes.
    """

    labels: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]
    threshold: float | None


@dataclass(frozen=True, slots=True)
class ThresholdPart:
    """What another threshold would do with the same scores."""

    threshold: float
    selection_rate: float | None
    precision: float | None
    recall: float | None
    false_positive_rate: float | None
    f1: float | None


@dataclass(frozen=True, slots=True)
class GainBin:
    """The rows of highest scores: which share of the rows they are, and of the positives they hold.

    Attributes:
        lift: ``gain`` over ``share``.
    """

    share: float
    gain: float
    lift: float


@dataclass(frozen=True, slots=True)
class AgePart:
    """Labels that came within so many days.

    Attributes:
        days: Whole days after the night; None: at any time.
        labelled: Rows of the window.
        coverage: As a share of the scored rows of those nights.
        reference: Share of the reference's labels that came so soon; None where that is not known.
    """

    days: int | None
    labelled: int
    coverage: float
    reference: float | None


@dataclass(frozen=True, slots=True)
class QualityPart:
    """Are the scores right where the outcome is known?

    Attributes:
        task: ``binary``, ``multiclass`` or ``regression``. The scores of two tables are one column, of ``multiclass`` a
            column ``<score>_<class>`` for each class.
        coverage: Labelled rows / scored rows of the window's nights.
        never: Why some rows never get a label, as the job says.
        conflicting, unmatched: Labels that contradict each other; labels of keys that were never scored.
        metrics: By scikit-learn's name.
        confusion: None for regression.
        calibration: One bin for each tenth of the reference's scores that k labelled rows or more of the window lie in,
            lowest first; by class where there are more than two, one class after the other.
        thresholds, gain: Of binary scores.
        label_age: Days between the window's last night and its newest label; where labels have no day of their own,
            when they were read. None before its labels. Nights are compared at equal age.
        classes: Of more than two, and of k rows or more: ``precision``, ``recall``, ``f1``, ``base_rate``...
        left_out: Rows that no metric counts: without a score (null, NaN), with one that is none (not from 0 to 1; a
            decision that is no class), or with a weight that is none (null, negative, infinite).
        ages: How labels came; nothing where that is not known.
        young: Nights that are set beside nothing, since too many of their labels are still to come.
    """

    task: str
    n_labelled: int
    nights_labelled: int
    coverage: float | None
    never: str | None
    conflicting: int
    unmatched: int
    metrics: Mapping[str, MetricPart]
    confusion: ConfusionPart | None
    calibration: tuple[CalibrationBin, ...]
    recalibration: RecalibrationPart | None = None
    thresholds: tuple[ThresholdPart, ...] = ()
    gain: tuple[GainBin, ...] = ()
    label_age: int | None = None
    classes: Mapping[str, Mapping[str, Interval]] = field(default_factory=dict)
    left_out: int = 0
    ages: tuple[AgePart, ...] = ()
    young: tuple[str, ...] = ()

    @property
    def by_entity(self) -> bool:
        """Whether intervals count that rows of one entity are alike."""
        return any("entity" in each.clusters for each in self.metrics.values())


@dataclass(frozen=True, slots=True)
class EstimatedMetric:
    """A metric as it is expected to be, before the labels; the interval holds where the model's errors are as they
    were.
    """

    value: float | None
    lower: float | None
    upper: float | None
    reference: float | None
    severity: Severity


@dataclass(frozen=True, slots=True)
class WeightedPart:
    """The same, from the reference's rows that look like tonight's.

    Attributes:
        effective_rows: (sum of weights)^2 / sum of squared weights: how many rows of the reference still speak.
    """

    metrics: Mapping[str, EstimatedMetric]
    effective_rows: float


@dataclass(frozen=True, slots=True)
class BacktestPart:
    """An earlier estimate, and what came true."""

    night: str
    metric: str
    estimated: float
    lower: float | None
    upper: float | None
    realised: float


@dataclass(frozen=True, slots=True)
class EstimatedPart:
    """What quality is expected before the labels come; it may warn and never decides.

    Attributes:
        method: ``CBPE`` (confidence-based, of classifiers) or ``DLE`` (direct loss estimation, of regression).
        doubtful: Why its assumptions may not hold: ``drift``, ``outside``, ``concept``, ``backtest``.
        covered: Share of the back-test's truths that lay inside their intervals.
    """

    method: str
    n: int
    metrics: Mapping[str, EstimatedMetric]
    weighted: WeightedPart | None
    doubtful: tuple[str, ...]
    covered: float | None
    backtest: tuple[BacktestPart, ...]
