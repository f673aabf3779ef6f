"""The house rules that a machine can check and no linter does."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import batchops

PROJECT = Path(__file__).parent.parent
MODULES = sorted((PROJECT / "batchops").rglob("*.py"))
GUESTS = sorted(path for folder in ("jobs", "schemas") for path in (PROJECT / folder).rglob("*.py"))
LONGEST_MODULE, LONGEST_FUNCTION = 400, 60

modules = pytest.mark.parametrize("path", MODULES, ids=[str(path.relative_to(PROJECT)) for path in MODULES])


def functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def imports(tree: ast.AST) -> Iterator[ast.Import | ast.ImportFrom]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom))


@pytest.mark.parametrize("name", batchops.__all__)
def test_every_public_name_is_there(name: str) -> None:
    assert getattr(batchops, name) is not None
    assert name in dir(batchops)


def test_a_name_that_is_not_public_is_no_attribute() -> None:
    with pytest.raises(AttributeError, match="run_knight"):
        batchops.run_knight  # noqa: B018 the access is the test


def test_public_names_live_where_the_type_checker_looks() -> None:
    tree = ast.parse((PROJECT / "batchops" / "__init__.py").read_text())
    typed = {
        alias.name: node.module
        for node in imports(tree)
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("batchops.")
        for alias in node.names
    }
    assert typed == batchops._HOMES
    assert sorted(batchops.__all__) == sorted([*typed, "__version__"])


def test_importing_batchops_loads_nothing_heavy() -> None:
    script = "import sys, batchops; print(*sorted(name for name in sys.modules if name.startswith('batchops')))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=PROJECT)
    assert done.stdout.split() == ["batchops"]


def test_two_tables_without_a_contract_load_no_library_of_contracts() -> None:
    script = "import sys, batchops.frames; print(*{'pandera', 'pandas', 'sklearn', 'dask'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=PROJECT)
    assert done.stdout.split() == []


@modules
def test_a_module_says_what_it_offers(path: Path) -> None:
    tree = ast.parse(path.read_text())
    targets = [
        target.id
        for node in tree.body
        if isinstance(node, ast.Assign | ast.AnnAssign)
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if isinstance(target, ast.Name)
    ]
    assert "__all__" in targets
    name = ".".join(path.relative_to(PROJECT).with_suffix("").parts).removesuffix(".__init__")
    if name != "batchops.__main__":
        module = importlib.import_module(name)
        assert [offered for offered in module.__all__ if not hasattr(module, offered)] == []


@modules
def test_a_module_and_its_functions_are_short(path: Path) -> None:
    text = path.read_text()
    assert len(text.splitlines()) <= LONGEST_MODULE
    lengths = {node.name: (node.end_lineno or 0) - node.lineno + 1 for node in functions(ast.parse(text))}
    assert {name: length for name, length in lengths.items() if length > LONGEST_FUNCTION} == {}


@modules
def test_imports_stand_at_the_top_except_the_command_lines(path: Path) -> None:
    if path.parent.name == "cli":
        return
    hidden = [node.lineno for function in functions(ast.parse(path.read_text())) for node in imports(function)]
    assert hidden == []


@pytest.mark.parametrize("path", GUESTS, ids=[str(path.relative_to(PROJECT)) for path in GUESTS])
def test_a_guest_uses_public_names_alone(path: Path) -> None:
    for node in imports(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and str(node.module).partition(".")[0] == "batchops":
            assert node.module == "batchops"
            assert [alias.name for alias in node.names if alias.name not in batchops.__all__] == []
        if isinstance(node, ast.Import):
            assert [alias.name for alias in node.names if alias.name.startswith("batchops.")] == []


@pytest.mark.parametrize("lock", sorted(path.name for path in PROJECT.glob("requirements*.lock")))
def test_a_lock_names_hashes_and_no_address(lock: str) -> None:
    text = (PROJECT / lock).read_text()
    assert "://" not in text
    requirements = text.replace("\\\n", " ").splitlines()
    assert requirements
    assert [line for line in requirements if line and "--hash=sha256:" not in line] == []
