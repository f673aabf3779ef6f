"""Commands on models: train, model list, model show."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from batchops.cli.call import Call, Result
from batchops.cli.nights import JobName
from batchops.cli.progress import watched

if TYPE_CHECKING:
    from batchops.models import Manifest, Version

__all__ = ["list_", "show", "train"]

SHOWN = 8


def train(ctx: typer.Context, job: JobName) -> Result:
    """Fit a version of the job's model and register it with its reference."""
    call: Call = ctx.obj
    settings = call.settings()
    from batchops.job import load_job
    from batchops.train import train as fit

    loaded = load_job(job, settings.project)
    with watched(call, f"train {job}") as observe:
        version = fit(loaded, settings, observe)
    remarks = [f"to know: {remark}" for remark in version.manifest.remarks]
    return Result([f"registered {version}, {_trained(version)}", *remarks], _value(version))


def _value(version: Version) -> dict[str, Any]:
    """A version for machines: everything its manifest says."""
    from batchops import codec

    manifest: dict[str, Any] = json.loads(codec.dump(version.manifest))
    return {**manifest, "digest": version.digest, "folder": version.folder}


def list_(
    ctx: typer.Context,
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="Name of a model; all without it.")] = None,
) -> Result:
    """List models, their versions and aliases."""
    call: Call = ctx.obj
    settings = call.settings()
    from batchops.models import aliases, versions
    from batchops.models.registry import model_names, require_model
    from batchops.store import Store

    store = Store(settings.root)
    if name is not None:
        require_model(store, name)
    lines, value = [], []
    for model in (name,) if name else model_names(store):
        held = aliases(store, model)
        for version in versions(store, model):
            named = sorted(alias for alias, number in held.items() if number == version.number)
            lines.append(f"{version}  {_trained(version)}  {' '.join(named)}".rstrip())
            value.append({**_value(version), "aliases": named})
    return Result(lines or [f"no model is registered in {settings.root}"], value)


def _trained(version: Version) -> str:
    training = version.manifest.training
    return f"{version.created[:16]}  {training.rows:,} rows of {training.first} to {training.last}"


def _target(said: Manifest) -> str:
    """What is predicted, and how it is decided."""
    if said.task == "multiclass":
        more = f" and {len(said.classes) - SHOWN} more" if len(said.classes) > SHOWN else ""
        return f"{said.target}, one of {', '.join(said.classes[:SHOWN])}{more}"
    return f"{said.target}, decided at {said.threshold}" if said.task == "binary" else f"{said.target}, a number"


def show(
    ctx: typer.Context, ref: Annotated[str, typer.Argument(metavar="NAME@ALIAS", help="Or name@number.")]
) -> Result:
    """Show one version of a model."""
    call: Call = ctx.obj
    settings = call.settings()
    from batchops.models import resolve
    from batchops.store import Store

    version = resolve(Store(settings.root), ref)
    said = version.manifest
    reliance = sorted(said.reliance.items(), key=lambda each: -each[1])
    rows = {
        "model": f"{version}, digest {version.digest}",
        "trained": f"{_trained(version)} by {said.actor}",
        "contract": f"{said.contract.id}, digest {said.contract.digest[:12]}",
        "target": _target(said),
        "out of fold": ", ".join(f"{name} {figure:.4f}" for name, figure in said.metrics.items()),
        "features": ", ".join(feature.name for feature in said.features),
        "relies on": ", ".join(f"{name} {fall:.3f}" for name, fall in reliance[:SHOWN]),
        "parent": str(said.parent or "none"),
        **({"to know": "; ".join(said.remarks)} if said.remarks else {}),
        "code": f"commit {said.git.commit or 'unknown'}{', with changes' if said.git.dirty else ''}",
        "folder": f"{settings.root}/{version.folder}",
    }
    return Result([f"{name:<13}{words}" for name, words in rows.items()], _value(version))
