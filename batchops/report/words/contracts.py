"""A contract in words: for those who deliver the data, and for those who rely on it."""

from __future__ import annotations

import re

from batchops.contract.content import ColumnContent, Content, RuleContent
from batchops.contract.terms import limit_of
from batchops.contract.wording import LISTED
from batchops.report.formats import count, listing, number, percent, plural
from batchops.verdict import Limit

__all__ = [
    "action_words",
    "bounds_words",
    "contract_lead",
    "dtype_words",
    "judged_words",
    "level_words",
    "listed_values",
    "needs_words",
]

DTYPES = (
    (r"U?Int\d+", "whole number"),
    (r"Float\d+|Decimal.*", "number"),
    (r"String|Categorical", "text"),
    (r"Boolean", "true or false"),
    (r"Date", "date"),
    (r"Time", "time of day"),
    (r"Duration.*", "length of time"),
    (r"Binary", "bytes"),
    (r"List.*|Array.*", "list"),
    (r"Struct.*", "record"),
)
ACTIONS = {
    "continue": "the row is scored all the same",
    "quarantine": "the row is set aside",
    "fail_partition": "the row is set aside, and beyond the limit its whole file",
    "abort_night": "the row is set aside, and beyond the limit the night is withheld",
}


def dtype_words(dtype: str) -> str:
    """A dtype for people who do not program: ``whole number``, ``time in UTC``.

    >>> dtype_words("Int64"), dtype_words("Datetime(time_unit='us', time_zone='UTC')"), dtype_words("Null")
    ('whole number', 'time in UTC', 'Null')
    """
    if dtype.startswith("Datetime"):
        zone = re.search(r"time_zone='([^']+)'", dtype)
        return f"time in {zone[1]}" if zone else "time without a zone"
    if dtype.startswith("Enum"):
        return "one of a list of texts"
    return next((words for pattern, words in DTYPES if re.fullmatch(pattern, dtype)), dtype)


def needs_words(column: ColumnContent, never: RuleContent | None = None) -> str:
    """Whether a column and its values may be missing.

    Args:
        never: The rule that its values are not missing; None where there is none.
    """
    if not column.required:
        return "may be left out"
    if never is not None and never.limit.shown:
        return f"in at most {_amount(never.limit.shown, never.unit)}"
    if column.default is not None:
        return f"missing becomes {number(column.default) if isinstance(column.default, float) else column.default}"
    return "may be missing" if column.nullable else "never missing"


def _amount(value: float, unit: str) -> str:
    return plural(int(value), "row") if unit == "rows" else percent(value)


def _beyond(value: float, unit: str) -> str:
    return "from the first row" if value == 0 else f"beyond {_amount(value, unit)}"


def judged_words(rule: RuleContent) -> str:
    """What the failing rows of a rule do to the night's verdict."""
    limit: Limit = rule.limit
    if limit.warn is None and limit.fail is None:
        return "counted, never judged"
    told = [f"WARN {_beyond(limit.warn, rule.unit)}"] if limit.warn is not None else []
    if limit.fail is not None:
        told.append(f"FAIL {_beyond(limit.fail, rule.unit)}{', which withholds the night' if limit.blocking else ''}")
    return ", ".join(told)


def action_words(rule: RuleContent) -> str:
    """What becomes of a row that fails a rule."""
    return ACTIONS[rule.action]


def level_words(rule: RuleContent) -> str:
    """The rule's level, and what it does otherwise than the level says."""
    usual = "quarantine" if rule.level in ("error", "critical") else "continue"
    told = [action_words(rule)] if rule.action != usual else []
    if (rule.limit, rule.unit) != (limit_of(rule.level, None, None), "share"):
        told.append(judged_words(rule))
    return f"{rule.level}: {'; '.join(told)}" if told else rule.level


def listed_values(rule: RuleContent) -> tuple[str, ...]:
    """The values that a rule names, where its words only count them."""
    check = rule.check
    values = (check.arguments or {}).get("allowed_values") if check is not None else None
    return tuple(map(str, values)) if isinstance(values, list | tuple) and len(values) > LISTED else ()


def bounds_words(content: Content) -> str | None:
    """How many rows a night may have."""
    least, most = content.rows
    if least is not None and most is not None:
        return f"{count(least)} to {count(most)}"
    if least is not None:
        return f"at least {count(least)}"
    return None if most is None else f"at most {count(most)}"


def contract_lead(content: Content) -> str:
    """What the contract asks, in a sentence."""
    key = [column.name for column in content.columns if "key" in column.roles]
    features = sum("feature" in column.roles for column in content.columns)
    words = f"{plural(len(content.columns), 'column')} and {plural(len(content.rules), 'rule')}."
    if key:
        words += f" A row is named by {listing(key, len(key))}."
    if features:
        words += f" {plural(features, 'column')} {'goes' if features == 1 else 'go'} to the model."
    return words
