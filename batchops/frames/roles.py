"""Which column is the score, the label, the key: as it was given, by the contract, or guessed from the names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, get_args

import polars as pl

from batchops.contract import Contract
from batchops.errors import UsageError, did_you_mean
from batchops.verdict import Task

__all__ = ["Guess", "Roles", "settle"]

TASKS: tuple[str, ...] = get_args(Task)

NAMES: Mapping[str, tuple[str, ...]] = {
    "score": ("score", "y_score", "y_pred_proba", "predicted_probability", "probability", "proba", "prob"),
    "prediction": ("prediction", "y_pred", "predicted", "pred", "y_hat"),
    "label": ("label", "y_true", "target", "ground_truth", "outcome", "y"),
    "weight": ("sample_weight",),
}
"""What columns are usually called, the likeliest first."""


@dataclass(frozen=True, slots=True)
class Roles:
    """What the columns of two frames are.

    Attributes:
        task: ``binary``, ``multiclass`` or ``regression``; None: by the label.
        score: Column of scores: of binary the probability of the positive class, of regression the prediction. The
            scores of more classes are the columns ``<score>_<class>``.
        prediction: Column of decisions; None: score >= threshold, or the class of the highest score.
        label: Column of what came true; null where it is not known.
        threshold: From which score on a row is predicted positive; 0 to 1.
        positive: The positive label; None: 1 or True.
        key: Columns that name a row.
        weight: Column of weights.
        slices: Each a column, or a tuple of columns, to compare with the rest of the rows.
        ignore: Columns to leave out of everything.
        entity: Column of what rows belong to, a customer or a plane: intervals count that the rows of one are alike.
    """

    task: Task | None = None
    score: str | None = None
    prediction: str | None = None
    label: str | None = None
    threshold: float = 0.5
    positive: str | float | bool | None = None
    key: tuple[str, ...] = ()
    weight: str | None = None
    slices: tuple[str | tuple[str, ...], ...] = ()
    ignore: tuple[str, ...] = ()
    entity: str | None = None

    @property
    def sliced(self) -> tuple[tuple[str, ...], ...]:
        """Every slice as a tuple of columns."""
        return tuple((each,) if isinstance(each, str) else tuple(each) for each in self.slices)

    def inputs(self, names: Sequence[str]) -> tuple[str, ...]:
        """The columns that are inputs: those that are nothing else."""
        taken = {self.label, self.entity, *self.output(names), *self.ignore}
        return tuple(name for name in names if name not in taken)

    def output(self, names: Sequence[str]) -> tuple[str, ...]:
        """The columns that come with a score: itself, or one a class, decisions, weights and keys."""
        taken = {self.score, self.prediction, self.weight, *self.key}
        prefix = f"{self.score}_" if self.task == "multiclass" and self.score else None
        return tuple(name for name in names if name in taken or (prefix and name.startswith(prefix)))


@dataclass(frozen=True, slots=True)
class Guess:
    """A role that nobody gave; of the task, which one it is."""

    role: str
    column: str
    why: str

    def __str__(self) -> str:
        return f"{self.role} is {self.column} ({self.why})"


def settle(roles: Roles, schema: pl.Schema, contract: Contract | None) -> tuple[Roles, tuple[Guess, ...]]:
    """Check the roles against the columns, and guess those that were not given.

    Raises:
        UsageError: A role names a column that is not there, that another role has, or that holds no numbers where it
            must.
    """
    roles = _whole(roles)
    _require(roles, schema)
    guesses = tuple(_guesses(roles, schema, contract))
    found: dict[str, str] = {each.role: each.column for each in guesses if each.role != "key"}
    key = tuple(each.column for each in guesses if each.role == "key")
    settled = replace(roles, **found, key=roles.key or key)  # type: ignore[arg-type] # fields by their names
    _require(settled, schema)
    return settled, guesses


def _whole(roles: Roles) -> Roles:
    """The same roles where one column was given in the place of several: a text is a sequence too, of its letters."""
    return replace(roles, key=_several(roles.key), slices=_several(roles.slices), ignore=_several(roles.ignore))


def _several(given: Any) -> tuple[Any, ...]:
    return (given,) if isinstance(given, str) else tuple(given)


def _guesses(roles: Roles, schema: pl.Schema, contract: Contract | None) -> Iterator[Guess]:
    given = {roles.score, roles.prediction, roles.label, roles.weight, *roles.key, *roles.ignore}
    # As it is written before what is written otherwise.
    known = {name.lower(): name for name in reversed(schema.names())} | {name: name for name in schema.names()}
    if not roles.key and contract is not None:
        yield from (Guess("key", name, "as the contract has it") for name in contract.key if name in schema)
    for role, names in NAMES.items():
        if getattr(roles, role) is not None:
            continue
        column = next((known[name] for name in names if name in known and known[name] not in given), None)
        if column is not None and role in ("score", "weight") and not _numbers(schema[column]):
            column = None
        if column is None and role == "score" and roles.task in (None, "multiclass"):
            yield from _of_classes(schema)
        if column is not None:
            given.add(column)
            yield Guess(role, column, "by its name")


def _of_classes(schema: pl.Schema) -> Iterator[Guess]:
    """Scores of several classes: ``score_cat``, ``score_dog``."""
    for name in NAMES["score"]:
        if sum(column.startswith(f"{name}_") and schema[column].is_numeric() for column in schema.names()) > 1:
            yield Guess("score", name, f"by the names of the columns {name}_...")
            return


def _numbers(dtype: pl.DataType) -> bool:
    return dtype.is_numeric() or dtype in (pl.Boolean, pl.Null)


def _require(roles: Roles, schema: pl.Schema) -> None:
    names = schema.names()
    if roles.task is not None and roles.task not in TASKS:
        raise UsageError("--task", f"there is no task {roles.task!r}", did_you_mean(str(roles.task), TASKS))
    if not 0 <= roles.threshold <= 1:
        raise UsageError("--threshold", f"is {roles.threshold}", "Write a number from 0 to 1")
    taken: dict[str, str] = {}
    for role, column in _named(roles):
        many = role == "score" and roles.task in (None, "multiclass")
        if column not in names and not (many and any(name.startswith(f"{column}_") for name in names)):
            raise UsageError(f"--{role}", f"there is no column {column!r}", did_you_mean(column, names))
        if role in ("score", "weight") and not _numbers(schema.get(column, pl.Float64())):
            raise UsageError(f"--{role}", f"{column!r} holds no numbers: {schema[column]}", "Name another, or cast it")
        # A key of several columns often begins with the entity.
        if role not in ("slice", "entity") and taken.setdefault(column, role) != role:
            raise UsageError(f"--{role}", f"{column!r} is the {taken[column]} already", "Name another column")
        if role == "slice":
            _require_slice(column, schema[column])


def _require_slice(column: str, dtype: pl.DataType) -> None:
    if dtype.is_nested() or dtype in (pl.Binary, pl.Object):
        what = f"{column!r} is of type {dtype}, which has no values to name slices by"
        raise UsageError("--slice", what, "Name a column of text, numbers, times or booleans")


def _named(roles: Roles) -> Iterator[tuple[str, str]]:
    for role in ("score", "prediction", "label", "weight"):
        if getattr(roles, role) is not None:
            yield role, getattr(roles, role)
    yield from (("key", column) for column in roles.key)
    if roles.entity is not None:
        yield "entity", roles.entity
    yield from (("ignore", column) for column in roles.ignore)
    yield from (("slice", column) for each in roles.sliced for column in each)
