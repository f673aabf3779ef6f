from hypothesis import given, strategies as st

from batchops.sketch import ValueSample
from tests.laws import obeys_the_laws

pairs = st.lists(st.tuples(st.text(max_size=3), st.integers(1, 5)), max_size=300)


@given(st.lists(pairs, min_size=1, max_size=5))
def test_a_sample_is_a_monoid(parts: list[list[tuple[str, int]]]) -> None:
    obeys_the_laws(parts, ValueSample.of, lambda split: [pair for part in split for pair in part], ValueSample())


@given(pairs)
def test_a_sampled_value_is_counted_exactly(rows: list[tuple[str, int]]) -> None:
    sample = ValueSample.of(rows)
    assert len(sample.counts) == min(ValueSample.size, len({value for value, _ in rows}))
    for value, count in sample.counts:
        assert count == sum(rows_of for other, rows_of in rows if other == value)


def test_values_held_by_few_rows_are_not_shown() -> None:
    assert ValueSample.of([("a", 3), ("b", 12), ("c", 30)]).commonest(10) == (("c", 30), ("b", 12))
