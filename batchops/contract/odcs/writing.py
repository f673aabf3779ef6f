"""From a contract to a document of the Open Data Contract Standard: objects, properties, quality, service levels."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from batchops.contract.authoring.restating import dtype_named, place_of_column
from batchops.contract.content import ColumnContent, Content, RuleContent
from batchops.contract.odcs.rules import custom, item_of, plain_number, plain_rule, rule_words
from batchops.contract.odcs.types import type_words
from batchops.contract.terms import KEY_UNIQUE, KEY_UNIQUE_OVER_NIGHTS, ForeignKey

__all__ = ["UNVERSIONED", "document_of"]

VERSION = "v3.1.0"
"""Of the standard, as it is written."""

UNVERSIONED = "unversioned"
"""Stands for the version, which the standard requires."""

REFERENCE = re.compile(r"[A-Za-z_][\w-]*\.[A-Za-z_][\w-]*")

Words = dict[str, Any]


def _property(column: ColumnContent, content: Content, home: str) -> Words:
    place, key = place_of_column(column), _key(content.columns)
    own = [rule for rule in content.rules if rule.id.rpartition(".")[0] == place and rule.scope != "dataset"]
    dtype = dtype_named(column.dtype)
    words: Words = {"name": column.name}
    if column.description:
        words["description"] = column.description
    types: Words = {"physicalType": column.dtype} if dtype is None else type_words(dtype)
    asked = rule_words(column, own, home)
    options = {**types.pop("logicalTypeOptions", {}), **asked.pop("logicalTypeOptions", {})}
    words |= types | ({"logicalTypeOptions": options} if options else {})
    if column.name in key:
        words |= {"primaryKey": True, "primaryKeyPosition": key.index(column.name) + 1}
    if column.pii:
        words["classification"] = "confidential"
    references = [each for each in content.references if each.columns == (column.name,)]
    if related := [_relationship(each) for each in references]:
        words["relationships"] = related
    derived = ("key",) if column.name in key else ("passthrough",)
    extra = custom(
        roles=list(column.roles) if column.roles != derived else None,
        unit=column.unit or None,
        optional=None if column.required else True,
        coerce=column.coerce or None,
        default=column.default,
        pattern=column.regex or None,
    )
    return {**words, **asked, **({"customProperties": extra} if extra else {})}


def _key(columns: Sequence[ColumnContent]) -> list[str]:
    return [column.name for column in columns if "key" in column.roles]


def _relationship(reference: ForeignKey, table: str = "") -> Words:
    """A foreign key; with the table's own name, as one of the schema."""
    to = [f"{reference.name}.{name}" for name in reference.key]
    own = [f"{table}.{name}" for name in reference.columns]
    ends = {"from": own, "to": to} if len(own) > 1 else {"from": own[0], "to": to[0]}
    words: Words = {"type": "foreignKey", **ends} if table else {"type": "foreignKey", "to": to[0]}
    return {**words, "customProperties": custom(**{"in": reference.path})}


def _referable(references: Sequence[ForeignKey], table: str) -> bool:
    """Whether the standard's notation of references can hold all of these names."""
    names = [f"{each.name}.{name}" for each in references for name in each.key]
    own = [f"{table}.{name}" for each in references for name in each.columns]
    return all(REFERENCE.fullmatch(name) for name in (*names, *own))


def _by_property(content: Content) -> bool:
    """Whether references, each told at its column, are read in their order again."""
    order = [column.name for column in content.columns]
    places = [order.index(each.columns[0]) for each in content.references]
    return all(len(each.columns) == 1 for each in content.references) and places == sorted(places)


def _object(content: Content, home: str) -> Words:
    table = re.sub(r"[^\w-]+", "_", content.name, flags=re.ASCII)
    referable, by_property = _referable(content.references, table), _by_property(content)
    told = content if referable and by_property else replace(content, references=())
    words: Words = {"name": content.name, "logicalType": "object", "physicalType": "file"}
    words["properties"] = [_property(column, told, home) for column in content.columns]
    if content.references and referable and not by_property:
        words["relationships"] = [_relationship(each, table) for each in content.references]
    if items := [*_row_count(content.rows), *_of_object(content, home)]:
        words["quality"] = items
    extra = custom(
        strict=content.strict if content.strict != "allow" else None,
        ordered=content.ordered or None,
        weekdayVolume=content.weekday_volume,
        uniqueOver=content.unique_over,
        references=None if referable else [_plain_reference(each) for each in content.references],
    )
    return {**words, **({"customProperties": extra} if extra else {})}


def _plain_reference(reference: ForeignKey) -> Words:
    key = {"columns": [*reference.columns], "key": [*reference.key]}
    return {"name": reference.name, "in": reference.path, **key}


def _row_count(rows: tuple[int | None, int | None]) -> Iterator[Words]:
    """One item a bound: the standard allows one operator each."""
    for bound, word in zip(rows, ("mustBeGreaterOrEqualTo", "mustBeLessOrEqualTo"), strict=True):
        if bound is not None:
            yield {"type": "library", "metric": "rowCount", word: bound}


def _of_object(content: Content, home: str) -> Iterator[Words]:
    """Rules of several columns, of the frame and of the night: the latter only if more is said than that they are."""
    places = {place_of_column(column) for column in content.columns}
    night = {KEY_UNIQUE, KEY_UNIQUE_OVER_NIGHTS, *(each.rule for each in content.references)}
    for rule in content.rules:
        if rule.scope != "dataset" and rule.id.rpartition(".")[0] in places:
            continue
        usual = plain_rule(rule.id, rule.columns)
        if rule.id not in night or (rule.level, rule.action, rule.limit) != (usual.level, usual.action, usual.limit):
            yield _no_words(item_of(_for_object(rule, night), None, home), rule.id in night)


def _for_object(rule: RuleContent, night: set[str]) -> RuleContent:
    return replace(rule, columns=()) if rule.id in night - {KEY_UNIQUE} else rule


def _no_words(item: Words, of_night: bool) -> Words:
    return {word: value for word, value in item.items() if word != "description"} if of_night else item


def document_of(content: Content, home: str = "") -> Words:
    """A contract as a document of the standard.

    Args:
        home: Import path of its model, ``schemas.orders:Orders``.
    """
    words: Words = {
        "apiVersion": VERSION,
        "kind": "DataContract",
        "id": re.sub(r"[^A-Za-z0-9_-]+", "-", content.name).strip("-").lower() or "contract",
        "name": content.name,
        "version": content.version or UNVERSIONED,
        "status": "active",
    }
    if content.owner:
        words["team"] = {"name": content.owner}
    if content.description:
        words["description"] = {"purpose": content.description}
    words["schema"] = [_object(content, home)]
    if content.freshness is not None:
        element = f"{content.name}.{content.freshness.column}"
        words["slaProperties"] = [
            {"property": "latency", "value": plain_number(content.freshness.hours), "unit": "h", "element": element}
        ]
    return words
