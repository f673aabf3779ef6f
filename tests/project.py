"""What a project of a test's own can do, whatever it scores."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self

import polars as pl

from batchops import ledger
from batchops.audit import AuditDocument
from batchops.job import LoadedJob, load_job
from batchops.labels import join_labels
from batchops.partition import Night
from batchops.run import Options, Outcome, run_night
from batchops.run.history import rows_of
from batchops.run.task import _job
from batchops.settings import Settings
from batchops.store import RunRow, Store, read_scores

__all__ = ["Project", "forget", "rows_in"]


@dataclass(frozen=True, slots=True)
class Project:
    """A project in a folder of its own.

    Attributes:
        name: Of its job.
        source: The folder of the job's rows, below ``var/data``.
        night: The one that is meant where a test names none.
    """

    folder: Path
    name: ClassVar[str]
    key: ClassVar[tuple[str, ...]]
    source: ClassVar[str]
    night: ClassVar[Night]

    @property
    def settings(self) -> Settings:
        return Settings(self.folder, str(self.folder / "var" / "store"), threads=2, actor="ann@tower")

    @property
    def store(self) -> Store:
        return Store(self.settings.root)

    @property
    def job(self) -> LoadedJob:
        return load_job(self.name, self.folder)

    def twin(self, to: Path) -> Self:
        """The same project with all that was run in it."""
        shutil.copytree(self.folder, to, ignore=shutil.ignore_patterns("__pycache__"))
        return self.at(to)

    def at(self, folder: Path) -> Self:
        return type(self)(folder)

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
        forget(self.folder)

    def files(self, night: Night | None = None) -> list[Path]:
        return sorted((self.folder / f"var/data/{self.source}/night={night or self.night}").glob("*.parquet"))

    def rows(self, night: Night | None = None) -> pl.DataFrame:
        return pl.concat([pl.read_parquet(file) for file in self.files(night)])

    def change(self, how: Callable[[pl.DataFrame], pl.DataFrame], night: Night | None = None, name: str = "") -> None:
        """Change the rows of the night's files, or of one of them."""
        for file in self.files(night):
            if name in file.stem:
                how(pl.read_parquet(file)).write_parquet(file)

    def run(self, night: Night | None = None, settings: Settings | None = None, **options: Any) -> Outcome:
        return run_night(self.job, night or self.night, settings or self.settings, Options(**options))

    def join(self, night: Night | None = None) -> Outcome:
        (outcome,) = join_labels(self.job, (night or self.night,) * 2, self.settings)
        return outcome

    def audit(self, outcome: Outcome) -> str:
        """A run's audit.json without what is the run's alone."""
        assert outcome.audit is not None
        value = json.loads(Path(outcome.audit).read_text())
        del value["run"]
        return json.dumps(value, indent=1)

    def scores(self, night: Night | None = None, version: int | None = None) -> pl.DataFrame:
        """Published scores in the order of their keys, without the run's name."""
        return read_scores(self.store, self.name, night or self.night, version).drop("run_id").sort(self.key)

    def runs(self) -> tuple[RunRow, ...]:
        return rows_of(self.store, self.name)

    def recorded(self) -> list[tuple[str, Any]]:
        """(kind, run) of every record of the ledger, which is sound."""
        ledger.verify(self.store, self.name)
        return [(record.kind, record.subject["run_id"]) for record in ledger.records(self.store, self.name)]


def forget(folder: Path) -> None:
    """Begin a new process, as far as guests of this folder, or of any, are concerned."""
    for cache in folder.rglob("__pycache__"):
        shutil.rmtree(cache)
    for name in [name for name in sys.modules if name.partition(".")[0] in ("jobs", "schemas")]:
        del sys.modules[name]
    _job.cache_clear()


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
