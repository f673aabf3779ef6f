"""Rules of a column in the words of the Open Data Contract Standard, and back.

A rule of the usual level goes where the standard has a word for it: ``required``, ``unique``, or an option of the
logical type. Any other is an item of ``quality``: a metric of the standard's library where one counts its failures,
otherwise a custom check of the engine ``batchops``. What such an item leaves unsaid stands in ``customProperties``.

Whether words say all of a rule is found by reading them back. ``mustBeBetween`` excludes its bounds and is never
written; it is read so.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import polars as pl

from batchops.contract.authoring.restating import dtype_named, own_words, place_of_column, usual_action
from batchops.contract.content import CheckContent, ColumnContent, RuleContent
from batchops.contract.terms import Action, Level, Unit, limit_of

__all__ = [
    "ENGINE",
    "custom",
    "customs",
    "item_of",
    "plain_number",
    "plain_rule",
    "read_item",
    "rule_words",
    "rules_of",
]

ENGINE = "batchops"

SEVERITIES: Mapping[Level, str] = {"info": "info", "warn": "warning", "error": "error", "critical": "critical"}
LEVELS: Mapping[str, Level] = {
    **{severity: level for level, severity in SEVERITIES.items()},
    **{"warn": "warn", "low": "warn", "medium": "error", "high": "error", "fatal": "critical", "blocker": "critical"},
}

BOUNDS = {"minimum": "ge", "maximum": "le", "exclusiveMinimum": "gt", "exclusiveMaximum": "lt"}
WORD_OF = {check: word for word, check in BOUNDS.items()}
ARGUMENT = {"ge": "min_value", "gt": "min_value", "le": "max_value", "lt": "max_value"}

Words = dict[str, Any]


def custom(**values: Any) -> list[Words]:
    """Custom properties under our name, those that say something."""
    return [{"property": f"{ENGINE}.{name}", "value": value} for name, value in values.items() if value is not None]


def customs(words: Mapping[str, Any]) -> dict[str, Any]:
    """Our custom properties of an element, by their names."""
    found = words.get("customProperties") or []
    return {
        str(each["property"]).removeprefix(f"{ENGINE}."): each.get("value")
        for each in found
        if isinstance(each, Mapping) and str(each.get("property", "")).startswith(f"{ENGINE}.")
    }


def plain_number(value: float) -> float:
    """A whole number as one."""
    return int(value) if value == int(value) else value


def plain_rule(
    id: str, columns: tuple[str, ...], check: CheckContent | None = None, level: Level = "error"
) -> RuleContent:
    """A rule of which nothing but its level is said."""
    return RuleContent(id, columns, "", level, _action(level), "row", limit_of(level, None, None), check=check)


def _action(level: Level) -> Action:
    return "quarantine" if level in ("error", "critical") else "continue"


def _builtin(name: str, **arguments: Any) -> CheckContent:
    return CheckContent(builtin=name, arguments=arguments)


def _same(one: RuleContent, other: RuleContent) -> bool:
    """Whether two rules ask for the same; a rule's words and scope are told elsewhere."""
    return replace(one, words="", scope="row") == replace(other, words="", scope="row")


def _rule(column: ColumnContent, name: str, check: CheckContent | None = None) -> RuleContent:
    return plain_rule(f"{place_of_column(column)}.{name}", (column.name,), check)


def _of_pattern(column: ColumnContent, pattern: str) -> RuleContent:
    """A pattern may match anywhere in a text, and at its beginning if it says so."""
    start = re.fullmatch(r"\^\(\?:(.*)\)", pattern, re.DOTALL)
    if start:
        return _rule(column, "str_matches", _builtin("str_matches", pattern=start[1]))
    if pattern.startswith("^") and "|" not in pattern:
        return _rule(column, "str_matches", _builtin("str_matches", pattern=pattern[1:]))
    return _rule(column, "str_contains", _builtin("str_contains", pattern=pattern))


def _pattern(rule: RuleContent) -> str | None:
    check = rule.check.builtin if rule.check else None
    pattern = rule.check.arguments.get("pattern") if rule.check and rule.check.arguments else None
    if not isinstance(pattern, str):
        return None
    if check == "str_contains":
        return pattern
    return (f"^(?:{pattern})" if "|" in pattern else f"^{pattern}") if check == "str_matches" else None


def _options(rule: RuleContent, dtype: pl.DataType | None) -> Words:
    """Options of the logical type that a rule comes to; none where the standard has no word."""
    name = rule.check.builtin if rule.check else None
    said = (rule.check.arguments if rule.check else None) or {}
    if isinstance(dtype, pl.String):
        if name == "str_length" and said.get("exact_value") is None:
            ends = {"minLength": said.get("min_value"), "maxLength": said.get("max_value")}
            return {word: bound for word, bound in ends.items() if bound is not None}
        pattern = _pattern(rule)
        return {} if pattern is None else {"pattern": pattern}
    if dtype is None or not (dtype.is_integer() or dtype.is_float() or isinstance(dtype, pl.Date | pl.Datetime)):
        return {}
    bounds: Words = {}
    if name in WORD_OF:
        bounds = {WORD_OF[name]: said.get(ARGUMENT[name])}
    elif name == "in_range":
        low = "minimum" if said.get("include_min", True) else "exclusiveMinimum"
        high = "maximum" if said.get("include_max", True) else "exclusiveMaximum"
        bounds = {low: said.get("min_value"), high: said.get("max_value")}
    kinds = (int, float) if dtype.is_numeric() else (str,)
    fits = all(isinstance(bound, kinds) and not isinstance(bound, bool) for bound in bounds.values())
    return bounds if fits else {}


def _of_options(column: ColumnContent, options: Mapping[str, Any]) -> Iterator[RuleContent]:
    """The rules that options of a logical type come to."""
    low = next((word for word in ("minimum", "exclusiveMinimum") if word in options), None)
    high = next((word for word in ("maximum", "exclusiveMaximum") if word in options), None)
    if low and high:
        ends = {"min_value": options[low], "max_value": options[high]}
        inclusive = {"include_min": low == "minimum", "include_max": high == "maximum"}
        yield _rule(column, "in_range", _builtin("in_range", **ends, **inclusive))
    elif low or high:
        check = BOUNDS[low or high or ""]
        yield _rule(column, check, _builtin(check, **{ARGUMENT[check]: options[low or high or ""]}))
    if {"minLength", "maxLength"} & {*options}:
        ends = {"min_value": options.get("minLength"), "max_value": options.get("maxLength"), "exact_value": None}
        yield _rule(column, "str_length", _builtin("str_length", **ends))
    if "pattern" in options:
        yield _of_pattern(column, str(options["pattern"]))


def rules_of(column: ColumnContent, words: Mapping[str, Any], told: Sequence[RuleContent]) -> list[RuleContent]:
    """The rules of a property that its quality items do not tell.

    Args:
        words: The property.
        told: Rules of its items; an option that they account for makes no rule of its own.
    """
    dtype, names = dtype_named(column.dtype), {rule.id.rpartition(".")[2] for rule in told}
    options = dict(words.get("logicalTypeOptions") or {})
    for rule in told:
        for word, bound in _options(rule, dtype).items():
            if options.get(word) == bound:
                del options[word]
    rules = [] if "not_null" in names or not words.get("required") else [_rule(column, "not_null")]
    rules += [rule for rule in _of_options(column, options) if rule.id.rpartition(".")[2] not in names]
    if words.get("unique") and "unique" not in names:
        rules.append(_rule(column, "unique"))
    return rules


def rule_words(column: ColumnContent, rules: Sequence[RuleContent], home: str) -> Words:
    """The rules of a column as words of its property.

    Args:
        rules: All of them.
        home: Import path of the model, for checks that are code.
    """
    dtype = dtype_named(column.dtype)
    usual = [rule for rule in rules if _same(rule, plain_rule(rule.id, rule.columns, rule.check))]
    names = {rule.id.rpartition(".")[2] for rule in usual}
    words: Words = {"required": "not_null" in names}
    if "unique" in names:
        words["unique"] = True
    options: Words = {}
    for rule in usual:
        found = _options(rule, dtype)
        if not {*options} & {*found}:
            options.update(found)
    if options:
        words["logicalTypeOptions"] = options
    read = rules_of(column, words, ())
    rest = [rule for rule in rules if own_words(rule, column) or not any(_same(rule, other) for other in read)]
    if rest:
        words["quality"] = [item_of(rule, column, home) for rule in rest]
    return words


def _metric(rule: RuleContent, column: ColumnContent | None) -> Words | None:
    """The standard's metric that counts a rule's failures."""
    name = rule.check.builtin if rule.check else None
    last = rule.id.rpartition(".")[2]
    if rule.check is None and last == "not_null":
        return {"metric": "nullValues"}
    if rule.check is None and last == "unique":
        return {"metric": "duplicateValues", **({} if column else {"arguments": {"properties": [*rule.columns]}})}
    if name == "isin" and rule.check and rule.check.arguments:
        return {"metric": "invalidValues", "arguments": {"validValues": rule.check.arguments["allowed_values"]}}
    pattern = _pattern(rule)
    return None if pattern is None else {"metric": "invalidValues", "arguments": {"pattern": pattern}}


def _operator(rule: RuleContent) -> Words:
    """No failures where each is set aside; otherwise as many as the rule's limit allows."""
    shown = rule.limit.fail if rule.limit.fail is not None else rule.limit.warn
    if rule.action != "continue" or not shown:
        return {"mustBe": 0}
    if rule.unit == "rows":
        return {"mustBeLessOrEqualTo": int(shown), "unit": "rows"}
    return {"mustBeLessOrEqualTo": plain_number(round(100 * shown, 10)), "unit": "percent"}


def item_of(rule: RuleContent, column: ColumnContent | None, home: str) -> Words:
    """A rule as an item of quality.

    Args:
        column: Whose property it stands at; None for the schema's own items.
        home: Import path of the model.
    """
    item: Words = {"name": rule.id}
    if rule.words:
        item["description"] = rule.words
    metric = _metric(rule, column)
    if metric is not None:
        item |= {"type": "library", **metric, **_operator(rule)}
    else:
        item |= {"type": "custom", "engine": ENGINE, "implementation": _implementation(rule, home)}
    item["severity"] = SEVERITIES[rule.level]
    read = read_item(item, column) or _finished(plain_rule(rule.id, rule.columns, rule.check), item)
    if not _same(read, rule):
        item["customProperties"] = custom(
            action=rule.action,
            warn=rule.limit.warn,
            fail=rule.limit.fail,
            unit="rows" if rule.unit == "rows" else None,
            nullsFail=True if not rule.null_passes else None,
        )
    return item


def _implementation(rule: RuleContent, home: str) -> Words:
    if rule.check is None:
        return {"rule": rule.id}
    if rule.check.builtin is None:
        return {"check": f"{home}.{rule.id.rpartition('.')[2]}"}
    return {"check": rule.check.builtin, "arguments": dict(rule.check.arguments or {})}


def _upper(item: Mapping[str, Any]) -> float | None:
    """How many failures an item allows, in its unit; None where it does not say."""
    for word in ("mustBe", "mustBeLessOrEqualTo", "mustBeLessThan"):
        if isinstance(item.get(word), int | float):
            less = word == "mustBeLessThan" and item.get("unit") != "percent" and item[word] > 0
            return float(item[word] - less)
    between = item.get("mustBeBetween")
    return (
        float(between[1]) - (item.get("unit") != "percent") if isinstance(between, list) and len(between) == 2 else None
    )


def _limited(rule: RuleContent, item: Mapping[str, Any]) -> RuleContent:
    """The rule with the failures that an item allows: rows that may fail are not set aside."""
    most = _upper(item)
    if not most:
        return rule
    rows = item.get("unit") != "percent"
    shown = most if rows else most / 100
    warn, fail = (shown, None) if rule.level == "warn" else (None, shown)
    limit = limit_of(rule.level, warn, fail)
    return replace(rule, action="continue", limit=limit, unit="rows" if rows else "share")


def _restored(rule: RuleContent, item: Mapping[str, Any]) -> RuleContent:
    """The rule with what our custom properties say of it."""
    said = customs(item)
    if "action" not in said:
        return rule
    blocking = rule.level == "critical" or said["action"] == "abort_night"
    limit = replace(rule.limit, warn=said.get("warn"), fail=said.get("fail"), blocking=blocking)
    unit: Unit = "rows" if said.get("unit") == "rows" else "share"
    return replace(rule, action=said["action"], limit=limit, unit=unit, null_passes=not said.get("nullsFail"))


def _check_of(item: Mapping[str, Any], column: ColumnContent | None) -> tuple[str, CheckContent | None] | None:
    """The end of a rule's id, and its check; None where an item asks for something else."""
    metric = item.get("metric") or item.get("rule")
    said = {name: value for name, value in (item.get("arguments") or {}).items() if value is not None}
    if item.get("engine") == ENGINE and isinstance(item.get("implementation"), Mapping):
        implementation = item["implementation"]
        check, given = implementation.get("check"), implementation.get("arguments")
        if isinstance(check, str) and isinstance(given, Mapping):
            return check, _builtin(check, **given)
        return (str(item.get("name")), None) if "rule" in implementation else None
    if item.get("type", "library") != "library" or column is None:
        return None
    if metric == "nullValues" or (metric == "missingValues" and said.get("missingValues", [None]) == [None]):
        return "not_null", None
    if metric == "duplicateValues":
        return "unique", None
    if metric == "invalidValues" and "validValues" in said:
        return "isin", _builtin("isin", allowed_values=_sorted(said["validValues"]))
    if metric == "invalidValues" and "pattern" in said:
        rule = _of_pattern(column, str(said["pattern"]))
        return rule.id.rpartition(".")[2], rule.check
    return None


def _sorted(values: Sequence[Any]) -> list[Any]:
    """Once each, in their order."""
    return list(dict.fromkeys(values))


def read_item(item: Mapping[str, Any], column: ColumnContent | None) -> RuleContent | None:
    """The rule of an item; None where it asks for something that no rule is made of: SQL, prose, another engine."""
    found = _check_of(item, column)
    if found is None:
        if column is None and item.get("metric") == "duplicateValues":
            names = tuple((item.get("arguments") or {}).get("properties") or ())
            rule = plain_rule(str(item.get("name") or f"{'+'.join(names)}.unique"), names)
            return _finished(rule, item) if names else None
        return None
    name, check = found
    columns = () if column is None else (column.name,)
    return _finished(plain_rule(name if column is None else f"{place_of_column(column)}.{name}", columns, check), item)


def _finished(rule: RuleContent, item: Mapping[str, Any]) -> RuleContent:
    level = LEVELS.get(str(item.get("severity") or "error").lower(), "error")
    graded = replace(rule, level=level, action=_action(level), limit=limit_of(level, None, None))
    graded = replace(graded, action=usual_action(graded))  # type: ignore[arg-type]
    words = " ".join(str(item.get("description") or "").split())
    return _restored(_limited(replace(graded, words=words), item), item)
