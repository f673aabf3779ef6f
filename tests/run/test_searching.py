from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from batchops.audit import tally
from batchops.audit.discovering import discovered_figures
from batchops.models import resolve
from batchops.models.manifest import SEARCHED
from batchops.partition import Night
from batchops.run.clock import Clock
from batchops.run.document import Made, Tonight
from batchops.run.history import Stored
from batchops.run.reference import reference_of, yardstick_of
from batchops.run.searching import search_nights
from batchops.run.truth import join_truth, read_truth
from batchops.stats.discovery import Discovery, Feature, features_of, is_odd
from batchops.stats.outcomes.state import merge_qualities
from batchops.store import Publication, Store, publish_scores, read_scores, scores_path, write_frame
from batchops.verdict import Severity, judge
from tests.flights import KEY, NAME, Flights

NIGHTS = tuple(Night.parse("2013-08-01").through(Night.parse("2013-08-16")))
"""Eight that are searched and eight that are not."""

ODD = tuple(night for night in NIGHTS if is_odd(str(night)))


@dataclass(frozen=True)
class World:
    """A job whose nights are the rows of one night of flights, each with labels of its own."""

    flights: Flights
    made: Made
    scored: pl.DataFrame

    @property
    def features(self) -> Mapping[str, Feature]:
        reference, discover = self.made.reference, self.made.job.job.discover
        return {each.column: each for each in features_of(reference.inputs, reference.audit.inputs, discover)}

    @property
    def slice(self) -> pl.Expr:
        """Early flights that go far."""
        found = self.features
        early = pl.col("sched_dep_minute") < found["sched_dep_minute"].edges[0]
        return early & (pl.col("distance") >= found["distance"].edges[-1])

    def publish(self, scored: pl.DataFrame | None = None, nights: tuple[Night, ...] = NIGHTS) -> None:
        store, rows = self.flights.store, self.scored if scored is None else scored
        for night in nights:
            file = write_frame(store, scores_path(NAME, night, "r", ""), rows)
            publish_scores(store, NAME, night, [file], Publication("r", "key"))

    def label(self, chance: pl.Expr) -> None:
        """Write the labels of every night: 1 with this probability."""
        rng = np.random.default_rng(7)
        share = self.scored.select(chance.clip(0, 1).alias("share"))["share"].to_numpy()
        for night in NIGHTS:
            file = self.flights.labels(night)
            file.parent.mkdir(parents=True, exist_ok=True)
            late = pl.Series("late", (rng.random(len(share)) < share).astype(np.int8))
            self.scored.select(KEY).with_columns(late).write_parquet(file)

    def tonight(self) -> Tonight:
        """The last of the nights; the others have been labelled before."""
        job, audits = self.made.job, []
        for night in NIGHTS:
            truth = read_truth(job, night, 1)
            assert truth is not None
            joined, _ = join_truth(self.scored, truth, job.job.key)
            quality = tally(joined, str(night), yardstick_of(job, self.made.reference))
            audits.append(replace(self.made.reference.audit, quality=quality))
        earlier = tuple(Stored(night, audit, "") for night, audit in zip(NIGHTS[:-1], audits[:-1], strict=True))
        return Tonight(NIGHTS[-1], "labels", "r", "key", audits[-1], earlier, (), truth=truth)

    def search(self, tonight: Tonight) -> Discovery:
        window = merge_qualities([*(each.audit.quality for each in tonight.earlier), tonight.audit.quality])
        found = search_nights(self.made, tonight, window)
        assert found is not None
        return found


@pytest.fixture(scope="module")
def published(trained: Flights, tmp_path_factory: pytest.TempPathFactory) -> Flights:
    made = trained.copy(tmp_path_factory.mktemp("searched") / "project")
    made.run()
    return made


@pytest.fixture
def world(published: Flights, tmp_path: Path) -> World:
    flights = published.copy(tmp_path / "project", kept="")
    scored = flights.scores().drop("night").with_columns(run_id=pl.lit("r"))
    version, job = resolve(flights.store, f"{NAME}@champion"), flights.job
    reference = reference_of(flights.store, version, job.contract.pii)
    return World(flights, Made(job, version, reference, flights.settings, Clock(), None), scored)


def severities(world: World, found: Discovery) -> set[Severity]:
    policy = world.made.job.job.policy
    return {each.severity for each in judge(list(discovered_figures(found, policy)), policy, "").findings}


def test_a_slice_that_nobody_named_is_found_on_some_nights_and_proved_on_the_others(world: World) -> None:
    world.publish()
    rows = world.scored.filter(world.slice).height
    assert rows >= 20
    world.label(pl.col("score") + 0.5 * world.slice.cast(pl.Float64))
    found = world.search(world.tonight())
    first = found.slices[0]
    early, far = (world.features[name].bins[at] for name, at in (("sched_dep_minute", 0), ("distance", -2)))
    assert set(first.key) == {("sched_dep_minute", early), ("distance", far)}
    assert (found.nights, first.n) == (len(ODD), rows * len(ODD))
    assert first.gap.value == pytest.approx(0.5, abs=0.15)
    assert first.proved
    assert severities(world, found) & {Severity.WARN, Severity.FAIL}


def test_what_was_found_stands_beside_itself_in_training(world: World) -> None:
    """There the score was as right for the slice as for any rows."""
    world.publish()
    world.label(pl.col("score") + 0.5 * world.slice.cast(pl.Float64))
    first = world.search(world.tonight()).slices[0]
    assert first.reference is not None
    assert abs(first.reference) < 0.15 < (first.gap.value or 0)
    figure = next(discovered_figures(world.search(world.tonight()), world.made.job.job.policy))
    assert figure.evidence["reference"] == first.reference


def test_a_version_that_was_trained_without_a_search_says_nothing_of_training(world: World) -> None:
    world.publish()
    world.label(pl.col("score") + 0.5 * world.slice.cast(pl.Float64))
    older = replace(world, made=replace(world.made, version=world.flights.promote({SEARCHED: None})))
    found = older.search(older.tonight())
    assert found.slices
    assert {each.reference for each in found.slices} == {None}


def test_nothing_is_found_where_scores_are_right(world: World) -> None:
    world.publish()
    world.label(pl.col("score"))
    found = world.search(world.tonight())
    assert found.searched > 1_000
    assert found.selected == 0
    assert not severities(world, found) & {Severity.WARN, Severity.FAIL}


def test_a_night_that_lacks_a_column_or_its_labels_by_now_takes_no_part(world: World) -> None:
    """Its rows would all be of the slice "missing"."""
    lacking, unreadable, gone = ODD[:3]
    world.publish(world.scored.drop("plane_year", "seats"), (lacking,))
    world.publish(nights=tuple(night for night in NIGHTS if night != lacking))
    world.label(pl.col("score") + 0.5 * world.slice.cast(pl.Float64))
    tonight = world.tonight()
    world.flights.labels(unreadable).write_bytes(b"PAR1 and no more")
    world.flights.labels(gone).unlink()
    found = world.search(tonight)
    assert found.nights == len(ODD) - 3
    assert not any(("plane_year", "missing") in each.key for each in found.slices)


def test_one_night_is_read_at_a_time_and_each_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.publish()
    world.label(pl.col("score") + 0.5 * world.slice.cast(pl.Float64))
    tonight, read = world.tonight(), []

    def counted(store: Store, job: str, night: Night) -> pl.DataFrame:
        read.append(night)
        return read_scores(store, job, night)

    monkeypatch.setattr("batchops.run.searching.read_scores", counted)
    world.search(tonight)
    assert sorted(read) == list(NIGHTS)


def test_before_its_labels_a_night_is_not_searched(world: World) -> None:
    world.publish()
    world.label(pl.col("score"))
    tonight = world.tonight()
    assert search_nights(world.made, replace(tonight, truth=None), tonight.audit.quality) is None
    named = replace(world.made.job, job=replace(world.made.job.job, discover=()))
    assert search_nights(replace(world.made, job=named), tonight, tonight.audit.quality) is None
