"""No count below k can be had from what is shown: proved by linear programs over all tables that would show that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from numpy.typing import NDArray
from scipy.optimize import linprog

from batchops.stats.outcomes.state import SliceKey
from batchops.stats.slices.suppression import suppressed

K = 10
Table = tuple[str, ...]
ONE_AND_TWO: tuple[Table, ...] = (("a",), ("b",), ("a", "b"))
THREE: tuple[Table, ...] = (("a",), ("b",), ("c",), ("a", "b"), ("b", "c"))
NO_MARGINS: tuple[Table, ...] = (("a", "b"), ("a", "c"))


def keys(joint: NDArray[np.int64], table: Table, dimensions: str) -> Mapping[SliceKey, NDArray[np.bool_]]:
    """Each cell of a table, and which cells of the joint table it holds."""
    places = [dimensions.index(name) for name in table]
    index = np.indices(joint.shape)
    return {
        tuple((name, str(value)) for name, value in zip(table, values, strict=True)): np.logical_and.reduce(
            [index[place] == value for place, value in zip(places, values, strict=True)]
        )
        for values in product(*(range(joint.shape[place]) for place in places))
    }


def narrowest(joint: NDArray[np.int64], tables: Sequence[Table]) -> tuple[frozenset[SliceKey], float]:
    """What is hidden, and the narrowest range of a hidden count over all tables that would be shown the same."""
    dimensions = "abc"[: joint.ndim]
    held = {key: cells for table in tables for key, cells in keys(joint, table, dimensions).items()}
    counts = {key: int(joint[cells].sum()) for key, cells in held.items() if joint[cells].sum()}
    hidden = suppressed(counts, int(joint.sum()), K)
    # Cells without a row are not listed: everybody knows them to be empty.
    shown = [(cells, counts.get(key, 0)) for key, cells in held.items() if key not in hidden]
    shown.append((np.ones(joint.shape, dtype=np.bool_), int(joint.sum())))
    known = np.array([cells.ravel() for cells, _ in shown], dtype=float), [count for _, count in shown]
    ranges = []
    for key in hidden:
        aim = held[key].ravel().astype(float)
        low, high = (side * linprog(side * aim, A_eq=known[0], b_eq=known[1]).fun for side in (1, -1))
        ranges.append(high - low)
    assert all(key in hidden for key, count in counts.items() if count < K)
    return hidden, min(ranges, default=np.inf)


counts = st.one_of(st.integers(0, 14), st.integers(10, 400))


@settings(max_examples=60, deadline=None)
@given(
    st.tuples(st.integers(2, 4), st.integers(2, 4)).flatmap(
        lambda shape: st.lists(counts, min_size=shape[0] * shape[1], max_size=shape[0] * shape[1]).map(
            lambda cells: np.array(cells).reshape(shape)
        )
    )
)
def test_no_hidden_count_of_a_table_and_its_sums_can_be_had(joint: NDArray[np.int64]) -> None:
    if joint.sum() >= 3 * K:
        assert narrowest(joint, ONE_AND_TWO)[1] >= 1 - 1e-6


@pytest.mark.parametrize("tables", [THREE, NO_MARGINS])
@settings(max_examples=25, deadline=None)
@given(st.lists(counts, min_size=12, max_size=12))
def test_nor_of_several_tables_of_three_dimensions(tables: Sequence[Table], cells: Sequence[int]) -> None:
    joint = np.array(cells).reshape(2, 2, 3)
    if joint.sum() >= 3 * K:
        assert narrowest(joint, tables)[1] >= 1 - 1e-6


def test_tables_without_a_small_count_show_all() -> None:
    assert suppressed({(("a", "x"),): 10, (("a", "y"),): 90}, 100, K) == frozenset()


def test_the_smallest_count_is_hidden_beside_a_small_one_and_no_other() -> None:
    sizes = {"a": 500, "b": 40, "c": 30, "d": 4}
    hidden = suppressed({(("g", name),): size for name, size in sizes.items()}, 574, K)
    assert {key[0][1] for key in hidden} == {"c", "d"}


def test_two_small_counts_whose_sum_is_small_need_a_third() -> None:
    sizes = {"a": 500, "b": 40, "c": 3, "d": 4}
    hidden = suppressed({(("g", name),): size for name, size in sizes.items()}, 547, K)
    assert {key[0][1] for key in hidden} == {"b", "c", "d"}


def test_a_count_between_two_squares_of_hidden_ones_is_hidden_in_vain_until_another_is() -> None:
    """It is what both sums of one square's lines leave, though no line of its own hides it alone."""
    joint = np.full((4, 4), 300)
    joint[:2, :2] = joint[2:, 2:] = 8
    joint[1, 2] = 9
    hidden, width = narrowest(joint, ONE_AND_TWO)
    assert (("a", "1"), ("b", "2")) in hidden
    assert len(hidden) > 9
    assert width >= 1


def test_a_value_that_one_line_holds_alone_is_hidden_with_its_sum() -> None:
    joint = np.array([[200, 300, 4], [90, 80, 0]])
    hidden, width = narrowest(joint, ONE_AND_TWO)
    assert {(("b", "2"),), (("a", "0"), ("b", "2"))} <= hidden
    assert width >= 1
