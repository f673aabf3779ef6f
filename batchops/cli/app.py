"""The tree of commands, and the options that all of them have."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from batchops import __version__
from batchops.cli import (
    authoring,
    contract_checks,
    contract_docs,
    contracts,
    frames,
    inspection,
    nights,
    project,
    quarantine,
    registry,
    replays,
    schemas,
    trials,
)
from batchops.cli.call import Call, answered

__all__ = ["app"]

EPILOG = (
    "Exit codes: 0 done or up to date; 1 a bug; 2 usage, configuration, job or contract; 3 a gate failed; "
    "4 some nights of a range; 75 try later; 130, 143 stopped by a signal."
)

app = typer.Typer(
    rich_markup_mode=None, add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, epilog=EPILOG
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"batchops {__version__}")
        raise typer.Exit


@app.callback()
def batchops(
    ctx: typer.Context,
    root: Annotated[str | None, typer.Option(help="Folder or URL of the store.", metavar="PATH")] = None,
    project: Annotated[str | None, typer.Option(help="Folder that holds jobs/ and schemas/.", metavar="DIR")] = None,
    scheduler: Annotated[
        str | None, typer.Option(help="threads, processes or tcp://host:port.", metavar="WHERE")
    ] = None,
    threads: Annotated[str | None, typer.Option(help="How many threads work at once.", metavar="N")] = None,
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Nothing on success, 15 lines on failure.")] = False,
    output: Annotated[Literal["text", "json"], typer.Option(help="Form of the result.")] = "text",
    debug: Annotated[bool, typer.Option("--debug", help="Print tracebacks.")] = False,
    _version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Score, check and audit every night's batch."""
    flags = {"root": root, "project": project, "scheduler": scheduler, "threads": threads}
    ctx.obj = Call(flags, quiet, output, debug)


model = typer.Typer(rich_markup_mode=None, no_args_is_help=True, help="Versions of models.")
contract = typer.Typer(rich_markup_mode=None, no_args_is_help=True, help="Contracts: write, check, compare, try.")
aside = typer.Typer(rich_markup_mode=None, no_args_is_help=True, help="Rows that were set aside.")
ledger = typer.Typer(rich_markup_mode=None, no_args_is_help=True, help="The hash-chained record of runs.")

for command in (
    project.init,
    project.check,
    registry.train,
    nights.run,
    nights.backfill,
    nights.retry,
    nights.labels,
    frames.audit,
    inspection.status,
    inspection.report,
    schemas.schema,
    inspection.doctor,
):
    app.command()(answered(command))
model.command("list")(answered(registry.list_))
model.command("show")(answered(registry.show))
contract.command()(answered(authoring.infer))
contract.command()(answered(authoring.export))
contract.command("import")(answered(authoring.import_))
contract.command()(answered(contract_checks.check))
contract.command()(answered(contracts.show))
contract.command()(answered(contracts.diff))
contract.command()(answered(replays.replay))
contract.command()(answered(contract_docs.docs))
contract.command("test")(answered(trials.try_))
aside.command("list")(answered(quarantine.list_))
aside.command("show")(answered(quarantine.show))
aside.command("release")(answered(quarantine.release))
ledger.command()(answered(inspection.verify))
app.add_typer(model, name="model")
app.add_typer(contract, name="contract")
app.add_typer(aside, name="quarantine")
app.add_typer(ledger, name="ledger")
