from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl
import pytest

from batchops.audit import SCORE, Audit
from batchops.audit.recent import Earlier, compare_recent, recent_figures
from batchops.audit.series import Measured, Past, expected_series, series_figures, series_of, series_part, software_of
from batchops.verdict import DEFAULT_LIMITS, Policy, Severity, Verdict, judge
from tests.audit.nights import Change, audit_of, day, reference, rows, same

TONIGHT = dt.date(2013, 7, 4)
POLICY = Policy()


def past(key: str, values: list[float | None]) -> Past:
    days = [TONIGHT - dt.timedelta(days=len(values) - place) for place in range(len(values))]
    return Past(days, [{key: value} for value in values])


def judged(measured: Measured, values: list[float | None]) -> Verdict:
    expected = expected_series([measured], past(measured.key, values), TONIGHT)
    return judge([*series_figures([measured], expected)], POLICY, str(TONIGHT))


def test_what_is_measured_of_a_night_is_numpys() -> None:
    frame = rows(1, 5_000)
    found = {each.name: each for each in series_of(audit_of(frame, str(day(1)), reference()), reference().score)}
    scores = frame[SCORE].to_numpy()
    assert found["rows"].value == 5_000
    assert found["quarantined_share"].value == found["score_null_share"].value == 0
    assert found["score_mean"].value == pytest.approx(scores.mean(), abs=1e-4)
    assert found["score_deviation"].value == pytest.approx(scores.std(), abs=1e-4)
    assert found["selection_rate"].value == pytest.approx((scores >= 0.5).mean())
    for percentage in (5, 50, 95):
        exact = np.percentile(scores, percentage)
        assert found[f"score_p{percentage:02}"].value == pytest.approx(exact, abs=0.01)


def test_texts_that_are_longer_than_on_the_recent_nights_are_said_however_rare_each_one_is() -> None:
    def night(seed: int, change: Change = same) -> Audit:
        return audit_of(rows(seed, 300, change), str(day(seed)), reference())

    def longer(frame: pl.DataFrame) -> pl.DataFrame:
        return frame.with_columns(pl.col("kind") + "-" + pl.int_range(pl.len()).cast(pl.String))

    earlier = [Earlier(str(day(place)), night(place)) for place in range(30)]
    for change, value, alarms in ((same, 1, set[str]()), (longer, 4.6, {"series.length:kind"})):
        recent = compare_recent(night(31, change), earlier, day(31), reference())
        (length,) = [each for each in recent.measured if each.key == "series.length:kind"]
        assert length.value == pytest.approx(value, abs=0.1)
        found = {each.id for each in judge([*recent_figures(recent, POLICY)], POLICY, "").alarms}
        assert {each for each in found if each.startswith("series.length")} == alarms


def test_a_night_without_a_score_is_measured_where_it_can_be() -> None:
    frame = rows(1).clear()
    found = {each.name: each.value for each in series_of(audit_of(frame, str(day(1)), reference()), reference().score)}
    assert found["rows"] == 0
    assert {name for name, value in found.items() if value is None} == {*found} - {"rows"}
    assert "length" not in found


@pytest.mark.parametrize(
    ("now", "severity"), [(1000, Severity.PASS), (1280, Severity.PASS), (1500, Severity.WARN), (550, Severity.WARN)]
)
def test_a_series_warns_beyond_the_limit_and_beyond_what_nights_show(now: float, severity: Severity) -> None:
    values = [*np.random.default_rng(1).normal(1000, 30, 30)]
    assert judged(Measured("rows", now, "rows"), values).findings[0].severity is severity


def test_a_series_that_varies_as_much_by_itself_does_not_warn() -> None:
    values = [*np.random.default_rng(2).normal(1000, 400, 30)]
    assert not judged(Measured("rows", 1500, "rows"), values).alarms


def test_a_small_share_is_held_against_five_points() -> None:
    values: list[float | None] = [0.001] * 30
    assert not judged(Measured("quarantined_share", 0.015, "share", 0.05), values).alarms
    assert judged(Measured("quarantined_share", 0.02, "share", 0.05), values).alarms


def test_what_a_run_takes_warns_at_twice_the_usual_and_never_fails() -> None:
    values = [*np.random.default_rng(3).normal(60, 2, 30)]
    slow = Measured("seconds", 118.0, "s", side="upper")
    assert not judged(slow, values).alarms
    (found,) = judged(Measured("seconds", 600.0, "s", side="upper"), values).findings
    assert found.severity is Severity.WARN
    assert not judged(Measured("seconds", 1.0, "s", side="upper"), values).alarms
    series = {check: limit for check, limit in DEFAULT_LIMITS.items() if check.startswith("series.")}
    assert all(limit.fail is None for limit in series.values())


def test_with_too_few_nights_a_series_is_measured_and_not_judged() -> None:
    measured = Measured("rows", 9.0, "rows")
    assert judged(measured, [1000.0] * 7).findings == ()
    expected = expected_series([measured], past(measured.key, [1000.0] * 7), TONIGHT)
    (part,) = series_part([measured], expected, {}, POLICY)
    assert (part.value, part.expected, part.severity, part.nights) == (9.0, None, Severity.NOT_RUN, 0)


def test_nights_without_a_figure_are_left_out() -> None:
    values: list[float | None] = [None, float("nan"), *[10.0] * 8]
    (found,) = judged(Measured("files", 3.0, "files"), values).findings
    assert (found.n, found.severity) == (8, Severity.WARN)
    assert found.value == pytest.approx(-0.7)


def test_a_runs_measurements_name_their_units() -> None:
    found = software_of({"load": 1.0, "partitions": 4.0}, 1000, {"cpu_seconds": 7.0, "peak_memory": 2.0**30}, 3)
    table = {(each.name, each.subject): (each.value, each.unit) for each in found}
    assert table == {
        ("seconds", "all rows"): (5.0, "s"),
        ("files", "all rows"): (3, "files"),
        ("stage_seconds", "load"): (1.0, "s"),
        ("stage_seconds", "partitions"): (4.0, "s"),
        ("rows_per_second", "all rows"): (250.0, "rows/s"),
        ("cpu_seconds", "all rows"): (7.0, "s"),
        ("peak_memory", "all rows"): (2.0**30, "B"),
    }
    assert software_of({}, 0, {}, 0)[-1].value is None
