"""The skew of a night: its model's contract against tonight's, and the features that another system logged.

Nothing here delays a night or changes its scores: where logged rows are not there, or cannot be read, the comparison
is NOT RUN, and they are no part of what names a run.
"""

from __future__ import annotations

import datetime as dt
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import reduce
from operator import add
from pathlib import Path

import polars as pl

from batchops import codec
from batchops.audit.sections import LoggedPart
from batchops.audit.skew import NightSkew
from batchops.audit.training import SchemaDifference, schema_differences
from batchops.contract import Contract
from batchops.contract.arriving import fit_rows
from batchops.contract.casting import fit
from batchops.contract.content import Content, content_of
from batchops.contract.versions.record import recorded
from batchops.errors import InputChanged, InputNotReady
from batchops.job import LoadedJob
from batchops.models import ContractRef, Version
from batchops.partition import Night
from batchops.run.inputs import Input, Unreadable, batches, columns_of, examine, find, require, row_count, still
from batchops.stats import Cells, Profile, Skew, buckets_of, match_by_key, merge_profiles, summarise
from batchops.store import Store

__all__ = ["Serving", "measure_skew"]

AT_ONCE = 2**23
"""Values of one side that are compared at once: 64 MB of numbers. A larger night is spilt in buckets of keys."""


@dataclass(frozen=True, slots=True)
class Serving:
    """What serves a night.

    Attributes:
        inputs: The night's files.
        cells: How the model's reference counts columns.
    """

    job: LoadedJob
    night: Night
    inputs: tuple[Input, ...]
    version: Version
    cells: tuple[Cells, ...]


def measure_skew(serving: Serving, store: Store, threads: int) -> NightSkew:
    """Everything about a night's skew; what cannot be measured says why."""
    contract = serving.job.contract
    found = _against_training(serving, store)
    schema = NightSkew(serving.version.manifest.contract.id, contract.id, found)
    logged = serving.job.job.logged
    if logged is None:
        return schema
    where = (serving.night, serving.job.project)
    try:
        files = require(replace(logged.source, deadline_hours=None), *where, dt.datetime.now(dt.UTC))
        return schema + _compared(serving, examine(files, threads))
    except InputNotReady:
        return replace(schema, why="incomplete" if find(logged.source, *where) else "missing")
    except (InputChanged, FileNotFoundError):
        return replace(schema, why="changed")
    except Unreadable:
        return replace(schema, why="unreadable")


def _against_training(serving: Serving, store: Store) -> tuple[SchemaDifference, ...]:
    manifest, now = serving.version.manifest, content_of(serving.job.contract)
    trained = now if manifest.contract.digest == now.digest else _trained_under(store, manifest.contract)
    return schema_differences(trained, manifest.features, now)


def _trained_under(store: Store, contract: ContractRef) -> Content | None:
    """The contract of training as the store keeps it; None where it keeps none, or another one under that name."""
    name, _, version = contract.id.rpartition(" v")
    for parts in ((name, version), (contract.id, "")):
        kept = recorded(store, *parts) if parts[0] else None
        if kept is not None and kept.digest == contract.digest:
            return kept
    return None


@dataclass(frozen=True, slots=True)
class _Plan:
    """How the rows of both sides are read.

    Attributes:
        exact: Features, as the contract reads them.
        numbers: Features that were logged as numbers of a kind that the contract does not take; read as floats.
    """

    contract: Contract
    key: tuple[str, ...]
    exact: tuple[str, ...]
    numbers: tuple[str, ...]
    tolerance: float

    @property
    def columns(self) -> tuple[str, ...]:
        """All that is read."""
        return (*self.key, *self.exact, *self.numbers)

    @property
    def empty(self) -> pl.DataFrame:
        """No row."""
        schema = {name: self.contract.column(name).dtype for name in (*self.key, *self.exact)}
        return pl.DataFrame(schema={**schema, **dict.fromkeys(self.numbers, pl.Float64())})

    def rows(self, frame: pl.DataFrame) -> pl.DataFrame:
        """The key and the features of some rows."""
        numbers = [
            frame[name].cast(pl.Float64) if name in frame.columns else pl.lit(None, pl.Float64).alias(name)
            for name in self.numbers
        ]
        fitted = fit_rows(self.contract, frame).rows
        return fitted.select(*self.key, *self.exact).with_columns(numbers)


def _compared(serving: Serving, logged: tuple[Input, ...]) -> NightSkew:
    """The comparison with the logged rows.

    Raises:
        Unreadable: A logged file cannot be read.
        InputChanged: One changed while it was read.
    """
    job, contract = serving.job.job, serving.job.contract
    assert job.logged is not None
    ours, theirs = _readable(serving.inputs), [(found, columns_of(found.partition.uri)) for found in logged]
    if any(_lacks(contract, schema, job.key) for _, schema in theirs):
        return NightSkew(why="keyless")
    ways = _ways(contract, job.key, [schema for _, schema in ours], [schema for _, schema in theirs])
    plan = _Plan(
        contract,
        job.key,
        tuple(name for name, way in ways.items() if way == EXACT),
        tuple(name for name, way in ways.items() if way == NUMBERS),
        job.logged.tolerance,
    )
    tonight = [found for found, schema in ours if not _lacks(contract, schema, job.key)]
    skew = _matched(plan, tonight, logged) + Skew(logged=_counted(logged, serving.cells))
    for found in logged:
        still(found)
    content = [(found.partition.name, found.fingerprint.sha256) for found in logged]
    files = LoggedPart(
        path=job.logged.source.pattern,
        files=tuple(found.partition.name for found in logged),
        digest=codec.digest(content),
        rows=sum(row_count(found.partition.uri) for found in logged),
    )
    apart = {name: way for name, way in ways.items() if way not in (EXACT, NUMBERS)}
    return NightSkew(logged=skew, apart=apart, files=files)


def _readable(inputs: Sequence[Input]) -> list[tuple[Input, pl.Schema]]:
    """Tonight's files with their columns; those that cannot be read are a finding of their own."""
    found = []
    for each in inputs:
        try:
            found.append((each, columns_of(each.partition.uri)))
        except Unreadable:
            continue
    return found


def _lacks(contract: Contract, schema: pl.Schema, key: Sequence[str]) -> bool:
    """Whether a file has no key that the contract can read."""
    return any(_way(contract, name, schema) != EXACT for name in key)


EXACT, NUMBERS = "exact", "numbers"
"""Ways to compare a column: as the contract reads it, or as floats. Any other word says why it cannot be."""


def _way(contract: Contract, name: str, schema: pl.Schema) -> str:
    column, found = contract.column(name), schema.get(name)
    if found is None:
        return "absent"
    if fit(found, column.dtype, column.coerce) != "none":
        return EXACT
    return NUMBERS if found.is_numeric() and column.dtype.is_numeric() else f"of type {found}"


def _ways(
    contract: Contract, key: Sequence[str], tonight: Sequence[pl.Schema], logged: Sequence[pl.Schema]
) -> dict[str, str]:
    """How each feature is compared: in one way for all files."""
    ways = {}
    for name in contract.features:
        column = contract.column(name)
        if name in key or column.regex:
            continue
        optional = [schema for schema in tonight if name in schema or column.required]
        here = {f"{way} tonight" for schema in optional if (way := _way(contract, name, schema)) != EXACT}
        there = {_way(contract, name, schema) for schema in logged}
        apart = sorted(here) or sorted(f"{way} in what was logged" for way in there - {EXACT, NUMBERS})
        ways[name] = apart[0] if apart else NUMBERS if NUMBERS in there else EXACT
    return ways


def _counted(logged: Sequence[Input], cells: Sequence[Cells]) -> Profile:
    """All logged rows, in the reference's cells."""
    names = [each.column for each in cells]
    parts = [summarise(frame, cells) for found in logged for frame in batches(found.partition.uri, names)]
    return merge_profiles(parts)


def _matched(plan: _Plan, tonight: Sequence[Input], logged: Sequence[Input]) -> Skew:
    """Both sides joined: at once where they are small, else over files of a bucket of keys each."""
    rows = max(sum(row_count(found.partition.uri) for found in side) for side in (tonight, logged))
    buckets = max(1, -(-rows * len(plan.columns) // AT_ONCE))
    if buckets == 1:
        ours = [frame for found in tonight for frame in _whole(plan, found)]
        theirs = [frame for found in logged for frame in _rows(plan, found)]
        return _joined(plan, ours, theirs)
    with tempfile.TemporaryDirectory(prefix="batchops-skew-") as folder:
        ours_at, theirs_at = Path(folder, "tonight"), Path(folder, "logged")
        for number, found in enumerate(tonight):
            with suppress(Unreadable):
                _spill(plan, found, ours_at / str(number), buckets)
        for number, found in enumerate(logged):
            _spill(plan, found, theirs_at / str(number), buckets)
        parts = (_joined(plan, _spilt(ours_at, bucket), _spilt(theirs_at, bucket)) for bucket in range(buckets))
        return reduce(add, parts, Skew())


def _joined(plan: _Plan, tonight: Sequence[pl.DataFrame], logged: Sequence[pl.DataFrame]) -> Skew:
    empty = plan.empty
    return match_by_key(pl.concat([empty, *tonight]), pl.concat([empty, *logged]), plan.key, plan.tolerance)


def _rows(plan: _Plan, found: Input) -> Iterator[pl.DataFrame]:
    return map(plan.rows, batches(found.partition.uri, plan.columns))


def _whole(plan: _Plan, found: Input) -> list[pl.DataFrame]:
    """The rows of one of tonight's files; none of one that turns out to be damaged, as everywhere else."""
    try:
        return list(_rows(plan, found))
    except Unreadable:
        return []


UNFINISHED = ".unfinished"


def _spill(plan: _Plan, found: Input, folder: Path, buckets: int) -> None:
    """Leave a file's rows in files of one bucket each; all of them, or none.

    Raises:
        Unreadable: It is damaged.
    """
    unfinished = folder.with_suffix(UNFINISHED)
    unfinished.mkdir(parents=True)
    for batch, rows in enumerate(_rows(plan, found)):
        places = buckets_of(rows.select(plan.key), buckets)
        for bucket in range(buckets):
            rows.filter(places == bucket).write_ipc(unfinished / f"{bucket}-{batch}.arrow", compression="lz4")
    unfinished.rename(folder)


def _spilt(folder: Path, bucket: int) -> list[pl.DataFrame]:
    """The rows of a bucket, out of all files that were spilt to their end."""
    found = [path for path in folder.glob(f"*/{bucket}-*.arrow") if path.parent.suffix != UNFINISHED]
    return [pl.read_ipc(path) for path in sorted(found)]
