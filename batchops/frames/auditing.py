"""Two tables to an audit: the same counting, comparing and judging as a night's, without a job, a model or a store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import polars as pl

from batchops import models
from batchops.audit import LABEL, SCORE, Audit, Comparison, Reference, Yardstick, compare_audits
from batchops.audit.discovering import declared, discovered_figures
from batchops.audit.estimating import Estimated, estimate_night, estimated_figures, rows_alike
from batchops.audit.multivariate import ROWS
from batchops.audit.primary import slice_test
from batchops.audit.state import lay_out_outputs
from batchops.frames.asked import Asked
from batchops.frames.counters import with_counters
from batchops.frames.counting import NIGHT, Side, count, has_scores, outcome, outputs, repeated_keys
from batchops.frames.dimensions import dimensions_of
from batchops.frames.figures import table_figures
from batchops.frames.layout import lay_out_inputs, sample_of
from batchops.frames.roles import Guess, Roles, settle
from batchops.frames.schema import Fault, faults_of
from batchops.frames.searching import Searched, search
from batchops.frames.sources import Table
from batchops.frames.truth import Truth, suit, truth_of
from batchops.report.environment import compile_templates
from batchops.run.clock import Clock
from batchops.stats import Cells, lay_out_quality
from batchops.stats.discovery import Discovery
from batchops.stats.parity import Parity, parity
from batchops.verdict import Verdict, judge

__all__ = ["Audited", "audit_tables"]

NO_SCORE = pl.DataFrame(schema={SCORE: pl.Float64})


@dataclass(frozen=True, slots=True)
class Audited:
    """What came of it, before it is put into words.

    Attributes:
        side: How rows were counted, with the roles; ``guesses`` are those of them that nobody gave.
        compared: There was a reference.
        digests: SHA-256 of the tables' files.
    """

    asked: Asked
    side: Side
    guesses: tuple[Guess, ...]
    current: Audit
    reference: Reference
    compared: bool
    comparison: Comparison
    estimated: Estimated | None
    found: Discovery | None
    parity: Parity | None
    faults: tuple[Fault, ...]
    verdict: Verdict
    digests: Mapping[str, str]


def audit_tables(current: Table, reference: Table | None, asked: Asked, clock: Clock) -> Audited:
    """Audit a table, against another where there is one.

    Raises:
        UsageError: A role names no column, or the label cannot be read.
        GateError: A table cannot be read.
    """
    drift = reference is not None and "drift" in asked.sections
    with ThreadPoolExecutor(2) as aside:
        # What takes a second and a core that reading leaves idle: other files' bytes, a library of classifiers, the
        # page's templates.
        digests = {name: aside.submit(table.digest) for name, table in _named(current, reference)}
        library = aside.submit(getattr, models, "separate") if drift else None
        aside.submit(compile_templates)
        with clock.stage("lay out"):
            side, guesses = _side(current, reference, asked)
        with clock.stage("reference"):
            plain = replace(side, contract=None, twice=None)
            before = count(reference, plain, asked.threads) if reference is not None else Audit()
        with clock.stage("current"):
            now = count(current, side, asked.threads)
        if library is not None:
            library.result()
        with clock.stage("search"):
            found = _found((current, reference), side, now, asked)
        told = {name: digest.result() for name, digest in digests.items()}
    yardstick = side.yardstick
    known = Reference(
        yardstick.inputs if drift else (), yardstick.score, yardstick.quality, before, (), classes=yardstick.classes
    )
    with clock.stage("judge"):
        comparison = compare_audits([now], known, asked.policy)
        estimated = _estimated(now, known, comparison, asked)
        faults = _faults(current, reference, side.roles)
        figures = table_figures((now, known), comparison, faults, asked, reference)
        figures += estimated_figures(estimated, asked.policy)
        if found is not None:
            figures += discovered_figures(found, asked.policy, declared(comparison))
        verdict = judge(figures, asked.policy, "")
    return Audited(
        asked=asked,
        side=side,
        guesses=guesses,
        current=now,
        reference=known,
        compared=reference is not None,
        comparison=comparison,
        estimated=estimated,
        found=found,
        parity=_parity(current, reference, side, asked),
        faults=faults,
        verdict=verdict,
        digests=told,
    )


def _named(current: Table, reference: Table | None) -> list[tuple[str, Table]]:
    return [("current", current), *([("reference", reference)] if reference is not None else [])]


def _schema(current: Table, reference: Table | None) -> pl.Schema:
    """The columns of either side, with the types that the reference has."""
    return pl.Schema({**current.schema, **(reference.schema if reference is not None else {})})


def _side(current: Table, reference: Table | None, asked: Asked) -> tuple[Side, tuple[Guess, ...]]:
    """How rows are counted, as the reference has it, and which roles were guessed."""
    roles, guesses = settle(asked.roles, _schema(current, reference), asked.contract)
    tables = [table for _, table in _named(current, reference)]
    truth = truth_of(tables, roles)
    roles, guesses = suit(roles, guesses, truth, tables)
    if reference is not None and "drift" in asked.sections:
        known = [each.name for each in asked.contract.columns] if asked.contract is not None else []
        roles, guesses = with_counters(roles, guesses, (reference, current), known)
    contract = asked.contract if "contract" in asked.sections else None
    yardstick = _yardstick((current, reference), asked, roles, truth)
    twice = repeated_keys(current, contract)
    outcomes = bool({"quality", "slices"} & {*asked.sections})
    return Side(roles, yardstick, contract, truth, asked.keep_failing, twice, outcomes), guesses


def _faults(current: Table, reference: Table | None, roles: Roles) -> tuple[Fault, ...]:
    """Of inputs and of what comes with a score; labels may come later, and a reference need not be scored."""
    if reference is None:
        return ()
    names = [*reference.schema, *current.schema]
    output = [name for name in roles.output(names) if name in reference.schema]
    return faults_of(current.schema, reference.schema, _once([*roles.inputs(names), *output]))


def _estimated(now: Audit, known: Reference, comparison: Comparison, asked: Asked) -> Estimated | None:
    if "quality" not in asked.sections:
        return None
    return estimate_night(now.quality.nights.get(NIGHT), known, rows_alike(comparison.together, known.quality))


def _found(tables: tuple[Table, Table | None], side: Side, now: Audit, asked: Asked) -> Discovery | None:
    if not asked.discover or "slices" not in asked.sections or side.truth is None:
        return None
    return search(*tables, side, _searched(tables, side, now, asked))


def _searched(tables: tuple[Table, Table | None], side: Side, now: Audit, asked: Asked) -> Searched:
    """All inputs that both tables have, personal data aside."""
    hidden = set(asked.contract.pii) if asked.contract is not None else set[str]()
    names = side.roles.inputs([name for name in tables[0].schema if tables[1] is None or name in tables[1].schema])
    first = tuple(dict.fromkeys(name for each in side.roles.sliced for name in each if name in names))
    metric = slice_test(asked.policy, now.quality, side.yardstick.quality).metric
    columns = tuple(name for name in names if name not in hidden)
    return Searched(metric, columns, first, asked.policy, asked.threads)


def _parity(current: Table, reference: Table | None, side: Side, asked: Asked) -> Parity | None:
    if asked.method is None or reference is None or "drift" not in asked.sections:
        return None
    seen = [
        cells.column for cells in side.yardstick.inputs if cells.kind != "opaque" and cells.column in current.schema
    ]
    return parity(current.column, reference.column, seen, asked.method)


def _once(names: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))


def _yardstick(tables: tuple[Table, Table | None], asked: Asked, roles: Roles, truth: Truth | None) -> Yardstick:
    current, reference = tables
    inputs: tuple[Cells, ...] = ()
    laid = reference if reference is not None else current
    drift, slices = "drift" in asked.sections, "slices" in asked.sections
    if reference is not None and drift:
        inputs, _ = lay_out_inputs(reference, roles.inputs(reference.schema.names()), asked.contract)
    sliced = _once([name for each in roles.sliced for name in each]) if slices else ()
    rows, scores = _outcomes((laid, current), roles, truth)
    quality = lay_out_quality(rows, truth.task if truth is not None else "binary", roles.threshold)
    given = outputs(scores, quality.classes)
    known = SCORE in given.columns
    score, *classes = lay_out_outputs(given if known else NO_SCORE, quality.classes if known else ())
    return Yardstick(
        inputs=inputs,
        score=score,
        quality=quality,
        slices=roles.sliced if slices else (),
        dimensions=dimensions_of((laid, current), sliced),
        key=tuple(name for name in roles.key if asked.contract is None or name not in asked.contract.pii),
        sampled=ROWS if reference is not None and drift else 0,
        classes=tuple(classes),
    )


def _outcomes(tables: tuple[Table, Table], roles: Roles, truth: Truth | None) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Scores and labels to lay quality out over, and scores to compare: the reference's, as far as it has them."""
    task = truth.task if truth is not None else "binary"
    asked = [list(outcome(table.schema, roles, truth)) for table in tables]
    names = [{each.meta.output_name() for each in one} for one in asked]
    # Errors cannot be laid out without labels, nor several classes without a score of each.
    needed = set.union(*names) - (set() if task == "regression" else {LABEL})
    best = next((at for at, held in enumerate(names) if needed <= held), None)
    best = next((at for at, held in enumerate(names) if has_scores(held)), 0) if best is None else best
    rows = _read(tables[best], asked[best])
    first = next((at for at, held in enumerate(names) if any(name.startswith(SCORE) for name in held)), best)
    return rows, rows if first == best else _read(tables[first], asked[first])


def _read(table: Table, asked: Sequence[pl.Expr]) -> pl.DataFrame:
    columns = list(dict.fromkeys(name for each in asked for name in each.meta.root_names()))
    return sample_of(table, columns)[0].select(asked) if columns else pl.DataFrame()
