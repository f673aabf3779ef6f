"""Errors and rules say the file and line that an author has to look at."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent
from types import ModuleType

import pandera.polars as pa
import polars as pl
import pytest

from batchops.contract import compile_contract
from batchops.contract.locating import place_of
from batchops.errors import ContractError
from schemas.flights import Flights
from tests.contract.models import frame_check, model

Importing = Callable[..., ModuleType]

PARENT = """
    import pandera.polars as pa
    import polars as pl


    class Sent(pa.DataFrameModel):
        number: int = pa.Field(
            ge=1,
            metadata={"role": "key"},
        )
        amount: float

        @pa.check("amount", name="small")
        @classmethod
        def is_small(cls, data: pa.PolarsData) -> pl.LazyFrame:
            return data.lazyframe.select(pl.col(data.key) < 9)
"""

CHILD = """
    import pandera.polars as pa
    import polars as pl

    from depot.parents import Sent


    class Orders(Sent):
        shop: str = pa.Field(alias="shop name", isin=["a"])

        @pa.dataframe_check
        @classmethod
        def in_order(cls, data: pa.PolarsData) -> pl.LazyFrame:
            return data.lazyframe.select(pl.col("amount") > pl.col("number"))

        class Config:
            unique = ["number", "amount"]
"""


@pytest.fixture
def importing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Importing]:
    """Write modules of a package, and import the last."""
    monkeypatch.syspath_prepend(tmp_path)

    def write(**sources: str) -> ModuleType:
        folder = tmp_path / "depot"
        folder.mkdir(exist_ok=True)
        (folder / "__init__.py").touch()
        for name, source in sources.items():
            (folder / f"{name}.py").write_text(dedent(source).lstrip())
        importlib.invalidate_caches()
        return importlib.import_module(f"depot.{[*sources][-1]}")

    yield write
    for name in [name for name in sys.modules if name.partition(".")[0] == "depot"]:
        del sys.modules[name]


def line(source: str, text: str) -> int:
    """The line of a source that begins with a text."""
    lines = dedent(source).lstrip().splitlines()
    return next(number for number, each in enumerate(lines, 1) if each.strip().startswith(text))


def test_every_rule_stands_where_its_author_wrote_it(importing: Importing) -> None:
    contract = compile_contract(importing(parents=PARENT, orders=CHILD).Orders)
    places = {rule.id: place_of(contract, rule.id) for rule in contract.rules}
    number = f"depot/parents.py:{line(PARENT, 'number')}"
    shop = f"depot/orders.py:{line(CHILD, 'shop')}"
    config = f"depot/orders.py:{line(CHILD, 'class Config')}"
    assert places == {
        "number.not_null": number,
        "number.ge": number,
        "amount.not_null": f"depot/parents.py:{line(PARENT, 'amount')}",
        "amount.small": f"depot/parents.py:{line(PARENT, 'def is_small')}",
        "shop name.not_null": shop,
        "shop name.isin": shop,
        "frame.in_order": f"depot/orders.py:{line(CHILD, 'def in_order')}",
        "number+amount.unique": config,
        "key.unique": config,
    }
    assert place_of(contract, "schema.dtype:number") == place_of(contract, "schema.missing_column:number") == number


def test_the_flights_contract_knows_its_lines() -> None:
    contract = compile_contract(Flights)
    lines = Path(sys.modules[Flights.__module__].__file__ or "").read_text().splitlines()
    for rule in contract.rules:
        file, _, number = place_of(contract, rule.id).partition(":")
        assert file == "schemas/flights.py"
        written = lines[int(number) - 1].strip()
        assert written.startswith((f"{rule.columns[0]}: ", f"def {rule.id.rpartition('.')[2]}(", "class Config"))


@pytest.mark.parametrize(
    ("old", "new", "place", "rule"),
    [
        ('isin=["a"]', "isin=[1]", "shop", "shop name.isin"),
        ('isin=["a"]', 'metadata={"rol": "key"}', "shop", "shop name"),
        ('pl.col("amount") >', 'pl.col("amout") >', "def in_order", "frame.in_order"),
        ('unique = ["number", "amount"]', 'unique = ["number", "amout"]', "class Config", "Orders"),
        ('unique = ["number", "amount"]', 'metadata = {"freshness": {}}', "class Config", "Orders, freshness"),
        ('unique = ["number", "amount"]', 'metadata = {"rules": {"shp": {}}}', "class Config", "Orders"),
        (
            'unique = ["number", "amount"]',
            'metadata = {"rules": {"in_order": {"warn": 2}}}',
            "def in_order",
            "frame.in_order",
        ),
    ],
)
def test_an_error_names_the_line_to_correct(importing: Importing, old: str, new: str, place: str, rule: str) -> None:
    assert old in CHILD
    source = CHILD.replace(old, new)
    orders = importing(parents=PARENT, orders=source).Orders
    with pytest.raises(ContractError) as raised:
        compile_contract(orders)
    assert raised.value.where == f"depot/orders.py:{line(source, place)}, {rule}"


def test_what_a_parent_says_is_corrected_in_the_parents_file(importing: Importing) -> None:
    parent = PARENT.replace("ge=1", 'ge="a"')
    orders = importing(parents=parent, orders=CHILD).Orders
    with pytest.raises(ContractError) as raised:
        compile_contract(orders)
    assert raised.value.where == f"depot/parents.py:{line(parent, 'number')}, number.ge"


def test_a_model_without_source_is_named_by_its_class() -> None:
    with pytest.raises(ContractError) as raised:
        compile_contract(model({"x": (int, pa.Field(str_contains="a"))}))
    assert raised.value.where == "contract Model.x.str_contains"
    asked = frame_check(lambda frame: frame.select(pl.col("x") > 0))
    assert place_of(compile_contract(model({"x": (int, pa.Field())}, asked=asked)), "frame.asked") == ""


def test_a_rule_that_is_not_there_has_no_place() -> None:
    with pytest.raises(KeyError):
        place_of(compile_contract(Flights), "distance.nope")
