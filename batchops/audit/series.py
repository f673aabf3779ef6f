"""What is measured of every night, and how far it lies from what the recent healthy nights let expect.

Series of the rows and of the scores stand in the document; those that another run of the same night would measure
otherwise (seconds, memory, how many files the rows came in) are the run's alone.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from batchops.audit.figures import ALL_ROWS
from batchops.audit.lately import SeriesPart
from batchops.audit.state import Audit
from batchops.stats import Cells, Column
from batchops.stats.columns.recent import ENOUGH, Expectation, expectation
from batchops.verdict import Figure, Finding, Policy, Scalar, Severity, Side, judge

__all__ = [
    "SOFTWARE",
    "Measured",
    "Past",
    "expected_series",
    "moments",
    "run_series",
    "series_figures",
    "series_of",
    "series_part",
    "software_of",
]

LEAST_SHARE = 0.05
"""Shares and scores below this count as this when a change is taken relative to them."""

SOFTWARE = "series."
"""How the figures of a run that later runs compare with theirs begin, in `Past.figures`."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One measurement of a night.

    Attributes:
        name: The check is ``series.`` and this.
        value: None where it could not be had.
        unit: ``rows``, ``share``, ``s``, ``B``...
        least: What counts at least as expected when a change is taken relative to that.
        side: Which change matters.
    """

    name: str
    value: float | None
    unit: str
    least: float = 1.0
    subject: str = ALL_ROWS
    side: Side = "both"

    @property
    def key(self) -> str:
        """Id of its figure."""
        return f"series.{self.name}:{self.subject}"


@dataclass(frozen=True, slots=True)
class Past:
    """The recent healthy nights, oldest first.

    Attributes:
        values: By night: id of the figure -> value.
    """

    nights: Sequence[dt.date] = ()
    values: Sequence[Mapping[str, float | None]] = field(default=())

    def of(self, key: str) -> tuple[list[float], list[dt.date]]:
        """The nights that have a figure."""
        found = [(each.get(key), day) for each, day in zip(self.values, self.nights, strict=True)]
        kept = [(value, day) for value, day in found if value is not None and math.isfinite(value)]
        return [value for value, _ in kept], [day for _, day in kept]


def series_of(audit: Audit, score: Cells) -> Iterator[Measured]:
    """What is measured of a night's rows and scores, the same for any partitioning."""
    yield Measured("rows", audit.rows, "rows")
    share = audit.tallies.quarantined / audit.rows if audit.rows else None
    yield Measured("quarantined_share", share, "share", LEAST_SHARE)
    for name, text in sorted(audit.inputs.columns.items()):
        if text.mean_length is not None:
            yield Measured("length", text.mean_length, "characters", subject=name)
    column = audit.outputs.columns.get(score.column, Column())
    rows = column.present
    yield Measured("score_null_share", column.missing / rows if rows else None, "share", LEAST_SHARE)
    overall = audit.quality.overall()
    if overall.hits is None and overall.errors is None:
        # Of two classes, one of which is selected.
        yield Measured("selection_rate", overall.selected / overall.n if overall.n else None, "share", LEAST_SHARE)
    mean, deviation = moments(column, score)
    least = LEAST_SHARE if score.low is None or score.high is None else LEAST_SHARE * (score.high - score.low)
    yield Measured("score_mean", mean, "", least)
    yield Measured("score_deviation", deviation, "", least)
    for percentage in (5, 50, 95):
        yield Measured(f"score_p{percentage:02}", _quantile(column, score, percentage / 100), "", least)


def moments(column: Column, cells: Cells) -> tuple[float | None, float | None]:
    """Mean and standard deviation of the values that the sums hold."""
    n = column.valid - column.overflow_low - column.overflow_high
    if n <= 0 or not cells.numbers:
        return None, None
    total, squares = column.table.total(1), column.table.total(2)
    mean = total / n * cells.quantum + cells.centre
    return mean, math.sqrt(max(0.0, (n * squares - total * total) / n**2)) * cells.quantum


def _quantile(column: Column, cells: Cells, part: float) -> float | None:
    """The mean of the cell in which a part of the values ends: as exact as the cells are narrow."""
    counts = column.table.dense(cells.size)
    if not cells.numbers or not counts.sum():
        return None
    cell = int(np.searchsorted(np.cumsum(counts), part * counts.sum()))
    place = column.table.cells.index(cell)
    rows, total = column.table.values[0][place], column.table.values[1][place]
    return float(total / rows * cells.quantum + cells.centre)


def software_of(stages: Mapping[str, float], rows: int, resources: Mapping[str, float], files: int) -> list[Measured]:
    """What is measured of a run.

    Args:
        stages: Stage -> seconds.
        resources: ``peak_memory`` in bytes and ``cpu_seconds``, as far as known.
        files: How many the night's rows came in.
    """
    seconds, busy = sum(stages.values()), stages.get("partitions", 0.0)
    found = [Measured("seconds", seconds, "s", side="upper"), Measured("files", files, "files")]
    found += [
        Measured("stage_seconds", value, "s", subject=stage, side="upper") for stage, value in sorted(stages.items())
    ]
    found.append(Measured("rows_per_second", rows / busy if busy > 0 else None, "rows/s"))
    for name, value in sorted(resources.items()):
        unit, least = ("B", 2.0**20) if name == "peak_memory" else ("s", 1.0)
        found.append(Measured(name, value, unit, least, side="upper"))
    return found


def expected_series(measured: Sequence[Measured], past: Past, night: dt.date) -> list[Expectation | None]:
    """What the past nights let expect of each; None where fewer than eight have it."""
    found: list[Expectation | None] = []
    for each in measured:
        values, days = past.of(each.key)
        found.append(expectation(values, days, night) if len(values) >= ENOUGH else None)
    return found


def series_figures(measured: Sequence[Measured], expected: Sequence[Expectation | None]) -> Iterator[Figure]:
    """How far each lies from what was expected, relative to that; none where too few nights are known."""
    for each, usual in zip(measured, expected, strict=True):
        change = _change(each, usual)
        if change is None or usual is None or each.value is None:
            continue
        facts: dict[str, Scalar] = {"now": each.value, "now_unit": each.unit, "nights": usual.nights}
        base, radius = _base(each, usual), usual.radius()
        off = each.value - usual.centre
        facts |= {"expected": usual.centre, "weekday": int(usual.weekday), "trend": usual.trend}

        def chance(edge: float, usual: Expectation = usual, off: float = off, base: float = base) -> float:
            return usual.chance(off, edge * base)

        yield Figure(
            f"series.{each.name}",
            each.subject,
            change,
            "ratio",
            usual.nights,
            change - radius / base,
            change + radius / base,
            can_fail=False,
            side=each.side,
            evidence=facts,
            chance=chance,
        )


def _base(measured: Measured, usual: Expectation) -> float:
    return max(abs(usual.centre), measured.least)


def _change(measured: Measured, usual: Expectation | None) -> float | None:
    if usual is None or measured.value is None or not math.isfinite(measured.value):
        return None
    return (measured.value - usual.centre) / _base(measured, usual)


def series_part(
    measured: Sequence[Measured],
    expected: Sequence[Expectation | None],
    findings: Mapping[str, Finding],
    policy: Policy,
) -> tuple[SeriesPart, ...]:
    """The series for audit.json, in the order in which they are measured."""
    parts = []
    for each, usual in zip(measured, expected, strict=True):
        finding = findings.get(each.key)
        radius = usual.radius() if usual is not None else 0.0
        parts.append(
            SeriesPart(
                name=each.name,
                subject=each.subject,
                value=each.value,
                unit=each.unit,
                expected=usual.centre if usual is not None else None,
                lower=usual.centre - radius if usual is not None else None,
                upper=usual.centre + radius if usual is not None else None,
                change=finding.value if finding is not None else None,
                limit=policy.limit(f"series.{each.name}", each.subject).shown,
                nights=usual.nights if usual is not None else 0,
                weekday=usual.weekday if usual is not None else False,
                trend=usual.trend if usual is not None else 0.0,
                severity=finding.severity if finding is not None else Severity.NOT_RUN,
            )
        )
    return tuple(parts)


def run_series(measured: Sequence[Measured], past: Past, night: dt.date, policy: Policy) -> tuple[SeriesPart, ...]:
    """What the run took, beside what the recent nights' runs let expect: judged for itself, under its own budget."""
    expected = expected_series(measured, past, night)
    findings = judge([*series_figures(measured, expected)], policy, str(night)).findings
    return series_part(measured, expected, {finding.id: finding for finding in findings}, policy)
