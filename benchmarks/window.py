"""What a year of stored nights costs to merge and compare: ``python -m benchmarks.window [PROJECT]``.

The project holds the year's data and a champion (``make demo`` leaves both). Every night is audited with its labels as
a run would, packed, and forgotten; then the stored bytes are read, merged and compared with the reference.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import polars as pl

from batchops import codec
from batchops.audit import Audit, Batch, audit_batch, compare_audits, merge
from batchops.contract import evaluate
from batchops.job import LoadedJob, load_job
from batchops.models import load, resolve
from batchops.partition import Night
from batchops.run.inputs import find, nights
from batchops.run.reference import reference_of, yardstick_of
from batchops.run.scores import scores_frame
from batchops.run.truth import join_truth, read_truth
from batchops.settings import Settings, load_settings
from batchops.store import Store
from batchops.verdict import Policy

__all__ = ["main"]

JOB = "flights_delay"
LIMIT = 2.0
"""Seconds that a year may take."""


def _packed(job: LoadedJob, settings: Settings) -> Iterator[tuple[str, bytes]]:
    """Every night's audit, as it would be stored."""
    store = Store(settings.root)
    version = resolve(store, job.job.model)
    model = load(store, version, job.trusted)
    yardstick = yardstick_of(job, reference_of(store, version, job.contract.pii))
    for name in nights(job.job.source, job.project):
        night = Night.parse(name)
        frame = pl.concat(pl.read_parquet(each.uri) for each in find(job.job.source, night, job.project))
        validation, truth = evaluate(job.contract, frame), read_truth(job, night, settings.threads)
        if truth is not None:
            scores = model.score(validation.accepted)
            scored = scores_frame(validation.accepted, scores, job, version.manifest.asked)
            joined, _ = join_truth(scored, truth, job.job.key)
            yield name, codec.pack(audit_batch(Batch(name, frame, validation, joined), yardstick))


def main(arguments: Sequence[str]) -> int:
    """Print nights, bytes and seconds of each step; 1 where a year takes longer than it may."""
    project = Path(arguments[0] if arguments else ".").resolve()
    settings = load_settings({"project": str(project)}, {}, project)
    job, store = load_job(JOB, project), Store(settings.root)
    reference = reference_of(store, resolve(store, job.job.model), job.contract.pii)
    with tempfile.TemporaryDirectory(prefix="batchops-window-") as folder:
        size = 0
        for name, data in _packed(job, settings):
            (Path(folder) / name).write_bytes(data)
            size += len(data)
        start = time.perf_counter()
        audits = [codec.unpack(Audit, path.read_bytes()) for path in sorted(Path(folder).iterdir())]
        read = time.perf_counter()
        whole = merge(audits)
        merged = time.perf_counter()
        compare_audits(audits, reference, Policy())
        compared = time.perf_counter()
    print(f"{len(audits)} nights, {whole.rows:,} rows, {size / len(audits) / 1e3:,.1f} kB a night")
    print(f"read and unpack {read - start:.2f} s, merge {merged - read:.2f} s, compare {compared - merged:.2f} s")
    print(f"a year: read and merge {(merged - start) * 365 / len(audits):.2f} s, at most {LIMIT:g} s")
    return int((merged - start) * 365 / len(audits) > LIMIT)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
