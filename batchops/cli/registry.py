"""Commands on models: train, model list, model show."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from batchops.cli.call import Call, Result
from batchops.cli.nights import JobName
from batchops.cli.progress import watched
from batchops.errors import UnknownVersion, did_you_mean

__all__ = ["list_", "show", "train"]


def train(
    ctx: typer.Context,
    job: JobName,
    reason: Annotated[str | None, typer.Option(metavar="TEXT", help="Why, for the model's history.")] = None,
) -> Result:
    """Fit a version of the job's model and register it with its reference."""
    call: Call = ctx.obj
    settings = call.settings()
    from batchops.job import load_job
    from batchops.train import train as fit

    loaded = load_job(job, settings.project)
    with watched(call, f"train {job}") as observe:
        version = fit(loaded, settings, reason, observe)
    return Result(
        [f"registered {version.name} version {version.number}, digest {version.digest[:12]}"], _value(version)
    )


def _value(version: Any) -> dict[str, Any]:
    """A version for machines: everything its manifest says."""
    from batchops import codec

    value: dict[str, Any] = json.loads(codec.dump(version))
    return value


def list_(
    ctx: typer.Context,
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="Name of a model; all without it.")] = None,
) -> Result:
    """List models, their versions and aliases."""
    call: Call = ctx.obj
    settings = call.settings()
    from batchops.models import aliases, versions
    from batchops.store import Store

    store = Store(settings.root)
    known = store.names("models")
    if name is not None and name not in known:
        raise UnknownVersion(f"model {name!r}", f"is not in {settings.root}", did_you_mean(name, known))
    lines, value = [], []
    for model in [name] if name else known:
        held = aliases(store, model)
        for version in versions(store, model):
            named = sorted(alias for alias, number in held.items() if number == version.number)
            lines.append(f"{model}@{version.number}  {version.created}  {' '.join(named)}".rstrip())
            value.append({**_value(version), "aliases": named})
    return Result(lines or [f"no model is registered in {settings.root}"], value)


def show(
    ctx: typer.Context, ref: Annotated[str, typer.Argument(metavar="NAME@ALIAS", help="Or name@number.")]
) -> Result:
    """Show one version of a model."""
    call: Call = ctx.obj
    settings = call.settings()
    from batchops.models import resolve
    from batchops.store import Store

    value = _value(resolve(Store(settings.root), ref))
    return Result([f"{name:<16}{_words(each)}" for name, each in value.items()], value)


def _words(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(str(each) for each in value)
    if isinstance(value, dict):
        return ", ".join(f"{name} {each}" for name, each in value.items())
    return str(value)
