import math
from collections.abc import Sequence

import polars as pl
from hypothesis import given, settings, strategies as st

from batchops.stats import Quality, lay_out_quality, tally_quality
from tests.laws import obeys_the_laws

NIGHT = "2013-07-04"
SCHEMA = {"prediction": pl.Float64, "label": pl.Float64, "place": pl.String, "weight": pl.Float64}
numbers = st.none() | st.floats() | st.sampled_from([0.0, 1.0, -1.0, 1e300, -1.7e308, 5e-324, math.nan])
rows = st.tuples(
    numbers, numbers, st.sampled_from([None, "x", "y"]), st.sampled_from([0.0, 0.5, 3.0, None, -1.0, math.inf])
)


def frame(drawn: Sequence[tuple[object, ...]]) -> pl.DataFrame:
    return pl.DataFrame(drawn, schema=SCHEMA, orient="row")


CELLS = lay_out_quality(frame([(1.5, 1.0, "x", 1.0), (2.0, 2.5, "x", 0.5), (9.0, 7.0, "x", 2.0)]), "regression")


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(rows, max_size=12).map(frame), min_size=1, max_size=4))
def test_the_fold_of_partitions_is_the_quality_of_the_whole(parts: list[pl.DataFrame]) -> None:
    obeys_the_laws(parts, lambda part: tally_quality(part, NIGHT, (("place",),), CELLS), pl.concat, Quality())
