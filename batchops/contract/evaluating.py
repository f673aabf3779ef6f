"""One pass over a partition's rows: counts for every rule first, whole rows only where something failed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_
from types import MappingProxyType
from typing import Any

import polars as pl

from batchops.contract.arriving import Fitted, SchemaCheck, fit_rows
from batchops.contract.capturing import run_closed
from batchops.contract.tally import RuleTally, Tallies
from batchops.contract.terms import Contract, Rule
from batchops.sketch import ValueSample

__all__ = ["FAILED_RULES", "ROW", "Validation", "evaluate"]

ROW = "_row"
FAILED_RULES = "_failed_rules"

Answers = Mapping[str, pl.Series]
NO_ANSWERS: Answers = MappingProxyType({})

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


@dataclass(frozen=True, slots=True)
class _Tried:
    """A rule after the second phase.

    Attributes:
        mask: One bool a row, true where it fails; None where none does.
        quarantines: Rows that fail it are set aside.
    """

    id: str
    tally: RuleTally
    mask: pl.Series | None
    quarantines: bool = True


def _fails(rule: Rule) -> pl.Expr:
    """True where a row fails the rule; null only where that means a pass."""
    passes = rule.test.passes
    if passes is None:
        raise TypeError(rule.id)
    return passes.not_() if rule.test.null_passes else passes.fill_null(False).not_()


def _counting(rule: Rule) -> pl.Expr:
    count = _fails(rule).sum() if rule.test.failures is None else rule.test.failures
    return count.alias(rule.id)


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


def _outcomes(contract: Contract, fitted: Fitted, answers: Answers) -> dict[str, _Outcome]:
    rows = fitted.rows.height
    blind = {*fitted.check.missing, *fitted.check.unusable, *fitted.check.absent}
    counts = _counts(fitted.rows, (r for r in contract.rules if r.test.passes is not None and not blind & {*r.columns}))
    found: dict[str, _Outcome] = {}
    for rule in contract.rules:
        if rule.scope == "dataset":
            fails = None if blind & {*rule.columns} else answers.get(rule.id)
            found[rule.id] = _Outcome(0, 0, rows) if fails is None else _Outcome(rows, int(fails.sum()), mask=fails)
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
    failing = fitted.rows.get_column(rule.columns[0]).filter(mask).drop_nulls()
    counts = failing.alias("value").value_counts()
    return ValueSample.of((_spelled(value), count) for value, count in counts.iter_rows())


def _spelled(value: Any) -> str:
    # polars counts -0.0 with 0.0 and keeps whichever came first.
    text = str(value + 0.0 if isinstance(value, float) else value)
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


def _any(masks: Sequence[pl.Series]) -> pl.Series | None:
    return reduce(or_, masks) if masks else None


def _by_schema(fitted: Fitted) -> Iterator[_Tried]:
    """What the schema's own rules say of every row."""
    rows = fitted.rows.height
    for id in fitted.check.failed:
        yield _Tried(id, RuleTally(rows, rows), pl.repeat(True, rows, dtype=pl.Boolean, eager=True))
    for name in fitted.doubtful:
        lost = fitted.unreadable.get(name)
        yield _Tried(f"schema.dtype:{name}", RuleTally(rows, 0 if lost is None else int(lost.sum())), lost)


def _by_rules(contract: Contract, fitted: Fitted, answers: Answers) -> Iterator[_Tried]:
    """What the contract's rules say of every row."""
    found = _outcomes(contract, fitted, answers)
    for rule in contract.rules:
        outcome = _without(found[rule.id], rule, fitted)
        mask = _mask(outcome, fitted.rows) if outcome.failed else None
        values = ValueSample() if mask is None else _values(contract, rule, mask, fitted)
        tally = RuleTally(outcome.evaluated, outcome.failed, outcome.unknown, values)
        yield _Tried(rule.id, tally, mask, rule.action == "quarantine")


def evaluate(contract: Contract, frame: pl.DataFrame, answers: Answers = NO_ANSWERS, start: int = 0) -> Validation:
    """Try every rule of a contract on some rows.

    A rule of scope ``partition`` sees the rows it is given: where ``contract.needs_whole_partitions``, give it whole
    partitions, not batches. If it has one answer for all of them, a failure counts every row, and sets them aside
    only if its author said ``action: quarantine``.

    Args:
        frame: The rows as they arrived: a partition, or a batch of one.
        answers: For rules of scope ``dataset``, by id: one bool a row, true where it fails. A rule without one is
            unknown.
        start: Position of the first row within its partition.
    """
    fitted = fit_rows(contract, frame)
    rows = frame.height
    if not rows:
        return Validation(Tallies(), fitted.rows, _set_aside(frame, pl.DataFrame(), None, start), fitted.check)
    tried = (*_by_schema(fitted), *_by_rules(contract, fitted, answers))
    masks = [each.mask.alias(each.id) for each in tried if each.mask is not None]
    bad = _any([each.mask for each in tried if each.mask is not None and each.quarantines])
    quarantined = 0 if bad is None else int(bad.sum())
    return Validation(
        tallies=Tallies(rows, quarantined, {each.id: each.tally for each in tried}),
        accepted=fitted.rows if bad is None else fitted.rows.filter(~bad),
        quarantined=_set_aside(frame, pl.DataFrame(masks), bad, start),
        check=fitted.check,
    )
