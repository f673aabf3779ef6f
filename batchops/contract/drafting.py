"""Every rule that a model asks for, before anybody says how bad its failure is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import polars as pl
from pandera.polars import DataFrameModel

from batchops.contract.accepting import accepted_check
from batchops.contract.capturing import capture
from batchops.contract.locating import where
from batchops.contract.patterns import present, spelled_pattern, unique_rows
from batchops.contract.scoping import columns_of, is_boolean, scope_of, try_out
from batchops.contract.terms import (
    KEY_UNIQUE,
    KEY_UNIQUE_OVER_NIGHTS,
    ColumnSpec,
    ForeignKey,
    Freshness,
    Rule,
    Scope,
    Test,
)
from batchops.contract.wording import asks, listed, short_name
from batchops.errors import ContractError, did_you_mean

__all__ = ["Asked", "drafts"]


@dataclass(frozen=True, slots=True)
class Asked:
    """A model as far as it is read.

    Attributes:
        schema: Pandera's.
        config: ``Config.metadata``, checked.
    """

    model: type[DataFrameModel]
    schema: Any
    columns: tuple[ColumnSpec, ...]
    config: Mapping[str, Any]

    @property
    def dtypes(self) -> pl.Schema:
        """Of the columns that have a name."""
        return pl.Schema({column.name: column.dtype for column in self.columns if not column.regex})

    @property
    def key(self) -> tuple[str, ...]:
        """Columns that name a row."""
        return tuple(column.name for column in self.columns if "key" in column.roles)

    def known(self, place: str, names: Iterable[str], says: str) -> None:
        """Make sure that the contract has some columns, each under its own name.

        Raises:
            ContractError: It does not.
        """
        for name in names:
            if name not in self.dtypes:
                what = f"{says} {name}, which the contract does not have"
                raise ContractError(place, what, did_you_mean(name, self.dtypes.names()))


def _not_null(column: ColumnSpec) -> Rule:
    value = pl.col(column.name)
    missing = value.null_count() + value.is_nan().sum() if column.dtype.is_float() else value.null_count()
    test = Test(present(column, column.name), target=column.name, failures=missing)
    place = spelled_pattern(column.name) if column.regex else column.name
    return Rule(f"{place}.not_null", (column.name,), f"{column.name} is never missing", test=test)


def _unique(names: tuple[str, ...], pattern: bool = False) -> Rule:
    words = f"no two rows of a partition have the same {listed(names)}"
    place = spelled_pattern(names[0]) if pattern else "+".join(names)
    return Rule(f"{place}.unique", names, words, scope="partition", test=Test(unique_rows(names)))


def _read_by(place: str, passes: pl.Expr, target: str, schema: pl.Schema) -> tuple[str, ...]:
    """The columns of an expression that answers true or false.

    Raises:
        ContractError: It does not, or not of these columns.
    """
    names = columns_of(passes, schema)
    for name in names:
        if name not in schema:
            what = f"it reads {name}, which the contract does not have"
            raise ContractError(place, what, did_you_mean(name, schema.names()))
    try:
        boolean = is_boolean(passes, schema)
        try_out(passes, schema)
    except pl.exceptions.PolarsError as error:
        on = "the frame" if target == "*" else f"{target}, {schema[target]}"
        what = f"it cannot be tried on {on}: {str(error).splitlines()[0].rstrip('.')}"
        raise ContractError(place, what, "Write a check that suits the column's dtype") from None
    if not boolean:
        raise ContractError(place, "it does not answer true or false", "Select one boolean expression")
    return names


def _checked(asked: Asked, check: Any, column: ColumnSpec | None) -> Rule:
    """The rule of a Pandera check.

    Raises:
        ContractError: It cannot be applied to the contract's columns.
    """
    on = "frame" if column is None else spelled_pattern(column.name) if column.regex else column.name
    id = f"{on}.{short_name(check)}"
    place = where(asked.model, id, "" if column is None else column.name, check)
    accepted_check(place, check)
    target = "*" if column is None else column.name
    # A pattern is tried out on a column of its own, called as the pattern is spelled.
    schema = pl.Schema({**asked.dtypes, on: column.dtype}) if column is not None and column.regex else asked.dtypes
    test = capture(check, on if column is not None else target, schema)
    scope: Scope = "row" if check.element_wise else "partition"
    names = tuple(schema.names()) if column is None else (column.name,)
    if test.passes is not None:
        read = _read_by(place, test.passes, on if column is not None else target, schema)
        names = names if column is not None and column.regex else read
        scope = scope_of(test.passes, schema) if test.aligned else "partition"
    return Rule(id, names, asks(check, column), scope=scope, test=replace(test, target=target))


def _of_columns(asked: Asked) -> Iterator[Rule]:
    for column in asked.columns:
        found = asked.schema.columns[column.name]
        if not column.nullable:
            yield _not_null(column)
        for check in found.checks:
            yield _checked(asked, check, column)
        if found.unique:
            yield _unique((column.name,), column.regex)


def _of_frame(asked: Asked) -> Iterator[Rule]:
    for check in asked.schema.checks:
        yield _checked(asked, check, None)
    said = asked.schema.unique or []
    for names in [said] if said and isinstance(said[0], str) else said:
        asked.known(where(asked.model), names, "unique names")
        if set(names) != set(asked.key):
            yield _unique(tuple(names))


def _reference(asked: Asked, reference: ForeignKey) -> Rule:
    asked.known(where(asked.model, reference.rule), reference.columns, "it reads")
    is_one = "is one of" if len(reference.columns) == 1 else "are together one of"
    whose = f"{reference.name}'" if reference.name.endswith("s") else f"{reference.name}'s"
    words = f"{listed(reference.columns)} {is_one} {whose} {listed(reference.key)}"
    return Rule(reference.rule, reference.columns, words, scope="dataset")


def _over_nights(asked: Asked, nights: int) -> Rule:
    if not asked.key:
        what = "unique_over asks for a key, and no column has the role"
        raise ContractError(where(asked.model), what, 'Give it: metadata={"role": "key"}')
    before = "night" if nights == 2 else f"{nights - 1} nights"
    return Rule(
        KEY_UNIQUE_OVER_NIGHTS, asked.key, f"no key of the night occurred in the {before} before", scope="dataset"
    )


def _try_freshness(asked: Asked, freshness: Freshness) -> None:
    """Refuse a column that says nothing of age, or whose newest value would say something of a person."""
    place, name = where(asked.model, "freshness"), freshness.column
    asked.known(place, [name], "it reads")
    if not isinstance(asked.dtypes[name], pl.Date | pl.Datetime):
        what = f"{name} is neither a date nor a time"
        raise ContractError(place, what, "Name the column that says when a row was made")
    if any(column.name == name and column.pii for column in asked.columns):
        what = f"{name} is personal data, and the age of its newest value is in every report"
        raise ContractError(place, what, "Name a time that says nothing of a person")


def _of_night(asked: Asked) -> Iterator[Rule]:
    if asked.config["freshness"] is not None:
        _try_freshness(asked, asked.config["freshness"])
    if asked.key:
        words = f"no two rows of the night have the same {listed(asked.key)}"
        yield Rule(KEY_UNIQUE, asked.key, words, scope="dataset")
    if asked.config["unique_over"] is not None:
        yield _over_nights(asked, asked.config["unique_over"])
    for reference in asked.config["references"]:
        yield _reference(asked, reference)


def drafts(asked: Asked) -> Iterator[Rule]:
    """Every rule, with ids that differ: of the columns in their order, of the frame, of the night.

    Raises:
        ContractError: A rule cannot be applied to the contract's columns.
    """
    times: dict[str, int] = {}
    for draft in (*_of_columns(asked), *_of_frame(asked), *_of_night(asked)):
        count = times[draft.id] = times.get(draft.id, 0) + 1
        yield draft if count == 1 else replace(draft, id=f"{draft.id}_{count}")
