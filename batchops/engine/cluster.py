"""The fold on a Dask cluster: tasks bounded in flight, results merged as they come, a watchdog for silence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import islice
from typing import Any, TypeVar

import dask
from distributed import Client, KilledWorker, LocalCluster, wait

from batchops.engine.terms import Fold, Pool
from batchops.errors import StoreError

__all__ = ["on_cluster"]

T = TypeVar("T")
V = TypeVar("V")

IN_FLIGHT_PER_THREAD = 3
DEATHS_ALLOWED = 1
ONE_THREAD_EACH = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "POLARS_MAX_THREADS": "1",
    "OMP_WAIT_POLICY": "PASSIVE",
}


@contextmanager
def _connect(pool: Pool) -> Iterator[Client]:
    """A client of the pool's scheduler; a cluster of local processes lives as long as the client."""
    settings = {
        "distributed.scheduler.allowed-failures": DEATHS_ALLOWED,
        "distributed.scheduler.no-workers-timeout": f"{pool.stall}s",
        # A forked child of a process that used polars hangs.
        "distributed.worker.multiprocessing-method": "spawn",
        "distributed.nanny.pre-spawn-environ": ONE_THREAD_EACH,
    }
    with dask.config.set(settings), ExitStack() as open_until_done:
        try:
            address: Any = pool.scheduler
            if pool.scheduler == "processes":
                address = open_until_done.enter_context(
                    LocalCluster(n_workers=pool.threads, threads_per_worker=1, dashboard_address="127.0.0.1:0")
                )
            client = open_until_done.enter_context(Client(address, timeout=pool.patience))
        except (OSError, TimeoutError) as error:
            raise StoreError(
                f"scheduler {pool.scheduler}", f"cannot be reached ({type(error).__name__})", "Start it, or use threads"
            ) from error
        yield client


def on_cluster(fold: Fold[T, V], items: Sequence[T], pool: Pool) -> V:
    """Run the fold on the pool's cluster; see `map_reduce`."""
    with _connect(pool) as client:
        try:
            client.wait_for_workers(1, timeout=pool.patience)
            return _gather(fold, items, client, pool)
        except TimeoutError as error:
            raise StoreError(
                f"scheduler {pool.scheduler}",
                f"no worker finished a task for {pool.stall:g} s",
                "Look at the workers, then run the same command again: what is finished is kept",
            ) from error


def _gather(fold: Fold[T, V], items: Sequence[T], client: Client, pool: Pool) -> V:
    """Keep the cluster busy and bounded, and merge what comes back as it comes.

    A worker's death is blamed on every task that was assigned to it, so an item may be given up that did nothing.
    Those are tried once more at the end, each alone: who kills then is guilty.
    """
    room = max(4, IN_FLIGHT_PER_THREAD * sum(client.nthreads().values()))
    queue = iter(items)
    waiting: dict[Any, T] = {}
    suspects: list[T] = []
    merged = fold.merge([])
    while True:
        for item in islice(queue, room - len(waiting)):
            waiting[client.submit(fold.work, item, pure=False)] = item
        if not waiting:
            break
        for future in wait(list(waiting), timeout=pool.stall, return_when="FIRST_COMPLETED").done:
            item = waiting.pop(future)
            try:
                result = _take(future)
            except KilledWorker:
                suspects.append(item)
                continue
            merged = _add(fold, merged, result)
    for item in suspects:
        merged = _add(fold, merged, _alone(fold, item, client, pool))
    return merged


def _take(future: Any) -> Any:
    try:
        return future.result()
    finally:
        future.release()


def _add(fold: Fold[T, V], merged: V, result: V) -> V:
    if fold.done is not None:
        fold.done(result)
    return fold.merge([merged, result])


def _alone(fold: Fold[T, V], item: T, client: Client, pool: Pool) -> V:
    future = client.submit(fold.work, item, pure=False)
    wait([future], timeout=pool.stall)
    try:
        result: V = _take(future)
    except KilledWorker as death:
        if fold.lost is None:
            raise
        return fold.lost(item, str(death.last_worker.address))
    return result
