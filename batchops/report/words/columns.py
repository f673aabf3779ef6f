"""What a column's picture shows, in a line."""

from __future__ import annotations

from batchops.audit.columns import ColumnPart, Histogram
from batchops.report.formats import bound, clean, listing, number, percent, points
from batchops.verdict import Severity

__all__ = ["column_words"]

MOVED, GROWN, LONGER = 0.01, 0.002, 0.1


def column_words(column: ColumnPart, was: str = "training") -> str:
    """The most telling thing about a column: out of range, unseen, missing, moved, or as usual.

    Args:
        was: What the reference is called.
    """
    if column.kind == "opaque":
        return "Never looked into: only how often it is missing is known."
    words = [_range_words(column, was), _unseen_words(column, was), _grown_words(column, was)]
    words += [_length_words(column), _null_words(column), _moved_words(column)]
    told = " ".join(word for word in words if word)
    if told or column.severity is not Severity.PASS:
        return told
    return "As usual." if column.window.distance is not None else "Nothing to compare."


def _range_words(column: ColumnPart, was: str) -> str:
    share, low, high = column.window.outside_share, column.reference_low, column.reference_high
    if not share:
        return ""
    if low is None or high is None:
        return f"{percent(share)} beyond the range of {was}."
    unit = f" {column.unit}" if column.unit else ""
    return f"{percent(share)} beyond {was}'s {bound(low)} to {bound(high)}{unit}."


def _unseen_words(column: ColumnPart, was: str) -> str:
    if not column.window.unseen_share or column.window.outside_share is not None:
        return ""
    named = [clean(value.value) for value in column.unseen]
    return f"{percent(column.window.unseen_share)} never seen in {was}" + (f": {listing(named)}." if named else ".")


def _grown_words(column: ColumnPart, was: str) -> str:
    before, now = column.reference.grown_share, column.window.grown_share
    if before is None or now is None or now - before < GROWN:
        return ""
    return f"A value too rare to be listed of {was} has grown by {points(now - before)} points."


def _length_words(column: ColumnPart) -> str:
    before, now = column.reference.mean_length, column.window.mean_length
    if before is None or now is None or abs(now - before) < LONGER * before:
        return ""
    return f"{number(before)} characters long before, {number(now)} now, on average."


def _null_words(column: ColumnPart) -> str:
    was, now = column.reference.null_share, column.window.null_share
    if was is None or now is None or abs(now - was) < MOVED:
        return ""
    return f"Missing {'more' if now > was else 'less'} often: {percent(was)} before, {percent(now)} now."


def _moved_words(column: ColumnPart) -> str:
    if column.histogram is None or column.kind == "temporal" or not column.window.distance:
        return ""
    if column.usual is not None and column.window.distance <= column.usual:
        return ""
    return _middle(column.histogram, column.unit) if column.histogram.kind == "number" else _largest(column.histogram)


def median(histogram: Histogram, shares: tuple[float, ...]) -> float | None:
    """The value that halves a distribution, within its cell; None in the cells that also hold what lies beyond."""
    total, below = sum(shares), 0.0
    if histogram.low is None or histogram.high is None or total <= 0:
        return None
    step = (histogram.high - histogram.low) / len(shares)
    for i, share in enumerate(shares):
        if below + share >= total / 2:
            inner = 0 < i < len(shares) - 1
            return histogram.low + step * (i + (total / 2 - below) / share) if inner else None
        below += share
    return None


def _middle(histogram: Histogram, unit: str | None) -> str:
    was, now = median(histogram, histogram.reference), median(histogram, histogram.current)
    if was is None or now is None or number(was) == number(now):
        return ""
    return f"Median about {number(was)}, now {number(now)}{f' {unit}' if unit else ''}."


def _largest(histogram: Histogram) -> str:
    changes = [now - was for was, now in zip(histogram.reference, histogram.current, strict=True)]
    if not changes:
        return ""
    i = max(range(len(changes)), key=lambda each: abs(changes[each]))
    if abs(changes[i]) < MOVED:
        return ""
    return f"Largest change: {clean(histogram.labels[i])}, {points(changes[i])} points."
