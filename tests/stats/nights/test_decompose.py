from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, strategies as st

from batchops.stats.nights.decompose import Share, decompose

shares = st.builds(Share, st.integers(-1000, 1000).map(float), st.integers(0, 50)).map(
    lambda share: share if share.rows else Share(0.0, 0)
)
sides = st.dictionaries(st.sampled_from("abcdef"), shares, min_size=1).filter(
    lambda side: any(share.rows for share in side.values())
)


def exact(now: Mapping[str, Share], reference: Mapping[str, Share]) -> tuple[Fraction, Fraction]:
    """Mix and within in fractions, by the formulas of the docstring."""
    n, m = (sum(share.rows for share in side.values()) for side in (now, reference))
    average = Fraction(sum(int(share.total) for share in reference.values()), m)
    mix = within = Fraction(0)
    for name in {*now, *reference}:
        here, there = now.get(name, Share(0.0, 0)), reference.get(name, Share(0.0, 0))
        was = Fraction(int(there.total), there.rows) if there.rows else average
        mix += (Fraction(here.rows, n) - Fraction(there.rows, m)) * was
        within += Fraction(int(here.total), n) - Fraction(here.rows, n) * was
    return mix, within


@given(sides, sides)
def test_a_change_is_exactly_its_mix_and_its_within(now: Mapping[str, Share], reference: Mapping[str, Share]) -> None:
    found = decompose(now, reference)
    assert found is not None
    mix, within = exact(now, reference)
    assert found.total == found.mix + found.within
    assert found.total == pytest.approx(float(mix + within), abs=1e-9)
    assert found.mix == pytest.approx(float(mix), abs=1e-9)
    assert found.within == pytest.approx(float(within), abs=1e-9)
    assert sum(each.mix for each in found.slices) == pytest.approx(found.mix, abs=1e-9)
    assert sum(each.within for each in found.slices) == pytest.approx(found.within, abs=1e-9)


@given(sides)
def test_nothing_changes_from_a_side_to_itself(side: Mapping[str, Share]) -> None:
    found = decompose(side, side)
    assert found is not None
    assert (found.mix, found.total) == (0.0, found.within)
    assert abs(found.total) < 1e-9


def test_other_shares_of_the_same_slices_are_mix_alone() -> None:
    rng = np.random.default_rng(3)
    means = rng.uniform(0, 1, 4)
    before, after = rng.integers(10, 90, 4), rng.integers(10, 90, 4)
    sides = [
        {str(place): Share(float(n * mean), int(n)) for place, (n, mean) in enumerate(zip(counts, means, strict=True))}
        for counts in (after, before)
    ]
    found = decompose(*sides)
    assert found is not None
    assert found.within == pytest.approx(0.0, abs=1e-12)
    assert found.total == pytest.approx(np.average(means, weights=after) - np.average(means, weights=before))


def test_a_slice_that_comes_or_goes_at_the_average_changes_nothing() -> None:
    one = {"a": Share(5.0, 10)}
    both = {"a": Share(5.0, 10), "b": Share(2.0, 4)}
    for now, reference in ((one, both), (both, one)):
        found = decompose(now, reference)
        assert found is not None
        assert (found.total, found.mix, found.within) == (0.0, 0.0, 0.0)


def test_without_rows_there_is_no_change() -> None:
    assert decompose({}, {"a": Share(1.0, 1)}) is None
    assert decompose({"a": Share(1.0, 1)}, {"a": Share(0.0, 0)}) is None
