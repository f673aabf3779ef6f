"""What the checks that Pandera has built in leave a column's values: bounds, lists, patterns."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any

from batchops.contract import Contract, Rule
from batchops.contract.wording import SHORT, statistics

__all__ = ["Domain", "builtin_of", "domain_of", "narrowed"]


@dataclass(frozen=True, slots=True)
class Domain:
    """Values of a column, as far as built-in checks say; ``Domain()`` is all of its dtype.

    Attributes:
        low, high: Bounds, as the author wrote them; values beyond a strict one are drawn and then refused.
        among: The only values; None where there is no list.
        each: Values that all must occur.
        barred: Values that must not.
        matches, holds: Patterns at the start of the text, and anywhere in it.
        starts, ends: Text.
        shortest, longest: Characters.
    """

    low: Any = None
    high: Any = None
    among: tuple[Any, ...] | None = None
    each: tuple[Any, ...] = ()
    barred: tuple[Any, ...] = ()
    matches: tuple[str, ...] = ()
    holds: tuple[str, ...] = ()
    starts: str = ""
    ends: str = ""
    shortest: int = 0
    longest: int | None = None

    def above(self, low: Any) -> Domain:
        """Of these, the values that are not below ``low``."""
        return self if low is None or (self.low is not None and self.low >= low) else replace(self, low=low)

    def below(self, high: Any) -> Domain:
        """Of these, the values that are not above ``high``."""
        return self if high is None or (self.high is not None and self.high <= high) else replace(self, high=high)

    def listed(self, values: Iterable[Any]) -> Domain:
        """Of these, the values of a list."""
        among = tuple(values)
        return replace(self, among=among if self.among is None else tuple(each for each in self.among if each in among))

    def sized(self, min_value: int | None, max_value: int | None, exact_value: int | None = None) -> Domain:
        """Of these, text of a length."""
        if exact_value is not None:
            min_value = max_value = exact_value
        longest = (
            max_value if self.longest is None else self.longest if max_value is None else min(max_value, self.longest)
        )
        return replace(self, shortest=max(self.shortest, min_value or 0), longest=longest)


def _pattern(said: Any) -> str:
    return str(getattr(said, "pattern", said))


NARROWING: Mapping[str, Callable[[Domain, Mapping[str, Any]], Domain]] = {
    "eq": lambda domain, said: domain.listed((said["value"],)),
    "ne": lambda domain, said: replace(domain, barred=(*domain.barred, said["value"])),
    "gt": lambda domain, said: domain.above(said["min_value"]),
    "ge": lambda domain, said: domain.above(said["min_value"]),
    "lt": lambda domain, said: domain.below(said["max_value"]),
    "le": lambda domain, said: domain.below(said["max_value"]),
    "in_range": lambda domain, said: domain.above(said["min_value"]).below(said["max_value"]),
    "isin": lambda domain, said: domain.listed(said["allowed_values"]),
    "notin": lambda domain, said: replace(domain, barred=(*domain.barred, *said["forbidden_values"])),
    "unique_values_eq": lambda domain, said: replace(
        domain.listed(said["values"]), each=(*domain.each, *said["values"])
    ),
    "str_matches": lambda domain, said: replace(domain, matches=(*domain.matches, _pattern(said["pattern"]))),
    "str_contains": lambda domain, said: replace(domain, holds=(*domain.holds, _pattern(said["pattern"]))),
    "str_startswith": lambda domain, said: replace(domain, starts=max(domain.starts, said["string"], key=len)),
    "str_endswith": lambda domain, said: replace(domain, ends=max(domain.ends, said["string"], key=len)),
    "str_length": lambda domain, said: domain.sized(
        said.get("min_value"), said.get("max_value"), said.get("exact_value")
    ),
}


def builtin_of(rule: Rule) -> str:
    """`Field`'s word for the check that is behind a rule; empty where it is an author's, or none."""
    check = rule.test.check
    if check is None:
        return ""
    name = getattr(check._check_fn, "__name__", "")
    return SHORT.get(name, name) if check.is_builtin_check(name) else ""


def narrowed(domain: Domain, rule: Rule) -> Domain:
    """Of a domain, the values that a rule's built-in check leaves."""
    narrowing = NARROWING.get(builtin_of(rule))
    return domain if narrowing is None else narrowing(domain, statistics(rule.test.check))


def domain_of(contract: Contract, column: str) -> Domain:
    """What the built-in checks of a column leave of it."""
    tests = ((rule, rule.test) for rule in contract.rules if rule.test.check is not None)
    own = (rule for rule, test in tests if column in (test.targets or (test.target,)))
    return reduce(narrowed, own, Domain())
