"""The sections of audit.json about for whom scores are right: slices and groups."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from batchops.audit.outcomes import Interval
from batchops.verdict import Severity

__all__ = ["FairnessPart", "GapPart", "GroupPart", "SlicePart", "SlicingPart"]


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
        slice: Column or dimension -> value, as text. Numbers of more than twelve values are five intervals at the
            reference's quintiles, ends rounded outwards: ``[low, high)``, the last ``[low, high]``; so are days, and
            hours of times. Null and NaN are ``missing``; of a search the rarer categories are ``other``.
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
