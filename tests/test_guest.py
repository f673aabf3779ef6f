"""Code of projects: found where it is, whatever else has its name."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from batchops.errors import ContractError
from batchops.guest import GUESTS, import_guest


@pytest.fixture(autouse=True)
def _as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the path and the modules as other tests expect them."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    for name in list(sys.modules):
        if name.partition(".")[0] in GUESTS:
            monkeypatch.delitem(sys.modules, name)


def project(folder: Path, value: int, package: bool = False) -> Path:
    (folder / "schemas").mkdir(parents=True)
    (folder / "schemas" / "orders.py").write_text(f"VALUE = {value}\n")
    if package:
        (folder / "schemas" / "__init__.py").touch()
    return folder


def test_a_folder_without_init_is_not_taken_for_an_installed_package_of_its_name(tmp_path: Path) -> None:
    installed, own = project(tmp_path / "site", 1, package=True), project(tmp_path / "own", 2)
    sys.path.insert(0, str(installed))
    assert import_guest("schemas.orders", own, ContractError).VALUE == 2


@pytest.mark.parametrize("package", [False, True])
def test_each_project_has_its_own_guests_in_one_process(tmp_path: Path, package: bool) -> None:
    one, two = project(tmp_path / "one", 1, package), project(tmp_path / "two", 2, package)
    found = [import_guest("schemas.orders", each, ContractError).VALUE for each in (one, two, one)]
    assert found == [1, 2, 1]


def test_a_guest_that_is_not_there_is_said_with_its_name(tmp_path: Path) -> None:
    with pytest.raises(ContractError, match=r"schemas\.nothing: cannot be imported"):
        import_guest("schemas.nothing", project(tmp_path, 1), ContractError)


@pytest.mark.parametrize(
    ("source", "where", "says"),
    [
        ("import pandera.polars as pa\n\nx = pa.Field(gee=1)\n", "schemas/orders.py:3", "SchemaInitError.*'gee'"),
        ("import pandera.polars as pa\nx = pa.Field(str_contains='(')\n", "schemas/orders.py:2", "error: missing"),
        ("x = 1\n\ny = (\n", "schemas/orders.py:3", "SyntaxError"),
        ("def f():\n    raise KeyError(1)\n\n\nf()\n", "schemas/orders.py:2", "KeyError"),
        ("import nothing_of_this_name\n", "schemas/orders.py:1", "ModuleNotFoundError"),
    ],
)
def test_a_guest_that_cannot_be_imported_is_said_with_its_line(
    tmp_path: Path, source: str, where: str, says: str
) -> None:
    own = project(tmp_path, 1)
    (own / "schemas" / "orders.py").write_text(source)
    with pytest.raises(ContractError, match=says) as raised:
        import_guest("schemas.orders", own, ContractError)
    assert raised.value.where == where
