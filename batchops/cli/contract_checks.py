"""The command that looks for what is questionable about contracts, and what of it `batchops check` refuses."""

from __future__ import annotations

import glob
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from batchops.cli.call import Call, Result
from batchops.errors import BatchopsError, ConfigError, UnknownVersion, UsageError
from batchops.guest import line_of

if TYPE_CHECKING:
    from batchops.contract import Contract
    from batchops.contract.checking import Doubt, Use
    from batchops.job import LoadedJob
    from batchops.settings import Settings

__all__ = ["check", "errors_of"]


Broken = tuple[str, BatchopsError]
"""What could not be loaded, by name, and why."""


def check(
    ctx: typer.Context,
    spec: Annotated[
        str | None, typer.Argument(metavar="CONTRACT", help="All contracts of the project without it.")
    ] = None,
) -> Result:
    """Say what is questionable about contracts, by themselves and for the jobs that use them; no row is read."""
    call: Call = ctx.obj
    settings = call.settings()
    contracts, broken = _contracts(spec, settings)
    if not contracts and not broken:
        raise ConfigError(f"project {settings.project}", "has no contract", "Write one: batchops contract infer DATA")
    jobs, unloaded = _jobs(settings)
    lines, value = _of_broken([*broken, *(unloaded if spec is None else [])], settings.project)
    failed = bool(value)
    for contract in contracts:
        users = [job for job in jobs if job.contract.model is contract.model]
        found = _doubts(contract, users, settings)
        said = ", ".join(job.name for job in users)
        lines += [f"{_word(found):<6}{contract.id}  {len(contract.rules)} rules, {f'for {said}' if said else 'no job'}"]
        lines += [f"      {_told(doubt)}" for doubt in found]
        failed = failed or any(doubt.weight == "error" for doubt in found)
        value.append({"contract": contract.id, "jobs": [job.name for job in users], "doubts": list(map(asdict, found))})
    return Result(lines, value, UsageError.exit_code if failed else 0)


def _word(found: Sequence[Doubt]) -> str:
    return "FAIL" if any(doubt.weight == "error" for doubt in found) else "ok"


def _told(doubt: Doubt) -> str:
    return f"{doubt.weight:<9}{doubt.where}: {doubt.what}. {doubt.remedy}"


def _of_broken(broken: Sequence[Broken], project: Path) -> tuple[list[str], list[dict[str, Any]]]:
    """What could not be imported or compiled, at the line where that failed."""
    lines, value = [], []
    for name, error in broken:
        place = line_of(error.__cause__, project) or error.where
        lines.append(f"FAIL  {name}: {place}: {error.what}. {error.remedy}")
        doubt = {"weight": "error", "where": place, "what": error.what, "remedy": error.remedy}
        value.append({"contract": name, "jobs": [], "doubts": [doubt]})
    return lines, value


def _contracts(spec: str | None, settings: Settings) -> tuple[list[Contract], list[Broken]]:
    """The contracts that were asked for, and what of the project is none that can be compiled."""
    from batchops.contract import compile_contract
    from batchops.contract.lookup import contract_modules, load_contract, models_of

    if spec is not None:
        return [load_contract(spec, settings.project)], []
    found: list[Contract] = []
    broken: list[Broken] = []
    for module in contract_modules(settings.project):
        try:
            models = models_of(module, settings.project)
        except UsageError as error:
            broken.append((module, error))
            continue
        for model in models:
            try:
                found.append(compile_contract(model))
            except UsageError as error:
                broken.append((model.__name__, error))
    return found, broken


def _jobs(settings: Settings) -> tuple[list[LoadedJob], list[Broken]]:
    """The jobs of the project, and those that cannot be loaded for another reason than their contract's."""
    from batchops.errors import ContractError
    from batchops.job import job_names, load_job

    found: list[LoadedJob] = []
    broken: list[Broken] = []
    for name in job_names(settings.project):
        try:
            found.append(load_job(name, settings.project))
        except ContractError:
            continue  # named already, with its contract
        except UsageError as error:
            broken.append((f"jobs.{name}", error))
    return found, broken


def _doubts(contract: Contract, users: Sequence[LoadedJob], settings: Settings) -> tuple[Doubt, ...]:
    """All that is questionable, the worst first."""
    from batchops.contract.checking import doubts, doubts_of_use

    found = [*_edited(contract, settings), *doubts(contract), *_references(contract, settings.project)]
    for job in users:
        found += doubts_of_use(contract, _use(job, settings))
    weights = ("error", "warning", "note")
    return tuple(sorted(dict.fromkeys(found), key=lambda doubt: weights.index(doubt.weight)))


def errors_of(job: LoadedJob, settings: Settings) -> list[str]:
    """Why a job's contract is refused, as lines; empty where it is not."""
    found = _doubts(job.contract, [job], settings)
    return [f"{doubt.where}: {doubt.what}. {doubt.remedy}" for doubt in found if doubt.weight == "error"]


def _edited(contract: Contract, settings: Settings) -> Iterator[Doubt]:
    """Whether it was edited and kept its version."""
    from batchops.contract.checking import Doubt
    from batchops.contract.versions.record import require_unchanged
    from batchops.store import Store

    try:
        require_unchanged(Store(settings.root), contract)
    except UsageError as error:
        yield Doubt("error", error.where.partition(",")[0], error.what, error.remedy)


def _references(contract: Contract, project: Path) -> Iterator[Doubt]:
    """Other datasets of which no file is there, on any night."""
    from batchops.contract.checking import Doubt
    from batchops.contract.locating import place_of

    for key in contract.references:
        if not glob.glob(str(project / key.path.replace("{night}", "*")), recursive=True):
            what = f"no file of {key.name} is there: {key.path}"
            yield Doubt("warning", place_of(contract, key.rule), what, "Correct the path, or prepare its data")


def _use(job: LoadedJob, settings: Settings) -> Use:
    """How a job uses its contract: its model's features by the manifest, its files' rows by their footers."""
    from batchops.contract.checking import Use
    from batchops.models import resolve
    from batchops.partition import Night
    from batchops.run.inputs import find, nights, row_count
    from batchops.store import Store

    version, rows = None, 0
    with suppress(UnknownVersion):  # none is registered yet
        version = resolve(Store(settings.root), job.job.model)
    wanted = () if version is None else tuple((each.name, each.dtype) for each in version.manifest.features)
    if job.contract.needs_whole_partitions:
        known = nights(job.job.source, settings.project)
        files = find(job.job.source, Night.parse(known[-1]), settings.project) if known else ()
        rows = max((row_count(file.uri) for file in files), default=0)
    trains = job.job.training is not None
    return Use(job.name, f"jobs/{job.name}.py", trains, str(version or ""), wanted, rows)
