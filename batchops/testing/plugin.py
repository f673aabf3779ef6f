"""The pytest plugin: ``pytest --contracts`` makes a test of every rule of every contract.

pytest loads this module at each start, so it holds the options alone; the work is in `collecting`, which is loaded
where contracts are asked for.
"""

from __future__ import annotations

import pytest

__all__ = ["FOLDER", "pytest_addoption", "pytest_configure"]

FOLDER = "schemas"
"""Where contracts are looked for, unless the option or the setting says otherwise."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Offer the option and the setting."""
    help = f"test every rule of the contracts in DIR (the setting contracts, or {FOLDER}, by default)"
    parser.getgroup("batchops").addoption("--contracts", nargs="?", const="", metavar="DIR", help=help)
    parser.addini("contracts", "folder whose contracts are tested where no other paths are given", default="")


def pytest_configure(config: pytest.Config) -> None:
    """Load what tests contracts where they are asked for."""
    if config.getoption("--contracts") is not None or config.getini("contracts"):
        config.pluginmanager.import_plugin("batchops.testing.collecting")
