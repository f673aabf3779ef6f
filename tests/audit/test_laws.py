"""An audit of a night is the fold of the audits of its rows, however they are cut and in whatever order they come."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings, strategies as st

from batchops import codec
from batchops.audit import LABEL, SCORE, Arrival, Audit, Batch, Yardstick, audit_batch, merge
from batchops.contract import SchemaTally, Tallies, evaluate
from batchops.contract.keys import duplicates, keys_of, mark
from batchops.models import load, resolve
from batchops.partition import Fingerprint, Output, Receipt
from batchops.run.reference import reference_of, yardstick_of
from batchops.stats import Profile, Quality
from batchops.stats.rows.covariance import Covariance
from batchops.stats.rows.sample import RowSample
from tests.flights import KEY, NAME, NIGHTS, Flights
from tests.laws import obeys_the_laws


@dataclass(frozen=True)
class World:
    """Real nights with faults in them, scored and labelled, and how they are counted."""

    rows: pl.DataFrame
    audit: Callable[[pl.DataFrame], Audit]
    yardstick: Yardstick


def spoilt(rows: pl.DataFrame) -> pl.DataFrame:
    """A night with faults of every kind in some rows."""
    row = pl.int_range(pl.len())
    faulty = rows.with_columns(
        carrier=pl.when(row % 31 == 0).then(pl.lit("ZZ")).otherwise("carrier"),
        dest=pl.when(row % 7 == 0).then(pl.lit("XQZ")).otherwise("dest"),
        temp=pl.when(row % 11 == 0).then(float("nan")).when(row % 13 == 0).then(1e9).otherwise("temp"),
        seats=pl.when(row % 5 == 0).then(None).otherwise("seats"),
    )
    return pl.concat([faulty, faulty.head(4)])


@pytest.fixture(scope="module")
def world(trained: Flights) -> World:
    job, store = trained.job, trained.store
    version = resolve(store, f"{NAME}@champion")
    model, yardstick = load(store, version), yardstick_of(job, reference_of(store, version))
    # One night of two, so that each date's weather is in it; keys that both have are duplicates.
    rows = spoilt(pl.concat([trained.rows(NIGHTS[1]).head(300), trained.rows(NIGHTS[2]).tail(200)]))
    labels = pl.read_parquet(trained.labels(NIGHTS[1])).select(*KEY, pl.col("late").alias(LABEL))
    keys = keys_of(job.contract, rows, KEY)
    assert keys is not None
    twice = duplicates([keys])
    assert twice is not None

    def audit(frame: pl.DataFrame) -> Audit:
        own = keys_of(job.contract, frame, KEY)
        assert own is not None
        validation = evaluate(job.contract, frame, {"key.unique": mark(own, twice)})
        accepted = validation.accepted.with_columns(job.job.dimensions[name].alias(name) for name in job.job.dimensions)
        scored = accepted.with_columns(pl.Series(SCORE, model.score(validation.accepted), pl.Float64))
        known = scored.join(labels, on=list(KEY), how="left", maintain_order="left")
        held = frame.select(pl.col("carrier").is_in(["UA", "DL"]).sum()).item()
        newest = frame.select(pl.col("time_hour").dt.epoch("us").max()).item()
        arrival = Arrival(newest, {"2013-06-30": held, "2013-06-29": 0})
        return audit_batch(Batch(str(NIGHTS[1]), frame, validation, known, arrival), yardstick)

    return World(rows, audit, yardstick)


def cut(rows: pl.DataFrame, cuts: list[int]) -> list[pl.DataFrame]:
    edges = [0, *sorted(cuts), rows.height]
    return [rows[start:end] for start, end in pairwise(edges)]


CUTS = st.lists(st.integers(0, 504), max_size=6)


@settings(max_examples=4, deadline=None)
@given(cuts=CUTS, seed=st.integers(0, 99))
def test_the_fold_of_partitions_is_the_audit_of_the_whole(world: World, cuts: list[int], seed: int) -> None:
    rows = world.rows.sample(fraction=1, shuffle=True, seed=seed)
    obeys_the_laws(cut(rows, cuts), world.audit, pl.concat, Audit())
    assert world.audit(rows) == world.audit(world.rows)


PARTS: dict[str, tuple[Callable[[Audit], object], object]] = {
    "tallies": (lambda audit: audit.tallies, Tallies()),
    "schema": (lambda audit: audit.schema, SchemaTally()),
    "arrival": (lambda audit: audit.arrival, Arrival()),
    "inputs": (lambda audit: audit.inputs, Profile()),
    "outputs": (lambda audit: audit.outputs, Profile()),
    "quality": (lambda audit: audit.quality, Quality()),
    "sample": (lambda audit: audit.sample, RowSample()),
    "products": (lambda audit: audit.products, Covariance()),
}


@pytest.mark.parametrize("part", PARTS)
def test_each_part_of_an_audit_is_a_fold_of_its_own(world: World, part: str) -> None:
    take, empty = PARTS[part]
    assert take(world.audit(world.rows)) != empty
    obeys_the_laws(cut(world.rows, [0, 90, 91, 333]), lambda rows: take(world.audit(rows)), pl.concat, empty)


def test_the_faults_are_in_the_audit_that_the_laws_were_tried_on(world: World) -> None:
    audit = world.audit(world.rows)
    assert audit.rows == world.rows.height == 504
    assert 0 < audit.tallies.quarantined < audit.rows
    assert audit.scored == audit.outputs.columns[SCORE].rows == audit.quality.total().overall.n
    assert audit.tallies.of("key.unique").failed >= 8
    assert audit.tallies.of("carrier.isin").failed == 18
    assert audit.inputs.columns["temp"].nans > 0
    assert audit.inputs.columns["dest"].unseen >= 70
    assert 0 < audit.quality.total().overall.labelled < audit.scored


def receipt(name: str) -> Receipt:
    output = Output(f"{name}.parquet", 3, Fingerprint("a" * 64, 10))
    return Receipt(name, Fingerprint("b" * 64, 20), rows=3, scored=3, scores=(output,))


@given(st.permutations(["a", "b", "c", "d"]))
def test_receipts_come_in_the_order_of_their_names_whatever_was_done_first(names: list[str]) -> None:
    merged = merge([Audit(receipts=(receipt(name),)) for name in names])
    assert [each.partition for each in merged.receipts] == ["a", "b", "c", "d"]
    assert codec.unpack(Audit, codec.pack(merged)) == merged


def test_no_night_is_the_empty_audit() -> None:
    assert merge([]) == Audit() == Audit() + Audit()
    assert Audit().rows == Audit().scored == 0


def test_a_stored_audit_is_small(world: World, tmp_path: Path) -> None:
    """Kilobytes a night, or a year of them is no longer read at a glance."""
    path = tmp_path / "night.audit"
    path.write_bytes(codec.pack(world.audit(world.rows)))
    assert path.stat().st_size < 100_000
