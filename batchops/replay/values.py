"""What a replay finds: rules, nights, and all of a job's nights, as numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from batchops.verdict import Severity

__all__ = ["Replay", "ReplayedNight", "ReplayedRule", "RuleNight", "Skipped"]


@dataclass(frozen=True, slots=True)
class RuleNight:
    """A rule of the new contract over one night.

    Attributes:
        failed, evaluated, unknown: Rows; no value of them is kept.
        before: Rows that failed the rule of this id in the published run; None where there was none.
        rejected: Rows that it sets aside, and the published run did not.
        severity: Under its limit.
    """

    failed: int
    evaluated: int
    unknown: int
    before: int | None
    rejected: int
    severity: Severity


@dataclass(frozen=True, slots=True)
class ReplayedNight:
    """A published night under the new contract.

    Attributes:
        published: The contract that it was published under.
        set_aside, set_aside_before: Rows, under the new contract and in the published run.
        rejected: Rows that are set aside and were not.
        accepted: Rows that were set aside and are not.
        rules: Of the new contract, by id.
        relieved: Rule of the published run -> rows that failed it and are accepted.
        severity, before: Of what the contract judges: its rules, the columns, the volume, the age.
        withheld: The night's scores would not be published.
        released: Rows that were put back by hand since.
    """

    night: str
    run_id: str
    published: str
    rows: int
    set_aside: int
    set_aside_before: int
    rejected: int
    accepted: int
    rules: Mapping[str, RuleNight]
    relieved: Mapping[str, int]
    severity: Severity
    before: Severity
    withheld: bool
    released: int = 0


@dataclass(frozen=True, slots=True)
class Skipped:
    """A published night that cannot be replayed, and why."""

    night: str
    why: str


@dataclass(frozen=True, slots=True)
class ReplayedRule:
    """A rule over all nights.

    Attributes:
        failed, evaluated, unknown: Rows.
        before: Rows that failed the rule of this id when they were published; None where it is new.
        rejected: Rows that it sets aside, and their runs did not.
        nights: Those on which it sets such rows aside or, where it sets none aside, more rows fail it than did.
        fails, warns: Nights by its limit.
    """

    id: str
    failed: int
    evaluated: int
    unknown: int
    before: int | None
    rejected: int
    nights: tuple[str, ...]
    fails: int
    warns: int

    @property
    def share(self) -> float | None:
        """Of the evaluated rows that are set aside and were not; None where none was evaluated."""
        return self.rejected / self.evaluated if self.evaluated else None


@dataclass(frozen=True, slots=True)
class Replay:
    """A job's published nights under a contract, oldest first."""

    job: str
    contract: str
    nights: tuple[ReplayedNight, ...]
    skipped: tuple[Skipped, ...]

    @property
    def rows(self) -> int:
        """Of all nights."""
        return sum(night.rows for night in self.nights)

    @property
    def rejected(self) -> int:
        """Rows that are set aside and were not."""
        return sum(night.rejected for night in self.nights)

    @property
    def accepted(self) -> int:
        """Rows that were set aside and are not."""
        return sum(night.accepted for night in self.nights)

    @property
    def failing(self) -> tuple[ReplayedNight, ...]:
        """Nights that the contract fails and did not."""
        worse = (night for night in self.nights if night.severity is Severity.FAIL)
        return tuple(night for night in worse if night.before is not Severity.FAIL)

    @property
    def rules(self) -> tuple[ReplayedRule, ...]:
        """Every rule over all nights, in the contract's order."""
        ids = dict.fromkeys(id for night in self.nights for id in night.rules)
        return tuple(_over(id, [(n.night, n.rules[id]) for n in self.nights if id in n.rules]) for id in ids)

    @property
    def relieved(self) -> Mapping[str, int]:
        """Rule of the published runs -> rows that failed it and are accepted."""
        total: Counter[str] = Counter()
        for night in self.nights:
            total.update(night.relieved)
        return total


def _over(id: str, nights: Sequence[tuple[str, RuleNight]]) -> ReplayedRule:
    known = [each.before for _, each in nights if each.before is not None]
    return ReplayedRule(
        id=id,
        failed=sum(each.failed for _, each in nights),
        evaluated=sum(each.evaluated for _, each in nights),
        unknown=sum(each.unknown for _, each in nights),
        before=sum(known) if known else None,
        rejected=sum(each.rejected for _, each in nights),
        nights=tuple(night for night, each in nights if each.rejected or each.failed > (each.before or 0)),
        fails=sum(each.severity is Severity.FAIL for _, each in nights),
        warns=sum(each.severity is Severity.WARN for _, each in nights),
    )
