"""pytest with our plugin, as a schema author runs it; in this process, which has paid for its imports."""

from __future__ import annotations

import pytest

import batchops.testing.collecting
from batchops.contract import compile_contract
from schemas.flights import Flights
from tests.cli.calls import python

pytest_plugins = "pytester"

WARM = compile_contract(Flights), batchops.testing.collecting
"""What a run of pytest imports is forgotten with it, and imported again by the next: so it is here before."""

OTHERS = ("cacheprovider", "hypothesispytest", "typeguard")

SHOP = '''
import pandera.polars as pa
import polars as pl


class Visits(pa.DataFrameModel):
    """Visits."""

    visit_id: int = pa.Field(ge=1, metadata={"role": "key"})
    device: pl.Enum = pa.Field(dtype_kwargs={"categories": ["phone", "desk"]}, isin=["phone", "desk"])
    pages: int = pa.Field(in_range=(1, 500), metadata={"unit": "pages"})


class Orders(pa.DataFrameModel):
    """Orders."""

    code: str = pa.Field(str_length={"exact_value": 3})

    @pa.check("code", element_wise=True)
    def is_known(cls, value: str) -> bool:
        """The code is known."""
        return value == "+9§"
'''


@pytest.fixture
def shop(pytester: pytest.Pytester) -> pytest.Pytester:
    (pytester.mkdir("schemas") / "shop.py").write_text(SHOP)
    (pytester.path / "schemas" / "_private.py").write_text("raise RuntimeError")
    (pytester.mkdir("tests") / "test_one.py").write_text("def test_one() -> None:\n    pass\n")
    pytester.makeini("[pytest]\ntestpaths = tests\n")
    return pytester


def run(shop: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    return shop.runpytest_inprocess(*(f"-pno:{name}" for name in OTHERS), "-q", *arguments)


def collected(shop: pytest.Pytester, *arguments: str) -> list[str]:
    return [line for line in run(shop, "--collect-only", *arguments).outlines if "::" in line]


def test_every_contract_and_rule_is_a_test(shop: pytest.Pytester) -> None:
    lines = collected(shop, "--contracts")
    assert lines[:5] == [
        "tests/test_one.py::test_one",
        "schemas/shop.py::Visits::accepts a valid sample",
        "schemas/shop.py::Visits::visit_id.not_null",
        "schemas/shop.py::Visits::visit_id.ge",
        "schemas/shop.py::Visits::device.not_null",
    ]
    assert "schemas/shop.py::Visits::key.unique" in lines
    assert "schemas/shop.py::Orders::code.is_known" in lines


def test_a_failure_is_a_line_with_place_rule_and_reason(shop: pytest.Pytester) -> None:
    done = run(shop, "--contracts", "--tb=short", "-rs")
    done.assert_outcomes(passed=8, failed=2, skipped=3)
    text = done.stdout.str()
    assert (
        "\nschemas/shop.py:10: device.isin (device is desk or phone): it leaves all that a column of type Enum" in text
    )
    assert "\nschemas/shop.py:20, code.is_known: no value for code is found (The code is known). Give rows of" in text
    assert "no valid sample is found to break it in" in text
    assert "Traceback" not in text


def test_one_rule_can_be_run_alone(shop: pytest.Pytester) -> None:
    done = run(shop, "--contracts=schemas", "schemas/shop.py::Visits::pages.in_range")
    done.assert_outcomes(passed=1)


def test_contracts_of_the_setting_are_added_where_no_paths_are_given(shop: pytest.Pytester) -> None:
    setting, rule = ("-o", "contracts=schemas"), "schemas/shop.py::Visits::visit_id.ge"
    assert rule in collected(shop, *setting)
    assert collected(shop, *setting, "tests") == ["tests/test_one.py::test_one"]
    assert rule in collected(shop, *setting, "schemas/shop.py")
    assert collected(shop) == ["tests/test_one.py::test_one"]


def test_a_contract_that_cannot_be_compiled_is_an_error_of_collection(shop: pytest.Pytester) -> None:
    (shop.path / "schemas" / "shop.py").write_text(SHOP.replace('"role"', '"rolle"'))
    done = run(shop, "--contracts")
    assert done.ret == pytest.ExitCode.INTERRUPTED
    assert "metadata has no word 'rolle'. Did you mean role" in done.stdout.str()
    assert "Traceback" not in done.stdout.str()


def test_a_folder_that_is_not_there_is_a_usage_error(pytester: pytest.Pytester) -> None:
    done = run(pytester, "--contracts", "--collect-only")
    assert done.ret == pytest.ExitCode.USAGE_ERROR
    assert "there is no folder" in done.stderr.str()


WITHOUT = """
import sys, pytest
pytest.main(["-q", "-p", "no:cacheprovider", "tests"])
print("LOADED", *sorted({"polars", "pandera", "numpy", "batchops.contract"} & set(sys.modules)))
print("KNOWN", "batchops.testing.plugin" in sys.modules)
"""


def test_who_does_not_ask_for_it_pays_nothing(shop: pytest.Pytester) -> None:
    done = python("-c", WITHOUT, cwd=shop.path)
    assert "1 passed" in done.stdout
    assert done.stdout.splitlines()[-2:] == ["LOADED", "KNOWN True"]
