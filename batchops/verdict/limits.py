"""Where a figure begins to matter: limits, their defaults, and a job's policy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

__all__ = ["DEFAULT_LIMITS", "NOTHING", "PRIMARY", "Limit", "Policy", "Side", "Task"]

Side = Literal["upper", "lower", "both"]
"""Which excess matters."""

Task = Literal["binary", "multiclass", "regression"]
"""What a model is asked: whether, which of several, how much."""


@dataclass(frozen=True, slots=True)
class Limit:
    """Where a figure begins to matter.

    Attributes:
        warn: WARN where the plain interval lies wholly beyond it. None: as ``fail``.
        fail: FAIL where the corrected interval lies wholly beyond it. None: the figure never fails.
        blocking: A FAIL withholds the night's scores; else they are published and flagged.
    """

    warn: float | None = None
    fail: float | None = None
    blocking: bool = False

    @property
    def shown(self) -> float | None:
        """The limit to print beside a figure: the first that it would cross."""
        return self.fail if self.warn is None else self.warn


NOTHING = Limit()
"""The limit of what is shown but never judged."""

DEFAULT_LIMITS: Mapping[str, Limit] = MappingProxyType(
    {
        "input.unreadable": Limit(fail=0, blocking=True),
        "input.empty": Limit(warn=0),
        "schema.missing_column": Limit(fail=0, blocking=True),
        "schema.dtype": Limit(fail=0, blocking=True),
        "schema.coerced": Limit(warn=0),
        "schema.extra_column": Limit(warn=0),
        "schema.order": Limit(warn=0),
        "skew.schema": Limit(warn=0),
        "skew.feature": Limit(warn=0.01, fail=0.05),
        "skew.unmatched": Limit(warn=0.01, fail=0.10),
        "skew.distribution": Limit(warn=0.10, fail=0.30),
        "partition.late": Limit(warn=0),
        "partition.duplicate": Limit(fail=0),
        "contract.rule": Limit(fail=0),
        "contract.quarantined": Limit(warn=0.01, fail=0.10, blocking=True),
        "volume.rows": Limit(fail=0, blocking=False),
        "volume.weekday": Limit(warn=0.30, fail=0.60),
        "freshness.age": Limit(fail=0),
        # A KS distance of .10 is a normal distribution moved by a quarter of its standard deviation, .30 by three
        # quarters; of categories, every tenth row and three of ten would have to move.
        "drift.distance": Limit(warn=0.10, fail=0.30),
        "drift.null_share": Limit(warn=0.02, fail=0.20),
        "drift.unseen_share": Limit(warn=0.002, fail=0.10),
        "drift.outside_share": Limit(warn=0.05, fail=0.50),
        "drift.grown_share": Limit(warn=0.002, fail=0.10),
        # An area of .60 is a normal column moved by .36 standard deviations, .75 by .95; or ten that know nothing of
        # each other moved by a third of that each: more than any may move alone, since small moves of all add up.
        "drift.multivariate": Limit(warn=0.60, fail=0.75),
        # Half of what the model relies on moved by twice what a column may move before it warns.
        "drift.weighted": Limit(warn=0.05),
        "score.distance": Limit(warn=0.10, fail=0.30),
        "score.null_share": Limit(fail=0, blocking=True),
        # Against the recent healthy nights; one odd night says little of the nights to come.
        "recent.distance": Limit(warn=0.10),
        "recent.null_share": Limit(warn=0.02, fail=0.20),
        "recent.unseen_share": Limit(warn=0.002, fail=0.10),
        "score.recent": Limit(warn=0.10),
        "series.rows": Limit(warn=0.30),
        "series.quarantined_share": Limit(warn=0.30),
        "series.length": Limit(warn=0.30),
        "series.score_null_share": Limit(warn=0.30),
        "series.selection_rate": Limit(warn=0.30),
        "series.score_mean": Limit(warn=0.30),
        "series.score_deviation": Limit(warn=0.30),
        "series.score_p05": Limit(warn=0.30),
        "series.score_p50": Limit(warn=0.30),
        "series.score_p95": Limit(warn=0.30),
        # Of the run: it may take twice as long as usual before anybody is told.
        "series.files": Limit(warn=0.30),
        "series.seconds": Limit(warn=1.0),
        "series.stage_seconds": Limit(warn=1.0),
        "series.cpu_seconds": Limit(warn=1.0),
        "series.peak_memory": Limit(warn=1.0),
        # Of the reference's log loss; a change of the calibration gap has the limits of quality.calibration_gap.
        "concept.shift": Limit(warn=0.10, fail=0.30),
        "quality.calibration_gap": Limit(warn=0.03, fail=0.05),
        "quality.roc_auc": Limit(warn=0.03, fail=0.06),
        # Three, five rows of a hundred more that are decided wrongly: as many as the calibration gap may miss.
        "quality.accuracy": Limit(warn=0.03, fail=0.05),
        # These have a unit, or a floor, of the data's own: a rise is told in parts of the reference's value.
        "quality.log_loss": Limit(warn=0.05, fail=0.10),
        "quality.root_mean_squared_error": Limit(warn=0.05, fail=0.10),
        # In the reference's root mean squared error: a bias of a tenth of it is hidden in that error (it adds 0.5 %),
        # and still moves every sum of predictions.
        "quality.mean_error": Limit(warn=0.10, fail=0.20),
        "quality.coverage": Limit(warn=0.90),
        # Rows that no metric counts: as many as a contract may set aside.
        "quality.left_out": Limit(warn=0.01, fail=0.10),
        # Before the labels, as far as scores let expect it; losses as a share of what the reference got.
        "estimated.roc_auc": Limit(warn=0.03),
        "estimated.log_loss": Limit(warn=0.10),
        "estimated.root_mean_squared_error": Limit(warn=0.10),
        "labels.conflicting": Limit(warn=0),
        "labels.invalid": Limit(warn=0),
        "labels.unmatched": Limit(warn=0),
        "labels.unknown": Limit(warn=0),
        # Of shares in points; of losses and of numbers as a share of what the rest of the rows has.
        **{
            f"slices.{metric}": Limit(warn=0.05, fail=0.10)
            for metric in (
                "error_rate",
                "false_positive_rate",
                "false_negative_rate",
                "calibration_gap",
                "selection_rate",
            )
        },
        **{
            f"slices.{metric}": Limit(warn=0.10, fail=0.25)
            for metric in (
                "log_loss",
                "brier_score",
                "root_mean_squared_error",
                "mean_absolute_error",
                "mean_error",
            )
        },
    }
)
"""Limits of a job that states none; shares are of 1."""

PRIMARY: Mapping[str, Mapping[str, tuple[Side, str | None]]] = MappingProxyType(
    {
        "binary": MappingProxyType(
            {
                "log_loss": ("upper", "log_loss"),
                "brier_score": ("upper", "brier_score"),
                "error_rate": ("upper", None),
                "false_positive_rate": ("upper", None),
                "false_negative_rate": ("upper", None),
                "calibration_gap": ("both", None),
                "selection_rate": ("both", None),
            }
        ),
        "multiclass": MappingProxyType({"log_loss": ("upper", "log_loss"), "error_rate": ("upper", None)}),
        "regression": MappingProxyType(
            {
                "root_mean_squared_error": ("upper", "root_mean_squared_error"),
                "mean_absolute_error": ("upper", "mean_absolute_error"),
                "mean_error": ("both", "root_mean_squared_error"),
            }
        ),
    }
)
"""Metrics that a policy may compare slices on, by task: which side is worse, and the metric over all other rows that
their limits are shares of (None: limits are absolute). The first is the one that nobody chose; without a score
``error_rate`` takes its place."""


@dataclass(frozen=True, slots=True)
class Policy:
    """What a job tolerates.

    Attributes:
        limits: By check (``drift.null_share``) or by check and subject (``drift.null_share:wind_gust``), the
            more specific first; what is not named has its default.
        primary: The metric on which a slice is compared with the rest; None: the log loss (share of errors without a
            score; root mean squared error of regression).
        exceptional: Nights, ISO, that say nothing of what is usual: holidays, incidents that are known.
    """

    limits: Mapping[str, Limit] = field(default_factory=dict)
    primary: str | None = None
    exceptional: tuple[str, ...] = ()

    def limit(self, check: str, subject: str) -> Limit:
        """The limit of a figure; `NOTHING` for checks without one."""
        return self.stated(check, subject) or DEFAULT_LIMITS.get(check, NOTHING)

    def stated(self, check: str, subject: str) -> Limit | None:
        """The limit that the job itself states for a figure; None where it states none."""
        return self.limits.get(f"{check}:{subject}", self.limits.get(check))
