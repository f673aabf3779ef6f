"""What the label means: which task it makes, and which of its values is the positive one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from batchops.errors import UsageError
from batchops.frames.roles import Roles, Task
from batchops.frames.sources import Table

__all__ = ["Truth", "truth_of"]

CLASSES = 100
"""More different labels than these are numbers to predict, or an error."""


@dataclass(frozen=True, slots=True)
class Truth:
    """Labels, and decisions that are spelled as labels are.

    Attributes:
        values: The different labels as text, ascending; none of regression.
        positive: Which of them is the positive one of binary; empty where labels are 0 and 1 already.
    """

    task: Task
    values: tuple[str, ...] = ()
    positive: str = ""

    def read(self, column: str, dtype: pl.DataType) -> pl.Expr:
        """A column of labels or decisions as quality is counted: 0 or 1, a number, or the name of a class."""
        values = pl.col(column)
        if self.task == "regression" or (self.task == "binary" and not self.positive):
            return values.cast(pl.Float64, strict=False)
        text = _as_text(values, dtype)
        if self.task == "multiclass":
            return text
        return pl.when(values.is_not_null()).then((text == self.positive).cast(pl.Float64))


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
    distinct = _distinct(holders, label)
    task = roles.task or _task(distinct, dtype, roles)
    if task == "regression":
        if not dtype.is_numeric():
            raise UsageError("--label", f"{label!r} holds no numbers", "Name a column of numbers, or another --task")
        return Truth(task)
    if distinct is None:
        what = f"{label!r} has more than {CLASSES} different values"
        raise UsageError("--label", what, "Write --task regression, or name another column")
    return Truth(task, distinct, _positive(distinct, roles) if task == "binary" else "")


def _as_text(values: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    """Values as people write them: no ``.0`` behind whole numbers, and booleans in small letters."""
    if not dtype.is_float():
        return values.cast(pl.String)
    whole = values.is_finite() & (values == values.round())
    return pl.when(whole).then(values.cast(pl.Int64, strict=False).cast(pl.String)).otherwise(values.cast(pl.String))


def _distinct(tables: Sequence[Table], label: str) -> tuple[str, ...] | None:
    """The label's values as text, in the order of numbers where they are such; None where there are too many."""
    found: set[str] = set()
    for table in tables:
        known = pl.col(label).fill_nan(None) if table.schema[label].is_float() else pl.col(label)
        seen = table.answer(_as_text(known.drop_nulls().unique(), table.schema[label]).alias(label).implode())
        found |= set(seen[label][0])
        if len(found) > CLASSES:
            return None
    return tuple(sorted(found, key=_order))


def _order(text: str) -> tuple[float, str]:
    try:
        return float(text), text
    except ValueError:
        return float("inf"), text


def _task(distinct: tuple[str, ...] | None, dtype: pl.DataType, roles: Roles) -> Task:
    if distinct is None or (dtype.is_float() and len(distinct) > 2 and not all(_whole(text) for text in distinct)):
        return "regression"
    return "binary" if len(distinct) <= 2 or roles.positive is not None else "multiclass"


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
        shown = "two values" if len(distinct) <= 2 else f"{len(distinct)} different values"
        what = f"{roles.label!r} has {shown}, and neither is 1 or True"
        raise UsageError("--positive", what, "Say which value is the positive one")
    wanted = str(roles.positive).lower() if isinstance(roles.positive, bool) else str(roles.positive)
    spelled = wanted.removesuffix(".0")
    found = next((text for text in (wanted, spelled, wanted.lower()) if text in distinct), None)
    if found is None and distinct:
        raise UsageError("--positive", f"{roles.label!r} never holds it", "Write the value as the data has it")
    return found or wanted
