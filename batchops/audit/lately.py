"""The sections of audit.json about the recent nights: what changed this week, and what is measured of every night."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from batchops.verdict import Severity

__all__ = ["RecentColumn", "RecentFigure", "RecentPart", "SeriesPart"]


@dataclass(frozen=True, slots=True)
class RecentFigure:
    """How tonight differs from the recent healthy nights, in one way.

    Attributes:
        usual: What 19 of 20 such nights stay below; it and the limit must both be passed.
    """

    value: float | None
    usual: float | None
    limit: float | None
    p_value: float | None
    severity: Severity


@dataclass(frozen=True, slots=True)
class RecentColumn:
    """A column; None where a figure does not apply.

    Attributes:
        distance: As in `ColumnPart`, of tonight's rows from those nights'.
        null_share: Missing tonight less missing in those nights.
        unseen_share: Of categories: values that none of those nights had.
    """

    column: str
    rows: int
    distance: RecentFigure | None
    null_share: RecentFigure | None
    unseen_share: RecentFigure | None


@dataclass(frozen=True, slots=True)
class SeriesPart:
    """One measurement of every night, beside what the recent healthy nights let expect of tonight.

    Attributes:
        subject: Of what, where there are many: a stage; else ``all rows``.
        lower, upper: In which it lies in 95 of 100 nights.
        change: (value - expected) / expected, for small figures / the least that counts as expected.
        limit: Of the change.
        nights: How many the expectation rests on.
        weekday: Tonight's weekday was told apart.
        trend: Rise a day.
    """

    name: str
    subject: str
    value: float | None
    unit: str
    expected: float | None
    lower: float | None
    upper: float | None
    change: float | None
    limit: float | None
    nights: int
    weekday: bool
    trend: float
    severity: Severity


@dataclass(frozen=True, slots=True)
class RecentPart:
    """Has anything changed this week? Tonight against the recent healthy nights, whatever training was like.

    Attributes:
        nights: How many healthy nights there are; with fewer than eight nothing is compared.
        compared: How many of them columns are compared with: those of tonight's weekday where there are eight.
        season: ``weekday`` or ``recent``; None where there are too few.
        classes: Of more than two classes: how the predicted ones (``prediction``) and the score of each
            (``score_<class>``) differ.
    """

    nights: int
    compared: int
    first: str | None
    last: str | None
    season: str | None
    score: RecentFigure | None
    columns: tuple[RecentColumn, ...]
    series: tuple[SeriesPart, ...]
    classes: Mapping[str, RecentFigure] = field(default_factory=dict)
