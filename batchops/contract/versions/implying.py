"""Whether what one rule asks follows from what others ask: that values from 80 to 5 000 are above 0.

Only Pandera's own checks of a single column are understood; of anything else, a rule follows from its equal alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from batchops.contract.content import RuleContent
from batchops.contract.versions.arguments import (
    ALLOWED,
    FORBIDDEN,
    Bounds,
    affix_of,
    arguments_of,
    bounds_of,
    builtin_of,
    holds,
    length_of,
    listed_of,
)

__all__ = ["implied", "same_test"]


def _within(outer: Bounds, inner: tuple[Bounds, ...]) -> bool:
    """Whether what all of the inner bounds hold lies within the outer ones."""
    low = outer.low is None or any(each.above(outer.low, outer.low_in) for each in inner)
    return low and (outer.high is None or any(each.below(outer.high, outer.high_in) for each in inner))


def _follows(rule: RuleContent, others: tuple[RuleContent, ...], dtype: str) -> bool:
    """Whether a rule of a column's values follows from others of the same column."""
    lists = (listed_of(other, dtype, ALLOWED) for other in others)
    if any(values is not None and all(holds(rule, each, dtype) for each in values) for values in lists):
        return True
    if (bounds := bounds_of(rule, dtype)) is not None:
        return _within(bounds, tuple(each for other in others if (each := bounds_of(other, dtype)) is not None))
    if (length := length_of(rule)) is not None:
        return _within(length, tuple(each for other in others if (each := length_of(other)) is not None))
    if (forbidden := listed_of(rule, dtype, FORBIDDEN)) is not None:
        return all(any(holds(other, value, dtype) is False for other in others) for value in forbidden)
    if (affix := affix_of(rule)) is None:
        return False
    return any(
        builtin_of(other) == builtin_of(rule) and affix[0](str(arguments_of(other).get("string")), affix[1])
        for other in others
    )


def same_test(one: RuleContent, other: RuleContent) -> bool:
    """Whether two rules let the same rows pass, as far as their own words tell."""
    return (one.columns, one.check, one.null_passes) == (other.columns, other.check, other.null_passes)


def _fewer(rule: RuleContent, other: RuleContent) -> bool:
    """Whether the other wants the same to be unique, by columns that are among the rule's."""
    alike = all(each.check is None and each.id.endswith(".unique") for each in (rule, other))
    return alike and rule.scope == other.scope and {*other.columns} <= {*rule.columns}


def implied(rule: RuleContent, by: Iterable[RuleContent], dtypes: Mapping[str, str]) -> bool:
    """Whether every row that passes all of ``by`` passes the rule.

    Args:
        dtypes: Of the columns, by name.

    Returns:
        False also where that cannot be told.
    """
    among = tuple(by)
    if rule.check is None:
        return any((each.id == rule.id and same_test(each, rule)) or _fewer(rule, each) for each in among)
    if any(same_test(each, rule) for each in among):
        return True
    if rule.check.builtin is None or len(rule.columns) != 1:
        return False
    others = tuple(each for each in among if each.columns == rule.columns and each.check is not None)
    present = f"{rule.columns[0]}.not_null" in {each.id for each in among}
    if not (rule.null_passes or present or not all(each.null_passes for each in others)):
        return False
    return _follows(rule, others, dtypes.get(rule.columns[0], ""))
