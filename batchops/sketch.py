"""A bounded sample of distinct values with exact counts, that merges exactly."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

__all__ = ["K_ANONYMOUS", "ValueSample"]

K_ANONYMOUS = 10
"""What fewer rows hold is never shown: it might be a person."""

EARLY = bytes([16]) + bytes(7)
"""The end of the first 16th of all hashes."""


def _rank(value: str) -> bytes:
    return hashlib.blake2b(value.encode("utf-8", "surrogatepass"), digest_size=8).digest()


@dataclass(frozen=True, slots=True)
class ValueSample:
    """The distinct values whose hashes are smallest, each with the exact number of rows that hold it.

    A value that survives in the whole survived in every part that held it, since a part has no more values ahead
    of it than the whole has; so its counts add up exactly, for any split and any order (bottom-k sampling: Cohen
    & Kaplan, 2007). While no more than `size` values were seen the sample is all of them.

    Of some 1,000 values on a sample says little: the commonest would hardly be in it. So once `size` of them have a
    hash in the first 16th of all hashes there are ``many``, and none is kept. That depends on the values alone, is
    true of a whole as soon as it is of a part, and shows after a thousand values or so, however many there are.

    Attributes:
        counts: (value, rows), by hash of the value; at most `size` of them, and none where there are many.
        many: There are too many values to sample.
    """

    size: ClassVar[int] = 64
    counts: tuple[tuple[str, int], ...] = ()
    many: bool = False

    @classmethod
    def of(cls, pairs: Iterable[tuple[str, int]]) -> ValueSample:
        """Sample values with their counts; a value that comes twice is added up, and many are not read to the end."""
        total: dict[str, int] = {}
        ranks: dict[str, bytes] = {}
        early = 0
        for value, count in pairs:
            if value not in total:
                ranks[value] = _rank(value)
                early += ranks[value] < EARLY
                if early == cls.size:
                    return cls(many=True)
            total[value] = total.get(value, 0) + count
        kept = sorted(total, key=lambda value: (ranks[value], value))[: cls.size]
        return cls(tuple((value, total[value]) for value in kept))

    @classmethod
    def merged(cls, samples: Iterable[ValueSample]) -> ValueSample:
        """The sample of all their rows; many at once is faster than one by one."""
        samples = tuple(samples)
        if any(sample.many for sample in samples):
            return cls(many=True)
        return cls.of(pair for sample in samples for pair in sample.counts)

    def __add__(self, other: ValueSample) -> ValueSample:
        return ValueSample.merged((self, other))

    def commonest(self, least: int) -> tuple[tuple[str, int], ...]:
        """The sampled values held by at least ``least`` rows, commonest first."""
        shown = [(value, count) for value, count in self.counts if count >= least]
        return tuple(sorted(shown, key=lambda pair: (-pair[1], pair[0])))
