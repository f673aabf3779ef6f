"""The sections of audit.json about how the world has changed: concept drift, and whether to train again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from batchops.verdict import Severity

__all__ = [
    "ChartPart",
    "ConceptPart",
    "DecompositionPart",
    "PartOfChange",
    "RetrainPart",
    "SeasonFigure",
    "SeasonPart",
]


@dataclass(frozen=True, slots=True)
class ChartPart:
    """A figure's nights on a control chart.

    Attributes:
        method: ``ewma`` (slow change), ``cusum`` (small lasting change) or ``shift`` (sudden change).
        value: Of ``shift`` the change, as a share of training's value or in points; of a chart its statistic at the
            last night, in standard deviations of the figure.
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
        metric: ``log_loss`` or ``calibration_gap``; of numbers ``mean_squared_error`` or ``mean_error``; of decisions
            without scores ``error_rate``.
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


@dataclass(frozen=True, slots=True)
class SeasonFigure:
    """A figure beside the same days of an earlier year.

    Attributes:
        now: The window's change against training, as it is judged.
        then: Those days' change against training.
        beside: The window's change against those days.
        limit: Of the change.
        seasonal: The change against training is beyond its limit, those days had two thirds of it or more, and beside
            them the window lies within the limit; of a slice, as far as both intervals can tell.
    """

    now: float | None
    then: float | None
    beside: float | None
    limit: float | None
    seasonal: bool


@dataclass(frozen=True, slots=True)
class SeasonPart:
    """Was it so a year ago? Nothing is judged by it.

    Attributes:
        source: ``history``: nights that were published; ``reference``: nights of training.
        first, last: Of those days.
        digests: Night -> digest of the stored audit that was read.
        figures: By id of the finding: ``drift.distance:temp``, ``score.distance:score``, ``quality.log_loss:all rows``,
            ``concept.shift:kind a`` (of slices beyond their limit, whose ``beside`` is a share of the same as ``now``).
    """

    source: str
    first: str
    last: str
    nights: int
    digests: Mapping[str, str]
    figures: Mapping[str, SeasonFigure]
