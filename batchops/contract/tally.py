"""What became of every rule, and of every column's dtype, as counts that add up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from batchops.sketch import ValueSample

__all__ = ["RuleTally", "SchemaTally", "Tallies"]


@dataclass(frozen=True, slots=True)
class RuleTally:
    """A rule over some rows; ``RuleTally()`` is the rule over none.

    A rule with one answer a partition counts all its rows as failed, or none.

    Attributes:
        evaluated: Rows it was tried on: the denominator of its share.
        failed: Rows that fail it.
        unknown: Rows it could not be tried on, as a column was missing or had values that cannot be read.
        values: Failing values with their rows; empty for personal data and for rules of several columns.
    """

    evaluated: int = 0
    failed: int = 0
    unknown: int = 0
    values: ValueSample = field(default_factory=ValueSample)

    def __add__(self, other: RuleTally) -> RuleTally:
        return RuleTally(
            self.evaluated + other.evaluated,
            self.failed + other.failed,
            self.unknown + other.unknown,
            self.values + other.values,
        )

    @property
    def share(self) -> float | None:
        """Failed of evaluated rows; None where none was evaluated."""
        return self.failed / self.evaluated if self.evaluated else None


@dataclass(frozen=True, slots=True)
class Tallies:
    """All rules over some rows; ``Tallies()`` is no rows.

    Attributes:
        rows: Rows seen: accepted + quarantined, always.
        quarantined: Rows set aside; one that fails several rules counts once.
        rules: By rule id; the schema's own (``schema.dtype:dest``) where a column could not be read as it was.
    """

    rows: int = 0
    quarantined: int = 0
    rules: Mapping[str, RuleTally] = field(default_factory=dict)

    def __add__(self, other: Tallies) -> Tallies:
        rules = dict(self.rules)
        for id, tally in other.rules.items():
            rules[id] = rules[id] + tally if id in rules else tally
        return Tallies(self.rows + other.rows, self.quarantined + other.quarantined, rules)

    def of(self, id: str) -> RuleTally:
        """A rule's tally; the empty one where no row was seen."""
        return self.rules.get(id, RuleTally())


@dataclass(frozen=True, slots=True)
class SchemaTally:
    """Under which dtypes each column arrived; ``SchemaTally()`` is no rows.

    Attributes:
        columns: Column -> dtype -> rows; the dtype ``missing`` where a column of the contract was not there.
        misplaced: First column that did not come in the contract's order -> rows; only where the order is asked for.
    """

    columns: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    misplaced: Mapping[str, int] = field(default_factory=dict)

    def __add__(self, other: SchemaTally) -> SchemaTally:
        columns = {name: dict(dtypes) for name, dtypes in self.columns.items()}
        for name, dtypes in other.columns.items():
            known = columns.setdefault(name, {})
            for dtype, rows in dtypes.items():
                known[dtype] = known.get(dtype, 0) + rows
        names = self.misplaced.keys() | other.misplaced.keys()
        misplaced = {name: self.misplaced.get(name, 0) + other.misplaced.get(name, 0) for name in sorted(names)}
        return SchemaTally(columns, misplaced)
