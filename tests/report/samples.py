"""Whole audit documents, as a run would make them: figures are judged and put into words by the real functions."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from batchops.audit.document import (
    FORMAT,
    AuditDocument,
    CalibrationBin,
    ColumnPart,
    Components,
    ConfusionPart,
    ContractPart,
    DriftPart,
    Family,
    Histogram,
    MetricPart,
    ProvenancePart,
    QualityPart,
    RowsPart,
    RulePart,
    RunPart,
    ScorePart,
    SlicePart,
    SlicesPart,
    ValueCount,
    WindowPart,
)
from batchops.partition import Fingerprint, Receipt
from batchops.report import Facts, family, finding_part, verdict_part
from batchops.report.topics import FAMILIES
from batchops.verdict import Figure, Finding, Limit, Past, Policy, Severity, Verdict, judge, worst

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


def _bell(cells: int, low: float, high: float, bell: tuple[float, float]) -> tuple[float, ...]:
    mean, spread = bell
    step = (high - low) / cells
    mass = [math.exp(-(((low + (i + 0.5) * step) - mean) ** 2) / (2 * spread**2)) for i in range(cells)]
    total = sum(mass) or 1.0
    return tuple(round(each / total, 6) for each in mass)


def _categories(labels: Sequence[str], moved: float, new: float) -> tuple[tuple[float, ...], tuple[float, ...]]:
    mass = [1 / (i + 1.5) if label != "new" else 0.0 for i, label in enumerate(labels)]
    was = [each / sum(mass) for each in mass]
    now = [each * (1 - new) + (moved / 2 if i == 0 else -moved / 2 if i == 1 else 0) for i, each in enumerate(was)]
    now = [new if label == "new" else each for label, each in zip(labels, now, strict=True)]
    return tuple(round(each, 6) for each in was), tuple(round(each, 6) for each in now)


def _histogram(column: Column) -> Histogram:
    if column.labels:
        was, now = _categories(column.labels, column.distance, column.unseen)
        return Histogram("category", None, None, column.labels, was, now)
    low = min(column.low, column.now[0] - 2 * column.now[1]) if column.outside else column.low
    high = max(column.high, column.now[0] + 3 * column.now[1]) if column.outside else column.high
    return Histogram("number", low, high, (), _bell(CELLS, low, high, column.was), _bell(CELLS, low, high, column.now))


def _drift_figures(columns: Sequence[Column], rows: int) -> list[Figure]:
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


def _slices(level: float) -> tuple[SlicePart, ...]:
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
            made.append(_slice(names, label, n, None, half, i))
        else:
            made.append(_slice(names, label, n, round(gap, 5), half, i))
    return tuple(made)


def _slice(names: Mapping[str, str], label: str, n: int, gap: float | None, half: float, i: int) -> SlicePart:
    predicted = None if gap is None else round(0.18 + 0.01 * (i % 13), 4)
    return SlicePart(
        slice=names,
        label=label,
        n=n,
        predicted=predicted,
        observed=None if gap is None or predicted is None else round(predicted + gap, 4),
        gap=gap,
        lower=None if gap is None else round(gap - half, 4),
        upper=None if gap is None else round(gap + half, 4),
        lower_corrected=None if gap is None else round(gap - 1.5 * half, 4),
        upper_corrected=None if gap is None else round(gap + 1.5 * half, 4),
        gap_rest=None if gap is None else round(gap * 0.6, 4),
        gap_rest_lower=None if gap is None else round(gap * 0.6 - half, 4),
        gap_rest_upper=None if gap is None else round(gap * 0.6 + half, 4),
        reference_gap=None if gap is None else round(0.006 * (i % 5 - 2), 4),
        roc_auc=None if gap is None else round(0.58 + 0.01 * (i % 15), 4),
        missed=None if gap is None else round(n * 0.17),
        limit=0.05,
        severity=Severity.NOT_RUN,
    )


def _quality_figures(gap: float, auc: float) -> list[Figure]:
    return [
        Figure("quality.calibration_gap", "all rows", gap, "points", 28293, gap - 0.018, gap + 0.018, side="both",
               evidence={"predicted": 0.2429, "observed": round(0.2429 + gap, 4), "reference": 0.001}),
        Figure("quality.roc_auc", "all rows", round(0.698 - auc, 4), "auc", 28293, 0.698 - auc - 0.02,
               0.698 - auc + 0.02, evidence={"now": auc, "reference": 0.698}),
        Figure("quality.coverage", "all rows", 0.962, "share", 29425, side="lower"),
    ]  # fmt: skip


def _slice_figures(slices: Sequence[SlicePart]) -> list[Figure]:
    return [
        Figure("slices.calibration_gap", each.label, each.gap, "points", each.n, each.lower, each.upper,
               each.lower_corrected, each.upper_corrected, side="both",
               evidence={"predicted": each.predicted, "observed": each.observed})
        for each in slices
    ]  # fmt: skip


def _rule_figures(rows: int) -> list[Figure]:
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


def _score_figures(distance: float) -> list[Figure]:
    return [
        Figure("score.distance", "score", distance, "distance", 29425, distance - 0.01, distance + 0.01, usual=0.05,
               evidence={"scope": "window", "measure": "KS"}),
        Figure("score.null_share", "score", 0.0, "share", 29425),
    ]  # fmt: skip


def _since(id: str, night: dt.date, failing: int, left: int) -> tuple[str, int]:
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


@dataclass(frozen=True)
class Night:
    """What a sample is made of."""

    figures: Sequence[Figure]
    columns: Sequence[Column]
    slices: tuple[SlicePart, ...] = ()
    labelled: int = 28293
    rows: int = 994
    quarantined: int = 0
    past: tuple[Past, ...] = ()
    gap: float = 0.072
    auc: float = 0.71
    withhold: bool = False
    job: str = "flights_delay"
    title: str = "Will this flight arrive more than 15 minutes late?"


def _columns(night: Night, verdict: Verdict) -> tuple[ColumnPart, ...]:
    def of(column: Column) -> ColumnPart:
        levels = [f.severity for f in verdict.findings if f.check.startswith("drift.") and f.subject == column.name]
        numeric = not column.labels
        return ColumnPart(
            column=column.name,
            kind="numeric" if numeric else "category",
            unit=column.unit,
            severity=worst([level for level in levels if level not in (Severity.UNSURE, Severity.NOT_RUN)]),
            measure="KS" if numeric else "total variation",
            reference=Components(80789, 0.0, column.missing[0], 0.0, 0.0),
            window=Components(29425, column.distance, column.missing[1], column.unseen, column.outside if numeric else None),
            tonight=Components(
                night.rows, min(1.0, column.distance * 1.02), column.missing[1], column.unseen,
                min(1.0, column.outside * 1.05) if numeric else None,
            ),
            usual=column.usual,
            limit=0.2,
            measures={"psi": round(column.distance * 2.1, 4), "js": round(column.distance * 0.8, 4)},
            reliance=column.reliance,
            reference_low=column.low if numeric else None,
            reference_high=column.high if numeric else None,
            unseen=(ValueCount("ACK", 66), ValueCount("MVY", 65), ValueCount("TVC", 40)) if column.unseen else (),
            histogram=_histogram(column),
        )  # fmt: skip

    return tuple(of(column) for column in night.columns)


def _quality(night: Night, verdict: Verdict) -> QualityPart | None:
    if not night.labelled:
        return None
    levels = {f.check: f.severity for f in verdict.findings}
    gap, auc = night.gap, night.auc
    bins = tuple(
        CalibrationBin(
            i / 10, (i + 1) / 10, round(6000 * math.exp(-((i - 2) ** 2) / 5)) + 12, i / 10 + 0.05,
            min(0.98, (i / 10 + 0.05) * (1 + 3 * gap) + gap / 3), round(16000 * math.exp(-((i - 2) ** 2) / 5)) + 30,
            i / 10 + 0.05, min(0.98, max(0.0, i / 10 + 0.045)),
        )
        for i in range(8)
    )  # fmt: skip
    metrics = (
        MetricPart("calibration_gap", gap, gap - 0.018, gap + 0.018, gap + 0.01, gap + 0.006, 0.001, -0.017, 0.020,
                   None, 0.05, levels.get("quality.calibration_gap", Severity.NOT_RUN), 0.0),
        MetricPart("roc_auc", auc, auc - 0.03, auc + 0.026, auc - 0.01, auc + 0.007, 0.698, 0.682, 0.711, 0.5,
                   0.638, levels.get("quality.roc_auc", Severity.NOT_RUN), 1e-4),
        MetricPart("brier_score", 0.1948, 0.176, 0.212, 0.19, 0.197, 0.161, 0.151, 0.172, 0.2157, None,
                   Severity.NOT_RUN, 0.0),
        MetricPart("log_loss", 0.571, 0.53, 0.61, 0.56, 0.58, 0.492, 0.46, 0.52, 0.622, None, Severity.NOT_RUN, 0.0),
        MetricPart("precision", 0.559, None, None, None, 0.579, 0.443, None, None, 0.315, None, Severity.NOT_RUN, 0.0),
        MetricPart("recall", 0.375, None, None, None, 0.394, 0.351, None, None, 1.0, None, Severity.NOT_RUN, 0.0),
    )  # fmt: skip
    return QualityPart(
        task="binary",
        n_labelled=night.labelled,
        nights_labelled=30,
        coverage=0.962,
        never="cancelled flights",
        conflicting=0,
        unmatched=0,
        metrics=metrics,
        confusion=ConfusionPart(0.35, 3335, 2632, 16759, 5567),
        calibration=bins,
    )


def _rules(verdict: Verdict, rows: int) -> tuple[RulePart, ...]:
    levels = {f.subject: f.severity for f in verdict.findings if f.check == "contract.rule"}
    return tuple(
        RulePart(
            id, columns, words, level, action, "row" if columns else "partition", rows, failed, 0,
            failed / rows if rows else None, limit, reference, levels.get(id, Severity.NOT_RUN),
            (ValueCount("ACK", 4), ValueCount("MVY", 3)) if id == "dest.known" else (),
        )
        for id, columns, words, level, action, failed, limit, reference in RULES
    )  # fmt: skip


def _window(night: Night) -> WindowPart:
    days = [str(NIGHT - dt.timedelta(days=i)) for i in range(min(30, len(night.past)), -1, -1)]
    digests = {day: f"{i:02x}" * 32 for i, day in enumerate(days)}
    return WindowPart(days[0], days[-1], len(days), 29425 if night.rows else 0, night.labelled, digests)


def _run(night: Night) -> RunPart:
    each = night.rows // 3
    print_ = Fingerprint("9f3c1a" + "0" * 58, 48213)
    receipts = tuple(
        Receipt(f"night=2013-07-04/{origin}.parquet", print_, rows, rows - night.quarantined * (origin == "LGA"),
                night.quarantined * (origin == "LGA"))
        for origin, rows in (("EWR", each), ("JFK", each), ("LGA", night.rows - 2 * each))
    )  # fmt: skip
    return RunPart(
        id="20130705T020000-9f3c1a",
        kind="labels" if night.labelled else "score",
        key="c0ffee" * 10 + "abcd",
        started="2013-07-05T02:00:00.120000+00:00",
        finished="2013-07-05T02:00:02.980000+00:00",
        seconds=2.86,
        stages={"read": 0.4, "validate": 0.3, "score": 1.1, "summarise": 0.6, "publish": 0.2},
        rows_per_second=347.0,
        peak_memory=412_000_000,
        scheduler="threads",
        actor="cron",
        reason=None,
        scores_table="tables/scores/flights_delay",
        previous_ledger="ab" * 32,
        partitions=receipts,
    )


PROVENANCE = ProvenancePart(
    batchops="0.1.0",
    python="3.11.9",
    libraries={"polars": "1.35.2", "scikit-learn": "1.7.2", "numpy": "2.3.5", "deltalake": "1.2.1"},
    model="flights_delay@1",
    model_digest="5e" * 32,
    model_created="2013-04-01T06:00:00+00:00",
    model_rows=80789,
    model_first="2013-01-01",
    model_last="2013-03-31",
    contract="Flights v4",
    contract_digest="7d" * 32,
    job_digest="1a" * 32,
    policy_digest="2b" * 32,
    git_commit="0123456789abcdef0123456789abcdef01234567",
    git_dirty=False,
    replay="batchops run flights_delay --date 2013-07-04 --force --reason replay",
)


def facts_of(night: Night, output: str) -> Facts:
    """What the words need of a sample."""
    return Facts(
        job=night.job, night=str(NIGHT), output=output, rows=night.rows, scored=night.rows - night.quarantined,
        quarantined=night.quarantined, nights=min(31, len(night.past) + 1), model="flights_delay@1",
        rules=len(RULES), columns=len(night.columns), slices=sum(each.gap is not None for each in night.slices),
        labels_expected="2013-07-05", labelled=night.labelled, roc_auc=night.auc if night.labelled else None,
        roc_auc_reference=0.698,
    )  # fmt: skip


def document(night: Night) -> AuditDocument:
    """Judge a sample, say it, and put it together as a run does."""
    verdict = judge(night.figures, Policy(LIMITS), str(NIGHT), night.past)
    output = "withheld" if night.withhold else "flagged" if verdict.severity is Severity.FAIL else "published"
    facts = facts_of(night, output)
    findings = tuple(finding_part(each, facts) for each in verdict.alarms)
    levels = {f.subject: f.severity for f in verdict.findings if f.check == "slices.calibration_gap"}
    slices = tuple(replace(each, severity=levels.get(each.label, Severity.NOT_RUN)) for each in night.slices)
    columns = _columns(night, verdict)
    families = tuple(family(name, verdict.findings, facts) for name in FAMILIES)
    return AuditDocument(
        format=FORMAT,
        job=night.job,
        title=night.title,
        night=str(NIGHT),
        verdict=verdict_part(verdict, findings, facts),
        rows=RowsPart(night.rows, night.rows - night.quarantined, night.quarantined, 0),
        window=_window(night),
        families=families,
        findings=findings,
        contract=ContractPart("Flights v4", "7d" * 32, _rules(verdict, night.rows)),
        drift=DriftPart("1 Jan - 31 Mar 2013, 80 789 rows", columns),
        score=_score(families, verdict.findings) if night.rows else None,
        quality=_quality(night, verdict),
        slices=SlicesPart(facts.slices, 50, slices) if slices and night.labelled else None,
        provenance=PROVENANCE,
        history=night.past,
        run=_run(night),
    )


def _score(families: Sequence[Family], findings: Sequence[Finding]) -> ScorePart:
    shown = next((f for f in findings if f.check == "score.distance"), None)
    distance = shown.value if shown else 0.07
    was = tuple(round(math.exp(-i / 5) * (i + 1) ** 0.7 / 9, 5) for i in range(CELLS))
    now = tuple(round(math.exp(-i / 6) * (i + 1) ** 0.7 / 11, 5) for i in range(CELLS))
    severity = next(each.severity for each in families if each.name == "score")
    column = ColumnPart(
        "score", "numeric", None, severity, "KS", Components(80789, 0.0, 0.0, 0.0, 0.0),
        Components(29425, distance, 0.0, 0.0, 0.0), Components(994, 0.08, 0.0, 0.0, 0.0), 0.05, 0.1, {}, None,
        0.01, 0.93, (), Histogram("number", 0.0, 0.95, (), was, now),
    )  # fmt: skip
    return ScorePart(column, 0.2391, 0.2429, 0.2511, 0.172, 0.203)


def _calm() -> tuple[Column, ...]:
    return tuple(
        replace(
            column, now=column.was, outside=0.0, unseen=0.0, distance=round(column.usual * 0.6, 3),
            missing=(column.missing[0], column.missing[0]),
        )
        for column in JULY
    )  # fmt: skip


def failing() -> AuditDocument:
    """A July night: temperatures beyond training, scores too low, slices wrong, destinations unseen."""
    slices = _slices(0.072)
    figures = [*_rule_figures(994), *_drift_figures(JULY, 29425), *_score_figures(0.07), *_quality_figures(0.072, 0.71)]
    return document(Night([*figures, *_slice_figures(slices)], JULY, slices, past=history(30, 28)))


def passing() -> AuditDocument:
    """A night with nothing wrong."""
    columns, slices = _calm(), _slices(0.004)
    rules = [f for f in _rule_figures(994) if f.subject != "dest.known"]
    figures = [*rules, *_drift_figures(columns, 29425), *_score_figures(0.03), *_quality_figures(0.006, 0.701)]
    return document(
        Night([*figures, *_slice_figures(slices)], columns, slices, past=history(30, 0), gap=0.006, auc=0.701)
    )


def unlabelled() -> AuditDocument:
    """The first night: no labels yet, no history, one thing to warn of."""
    calm = list(_calm())
    calm[3] = replace(calm[3], missing=(0.27, 0.85))
    figures = [*_rule_figures(994), *_drift_figures(calm, 994), *_score_figures(0.03)]
    return document(Night(figures, calm, labelled=0))


def withheld() -> AuditDocument:
    """A night whose column is missing and many of whose rows are set aside: nothing is published."""
    calm = _calm()
    blocking = [
        Figure("schema.missing_column", "temp", 331, "rows", 994, evidence={"files": "JFK.parquet"}),
        Figure("contract.quarantined", "all rows", 0.333, "share", 994),
    ]
    rules = [f for f in _rule_figures(994) if f.check == "contract.rule"]
    figures = [*blocking, *rules, *_drift_figures(calm, 29425), *_score_figures(0.03)]
    return document(Night(figures, calm, labelled=0, quarantined=331, past=history(12, 0), withhold=True))


def zero_rows() -> AuditDocument:
    """A night whose files hold no row."""
    rules = [replace(f, value=None, n=0) for f in _rule_figures(994)]
    return document(Night(rules, (), labelled=0, rows=0, past=history(3, 0)))


HOSTILE = '"><script>document.title="owned";globalThis.owned=1</script><img src=x onerror="globalThis.owned=1">`{{7*7}}'


def hostile() -> AuditDocument:
    """The failing night with script in every name and value, and a column of personal data."""
    slices = tuple(
        replace(each, label=f"{each.label} {HOSTILE}", slice={"carrier": HOSTILE}) for each in _slices(0.072)[:12]
    )
    columns = tuple(
        replace(each, name=f"{each.name}{HOSTILE}", unit=HOSTILE, labels=tuple(f"{x}{HOSTILE}" for x in each.labels))
        for each in JULY[:6]
    )
    rules = [
        replace(f, subject=f"{f.subject}{HOSTILE}", evidence={**f.evidence, "words": HOSTILE, "values": HOSTILE})
        for f in _rule_figures(994)
        if f.check == "contract.rule"
    ]
    figures = [*rules, *_drift_figures(columns, 29425), *_quality_figures(0.072, 0.71), *_slice_figures(slices)]
    made = document(Night(figures, columns, slices, past=history(5, 5), job=f"job{HOSTILE}", title=HOSTILE))
    parts = tuple(
        replace(each, words=f"{each.words}{HOSTILE}", values=(ValueCount(HOSTILE, 12),)) for each in made.contract.rules
    )
    first = made.drift.columns[0]
    unseen = (ValueCount(SECRET, 99),)
    people = replace(first, column="email", kind="opaque", unit=SECRET, unseen=unseen, reference_low=4711.0)
    email = replace(parts[1], id="email.known", columns=("email",), values=(ValueCount(SECRET, 9),))
    lost = replace(made.run.partitions[0], partition=HOSTILE, unreadable=HOSTILE)
    return replace(
        made,
        contract=replace(made.contract, id=HOSTILE, rules=(*parts, email)),
        drift=replace(made.drift, reference=HOSTILE, columns=(people, *made.drift.columns)),
        quality=replace(made.quality, never=HOSTILE) if made.quality else None,
        provenance=replace(made.provenance, replay=HOSTILE, model=HOSTILE, libraries={HOSTILE: HOSTILE}),
        run=replace(made.run, actor=HOSTILE, reason=HOSTILE, partitions=(lost,)),
    )


SECRET = "token-of-a-person-4711"

SAMPLES = {
    "fail": failing,
    "pass": passing,
    "unlabelled": unlabelled,
    "withheld": withheld,
    "zero": zero_rows,
    "hostile": hostile,
}
