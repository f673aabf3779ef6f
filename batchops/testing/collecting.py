"""Contracts as pytest sees them: a file of models, a model of rules, a rule that passes or fails."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from batchops.contract import Contract, compile_contract
from batchops.contract.locating import place_of
from batchops.contract.lookup import models_of
from batchops.errors import ContractError
from batchops.testing.catching import Trial, prepared, tried
from batchops.testing.planning import Plan
from batchops.testing.plugin import FOLDER

__all__ = ["ContractFile", "ContractItem", "ContractRules", "pytest_collect_file", "pytest_configure"]

SAMPLE = "accepts a valid sample"


class _Vacuous(Exception):
    """Nothing breaks a rule."""

    def __init__(self, trial: Trial) -> None:
        super().__init__(trial)
        self.trial = trial


def _folder(config: pytest.Config) -> Path:
    """The folder of contracts: the option's, the setting's, or the usual one."""
    said = config.getoption("--contracts")
    if said:
        return Path(config.invocation_params.dir, said).resolve()
    return Path(config.rootpath, config.getini("contracts") or FOLDER).resolve()


def _file(config: pytest.Config, argument: str) -> Path:
    return Path(config.invocation_params.dir, argument.partition("::")[0]).resolve()


def pytest_configure(config: pytest.Config) -> None:
    """Add the contracts to what is collected: always by option; by setting where no paths are given.

    Raises:
        pytest.UsageError: There is no such folder.
    """
    folder = _folder(config)
    if not folder.is_dir():
        raise pytest.UsageError(f"--contracts: there is no folder {folder}")
    asked = config.getoption("--contracts") is not None
    among = [_file(config, argument) for argument in config.args]
    named = any(path.is_relative_to(folder) or folder.is_relative_to(path) for path in among)
    if not named and (asked or config.args_source is not config.ArgsSource.ARGS):
        config.args.append(str(folder))


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> ContractFile | None:
    """Collect a module of contracts."""
    ours = file_path.suffix == ".py" and not file_path.name.startswith("_")
    if ours and file_path.resolve().is_relative_to(_folder(parent.config)):
        return ContractFile.from_parent(parent, path=file_path)
    return None


class ContractFile(pytest.File):
    """A module and its contracts."""

    def collect(self) -> Iterator[ContractRules]:
        """Import the module, and compile the models that it defines.

        Raises:
            CollectError: That cannot be done.
        """
        project = _folder(self.config).parent
        module = ".".join(self.path.resolve().relative_to(project).with_suffix("").parts)
        try:
            compiled = [(model.__name__, compile_contract(model)) for model in models_of(module, project)]
        except ContractError as error:
            raise self.CollectError(str(error)) from None
        for name, contract in compiled:
            yield ContractRules.from_parent(self, name=name, contract=contract, project=project)


class ContractRules(pytest.Collector):
    """A contract and its rules."""

    def __init__(self, contract: Contract, project: Path, **given: Any) -> None:
        super().__init__(**given)
        self.contract, self.project = contract, project

    def collect(self) -> Iterator[ContractItem]:
        """One test for the sample, and one for each rule."""
        yield ContractItem.from_parent(self, name=SAMPLE)
        for rule in self.contract.rules:
            yield ContractItem.from_parent(self, name=rule.id)

    @cached_property
    def sample(self) -> tuple[Plan, pl.DataFrame] | ContractError:
        """Rows that the contract accepts, and how they were made; or why there are none."""
        try:
            return prepared(self.contract, project=self.project)
        except ContractError as error:
            return error


class ContractItem(pytest.Item):
    """One rule, or the sample."""

    parent: ContractRules

    def runtest(self) -> None:
        """Make the sample, and break the rule in it."""
        sample = self.parent.sample
        if isinstance(sample, ContractError):
            if self.name == SAMPLE:
                raise sample
            pytest.skip("no valid sample is found to break it in")
        if self.name == SAMPLE:
            return
        plan, frame = sample
        trial = tried(plan, plan.contract.rule(self.name), frame)
        if trial.outcome == "untested":
            pytest.skip(trial.reason)
        if trial.outcome == "vacuous":
            raise _Vacuous(trial)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Place, rule and remedy on a line; a bug is shown as pytest shows it."""
        if isinstance(excinfo.value, _Vacuous | ContractError):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """File, line from 0, and name."""
        written = "" if self.name == SAMPLE else place_of(self.parent.contract, self.name)
        line = written.rpartition(":")[2]
        return self.path, int(line) - 1 if line.isdigit() else None, f"{self.parent.name}: {self.name}"
