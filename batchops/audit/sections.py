"""The sections of audit.json: contract, drift, score, quality and slices. Numbers and names, no sentence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from batchops.verdict import Severity

__all__ = [
    "CalibrationBin",
    "ColumnPart",
    "Components",
    "ConfusionPart",
    "ContractPart",
    "DriftPart",
    "Histogram",
    "LoggedPart",
    "MetricPart",
    "QualityPart",
    "RulePart",
    "ScorePart",
    "SkewColumn",
    "SkewPart",
    "SlicePart",
    "SlicesPart",
    "ValueCount",
]


@dataclass(frozen=True, slots=True)
class ValueCount:
    """A value and how many rows hold it; values below k rows and those of pii columns are never listed."""

    value: str
    count: int


@dataclass(frozen=True, slots=True)
class RulePart:
    """A rule of the contract and what became of it tonight.

    Attributes:
        words: The rule for a reader: "distance is at least 80 mi".
        level: info, warn, error or critical.
        action: continue, quarantine, fail_partition or abort_night.
        evaluated, failed, unknown: Rows; unknown where its column was missing or of another type.
        share: failed / evaluated.
        reference_share: The same in the training data.
        values: The commonest failing values.
        unit: Of the limit: ``share`` or ``rows``.
        place: Where it is written, as ``schemas/flights.py:31``; empty where that cannot be found.
    """

    id: str
    columns: tuple[str, ...]
    words: str
    level: str
    action: str
    scope: str
    evaluated: int
    failed: int
    unknown: int
    share: float | None
    limit: float | None
    reference_share: float | None
    severity: Severity
    values: tuple[ValueCount, ...]
    unit: str = "share"
    place: str = ""


@dataclass(frozen=True, slots=True)
class ContractPart:
    """Does the data obey?"""

    id: str
    digest: str
    rules: tuple[RulePart, ...]


@dataclass(frozen=True, slots=True)
class Histogram:
    """Two distributions on one shared axis.

    Attributes:
        kind: ``number`` (equal cells from ``low`` to ``high``; the first and last also hold what lies beyond) or
            ``category`` (one cell a label).
        labels: Category names, then ``other`` and ``new``; empty for numbers.
        reference, current: Share of the non-null rows in each cell.
    """

    kind: str
    low: float | None
    high: float | None
    labels: tuple[str, ...]
    reference: tuple[float, ...]
    current: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Components:
    """How a column differs from the reference; each share is of the rows.

    Attributes:
        distance: The deciding measure of its kind, 0 to 1: KS for numbers, total variation for categories.
        null_share: Missing, NaN included.
        unseen_share: Values the reference does not have.
        outside_share: Beyond the reference's smallest and largest value.
    """

    rows: int
    distance: float | None
    null_share: float | None
    unseen_share: float | None
    outside_share: float | None


@dataclass(frozen=True, slots=True)
class ColumnPart:
    """One column, against the reference.

    Attributes:
        kind: numeric, discrete, category, boolean, temporal or opaque (never looked into: personal data).
        reference, window, tonight: The components; the reference's distance is zero.
        usual: The largest distance between any such window of the training data and the rest of it; None where
            the training data is too short to say.
        measures: Other distances over the window, shown and never judged.
        reliance: How much the model's roc_auc falls when the column is shuffled; None where unknown.
        unseen: The commonest values the reference does not have.
        histogram: None for opaque columns.
    """

    column: str
    kind: str
    unit: str | None
    severity: Severity
    measure: str
    reference: Components
    window: Components
    tonight: Components
    usual: float | None
    limit: float | None
    measures: Mapping[str, float | None]
    reliance: float | None
    reference_low: float | None
    reference_high: float | None
    unseen: tuple[ValueCount, ...]
    histogram: Histogram | None


@dataclass(frozen=True, slots=True)
class DriftPart:
    """How do the inputs differ from training, and does it matter? All readable rows, before quarantine."""

    reference: str
    columns: tuple[ColumnPart, ...]


@dataclass(frozen=True, slots=True)
class LoggedPart:
    """The files of logged rows, as they were when they were read.

    Attributes:
        path: As the job has it.
        digest: Of their names and content.
    """

    path: str
    files: tuple[str, ...]
    digest: str
    rows: int


@dataclass(frozen=True, slots=True)
class SkewColumn:
    """One feature, in one kind of skew; what does not belong to the kind is None.

    Attributes:
        kind: ``schema``, ``feature`` or ``distribution``.
        value: 1 where schemas differ; the share of rows whose values differ; the distance of the distributions.
        rows: That it rests on.
        differing: Rows whose values differ; ``missing_tonight`` and ``missing_logged`` of them have one value alone.
        mean_difference: Of the numbers that differ; ``mean_tonight`` and ``mean_logged`` over the same rows. None of
            fewer than k rows, and of personal data.
        trained, now: What the contracts of training and of tonight say.
        why: Why it could not be compared.
    """

    column: str
    kind: str
    severity: Severity
    value: float | None
    limit: float | None
    lower: float | None
    upper: float | None
    rows: int
    differing: int | None
    missing_tonight: int | None
    missing_logged: int | None
    mean_difference: float | None
    mean_tonight: float | None
    mean_logged: float | None
    unit: str | None
    trained: str | None
    now: str | None
    why: str | None


@dataclass(frozen=True, slots=True)
class SkewPart:
    """Is what serves the model what it was trained on?

    Attributes:
        trained_contract, contract: Of training and of tonight; None where they were not compared.
        why: Why logged features could not be compared: ``missing``, ``incomplete``, ``unreadable``, ``changed`` or
            ``keyless``; None where they were, and where the job logs none.
        joined: Keys that tonight's rows and the logged ones hold once each; None where nothing was compared.
        only_tonight, only_logged: Keys that one of them holds once, and the other not at all.
        repeated_tonight, repeated_logged: Keys held more than once; they are left out of all else.
        nameless_tonight, nameless_logged: Rows whose key has a missing part.
        unmatched: (only_tonight + only_logged) of those and the joined ones.
    """

    trained_contract: str
    contract: str
    why: str | None
    joined: int | None
    only_tonight: int | None
    only_logged: int | None
    repeated_tonight: int | None
    repeated_logged: int | None
    nameless_tonight: int | None
    nameless_logged: int | None
    unmatched: float | None
    unmatched_limit: float | None
    unmatched_severity: Severity | None
    columns: tuple[SkewColumn, ...]


@dataclass(frozen=True, slots=True)
class ScorePart:
    """The same for the score, on scored rows."""

    column: ColumnPart
    mean_reference: float | None
    mean_window: float | None
    mean_tonight: float | None
    selection_reference: float | None
    selection_window: float | None


@dataclass(frozen=True, slots=True)
class MetricPart:
    """A metric by scikit-learn's name (``roc_auc``, ``brier_score``...), with a 95 % interval clustered by night.

    Attributes:
        tonight: The same on tonight alone; None before its labels.
        previous: The window's value one run ago.
        baseline: What the reference's base rate alone would get.
        binning_error: Bound of what binning the scores may cost; 0 where the figure is exact.
    """

    name: str
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


@dataclass(frozen=True, slots=True)
class CalibrationBin:
    """Rows whose score lies in [low, high): mean score and share of positives."""

    low: float
    high: float
    n: int
    predicted: float
    observed: float
    reference_n: int
    reference_predicted: float | None
    reference_observed: float | None


@dataclass(frozen=True, slots=True)
class ConfusionPart:
    """Decisions at the job's threshold, in rows."""

    threshold: float
    true_positive: int
    false_positive: int
    true_negative: int
    false_negative: int


@dataclass(frozen=True, slots=True)
class QualityPart:
    """Are the scores right where the outcome is known?

    Attributes:
        coverage: Labelled rows / scored rows of the window's nights.
        never: Why some rows never get a label, as the job says.
        conflicting, unmatched: Labels that contradict each other; labels of keys that were never scored.
    """

    task: str
    n_labelled: int
    nights_labelled: int
    coverage: float | None
    never: str | None
    conflicting: int
    unmatched: int
    metrics: tuple[MetricPart, ...]
    confusion: ConfusionPart | None
    calibration: tuple[CalibrationBin, ...]


@dataclass(frozen=True, slots=True)
class SlicePart:
    """For whom is it wrong? Observed minus predicted, in the slice, with intervals clustered by night.

    Attributes:
        slice: Dimension -> value.
        label: ``carrier DL · part of day 17-20 h``.
        n: Labelled rows of the window (all rows before labels).
        gap: Observed - predicted, with its plain 95 % interval.
        gap_rest: The gap of the slice minus the gap of all other rows.
        severity: NOT RUN below the support.
    """

    slice: Mapping[str, str]
    label: str
    n: int
    predicted: float | None
    observed: float | None
    gap: float | None
    lower: float | None
    upper: float | None
    lower_corrected: float | None
    upper_corrected: float | None
    gap_rest: float | None
    gap_rest_lower: float | None
    gap_rest_upper: float | None
    reference_gap: float | None
    roc_auc: float | None
    missed: int | None
    limit: float | None
    severity: Severity


@dataclass(frozen=True, slots=True)
class SlicesPart:
    """How many slices were tested, by which rule, and each of them; worst first."""

    tested: int
    support: int
    slices: tuple[SlicePart, ...]
