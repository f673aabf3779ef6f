"""One pass over a partition's rows: every rule is tried once, and only rows that fail something are looked at again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_
from types import MappingProxyType
from typing import Any

import polars as pl

from batchops.contract.arriving import Fitted, SchemaCheck, fit_rows
from batchops.contract.patterns import concrete
from batchops.contract.tally import RuleTally, Tallies
from batchops.contract.terms import Contract, Rule
from batchops.contract.trying import Outcome, outcomes
from batchops.sketch import ValueSample

__all__ = ["CONTRACT", "FAILED_RULES", "OURS", "PARTITION", "ROW", "RUN_ID", "WHOLE", "Validation", "evaluate"]

ROW = "_row"
FAILED_RULES = "_failed_rules"
PARTITION, CONTRACT, RUN_ID = "_partition", "_contract", "_run_id"

OURS = (PARTITION, ROW, FAILED_RULES, CONTRACT, RUN_ID)
"""Columns of rows that were set aside, beside those they came with: the night adds what an evaluation does not know."""

WHOLE = "partition:"
"""Begins what a row is said to fail that was set aside with its whole partition: ``partition:dest.isin``."""

Answers = Mapping[str, pl.Series]
NO_ANSWERS: Answers = MappingProxyType({})

SHOWN = 60
"""Characters of a failing value that are kept."""

LOOK = 1 << 12
"""Failing rows by which a rule is first seen to have too many different failing values to sample."""

WORD = 62
"""Rules whose answers for a row are packed into one integer."""


@dataclass(frozen=True, slots=True)
class Validation:
    """What became of a partition's rows, or of a batch of them.

    Attributes:
        tallies: Exact counts; rows in = accepted + quarantined.
        accepted: The contract's columns, coerced, in the order they came.
        quarantined: Rows set aside, with every column as it arrived (one called as in `OURS` under another name); `ROW`
            is the row's position in the partition, from 0, and `FAILED_RULES` the ids of all rules it fails, and
            `WHOLE` before the id of a rule that it obeys itself, where that rule set the whole partition aside.
        check: The columns it was made from.
        whole: Ids of the rules that set the whole partition aside.
    """

    tallies: Tallies
    accepted: pl.DataFrame
    quarantined: pl.DataFrame
    check: SchemaCheck
    whole: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Tried:
    """A rule, after all rows were tried.

    Attributes:
        mask: One bool a row, true where it fails; None where none does.
        quarantines: Rows that fail it are set aside.
        whole: And all the others with them.
    """

    id: str
    tally: RuleTally
    mask: pl.Series | None
    quarantines: bool = True
    whole: bool = False


def _without(outcome: Outcome, rule: Rule, fitted: Fitted) -> Outcome:
    """The outcome over the rows whose values could be read."""
    lost = [fitted.unreadable[name] for name in rule.columns if name in fitted.unreadable]
    if not lost or not outcome.evaluated:
        return outcome
    unread = pl.DataFrame([series.alias(str(n)) for n, series in enumerate(lost)]).select(pl.any_horizontal(pl.all()))
    hidden = unread.to_series()
    unknown = int(hidden.sum())
    mask = None if outcome.mask is None else outcome.mask & ~hidden
    failed = 0 if mask is None else int(mask.sum())
    return Outcome(outcome.evaluated - unknown, failed, unknown, mask if failed else None)


def _fails_whole(rule: Rule, outcome: Outcome) -> bool:
    """Whether more rows fail than the rule bears in a partition."""
    if rule.action != "fail_partition" or not outcome.failed:
        return False
    most = rule.limit.shown if rule.limit.fail is None else rule.limit.fail
    seen = outcome.failed if rule.unit == "rows" else outcome.failed / outcome.evaluated
    return seen > (most or 0)


def _values(contract: Contract, rule: Rule, rows: pl.DataFrame, mask: pl.Series) -> ValueSample:
    """The failing values, where they may be shown and mean something.

    Args:
        rows: All that fail the rule, and others.
        mask: Which of them do.
    """
    shown = len(rule.columns) == 1 and rule.scope == "row" and not rule.id.endswith(".not_null")
    if not shown or contract.column(rule.columns[0]).pii:
        return ValueSample()
    failing = rows.get_column(rule.columns[0]).filter(mask).drop_nulls().alias("value")
    if len(failing) > LOOK:
        first = _sampled(failing.head(LOOK))
        if first.many:
            return first
    return _sampled(failing)


def _sampled(values: pl.Series) -> ValueSample:
    return ValueSample.of((_spelled(value), count) for value, count in values.value_counts().iter_rows())


def _spelled(value: Any) -> str:
    # polars counts -0.0 with 0.0 and keeps whichever came first.
    text = str(value + 0.0 if isinstance(value, float) else value)
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"


def _free(name: str, taken: Iterable[str]) -> str:
    taken = set(taken)
    while name in taken:
        name = f"_{name}"
    return name


def _named(masks: Sequence[tuple[str, pl.Series]]) -> pl.Series:
    """For each row the ids whose masks are true, in their order.

    Rows mostly fail in few ways: which they fail is packed into integers, and each way is spelled once.
    """
    words = [masks[start : start + WORD] for start in range(0, len(masks), WORD)]
    packed = pl.DataFrame(
        [
            pl.select(pl.sum_horizontal(mask.cast(pl.Int64) * (1 << bit) for bit, (_, mask) in enumerate(word)))
            .to_series()
            .alias(str(number))
            for number, word in enumerate(words)
        ]
    )
    ways = packed.unique()
    spelled = [
        [id for word, bits in zip(words, way, strict=True) for bit, (id, _) in enumerate(word) if bits >> bit & 1]
        for way in ways.iter_rows()
    ]
    ways = ways.with_columns(pl.Series(FAILED_RULES, spelled, dtype=pl.List(pl.String)))
    return packed.join(ways, on=packed.columns, how="left", maintain_order="left").get_column(FAILED_RULES)


def _any(masks: Iterable[pl.Series], rows: int) -> pl.Series:
    return reduce(or_, masks, pl.repeat(False, rows, dtype=pl.Boolean, eager=True))


def _set_aside(frame: pl.DataFrame, masks: Sequence[tuple[str, pl.Series]], bad: pl.Series, start: int) -> pl.DataFrame:
    """The bad rows as they came, with their positions and the names of all that they fail.

    Args:
        masks: By id; one bool a bad row.
    """
    frame = frame.rename({name: _free(name, frame.columns) for name in OURS if name in frame.columns})
    if not masks:
        return frame.clear().with_columns(
            pl.lit(None, dtype=pl.Int64).alias(ROW), pl.lit(None, dtype=pl.List(pl.String)).alias(FAILED_RULES)
        )
    positions = (bad.arg_true().cast(pl.Int64) + start).alias(ROW)
    return frame.filter(bad).with_columns(positions, _named(masks))


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
    found = outcomes(contract, fitted, answers)
    after = {rule.id: _without(found[rule.id], rule, fitted) for rule in contract.rules}
    some = _any((each.mask for each in after.values() if each.mask is not None), fitted.rows.height)
    failing = fitted.rows.filter(some)
    for rule in contract.rules:
        made = after[rule.id]
        values = ValueSample() if made.mask is None else _values(contract, rule, failing, made.mask.filter(some))
        tally = RuleTally(made.evaluated, made.failed, made.unknown, values)
        yield _Tried(rule.id, tally, made.mask, rule.action != "continue", _fails_whole(rule, made))


def _reasons(tried: Sequence[_Tried], bad: pl.Series) -> list[tuple[str, pl.Series]]:
    """What the bad rows fail, by id: their own failures first, then those of their partition."""
    own = [(each.id, each.mask.filter(bad)) for each in tried if each.mask is not None]
    others = [(f"{WHOLE}{each.id}", ~each.mask) for each in tried if each.whole and each.mask is not None]
    return [(id, mask) for id, mask in (*own, *others) if mask.any()]


def evaluate(contract: Contract, frame: pl.DataFrame, answers: Answers = NO_ANSWERS, start: int = 0) -> Validation:
    """Try every rule of a contract on some rows.

    A rule of scope ``partition`` sees the rows it is given: where ``contract.needs_whole_partitions``, give it whole
    partitions, not batches. If it has one answer for all of them, a failure counts every row, and sets them aside
    only if its author said so. A rule that breaks on a value (a strict cast, say) is unknown for all rows given.

    A rule with ``action: fail_partition`` sets aside the rows that fail it, and all the others where these are more
    than its limit: the tallies still count rows that fail themselves. ``abort_night`` sets aside the rows that fail.

    Args:
        frame: The rows as they arrived: a partition, or a batch of one.
        answers: For rules of scope ``dataset``, by id: one bool a row, true where it fails. A rule without one is
            unknown.
        start: Position of the first row within its partition.
    """
    own, contract = contract.schema.names(), concrete(contract, frame.columns)
    fitted = fit_rows(contract, frame)
    rows = frame.height
    tried = (*_by_schema(fitted), *_by_rules(contract, fitted, answers)) if rows else ()
    whole = tuple(each.id for each in tried if each.whole)
    if whole:
        bad = pl.repeat(True, rows, dtype=pl.Boolean, eager=True)
    else:
        bad = _any((each.mask for each in tried if each.mask is not None and each.quarantines), rows)
    aside = _set_aside(frame, _reasons(tried, bad), bad, start)
    tallies = Tallies(rows, aside.height, {each.id: each.tally for each in tried})
    return Validation(
        tallies=tallies,
        # Last, as it takes the most memory.
        accepted=fitted.rows.select(own).filter(~bad) if aside.height else fitted.rows.select(own),
        quarantined=aside,
        check=fitted.check,
        whole=whole,
    )
