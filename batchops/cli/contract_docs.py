"""The command that writes a contract's page."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from batchops import __version__
from batchops.cli.call import Call, Result
from batchops.errors import ConfigError, UsageError

if TYPE_CHECKING:
    from batchops.contract import Contract
    from batchops.report.contract_page import Surroundings
    from batchops.settings import Settings

__all__ = ["docs"]


def docs(
    ctx: typer.Context,
    spec: Annotated[
        str | None, typer.Argument(metavar="CONTRACT", help="All contracts of the project without it.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder of the pages.", metavar="DIR")] = Path("docs/contracts"),
) -> Result:
    """Write a page for each contract: columns, rules, levels, what changed since the version before."""
    call: Call = ctx.obj
    settings = call.settings()
    from batchops.contract.content import content_of
    from batchops.contract.lookup import contracts_of
    from batchops.report.contract_page import render_contract

    written = []
    for contract in contracts_of(spec, settings.project):
        path = out / f"{contract.name}.html"
        page = render_contract(content_of(contract), _around(contract, settings))
        try:
            out.mkdir(parents=True, exist_ok=True)
            path.write_text(page, encoding="utf-8")
        except OSError as error:
            raise ConfigError(str(path), f"cannot be written ({error.strerror})", "Choose another folder") from error
        written.append(str(path))
    return Result([f"wrote {path}" for path in written], {"pages": written})


def _around(contract: Contract, settings: Settings) -> Surroundings:
    """What is known of a contract beside itself: who uses it, where it stands, what was published before."""
    from batchops.contract.content import content_of
    from batchops.contract.locating import place_of
    from batchops.contract.versions.diffing import diff
    from batchops.contract.versions.record import recorded, versions
    from batchops.report.contract_page import Surroundings
    from batchops.store import Store

    store = Store(settings.root)
    known = versions(store, contract.name)
    before = known[: known.index(contract.version)] if contract.version in known else known
    around = Surroundings(
        jobs=_users(contract, settings),
        places={rule.id: place_of(contract, rule.id) for rule in contract.rules},
        versions=known,
        batchops=__version__,
    )
    old = recorded(store, contract.name, before[-1]) if before else None
    if old is None:
        return around
    return replace(around, previous=before[-1], changes=diff(old, content_of(contract)).changes)


def _users(contract: Contract, settings: Settings) -> tuple[str, ...]:
    """Jobs under the contract; one that cannot be loaded uses none."""
    from batchops.job import job_names, load_job

    found = []
    for name in job_names(settings.project):
        try:
            if load_job(name, settings.project).contract.name == contract.name:
                found.append(name)
        except UsageError:
            continue
    return tuple(found)
