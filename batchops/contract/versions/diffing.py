"""Two versions of a contract compared: what each change rejects that was accepted, and accepts that was rejected."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from batchops.contract.content import Content, RuleContent, digest_of
from batchops.contract.terms import KEY_UNIQUE_OVER_NIGHTS
from batchops.contract.versions.changes import Change, Direction, between, changed
from batchops.contract.versions.columns import column_changes, in_both, only_in, rules_within
from batchops.contract.versions.implying import implied, same_test
from batchops.contract.wording import LISTED, number

__all__ = ["Change", "Diff", "Direction", "diff"]


@dataclass(frozen=True, slots=True)
class Diff:
    """All changes from one content to another: the contract's own, then its columns', then its rules'."""

    old: Content
    new: Content
    changes: tuple[Change, ...]

    @property
    def asked(self) -> tuple[Change, ...]:
        """Those that change more than words."""
        return tuple(change for change in self.changes if change.direction != "words")

    @property
    def narrows(self) -> bool:
        """Data that was accepted may be rejected."""
        return any(change.direction in ("narrowing", "both", "meaning") for change in self.changes)

    @property
    def widens(self) -> bool:
        """Data that was rejected may be accepted."""
        return any(change.direction in ("widening", "both", "meaning") for change in self.changes)

    @property
    def training(self) -> bool:
        """The model has to be trained anew."""
        return any(change.training for change in self.changes)

    @property
    def suggested_version(self) -> str:
        """The version that the new content should have; empty where the old one's does not count up.

        A single number is raised by one. Of ``major.minor.patch`` a narrowing or another meaning raises the first, a
        widening the second, and what changes no more than how failures are judged the third.
        """
        if not self.asked:
            return self.old.version
        if not self.old.version:
            return "1"
        if not re.fullmatch(r"\d+(\.\d+){0,2}", self.old.version):
            return ""
        parts = [int(part) for part in self.old.version.split(".")]
        place = min(0 if self.narrows else 1 if self.widens else 2, len(parts) - 1)
        return ".".join(map(str, [*parts[:place], parts[place] + 1, *[0] * (len(parts) - place - 1)]))


def diff(old: Content, new: Content) -> Diff:
    """Everything that a contract asks otherwise than another.

    Directions are on the safe side: where nothing but widenings is found, whatever passed the old contract passes the
    new one, and with nothing but narrowings the other way round. What cannot be told is ``both`` or ``meaning``.
    """
    changes = (*_own(old, new), *column_changes(old, new), *_rules(old, new))
    found = Diff(old, new, changes)
    named = [replace(content, name="", version="") for content in (old, new)]
    if not found.asked and digest_of(named[0]) != digest_of(named[1]):
        # Nothing may be asked otherwise unseen.
        return Diff(old, new, (*changes, changed(("contract", "content"), "both", "its stored content", "another")))
    return found


REDUNDANT = "the same data passes, as other rules ask it too; it is counted and judged by itself"

STRICT = {
    "allow": "columns that it does not have are allowed",
    "forbid": "columns that it does not have are forbidden",
    "filter": "columns that it does not have are left out",
}


def _tightens(was: float | None, now: float | None) -> bool:
    """Whether an upper limit became smaller; None is no limit."""
    return now is not None and (was is None or now < was)


def _own(old: Content, new: Content) -> Iterator[Change]:
    """What is said of the contract as a whole."""
    if old.rows != new.rows:
        yield _rows(old.rows, new.rows)
    if old.weekday_volume != new.weekday_volume:
        was, now = old.weekday_volume, new.weekday_volume
        said = ["" if share is None else f"within {100 * share:.3g} % of its weekday's usual" for share in (was, now)]
        direction = between(_tightens(was, now), _tightens(now, was))
        yield changed(("contract", "weekday_volume"), direction, said[0], said[1])
    if old.freshness != new.freshness:
        yield _freshness(old, new)
    if old.strict != new.strict:
        direction = between(new.strict == "forbid", old.strict == "forbid")
        yield changed(("contract", "strict"), direction, STRICT[old.strict], STRICT[new.strict])
    yield from _order(old, new)
    for name in ("name", "owner", "description"):
        texts = (getattr(old, name), getattr(new, name))
        if texts[0] != texts[1]:
            yield changed(("contract", name), "words", *texts)


def _rows(was: tuple[int | None, int | None], now: tuple[int | None, int | None]) -> Change:
    fewest = [-(low or 0) for low, _ in (was, now)]
    narrower = _tightens(was[1], now[1]) or fewest[1] < fewest[0]
    wider = _tightens(now[1], was[1]) or fewest[0] < fewest[1]
    said = [
        f"{number(low or 0)} or more" if high is None else f"{number(low or 0)} to {number(high)}"
        for low, high in (was, now)
    ]
    return changed(("contract", "rows"), between(narrower, wider), said[0], said[1])


def _freshness(old: Content, new: Content) -> Change:
    stated = (old.freshness, new.freshness)
    was, now = (None if each is None else each.hours for each in stated)
    columns = {each.column for each in stated if each is not None}
    direction = between(_tightens(was, now), _tightens(now, was)) if len(columns) == 1 else "both"
    said = ["" if each is None else f"{each.column} at most {number(each.hours)} hours old" for each in stated]
    return changed(("contract", "freshness"), direction, said[0], said[1])


def _order(old: Content, new: Content) -> Iterator[Change]:
    if old.ordered != new.ordered:
        said = ("columns come in any order", "columns come in the contract's order")
        direction = between(new.ordered, old.ordered)
        yield changed(("contract", "ordered"), direction, said[old.ordered], said[new.ordered])
    elif old.ordered or any(column.regex for column in old.columns):
        # Of two patterns that match a column, it is the first one's.
        was, now = (", ".join(column.name for column, _ in in_both(*pair)) for pair in ((old, new), (new, old)))
        if was != now:
            yield changed(("contract", "ordered"), "both", was, now)


def _judgement(rule: RuleContent) -> str:
    """How a rule's failures are judged, in words."""
    counts = rule.unit == "rows"
    beyond = [
        f"{verb} beyond {number(each) + ' rows' if counts else f'{100 * each:.3g} %'}"
        for verb, each in (("warns", rule.limit.warn), ("fails", rule.limit.fail))
        if each is not None
    ]
    return ", ".join([rule.level, *beyond, rule.action.replace("_", " ")])


def _beside(content: Content, rule: str) -> Any:
    """What a rule of the night asks besides its columns: over how many nights, or which other rows."""
    if rule == KEY_UNIQUE_OVER_NIGHTS:
        return content.unique_over
    return next((key for key in content.references if key.rule == rule), None)


def _dtypes(content: Content) -> Mapping[str, str]:
    return {column.name: column.dtype for column in content.columns}


def _rules(old: Content, new: Content) -> Iterator[Change]:
    """What becomes of the rules; those of columns that came or went belong to their columns."""
    gone = rules_within(old, {column.name for column in only_in(old, new)})
    come = rules_within(new, {column.name for column in only_in(new, old)})
    before = {rule.id: rule for rule in old.rules if rule not in gone}
    after = {rule.id: rule for rule in new.rules if rule not in come}
    for id, was in before.items():
        if id in after:
            yield from _rule(was, after[id], old, new)
        else:
            yield _one(id, implied(was, new.rules, _dtypes(new)), "widening", (was.words, ""))
    for id, now in after.items():
        if id not in before:
            yield _one(id, implied(now, old.rules, _dtypes(old)), "narrowing", ("", now.words))


def _one(id: str, redundant: bool, direction: Direction, words: tuple[str, str]) -> Change:
    """A rule that came or went."""
    if redundant:
        return changed(("rule", id), "severity", *words, REDUNDANT)
    return changed(("rule", id), direction, *words)


def _rule(was: RuleContent, now: RuleContent, old: Content, new: Content) -> Iterator[Change]:
    """A rule that was there and is."""
    if not same_test(was, now) or _beside(old, was.id) != _beside(new, now.id):
        yield _retested(was, now, old, new)
    elif _reads_otherwise(was, old, new):
        yield changed(("rule", was.id), "meaning", was.words, f"{was.words}, read as another dtype")
    elif was.words != now.words:
        yield changed(("rule", was.id), "words", was.words, now.words)
    if (was.level, was.action, was.limit, was.unit) != (now.level, now.action, now.limit, now.unit):
        yield changed(("rule", was.id), "severity", _judgement(was), _judgement(now), _fate(was, now))


def _fate(was: RuleContent, now: RuleContent) -> str:
    """What another action does to the rows that fail; empty where they are kept or set aside as before."""
    kept = (was.action == "continue", now.action == "continue")
    if kept == (True, False):
        return "the same data passes; what fails is set aside from now on, where it was scored"
    return "the same data passes; what fails is scored from now on, where it was set aside" if kept[1] > kept[0] else ""


def _retested(was: RuleContent, now: RuleContent, old: Content, new: Content) -> Change:
    """A rule that asks something else than it did."""
    place, words = was.id, (was.words, now.words)
    nights = (_beside(old, was.id), _beside(new, now.id))
    authors = [rule for rule in (was, now) if rule.check is not None and rule.check.author is not None]
    if authors or (nights[0] != nights[1] and was.id != KEY_UNIQUE_OVER_NIGHTS):
        now_words = now.words if was.words != now.words else f"{now.words}, by another function or dataset"
        return changed(("rule", place), "meaning", was.words, now_words)
    if was.id == KEY_UNIQUE_OVER_NIGHTS and was.columns == now.columns:
        direction = between(nights[1] > nights[0], nights[0] > nights[1])
        return changed(("rule", place), direction, *words)
    narrower = not implied(now, old.rules, _dtypes(old))
    direction = between(narrower, not implied(was, new.rules, _dtypes(new)))
    if was.words == now.words:
        words = (was.words, f"{now.words}, of other values")
    words = (words[0], words[1] + _exchanged(was, now))
    return changed(("rule", place), direction, *words, REDUNDANT if direction == "severity" else "")


def _exchanged(was: RuleContent, now: RuleContent) -> str:
    """Which values of a list came and went, where the list itself is too long for words; they are the author's."""
    lists = [_values(rule) for rule in (was, now)]
    if max(map(len, lists)) <= LISTED:
        return ""
    come, gone = ([each for each in one if each not in other] for one, other in (lists[::-1], lists))
    said = [f"{word} {_some(values)}" for word, values in (("with", come), ("without", gone)) if values]
    return f" ({'; '.join(said)})" if said else ""


def _values(rule: RuleContent) -> list[Any]:
    said = (None if rule.check is None else rule.check.arguments) or {}
    found = said.get("allowed_values", said.get("forbidden_values", ()))
    return found if isinstance(found, list) else []


def _some(values: list[Any]) -> str:
    more = f" and {len(values) - LISTED} more" if len(values) > LISTED else ""
    return ", ".join(map(number, values[:LISTED])) + more


def _reads_otherwise(rule: RuleContent, old: Content, new: Content) -> bool:
    """Whether a rule whose answer may depend on it reads a column that has another dtype now."""
    turned = {was.name: was for was, now in in_both(old, new) if was.dtype != now.dtype}
    read = [turned[name] for name in rule.columns if name in turned]
    if rule.check is None or not read:
        return False
    ranked = any("Enum" in column.dtype for column in read) and rule.check.builtin not in ("isin", "notin", "eq", "ne")
    return rule.check.builtin in (None, "unique_values_eq") or ranked
