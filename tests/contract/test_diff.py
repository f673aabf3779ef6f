"""What a changed contract rejects and accepts that it did not before: the comparison's word against the rows."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any

import pandera.polars as pa
import polars as pl
import pytest
from hypothesis import HealthCheck, given, reject, settings, strategies as st

from batchops import codec
from batchops.contract import KEY_UNIQUE, ROW, Contract, compile_contract, evaluate
from batchops.contract.content import Content, content_of, digest_of
from batchops.contract.keys import duplicates, keys_of, mark
from batchops.contract.versions.changes import Change
from batchops.contract.versions.diffing import Diff, diff
from batchops.errors import ContractError


def contract_of(columns: Mapping[str, tuple[Any, Mapping[str, Any]]], **config: Any) -> Contract:
    """A contract: column -> dtype and the arguments of its `Field`; ``config`` goes into ``Config``."""
    body: dict[str, Any] = {name: pa.Field(**said) for name, (_, said) in columns.items()}
    body["__annotations__"] = {name: dtype for name, (dtype, _) in columns.items()}
    body["__module__"] = __name__
    body["Config"] = type("Config", (), {"metadata": {"version": 1}, **config})
    return compile_contract(type("Drawn", (pa.DataFrameModel,), body))


def content(columns: Mapping[str, tuple[Any, Mapping[str, Any]]], **config: Any) -> Content:
    return content_of(contract_of(columns, **config))


def of_field(dtype: Any = int, **said: Any) -> Content:
    """The content of a contract of one column, ``x``."""
    return content({"x": (dtype, said)})


def compared(old: Content, new: Content) -> list[tuple[str, str]]:
    return [(change.what, change.direction) for change in diff(old, new).changes]


class TestRules:
    @pytest.mark.parametrize(
        ("dtype", "was", "now", "direction"),
        [
            (int, {"ge": 5}, {"ge": 6}, "narrowing"),
            (int, {"ge": 5}, {"ge": 4}, "widening"),
            (int, {"gt": 5}, {"gt": 6}, "narrowing"),
            (float, {"le": 5}, {"le": 4.5}, "narrowing"),
            (float, {"lt": 5}, {"lt": float("inf")}, "widening"),
            (int, {"in_range": (0, 10)}, {"in_range": (1, 9)}, "narrowing"),
            (int, {"in_range": (0, 10)}, {"in_range": (0, 11)}, "widening"),
            (int, {"in_range": (0, 10)}, {"in_range": (1, 11)}, "both"),
            (
                float,
                {"in_range": {"min_value": 0, "max_value": 1}},
                {"in_range": {"min_value": 0, "max_value": 1, "include_min": False}},
                "narrowing",
            ),
            (str, {"isin": ["a", "b"]}, {"isin": ["a"]}, "narrowing"),
            (str, {"isin": ["a", "b"]}, {"isin": ["a", "b", "c"]}, "widening"),
            (str, {"isin": ["a", "b"]}, {"isin": ["a", "c"]}, "both"),
            (str, {"notin": ["a"]}, {"notin": ["a", "b"]}, "narrowing"),
            (str, {"notin": ["a", "b"]}, {"notin": ["a"]}, "widening"),
            (str, {"str_length": {"min_value": 1, "max_value": 5}}, {"str_length": {"max_value": 6}}, "widening"),
            (str, {"str_length": {"max_value": 6}}, {"str_length": {"exact_value": 3}}, "narrowing"),
            (str, {"str_startswith": "a"}, {"str_startswith": "ab"}, "narrowing"),
            (str, {"str_endswith": "ba"}, {"str_endswith": "a"}, "widening"),
            (str, {"str_matches": "a+"}, {"str_matches": "a*"}, "both"),
            (int, {"eq": 3}, {"eq": 4}, "both"),
            (int, {"ne": 3}, {"ne": 4}, "both"),
            (dt.date, {"ge": dt.date(2013, 1, 1)}, {"ge": dt.date(2013, 2, 1)}, "narrowing"),
        ],
    )
    def test_a_changed_argument_has_a_direction_and_its_mirror(
        self, dtype: Any, was: dict[str, Any], now: dict[str, Any], direction: str
    ) -> None:
        (rule,) = was
        mirror = {"narrowing": "widening", "widening": "narrowing"}
        dtype = pl.Date if dtype is dt.date else dtype
        assert compared(of_field(dtype, **was), of_field(dtype, **now)) == [(f"x.{rule}", direction)]
        turned = compared(of_field(dtype, **now), of_field(dtype, **was))
        assert turned == [(f"x.{rule}", mirror.get(direction, direction))]

    def test_bounds_of_integers_that_hold_the_same_numbers_reject_nothing_new(self) -> None:
        change = the_one(diff(of_field(int, gt=5), of_field(int, ge=6)), "x.ge")
        assert change.direction == "severity"

    def test_a_rule_that_others_imply_is_no_narrowing(self) -> None:
        old, new = of_field(int, in_range=(80, 5000)), of_field(int, in_range=(80, 5000), gt=0)
        assert compared(old, new) == [("x.gt", "severity")]
        assert compared(new, old) == [("x.gt", "severity")]

    def test_an_infinite_bound_is_one_that_nan_fails(self) -> None:
        old, new = of_field(float, ge=0), of_field(float, in_range=(0, float("inf")))
        assert ("x.in_range", "narrowing") in compared(old, new)

    def test_missing_values_forbidden_are_a_narrowing(self) -> None:
        found = compared(of_field(nullable=True), of_field(nullable=False))
        assert ("x.not_null", "narrowing") in found
        assert ("x.not_null", "widening") in compared(of_field(nullable=False), of_field(nullable=True))

    def test_unique_on_fewer_columns_is_a_narrowing(self) -> None:
        columns: dict[str, tuple[Any, dict[str, Any]]] = {"x": (int, {}), "y": (int, {})}
        old = content(columns, unique=["x", "y"])
        assert compared(old, content(columns, unique=["x"])) == [("x+y.unique", "severity"), ("x.unique", "narrowing")]
        assert compared(content(columns), old) == [("x+y.unique", "narrowing")]

    def test_a_smaller_key_is_a_narrowing(self) -> None:
        wide = content({"x": (int, {"metadata": {"role": "key"}}), "y": (int, {"metadata": {"role": "key"}})})
        narrow = content({"x": (int, {"metadata": {"role": "key"}}), "y": (int, {})})
        assert ("key.unique", "narrowing") in compared(wide, narrow)
        assert ("key.unique", "widening") in compared(narrow, wide)

    def test_a_level_is_a_matter_of_severity(self) -> None:
        old, new = of_field(int, ge=5), of_field(int, ge=5, metadata={"level": "warn"})
        assert {direction for _, direction in compared(old, new)} == {"severity"}

    def test_another_action_says_what_becomes_of_rows_that_fail(self) -> None:
        aside, scored = (of_field(int, ge=5, metadata={"action": each}) for each in ("quarantine", "continue"))
        assert "is scored from now on" in the_one(diff(aside, scored), "x.ge").why
        assert "is set aside from now on" in the_one(diff(scored, aside), "x.ge").why

    def test_an_author_s_function_cannot_be_compared(self) -> None:
        def made(limit: int) -> Content:
            class Model(pa.DataFrameModel):
                x: int

                @pa.check("x")
                @classmethod
                def small(cls, data: pa.PolarsData) -> pl.LazyFrame:
                    return data.lazyframe.select(pl.col(data.key) < limit)

            return content_of(compile_contract(Model))

        assert compared(made(3), made(4)) == [("x.small", "meaning")]
        assert compared(made(3), made(3)) == []

    def test_other_words_judge_nothing_otherwise(self) -> None:
        def made(words: str) -> Content:
            return of_field(int, ge=5, metadata={"rules": {"ge": {"words": words}}})

        found = diff(made("at least five"), made("five or more"))
        assert [change.direction for change in found.changes] == ["words"]
        assert found.suggested_version == found.old.version


def the_one(found: Diff, what: str) -> Change:
    (change,) = (change for change in found.changes if change.what == what)
    return change


class TestColumns:
    @pytest.mark.parametrize(
        ("was", "now", "direction"),
        [
            (pl.Int32, pl.Int64, "widening"),
            (pl.UInt8, pl.Int16, "widening"),
            (pl.Int64, pl.UInt64, "both"),
            (pl.Float32, pl.Float64, "both"),
            (pl.Int64, pl.Float64, "both"),
            (pl.Enum(["a"]), pl.Enum(["a", "b"]), "widening"),
            (pl.Enum(["a", "b"]), pl.String, "widening"),
            (pl.Enum(["a"]), pl.Enum(["b"]), "both"),
            (pl.String, pl.Int64, "both"),
        ],
    )
    def test_another_dtype_has_a_direction_and_its_mirror(self, was: Any, now: Any, direction: str) -> None:
        mirror = {"narrowing": "widening", "widening": "narrowing"}
        assert ("x", direction) in compared(of_field(was), of_field(now))
        assert ("x", mirror.get(direction, direction)) in compared(of_field(now), of_field(was))

    def test_a_column_that_came_carries_its_rules(self) -> None:
        old, new = content({"x": (int, {})}), content({"x": (int, {}), "y": (float, {"ge": 0})})
        assert compared(old, new) == [("y", "narrowing")]
        assert compared(new, old) == [("y", "widening")]
        assert "2 rules" in diff(old, new).changes[0].now

    def test_a_column_that_came_where_others_were_forbidden_does_both(self) -> None:
        forbids = replace(content({"x": (int, {})}), strict="forbid")
        now = replace(content({"x": (int, {}), "y": (int, {})}), strict="forbid")
        assert compared(forbids, now) == [("y", "both")]

    def test_a_feature_more_or_less_needs_training(self) -> None:
        plain, feature = of_field(), of_field(metadata={"role": "feature"})
        assert diff(plain, feature).training
        assert diff(feature, plain).training
        assert diff(
            content({"y": (int, {})}), content({"y": (int, {}), "x": (int, {"metadata": {"role": "feature"}})})
        ).training
        assert not diff(of_field(ge=1), of_field(ge=2)).training

    def test_another_unit_means_something_else(self) -> None:
        miles, kilometres = (of_field(metadata={"unit": unit}) for unit in ("mi", "km"))
        assert compared(miles, kilometres) == [("x", "meaning")]
        assert compared(of_field(), miles) == [("x", "severity")]

    def test_personal_data_is_a_matter_of_severity(self) -> None:
        assert compared(of_field(), of_field(metadata={"pii": True})) == [("x", "severity")]

    def test_an_author_s_function_reads_another_dtype(self) -> None:
        class Narrow(pa.DataFrameModel):
            x: pl.Int32

            @pa.check("x")
            @classmethod
            def small(cls, data: pa.PolarsData) -> pl.LazyFrame:
                return data.lazyframe.select(pl.col(data.key) * 1000 < 5)

        class Wide(Narrow):
            x: pl.Int64  # type: ignore[assignment]

        old, new = (content_of(compile_contract(model)) for model in (Narrow, Wide))
        assert ("x.small", "meaning") in compared(old, new)


class TestTheContractItself:
    @pytest.mark.parametrize(
        ("was", "now", "direction"),
        [
            ((600, 1200), (700, 1200), "narrowing"),
            ((600, 1200), (600, None), "widening"),
            ((None, None), (1, None), "narrowing"),
            ((600, 1200), (500, 1000), "both"),
            ((None, 5), (0, 5), "severity"),
        ],
    )
    def test_bounds_of_rows(self, was: Any, now: Any, direction: str) -> None:
        old, new = (replace(of_field(), rows=rows) for rows in (was, now))
        assert compared(old, new) == [("rows", direction)]

    def test_a_share_of_the_weekday_s_volume(self) -> None:
        old, new = (replace(of_field(), weekday_volume=share) for share in (0.3, 0.2))
        assert compared(old, new) == [("weekday_volume", "narrowing")]
        assert compared(new, replace(new, weekday_volume=None)) == [("weekday_volume", "widening")]

    def test_strictness(self) -> None:
        allows = of_field()
        assert compared(allows, replace(allows, strict="forbid")) == [("strict", "narrowing")]
        assert compared(allows, replace(allows, strict="filter")) == [("strict", "severity")]

    def test_the_order_of_columns_counts_where_it_is_asked_for(self) -> None:
        one, other = content({"x": (int, {}), "y": (int, {})}), content({"y": (int, {}), "x": (int, {})})
        assert compared(one, other) == []
        assert compared(replace(one, ordered=True), replace(other, ordered=True)) == [("ordered", "both")]

    def test_the_owner_is_words(self) -> None:
        assert compared(of_field(), replace(of_field(), owner="somebody")) == [("owner", "words")]


@pytest.mark.parametrize(
    ("version", "now", "suggested"),
    [
        ("4", {"ge": 6}, "5"),
        ("4", {"ge": 5}, "4"),
        ("", {"ge": 6}, "1"),
        ("1.4.2", {"ge": 6}, "2.0.0"),
        ("1.4.2", {"ge": 4}, "1.5.0"),
        ("1.4.2", {"ge": 5, "metadata": {"level": "warn"}}, "1.4.3"),
        ("1.4", {"ge": 5, "metadata": {"level": "warn"}}, "1.5"),
        ("summer", {"ge": 6}, ""),
    ],
)
def test_the_suggested_version_tells_how_much_changed(version: str, now: dict[str, Any], suggested: str) -> None:
    old, new = of_field(int, ge=5), of_field(int, **now)
    assert diff(replace(old, version=version), new).suggested_version == suggested


# The law: random pairs of contracts, random rows

rare = st.integers(0, 9).map(lambda drawn: drawn == 9)
NUMBERS = st.integers(-3, 3)
TEXTS = st.text("abé", max_size=3)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "int": NUMBERS,
    "float": NUMBERS | st.sampled_from([0.5, -0.5, float("inf"), -float("inf")]),
    "text": TEXTS,
    "day": st.dates(dt.date(2013, 1, 1), dt.date(2013, 1, 4)),
}
BOUNDS, TEXTUAL = ("ge", "gt", "le", "lt", "in_range"), ("str_startswith", "str_endswith", "str_length")
DTYPES: dict[str, tuple[Any, ...]] = {
    "int": (pl.Int64, pl.Int16, pl.UInt16),
    "float": (pl.Float64, pl.Float32),
    "text": (pl.String, pl.Enum(["", "a", "b"]), pl.Enum(["", "a", "b", "ab"])),
    "day": (pl.Date, Annotated[pl.Datetime, "us", None]),
}


@dataclass(frozen=True)
class Column:
    """A drawn column: its dtype, the names of its checks, the arguments of all checks that it might have, and marks."""

    dtype: Any
    checks: tuple[str, ...]
    known: Mapping[str, Any]
    marks: Mapping[str, Any]

    @property
    def field(self) -> tuple[Any, dict[str, Any]]:
        return self.dtype, {**{name: self.known[name] for name in self.checks}, **self.marks}


@st.composite
def arguments(draw: st.DrawFn, kind: str) -> dict[str, Any]:
    """Of every built-in check that suits a column."""
    value = VALUES[kind]
    low, high = sorted(draw(st.lists(value, min_size=2, max_size=2)))
    known: dict[str, Any] = {
        "ge": low,
        "gt": low,
        "le": high,
        "lt": high,
        "in_range": {"min_value": low, "max_value": high, "include_max": low == high or draw(st.booleans())},
        "eq": low,
        "ne": low,
        "isin": draw(st.lists(value, min_size=1, max_size=4, unique=True)),
        "notin": draw(st.lists(value, min_size=1, max_size=3, unique=True)),
        "str_startswith": low,
        "str_endswith": high,
        "str_length": {"min_value": 0, "max_value": len(high) if kind == "text" else 0},
    }
    unfit = {"text": BOUNDS, "day": ("isin", "notin", *TEXTUAL)}.get(kind, TEXTUAL)
    return {name: said for name, said in known.items() if name not in unfit}


@st.composite
def columns(draw: st.DrawFn) -> dict[str, Column]:
    """Columns a to d, one of each kind, with most of what a `Field` may say."""
    found = {}
    for name, kind in zip("abcd", DTYPES, strict=True):
        known = draw(arguments(kind))
        checks = draw(st.lists(st.sampled_from(sorted(known)), max_size=2, unique=True))
        role = "key" if draw(rare) else draw(st.sampled_from(["passthrough", "feature"]))
        marks = {"nullable": not draw(rare), "unique": draw(rare), "coerce": draw(rare), "metadata": {"role": role}}
        dtype = DTYPES[kind][draw(st.sampled_from([0, 0, 0, 1, len(DTYPES[kind]) - 1]))]
        found[name] = Column(dtype, tuple(checks), known, marks)
    return found


@st.composite
def pairs(draw: st.DrawFn) -> tuple[Contract, Contract]:
    """A contract, and another that differs from it in a thing or two of its columns."""
    old, other = draw(columns()), draw(columns())
    new = dict(old)
    for _ in range(draw(st.integers(1, 2))):
        name, what = (
            draw(st.sampled_from("abcd")),
            draw(st.sampled_from(["known", "known", "checks", "dtype", "marks"])),
        )
        theirs = other[name]
        if what == "checks":
            mine = new[name].checks
            more = tuple(dict.fromkeys((*mine, *theirs.checks)))
            new[name] = replace(new[name], checks=draw(st.sampled_from([more, mine[1:], theirs.checks])))
        elif what == "marks":
            mark = draw(st.sampled_from(sorted(theirs.marks)))
            new[name] = replace(new[name], marks={**new[name].marks, mark: theirs.marks[mark]})
        else:
            new[name] = replace(new[name], **{what: getattr(theirs, what)})
    return _compiled({name: each.field for name, each in old.items()}), _compiled(
        {name: each.field for name, each in new.items()}
    )


def _compiled(columns: Mapping[str, tuple[Any, Mapping[str, Any]]]) -> Contract:
    try:
        return contract_of(columns)
    except ContractError:
        reject()  # a check that does not suit its column's dtype


@st.composite
def frames(draw: st.DrawFn) -> pl.DataFrame:
    """Rows of those columns: some missing values, some columns absent or of another dtype."""
    size = draw(st.integers(4, 12))
    found = {}
    for name, kind in zip("abcd", DTYPES, strict=True):
        how = draw(st.sampled_from([*["plain"] * 12, "small", "text", "absent"]))
        if how == "absent":
            continue
        odd: list[float] = [math.nan] if kind == "float" else []
        if (kind, how) == ("int", "plain"):
            odd = [40_000, -40_000, 2**40]
        value = st.one_of([*[VALUES[kind]] * 6, st.sampled_from([None, *odd])])
        values = draw(st.lists(value, min_size=size, max_size=size))
        dtype: Any = {"int": pl.Int64, "float": pl.Float64, "text": pl.String, "day": pl.Date}[kind]
        if how == "small":
            dtype = {"int": pl.Int8, "float": pl.Float32, "text": pl.Categorical, "day": pl.Datetime("us")}[kind]
        series = pl.Series(name, values, dtype=dtype, strict=False)
        found[name] = series.cast(pl.String) if how == "text" else series
    return pl.DataFrame(found) if found else pl.DataFrame({"other": range(size)})


def accepted(contract: Contract, frame: pl.DataFrame) -> set[int]:
    """Rows that fail no rule, whatever becomes of those that do."""
    strict = replace(contract, rules=tuple(replace(rule, action="quarantine") for rule in contract.rules))
    keys = keys_of(contract, frame) if contract.key else None
    answers = {} if keys is None else {KEY_UNIQUE: mark(keys, duplicates([keys]))}
    bad = evaluate(strict, frame, answers).quarantined.get_column(ROW).to_list()
    return set(range(frame.height)) - set(bad)


@settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))
@given(pairs(), st.data())
def test_no_row_goes_against_the_word_of_the_comparison(pair: tuple[Contract, Contract], data: st.DataObject) -> None:
    found = diff(content_of(pair[0]), content_of(pair[1]))
    for _ in range(3):
        frame = data.draw(frames())
        old, new = accepted(pair[0], frame), accepted(pair[1], frame)
        assert found.narrows or old <= new
        assert found.widens or new <= old


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(pairs())
def test_digests_differ_where_more_than_words_do_and_storing_changes_nothing(pair: tuple[Contract, Contract]) -> None:
    old, new = map(content_of, pair)
    assert bool(diff(old, new).asked) == (digest_of(old) != digest_of(new))
    stored = codec.load(Content, codec.dump_pretty(new))
    assert diff(old, stored).changes == diff(old, new).changes
    assert diff(new, stored).changes == ()
