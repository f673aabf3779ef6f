from __future__ import annotations

import pytest

from batchops.audit.reach import reach, with_reach
from batchops.verdict import Figure, Limit, Policy


def distance(value: float | None, usual: float | None = None, lower: float = 0.0, upper: float = 1.0) -> Figure:
    return Figure("drift.distance", "dow", value, "distance", 900, lower, upper, usual=usual)


@pytest.mark.parametrize(
    ("figure", "limit", "nights", "why"),
    [
        (distance(0.1, 0.05, 0.08, 0.12), Limit(warn=0.1), 31, None),
        (distance(None), Limit(warn=2), 1, None),
        (distance(0.1), Limit(), 1, None),
        (distance(0.1), Limit(warn=1), 31, "limit out of range"),
        (distance(0.857, 0.857, 0.84, 0.88), Limit(warn=0.1), 1, "window shorter than season"),
        (distance(0.857, 0.857, 0.84, 0.88), Limit(warn=0.1), 31, None),
        (distance(0.3, 0.05, 0.0, 1.0), Limit(warn=0.4), 31, "noise above limit"),
        (Figure("q", "x", 0.2, "fall", 20, 0.1, 0.3), Limit(warn=1.5), 31, "limit out of range"),
        (Figure("q", "x", 9.0, "rows", 20, 1, 99), Limit(warn=1e9), 31, None),
        (Figure("c", "x", 0.9, "share", 20, 0.8, 0.95, side="lower"), Limit(warn=0.0), 31, "limit out of range"),
        (Figure("c", "x", 0.9, "share", 20, 0.8, 0.95, side="lower"), Limit(warn=0.85), 31, None),
    ],
)
def test_a_comparison_that_means_nothing_is_named(figure: Figure, limit: Limit, nights: int, why: str | None) -> None:
    assert reach(figure, limit, nights) == why


def test_a_share_can_only_rise_by_what_is_left_of_it() -> None:
    facts = {"now": 0.9}
    rising = Figure("drift.outside_share", "x", 0.1, "share", 900, 0.1, 0.1, evidence=facts)
    assert reach(rising, Limit(warn=0.05)) is None
    assert reach(rising, Limit(warn=0.3)) == "limit out of range"
    either = Figure("drift.null_share", "x", 0.1, "share", 900, 0.1, 0.1, side="both", evidence=facts)
    assert reach(either, Limit(warn=0.3)) is None
    assert reach(either, Limit(warn=0.85)) == "limit out of range"


def test_the_reason_stands_among_the_evidence() -> None:
    tonight = Figure("drift.distance", "dow (tonight)", 0.857, "distance", 900, 0.8, 0.9, usual=0.857,
                     evidence={"scope": "tonight", "column": "dow"})  # fmt: skip
    plain = distance(0.1, 0.05, 0.08, 0.12)
    found = [*with_reach([tonight, plain], Policy(), 31)]
    assert found[0].evidence == {"scope": "tonight", "column": "dow", "reach": "window shorter than season"}
    assert found[1] is plain
