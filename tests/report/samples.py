"""Whole audit documents, as a run would make them: figures are judged and put into words by the real functions."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import polars as pl

from batchops.audit.columns import ColumnPart, Components, Histogram, ValueCount
from batchops.audit.document import (
    FORMAT,
    AuditDocument,
    Family,
    ProvenancePart,
    RowsPart,
    RunPart,
    WindowPart,
)
from batchops.audit.groups import SlicePart, SlicingPart
from batchops.audit.outcomes import CalibrationBin, ConfusionPart, MetricPart, QualityPart
from batchops.audit.sections import ContractPart, DriftPart, RulePart, ScorePart
from batchops.audit.skew import NightSkew, skew_figures, skew_part
from batchops.audit.training import SchemaDifference
from batchops.contract import ColumnSpec, Contract
from batchops.partition import Fingerprint, Receipt
from batchops.report import Facts, family, finding_part, verdict_part
from batchops.report.topics import FAMILIES
from batchops.stats import ColumnSkew, Profile, Skew
from batchops.stats.numbers.exact import ExactSum
from batchops.verdict import Figure, Finding, Past, Policy, Severity, Verdict, judge, worst
from tests.report.ingredients import (
    CELLS,
    JULY,
    LIMITS,
    NIGHT,
    RULES,
    Column,
    drift_figures,
    histogram_of,
    history,
    ninety_slices,
    quality_figures,
    rule_figures,
    score_figures,
    slice_figures,
)


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
            window=Components(
                29425, column.distance, column.missing[1], column.unseen, column.outside if numeric else None
            ),
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
            histogram=histogram_of(column),
        )  # fmt: skip

    return tuple(of(column) for column in night.columns)


def _quality(night: Night, verdict: Verdict) -> QualityPart | None:
    if not night.labelled:
        return None
    levels = {f.check: f.severity for f in verdict.findings}
    gap, auc = night.gap, night.auc
    bins = tuple(
        CalibrationBin(
            None, i / 10, (i + 1) / 10, round(6000 * math.exp(-((i - 2) ** 2) / 5)) + 12, i / 10 + 0.05,
            min(0.98, (i / 10 + 0.05) * (1 + 3 * gap) + gap / 3), round(16000 * math.exp(-((i - 2) ** 2) / 5)) + 30,
            i / 10 + 0.05, min(0.98, max(0.0, i / 10 + 0.045)),
        )
        for i in range(8)
    )  # fmt: skip
    metrics = {
        "calibration_gap": MetricPart(gap, gap - 0.018, gap + 0.018, gap + 0.01, gap + 0.006, 0.001, -0.017, 0.020,
                   None, 0.05, levels.get("quality.calibration_gap", Severity.NOT_RUN), 0.0),
        "roc_auc": MetricPart(auc, auc - 0.03, auc + 0.026, auc - 0.01, auc + 0.007, 0.698, 0.682, 0.711, 0.5,
                   0.638, levels.get("quality.roc_auc", Severity.NOT_RUN), 1e-4),
        "brier_score": MetricPart(0.1948, 0.176, 0.212, 0.19, 0.197, 0.161, 0.151, 0.172, 0.2157, None,
                   Severity.NOT_RUN, 0.0),
        "log_loss": MetricPart(0.571, 0.53, 0.61, 0.56, 0.58, 0.492, 0.46, 0.52, 0.622, None, Severity.NOT_RUN, 0.0),
        "precision": MetricPart(0.559, None, None, None, 0.579, 0.443, None, None, 0.315, None, Severity.NOT_RUN, 0.0),
        "recall": MetricPart(0.375, None, None, None, 0.394, 0.351, None, None, 1.0, None, Severity.NOT_RUN, 0.0),
    }  # fmt: skip
    return QualityPart(
        task="binary",
        n_labelled=night.labelled,
        nights_labelled=30,
        coverage=0.962,
        never="cancelled flights",
        conflicting=0,
        unmatched=0,
        metrics=metrics,
        confusion=ConfusionPart(("0", "1"), ((16759, 2632), (5567, 3335)), 0.35),
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
        rules=len(RULES), columns=len(night.columns), slices=sum(each.gap.value is not None for each in night.slices),
        labels_expected="2013-07-05", labelled=night.labelled,
        metrics={"roc_auc": night.auc} if night.labelled else {}, metrics_reference={"roc_auc": 0.698},
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
        task="binary",
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
        slices=slices if slices and night.labelled else None,
        slicing=SlicingPart("calibration_gap", facts.slices, 50, 0, 0) if slices and night.labelled else None,
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
    slices = ninety_slices(0.072)
    figures = [*rule_figures(994), *drift_figures(JULY, 29425), *score_figures(0.07), *quality_figures(0.072, 0.71)]
    return document(Night([*figures, *slice_figures(slices)], JULY, slices, past=history(30, 28)))


def passing() -> AuditDocument:
    """A night with nothing wrong."""
    columns, slices = _calm(), ninety_slices(0.004)
    rules = [f for f in rule_figures(994) if f.subject != "dest.known"]
    figures = [*rules, *drift_figures(columns, 29425), *score_figures(0.03), *quality_figures(0.006, 0.701)]
    return document(
        Night([*figures, *slice_figures(slices)], columns, slices, past=history(30, 0), gap=0.006, auc=0.701)
    )


def unlabelled() -> AuditDocument:
    """The first night: no labels yet, no history, one thing to warn of."""
    calm = list(_calm())
    calm[3] = replace(calm[3], missing=(0.27, 0.85))
    figures = [*rule_figures(994), *drift_figures(calm, 994), *score_figures(0.03)]
    return document(Night(figures, calm, labelled=0))


def withheld() -> AuditDocument:
    """A night whose column is missing and many of whose rows are set aside: nothing is published."""
    calm = _calm()
    blocking = [
        Figure("schema.missing_column", "temp", 331, "rows", 994, evidence={"files": "JFK.parquet"}),
        Figure("contract.quarantined", "all rows", 0.333, "share", 994),
    ]
    rules = [f for f in rule_figures(994) if f.check == "contract.rule"]
    figures = [*blocking, *rules, *drift_figures(calm, 29425), *score_figures(0.03)]
    return document(Night(figures, calm, labelled=0, quarantined=331, past=history(12, 0), withhold=True))


def zero_rows() -> AuditDocument:
    """A night whose files hold no row."""
    rules = [replace(f, value=None, n=0) for f in rule_figures(994)]
    return document(Night(rules, (), labelled=0, rows=0, past=history(3, 0)))


HOSTILE = '"><script>document.title="owned";globalThis.owned=1</script><img src=x onerror="globalThis.owned=1">`{{7*7}}'


def hostile() -> AuditDocument:
    """The failing night with script in every name and value, and a column of personal data."""
    slices = tuple(
        replace(each, label=f"{each.label} {HOSTILE}", slice={"carrier": HOSTILE}) for each in ninety_slices(0.072)[:12]
    )
    columns = tuple(
        replace(each, name=f"{each.name}{HOSTILE}", unit=HOSTILE, labels=tuple(f"{x}{HOSTILE}" for x in each.labels))
        for each in JULY[:6]
    )
    rules = [
        replace(f, subject=f"{f.subject}{HOSTILE}", evidence={**f.evidence, "words": HOSTILE, "values": HOSTILE})
        for f in rule_figures(994)
        if f.check == "contract.rule"
    ]
    figures = [*rules, *drift_figures(columns, 29425), *quality_figures(0.072, 0.71), *slice_figures(slices)]
    made = document(Night(figures, columns, slices, past=history(5, 5), job=f"job{HOSTILE}", title=HOSTILE))
    parts = tuple(
        replace(each, words=f"{each.words}{HOSTILE}", values=(ValueCount(HOSTILE, 12),)) for each in made.rules
    )
    first = made.columns[0]
    unseen = (ValueCount(SECRET, 99),)
    people = replace(first, column="email", kind="opaque", unit=SECRET, unseen=unseen, reference_low=4711.0)
    email = replace(parts[1], id="email.known", columns=("email",), values=(ValueCount(SECRET, 9),))
    lost = replace(made.run.partitions[0], partition=HOSTILE, unreadable=HOSTILE)
    return replace(
        made,
        contract=ContractPart(digest="7d" * 32, id=HOSTILE, rules=(*parts, email)),
        drift=DriftPart(reference=HOSTILE, columns=(people, *made.columns)),
        quality=replace(made.quality, never=HOSTILE) if made.quality else None,
        provenance=replace(made.provenance, replay=HOSTILE, model=HOSTILE, libraries={HOSTILE: HOSTILE}),
        run=replace(made.run, actor=HOSTILE, reason=HOSTILE, partitions=(lost,)),
    )


SECRET = "token-of-a-person-4711"


def skewed() -> AuditDocument:
    """A night that another system logged otherwise, scored by a model of an older contract."""
    columns = _calm()
    logged = Skew(
        joined=900,
        only_tonight=94,
        only_logged=3,
        repeated_logged=2,
        nameless_tonight=1,
        columns={
            "temp": ColumnSkew(900, 900, 0, 0, 900, ExactSum(9_000), ExactSum(63_000), ExactSum(72_000)),
            "dest": ColumnSkew(900, 17, 4, 13),
            "humid": ColumnSkew(900),
        },
    )
    trained = SchemaDifference("temp", ("dtype", "unit"), "Int64; in °C", "Float64; in °F")
    skew = NightSkew("Flights v3", "Flights v4", (trained,), logged, apart={"visib": "absent in what was logged"})
    contract = Contract("Flights", "4", "", "7d" * 32, (ColumnSpec("temp", pl.Float64(), unit="°F"),), ())
    figures = [
        *rule_figures(994),
        *drift_figures(columns, 29425),
        *score_figures(0.03),
        *skew_figures(skew, Profile(), (), contract),
        Figure("skew.distribution", "temp", 0.2, "distance", 994, 0.12, 0.28, evidence={"unit": "°F"}),
    ]
    night = Night(figures, columns, labelled=0)
    judged = judge(figures, Policy(LIMITS), str(NIGHT)).findings
    return replace(document(night), skew=skew_part(skew, {each.id: each for each in judged}))


SAMPLES = {
    "fail": failing,
    "pass": passing,
    "unlabelled": unlabelled,
    "withheld": withheld,
    "zero": zero_rows,
    "hostile": hostile,
    "skewed": skewed,
}
