"""The sections of audit.json about what came true: quality, estimates, slices, fairness, concept drift, retraining."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from batchops.verdict import Severity

__all__ = [
    "BacktestPart",
    "CalibrationBin",
    "ChartPart",
    "ConceptPart",
    "ConfusionPart",
    "DecompositionPart",
    "EstimatedMetric",
    "EstimatedPart",
    "FairnessPart",
    "GainBin",
    "GapPart",
    "GroupPart",
    "Interval",
    "MetricPart",
    "PartOfChange",
    "QualityPart",
    "RecalibrationPart",
    "RetrainPart",
    "SlicePart",
    "SlicingPart",
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
        lower, upper: 95 % interval, clustered by night where there are eight or more.
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


@dataclass(frozen=True, slots=True)
class CalibrationBin:
    """Labelled rows whose score lies in [low, high): mean score and share of positives.

    Attributes:
        label: The class whose score it is; None for binary.
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
        labels: Names of the classes; of two, the second is the positive one.
        counts: Rows; a line for each true class, in it a number for each predicted one.
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
class QualityPart:
    """Are the scores right where the outcome is known?

    Attributes:
        task: ``binary``, ``multiclass`` or ``regression``.
        coverage: Labelled rows / scored rows of the window's nights.
        never: Why some rows never get a label, as the job says.
        conflicting, unmatched: Labels that contradict each other; labels of keys that were never scored.
        metrics: By scikit-learn's name.
        confusion: None for regression.
        calibration: By class where there are more than two; of regression, nothing.
        thresholds, gain: Of binary scores.
        label_age: Days between the window's last night and the newest label; nights are compared at equal age. None
            where labels have no night.
        classes: Of more than two, and of k rows or more: ``precision``, ``recall``, ``f1``, ``base_rate``...
        left_out: Rows that no metric counts: without a score (null, NaN), with one that is none (not from 0 to 1; a
            decision that is no class), or with a weight that is none (null, negative, infinite).
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


@dataclass(frozen=True, slots=True)
class GapPart:
    """A slice minus the rest of the rows, on one metric.

    Attributes:
        lower, upper: Plain 95 % interval; ``lower_corrected`` and ``upper_corrected`` bound the false coverage rate
            over all slices tested.
        reference: The same gap in the reference.
    """

    metric: str
    value: float | None
    lower: float | None
    upper: float | None
    lower_corrected: float | None
    upper_corrected: float | None
    reference: float | None


@dataclass(frozen=True, slots=True)
class SlicePart:
    """For whom is it wrong?

    Attributes:
        slice: Column or dimension -> value; of numbers ``[low, high)``, of the last ``[low, high]``; ``missing``.
        label: ``carrier DL · part of day 17-20 h``.
        discovered: Found by the search, and measured on rows that the search did not see.
        n: Labelled rows (all rows without labels); None below k, and where it could be had from others' rest.
        metrics: By name.
        predicted, observed: Mean score and share of positives (mean prediction and mean label of regression).
        missed: Positives below the threshold.
        limit: Of the gap, on either side.
        severity: NOT RUN below the support.
    """

    slice: Mapping[str, str]
    label: str
    discovered: bool
    n: int | None
    metrics: Mapping[str, Interval]
    gap: GapPart
    predicted: float | None
    observed: float | None
    missed: int | None
    limit: float | None
    p_value: float | None
    q_value: float | None
    severity: Severity


@dataclass(frozen=True, slots=True)
class SlicingPart:
    """How slices were tested.

    Attributes:
        metric: On which each was compared with the rest.
        tested: How many had the support.
        support: Labelled rows needed.
        suppressed: Slices of fewer than k rows, or from which those could be had.
        searched: Slices that the search looked at; 0 where none was asked for.
    """

    metric: str
    tested: int
    support: int
    suppressed: int
    searched: int


@dataclass(frozen=True, slots=True)
class GroupPart:
    """How a group fares."""

    group: str
    n: int | None
    metrics: Mapping[str, Interval]


@dataclass(frozen=True, slots=True)
class FairnessPart:
    """Do groups of one dimension fare alike?

    Attributes:
        differences: Largest less smallest over the groups with the support: ``demographic_parity_difference``
            (selection rate), ``equalized_odds_difference`` (the larger of true and false positive rate),
            ``equal_opportunity_difference`` (true positive rate), ``calibration_difference``.
    """

    dimension: str
    groups: tuple[GroupPart, ...]
    differences: Mapping[str, Interval]
    severity: Severity


@dataclass(frozen=True, slots=True)
class ChartPart:
    """A figure's nights on a control chart.

    Attributes:
        method: ``ewma`` (slow change), ``cusum`` (small lasting change) or ``shift`` (sudden change).
        value: The chart's statistic at the last night, in standard deviations of the figure.
        since: First night of the change; None where there is none.
    """

    metric: str
    method: str
    value: float | None
    limit: float
    since: str | None
    nights: int
    severity: Severity


@dataclass(frozen=True, slots=True)
class PartOfChange:
    """What one slice adds to a change: by its share of the rows (``mix``), and by its own figure (``within``)."""

    slice: str
    mix: float
    within: float


@dataclass(frozen=True, slots=True)
class DecompositionPart:
    """A change of a metric against the reference: total = mix + within, exactly.

    Attributes:
        mix: sum (w_now - w_ref) e_ref: other rows came. Covariate drift.
        within: sum w_now (e_now - e_ref): the same rows fare otherwise. Concept drift.
    """

    metric: str
    dimension: str
    total: float
    mix: float
    within: float
    slices: tuple[PartOfChange, ...]


@dataclass(frozen=True, slots=True)
class ConceptPart:
    """Does the world still answer as the model learned?

    Attributes:
        season: What earlier nights this one was compared with: ``weekday``, ``recent``; None where there were too few.
    """

    season: str | None
    charts: tuple[ChartPart, ...]
    decompositions: tuple[DecompositionPart, ...]


@dataclass(frozen=True, slots=True)
class RetrainPart:
    """Would a newer model help? Nothing is done about it here.

    Attributes:
        advice: ``retrain``, ``recalibrate``, ``look at the data``, ``wait for labels`` or ``keep``.
        reasons: Ids of the findings and names of the charts it rests on.
    """

    advice: str
    reasons: tuple[str, ...]
