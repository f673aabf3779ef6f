"""Where a partition's time goes, step by step on one thread: ``python -m benchmarks.steps [FOLDER]``."""

from __future__ import annotations

import io
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import polars as pl

from batchops import codec
from batchops.audit import LABEL, Batch, audit_batch, tally
from batchops.contract import evaluate
from batchops.contract.keys import keys_of, mark, spill
from batchops.job import load_job
from batchops.models import load, resolve, threads
from batchops.run.inputs import batches, find
from batchops.run.reference import reference_of, yardstick_of
from batchops.run.scores import scores_frame
from batchops.stats import summarise
from batchops.store import Store, storable
from benchmarks.night import default_folder
from benchmarks.rows import JOB, PARTITION, model_root, night_of, prepare

__all__ = ["main"]

T = TypeVar("T")

REPEATS = 5


def _step(name: str, work: Callable[[], T]) -> T:
    """Do it a few times, and print the least CPU time of all its threads."""
    least = float("inf")
    for _ in range(REPEATS):
        start = time.process_time()
        result = work()
        least = min(least, time.process_time() - start)
    print(f"{name:28} {least * 1e3:7.1f} ms")
    return result


def _parquet(rows: pl.DataFrame) -> bytes:
    buffer = io.BytesIO()
    storable(rows).write_parquet(buffer)
    return buffer.getvalue()


def main() -> None:
    """Take one file of a night through the steps of the floor and of the night."""
    project = (Path(sys.argv[1]) if len(sys.argv) > 1 else default_folder()).resolve()
    prepare(project, [PARTITION], 1)
    job, store = load_job(JOB, project), Store(str(model_root(project)))
    version = resolve(store, job.job.model)
    model, yardstick = load(store, version), yardstick_of(job, reference_of(store, version))
    (partition,) = find(job.job.source, night_of(PARTITION), project)
    contract, key = job.contract, job.job.key
    with threads(1), tempfile.TemporaryDirectory() as folder:
        frame = _step("floor: read", lambda: pl.read_parquet(partition.uri))
        scores = _step("floor: encode and predict", lambda: model.score(frame))
        bare = frame.select(*key, *job.job.passthrough).with_columns(score=pl.lit(pl.Series(scores)))
        _step("floor: write", lambda: _parquet(bare))
        _step("read", lambda: next(batches(partition.uri)))
        keys = _step("keys: read", lambda: keys_of(contract, next(batches(partition.uri, key)), key))
        assert keys is not None
        _step("keys: hash and spill", lambda: spill(keys, Path(folder), "keys", 3))
        marked = mark(keys, None)
        found = _step("contract", lambda: evaluate(contract, frame, {"key.unique": marked}))
        scores = _step("encode and predict", lambda: model.score(found.accepted))
        scored = _step("dimensions", lambda: scores_frame(found.accepted, scores, job, version.manifest.asked))
        named = scored.with_columns(model_version=pl.lit(str(version)), run_id=pl.lit("20140101T000000Z-00000000"))
        _step("write, without fsync", lambda: _parquet(named))
        _step("profile of inputs", lambda: summarise(frame, yardstick.inputs))
        _step("profile of scores", lambda: summarise(scored, yardstick.outputs))
        rows = scored.with_columns(pl.lit(None).alias(LABEL))
        _step("slices", lambda: tally(rows, "2014-01-01", yardstick))
        audit = audit_batch(Batch("2014-01-01", frame, found, rows), yardstick)
        _step("receipt", lambda: codec.pack(audit))


if __name__ == "__main__":
    main()
