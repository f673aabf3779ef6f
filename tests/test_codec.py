import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest
from hypothesis import given, strategies as st

from batchops import codec


@dataclass(frozen=True, slots=True)
class Inner:
    counts: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Value:
    name: str
    share: float | None = None
    inner: Mapping[str, Inner] = field(default_factory=dict)


values = st.builds(
    Value,
    st.text(),
    st.none() | st.floats(allow_nan=False, allow_infinity=False),
    st.dictionaries(st.text(), st.builds(Inner, st.lists(st.integers()).map(tuple))),
)


@given(values)
def test_a_value_survives_being_written(value: Value) -> None:
    assert codec.load(Value, codec.dump(value)) == value
    assert codec.unpack(Value, codec.pack(value)) == value


@given(values)
def test_equal_values_have_equal_bytes_whatever_the_order_of_their_keys(value: Value) -> None:
    turned = Value(value.name, value.share, dict(reversed(list(value.inner.items()))))
    assert codec.dump(turned) == codec.dump(value)
    assert codec.digest(turned) == codec.digest(value)


@pytest.mark.parametrize("share", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_is_written_as_null(share: float) -> None:
    assert codec.dump(Value("x", share)) == b'{"inner":{},"name":"x","share":null}'


def test_bytes_that_are_no_such_value_are_refused() -> None:
    with pytest.raises(codec.Invalid):
        codec.load(Value, b'{"name": 3')
    with pytest.raises(codec.Invalid):
        codec.load(Value, b"{}")
