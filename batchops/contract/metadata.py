"""What authors say in metadata: roles, units, severities and thresholds, checked word by word."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_args

from batchops.contract.terms import Action, Level, Role
from batchops.errors import ContractError, did_you_mean

__all__ = ["Severities", "column_words", "config_words", "roles_of", "severities"]

COLUMN_WORDS = frozenset({"role", "pii", "unit", "level", "action", "warn", "fail", "rules"})
CONFIG_WORDS = frozenset({"name", "version", "owner", "rows", "weekday_volume", "rules"})
RULE_WORDS = frozenset({"level", "action", "warn", "fail", "words"})


@dataclass(frozen=True, slots=True)
class Severities:
    """How bad a rule's failures are, as stated; None where nothing is.

    Attributes:
        words: The rule in the author's words.
    """

    level: Level | None = None
    action: Action | None = None
    warn: float | None = None
    fail: float | None = None
    words: str | None = None

    def over(self, other: Severities) -> Severities:
        """This one, and the other's where this says nothing."""
        return Severities(
            self.level or other.level,
            self.action or other.action,
            other.warn if self.warn is None else self.warn,
            other.fail if self.fail is None else self.fail,
            self.words or other.words,
        )


def _words(where: str, said: Any, known: frozenset[str]) -> Mapping[str, Any]:
    if said is None:
        return {}
    if not isinstance(said, Mapping):
        raise ContractError(where, "its metadata is no mapping", "Write metadata={...}")
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


def severities(where: str, said: Any, known: frozenset[str] = RULE_WORDS) -> Severities:
    """Level, action and thresholds out of a mapping.

    Raises:
        ContractError: It has a word or a value that means nothing.
    """
    words = _words(where, said, known)
    return Severities(
        _one_of(where, "level", words.get("level"), Level),
        _one_of(where, "action", words.get("action"), Action),
        _share(where, "warn", words.get("warn")),
        _share(where, "fail", words.get("fail")),
        words.get("words"),
    )


def column_words(where: str, said: Any) -> Mapping[str, Any]:
    """A column's metadata, checked.

    Raises:
        ContractError: It has a word or a value that means nothing.
    """
    words = _words(where, said, COLUMN_WORDS)
    for role in roles_of(words):
        _one_of(where, "role", role, Role)
    severities(where, words, COLUMN_WORDS)
    return words


def roles_of(words: Mapping[str, Any]) -> tuple[Role, ...]:
    """The roles a column's metadata states: one, or several in a tuple; passthrough where it states none."""
    said: Any = words.get("role") or "passthrough"
    return tuple(said) if isinstance(said, tuple | list) else (said,)


def _bounds(where: str, said: Any) -> tuple[int | None, int | None]:
    if said is None:
        return (None, None)
    two = isinstance(said, tuple | list) and len(said) == 2
    if not two or not all(each is None or (isinstance(each, int) and each >= 0) for each in said):
        raise ContractError(where, "rows is no pair of counts", "Write rows: (fewest, most), with None for no bound")
    return (said[0], said[1])


def config_words(where: str, said: Any) -> Mapping[str, Any]:
    """``Config.metadata``, checked; ``rows`` is a pair.

    Raises:
        ContractError: It has a word or a value that means nothing.
    """
    words = dict(_words(where, said, CONFIG_WORDS))
    words["rows"] = _bounds(where, words.get("rows"))
    words["weekday_volume"] = _share(where, "weekday_volume", words.get("weekday_volume"))
    return words
