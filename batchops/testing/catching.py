"""Every rule of a contract on trial: a good sample is accepted, and whatever a rule forbids is caught."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import polars as pl

from batchops.contract import Contract, Rule, compile_contract
from batchops.errors import ContractError
from batchops.testing.domains import Domain, builtin_of, narrowed
from batchops.testing.mutating import noise
from batchops.testing.planning import Plan, planned
from batchops.testing.rows import place, written
from batchops.testing.sampling import sampled
from batchops.testing.scales import counted, is_counted, limits
from batchops.testing.violating import broken, mutants_fail

__all__ = ["Outcome", "Trial", "assert_contract_catches", "prepared", "tried", "try_contract"]

Outcome = Literal["caught", "vacuous", "untested"]

MANY = 1_000


@dataclass(frozen=True, slots=True)
class Trial:
    """What became of one rule.

    Attributes:
        rule: Its id.
        words: The rule for a reader.
        place: Where it is written: ``schemas/flights.py:31``.
        outcome: ``caught``: a row that breaks it was found, and is refused; ``vacuous``: nothing that was tried breaks
            it; ``untested``: it looks at other nights, or its column has a default.
        mutant: How a good row was made wrong, without a value of it; empty where none was found.
        others: Rules that the same row breaks too.
        implied: Rules that everything breaks that breaks this one.
        reason: Why it may be that nothing breaks it.
        breaks: Some values make it raise: it then has no answer for any row of their file.
    """

    rule: str
    words: str
    place: str
    outcome: Outcome
    mutant: str = ""
    others: tuple[str, ...] = ()
    implied: tuple[str, ...] = ()
    reason: str = ""
    breaks: bool = False

    def __str__(self) -> str:
        """One line; what was not caught with its place, its words and the reason."""
        return (
            f"{self.place}: {self.rule} ({self.words}): {self.reason}" if self.reason else f"{self.rule}: {self.mutant}"
        )


def _has_all(rule: Rule, dtype: pl.DataType) -> bool:
    """Whether a rule's list or bounds leave all values of a dtype."""
    domain = narrowed(Domain(), rule)
    if isinstance(dtype, pl.Enum) and domain.among is not None:
        return {*dtype.categories.to_list()} <= {*domain.among}
    if dtype == pl.Boolean and domain.among is not None:
        return {True, False} <= {*domain.among}
    if not is_counted(dtype) or domain.among is not None or domain.barred:
        return False
    low, high = counted(dtype, domain.low), counted(dtype, domain.high, up=False)
    least, most = limits(dtype)
    return (low is None or low <= least) and (high is None or high >= most)


def _answers_null(plan: Plan, rule: Rule, frame: pl.DataFrame) -> bool | None:
    """Whether a rule answers null, and never false, on wild rows; None where it has no answer at all."""
    rows = noise(plan, rule.columns, frame[[place % frame.height for place in range(MANY)]])
    if rule.test.passes is None:
        return False
    try:
        answer = rows.select(rule.test.passes).to_series()
    except pl.exceptions.PolarsError:
        return None
    present = rows.select(pl.all_horizontal(pl.col(*rule.columns).is_not_null())).to_series()
    return bool((answer.is_null() & present).any()) and not (~answer).any()


def _why(plan: Plan, rule: Rule, frame: pl.DataFrame) -> str:
    """Why it may be that nothing breaks a rule."""
    columns = [each for each in plan.contract.columns if each.name in rule.columns]
    if builtin_of(rule) and len(columns) == 1 and _has_all(rule, columns[0].dtype):
        return f"it leaves all that a column of type {columns[0].dtype.base_type().__name__} can hold"
    if rule.test.passes is not None and rule.test.check is not None:
        if not rule.test.passes.meta.root_names():
            return "it reads no column"
        nulls = _answers_null(plan, rule, frame)
        if nulls is None:
            return "it has no answer where a value is unusual: polars raises, and that is no failing row"
        if nulls and rule.test.null_passes:
            return "where it does not hold it answers null, and null passes; say ignore_na=False, or fill_null(False)"
    return "nothing that was tried breaks it: another rule may leave it nothing to refuse, or it is always true"


def tried(plan: Plan, rule: Rule, frame: pl.DataFrame) -> Trial:
    """What becomes of a rule on trial.

    Args:
        frame: Rows that the plan's contract accepts.
    """
    where = written(plan.contract, rule.id) or place(plan.contract)
    if not mutants_fail(rule):
        return Trial(rule.id, rule.words, where, "untested", reason="it looks at other nights")
    if rule.test.check is None and rule.scope == "row" and plan.contract.column(rule.columns[0]).default is not None:
        return Trial(rule.id, rule.words, where, "untested", reason="what is missing becomes the column's default")
    mutant = broken(plan, rule, frame)
    if mutant is None:
        return Trial(rule.id, rule.words, where, "vacuous", reason=_why(plan, rule, frame))
    others, implied = tuple(sorted(mutant.others)), tuple(sorted(mutant.implied))
    return Trial(rule.id, rule.words, where, "caught", mutant.words, others, implied, breaks=mutant.breaks)


def prepared(
    contract: Any, like: pl.DataFrame | None = None, seed: int = 0, n: int = 200, project: Path | None = None
) -> tuple[Plan, pl.DataFrame]:
    """What rules are tried with: made-up rows that the contract accepts, and how they were made.

    Args:
        contract, like, seed, n, project: As in `try_contract`.

    Raises:
        ContractError: No such rows are found.
    """
    compiled = contract if isinstance(contract, Contract) else compile_contract(contract)
    plan = planned(compiled, n, seed, Path() if project is None else project, like)
    try:
        return plan, sampled(plan, n)
    except ContractError:
        if plan.like is None or plan.like.height >= n:
            raise
    # Of a few rows of the author's own, no more can be made: their keys are theirs.
    return plan, sampled(plan, plan.like.height)


def try_contract(
    contract: Any, like: pl.DataFrame | None = None, seed: int = 0, n: int = 200, project: Path | None = None
) -> tuple[Trial, ...]:
    """Make up rows that a contract accepts, then, rule by rule, rows that it must refuse.

    Args:
        contract: A Pandera model, or a compiled contract.
        like: Rows of your own to draw from; those of the model's method ``examples`` where none are given.
        seed: The same seed tries the same rows.
        n: Rows of the sample.
        project: Folder that paths of other datasets start from; the current one by default.

    Returns:
        One trial a rule, in the contract's order.

    Raises:
        ContractError: No rows that it accepts are found.
    """
    plan, frame = prepared(contract, like, seed, n, project)
    return tuple(tried(plan, rule, frame) for rule in plan.contract.rules)


def assert_contract_catches(
    contract: Any, like: pl.DataFrame | None = None, seed: int = 0, n: int = 200, project: Path | None = None
) -> tuple[Trial, ...]:
    """Assert that a contract accepts a good sample, and that every rule of it refuses something.

    Args:
        contract, like, seed, n, project: As in `try_contract`.

    Raises:
        AssertionError: Nothing breaks some rules; it names them.
        ContractError: No rows that it accepts are found.
    """
    trials = try_contract(contract, like, seed, n, project)
    vacuous = [str(trial) for trial in trials if trial.outcome == "vacuous"]
    if vacuous:
        rules = "rule" if len(vacuous) == 1 else "rules"
        raise AssertionError("\n".join([f"nothing breaks {len(vacuous)} {rules} of {len(trials)}:", *vacuous]))
    return trials
