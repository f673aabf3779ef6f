from __future__ import annotations

import math
from itertools import combinations

import pytest
from hypothesis import given, settings, strategies as st

from batchops.stats.discovery.cover import CELLS, cover


@settings(deadline=None)
@given(st.lists(st.integers(2, 15), min_size=3, max_size=16), st.integers(1, 3))
def test_every_combination_lies_in_a_block_that_fits(sizes: list[int], order: int) -> None:
    blocks = cover(tuple(sizes), order)
    held = {each for block in blocks for each in combinations(block, order)}
    assert held == set(combinations(range(len(sizes)), order))
    assert all(math.prod(sizes[feature] for feature in block) <= CELLS for block in blocks)
    assert all(block == tuple(sorted(set(block))) for block in blocks)


@settings(deadline=None)
@given(st.lists(st.integers(2, 15), min_size=3, max_size=10))
def test_no_block_is_idle(sizes: list[int]) -> None:
    blocks = cover(tuple(sizes))
    for block in blocks:
        others = {each for other in blocks if other != block for each in combinations(other, 3)}
        assert not set(combinations(block, 3)) <= others


@pytest.mark.parametrize(("sizes", "most"), [((6,) * 16, 52), ((3,) * 10, 1), ((9,) * 16, 88), ((14,) * 3, 1)])
def test_few_blocks_are_needed(sizes: tuple[int, ...], most: int) -> None:
    # Of 16 features in sixes 38 are the fewest that are known (La Jolla Covering Repository).
    assert len(cover(sizes)) <= most


def test_combinations_too_large_for_a_block_have_their_own() -> None:
    assert set(cover((300, 300, 300, 2))) == {(0, 1, 2), (0, 1, 3), (0, 2, 3), (1, 2, 3)}
