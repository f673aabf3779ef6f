from collections.abc import Sequence

import polars as pl
from hypothesis import given, settings, strategies as st

from batchops.stats import Quality, lay_out_quality, tally_quality
from tests.laws import obeys_the_laws

NIGHT = "2013-07-04"
SCHEMA = {
    "score_a": pl.Float64,
    "score_b": pl.Float64,
    "score_c": pl.Float64,
    "label": pl.String,
    "place": pl.String,
    "weight": pl.Float64,
}
shares = st.sampled_from([0.0, 0.2, 0.5, 1.0, None, float("nan"), 1.5])
rows = st.tuples(
    *(shares,) * 3,
    st.sampled_from([None, "a", "b", "c", "new"]),
    st.sampled_from([None, "x", "y"]),
    st.sampled_from([0.0, 0.5, 3.0, None, -1.0, float("inf")]),
)


def frame(drawn: Sequence[tuple[object, ...]]) -> pl.DataFrame:
    return pl.DataFrame(drawn, schema=SCHEMA, orient="row")


CELLS = lay_out_quality(
    frame([(0.2, 0.3, 0.5, "a", "x", 1.0), (0.1, 0.8, 0.1, "b", "x", 2.5), (0.0, 0.0, 1.0, "c", "x", 1.0)]),
    "multiclass",
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(rows, max_size=12).map(frame), min_size=1, max_size=4))
def test_the_fold_of_partitions_is_the_quality_of_the_whole(parts: list[pl.DataFrame]) -> None:
    obeys_the_laws(parts, lambda part: tally_quality(part, NIGHT, (("place",),), CELLS), pl.concat, Quality())
