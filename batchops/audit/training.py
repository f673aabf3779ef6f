"""What a model was trained under against what serves it: feature by feature, as the two contracts describe them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from batchops import codec
from batchops.contract.content import ColumnContent, Content, RuleContent
from batchops.models.encoding import Feature

__all__ = ["SchemaDifference", "schema_differences"]


@dataclass(frozen=True, slots=True)
class SchemaDifference:
    """A feature of which two contracts ask different things.

    Attributes:
        aspects: Which things: ``dtype``, ``nullability``, ``role``, ``unit``, ``bounds``, ``order``.
        trained, now: What each says of them, in words.
    """

    column: str
    aspects: tuple[str, ...]
    trained: str
    now: str


@dataclass(frozen=True, slots=True)
class _Words:
    """Of one side: what is compared, and how it is said."""

    value: object
    words: str


_Side = Mapping[str, _Words]
"""Aspect -> what one contract says."""


def schema_differences(
    trained: Content | None, features: Sequence[Feature], now: Content
) -> tuple[SchemaDifference, ...]:
    """Every feature that was another one in training, in tonight's order; those that are gone last.

    Args:
        trained: The contract of training; None where it was not kept: then dtypes and order alone are compared.
        features: The model's, in its order.
    """
    served = {column.name: column for column in now.columns if "feature" in column.roles}
    known = {feature.name: feature for feature in features}
    moved = _moved([*known], [*served])
    found = []
    for name in (*served, *(name for name in known if name not in served)):
        if name in served and name in known:
            ours, theirs = _before(known[name], trained), _served(served[name], now)
        else:
            ours, theirs = _presence(name, name in known, trained), _presence(name, name in served, now)
        if name in moved:
            ours = {**ours, "order": _place(name, [*known])}
            theirs = {**theirs, "order": _place(name, [*served])}
        found.append(_difference(name, ours, theirs))
    return tuple(each for each in found if each is not None)


def _difference(column: str, trained: _Side, now: _Side) -> SchemaDifference | None:
    aspects = tuple(name for name in now if name in trained and trained[name].value != now[name].value)
    if not aspects:
        return None
    words = [(trained[name].words, now[name].words) for name in aspects]
    # A long list of values, or an author's own words, may say the same of what is not.
    here = "; ".join(after if after != before else f"{after} (changed since)" for before, after in words)
    return SchemaDifference(column, aspects, "; ".join(before for before, _ in words), here)


def _before(feature: Feature, trained: Content | None) -> _Side:
    """A feature as the model met it."""
    column = next((each for each in trained.columns if each.name == feature.name), None) if trained else None
    if trained is None or column is None:
        return {"dtype": _Words(feature.dtype, feature.dtype)}
    return _served(column, trained)


def _served(column: ColumnContent, content: Content) -> _Side:
    roles = ", ".join(sorted(column.roles))
    rules = [rule for rule in content.rules if rule.columns == (column.name,) and rule.check and rule.check.builtin]
    return {
        "dtype": _Words(column.dtype, column.dtype),
        "nullability": _Words(column.nullable, "may be null" if column.nullable else "never null"),
        "role": _Words(roles, f"role {roles}"),
        "unit": _Words(column.unit, f"in {column.unit}" if column.unit else "no unit"),
        "bounds": _Words(_asked(rules), ", ".join(rule.words for rule in rules) or "no bounds"),
    }


def _asked(rules: Sequence[RuleContent]) -> tuple[bytes, ...]:
    """What rules test, whatever their words, level and order."""
    return tuple(sorted(codec.dump(rule.check) for rule in rules))


def _presence(name: str, feature: bool, content: Content | None) -> _Side:
    """Of a feature that one side alone has: what it is on this one."""
    if feature:
        return {"role": _Words("feature", "a feature")}
    column = next((each for each in content.columns if each.name == name), None) if content else None
    return {"role": _Words("", "no feature" if content is None else f"role {column.roles[0]}" if column else "absent")}


def _moved(trained: Sequence[str], now: Sequence[str]) -> frozenset[str]:
    """The features that both have, and that are not in one order: the fewest that would have to move."""
    ours, theirs = [name for name in trained if name in now], [name for name in now if name in trained]
    blocks = SequenceMatcher(None, ours, theirs, autojunk=False).get_matching_blocks()
    kept = {name for block in blocks for name in ours[block.a : block.a + block.size]}
    return frozenset(ours) - kept


def _place(name: str, order: Sequence[str]) -> _Words:
    place = order.index(name) + 1
    return _Words(place, f"place {place} of {len(order)}")
