"""Many nights in one process."""

from __future__ import annotations

from batchops.run import Options, Progress, backfill, plan, range_exit_code
from batchops.store import published
from tests.cli.calls import here
from tests.flights import NAME, NIGHTS, Flights

SPAN = (NIGHTS[0] - 1, NIGHTS[-1])


def test_nights_run_in_order_and_each_sees_the_one_before(flights: Flights) -> None:
    seen: list[str] = []

    def watch(progress: Progress) -> None:
        if progress.night not in seen:
            seen.append(progress.night)

    outcomes = backfill(flights.job, (NIGHTS[0], NIGHTS[-1]), flights.settings, observe=watch)
    assert [outcome.night for outcome in outcomes] == seen == [str(night) for night in NIGHTS]
    history = [len(outcome.document.history) for outcome in outcomes if outcome.document is not None]
    assert history == [0, 1, 2, 3]
    assert range_exit_code(outcomes) == max(outcome.exit_code for outcome in outcomes)
    index = flights.store.read(f"runs/{NAME}/index.html").decode()
    assert all(f"{outcome.night}/{outcome.run_id}/report.html" in index for outcome in outcomes)


def test_a_plan_says_what_would_be_done_and_does_nothing(flights: Flights) -> None:
    assert [step for _, step in plan(flights.job, SPAN, flights.settings)] == ["no input", "run", "run", "run", "run"]
    assert not (flights.folder / "var/store/runs").exists()
    flights.run(NIGHTS[1])
    steps = {
        how: [step for _, step in plan(flights.job, SPAN, flights.settings, how)]
        for how in ("missing", "failed", "all")
    }
    assert steps == {
        "missing": ["no input", "run", "check", "run", "run"],
        "failed": ["no input", "run", "leave", "run", "run"],
        "all": ["no input", "run", "run again", "run", "run"],
    }


def test_a_night_that_cannot_be_run_does_not_stop_the_others(flights: Flights) -> None:
    for file in flights.files(NIGHTS[1]):
        file.unlink()
    outcomes = backfill(flights.job, (NIGHTS[0], NIGHTS[-1]), flights.settings)
    assert [outcome.state == "not ready" for outcome in outcomes] == [False, True, False, False]
    assert range_exit_code(outcomes) == 4
    assert published(flights.store, NAME, NIGHTS[3]) is not None


def test_the_exit_code_of_a_range_says_the_worst_that_a_person_must_look_at(flights: Flights) -> None:
    flights.edit(
        f"jobs/{NAME}.py", ("policy=Policy(\n        {", 'policy=Policy(\n        {"score.distance": Limit(warn=1.0),')
    )
    fine = backfill(flights.job, (NIGHTS[2], NIGHTS[3]), flights.settings)
    assert {outcome.state for outcome in fine} == {"published"}
    assert range_exit_code(fine) == 0
    flights.change(lambda rows: rows.head(20), NIGHTS[1])
    flagged = backfill(flights.job, (NIGHTS[1], NIGHTS[2]), flights.settings)
    assert [outcome.state for outcome in flagged] == ["flagged", "up to date"]
    assert range_exit_code(flagged) == 3
    flights.change(lambda rows: rows.drop("dest"), NIGHTS[0])
    part = backfill(flights.job, (NIGHTS[0], NIGHTS[2]), flights.settings)
    assert [outcome.state for outcome in part] == ["withheld", "up to date", "up to date"]
    assert range_exit_code(part) == 4


def test_all_is_scored_again_only_with_a_reason(flights: Flights) -> None:
    span = (NIGHTS[2], NIGHTS[3])
    first = backfill(flights.job, span, flights.settings)
    again = backfill(flights.job, span, flights.settings, Options(reprocess="all"))
    assert {outcome.state for outcome in again} == {"up to date"}
    options = Options(reprocess="all", force=True, reason="the model was retrained")
    forced = backfill(flights.job, span, flights.settings, options)
    assert not {outcome.run_id for outcome in forced} & {outcome.run_id for outcome in first}
    assert len(flights.recorded()) == 4


def test_retry_takes_up_what_was_withheld_and_leaves_what_is_published(flights: Flights) -> None:
    file = flights.files(NIGHTS[1])[0]
    whole = file.read_bytes()
    file.write_bytes(whole[:-50])
    part = backfill(flights.job, (NIGHTS[0], NIGHTS[2]), flights.settings)
    assert [outcome.state == "withheld" for outcome in part] == [False, True, False]
    kept = [row.run_id for row in flights.runs() if row.night != NIGHTS[1]]
    file.write_bytes(whole)
    (retried,) = here([["retry", NAME]], cwd=flights.folder)
    assert retried.exit_code in (0, 3)
    assert str(NIGHTS[1]) in retried.stdout
    assert published(flights.store, NAME, NIGHTS[1]) is not None
    assert [row.run_id for row in flights.runs() if row.night != NIGHTS[1]] == kept
