"""The figures by which a table is judged: those of a night, and what only tables have."""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from dataclasses import replace

import polars as pl

from batchops.audit import Audit, Comparison, Reference
from batchops.audit.figures import ALL_ROWS, contract_figures, drift_figures
from batchops.audit.input_figures import schema_fault_figures
from batchops.audit.qualities import quality_figures
from batchops.audit.slicing import fairness_figures, slice_figures
from batchops.frames.asked import Asked
from batchops.frames.schema import Fault, schema_figures
from batchops.frames.sources import Table
from batchops.verdict import NOTHING, Figure, Policy

__all__ = ["REFERENCE", "table_figures"]

REFERENCE = "the reference"

PASSING = ("drift.distance", "drift.outside_share")
"""What becomes of dates by themselves, as time passes."""


def table_figures(
    audits: tuple[Audit, Reference],
    comparison: Comparison,
    faults: Sequence[Fault],
    asked: Asked,
    reference: Table | None,
) -> list[Figure]:
    """Everything that was asked for.

    Args:
        reference: The table that there is to compare with.
    """
    now, known = audits
    figures = [] if now.rows else [Figure("input.empty", ALL_ROWS, 1, "files", 1)]
    if reference is not None and not known.audit.rows:
        figures.append(Figure("input.empty", REFERENCE, 1, "files", 1))
    if asked.contract is not None and "contract" in asked.sections:
        figures += schema_fault_figures(now, asked.contract, asked.policy)
        figures += contract_figures(now, asked.contract, known.audit)
    if "drift" in asked.sections:
        told = {each.id for each in figures}
        # What the contract says of a column already is no second finding.
        figures += [each for each in schema_figures(faults, now.rows) if each.id not in told]
        dated = _dated(reference)
        for figure in drift_figures(comparison, asked.policy):
            figures.append(_timeless(figure, asked.policy) if figure.subject in dated else figure)
    if "quality" in asked.sections:
        figures += [*_left_out(now), *quality_figures(comparison, known.quality)]
    if "slices" in asked.sections:
        figures += [*slice_figures(comparison, asked.policy), *fairness_figures(comparison, asked.policy)]
    return figures


def _dated(table: Table | None) -> Set[str]:
    return set() if table is None else {name for name, dtype in table.schema.items() if dtype in (pl.Date, pl.Datetime)}


def _timeless(figure: Figure, policy: Policy) -> Figure:
    """Of dates: that time has passed since the reference is no drift; judged where the policy states a limit for it."""
    passing = figure.check in PASSING and f"{figure.check}:{figure.subject}" not in policy.limits
    return replace(figure, limit=NOTHING, chance=None) if passing else figure


def _left_out(now: Audit) -> Iterator[Figure]:
    """Rows that no metric counts, since their score, decision or weight is none; and labels that are none."""
    night = now.quality.total()
    missing, impossible, weights = night.missing, night.impossible, night.strange_weights
    left_out = missing + impossible + weights
    n = night.overall.n + left_out
    if n:
        facts = {"missing": missing, "impossible": impossible, "weights": weights, "rows": left_out}
        yield Figure("quality.left_out", ALL_ROWS, left_out / n, "share", n, evidence=facts)
        yield Figure("labels.invalid", ALL_ROWS, night.strange_labels, "rows", n)
