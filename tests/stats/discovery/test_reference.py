from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from batchops import codec
from batchops.stats.discovery import (
    Counted,
    Grid,
    Proposal,
    Proposals,
    Search,
    Terms,
    count_reference,
    labelled,
    lay_out_loss,
    lay_out_search,
    measure,
    recount,
)

RNG = np.random.default_rng(5)
TRAINING = pl.DataFrame(
    {
        "carrier": RNG.choice(list("ABCDE"), 5_000),
        "distance": RNG.integers(0, 5, 5_000),
        "seats": RNG.integers(0, 4, 5_000),
        "score": RNG.uniform(0.01, 0.99, 5_000),
        "label": RNG.integers(0, 2, 5_000),
    }
)
FEATURES = ("carrier", "distance", "seats")
SEARCH = lay_out_search(TRAINING, FEATURES, "log_loss")
COUNTED = count_reference(TRAINING, SEARCH)


def of_features(*order: int) -> Search:
    """The same search with its features in another order, or without some."""
    return replace(SEARCH, grid=Grid(tuple(SEARCH.grid.features[place] for place in order)))


def proposal(search: Search, **bins: int) -> Proposal:
    names = [feature.column for feature in search.grid.features]
    pairs = sorted((names.index(name), code) for name, code in bins.items())
    return Proposal((), tuple(place for place, _ in pairs), tuple(code for _, code in pairs), 99, 0.1)


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (1, 0)])
def test_slices_are_counted_in_the_reference_as_its_rows_count_them(order: tuple[int, ...]) -> None:
    search = of_features(*order)
    slices = [proposal(search, distance=2), proposal(search, carrier=1, distance=4)]
    codes, losses, _ = labelled(TRAINING, search)
    found = COUNTED.recount(slices, search)
    assert found is not None
    assert found.sums(2).tolist() == recount(codes, losses, slices).sums(2).tolist()


def test_a_slice_of_a_feature_that_was_not_counted_has_no_rows_and_no_gap() -> None:
    without = count_reference(TRAINING, of_features(0, 2))
    slices = (proposal(SEARCH, carrier=1, distance=4), proposal(SEARCH, carrier=1))
    codes, losses, _ = labelled(TRAINING, SEARCH)
    now = recount(codes, losses, slices)
    terms = Terms(reference=lambda proposed: without.recount(proposed, SEARCH))
    unknown, known = measure(Proposals(slices=slices), now, SEARCH.loss, terms).slices
    assert unknown.reference is None
    assert known.reference == known.gap.value


def test_other_bins_of_a_feature_are_another_feature() -> None:
    carrier, distance, seats = SEARCH.grid.features
    finer = replace(SEARCH, grid=Grid((carrier, replace(distance, edges=(2.0,), bins=("a", "b", "missing")), seats)))
    found = COUNTED.recount([proposal(finer, distance=1)], finer)
    assert found is not None
    assert found.sums(1)[0, 0, 1] == 0


def test_other_losses_are_not_compared() -> None:
    slices = [proposal(SEARCH, carrier=1)]
    assert COUNTED.recount(slices, replace(SEARCH, loss=lay_out_loss("brier_score"))) is None
    assert COUNTED.recount(slices, replace(SEARCH, threshold=0.4)) is None
    assert COUNTED.recount(slices, SEARCH) is not None


def test_what_was_counted_is_read_back_as_it_was() -> None:
    assert codec.unpack(Counted, codec.pack(COUNTED)) == COUNTED
