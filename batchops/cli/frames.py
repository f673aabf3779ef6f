"""The command for people who have no job yet, only one table or two."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from batchops.cli.call import Call, Result, tell
from batchops.errors import UsageError

if TYPE_CHECKING:
    from batchops.contract import Contract
    from batchops.frames import FrameAudit

__all__ = ["audit"]

FAILED = 3
SECTIONS = ("drift", "quality", "slices", "contract")

Current = Annotated[str, typer.Argument(metavar="CURRENT", help="Parquet, CSV or Delta: a file, a glob or a folder.")]
Reference = Annotated[str | None, typer.Option(metavar="REF", help="What it is compared with, in any of these forms.")]
ContractSpec = Annotated[str | None, typer.Option(metavar="MODEL", help="Such as schemas.flights:Flights.")]
Task = Annotated[Literal["binary", "multiclass", "regression"] | None, typer.Option(help="By the label without it.")]
Score = Annotated[str | None, typer.Option(metavar="COL", help="Probability of the positive class, or the prediction.")]
Prediction = Annotated[str | None, typer.Option(metavar="COL", help="Score >= threshold without it.")]
Label = Annotated[str | None, typer.Option(metavar="COL", help="What came true; null where not known.")]
Threshold = Annotated[float, typer.Option(metavar="SHARE", help="From which score on a row is positive.")]
Positive = Annotated[str | None, typer.Option(metavar="VALUE", help="The positive label; else 1 or True.")]
Key = Annotated[list[str] | None, typer.Option(metavar="COL", help="Names a row; may be repeated.")]
Weight = Annotated[str | None, typer.Option(metavar="COL", help="Weight of a row.")]
Entity = Annotated[str | None, typer.Option(metavar="COL", help="What rows belong to; its rows are alike.")]
Slices = Annotated[
    list[str] | None,
    typer.Option("--slice", metavar="COL", help="Compare its values; COL,COL for pairs; may be repeated."),
]
Ignore = Annotated[list[str] | None, typer.Option(metavar="COL", help="Leave it out of everything; may be repeated.")]
Discover = Annotated[bool, typer.Option("--discover", help="Search for slices that fare worse.")]
Only = Annotated[list[str] | None, typer.Option(metavar="SECTION", help=f"Of {', '.join(SECTIONS)}; may be repeated.")]
KeepFailing = Annotated[
    bool, typer.Option("--keep-failing", help="Rows that break the contract count in quality and slices.")
]
Method = Annotated[
    Literal["evidently", "nannyml", "tfdv"] | None,
    typer.Option(help="Say beside it what another tool would say of the same columns."),
]
Out = Annotated[str, typer.Option(metavar="DIR", help="Folder of audit.json and report.html.")]


def audit(
    ctx: typer.Context,
    current: Current,
    reference: Reference = None,
    contract: ContractSpec = None,
    task: Task = None,
    score: Score = None,
    prediction: Prediction = None,
    label: Label = None,
    threshold: Threshold = 0.5,
    positive: Positive = None,
    key: Key = None,
    weight: Weight = None,
    entity: Entity = None,
    slice_: Slices = None,
    ignore: Ignore = None,
    discover: Discover = False,
    only: Only = None,
    keep_failing: KeepFailing = False,
    method: Method = None,
    out: Out = "audit",
) -> Result:
    """Audit a table, against another where there is one: contract, drift, quality, slices."""
    call: Call = ctx.obj
    settings = call.settings()
    from batchops.frames import Asked, Roles, audit_of, open_path

    roles = Roles(
        task=task,
        score=score,
        prediction=prediction,
        label=label,
        threshold=threshold,
        positive=positive,
        key=tuple(key or ()),
        weight=weight,
        entity=entity,
        slices=tuple(tuple(each.split(",")) for each in slice_ or ()),
        ignore=tuple(ignore or ()),
    )
    asked = Asked(
        roles=roles,
        contract=_contract(contract, settings.project),
        sections=tuple(name for each in only or () for name in each.split(",")) or SECTIONS,
        discover=discover,
        keep_failing=keep_failing,
        method=method,
        threads=settings.threads,
    )
    made = audit_of(open_path(current), open_path(reference) if reference is not None else None, asked)
    try:
        audit_path, report_path = made.write(out)
    except OSError as error:
        raise UsageError(f"--out {out}", f"cannot be written: {error.strerror}", "Name another folder") from error
    return _answer(call, made, {"report": str(report_path), "audit": str(audit_path)})


def _contract(spec: str | None, project: Path) -> Contract | None:
    if spec is None:
        return None
    from batchops.contract.lookup import load_contract

    return load_contract(spec, project)


def _answer(call: Call, made: FrameAudit, paths: dict[str, str]) -> Result:
    from batchops import codec
    from batchops.report import summary
    from batchops.verdict import Severity

    document = made.document
    if document.provenance.guessed and not call.quiet:
        tell([f"batchops: guessed: {'; '.join(document.provenance.guessed)}"])
    code = FAILED if document.verdict.severity is Severity.FAIL else 0
    value = {"exit_code": code, **paths, "document": json.loads(codec.dump(document))}
    return Result(summary(document, call.colour, code, paths), value, code)
