"""What is told on standard error while nights run: a bar for who watches, two lines for a log."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from batchops.cli.call import Call, tell

if TYPE_CHECKING:
    from batchops.run import Progress

__all__ = ["watched"]


def _ignore(progress: Progress) -> None:
    """Nobody watches."""


@contextmanager
def watched(call: Call, work: str) -> Iterator[Callable[[Progress], None]]:
    """Tell when work starts and ends, and give what it may report its progress to."""
    started = time.monotonic()
    if call.quiet:
        yield _ignore
        return
    if call.live:
        with _bar(work) as observe:
            yield observe
    else:
        tell([f"batchops: {work}: started"])
        yield _ignore
    tell([f"batchops: {work}: finished in {time.monotonic() - started:.1f} s"])


@contextmanager
def _bar(work: str) -> Iterator[Callable[[Progress], None]]:
    """A bar of the night's partitions, with rows a second and rows rejected."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress as Bar, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TextColumn("{task.fields[pace]}"),
        TimeElapsedColumn(),
    )
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(work, total=None, pace="")
        begun: dict[tuple[str, str], float] = {}

        def observe(progress: Progress) -> None:
            start = begun.setdefault((progress.night, progress.stage), time.monotonic())
            seconds = time.monotonic() - start
            pace = f"{progress.rows / seconds:,.0f} rows/s" if seconds > 0 and progress.rows else ""
            rejected = f"{progress.rejected:,} rejected" if progress.rejected else ""
            bar.update(
                task,
                description=f"{work} · {progress.night} {progress.stage}",
                completed=progress.done,
                total=progress.total,
                pace="  ".join(part for part in (pace, rejected) if part),
            )

        yield observe
