"""Rows that break one rule: a good frame, made wrong in as little as it takes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from batchops.contract import KEY_UNIQUE_OVER_NIGHTS, Contract, Rule, compile_contract
from batchops.contract.arriving import fit_rows
from batchops.contract.patterns import concrete
from batchops.errors import ContractError, did_you_mean
from batchops.testing.answering import answers, keys_in
from batchops.testing.mutating import Change, changes, damaged_frames, noise
from batchops.testing.planning import Plan, planned
from batchops.testing.rows import answered, judged, place
from batchops.testing.spoiling import spoiled

__all__ = ["Mutant", "broken", "mutants_fail", "violate"]

ROWS = 24
"""Rows that are made wrong in every way at once."""

WILD = 3_000
PAIRS = 12
FEW = 12

ENOUGH = 3
"""Ways of breaking a rule that have to be found before anything is said of all of them."""

Tried = tuple[str, Sequence[int], pl.DataFrame]
"""How rows were changed, where they stood, and the rows."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """A frame that a rule refuses.

    Attributes:
        words: What was made wrong, without a value of it.
        others: Rules that it breaks besides.
        implied: Rules that everything breaks that breaks this one; known only where several ways were found.
        breaks: Some values make the rule raise.
    """

    frame: pl.DataFrame
    words: str
    others: frozenset[str] = frozenset()
    implied: frozenset[str] = frozenset()
    breaks: bool = False


@dataclass(frozen=True, slots=True)
class _Kills:
    """Changed rows that break a rule.

    Attributes:
        rows: All changed rows.
        found: Of those that break it: position among them, where it stood in the frame, how it was changed, and all
            rules that it breaks.
        breaks: The rule raised on some of the changed rows.
    """

    rows: pl.DataFrame
    found: Sequence[tuple[int, int, str, frozenset[str]]]
    breaks: bool


def _by_row(plan: Plan, rule: Rule) -> Plan:
    """The plan with the rules that a row can be tried on by itself: one of all rows would see the others' ruins."""
    references = {each.rule for each in plan.contract.references}
    kept = tuple(each for each in plan.contract.rules if each.scope == "row" or each.id in references)
    return replace(plan, contract=replace(plan.contract, rules=kept if rule in kept else (*kept, rule)))


def _kills(plan: Plan, rule: Rule, tried: Sequence[Tried]) -> _Kills:
    """Of changed rows, those that break a rule."""
    rows = pl.concat([frame for _, _, frame in tried])
    origins = [(at, words) for words, places, _ in tried for at in places]
    found = judged(plan.contract, rows, answers(plan.contract, rows, plan.known))
    kept = list(range(rows.height))
    if breaks := rule.id in found.unanswered:
        # It breaks on some of these rows, and so has no answer for any of them.
        kept = answered(rule, rows).not_().fill_null(False).arg_true().to_list()
        found = judged(plan.contract, rows[kept], answers(plan.contract, rows[kept], plan.known))
    killed = [(kept[row], *origins[kept[row]], failed) for row, failed in found.failing.items() if rule.id in failed]
    return _Kills(rows, killed, breaks)


def _changed(made: Iterable[Change], places: Sequence[int], rows: pl.DataFrame) -> list[Tried]:
    return [(f"{each.column} {each.words}", places, rows.with_columns(each.values)) for each in made]


def _attempts(plan: Plan, rule: Rule, frame: pl.DataFrame) -> Iterator[list[Tried]]:
    """Changed rows: in one column; in one column of many more rows; in two; in all at random."""
    rng = np.random.default_rng(plan.seed)
    names = plan.rules[rule.id][1] if rule.id in plan.rules else rule.columns
    for count in (ROWS, 40 * ROWS):
        places = sorted(int(each) for each in rng.permutation(frame.height)[:count])
        rows = frame[places]
        yield [each for name in names for each in _changed(changes(plan, rule, name, rows), places, rows)]
    places = sorted(int(each) for each in rng.permutation(frame.height)[:FEW])
    rows = frame[places]
    for one, other in list(combinations(names, 2))[:PAIRS]:
        yield [
            (f"{one} {first.words}, {words}", places, both)
            for first in changes(plan, rule, one, rows)
            for words, _, both in _in_second(plan, rule, other, places, rows.with_columns(first.values))
        ]
    at = [int(each) for each in rng.integers(0, frame.height, WILD)]
    yield [("several columns at random", at, noise(plan, tuple(names), frame[at]))]


def _in_second(plan: Plan, rule: Rule, column: str, places: Sequence[int], rows: pl.DataFrame) -> list[Tried]:
    found = _changed(changes(plan, rule, column, rows), places, rows)
    return found[:: max(1, len(found) // FEW)]


def _row_mutant(plan: Plan, rule: Rule, frame: pl.DataFrame, before: frozenset[str]) -> Mutant | None:
    alone = _by_row(plan, rule)
    tries = (_kills(alone, rule, tried) for tried in _attempts(plan, rule, frame) if tried)
    kills = next((each for each in tries if each.found), None)
    if kills is None:
        return None
    at, row, words, _ = min(kills.found, key=lambda kill: len(kill[-1]))
    ruined = pl.concat([frame[:row], kills.rows[at], frame[row + 1 :]])
    common = frozenset.intersection(*(failed for *_, failed in kills.found)) - {rule.id}
    several = len({words for _, _, words, _ in kills.found}) >= ENOUGH
    others = _failed(plan, ruined) - before - {rule.id}
    return Mutant(ruined, words, others, common if several else frozenset(), kills.breaks)


def _failed(plan: Plan, frame: pl.DataFrame) -> frozenset[str]:
    return judged(plan.contract, frame, answers(plan.contract, frame, plan.known)).rules


def _frame_mutant(plan: Plan, rule: Rule, frame: pl.DataFrame, before: frozenset[str]) -> Mutant | None:
    best: Mutant | None = None
    for words, damaged in damaged_frames(plan, rule, frame):
        failed = _failed(plan, damaged) if damaged.height else frozenset()
        others = failed - before - {rule.id}
        if rule.id in failed and (best is None or len(others) < len(best.others)):
            best = Mutant(damaged, words, others)
            if not others:
                break
    return best


def mutants_fail(rule: Rule) -> bool:
    """Whether a frame alone can break the rule: what other nights held is in none."""
    return rule.id != KEY_UNIQUE_OVER_NIGHTS


def broken(plan: Plan, rule: Rule, frame: pl.DataFrame, before: frozenset[str] = frozenset()) -> Mutant | None:
    """A frame made wrong so that a rule refuses it; None where none is found.

    Args:
        frame: Rows that the contract accepts, or as good as there are.
        before: Rules that it fails already.
    """
    if frame.is_empty() or not mutants_fail(rule):
        return None
    # What cannot be read is taken to hold exactly what the rows refer to.
    plan = replace(plan, known={**keys_in(plan.contract, frame), **plan.known})
    references = {each.rule for each in plan.contract.references}
    of_a_row = rule.scope == "row" or rule.id in references
    return (_row_mutant if of_a_row else _frame_mutant)(plan, rule, frame, before)


def violate(
    contract: Any, frame: pl.DataFrame, rule_id: str, seed: int = 0, project: Path | None = None
) -> pl.DataFrame:
    """Make a frame wrong so that one rule refuses at least one of its rows, and as few other rules as possible.

    Args:
        contract: A Pandera model, or a compiled contract.
        frame: Rows that the contract accepts (`sample_frame`, or your own). What comes back has the contract's columns
            in its own dtypes.
        rule_id: A rule of the contract, or of its schema: ``schema.missing_column:amount``, ``schema.dtype:amount``.
        seed: The same seed gives the same frame.
        project: Folder that paths of other datasets start from; the current one by default.

    Raises:
        ContractError: There is no such rule, or no such frame is found.
    """
    compiled = contract if isinstance(contract, Contract) else compile_contract(contract)
    if rule_id.startswith("schema."):
        return spoiled(compiled, frame, rule_id)
    named = concrete(compiled, frame.columns)
    plan = planned(named, max(1, frame.height), seed, Path() if project is None else project, frame)
    rule = next((rule for rule in plan.contract.rules if rule.id == rule_id), None)
    if rule is None:
        known = [rule.id for rule in compiled.rules]
        raise ContractError(place(compiled), f"has no rule {rule_id!r}", did_you_mean(rule_id, known))
    rows = fit_rows(plan.contract, frame).rows
    mutant = broken(plan, rule, rows, _failed(plan, rows))
    if mutant is None:
        raise ContractError(place(compiled, rule_id), "no row that breaks it is found", "Make sure that it can fail")
    return mutant.frame
