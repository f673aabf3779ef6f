"""The nouns of a contract: what a column is, what a rule asks, and the contract that holds both."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

import polars as pl

from batchops.verdict import NOTHING, Limit

__all__ = [
    "KEY_UNIQUE",
    "KEY_UNIQUE_OVER_NIGHTS",
    "Action",
    "ColumnSpec",
    "Contract",
    "ForeignKey",
    "Freshness",
    "Level",
    "Role",
    "Rule",
    "Scope",
    "Strictness",
    "Test",
    "Unit",
    "limit_of",
    "spell",
]

Role = Literal["key", "feature", "label", "prediction", "passthrough", "protected"]
Level = Literal["info", "warn", "error", "critical"]
Action = Literal["continue", "quarantine", "fail_partition", "abort_night"]
Scope = Literal["row", "partition", "dataset", "schema"]
Strictness = Literal["allow", "forbid", "filter"]
Unit = Literal["share", "rows"]

SCHEMA_RULES: Mapping[str, str] = MappingProxyType(
    {
        "schema.missing_column": "the column {column} is there",
        "schema.dtype": "{column} can be read as {dtype} without loss",
    }
)

NO_MATCH = "a column matches {column}"
"""The rule ``schema.missing_column`` of a pattern."""

KEY_UNIQUE = "key.unique"
"""Id of the rule that no key occurs twice in a night."""

KEY_UNIQUE_OVER_NIGHTS = "key.unique_over_nights"
"""Id of the rule that no key occurs in one of the nights before either."""


def spell(dtype: pl.DataType) -> str:
    """A dtype's name as it is tallied; the categories of an Enum are data and stay out, however deep it stands.

    >>> spell(pl.List(pl.Enum(["secret"]))), spell(pl.Struct({"a": pl.Array(pl.Int8(), (2, 3))}))
    ('List(Enum)', "Struct({'a': Array(Int8, shape=(2, 3))})")
    """
    if isinstance(dtype, pl.Enum):
        return "Enum"
    if isinstance(dtype, pl.List):
        return f"List({spell(_whole(dtype.inner))})"
    if isinstance(dtype, pl.Array):
        inner = _whole(dtype.inner)
        while isinstance(inner, pl.Array):
            inner = _whole(inner.inner)
        return f"Array({spell(inner)}, shape={dtype.shape})"
    if isinstance(dtype, pl.Struct):
        fields = (f"{field.name!r}: {spell(_whole(field.dtype))}" for field in dtype.fields)
        return f"Struct({{{', '.join(fields)}}})"
    return str(dtype)


def _whole(dtype: Any) -> pl.DataType:
    """An inner dtype, which may be a class, as a dtype."""
    whole: pl.DataType = dtype if isinstance(dtype, pl.DataType) else dtype()
    return whole


def limit_of(level: Level, warn: float | None, fail: float | None) -> Limit:
    """The limit of a rule's failing rows: the level's own, with stated thresholds in its place.

    Args:
        level: info is never judged; a warn rule warns at the first failing row; an error fails beyond 5 % of the
            rows; a critical one fails at the first and withholds the night's scores.
        warn, fail: Stated thresholds, shares of the evaluated rows (or rows); None where none is stated.
    """
    usual = {
        "info": NOTHING,
        "warn": Limit(warn=0),
        "error": Limit(warn=0, fail=0.05),
        "critical": Limit(fail=0, blocking=True),
    }[level]
    return Limit(
        warn=usual.warn if warn is None else warn,
        fail=usual.fail if fail is None else fail,
        blocking=usual.blocking,
    )


@dataclass(frozen=True, slots=True)
class ColumnSpec:
    """A column as the contract promises it.

    Attributes:
        dtype: What its values are read as; what arrives otherwise is coerced where nothing is lost.
        required: A partition without it cannot be used.
        roles: What it is for; a column may be key and feature.
        unit: Of its values, for sentences: ``mi``; empty where it has none.
        pii: Personal data: its values are never shown.
        coerce: The author also wants casts that may fail, row by row: text to numbers, floats to integers.
        default: Takes the place of null, as in Pandera; None where there is none.
        regex: The name is a pattern, and the column stands for every column that it matches.
    """

    name: str
    dtype: pl.DataType
    nullable: bool = False
    required: bool = True
    roles: tuple[Role, ...] = ("passthrough",)
    unit: str = ""
    pii: bool = False
    coerce: bool = False
    default: Any = None
    description: str = ""
    regex: bool = False

    @property
    def role(self) -> Role:
        """The first of its roles."""
        return self.roles[0]


@dataclass(frozen=True, slots=True)
class Freshness:
    """How old the newest row of a night may be.

    Attributes:
        column: A date or a time.
        hours: At most so many before the night's end, midnight in the job's time zone.
    """

    column: str
    hours: float


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """Rows must name a row of another dataset.

    Attributes:
        name: Of the other dataset, for the rule's id: ``customer_id.in_customers``.
        columns: Of this contract.
        path: Parquet files, relative to the project; globs and ``{night}`` as in a job's source.
        key: The other dataset's columns, in the order of ``columns``.
    """

    name: str
    columns: tuple[str, ...]
    path: str
    key: tuple[str, ...]

    @property
    def rule(self) -> str:
        """Id of the rule it makes."""
        return f"{'+'.join(self.columns)}.in_{self.name}"


@dataclass(frozen=True, slots=True)
class Test:
    """How a rule is tried.

    Attributes:
        passes: Boolean expression over the contract's columns, true where the rule holds; None where only Pandera
            can try it.
        check: The Pandera check behind it; None for rules that Pandera has no check for.
        target: What Pandera calls the check with: a column, or ``*``.
        aligned: One answer a row; otherwise one for the partition. None: known when it has run.
        null_passes: A null answer is a pass (Pandera's ``ignore_na``).
        failures: A cheaper count of the rows that fail; None: they are counted.
        targets: Where the target is a pattern: the columns that match it, which Pandera is called with one by one.
    """

    passes: pl.Expr | None = None
    check: Any = None
    target: str = "*"
    aligned: bool | None = True
    null_passes: bool = True
    failures: pl.Expr | None = None
    targets: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing a contract asks.

    Attributes:
        id: Readable and stable: ``wind_speed.in_range``, ``temp.not_null``, ``frame.arrives_later``, ``key.unique``.
        columns: What it reads.
        words: The rule for a reader: "distance is between 80 and 5 000 mi".
        level: How bad a failure is.
        action: What becomes of a failing row; its level and limit judge the night, after the merge. A rule that
            fails its partition sets all rows of a partition aside in which more than its limit fail; one that aborts
            the night also withholds all scores once it FAILs.
        scope: ``row``: a row is enough to tell; ``partition``: all rows of a partition are needed; ``dataset``: all
            of the night; ``schema``: the columns' names and dtypes.
        limit: How many failing rows warn and fail.
        unit: Of the limit: shares of the evaluated rows, or rows.
    """

    id: str
    columns: tuple[str, ...]
    words: str
    level: Level = "error"
    action: Action = "quarantine"
    scope: Scope = "row"
    limit: Limit = field(default_factory=lambda: limit_of("error", None, None))
    unit: Unit = "share"
    test: Test = field(default_factory=Test, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Contract:
    """What the data of a night must obey.

    Attributes:
        digest: SHA-256 of what it asks (columns, rules, thresholds), the same in every process.
        rows: Fewest and most rows of a night; None where there is no bound.
        weekday_volume: Share by which a night may differ from the usual one of its weekday; None: not looked at.
        freshness: How old its newest row may be; None: not looked at.
        references: Other datasets that its rows must name rows of.
        unique_over: Nights, tonight included, over which the key is unique; None: within its night alone.
        strict: Columns that the contract does not have: are allowed (and warn), forbidden (and fail), or left out.
        ordered: The columns come in the contract's order.
        model: The Pandera model; what a contract is pickled as.
    """

    name: str
    version: str
    owner: str
    digest: str
    columns: tuple[ColumnSpec, ...]
    rules: tuple[Rule, ...]
    rows: tuple[int | None, int | None] = (None, None)
    weekday_volume: float | None = None
    freshness: Freshness | None = None
    references: tuple[ForeignKey, ...] = ()
    unique_over: int | None = None
    strict: Strictness = "allow"
    ordered: bool = False
    description: str = ""
    model: Any = field(default=None, repr=False, compare=False)

    @property
    def id(self) -> str:
        """Name and version: ``Flights v4``."""
        return f"{self.name} v{self.version}" if self.version else self.name

    @property
    def key(self) -> tuple[str, ...]:
        """Columns that name a row within its night."""
        return self.having("key")

    @property
    def features(self) -> tuple[str, ...]:
        """Columns a model reads."""
        return self.having("feature")

    @property
    def pii(self) -> tuple[str, ...]:
        """Columns with personal data."""
        return tuple(column.name for column in self.columns if column.pii)

    @property
    def schema(self) -> pl.Schema:
        """Names and dtypes of the rows it accepts; columns that only a pattern names are checked and left out."""
        return pl.Schema({column.name: column.dtype for column in self.columns if not column.regex})

    @property
    def patterns(self) -> tuple[ColumnSpec, ...]:
        """Columns that stand for every column their name matches."""
        return tuple(column for column in self.columns if column.regex)

    @property
    def needs_whole_partitions(self) -> bool:
        """Some rule has to see a partition's rows at once: read it whole, not in batches."""
        return any(rule.scope == "partition" or rule.action == "fail_partition" for rule in self.rules)

    def having(self, role: Role) -> tuple[str, ...]:
        """The columns of a role, in the contract's order."""
        return tuple(column.name for column in self.columns if role in column.roles)

    def column(self, name: str) -> ColumnSpec:
        """A column by name.

        Raises:
            KeyError: The contract has no such column.
        """
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)

    def rule(self, id: str) -> Rule:
        """The rule of a tally or of a quarantined row; the schema's own (``schema.dtype:dest``) included.

        Raises:
            KeyError: The contract has no such rule.
        """
        for rule in self.rules:
            if rule.id == id:
                return rule
        check, _, name = id.partition(":")
        column = self.column(name)
        asks = SCHEMA_RULES[check] if not column.regex or check != "schema.missing_column" else NO_MATCH
        words = asks.format(column=name, dtype=spell(column.dtype))
        return Rule(id, (name,), words, "critical", "quarantine", "schema", limit_of("critical", None, None))
