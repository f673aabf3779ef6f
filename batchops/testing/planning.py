"""How rows of a contract are made up: a supply of values for every column, and which columns depend on each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random

import numpy as np
import polars as pl

from batchops.contract import ColumnSpec, Contract, Rule, evaluate
from batchops.contract.patterns import concrete
from batchops.errors import ContractError
from batchops.testing.answering import known_keys
from batchops.testing.columns import USUAL, Supply, accepted, as_series, drawn, plain, supply_of, takes_null
from batchops.testing.domains import domain_of
from batchops.testing.rows import acts_by_row, every_rule_counts, place
from batchops.testing.scales import last_hours
from batchops.testing.solving import bound_together, reads
from batchops.testing.texts import match_of

__all__ = ["Plan", "planned"]

Read = tuple[Rule, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Plan:
    """How rows of a contract are made up.

    Attributes:
        contract: With every rule counted, and what acts row by row of scope ``row``.
        supplies: By column.
        parts: Columns that rules bind together; each part is made up by itself.
        rules: Those that one row is enough for, by id, with the columns they read.
        known: Keys of other datasets, by the rule's id; only those that could be read.
        seed: Of everything drawn.
        like: Rows of the author's own that obey ``rules``; None where none were given.
        order: Columns that the rows are sorted by, and whether downwards.
        made: Rows of the parts, as far as they have been made.
    """

    contract: Contract
    supplies: Mapping[str, Supply]
    parts: tuple[tuple[str, ...], ...]
    rules: Mapping[str, Read]
    known: Mapping[str, pl.DataFrame]
    seed: int
    like: pl.DataFrame | None = None
    order: tuple[tuple[str, bool], ...] = ()
    made: dict[tuple[str, ...], pl.DataFrame] = field(default_factory=dict, repr=False)

    @property
    def uniques(self) -> tuple[tuple[str, ...], ...]:
        """Columns that no two rows have in common."""
        own = [rule.columns for rule in self.contract.rules if rule.scope == "partition" and rule.test.check is None]
        return (*own, self.contract.key) if self.contract.key else tuple(own)

    @property
    def whole(self) -> tuple[Rule, ...]:
        """Rules that need all rows, but for those of uniqueness."""
        rules = self.contract.rules
        return tuple(rule for rule in rules if rule.scope == "partition" and rule.test.check is not None)


def _rescoped(contract: Contract, seed: int) -> Contract:
    """The contract, with checks that only Pandera can run taken row by row where they act so."""
    closed = [each for each in contract.rules if each.scope == "partition" and each.test.check is not None]
    closed = [rule for rule in closed if rule.test.passes is None]
    if not closed:
        return contract
    few = [plain(contract, each, Random(f"{seed}:{each.name}")).alias(each.name) for each in contract.columns]
    rows = pl.DataFrame([values.extend_constant(None, max(0, 6 - len(values)))[:6] for values in few])
    by_row = {rule.id for rule in closed if acts_by_row(rule, rows)}
    rules = (replace(rule, scope="row") if rule.id in by_row else rule for rule in contract.rules)
    return replace(contract, rules=tuple(rules))


def _concrete(contract: Contract, seed: int, like: pl.DataFrame | None) -> Contract:
    """The contract with columns in place of every pattern of names: those of the author's rows, else one each."""
    names = [match_of(column.name, Random(f"{seed}:{column.name}")) for column in contract.patterns]
    given = contract if like is None else concrete(contract, like.columns)
    return concrete(given, [*contract.schema, *(() if like is None else like.columns), *names])


def _obedient(contract: Contract, like: pl.DataFrame) -> pl.DataFrame:
    """Of the author's rows and the columns they have, those that obey the rules of a row.

    Raises:
        ContractError: None does.
    """
    there = tuple(column for column in contract.columns if column.name in like.columns)
    names = {column.name for column in there}
    rules = tuple(rule for rule in contract.rules if rule.scope == "row" and {*rule.columns} <= names)
    kept = evaluate(replace(contract, columns=there, rules=rules, references=()), like).accepted
    if kept.is_empty():
        what = "refuses all rows that it was given to draw from"
        raise ContractError(place(contract), what, "Give rows that it accepts, or correct the rule that refuses them")
    return kept


def _from_author(contract: Contract, column: ColumnSpec, rows: pl.DataFrame) -> Supply:
    """The author's own values."""
    values = rows.get_column(column.name)
    nulls = values.null_count() / len(values) if takes_null(contract, column) else 0.0
    return Supply(accepted(contract, values), nulls)


def _supply(contract: Contract, column: ColumnSpec, count: int, seed: int, like: pl.DataFrame | None) -> Supply:
    given = None if like is None or column.name not in like.columns else _from_author(contract, column, like)
    if given is not None and len(given.values) >= min(count, USUAL):
        return given
    if given is not None and count <= USUAL:
        return given
    domain = domain_of(contract, column.name)
    if contract.freshness is not None and contract.freshness.column == column.name:
        low, high = last_hours(column.dtype, domain.low, domain.high, contract.freshness.hours)
        domain = replace(domain, low=low, high=high)
    try:
        made = supply_of(contract, column, domain, count, Random(f"{seed}:{column.name}"))
    except ContractError:
        if given is None:
            raise
        return given
    return (
        made
        if given is None
        else replace(given, values=pl.concat([given.values, made.values]).unique(maintain_order=True))
    )


def _referring(contract: Contract, supplies: dict[str, Supply], known: Mapping[str, pl.DataFrame]) -> None:
    """Take the values of columns that refer to another dataset from there."""
    for reference in contract.references:
        if reference.rule in known and len(reference.columns) == 1:
            name = reference.columns[0]
            values = as_series(known[reference.rule][name].to_list(), contract.schema[name]).alias(name)
            supplies[name] = replace(supplies[name], values=accepted(contract, values))


def planned(contract: Contract, n: int, seed: int, project: Path, like: pl.DataFrame | None = None) -> Plan:
    """How ``n`` rows of a contract are made up.

    Args:
        project: Folder that paths of other datasets start from.
        like: Rows to draw from; those of the model's method ``examples`` where none are given.

    Raises:
        ContractError: No value of some column is accepted.
    """
    if like is None and callable(own := getattr(contract.model, "examples", None)):
        like = own()
    asked = _rescoped(every_rule_counts(_concrete(contract, seed, like)), seed)
    rows = None if like is None else _obedient(asked, like)
    distinct = {*asked.key, *(name for rule in asked.rules if rule.id.endswith(".unique") for name in rule.columns)}
    counts = {each.name: max(USUAL + 1, 4 * n) if each.name in distinct else USUAL for each in asked.columns}
    supplies = {each.name: _supply(asked, each, counts[each.name], seed, rows) for each in asked.columns}
    for name in distinct:
        # Two that are null are the same.
        supplies[name] = replace(supplies[name], nulls=0.0)
    known = known_keys(contract, project)
    _referring(asked, supplies, known)
    few = pl.DataFrame([drawn(supply, 6, np.random.default_rng(seed)) for supply in supplies.values()])
    rules = {rule.id: (rule, reads(rule, few)) for rule in asked.rules if rule.scope == "row"}
    groups = [read for _, read in rules.values()] + [each.columns for each in contract.references]
    parts = bound_together(list(supplies), groups)
    return Plan(asked, supplies, tuple(map(tuple, parts)), rules, known, seed, rows)
