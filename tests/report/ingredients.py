"""What samples are made of: columns, rules, slices, figures and earlier nights."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from batchops.audit.columns import Histogram
from batchops.audit.groups import GapPart, SlicePart
from batchops.audit.outcomes import Interval
from batchops.verdict import Figure, Limit, Past, Severity, worst

NIGHT = dt.date(2013, 7, 4)
CELLS = 24


@dataclass(frozen=True)
class Column:
    """How a sample's column looks in training and now: mean and spread of a bell, and the shares beside it."""

    name: str
    unit: str | None
    was: tuple[float, float]
    now: tuple[float, float]
    low: float
    high: float
    distance: float
    usual: float
    outside: float = 0.0
    unseen: float = 0.0
    missing: tuple[float, float] = (0.0, 0.0)
    reliance: float = 0.002
    labels: tuple[str, ...] = ()


JULY = (
    Column("temp", "°F", (39, 9), (79, 7), 10.9, 82.0, 0.998, 0.31, 0.883, missing=(0.001, 0.001), reliance=0.012),
    Column("dewp", "°F", (25, 12), (64, 7), -9.9, 59.0, 0.98, 0.33, 0.78, missing=(0.001, 0.001), reliance=0.0004),
    Column("dest", None, (0, 1), (0, 1), 0, 0, 0.061, 0.05, unseen=0.0071, reliance=0.023,
           labels=("ATL", "ORD", "LAX", "BOS", "MCO", "CLT", "SFO", "FLL", "MIA", "DCA", "other", "new")),
    Column("wind_gust", "mph", (25, 6), (23, 5), 16.1, 53.0, 0.17, 0.25, missing=(0.67, 0.85), reliance=0.001),
    Column("humid", "%", (58, 18), (66, 16), 12.7, 100.0, 0.26, 0.29, missing=(0.001, 0.001), reliance=0.034),
    Column("wind_dir", "°", (220, 90), (190, 70), 0, 360, 0.21, 0.23, missing=(0.015, 0.030), reliance=0.009),
    Column("sched_dep_time", None, (1330, 460), (1340, 460), 500, 2359, 0.034, 0.04, reliance=0.059),
    Column("carrier", None, (0, 1), (0, 1), 0, 0, 0.031, 0.04, reliance=0.034,
           labels=("UA", "EV", "B6", "DL", "AA", "MQ", "US", "9E", "WN", "FL", "VX", "other")),
    Column("pressure", "mbar", (1018, 8), (1015, 4), 983.8, 1042.1, 0.23, 0.30, missing=(0.118, 0.122), reliance=0.018),
    Column("seats", None, (137, 70), (136, 70), 2, 450, 0.052, 0.06, missing=(0.166, 0.157), reliance=0.006),
    Column("dow", None, (0, 1), (0, 1), 0, 0, 0.059, 0.08, reliance=0.003,
           labels=("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")),
    Column("precip", "in", (0.002, 0.02), (0.005, 0.04), 0, 0.66, 0.026, 0.04, 0.004, reliance=0.003),
    Column("origin", None, (0, 1), (0, 1), 0, 0, 0.007, 0.02, reliance=0.003, labels=("EWR", "JFK", "LGA")),
    Column("plane_year", None, (2001, 7), (2002, 7), 1956, 2013, 0.061, 0.07, missing=(0.182, 0.174), reliance=0.002),
    Column("visib", "mi", (9.1, 2), (9.3, 1.6), 0, 10, 0.084, 0.19, missing=(0.001, 0.001), reliance=0.002),
    Column("wind_speed", "mph", (11.1, 5.6), (9.0, 4.2), 0, 42.6, 0.18, 0.21, missing=(0.001, 0.003), reliance=0.002),
    Column("plane_type", None, (0, 1), (0, 1), 0, 0, 0.014, 0.02, missing=(0.166, 0.157), reliance=0.0,
           labels=("Fixed wing multi engine", "Fixed wing single engine", "Rotorcraft")),
    Column("hour", None, (13, 4.6), (13.1, 4.7), 5, 23, 0.032, 0.04, reliance=0.0),
    Column("distance", "mi", (1007, 720), (1059, 730), 80, 4983, 0.055, 0.06, 0.0, reliance=0.0),
)  # fmt: skip
CARRIERS = {"UA": 4800, "EV": 4200, "B6": 4700, "DL": 4180, "AA": 2800, "MQ": 2110, "US": 1700, "9E": 1400, "WN": 1100,
            "FL": 248, "VX": 483, "F9": 58, "HA": 31, "AS": 62, "YV": 64}  # fmt: skip
PARTS = {"05-09 h": 0.24, "09-13 h": 0.22, "13-17 h": 0.25, "17-20 h": 0.19, "20-24 h": 0.10}
RULES = (
    ("key.unique", (), "one row per carrier, flight, origin and departure", "error", "quarantine", 0, 0.0, 0.0),
    ("dest.known", ("dest",), "dest is a known airport", "warn", "continue", 7, 0.0, 0.0),
    ("distance.in_range", ("distance",), "distance is at least 80 mi", "error", "continue", 0, 0.0, 0.0),
    ("wind_gust.present", ("wind_gust",), "wind_gust is present", "info", "continue", 843, None, 0.67),
    ("pressure.present", ("pressure",), "pressure is present", "warn", "continue", 121, 0.20, 0.118),
    ("plane_year.present", ("plane_year",), "plane_year is present", "warn", "continue", 172, 0.25, 0.182),
    ("origin.isin", ("origin",), "origin is EWR, JFK or LGA", "critical", "quarantine", 0, 0.0, 0.0),
    ("wind_dir.in_range", ("wind_dir",), "wind_dir is 0 to 360 °", "error", "continue", 0, 0.0, 0.0),
    ("temp.in_range", ("temp",), "temp is -30 to 120 °F", "error", "quarantine", 0, 0.0, 0.0),
    ("visib.in_range", ("visib",), "visib is 0 to 10 mi", "error", "continue", 0, 0.0, 0.0),
    ("seats.in_range", ("seats",), "seats is 1 to 500", "error", "continue", 0, 0.0, 0.0),
    ("carrier.isin", ("carrier",), "carrier is one of 16 airlines", "error", "continue", 0, 0.0, 0.0),
)
LIMITS = {
    "quality.calibration_gap": Limit(warn=0.03, fail=0.05),
    "slices.calibration_gap": Limit(warn=0.05, fail=0.10),
}


def bell(cells: int, low: float, high: float, bell: tuple[float, float]) -> tuple[float, ...]:
    mean, spread = bell
    step = (high - low) / cells
    mass = [math.exp(-(((low + (i + 0.5) * step) - mean) ** 2) / (2 * spread**2)) for i in range(cells)]
    total = sum(mass) or 1.0
    return tuple(round(each / total, 6) for each in mass)


def categories(labels: Sequence[str], moved: float, new: float) -> tuple[tuple[float, ...], tuple[float, ...]]:
    mass = [1 / (i + 1.5) if label != "new" else 0.0 for i, label in enumerate(labels)]
    was = [each / sum(mass) for each in mass]
    now = [each * (1 - new) + (moved / 2 if i == 0 else -moved / 2 if i == 1 else 0) for i, each in enumerate(was)]
    now = [new if label == "new" else each for label, each in zip(labels, now, strict=True)]
    return tuple(round(each, 6) for each in was), tuple(round(each, 6) for each in now)


def histogram_of(column: Column) -> Histogram:
    if column.labels:
        was, now = categories(column.labels, column.distance, column.unseen)
        return Histogram("category", None, None, column.labels, was, now)
    low = min(column.low, column.now[0] - 2 * column.now[1]) if column.outside else column.low
    high = max(column.high, column.now[0] + 3 * column.now[1]) if column.outside else column.high
    return Histogram("number", low, high, (), bell(CELLS, low, high, column.was), bell(CELLS, low, high, column.now))


def drift_figures(columns: Sequence[Column], rows: int) -> list[Figure]:
    figures = []
    for column in columns:
        facts = {"scope": "window", "unit": column.unit, "reference_low": column.low, "reference_high": column.high}
        beside = {"reference": column.missing[0], "now": column.missing[1]}
        d, half = column.distance, 0.01
        figures += [
            Figure("drift.distance", column.name, d, "distance", rows, d - half, min(1.0, d + half), usual=column.usual,
                   evidence={**facts, "measure": "KS"}),
            Figure("drift.null_share", column.name, round(column.missing[1] - column.missing[0], 4), "share", rows,
                   usual=0.08, side="both", evidence={**facts, **beside}),
        ]  # fmt: skip
        if column.labels:
            figures.append(Figure("drift.unseen_share", column.name, column.unseen, "share", rows, evidence=facts))
        else:
            figures.append(Figure("drift.outside_share", column.name, column.outside, "share", rows, evidence=facts))
    return figures


def ninety_slices(level: float) -> tuple[SlicePart, ...]:
    """90 slices: carrier, part of day, and both; the gap grows over the day and is widest for a few carriers."""
    late = {"05-09 h": 0.3, "09-13 h": 0.6, "13-17 h": 1.2, "17-20 h": 1.9, "20-24 h": 1.7}
    mark = {"DL": 1.35, "FL": 1.9, "VX": 1.8, "US": 1.3, "WN": 0.4, "HA": -0.8}
    found = []
    for carrier, n in CARRIERS.items():
        found.append(({"carrier": carrier}, n, mark.get(carrier, 1.0)))
        for part, share in PARTS.items():
            found.append(
                ({"carrier": carrier, "part_of_day": part}, round(n * share), mark.get(carrier, 1.0) * late[part])
            )
    made = []
    for i, (names, n, factor) in enumerate(found):
        label = " · ".join(f"{name.replace('_', ' ')} {value}" for name, value in names.items())
        gap = level * factor + 0.004 * ((i * 7) % 5 - 2)
        half = min(0.4, 1.5 / math.sqrt(max(n, 1)))
        if n < 50:
            made.append(slice_of(names, label, n, None, half, i))
        else:
            made.append(slice_of(names, label, n, round(gap, 5), half, i))
    return tuple(made)


def slice_of(names: Mapping[str, str], label: str, n: int, gap: float | None, half: float, i: int) -> SlicePart:
    predicted = None if gap is None else round(0.18 + 0.01 * (i % 13), 4)
    return SlicePart(
        slice=names,
        label=label,
        n=n,
        predicted=predicted,
        observed=None if gap is None or predicted is None else round(predicted + gap, 4),
        discovered=False,
        metrics={"roc_auc": Interval(None if gap is None else round(0.58 + 0.01 * (i % 15), 4))},
        gap=gap_of(gap, half, i),
        missed=None if gap is None else round(n * 0.17),
        limit=0.05,
        p_value=None,
        q_value=None,
        severity=Severity.NOT_RUN,
    )


def gap_of(gap: float | None, half: float, i: int) -> GapPart:
    if gap is None:
        return GapPart("calibration_gap", None, None, None, None, None, None)
    plain, corrected = (
        (round(gap - half, 4), round(gap + half, 4)),
        (round(gap - 1.5 * half, 4), round(gap + 1.5 * half, 4)),
    )
    return GapPart("calibration_gap", gap, *plain, *corrected, round(0.006 * (i % 5 - 2), 4))


def quality_figures(gap: float, auc: float) -> list[Figure]:
    return [
        Figure("quality.calibration_gap", "all rows", gap, "points", 28293, gap - 0.018, gap + 0.018, side="both",
               evidence={"predicted": 0.2429, "observed": round(0.2429 + gap, 4), "reference": 0.001}),
        Figure("quality.roc_auc", "all rows", round(0.698 - auc, 4), "auc", 28293, 0.698 - auc - 0.02,
               0.698 - auc + 0.02, evidence={"now": auc, "reference": 0.698}),
        Figure("quality.coverage", "all rows", 0.962, "share", 29425, side="lower"),
    ]  # fmt: skip


def slice_figures(slices: Sequence[SlicePart]) -> list[Figure]:
    return [
        Figure("slices.calibration_gap", each.label, each.gap.value, "points", each.n or 0, each.gap.lower,
               each.gap.upper, each.gap.lower_corrected, each.gap.upper_corrected, side="both",
               evidence={"predicted": each.predicted, "observed": each.observed})
        for each in slices
    ]  # fmt: skip


def rule_figures(rows: int) -> list[Figure]:
    figures = []
    for id, _, words, level, _, failed, limit, reference in RULES:
        values = "ACK 4, MVY 3" if id == "dest.known" else None
        bound = Limit() if limit is None else Limit(warn=limit) if level in ("warn", "info") else Limit(fail=limit)
        figures.append(
            Figure(
                "contract.rule", id, failed / rows, "share", rows, limit=bound,
                evidence={"words": words, "level": level, "failed": failed, "evaluated": rows, "unknown": 0,
                          "reference": reference, "values": values},
            )
        )  # fmt: skip
    figures.append(Figure("contract.quarantined", "all rows", 0.0, "share", rows))
    return figures


def score_figures(distance: float) -> list[Figure]:
    return [
        Figure("score.distance", "score", distance, "distance", 29425, distance - 0.01, distance + 0.01, usual=0.05,
               evidence={"scope": "window", "measure": "KS"}),
        Figure("score.null_share", "score", 0.0, "share", 29425),
    ]  # fmt: skip


def since_of(id: str, night: dt.date, failing: int, left: int) -> tuple[str, int]:
    began = failing // 3 if id.startswith("quality") else failing
    return str(night - dt.timedelta(days=began)), began - left + 1


def history(nights: int, failing: int, night: dt.date = NIGHT) -> tuple[Past, ...]:
    """Earlier nights: the last ``failing`` of them fail for the temperature, and the last third for the gap too."""
    past = []
    for i in range(nights):
        left = nights - i
        levels: dict[str, Severity] = {}
        if left <= failing:
            levels["drift.outside_share:temp"] = Severity.FAIL
            levels["contract.rule:dest.known"] = Severity.WARN
        if left <= failing // 3:
            levels["quality.calibration_gap:all rows"] = Severity.FAIL
        wave = math.sin(i / 4)
        past.append(
            Past(
                night=str(night - dt.timedelta(days=left)),
                run_id=f"{i:04d}",
                severity=worst(list(levels.values())) if levels else Severity.PASS,
                rows=990 + round(10 * wave),
                levels=levels,
                since={
                    id: (str(night - dt.timedelta(days=failing if "quality" not in id else failing // 3)), i)
                    for id in levels
                },
                figures={
                    "drift.outside_share:temp": max(0.0, min(1.0, 0.88 - left * 0.028)),
                    "quality.calibration_gap:all rows": 0.07 - left * 0.002 + 0.006 * wave,
                    "score.distance:score": 0.06 + 0.004 * wave,
                    "contract.quarantined:all rows": 0.0,
                    "contract.rule:dest.known": max(0.0, 0.007 - left * 0.0003),
                    "slices.alarms": float(max(0, 20 - left)),
                },
            )
        )
    return tuple(past)
