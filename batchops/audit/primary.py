"""On which metric slices are compared, and how far from the rest of the rows begins to matter."""

from __future__ import annotations

from collections.abc import Mapping

from batchops.errors import ConfigError, did_you_mean
from batchops.sketch import K_ANONYMOUS
from batchops.stats import Quality, ScoreCells, SliceTest
from batchops.verdict import PRIMARY, Limit, Policy, Side

__all__ = ["MAIN_METRICS", "limit_of", "side_of", "slice_test", "unit_of"]

MAIN_METRICS: Mapping[str, tuple[str, ...]] = {
    "binary": ("calibration_gap", "roc_auc", "log_loss"),
    "multiclass": ("accuracy", "log_loss"),
    "regression": ("root_mean_squared_error", "mean_error"),
}
"""What is judged of each task; all else is shown. Decisions without a score are judged by their accuracy."""


def slice_test(policy: Policy, quality: Quality, cells: ScoreCells) -> SliceTest:
    """How the slices of a window are compared with the rest.

    Raises:
        ConfigError: The policy names a metric that the task does not have.
    """
    known = PRIMARY[cells.task]
    metric = policy.primary or next(iter(known))
    if metric not in known:
        what = f"no slice is compared on {metric!r} where the task is {cells.task}"
        raise ConfigError("Policy(primary=...)", what, did_you_mean(metric, known))
    total = quality.overall()
    if policy.primary is None and total.n and total.n == total.unscored:
        metric = "error_rate"
    side, scale = known[metric]
    limit = policy.limit(f"slices.{metric}", "").shown or 0.0
    return SliceTest(metric, limit, scale, K_ANONYMOUS, larger_is_worse=side == "upper")


def side_of(metric: str) -> Side:
    """Which excess of a slice over the rest matters."""
    return next(known[metric][0] for known in PRIMARY.values() if metric in known)


def unit_of(metric: str) -> str:
    """The unit of a gap: points of shares; of a loss and of numbers, their own."""
    return "points" if next(known[metric][1] for known in PRIMARY.values() if metric in known) is None else ""


def limit_of(policy: Policy, check: str, label: str, scale: float) -> Limit:
    """A figure's limit, in the unit of the metric."""
    stated = policy.limit(check, label)
    warn, fail = (None if each is None else each * scale for each in (stated.warn, stated.fail))
    return Limit(warn, fail, stated.blocking)
