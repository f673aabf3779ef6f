"""What authors say in metadata, checked word by word: roles, units, severities, thresholds, and rules of the night."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_args

from batchops.contract.terms import Action, ForeignKey, Freshness, Level, Role, Unit
from batchops.errors import ContractError, did_you_mean

__all__ = ["CONFIG_WORDS", "Severities", "column_words", "config_words", "roles_of", "severities"]

SEVERITY_WORDS = frozenset({"level", "action", "warn", "fail", "warn_rows", "fail_rows"})
COLUMN_WORDS = SEVERITY_WORDS | {"role", "pii", "unit", "rules"}
RULE_WORDS = SEVERITY_WORDS | {"words"}
CONFIG_WORDS = frozenset(
    {"name", "version", "owner", "rows", "weekday_volume", "freshness", "references", "unique_over", "rules"}
)
FRESHNESS_WORDS = frozenset({"column", "hours"})
REFERENCE_WORDS = frozenset({"columns", "in", "key"})


@dataclass(frozen=True, slots=True)
class Severities:
    """How bad a rule's failures are, as stated; None where nothing is.

    Attributes:
        warn, fail: Thresholds, in ``unit``.
        words: The rule in the author's words.
    """

    level: Level | None = None
    action: Action | None = None
    warn: float | None = None
    fail: float | None = None
    unit: Unit | None = None
    words: str | None = None

    def over(self, other: Severities) -> Severities:
        """This one, and the other's where this says nothing; thresholds of another unit say nothing either."""
        alike = self.unit is None or other.unit is None or self.unit == other.unit
        return Severities(
            self.level or other.level,
            self.action or other.action,
            other.warn if self.warn is None and alike else self.warn,
            other.fail if self.fail is None and alike else self.fail,
            self.unit or other.unit,
            self.words or other.words,
        )


def _words(where: str, said: Any, known: frozenset[str], example: str = "Write metadata={...}") -> Mapping[str, Any]:
    if said is None:
        return {}
    if not isinstance(said, Mapping):
        raise ContractError(where, "its metadata is no mapping", example)
    for word in said:
        if word not in known:
            raise ContractError(where, f"metadata has no word {word!r}", did_you_mean(str(word), known))
    return said


def _one_of(where: str, word: str, said: Any, among: Any) -> Any:
    if said is not None and said not in get_args(among):
        raise ContractError(where, f"{word} {said!r} is unknown", did_you_mean(str(said), get_args(among)))
    return said


def _share(where: str, word: str, said: Any) -> float | None:
    if said is None:
        return None
    if isinstance(said, bool) or not isinstance(said, int | float) or not 0 <= said <= 1:
        raise ContractError(where, f"{word} is no share of the rows", "Write a number between 0 and 1")
    return float(said)


def _count(where: str, word: str, said: Any, least: int = 0) -> int | None:
    if said is None:
        return None
    if isinstance(said, bool) or not isinstance(said, int) or said < least:
        raise ContractError(where, f"{word} is no count", f"Write a whole number, {least} or more")
    return said


def _text(where: str, word: str, said: Any) -> str | None:
    if said is not None and not (isinstance(said, str) and said.strip()):
        raise ContractError(where, f"{word} is no text", f'Write "{word}": "..."')
    return said


def _by_rule(where: str, words: Mapping[str, Any]) -> None:
    if not isinstance(words.get("rules") or {}, Mapping):
        raise ContractError(where, "rules is no mapping", 'Write "rules": {"le": {"level": "warn"}}')


def severities(where: str, said: Any, known: frozenset[str] = RULE_WORDS) -> Severities:
    """Level, action and thresholds out of a mapping.

    Raises:
        ContractError: It has a word or a value that means nothing.
    """
    words = _words(where, said, known)
    shares = [_share(where, word, words.get(word)) for word in ("warn", "fail")]
    rows = [_count(where, word, words.get(word)) for word in ("warn_rows", "fail_rows")]
    if any(each is not None for each in shares) and any(each is not None for each in rows):
        raise ContractError(where, "its thresholds are shares and rows at once", "Write both in one unit")
    warn, fail = shares if rows == [None, None] else rows
    unit: Unit = "share" if rows == [None, None] else "rows"
    if warn is not None and fail is not None and warn > fail:
        raise ContractError(where, "it fails before it warns", "Let warn be the smaller of the two")
    return Severities(
        _one_of(where, "level", words.get("level"), Level),
        _one_of(where, "action", words.get("action"), Action),
        warn,
        fail,
        None if warn is None and fail is None else unit,
        _text(where, "words", words.get("words")),
    )


def column_words(where: str, said: Any) -> Mapping[str, Any]:
    """A column's metadata, checked.

    Raises:
        ContractError: It has a word or a value that means nothing.
    """
    words = _words(where, said, COLUMN_WORDS)
    for role in roles_of(words):
        _one_of(where, "role", role, Role)
    if not isinstance(words.get("pii", False), bool):
        raise ContractError(where, "pii is neither True nor False", 'Write "pii": True')
    _text(where, "unit", words.get("unit") or None)
    _by_rule(where, words)
    severities(where, {word: said for word, said in words.items() if word in SEVERITY_WORDS})
    return words


def roles_of(words: Mapping[str, Any]) -> tuple[Role, ...]:
    """The roles a column's metadata states: one, or several in a tuple; passthrough where it states none."""
    said: Any = words.get("role") or "passthrough"
    return tuple(said) if isinstance(said, tuple | list) else (said,)


def _bounds(where: str, said: Any) -> tuple[int | None, int | None]:
    if said is None:
        return (None, None)
    two = isinstance(said, tuple | list) and len(said) == 2
    if not two or not all(each is None or (type(each) is int and each >= 0) for each in said):
        raise ContractError(where, "rows is no pair of counts", 'Write "rows": (fewest, most), with None for no bound')
    if None not in said and said[0] > said[1]:
        raise ContractError(where, "rows asks for more than it allows", 'Write "rows": (fewest, most)')
    return (said[0], said[1])


def _names(where: str, word: str, said: Any) -> tuple[str, ...]:
    """One name, or several in a tuple."""
    names = (said,) if isinstance(said, str) else said
    named = isinstance(names, tuple | list) and names and all(isinstance(name, str) and name for name in names)
    if not named or len(set(names)) != len(names):
        raise ContractError(where, f"{word} is no column", f'Write "{word}": "id", or a tuple of names')
    return tuple(names)


def _freshness(where: str, said: Any) -> Freshness | None:
    if said is None:
        return None
    example = 'Write "freshness": {"column": "placed_at", "hours": 26}'
    words = _words(f"{where}, freshness", said, FRESHNESS_WORDS, example)
    column, hours = words.get("column"), words.get("hours")
    number = hours if isinstance(hours, int | float) and not isinstance(hours, bool) else math.nan
    if not isinstance(column, str) or not 0 < number < math.inf:
        raise ContractError(f"{where}, freshness", "it names no column or no hours", example)
    return Freshness(column, float(number))


def _reference(where: str, name: Any, said: Any) -> ForeignKey:
    example = 'Write "customers": {"columns": "customer_id", "in": "data/customers.parquet", "key": "id"}'
    where = f"{where}, references"
    if not isinstance(name, str) or not re.fullmatch(r"\w+", name):
        raise ContractError(where, "a dataset's name is made of letters, digits and underscores", example)
    words = _words(f"{where}, {name}", said, REFERENCE_WORDS, example)
    for word in ("columns", "in"):
        if word not in words:
            raise ContractError(f"{where}, {name}", f"{word} is missing", example)
    columns = _names(f"{where}, {name}", "columns", words["columns"])
    key = _names(f"{where}, {name}", "key", words.get("key", columns))
    path = _text(f"{where}, {name}", "in", words["in"])
    if path is None or len(key) != len(columns):
        what = "it has no path" if path is None else "columns and key are not as many"
        raise ContractError(f"{where}, {name}", what, example)
    return ForeignKey(name, columns, path, key)


def _references(where: str, said: Any) -> tuple[ForeignKey, ...]:
    if said is None:
        return ()
    if not isinstance(said, Mapping):
        remedy = 'Write "references": {"customers": {"columns": "customer_id", "in": "data/customers.parquet"}}'
        raise ContractError(f"{where}, references", "it is no mapping", remedy)
    return tuple(_reference(where, name, words) for name, words in said.items())


def config_words(where: str, said: Any) -> Mapping[str, Any]:
    """``Config.metadata``, checked; every word is there, and means what `Contract`'s attribute of its name means.

    Raises:
        ContractError: It has a word or a value that means nothing.
    """
    words = dict(_words(where, said, CONFIG_WORDS))
    _by_rule(where, words)
    _text(where, "name", words.get("name"))
    _text(where, "owner", words.get("owner"))
    if not isinstance(words.get("version", ""), str | int | float) or isinstance(words.get("version"), bool):
        raise ContractError(where, "version is neither text nor a number", 'Write "version": 2')
    words["rows"] = _bounds(where, words.get("rows"))
    words["weekday_volume"] = _share(where, "weekday_volume", words.get("weekday_volume"))
    words["freshness"] = _freshness(where, words.get("freshness"))
    words["references"] = _references(where, words.get("references"))
    words["unique_over"] = _count(where, "unique_over", words.get("unique_over"), least=2)
    return words
