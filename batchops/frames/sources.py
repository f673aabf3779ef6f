"""Rows from anywhere: parquet, CSV, Delta, a glob, a folder, or a frame that is already in memory; read in batches."""

from __future__ import annotations

import glob
import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from batchops.errors import GateError, UsageError, did_you_mean

__all__ = ["BATCH", "Table", "open_frame", "open_path"]

BATCH = 1 << 17
"""Rows that are held at once, whatever the size of the whole."""

CHUNK = 1 << 22

SUFFIXES = (".parquet", ".csv", ".csv.gz", ".tsv")


@dataclass(frozen=True, slots=True)
class Table:
    """Rows to be audited, however they are stored.

    Attributes:
        name: What to call it: the path as it was given, or ``frame``.
        rows: Lazily.
        files: What it was read from; none for a frame in memory.
    """

    name: str
    rows: pl.LazyFrame
    files: tuple[str, ...] = ()

    @property
    def schema(self) -> pl.Schema:
        """Its columns.

        Raises:
            GateError: It cannot be read.
        """
        with self._readable():
            return self.rows.collect_schema()

    def count(self) -> int:
        """How many rows it has.

        Raises:
            GateError: It cannot be read.
        """
        with self._readable():
            return int(self.rows.select(pl.len()).collect(engine="streaming").item())

    def batches(self, columns: Sequence[str] | None = None) -> Iterator[pl.DataFrame]:
        """Its rows in their order, at most `BATCH` at once.

        Args:
            columns: Those of them that it has; None: all.

        Raises:
            GateError: It cannot be read.
        """
        rows = self.rows
        if columns is not None:
            known = self.schema.names()
            rows = rows.select([name for name in columns if name in known])
        with self._readable():
            for frame in rows.collect_batches(chunk_size=BATCH, maintain_order=True):
                yield from frame.iter_slices(BATCH)

    def column(self, name: str) -> Iterator[pl.Series]:
        """One column's rows in their order, in parts.

        Raises:
            GateError: It cannot be read.
        """
        return (frame[name] for frame in self.batches([name]))

    def answer(self, *asked: pl.Expr) -> pl.DataFrame:
        """One row of aggregates over all of it, without holding it.

        Raises:
            GateError: It cannot be read.
        """
        with self._readable():
            return self.rows.select(*asked).collect(engine="streaming")

    def digest(self) -> str:
        """SHA-256 of its files' names and bytes; empty for a frame in memory."""
        if not self.files:
            return ""
        content = hashlib.sha256()
        for name in self.files:
            content.update(Path(name).name.encode() + b"\0")
            with open(name, "rb") as file:
                while chunk := file.read(CHUNK):
                    content.update(chunk)
        return content.hexdigest()

    @contextmanager
    def _readable(self) -> Iterator[None]:
        """Say which table it was; polars' own message may hold values."""
        try:
            yield
        except (pl.exceptions.PolarsError, OSError) as error:
            what = f"cannot be read: {type(error).__name__}"
            raise GateError(self.name, what, "Ask its producer to write it again, or name another format") from error


def open_path(text: str) -> Table:
    """What a person means by a path: a file, a glob, a Delta table, or a folder of parquet or CSV files.

    Raises:
        UsageError: There is nothing there that can be read.
    """
    path = Path(text)
    if path.is_dir():
        return _folder(text, path)
    found = [str(path)] if path.is_file() else sorted(each for each in glob.glob(text, recursive=True))
    files = [each for each in found if Path(each).is_file()]
    if not files:
        near = [str(each) for each in path.parent.glob("*")] if path.parent.is_dir() else []
        raise UsageError(text, "there is no such file or folder", did_you_mean(text, near[:20]))
    return Table(text, _scan(text, files), tuple(files))


def _folder(text: str, path: Path) -> Table:
    if (path / "_delta_log").is_dir():
        rows = pl.scan_delta(text)
        return Table(text, rows, tuple(sorted(str(each) for each in (path / "_delta_log").glob("*.json"))))
    for suffix in SUFFIXES:
        files = sorted(str(each) for each in path.rglob(f"*{suffix}") if not each.name.startswith((".", "_")))
        if files:
            return Table(text, _scan(text, files), tuple(files))
    raise UsageError(text, "the folder holds neither parquet nor CSV files", "Name a folder that does")


def _scan(text: str, files: Sequence[str]) -> pl.LazyFrame:
    name = files[0].lower()
    if name.endswith(".parquet"):
        return pl.scan_parquet(list(files), hive_partitioning=False, glob=False, missing_columns="insert")
    if name.endswith((".csv", ".csv.gz")):
        return pl.scan_csv(list(files), infer_schema_length=10_000, try_parse_dates=True, glob=False)
    if name.endswith(".tsv"):
        return pl.scan_csv(list(files), infer_schema_length=10_000, try_parse_dates=True, glob=False, separator="\t")
    raise UsageError(text, f"is neither parquet nor CSV: {Path(name).suffix or 'no suffix'}", "Write .parquet or .csv")


def open_frame(frame: Any, name: str = "frame") -> Table:
    """A frame of polars (eager or lazy), pandas or pyarrow, or a path.

    Raises:
        UsageError: It is none of them.
    """
    if isinstance(frame, str | Path):
        return open_path(str(frame))
    if isinstance(frame, pl.LazyFrame):
        return Table(name, frame)
    if isinstance(frame, pl.DataFrame):
        return Table(name, frame.lazy())
    # Known by where their class comes from: importing either library to ask would cost a second.
    library = type(frame).__module__.partition(".")[0]
    if library == "pandas":
        return Table(name, pl.from_pandas(frame).lazy())
    if library == "pyarrow":
        made = pl.from_arrow(frame)
        assert isinstance(made, pl.DataFrame)
        return Table(name, made.lazy())
    what = f"is a {type(frame).__name__}"
    raise UsageError(name, what, "Give a polars, pandas or pyarrow frame, or a path")
