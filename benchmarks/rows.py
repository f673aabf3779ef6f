"""Nights of any size out of the real flights, and a project to run them in."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl

from batchops.job import LoadedJob, load_job
from batchops.models import versions
from batchops.partition import Night
from batchops.settings import Settings, load_settings
from batchops.store import Store
from batchops.train import train
from jobs.flights_data import COLUMNS, WEATHER, data_folder, labels_of, read_flights

__all__ = ["JOB", "PARTITION", "model_root", "night_of", "prepare", "project_settings"]

JOB = "flights_night"
PARTITION = 200_000
"""Rows of a file."""

PLANE = ("tailnum", "plane_year", "seats", "plane_type")
REACH = 50
"""A copy has the weather and the plane of a flight at most so many rows away, so that no two copies are alike."""

REPOSITORY = Path(__file__).parent.parent
GUESTS = ("jobs/__init__.py", "jobs/flights_delay.py", "schemas/__init__.py", "schemas/flights.py")


def night_of(rows: int) -> Night:
    """The night that holds so many rows: one for each size, so that sizes do not disturb each other."""
    return Night.parse("2014-01-01") + rows // PARTITION


def project_settings(project: Path, root: Path, threads: int) -> Settings:
    """How the benchmark's project is run."""
    return load_settings({"project": str(project), "root": str(root), "threads": threads}, {}, project)


def model_root(project: Path) -> Path:
    """The store that holds the trained model and nothing else."""
    return project / "var" / "trained"


def prepare(project: Path, sizes: list[int], threads: int) -> None:
    """Write the project, its training nights, a night of each size, and train its model; what is there is kept."""
    for name in GUESTS:
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(REPOSITORY / name, project / name)
    shutil.copyfile(Path(__file__).with_name(f"{JOB}.py"), project / "jobs" / f"{JOB}.py")
    job = load_job(JOB, project)
    settings = project_settings(project, model_root(project), threads)
    nights = [rows for rows in sizes if not _folder(project, night_of(rows)).is_dir()]
    trained = versions(Store(settings.root), job.job.model.partition("@")[0])
    if not nights and trained:
        return
    flights = read_flights(data_folder())
    for rows in nights:
        _write(_folder(project, night_of(rows)), _copies(flights, rows))
    if not trained:
        _write_training(project, flights, job)
        train(job, settings)


def _folder(project: Path, night: object, kind: str = "flights") -> Path:
    return project / "var" / "data" / kind / f"night={night}"


def _write(folder: Path, files: Iterator[tuple[str, pl.DataFrame]]) -> None:
    """All files of a folder, or none."""
    half = folder.with_name(f".{folder.name}.half")
    shutil.rmtree(half, ignore_errors=True)
    half.mkdir(parents=True)
    for name, rows in files:
        rows.write_parquet(half / f"{name}.parquet")
    half.rename(folder)


def _write_training(project: Path, flights: pl.DataFrame, job: LoadedJob) -> None:
    assert job.job.training is not None
    first, last = job.job.training.first, job.job.training.last
    known = flights.filter(pl.col("night").cast(pl.String).is_between(pl.lit(first), pl.lit(last)))
    known = known.with_columns(copy=pl.lit(0, pl.Int64))
    for (night,), rows in known.group_by("night", maintain_order=True):
        if not _folder(project, night).is_dir():
            _write(_folder(project, night), iter([("all", rows.select(*COLUMNS, "copy"))]))
        labels = labels_of(rows).with_columns(copy=pl.lit(0, pl.Int64))
        if not _folder(project, night, "labels").is_dir():
            _write(_folder(project, night, "labels"), iter([("labels", labels)]))


def _copies(flights: pl.DataFrame, total: int) -> Iterator[tuple[str, pl.DataFrame]]:
    """The year's flights again and again, until there are so many rows, by file.

    A copy keeps its schedule; its weather, as a whole, and its plane are those of flights nearby. So all values are
    real ones, and what must agree within a row still does.
    """
    random = np.random.default_rng(2013)
    day = (pl.col("night") - pl.col("night").min()).dt.total_days()
    base = flights.with_columns(day=day).sort("origin", "time_hour", maintain_order=True)
    for number, start in enumerate(range(0, total, PARTITION)):
        place = np.arange(start, min(start + PARTITION, total))
        copy, row = place // len(base), place % len(base)
        rows = base[row]
        for block in (WEATHER, PLANE):
            other = np.clip(row + random.integers(-REACH, REACH + 1, len(row)), 0, len(base) - 1)
            rows = rows.with_columns(base.select(block)[other])
        yield f"part-{number:04}", rows.select(*COLUMNS, copy=pl.lit(pl.Series(copy * 366)) + pl.col("day"))
