"""Lines of whole numbers over rows, added up over all of them or by group, plainly and by weight."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from batchops.stats.numbers.sparse import Integers
from batchops.stats.numbers.whole import Whole, group_sums, shifted_sums

__all__ = ["Line", "Lines"]


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """One number a row.

    Attributes:
        column: Whole numbers, each below 2^62; None: a one for every row.
        shift: Powers of two that they are to be multiplied by; None: of none.
    """

    column: NDArray[Any] | None = None
    shift: Integers | None = None

    def sums(self, code: Integers, size: int, weights: Integers | None) -> Whole:
        """Its sum by group."""
        if self.column is None:
            return group_sums(code, size, None, weights)
        return shifted_sums(code, size, self.column, self.shift, weights)


@dataclass(frozen=True, slots=True, eq=False)
class Lines:
    """What is added up of some rows.

    Attributes:
        every: By name, over all rows; the first counts them.
        labelled: By name, over those with a label, one number for each of them.
        held: Which rows have one.
        weights: Of all rows, in quanta; None where they have none.
    """

    every: Mapping[str, Line]
    labelled: Mapping[str, Line]
    held: NDArray[np.bool_]
    weights: Integers | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Of the lines of `count`, without those of weights."""
        return (*self.every, *self.labelled)

    def count(self, code: Integers, size: int) -> Whole:
        """The sums by group, a line for each name.

        Where rows have weights follow the same lines by weight, and then the sums of squared weights over all rows
        and over labelled ones.
        """
        known = code if self.held.all() else code[self.held]
        lines = self._sums(code, known, size, (None, None))
        if self.weights is not None:
            weights = self.weights, self.weights[self.held]
            lines += self._sums(code, known, size, weights)
            lines += [group_sums(code, size, weights[0], weights[0]), group_sums(known, size, weights[1], weights[1])]
        return np.stack(lines)

    def _sums(
        self, code: Integers, known: Integers, size: int, weights: tuple[Integers | None, Integers | None]
    ) -> list[Whole]:
        over_all = [line.sums(code, size, weights[0]) for line in self.every.values()]
        return over_all + [line.sums(known, size, weights[1]) for line in self.labelled.values()]

    def total(self) -> Whole:
        """The sums over all rows, one number a line."""
        return self.count(np.zeros(len(self.held), dtype=np.int64), 1)[:, 0]
