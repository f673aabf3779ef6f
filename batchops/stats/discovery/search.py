"""Which slices stand out, by the rows of one half: proposals, whose size the other half tells.

Every slice is compared with the rest by the score test: under "its rows are any rows" the difference of two means
varies as much as the losses of all together say, so nothing is estimated from the slice itself.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, islice

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from batchops.stats.discovery.cube import Cube, Grid, Place, tables_of
from batchops.stats.discovery.losses import SQUARES, Loss
from batchops.stats.intervals import LEVEL
from batchops.stats.quality import SliceKey
from batchops.stats.slices import SUPPORT, SUPPORT_SHARE

__all__ = ["PROPOSED", "Proposal", "Proposals", "propose", "strength"]

PROPOSED = 20
"""Slices that are proposed at most."""

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
Sums = tuple[Floats, Floats, Floats]
"""By cell: rows, losses, squares of losses; in quanta."""


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
    5. It is ranked by excess loss: what is lost beyond what as many rows of all would lose.
    """
    tables = {place: _floats(table) for place, table in tables_of(cube, grid).items()}
    if not tables:
        return Proposals()
    whole = _total(next(iter(tables.values())))
    support = max(SUPPORT, math.ceil(SUPPORT_SHARE * float(whole[0])))
    cells = {place: _scored(sums, whole, support, loss) for place, sums in tables.items()}
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
    found = _distinct(_listed(cells, whole, grid, loss))
    return Proposals(searched, support, outstanding, tuple(islice(found, most)))


def _floats(table: tuple[NDArray[np.int64], ...]) -> Sums:
    rows, steps, squares = (line.astype(np.float64) for line in table)
    return rows, steps, squares


def _total(sums: Sums) -> Sums:
    rows, steps, squares = (np.asarray(line.sum()) for line in sums)
    return rows, steps, squares


def _scored(sums: Sums, whole: Sums, support: int, loss: Loss) -> _Cells:
    rest = _minus(whole, sums)
    enough = (sums[0] >= support) & (rest[0] >= support)
    score = np.where(enough, _score(sums, rest, _variance(whole, loss)), 0.0)
    nothing = np.zeros(score.shape, dtype=np.bool_)
    return _Cells(sums, score if loss.signed else np.maximum(score, 0.0), nothing, enough)


def _minus(wider: Sums, narrower: Sums) -> Sums:
    rows, steps, squares = (one - other for one, other in zip(wider, narrower, strict=True))
    return rows, steps, squares


def _variance(sums: Sums, loss: Loss) -> Floats:
    """Of the losses, in quanta squared."""
    rows, steps, squares = sums
    unit = 1 if loss.whole else SQUARES
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.nan_to_num(np.maximum(squares * unit / rows - (steps / rows) ** 2, 0.0))


def _score(sums: Sums, rest: Sums, variance: Floats) -> Floats:
    """The difference of two means, in standard deviations of it."""
    with np.errstate(divide="ignore", invalid="ignore"):
        difference = sums[1] / sums[0] - rest[1] / rest[0]
        return np.nan_to_num(difference / np.sqrt(variance * (1 / sums[0] + 1 / rest[0])), posinf=0.0, neginf=0.0)


def _significant(scores: Sequence[Floats], searched: int, loss: Loss) -> float:
    """The least score that stands out among so many searched (Benjamini & Hochberg, 1995)."""
    ranked = np.sort(np.abs(np.concatenate(scores)))[::-1]
    chances = ndtr(-ranked) * (2 if loss.signed else 1)
    passed = np.flatnonzero(chances <= (1 - LEVEL) * np.arange(1, len(chances) + 1) / max(searched, 1))
    return float(ranked[passed[-1]]) if len(passed) else math.inf


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
                more = _score(each.sums, _minus(around, each.sums), _variance(around, loss)) * np.sign(each.score)
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
                left = _minus(wider.sums, (rows, steps, squares))
                score = _score(left, _minus(whole, wider.sums), _variance(whole, loss)) * np.sign(wider.score)
                told.append((wider, each.kept.any(axis=axes) & (score < edge)))
    for wider, by_narrower in told:
        wider.kept &= ~by_narrower


@dataclass(frozen=True, slots=True)
class _Ranked:
    """A proposal, what is lost in it beyond the rate of all rows, and the rows and losses inside and outside."""

    excess: float
    inside: tuple[float, float]
    outside: tuple[float, float]
    proposal: Proposal


def _listed(cells: Mapping[Place, _Cells], whole: Sums, grid: Grid, loss: Loss) -> Iterator[_Ranked]:
    rows, steps, _ = (float(line) for line in whole)
    for place, each in cells.items():
        for bins in zip(*np.nonzero(each.kept), strict=True):
            n, lost, _ = (float(line[bins]) for line in each.sums)
            key = tuple((grid.features[f].column, grid.features[f].bins[b]) for f, b in zip(place, bins, strict=True))
            gap = (lost / n - (steps - lost) / (rows - n)) * loss.quantum
            proposal = Proposal(key, place, tuple(int(each) for each in bins), round(n), gap)
            yield _Ranked(abs(lost - n * steps / rows), (n, lost), (rows - n, steps - lost), proposal)


def _distinct(ranked: Iterable[_Ranked]) -> Iterator[Proposal]:
    """The largest excess first; the same rows under another name once, as a slice and its complement."""
    seen: set[tuple[float, float]] = set()
    for each in sorted(ranked, key=lambda one: (-one.excess, len(one.proposal.key), one.inside[0], one.proposal.key)):
        if each.inside not in seen and each.outside not in seen:
            seen.add(each.inside)
            yield each.proposal


def strength(cube: Cube, grid: Grid, loss: Loss) -> list[float]:
    """Of each feature: the score of that bin which differs most from the rest."""
    tables = {place: _floats(table) for place, table in tables_of(cube, grid).items() if len(place) == 1}
    best = [0.0] * len(grid.features)
    for place, sums in tables.items():
        whole = _total(sums)
        support = max(SUPPORT, math.ceil(SUPPORT_SHARE * float(whole[0])))
        best[place[0]] = float(np.abs(_scored(sums, whole, support, loss).score).max(initial=0.0))
    return best
