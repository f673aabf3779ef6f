"""One pass over a partition's rows: counts for every rule first, whole rows only where something failed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import polars as pl

from batchops.contract.arriving import Fitted, SchemaCheck, fit_rows
from batchops.contract.capturing import run_closed
from batchops.contract.tally import RuleTally, Tallies
from batchops.contract.terms import Contract, Rule
from batchops.sketch import ValueSample

__all__ = ["FAILED_RULES", "ROW", "Validation", "evaluate"]

ROW = "_row"
FAILED_RULES = "_failed_rules"

SHOWN = 60
"""Characters of a failing value that are kept."""


@dataclass(frozen=True, slots=True)
class Validation:
    """What became of a partition's rows, or of a batch of them.

    Attributes:
        tallies: Exact counts; rows in = accepted + quarantined.
        accepted: The contract's columns, coerced, in the order they came.
        quarantined: Rows set aside, with every column as it arrived; `ROW` is the row's position in the partition,
            from 0, and `FAILED_RULES` the ids of all rules it fails.
        check: The columns it was made from.
    """

    tallies: Tallies
    accepted: pl.DataFrame
    quarantined: pl.DataFrame
    check: SchemaCheck


@dataclass(frozen=True, slots=True)
class _Outcome:
    """A rule after the first phase.

    Attributes:
        failed: Rows.
        mask: One bool a row, true where it fails; one expression over the fitted rows that gives it; None where
            every row fails, or none.
    """

    evaluated: int
    failed: int
    unknown: int = 0
    mask: pl.Series | pl.Expr | None = None


def _fails(rule: Rule) -> pl.Expr:
    """True where a row fails the rule; null only where that means a pass."""
    passes = rule.test.passes
    if passes is None:
        raise TypeError(rule.id)
    return passes.not_() if rule.test.null_passes else passes.fill_null(False).not_()


def _counting(rule: Rule) -> pl.Expr:
    if rule.test.check is None and rule.id.endswith(".not_null"):
        # The count of nulls is kept with the column: it costs nothing.
        column = pl.col(rule.columns[0])
        plain = column.null_count()
        return (plain + column.is_nan().sum() if len(rule.test.passes.meta.root_names()) > 1 else plain).alias(rule.id)  # type: ignore[union-attr]
    return _fails(rule).sum().alias(rule.id)


def _counts(rows: pl.DataFrame, rules: Iterable[Rule]) -> Mapping[str, int | None]:
    """Failed answers by rule, in one pass; None where a rule cannot be tried on these values."""
    rules = tuple(rules)
    if not rules:
        return {}
    try:
        return {id: int(count or 0) for id, count in rows.select(map(_counting, rules)).row(0, named=True).items()}
    except pl.exceptions.PolarsError:
        if len(rules) == 1:
            return {rules[0].id: None}
    # One author's expression failed on a value; the others still have their answers.
    return {id: count for rule in rules for id, count in _counts(rows, (rule,)).items()}


def _of_series(rule: Rule, passes: pl.Series | None, rows: int) -> _Outcome:
    """The outcome of a check that Pandera ran."""
    if passes is None:
        return _Outcome(0, 0, rows)
    fails = ~passes.fill_null(rule.test.null_passes)
    if len(fails) == rows and rule.test.aligned is not False:
        return _Outcome(rows, int(fails.sum()), mask=fails)
    return _Outcome(rows, rows if fails.any() else 0)


def _outcomes(contract: Contract, fitted: Fitted, duplicated: pl.Series | None) -> dict[str, _Outcome]:
    rows = fitted.rows.height
    blind = {*fitted.check.missing, *fitted.check.unusable, *fitted.check.absent}
    counts = _counts(fitted.rows, (r for r in contract.rules if r.test.passes is not None and not blind & {*r.columns}))
    found: dict[str, _Outcome] = {}
    for rule in contract.rules:
        if rule.scope == "dataset":
            known = duplicated is not None and not blind & {*rule.columns}
            found[rule.id] = _Outcome(rows, int(duplicated.sum()), mask=duplicated) if known else _Outcome(0, 0, rows)  # type: ignore[union-attr]
        elif blind & {*rule.columns}:
            found[rule.id] = _Outcome(0, 0, rows)
        elif rule.test.passes is None:
            found[rule.id] = _of_series(rule, run_closed(rule.test, fitted.rows), rows)
        elif (count := counts[rule.id]) is None:
            found[rule.id] = _Outcome(0, 0, rows)
        elif rule.test.aligned:
            found[rule.id] = _Outcome(rows, count, mask=_fails(rule))
        else:
            found[rule.id] = _Outcome(rows, rows if count else 0)
    return found


def _mask(outcome: _Outcome, rows: pl.DataFrame) -> pl.Series:
    mask = outcome.mask
    if mask is None:
        return pl.repeat(outcome.failed > 0, rows.height, dtype=pl.Boolean, eager=True)
    series = rows.select(mask).to_series() if isinstance(mask, pl.Expr) else mask
    return series.fill_null(False)


def _without(outcome: _Outcome, rule: Rule, fitted: Fitted) -> _Outcome:
    """The outcome over the rows whose values could be read."""
    lost = [fitted.unreadable[name] for name in rule.columns if name in fitted.unreadable]
    if not lost or not outcome.evaluated:
        return outcome
    unread = pl.DataFrame([series.alias(str(n)) for n, series in enumerate(lost)]).select(pl.any_horizontal(pl.all()))
    hidden = unread.to_series()
    mask = _mask(outcome, fitted.rows) & ~hidden
    unknown = int(hidden.sum())
    return _Outcome(outcome.evaluated - unknown, int(mask.sum()), unknown, mask)


def _values(contract: Contract, rule: Rule, mask: pl.Series, fitted: Fitted) -> ValueSample:
    """The failing values, where they may be shown and mean something."""
    shown = len(rule.columns) == 1 and rule.scope == "row" and not rule.id.endswith(".not_null")
    if not shown or contract.column(rule.columns[0]).pii:
        return ValueSample()
    counts = fitted.rows.get_column(rule.columns[0]).filter(mask).drop_nulls().value_counts()
    return ValueSample.of((_clipped(str(value)), count) for value, count in counts.iter_rows())


def _clipped(text: str) -> str:
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"


def _free(name: str, taken: Iterable[str]) -> str:
    taken = set(taken)
    while name in taken:
        name = f"_{name}"
    return name


def _set_aside(frame: pl.DataFrame, masks: pl.DataFrame, bad: pl.Series | None, start: int) -> pl.DataFrame:
    """The bad rows as they came, with their positions and the names of all rules they fail."""
    ours = (ROW, FAILED_RULES)
    frame = frame.rename({name: _free(name, frame.columns) for name in ours if name in frame.columns})
    if bad is None:
        return frame.clear().with_columns(
            pl.lit(None, dtype=pl.Int64).alias(ROW), pl.lit(None, dtype=pl.List(pl.String)).alias(FAILED_RULES)
        )
    names = pl.concat_list(pl.when(pl.col(id)).then(pl.lit(id)) for id in masks.columns).list.drop_nulls()
    positions = bad.arg_true()
    failed = masks[positions].select(names.alias(FAILED_RULES)).to_series()
    return frame[positions].with_columns((positions.cast(pl.Int64) + start).alias(ROW), failed)


def evaluate(
    contract: Contract, frame: pl.DataFrame, duplicated: pl.Series | None = None, start: int = 0
) -> Validation:
    """Try every rule of a contract on some rows.

    A rule of scope ``partition`` sees the rows it is given: where ``contract.needs_whole_partitions``, give it whole
    partitions, not batches. If it has one answer for all of them, a failure counts every row, and sets them aside
    only if its author said ``action: quarantine``.

    Args:
        frame: The rows as they arrived: a partition, or a batch of one.
        duplicated: One bool a row, true where the contract's key occurs again in the night; None: not known, and
            ``key.unique`` is unknown.
        start: Position of the first row within its partition.
    """
    fitted = fit_rows(contract, frame)
    rows = frame.height
    if not rows:
        empty = _set_aside(frame, pl.DataFrame(), None, start)
        return Validation(Tallies(), fitted.rows, empty, fitted.check)
    found = _outcomes(contract, fitted, duplicated)
    tallies: dict[str, RuleTally] = {}
    masks: list[pl.Series] = []
    bad = pl.repeat(False, rows, dtype=pl.Boolean, eager=True)
    for id in fitted.check.failed:
        masks.append(pl.repeat(True, rows, dtype=pl.Boolean, eager=True).alias(id))
        tallies[id] = RuleTally(rows, rows)
        bad = masks[-1]
    for name, lost in fitted.unreadable.items():
        masks.append(lost.alias(f"schema.dtype:{name}"))
        tallies[masks[-1].name] = RuleTally(rows, int(lost.sum()))
        bad = bad | lost
    for rule in contract.rules:
        outcome = _without(found[rule.id], rule, fitted)
        values = ValueSample()
        if outcome.failed:
            mask = _mask(outcome, fitted.rows).alias(rule.id)
            masks.append(mask)
            values = _values(contract, rule, mask, fitted)
            bad = bad | mask if rule.action == "quarantine" else bad
        tallies[rule.id] = RuleTally(outcome.evaluated, outcome.failed, outcome.unknown, values)
    quarantined = int(bad.sum())
    aside = _set_aside(frame, pl.DataFrame(masks), bad if quarantined else None, start)
    accepted = fitted.rows.filter(~bad) if quarantined else fitted.rows
    return Validation(Tallies(rows, quarantined, tallies), accepted, aside, fitted.check)
