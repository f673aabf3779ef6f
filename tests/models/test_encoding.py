from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, strategies as st
from sklearn.preprocessing import OrdinalEncoder

from batchops.errors import ModelError
from batchops.models import Encoding, Feature, encode
from tests.models.toys import FEATURES, rows

words = st.lists(st.none() | st.text(max_size=3), min_size=1, max_size=20)


def test_numbers_and_bools_are_taken_as_they_are_and_nulls_are_nan() -> None:
    frame = pl.DataFrame({"i": [1, None], "f": [None, 2.5], "b": [True, None]})
    matrix = encode(frame, Encoding.of(frame, ("b", "i", "f"), ()))
    np.testing.assert_array_equal(matrix, [[1.0, 1.0, np.nan], [np.nan, np.nan, 2.5]])
    assert matrix.dtype == np.float64


@given(words, words)
def test_categories_get_the_codes_of_an_ordinal_encoder(known: list[str | None], asked: list[str | None]) -> None:
    train, tonight = (pl.DataFrame({"c": pl.Series(values, dtype=pl.String)}) for values in (known, asked))
    encoding = Encoding.of(train, ("c",), ("c",))
    values = [[value] for value in known if value is not None]
    if not values:
        assert np.isnan(encode(tonight, encoding)).all()
        return
    oracle = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan).fit(
        np.array(values, dtype=object)
    )
    expected = [np.nan if a is None else oracle.transform(np.array([[a]], dtype=object))[0, 0] for a in asked]
    np.testing.assert_array_equal(encode(tonight, encoding)[:, 0], expected)


def test_a_category_of_numbers_or_bools_is_known_by_its_text() -> None:
    frame = pl.DataFrame({"n": [10, 9, None], "b": [True, False, None]})
    encoding = Encoding.of(frame, ("n", "b"), ("n", "b"))
    assert encoding.features[0] == Feature("n", "Int64", "category", ("10", "9"))
    np.testing.assert_array_equal(encode(frame, encoding), [[0, 1], [1, 0], [np.nan, np.nan]])


def test_the_columns_come_in_the_encodings_order_whatever_the_frames() -> None:
    frame = rows(50)
    encoding = Encoding.of(frame, FEATURES, ("colour",))
    turned = frame.select(reversed(frame.columns))
    np.testing.assert_array_equal(encode(turned, encoding), encode(frame, encoding))
    assert encoding.names == FEATURES
    assert encoding.categorical == (0,)


def test_no_rows_give_a_matrix_without_rows() -> None:
    frame = rows(5)
    assert encode(frame.clear(), Encoding.of(frame, FEATURES, ("colour",))).shape == (0, 4)


def test_a_missing_column_is_a_model_error_that_names_the_nearest() -> None:
    frame = rows(5)
    encoding = Encoding.of(frame, FEATURES, ("colour",))
    with pytest.raises(ModelError, match=r"feature colour: .*no such column.*Did you mean color\?"):
        encode(frame.rename({"colour": "color"}), encoding)


def test_text_where_a_number_was_is_a_model_error_that_holds_no_value() -> None:
    frame = rows(5)
    encoding = Encoding.of(frame, FEATURES, ("colour",))
    with pytest.raises(ModelError, match="features age") as caught:
        encode(frame.with_columns(age=pl.lit("secret")), encoding)
    assert "secret" not in str(caught.value)


def test_text_that_nobody_calls_a_category_is_no_feature() -> None:
    with pytest.raises(ModelError, match="feature colour: String is no number"):
        Encoding.of(rows(5), FEATURES, ())
