"""An audit of two tables as the document that a night has, with the same keys."""

from __future__ import annotations

import datetime as dt
import platform
from collections.abc import Mapping
from dataclasses import replace
from importlib.metadata import version as installed

from batchops import __version__
from batchops.audit import SCORE
from batchops.audit.attribution import explained
from batchops.audit.discovering import all_slices
from batchops.audit.document import (
    FORMAT,
    AuditDocument,
    ProvenancePart,
    RowsPart,
    RunPart,
    TablePart,
    WindowPart,
)
from batchops.audit.estimating import estimated_part
from batchops.audit.groups import SlicePart
from batchops.audit.multivariate import multivariate_part
from batchops.audit.outcomes import QualityPart
from batchops.audit.parity import parity_part
from batchops.audit.parts import (
    budget_part,
    column_parts,
    contract_part,
    score_part,
)
from batchops.audit.qualities import main_values, quality_part
from batchops.audit.sections import DriftPart
from batchops.audit.slicing import fairness_parts
from batchops.frames.auditing import Audited
from batchops.frames.schema import with_faults
from batchops.frames.sources import Table
from batchops.report import Facts, family, finding_part, verdict_part
from batchops.report.topics import FAMILIES
from batchops.run.clock import Clock, peak_memory
from batchops.verdict import Finding

__all__ = ["document_of"]

LIBRARIES = ("polars", "numpy", "pandera", "scipy", "pydantic", "jinja2")


def document_of(audited: Audited, tables: tuple[Table, Table | None], clock: Clock) -> AuditDocument:
    """The whole of audit.json; what was not asked for is None."""
    verdict, sections = audited.verdict, audited.asked.sections
    findings = {finding.id: finding for finding in verdict.findings}
    facts = _facts(audited)
    told = tuple(finding_part(finding, facts) for finding in verdict.alarms)
    contract = audited.asked.contract if "contract" in sections else None
    comparison = audited.comparison
    parts, how = all_slices(comparison, findings, audited.found)
    return AuditDocument(
        format=FORMAT,
        job=None,
        title="",
        night=None,
        verdict=verdict_part(verdict, told, facts),
        rows=RowsPart(audited.current.rows, audited.current.scored, audited.current.tallies.quarantined, 0),
        window=_window(audited),
        families=tuple(family(name, verdict.findings, facts) for name in FAMILIES),
        findings=told,
        contract=contract_part(contract, audited.current, audited.reference.audit, findings) if contract else None,
        drift=_drift(audited, findings, tables[1]),
        score=score_part(comparison, findings) if _scored(audited) else None,
        quality=_quality(audited, findings) if "quality" in sections else None,
        slices=parts or _no_slice(audited) if "slices" in sections else None,
        provenance=_provenance(audited, tables),
        history=(),
        run=_run(clock, audited),
        slicing=how if "slices" in sections else None,
        fairness=fairness_parts(comparison, findings) if "slices" in sections else None,
        budget=budget_part(verdict),
        estimated=estimated_part(audited.estimated, findings),
        task=audited.side.truth.task if audited.side.truth is not None else None,
    )


def _quality(audited: Audited, findings: Mapping[str, Finding]) -> QualityPart | None:
    """With the labels as the data has them."""
    part = quality_part(audited.comparison, audited.reference, findings, (None, 0, 0), {})
    shown = audited.side.truth.shown if audited.side.truth is not None else None
    if part is None or part.confusion is None or shown is None:
        return part
    return replace(part, confusion=replace(part.confusion, labels=shown))


def _scored(audited: Audited) -> bool:
    """Whether scores were compared."""
    counted = SCORE in audited.reference.audit.outputs.columns
    return counted and audited.compared and "drift" in audited.asked.sections


def _drift(audited: Audited, findings: Mapping[str, Finding], reference: Table | None) -> DriftPart | None:
    if reference is None or "drift" not in audited.asked.sections:
        return None
    columns = column_parts(audited.comparison, findings, {})
    together = audited.comparison.together
    columns = explained(columns, audited.comparison, findings)
    return DriftPart(
        reference.name,
        with_faults(columns, audited.faults, audited.verdict.findings),
        multivariate_part(together, findings) if together is not None else None,
        parity_part(audited.parity) if audited.parity is not None else None,
    )


def _no_slice(audited: Audited) -> tuple[SlicePart, ...] | None:
    """Where no slice can be measured: none of those that were asked for, or none was."""
    return () if audited.side.roles.sliced or audited.asked.discover else None


def _facts(audited: Audited) -> Facts:
    comparison, contract = audited.comparison, audited.asked.contract
    cells = audited.reference.quality
    return Facts(
        job="",
        night="",
        output="audited",
        rows=audited.current.rows,
        scored=audited.current.scored,
        quarantined=audited.current.tallies.quarantined,
        rules=len(contract.rules) if contract is not None else 0,
        columns=len(comparison.columns),
        slices=comparison.slices.tested,
        labelled=comparison.quality.overall().labelled,
        task=cells.task,
        metrics=main_values(comparison.metrics, cells),
        metrics_reference=main_values(comparison.metrics_reference, cells),
    )


def _window(audited: Audited) -> WindowPart:
    counted, rows = audited.comparison.quality.overall(), audited.current.rows
    # Labels are read for quality and slices alone.
    known = audited.side.roles.label is None or counted.n > 0 or not rows
    return WindowPart("", "", 0, rows, counted.labelled if known else None, {})


def _provenance(audited: Audited, tables: tuple[Table, Table | None]) -> ProvenancePart:
    contract, roles = audited.asked.contract, audited.side.roles
    named = {
        "task": roles.task,
        "score": roles.score,
        "prediction": roles.prediction,
        "label": roles.label,
        "weight": roles.weight,
        "key": ", ".join(roles.key) or None,
    }
    current, reference = tables
    return ProvenancePart(
        batchops=__version__,
        python=platform.python_version(),
        libraries={name: installed(name) for name in LIBRARIES},
        model=None,
        model_digest=None,
        model_created=None,
        model_rows=None,
        model_first=None,
        model_last=None,
        contract=contract.id if contract is not None else None,
        contract_digest=contract.digest if contract is not None else None,
        job_digest=None,
        policy_digest=None,
        git_commit=None,
        git_dirty=None,
        replay="",
        current=_table(current, audited.current.rows, audited.digests.get("current")),
        reference=_table(reference, audited.reference.audit.rows, audited.digests.get("reference"))
        if reference is not None
        else None,
        roles={role: column for role, column in named.items() if column is not None},
        guessed=tuple(str(guess) for guess in audited.guesses),
    )


def _table(table: Table, rows: int, digest: str | None) -> TablePart:
    return TablePart(table.name, len(table.files), rows, len(table.schema), digest)


def _run(clock: Clock, audited: Audited) -> RunPart:
    busy = clock.stages.get("reference", 0.0) + clock.stages.get("current", 0.0)
    rows = audited.current.rows + audited.reference.audit.rows
    return RunPart(
        id=clock.name_run(),
        kind="audit",
        key="",
        started=clock.started.isoformat(timespec="milliseconds"),
        finished=dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds"),
        seconds=round(clock.seconds, 3),
        stages={name: round(seconds, 4) for name, seconds in clock.stages.items()},
        rows_per_second=round(rows / busy, 1) if busy > 0 else None,
        peak_memory=peak_memory(),
        scheduler="threads",
        actor="",
        reason=None,
        scores_table="",
        previous_ledger=None,
        partitions=(),
    )
