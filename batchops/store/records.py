"""One row a run and one row a figure: two Delta tables, in which a night is replaced and never appended to.

They are partitioned by job and month, with one file a partition: ten years of nights are 120 small files a job.
"""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import polars as pl
from deltalake import DeltaTable

from batchops.partition import Night
from batchops.store.delta import Change, Table, open_table, read, transact
from batchops.store.files import Store, write_frame

__all__ = ["Kind", "MetricRow", "RunRow", "metrics", "record_metrics", "record_run", "runs"]

Kind = Literal["score", "labels", "withheld"]
TIME = pl.Datetime("us", "UTC")
BY_MONTH = {"job": pl.String(), "month": pl.String()}
RUNS = Table("tables/runs", BY_MONTH)
METRICS = Table("tables/metrics", BY_MONTH)


@dataclass(frozen=True, slots=True)
class RunRow:
    """What became of one run.

    Attributes:
        kind: It scored the night, judged it by its labels, or scored it and withheld the scores (which takes nothing
            from a night that was published before).
        key: Of its inputs.
        severity: The verdict's word.
        output: What became of the scores: ``published``, ``flagged`` or ``withheld``.
        exit_code: What the command line exited with for it.
        rows_in, scored, quarantined: Rows.
        started, finished: With a time zone.
        seconds: Wall time.
        peak_memory: In bytes; None where it is not known.
        headline: The verdict in a sentence.
        past: What later nights need of it, as JSON (`verdict.Past`).
        run_folder: Relative to the root.
        scores_version: Of the job's scores table; None where nothing was published.
    """

    job: str
    night: Night
    kind: Kind
    run_id: str
    key: str
    severity: str
    output: str
    exit_code: int
    rows_in: int
    scored: int
    quarantined: int
    model: str
    model_digest: str
    contract: str
    contract_digest: str
    job_digest: str
    policy_digest: str
    batchops: str
    started: dt.datetime
    finished: dt.datetime
    seconds: float
    peak_memory: int | None
    headline: str
    past: str
    run_folder: str
    scores_version: int | None = None


RUN_COLUMNS: dict[str, pl.DataType] = {
    "night": pl.Date(),
    "kind": pl.String(),
    "run_id": pl.String(),
    "key": pl.String(),
    "severity": pl.String(),
    "output": pl.String(),
    "exit_code": pl.Int32(),
    "rows_in": pl.Int64(),
    "scored": pl.Int64(),
    "quarantined": pl.Int64(),
    "model": pl.String(),
    "model_digest": pl.String(),
    "contract": pl.String(),
    "contract_digest": pl.String(),
    "job_digest": pl.String(),
    "policy_digest": pl.String(),
    "batchops": pl.String(),
    "started": TIME,
    "finished": TIME,
    "seconds": pl.Float64(),
    "peak_memory": pl.Int64(),
    "headline": pl.String(),
    "past": pl.String(),
    "run_folder": pl.String(),
    "scores_version": pl.Int64(),
}


@dataclass(frozen=True, slots=True)
class MetricRow:
    """One figure of a night.

    Attributes:
        subject: Of what: a column, a rule, a slice, ``all rows``.
        metric: What was measured: ``drift.distance``.
        lower, upper: 95 % interval; None where there is none.
        n: Rows it rests on.
        severity: The verdict's word.
    """

    job: str
    night: Night
    kind: Kind
    run_id: str
    subject: str
    metric: str
    value: float | None
    lower: float | None
    upper: float | None
    n: int
    severity: str


METRIC_COLUMNS: dict[str, pl.DataType] = {
    "night": pl.Date(),
    "kind": pl.String(),
    "run_id": pl.String(),
    "subject": pl.String(),
    "metric": pl.String(),
    "value": pl.Float64(),
    "lower": pl.Float64(),
    "upper": pl.Float64(),
    "n": pl.Int64(),
    "severity": pl.String(),
}


def _month(night: Night) -> str:
    return str(night)[:7]


def _replace(store: Store, table: Table, job: str, night: Night, kind: Kind, rows: pl.DataFrame) -> int:
    """Put a night's rows in place of those of the same night and kind; the version of the table that holds them."""
    partition = {"job": job, "month": _month(night)}
    same = (pl.col("night") == night.date) & (pl.col("kind") == kind)

    def propose(snapshot: DeltaTable) -> Change:
        month = read(store, table, snapshot, [(name, "=", value) for name, value in partition.items()])
        others = month.filter(~same).drop("job", "month")
        whole = pl.concat([others, rows], how="diagonal").sort("night", "kind", maintain_order=True)
        name = f"{'/'.join(f'{key}={value}' for key, value in partition.items())}/{secrets.token_hex(8)}.parquet"
        file = write_frame(store, f"{table.path}/{name}", whole)
        return Change(partition, [file], {"night": str(night), "kind": kind})

    return transact(store, table, rows.schema, propose)


def record_run(store: Store, row: RunRow) -> None:
    """Write a run's row, in place of that of an earlier run of the same job, night and kind."""
    facts: dict[str, Any] = {**asdict(row), "night": row.night.date}
    facts = {name: facts[name] for name in RUN_COLUMNS}
    _replace(store, RUNS, row.job, row.night, row.kind, pl.DataFrame([facts], schema=RUN_COLUMNS))


def record_metrics(store: Store, job: str, night: Night, kind: Kind, rows: Sequence[MetricRow]) -> None:
    """Write a night's figures, in place of those of an earlier run of the same job, night and kind.

    Raises:
        ValueError: A row is of another job, night or kind.
    """
    if any((row.job, row.night, row.kind) != (job, night, kind) for row in rows):
        raise ValueError(f"not all rows are of {job}, {night}, {kind}")
    columns = {
        name: [row.night.date if name == "night" else getattr(row, name) for row in rows] for name in METRIC_COLUMNS
    }
    _replace(store, METRICS, job, night, kind, pl.DataFrame(columns, schema=METRIC_COLUMNS))


@dataclass(frozen=True, slots=True)
class _Span:
    first: Night | None
    last: Night | None

    def filters(self) -> list[tuple[str, str, str]]:
        bounds = ((">=", self.first), ("<=", self.last))
        return [("month", sign, _month(night)) for sign, night in bounds if night is not None]

    def rows(self) -> list[pl.Expr]:
        first = [] if self.first is None else [pl.col("night") >= self.first.date]
        return first if self.last is None else [*first, pl.col("night") <= self.last.date]


def _rows(store: Store, table: Table, columns: dict[str, pl.DataType], job: str | None, span: _Span) -> pl.DataFrame:
    snapshot = open_table(store, table)
    if snapshot is None:
        return pl.DataFrame(schema={"job": pl.String(), **columns})
    filters = ([] if job is None else [("job", "=", job)]) + span.filters()
    found = read(store, table, snapshot, filters).drop("month").filter(*span.rows())
    return found.select("job", pl.exclude("job"))


def runs(store: Store, job: str | None = None, first: Night | None = None, last: Night | None = None) -> pl.DataFrame:
    """The runs of a job (None: of all jobs) from one night to another, sorted by night and end."""
    return _rows(store, RUNS, RUN_COLUMNS, job, _Span(first, last)).sort("night", "finished")


def metrics(store: Store, job: str, first: Night | None = None, last: Night | None = None) -> pl.DataFrame:
    """The figures of a job from one night to another, sorted by night, in the order they were recorded."""
    return _rows(store, METRICS, METRIC_COLUMNS, job, _Span(first, last)).sort("night", "kind", maintain_order=True)
