"""Which nights have rows that were set aside, and what is shown of them."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from batchops.errors import GateError, JobError, UsageError
from batchops.quarantine.looking import MASK, View, held_nights, show_rows
from tests.flights import NAME, NIGHT, NIGHTS, Flights
from tests.quarantine.held import CONTRACT, NEAR, TIME, break_rows, put_back

PERSONAL = ('            "role": "passthrough",\n', '            "role": "passthrough",\n            "pii": True,\n')


@pytest.fixture(scope="module")
def base(trained: Flights, tmp_path_factory: pytest.TempPathFactory) -> Flights:
    """Tail numbers are personal data, and so may be a column that the contract does not have."""
    made = trained.copy(tmp_path_factory.mktemp("base") / "project")
    made.edit(CONTRACT, PERSONAL)
    for night in (NIGHT, NIGHTS[3]):
        break_rows(made, night)
    row = pl.int_range(pl.len())
    tail = pl.when(row == 1).then(None).otherwise(pl.format("N9{}X", row))
    made.change(lambda rows: rows.with_columns(tailnum=tail, guest=pl.lit("Ms Brown")), name="EWR")
    for night in NIGHTS[1:]:
        made.run(night)
    return made


@pytest.fixture
def scored(base: Flights, tmp_path: Path) -> Flights:
    return base.copy(tmp_path / "scored", kept="")


def test_nights_with_rows_set_aside_come_newest_first_with_the_rules_that_these_fail(scored: Flights) -> None:
    nights = held_nights(scored.store, NAME)
    assert [each.night for each in nights] == [str(NIGHTS[3]), str(NIGHT)]
    last = nights[1]
    assert (last.quarantined, last.released, last.rules) == (6, 0, {NEAR: 4, TIME: 3})
    assert last.output == "published"
    assert last.rows == sum(pl.read_parquet(file).height for file in scored.files())
    assert [each.night for each in held_nights(scored.store, NAME, (NIGHTS[0], NIGHT))] == [str(NIGHT)]
    assert held_nights(scored.store, "another") == ()


def test_a_night_whose_rows_were_put_back_is_still_listed(scored: Flights) -> None:
    run_id = put_back(scored, waived=(NEAR, TIME)).outcome.run_id
    last = held_nights(scored.store, NAME)[1]
    assert (last.quarantined, last.released, last.rules, last.run_id) == (0, 6, {}, run_id)


def test_a_night_that_was_withheld_since_is_listed_beside_what_is_published(scored: Flights) -> None:
    scored.change(lambda rows: rows.drop("dest"), name="LGA")
    withheld = scored.run()
    assert withheld.state == "withheld"
    found = [each for each in held_nights(scored.store, NAME) if each.night == str(NIGHT)]
    assert [each.output for each in found] == ["withheld", "published"]
    assert found[0].quarantined > found[1].quarantined
    assert found[0].rules is not None
    assert "schema.missing_column:dest" in found[0].rules
    shown = show_rows(scored.store, scored.job, NIGHT, View(rule="schema.missing_column:dest", limit=1))
    assert (shown.output, shown.run_id) == ("withheld", withheld.run_id)
    assert "dest" not in shown.rows[0]


def test_rows_are_shown_as_they_arrived_key_and_failing_columns_first(scored: Flights) -> None:
    shown = show_rows(scored.store, scored.job, NIGHT, View())
    assert (shown.total, shown.matching, len(shown.rows)) == (6, 6, 6)
    assert shown.columns[:8] == (
        *("_partition", "_row", "_failed_rules"),
        *("carrier", "flight", "origin", "distance", "sched_arr_time"),
    )
    assert [(row["_partition"], row["_row"]) for row in shown.rows] == [
        *(("EWR.parquet", row) for row in range(5)),
        ("JFK.parquet", 7),
    ]
    file = next(path for path in scored.files() if path.stem == "EWR")
    came = pl.read_parquet(file).row(2, named=True)
    hidden = {"tailnum", "guest"}
    assert {name: value for name, value in shown.rows[2].items() if name not in hidden and name[0] != "_"} == {
        name: value for name, value in came.items() if name not in hidden
    }


def test_personal_data_and_what_nobody_described_are_masked(scored: Flights) -> None:
    shown = show_rows(scored.store, scored.job, NIGHT, View(columns=("tailnum", "guest", "dest")))
    assert (shown.masked, shown.unknown) == (("tailnum",), ("guest",))
    assert [row["tailnum"] for row in shown.rows[:3]] == [MASK, None, MASK]
    assert {row["guest"] for row in shown.rows if "guest" in row} == {MASK}
    assert "Brown" not in repr(shown)
    scored.edit(CONTRACT, ("    tailnum: str", "    guest: str = pa.Field(nullable=True)\n    tailnum: str"))
    named = show_rows(scored.store, scored.job, NIGHT, View(columns=("guest",)))
    assert (named.rows[0]["guest"], named.unknown) == ("Ms Brown", ())


def test_a_rule_a_limit_and_columns_choose_what_is_shown(scored: Flights) -> None:
    shown = show_rows(scored.store, scored.job, NIGHT, View(rule=TIME, columns=("dest", "origin"), limit=2))
    assert (shown.total, shown.matching, len(shown.rows)) == (6, 3, 2)
    assert shown.columns[3:] == ("origin", "dest")
    assert all(TIME in row["_failed_rules"] for row in shown.rows)


def test_what_is_not_there_is_asked_for_in_vain(scored: Flights) -> None:
    with pytest.raises(UsageError, match=r"Did you mean distance\.in_range"):
        show_rows(scored.store, scored.job, NIGHT, View(rule="distance.inrange"))
    with pytest.raises(UsageError, match="Did you mean tailnum"):
        show_rows(scored.store, scored.job, NIGHT, View(columns=("tailnumb",)))
    with pytest.raises(JobError, match="has no run of"):
        show_rows(scored.store, scored.job, NIGHTS[0], View())


def test_rows_that_were_deleted_are_said_to_be(scored: Flights) -> None:
    for path in (scored.folder / "var/store/runs").rglob("quarantine/*.parquet"):
        path.unlink()
    assert held_nights(scored.store, NAME)[1].rules is None
    with pytest.raises(GateError, match="are gone"):
        show_rows(scored.store, scored.job, NIGHT, View())
