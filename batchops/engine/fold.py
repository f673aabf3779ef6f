"""Map a function over items and fold the results, on this machine's threads or on any Dask cluster.

Knows none of our nouns. The fold is over a monoid, so results are merged in whatever order they arrive and the
driver never holds more than a few of them.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, TypeVar

from dask.delayed import delayed
from dask.threaded import get

from batchops.engine.terms import Fold, Pool
from batchops.errors import ConfigError

__all__ = ["map_reduce"]

T = TypeVar("T")
V = TypeVar("V")

FAN_IN = 8


def map_reduce(fold: Fold[T, V], items: Sequence[T], pool: Pool) -> V:
    """Run ``fold.work`` on every item and merge the results.

    Raises:
        ConfigError: The scheduler's address is no address.
        StoreError: The cluster is unreachable, or finished nothing for ``pool.stall`` seconds.
    """
    if pool.scheduler == "threads":
        return _on_threads(fold, items, pool)
    if pool.scheduler == "processes" or "://" in pool.scheduler:
        # Loaded by name: a single machine's nights must not pay the second that importing distributed takes.
        on_cluster = importlib.import_module("batchops.engine.cluster").on_cluster
        return on_cluster(fold, items, pool)  # type: ignore[no-any-return]
    raise ConfigError(
        f"scheduler {pool.scheduler!r}", "is no scheduler", "Use threads, processes or an address like tcp://host:8786"
    )


def _tell(fold: Fold[T, V], item: T) -> V:
    result = fold.work(item)
    if fold.done is not None:
        fold.done(result)
    return result


def _on_threads(fold: Fold[T, V], items: Sequence[T], pool: Pool) -> V:
    work, merge = delayed(partial(_tell, fold), pure=False), delayed(fold.merge, pure=False)
    level = [work(item) for item in items]
    while len(level) > 1:
        level = [merge(list(group)) for group in _groups(level, FAN_IN)]
    if not level:
        return fold.merge([])
    # Not dask.compute: it imports distributed, most of a second, to ask whether a cluster is there.
    (result,) = get(level[0].__dask_graph__(), level[0].__dask_keys__(), num_workers=pool.threads)
    return result  # type: ignore[no-any-return]


def _groups(items: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    return (items[start : start + size] for start in range(0, len(items), size))
