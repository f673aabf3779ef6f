"""A night is judged on itself and on the nights before it, from what they left in the store alone."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from batchops.partition import Night
from batchops.run import Outcome
from tests.flights import NAME, NIGHTS, Flights, rows_in

JOB = f"jobs/{NAME}.py"


@pytest.fixture(scope="module")
def past(trained: Flights, tmp_path_factory: pytest.TempPathFactory) -> Flights:
    """Three nights are published, none has labels yet."""
    made = trained.copy(tmp_path_factory.mktemp("past") / "project")
    for night in NIGHTS[:3]:
        made.run(night)
    return made


def window(outcome: Outcome) -> tuple[str, str, int, int, int]:
    assert outcome.document is not None
    found = outcome.document.window
    assert found.labelled is not None
    return found.first, found.last, found.nights, found.rows, found.labelled


def height(flights: Flights, *nights: Night) -> int:
    return sum(flights.rows(night).height for night in nights)


def test_the_window_is_merged_from_stored_audits_and_reads_no_row_again(past: Flights, tmp_path: Path) -> None:
    flights, bare = past.copy(tmp_path / "whole", kept=""), past.copy(tmp_path / "bare", kept="")
    for night in NIGHTS[:3]:
        shutil.rmtree(bare.files(night)[0].parent)
    outcome = bare.run(NIGHTS[3])
    assert window(outcome) == (str(NIGHTS[0]), str(NIGHTS[3]), 4, height(flights, *NIGHTS), 0)
    assert bare.audit(outcome) == flights.audit(flights.run(NIGHTS[3]))


def test_the_window_of_nights_is_the_night_of_all_their_rows(past: Flights, tmp_path: Path) -> None:
    """The profile of four nights of one file each equals that of one night that holds all their rows."""
    flights, joined = past.copy(tmp_path / "nights", kept=""), past.copy(tmp_path / "one")
    rows = {f"{night}": flights.rows(night) for night in NIGHTS}
    joined.cut(rows, NIGHTS[3])
    apart, together = flights.run(NIGHTS[3]).document, joined.run(NIGHTS[3]).document
    assert apart is not None
    assert together is not None
    by_name = {column.column: column for column in together.columns}
    assert len(apart.columns) == len(by_name) > 15
    for column in apart.columns:
        same = by_name[column.column]
        if column.column not in ("carrier", "flight", "origin"):
            assert column.window == same.window, column.column
            assert column.histogram == same.histogram, column.column


@pytest.mark.slow
def test_labels_that_came_since_change_the_windows_quality(past: Flights, tmp_path: Path) -> None:
    flights, unlabelled = past.copy(tmp_path / "labelled", kept=""), past.copy(tmp_path / "unlabelled", kept="")
    for night in NIGHTS[:3]:
        assert flights.join(night).state in ("published", "flagged")
    with_labels, without = flights.run(NIGHTS[3]), unlabelled.run(NIGHTS[3])
    assert without.document is not None
    assert without.document.quality is None
    assert with_labels.document is not None
    quality = with_labels.document.quality
    assert quality is not None
    assert quality.nights_labelled == 3
    assert quality.n_labelled == window(with_labels)[4] > 2000
    auc = quality.metrics["roc_auc"]
    assert auc.value is not None
    assert 0.5 < auc.value < 0.9
    assert auc.tonight is None


def test_a_withheld_night_stays_out_of_the_window(past: Flights, tmp_path: Path) -> None:
    flights = past.copy(tmp_path / "project", kept="models")
    flights.run(NIGHTS[0])
    flights.change(lambda rows: rows.drop("dest"), NIGHTS[1])
    assert flights.run(NIGHTS[1]).state == "withheld"
    flights.run(NIGHTS[2])
    outcome = flights.run(NIGHTS[3])
    assert window(outcome)[2:4] == (3, height(flights, NIGHTS[0], NIGHTS[2], NIGHTS[3]))
    assert outcome.document is not None
    assert set(outcome.document.window.digests) == {str(NIGHTS[0]), str(NIGHTS[2])}
    assert str(NIGHTS[1]) not in {past.night for past in outcome.document.history}


def test_a_superseded_night_counts_as_it_is_now(past: Flights, tmp_path: Path) -> None:
    flights = past.copy(tmp_path / "project", kept="")
    flights.change(lambda rows: rows.head(-9), NIGHTS[1], "EWR")
    flights.run(NIGHTS[1])
    assert window(flights.run(NIGHTS[3]))[3] == height(flights, *NIGHTS)


@pytest.mark.slow
def test_labels_of_an_earlier_run_are_not_those_of_its_successor(past: Flights, tmp_path: Path) -> None:
    """New scores have no outcome until labels are joined to them."""
    flights = past.copy(tmp_path / "project", kept="")
    flights.join(NIGHTS[2])
    labelled = window(flights.run(NIGHTS[3]))[4]
    assert labelled > 800
    flights.change(lambda rows: rows.head(-9), NIGHTS[2], "EWR")
    flights.run(NIGHTS[2])
    assert window(flights.run(NIGHTS[3], force=True, reason="a look"))[4] == 0
    flights.join(NIGHTS[2])
    assert 0 < labelled - window(flights.run(NIGHTS[3], force=True, reason="another"))[4] <= 9


def test_the_window_is_as_long_as_the_job_says(past: Flights, tmp_path: Path) -> None:
    flights = past.copy(tmp_path / "project", kept="")
    flights.edit(JOB, ("window=31", "window=2"))
    assert window(flights.run(NIGHTS[3]))[:3] == (str(NIGHTS[2]), str(NIGHTS[3]), 2)


def test_the_window_looks_back_and_never_ahead(past: Flights, tmp_path: Path) -> None:
    flights = past.copy(tmp_path / "project", kept="")
    outcome = flights.run(NIGHTS[1], force=True, reason="a look at the past")
    assert window(outcome)[:3] == (str(NIGHTS[0]), str(NIGHTS[1]), 2)
    assert rows_in(outcome)[0] == height(flights, NIGHTS[1])
    assert outcome.document is not None
    assert [each.night for each in outcome.document.history] == [str(NIGHTS[0])]
