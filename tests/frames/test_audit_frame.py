from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from sklearn.metrics import log_loss, roc_auc_score

import batchops
from batchops import Roles, audit_frame, codec
from batchops.audit import AuditDocument
from batchops.audit.outcomes import MetricPart
from batchops.contract import compile_contract
from batchops.errors import UsageError
from batchops.report import render
from batchops.verdict import Limit, Policy
from tests.frames.two import frame

REFERENCE = frame(20_000, 1)
CURRENT = frame(5_000, 2)
MISSING = pl.lit(None, pl.Float64)


def alarms(current: pl.DataFrame) -> set[tuple[str, str, str]]:
    made = audit_frame(current, REFERENCE)
    return {(each.check, each.subject, each.severity.value) for each in made.document.findings}


def test_rows_like_the_reference_raise_no_alarm() -> None:
    assert alarms(CURRENT) == set()


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        (CURRENT.drop("temp"), ("schema.missing_column", "temp", "FAIL")),
        (CURRENT.with_columns(new=pl.lit(1)), ("schema.extra_column", "new", "WARN")),
        (CURRENT.with_columns(pl.col("temp").cast(pl.String)), ("schema.dtype", "temp", "FAIL")),
        (CURRENT.with_columns(pl.col("hour").cast(pl.Float64)), ("schema.coerced", "hour", "WARN")),
        (CURRENT.with_columns(temp=MISSING), ("drift.null_share", "temp", "FAIL")),
        (CURRENT.with_columns(temp=pl.lit(float("nan"))), ("drift.null_share", "temp", "FAIL")),
        (CURRENT.with_columns(pl.col("temp") + 0.5), ("drift.distance", "temp", "WARN")),
        (CURRENT.with_columns(pl.col("temp") * 1e300), ("drift.outside_share", "temp", "FAIL")),
        (CURRENT.with_columns(carrier=pl.lit("ZZ")), ("drift.unseen_share", "carrier", "FAIL")),
        (CURRENT.drop("score"), ("schema.missing_column", "score", "FAIL")),
        (CURRENT.with_columns(pl.col("score").cast(pl.String)), ("schema.dtype", "score", "FAIL")),
    ],
)
def test_what_changed_is_found_where_it_changed(changed: pl.DataFrame, expected: tuple[str, str, str]) -> None:
    found = alarms(changed)
    assert expected in found
    # A change that is plain in one column is plain in all columns together.
    assert {subject for _, subject, _ in found} <= {expected[1], "all columns"}


def test_one_outlier_of_a_billion_does_not_hide_a_shift() -> None:
    first = pl.int_range(pl.len()) == 0
    shifted = CURRENT.with_columns(temp=pl.when(first).then(1e9).otherwise(pl.col("temp") + 0.5))
    assert ("drift.distance", "temp", "WARN") in alarms(shifted)


def many(seed: int, rows: int, grown: float = 0.0) -> pl.DataFrame:
    """A column of 5,000 values, of which a share of the rows has a new one."""
    rng = np.random.default_rng(seed)
    share = 1 / np.arange(1, 5_001)
    codes = rng.choice(5_000, rows, p=share / share.sum())
    return pl.DataFrame({"code": np.where(rng.random(rows) < grown, "new", np.char.add("v", codes.astype(str)))})


def test_one_value_that_becomes_common_is_found_among_more_than_are_listed() -> None:
    reference = many(1, 20_000)
    assert not audit_frame(many(2, 10_000), reference).findings.height
    made = audit_frame(many(2, 10_000, grown=0.02), reference)
    assert [(each.check, each.severity.value) for each in made.document.findings] == [("drift.grown_share", "WARN")]
    (part,) = made.document.columns
    assert part.grown_share is not None
    assert part.reference.grown_share is not None
    assert part.grown_share - part.reference.grown_share == pytest.approx(0.02, abs=0.004)
    assert "A rare value of code has become common" in made.verdict.headline + made.document.findings[0].title


def test_a_column_of_either_side_keeps_its_row() -> None:
    changed = CURRENT.drop("temp").with_columns(pl.col("hour").cast(pl.String), new=pl.lit(1))
    drift = audit_frame(changed, REFERENCE).drift
    levels = dict(drift.select("column", "severity").iter_rows())
    assert levels == {
        "temp": "FAIL", "hour": "FAIL", "new": "WARN", "amount": "PASS", "carrier": "PASS", "direct": "PASS",
    }  # fmt: skip


@pytest.mark.parametrize("rows", [0, 1, 2])
def test_hardly_any_rows_are_no_error_and_no_fail(rows: int) -> None:
    made = audit_frame(CURRENT.head(rows), REFERENCE, roles=Roles(slices=("carrier",)))
    assert made.verdict.severity != "FAIL"
    assert made.document.rows.total == rows
    assert made._repr_html_()


def test_an_empty_side_is_a_finding_and_never_a_pass() -> None:
    for current, reference, subject in (
        (CURRENT.head(0), REFERENCE, "all rows"),
        (CURRENT, REFERENCE.head(0), "the reference"),
        (CURRENT.head(0), None, "all rows"),
    ):
        made = audit_frame(current, reference)
        assert [(each.check, each.subject) for each in made.document.findings] == [("input.empty", subject)]
        assert made.verdict.severity == "WARN"
        assert "has 0 rows: nothing could be" in made.verdict.headline


def test_what_nothing_was_known_of_is_no_pass() -> None:
    made = audit_frame(CURRENT.drop("score", "label"))
    assert made.verdict.severity == "NOT RUN"
    assert made.verdict.headline.endswith("read, nothing judged")
    assert made.verdict.actions[0].text.startswith("Name a reference, labels or a contract")


NONE, HALF = pl.lit(None, pl.Float64), pl.col("hour") < 12


@pytest.mark.parametrize(
    ("changed", "roles", "cause"),
    [
        (CURRENT.with_columns(score=pl.when(HALF).then(NONE).otherwise("score")), Roles(), "missing"),
        (CURRENT.with_columns(score=pl.when(HALF).then(float("nan")).otherwise("score")), Roles(), "missing"),
        (CURRENT.with_columns(score=pl.when(HALF).then(7.5).otherwise("score")), Roles(), "impossible"),
        (CURRENT.with_columns(w=pl.when(HALF).then(-1.0).otherwise(1.0)), Roles(weight="w"), "weights"),
        (CURRENT.with_columns(w=pl.when(HALF).then(NONE).otherwise(1.0)), Roles(weight="w"), "weights"),
        (CURRENT.with_columns(w=pl.when(HALF).then(float("inf")).otherwise(1.0)), Roles(weight="w"), "weights"),
    ],
)
def test_rows_that_no_metric_can_count_are_told(changed: pl.DataFrame, roles: Roles, cause: str) -> None:
    made, left_out = audit_frame(changed, roles=roles), CURRENT.filter(HALF).height
    (finding,) = [each for each in made.document.findings if each.check == "quality.left_out"]
    assert (finding.severity, finding.evidence[cause]) == ("FAIL", left_out)
    assert finding.value == pytest.approx(left_out / CURRENT.height)
    assert made.document.quality is not None
    assert (made.document.quality.left_out, made.document.quality.n_labelled) == (left_out, CURRENT.height - left_out)


def test_labels_of_no_known_class_are_told() -> None:
    known = CURRENT.select(prediction="carrier", label="carrier")
    strange = known.with_columns(label=pl.when(pl.col("label") == "AA").then(pl.lit("ZZ")).otherwise("label"))
    made = audit_frame(strange, known)
    (finding,) = [each for each in made.document.findings if each.check == "labels.invalid"]
    assert finding.value == known.filter(pl.col("label") == "AA").height
    assert finding.title.endswith("are none of the reference's classes")


def test_what_was_asked_for_exists() -> None:
    with pytest.raises(UsageError, match="Did you mean drift"):
        audit_frame(CURRENT, REFERENCE, only="drif")
    with pytest.raises(UsageError, match="Did you mean nannyml"):
        audit_frame(CURRENT, REFERENCE, method="nannym")
    assert audit_frame(CURRENT, REFERENCE, only="quality").document.drift is None


def test_metrics_are_those_of_scikit_learn() -> None:
    metrics = dict(audit_frame(CURRENT, REFERENCE).quality.select("metric", "value").iter_rows())
    truth, score = CURRENT["label"].to_numpy(), CURRENT["score"].to_numpy()
    assert metrics["log_loss"] == pytest.approx(log_loss(truth, score), abs=1e-6)
    assert metrics["roc_auc"] == pytest.approx(roc_auc_score(truth, score), abs=1e-4)


def test_a_section_not_asked_for_is_null_and_no_key_is_absent() -> None:
    whole = json.loads(codec.dump(audit_frame(CURRENT, REFERENCE).document))
    for only, null in ((("drift",), "quality"), (("quality",), "drift"), (("quality",), "slices")):
        part = json.loads(codec.dump(audit_frame(CURRENT, REFERENCE, only=only).document))
        assert part.keys() == whole.keys()
        assert part[null] is None
        assert part[only[0]] is not None
    assert json.loads(codec.dump(audit_frame(CURRENT).document))["drift"] is None


@pytest.mark.parametrize(
    ("only", "labelled"), [("drift", None), ("contract", None), ("quality", CURRENT.height), ("slices", CURRENT.height)]
)
def test_labels_that_were_not_asked_for_are_no_zero(only: str, labelled: int | None) -> None:
    made = audit_frame(CURRENT, REFERENCE, only=only, roles=Roles(slices=("carrier",)))
    assert made.document.window.labelled == labelled
    assert ("With outcome" in render(made.document)) is (labelled is not None)


def test_rows_without_labels_are_none_of_them_labelled() -> None:
    assert audit_frame(CURRENT.drop("label"), REFERENCE.drop("label"), only="drift").document.window.labelled == 0


def test_the_document_reads_back_and_is_the_same_for_any_batches(tmp_path: Path) -> None:
    for at, part in enumerate(CURRENT.iter_slices(700)):
        part.write_parquet(tmp_path / f"{at}.parquet")
    whole, parts = audit_frame(CURRENT, REFERENCE).document, audit_frame(tmp_path, REFERENCE).document
    assert codec.load(AuditDocument, codec.dump(whole)) == whole
    assert (whole.drift, whole.quality, whole.verdict) == (parts.drift, parts.quality, parts.verdict)


def test_both_files_are_written(tmp_path: Path) -> None:
    audit, report = audit_frame(CURRENT, REFERENCE).write(tmp_path / "deep" / "out")
    assert json.loads(audit.read_text())["rows"] == {
        "in": 5000, "scored": 5000, "quarantined": 0, "unreadable_partitions": 0, "released": 0,
    }  # fmt: skip
    assert "<!doctype html>" in report.read_text()[:20]


def contract() -> object:
    import pandera.polars as pa

    class Rows(pa.DataFrameModel):
        temp: float = pa.Field(lt=1, nullable=True)
        score: float
        label: int

    return compile_contract(Rows)


@pytest.mark.parametrize("keep", [False, True])
def test_rows_that_break_the_contract_are_left_out_of_quality(keep: bool) -> None:
    asked = contract()
    made = audit_frame(CURRENT, REFERENCE, contract=asked, keep_failing=keep)
    broken = (CURRENT["temp"] >= 1).sum()
    assert made.document.rows.quarantined == broken
    assert made.document.rows.scored == CURRENT.height - broken
    assert made.document.quality is not None
    assert made.document.quality.n_labelled == (CURRENT.height if keep else CURRENT.height - broken)
    rules = {rule.id: rule.failed for rule in made.document.rules}
    assert broken in rules.values()


def test_a_column_that_the_contract_forbids_fails_as_in_a_night() -> None:
    import pandera.polars as pa

    class Rows(pa.DataFrameModel):
        temp: float = pa.Field(nullable=True)

        class Config:
            strict = True

    made = audit_frame(CURRENT.select("temp", new=pl.lit(1)), contract=compile_contract(Rows), only=("contract",))
    assert [(each.check, each.subject, each.severity) for each in made.document.findings] == [
        ("schema.extra_column", "new", "FAIL")
    ]


def test_as_plain_text_an_audit_is_its_summary() -> None:
    shown = repr(audit_frame(CURRENT, REFERENCE))
    assert len(shown.splitlines()) <= 12
    assert "PASS" in shown
    assert "Input drift" in shown
    # No process ends by it.
    assert shown.splitlines()[-1] == "rows    5 000 of 5 000 rows accepted, 0 set aside"


def test_slices_that_were_asked_for_are_none_and_not_null_where_nothing_can_be_measured() -> None:
    unscored = CURRENT.drop("score")
    assert audit_frame(unscored, REFERENCE, roles=Roles(slices=("carrier",)), only=("slices",)).document.slices == ()
    assert audit_frame(unscored, REFERENCE, only=("slices",)).document.slices is None


def test_the_public_names_are_the_same_things() -> None:
    assert batchops.audit_frame is audit_frame


def width(metric: MetricPart) -> float:
    assert metric.upper is not None
    assert metric.lower is not None
    return metric.upper - metric.lower


def test_rows_of_one_entity_that_fare_alike_are_not_taken_as_independent() -> None:
    customer = pl.Series("customer", np.random.default_rng(3).integers(400, size=CURRENT.height))
    unlucky = pl.Series(np.random.default_rng(4).random(400) < 0.2).gather(customer)
    rows = CURRENT.with_columns(customer, label=pl.when(unlucky).then(1 - pl.col("label")).otherwise("label"))
    known, bare = (audit_frame(rows, roles=roles) for roles in (Roles(entity="customer"), Roles(ignore=("customer",))))
    assert known.document.quality is not None
    assert bare.document.quality is not None
    for name in ("log_loss", "accuracy", "roc_auc"):
        with_entity, without = known.document.quality.metrics[name], bare.document.quality.metrics[name]
        assert with_entity.value == without.value
        assert (with_entity.clusters, without.clusters) == (("entity",), ())
        assert width(with_entity) > 1.1 * width(without)
    with pytest.raises(UsageError, match="Did you mean customer"):
        audit_frame(rows, roles=Roles(entity="custome"))


def names(rows: int, seed: int, values: int, first: int = 0) -> pl.DataFrame:
    random = np.random.default_rng(seed)
    drawn = np.arange(rows) if values == 0 else random.integers(0, values, rows)
    return frame(rows, seed).with_columns(name=pl.Series(drawn + first).cast(pl.String))


@pytest.mark.parametrize(("values", "rows"), [(0, 500), (0, 4_000), (1_100, 1_000), (3_000, 4_000), (10_000, 4_000)])
def test_categories_that_hardly_two_rows_share_raise_no_alarm(values: int, rows: int) -> None:
    made = audit_frame(names(1_000, 1, values, first=0 if values else 10**6), names(rows, 2, values))
    assert made.document.findings == ()


def test_among_categories_that_hardly_two_rows_share_one_that_grew_is_found() -> None:
    before = names(4_000, 2, 10_000)
    # One of the thousand that are listed; of the others only their sum is known.
    known = before["name"].value_counts().sort("count", "name", descending=True)["name"][0]
    grown = names(1_000, 1, 10_000).with_columns(
        name=pl.when(pl.int_range(pl.len()) < 300).then(pl.lit(known)).otherwise("name")
    )
    made = audit_frame(grown, before)
    assert ("drift.distance", "name") in {(each.check, each.subject) for each in made.document.findings}


def test_that_time_has_passed_is_no_drift_unless_somebody_says_so() -> None:
    day = pl.date(2013, 3, 1) + pl.duration(days=pl.int_range(pl.len()) % 30)
    later = CURRENT.with_columns(day=day + pl.duration(days=60), at=(day + pl.duration(days=60)).cast(pl.Datetime))
    before = REFERENCE.with_columns(day=day, at=day.cast(pl.Datetime))
    made = audit_frame(later, before)
    assert made.document.findings == ()
    (part,) = [each for each in made.document.columns if each.column == "day"]
    assert (part.window.distance, part.outside_share) == (1.0, 1.0)
    stated = Policy(limits={"drift.distance:day": Limit(fail=0.5)})
    found = {(each.check, each.subject) for each in audit_frame(later, before, policy=stated).document.findings}
    assert found == {("drift.distance", "day")}
    empty = later.with_columns(day=pl.lit(None, pl.Date))
    assert ("drift.null_share", "day") in {(f.check, f.subject) for f in audit_frame(empty, before).document.findings}
