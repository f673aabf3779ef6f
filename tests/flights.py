"""The example as a project of the test's own: real flights, a model of a short winter, and a few nights of summer."""

from __future__ import annotations

import datetime as dt
import json
import os
import shutil
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from batchops import codec, ledger
from batchops.audit import AuditDocument
from batchops.job import LoadedJob, load_job
from batchops.labels import join_labels
from batchops.models import Version, resolve
from batchops.models.alias import AliasChange, set_alias
from batchops.models.manifest import folder_of
from batchops.partition import Night
from batchops.run import Options, Outcome, run_night
from batchops.run.history import rows_of
from batchops.run.task import _job
from batchops.settings import Settings
from batchops.store import RunRow, Store, read_scores

__all__ = ["KEY", "LAST", "NAME", "NIGHT", "NIGHTS", "Flights", "rows_in"]

REPOSITORY = Path(__file__).parents[1]
NAME = "flights_delay"
KEY = ("carrier", "flight", "origin")
TRAINING = (dt.date(2013, 1, 1), dt.date(2013, 2, 10))
NIGHTS = tuple(Night.parse("2013-06-30").through(Night.parse("2013-07-03")))
"""Nights that are there to be run."""

NIGHT, LAST = NIGHTS[2], NIGHTS[-1]
SHORTER = {
    'first="2013-01-01", last="2013-03-31"': f'first="{TRAINING[0]}", last="{TRAINING[1]}", folds=3',
    # What a model is made of is not what these tests are about, and most of what a small night costs.
    "max_iter=100": "max_iter=20",
    # A test may cut a night in as many files as it likes.
    'source=Source("var/data/flights/night={night}/*.parquet", expect=3)': (
        'source=Source("var/data/flights/night={night}/*.parquet")'
    ),
}


@dataclass(frozen=True, slots=True)
class Flights:
    """A project in a folder of its own."""

    folder: Path

    @property
    def settings(self) -> Settings:
        return Settings(self.folder, str(self.folder / "var" / "store"), threads=2, actor="ann@tower")

    @property
    def store(self) -> Store:
        return Store(self.settings.root)

    @property
    def job(self) -> LoadedJob:
        return load_job(NAME, self.folder)

    def copy(self, to: Path, nights: Iterable[Night] = NIGHTS, kept: str = "models") -> Flights:
        """The same project with the nights' own files and its models; with all that was run, where all is ``kept``."""
        for name in ("jobs", "schemas", "reports"):
            shutil.copytree(self.folder / name, to / name, ignore=shutil.ignore_patterns("__pycache__"))
        for night in nights:
            for kind in ("flights", "labels"):
                place = f"var/data/{kind}/night={night}"
                shutil.copytree(self.folder / place, to / place)
        store = Path("var/store") / kept
        # A model's files are never written again: a link is as good as a copy.
        shutil.copytree(self.folder / store, to / store, copy_function=os.link if kept == "models" else shutil.copy2)
        return Flights(to)

    def edit(self, file: str, *changes: tuple[str, str]) -> None:
        """Change the text of a job or contract, as an operator would between two commands."""
        path = self.folder / file
        text = path.read_text()
        for old, new in changes:
            assert old in text, old
            text = text.replace(old, new)
        path.write_text(text)
        self.forget()

    def forget(self) -> None:
        """Begin a new process, as far as guests are concerned."""
        for cache in self.folder.rglob("__pycache__"):
            shutil.rmtree(cache)
        for name in [name for name in sys.modules if name.partition(".")[0] in ("jobs", "schemas")]:
            del sys.modules[name]
        _job.cache_clear()

    def files(self, night: Night = NIGHT) -> list[Path]:
        return sorted((self.folder / f"var/data/flights/night={night}").glob("*.parquet"))

    def labels(self, night: Night = NIGHT) -> Path:
        return self.folder / f"var/data/labels/night={night}/labels.parquet"

    def rows(self, night: Night = NIGHT) -> pl.DataFrame:
        return pl.concat([pl.read_parquet(file) for file in self.files(night)])

    def cut(self, parts: Mapping[str, pl.DataFrame] | int, night: Night = NIGHT) -> None:
        """Write the night's files anew: these, or its own rows in so many files."""
        if isinstance(parts, int):
            rows = self.rows(night)
            edges = [number * len(rows) // parts for number in range(parts + 1)]
            parts = {f"p{n:02}": rows[edges[n] : edges[n + 1]] for n in range(parts)}
        folder = self.folder / f"var/data/flights/night={night}"
        shutil.rmtree(folder)
        folder.mkdir()
        for name, rows in parts.items():
            rows.write_parquet(folder / f"{name}.parquet")

    def change(self, how: Callable[[pl.DataFrame], pl.DataFrame], night: Night = NIGHT, name: str = "") -> None:
        """Change the rows of the night's files, or of one of them."""
        for file in self.files(night):
            if name in file.stem:
                how(pl.read_parquet(file)).write_parquet(file)

    def promote(self, files: Mapping[str, bytes | None] | None = None) -> Version:
        """Register the champion again with other files (None: without), and make that the champion."""
        store, champion = self.store, resolve(self.store, f"{NAME}@champion")
        manifest = json.loads(store.read(f"{champion.folder}/manifest.json"))
        manifest["number"] = number = champion.number + 1
        for name, data in (files or {}).items():
            del manifest["files"][name]
            if data is not None:
                manifest["files"][name] = codec.digest(data)
        written = json.dumps(manifest).encode()
        folder = folder_of(NAME, number, codec.digest(written))
        for name in manifest["files"]:
            store.write(f"{folder}/{name}", (files or {}).get(name) or store.read(f"{champion.folder}/{name}"))
        store.write(f"{folder}/manifest.json", written)
        set_alias(store, NAME, AliasChange("champion", number, "ann@tower", "it is newer"))
        return resolve(store, f"{NAME}@champion")

    def run(self, night: Night = NIGHT, settings: Settings | None = None, **options: Any) -> Outcome:
        return run_night(self.job, night, settings or self.settings, Options(**options))

    def join(self, night: Night = NIGHT) -> Outcome:
        (outcome,) = join_labels(self.job, (night, night), self.settings)
        return outcome

    def audit(self, outcome: Outcome) -> str:
        """A run's audit.json without what is the run's alone."""
        assert outcome.audit is not None
        value = json.loads(Path(outcome.audit).read_text())
        del value["run"]
        return json.dumps(value, indent=1)

    def scores(self, night: Night = NIGHT, version: int | None = None) -> pl.DataFrame:
        """Published scores in the order of their keys, without the run's name."""
        return read_scores(self.store, NAME, night, version).drop("run_id").sort(KEY)

    def runs(self) -> tuple[RunRow, ...]:
        return rows_of(self.store, NAME)

    def recorded(self) -> list[tuple[str, Any]]:
        """(kind, run) of every record of the ledger, which is sound."""
        ledger.verify(self.store, NAME)
        return [(record.kind, record.subject["run_id"]) for record in ledger.records(self.store, NAME)]


def make(folder: Path) -> Flights:
    """A project with data, before any model."""
    for name in ("jobs", "schemas", "reports"):
        shutil.copytree(REPOSITORY / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    made = Flights(folder)
    made.edit(f"jobs/{NAME}.py", *SHORTER.items())
    return made


def rows_in(outcome: Outcome) -> tuple[int, int, int]:
    """Rows in, scored, quarantined; which must agree in the document and in every receipt."""
    document = outcome.document
    assert isinstance(document, AuditDocument)
    rows, receipts = document.rows, document.run.partitions
    assert rows.total == rows.scored + rows.quarantined
    for receipt in receipts:
        assert receipt.rows == receipt.scored + receipt.quarantined
        assert receipt.scored == sum(output.rows for output in receipt.scores)
        assert receipt.quarantined == sum(output.rows for output in receipt.quarantine)
    assert rows.total == sum(receipt.rows for receipt in receipts)
    assert rows.scored == sum(receipt.scored for receipt in receipts)
    return rows.total, rows.scored, rows.quarantined
