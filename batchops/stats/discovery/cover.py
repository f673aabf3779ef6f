"""Which features are counted together, so that few counts hold every three of them."""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import combinations

__all__ = ["CELLS", "cover"]

CELLS = 65_536
"""Cells of a block at most: their number fits 16 bits, and their counts the processor's cache."""

TRIES = 5

Block = tuple[int, ...]


@lru_cache(maxsize=32)
def cover(sizes: tuple[int, ...], order: int = 3, cells: int = CELLS) -> tuple[Block, ...]:
    """Blocks of features such that every ``order`` of them lie in one.

    Each begins with what is left of the features that are hardest to place, and takes the feature that covers most of
    what is not covered yet until it is full: a covering design built greedily (Gordon, Kuperberg & Patashnik, 1995),
    with features that weigh the logarithm of their size. Of a few designs, which begin with other features where
    several are as good, the one with the fewest blocks is taken.

    Args:
        sizes: Bins of each feature.
        order: 1 or more; no more than there are features.
        cells: That a block has at most, where ``order`` features alone have no more.
    """
    designs = (_design(sizes, order, cells, attempt) for attempt in range(TRIES))
    return min(designs, key=len)


def _design(sizes: tuple[int, ...], order: int, cells: int, attempt: int) -> tuple[Block, ...]:
    """One design; of features that are as good, the attempt's own order says which comes first."""
    places = random.Random(attempt).sample(range(len(sizes)), len(sizes))
    shuffled = tuple(sizes[place] for place in places)
    left = set(combinations(range(len(sizes)), order))
    blocks: list[Block] = []
    while left:
        block = _grown(_hardest(left, shuffled), left, shuffled, cells)
        blocks.append(block)
        left.difference_update(combinations(block, order))
    return tuple(tuple(sorted(places[each] for each in block)) for block in _without_idle(blocks, order))


def _hardest(left: Iterable[Block], sizes: Sequence[int]) -> Block:
    """The combination whose features still have most to be covered with, the largest first."""
    still: dict[int, int] = {}
    for each in left:
        for feature in each:
            still[feature] = still.get(feature, 0) + 1
    return max(left, key=lambda each: (math.prod(sizes[f] for f in each), sum(still[f] for f in each), each))


def _grown(block: Block, left: set[Block], sizes: Sequence[int], cells: int) -> Block:
    order = len(block)
    while True:
        room = cells // math.prod(sizes[feature] for feature in block)
        best, most = -1, 0.0
        for feature in range(len(sizes)):
            if feature in block or sizes[feature] > room:
                continue
            others = combinations(block, order - 1)
            gain = sum(tuple(sorted((*each, feature))) in left for each in others)
            if gain / math.log(sizes[feature] + 1) > most:
                best, most = feature, gain / math.log(sizes[feature] + 1)
        if best < 0:
            return block
        block = tuple(sorted((*block, best)))


def _without_idle(blocks: Sequence[Block], order: int) -> list[Block]:
    """Leave out blocks all of whose combinations lie in others, the latest first."""
    held: dict[Block, int] = {}
    for block in blocks:
        for each in combinations(block, order):
            held[each] = held.get(each, 0) + 1
    kept = []
    for block in reversed(blocks):
        mine = tuple(combinations(block, order))
        if all(held[each] > 1 for each in mine):
            for each in mine:
                held[each] -= 1
        else:
            kept.append(block)
    return kept[::-1]
