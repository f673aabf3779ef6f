"""Rows on trial: which pass some rules, and which rules each of them fails."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from batchops.contract import FAILED_RULES, ROW, Contract, Rule, compile_contract, evaluate
from batchops.contract.capturing import run_closed
from batchops.contract.locating import place_of
from batchops.errors import ContractError

__all__ = [
    "Judged",
    "acts_by_row",
    "answered",
    "children",
    "every_rule_counts",
    "judged",
    "passing",
    "place",
    "refusal",
    "written",
]


BREAKING = 400
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
    """One bool a row; a row that a rule has no answer for is not passed."""
    return answered(rule, frame).fill_null(False)


def answered(rule: Rule, frame: pl.DataFrame) -> pl.Series:
    """A rule's answer for every row; null where it breaks, and where that took too long to find out."""
    answer = _answer(rule, frame)
    if answer is not None:
        return answer.fill_null(rule.test.null_passes)
    asked = np.unique(np.linspace(0, frame.height - 1, BREAKING).astype(int)) if frame.height else np.arange(0)
    alone = pl.DataFrame({"at": asked, "answer": _halved(rule, frame[asked])})
    return pl.DataFrame({"at": np.arange(frame.height)}).join(alone, "at", how="left", maintain_order="left")["answer"]


def _halved(rule: Rule, frame: pl.DataFrame) -> pl.Series:
    """A rule's answers where it broke on some row: the others may have one."""
    answer = _answer(rule, frame)
    if answer is not None:
        return answer.fill_null(rule.test.null_passes)
    if frame.height < 2:
        return pl.Series([None] * frame.height, dtype=pl.Boolean)
    half = frame.height // 2
    return pl.concat([_halved(rule, frame[:half]), _halved(rule, frame[half:])])


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
    """Which rows pass all of some rules that need one row alone, or may be tried as if.

    What polars can try comes first: checks that only Pandera can run are slow, and may break on what others refuse.
    """
    rows = np.arange(frame.height)
    for rule in sorted(rules, key=lambda rule: rule.test.passes is None):
        if not len(rows):
            break
        left = frame if len(rows) == frame.height else frame[rows]
        rows = rows[_passes(rule, left).arg_true().to_numpy()]
    passes = np.zeros(frame.height, bool)
    passes[rows] = True
    return pl.Series(passes)


def judged(contract: Contract, frame: pl.DataFrame, answers: Mapping[str, pl.Series]) -> Judged:
    """Try all rules of a contract in which every rule counts."""
    found = evaluate(contract, frame, answers)
    rows = found.quarantined.select(ROW, FAILED_RULES).iter_rows()
    unanswered = frozenset(id for id, tally in found.tallies.rules.items() if tally.unknown)
    return Judged({row: frozenset(rules) for row, rules in rows}, unanswered)


def written(contract: Contract, id: str) -> str:
    """File and line of a rule, ``schemas/flights.py:31``; empty where they cannot be found."""
    # As its author wrote it: columns of a pattern stand at the pattern.
    source = contract if contract.model is None else compile_contract(contract.model)
    return place_of(source, id) if any(rule.id == id for rule in source.rules) else ""


def place(contract: Contract, id: str = "") -> str:
    """Where a rule is written, as errors name it: ``schemas/flights.py:31, distance.in_range``."""
    found = written(contract, id)
    return f"{found}, {id}" if found else f"contract {contract.name}{'.' if id else ''}{id}"


def refusal(contract: Contract, rules: Sequence[Rule], rows: pl.DataFrame, what: str) -> ContractError:
    """The error that no sample obeys some rules, naming the one that refuses most of these rows."""
    passed = {rule.id: int(passing((rule,), rows).sum()) for rule in rules if {*rule.columns} <= {*rows.columns}}
    worst = min(passed, key=lambda id: passed[id], default="")
    words = next((rule.words for rule in rules if rule.id == worst), "its dtype")
    remedy = "Give rows of your own to draw from: like=, or a method `examples` of the model"
    return ContractError(place(contract, worst), f"{what} ({words})", remedy)
