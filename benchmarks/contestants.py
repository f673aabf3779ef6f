"""What is measured: one function a contestant, from rows to what it finds wrong with them."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pandera.errors
import polars as pl
from pandera.config import ValidationDepth, config_context

from batchops.contract import compile_contract, evaluate
from batchops.run.inputs import BATCH
from benchmarks.orders import RULES, Asked, Orders

__all__ = ["CONTESTANTS", "Found", "contestant"]


@dataclass(frozen=True, slots=True)
class Found:
    """What a contestant has of the rows.

    Attributes:
        failed: Failures of all rules together.
        quarantine: The rows that fail something, with what they fail; None where it only counts.
        accepted: The others; None where they are not asked for, or were handed on batch by batch.
    """

    failed: int
    quarantine: pl.DataFrame | None = None
    accepted: pl.DataFrame | None = None


def _counted(frame: pl.DataFrame) -> Mapping[str, int]:
    return frame.select(rule.count.alias(rule.id) for rule in RULES).row(0, named=True)


def raw_counts(frame: pl.DataFrame) -> Found:
    """One select of as many counts as there are rules."""
    return Found(sum(_counted(frame).values()))


def _failing(frame: pl.DataFrame) -> tuple[int, list[Asked]]:
    counts = _counted(frame)
    return sum(counts.values()), [rule for rule in RULES if counts[rule.id]]


def raw_two_phases(frame: pl.DataFrame) -> Found:
    """The counts, and the failing rows with the list of what they fail, as one would write it."""
    failed, rules = _failing(frame)
    if not rules:
        return Found(failed, frame.clear())
    names = pl.concat_list(pl.when(rule.fails).then(pl.lit(rule.id)) for rule in rules).list.drop_nulls()
    return Found(failed, frame.filter(pl.any_horizontal(rule.fails for rule in rules)).with_columns(failed_rules=names))


def _lean(frame: pl.DataFrame, accepting: bool) -> Found:
    failed, rules = _failing(frame)
    if not rules:
        return Found(failed, frame.clear(), frame if accepting else None)
    bad = frame.select(pl.any_horizontal(rule.fails for rule in rules)).to_series().fill_null(False)
    rows = frame.filter(bad)
    bits = (rule.fails.fill_null(False).cast(pl.Int64) * (1 << bit) for bit, rule in enumerate(rules))
    packed = rows.select(pl.sum_horizontal(bits).alias("bits"))
    ways = packed.unique()
    spelled = [[rule.id for bit, rule in enumerate(rules) if way >> bit & 1] for way in ways["bits"]]
    ways = ways.with_columns(failed_rules=pl.Series(spelled, dtype=pl.List(pl.String)))
    lists = packed.join(ways, on="bits", how="left", maintain_order="left")
    return Found(failed, rows.with_columns(lists["failed_rules"]), frame.filter(~bad) if accepting else None)


def raw_lean(frame: pl.DataFrame) -> Found:
    """The same with the fastest way to make the list that we know: polars is slow to make lists of many columns."""
    return _lean(frame, False)


def raw_lean_accepting(frame: pl.DataFrame) -> Found:
    """And the rows that fail nothing, without which there is nothing to score: batch by batch, as a night has them."""
    return _by_batch(frame, lambda batch, _: _lean(batch, True))


def _by_batch(frame: pl.DataFrame, validate: Callable[[pl.DataFrame, int], Found]) -> Found:
    """Failures and quarantine of all batches; what is accepted of one is gone when the next one comes."""
    failed, aside = 0, list[pl.DataFrame | None]()
    for start in range(0, frame.height, BATCH):
        found = validate(frame.slice(start, BATCH), start)
        failed, aside = failed + found.failed, [*aside, found.quarantine]
        del found
    return Found(failed, pl.concat([rows for rows in aside if rows is not None], how="diagonal"))


CONTRACT = compile_contract(Orders)


def _ours(frame: pl.DataFrame, start: int) -> Found:
    found = evaluate(CONTRACT, frame, start=start)
    failed = sum(tally.failed for tally in found.tallies.rules.values())
    return Found(failed, found.quarantined, found.accepted)


def ours(frame: pl.DataFrame) -> Found:
    """As a night does it, batch by batch."""
    return _by_batch(frame, _ours)


def ours_at_once(frame: pl.DataFrame) -> Found:
    """As a night does it with a rule that needs its whole partition: all accepted rows are held."""
    return _ours(frame, 0)


SCHEMA = Orders.to_schema()


def by_pandera(frame: pl.DataFrame) -> Found:
    """Its report has the failing values, not the rows."""
    with config_context(validation_depth=ValidationDepth.DATA_ONLY):
        try:
            SCHEMA.validate(frame, lazy=True)
        except pandera.errors.SchemaErrors as errors:
            return Found(errors.failure_cases.height)
    return Found(0)


CONTESTANTS: Mapping[str, Callable[[pl.DataFrame], Found]] = {
    "raw counts": raw_counts,
    "raw two phases": raw_two_phases,
    "raw two phases, lean": raw_lean,
    "raw two phases, lean, with good rows": raw_lean_accepting,
    "batchops": ours,
    "batchops, at once": ours_at_once,
    "pandera": by_pandera,
}
"""Those that need nothing but what batchops needs."""


def contestant(name: str) -> Callable[[pl.DataFrame], Found]:
    """A contestant by name; others than `CONTESTANTS` are libraries with a module of their own here."""
    if name in CONTESTANTS:
        return CONTESTANTS[name]
    found: Callable[[pl.DataFrame], Found] = importlib.import_module(f"benchmarks.by_{name}").validate
    return found
