"""Files to learn a contract from: which they are, which nights they are of, and what columns they have together."""

from __future__ import annotations

import datetime as dt
import glob
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from batchops.contract.casting import fit, survives
from batchops.errors import ContractError

__all__ = ["Files", "open_files", "unreadable"]

PARQUET = (".parquet", ".pq")
TEXT = (".csv", ".tsv", ".csv.gz", ".tsv.gz")
DATE = re.compile(r"(?<!\d)\d{4}-\d{2}-\d{2}(?!\d)")


@dataclass(frozen=True, slots=True)
class _Piece:
    """Files that are read together: those of one schema.

    Attributes:
        rows: Of each file.
    """

    files: tuple[str, ...]
    rows: tuple[int, ...]
    scan: pl.LazyFrame
    schema: pl.Schema


@dataclass(frozen=True, slots=True)
class Files:
    """Some files as one table, which may be larger than memory.

    Attributes:
        schema: Every column of any file; where files differ, the dtype that the others' values are read as.
        required: Columns that all files have.
        rows: Of each file.
        nights: File by file, the date in its path; empty where a file has none.
    """

    pieces: tuple[_Piece, ...]
    schema: pl.Schema
    required: frozenset[str]
    rows: Mapping[str, int]
    nights: Mapping[str, str]

    @property
    def height(self) -> int:
        """Rows of all files."""
        return sum(self.rows.values())

    def by_night(self) -> dict[str, tuple[str, ...]]:
        """The files of every night; all of them under "" where there are no nights."""
        found: dict[str, tuple[str, ...]] = {}
        for file in self.rows:
            night = self.nights.get(file, "")
            found[night] = (*found.get(night, ()), file)
        return found

    def absent(self, name: str) -> int:
        """Rows of the files that do not have a column."""
        return sum(sum(piece.rows) for piece in self.pieces if name not in piece.schema)

    def scan(self, files: Iterable[str] | None = None) -> pl.LazyFrame:
        """The rows of some of the files, or of all, with every column; null where a file does not have it."""
        wanted = None if files is None else {*files}
        parts = [_as(self.schema, piece, wanted) for piece in self.pieces]
        return pl.concat([part for part in parts if part is not None])


def _as(schema: pl.Schema, piece: _Piece, wanted: set[str] | None) -> pl.LazyFrame | None:
    files = piece.files if wanted is None else tuple(file for file in piece.files if file in wanted)
    if not files:
        return None
    scan = piece.scan if files == piece.files else pl.scan_parquet(list(files), hive_partitioning=False)
    return scan.with_columns(
        pl.col(name).cast(dtype) if name in piece.schema else pl.lit(None, dtype=dtype).alias(name)
        for name, dtype in schema.items()
        if piece.schema.get(name) != dtype
    ).select(schema.names())


def _is(path: str, kinds: tuple[str, ...]) -> bool:
    return path.lower().endswith(kinds)


def _under(folder: Path) -> list[str]:
    """The data files below a folder; those of a name that starts with a dot or an underscore are not data."""
    found = sorted(
        path.as_posix()
        for path in folder.rglob("*")
        if path.is_file() and not any(part.startswith((".", "_")) for part in path.relative_to(folder).parts)
    )
    return [path for path in found if _is(path, PARQUET)] or [path for path in found if _is(path, TEXT)]


def _files_of(spec: str) -> list[str]:
    path = Path(spec)
    if path.is_dir():
        found = _under(path)
    elif path.is_file():
        found = [spec]
    else:
        places = [Path(place) for place in sorted(glob.glob(spec, recursive=True))]
        inside = [_under(place) if place.is_dir() else [place.as_posix()] for place in places]
        found = [file for files in inside for file in files]
    if not found:
        raise ContractError(spec, "names no data", "Name parquet or CSV files, a folder that holds some, or a glob")
    return found


def unreadable(file: str, error: Exception) -> ContractError:
    """The error of a file that is not what its name says; without the library's words, which may hold values."""
    kind = "parquet" if _is(file, PARQUET) else "CSV"
    return ContractError(file, f"cannot be read as {kind} ({type(error).__name__})", "Leave it out, or write it again")


def _scan(file: str) -> pl.LazyFrame:
    if _is(file, PARQUET):
        return pl.scan_parquet(file, hive_partitioning=False)
    if _is(file, TEXT):
        separator = "\t" if ".tsv" in file.lower() else ","
        # All rows decide on a column's dtype: the first thousand would be wrong about the next.
        return pl.scan_csv(file, separator=separator, try_parse_dates=True, infer_schema_length=None)
    raise ContractError(file, "is neither parquet nor CSV by its name", f"Name files in {' or '.join(PARQUET + TEXT)}")


def _pieces(files: Sequence[str]) -> tuple[_Piece, ...]:
    """The files, those of parquet and one schema together."""
    groups: dict[tuple[object, ...], list[tuple[str, int]]] = {}
    schemas: dict[tuple[object, ...], pl.Schema] = {}
    for file in files:
        scan = _scan(file)
        try:
            schema, rows = scan.collect_schema(), scan.select(pl.len()).collect(engine="streaming").item()
        except (pl.exceptions.PolarsError, OSError) as error:
            raise unreadable(file, error) from None
        like = tuple(schema.items()) if _is(file, PARQUET) else (file,)
        groups.setdefault(like, []).append((file, rows))
        schemas[like] = schema
    return tuple(_piece([file for file, _ in group], [n for _, n in group], schemas[k]) for k, group in groups.items())


def _piece(files: list[str], rows: list[int], schema: pl.Schema) -> _Piece:
    scan = _scan(files[0]) if len(files) == 1 else pl.scan_parquet(files, hive_partitioning=False)
    return _Piece(tuple(files), tuple(rows), scan, schema)


def _settled(name: str, pieces: Sequence[_Piece]) -> pl.DataType:
    """The dtype that a column has in all files, or that all their values can be read as.

    Raises:
        ContractError: There is none.
    """
    found = {piece.schema[name]: piece for piece in pieces if name in piece.schema}
    for good in (("same", "exact"), ("same", "exact", "checked")):
        for wanted in found:
            if all(fit(dtype, wanted) in good for dtype in found) and _keeps(name, wanted, found):
                return wanted
    one, other = list(found.items())[:2]
    what = (
        f"is {one[0]} in {one[1].files[0]} and {other[0]} in {other[1].files[0]}, and neither can be read as the other"
    )
    raise ContractError(f"column {name!r}", what, "Leave one of them out, or write it again")


def _keeps(name: str, wanted: pl.DataType, found: Mapping[pl.DataType, _Piece]) -> bool:
    """Whether every value is the same as one of the dtype wanted."""
    doubtful = [(piece, dtype) for dtype, piece in found.items() if fit(dtype, wanted) == "checked"]
    return all(
        piece.scan.select(survives(pl.col(name), dtype, wanted).all()).collect(engine="streaming").item()
        for piece, dtype in doubtful
    )


def _night(file: str) -> str:
    for found in reversed(DATE.findall(file)):
        try:
            return str(dt.date.fromisoformat(found))
        except ValueError:
            continue
    return ""


def open_files(specs: Sequence[str]) -> Files:
    """The files that somebody names: each a file, a folder or a glob; no values are read yet, but CSV's.

    Raises:
        ContractError: One names nothing, a file cannot be read, or columns do not go together.
    """
    names = list(dict.fromkeys(file for spec in specs for file in _files_of(spec)))
    pieces = _pieces(names)
    columns = dict.fromkeys(name for piece in pieces for name in piece.schema)
    schema = pl.Schema({name: _settled(name, pieces) for name in columns})
    rows = {file: count for piece in pieces for file, count in zip(piece.files, piece.rows, strict=True)}
    nights = {file: _night(file) for file in names}
    return Files(
        pieces=pieces,
        schema=schema,
        required=frozenset(name for name in columns if all(name in piece.schema for piece in pieces)),
        rows={file: rows[file] for file in names},
        nights=nights if all(nights.values()) else {},
    )
