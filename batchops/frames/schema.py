"""Columns of two frames against each other: missing, extra, retyped; each is a finding, and none disappears."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import polars as pl

from batchops.audit.columns import ColumnPart, Components
from batchops.stats import MEASURES
from batchops.verdict import Figure, Finding, Severity, worst

__all__ = ["Fault", "faults_of", "schema_figures", "with_faults"]


@dataclass(frozen=True, slots=True)
class Fault:
    """A column that is not what the reference has.

    Attributes:
        check: ``schema.missing_column``, ``schema.extra_column``, ``schema.dtype``, or ``schema.coerced`` where both
            are numbers and can be compared all the same.
        dtype, wanted: As polars spells them; empty on the side that lacks the column.
    """

    check: str
    column: str
    dtype: str
    wanted: str


def faults_of(current: pl.Schema, reference: pl.Schema, columns: Sequence[str]) -> tuple[Fault, ...]:
    """What differs between the two schemas, in the order of the reference's columns; extra ones last."""
    found = [_fault(name, current, reference) for name in columns]
    return tuple(each for each in found if each is not None)


def _fault(name: str, current: pl.Schema, reference: pl.Schema) -> Fault | None:
    now, was = current.get(name), reference.get(name)
    if was is None:
        return Fault("schema.extra_column", name, str(now), "")
    if now is None:
        return Fault("schema.missing_column", name, "", str(was))
    if pl.Null in (now, was) or _family(now) == _family(was):
        return None
    both_numbers = now.is_numeric() and was.is_numeric()
    return Fault("schema.coerced" if both_numbers else "schema.dtype", name, str(now), str(was))


def _family(dtype: pl.DataType) -> str:
    """Dtypes within which a column may move without being another: widths, and ways to hold text."""
    if isinstance(dtype, pl.String | pl.Categorical | pl.Enum):
        return "text"
    if dtype.is_integer():
        return "integer"
    if dtype.is_float() or dtype.is_decimal():
        return "float"
    return dtype.base_type().__name__


def schema_figures(faults: Sequence[Fault], rows: int) -> Iterator[Figure]:
    """One figure a fault, counted in rows."""
    for fault in faults:
        # A frame without a row lacks its columns none the less.
        facts = {"dtype": fault.dtype or None, "wanted": fault.wanted or None, "hint": None, "rows": rows}
        yield Figure(fault.check, fault.column, max(rows, 1), "rows", rows, evidence=facts)


def with_faults(
    columns: Sequence[ColumnPart], faults: Sequence[Fault], findings: Sequence[Finding]
) -> tuple[ColumnPart, ...]:
    """Every column of either side, with the severity of what its schema makes it; worst first."""
    levels = {each.subject: each.severity for each in findings if each.check.startswith("schema.")}
    found = [replace(each, severity=worst([each.severity, levels.get(each.column, each.severity)])) for each in columns]
    known = {each.column for each in found}
    extra = [_unknown(fault, levels) for fault in faults if fault.column not in known]
    return tuple(sorted((*found, *extra), key=lambda part: part.severity.rank))


def _unknown(fault: Fault, levels: dict[str, Severity]) -> ColumnPart:
    nothing = Components(0, None, None, None, None)
    return ColumnPart(
        column=fault.column,
        kind="unknown",
        unit=None,
        severity=levels.get(fault.column, Severity.NOT_RUN),
        measure="",
        reference=nothing,
        window=nothing,
        tonight=nothing,
        usual=None,
        limit=None,
        measures=dict.fromkeys(MEASURES),
        reliance=None,
        reference_low=None,
        reference_high=None,
        unseen=(),
        histogram=None,
    )
