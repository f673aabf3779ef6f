"""The section of audit.json about one column against the reference. Numbers and names, no sentence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from batchops import codec
from batchops.stats.columns.measures import MEASURES
from batchops.verdict import Severity

__all__ = ["ColumnPart", "Components", "Explanation", "Histogram", "ShareChange", "ValueCount"]


@dataclass(frozen=True, slots=True)
class ValueCount:
    """A value and how many rows hold it; values below k rows and those of pii columns are never listed."""

    value: str
    count: int


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
        grown_share: Of a column with more than 1,000 categories: the rows of that 256th of the ones not listed, by
            their hash, which grew most.
        mean_length: Of texts: characters, on average.
    """

    rows: int
    distance: float | None
    null_share: float | None
    unseen_share: float | None
    outside_share: float | None
    grown_share: float | None = None
    mean_length: float | None = None


@dataclass(frozen=True, slots=True)
class ShareChange:
    """A share of the rows in the reference and in what is audited; None where a side has no row."""

    reference: float | None
    current: float | None


@dataclass(frozen=True, slots=True)
class Explanation:
    """A slice whose rows carry a column's change, by the sampled rows of both sides.

    Attributes:
        component: What changed: distance, null_share, unseen_share, outside_share or grown_share.
        slice: In words: ``origin JFK``.
        share: Of the change: by which part it would be gone were the slice as it was; the rest of the slices may have
            moved the other way, and then it is more than 1.
        rows, reference_rows: The slice's share of the rows.
    """

    component: str
    slice: str
    share: float
    rows: float
    reference_rows: float


@dataclass(frozen=True, slots=True)
class ColumnPart:
    """One column, against the reference.

    Attributes:
        kind: numeric, discrete, category, boolean, temporal, opaque (never looked into: personal data, nested values)
            or unknown (the reference lacks it).
        measure: That decides: ``ks`` of numbers and times, ``tvd`` of categories and booleans, none of others. Both are
            a share of rows, know their own noise, and are not moved by an outlier; all else is shown and never judged.
        limit: Of the distance. Without a policy WARN from .10 on, FAIL from .30: of numbers a normal distribution moved
            by a quarter of its standard deviation, and by three quarters; of categories every tenth row, and three of
            ten, that would have to move. Null shares: WARN at 2 points, FAIL at 20; unseen .2 and 10; outside 5 and 50.
        reference, window, tonight: The components; the reference's distance is zero.
        usual: The largest distance between any such window of the training data and the rest of it; None where
            the training data is too short to say.
        measures: Every distance over the window, by name.
        null_share: Null or NaN, of the window's rows; the next three are of the same rows.
        noise: The distance that rows drawn from the reference itself would show in 1 of 20 nights; None where there is
            no distance.
        p_value: Of the distance, against "it is at most what is usual, and at most the limit".
        q_value: The same among all judged figures (Benjamini-Hochberg).
        reliance: How much the model's roc_auc falls when the column is shuffled; None where unknown.
        unseen: The commonest values the reference does not have.
        histogram: None for opaque columns.
        explained_by: Slices whose rows carry most of the change of a column that drifted, and more than their part.
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
    measures: Annotated[Mapping[str, float | None], codec.keyed(MEASURES)]
    reliance: float | None
    reference_low: float | None
    reference_high: float | None
    unseen: tuple[ValueCount, ...]
    histogram: Histogram | None
    null_share: ShareChange = ShareChange(None, None)
    unseen_share: float | None = None
    outside_share: float | None = None
    grown_share: float | None = None
    noise: float | None = None
    p_value: float | None = None
    q_value: float | None = None
    explained_by: tuple[Explanation, ...] = ()
