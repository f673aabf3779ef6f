"""What is to be folded, and where the work is done."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

__all__ = ["Fold", "Pool"]

T = TypeVar("T")
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Pool:
    """Where the work is done.

    Attributes:
        scheduler: ``threads`` (this process), ``processes`` (a cluster of this machine's processes, one thread each)
            or the address of a running scheduler, ``tcp://host:port``.
        threads: How many run at once here; a cluster decides for itself.
        patience: Seconds to wait for the scheduler, and for its first worker.
        stall: Seconds without a finished task after which a cluster is given up.
    """

    scheduler: str = "threads"
    threads: int = 1
    patience: float = 30.0
    stall: float = 600.0


@dataclass(frozen=True, slots=True)
class Fold(Generic[T, V]):
    """What to do with the items.

    Attributes:
        work: Runs once an item, or more often where a worker dies: it must be idempotent.
        merge: Merges results; associative and commutative.
        lost: The result of an item that killed its worker again and again; None: that is an error.
        done: Told of every result in this process, from the thread that finished it.
    """

    work: Callable[[T], V]
    merge: Callable[[Sequence[V]], V]
    lost: Callable[[T, str], V] | None = None
    done: Callable[[V], None] | None = None
