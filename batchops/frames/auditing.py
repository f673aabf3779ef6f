"""Two tables to an audit: the same counting, comparing and judging as a night's, without a job, a model or a store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl

from batchops.audit import Audit, Comparison, Reference, Yardstick, compare_audits
from batchops.audit.figures import ALL_ROWS, contract_figures, drift_figures, quality_figures
from batchops.audit.slicing import fairness_figures, slice_figures
from batchops.contract import Contract, schema_faults
from batchops.frames.counting import Side, count
from batchops.frames.dimensions import dimensions_of
from batchops.frames.layout import lay_out_inputs, sample_of
from batchops.frames.roles import Guess, Roles, settle
from batchops.frames.schema import Fault, faults_of, schema_figures
from batchops.frames.sources import Table
from batchops.frames.truth import Truth, truth_of
from batchops.run.clock import Clock
from batchops.stats import Cells, lay_out, lay_out_scores
from batchops.verdict import Figure, Policy, Verdict, judge

__all__ = ["SECTIONS", "Asked", "Audited", "audit_tables"]

SECTIONS = ("drift", "quality", "slices", "contract")


@dataclass(frozen=True, slots=True)
class Asked:
    """What a person wants to know of two tables.

    Attributes:
        sections: Of `SECTIONS`; what is not named is not measured.
        discover: Search for slices, beside the declared ones.
        keep_failing: Rows that the contract sets aside take part in quality and slices.
        method: Another tool whose figures are shown beside these: ``evidently``, ``nannyml`` or ``tfdv``.
        threads: Batches that are counted at once.
    """

    roles: Roles = field(default_factory=Roles)
    contract: Contract | None = None
    sections: tuple[str, ...] = SECTIONS
    discover: bool = False
    keep_failing: bool = False
    method: str | None = None
    policy: Policy = field(default_factory=Policy)
    threads: int = 2


@dataclass(frozen=True, slots=True)
class Audited:
    """What came of it, before it is put into words.

    Attributes:
        roles: Settled; ``guesses`` are those of them that nobody gave.
        reference: None without a reference table.
    """

    asked: Asked
    roles: Roles
    guesses: tuple[Guess, ...]
    truth: Truth | None
    current: Audit
    reference: Reference
    compared: bool
    comparison: Comparison
    faults: tuple[Fault, ...]
    verdict: Verdict
    digests: Mapping[str, str]


def audit_tables(current: Table, reference: Table | None, asked: Asked, clock: Clock) -> Audited:
    """Audit a table, against another where there is one.

    Raises:
        UsageError: A role names no column, or the label cannot be read.
        GateError: A table cannot be read.
    """
    was = reference if reference is not None and "drift" in asked.sections else None
    schema = pl.Schema({**(reference.schema if reference is not None else {}), **current.schema})
    roles, guesses = settle(asked.roles, schema, asked.contract)
    with clock.stage("lay out"):
        truth = truth_of([each for each in (reference, current) if each is not None], roles)
        yardstick = _yardstick(current, reference, asked, roles)
    side = Side(roles, yardstick, None, truth.positive if truth else None)
    with clock.stage("reference"):
        before = count(reference, side, asked.threads) if reference is not None else Audit()
    with clock.stage("current"):
        contract = asked.contract if "contract" in asked.sections else None
        now = count(current, Side(roles, yardstick, contract, side.positive, asked.keep_failing), asked.threads)
    with clock.stage("judge"):
        known = Reference(yardstick.inputs if was else (), yardstick.score, yardstick.quality, before, ())
        comparison = compare_audits([now], known, asked.policy)
        columns = roles.inputs([*(reference.schema if reference else {}), *current.schema])
        faults = faults_of(current.schema, reference.schema, _once(columns)) if reference is not None else ()
        figures = _figures(now, known, comparison, faults, asked)
        verdict = judge(figures, asked.policy, "")
    return Audited(asked, roles, guesses, truth, now, known, reference is not None, comparison, faults, verdict, {})


def _once(names: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))


def _yardstick(current: Table, reference: Table | None, asked: Asked, roles: Roles) -> Yardstick:
    inputs: tuple[Cells, ...] = ()
    laid = reference if reference is not None else current
    if reference is not None and "drift" in asked.sections:
        inputs, _ = lay_out_inputs(reference, roles.inputs(reference.schema.names()), asked.contract)
    scores = _scores(laid, current, roles)
    sliced = _once([name for each in roles.sliced for name in each]) if "slices" in asked.sections else ()
    return Yardstick(
        inputs=inputs,
        score=lay_out(pl.DataFrame({"score": scores}), ("score",))[0],
        quality=lay_out_scores(scores, roles.threshold),
        slices=roles.sliced if "slices" in asked.sections else (),
        dimensions=dimensions_of(laid, sliced),
    )


def _scores(laid: Table, current: Table, roles: Roles) -> pl.Series:
    for table in (laid, current):
        if roles.score is not None and roles.score in table.schema:
            return sample_of(table, [roles.score])[0][roles.score].cast(pl.Float64, strict=False)
    return pl.Series("score", [], pl.Float64)


def _figures(
    now: Audit, known: Reference, comparison: Comparison, faults: Sequence[Fault], asked: Asked
) -> list[Figure]:
    figures = [] if now.rows else [Figure("input.empty", ALL_ROWS, 1, "files", 1)]
    figures += schema_figures(faults, now.rows) if "drift" in asked.sections else []
    if asked.contract is not None and "contract" in asked.sections:
        figures += _contract_figures(now, asked.contract, known.audit)
    if "drift" in asked.sections:
        figures += drift_figures(comparison, asked.policy)
    if "quality" in asked.sections:
        figures += quality_figures(comparison, asked.policy)
    if "slices" in asked.sections:
        figures += [*slice_figures(comparison, asked.policy), *fairness_figures(comparison, asked.policy)]
    return figures


def _contract_figures(now: Audit, contract: Contract, reference: Audit) -> list[Figure]:
    figures = [
        Figure(
            fault.check,
            fault.column,
            fault.rows,
            "rows",
            now.rows,
            evidence={"dtype": fault.dtype, "wanted": fault.wanted, "hint": fault.hint or None, "rows": fault.rows},
        )
        for fault in schema_faults(contract, now.schema)
    ]
    return [*figures, *contract_figures(now, contract, reference)]
