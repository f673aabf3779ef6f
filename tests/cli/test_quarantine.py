"""Rows that were set aside, from the command line: in a pipe, on a terminal, and as JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.calls import Done, here, on_terminal
from tests.flights import NAME, NIGHT, Flights
from tests.quarantine.held import NEAR, break_rows

DATE = ("--date", str(NIGHT))
WHY = ("--reason", "a drill")


@pytest.fixture(scope="module")
def base(trained: Flights, tmp_path_factory: pytest.TempPathFactory) -> Flights:
    made = trained.copy(tmp_path_factory.mktemp("base") / "project")
    break_rows(made)
    made.run()
    return made


@pytest.fixture
def scored(base: Flights, tmp_path: Path) -> Flights:
    return base.copy(tmp_path / "scored", kept="")


def say(flights: Flights, *commands: tuple[str, ...]) -> list[Done]:
    return here([["quarantine", *command] for command in commands], flights.folder)


def test_a_night_is_listed_shown_and_released(scored: Flights) -> None:
    release = ("release", NAME, *DATE, *WHY, "--waive", NEAR)
    listed, shown, dry, done, again, after = say(
        scored,
        ("list", NAME),
        ("show", NAME, *DATE),
        (*release, "--dry-run"),
        release,
        release,
        ("list", NAME, "--from", str(NIGHT), "--to", str(NIGHT)),
    )
    head, line = listed.stdout.splitlines()
    assert head.split("  ")[0] == "night"
    assert str(NIGHT) in line
    assert "distance.in_range 4, sched_arr_time.is_a_time_of_day 3" in line
    assert "6 rows set aside" in shown.stdout
    assert "EWR.parquet:0" in shown.stdout
    assert "time_hour" in shown.stdout.splitlines()[1]
    assert (dry.exit_code, done.exit_code, again.exit_code) == (0, 0, 0)
    assert "3 of 6 rows would be released; the night would be " in dry.stdout
    assert "3 of 6 rows released" in done.stdout
    assert "3 set aside, published" in done.stdout
    assert "0 of 3 rows released" in again.stdout
    assert "what stays aside fails sched_arr_time.is_a_time_of_day 3; correct what is wrong" in again.stdout
    assert after.stdout.splitlines()[1].split()[:4] == [str(NIGHT), str(scored.rows().height), "3", "3"]


def test_machines_read_the_same_as_json(scored: Flights) -> None:
    release = ("release", NAME, *DATE, *WHY, "--rows", "EWR.parquet:0,EWR.parquet:1", "--waive", NEAR)
    listed, shown, done = (
        json.loads(done.stdout)
        for done in say(
            scored,
            ("list", NAME, "--output", "json"),
            ("show", NAME, *DATE, "--columns", "distance,time_hour", "--limit", "1", "--output", "json"),
            (*release, "--output", "json"),
        )
    )
    assert [(each["night"], each["quarantined"], each["released"]) for each in listed] == [(str(NIGHT), 6, 0)]
    (row,) = shown["rows"]
    assert (row["_partition"], row["_row"], row["distance"]) == ("EWR.parquet", 0, 17)
    assert row["time_hour"].startswith("2013-07-02 ")
    assert (shown["total"], shown["columns"]) == (6, ["_partition", "_row", "_failed_rules", "distance", "time_hour"])
    assert (done["held"], done["meant"], done["released"], done["still"]) == (6, 2, 2, {})
    assert (done["state"], done["rows"]["released"]) == ("published", 2)


def test_a_slip_is_said_with_its_remedy(scored: Flights) -> None:
    release = ("release", NAME, *DATE)
    unreasoned, unread, unknown, half, early = say(
        scored,
        release,
        (*release, *WHY, "--rows", "EWR.parquet"),
        (*release, *WHY, "--rule", "distance.in_rang"),
        ("list", NAME, "--from", str(NIGHT)),
        ("release", NAME, "--date", "2013-07-01", *WHY),
    )
    assert [done.exit_code for done in (unreasoned, unread, unknown, half, early)] == [2, 2, 2, 2, 75]
    assert "Add --reason TEXT" in unreasoned.stderr
    assert "Write PARTITION:ROW" in unread.stderr
    assert "Did you mean distance.in_range" in unknown.stderr
    assert "Give --from and --to" in half.stderr
    assert "Score it first: `batchops run" in early.stdout


def test_labels_that_were_joined_are_to_be_joined_again(scored: Flights) -> None:
    scored.join()
    (done,) = say(scored, ("release", NAME, *DATE, *WHY, "--waive", NEAR))
    assert f"join them again with `batchops labels {NAME} --date {NIGHT}`" in done.stdout


def test_a_terminal_is_shown_as_many_columns_as_it_has_room_for(scored: Flights) -> None:
    done = on_terminal("-m", "batchops", "quarantine", "show", NAME, *DATE, cwd=scored.folder)
    lines = done.stdout.splitlines()
    assert done.exit_code == 0
    assert max(map(len, lines[:8])) <= 120
    assert lines[1].split()[2:6] == ["carrier", "flight", "origin", "distance"]
    assert "columns more: choose with --columns" in done.stdout
    assert "time_hour" not in lines[1]


def test_a_value_cannot_move_the_cursor(scored: Flights) -> None:
    scored.change(lambda rows: rows.with_columns(dest="A\x1b[31mB" + rows["dest"]), name="LGA")
    scored.run()
    (done,) = say(scored, ("show", NAME, *DATE, "--columns", "dest", "--limit", "400"))
    assert "\x1b" not in done.stdout
    assert "A[31mB" in done.stdout
