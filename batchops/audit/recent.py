"""Tonight against the recent healthy nights: "changed this week", whether or not it is stale against training.

How much such nights differ comes from those nights themselves: what tonight shows must be more than its rows' chance
beyond the limit, and more than one night differs from the others.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from batchops.audit.figures import ALL_ROWS
from batchops.audit.lately import RecentColumn, RecentFigure, RecentPart
from batchops.audit.series import Measured, Past, expected_series, series_figures, series_of, series_part
from batchops.audit.state import SCORE, Audit, Reference
from batchops.stats import Cells, Column, Estimate, Profile, compare, merge_profiles
from batchops.stats.columns.recent import (
    ENOUGH,
    Expectation,
    chance_of_rows,
    expectation,
    new_share,
    nightly_distances,
    nightly_new_shares,
    tail_of_share,
)
from batchops.verdict import Figure, Finding, Limit, Policy

__all__ = ["LONGEST", "REACH", "Earlier", "Recent", "compare_recent", "recent_figures", "recent_part"]

Floats = NDArray[np.float64]
Dated = tuple[dt.date, Profile]
_Sides = tuple[Cells, Column, Column]

LONGEST = 56
"""Nights that tonight is compared with at most: eight of each weekday."""

REACH = 84
"""Days before tonight in which they lie: what was usual before that is no longer recent."""


@dataclass(frozen=True, slots=True)
class Earlier:
    """A healthy night.

    Attributes:
        figures: What its run left for later ones, by id.
    """

    night: str
    audit: Audit
    figures: Mapping[str, float | None] = field(default_factory=dict)

    @property
    def day(self) -> dt.date:
        """Its date."""
        return dt.date.fromisoformat(self.night)


@dataclass(frozen=True, slots=True)
class _Change:
    """How a column differs from those nights, in one way.

    Attributes:
        value: How it differs, and how well its rows tell.
        usual: What one such night in 20 exceeds.
        chance: Of so much, where the truth is at most so far from 0.
        now: The share itself, of a change of a share.
    """

    check: str
    column: str
    value: Estimate
    usual: float
    chance: Callable[[float], float]
    side: str = "upper"
    now: float | None = None


@dataclass(frozen=True, slots=True)
class Recent:
    """Tonight beside the recent healthy nights.

    Attributes:
        nights: How many there are; where they are fewer than `ENOUGH` nothing is compared.
        compared: Those of them that columns are compared with.
        changes: Of every column, in the order of the reference, and of the score.
    """

    nights: tuple[Earlier, ...]
    compared: tuple[Earlier, ...]
    rows: Mapping[str, int]
    changes: tuple[_Change, ...]
    measured: tuple[Measured, ...]
    expected: tuple[Expectation | None, ...]

    @property
    def season(self) -> str | None:
        """What columns are compared with."""
        if not self.compared:
            return None
        return "weekday" if len(self.compared) < len(self.nights) else "recent"


def compare_recent(tonight: Audit, earlier: Sequence[Earlier], night: dt.date, reference: Reference) -> Recent:
    """Compare a night with the healthy nights before it.

    Args:
        earlier: Oldest first; the last `LONGEST` count.
        reference: Whose cells all were counted in.
    """
    nights = tuple(earlier[-LONGEST:])
    measured = tuple(series_of(tonight, reference.score))
    past = Past(
        [each.day for each in nights],
        [{found.key: found.value for found in series_of(each.audit, reference.score)} for each in nights],
    )
    expected = tuple(expected_series(measured, past, night))
    if len(nights) < ENOUGH:
        return Recent(nights, (), {}, (), measured, expected)
    weekdays = [[each for each in nights if each.day.weekday() == day] for day in range(7)]
    same = weekdays[night.weekday()]
    weekly = len(same) >= ENOUGH
    groups = [group for group in weekdays if len(group) >= ENOUGH // 2] if weekly else [[*nights]]
    compared = tuple(same) if weekly else nights
    inputs = [[(each.day, each.audit.inputs) for each in group] for group in groups]
    outputs = [[(each.day, each.audit.outputs) for each in group] for group in groups]
    sides = _sides(tonight.inputs, [each.audit.inputs for each in compared], reference.inputs)
    scores = _sides(tonight.outputs, [each.audit.outputs for each in compared], reference.outputs)
    changes = [
        *_distances(night, sides, inputs, "recent.distance"),
        *_new_shares(night, sides, inputs),
        *_null_changes(tonight.inputs, [(each.day, each.audit.inputs) for each in nights], night, reference.inputs),
        *_distances(night, scores, outputs, "score.recent"),
    ]
    rows = {cells.column: tonight.inputs.columns.get(cells.column, Column()).present for cells in reference.inputs}
    return Recent(nights, compared, rows, tuple(changes), measured, expected)


def _sides(tonight: Profile, compared: Sequence[Profile], columns: Sequence[Cells]) -> list[_Sides]:
    """Of every column that both have values of: tonight's, and those nights' together."""
    before, found = merge_profiles(compared), []
    for cells in columns:
        here, there = _column(tonight, cells), _column(before, cells)
        if cells.size and here.valid and there.valid:
            found.append((cells, here, there))
    return found


def _distances(
    night: dt.date, sides: Sequence[_Sides], groups: Sequence[Sequence[Dated]], check: str
) -> Iterator[_Change]:
    """How far each column of tonight lies from the nights that it is compared with.

    Args:
        groups: Nights that are alike, to see how one of them differs from the others.
    """
    for cells, here, there in sides:
        distance = compare(here, there, cells).distance
        apart = _apart(groups, nightly_distances, cells)
        if distance.value is not None and len(apart) >= ENOUGH:
            # Distances of single nights are skewed; their square roots much less.
            roots = [math.sqrt(value) for _, value in apart]
            yield _distance(check, cells, distance, expectation(roots, [day for day, _ in apart], night))


def _new_shares(night: dt.date, sides: Sequence[_Sides], groups: Sequence[Sequence[Dated]]) -> Iterator[_Change]:
    """Values that none of those nights had; ``groups`` as in `_distances`."""
    for cells, here, there in sides:
        new = new_share(here, there, cells)
        if new.value is None:
            continue
        apart = _apart(groups, nightly_new_shares, cells)
        if len(apart) >= ENOUGH:
            usual = expectation([value for _, value in apart], [day for day, _ in apart], night)
            yield _unseen(cells, new, usual)


def _apart(
    groups: Sequence[Sequence[Dated]], measure: Callable[[Sequence[Column], Cells], Floats], cells: Cells
) -> list[tuple[dt.date, float]]:
    """A measure of every night beside the others of its group, by date; nights without a value are left out."""
    found = []
    for group in groups:
        values = measure([_column(profile, cells) for _, profile in group], cells).tolist()
        found += [(day, value) for (day, _), value in zip(group, values, strict=True) if not math.isnan(value)]
    return sorted(found)


def _column(profile: Profile, cells: Cells) -> Column:
    return profile.columns.get(cells.column, Column())


def _null_changes(
    tonight: Profile, nights: Sequence[tuple[dt.date, Profile]], night: dt.date, columns: Sequence[Cells]
) -> Iterator[_Change]:
    """Changes of the shares that are missing, against all nights."""
    for cells in columns:
        now = _column(tonight, cells)
        found = [(_column(profile, cells), day) for day, profile in nights]
        counted = [(column, day) for column, day in found if column.present]
        if not now.present or len(counted) < ENOUGH:
            continue
        usual = expectation([c.missing / c.present for c, _ in counted], [day for _, day in counted], night)
        yield _null_share(cells, (now.missing, now.present), usual)


def _distance(check: str, cells: Cells, distance: Estimate, usual: Expectation) -> _Change:
    """A distance beside what the nights let expect of its square root."""
    value = distance.value
    assert value is not None
    off = math.sqrt(value) - usual.centre
    nights = usual.chance(off) / 2 if off > 0 else 1.0

    def chance(edge: float) -> float:
        return max(nights, chance_of_rows(distance, edge))

    return _Change(check, cells.column, distance, min(1.0, usual.upper() ** 2), chance)


def _null_share(cells: Cells, rows: tuple[int, int], usual: Expectation) -> _Change:
    """Tonight's share against what its weekday, or its trend, lets expect."""
    missing, present = rows
    now, centre = missing / present, min(max(usual.centre, 0.0), 1.0)
    nights = usual.chance(now - centre)

    def chance(edge: float) -> float:
        more = tail_of_share(missing, present, centre + edge)
        fewer = tail_of_share(present - missing, present, 1 - centre + edge)
        return max(nights, more if now > centre else fewer)

    radius = usual.radius()
    change = Estimate(now - centre, max(-1.0, now - centre - radius), min(1.0, now - centre + radius), present)
    return _Change("recent.null_share", cells.column, change, radius, chance, "both", now)


def _unseen(cells: Cells, new: Estimate, usual: Expectation) -> _Change:
    value = new.value
    assert value is not None
    nights = usual.chance(value - usual.centre) if value > usual.centre else 1.0

    def chance(edge: float) -> float:
        return max(nights, chance_of_rows(new, edge))

    return _Change("recent.unseen_share", cells.column, new, usual.upper(), chance, now=value)


def _limit(check: str, column: str, policy: Policy) -> Limit:
    """Where a job says how far a column may drift from training, that holds for the recent nights too."""
    measure = "score.distance" if check == "score.recent" else check.replace("recent.", "drift.")
    return policy.stated(check, column) or policy.stated(measure, column) or policy.limit(check, column)


def recent_figures(recent: Recent, policy: Policy) -> Iterator[Figure]:
    """Every change, and every series; one figure that is NOT RUN where there are too few nights."""
    if not recent.compared:
        facts = {"nights": len(recent.nights), "needed": ENOUGH}
        yield Figure("recent.distance", ALL_ROWS, None, "distance", evidence=facts)
    for each in recent.changes:
        yield Figure(
            each.check,
            ALL_ROWS if (each.check, each.column) == ("score.recent", SCORE) else each.column,
            each.value.value,
            "share" if each.now is not None else "distance",
            each.value.n,
            lower=each.value.lower,
            upper=each.value.upper,
            usual=each.usual,
            # One night has one weather, however odd its distribution is; and what is there for once is no fault.
            can_fail=each.now is not None and (each.value.value or 0.0) > 0,
            side="both" if each.side == "both" else "upper",
            limit=_limit(each.check, each.column, policy),
            evidence={
                "scope": "tonight",
                "column": each.column,
                "now": each.now,
                "nights": len(recent.compared),
                "season": recent.season,
            },
            chance=each.chance,
            own=True,
        )
    yield from series_figures(recent.measured, recent.expected)


def recent_part(recent: Recent, findings: Mapping[str, Finding], policy: Policy) -> RecentPart:
    """The comparison for audit.json, worst columns first."""
    columns = [
        RecentColumn(
            name,
            rows,
            _part(findings.get(f"recent.distance:{name}")),
            _part(findings.get(f"recent.null_share:{name}")),
            _part(findings.get(f"recent.unseen_share:{name}")),
        )
        for name, rows in recent.rows.items()
    ]
    nights = recent.nights
    return RecentPart(
        nights=len(nights),
        compared=len(recent.compared),
        first=nights[0].night if nights else None,
        last=nights[-1].night if nights else None,
        season=recent.season,
        score=_part(findings.get(f"score.recent:{ALL_ROWS}")),
        columns=tuple(sorted(columns, key=lambda each: (_rank(each), each.column))),
        series=series_part(recent.measured, recent.expected, findings, policy),
        classes=dict(_classes(recent, findings)),
    )


def _classes(recent: Recent, findings: Mapping[str, Finding]) -> Iterator[tuple[str, RecentFigure]]:
    """Of the predicted class and of each one's score."""
    for each in recent.changes:
        part = _part(findings.get(f"score.recent:{each.column}")) if each.check == "score.recent" else None
        if part is not None:
            yield each.column, part


def _part(finding: Finding | None) -> RecentFigure | None:
    if finding is None:
        return None
    return RecentFigure(finding.value, finding.usual, finding.limit, finding.p_value, finding.severity)


def _rank(column: RecentColumn) -> int:
    found = (column.distance, column.null_share, column.unseen_share)
    return min((each.severity.rank for each in found if each is not None), default=len("PASS"))
