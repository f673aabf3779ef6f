"""Each rule over all rows, once: how many fail it, and which.

Rules that look at one row alone are tried on slices of the rows, together, so that what an expression needs on its
way is bounded by a slice. What stays is one bit a row, for rules that fail somewhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from batchops.contract.arriving import Fitted
from batchops.contract.capturing import run_closed
from batchops.contract.terms import Contract, Rule

__all__ = ["Outcome", "outcomes"]

SLICE = 1 << 18
"""Rows that an expression is tried on at once: large enough that nothing is lost by it."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """A rule over all rows.

    Attributes:
        evaluated, failed, unknown: Rows.
        mask: One bool a row, true where it fails, never null; None where no row fails.
    """

    evaluated: int
    failed: int
    unknown: int = 0
    mask: pl.Series | None = None


def _repeat(answer: bool, rows: int) -> pl.Series:
    return pl.repeat(answer, rows, dtype=pl.Boolean, eager=True)


def _all_or_none(failed: bool, rows: int) -> Outcome:
    return Outcome(rows, rows, mask=_repeat(True, rows)) if failed else Outcome(rows, 0)


def _of_mask(mask: pl.Series | None, rows: int) -> Outcome:
    """The outcome of one answer a row; null is no failure."""
    failed = 0 if mask is None else int(mask.sum())
    return Outcome(rows, failed, mask=mask.fill_null(False) if mask is not None and failed else None)


def _fails(rule: Rule) -> pl.Expr:
    """True where a row fails the rule; null only where that means a pass."""
    passes = rule.test.passes
    if passes is None:
        raise TypeError(rule.id)
    fails = passes.not_() if rule.test.null_passes else passes.fill_null(False).not_()
    return fails.alias(rule.id)


def _padded(pieces: list[pl.Series], rows: int) -> list[pl.Series]:
    """Pieces up to a row, those that were left out filled with False."""
    missing = rows - sum(map(len, pieces))
    return [*pieces, _repeat(False, missing)] if missing else pieces


def _masks(rows: pl.DataFrame, rules: Sequence[Rule], step: int) -> Mapping[str, pl.Series]:
    """One bool a row, true (or null) where it fails (or cannot say), of the rules that fail somewhere.

    Raises:
        pl.exceptions.PolarsError: A rule cannot be tried on these values.
    """
    found: dict[str, list[pl.Series]] = {}
    fails = [_fails(rule) for rule in rules]
    for start in range(0, rows.height, step):
        piece = rows.slice(start, step)
        masks = piece.select(fails)
        if masks.height != piece.height:
            raise pl.exceptions.ShapeError("not one answer a row")
        for mask in masks.iter_columns():
            if mask.any():
                found[mask.name] = [*_padded(found.get(mask.name, []), start), mask]
    return {id: pl.concat(_padded(pieces, rows.height)) for id, pieces in found.items()}


def _by_mask(rows: pl.DataFrame, rules: Iterable[Rule], step: int) -> Mapping[str, Outcome]:
    """Rules with one answer a row."""
    rules = tuple(rules)
    if not rules:
        return {}
    try:
        masks = _masks(rows, rules, step)
    except pl.exceptions.PolarsError:
        if len(rules) == 1:
            return {rules[0].id: Outcome(0, 0, rows.height)}
        # One author's expression failed on a value; the others still have their answers.
        return {id: found for rule in rules for id, found in _by_mask(rows, (rule,), step).items()}
    return {rule.id: _of_mask(masks.get(rule.id), rows.height) for rule in rules}


def _at_once(rows: pl.DataFrame, rules: Iterable[Rule]) -> Mapping[str, Outcome]:
    """Rules with one answer for all rows."""
    rules = tuple(rules)
    if not rules:
        return {}
    try:
        answers = rows.select(_fails(rule).any(ignore_nulls=True) for rule in rules).row(0, named=True)
    except pl.exceptions.PolarsError:
        if len(rules) == 1:
            return {rules[0].id: Outcome(0, 0, rows.height)}
        return {id: found for rule in rules for id, found in _at_once(rows, (rule,)).items()}
    return {id: _all_or_none(bool(failed), rows.height) for id, failed in answers.items()}


def _obeyed(rows: pl.DataFrame, rules: Sequence[Rule]) -> frozenset[str]:
    """Ids of rules with a cheaper count of failing rows, where that is 0."""
    counts = [rule.test.failures.alias(rule.id) for rule in rules if rule.test.failures is not None]
    found = rows.select(counts).row(0, named=True) if counts else {}
    return frozenset(id for id, failed in found.items() if failed == 0)


def _by_pandera(rule: Rule, rows: pl.DataFrame) -> Outcome:
    """A check that only Pandera can run."""
    passes = run_closed(rule.test, rows)
    if passes is None:
        return Outcome(0, 0, rows.height)
    fails = ~passes.fill_null(rule.test.null_passes)
    if len(fails) == rows.height and rule.test.aligned is not False:
        return _of_mask(fails, rows.height)
    return _all_or_none(fails.any(), rows.height)


def outcomes(contract: Contract, fitted: Fitted, answers: Mapping[str, pl.Series]) -> Mapping[str, Outcome]:
    """Every rule of a contract over some rows.

    Args:
        answers: Of rules of scope ``dataset``, by id: one bool a row, true where it fails.
    """
    rows, height = fitted.rows, fitted.rows.height
    blind = {*fitted.check.missing, *fitted.check.unusable, *fitted.check.absent}
    seeing = [rule for rule in contract.rules if not blind & {*rule.columns}]
    found = {rule.id: Outcome(0, 0, height) for rule in contract.rules}
    for rule in seeing:
        if rule.scope == "dataset" and rule.id in answers:
            found[rule.id] = _of_mask(answers[rule.id], height)
        elif rule.scope != "dataset" and rule.test.passes is None:
            found[rule.id] = _by_pandera(rule, rows)
    open_ = [rule for rule in seeing if rule.scope != "dataset" and rule.test.passes is not None]
    obeyed = _obeyed(rows, open_)
    found |= {id: Outcome(height, 0) for id in obeyed}
    left = [rule for rule in open_ if rule.id not in obeyed]
    found |= _at_once(rows, (rule for rule in left if not rule.test.aligned))
    found |= _by_mask(rows, (rule for rule in left if rule.test.aligned and rule.scope == "row"), SLICE)
    found |= _by_mask(rows, (rule for rule in left if rule.test.aligned and rule.scope != "row"), max(height, 1))
    return found
