import unicodedata

import pytest
from hypothesis import given, strategies as st

from batchops.report import formats

NARROW, SPACE = "\u202f", "\u00a0"


@given(st.floats(0, 1))
def test_a_share_reads_as_nothing_or_everything_only_where_it_is(share: float) -> None:
    text = formats.percent(share)
    assert (text == f"0{SPACE}%") == (share == 0)
    assert (text == f"100{SPACE}%") == (share == 1)


@given(st.floats(-1e8, 1e8).filter(lambda value: abs(value) >= 1e-3))
def test_prose_has_at_most_three_significant_digits_and_is_near_the_value(value: float) -> None:
    text = formats.number(value).replace(NARROW, "").replace(formats.MINUS, "-")
    assert float(text) == pytest.approx(value, rel=0.006)
    assert len(text.strip("-").replace(".", "").lstrip("0").rstrip("0")) <= 3


@pytest.mark.parametrize(
    ("value", "expected"),
    [(1956, "1956"), (2359.0, "2359"), (10.94, "10.94"), (123456.0, f"123{NARROW}456"), (42.579, "42.58"), (0, "0")],
)
def test_a_year_at_the_end_of_an_axis_stays_a_year(value: float, expected: str) -> None:
    assert formats.bound(value) == expected


@pytest.mark.parametrize("format", [formats.number, formats.bound, formats.percent, formats.points, formats.count])
@pytest.mark.parametrize("value", [None, float("nan"), float("inf")])
def test_what_is_not_known_is_a_dash(format: object, value: float | None) -> None:
    assert callable(format)
    assert format(value) == formats.NONE


def test_a_difference_has_a_sign_and_nothing_has_none() -> None:
    assert [formats.points(value) for value in (0.072, -0.072, 0.0, -0.0001)] == ["+7.2", "−7.2", "0.0", "0.0"]  # noqa: RUF001


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        ("2013-07-01", "2013-07-31", "1–31 Jul 2013"),  # noqa: RUF001
        ("2013-06-04", "2013-07-04", "4 Jun – 4 Jul 2013"),  # noqa: RUF001
        ("2012-12-05", "2013-01-04", "5 Dec 2012 – 4 Jan 2013"),  # noqa: RUF001
        ("2013-07-04", "2013-07-04", "4 Jul 2013"),
    ],
)
def test_a_span_of_nights_says_nothing_twice(first: str, last: str, expected: str) -> None:
    assert formats.nights(first, last) == expected


@given(st.text())
def test_cleaned_text_moves_no_cursor(text: str) -> None:
    cleaned = formats.clean(text)
    assert not [each for each in cleaned if unicodedata.category(each) in ("Cc", "Cf", "Cs")]
    assert formats.clean(cleaned) == cleaned


@given(st.lists(st.text(max_size=80), unique=True, max_size=30))
def test_names_that_differ_have_ids_that_differ(names: list[str]) -> None:
    slugs = [formats.slug(name) for name in names if name]
    assert len(set(slugs)) == len(slugs)
    assert all(set(slug) <= set("abcdefghijklmnopqrstuvwxyz0123456789_-") and slug for slug in slugs)


@given(st.text())
def test_no_link_leaves_the_folder_it_stands_in_by_a_scheme(text: str) -> None:
    link = formats.href(text)
    assert ":" not in link
    assert not link.startswith("//")
    assert not set(link) & set("\"'<> \n")


def test_only_paired_backquotes_are_code() -> None:
    assert formats.spans("type `a b` now") == ((False, "type "), (True, "a b"), (False, " now"))
    assert formats.spans("an odd ` one") == ((False, "an odd ` one"),)


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [
        (0.883, "share", f"88.3{SPACE}%"),
        (-0.072, "points", "−7.2 points"),  # noqa: RUF001
        (1, "files", "1 file"),
        (1200, "rows", f"1{NARROW}200 rows"),
        (-0.38, "ratio", f"−38{SPACE}%"),  # noqa: RUF001
        (0.1234, "distance", "0.12"),
        (0.052, "auc", "0.052 auc"),
    ],
)
def test_an_amount_carries_its_unit(value: float, unit: str, expected: str) -> None:
    assert formats.amount(value, unit) == expected
