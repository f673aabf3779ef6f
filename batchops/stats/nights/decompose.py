"""Why has a mean changed: because other rows came, or because the same rows fare otherwise?"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["Decomposition", "Share", "SliceChange", "decompose"]


@dataclass(frozen=True, slots=True)
class Share:
    """A slice on one side.

    Attributes:
        total: Sum over its rows of what is averaged.
        rows: How many there are.
    """

    total: float
    rows: int


@dataclass(frozen=True, slots=True)
class SliceChange:
    """What one slice adds to the change."""

    slice: str
    mix: float
    within: float


@dataclass(frozen=True, slots=True)
class Decomposition:
    """A change of a mean; ``total`` is ``mix + within``.

    Attributes:
        mix: By other shares of the slices: covariate drift.
        within: By other means of the slices: concept drift, as far as the slices tell rows apart.
    """

    total: float
    mix: float
    within: float
    slices: tuple[SliceChange, ...]

    def times(self, unit: float) -> Decomposition:
        """In a unit that is so much smaller.

        >>> Decomposition(3.0, 1.0, 2.0, (SliceChange("a", 1.0, 2.0),)).times(10.0).slices
        (SliceChange(slice='a', mix=10.0, within=20.0),)
        """
        slices = tuple(SliceChange(each.slice, each.mix * unit, each.within * unit) for each in self.slices)
        return Decomposition(self.total * unit, self.mix * unit, self.within * unit, slices)


def decompose(now: Mapping[str, Share], reference: Mapping[str, Share]) -> Decomposition | None:
    """Split a change of a mean over slices that hold every row once (Oaxaca, 1973; Blinder, 1973).

    mix = sum (w_now - w_ref) e_ref and within = sum w_now (e_now - e_ref), for the slices' shares w and means e. A
    slice's part of the mix is taken with e_ref less the mean of all rows, which leaves the sum as it is: more rows of
    an average slice change nothing. A slice without rows in the reference counts as average there.

    >>> decompose({"a": Share(9.0, 30), "b": Share(5.0, 10)}, {"a": Share(5.0, 20), "b": Share(15.0, 20)}).mix
    -0.125

    Returns:
        None where one of the sides has no row.
    """
    rows, rows_before = (sum(share.rows for share in side.values()) for side in (now, reference))
    if not rows or not rows_before:
        return None
    mean, before = (
        math.fsum(share.total for share in side.values()) / count
        for side, count in ((now, rows), (reference, rows_before))
    )
    slices = []
    for name in sorted({*now, *reference}):
        here, there = now.get(name, Share(0.0, 0)), reference.get(name, Share(0.0, 0))
        was = there.total / there.rows if there.rows else before
        mix = (here.rows / rows - there.rows / rows_before) * (was - before)
        slices.append(SliceChange(name, mix, (here.total - here.rows * was) / rows))
    mix = math.fsum(each.mix for each in slices)
    within = (mean - before) - mix
    return Decomposition(mix + within, mix, within, tuple(slices))
