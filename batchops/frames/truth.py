"""What the label means: which task it makes, which of its values is the positive one, and what scores then are."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass, replace

import polars as pl

from batchops.errors import UsageError
from batchops.frames.dimensions import as_text
from batchops.frames.roles import Guess, Roles
from batchops.frames.sources import Table
from batchops.verdict import Task

__all__ = ["Truth", "suit", "truth_of"]

CLASSES = 100
"""More different labels than these are numbers to predict, or an error."""

NAMED_TRUE = {"false": "0", "true": "1", "0": "false", "1": "true"}
"""Each spelling of a truth value, and the other one."""


@dataclass(frozen=True, slots=True)
class Truth:
    """Labels, and decisions that are spelled as labels are.

    Attributes:
        values: The different labels as text, ascending; none of regression.
        positive: Which of them is the positive one of binary; empty where labels are 0 and 1 already.
        why: How the task was found; empty where it was given.
    """

    task: Task
    values: tuple[str, ...] = ()
    positive: str = ""
    why: str = ""

    def read(self, column: str, dtype: pl.DataType) -> pl.Expr:
        """A column of labels or decisions as quality is counted: 0 or 1, a number, or the name of a class."""
        values = pl.col(column)
        if self.task == "regression" or (self.task == "binary" and not self.positive):
            return values.cast(pl.Float64, strict=False)
        text = as_text(values, dtype)
        if self.task == "multiclass":
            return text
        return pl.when(values.is_not_null()).then((text == self.positive).cast(pl.Float64))

    @property
    def shown(self) -> tuple[str, str] | None:
        """Of binary, what is not the positive label, and the positive one, as the data has them."""
        if self.task != "binary" or not self.positive:
            return None
        others = [value for value in self.values if value != self.positive]
        return (others[0] if len(others) == 1 else "other"), self.positive


def truth_of(tables: Sequence[Table], roles: Roles) -> Truth | None:
    """Read what the label is in all tables that have it; None where none has, and no task was given.

    Raises:
        UsageError: Two values, and nobody can know which of them is the positive one; or it is no label of the task.
    """
    label = roles.label
    holders = [table for table in tables if label is not None and label in table.schema]
    if label is None or not holders:
        return Truth(roles.task) if roles.task is not None else None
    dtype = holders[0].schema[label]
    _require_label(label, dtype)
    distinct = _distinct(holders, label)
    if distinct is None and roles.task is None and not dtype.is_numeric():
        what = f"{label!r} has more than {CLASSES} different values, and holds no numbers: {dtype}"
        raise UsageError("--label", what, "Name another column")
    task, why = (roles.task, "") if roles.task is not None else _task(distinct, dtype, roles, tables)
    if task == "regression":
        if not (dtype.is_numeric() or dtype in (pl.Boolean, pl.Null)):
            what = f"{label!r} holds no numbers: {dtype}"
            raise UsageError("--label", what, "Name a column of numbers, or write another --task")
        return Truth(task, why=why)
    if distinct is None:
        what = f"{label!r} has more than {CLASSES} different values"
        raise UsageError("--label", what, "Write --task regression, or name another column")
    return Truth(task, distinct, _positive(distinct, roles) if task == "binary" else "", why)


def _require_label(label: str, dtype: pl.DataType) -> None:
    if dtype.is_nested() or dtype in (pl.Binary, pl.Object, pl.Duration):
        what = f"{label!r} is of type {dtype}, which is no label"
        raise UsageError("--label", what, "Name a column of numbers, text or booleans")


def _distinct(tables: Sequence[Table], column: str) -> tuple[str, ...] | None:
    """A column's values as text, in the order of numbers where they are such; None where there are too many."""
    found: set[str] = set()
    for table in tables:
        dtype = table.schema.get(column)
        if dtype is None:
            continue
        texts = as_text(pl.col(column).unique(), dtype).drop_nulls().alias(column).implode()
        found |= set(table.answer(texts)[column][0])
        if len(found) > CLASSES:
            return None
    return tuple(sorted(found, key=_order))


def _order(text: str) -> tuple[float, str]:
    try:
        return float(text), text
    except ValueError:
        return float("inf"), text


def _task(
    distinct: tuple[str, ...] | None, dtype: pl.DataType, roles: Roles, tables: Sequence[Table]
) -> tuple[Task, str]:
    """The task that a label makes, and why."""
    if distinct is None:
        return "regression", f"{roles.label} has more than {CLASSES} values"
    why = f"{roles.label} has {len(distinct)} value{'' if len(distinct) == 1 else 's'}"
    if len(distinct) <= 2 or roles.positive is not None:
        return "binary", why
    if dtype.is_float() and not all(_whole(text) for text in distinct):
        return "regression", f"{why}, which are not whole"
    guess = roles.prediction or roles.score
    if dtype.is_numeric() and guess is not None and _between(tables, guess, distinct):
        return "regression", f"{why}, and {guess} lies between them"
    return "multiclass", why


def _between(tables: Sequence[Table], column: str, labels: tuple[str, ...]) -> bool:
    """Whether a column of numbers with a point holds what is no label: a prediction of numbers, and not of classes."""
    if not any(column in table.schema and table.schema[column].is_float() for table in tables):
        return False
    values = _distinct(tables, column)
    return values is None or not set(values) <= set(labels)


def _whole(text: str) -> bool:
    return text.lstrip("-").isdigit()


def _positive(distinct: tuple[str, ...], roles: Roles) -> str:
    """The positive label; empty where labels are 0 and 1, or false and true.

    Raises:
        UsageError: It cannot be known, or no row holds it.
    """
    if roles.positive is None:
        if set(distinct) <= {"0", "1"} or set(distinct) <= {"false", "true"}:
            return ""
        if set(distinct) <= {"-1", "1"}:
            return "1"
        spelled = {text.lower(): text for text in distinct}
        if set(spelled) <= {"false", "true"}:
            return spelled.get("true", "true")
        shown = "two values" if len(distinct) <= 2 else f"{len(distinct)} different values"
        what = f"{roles.label!r} has {shown}, which are not 0 and 1, -1 and 1, or false and true"
        raise UsageError("--positive", what, "Say which value is the positive one")
    wanted = str(roles.positive)
    lower = wanted.removesuffix(".0").lower()
    tried = (wanted, wanted.removesuffix(".0"), lower, NAMED_TRUE.get(lower, lower))
    found = next((text for text in tried if text in distinct), None)
    if found is None and distinct:
        raise UsageError("--positive", f"{roles.label!r} never holds it", "Write the value as the data has it")
    return found or wanted


def suit(
    roles: Roles, guesses: tuple[Guess, ...], truth: Truth | None, tables: Sequence[Table]
) -> tuple[Roles, tuple[Guess, ...]]:
    """The roles as the task needs them: what was guessed and does not suit it is no role.

    Raises:
        UsageError: What was given does not suit it.
    """
    if truth is None:
        return roles, guesses
    if roles.task is None:
        roles, guesses = replace(roles, task=truth.task), (*guesses, Guess("task", truth.task, truth.why))
    roles, guesses = _decided(roles, guesses, truth, tables)
    guessed = {each.role for each in guesses}
    names = {name for table in tables for name in table.schema.names()}
    what = _unsuited(roles, truth, names)
    if what is None:
        return roles, guesses
    if truth.task == "binary" and f"{roles.score}_{truth.positive}" in names:
        own = Guess("score", f"{roles.score}_{truth.positive}", "of the positive label")
        return replace(roles, score=own.column), _instead(guesses, "score", own)
    if "score" not in guessed:
        raise UsageError("--score", what, "Name another column, or write another --task")
    return replace(roles, score=None), _instead(guesses, "score")


def _decided(
    roles: Roles, guesses: tuple[Guess, ...], truth: Truth, tables: Sequence[Table]
) -> tuple[Roles, tuple[Guess, ...]]:
    """The same where the column of decisions holds some; chances, which are often called predictions, are scores."""
    column = roles.prediction
    if column is None or truth.task == "regression" or _decides(_distinct(tables, column), truth):
        return roles, guesses
    if not any(each.role == "prediction" for each in guesses):
        what = f"{column!r} holds no decisions, which are spelled as {roles.label!r} is"
        raise UsageError("--prediction", what, "Name another column, or write another --task")
    roles, guesses = replace(roles, prediction=None), _instead(guesses, "prediction")
    if truth.task == "multiclass" or roles.score is not None:
        return roles, guesses
    return replace(roles, score=column), (*guesses, Guess("score", column, "by its name and its values"))


def _decides(values: tuple[str, ...] | None, truth: Truth) -> bool:
    if values is None:
        return False
    if truth.task == "multiclass":
        return not truth.values or not values or not set(values).isdisjoint(truth.values)
    return {text.lower() for text in values} <= {*map(str.lower, truth.values), *NAMED_TRUE}


def _unsuited(roles: Roles, truth: Truth, names: Set[str]) -> str | None:
    """Why the score is none of this task; None where it is one, or there is none."""
    if roles.score is None:
        return None
    if truth.task == "regression" and roles.prediction is not None:
        return f"numbers are predicted by {roles.prediction!r}, and {roles.score!r} would be another prediction"
    if truth.task != "multiclass":
        return None if roles.score in names else f"there is no column {roles.score!r} with one score a row"
    if any(name.startswith(f"{roles.score}_") for name in names):
        return None
    return f"there are no columns {roles.score}_<class> for the classes of {roles.label!r}"


def _instead(guesses: Sequence[Guess], role: str, *other: Guess) -> tuple[Guess, ...]:
    return (*(each for each in guesses if each.role != role), *other)
