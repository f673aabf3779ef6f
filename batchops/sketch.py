"""A bounded sample of distinct values with exact counts, that merges exactly."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

__all__ = ["ValueSample"]


def _rank(value: str) -> bytes:
    return hashlib.blake2b(value.encode("utf-8", "surrogatepass"), digest_size=8).digest()


@dataclass(frozen=True, slots=True)
class ValueSample:
    """The distinct values whose hashes are smallest, each with the exact number of rows that hold it.

    A value that survives in the whole survived in every part that held it, since a part has no more values ahead
    of it than the whole has; so its counts add up exactly, for any split and any order (bottom-k sampling: Cohen
    & Kaplan, 2007). While no more than `size` values were seen the sample is all of them.

    Attributes:
        counts: (value, rows), by hash of the value; at most `size` of them.
    """

    size: ClassVar[int] = 64
    counts: tuple[tuple[str, int], ...] = ()

    @classmethod
    def of(cls, pairs: Iterable[tuple[str, int]]) -> ValueSample:
        """Sample values with their counts; a value that comes twice is added up."""
        total: dict[str, int] = {}
        for value, count in pairs:
            total[value] = total.get(value, 0) + count
        kept = sorted(total, key=lambda value: (_rank(value), value))[: cls.size]
        return cls(tuple((value, total[value]) for value in kept))

    def __add__(self, other: ValueSample) -> ValueSample:
        return ValueSample.of((*self.counts, *other.counts))

    def commonest(self, least: int) -> tuple[tuple[str, int], ...]:
        """The sampled values held by at least ``least`` rows, commonest first."""
        shown = [(value, count) for value, count in self.counts if count >= least]
        return tuple(sorted(shown, key=lambda pair: (-pair[1], pair[0])))
