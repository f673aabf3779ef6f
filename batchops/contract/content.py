"""A contract's content as plain values, the same in every process: what is stored, compared and digested.

Line breaks, comments and the order of a set change nothing; a bound, a threshold or an author's function does.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import polars as pl

from batchops import codec
from batchops.contract.meaning import author_of, meaning, uses
from batchops.contract.terms import (
    Action,
    ColumnSpec,
    Contract,
    ForeignKey,
    Freshness,
    Level,
    Role,
    Rule,
    Scope,
    Strictness,
    Unit,
)
from batchops.contract.wording import SHORT, statistics
from batchops.verdict import Limit

__all__ = ["FORMAT", "CheckContent", "ColumnContent", "Content", "RuleContent", "content_of", "digest_of"]

FORMAT = 1
"""Of a stored contract. A reader refuses a higher one; a field may be added without raising it if it has a default."""


@dataclass(frozen=True, slots=True)
class CheckContent:
    """What a Pandera check does.

    Attributes:
        builtin: Pandera's name of a check of its own, in `Field`'s words: ``in_range``, ``ge``; None for an author's.
        arguments: Of a built-in check; dates and times in ISO 8601.
        author: Code of the author's function, without comments; None for a built-in check.
        literals: Constants of the expression that may come from outside the function.
        uses: All else of the project that the author's function leans on: helpers' code, constants, closures.
    """

    builtin: str | None = None
    arguments: Mapping[str, Any] | None = None
    author: str | None = None
    literals: tuple[str, ...] = ()
    element_wise: bool = False
    uses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RuleContent:
    """A rule: what it tests, on what, how bad a failure is; ``check`` is None where Pandera has no check for it."""

    id: str
    columns: tuple[str, ...]
    words: str
    level: Level
    action: Action
    scope: Scope
    limit: Limit
    unit: Unit = "share"
    null_passes: bool = True
    check: CheckContent | None = None


@dataclass(frozen=True, slots=True)
class ColumnContent:
    """A column, its dtype by name (an Enum with its categories)."""

    name: str
    dtype: str
    nullable: bool = False
    required: bool = True
    roles: tuple[Role, ...] = ("passthrough",)
    unit: str = ""
    pii: bool = False
    coerce: bool = False
    default: Any = None
    description: str = ""
    regex: bool = False


@dataclass(frozen=True, slots=True)
class Content:
    """All that a contract asks, as `Contract` has it."""

    name: str
    version: str
    owner: str
    digest: str
    columns: tuple[ColumnContent, ...]
    rules: tuple[RuleContent, ...]
    rows: tuple[int | None, int | None] = (None, None)
    weekday_volume: float | None = None
    freshness: Freshness | None = None
    references: tuple[ForeignKey, ...] = ()
    unique_over: int | None = None
    strict: Strictness = "allow"
    ordered: bool = False
    description: str = ""
    format: int = FORMAT

    @property
    def id(self) -> str:
        """Name and version: ``Flights v4``."""
        return f"{self.name} v{self.version}" if self.version else self.name


def _plain(value: Any) -> Any:
    """A value as JSON has it; a set in order."""
    if isinstance(value, set | frozenset):
        return sorted((_plain(each) for each in value), key=repr)
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    if isinstance(value, float) and not math.isfinite(value):
        return repr(value)  # JSON has no number for it
    return value if isinstance(value, str | int | float | bool | None) else repr(value)


def _literals(expr: pl.Expr) -> list[Any]:
    """The constants in an expression, in no particular order: they may come from outside the function."""
    children = expr.meta.pop()
    if children:
        return [value for child in children for value in _literals(child)]
    if expr.meta.is_literal(allow_aliasing=True):
        return [_plain(pl.select(expr).to_series().to_list())]
    return []


def _check(rule: Rule) -> CheckContent | None:
    check = rule.test.check
    if check is None:
        return None
    arguments = {name: _plain(value) for name, value in statistics(check).items()}
    name = getattr(check._check_fn, "__name__", "")
    if check.is_builtin_check(name):
        return CheckContent(builtin=SHORT.get(name, name), arguments=arguments)
    literals = sorted(map(repr, _literals(rule.test.passes))) if rule.test.passes is not None else []
    function, owner = author_of(check)
    return CheckContent(
        arguments=arguments or None,
        author=meaning(function),
        literals=tuple(literals),
        element_wise=check.element_wise,
        uses=uses(function, owner),
    )


def _rule(rule: Rule) -> RuleContent:
    return RuleContent(
        id=rule.id,
        columns=rule.columns,
        words=rule.words,
        level=rule.level,
        action=rule.action,
        scope=rule.scope,
        limit=rule.limit,
        unit=rule.unit,
        null_passes=rule.test.null_passes,
        check=_check(rule),
    )


def _column(column: ColumnSpec) -> ColumnContent:
    return ColumnContent(
        name=column.name,
        dtype=str(column.dtype),
        nullable=column.nullable,
        required=column.required,
        roles=column.roles,
        unit=column.unit,
        pii=column.pii,
        coerce=column.coerce,
        default=_plain(column.default),
        description=column.description,
        regex=column.regex,
    )


def content_of(contract: Contract) -> Content:
    """All that a contract asks."""
    return Content(
        name=contract.name,
        version=contract.version,
        owner=contract.owner,
        digest=contract.digest,
        columns=tuple(map(_column, contract.columns)),
        rules=tuple(map(_rule, contract.rules)),
        rows=contract.rows,
        weekday_volume=contract.weekday_volume,
        freshness=contract.freshness,
        references=contract.references,
        unique_over=contract.unique_over,
        strict=contract.strict,
        ordered=contract.ordered,
        description=contract.description,
    )


def digest_of(content: Content) -> str:
    """SHA-256 of what a contract asks.

    Words, owner and descriptions change nothing; nor does the order of rules, or that of columns where it is not
    asked for and no pattern takes the columns that the patterns after it do not get; nor a rule's scope, which is
    found by looking at its check, and might be found to be another one day.
    """
    in_order = content.ordered or any(column.regex for column in content.columns)
    columns = [replace(column, description="") for column in content.columns]
    rules = [replace(rule, words="", scope="row") for rule in content.rules]
    asked = replace(
        content,
        digest="",
        owner="",
        description="",
        columns=tuple(columns if in_order else sorted(columns, key=lambda column: column.name)),
        rules=tuple(sorted(rules, key=lambda rule: rule.id)),
    )
    return codec.digest(asked)
