from __future__ import annotations

import datetime as dt
from pathlib import Path

import polars as pl
import pytest
from sklearn.metrics import roc_auc_score

from batchops.errors import JobError
from batchops.labels import join_labels
from batchops.partition import Night
from batchops.run import Outcome, range_exit_code
from batchops.run.truth import age_of_labels
from batchops.verdict import Severity
from tests.flights import KEY, NAME, NIGHT, NIGHTS, Flights

ALARMS = (Severity.WARN, Severity.FAIL)


@pytest.fixture(scope="module")
def base(trained: Flights, tmp_path_factory: pytest.TempPathFactory) -> Flights:
    made = trained.copy(tmp_path_factory.mktemp("base") / "project")
    made.run()
    return made


@pytest.fixture
def scored(base: Flights, tmp_path: Path) -> Flights:
    """A project in which one night is published and has no labels yet."""
    return base.copy(tmp_path / "scored", kept="")


def quality(outcome: Outcome) -> tuple[int, int, int]:
    """Rows with a label, conflicting labels, and labels of what was never scored."""
    assert outcome.document is not None
    found = outcome.document.quality
    assert found is not None
    return found.n_labelled, found.conflicting, found.unmatched


def alarms(outcome: Outcome) -> set[str]:
    assert outcome.document is not None
    return {finding.id for finding in outcome.document.findings if finding.check.startswith("labels.")}


def relabel(flights: Flights, rows: pl.DataFrame) -> None:
    labels = pl.read_parquet(flights.labels())
    pl.concat([labels, rows.select(labels.columns).cast(labels.schema)]).write_parquet(flights.labels())


def test_labels_meet_their_scores_and_the_area_is_that_of_scikit_learn(scored: Flights) -> None:
    outcome = scored.join()
    truth = pl.read_parquet(scored.labels())
    assert quality(outcome) == (truth.height, 0, 0)
    assert alarms(outcome) == set()
    rows = scored.scores().join(truth, on=list(KEY))
    area = roc_auc_score(rows["late"].to_list(), rows["score"].to_list())
    assert outcome.document is not None
    found = outcome.document.quality
    assert found is not None
    auc = found.metrics["roc_auc"]
    assert auc.tonight == pytest.approx(area, abs=(auc.binning_error or 0) + 1e-9)
    confusion = found.confusion
    assert confusion is not None
    late = rows["prediction"] & (rows["late"] == 1)
    assert confusion.counts[1][1] == late.sum()
    assert outcome.document.slicing is not None
    assert outcome.document.slicing.searched > 100
    assert not any(part.discovered and part.severity in ALARMS for part in outcome.document.slices or ())
    assert [row.kind for row in scored.runs()] == ["score", "labels"]
    assert [kind for kind, _ in scored.recorded()] == ["score", "labels"]


def test_the_same_labels_are_up_to_date_and_new_ones_are_counted_once(scored: Flights) -> None:
    labels = pl.read_parquet(scored.labels())
    labels.head(300).write_parquet(scored.labels())
    assert quality(scored.join())[0] == 300
    again = scored.join()
    assert (again.state, again.exit_code) == ("up to date", 0)
    labels.write_parquet(scored.labels())
    assert quality(scored.join())[0] == labels.height
    assert [row.kind for row in scored.runs()] == ["score", "labels"]


def test_labels_change_neither_the_scores_nor_the_nights_own_audit(scored: Flights) -> None:
    before = scored.scores()
    (row,) = scored.runs()
    audit = (scored.folder / "var/store" / row.run_folder / "audit.json").read_bytes()
    scored.join()
    assert scored.scores().equals(before)
    assert (scored.folder / "var/store" / row.run_folder / "audit.json").read_bytes() == audit


def test_a_label_of_what_was_never_scored_is_counted_and_said(scored: Flights) -> None:
    height = pl.read_parquet(scored.labels()).height
    relabel(
        scored, pl.DataFrame({"carrier": ["UA", "ZZ"], "flight": [9998, 1], "origin": ["EWR", "JFK"], "late": [1, 0]})
    )
    outcome = scored.join()
    assert quality(outcome) == (height, 0, 2)
    assert alarms(outcome) == {"labels.unmatched:all rows"}
    assert outcome.exit_code == 0


def test_a_label_that_comes_twice_counts_once(scored: Flights) -> None:
    labels = pl.read_parquet(scored.labels())
    relabel(scored, labels.head(5))
    outcome = scored.join()
    assert quality(outcome) == (labels.height, 0, 0)
    assert alarms(outcome) == set()


def test_labels_that_contradict_each_other_count_for_neither(scored: Flights) -> None:
    labels = pl.read_parquet(scored.labels())
    relabel(scored, labels.head(5).with_columns(late=1 - pl.col("late")))
    outcome = scored.join()
    assert quality(outcome) == (labels.height - 5, 5, 0)
    assert alarms(outcome) == {"labels.conflicting:all rows"}


def test_labels_that_are_neither_0_nor_1_are_said_and_unknown_ones_are_waited_for(scored: Flights) -> None:
    labels = pl.read_parquet(scored.labels()).with_columns(pl.col("late").cast(pl.Float64))
    row = pl.int_range(pl.len())
    late = pl.when(row < 3).then(None).when(row < 7).then(0.5).otherwise("late")
    labels.with_columns(late=late).write_parquet(scored.labels())
    outcome = scored.join()
    assert quality(outcome)[0] == labels.height - 7
    assert outcome.document is not None
    (invalid,) = [each for each in outcome.document.findings if each.check == "labels.invalid"]
    assert invalid.value == 4


def test_a_key_that_cannot_be_read_labels_nothing(scored: Flights) -> None:
    labels = pl.read_parquet(scored.labels()).with_columns(pl.col("flight").cast(pl.String))
    first = pl.int_range(pl.len()) < 2
    labels.with_columns(flight=pl.when(first).then(pl.lit("no number")).otherwise("flight")).write_parquet(
        scored.labels()
    )
    assert quality(scored.join())[0] == labels.height - 2


@pytest.mark.parametrize("kind", [pl.Boolean, pl.Int64, pl.Float32, pl.String])
def test_a_label_may_be_a_bool_a_number_or_its_text(scored: Flights, kind: type[pl.DataType]) -> None:
    labels = pl.read_parquet(scored.labels())
    expected = labels["late"].sum()
    labels.with_columns(pl.col("late").cast(kind)).write_parquet(scored.labels())
    outcome = scored.join()
    assert quality(outcome)[0] == labels.height
    assert outcome.document is not None
    found = outcome.document.quality
    assert found is not None
    assert found.confusion is not None
    assert sum(found.confusion.counts[1]) == expected


def test_a_night_that_is_not_published_or_has_no_label_yet_is_not_ready(scored: Flights) -> None:
    assert (scored.join(NIGHTS[0]).state, scored.join(NIGHTS[0]).exit_code) == ("not ready", 75)
    scored.labels().unlink()
    outcome = scored.join()
    assert (outcome.state, outcome.exit_code) == ("not ready", 75)
    assert "no label has come yet" in str(outcome.note)


def test_of_several_nights_the_one_without_labels_yet_fails_nobody(scored: Flights) -> None:
    outcomes = join_labels(scored.job, (NIGHTS[1], NIGHT), scored.settings)
    assert [outcome.state == "not ready" for outcome in outcomes] == [True, False]
    assert range_exit_code(outcomes) in (0, 3)


def test_a_damaged_file_of_labels_fails_its_night_and_not_the_others(scored: Flights) -> None:
    scored.run(NIGHTS[3])
    scored.labels(NIGHT).write_bytes(b"PAR1 and no more")
    damaged, other = join_labels(scored.job, (NIGHT, NIGHTS[3]), scored.settings)
    assert (damaged.state, damaged.exit_code) == ("failed", 3)
    assert "labels.parquet" in str(damaged.note)
    assert other.state in ("published", "flagged")
    assert range_exit_code((damaged, other)) == 4


def test_labels_without_their_column_ask_what_was_meant(scored: Flights) -> None:
    pl.read_parquet(scored.labels()).rename({"late": "lates"}).write_parquet(scored.labels())
    with pytest.raises(JobError, match="Did you mean lates"):
        scored.join()


def test_a_job_without_labels_cannot_join_any(scored: Flights) -> None:
    text = (scored.folder / f"jobs/{NAME}.py").read_text()
    start, end = text.index("    labels=Labels("), text.index("    training=")
    scored.edit(f"jobs/{NAME}.py", (text[start:end], ""))
    with pytest.raises(JobError, match="says nothing of labels"):
        scored.join()


def test_scores_that_were_wrong_all_along_are_found_out_by_their_labels(scored: Flights) -> None:
    """All flights late: the model said a quarter."""
    labels = pl.read_parquet(scored.labels())
    labels.with_columns(late=pl.lit(1, pl.Int8)).write_parquet(scored.labels())
    outcome = scored.join()
    assert (outcome.state, outcome.exit_code) == ("flagged", 3)
    assert outcome.document is not None
    severities = {finding.id: finding.severity for finding in outcome.document.findings}
    assert severities["quality.calibration_gap:all rows"] is Severity.FAIL


def test_rows_of_one_entity_are_alike_on_every_night_and_only_its_group_is_kept(flights: Flights) -> None:
    flights.edit(f"jobs/{NAME}.py", ("    threshold=0.35,", '    threshold=0.35,\n    entity="dest",'))
    flights.forget()
    flights.run()
    scores = flights.scores()
    assert scores.group_by("dest").agg(pl.col("entity_group").n_unique())["entity_group"].unique().to_list() == [1]
    outcome = flights.join()
    assert outcome.document is not None
    found = outcome.document.quality
    assert found is not None
    assert found.by_entity
    assert found.metrics["log_loss"].clusters == ("entity",)
    assert found.metrics["expected_calibration_error"].clusters == ("entity",)


def test_the_day_on_which_an_outcome_became_known_is_its_age(scored: Flights) -> None:
    labels = pl.read_parquet(scored.labels())
    row = pl.int_range(pl.len())
    known = pl.when(row < 10).then(pl.lit(NIGHT.date)).otherwise(pl.lit(NIGHT.date) + pl.duration(days=3))
    labels.with_columns(known.cast(pl.Datetime).alias("known_at")).write_parquet(scored.labels())
    scored.edit(f"jobs/{NAME}.py", ("        delay_days=1,", '        delay_days=1,\n        observed="known_at",'))
    scored.forget()
    outcome = scored.join()
    assert outcome.document is not None
    found = outcome.document.quality
    assert found is not None
    assert found.label_age == 3
    assert [each.labelled for each in found.ages][:4] == [10, 10, 10, labels.height]
    assert found.young == ()


@pytest.mark.parametrize(
    ("observed", "expected"),
    [
        (pl.Series(["2013-07-06", "2013-07-04T23:00:00", "never", None]), [2, 0, None, None]),
        (pl.Series([dt.date(2013, 7, 1), dt.date(2013, 8, 3)]), [0, 30]),
        (pl.Series([dt.datetime(2013, 7, 6, 1)]), [2]),
        (pl.Series([dt.datetime(2013, 7, 6, 1)]).dt.replace_time_zone("UTC"), [1]),
    ],
)
def test_days_may_be_dates_times_or_their_text(observed: pl.Series, expected: list[int | None]) -> None:
    assert age_of_labels(observed, Night.parse("2013-07-04"), "America/New_York").to_list() == expected
    with pytest.raises(JobError, match="is no day"):
        age_of_labels(pl.Series([1]), Night.parse("2013-07-04"), "UTC")
