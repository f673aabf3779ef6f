"""Rows that a contract accepts, made up: what nobody's data has to be borrowed for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
import polars as pl

from batchops.contract import Contract, Rule, compile_contract
from batchops.errors import ContractError
from batchops.testing.answering import answers
from batchops.testing.columns import USUAL, Supply, accepted, drawn, literals
from batchops.testing.planning import Plan, planned
from batchops.testing.rows import Judged, judged, passing, place, refusal
from batchops.testing.scales import counted, is_counted, of_counts
from batchops.testing.solving import solve

__all__ = ["sample_frame", "sampled"]

FEW = 64
"""Values up to which each is tried as the one that most rows have."""

SPARE = 3
"""Times as many rows as are wanted, where some may have to go."""


def _part(plan: Plan, part: tuple[str, ...], rows: int) -> pl.DataFrame:
    """Rows of the columns that belong together.

    Raises:
        ContractError: No row obeys the rules between them.
    """
    if part in plan.made and plan.made[part].height == rows:
        return plan.made[part]
    rng = np.random.default_rng([plan.seed, crc32(part[0].encode())])
    if len(part) == 1:
        distinct = any(part[0] in names for names in plan.uniques)
        found = drawn(plan.supplies[part[0]], rows, rng, distinct).to_frame()
    else:
        rules = {id: read for id, read in plan.rules.items() if {*read[1]} <= {*part}}
        start = _given(plan, part, rows, rng)
        supplies = [plan.supplies[name] for name in part if start is None or name not in start.columns]
        found, refused = solve(rules, supplies, start, rows, rng)
        if found.is_empty():
            tried = pl.DataFrame([drawn(plan.supplies[name], USUAL, rng) for name in part])
            suspects = [rules[refused][0]] if refused else [rule for rule, _ in rules.values()]
            raise refusal(plan.contract, suspects, tried, "no rows that obey it are found")
    plan.made[part] = found
    return found


def _given(plan: Plan, part: tuple[str, ...], rows: int, rng: np.random.Generator) -> pl.DataFrame | None:
    """Columns of a part that are drawn together: from the author's rows, or from another dataset; None: none are."""
    if plan.like is not None and (names := [name for name in part if name in plan.like.columns]):
        return plan.like.select(names)[rng.integers(0, plan.like.height, rows)]
    for reference in plan.contract.references:
        keys = plan.known.get(reference.rule)
        if len(reference.columns) > 1 and keys is not None and {*reference.columns} <= {*part} and keys.height:
            schema = {name: plan.contract.schema[name] for name in reference.columns}
            return keys[rng.integers(0, keys.height, rows)].cast(schema, strict=False)  # type: ignore[arg-type]
    return None


def _drawn(plan: Plan, rows: int, n: int) -> pl.DataFrame:
    """At most ``n`` of ``rows`` rows that are made up: duplicates and rows that stand out are left out."""
    frame = pl.concat([_part(plan, part, rows) for part in plan.parts], how="horizontal")
    frame = frame.select(plan.contract.schema.names())
    for names in plan.uniques:
        frame = frame.unique(names, keep="first", maintain_order=True)
    if plan.order:
        frame = frame[:n].sort([name for name, _ in plan.order], descending=[down for _, down in plan.order])
    for _ in range(4):
        kept = frame.filter(passing([rule for rule in plan.whole if rule.test.aligned], frame))
        if kept.height == frame.height or kept.height < n:
            break
        frame = kept
    return frame[:n]


def _failing(plan: Plan, frame: pl.DataFrame) -> Judged:
    return judged(plan.contract, frame, answers(plan.contract, frame, plan.known))


def _windows(supply: Supply) -> Iterator[Supply]:
    """A supply, narrowed: without null, then to lower, upper and middle values, to fewer and fewer, to one."""
    if supply.nulls:
        yield replace(supply, nulls=0.0)
    values = supply.values if supply.values.dtype.is_nested() else supply.values.sort()
    size = len(values)
    for share in (0.5, 0.25, 0.1, 0.02):
        width = max(1, round(size * share))
        for start in dict.fromkeys((0, size - width, (size - width) // 2)):
            yield Supply(values[start : start + width])
    for at in dict.fromkeys(int(each) for each in np.linspace(0, max(0, size - 1), 12)):
        if size <= FEW:
            yield Supply(pl.concat([values, *[values[at : at + 1]] * (4 * size)]))
        yield Supply(values[at : at + 1])


def _groups(supply: Supply, rule: Rule) -> Iterator[Supply]:
    """As many different values as a constant of the rule says."""
    numbers = [] if rule.test.passes is None else literals(rule.test.passes)
    for number in numbers:
        if isinstance(number, int) and 1 < number < len(supply.values):
            yield Supply(supply.values[:number])


def _run(plan: Plan, name: str, n: int) -> Supply | None:
    """One value after the other; None where the dtype has no next one, or the column's own rules refuse some."""
    values, dtype = plan.supplies[name].values, plan.contract.schema[name]
    if not is_counted(dtype) or values.is_empty():
        return None
    low = counted(dtype, values.min(), up=False)
    run = None if low is None else accepted(plan.contract, of_counts(dtype, list(range(low, low + n))).alias(name))
    return None if run is None or len(run) < n else Supply(run)


def _narrower(plan: Plan, rule: Rule, n: int) -> Iterator[Plan]:
    """Other plans that may obey a rule of all rows: sorted, or with fewer values in one of its columns."""
    names = [name for name in rule.columns if len(rule.columns) <= 4 or name in plan.contract.features] or rule.columns
    for name in names:
        if not plan.contract.schema[name].is_nested():
            for down in (False, True):
                yield replace(plan, order=((name, down), *(each for each in plan.order if each[0] != name)))
    for name in names:
        (part,) = (part for part in plan.parts if name in part)
        made = {each: rows for each, rows in plan.made.items() if each != part}
        for supply in (*_windows(plan.supplies[name]), *_groups(plan.supplies[name], rule)):
            yield replace(plan, supplies={**plan.supplies, name: supply}, made={**made})
        if (run := _run(plan, name, n)) is not None:
            yield replace(plan, supplies={**plan.supplies, name: run}, made={**made}, order=((name, False),))


def _attempted(plan: Plan, rows: int, n: int) -> tuple[pl.DataFrame | None, frozenset[str]]:
    """Rows, where there are enough, and the rules they do not obey."""
    try:
        frame = _drawn(plan, rows, n)
    except ContractError:
        return None, frozenset()
    if frame.height < n:
        return None, frozenset()
    found = _failing(plan, frame)
    return frame, found.rules | found.unanswered


def _settled(plan: Plan, frame: pl.DataFrame, rows: int) -> pl.DataFrame:
    """Rows that obey the rules of all rows too: from one plan to the next whose rows obey more of them.

    Raises:
        ContractError: None is found.
    """
    found = _failing(plan, frame)
    failing = found.rules | found.unanswered
    while failing:
        rule = next((rule for rule in plan.contract.rules if rule.id in failing), None)
        better = None
        for other in _narrower(plan, rule, frame.height) if rule is not None and rule.scope == "partition" else ():
            tried, left = _attempted(other, rows, frame.height)
            if tried is not None and len(left) < len(failing):
                better = other, tried, left
                break
        if better is None:
            what = "no rows that obey it together are found"
            if found.unanswered & failing:
                what = "it breaks on all rows that are made up"
            raise refusal(plan.contract, [] if rule is None else [rule], frame, what)
        plan, frame, failing = better
    return frame


def _borrowed(plan: Plan, like: pl.DataFrame, n: int) -> pl.DataFrame | None:
    """The author's own rows, where there are enough of them that obey all rules; else None."""
    if like.height < n or len(like.columns) < len(plan.contract.columns):
        return None
    frame = like[np.sort(np.random.default_rng(plan.seed).permutation(like.height)[:n])]
    return None if _failing(plan, frame).failing else frame


def sampled(plan: Plan, n: int) -> pl.DataFrame:
    """``n`` rows that the plan's contract accepts.

    Raises:
        ContractError: There are not so many, or none.
    """
    borrowed = None if plan.like is None else _borrowed(plan, plan.like, n)
    if borrowed is not None:
        return borrowed
    spare = 1 if not plan.uniques and not plan.whole else SPARE
    for times in (spare, 4 * spare, 16 * spare):
        frame = _drawn(plan, times * n, n)
        if frame.height == n:
            return _settled(plan, frame, times * n)
    what = f"only {frame.height} rows of {n} are found that differ as they must"
    raise ContractError(place(plan.contract), what, "Ask for fewer rows (n=)")


def sample_frame(
    contract: Any, n: int = 100, seed: int = 0, like: pl.DataFrame | None = None, project: Path | None = None
) -> pl.DataFrame:
    """Make up rows that a contract accepts: every rule passes, those that only warn included.

    Args:
        contract: A Pandera model, or a compiled contract.
        n: Rows.
        seed: The same seed gives the same rows.
        like: Rows of your own to draw from, where a check asks for more than can be guessed.
        project: Folder that paths of other datasets start from; the current one by default. Where these can be read,
            values that refer to them are theirs.

    Raises:
        ContractError: No such rows are found; it names the rule.
    """
    compiled = contract if isinstance(contract, Contract) else compile_contract(contract)
    return sampled(planned(compiled, n, seed, Path() if project is None else project, like), n)
