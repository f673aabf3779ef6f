"""Commands that write schema modules: infer, and export and import of other forms."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from batchops.cli.call import Call, Result, tell
from batchops.errors import ConfigError

if TYPE_CHECKING:
    from batchops.contract.authoring.inferring import Survey
    from batchops.contract.authoring.writing import Draft

__all__ = ["export", "import_", "infer"]

Form = Literal["odcs"]
Force = Annotated[bool, typer.Option("--force", help="Replace the file if it is there.")]


def infer(
    ctx: typer.Context,
    data: Annotated[list[str], typer.Argument(metavar="DATA...", help="Parquet or CSV files, folders or globs.")],
    name: Annotated[str | None, typer.Option(help="Of the contract; made of the path without it.")] = None,
    out: Annotated[Path | None, typer.Option(help="Module to write; printed without it.", metavar="FILE")] = None,
    key: Annotated[
        str | None, typer.Option(help="Columns that name a row; looked for without it.", metavar="A,B")
    ] = None,
    force: Force = False,
) -> Result:
    """Write the contract that some data obey, as a first draft."""
    if out is not None:
        _refuse_to_replace(out, force)
    from batchops.contract.authoring.inferring import survey
    from batchops.contract.authoring.proposing import propose
    from batchops.contract.authoring.reading import open_files
    from batchops.contract.authoring.writing import write_module

    called = name or _called(out, data)
    columns = tuple(word.strip() for word in (key or "").split(",") if word.strip())
    seen = survey(open_files(data), columns)
    draft = propose(seen, called)
    words = (
        f"The contract of {called}: what a night's rows must be.\n\n"
        "Drafted by `batchops contract infer`: bounds and lists are what the data held, not yet what they may hold."
    )
    text = write_module(words, [draft])
    said = [*_about(seen, draft), *_next(draft, out)]
    return _written(text, out, said, {"name": called, **_figures(seen, draft)})


def _refuse_to_replace(out: Path, force: bool) -> None:
    if out.exists() and not force:
        raise ConfigError(str(out), "is already there", "Give --force to replace it, or another --out")


def _called(out: Path | None, data: list[str]) -> str:
    """The contract's name where nobody says one: of the module, or of the last folder or file without a wildcard."""
    from batchops.contract.authoring.writing import class_name

    if out is not None:
        return class_name(out.stem)
    plain = [part for part in Path(data[0]).parts if not {*part} & {*"*?[]=/"}]
    return class_name(Path(plain[-1]).name.partition(".")[0] if plain else "")


def _written(text: str, out: Path | None, said: list[str], value: dict[str, Any]) -> Result:
    """Write the text, or print it with what is said of it on standard error."""
    if out is None:
        tell(said)
        return Result(text.splitlines(), {**value, "text": text})
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(str(out), f"cannot be written ({error.strerror})", "Choose another path") from error
    return Result([f"wrote {out}", *said], {**value, "file": str(out)})


def _figures(seen: Survey, draft: Draft) -> dict[str, Any]:
    personal = {column.name: column.personal for column in seen.columns if column.personal}
    return {
        "rows": seen.rows,
        "files": seen.files,
        "nights": len(seen.nights),
        "columns": len(draft.fields),
        "rules": draft.rules,
        "key": list(seen.key.columns),
        "repeated": seen.key.repeated,
        "personal": personal,
    }


def _sizes(draft: Draft) -> str:
    from batchops.contract.authoring.proposing import counted

    return f"{draft.name}: {counted(len(draft.fields), 'column')}, {counted(draft.rules, 'rule')}"


def _about(seen: Survey, draft: Draft) -> list[str]:
    """What was found, line by line."""
    from batchops.contract.authoring.proposing import source_words

    lines = [f"{_sizes(draft)}, from {source_words(seen)}"]
    names, where = ", ".join(seen.key.columns), "every night" if len(seen.nights) > 1 else "all rows"
    if not seen.key.columns:
        lines.append("key: none found in up to three columns; name it with --key, or give columns the role key")
    elif seen.key.repeated:
        lines.append(f"key: {names}, as given; {seen.key.repeated} rows repeat one, and would be set aside")
    else:
        lines.append(f"key: {names}, {'as given' if seen.key.given else 'by its values'}; unique in {where}")
    parts = [column.name for column in seen.columns if column.name in seen.key.columns and column.nulls]
    if parts:
        lines.append(f"key: {', '.join(parts)} is null in some rows, which names none of them")
    personal = [f"{column.name} ({column.personal})" for column in seen.columns if column.personal]
    if personal:
        lines.append(f"likely personal data: {', '.join(personal)}; without bounds or lists")
    return [*lines, *draft.notes]


def _next(draft: Draft, out: Path | None) -> list[str]:
    finish = 'finish it: widen bounds to what can be, and mark features: metadata={"role": "feature"}'
    return [finish, f"next: batchops contract check {draft.name}"] if out is not None else [finish]


def export(
    ctx: typer.Context,
    spec: Annotated[str, typer.Argument(metavar="CONTRACT", help="Its name, or module:Class.")],
    form: Annotated[Form, typer.Option("--format", help="Open Data Contract Standard v3.")] = "odcs",
    out: Annotated[Path | None, typer.Option(help="File to write; printed without it.", metavar="FILE")] = None,
    force: Force = False,
) -> Result:
    """Write a contract in a form that other tools read."""
    call: Call = ctx.obj
    if out is not None:
        _refuse_to_replace(out, force)
    project = call.settings().project
    from batchops.contract.content import content_of
    from batchops.contract.lookup import load_contract
    from batchops.contract.odcs.documents import to_odcs

    contract = load_contract(spec, project)
    content = content_of(contract)
    home = f"{contract.model.__module__}:{contract.model.__name__}"
    code = [rule.id for rule in content.rules if rule.check is not None and rule.check.author is not None]
    said = [f"named only, since it is code: {id}" for id in code]
    return _written(to_odcs(content, home), out, said, {"contract": content.id, "format": form, "code": code})


def import_(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A document of the standard, in YAML.")],
    form: Annotated[Form, typer.Option("--format", help="Open Data Contract Standard v3.")] = "odcs",
    out: Annotated[Path | None, typer.Option(help="Module to write; printed without it.", metavar="FILE")] = None,
    force: Force = False,
) -> Result:
    """Write the schema module of a contract that comes in another form."""
    if out is not None:
        _refuse_to_replace(out, force)
    try:
        document = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(str(file), f"cannot be read ({type(error).__name__})", "Name a YAML file") from None
    from batchops.contract.authoring.restating import restate
    from batchops.contract.authoring.writing import write_module
    from batchops.contract.odcs.documents import from_odcs

    drafts, notes = [], []
    for found in from_odcs(str(file), document):
        restated = restate(found.content)
        left = [*found.notes, *restated.left_out]
        asked = ("The document also asks for this, and no rule is made of it:",) if left else ()
        drafts.append(replace(restated.draft, notes=(*asked, *(f"- {note}" for note in left))))
        notes += left
    names = ", ".join(draft.name for draft in drafts)
    words = f"{names}: what a night's rows must be, imported from {file.name}."
    said = [_sizes(draft) for draft in drafts]
    said += [f"left out: {note}" for note in notes]
    value = {"contracts": [draft.name for draft in drafts], "format": form, "left_out": notes}
    said += [f"next: batchops contract check {draft.name}" for draft in drafts if out is not None]
    return _written(write_module(words, drafts), out, said, value)
