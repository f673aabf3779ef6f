from __future__ import annotations

import datetime as dt
import re
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings, strategies as st

from batchops.contract.authoring.layout import Call, lay, literal
from batchops.contract.authoring.writing import Draft, DraftField, class_name, write_module
from batchops.errors import ContractError
from tests.contract.test_infer import compiled

PROJECT = Path(__file__).parents[2]

TEXTS = st.text(alphabet="ab'\"\\ éß漢\n\t\x00{}%^$", max_size=60)
PLAIN = st.one_of(TEXTS, st.integers(), st.floats(allow_nan=False), st.booleans(), st.none())
MADE = st.one_of(
    *(st.dates(), st.timedeltas(), st.datetimes(), st.times(), st.binary(max_size=20)),
    st.decimals(allow_nan=False, allow_infinity=False),
)
"""What is written as a call; one that is longer than a line is left on it."""


def nested(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.recursive(
        values,
        lambda inner: st.one_of(
            *(st.lists(inner, max_size=6), st.lists(inner, max_size=3).map(tuple)),
            st.dictionaries(TEXTS, inner, max_size=5),
        ),
        max_leaves=20,
    )


@settings(max_examples=100, deadline=None)
@given(value=nested(st.one_of(PLAIN, MADE)))
def test_a_value_is_written_so_that_it_reads_the_same(value: Any) -> None:
    assert eval(literal(value), {"dt": dt, "Decimal": Decimal}) == value
    names: dict[str, Any] = {"dt": dt, "Decimal": Decimal}
    exec("\n".join(lay("x = ", value)), names)
    assert repr(names["x"]) == repr(value)


def formatted(path: Path) -> str:
    """What ruff would change; empty where nothing."""
    command = [sys.executable, "-m", "ruff", "format", "--diff", "--line-length", "120", "--isolated", str(path)]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


@settings(max_examples=5, deadline=None)
@given(values=st.lists(st.tuples(st.text("xyz_", min_size=1, max_size=50), nested(PLAIN)), min_size=40, max_size=40))
def test_the_layout_is_ruffs(values: list[tuple[str, Any]], tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("layout") / "values.py"
    lines = []
    for number, (name, value) in enumerate(values):
        call = Call(
            "pa.Field", {f"{name}_{place}": each for place, (_, each) in enumerate(values[number : number + 3])}
        )
        lines += [*lay(f"{name}: int = ", call), *lay(f"{name} = ", value)]
    path.write_text("\n".join([*lines, ""]), encoding="utf-8")
    assert formatted(path) == ""


def field(name: str, dtype: pl.DataType | None = None, **words: Any) -> DraftField:
    return DraftField(name, dtype or pl.Int64(), words=words)


def draft(*fields: DraftField, **config: Any) -> Draft:
    return Draft("Rows", "What a row is.", fields, config)


LONG = [f"a category of some length {number}" for number in range(12)]
EVERYTHING = draft(
    *(
        field(name)
        for name in ("int", "pl", "class", "validate", "Config", "größe", "a b", "A-B", "_x", "__y", "1st", "%")
    ),
    *(
        field("dt", pl.Date()),
        field("ﬁ"),
        field("a_b"),
        field("Optional", pl.String(), isin=LONG),
        field("long", pl.Enum(LONG)),
    ),
    *(field("LONG"), field("LONG_DTYPE"), field("OPTIONAL"), field("")),
    field("since", pl.Date(), ge=dt.date(2020, 1, 1), metadata={"unit": "d", "role": ("key", "feature")}),
    field("price", pl.Decimal(10, 2), in_range=(Decimal("0.10"), Decimal("9.99")), nullable=True),
    field("code", pl.String(), str_matches=re.compile(r"\d+"), description='the "code"'),
    DraftField("e", pl.Enum(["x"]), False, {"nullable": True}, "A comment that is long " * 12),
    DraftField("z", pl.Datetime("ms", "UTC"), False),
    field("nested", pl.List(pl.Struct({f"field_{number}": pl.Int64 for number in range(9)}))),
    unique=["a_b", "since"],
    metadata={"name": "Rows", "version": 1, "rows": (1, 20_000), "owner": "the team that owns the rows and all else"},
)


def test_a_module_of_everything_is_formatted_compiles_and_keeps_every_name(tmp_path: Path) -> None:
    text = write_module('About "rows" \\ and more.', [EVERYTHING])
    path = tmp_path / "rows.py"
    path.write_text(text, encoding="utf-8")
    assert formatted(path) == ""
    contract = compiled(text)
    assert list(contract.schema.items()) == [(each.name, each.dtype) for each in EVERYTHING.fields]
    assert max(map(len, text.splitlines())) <= 120


def test_a_module_that_is_written_is_a_module_that_our_linter_takes(tmp_path: Path) -> None:
    (tmp_path / "rows.py").write_text(write_module("Rows.", [EVERYTHING]), encoding="utf-8")
    command = [sys.executable, "-m", "ruff", "check", "--config", str(PROJECT / "pyproject.toml"), str(tmp_path)]
    done = subprocess.run(
        [*command, "--ignore=RUF012,UP045,N,RUF001,PLC2401"], capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.returncode) == ("All checks passed!\n", 0)


def test_imports_are_those_that_are_used() -> None:
    assert (
        write_module("Rows.", [draft(field("x"))])
        == '''"""Rows."""

from __future__ import annotations

import pandera.polars as pa

__all__ = ["Rows"]


class Rows(pa.DataFrameModel):
    """What a row is."""

    x: int = pa.Field()
'''
    )


def test_several_models_share_a_module_and_no_name() -> None:
    one = Draft("One", "", (field("kind", pl.String(), isin=LONG),), {})
    two = Draft("Two", "Two.", (field("kind", pl.String(), isin=LONG[1:]),), {})
    text = write_module("Both.", [one, two])
    assert ("KIND = [" in text, "KIND_2 = [" in text, '__all__ = ["One", "Two"]' in text) == (True, True, True)
    assert len(compiled(text, "One").rules) == len(compiled(text, "Two").rules) == 2


@pytest.mark.parametrize(
    ("text", "name"),
    [("flight orders", "FlightOrders"), ("2025 sales", "Sales"), ("", "Orders"), ("pa", "Pa"), ("None", "NoneRows")],
)
def test_a_class_is_named_after_the_contract(text: str, name: str) -> None:
    assert class_name(text) == name


@pytest.mark.parametrize("name", ["*", "^a$"])
def test_a_column_that_no_expression_can_name_is_an_error(name: str) -> None:
    with pytest.raises(ContractError, match="stands for other columns"):
        write_module("Rows.", [draft(field(name))])
