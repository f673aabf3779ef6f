"""Rows of a partition that were set aside, and what today's contract says of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

import polars as pl

from batchops.contract import (
    FAILED_RULES,
    OURS,
    ROW,
    WHOLE,
    ColumnSpec,
    Contract,
    Rule,
    RuleTally,
    Tallies,
    Validation,
    evaluate,
)
from batchops.contract.patterns import concrete
from batchops.contract.terms import Test
from batchops.quarantine.held import failures

__all__ = ["Trial", "arrived", "try_again"]


@dataclass(frozen=True, slots=True)
class Trial:
    """Some rows of a partition, tried again.

    Attributes:
        validation: Of the rows as they arrived; its ``accepted`` pass, or fail what was waived and nothing else.
        left: Those that stay aside, as they were stored, with the rules that they fail now.
        passing: Those that pass, as they were stored.
        was: What all of them count in their night's tallies.
        now: What they count from now on.
    """

    validation: Validation
    left: pl.DataFrame
    passing: pl.DataFrame
    was: Tallies
    now: Tallies


def arrived(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows that were set aside, with the columns that they came with and no other."""
    return rows.drop(OURS)


def try_again(
    contract: Contract,
    rows: pl.DataFrame,
    answers: Mapping[str, pl.Series],
    waived: Collection[str] = (),
    whole: bool = False,
) -> Trial:
    """Ask a contract about rows that were set aside.

    Args:
        rows: Of one partition, as they were stored.
        answers: For rules of scope ``dataset``, by id: one bool a row, true where it fails. Without one, a row fails
            what it failed.
        waived: Rules that a row may fail.
        whole: These are all rows of their partition. If not, a rule that has to see all of them says what it said.
    """
    asked = replace(contract, rules=tuple(_lenient(rule) if rule.id in waived else rule for rule in contract.rules))
    answers = {**_unanswered(asked, rows, answers), **answers}
    if not whole:
        asked, kept = _settled(asked, rows, waived)
        answers = {**answers, **kept}
    validation = evaluate(asked, arrived(rows), answers)
    now = validation.tallies
    known = {id: tally for id, tally in now.rules.items() if not id.startswith(WHOLE)}
    stay = validation.quarantined.get_column(ROW)
    left = rows[stay].with_columns(validation.quarantined.get_column(FAILED_RULES))
    passing = rows.filter(~pl.int_range(pl.len()).is_in(stay.implode()))
    return Trial(validation, left, passing, _counted(contract, rows), replace(now, rules=known))


def _lenient(rule: Rule) -> Rule:
    """The rule, with its failures counted and nothing done about them."""
    return replace(rule, action="continue")


def _unanswered(contract: Contract, rows: pl.DataFrame, answers: Collection[str]) -> Mapping[str, pl.Series]:
    """What was said of these rows by rules that nobody can answer now, a dataset being out of reach."""
    listed = rows.get_column(FAILED_RULES).list
    silent = [rule.id for rule in contract.rules if rule.scope == "dataset" and rule.id not in answers]
    return {id: said for id in silent if (said := listed.contains(id)).any()}


def _settled(
    contract: Contract, rows: pl.DataFrame, waived: Collection[str]
) -> tuple[Contract, Mapping[str, pl.Series]]:
    """The contract for a part of a partition's rows, and the answers that are known from when it was seen whole."""
    listed = rows.get_column(FAILED_RULES).list
    rules, answers = [], {}
    for rule in contract.rules:
        if rule.scope == "partition":
            rules.append(replace(rule, scope="dataset"))
            answers[rule.id] = listed.contains(rule.id)
        else:
            rules.append(replace(rule, action="quarantine") if rule.action == "fail_partition" else rule)
        if rule.action == "fail_partition" and rule.id not in waived:
            rules.append(replace(rule, id=WHOLE + rule.id, columns=(), scope="dataset", action="quarantine"))
            answers[WHOLE + rule.id] = listed.contains(WHOLE + rule.id)
    return replace(contract, rules=tuple(rules)), answers


def _counted(contract: Contract, rows: pl.DataFrame) -> Tallies:
    """What rows that were set aside count in their night's tallies: one failure a rule that they list."""
    counts = failures(rows)
    values = _failing(contract, rows, counts)
    rules = {id: RuleTally(failed=count, values=values.of(id).values) for id, count in counts.items()}
    return Tallies(rows.height, rows.height, rules)


def _failing(contract: Contract, rows: pl.DataFrame, listed: Collection[str]) -> Tallies:
    """Which values failed each rule: the contract is asked with rules that fail where a row lists them."""
    frame = arrived(rows)
    contract = concrete(contract, frame.columns)
    names = {rule.id: f"_lists {rule.id}" for rule in contract.rules if rule.scope == "row" and rule.id in listed}
    frame = frame.with_columns(
        rows.get_column(FAILED_RULES).list.contains(id).alias(name) for id, name in names.items()
    )
    columns = (*contract.columns, *(ColumnSpec(name, pl.Boolean()) for name in names.values()))
    rules = tuple(
        replace(_lenient(rule), test=Test(~pl.col(names[rule.id]))) for rule in contract.rules if rule.id in names
    )
    return evaluate(replace(contract, columns=columns, rules=rules), frame).tallies
