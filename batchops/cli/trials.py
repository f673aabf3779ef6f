"""The command that tries contracts on made-up rows."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from batchops.cli.call import Call, Result
from batchops.errors import ContractError

if TYPE_CHECKING:
    from batchops.contract import Contract
    from batchops.testing import Trial

__all__ = ["try_"]


def try_(
    ctx: typer.Context,
    spec: Annotated[
        str | None, typer.Argument(metavar="CONTRACT", help="All contracts of the project without it.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the made-up rows.", min=0, metavar="N")] = 0,
) -> Result:
    """Make up rows that a contract accepts, then break each of its rules in them."""
    call: Call = ctx.obj
    project = call.settings().project
    from batchops.contract.lookup import contracts_of
    from batchops.testing import try_contract

    answers = []
    for contract in contracts_of(spec, project):
        try:
            answers.append(_of_trials(contract, try_contract(contract, seed=seed, project=project)))
        except ContractError as error:
            answers.append(_of_error(contract, error))
    lines = [line for said, _ in answers for line in said]
    failed = any(value["vacuous"] or value["error"] for _, value in answers)
    return Result(lines, {"seed": seed, "contracts": [value for _, value in answers]}, 2 if failed else 0)


def _of_trials(contract: Contract, trials: tuple[Trial, ...]) -> tuple[list[str], dict[str, Any]]:
    from batchops import codec

    among = {kind: [each for each in trials if each.outcome == kind] for kind in ("caught", "vacuous", "untested")}
    counts = {kind: len(found) for kind, found in among.items()}
    told = ", ".join(f"{count} {kind}" for kind, count in counts.items() if count)
    lines = [
        f"{'FAIL' if counts['vacuous'] else 'ok':<6}{contract.id}  {len(trials)} rules: {told or 'nothing to try'}"
    ]
    lines += [f"      {each.outcome:<10}{each}" for each in (*among["vacuous"], *among["untested"])]
    lines += [f"      note      {words}" for each in trials for words in _notes(each)]
    value = {"contract": contract.id, **counts, "error": None, "trials": json.loads(codec.dump(trials))}
    return lines, value


def _of_error(contract: Contract, error: ContractError) -> tuple[list[str], dict[str, Any]]:
    value = {"where": error.where, "what": error.what, "remedy": error.remedy}
    counts = {"caught": 0, "vacuous": 0, "untested": 0}
    return [f"FAIL  {contract.id}  {error}"], {"contract": contract.id, **counts, "error": value, "trials": []}


def _notes(trial: Trial) -> Iterator[str]:
    if trial.implied:
        yield f"{trial.rule}: whatever breaks it breaks {' and '.join(trial.implied)} too"
    if trial.breaks:
        yield f"{trial.rule}: some values make it raise; then it is unknown for all rows read with them"
