from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, strategies as st

from batchops.stats import Sparse
from batchops.stats.numbers.sparse import merge_sparse
from tests.laws import obeys_the_laws

rows = st.lists(st.tuples(st.integers(0, 6), st.integers(-5, 5), st.integers(-5, 5)), max_size=20)


def table(pairs: Sequence[tuple[int, int, int]]) -> Sparse:
    array = np.array(pairs, dtype=np.int64).reshape(-1, 3)
    return Sparse.grouped(array[:, 0], array[:, 1], array[:, 2])


@given(st.lists(rows, min_size=1, max_size=5))
def test_a_sparse_table_is_a_monoid(parts: list[list[tuple[int, int, int]]]) -> None:
    obeys_the_laws(parts, table, lambda split: [row for part in split for row in part], Sparse())


@given(rows)
def test_dense_and_sparse_are_the_same(pairs: list[tuple[int, int, int]]) -> None:
    sparse = table(pairs)
    dense = [sparse.dense(7, measure) if sparse.cells else np.zeros(7, np.int64) for measure in (0, 1)]
    assert Sparse.of(*dense) == sparse
    for cell in range(7):
        assert dense[0][cell] == sum(first for at, first, _ in pairs if at == cell)
        assert dense[1][cell] == sum(second for at, _, second in pairs if at == cell)


def test_sums_beyond_64_bits_are_exact() -> None:
    large = Sparse((3,), ((2**62,),))
    total = merge_sparse([large] * 5)
    assert total == Sparse((3,), ((5 * 2**62,),))
    assert total + Sparse((3,), ((-(2**62),),)) == merge_sparse([large] * 4)
    assert total.floats(4, 0)[3] == 5 * 2.0**62
    with pytest.raises(OverflowError):
        total.dense(4)
