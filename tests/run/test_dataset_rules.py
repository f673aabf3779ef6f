"""Rules that a night alone cannot answer: from the contract's metadata to the finding, the rows and the exit code."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from batchops.errors import ContractError, InputChanged
from batchops.partition import Night
from batchops.run import Outcome, Progress, run_night, silent
from batchops.run.references import _kept
from batchops.train import _nights
from batchops.verdict import Severity
from tests.flights import KEY, NAME, NIGHT, NIGHTS, Flights, rows_in

CONTRACT = "schemas/flights.py"
JOB = f"jobs/{NAME}.py"
FAIL, WARN = Severity.FAIL, Severity.WARN
AIRPORTS = "dest.in_airports"


def ask(flights: Flights, words: str, *rules: str) -> None:
    """Add words to the contract's particulars."""
    flights.edit(
        CONTRACT,
        ('"weekday_volume": 0.30,', f'"weekday_volume": 0.30, {words}'),
        ('"key.unique": {"level": "error"},', f'"key.unique": {{"level": "error"}}, {", ".join(rules)}'),
    )


def findings(outcome: Outcome, *families: str) -> dict[str, Severity]:
    """What the night is told of, of these families."""
    assert outcome.document is not None
    return {each.id: each.severity for each in outcome.document.findings if each.id.startswith(families)}


def finding(outcome: Outcome, id: str) -> dict[str, Any]:
    """A finding as audit.json has it."""
    document = json.loads(Path(str(outcome.audit)).read_text())
    (found,) = [each for each in document["findings"] if each["id"] == id]
    return {**found, **found["evidence"]}


def airports(flights: Flights, codes: pl.Series, path: str = "var/data/airports.parquet", column: str = "faa") -> Path:
    """The dataset that destinations are looked up in."""
    file = flights.folder / path
    file.parent.mkdir(parents=True, exist_ok=True)
    pl.DataFrame({column: codes, "name": codes + " airport"}).write_parquet(file)
    return file


REFERENCE = '"references": {"airports": {"columns": "dest", "in": "var/data/airports.parquet", "key": "faa"}},'


@pytest.fixture
def referring(flights: Flights) -> Flights:
    """Destinations must be airports, and two of them are not."""
    ask(flights, REFERENCE)
    known = flights.rows()["dest"].unique().sort()
    airports(flights, known.filter(~known.is_in(["SFO", "BOS"])))
    return flights


def test_rows_that_name_what_is_not_there_are_set_aside_and_the_dataset_is_in_the_provenance(
    referring: Flights,
) -> None:
    rows = referring.rows()
    lost = rows["dest"].is_in(["SFO", "BOS"]).sum()
    outcome = referring.run()
    assert rows_in(outcome) == (rows.height, rows.height - lost, lost)
    found = finding(outcome, f"contract.rule:{AIRPORTS}")
    assert (found["severity"], found["failed"], found["evaluated"]) == (
        "FAIL" if lost > 47 else "WARN",
        lost,
        rows.height,
    )
    assert "airports" in found["action"]
    quarantine = pl.read_parquet(f"{Path(str(outcome.audit)).parent}/quarantine/*.parquet")
    assert set(quarantine["dest"].to_list()) == {"SFO", "BOS"}
    assert quarantine["_failed_rules"].list.contains(AIRPORTS).all()
    (part,) = json.loads(Path(str(outcome.audit)).read_text())["provenance"]["references"]
    assert (part["name"], part["files"], part["rows"]) == (
        "airports",
        ["airports.parquet"],
        rows["dest"].n_unique() - 2,
    )
    assert "Reference airports" in Path(str(outcome.report)).read_text()


def test_another_dataset_is_another_input_and_the_same_one_is_up_to_date(referring: Flights) -> None:
    first = referring.run()
    assert referring.run().state == "up to date"
    airports(referring, referring.rows()["dest"].unique().sort())
    second = referring.run()
    assert second.state in ("published", "flagged")
    assert rows_in(second)[2] == 0 < rows_in(first)[2]
    assert findings(second, f"contract.rule:{AIRPORTS}") == {}


def test_any_number_of_files_of_rows_and_of_keys_gives_the_same_audit(referring: Flights, tmp_path: Path) -> None:
    other = referring.copy(tmp_path / "other")
    other.cut(5)
    codes = pl.read_parquet(referring.folder / "var/data/airports.parquet")["faa"]
    for project in (referring, other):
        project.edit(CONTRACT, ('"in": "var/data/airports.parquet"', '"in": "var/data/airports/*.parquet"'))
        for number in range(3):
            airports(project, codes[number::3], f"var/data/airports/{number}.parquet")
    one, many = referring.run(), other.run()
    for outcome in (one, many):
        assert outcome.document is not None
    assert one.document.contract == many.document.contract  # type: ignore[union-attr]
    assert one.document.provenance == many.document.provenance  # type: ignore[union-attr]


def test_a_dataset_too_large_to_be_kept_gives_the_same_answers(
    referring: Flights, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = referring.copy(tmp_path / "other")
    airports(other, pl.read_parquet(referring.folder / "var/data/airports.parquet")["faa"])
    kept = referring.run()
    monkeypatch.setattr("batchops.run.references.KEPT", 64)
    _kept.clear()
    passing = other.run()
    assert None in _kept.values()
    assert kept.document is not None
    assert passing.document is not None
    assert kept.document.contract == passing.document.contract


BROKEN: dict[str, tuple[Callable[[Path], object], str]] = {
    "is not there": (lambda file: file.unlink(), "no file is there"),
    "is no parquet": (lambda file: file.write_bytes(b"faa,name"), "a file is not parquet, or damaged"),
    "is damaged": (
        lambda file: file.write_bytes(file.read_bytes()[:4] + bytes(200) + file.read_bytes()[204:]),
        "a file is not parquet, or damaged",
    ),
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_dataset_that_cannot_be_read_withholds_the_night_and_its_rule_is_unknown(
    referring: Flights, what: str
) -> None:
    how, why = BROKEN[what]
    how(referring.folder / "var/data/airports.parquet")
    outcome = referring.run()
    assert (outcome.state, outcome.exit_code) == ("withheld", 3)
    found = finding(outcome, "input.unreadable:reference airports")
    assert (found["severity"], found["blocking"], found["why"]) == ("FAIL", True, why)
    assert "var/data/airports.parquet" in found["action"]
    assert outcome.document is not None
    (rule,) = [rule for rule in outcome.document.rules if rule.id == AIRPORTS]
    assert (rule.evaluated, rule.unknown, rule.severity) == (0, referring.rows().height, Severity.NOT_RUN)


def test_a_dataset_without_its_key_is_the_authors_mistake(referring: Flights) -> None:
    airports(referring, pl.Series(["SFO"]), column="code")
    with pytest.raises(ContractError, match="airports has no column 'faa'") as wrong:
        referring.run()
    assert wrong.value.exit_code == 2
    assert "code" in wrong.value.remedy


def test_a_dataset_that_changes_while_the_night_runs_stops_it(referring: Flights) -> None:
    def interfere(progress: Progress) -> None:
        if progress.done == 1:
            airports(referring, pl.Series(["SFO", "LAX"]))

    with pytest.raises(InputChanged, match=r"airports\.parquet"):
        run_night(referring.job, NIGHT, referring.settings, observe=interfere)
    assert referring.runs() == ()


def test_a_path_may_name_the_night(flights: Flights) -> None:
    ask(flights, REFERENCE.replace("airports.parquet", "airports/night={night}/*.parquet"))
    codes = flights.rows()["dest"].unique()
    airports(flights, codes, f"var/data/airports/night={NIGHT}/a.parquet")
    outcome = flights.run()
    assert findings(outcome, "input.", f"contract.rule:{AIRPORTS}") == {}
    other = run_night(flights.job, NIGHTS[0], flights.settings)
    assert (other.state, other.exit_code) == ("not ready", 75)
    assert "airports" in str(other.note)


def test_a_model_does_not_learn_from_rows_that_name_what_is_not_there(referring: Flights) -> None:
    training = referring.job.job.training
    assert training is not None
    one = replace(training, first=str(NIGHT), last=str(NIGHT))
    (night,) = _nights(referring.job, one, referring.settings, silent)
    lost = referring.rows()["dest"].is_in(["SFO", "BOS"]).sum()
    tally = night.validation.tallies.of(AIRPORTS)
    assert (tally.failed, tally.unknown) == (lost, 0)
    assert len(night.files) == 3 + 1 + 1


AGAIN = "key.unique_over_nights"


def repeat(flights: Flights, rows: int, source: Night, night: Night) -> None:
    """Let a night's first file hold rows of another night too, under that night's own date."""
    file = flights.files(night)[0]
    ours, theirs = pl.read_parquet(file), pl.read_parquet(flights.files(source)[0])
    new = theirs.join(ours, on=list(KEY), how="anti").head(rows)
    pl.concat([ours, new]).write_parquet(file)


def dated(flights: Flights) -> None:
    """Flights have the same numbers every day: only with the day in it is a flight's key its own."""
    for number, night in enumerate(NIGHTS):
        own = pl.col("flight") % 2000 + 2000 * number
        flights.change(partial(pl.DataFrame.with_columns, flight=own), night)


@pytest.fixture
def lasting(flights: Flights) -> Flights:
    """Keys must be unique over three nights; and are, but for what a test does."""
    ask(flights, '"unique_over": 3,', '"key.unique_over_nights": {"warn_rows": 0, "fail_rows": 20}')
    dated(flights)
    return flights


def test_keys_of_the_nights_before_are_set_aside_and_counted_by_night(lasting: Flights) -> None:
    repeat(lasting, 7, NIGHTS[0], NIGHTS[2])
    repeat(lasting, 5, NIGHTS[1], NIGHTS[2])
    for night in NIGHTS[:2]:
        assert findings(lasting.run(night), f"contract.rule:{AGAIN}") == {}
    outcome = lasting.run(NIGHTS[2])
    found = finding(outcome, f"contract.rule:{AGAIN}")
    assert (found["severity"], found["unit"], found["value"]) == ("WARN", "rows", 12)
    assert (found["held"], found["nights"]) == (f"{NIGHTS[0]} 7, {NIGHTS[1]} 5", 2)
    assert "12 rows" in found["title"]
    assert rows_in(outcome)[2] >= 12
    assert lasting.run(NIGHTS[2]).state == "up to date"


def test_only_the_nights_before_count_whenever_they_were_published(lasting: Flights) -> None:
    repeat(lasting, 7, NIGHTS[0], NIGHTS[2])
    later = lasting.run(NIGHTS[2])
    assert findings(later, f"contract.rule:{AGAIN}") == {}
    assert findings(lasting.run(NIGHTS[0]), f"contract.rule:{AGAIN}") == {}
    again = lasting.run(NIGHTS[2], force=True, reason="the night before was late")
    assert finding(again, f"contract.rule:{AGAIN}")["failed"] == 7


@pytest.mark.slow
def test_a_night_meets_neither_itself_nor_nights_out_of_reach(lasting: Flights) -> None:
    repeat(lasting, 7, NIGHTS[0], NIGHTS[3])
    for night in (NIGHTS[0], NIGHTS[3]):
        assert findings(lasting.run(night), f"contract.rule:{AGAIN}") == {}
        again = lasting.run(night, force=True, reason="once more")
        assert findings(again, f"contract.rule:{AGAIN}") == {}


def test_a_large_night_is_compared_over_files_with_the_same_result(
    lasting: Flights, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repeat(lasting, 7, NIGHTS[0], NIGHTS[1])
    lasting.run(NIGHTS[0])
    other = lasting.copy(tmp_path / "other", kept="")
    small = lasting.run(NIGHTS[1])
    monkeypatch.setattr("batchops.run.keys.in_memory", lambda rows: False)  # noqa: ARG005
    monkeypatch.setattr("batchops.contract.keys.PER_BUCKET", 300)
    large = other.run(NIGHTS[1])
    assert finding(small, f"contract.rule:{AGAIN}")["failed"] == 7
    assert lasting.audit(small) == other.audit(large)


def test_a_night_whose_newest_row_is_too_old_fails(flights: Flights) -> None:
    assert findings(flights.run(NIGHTS[0]), "freshness") == {}
    flights.change(lambda rows: rows.with_columns(pl.col("time_hour").dt.offset_by("-1d")))
    outcome = flights.run()
    found = finding(outcome, "freshness.age:time_hour")
    assert (found["severity"], found["unit"], found["limit"], outcome.exit_code) == ("FAIL", "hours", 6, 3)
    assert 24 < found["value"] < 32
    assert "hours before the night's end" in found["title"]


@pytest.mark.slow
def test_a_file_that_comes_after_the_night_was_published_is_named_as_late_from_then_on(flights: Flights) -> None:
    late = flights.files()[2]
    data, rows = late.read_bytes(), pl.read_parquet(late).height
    late.unlink()
    assert findings(flights.run(), "partition.") == {}
    late.write_bytes(data)
    for outcome in (flights.run(), flights.run(force=True, reason="once more"), flights.join()):
        assert findings(outcome, "partition.") == {"partition.late:LGA.parquet": WARN}
        assert finding(outcome, "partition.late:LGA.parquet")["value"] == rows


def test_a_file_delivered_again_is_named_with_the_night_it_came_first(flights: Flights) -> None:
    flights.run(NIGHTS[1])
    flights.files()[0].write_bytes(flights.files(NIGHTS[1])[0].read_bytes())
    outcome = flights.run()
    found = finding(outcome, "partition.duplicate:EWR.parquet")
    assert (found["severity"], found["file"], found["night"]) == ("FAIL", "EWR.parquet", str(NIGHTS[1]))
    assert (outcome.state, outcome.exit_code) == ("flagged", 3)
    assert f"batchops run {NAME} --date {NIGHT}" in found["action"]


def test_a_rule_may_fail_at_so_many_rows(flights: Flights) -> None:
    flights.edit(CONTRACT, ('"gusts_exceed_the_wind": {"level": "warn"}', '"gusts_exceed_the_wind": {"fail_rows": 3}'))
    low = pl.when(pl.int_range(pl.len()) < 2).then(0.0).otherwise("wind_gust")
    flights.change(lambda rows: rows.with_columns(wind_gust=low))
    outcome = flights.run()
    found = finding(outcome, "contract.rule:frame.gusts_exceed_the_wind")
    assert (found["severity"], found["unit"], found["value"], found["limit"]) == ("FAIL", "rows", 6, 3)
    assert found["size"].startswith("6 rows; limit 3 rows")
    assert outcome.exit_code == 3


def test_a_file_in_which_too_many_rows_fail_is_set_aside_whole_and_counted(flights: Flights) -> None:
    ask(flights, "", '"carrier.isin": {"action": "fail_partition", "fail_rows": 2}')
    wrong = pl.when(pl.int_range(pl.len()) < 3).then(pl.lit("ZZ")).otherwise("carrier")
    flights.change(lambda rows: rows.with_columns(carrier=wrong), name="LGA")
    outcome = flights.run()
    lost, rows = pl.read_parquet(flights.files()[2]).height, flights.rows().height
    assert rows_in(outcome) == (rows, rows - lost, lost)
    found = finding(outcome, "contract.rule:carrier.isin")
    assert (found["severity"], found["value"], found["partitions"]) == ("FAIL", 3, 1)
    assert "1 file set aside whole" in found["title"]


def test_a_contract_may_allow_no_other_column_and_no_other_order(flights: Flights) -> None:
    flights.edit(
        CONTRACT, ("    class Config:\n", "    class Config:\n        strict = True\n        ordered = True\n")
    )
    flights.change(lambda rows: rows.with_columns(notes=pl.lit("late crew")), name="EWR")
    flights.change(lambda rows: rows.select(pl.exclude("dest"), "dest"), name="LGA")
    outcome = flights.run()
    told = findings(outcome, "schema.")
    assert told == {"schema.extra_column:notes": FAIL, "schema.order:dest": WARN}
    assert (outcome.state, outcome.exit_code) == ("flagged", 3)
    assert "allows no other column" in finding(outcome, "schema.extra_column:notes")["title"]
