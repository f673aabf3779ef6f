"""Skew between training and serving: what a night's audit keeps of it, its figures, and its part of audit.json.

Three kinds. *Schema*: the contract that the model was trained under against tonight's. *Feature*: the values that
another system logged for the same keys against tonight's. *Distribution*: all logged rows against all of tonight's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from batchops.audit.sections import LoggedPart, SkewColumn, SkewPart
from batchops.audit.training import SchemaDifference
from batchops.contract import Contract
from batchops.sketch import K_ANONYMOUS
from batchops.stats import Cells, Column, ColumnSkew, Profile, Skew, compare
from batchops.verdict import Figure, Finding, Scalar

__all__ = ["NightSkew", "skew_figures", "skew_part"]

ALL_ROWS = "all rows"

KINDS = ("schema", "feature", "distribution")

COUNTS = (
    "joined",
    "only_tonight",
    "only_logged",
    "repeated_tonight",
    "repeated_logged",
    "nameless_tonight",
    "nameless_logged",
)


@dataclass(frozen=True, slots=True)
class NightSkew:
    """What is known of a night's skew; adds up to that of all its parts, of which one alone has any.

    Attributes:
        trained, now: Ids of the contracts of training and of tonight; empty where they were not compared.
        schema: Features that they describe otherwise.
        logged: The comparison with the logged rows; None where the job logs none, or they could not be read.
        why: Why they could not: ``missing``, ``incomplete``, ``unreadable``, ``changed`` or ``keyless``.
        apart: Features that could not be compared, and why, in words.
        files: The logged files; None where they were not read to their end.
    """

    trained: str = ""
    now: str = ""
    schema: tuple[SchemaDifference, ...] = ()
    logged: Skew | None = None
    why: str | None = None
    apart: Mapping[str, str] = field(default_factory=dict)
    files: LoggedPart | None = None

    def __add__(self, other: NightSkew) -> NightSkew:
        known = [each.logged for each in (self, other) if each.logged is not None]
        return NightSkew(
            trained=self.trained or other.trained,
            now=self.now or other.now,
            schema=self.schema or other.schema,
            logged=sum(known[1:], known[0]) if known else None,
            why=self.why or other.why,
            apart={**other.apart, **self.apart},
            files=self.files or other.files,
        )


def skew_figures(skew: NightSkew, inputs: Profile, cells: Sequence[Cells], contract: Contract) -> Iterator[Figure]:
    """Every kind's figures; none where nothing differs and nothing was logged.

    Args:
        inputs: Tonight's rows, counted in ``cells``.
        cells: The reference's.
    """
    for each in skew.schema:
        facts: dict[str, Scalar] = {"aspects": ", ".join(each.aspects), "trained": each.trained, "now": each.now}
        facts |= {"trained_contract": skew.trained, "contract": skew.now}
        yield Figure("skew.schema", each.column, 1, "columns", 1, evidence=facts)
    if skew.why is not None:
        for check in ("skew.unmatched", "skew.feature", "skew.distribution"):
            yield Figure(check, ALL_ROWS, None, evidence={"why": skew.why})
    if skew.logged is not None:
        yield _unmatched(skew.logged)
        yield from _feature_figures(skew, skew.logged, contract)
        yield from _distribution_figures(skew.logged.logged, inputs, cells)


def _unmatched(logged: Skew) -> Figure:
    facts = {name: getattr(logged, name) for name in COUNTS}
    return Figure("skew.unmatched", ALL_ROWS, logged.unmatched, "share", logged.keys, evidence=facts)


def _feature_figures(skew: NightSkew, logged: Skew, contract: Contract) -> Iterator[Figure]:
    units = {column.name: column.unit for column in contract.columns}
    for name, column in logged.columns.items():
        tonight, there, difference = _means(column, name in contract.pii)
        facts: dict[str, Scalar] = {
            "rows": column.rows,
            "differing": column.differing,
            "missing_tonight": column.missing_tonight,
            "missing_logged": column.missing_logged,
            "mean_difference": difference,
            "mean_tonight": tonight,
            "mean_logged": there,
            "unit": units.get(name) or None,
        }
        yield Figure("skew.feature", name, column.share, "share", column.rows, evidence=facts)
    for name, why in skew.apart.items():
        yield Figure("skew.feature", name, None, "share", 0, evidence={"why": why})


def _means(column: ColumnSkew, hidden: bool) -> tuple[float | None, float | None, float | None]:
    """Means of the numbers that differ: tonight's, the logged ones', and how far apart; None of too few rows."""
    if hidden or column.numbers < K_ANONYMOUS:
        return None, None, None
    tonight, logged, difference = (
        each.mean(column.numbers) for each in (column.tonight, column.logged, column.difference)
    )
    return tonight, logged, difference


def _distribution_figures(logged: Profile, inputs: Profile, cells: Sequence[Cells]) -> Iterator[Figure]:
    for each in cells:
        was = logged.columns.get(each.column)
        if was is None or not was.present or each.kind == "opaque":
            continue
        drift = compare(inputs.columns.get(each.column, Column()), was, each)
        distance = drift.distance
        facts: dict[str, Scalar] = {"measure": drift.measure, "logged_rows": was.present, "unit": each.unit or None}
        yield Figure(
            "skew.distribution",
            each.column,
            distance.value,
            "distance",
            drift.rows,
            lower=distance.lower,
            upper=distance.upper,
            evidence=facts,
        )


def skew_part(skew: NightSkew, findings: Mapping[str, Finding]) -> SkewPart | None:
    """The night's skew for audit.json, worst first; None where nothing differs and nothing was logged."""
    if not skew.schema and skew.logged is None and skew.why is None:
        return None
    logged = skew.logged
    counts = {name: None if logged is None else getattr(logged, name) for name in COUNTS}
    unmatched = findings.get(f"skew.unmatched:{ALL_ROWS}")
    own = [each for each in findings.values() if each.check.startswith("skew.") and each.subject != ALL_ROWS]
    return SkewPart(
        trained_contract=skew.trained,
        contract=skew.now,
        why=skew.why,
        **counts,
        unmatched=None if logged is None else logged.unmatched,
        unmatched_limit=unmatched.limit if unmatched is not None else None,
        unmatched_severity=unmatched.severity if unmatched is not None else None,
        columns=tuple(_column_part(each) for each in sorted(own, key=_order)),
    )


def _order(finding: Finding) -> tuple[int, int, float, str]:
    return (
        finding.severity.rank,
        KINDS.index(finding.check.removeprefix("skew.")),
        -(finding.value or 0.0),
        finding.subject,
    )


def _column_part(finding: Finding) -> SkewColumn:
    facts = finding.evidence

    def count(name: str) -> int | None:
        value = facts.get(name)
        return value if isinstance(value, int) else None

    def number(name: str) -> float | None:
        value = facts.get(name)
        return float(value) if isinstance(value, int | float) else None

    def text(name: str) -> str | None:
        value = facts.get(name)
        return None if value is None else str(value)

    return SkewColumn(
        column=finding.subject,
        kind=finding.check.removeprefix("skew."),
        severity=finding.severity,
        value=finding.value,
        limit=finding.limit,
        lower=finding.lower,
        upper=finding.upper,
        rows=finding.n,
        differing=count("differing"),
        missing_tonight=count("missing_tonight"),
        missing_logged=count("missing_logged"),
        mean_difference=number("mean_difference"),
        mean_tonight=number("mean_tonight"),
        mean_logged=number("mean_logged"),
        unit=text("unit"),
        trained=text("trained"),
        now=text("now"),
        why=text("why"),
    )
