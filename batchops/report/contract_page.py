"""A contract's page: what is asked of each column, what becomes of a row that fails, and what changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from batchops.contract.content import ColumnContent, Content, RuleContent
from batchops.contract.versions.diffing import Change
from batchops.report import formats
from batchops.report.environment import fill
from batchops.report.words.contracts import (
    action_words,
    bounds_words,
    contract_lead,
    dtype_words,
    judged_words,
    level_words,
    listed_values,
    needs_words,
)

__all__ = ["Surroundings", "render_contract"]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a contract's page says beside the contract.

    Attributes:
        jobs: Names of the jobs that use it.
        places: File and line of each rule, by id.
        versions: That were recorded, oldest first.
        previous: The version that the changes are counted from; None where there is none.
        batchops: Version of the framework.
    """

    jobs: tuple[str, ...] = ()
    places: Mapping[str, str] = field(default_factory=dict)
    versions: tuple[str, ...] = ()
    previous: str | None = None
    changes: tuple[Change, ...] = ()
    batchops: str = ""


def render_contract(content: Content, around: Surroundings | None = None) -> str:
    """The page of a contract, as HTML; the same content gives the same bytes."""
    around = around or Surroundings()
    single = {rule.id: rule for rule in content.rules if len(rule.columns) == 1}
    view = {
        "contract": content,
        "around": around,
        "lead": contract_lead(content),
        "facts": _facts(content, around),
        "columns": [_column(column, list(single.values()), around) for column in content.columns],
        "others": [_rule(rule, around) for rule in content.rules if rule.id not in single],
        "night": _night(content),
    }
    return fill("contract_page.html.j2", view)


def _facts(content: Content, around: Surroundings) -> list[tuple[str, str]]:
    facts = [
        ("Version", content.version or "none"),
        ("Owner", content.owner or "nobody named"),
        ("Columns", formats.count(len(content.columns))),
        ("Rules", formats.count(len(content.rules))),
        ("Personal data", formats.plural(sum(column.pii for column in content.columns), "column")),
        ("Used by", formats.listing(around.jobs) or "no job"),
    ]
    if around.versions:
        facts.append(("Published as", formats.listing([f"v{each}" for each in around.versions][::-1])))
    return [*facts, ("Digest", content.digest[:12])]


def _column(column: ColumnContent, rules: Sequence[RuleContent], around: Surroundings) -> dict[str, Any]:
    """A column with what is asked of it; that it is never missing stands in a column of its own."""
    own = [rule for rule in rules if rule.columns == (column.name,)]
    return {
        "name": column.name,
        "about": column.description,
        "words": dtype_words(column.dtype),
        "dtype": column.dtype if len(column.dtype) <= 60 else f"{column.dtype[:59]}…",
        "unit": column.unit,
        "needs": needs_words(column, next((rule for rule in own if rule.id.endswith(".not_null")), None)),
        "roles": ", ".join(column.roles),
        "pii": column.pii,
        "rules": [_rule(rule, around, column.pii) for rule in own if not rule.id.endswith(".not_null")],
    }


def _rule(rule: RuleContent, around: Surroundings, pii: bool = False) -> dict[str, Any]:
    return {
        "id": rule.id,
        "words": rule.words,
        "level": level_words(rule),
        "listed": () if pii else listed_values(rule),
        "judged": judged_words(rule),
        "action": action_words(rule),
        "scope": {"dataset": "all files of the night", "partition": "its file"}.get(rule.scope, "the row alone"),
        "place": around.places.get(rule.id),
    }


def _night(content: Content) -> list[tuple[str, str]]:
    """What is asked of a night as a whole."""
    asked = [("Rows", bounds) for bounds in [bounds_words(content)] if bounds is not None]
    if content.weekday_volume is not None:
        share = formats.percent(content.weekday_volume)
        asked.append(("Volume", f"within {share} of the usual night of its weekday"))
    if content.freshness is not None:
        hours = formats.number(content.freshness.hours)
        asked.append(("Freshness", f"newest {content.freshness.column} at most {hours} h before the night's end"))
    if content.unique_over is not None:
        asked.append(("Key", f"occurs once in {formats.plural(content.unique_over, 'night')}, tonight included"))
    for foreign in content.references:
        names = f"{formats.listing(foreign.columns)} names a row of {foreign.name}"
        asked.append((f"Refers to {foreign.name}", f"{names} ({formats.listing(foreign.key)} in {foreign.path})"))
    strict = {"forbid": "are forbidden", "filter": "are left out in silence", "allow": "warn and are left out"}
    asked.append(("Other columns", strict[content.strict]))
    if content.ordered:
        asked.append(("Order", "columns come in the order of the table above"))
    return asked
