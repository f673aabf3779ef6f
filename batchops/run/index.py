"""The index page of a job: derived from the table of runs, so it can be made again at any time."""

from __future__ import annotations

from batchops import __version__
from batchops.audit import AuditDocument
from batchops.audit.reading import read_document
from batchops.job import LoadedJob
from batchops.report import RunLine, render_index
from batchops.run.history import past_of, rows_of
from batchops.store import RunRow, Store

__all__ = ["index_path", "latest_document", "refresh_index"]


def index_path(job: str) -> str:
    """Where the index lies, relative to the root."""
    return f"runs/{job}/index.html"


def refresh_index(store: Store, job: LoadedJob) -> str | None:
    """Write the job's index anew.

    Returns:
        Where it lies; None where the job has no run yet.
    """
    shown: dict[str, RunRow] = {}
    for row in sorted(rows_of(store, job.name), key=lambda row: row.finished):
        shown[str(row.night)] = row
    if not shown:
        return None
    lines = [
        RunLine(past_of(row.past), row.headline, row.output, f"{row.night}/{row.run_id}/report.html")
        for row in shown.values()
    ]
    newest = latest_document(store, shown[max(shown)])
    page = render_index(job.name, job.job.title, lines, newest, __version__)
    store.write(index_path(job.name), page.encode())
    return store.uri(index_path(job.name))


def latest_document(store: Store, row: RunRow) -> AuditDocument:
    """What a run wrote down."""
    path = f"{row.run_folder}/audit.json"
    return read_document(store.read(path), store.uri(path))
