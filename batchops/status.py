"""How every job stands, and where its papers are; changes nothing but pages that are derived from what is stored."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from batchops import ledger
from batchops.job import job_names, load_job
from batchops.partition import Night
from batchops.report import Links, render, summary
from batchops.run.history import rows_of
from batchops.run.index import index_path, latest_document
from batchops.settings import Settings
from batchops.store import RunRow, Store
from batchops.verdict import Severity

__all__ = ["JobStatus", "latest_report", "lines", "render_again", "status"]


@dataclass(frozen=True, slots=True)
class JobStatus:
    """A job, by its newest runs.

    Attributes:
        nights: Published nights.
        withheld: Nights whose newest run was withheld; what was published of them before still stands.
        verdicts: How many of the published nights have each severity, as newest judged.
        night, severity, headline, output: Of the newest night; None before the first run.
        anchor: Head of the job's ledger: keep it outside the store.
    """

    job: str
    nights: int
    verdicts: dict[str, int]
    withheld: int = 0
    night: str | None = None
    severity: str | None = None
    headline: str | None = None
    output: str | None = None
    report: str | None = None
    index: str | None = None
    anchor: str | None = None


def _newest(rows: tuple[RunRow, ...]) -> dict[Night, RunRow]:
    """Each night's newest run of any kind, by night."""
    found = {row.night: row for row in sorted(rows, key=lambda row: row.finished)}
    return dict(sorted(found.items()))


def status(settings: Settings, job: str | None = None) -> tuple[JobStatus, ...]:
    """How one job, or every job of the project, stands."""
    store = Store(settings.root)
    return tuple(_status(store, name) for name in ([job] if job else job_names(settings.project)))


def _status(store: Store, job: str) -> JobStatus:
    rows = rows_of(store, job)
    newest = _newest(rows)
    if not newest:
        return JobStatus(job, 0, {})
    published = _newest(tuple(row for row in rows if row.kind != "withheld"))
    last = newest[max(newest)]
    return JobStatus(
        job=job,
        nights=len(published),
        verdicts=dict(Counter(row.severity for row in published.values())),
        withheld=sum(row.kind == "withheld" for row in newest.values()),
        night=str(last.night),
        severity=last.severity,
        headline=last.headline,
        output=last.output,
        report=store.uri(f"{last.run_folder}/report.html"),
        index=store.uri(index_path(job)),
        anchor=ledger.head(store, job),
    )


def lines(settings: Settings, status: JobStatus, colour: bool) -> list[str]:
    """The same for a terminal: the newest night's summary, and where the job's papers are."""
    if status.night is None:
        return [f"{status.job}: no night has run yet"]
    row = _row(settings, status.job, None)
    assert row is not None
    withheld = status.withheld
    counts = ", ".join(f"{status.verdicts[each]} {each}" for each in Severity if each in status.verdicts)
    paths = {"report": status.report or "", "index": status.index or ""}
    return [
        *summary(latest_document(Store(settings.root), row), colour, row.exit_code, paths),
        f"nights  {status.nights} published: {counts or 'none'}" + (f"; {withheld} withheld" if withheld else ""),
        f"ledger  {status.anchor}  (keep it elsewhere: `batchops ledger verify {status.job} --anchor` checks it)",
    ]


def _row(settings: Settings, job: str, night: Night | None) -> RunRow | None:
    newest = _newest(rows_of(Store(settings.root), job))
    if night is not None:
        return newest.get(night)
    return newest[max(newest)] if newest else None


def latest_report(settings: Settings, job: str, night: Night | None = None) -> str | None:
    """Where a night's newest page lies (None: the newest night's); None where there is none."""
    row = _row(settings, job, night)
    return None if row is None else Store(settings.root).uri(f"{row.run_folder}/report.html")


def render_again(settings: Settings, job: str, night: Night | None = None) -> str | None:
    """Make a night's page again from its audit.json, with today's templates; where it lies.

    The run's own page stays as it was: the new one is written beside it.
    """
    row = _row(settings, job, night)
    if row is None:
        return None
    store, loaded = Store(settings.root), load_job(job, settings.project)
    edition = settings.project / "reports" / loaded.job.edition if loaded.job.edition else None
    path = f"{row.run_folder}/report-again.html"
    store.write(path, render(latest_document(store, row), edition, Links(index="../../index.html")).encode())
    return store.uri(path)
