"""The whole of audit.json, put together from what was measured, judged and said."""

from __future__ import annotations

import datetime as dt
import platform
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.metadata import version as installed
from typing import Literal

from batchops import __version__, ledger
from batchops.audit import Audit, AuditDocument, Comparison, Reference
from batchops.audit.attribution import explained
from batchops.audit.beside import Compared
from batchops.audit.concept import concept_part
from batchops.audit.discovering import all_slices
from batchops.audit.document import FORMAT, ProvenancePart, ReferencePart, RowsPart, RunPart, WindowPart
from batchops.audit.estimating import backtest, estimated_part, kept_figures
from batchops.audit.multivariate import multivariate_part
from batchops.audit.outcomes import EstimatedPart
from batchops.audit.parts import (
    budget_part,
    column_parts,
    contract_part,
    score_part,
)
from batchops.audit.qualities import main_values, quality_part
from batchops.audit.recent import Earlier, recent_part
from batchops.audit.retrain import Evidence, retrain
from batchops.audit.season import YearAgo, season_part
from batchops.audit.sections import DriftPart
from batchops.audit.series import Past as Series, run_series, software_of
from batchops.audit.skew import skew_part
from batchops.audit.slicing import fairness_parts
from batchops.job import LoadedJob
from batchops.models import Version
from batchops.partition import Night
from batchops.report import Facts, family, finding_part, verdict_part
from batchops.run.clock import Clock, peak_memory
from batchops.run.history import Stored
from batchops.run.truth import Truth
from batchops.settings import Settings
from batchops.stats.discovery import Discovery
from batchops.store import Lease, Store, scores_folder
from batchops.verdict import Finding, Past, Verdict

__all__ = ["Judged", "Made", "Release", "Tonight", "document_of"]

FAMILIES = ("contract", "drift", "score", "quality", "slices")
LIBRARIES = ("polars", "pandera", "numpy", "scikit-learn", "deltalake", "dask", "pydantic", "jinja2")


@dataclass(frozen=True, slots=True)
class Made:
    """What a run is made with.

    Attributes:
        version: The model that scored it.
        reference: What it is compared with.
        lease: None: nothing of it will be published.
        reason: Why an unchanged input is scored again, or rows are released.
    """

    job: LoadedJob
    version: Version
    reference: Reference
    settings: Settings
    clock: Clock
    lease: Lease | None
    reason: str | None = None
    fail_on_warn: bool = False


@dataclass(frozen=True, slots=True)
class Release:
    """Rows of a published night that were set aside and are put back.

    Attributes:
        facts: For the ledger: how many, of which rules, from which run.
        command: That does it again, once the night was scored again.
    """

    facts: Mapping[str, ledger.Scalar]
    command: str


@dataclass(frozen=True, slots=True)
class Judged:
    """A night's comparisons, what the policy says of them, and what becomes of its scores.

    Attributes:
        compared: With the reference, and with the nights before it.
        found: Slices that nobody named; None where none were searched.
    """

    compared: Compared
    verdict: Verdict
    output: str
    found: Discovery | None = None


@dataclass(frozen=True, slots=True)
class Tonight:
    """A night to be judged.

    Attributes:
        kind: ``score`` or ``labels``.
        earlier: The window's earlier nights, oldest first.
        history: The earlier runs, oldest first.
        recent: The recent healthy nights, oldest first.
        year_ago: Nights of the same days of the year before, oldest first.
        replaces: The run that the night held when this one began.
        truth: Its labels, for a run of kind ``labels``.
        unmatched: Labels of keys that were never scored.
        unknown: Labels that are none of the model's classes -> scored rows.
        released: Rows that were put back, by this run or one before it.
        release: What this run puts back; None for any other.
        published: The night as it was published before, for what has come since; None where it was not.
        references: Other datasets that its rows were compared with.
    """

    night: Night
    kind: Literal["score", "labels"]
    run_id: str
    key: str
    audit: Audit
    earlier: tuple[Stored, ...]
    history: tuple[Past, ...]
    recent: tuple[Earlier, ...] = ()
    year_ago: tuple[YearAgo, ...] = ()
    replaces: str | None = None
    truth: Truth | None = None
    unmatched: int = 0
    released: int = 0
    release: Release | None = None
    published: Past | None = None
    references: tuple[ReferencePart, ...] = ()
    unknown: Mapping[str, int] = field(default_factory=dict)


def document_of(made: Made, tonight: Tonight, judged: Judged) -> AuditDocument:
    """A night's document."""
    job, audit, comparison, verdict = made.job, tonight.audit, judged.compared.comparison, judged.verdict
    findings = {finding.id: finding for finding in verdict.findings}
    truth = tonight.truth
    labels = job.job.labels
    previous = tonight.history[-1].figures if tonight.history else {}
    facts = _facts(made, tonight, comparison, judged.output)
    told = tuple(finding_part(finding, facts) for finding in verdict.alarms)
    contract = contract_part(job.contract, audit, made.reference.audit, findings)
    families = tuple(family(name, verdict.findings, facts) for name in FAMILIES)
    reliance = made.version.manifest.reliance
    slices, slicing = all_slices(comparison, findings, judged.found)
    quality_facts = (
        labels.never if labels is not None else None,
        truth.conflicting if truth is not None else 0,
        tonight.unmatched,
    )
    return AuditDocument(
        format=FORMAT,
        job=job.name,
        title=job.job.title,
        night=str(tonight.night),
        verdict=verdict_part(verdict, told, facts),
        rows=RowsPart(
            total=audit.rows,
            scored=audit.scored,
            quarantined=audit.tallies.quarantined,
            unreadable_partitions=sum(r.unreadable is not None for r in audit.receipts),
            released=tonight.released,
        ),
        window=_window(tonight, comparison),
        families=families,
        findings=told,
        contract=contract,
        drift=_drift(made, comparison, findings),
        score=score_part(comparison, findings),
        quality=quality_part(comparison, made.reference, findings, quality_facts, previous),
        slices=slices,
        slicing=slicing,
        fairness=fairness_parts(comparison, findings),
        budget=budget_part(verdict),
        provenance=_provenance(made, tonight),
        history=tuple(_trimmed(past, [each.series for each in families]) for past in tonight.history),
        run=_run(made, tonight, audit),
        skew=skew_part(audit.skew, findings),
        season=season_part(judged.compared.season),
        recent=recent_part(judged.compared.recent, findings, job.job.policy),
        concept=(concept := concept_part(judged.compared.concept, findings)),
        estimated=_estimated(tonight, judged, findings),
        task=made.reference.quality.task,
        unit=(labels.unit or None) if labels is not None else None,
        retrain=retrain(Evidence(verdict.findings, concept, reliance, comparison.quality.overall().labelled)),
    )


def _drift(made: Made, comparison: Comparison, findings: Mapping[str, Finding]) -> DriftPart:
    columns = column_parts(comparison, findings, made.version.manifest.reliance)
    together = None if comparison.together is None else multivariate_part(comparison.together, findings)
    return DriftPart(str(made.version), explained(columns, comparison, findings), together)


def _estimated(tonight: Tonight, judged: Judged, findings: Mapping[str, Finding]) -> EstimatedPart | None:
    """What is expected of the night, and what came of earlier nights' estimates; of its own once it has labels."""
    own = kept_figures(judged.compared.estimated, judged.compared.comparison.realised)
    nights = [*((past.night, past.figures) for past in tonight.history), (str(tonight.night), own)]
    return estimated_part(judged.compared.estimated, findings, backtest(nights))


def _facts(made: Made, tonight: Tonight, comparison: Comparison, output: str) -> Facts:
    labels, cells = made.job.job.labels, made.reference.quality
    return Facts(
        job=made.job.name,
        night=str(tonight.night),
        output=output,
        rows=tonight.audit.rows,
        scored=tonight.audit.scored,
        quarantined=tonight.audit.tallies.quarantined,
        nights=len(tonight.earlier) + 1,
        model=str(made.version),
        rules=len(made.job.contract.rules),
        columns=len(comparison.columns),
        slices=comparison.slices.tested,
        labels_expected=str(tonight.night + labels.delay_days) if labels is not None else None,
        labelled=comparison.quality.overall().labelled,
        task=cells.task,
        unit=labels.unit if labels is not None else "",
        metrics=main_values(comparison.metrics, cells),
        metrics_reference=main_values(comparison.metrics_reference, cells),
    )


def _window(tonight: Tonight, comparison: Comparison) -> WindowPart:
    total = comparison.quality.overall()
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
    job, version = made.job, made.version
    manifest = version.manifest
    replay = f"batchops labels {job.name} --date {tonight.night}"
    if tonight.kind == "score":
        replay = f'batchops run {job.name} --date {tonight.night} --force --reason "replay"'
    if tonight.release is not None:
        replay = f"{replay} && {tonight.release.command}"
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
        replay=replay,
        references=tonight.references,
        logged=tonight.audit.skew.files,
    )


def _run(made: Made, tonight: Tonight, audit: Audit) -> RunPart:
    clock, settings = made.clock, made.settings
    finished = dt.datetime.now(dt.UTC)
    busy, cpu, memory = clock.stages.get("partitions", 0.0), clock.cpu, peak_memory()
    resources = {"cpu_seconds": cpu, "peak_memory": float(memory)}
    measured = software_of(clock.stages, audit.rows, resources, len(audit.receipts))
    past = Series([each.day for each in tonight.recent], [each.figures for each in tonight.recent])
    return RunPart(
        id=tonight.run_id,
        kind=tonight.kind,
        key=tonight.key,
        started=clock.started.isoformat(timespec="milliseconds"),
        finished=finished.isoformat(timespec="milliseconds"),
        seconds=round(clock.seconds, 3),
        stages={name: round(seconds, 4) for name, seconds in clock.stages.items()},
        rows_per_second=round(audit.rows / busy, 1) if busy > 0 else None,
        peak_memory=memory,
        scheduler=settings.scheduler,
        actor=settings.actor,
        reason=made.reason,
        scores_table=scores_folder(made.job.name, tonight.night),
        previous_ledger=ledger.head(Store(settings.root), made.job.name),
        partitions=audit.receipts,
        cpu_seconds=round(cpu, 3),
        series=run_series(measured, past, tonight.night.date, made.job.job.policy),
    )


def _trimmed(past: Past, series: list[str]) -> Past:
    """An earlier run as the document shows it: its verdict, and the lines of the tiles."""
    return replace(
        past,
        levels={},
        since={},
        files={},
        late=(),
        figures={name: past.figures[name] for name in series if name in past.figures},
    )
