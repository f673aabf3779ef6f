"""Rows from anywhere: parquet, CSV, Delta, a glob, a folder, or a frame that is already in memory; read in batches."""

from __future__ import annotations

import glob
import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl

from batchops.errors import GateError, UsageError, did_you_mean
from batchops.frames.files import SUFFIXES, parquet_batches, scan_files, scan_wider, suffix_of

__all__ = ["Table", "open_frame", "open_path"]

BATCH = 1 << 18
"""Rows that are held at once, whatever the size of the whole."""

VALUES = 1 << 23
"""Values that are: of more than 32 columns fewer rows are held, so that a wide table takes no more memory."""

CHUNK = 1 << 22


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
        """Its rows in their order, at most `BATCH` and `VALUES` at once.

        Args:
            columns: Those of them that it has; None: all.

        Raises:
            GateError: It cannot be read.
        """
        schema = self.schema
        names = schema.names() if columns is None else [name for name in columns if name in schema]
        size = max(min(BATCH, VALUES // max(len(names), 1)), 1)
        with self._readable():
            if self.files and all(suffix_of(name) == ".parquet" for name in self.files):
                yield from parquet_batches(self.files, pl.Schema({name: schema[name] for name in names}), size)
                return
            for frame in self.rows.select(names).collect_batches(chunk_size=size, maintain_order=True):
                yield from frame.iter_slices(size)

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

    def wider(self) -> Table | None:
        """The same rows with types that hold every value of its CSV files; None where types are not what is wrong."""
        try:
            rows = scan_wider(self.files) if self.files else None
        except pl.exceptions.PolarsError:
            return None
        return None if rows is None else replace(self, rows=rows)

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
        GateError: What is there cannot be read, or its files disagree.
    """
    if "://" in text:
        raise UsageError(text, "is a URL, and only local files are read", "Fetch it first, or give audit_frame a frame")
    path = Path(text)
    if (path / "_delta_log").is_dir():
        return Table(text, pl.scan_delta(text), tuple(sorted(map(str, (path / "_delta_log").glob("*.json")))))
    places = [path] if path.exists() else [Path(each) for each in sorted(glob.glob(text, recursive=True))]
    files = list(dict.fromkeys(name for place in places for name in _files(place)))
    if files:
        return Table(text, scan_files(text, files), tuple(files))
    if places:
        raise UsageError(text, f"holds no file that ends with {', '.join(SUFFIXES)}", "Name a folder that does")
    near = [str(each) for each in path.parent.glob("*")] if path.parent.is_dir() else []
    raise UsageError(text, "there is no such file or folder", did_you_mean(text, near[:20]))


def _files(place: Path) -> list[str]:
    """A file that was named, or those of a folder that can be read; markers such as _SUCCESS are none."""
    if place.is_file():
        return [] if place.name.startswith("_") else [str(place)]
    inside = sorted(each for each in place.rglob("*") if each.is_file() and not each.name.startswith((".", "_")))
    return [str(each) for each in inside if suffix_of(each.name) is not None]


def open_frame(frame: Any, name: str = "frame") -> Table:
    """A frame of polars (eager or lazy), pandas or pyarrow, or a path.

    Raises:
        UsageError: It is none of them, or two of its columns have one name.
    """
    if isinstance(frame, str | Path):
        return open_path(str(frame))
    if isinstance(frame, pl.LazyFrame):
        return Table(name, frame)
    if isinstance(frame, pl.DataFrame):
        return Table(name, frame.lazy())
    # Known by where their class comes from: importing either library to ask would cost a second.
    library = type(frame).__module__.partition(".")[0]
    if library == "pandas" and hasattr(frame, "columns"):
        return Table(name, _of_pandas(frame, name).lazy())
    if library == "pyarrow" and hasattr(frame, "schema"):
        _once([str(each) for each in frame.schema.names], name)
        return Table(name, pl.scan_pyarrow_dataset(frame) if hasattr(frame, "scanner") else _of_arrow(frame).lazy())
    what = f"is a {type(frame).__name__}"
    raise UsageError(name, what, "Give a polars, pandas or pyarrow frame, or a path")


def _once(columns: Sequence[str], name: str) -> None:
    twice = sorted({each for each in columns if columns.count(each) > 1})
    if twice:
        raise UsageError(name, f"two columns are called {twice[0]!r}", "Rename one of them")


def _of_arrow(frame: Any) -> pl.DataFrame:
    made = pl.from_arrow(frame)
    assert isinstance(made, pl.DataFrame)
    return made


def _of_pandas(frame: Any, name: str) -> pl.DataFrame:
    """The columns, and the index where it has a name; values that Arrow has no type for as text."""
    index = [each for each in frame.index.names if each is not None]
    if index and len(index) == len(frame.index.names) and not {*index} & {*frame.columns}:
        frame = frame.reset_index()
    names = [str(each) for each in frame.columns]
    _once(names, name)
    return pl.DataFrame([_series(frame.iloc[:, at], each) for at, each in enumerate(names)])


def _series(values: Any, name: str) -> pl.Series:
    sparse = getattr(values, "sparse", None)
    dense = values if sparse is None else sparse.to_dense()
    try:
        return pl.from_pandas(dense.to_frame(name)).to_series()
    except (ValueError, TypeError, NotImplementedError, OverflowError, pl.exceptions.PolarsError):
        # A column of several types, or of one that no table has, is none the less a column.
        texts = (None if missing else str(each) for each, missing in zip(dense, dense.isna(), strict=True))
        return pl.Series(name, list(texts), pl.String)
