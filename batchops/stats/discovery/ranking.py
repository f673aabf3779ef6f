"""Slices that stand out, in their order, and each told once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from batchops.stats.discovery.cube import Grid, Place
from batchops.stats.discovery.losses import Loss
from batchops.stats.discovery.scores import Floats, Sums, cell, minus, score, total, variance
from batchops.stats.outcomes.state import SliceKey

__all__ = ["Proposal", "Ranked", "distinct", "listed"]


@dataclass(frozen=True, slots=True)
class Proposal:
    """A slice that stands out.

    Attributes:
        key: (column, bin) pairs, in the order of the features.
        place, bins: The same by number.
        n: Rows of the half that was searched.
        gap: There: mean loss of the slice minus that of the rest. Larger than the truth, since it was chosen for it.
    """

    key: SliceKey
    place: tuple[int, ...]
    bins: tuple[int, ...]
    n: int
    gap: float


@dataclass(frozen=True, slots=True, eq=False)
class Ranked:
    """A proposal, its sums, and what is lost in it beyond the rate of all rows; negative where less is lost."""

    proposal: Proposal
    sums: Sums
    excess: float

    @property
    def bins(self) -> dict[int, int]:
        """Bin by feature."""
        return dict(zip(self.proposal.place, self.proposal.bins, strict=True))

    @property
    def side(self) -> float:
        """1 where more is lost, -1 where less is."""
        return 1.0 if self.excess >= 0 else -1.0


def listed(
    kept: Mapping[Place, NDArray[np.bool_]], sums: Mapping[Place, Sums], grid: Grid, loss: Loss
) -> Iterator[Ranked]:
    """The slices that were kept."""
    whole = total(next(iter(sums.values())))
    rows, steps, _ = (float(line) for line in whole)
    for place, mask in kept.items():
        for bins in zip(*(axis.tolist() for axis in np.nonzero(mask)), strict=True):
            own = cell(sums[place], bins)
            n, lost = float(own[0]), float(own[1])
            key = tuple((grid.features[f].column, grid.features[f].bins[b]) for f, b in zip(place, bins, strict=True))
            gap = (lost / n - (steps - lost) / (rows - n)) * loss.quantum
            yield Ranked(Proposal(key, place, bins, round(n), gap), own, lost - n * steps / rows)


def distinct(ranked: Iterable[Ranked], sums: Mapping[Place, Sums], loss: Loss, edge: float) -> Iterator[Proposal]:
    """The largest excess first, without those that others before tell.

    Args:
        sums: All tables.
        edge: The score at which a slice stands out.
    """
    whole = total(next(iter(sums.values())))
    before: list[Ranked] = []
    for each in sorted(ranked, key=_place):
        how = (minus(whole, each.sums), variance(whole, loss), loss, edge)
        if not any(_told(each, other, sums, how) for other in before):
            before.append(each)
            yield each.proposal


def _place(each: Ranked) -> tuple[float, int, float, SliceKey]:
    return -abs(each.excess), len(each.proposal.key), float(each.sums[0]), each.proposal.key


def _same(one: Sums, another: Sums) -> bool:
    return all(mine == theirs for mine, theirs in zip(one, another, strict=True))


def _told(each: Ranked, other: Ranked, sums: Mapping[Place, Sums], how: tuple[Sums, Floats, Loss, float]) -> bool:
    """Whether a slice is another by a second name, or its complement, or stands out only by rows that it shares with
    it, which are like the other's.

    The last can be said where both together name no more features than a table has; and of slices of which one holds
    the other it has been said before.
    """
    rest, spread, loss, edge = how
    if _same(each.sums, other.sums) or _same(rest, other.sums):
        return True
    own, theirs = each.bins, other.bins
    both = own | theirs
    place = tuple(sorted(both))
    if any(own[feature] != theirs[feature] for feature in own.keys() & theirs) or place not in sums:
        return False
    if len(both) in (len(own), len(theirs)):
        return False
    shared = cell(sums[place], tuple(both[feature] for feature in place))
    stands = score(minus(each.sums, shared), rest, spread) * each.side >= edge
    adds = score(shared, minus(other.sums, shared), variance(other.sums, loss)) * other.side >= edge
    return not stands and not adds
