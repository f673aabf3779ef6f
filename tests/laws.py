"""The laws every mergeable value obeys, proved by one function for all of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from operator import add
from typing import Any, TypeVar

from batchops import codec

__all__ = ["obeys_the_laws"]

P = TypeVar("P")
V = TypeVar("V", bound=Any)


def obeys_the_laws(parts: Sequence[P], summarise: Callable[[P], V], join: Callable[[Sequence[P]], P], empty: V) -> None:
    """Assert that summaries of parts add up to the summary of the whole, for this split in any order and grouping.

    The comparison is of the values and of their bytes, and the bytes can be read back: a night that was stored adds
    up as one that was not.

    Args:
        parts: Pieces of data, in the order in which `join` puts them together.
        summarise: Makes the mergeable value of one piece.
        join: Makes one piece of many.
        empty: The neutral value.
    """
    whole = summarise(join(parts))
    values = [summarise(part) for part in parts]
    middle = len(values) // 2
    folds = (
        reduce(add, values, empty),
        reduce(add, reversed(values), empty),
        reduce(add, values[middle:], empty) + reduce(add, values[:middle], empty),
        reduce(lambda right, left: left + right, reversed(values), empty),
    )
    assert whole + empty == whole == empty + whole
    for fold in folds:
        assert fold == whole
        assert codec.dump(fold) == codec.dump(whole)
    assert codec.unpack(type(whole), codec.pack(whole)) == whole
