"""A project's contracts by what people call them: ``Flights``, ``schemas.flights:Flights``, ``schemas/flights.py``."""

from __future__ import annotations

import hashlib
import inspect
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

from pandera.polars import DataFrameModel

from batchops.contract.compiling import compile_contract
from batchops.contract.terms import Contract
from batchops.errors import ConfigError, ContractError, did_you_mean
from batchops.guest import import_guest, loading

__all__ = ["contract_modules", "contracts_of", "load_contract", "models_of"]

FOLDER = "schemas"


def contract_modules(project: Path) -> tuple[str, ...]:
    """Modules of ``schemas/`` by their import paths; none is imported."""
    found = sorted((project / FOLDER).rglob("*.py"))
    names = [".".join(path.relative_to(project).with_suffix("").parts) for path in found]
    return tuple(name for name in names if not name.rpartition(".")[2].startswith("_"))


def _models(module: ModuleType) -> tuple[type[DataFrameModel], ...]:
    own = [
        each
        for name, each in vars(module).items()
        if inspect.isclass(each) and issubclass(each, DataFrameModel) and not name.startswith("_")
    ]
    return tuple(each for each in own if each.__module__ == module.__name__)


def models_of(module: str, project: Path) -> tuple[type[DataFrameModel], ...]:
    """The Pandera models that a module of the project defines, in their order.

    Raises:
        ContractError: It cannot be imported.
    """
    with loading:
        return _models(import_guest(module, project, ContractError))


def _files(project: Path) -> list[str]:
    return [f"{module.replace('.', '/')}.py" for module in contract_modules(project)]


def _models_in(file: Path, project: Path) -> tuple[type[DataFrameModel], ...]:
    """The models of a file: of the project, or of anywhere, such as another checkout of it.

    Raises:
        ContractError: It is not there, or cannot be imported.
    """
    path, root = file.resolve(), project.resolve()
    if not file.is_absolute() and (root / file).is_file():
        path = (root / file).resolve()
    if not path.is_file():
        raise ContractError(str(file), "there is no such file", did_you_mean(str(file), _files(root)))
    if path.is_relative_to(root):
        return models_of(".".join(path.relative_to(root).with_suffix("").parts), project)
    name = f"outside_{hashlib.sha256(str(path).encode()).hexdigest()[:12]}"
    with loading:
        spec = spec_from_file_location(name, path)
        assert spec is not None
        assert spec.loader is not None
        # Found by its name when the source of its checks is looked for.
        sys.modules[name] = module = module_from_spec(spec)
        try:
            spec.loader.exec_module(module)
        except Exception as cause:
            what = f"cannot be imported: {type(cause).__name__}: {cause}"
            raise ContractError(str(file), what, "Correct it") from cause
        return _models(module)


def load_contract(spec: str, project: Path) -> Contract:
    """The contract that somebody means by ``spec``.

    Args:
        spec: A class's or a contract's name; or ``module:Class``, with the module as it is imported or as a file's
            path, which may lie outside the project; without the class where the module has one alone.

    Raises:
        ContractError: There is none, or several, or it cannot be compiled.
    """
    place, _, name = spec.partition(":")
    if "." not in place and not name:
        place, name = "", spec
    if place.endswith(".py"):
        models = list(_models_in(Path(place), project))
    else:
        modules = (place,) if place else contract_modules(project)
        models = [model for module in modules for model in models_of(module, project)]
    with loading:
        among = [model for model in models if not name or name in (model.__name__, _title(model))]
        if len(among) == 1:
            return compile_contract(among[0])
    known = [f"{model.__module__}:{model.__name__}" for model in models]
    if not among:
        where = f"contract {spec!r}"
        raise ContractError(where, "is in none of the project's schemas", did_you_mean(spec, known))
    raise ContractError(f"contract {spec!r}", "names several", f"Say which: {', '.join(known)}")


def contracts_of(spec: str | None, project: Path) -> tuple[Contract, ...]:
    """The contract that somebody means, or all of the project where none is named.

    Raises:
        ContractError: There is none, or several, of that name, or one cannot be compiled.
        ConfigError: The project has no contract.
    """
    if spec is not None:
        return (load_contract(spec, project),)
    found = [compile_contract(model) for name in contract_modules(project) for model in models_of(name, project)]
    if not found:
        raise ConfigError(f"project {project}", "has no contract", "Write one: batchops contract infer DATA")
    return tuple(found)


def _title(model: type[DataFrameModel]) -> str:
    """The contract's name where its metadata or ``Config`` states one."""
    config = model.__config__
    return str((getattr(config, "metadata", None) or {}).get("name", "") or getattr(config, "name", ""))
