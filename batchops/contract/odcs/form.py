"""Whether a document has the form of the standard, as far as it is read: lists where lists are due, and so on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, get_args

from batchops.contract.terms import Action, Role, Strictness
from batchops.errors import ContractError

__all__ = ["formed"]

Words = dict[str, Any]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _is_plain(value: Any) -> bool:
    return not isinstance(value, list | dict)


def _are(each: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, list) and all(map(each, value))


def _among(known: Iterable[Any]) -> Callable[[Any], bool]:
    names = frozenset(known)
    return lambda value: isinstance(value, str) and value in names


def _is_reference(value: Any) -> bool:
    texts = isinstance(value, dict) and _is_text(value.get("name")) and _is_text(value.get("in"))
    return texts and all(_are(_is_text)(value.get(word)) and value[word] for word in ("columns", "key"))


ELEMENTS = frozenset({"schema", "properties", "quality", "relationships", "customProperties", "slaProperties"})
"""Words that stand for lists of mappings."""

MAPPINGS = frozenset({"logicalTypeOptions", "items", "map", "key", "value", "arguments"})
"""Words that stand for mappings; the last one's content is a metric's own."""

OPAQUE = frozenset({"arguments", "customProperties", "slaProperties", "logicalTypeOptions"})
"""Words below which other words mean other things."""

NAMED = frozenset({"schema", "properties"})
"""Elements that need a name."""

ARGUMENTS: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    **dict.fromkeys(("validValues", "missingValues"), (_are(_is_plain), "a list of values")),
    "pattern": (lambda value: isinstance(value, str), "text"),
    "properties": (_are(_is_text), "a list of names"),
}

OPTIONS: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    **dict.fromkeys(("minLength", "maxLength", "minItems", "maxItems", "dimensions"), (_is_count, "a count")),
    **dict.fromkeys(("format", "defaultTimezone", "elementType"), (_is_text, "text")),
    "pattern": (lambda value: isinstance(value, str), "text"),
    **dict.fromkeys(
        ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"),
        (lambda value: _is_number(value) or _is_text(value), "a number or a date"),
    ),
}

NUMBERS = ("mustBeGreaterThan", "mustBeGreaterOrEqualTo", "mustBeLessThan", "mustBeLessOrEqualTo")
WORDS: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    **dict.fromkeys(NUMBERS, (_is_number, "a number")),
    "mustBeBetween": (lambda value: _are(_is_number)(value) and len(value) == 2, "a pair of numbers"),
    "primaryKeyPosition": (lambda value: isinstance(value, int), "a number"),
    "tags": (lambda value: isinstance(value, list), "a list"),
    **dict.fromkeys(("metric", "unit", "severity", "engine", "physicalName"), (_is_text, "text")),
    "to": (lambda value: _is_text(value) or (_are(_is_text)(value) and bool(value)), "the name of a property"),
    "from": (lambda value: _is_text(value) or (_are(_is_text)(value) and bool(value)), "the name of a property"),
}

OURS: Mapping[str, tuple[Callable[[Any], bool], str]] = {
    "roles": (lambda value: _are(_among(get_args(Role)))(value) and bool(value), "a list of roles"),
    "action": (_among(get_args(Action)), "an action"),
    "strict": (_among(get_args(Strictness)), "allow, forbid or filter"),
    **dict.fromkeys(("warn", "fail", "weekdayVolume"), (_is_number, "a number")),
    **dict.fromkeys(("unit", "in"), (_is_text, "text")),
    **dict.fromkeys(
        ("optional", "coerce", "pattern", "ordered", "nullsFail"),
        (lambda value: isinstance(value, bool), "true or false"),
    ),
    "uniqueOver": (_is_count, "a count of nights"),
    "references": (_are(_is_reference), "a list of references"),
}


def _refuse(where: str, path: str, said: Any, due: tuple[Callable[[Any], bool], str]) -> None:
    if not due[0](said):
        raise ContractError(where, f"{path} is not {due[1]}", "Correct it")


def _custom(where: str, path: str, each: Words) -> None:
    word = str(each.get("property", "")).removeprefix("batchops.")
    if str(each.get("property", "")).startswith("batchops.") and word in OURS:
        _refuse(where, f"{path}.{each['property']}", each.get("value"), OURS[word])


def _elements(where: str, path: str, word: str, said: Any) -> list[Words]:
    _refuse(where, path, said, (_are(lambda each: isinstance(each, dict)), "a list of mappings"))
    found: list[Words] = []
    for place, each in enumerate(said):
        called = each.get("physicalName") or each.get("name") or each.get("property") or place
        if word in NAMED and not _is_text(each.get("name")):
            raise ContractError(where, f"{path}.{place} has no name", "Name it")
        if word == "customProperties":
            _custom(where, path, each)
        found.append(each if word in OPAQUE else formed(where, each, f"{path}.{called}"))
    return found


def formed(where: str, words: Words, path: str = "") -> Words:
    """A part of a document without the words that say nothing (null), when all that is read has its form.

    Args:
        where: The file, for the error.
        path: Of the part in the document.

    Raises:
        ContractError: Something is not what the standard has there.
    """
    said: Words = {}
    for word, value in words.items():
        place = f"{path}.{word}".lstrip(".")
        if value is None:
            continue
        if word in ELEMENTS:
            said[word] = _elements(where, place, word, value)
            continue
        if word in MAPPINGS:
            _refuse(where, place, value, (lambda each: isinstance(each, dict), "a mapping"))
        for inner, due in {"arguments": ARGUMENTS, "logicalTypeOptions": OPTIONS}.get(word, {}).items():
            if value.get(inner) is not None:
                _refuse(where, f"{place}.{inner}", value[inner], due)
        if word in WORDS:
            _refuse(where, place, value, WORDS[word])
        said[word] = formed(where, value, place) if word in MAPPINGS - OPAQUE else value
    return said
