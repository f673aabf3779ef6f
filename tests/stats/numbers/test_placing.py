from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from batchops.stats.numbers.placing import cell_of

finite = st.floats(-1.7e308, 1.7e308)
near = st.sampled_from([0.0, -0.0, 5e-324, 1.0, np.nextafter(1.0, 2), -1e300, 1.7e308, -1.7e308]) | st.floats(-3, 3)


@settings(deadline=None)
@given(edges=st.sets(finite | near, min_size=1, max_size=9), values=st.lists(finite | near, min_size=1, max_size=20))
def test_values_lie_where_a_plain_search_finds_them(edges: set[float], values: list[float]) -> None:
    ends = np.array(sorted(edges))
    beside = np.concatenate([ends, np.nextafter(ends, np.inf), np.nextafter(ends, -np.inf)])
    tried = np.resize(np.concatenate([values, beside[np.isfinite(beside)]]), 400)
    assert cell_of(tried, ends).tolist() == np.searchsorted(ends, tried, side="right").tolist()


@pytest.mark.parametrize("spread", [0.1, 1.0, 3.0, 12.0])
def test_edges_that_crowd_at_one_end_are_searched_too(spread: float) -> None:
    rng = np.random.default_rng(7)
    values = np.exp(spread * rng.normal(size=200_000))
    edges = np.unique(np.quantile(values, np.linspace(0, 1, 2_000)))
    assert np.array_equal(cell_of(values, edges), np.searchsorted(edges, values, side="right"))
