"""What an audit of two frames answers: the document, and its tables as frames for a notebook."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl

from batchops import codec, contract as contracts
from batchops.audit.document import AuditDocument, VerdictPart
from batchops.contract import Contract
from batchops.errors import GateError
from batchops.frames.asked import SECTIONS, Asked
from batchops.frames.auditing import audit_tables
from batchops.frames.document import document_of
from batchops.frames.roles import Roles
from batchops.frames.sources import Table, open_frame
from batchops.report import render, summary
from batchops.run.clock import Clock
from batchops.verdict import Policy

__all__ = ["FrameAudit", "audit_frame", "audit_of"]

DIGITS = 9
"""Significant digits of what is written for others."""


@dataclass(frozen=True, slots=True)
class FrameAudit:
    """An audit of one frame, or of two.

    Attributes:
        document: All of audit.json.
    """

    document: AuditDocument

    @property
    def verdict(self) -> VerdictPart:
        """Severity, headline and what to do."""
        return self.document.verdict

    @property
    def findings(self) -> pl.DataFrame:
        """One row a finding that WARNs or FAILs, worst first."""
        return _frame(self.document.findings, ("id", "severity", "check", "subject", "value", "limit", "title"))

    @property
    def drift(self) -> pl.DataFrame:
        """One row a column, worst first, with every measure of its distance."""
        rows = [
            {
                "column": part.column,
                "kind": part.kind,
                "severity": part.severity.value,
                "measure": part.measure,
                "distance": part.window.distance,
                "limit": part.limit,
                "noise": part.noise,
                "p_value": part.p_value,
                "q_value": part.q_value,
                "null_share_reference": part.null_share.reference,
                "null_share_current": part.null_share.current,
                "unseen_share": part.unseen_share,
                "outside_share": part.outside_share,
                "grown_share": part.grown_share,
                **part.measures,
            }
            for part in self.document.columns
        ]
        return pl.DataFrame(rows, infer_schema_length=None)

    @property
    def quality(self) -> pl.DataFrame:
        """One row a metric; none before there are labels."""
        quality = self.document.quality
        rows = quality.metrics.items() if quality is not None else ()
        names = ("value", "lower", "upper", "reference", "baseline", "limit", "severity")
        return pl.DataFrame(
            [{"metric": name, **{each: getattr(part, each) for each in names}} for name, part in rows],
            infer_schema_length=None,
        )

    @property
    def slices(self) -> pl.DataFrame:
        """One row a slice, worst first."""
        rows = [
            {
                "slice": part.label,
                "discovered": part.discovered,
                "n": part.n,
                "severity": part.severity.value,
                "metric": part.gap.metric,
                "gap": part.gap.value,
                "lower": part.gap.lower,
                "upper": part.gap.upper,
                "p_value": part.p_value,
                "q_value": part.q_value,
            }
            for part in self.document.slices or ()
        ]
        return pl.DataFrame(rows, infer_schema_length=None)

    def write(self, folder: str | Path) -> tuple[Path, Path]:
        """Write audit.json and report.html into a folder, which is made where it is not there.

        Returns:
            The two paths.
        """
        place = Path(folder)
        place.mkdir(parents=True, exist_ok=True)
        audit, report = place / "audit.json", place / "report.html"
        audit.write_bytes(codec.dump_pretty(self.document))
        report.write_text(render(self.document), encoding="utf-8")
        return audit, report

    def __repr__(self) -> str:
        """The summary that the command line prints: all of the document would fill many screens."""
        return "\n".join(summary(self.document))

    def _repr_html_(self) -> str:
        """The report in a frame of its own, so that neither its style nor its script meets the notebook's."""
        page = render(self.document).replace("&", "&amp;").replace('"', "&quot;")
        return f'<iframe srcdoc="{page}" style="width:100%;height:720px;border:0" title="batchops audit"></iframe>'


def _frame(parts: Sequence[Any], names: tuple[str, ...]) -> pl.DataFrame:
    return pl.DataFrame([{name: getattr(part, name) for name in names} for part in parts], infer_schema_length=None)


def audit_of(current: Table, reference: Table | None, asked: Asked) -> FrameAudit:
    """Audit a table, against another where there is one.

    Raises:
        UsageError: A role names no column, or the label cannot be read.
        GateError: A table cannot be read.
    """
    clock = Clock()
    try:
        audited = audit_tables(current, reference, asked, clock)
    except GateError:
        # The types of CSV files are guessed from their first rows; only where that was wrong all rows are asked.
        wider = current.wider(), reference.wider() if reference is not None else None
        if wider == (None, None):
            raise
        current, reference = wider[0] or current, wider[1] or reference
        audited = audit_tables(current, reference, asked, clock)
    made = document_of(audited, (current, reference), clock)
    return FrameAudit(codec.rounded(made, DIGITS))


def audit_frame(  # noqa: PLR0913 - each is an option of its own, given by its name
    current: Any,
    reference: Any = None,
    *,
    roles: Roles | None = None,
    contract: Any = None,
    only: Sequence[str] = SECTIONS,
    discover: bool = False,
    keep_failing: bool = False,
    method: str | None = None,
    policy: Policy | None = None,
) -> FrameAudit:
    """Audit a frame: what its contract says of it, how it drifted from the reference, how good its scores are.

    Args:
        current: polars (eager or lazy), pandas, pyarrow, or a path.
        reference: The same; None: nothing is compared.
        roles: Which column is what; guessed from the contract or the names where not given.
        contract: A compiled contract or a Pandera model.
        only: Of ``drift``, ``quality``, ``slices`` and ``contract``.
        discover: Search for slices that fare worse, beside the declared ones.
        keep_failing: Rows that break the contract count in quality and slices.
        method: Another tool whose figures are shown beside these: ``evidently``, ``nannyml`` or ``tfdv``.
        policy: Limits; those of a job that states none without it.

    Raises:
        UsageError: A role names no column, or a frame is none.
    """
    compiled = contract if contract is None or isinstance(contract, Contract) else contracts.compile_contract(contract)
    asked = Asked(
        roles=roles or Roles(),
        contract=compiled,
        sections=(only,) if isinstance(only, str) else tuple(only),
        discover=discover,
        keep_failing=keep_failing,
        method=method,
        policy=policy or Policy(),
    )
    before = None if reference is None else replace(open_frame(reference), name="reference")
    return audit_of(replace(open_frame(current), name="current"), before, asked)
