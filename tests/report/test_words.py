import re
from dataclasses import replace

import pytest

from batchops.audit.columns import Histogram
from batchops.audit.document import AuditDocument
from batchops.report import Facts, family, finding_part, verdict_part
from batchops.report.topics import FAMILIES, anchor, family_of, groups, topic
from batchops.report.words.checks import SAYINGS
from batchops.report.words.columns import column_words, median
from batchops.report.words.findings import reason_words
from batchops.verdict import DEFAULT_LIMITS, Figure, Finding, Limit, Policy, Scalar, Severity, judge
from tests.report import samples

FACTS = Facts(
    "flights_delay", "2013-07-04", "flagged", 994, 990, 4, 31, "flights_delay@1", 12, 19, 66, "2013-07-05", 9000
)
UNITS = {
    "schema": "rows",
    "input": "files",
    "labels": "labels",
    "volume.rows": "rows",
    "quality.calibration_gap": "points",
}
BANNED = re.compile(r"\b(significant|severe|critical|dramatic|huge|massive|alarming|unfortunately)\w*", re.IGNORECASE)


def judged(check: str, value: float | None, **facts: object) -> Finding:
    unit = UNITS.get(check) or UNITS.get(check.partition(".")[0]) or "share"
    figure = Figure(check, "temp", value, unit, 994, limit=Limit(fail=0.001), side="both", **facts)  # type: ignore[arg-type]
    return judge([figure], Policy(), "2013-07-04").findings[0]


def numbers(text: str) -> list[str]:
    return re.findall(r"\d[\d\u202f.,]*", text)


@pytest.mark.parametrize("check", sorted({*DEFAULT_LIMITS, "drift.something_new"}))
def test_every_check_is_said_with_a_size_and_something_to_do(check: str) -> None:
    part = finding_part(judged(check, 0.7), FACTS)
    assert part.severity is Severity.FAIL
    assert part.title
    assert part.action.endswith(".")
    assert numbers(part.size)
    assert not BANNED.search(f"{part.title} {part.size} {part.action}")


@pytest.mark.parametrize("check", sorted({*DEFAULT_LIMITS, "drift.something_new"}))
def test_every_headline_has_two_numbers(check: str) -> None:
    evidence = {"predicted": 0.24, "observed": 0.31, "failed": 7, "evaluated": 994, "usual": 990, "least": 900}
    verdict = judge(
        [replace(Figure(check, "temp", 0.7, UNITS.get(check.partition(".")[0], "share"), 994), evidence=evidence,
                 limit=Limit(fail=0.001), side="both")],
        Policy(), "2013-07-04",
    )  # fmt: skip
    part = verdict_part(verdict, [finding_part(each, FACTS) for each in verdict.alarms], FACTS)
    assert len(numbers(part.headline)) >= 2, part.headline


def test_every_known_check_has_words_of_its_own() -> None:
    assert set(SAYINGS) >= set(DEFAULT_LIMITS)


@pytest.mark.parametrize(
    ("value", "was", "told"),
    [
        (0.3, 0.02, "+2.0 points in training, so it is new."),
        (0.3, 0.2, "+20.0 points in training, so already there."),
        (-0.3, -0.2, "\N{MINUS SIGN}20.0 points in training, so already there."),
        (-0.3, 0.2, "+20.0 points in training, so it is new."),
    ],
)
def test_a_slice_says_whether_it_was_so_in_training(value: float, was: float, told: str) -> None:
    figure = Figure(
        "slices.calibration_gap", "temp", value, "points", 994, value - 0.05, value + 0.05, value - 0.05, value + 0.05,
        limit=Limit(fail=0.1), side="both", evidence={"reference": was},
    )  # fmt: skip
    found = judge([figure], Policy(), "2013-07-04").findings[0]
    assert finding_part(found, FACTS).size.endswith(told)
    near = replace(found, evidence={"reference": value - 0.01}, limit=1.0)
    assert finding_part(near, FACTS).size.endswith(" points in training.")
    assert "in the reference" in finding_part(found, replace(FACTS, job="")).size


def test_a_figure_that_could_not_be_measured_says_so() -> None:
    assert "Could not be measured" in finding_part(judged("drift.distance", None), FACTS).size


def test_too_low_and_too_high_are_told_apart() -> None:
    titles = [finding_part(judged("quality.calibration_gap", gap), FACTS).title for gap in (0.07, -0.07)]
    assert titles == ["Scores are too low", "Scores are too high"]


def test_tonight_and_the_window_are_told_apart_and_share_their_evidence() -> None:
    window, tonight = (replace(judged("drift.distance", 0.7), subject=each) for each in ("temp", "temp (tonight)"))
    titles = [finding_part(each, FACTS).title for each in (window, tonight)]
    assert titles[0].endswith("over 31 nights")
    assert titles[1].endswith("tonight")
    assert anchor("drift.distance", "temp") == anchor("drift.distance", "temp (tonight)") == "column-temp"
    assert topic("drift.distance:temp") == topic("drift.null_share:temp (tonight)")


@pytest.mark.parametrize("name", list(samples.SAMPLES))
def test_the_first_action_is_about_the_output_and_there_are_at_most_three(name: str) -> None:
    actions = samples.SAMPLES[name]().verdict.actions
    assert 1 <= len(actions) <= 3
    assert re.search(r"\b[Ss]cores?\b", actions[0].text)


@pytest.mark.parametrize("name", ["fail", "unlabelled", "withheld", "hostile"])
def test_every_alarm_is_in_exactly_one_topic_and_the_headline_leads(name: str) -> None:
    document = samples.SAMPLES[name]()
    topics = groups(document.findings)
    listed = [finding.id for each in topics for finding in each.findings]
    assert sorted(listed) == sorted(finding.id for finding in document.findings)
    ranks = [each.lead.severity.rank for each in topics]
    assert ranks == sorted(ranks)


def test_scores_known_to_be_wrong_come_before_inputs_that_look_different() -> None:
    document = samples.failing()
    assert document.verdict.headline == "Scores are too low: 24.3\u00a0% predicted, 31.5\u00a0% observed"
    assert [family_of(each.lead.check) for each in groups(document.findings)][:3] == ["quality", "slices", "drift"]


def test_a_pass_names_the_check_nearest_its_limit() -> None:
    verdict = samples.passing().verdict
    assert verdict.severity is Severity.PASS
    nearest = "17.3\u00a0% of rows break the rule: plane_year is present, limit 25\u00a0%"
    assert verdict.headline == f"Every check holds; nearest its limit: {nearest}"


def test_a_withheld_night_says_first_that_there_is_nothing_to_use() -> None:
    document = samples.withheld()
    assert document.verdict.actions[0].text.startswith("Do not look for tonight's scores")
    assert "331 of 994" in document.verdict.headline


@pytest.mark.parametrize("name", ["quality", "slices"])
def test_what_was_not_run_says_why_and_when_it_is_expected(name: str) -> None:
    tile = family(name, [], replace(FACTS, labelled=0))
    assert tile.severity is Severity.NOT_RUN
    assert tile.why == "No outcome is known yet; labels are expected on 5 Jul 2013."
    assert family(name, [], replace(FACTS, labelled=0, labels_expected=None)).why == "The job names no labels."


def test_there_are_five_tiles_each_with_a_figure_or_a_reason() -> None:
    for make in samples.SAMPLES.values():
        document: AuditDocument = make()
        assert [tile.name for tile in document.families] == list(FAMILIES)
        for tile in document.families:
            assert (tile.value is None) == (tile.why is not None)
            assert (tile.severity is Severity.NOT_RUN) <= (tile.why is not None)


def test_numbers_that_hold_do_not_change_the_worst_word() -> None:
    unsure = Figure("drift.distance", "temp", 0.3, "distance", 10, 0.1, 0.5)
    held = Figure("drift.distance", "dewp", 0.1, "distance", 10)
    verdict = judge([unsure, held], Policy(), "2013-07-04")
    assert family("drift", verdict.findings, FACTS).severity is Severity.PASS
    assert family("drift", verdict.findings[:1], FACTS).severity is Severity.UNSURE


def test_a_change_of_the_missing_share_is_said_in_points_with_both_shares() -> None:
    evidence = {"now": 0.85, "reference": 0.67}
    more, less = (judged("drift.null_share", value, evidence=evidence) for value in (0.18, -0.18))
    part = finding_part(more, FACTS)
    assert part.title.endswith("over 31 nights: 85.0\u00a0% missing, 67.0\u00a0% in training")
    assert part.size.startswith("+18.0 points; limit ±0.1 points")
    assert "less often" in finding_part(less, FACTS).title


def test_a_tile_whose_own_figure_is_unsure_does_not_pass() -> None:
    gap = Figure("quality.calibration_gap", "all rows", 0.051, "points", 900, 0.01, 0.09, side="both")
    held = Figure("quality.roc_auc", "all rows", -0.02, "fall", 900)
    tile = family("quality", judge([gap, held], Policy(), "2013-07-04").findings, FACTS)
    assert (tile.severity, tile.value) == (Severity.UNSURE, 0.051)


def test_a_night_that_only_warns_does_not_forbid_its_scores() -> None:
    verdict = judge([Figure("drift.distance", "temp", 0.9, "distance", 9, can_fail=False)], Policy(), "2013-07-04")
    for labelled, words in ((0, "with care"), (900, "may be used")):
        facts = replace(FACTS, labelled=labelled, output="published")
        assert words in verdict_part(verdict, [], facts).actions[0].text


def test_a_column_says_what_is_most_telling_of_it() -> None:
    columns = {each.column: each for each in samples.failing().columns}
    assert column_words(columns["temp"]).startswith("88.3\u00a0% beyond training's 10.9 to 82 °F. Median about 39")
    assert column_words(columns["dest"]).startswith("0.7\u00a0% never seen in training: ACK, MVY, TVC.")
    assert column_words(columns["wind_gust"]) == "Missing more often: 67.0\u00a0% before, 85.0\u00a0% now."
    assert column_words(columns["hour"]) == "As usual."
    assert "known" in column_words(replace(columns["temp"], kind="opaque"))


def test_the_median_halves_the_mass() -> None:
    picture = Histogram("number", 0.0, 4.0, (), (0.25, 0.25, 0.25, 0.25), (0.0, 0.1, 0.8, 0.1))
    assert median(picture, picture.reference) == pytest.approx(2.0)
    assert median(picture, picture.current) == pytest.approx(2.5)
    assert median(picture, (0.9, 0.1, 0.0, 0.0)) is None


@pytest.mark.parametrize(
    ("metric", "subject", "told"),
    [
        (
            "mean_error",
            "kind c",
            "The mean error of kind c differs from training by +52 % of its root mean squared error",
        ),
        ("log_loss", "kind c", "The log loss of kind c differs from training by +52 %"),
        ("", "mean_error", "The mean error differs from training by +52 % of its root mean squared error"),
    ],
)
def test_a_change_of_a_slice_says_of_what_it_is(metric: str, subject: str, told: str) -> None:
    evidence: dict[str, Scalar] = {"nights": 7, **({"metric": metric} if metric else {"reference": 0.1})}
    shift = Figure("concept.shift", subject, 0.52, "ratio", 900, limit=Limit(warn=0.1), evidence=evidence)
    headline = verdict_part(judge([shift], Policy(), "2013-07-04"), (), FACTS).headline
    assert headline.replace("\u00a0", " ").startswith(f"{told}, limit")


def test_a_model_that_fails_over_nights_is_not_called_right() -> None:
    shift = Figure("concept.shift", "root_mean_squared_error", 6.25, "ratio", 7, limit=Limit(fail=0.3))
    facts = replace(FACTS, task="regression", labelled=900)
    part = verdict_part(judge([shift], Policy(), "2013-07-04"), (), facts)
    assert part.actions[0].text.startswith("Use the predictions with care")


@pytest.mark.parametrize(
    ("task", "metric", "unit", "expected"),
    [
        ("regression", "root_mean_squared_error", "min", "root mean squared error 12.3 min, 10 min in training"),
        ("multiclass", "accuracy", "", "accuracy 81.3 %, 84.0 % in training"),
    ],
)
def test_a_metric_is_told_in_its_own_unit(task: str, metric: str, unit: str, expected: str) -> None:
    values = (12.34, 10.0) if task == "regression" else (0.813, 0.84)
    evidence = dict(zip(("now", "reference"), values, strict=True))
    figure = Figure(f"quality.{metric}", "all rows", 0.4, "ratio", 900, limit=Limit(fail=0.1), evidence=evidence)
    verdict = judge([figure], Policy(), "2013-07-04")
    headline = verdict_part(verdict, (), replace(FACTS, task=task, unit=unit)).headline
    assert headline.replace("\u00a0", " ").endswith(expected)


def test_an_advice_rests_on_what_its_reasons_say_and_not_on_their_ids() -> None:
    titles = {"quality.roc_auc:all rows": "The ranking is worse"}
    assert reason_words("quality.roc_auc:all rows", titles) == "The ranking is worse"
    assert reason_words("decomposition.log_loss:part_of_day", titles) == "Change of the log loss, by part of day"
    assert reason_words("drift.distance:gone", titles) == "drift.distance:gone"
