"""Which slices stand out, by the rows of one half: proposals, whose size the other half tells.

Every slice is compared with the rest by the score test: under "its rows are any rows" the difference of two means
varies as much as the losses of all together say, so nothing is estimated from the slice itself.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, islice

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from batchops.stats.discovery.cube import Cube, Grid, Place, tables_of
from batchops.stats.discovery.losses import Loss
from batchops.stats.discovery.ranking import Proposal, distinct, listed
from batchops.stats.discovery.scores import Floats, Sums, floats_of, minus, score, total, variance
from batchops.stats.numbers.intervals import LEVEL
from batchops.stats.slices.gaps import SUPPORT, SUPPORT_SHARE

__all__ = ["PROPOSED", "Proposals", "propose", "strength"]

PROPOSED = 20
"""Slices that are proposed at most."""

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Proposals:
    """What a search found.

    Attributes:
        searched: Slices that had the support.
        support: Rows needed, on both sides.
        outstanding: Slices that differ from the rest in the Benjamini-Hochberg sense, before those that tell the same
            were dropped.
        slices: By how much is lost in them beyond the rest's rate; at most `PROPOSED`.
    """

    searched: int = 0
    support: int = SUPPORT
    outstanding: int = 0
    slices: tuple[Proposal, ...] = ()


@dataclass(slots=True)
class _Cells:
    """All slices of some features.

    Attributes:
        score: Standardised difference from the rest; positive is worse. 0 where there is no support.
        found: Stands out.
        kept: And is told by no other.
    """

    sums: Sums
    score: Floats
    found: Mask
    kept: Mask


def propose(cube: Cube, grid: Grid, loss: Loss, most: int = PROPOSED) -> Proposals:
    """Search one half.

    1. A slice stands out where its score is significant among all searched, at a false discovery rate of 5 %.
    2. One that differs from no more than chance from the rest of a wider slice that stands out is told by that.
    3. One that does not stand out any more without its narrower ones is told by those.
    4. What is left must stand out among all searched without those: many slices that tell the same let others in
       (Katsevich, Sabatti & Bogomolov, 2023: filtering while preserving false discovery rate control).
    5. It is ranked by excess loss: what is lost beyond what as many rows of all would lose. One that stands out only
       by the rows that it shares with a slice ranked before it is told by that.
    """
    sums = {place: floats_of(table) for place, table in tables_of(cube, grid).items()}
    if not sums:
        return Proposals()
    whole = total(next(iter(sums.values())))
    support = max(SUPPORT, math.ceil(SUPPORT_SHARE * float(whole[0])))
    cells = {place: _scored(table, whole, support, loss) for place, table in sums.items()}
    searched = sum(int(each.kept.sum()) for each in cells.values())
    edge = _significant([each.score[each.kept] for each in cells.values()], searched, loss)
    for each in cells.values():
        each.found = np.abs(each.score) >= edge
        each.kept = each.found.copy()
    outstanding = sum(int(each.found.sum()) for each in cells.values())
    if outstanding:
        _drop_told_by_wider(cells, loss)
        _drop_told_by_narrower(cells, whole, loss, edge)
        edge = _significant([each.score[each.kept] for each in cells.values()], searched, loss)
        for each in cells.values():
            each.kept &= np.abs(each.score) >= edge
    kept = {place: each.kept for place, each in cells.items()}
    found = distinct(listed(kept, sums, grid, loss), sums, loss, edge)
    return Proposals(searched, support, outstanding, tuple(islice(found, most)))


def _scored(sums: Sums, whole: Sums, support: int, loss: Loss) -> _Cells:
    rest = minus(whole, sums)
    enough = (sums[0] >= support) & (rest[0] >= support)
    scores = np.where(enough, score(sums, rest, variance(whole, loss)), 0.0)
    nothing = np.zeros(scores.shape, dtype=np.bool_)
    return _Cells(sums, scores if loss.signed else np.maximum(scores, 0.0), nothing, enough)


def _significant(scores: Sequence[Floats], searched: int, loss: Loss) -> float:
    """The least score that stands out among so many searched (Benjamini & Hochberg, 1995)."""
    sides = 2 if loss.signed else 1
    chances = np.sort(ndtr(-np.abs(np.concatenate(scores)))) * sides
    passed = np.flatnonzero(chances <= (1 - LEVEL) * np.arange(1, len(chances) + 1) / max(searched, 1))
    return float(-ndtri((1 - LEVEL) * (passed[-1] + 1) / searched / sides)) if len(passed) else math.inf


def _wider(cells: Mapping[Place, _Cells], place: Place) -> Iterator[tuple[_Cells, tuple[int, ...]]]:
    """Slices by fewer of the features, and along which axes of ``place`` they run."""
    for order in range(1, len(place)):
        for fewer in combinations(range(len(place)), order):
            others = tuple(axis for axis in range(len(place)) if axis not in fewer)
            yield cells[tuple(place[axis] for axis in fewer)], others


def _spread(sums: Sums, axes: tuple[int, ...]) -> Sums:
    rows, steps, squares = (np.expand_dims(line, axes) for line in sums)
    return rows, steps, squares


def _drop_told_by_wider(cells: Mapping[Place, _Cells], loss: Loss) -> None:
    compared = []
    for place, each in cells.items():
        if not each.found.any():
            continue
        for wider, axes in _wider(cells, place):
            pairs = each.found & np.expand_dims(wider.found, axes)
            if pairs.any():
                around = _spread(wider.sums, axes)
                more = score(each.sums, minus(around, each.sums), variance(around, loss)) * np.sign(each.score)
                compared.append((each, pairs, more))
    # Of so many that add nothing, 5 % chance that one seems to.
    edge = -ndtri((1 - LEVEL) / max(1, sum(int(pairs.sum()) for _, pairs, _ in compared)))
    for each, pairs, more in compared:
        each.kept &= ~(pairs & (more < edge))


def _drop_told_by_narrower(cells: Mapping[Place, _Cells], whole: Sums, loss: Loss, edge: float) -> None:
    told = []
    for place, each in cells.items():
        if not each.kept.any():
            continue
        for wider, axes in _wider(cells, place):
            if wider.kept.any():
                rows, steps, squares = (np.where(each.kept, line, 0.0).sum(axis=axes) for line in each.sums)
                left = minus(wider.sums, (rows, steps, squares))
                beyond = score(left, minus(whole, wider.sums), variance(whole, loss)) * np.sign(wider.score)
                told.append((wider, each.kept.any(axis=axes) & (beyond < edge)))
    for wider, by_narrower in told:
        wider.kept &= ~by_narrower


def strength(cube: Cube, grid: Grid, loss: Loss) -> list[float]:
    """Of each feature: the score of that bin which differs most from the rest."""
    tables = {place: floats_of(table) for place, table in tables_of(cube, grid).items() if len(place) == 1}
    best = [0.0] * len(grid.features)
    for place, sums in tables.items():
        whole = total(sums)
        support = max(SUPPORT, math.ceil(SUPPORT_SHARE * float(whole[0])))
        best[place[0]] = float(np.abs(_scored(sums, whole, support, loss).score).max(initial=0.0))
    return best
