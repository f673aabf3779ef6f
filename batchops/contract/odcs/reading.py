"""From a document of the Open Data Contract Standard to contracts, one for each object, and to notes of the rest."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from batchops.contract.content import ColumnContent, Content, RuleContent
from batchops.contract.odcs.rules import customs, plain_rule, read_item, rules_of
from batchops.contract.odcs.types import dtype_of
from batchops.contract.odcs.writing import UNVERSIONED
from batchops.contract.terms import KEY_UNIQUE, KEY_UNIQUE_OVER_NIGHTS, ForeignKey, Freshness
from batchops.errors import ContractError

__all__ = ["Imported", "read_document"]

PERSONAL = frozenset({"pii", "personal", "sensitive", "confidential", "restricted", "secret"})
"""Classifications and tags that keep values out of what people read."""

HOURS = {
    **dict.fromkeys(("h", "hr", "hour"), 1.0),
    **dict.fromkeys(("d", "day"), 24.0),
    **dict.fromkeys(("m", "min", "minute"), 1 / 60),
    **dict.fromkeys(("w", "week"), 168.0),
}

Words = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Imported:
    """A contract out of a document.

    Attributes:
        notes: What the document asks for and a contract cannot, in words.
    """

    content: Content
    notes: tuple[str, ...] = ()


def _column(words: Words, key: Sequence[str]) -> tuple[ColumnContent, list[str]]:
    """A property's column, named as the data have it, and what it asks for in vain."""
    name, said, notes = str(words.get("physicalName") or words.get("name")), customs(words), []
    dtype = dtype_of(words)
    if dtype is None:
        given = words.get("physicalType") or words.get("logicalType") or "no type"
        notes.append(f"{name}: its type is {given}; taken for text")
    roles = said.get("roles") or (["key"] if name in key else ["passthrough"])
    tags = {str(tag).lower() for tag in [words.get("classification"), *(words.get("tags") or [])]}
    column = ColumnContent(
        name=name,
        dtype="String" if dtype is None else str(dtype),
        required=not said.get("optional", False),
        roles=tuple(roles),
        unit=str(said.get("unit") or ""),
        pii=bool(tags & PERSONAL),
        coerce=bool(said.get("coerce", False)),
        default=said.get("default"),
        description=" ".join(str(words.get("description") or "").split()),
        regex=bool(said.get("pattern", False)),
    )
    return column, notes


def _rules_of_column(column: ColumnContent, words: Words) -> tuple[list[RuleContent], list[str]]:
    told: list[RuleContent] = []
    notes = []
    for item in words.get("quality") or []:
        rule = read_item(item, column)
        if rule is None:
            notes.append(_unread(f"{column.name}: ", item))
        elif rule.id not in {other.id for other in told}:
            told.append(rule)
    rules = [*rules_of(column, words, told), *told]
    return sorted(rules, key=lambda rule: not rule.id.endswith(".not_null")), notes


def _unread(place: str, item: Words) -> str:
    """What an item that no rule is made of asks for."""
    implementation = item.get("implementation")
    code = implementation.get("check") if isinstance(implementation, Mapping) else None
    if code:
        return f"{item.get('name')}: {item.get('description') or 'a check of its own'} (code of {code})"
    asks = item.get("description") or item.get("name") or item.get("metric") or item.get("query") or "a check"
    kind = item.get("engine") or item.get("type") or "library"
    return f"{place}{' '.join(str(asks).split())} ({kind})"


def _rows(items: Sequence[Words]) -> tuple[int | None, int | None]:
    low: int | None = None
    high: int | None = None
    for item in items:
        if (item.get("metric") or item.get("rule")) == "rowCount":
            between = item.get("mustBeBetween") or [None, None]
            lows = [item.get("mustBe"), item.get("mustBeGreaterOrEqualTo"), _more(item.get("mustBeGreaterThan"), 1)]
            highs = [item.get("mustBe"), item.get("mustBeLessOrEqualTo"), _more(item.get("mustBeLessThan"), -1)]
            low = next((int(each) for each in (*lows, _more(between[0], 1)) if each is not None), low)
            high = next((int(each) for each in (*highs, _more(between[1], -1)) if each is not None), high)
    return low, high


def _more(bound: int | None, by: int) -> int | None:
    """The first count beyond a bound that is excluded."""
    return None if bound is None else int(bound) + by


def _ends(said: Any) -> list[tuple[str, str]]:
    """The tables and properties that a reference names: ``orders.id``, ``schema/orders/properties/id``, or several."""
    found = []
    for name in said if isinstance(said, list) else [said]:
        parts = str(name).rpartition("#")[2].strip("/").split("/")
        table, _, column = str(name).rpartition(".")
        found.append((parts[1], parts[-1]) if len(parts) > 3 else (table, column))
    return found


def _references(table: Words, logical: Mapping[str, str]) -> tuple[list[ForeignKey], list[str]]:
    found: list[ForeignKey] = []
    notes: list[str] = []
    own = [
        ({**each, "from": f"{table.get('name')}.{words.get('name')}"})
        for words in table["properties"]
        for each in words.get("relationships") or []
    ]
    for each in [*own, *(table.get("relationships") or [])]:
        to, names = _ends(each.get("to")), tuple(logical.get(name, name) for _, name in _ends(each.get("from")))
        path = customs(each).get("in")
        if path is None:
            places = ", ".join(".".join(end) for end in to)
            notes.append(f"{' and '.join(names)}: refers to {places}; say where its files are")
        else:
            dataset = re.sub(r"\W+", "_", to[0][0]) or "others"
            found.append(ForeignKey(dataset, names, str(path), tuple(name for _, name in to)))
    for each in customs(table).get("references") or []:
        found.append(ForeignKey(each["name"], tuple(each["columns"]), each["in"], tuple(each["key"])))
    return found, notes


def _freshness(document: Words, table: str, columns: Sequence[ColumnContent]) -> Freshness | None:
    times = {column.name for column in columns if column.dtype.startswith(("Date", "Datetime"))}
    for sla in document.get("slaProperties") or []:
        owner, _, name = str(sla.get("element") or "").rpartition(".")
        unit, value = str(sla.get("unit") or "").lower(), sla.get("value")
        hours = HOURS.get(unit, HOURS.get(unit.removesuffix("s")))
        latency = str(sla.get("property")).lower() in ("latency", "ly", "freshness")
        if latency and name in times and owner in ("", table) and hours and isinstance(value, int | float):
            return Freshness(name, float(value * hours))
    return None


def _of_night(
    content: Content, items: Sequence[Words], logical: Mapping[str, str]
) -> tuple[list[RuleContent], list[str]]:
    """Rules that stand at the schema, and those that follow from keys and references.

    Args:
        logical: Columns by the names of their properties.
    """
    key = tuple(column.name for column in content.columns if "key" in column.roles)
    rules = {KEY_UNIQUE: plain_rule(KEY_UNIQUE, key)} if key else {}
    if content.unique_over is not None:
        rules[KEY_UNIQUE_OVER_NIGHTS] = plain_rule(KEY_UNIQUE_OVER_NIGHTS, key)
    rules |= {each.rule: plain_rule(each.rule, each.columns) for each in content.references}
    notes = []
    for item in items:
        if (item.get("metric") or item.get("rule")) == "rowCount":
            continue
        rule = read_item(item, None)
        if rule is not None and rule.columns:
            names = tuple(logical.get(name, name) for name in rule.columns)
            rule = replace(rule, columns=names, id=rule.id if item.get("name") else f"{'+'.join(names)}.unique")
            rule = rule if {*names} <= {*logical.values()} else None
        if rule is not None and key and set(rule.columns) == {*key} and rule.check is None:
            rule = replace(rule, id=KEY_UNIQUE)
        if rule is None or not (rule.id in rules or rule.id.endswith(".unique")):
            notes.append(_unread("", item))
        else:
            rules[rule.id] = replace(rule, columns=rule.columns or rules[rule.id].columns, words="")
    of_night = {*rules} - {id for id in rules if id.endswith(".unique") and id != KEY_UNIQUE}
    return [replace(rule, scope="dataset" if id in of_night else "partition") for id, rule in rules.items()], notes


def _contract(document: Words, table: Words, name: str) -> Imported:
    properties = table["properties"] = [each for each in table.get("properties") or [] if isinstance(each, Mapping)]
    keyed = sorted(
        (each for each in properties if each.get("primaryKey")), key=lambda p: p.get("primaryKeyPosition", -1)
    )
    key = [str(each.get("physicalName") or each.get("name")) for each in keyed]
    read = [_column(words, key) for words in properties]
    columns, rules = [], []
    notes = [note for _, each in read for note in each]
    for words, (column, _) in zip(properties, read, strict=True):
        own, more = _rules_of_column(column, words)
        columns.append(replace(column, nullable=not any(rule.id.endswith(".not_null") for rule in own)))
        rules += own
        notes += more
    logical = {str(words.get("name")): column.name for words, column in zip(properties, columns, strict=True)}
    references, more = _references(table, logical)
    said, items = customs(table), table.get("quality") or []
    version, team = str(document.get("version") or ""), document.get("team")
    about = document.get("description") or {}
    described = table.get("description") or (about.get("purpose") if isinstance(about, Mapping) else about)
    content = Content(
        name=name,
        version="" if version == UNVERSIONED else version,
        owner=str(team.get("name") or "") if isinstance(team, Mapping) else "",
        digest="",
        columns=tuple(columns),
        rules=(),
        rows=_rows(items),
        weekday_volume=said.get("weekdayVolume"),
        freshness=_freshness(document, str(table.get("name")), columns),
        references=tuple(references),
        unique_over=said.get("uniqueOver"),
        strict=said.get("strict", "allow"),
        ordered=bool(said.get("ordered", False)),
        description=str(described or "").strip(),
    )
    night, last = _of_night(content, items, logical)
    return Imported(replace(content, rules=(*rules, *night)), (*notes, *more, *last))


def read_document(where: str, document: Words) -> tuple[Imported, ...]:
    """The contracts of a document, one for each object of its schema.

    Args:
        where: The file, for the error.

    Raises:
        ContractError: It has none with properties.
    """
    tables = [each for each in document.get("schema") or [] if isinstance(each, dict) and each.get("properties")]
    if not tables:
        raise ContractError(where, "its schema has no object with properties", "Describe the columns of one")
    title = document.get("name")
    names = [str(title or tables[0].get("name"))] if len(tables) == 1 else [str(each.get("name")) for each in tables]
    return tuple(_contract(document, table, name) for table, name in zip(tables, names, strict=True))
