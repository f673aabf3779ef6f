"""Parts of the document to marks and cells: which figure goes where."""

from __future__ import annotations

import datetime as dt

from batchops.audit.changes import ChartPart
from batchops.audit.columns import ColumnPart, Histogram
from batchops.audit.groups import SlicePart
from batchops.audit.outcomes import MetricPart
from batchops.report import formats, marks
from batchops.report.words.tasks import IN_UNIT, told

__all__ = [
    "apart",
    "beyond",
    "chart_limit",
    "chart_name",
    "chart_value",
    "doubt",
    "ends",
    "gap",
    "in_unit",
    "meter",
    "metric",
    "metric_limit",
    "metric_name",
    "whisker",
]

NAMES = {
    "calibration_gap": f"Observed {formats.MINUS} predicted",
    "roc_auc": "ROC AUC",
    "brier_score": "Brier score",
    "brier_score_loss": "Brier score",
    "log_loss": "Log loss",
    "average_precision": "Average precision",
    "expected_calibration_error": "Calibration error",
    "positive_rate": "Observed share",
    "mean_score": "Mean score",
    "r2": "R\N{SUPERSCRIPT TWO}",
    "max_error": "Largest error",
    "mean_absolute_percentage_error": "Mean relative error",
    "matthews_corrcoef": "Matthews correlation",
    "cohen_kappa": "Cohen's kappa",
}
CHARTS = {
    "ewma": "slow change (EWMA)",
    "cusum": "small lasting change (CUSUM)",
    "shift": "sudden change",
}
DOUBTS = {
    "drift": "the inputs are not those of the reference",
    "outside": "many rows lie outside what the reference covers",
    "concept": "recent outcomes were other than estimated",
    "backtest": "earlier estimates missed too often",
}
"""Why an estimate's assumptions may not hold."""
CALENDAR = (-62_135_596_800e6, 253_402_300_799e6)
"""The years 1 to 9999, which have dates, in microseconds since 1970."""


def chart_name(method: str) -> str:
    """What a control chart looks for."""
    return CHARTS.get(method, method)


def chart_value(chart: ChartPart) -> str:
    """The change itself, as a share of training's value or in points; of a control chart its statistic."""
    return _charted(chart, chart.value, True)


def chart_limit(chart: ChartPart) -> str:
    """How far it may go, of a gap to either side."""
    either = "±" if chart.metric in ("mean_error", "calibration_gap") else ""
    return either + _charted(chart, chart.limit, False)


def _charted(chart: ChartPart, value: float | None, sign: bool) -> str:
    if chart.method != "shift":
        return formats.NONE if value is None else f"{formats.number(value, sign)} sd"
    return formats.amount(value, "points" if chart.metric == "calibration_gap" else "ratio", sign)


def doubt(reason: str) -> str:
    """Why an estimate is doubtful."""
    return DOUBTS.get(reason, reason)


def ends(cells: Histogram, kind: str) -> tuple[str, str]:
    """The ends of a histogram's axis; of what is temporal, microseconds since 1970, dates.

    Times of day and short durations, which all lie in the first day of 1970, are hours, minutes and seconds.
    """
    low, high = cells.low, cells.high
    if kind != "temporal" or low is None or high is None or not CALENDAR[0] <= low <= high < CALENDAR[1]:
        return formats.bound(low), formats.bound(high)
    first, last = (dt.datetime(1970, 1, 1) + dt.timedelta(microseconds=round(each)) for each in (low, high))
    if first.date() == last.date() == dt.date(1970, 1, 1):
        return f"{first:%H:%M:%S}", f"{last:%H:%M:%S}"
    return formats.date(first.date().isoformat()), formats.date(last.date().isoformat())


def metric_name(name: str) -> str:
    """A metric's name for a reader."""
    return NAMES.get(name, name.replace("_", " ").capitalize())


def metric(value: float | None, name: str) -> str:
    """A metric's value: points, a share, a number, or three decimals."""
    if name.endswith("_gap"):
        return formats.points(value)
    return formats.bound(value) if name in IN_UNIT else told(name, value)


def apart(value: float | None, name: str) -> str:
    """How far groups are apart at most: numbers as they are, shares in points."""
    return formats.number(value) if in_unit(name) else formats.points(value, False)


def in_unit(name: str) -> bool:
    """Whether a metric, or how far groups are apart in it, has the label's unit."""
    return name.removesuffix("_difference") in IN_UNIT


def gap(value: float | None, in_points: bool) -> str:
    """A slice's gap: points of shares, else in the metric's own unit."""
    return formats.points(value) if in_points else formats.decimal(value, 3, True)


def metric_limit(part: MetricPart, name: str) -> str:
    """What the metric may do; those that are judged are judged by a difference to training."""
    if part.limit is None:
        return formats.NONE
    if name.endswith("_gap"):
        return f"±{formats.number(part.limit * 100)}"
    if name == "mean_error" and part.reference is not None:
        # It may move to either side of what it was.
        return f"{metric(2 * part.reference - part.limit, name)} to {metric(part.limit, name)}"
    return metric(part.limit, name)


def beyond(column: ColumnPart) -> bool:
    """Whether the distance itself is what is wrong with a column."""
    edge = max(column.limit or 0.0, column.usual or 0.0)
    return column.limit is not None and (column.window.distance or 0.0) > edge


def meter(column: ColumnPart) -> marks.Meter:
    """The meter of a column's distance over the window."""
    return marks.meter(column.window.distance or 0.0, column.usual, column.limit)


def whisker(part: SlicePart, scale: marks.Axis) -> marks.Whisker | None:
    """The row of the forest; None where the slice has no gap."""
    gap = part.gap
    return None if gap.value is None else marks.whisker(scale, gap.value, (gap.lower, gap.upper), gap.reference)
