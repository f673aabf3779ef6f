"""From a night's audit to its papers: judged, put into words, written, staged and published."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import replace

from batchops import codec
from batchops.audit import AuditDocument
from batchops.audit.beside import Beside, compare_night, compared_figures
from batchops.audit.discovering import declared, discovered_figures
from batchops.audit.estimating import kept_figures
from batchops.audit.figures import ALL_ROWS, TONIGHT, contract_figures
from batchops.audit.input_figures import Circumstances, files_of, input_figures, late_files
from batchops.audit.lately import SeriesPart
from batchops.audit.reach import with_reach
from batchops.audit.series import SOFTWARE
from batchops.audit.skew import skew_figures
from batchops.audit.stored import packed
from batchops.contract.versions.record import record
from batchops.errors import ConfigError
from batchops.report import Links, render
from batchops.run.document import Judged, Made, Tonight, document_of
from batchops.run.index import latest_document
from batchops.run.outcome import Outcome, State, exit_code
from batchops.run.publish import Ready, Recovered, publish, stage
from batchops.run.scores import scores_schema
from batchops.run.searching import search_nights
from batchops.sketch import K_ANONYMOUS
from batchops.store import Kind, MetricRow, Publication, RunRow, Staging, Store
from batchops.verdict import Figure, Finding, Past, Scalar, Severity, Verdict, judge

__all__ = ["Judged", "assess", "issue", "put_out", "taken_up"]

DIGITS = 9
"""Significant digits of what is written for others."""

ALARMS = (Severity.FAIL, Severity.WARN)


def put_out(made: Made, tonight: Tonight, staging: Staging) -> Outcome:
    """Judge a night, write its papers, publish it and say what became of it."""
    return issue(made, tonight, assess(made, tonight), staging)


def assess(made: Made, tonight: Tonight) -> Judged:
    """Judge a night; nothing is written."""
    policy, beside = made.job.job.policy, _beside(made, tonight)
    with made.clock.stage("judge"):
        compared = compare_night(tonight.night, tonight.audit, beside, policy)
    comparison = compared.comparison
    found = search_nights(made, tonight, comparison.quality)
    with made.clock.stage("judge"):
        figures = [
            *_figures(made, tonight),
            *compared_figures(compared, beside, policy),
            *(discovered_figures(found, policy, declared(comparison)) if found is not None else ()),
        ]
        figures = [*with_reach(figures, policy, len(tonight.earlier) + 1)]
        verdict = judge(figures, policy, str(tonight.night), tonight.history)
    return Judged(compared, verdict, _output(tonight, verdict), found)


def _beside(made: Made, tonight: Tonight) -> Beside:
    return Beside(
        reference=made.reference,
        earlier=tuple(each.audit for each in tonight.earlier),
        recent=tonight.recent,
        year_ago=tonight.year_ago,
        labels=made.job.job.labels is not None,
        reliance=made.version.manifest.reliance,
    )


def issue(made: Made, tonight: Tonight, judged: Judged, staging: Staging) -> Outcome:
    """Write the papers of a night that was judged, publish it and say what became of it."""
    clock, store, verdict = made.clock, staging.store, judged.verdict
    with clock.stage("report"):
        made_up = document_of(made, tonight, judged)
        document = codec.rounded(made_up, DIGITS)
        page, note = _page(document, made)
        files = {
            "night.audit": packed(replace(tonight.audit, receipts=())),
            "audit.json": codec.dump_pretty(document),
            "report.html": page.encode(),
        }
        if tonight.kind == "labels":
            files["quality.audit"] = packed(tonight.audit.quality)
    row = _row(made, tonight, document, judged)
    scored = row.kind == "score"
    ready = Ready(
        row=row,
        metrics=(
            *(_metric_row(row, finding) for finding in verdict.findings if _tabled(finding)),
            *(_series_row(row, each) for each in _series(document) if each.value is not None),
        ),
        outputs=tuple(file for receipt in tonight.audit.receipts for file in receipt.scores) if scored else (),
        actor=made.settings.actor,
        reason=made.reason,
        release=None if tonight.release is None else tonight.release.facts,
    )
    assert made.lease is not None
    made.lease.check()
    stage(store, staging.folder, files, ready)
    publication = None
    if scored:
        facts = {"severity": row.severity, "output": row.output, "model": row.model}
        schema = scores_schema(made.job, made.version.manifest.asked)
        record(store, made.job.contract)
        publication = Publication(row.run_id, row.key, facts, schema, tonight.replaces)
    anchor = publish(store, staging.folder, ready, publication)
    return _outcome(store, row, document, anchor, note)


def taken_up(store: Store, done: Recovered) -> Outcome:
    """What became of a night whose run was stopped after its commit, and completed now."""
    note = "the run that was stopped had published; what was left is done"
    return _outcome(store, done.row, latest_document(store, done.row), done.anchor, note)


def _outcome(store: Store, row: RunRow, document: AuditDocument, anchor: str, note: str | None) -> Outcome:
    return Outcome(
        job=row.job,
        night=str(row.night),
        state=_state(row.output),
        exit_code=row.exit_code,
        document=document,
        run_id=row.run_id,
        report=store.uri(f"{row.run_folder}/report.html"),
        audit=store.uri(f"{row.run_folder}/audit.json"),
        note=note,
        anchor=anchor,
    )


def _page(document: AuditDocument, made: Made) -> tuple[str, str | None]:
    """The report in the job's edition; in the framework's own, with a note, where that edition is broken."""
    links = Links(index="../../index.html")
    edition = made.job.project / "reports" / made.job.job.edition if made.job.job.edition else None
    try:
        return render(document, edition, links), None
    except ConfigError as error:
        # A slip in a template is no reason to withhold a night's scores.
        return render(document, None, links), f"the report is in the framework's own edition: {error}"


def _state(output: str) -> State:
    return "withheld" if output == "withheld" else "flagged" if output == "flagged" else "published"


def _output(tonight: Tonight, verdict: Verdict) -> str:
    """What becomes of the scores; labels judge what was published, and take nothing back."""
    if tonight.kind == "score" and verdict.blocked:
        return "withheld"
    return "flagged" if verdict.severity is Severity.FAIL else "published"


def _figures(made: Made, tonight: Tonight) -> list[Figure]:
    """What is judged of the night as it came, and of its labels; hardly any of it is estimated."""
    contract, policy = made.job.contract, made.job.job.policy
    around = Circumstances(
        night=tonight.night,
        history=tonight.history,
        published=tonight.published,
        references=tonight.references,
        timezone=made.job.job.timezone,
        policy=policy,
    )
    figures = [
        *input_figures(tonight.audit, contract, around),
        *contract_figures(tonight.audit, contract, made.reference.audit),
        *skew_figures(tonight.audit.skew, tonight.audit.inputs, made.reference.inputs, contract),
    ]
    if tonight.truth is not None:
        truth = tonight.truth
        figures += [
            Figure("labels.conflicting", ALL_ROWS, truth.conflicting, "rows", truth.labels.height),
            Figure("labels.unmatched", ALL_ROWS, tonight.unmatched, "rows", truth.labels.height),
            Figure("labels.invalid", ALL_ROWS, truth.invalid, "rows", truth.labels.height),
        ]
        figures += _unknown(made, tonight)
    return figures


def _unknown(made: Made, tonight: Tonight) -> Iterator[Figure]:
    """Labels that the model cannot give, because it never saw one."""
    if made.version.manifest.task != "multiclass" or tonight.truth is None:
        return
    named = ", ".join(f"{name} {rows}" for name, rows in tonight.unknown.items() if rows >= K_ANONYMOUS)
    rows = sum(tonight.unknown.values())
    facts: dict[str, Scalar] = {"classes": len(tonight.unknown), "values": named or None}
    yield Figure("labels.unknown", ALL_ROWS, rows, "rows", tonight.truth.labels.height, evidence=facts)


def _past(document: AuditDocument, judged: Judged, tonight: Tonight) -> Past:
    """What later nights need: lines of what is watched, and the level of what was wrong."""
    findings = judged.verdict.findings
    watched = ("drift.", "score.", "quality.", "volume.", "freshness.", "skew.", "contract.quarantined")
    figures = {
        finding.id: finding.value
        for finding in findings
        if finding.severity in ALARMS or (finding.check.startswith(watched) and not finding.subject.endswith(TONIGHT))
    }
    figures |= {each.series: each.value for each in document.families if each.series}
    figures |= {f"series.{each.name}:{each.subject}": each.value for each in document.run.series}
    if document.quality is not None:
        figures |= {f"metric.{name}": metric.value for name, metric in document.quality.metrics.items()}
    figures |= kept_figures(judged.compared.estimated, judged.compared.comparison.realised)
    alarms = [finding for finding in findings if finding.severity in ALARMS]
    return Past(
        night=str(tonight.night),
        run_id=document.run.id,
        severity=document.verdict.severity,
        rows=document.rows.total,
        levels={finding.id: finding.severity for finding in alarms},
        since={finding.id: (finding.since, finding.nights) for finding in alarms if finding.since is not None},
        figures=figures,
        files=files_of(document.run.partitions),
        late=late_files(document.run.partitions, tonight.published),
    )


def _row(made: Made, tonight: Tonight, document: AuditDocument, judged: Judged) -> RunRow:
    run, rows = document.run, document.rows
    kind: Kind = (
        "labels" if tonight.kind == "labels" else "withheld" if document.verdict.output == "withheld" else "score"
    )
    return RunRow(
        job=made.job.name,
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
        model=str(made.version),
        model_digest=made.version.digest,
        contract=made.job.contract.id,
        contract_digest=made.job.contract.digest,
        job_digest=made.job.digest,
        policy_digest=made.job.policy_digest,
        batchops=document.provenance.batchops,
        started=made.clock.started,
        finished=dt.datetime.fromisoformat(run.finished),
        seconds=run.seconds,
        peak_memory=run.peak_memory,
        headline=document.verdict.headline,
        past=codec.dump(_past(document, judged, tonight)).decode(),
        run_folder=f"runs/{made.job.name}/{tonight.night}/{run.id}",
    )


def _series(document: AuditDocument) -> tuple[SeriesPart, ...]:
    """Of the night, and of the run."""
    return (*(document.recent.series if document.recent is not None else ()), *document.run.series)


def _tabled(finding: Finding) -> bool:
    """Whether a finding is a row of the table of metrics as it is; a series stands there as it was measured."""
    return finding.value is not None and not finding.check.startswith(SOFTWARE)


def _series_row(row: RunRow, series: SeriesPart) -> MetricRow:
    return MetricRow(
        job=row.job,
        night=row.night,
        kind=row.kind,
        run_id=row.run_id,
        subject=series.subject,
        metric=f"series.{series.name}",
        value=series.value,
        lower=series.lower,
        upper=series.upper,
        n=series.nights,
        severity=series.severity.value,
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
