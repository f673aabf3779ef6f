from __future__ import annotations

import datetime as dt
from collections import Counter

import pytest
from hypothesis import given, strategies as st

from batchops.errors import JobError
from batchops.models import week_folds

FIRST = dt.date(2012, 12, 20)
night_lists = st.sets(st.integers(0, 200), min_size=30).map(lambda days: [str(FIRST + dt.timedelta(d)) for d in days])


def week(night: str) -> tuple[int, int]:
    return dt.date.fromisoformat(night).isocalendar()[:2]


@given(night_lists, st.integers(2, 4))
def test_no_week_is_split_and_folds_follow_each_other_in_equal_blocks(nights: list[str], folds: int) -> None:
    fold_of = week_folds(nights, folds)
    assert set(fold_of) == set(nights)
    weeks = {week(night): fold for night, fold in fold_of.items()}
    assert all(weeks[week(night)] == fold for night, fold in fold_of.items())
    assert list(weeks.values()) == sorted(weeks.values())
    counts = Counter(weeks.values())
    assert sorted(counts) == list(range(folds))
    assert max(counts.values()) - min(counts.values()) <= 1


@pytest.mark.parametrize("folds", [0, 1, 4])
def test_folds_that_would_split_a_week_are_refused(folds: int) -> None:
    nights = [str(FIRST + dt.timedelta(days)) for days in range(14)]
    with pytest.raises(JobError, match="weeks are never split"):
        week_folds(nights, folds)
