"""Rows that were set aside come back into their night, and nothing else of it changes."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from batchops import ledger
from batchops.contract import FAILED_RULES, ROW
from batchops.errors import ContractError, DigestMismatch, GateError, UsageError
from batchops.run import Options, Outcome
from batchops.store import lease, published, read_scores, scores_version
from tests.flights import KEY, NAME, NIGHT, NIGHTS, Flights, rows_in
from tests.quarantine.held import CONTRACT, MENDED, NEAR, TIME, break_rows, files, put_back


@pytest.fixture(scope="module")
def base(trained: Flights, tmp_path_factory: pytest.TempPathFactory) -> Flights:
    made = trained.copy(tmp_path_factory.mktemp("base") / "project")
    break_rows(made)
    assert rows_in(made.run())[2] == 6
    return made


@pytest.fixture
def scored(base: Flights, tmp_path: Path) -> Flights:
    """A project in which one night is published, and six of its rows are set aside."""
    return base.copy(tmp_path / "scored", kept="")


def documented(outcome: Outcome) -> dict[str, Any]:
    """A run's audit.json without what a release and a first run differ in."""
    assert outcome.audit is not None
    value: dict[str, Any] = json.loads(Path(outcome.audit).read_text())
    del value["run"], value["rows"]["released"], value["provenance"]["replay"]
    return value


def released_rows(flights: Flights, run_id: str | None) -> pl.DataFrame:
    return read_scores(flights.store, NAME, NIGHT).filter(pl.col("run_id") == run_id)


def aside(flights: Flights, run_id: str | None) -> list[tuple[str, int, list[str]]]:
    """What a run has set aside: partition, row, rules."""
    folder = flights.folder / f"var/store/runs/{NAME}/{NIGHT}/{run_id}/quarantine"
    rows = [pl.read_parquet(path) for path in sorted(folder.glob("*.parquet"))]
    return sorted(
        (row["_partition"], row[ROW], row[FAILED_RULES]) for frame in rows for row in frame.iter_rows(named=True)
    )


def test_a_mended_contract_gives_the_night_that_it_would_have_given_from_the_start(
    scored: Flights, trained: Flights, tmp_path: Path
) -> None:
    fresh = trained.copy(tmp_path / "fresh")
    break_rows(fresh)
    for flights in (scored, fresh):
        flights.edit(CONTRACT, *MENDED)
    found = put_back(scored)
    assert (found.held, found.meant, found.released, found.still) == (6, 6, 3, {TIME: 3})
    at_once = fresh.run()
    assert documented(found.outcome) == documented(at_once)
    assert scored.scores().equals(fresh.scores())
    assert aside(scored, found.outcome.run_id) == aside(fresh, at_once.run_id)
    assert rows_in(found.outcome) == rows_in(at_once)


def test_no_row_of_before_changes_and_the_new_ones_say_who_scored_them(scored: Flights) -> None:
    before, version = read_scores(scored.store, NAME, NIGHT), scores_version(scored.store, NAME)
    first = published(scored.store, NAME, NIGHT)
    found = put_back(scored, waived=(NEAR,))
    rows = read_scores(scored.store, NAME, NIGHT)
    assert rows.filter(pl.col("run_id") == first).sort(KEY).equals(before.sort(KEY))
    new = released_rows(scored, found.outcome.run_id)
    assert new.height == found.released == 3
    assert rows.height == before.height + 3
    assert scores_version(scored.store, NAME) == (version or 0) + 1
    assert read_scores(scored.store, NAME, NIGHT, version).equals(before)
    assert published(scored.store, NAME, NIGHT) == found.outcome.run_id


def test_a_waived_rule_goes_on_counting_and_the_ledger_says_who_waived_it_and_why(scored: Flights) -> None:
    first = published(scored.store, NAME, NIGHT)
    outcome = put_back(scored, waived=(NEAR,), reason="the tower says so").outcome
    assert outcome.document is not None
    rows, run = outcome.document.rows, outcome.document.run
    assert (rows.scored + rows.quarantined, rows.quarantined, rows.released) == (rows.total, 3, 3)
    assert rows_in(outcome)[2] == 3
    (rule,) = [rule for rule in outcome.document.rules if rule.id == NEAR]
    assert rule.failed == 4
    assert (run.reason, run.kind) == ("the tower says so", "score")
    page = Path(str(outcome.report)).read_text()
    assert "3 rows of those scored had been set aside, and were put back" in re.sub(r"[\u202f\u00a0]", " ", page)
    *_, record = ledger.records(scored.store, NAME)
    assert (record.kind, record.actor) == ("release", "ann@tower")
    said = {name: record.subject[name] for name in ("from_run", "released", "meant", "set_aside_before", "waived")}
    assert said == {"from_run": first, "released": 3, "meant": 6, "set_aside_before": 6, "waived": NEAR}
    assert (record.subject["rules"], record.subject["reason"]) == (NEAR, "the tower says so")
    assert scored.recorded()[-1] == ("release", outcome.run_id)


def test_a_night_with_released_rows_is_a_night_like_any_other(scored: Flights) -> None:
    outcome = put_back(scored, waived=(NEAR,)).outcome
    (row,) = scored.runs()
    assert (row.kind, row.run_id, row.quarantined) == ("score", outcome.run_id, 3)
    again = scored.run()
    assert (again.state, again.run_id, again.note) == ("up to date", outcome.run_id, None)
    index = (scored.folder / f"var/store/runs/{NAME}/index.html").read_text()
    assert f"{NIGHT}/{outcome.run_id}/report.html" in index
    later = scored.run(NIGHTS[3])
    assert later.document is not None
    assert later.document.window.rows == sum(each.rows_in for each in scored.runs())


@pytest.mark.slow
def test_what_stays_aside_lies_with_the_new_run_and_can_be_released_in_turn(scored: Flights) -> None:
    first = put_back(scored, waived=(NEAR,), rows=[("EWR.parquet", 1)])
    assert (first.meant, first.released) == (1, 1)
    left = aside(scored, first.outcome.run_id)
    assert [(name, row) for name, row, _ in left] == [
        *(("EWR.parquet", row) for row in (0, 2, 3, 4)),
        ("JFK.parquet", 7),
    ]
    second = put_back(scored, waived=(TIME,), rules=(TIME,))
    assert (second.held, second.meant, second.released, second.still) == (5, 3, 2, {NEAR: 1})
    assert [row[:2] for row in aside(scored, second.outcome.run_id)] == [("EWR.parquet", row) for row in (0, 2, 3)]
    assert second.outcome.document is not None
    assert second.outcome.document.rows.released == 3
    third = put_back(scored, waived=(NEAR, TIME))
    assert (third.held, third.released) == (3, 3)
    assert aside(scored, third.outcome.run_id) == []
    assert rows_in(third.outcome)[2] == 0
    assert scored.scores().height == scored.rows().height
    assert scored.recorded()[1:] == [("release", each.outcome.run_id) for each in (first, second, third)]


def test_the_same_release_again_finds_nothing_to_do(scored: Flights) -> None:
    first = put_back(scored, waived=(NEAR,))
    kept = files(scored)
    again = put_back(scored, waived=(NEAR,))
    assert (again.outcome.state, again.outcome.exit_code, again.outcome.run_id) == (
        "up to date",
        0,
        first.outcome.run_id,
    )
    assert (again.held, again.released) == (3, 0)
    assert put_back(scored, rows=[("EWR.parquet", 0)]).meant == 0
    assert files(scored) == kept


def test_todays_contract_releases_nothing_that_it_set_aside(scored: Flights) -> None:
    kept = files(scored)
    found = put_back(scored)
    assert (found.meant, found.released, found.still) == (6, 0, {NEAR: 4, TIME: 3})
    assert {path for path, data in files(scored).items() if kept.get(path) != data} == set()


def test_a_dry_run_says_what_would_be_and_writes_nothing(scored: Flights) -> None:
    store = scored.folder / "var/store"
    kept = {path: path.stat().st_mtime_ns for path in store.rglob("*")}
    found = put_back(scored, waived=(NEAR,), dry_run=True)
    assert {path: path.stat().st_mtime_ns for path in store.rglob("*")} == kept
    assert (found.released, found.still, found.outcome.state) == (3, {TIME: 3}, "up to date")
    real = put_back(scored, waived=(NEAR,))
    assert real.outcome.document is not None
    assert real.outcome.document.verdict.severity == found.severity == real.severity


def test_rows_are_scored_by_the_model_that_scored_their_night(scored: Flights) -> None:
    assert scored.promote().number == 2
    found = put_back(scored, waived=(NEAR,))
    assert scored.scores()["model_version"].unique().to_list() == [f"{NAME}@1"]
    assert found.outcome.document is not None
    assert found.outcome.document.provenance.model == f"{NAME}@1"
    assert re.match(rf"model: published under {NAME}@1, now {NAME}@2", str(scored.run().note))


def test_labels_have_to_be_joined_again(scored: Flights) -> None:
    assert scored.join().document is not None
    found = put_back(scored, waived=(NEAR,))
    assert found.labelled
    assert found.outcome.document is not None
    assert found.outcome.document.quality is None
    joined = scored.join()
    assert joined.state in ("published", "flagged")
    assert joined.document is not None
    assert joined.document.rows == found.outcome.document.rows
    assert joined.document.quality is not None
    known = pl.read_parquet(scored.labels()).join(scored.scores(), on=KEY, how="semi")
    assert joined.document.quality.n_labelled == known.height


def test_of_two_copies_of_a_key_one_may_be_chosen(flights: Flights) -> None:
    flights.change(lambda rows: pl.concat([rows, rows.head(1).with_columns(dest=pl.lit("BOS"))]), name="LGA")
    last = flights.rows().filter(pl.col("origin") == "LGA").height - 1
    assert rows_in(flights.run())[2] == 2
    both = put_back(flights)
    assert (both.released, both.still) == (0, {"key.unique": 2})
    one = put_back(flights, rows=[("LGA.parquet", last)])
    assert one.released == 1
    assert released_rows(flights, one.outcome.run_id)["dest"].to_list() == ["BOS"]
    other = put_back(flights)
    assert (other.meant, other.released, other.still) == (1, 0, {"key.unique": 1})


@pytest.mark.parametrize(
    ("level", "exit_code"), [('{"in_range": {"fail": 0.0}}', 3), ('{"in_range": {"fail": 0.1}}', 0)]
)
def test_the_exit_code_is_that_of_the_night_with_them(scored: Flights, level: str, exit_code: int) -> None:
    rules = f'metadata={{"role": "feature", "unit": "mi", "rules": {level}}}'
    scored.edit(CONTRACT, ('metadata={"role": "feature", "unit": "mi"})\n\n', f"{rules})\n\n"), MENDED[1])
    outcome = put_back(scored, waived=(NEAR,)).outcome
    assert outcome.exit_code == exit_code
    assert outcome.state == ("flagged" if exit_code else "published")
    assert published(scored.store, NAME, NIGHT) == outcome.run_id


def test_a_night_that_would_be_withheld_stays_as_it_was(scored: Flights) -> None:
    rules = 'metadata={"role": "feature", "unit": "mi", "level": "critical"}'
    scored.edit(CONTRACT, ('metadata={"role": "feature", "unit": "mi"})\n\n', f"{rules})\n\n"), MENDED[1])
    kept = files(scored)
    with pytest.raises(GateError, match=rf"would be withheld: contract.rule:{NEAR}") as refused:
        put_back(scored, waived=(NEAR,))
    assert refused.value.exit_code == 3
    assert files(scored) == kept


def test_a_night_that_is_not_published_or_is_withheld_is_refused_with_the_remedy(scored: Flights) -> None:
    absent = put_back(scored, NIGHTS[0]).outcome
    assert (absent.state, absent.exit_code) == ("not ready", 75)
    assert f"batchops run {NAME} --date {NIGHTS[0]}" in str(absent.note)
    scored.change(lambda rows: rows.drop("dest"), name="LGA")
    assert scored.run().state == "withheld"
    withheld = put_back(scored).outcome
    assert (withheld.state, withheld.exit_code) == ("not ready", 75)
    assert "withheld" in str(withheld.note)


def test_a_night_that_somebody_works_on_is_left_alone(scored: Flights) -> None:
    with lease(scored.store, NAME, NIGHT):
        outcome = put_back(scored, waived=(NEAR,)).outcome
    assert (outcome.state, outcome.exit_code) == ("locked", 75)
    assert put_back(scored, waived=(NEAR,), options=Options(wait=5)).released == 3


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        ({"rules": ("distance.in_rang",)}, "Did you mean distance.in_range"),
        ({"waived": ("nothing.at_all",)}, "no rule 'nothing.at_all'"),
        ({"waived": ("schema.dtype:dest",)}, "cannot be waived"),
        ({"waived": ("key.unique",)}, "--rows PARTITION:ROW"),
        ({"rows": (("EWR.parque", 0),)}, "Did you mean EWR.parquet"),
        ({"rows": (("EWR.parquet", 100_000),)}, "has no row 100000"),
    ],
)
def test_a_wish_that_cannot_be_meant_is_a_slip(scored: Flights, wish: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError, match=re.escape(said)):
        put_back(scored, **wish)


def test_another_definition_of_the_job_is_not_mixed_into_a_night(scored: Flights) -> None:
    scored.edit(f"jobs/{NAME}.py", ("threshold=0.35", "threshold=0.3"))
    with pytest.raises(GateError, match="the job has changed") as refused:
        put_back(scored, waived=(NEAR,))
    assert "--force" in refused.value.remedy


def test_an_edited_contract_that_kept_its_version_releases_nothing(scored: Flights) -> None:
    scored.edit(CONTRACT, MENDED[0])
    with pytest.raises(ContractError):
        put_back(scored)


@pytest.mark.parametrize("kind", ["runs", "tables/scores"])
def test_a_file_that_was_altered_or_is_gone_is_not_published_again(scored: Flights, kind: str) -> None:
    (row,) = scored.runs()
    folder = f"runs/{NAME}/{NIGHT}/{row.run_id}/quarantine" if kind == "runs" else f"{kind}/{NAME}/night={NIGHT}"
    path = sorted((scored.folder / "var/store" / folder).glob("*.parquet"))[0]
    data = path.read_bytes()
    path.write_bytes(data[:40] + b"x" + data[41:])
    with pytest.raises(GateError, match="altered"):
        put_back(scored, waived=(NEAR,))
    path.unlink()
    with pytest.raises(GateError, match="gone"):
        put_back(scored, waived=(NEAR,))
    assert published(scored.store, NAME, NIGHT) == row.run_id


def test_a_model_that_is_not_the_nights_own_scores_nothing(scored: Flights, monkeypatch: pytest.MonkeyPatch) -> None:
    second = scored.promote()
    monkeypatch.setattr("batchops.quarantine.weighing.resolve", lambda store, ref: second)  # noqa: ARG005
    with pytest.raises(DigestMismatch):
        put_back(scored, waived=(NEAR,))
