"""The sections of audit.json about what came in: contract, drift, skew and score. Numbers and names, no sentence."""

from __future__ import annotations

from dataclasses import dataclass

from batchops.audit.columns import ColumnPart, ValueCount
from batchops.verdict import Severity

__all__ = [
    "ContractPart",
    "DriftPart",
    "LoggedPart",
    "MultivariatePart",
    "ParityColumn",
    "ParityPart",
    "Reliance",
    "RulePart",
    "ScorePart",
    "SkewColumn",
    "SkewPart",
]


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
class Reliance:
    """A column, and how much of something it explains, of 1."""

    column: str
    share: float


@dataclass(frozen=True, slots=True)
class MultivariatePart:
    """Do the columns together tell the two sides apart?

    Attributes:
        rows: Of both sides' samples together.
        auc: How well a classifier that saw neither row tells a row of the reference from one of the window, out of
            fold; .5: not at all. ``lower`` and ``upper`` of its 95 % interval.
        columns: By how much the area falls without each column's order, as a share of all such falls; largest first.
        reconstruction: Mean squared error of rows of the window projected on the reference's principal components,
            over the same of the reference: 1 where the columns hang together as they did.
        components: How many principal components that is.
        usual: The largest area between windows of the training data and the rest of it; None where it has no nights.
    """

    rows: int
    auc: float | None
    lower: float | None
    upper: float | None
    limit: float | None
    p_value: float | None
    q_value: float | None
    severity: Severity
    columns: tuple[Reliance, ...]
    reconstruction: float | None
    reconstruction_lower: float | None
    reconstruction_upper: float | None
    components: int
    usual: float | None = None


@dataclass(frozen=True, slots=True)
class ParityColumn:
    """A column by one measure of another tool.

    Attributes:
        measure: As the tool calls it; empty where it has none for the column.
        decides: The tool would judge the column by this measure; the others are those that it offers.
    """

    column: str
    measure: str
    value: float | None
    threshold: float | None
    drifted: bool | None
    decides: bool = True


@dataclass(frozen=True, slots=True)
class ParityPart:
    """What another tool would say of the same two sides, for those who come from it; nothing here is judged.

    Attributes:
        method: ``evidently``, ``nannyml`` or ``tfdv``.
        version: The version whose figures these are.
        share: Drifted columns of all that were compared.
        drifted: What the tool calls the whole dataset; None where it calls it nothing.
    """

    method: str
    version: str
    share: float | None
    drifted: bool | None
    columns: tuple[ParityColumn, ...]


@dataclass(frozen=True, slots=True)
class DriftPart:
    """How do the inputs differ from training, and does it matter? All readable rows, before quarantine."""

    reference: str
    columns: tuple[ColumnPart, ...]
    multivariate: MultivariatePart | None = None
    parity: ParityPart | None = None


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
class ClassScorePart:
    """The score of one of several classes.

    Attributes:
        label: The class.
        mean_reference, mean_window, mean_tonight: Mean score.
        predicted_reference, predicted_window, predicted_tonight: Share of rows for which the class is predicted.
    """

    label: str
    column: ColumnPart
    mean_reference: float | None
    mean_window: float | None
    mean_tonight: float | None
    predicted_reference: float | None
    predicted_window: float | None
    predicted_tonight: float | None


@dataclass(frozen=True, slots=True)
class ScorePart:
    """The same for the score, on scored rows: the probability of 1, that of the predicted class, or the number.

    Attributes:
        mean_reference, mean_window, mean_tonight: Mean score.
        selection_reference, selection_window: Share of scores at or above the threshold, of binary.
        prediction: The predicted classes as a column, of more than two.
        classes: Each class's own score, in the order of the classes.
    """

    column: ColumnPart
    mean_reference: float | None
    mean_window: float | None
    mean_tonight: float | None
    selection_reference: float | None
    selection_window: float | None
    prediction: ColumnPart | None = None
    classes: tuple[ClassScorePart, ...] = ()
