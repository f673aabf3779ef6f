"""Columns that we put beside people's own: scores, labels and slices, under names that no file of theirs has."""

from __future__ import annotations

import polars as pl

__all__ = ["OUTCOME", "SLICED", "marked", "ours"]

OUTCOME = "batchops: "
"""Before what is ours of a row's outcome: its score, label or loss."""

SLICED = "batchops slice: "
"""Before the values of a dimension."""


def marked(name: str, mark: str = OUTCOME) -> str:
    """The name under which a column of ours stands beside columns that may be called the same."""
    return f"{mark}{name}"


def ours(frame: pl.DataFrame, name: str, mark: str = OUTCOME) -> pl.Series | None:
    """A column of ours: the marked one, or, in a frame without any so marked, the one of that name.

    >>> frame = pl.DataFrame({"score": [700], marked("score"): [0.5]})
    >>> ours(frame, "score").item(), ours(frame, "loss"), ours(frame.select("score"), "score").item()
    (0.5, None, 700)
    """
    known = frame.columns
    found = marked(name, mark) if any(each.startswith(mark) for each in known) else name
    return frame[found] if found in known else None
