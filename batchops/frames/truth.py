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
    """The label, read.

    Attributes:
        values: Its different values, ascending, as text; none of regression.
        positive: The label as a number: 0 or 1 of binary, as it is of regression; None of multiclass.
    """

    task: Task
    values: tuple[str, ...]
    positive: pl.Expr | None


def truth_of(tables: Sequence[Table], roles: Roles) -> Truth | None:
    """Read what the label is in all tables that have it; None where none has.

    Raises:
        UsageError: Two values, and nobody can know which of them is the positive one; or it is no label of the task.
    """
    label = roles.label
    if label is None:
        return None
    holders = [table for table in tables if label in table.schema]
    if not holders:
        return None
    dtype = holders[0].schema[label]
    distinct = _distinct(holders, label)
    task = roles.task or _task(distinct, dtype, roles)
    if task == "regression":
        if not dtype.is_numeric():
            raise UsageError("--label", f"{label!r} holds no numbers", "Name a column of numbers, or another --task")
        return Truth(task, (), pl.col(label).cast(pl.Float64))
    if distinct is None:
        what = f"{label!r} has more than {CLASSES} different values"
        raise UsageError("--label", what, "Write --task regression, or name another column")
    values = tuple(_text(value) for value in distinct)
    if task == "multiclass":
        return Truth(task, values, None)
    return Truth(task, values, _positive(distinct, roles))


def _distinct(tables: Sequence[Table], label: str) -> list[object] | None:
    """The label's values, ascending; None where there are too many to be classes."""
    found: set[object] = set()
    for table in tables:
        seen = table.answer(pl.col(label).drop_nulls().unique().implode())[label][0]
        if len(seen) > CLASSES:
            return None
        found |= set(seen.filter(seen.is_not_nan()) if seen.dtype.is_float() else seen)
    return sorted(found, key=lambda value: (str(type(value)), value)) if len(found) <= CLASSES else None


def _task(distinct: list[object] | None, dtype: pl.DataType, roles: Roles) -> Task:
    if distinct is None or (dtype.is_float() and len(distinct) > 2):
        return "regression"
    return "binary" if len(distinct) <= 2 or roles.positive is not None else "multiclass"


def _text(value: object) -> str:
    """A value as people write it: no ``.0`` behind whole numbers, and booleans in small letters."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _positive(distinct: list[object], roles: Roles) -> pl.Expr:
    """0 or 1 for each label.

    Raises:
        UsageError: It cannot be known.
    """
    column = pl.col(roles.label or "")
    texts = {_text(value): value for value in distinct}
    wanted = roles.positive
    if wanted is None:
        if set(distinct) <= {0, 1}:
            return column.cast(pl.Float64)
        shown = "two values" if len(distinct) <= 2 else f"{len(distinct)} different values"
        what = f"{roles.label!r} has {shown}, and neither is 1 or True"
        raise UsageError("--positive", what, "Say which value is the positive one")
    if _text(wanted) not in texts and distinct:
        raise UsageError("--positive", f"{roles.label!r} never holds it", "Write the value as the data has it")
    return pl.when(column.is_not_null()).then((column == pl.lit(texts.get(_text(wanted), wanted))).cast(pl.Float64))
