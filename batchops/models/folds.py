"""Folds by time: rows of one week are alike, so a fold that splits a week tells the model what it is asked."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping

from batchops.errors import JobError

__all__ = ["week_folds"]


def week_folds(nights: Iterable[str], folds: int) -> Mapping[str, int]:
    """Assign nights to folds by whole ISO weeks, in blocks of weeks that follow each other.

    Args:
        nights: ISO dates; one that comes twice counts once.
        folds: 2 or more.

    Returns:
        The fold of each night, 0 to ``folds - 1``, oldest first; no two folds differ by more than a week.

    Raises:
        JobError: There are fewer weeks than folds, or fewer than two folds.
    """
    week_of = {night: dt.date.fromisoformat(night).isocalendar()[:2] for night in sorted(set(nights))}
    weeks = sorted(set(week_of.values()))
    if not 2 <= folds <= len(weeks):
        what = f"{folds} folds cannot be made of {len(weeks)} weeks"
        raise JobError("training", what, "Take more nights or fewer folds, at least two; weeks are never split")
    fold_of = {week: place * folds // len(weeks) for place, week in enumerate(weeks)}
    return {night: fold_of[week] for night, week in week_of.items()}
