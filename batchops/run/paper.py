"""From a night's audit to its papers: judged, put into words, written, staged and published."""

from __future__ import annotations

import datetime as dt
import platform
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.metadata import version as installed

from batchops import __version__, codec, ledger
from batchops.audit import Audit, AuditDocument, Comparison, Reference, compare_audits
from batchops.audit.document import (
    FORMAT,
    DriftPart,
    ProvenancePart,
    RowsPart,
    RunPart,
    VerdictPart,
    WindowPart,
)
from batchops.audit.figures import ALL_ROWS, contract_figures, drift_figures, input_figures, quality_figures
from batchops.audit.parts import column_parts, contract_part, quality_part, score_part, slices_part
from batchops.job import LoadedJob
from batchops.models import LoadedModel
from batchops.partition import Night
from batchops.report import Facts, Links, family, finding_part, render, verdict_part
from batchops.run.clock import Clock, peak_memory
from batchops.run.history import Stored
from batchops.run.outcome import Outcome, State, exit_code
from batchops.run.publish import Ready, publish, stage
from batchops.run.task import reference_of, scores_schema
from batchops.run.truth import Truth
from batchops.settings import Settings
from batchops.store import Lease, MetricRow, Publication, RunRow, Staging, Store, scores_folder
from batchops.verdict import Figure, Finding, Past, Severity, Verdict, judge

__all__ = ["Made", "Tonight", "put_out"]

FAMILIES = ("contract", "drift", "score", "quality", "slices")
LIBRARIES = ("polars", "pandera", "numpy", "scikit-learn", "deltalake", "dask", "pydantic", "jinja2")
DIGITS = 9
"""Significant digits of what is written for others."""

ALARMS = (Severity.FAIL, Severity.WARN)


@dataclass(frozen=True, slots=True)
class Made:
    """What a run is made with.

    Attributes:
        reason: Why an unchanged input is scored again.
    """

    job: LoadedJob
    model: LoadedModel
    settings: Settings
    clock: Clock
    lease: Lease
    reason: str | None = None
    fail_on_warn: bool = False

    @property
    def reference(self) -> Reference:
        """What the night is compared with."""
        return reference_of(self.model)


@dataclass(frozen=True, slots=True)
class Tonight:
    """A night to be judged.

    Attributes:
        kind: ``score`` or ``labels``.
        earlier: The window's earlier nights, oldest first.
        history: The earlier runs, oldest first.
        replaces: The run that the night held when this one began.
        truth: Its labels, for a run of kind ``labels``.
        unmatched: Labels of keys that were never scored.
        score: The run that scored it, for a run of kind ``labels``.
    """

    night: Night
    kind: str
    run_id: str
    key: str
    audit: Audit
    earlier: tuple[Stored, ...]
    history: tuple[Past, ...]
    replaces: str | None = None
    truth: Truth | None = None
    unmatched: int = 0
    score: RunRow | None = None


def put_out(made: Made, tonight: Tonight, staging: Staging) -> Outcome:
    """Judge a night, write its papers, publish it and say what became of it."""
    clock, store = made.clock, staging.store
    with clock.stage("judge"):
        comparison = compare_audits(
            [*(each.audit for each in tonight.earlier), tonight.audit],
            made.reference,
            made.job.job.policy.limit("slices.calibration_gap", "").fail or 0.0,
        )
        figures = _figures(made, tonight, comparison)
        verdict = judge(figures, made.job.job.policy, str(tonight.night), tonight.history)
    output = _output(tonight, verdict)
    with clock.stage("report"):
        document = codec.rounded(_document(made, tonight, comparison, verdict, output), DIGITS)
        links = Links(index="../../index.html")
        edition = made.job.project / "reports" / made.job.job.edition if made.job.job.edition else None
        files = {
            "night.audit": codec.pack(replace(tonight.audit, receipts=())),
            "audit.json": codec.dump_pretty(document),
            "report.html": render(document, edition, links).encode(),
        }
        if tonight.kind == "labels":
            files["quality.audit"] = codec.pack(tonight.audit.quality)
    row = _row(made, tonight, document, verdict)
    scored = row.kind == "score"
    ready = Ready(
        row=row,
        metrics=tuple(_metric_row(row, finding) for finding in verdict.findings if finding.value is not None),
        outputs=tuple(file for receipt in tonight.audit.receipts for file in receipt.scores) if scored else (),
        actor=made.settings.actor,
        reason=made.reason,
    )
    made.lease.check()
    stage(store, staging.folder, files, ready)
    publication = None
    if scored:
        facts = {"severity": row.severity, "output": row.output, "model": row.model}
        schema = scores_schema(made.job)
        publication = Publication(row.run_id, row.key, facts, schema, tonight.replaces)
    anchor = publish(store, staging.folder, ready, publication)
    return Outcome(
        job=row.job,
        night=str(row.night),
        state=_state(output),
        exit_code=row.exit_code,
        document=document,
        run_id=row.run_id,
        report=store.uri(f"{row.run_folder}/report.html"),
        audit=store.uri(f"{row.run_folder}/audit.json"),
        anchor=anchor,
    )


def _state(output: str) -> State:
    return "withheld" if output == "withheld" else "flagged" if output == "flagged" else "published"


def _output(tonight: Tonight, verdict: Verdict) -> str:
    """What becomes of the scores; labels judge what was published, and take nothing back."""
    if tonight.kind == "score" and verdict.blocked:
        return "withheld"
    return "flagged" if verdict.severity is Severity.FAIL else "published"


def _figures(made: Made, tonight: Tonight, comparison: Comparison) -> list[Figure]:
    contract, policy = made.job.contract, made.job.job.policy
    figures = [
        *input_figures(tonight.audit, contract, tonight.night, tonight.history),
        *contract_figures(tonight.audit, contract, made.reference.audit),
        *drift_figures(comparison, policy),
    ]
    if made.job.job.labels is not None:
        figures += quality_figures(comparison, policy)
    if tonight.truth is not None:
        truth = tonight.truth
        figures += [
            Figure("labels.conflicting", ALL_ROWS, truth.conflicting, "rows", truth.labels.height),
            Figure("labels.unmatched", ALL_ROWS, tonight.unmatched, "rows", truth.labels.height),
            Figure("labels.invalid", ALL_ROWS, truth.invalid, "rows", truth.labels.height),
        ]
    return figures


def _document(
    made: Made, tonight: Tonight, comparison: Comparison, verdict: Verdict, output: str
) -> AuditDocument:
    job, audit = made.job, tonight.audit
    findings = {finding.id: finding for finding in verdict.findings}
    truth = tonight.truth
    labels = job.job.labels
    previous = tonight.history[-1].figures if tonight.history else {}
    facts = _facts(made, tonight, comparison, output)
    told = tuple(finding_part(finding, facts) for finding in verdict.alarms)
    contract = contract_part(job.contract, audit, made.reference.audit, findings)
    families = tuple(family(name, verdict.findings, facts) for name in FAMILIES)
    reliance = made.model.version.manifest.reliance
    quality_facts = (
        labels.never if labels is not None else None,
        truth.conflicting if truth is not None else 0,
        tonight.unmatched,
    )
    words: VerdictPart = verdict_part(verdict, told, facts)
    return AuditDocument(
        format=FORMAT,
        job=job.name,
        title=job.job.title,
        night=str(tonight.night),
        verdict=words,
        rows=RowsPart(
            audit.rows, audit.scored, audit.tallies.quarantined, sum(r.unreadable is not None for r in audit.receipts)
        ),
        window=_window(tonight, comparison),
        families=families,
        findings=told,
        contract=contract,
        drift=DriftPart(str(made.model.version), column_parts(comparison, findings, reliance)),
        score=score_part(comparison, made.reference, findings),
        quality=quality_part(comparison, made.reference, findings, quality_facts, previous),
        slices=slices_part(comparison, findings),
        provenance=_provenance(made, tonight),
        history=tuple(_trimmed(past, [each.series for each in families]) for past in tonight.history),
        run=_run(made, tonight, audit),
    )


def _facts(made: Made, tonight: Tonight, comparison: Comparison, output: str) -> Facts:
    labels = made.job.job.labels
    now, was = comparison.metrics["roc_auc"], comparison.metrics_reference["roc_auc"]
    return Facts(
        job=made.job.name,
        night=str(tonight.night),
        output=output,
        rows=tonight.audit.rows,
        scored=tonight.audit.scored,
        quarantined=tonight.audit.tallies.quarantined,
        nights=len(tonight.earlier) + 1,
        model=str(made.model.version),
        rules=len(made.job.contract.rules),
        columns=len(comparison.columns),
        slices=comparison.slices.tested,
        labels_expected=str(tonight.night + labels.delay_days) if labels is not None else None,
        labelled=comparison.quality.total().overall.labelled,
        roc_auc=now.value,
        roc_auc_reference=was.value,
    )


def _window(tonight: Tonight, comparison: Comparison) -> WindowPart:
    total = comparison.quality.total().overall
    first = tonight.earlier[0].night if tonight.earlier else tonight.night
    return WindowPart(
        first=str(first),
        last=str(tonight.night),
        nights=len(tonight.earlier) + 1,
        rows=sum(each.audit.rows for each in tonight.earlier) + tonight.audit.rows,
        labelled=total.labelled,
        digests={str(each.night): each.digest for each in tonight.earlier},
    )


@cache
def _libraries() -> Mapping[str, str]:
    return {name: installed(name) for name in LIBRARIES}


def _provenance(made: Made, tonight: Tonight) -> ProvenancePart:
    job, version = made.job, made.model.version
    manifest = version.manifest
    command = "run" if tonight.kind == "score" else "labels"
    return ProvenancePart(
        batchops=__version__,
        python=platform.python_version(),
        libraries=_libraries(),
        model=str(version),
        model_digest=version.digest,
        model_created=version.created,
        model_rows=manifest.training.rows,
        model_first=manifest.training.first,
        model_last=manifest.training.last,
        contract=job.contract.id,
        contract_digest=job.contract.digest,
        job_digest=job.digest,
        policy_digest=job.policy_digest,
        git_commit=manifest.git.commit,
        git_dirty=manifest.git.dirty,
        replay=f'batchops {command} {job.name} --date {tonight.night} --force --reason "replay"'
        if tonight.kind == "score"
        else f"batchops {command} {job.name} --date {tonight.night}",
    )


def _run(made: Made, tonight: Tonight, audit: Audit) -> RunPart:
    clock, settings = made.clock, made.settings
    finished = dt.datetime.now(dt.UTC)
    busy = clock.stages.get("partitions", 0.0)
    return RunPart(
        id=tonight.run_id,
        kind=tonight.kind,
        key=tonight.key,
        started=clock.started.isoformat(timespec="milliseconds"),
        finished=finished.isoformat(timespec="milliseconds"),
        seconds=round(clock.seconds, 3),
        stages={name: round(seconds, 4) for name, seconds in clock.stages.items()},
        rows_per_second=round(audit.rows / busy, 1) if busy > 0 else None,
        peak_memory=peak_memory(),
        scheduler=settings.scheduler,
        actor=settings.actor,
        reason=made.reason,
        scores_table=scores_folder(made.job.name, tonight.night),
        previous_ledger=ledger.head(Store(settings.root), made.job.name),
        partitions=audit.receipts,
    )


def _past(document: AuditDocument, findings: tuple[Finding, ...]) -> Past:
    """What later nights need: lines of what is watched, and the level of what was wrong."""
    watched = ("drift.", "score.", "quality.", "volume.", "contract.quarantined")
    figures = {
        finding.id: finding.value
        for finding in findings
        if finding.severity in ALARMS or (finding.check.startswith(watched) and not finding.subject.endswith(")"))
    }
    figures |= {each.series: each.value for each in document.families if each.series}
    if document.quality is not None:
        figures |= {f"metric.{metric.name}": metric.value for metric in document.quality.metrics}
    alarms = [finding for finding in findings if finding.severity in ALARMS]
    return Past(
        night=document.night,
        run_id=document.run.id,
        severity=document.verdict.severity,
        rows=document.rows.total,
        levels={finding.id: finding.severity for finding in alarms},
        since={finding.id: (finding.since, finding.nights) for finding in alarms if finding.since is not None},
        figures=figures,
    )


def _trimmed(past: Past, series: list[str]) -> Past:
    """An earlier run as the document shows it: its verdict, and the lines of the tiles."""
    return replace(past, levels={}, since={}, figures={name: past.figures[name] for name in series if name in past.figures})


def _row(made: Made, tonight: Tonight, document: AuditDocument, verdict: Verdict) -> RunRow:
    run, rows, provenance = document.run, document.rows, document.provenance
    kind = "labels" if tonight.kind == "labels" else "withheld" if document.verdict.output == "withheld" else "score"
    return RunRow(
        job=document.job,
        night=tonight.night,
        kind=kind,
        run_id=run.id,
        key=run.key,
        severity=document.verdict.severity.value,
        output=document.verdict.output,
        exit_code=exit_code(document.verdict.severity, made.fail_on_warn),
        rows_in=rows.total,
        scored=rows.scored,
        quarantined=rows.quarantined,
        model=provenance.model,
        model_digest=provenance.model_digest,
        contract=provenance.contract,
        contract_digest=provenance.contract_digest,
        job_digest=provenance.job_digest,
        policy_digest=provenance.policy_digest,
        batchops=provenance.batchops,
        started=made.clock.started,
        finished=dt.datetime.fromisoformat(run.finished),
        seconds=run.seconds,
        peak_memory=run.peak_memory,
        headline=document.verdict.headline,
        past=codec.dump(_past(document, verdict.findings)).decode(),
        run_folder=f"runs/{document.job}/{document.night}/{run.id}",
    )


def _metric_row(row: RunRow, finding: Finding) -> MetricRow:
    return MetricRow(
        job=row.job,
        night=row.night,
        kind=row.kind,
        run_id=row.run_id,
        subject=finding.subject,
        metric=finding.check,
        value=finding.value,
        lower=finding.lower,
        upper=finding.upper,
        n=finding.n,
        severity=finding.severity.value,
    )
