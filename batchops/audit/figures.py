"""Which numbers of a night are judged: each comparison becomes figures, and nothing is decided here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from batchops.audit.compare import ColumnComparison, Comparison, Component, Scope
from batchops.audit.multivariate import multivariate_figure
from batchops.audit.state import Audit
from batchops.contract import KEY_UNIQUE_OVER_NIGHTS, Contract, Rule, RuleTally
from batchops.contract.locating import place_of
from batchops.sketch import K_ANONYMOUS
from batchops.verdict import Figure, Policy, Scalar

__all__ = [
    "ALL_ROWS",
    "TONIGHT",
    "contract_figures",
    "drift_figures",
    "shown_values",
]

ALL_ROWS = "all rows"

TONIGHT = " (tonight)"
"""Ends the subject of a figure of tonight alone, where the same is judged over the window too."""

SHOWN_VALUES = 6


def contract_figures(audit: Audit, contract: Contract, reference: Audit) -> Iterator[Figure]:
    """One figure a rule, and the share of rows that were set aside."""
    for rule in contract.rules:
        tally = audit.tallies.of(rule.id)
        yield Figure(
            "contract.rule",
            rule.id,
            _judged(rule, tally),
            rule.unit,
            tally.evaluated,
            limit=rule.limit,
            evidence=_rule_facts(rule, contract, audit, reference),
        )
    set_aside, rows = audit.tallies.quarantined, audit.rows
    facts: dict[str, Scalar] = {"quarantined": set_aside, "rows": rows}
    yield Figure("contract.quarantined", ALL_ROWS, set_aside / rows if rows else None, "share", rows, evidence=facts)


def _judged(rule: Rule, tally: RuleTally) -> float | None:
    """What a rule's limit is held against; None where it was tried on no row."""
    if rule.unit == "rows":
        return tally.failed if tally.evaluated else None
    return tally.share


def _rule_facts(rule: Rule, contract: Contract, audit: Audit, reference: Audit) -> Mapping[str, Scalar]:
    tally = audit.tallies.of(rule.id)
    values = shown_values(rule, contract, audit)[:SHOWN_VALUES]
    facts: dict[str, Scalar] = {
        "words": rule.words,
        "level": rule.level,
        "failed": tally.failed,
        "evaluated": tally.evaluated,
        "unknown": tally.unknown,
        "reference": reference.tallies.of(rule.id).share,
        "values": ", ".join(f"{value} {count}" for value, count in values) or None,
    }
    place = place_of(contract, rule.id)
    if place:
        facts["place"] = place
    asked = [each.name for each in contract.references if each.rule == rule.id]
    if asked:
        facts["dataset"] = asked[0]
    if rule.id == KEY_UNIQUE_OVER_NIGHTS:
        held = audit.arrival.held
        facts["held"] = ", ".join(f"{night} {rows}" for night, rows in sorted(held.items()) if rows) or None
        facts["nights"] = len(held)
    if rule.action == "fail_partition":
        facts["partitions"] = audit.arrival.set_aside.get(rule.id, 0)
    return facts


def shown_values(rule: Rule, contract: Contract, audit: Audit) -> tuple[tuple[str, int], ...]:
    """The commonest failing values of a rule that may be shown; none of personal data."""
    if set(rule.columns) & set(contract.pii):
        return ()
    return audit.tallies.of(rule.id).values.commonest(K_ANONYMOUS)


def drift_figures(comparison: Comparison, policy: Policy) -> Iterator[Figure]:
    """Every column's components over the window; tonight's own where they say more than the window's; all together."""
    for column in comparison.columns:
        yield from _column_figures(column, "drift", policy)
    if comparison.together is not None:
        yield multivariate_figure(comparison.together, policy)
    # Of several classes, which of them is predicted says more than how surely, and so it speaks first.
    for column in (*comparison.classes, comparison.score):
        shown = ("score.distance", "score.null_share") if column is comparison.score else ("score.distance",)
        for figure in _column_figures(column, "score", policy):
            # A probability cannot leave 0 to 1, and a number may: how far it lies is in its distance.
            if figure.check in shown:
                yield figure


def _column_figures(column: ColumnComparison, family: str, policy: Policy) -> Iterator[Figure]:
    pairs = zip(column.window.components, column.tonight.components, strict=True)
    for over_window, tonight in pairs:
        if over_window.now.value is None and tonight.now.value is None and over_window.check != "distance":
            continue
        if over_window.check == "unseen_share" and column.cells.numbers:
            # A reading that nobody had to the tenth of a degree is no new category; it is shown, not judged.
            continue
        first = _figure(column, column.window, over_window, (family, "window", policy))
        yield first
        if column.tonight is not column.window:
            last = _figure(column, column.tonight, tonight, (family, "tonight", policy))
            yield replace(last, beside=first.id)


def _figure(column: ColumnComparison, over: Scope, component: Component, context: tuple[str, str, Policy]) -> Figure:
    family, scope, policy = context
    name = column.cells.column
    check = f"{family}.{component.check}"
    change = component.change
    reference = None if component.now.value is None or change.value is None else component.now.value - change.value
    return Figure(
        check,
        name if scope == "window" else name + TONIGHT,
        change.value,
        "distance" if component.check == "distance" else "share",
        over.drift.rows,
        lower=change.lower,
        upper=change.upper,
        usual=component.usual,
        # One night has one weather: however odd its distribution is, it says little of the nights to come.
        can_fail=component.check != "distance" or column.alone or (component.known and scope == "window"),
        side="both" if component.check == "null_share" else "upper",
        limit=policy.limit(check, name),
        chance=change.chance,
        own=component.own,
        evidence={
            "scope": scope,
            "column": name,
            "now": component.now.value,
            "reference": None if component.check == "distance" else reference,
            "measure": over.drift.measure,
            "unit": column.cells.unit or None,
            "reference_low": column.cells.low if column.cells.kind != "temporal" else None,
            "reference_high": column.cells.high if column.cells.kind != "temporal" else None,
            "values": _unseen(over) if component.check == "unseen_share" else None,
        },
    )


def _unseen(over: Scope) -> str | None:
    """The commonest values that the reference does not have, with their rows."""
    shown = over.column.unseen_values.commonest(K_ANONYMOUS)[:SHOWN_VALUES]
    return ", ".join(f"{value} {count}" for value, count in shown) or None
