"""Rows on trial: which pass some rules, and which rules each of them fails."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import polars as pl

from batchops.contract import FAILED_RULES, ROW, Contract, Rule, evaluate
from batchops.contract.capturing import run_closed
from batchops.contract.locating import place_of
from batchops.errors import ContractError

__all__ = ["Judged", "acts_by_row", "children", "every_rule_counts", "judged", "passing", "place", "refusal"]


BREAKING = 2_048
"""Rows among which those that break a check are looked for."""


@dataclass(frozen=True, slots=True)
class Judged:
    """What a contract says of some rows.

    Attributes:
        failing: Row -> the rules that it fails; only rows that fail any.
        unanswered: Rules that had no answer for some of the rows.
    """

    failing: Mapping[int, frozenset[str]]
    unanswered: frozenset[str]

    @property
    def rules(self) -> frozenset[str]:
        """All rules that some row fails."""
        return frozenset().union(*self.failing.values())


def children(expr: pl.Expr) -> list[pl.Expr]:
    """The parts an expression is made of, one level down; none where polars does not say."""
    try:
        return expr.meta.pop()
    except pl.exceptions.PolarsError:
        return []


def every_rule_counts(contract: Contract) -> Contract:
    """The contract, with every failing row set aside: those that only warn are as interesting to a test."""
    return replace(contract, rules=tuple(replace(rule, action="quarantine") for rule in contract.rules))


def _passes(rule: Rule, frame: pl.DataFrame) -> pl.Series:
    """One bool a row; a rule that has no answer is not passed."""
    answer = _answer(rule, frame)
    if answer is not None:
        return answer.fill_null(rule.test.null_passes)
    if not 1 < frame.height <= BREAKING:
        return pl.repeat(False, frame.height, dtype=pl.Boolean, eager=True)
    # It broke on some value: the others may have an answer.
    half = frame.height // 2
    return pl.concat([_passes(rule, frame[:half]), _passes(rule, frame[half:])])


def _answer(rule: Rule, frame: pl.DataFrame) -> pl.Series | None:
    try:
        answer = (
            run_closed(rule.test, frame) if rule.test.passes is None else frame.select(rule.test.passes).to_series()
        )
    except pl.exceptions.PolarsError:
        return None
    return answer if answer is not None and len(answer) == frame.height else None


def acts_by_row(rule: Rule, frame: pl.DataFrame) -> bool:
    """Whether a check that nobody can see into answers for each of these rows as it does for the row alone."""
    together = _answer(rule, frame)
    alone = [_answer(rule, frame[row]) for row in range(frame.height)]
    if together is None or any(each is None for each in alone):
        return False
    return together.to_list() == [value for each in alone if each is not None for value in each]


def passing(rules: Iterable[Rule], frame: pl.DataFrame) -> pl.Series:
    """Which rows pass all of some rules that need one row alone, or may be tried as if."""
    passes = pl.repeat(True, frame.height, dtype=pl.Boolean, eager=True)
    for rule in rules:
        if frame.is_empty():
            break
        passes &= _passes(rule, frame)
    return passes


def judged(contract: Contract, frame: pl.DataFrame, answers: Mapping[str, pl.Series]) -> Judged:
    """Try all rules of a contract in which every rule counts."""
    found = evaluate(contract, frame, answers)
    rows = found.quarantined.select(ROW, FAILED_RULES).iter_rows()
    unanswered = frozenset(id for id, tally in found.tallies.rules.items() if tally.unknown)
    return Judged({row: frozenset(rules) for row, rules in rows}, unanswered)


def place(contract: Contract, id: str = "") -> str:
    """Where a rule is written, as errors name it: ``schemas/flights.py:31, distance.in_range``."""
    written = place_of(contract, id) if any(rule.id == id for rule in contract.rules) else ""
    return f"{written}, {id}" if written else f"contract {contract.name}{'.' if id else ''}{id}"


def refusal(contract: Contract, rules: Sequence[Rule], rows: pl.DataFrame, what: str) -> ContractError:
    """The error that no sample obeys some rules, naming the one that refuses most of these rows."""
    passed = {rule.id: int(passing((rule,), rows).sum()) for rule in rules if {*rule.columns} <= {*rows.columns}}
    worst = min(passed, key=lambda id: passed[id], default="")
    words = next((rule.words for rule in rules if rule.id == worst), "its dtype")
    remedy = "Give rows of your own to draw from (like=), or write the rule with fewer steps"
    return ContractError(place(contract, worst), f"{what} ({words})", remedy)
