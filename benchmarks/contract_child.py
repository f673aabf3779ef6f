"""One measured process: ``python -m benchmarks.contract_child CONTESTANT FILE``; answers one line of JSON."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import polars as pl

from benchmarks.contestants import contestant

__all__ = ["Measured", "main"]

FEW = 2_000


@dataclass(frozen=True, slots=True)
class Measured:
    """What a contestant took.

    Attributes:
        cpu: Seconds of user and system time, of all threads.
        beyond: Bytes at the peak, without what the process had before it read the rows, the rows and the quarantine.
        failed: Failures of all rules together.
        quarantined: Rows; None where it sets none aside.
    """

    seconds: float
    cpu: float
    beyond: int
    rows_bytes: int
    quarantine_bytes: int
    failed: int
    quarantined: int | None


def _memory(what: str) -> int:
    """``VmRSS`` (now) or ``VmHWM`` (at most, since it was last reset), bytes."""
    lines = Path("/proc/self/status").read_text("utf-8").splitlines()
    (kilobytes,) = (line.split()[1] for line in lines if line.startswith(f"{what}:"))
    return int(kilobytes) * 1024


def _texts(texts: pl.Series) -> int:
    """Bytes of texts: 16 each, and those that are longer than 12 once more."""
    lengths = texts.str.len_bytes()
    return 16 * len(texts) + int(lengths.filter(lengths > 12).sum())


def size(frame: pl.DataFrame) -> int:
    """Bytes in memory; polars' own estimate leaves out most of a short text, and texts that are the same are shared."""
    found = 0
    for series in frame:
        if series.dtype == pl.String:
            found += _texts(series)
        elif series.dtype == pl.List(pl.String):
            found += 8 * len(series) + 16 * int(series.list.len().sum() or 0)
        else:
            found += int(series.estimated_size())
    return found


def main() -> None:
    """Measure once, after a few rows that load what is loaded late."""
    validate, path = contestant(sys.argv[1]), sys.argv[2]
    validate(pl.read_parquet(path, n_rows=FEW))
    before = _memory("VmRSS")
    frame = pl.read_parquet(path)
    Path("/proc/self/clear_refs").write_text("5", "utf-8")  # forgets the peak
    wall, cpu = time.perf_counter(), time.process_time()
    found = validate(frame)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    peak = _memory("VmHWM")
    rows, aside = size(frame), 0 if found.quarantine is None else size(found.quarantine)
    measured = Measured(
        seconds=wall,
        cpu=cpu,
        beyond=peak - before - rows - aside,
        rows_bytes=rows,
        quarantine_bytes=aside,
        failed=found.failed,
        quarantined=None if found.quarantine is None else found.quarantine.height,
    )
    print(json.dumps(asdict(measured)))


if __name__ == "__main__":
    main()
