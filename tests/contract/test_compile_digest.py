"""A contract's digest changes with what an author's check leans on, and with nothing else."""

from __future__ import annotations

import copy
import importlib
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from batchops.contract import compile_contract
from batchops.contract.meaning import meaning, uses
from tests.cli.calls import RUNTIME

MODEL = """
    import functools
    import math

    import pandera.polars as pa
    import polars as pl

    from {package} import helpers
    from {package}.helpers import between, is_known, strictly

    LIMIT = 5
    KINDS = {{"book", "pen", "ink", "cap", "mug"}}
    WORDS = {{"a": 1, "b": {{"x", "y", "z"}}}}
    UNUSED = 1


    def scaled(value, factor=LIMIT):
        \"\"\"Times a factor.\"\"\"
        return value * factor  # as agreed


    def made(limit):
        def inner(value):
            return value < limit

        return inner


    below = made(70)
    above = functools.partial(between, low=3)


    @functools.lru_cache
    def cached(value):
        return value > 11


    @strictly
    def decorated(value):
        return value > 12


    class Rules:
        def __init__(self, most):
            self.most = most

        def obeyed(self, value):
            return value < self.most


    RULES = Rules(13)


    class Orders(pa.DataFrameModel):
        \"\"\"Orders.\"\"\"

        x: int

        _MOST = 9

        @classmethod
        def own(cls, value):
            return value < cls._MOST

        @pa.dataframe_check
        @classmethod
        def asked(cls, data):
            \"\"\"Ask a lot.\"\"\"
            frame = data.lazyframe.collect()
            values = [scaled(value) for value in frame["x"]]
            answers = [
                is_known(value) and below(value) and above(value) and cached(value) and decorated(value)
                and RULES.obeyed(value) and str(value) in KINDS and value in WORDS and cls.own(value)
                and helpers.deep.first(value) and helpers.odd(value) and math.floor(value) > 0
                for value in values
            ]
            return pl.LazyFrame({{"x": answers}})
"""

HELPERS = """
    import functools

    from {package} import deep

    KNOWN = frozenset(["q", "w", "e", "r"])
    PAIRS = [(1, 2), (3, 4)]


    def is_known(value):
        return str(value) in KNOWN and deep.first(value)


    def between(value, low, high=100):
        return low < value < high


    def odd(value):
        return value % 2 or PAIRS


    def strictly(function):
        @functools.wraps(function)
        def strict(value):
            return function(value) is True

        return strict


    def nobody_asks(value):
        return value
"""

DEEP = """
    def first(value):
        return value > 0 or second(value)


    def second(value):
        return value < -100 and first(value)
"""

numbers = count()


@pytest.fixture
def digest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., str]]:
    """The digest of the contract, with one text changed to another in its sources."""
    monkeypatch.syspath_prepend(tmp_path)
    packages = []

    def of(old: str = "", new: str = "") -> str:
        package = f"project{next(numbers)}"
        packages.append(package)
        folder = tmp_path / package
        folder.mkdir()
        (folder / "__init__.py").touch()
        assert not old or any(old in source for source in (MODEL, HELPERS, DEEP))
        for name, source in (("orders", MODEL), ("helpers", HELPERS), ("deep", DEEP)):
            text = dedent(source.replace(old, new) if old else source).format(package=package)
            (folder / f"{name}.py").write_text(text.lstrip())
        importlib.invalidate_caches()
        return compile_contract(importlib.import_module(f"{package}.orders").Orders).digest

    yield of
    for name in [name for name in sys.modules if name.partition(".")[0] in packages]:
        del sys.modules[name]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"""Ask a lot."""', '"""Ask in other words."""'),
        ("value * factor  # as agreed", "(value  *  factor)"),
        ('"""Times a factor."""', '"""By a factor."""'),
        ("LIMIT = 5", "LIMIT = 4 + 1"),
        ("KINDS = {{", "KINDS = {{\n        # in order\n        "),
        ('"book", "pen", "ink"', '"ink", "book", "pen"'),
        ('["q", "w", "e", "r"]', '["r", "e", "w", "q", "q"]'),
        ("UNUSED = 1", "UNUSED = 2"),
        ("def nobody_asks(value):\n        return value", "def nobody_asks(value):\n        return -value"),
        ("import math\n", "import math\n    import os\n"),
    ],
)
def test_what_changes_nothing_does_not_change_the_digest(digest: Callable[..., str], old: str, new: str) -> None:
    assert digest(old, new) == digest()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("return value * factor", "return value + factor"),
        ("factor=LIMIT", "factor=6"),
        ("LIMIT = 5", "LIMIT = 6"),
        ('"book", ', ""),
        ('"x", "y"', '"x", "v"'),
        ("made(70)", "made(71)"),
        ("return value < limit", "return value <= limit"),
        ("low=3", "low=4"),
        ("return low < value", "return low <= value"),
        ("value > 11", "value > 10"),
        ("value > 12", "value > 10"),
        ("return function(value) is True", "return function(value) is not False"),
        ("Rules(13)", "Rules(14)"),
        ("value < self.most", "value <= self.most"),
        ("_MOST = 9", "_MOST = 10"),
        ("value < cls._MOST", "value <= cls._MOST"),
        ('["q", ', "["),
        ("str(value) in KNOWN", "str(value) not in KNOWN"),
        ("value % 2", "value % 3"),
        ("(3, 4)", "(4, 3)"),
        ("return value > 0", "return value >= 0"),
        ("value < -100", "value < -10"),
        ("import is_known", "import odd as is_known"),
        ("high=100", "high=101"),
    ],
)
def test_whatever_a_check_leans_on_changes_the_digest(digest: Callable[..., str], old: str, new: str) -> None:
    if "import is_known" in old:
        old, new = "import between, is_known, strictly", "import between, odd as is_known, strictly"
    assert digest(old, new) != digest()


def test_the_digest_of_helpers_is_the_same_in_every_process(digest: Callable[..., str], tmp_path: Path) -> None:
    digest()
    package = next(path.name for path in tmp_path.iterdir())
    script = (
        "from batchops.contract import compile_contract\n"
        f"from {package}.orders import Orders\n"
        "print(compile_contract(Orders).digest)"
    )
    root = Path(__file__).parents[2]
    printed = {
        subprocess.run(
            [sys.executable, "-c", script],
            capture_output=True,
            text=True,
            check=True,
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(map(str, (*path, tmp_path, root)))},
        ).stdout.strip()
        for seed, path in (("1", ()), ("2", (RUNTIME,)))
    }
    assert printed == {digest()}


# Constants of any kind

VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(), st.binary(), st.dates()),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.tuples(inner, inner),
        st.frozensets(st.one_of(st.integers(), st.text()), max_size=4),
        st.dictionaries(st.text(), inner, max_size=4),
    ),
    max_leaves=8,
)


def closing_over(value: Any) -> Callable[[], Any]:
    return lambda: value


@settings(deadline=None)
@given(VALUES, VALUES)
def test_a_constant_is_itself_and_no_other(one: Any, other: Any) -> None:
    assert uses(closing_over(one)) == uses(closing_over(copy.deepcopy(one)))
    if one != other:
        assert uses(closing_over(one)) != uses(closing_over(other))


@settings(deadline=None)
@given(st.dictionaries(st.text(), st.integers()), st.randoms())
def test_a_mapping_is_the_same_in_any_order(mapping: dict[str, int], random: Any) -> None:
    items = list(mapping.items())
    random.shuffle(items)
    assert uses(closing_over(dict(items))) == uses(closing_over(mapping))


@pytest.mark.parametrize("thing", [object(), re.compile("a"), sys.stdout, closing_over, range(3), subprocess.run])
def test_nothing_that_is_told_has_an_address(thing: Any) -> None:
    assert not re.search(r"0x[0-9a-f]{4}", " ".join(uses(closing_over(thing))))


def test_lambdas_of_one_line_are_told_apart() -> None:
    first, second = (lambda x: x + 1), (lambda x: x + 2)
    assert (meaning(first), meaning(second)) == ("lambda x: x + 1", "lambda x: x + 2")


def test_a_function_without_source_is_told_by_its_bytecode() -> None:
    def told(source: str) -> str:
        scope: dict[str, Any] = {}
        exec(source, scope)
        return meaning(scope["asked"])

    source = "def asked(x):\n    return [y for y in x if y in {'a', 'b', 'c'}]\n"
    assert told(source) == told(source + "# at the end\n")
    assert told(source) != told(source.replace("'b'", "'d'"))
    assert "0x" not in told(source)


def test_functions_that_call_each_other_are_followed_once() -> None:
    assert [use.partition(":")[0] for use in uses(even)] == ["even", "odd"]


def even(n: int) -> bool:
    return n == 0 or odd(n - 1)


def odd(n: int) -> bool:
    return n != 0 and even(n - 1)
