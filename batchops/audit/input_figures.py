"""Which numbers of what came are judged: files, columns, rows and their age, before any row is looked at."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

from batchops.audit.document import ReferencePart
from batchops.audit.figures import ALL_ROWS
from batchops.audit.state import Audit
from batchops.contract import Contract, schema_faults
from batchops.contract.freshness import age
from batchops.partition import Night, Receipt
from batchops.verdict import Figure, Limit, Past, Policy, Scalar

__all__ = ["Circumstances", "files_of", "input_figures", "late_files", "schema_fault_figures"]

SAME_WEEKDAYS = 4
"""Earlier nights of the same weekday below which its usual volume is not known."""

HEX = 16
"""Digits of a file's digest that later nights remember: two files in 10^19 share them by chance."""


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What a night's arrival is judged by, beside the contract.

    Attributes:
        history: The earlier published nights, oldest first.
        published: The night itself as it was published before; None where it was not.
        references: Other datasets that its rows were compared with.
        timezone: In which the night ends at midnight.
    """

    night: Night
    history: Sequence[Past] = ()
    published: Past | None = None
    references: Sequence[ReferencePart] = ()
    timezone: str = "UTC"
    policy: Policy = field(default_factory=Policy)


def input_figures(audit: Audit, contract: Contract, around: Circumstances) -> Iterator[Figure]:
    """Everything that is judged of what came."""
    yield from _file_figures(audit, around)
    yield from schema_fault_figures(audit, contract, around.policy)
    yield from _volume_figures(audit, contract, around)
    if contract.freshness is not None:
        yield _freshness_figure(audit, contract, around)


def schema_fault_figures(audit: Audit, contract: Contract, policy: Policy) -> Iterator[Figure]:
    """Columns that the contract lacks, has otherwise, or does not know: each counted in rows."""
    for fault in schema_faults(contract, audit.schema):
        facts = {"dtype": fault.dtype, "wanted": fault.wanted, "hint": fault.hint or None, "rows": fault.rows}
        forbidden = contract.strict == "forbid" and fault.check == "schema.extra_column"
        limit = (policy.stated(fault.check, fault.column) or Limit(fail=0)) if forbidden else None
        yield Figure(fault.check, fault.column, fault.rows, "rows", audit.rows, limit=limit, evidence=facts)


def _file_figures(audit: Audit, around: Circumstances) -> Iterator[Figure]:
    """Files that cannot be read, hold nothing, are another's copy, or came when the night was out already."""
    for reference in around.references:
        if reference.unreadable is not None:
            facts: dict[str, Scalar] = {
                "why": reference.unreadable,
                "path": reference.path,
                "reference": reference.name,
            }
            yield Figure("input.unreadable", f"reference {reference.name}", 1, "files", 1, evidence=facts)
    late, copies = late_files(audit.receipts, around.published), _copies(audit.receipts, around.history)
    for receipt in audit.receipts:
        name, rows = receipt.partition, receipt.rows
        if receipt.unreadable is not None:
            yield Figure("input.unreadable", name, 1, "files", 1, evidence={"why": receipt.unreadable})
        elif not rows:
            yield Figure("input.empty", name, 1, "files", 1)
        if name in copies:
            other, night = copies[name]
            facts = {"file": other, "night": night, "rows": rows}
            yield Figure("partition.duplicate", name, rows, "rows", audit.rows, evidence=facts)
        if name in late:
            yield Figure("partition.late", name, rows, "rows", audit.rows, evidence={"rows": rows})


def files_of(receipts: Sequence[Receipt]) -> Mapping[str, str]:
    """File -> what later nights know its content by; empty where it holds no row that could be read."""
    known = {r.partition: r.fingerprint.sha256[:HEX] if r.fingerprint and r.rows else "" for r in receipts}
    return dict(sorted(known.items()))


def late_files(receipts: Sequence[Receipt], published: Past | None) -> tuple[str, ...]:
    """The files that were not there when the night was first published, by name.

    A file that has another name now is not late, and none is where all names are new: the night was delivered anew.
    """
    if published is None or not published.files:
        return ()
    files = files_of(receipts)
    if not files.keys() & published.files.keys():
        return ()
    before = {*published.files.values()} - {""}
    new = {name for name, digest in files.items() if name not in published.files and digest not in before}
    return tuple(sorted(new | (files.keys() & {*published.late})))


def _copies(receipts: Sequence[Receipt], history: Sequence[Past]) -> Mapping[str, tuple[str, str | None]]:
    """Each file that has the content of another -> that file, and its night where that is an earlier one."""
    first: dict[str, tuple[str, str | None]] = {}
    for past in history:
        first |= {digest: (name, past.night) for name, digest in past.files.items() if digest}
    copies = {}
    for name, digest in files_of(receipts).items():
        if digest and digest in first:
            copies[name] = first[digest]
        elif digest:
            first[digest] = (name, None)
    return copies


def _volume_figures(audit: Audit, contract: Contract, around: Circumstances) -> Iterator[Figure]:
    low, high = contract.rows
    if low is not None or high is not None:
        excess = max((low or 0) - audit.rows, audit.rows - high if high is not None else 0, 0)
        bounds: dict[str, Scalar] = {"rows": audit.rows, "least": low, "most": high}
        yield Figure("volume.rows", ALL_ROWS, excess, "rows", audit.rows, evidence=bounds)
    weekday = around.night.date.weekday()
    same = [past.rows for past in around.history if Night.parse(past.night).date.weekday() == weekday]
    if contract.weekday_volume is not None and len(same) >= SAME_WEEKDAYS:
        usual = median(same)
        yield Figure(
            "volume.weekday",
            ALL_ROWS,
            audit.rows / usual - 1 if usual else None,
            "ratio",
            audit.rows,
            side="both",
            limit=Limit(warn=contract.weekday_volume, fail=2 * contract.weekday_volume),
            evidence={
                "rows": audit.rows,
                "usual": usual,
                "weekday": f"{around.night.date:%A}",
                "nights": len(same),
            },
        )


def _freshness_figure(audit: Audit, contract: Contract, around: Circumstances) -> Figure:
    """The newest row's age; NOT RUN where no row has a time."""
    asked = contract.freshness
    assert asked is not None
    hours = age(contract, audit.arrival.newest, around.night, around.timezone)
    return Figure(
        "freshness.age",
        asked.column,
        hours,
        "hours",
        audit.rows,
        limit=around.policy.stated("freshness.age", asked.column) or Limit(fail=asked.hours),
        evidence={"hours": asked.hours, "timezone": around.timezone},
    )
