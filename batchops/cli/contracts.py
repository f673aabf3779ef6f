"""Commands that look at contracts: show and diff."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from batchops.cli.call import Call, Result
from batchops.errors import ContractError, GateError, did_you_mean

if TYPE_CHECKING:
    from batchops.contract.content import ColumnContent, Content, RuleContent
    from batchops.contract.versions.diffing import Change, Diff
    from batchops.settings import Settings

__all__ = ["aligned", "diff", "show"]

WIDTH = 60
"""Characters of a cell's text in a table for people; the whole text is in the JSON."""


def aligned(rows: Sequence[Sequence[str]], indent: str = "") -> list[str]:
    """Rows as lines, each column as wide as its widest cell.

    >>> aligned([("a", "bc"), ("ab", "c")])
    ['a   bc', 'ab  c']
    """
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    return [indent + "  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]


def _content(spec: str, settings: Settings) -> tuple[Content, Mapping[str, str]]:
    """What somebody means by a contract, a recorded version (``Flights@4``) or a stored file; places of its rules.

    Raises:
        ContractError: There is no such thing, or it cannot be read.
    """
    from batchops.contract.content import content_of
    from batchops.contract.locating import place_of
    from batchops.contract.lookup import load_contract
    from batchops.contract.versions.record import read_content

    if spec.endswith(".json"):
        try:
            return read_content(spec, Path(spec).read_bytes()), {}
        except OSError as error:
            raise ContractError(spec, f"cannot be read ({error.strerror})", "Name a stored contract") from error
    if "@" in spec:
        return _version(spec, settings), {}
    contract = load_contract(spec, settings.project)
    return content_of(contract), {rule.id: place_of(contract, rule.id) for rule in contract.rules}


def _version(spec: str, settings: Settings) -> Content:
    from batchops.contract.versions.record import UNVERSIONED, recorded, versions
    from batchops.store import Store

    name, _, version = spec.rpartition("@")
    store = Store(settings.root)
    found = recorded(store, name, "" if version == UNVERSIONED else version)
    if found is None:
        known = [f"{name}@{each or UNVERSIONED}" for each in versions(store, name)]
        what = "was never published or registered"
        raise ContractError(f"contract {spec!r}", what, did_you_mean(spec, known))
    return found


def show(
    ctx: typer.Context,
    spec: Annotated[str, typer.Argument(metavar="CONTRACT", help="Its name, module:Class, Name@version or file.json.")],
) -> Result:
    """Show a contract: columns, rules, levels and limits; --output json gives what `contract diff` reads."""
    call: Call = ctx.obj
    settings = call.settings()
    from batchops import codec

    content, places = _content(spec, settings)
    return Result(_shown(content, places), json.loads(codec.dump_pretty(content)))


def _shown(content: Content, places: Mapping[str, str]) -> list[str]:
    facts = [content.id, f"owner {content.owner}" if content.owner else "", f"digest {content.digest[:12]}"]
    rules = {rule.id: rule for rule in content.rules}
    columns = [_column(column, rules.get(f"{column.name}.not_null")) for column in content.columns]
    return [
        ", ".join(fact for fact in facts if fact),
        *content.description.splitlines()[:1],
        *(f"  {line}" for line in _own(content)),
        "",
        *aligned([("COLUMN", "DTYPE", "MISSING", "ROLES", "UNIT", ""), *columns]),
        "",
        *aligned(
            [
                ("RULE", "WORDS", "LEVEL", "BEYOND", "ACTION", "SCOPE", "WHERE"),
                *(_rule(rule, places.get(rule.id, "")) for rule in content.rules),
            ]
        ),
    ]


def _own(content: Content) -> Iterator[str]:
    """What a contract asks of the night as a whole."""
    low, high = content.rows
    if (low, high) != (None, None):
        yield f"rows: {low or 0:,} to {high:,}" if high is not None else f"rows: {low:,} or more"
    if content.weekday_volume is not None:
        yield f"volume: within {100 * content.weekday_volume:.3g} % of its weekday's usual"
    if content.freshness is not None:
        yield f"freshness: {content.freshness.column} at most {content.freshness.hours:g} hours before the night's end"
    for key in content.references:
        yield f"reference {key.name}: {', '.join(key.columns)} in {', '.join(key.key)} of {key.path}"
    if content.unique_over is not None:
        yield f"key: unique over {content.unique_over} nights"
    if content.strict != "allow":
        yield f"other columns: {'forbidden' if content.strict == 'forbid' else 'left out'}"
    if content.ordered:
        yield "columns: in this order"


def _column(column: ColumnContent, never: RuleContent | None) -> tuple[str, ...]:
    """A column's line; ``never`` is the rule that its values are not missing."""
    marks = [
        "personal data" if column.pii else "",
        "" if column.required else "may be absent",
        "coerced" if column.coerce else "",
        "a pattern" if column.regex else "",
        "" if column.default is None else f"default {column.default}",
    ]
    most = never.limit.shown if never is not None and never.unit == "share" else None
    missing = "may be" if column.nullable else f"at most {100 * most:.3g} %" if most else "never"
    dtype = re.sub(r"\(categories=.*\)$", "", re.sub(r"\w+=(?!\[)", "", column.dtype)).replace("'", "")
    return column.name, dtype, missing, ", ".join(column.roles), column.unit, ", ".join(mark for mark in marks if mark)


def _rule(rule: RuleContent, place: str) -> tuple[str, ...]:
    limit = rule.limit
    warn, fail = (
        "" if each is None else f"{each:,.0f}" if rule.unit == "rows" else f"{100 * each:.3g} %"
        for each in (limit.warn, limit.fail)
    )
    said = [f"warn {warn}" if warn else "", f"fail {fail}" if fail else ""]
    words = rule.words if len(rule.words) <= WIDTH else f"{rule.words[: WIDTH - 1]}…"
    beyond = ", ".join(each for each in said if each)
    return rule.id, words, rule.level, beyond, rule.action.replace("_", " "), rule.scope, place


def diff(
    ctx: typer.Context,
    old: Annotated[str, typer.Argument(metavar="OLD", help="Name@version, file.json, a name or module:Class.")],
    new: Annotated[
        str | None, typer.Argument(metavar="NEW", help="The project's own contract of that name without it.")
    ] = None,
    fail_on: Annotated[
        Literal["narrowing", "widening", "change"] | None,
        typer.Option(help="Exit with 3 where there is any; change: more than words.", metavar="WHAT"),
    ] = None,
) -> Result:
    """Say what a changed contract rejects and accepts that it did not before, and suggest its version."""
    call: Call = ctx.obj
    settings = call.settings()
    from batchops.contract.versions.diffing import diff as compare

    before, _ = _content(old, settings)
    after, _ = _content(before.name if new is None else new, settings)
    found = compare(before, after)
    fails = {"narrowing": found.narrows, "widening": found.widens, "change": bool(found.asked), None: False}[fail_on]
    return Result(_compared(found), _value(found), GateError.exit_code if fails else 0)


TITLES = {
    "narrowing": "NARROWER: data that was accepted is rejected; today's producers may be affected",
    "widening": "WIDER: data that was rejected is accepted; the model may be fed values that it has not seen",
    "both": "BOTH: data that was accepted is rejected, and data that was rejected is accepted",
    "meaning": "ANOTHER MEANING: comparing cannot tell what it does; replay it over published nights",
    "severity": "JUDGED OTHERWISE: the same data passes",
    "words": "WORDS: nothing is judged otherwise",
}


def _compared(found: Diff) -> list[str]:
    lines = [f"{found.old.id} -> {found.new.id}: {_counted(found)}"]
    for direction, title in TITLES.items():
        changes = [change for change in found.changes if change.direction == direction]
        if changes:
            lines += ["", title, *(line for change in changes for line in _change(change))]
    return [*lines, "", *_advice(found)] if found.changes else lines


def _counted(found: Diff) -> str:
    count = {each: sum(change.direction == each for change in found.changes) for each in TITLES}
    words = {"both": "both ways", "meaning": "of meaning", "severity": "of severity", "words": "of words"}
    said = [f"{number} {words.get(direction, direction)}" for direction, number in count.items() if number]
    return ", ".join(said) or "they ask the same"


def _change(change: Change) -> Iterator[str]:
    yield f"  {change.what}"
    yield f"    {change.was or 'not there'}"
    yield f"    -> {change.now or 'no more'}"
    from batchops.contract.versions.changes import REASONS

    # The title has said what its direction does.
    why = change.why.removeprefix(REASONS[change.direction]).removeprefix("; ")
    if why:
        yield f"    {why}"


def _advice(found: Diff) -> Iterator[str]:
    if found.training:
        yield "The model reads other features: train a version under the new contract before the next night."
    if found.narrows or found.widens:
        yield f"Try it on published nights: batchops contract replay {found.new.name} --nights 30"
    wanted = found.suggested_version
    if not found.asked:
        yield f"version {found.old.version or 'none'} may stay"
    elif wanted == found.new.version:
        yield f"version {wanted} is the one to take"
    else:
        yield f"suggested version: {wanted or 'another one than ' + found.old.version}"


def _value(found: Diff) -> dict[str, Any]:
    """The comparison for machines."""
    ends = {
        end: {"name": content.name, "version": content.version, "digest": content.digest}
        for end, content in (("old", found.old), ("new", found.new))
    }
    return {
        **ends,
        "narrows": found.narrows,
        "widens": found.widens,
        "training": found.training,
        "suggested_version": found.suggested_version,
        "changes": [{**asdict(change), "verb": change.verb} for change in found.changes],
    }
