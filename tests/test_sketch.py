import itertools

from hypothesis import given, settings, strategies as st

from batchops import codec
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


numbers = st.tuples(st.integers(0, 10_000), st.integers(0, 3_000))


@settings(max_examples=25, deadline=None)
@given(st.lists(numbers, min_size=2, max_size=3))
def test_of_many_values_none_is_kept_however_they_were_split(spans: list[tuple[int, int]]) -> None:
    parts = [[(str(number), 1) for number in range(start, start + length)] for start, length in spans]
    obeys_the_laws(parts, ValueSample.of, lambda split: [pair for part in split for pair in part], ValueSample())


def test_many_is_a_thousand_or_so() -> None:
    assert not ValueSample.of((f"{n}", 1) for n in range(600)).many
    assert ValueSample.of((f"{n}", 1) for n in range(1_500)) == ValueSample(many=True)


def test_many_values_are_not_read_to_the_end() -> None:
    assert ValueSample.of((f"{n}", 1) for n in itertools.count()).many


def test_a_sample_that_was_stored_before_there_were_many_adds_up_as_before() -> None:
    stored = codec.load(ValueSample, b'{"counts":[["a",3],["b",12]]}')
    assert stored + ValueSample.of([("b", 1)]) == ValueSample.of([("a", 3), ("b", 13)])


def test_values_held_by_few_rows_are_not_shown() -> None:
    assert ValueSample.of([("a", 3), ("b", 12), ("c", 30)]).commonest(10) == (("c", 30), ("b", 12))
