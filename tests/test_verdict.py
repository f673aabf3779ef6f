import pytest
from hypothesis import given, strategies as st
from statsmodels.stats.multitest import multipletests

from batchops.verdict import DEFAULT_LIMITS, Figure, Limit, Past, Policy, Severity, judge, severity_of, worst

SHARE = Limit(warn=0.05, fail=0.10)


def figure(value: float | None, **facts: object) -> Figure:
    return Figure("drift.null_share", "temp", value, **facts)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("lower", "value", "upper", "expected"),
    [
        (0.11, 0.12, 0.13, Severity.FAIL),
        (0.09, 0.12, 0.15, Severity.WARN),
        (0.06, 0.07, 0.08, Severity.WARN),
        (0.04, 0.06, 0.08, Severity.UNSURE),
        (0.01, 0.04, 0.09, Severity.PASS),
        (None, None, None, Severity.NOT_RUN),
    ],
)
def test_an_alarm_needs_the_whole_interval_beyond_the_limit(
    lower: float | None, value: float | None, upper: float | None, expected: Severity
) -> None:
    assert severity_of(figure(value, lower=lower, upper=upper), SHARE) is expected


def test_only_the_corrected_interval_may_fail() -> None:
    plain = figure(0.12, lower=0.11, upper=0.13)
    corrected = figure(0.12, lower=0.11, upper=0.13, lower_corrected=0.08, upper_corrected=0.16)
    assert severity_of(plain, SHARE) is Severity.FAIL
    assert severity_of(corrected, SHARE) is Severity.WARN


def test_what_is_usual_never_alarms() -> None:
    assert severity_of(figure(0.30, usual=0.35), SHARE) is Severity.PASS
    assert severity_of(figure(0.30, usual=0.20), SHARE) is Severity.FAIL


def test_without_enough_reference_nothing_fails() -> None:
    assert severity_of(figure(0.30, can_fail=False), SHARE) is Severity.WARN


def test_both_sides_and_the_lower_side_count_where_they_matter() -> None:
    assert severity_of(figure(-0.2, side="both"), SHARE) is Severity.FAIL
    assert severity_of(figure(-0.2, side="upper"), SHARE) is Severity.PASS
    assert severity_of(figure(0.8, side="lower"), Limit(warn=0.9)) is Severity.WARN
    assert severity_of(figure(0.95, side="lower"), Limit(warn=0.9)) is Severity.PASS


@given(st.floats(-1, 1), st.floats(0, 0.5), st.floats(0, 0.5))
def test_a_wider_interval_never_makes_a_verdict_worse(value: float, half: float, more: float) -> None:
    for side in ("upper", "both"):
        narrow = figure(value, lower=value - half, upper=value + half, side=side)
        wide = figure(value, lower=value - half - more, upper=value + half + more, side=side)
        assert severity_of(wide, SHARE).rank >= severity_of(narrow, SHARE).rank


def test_the_more_specific_limit_wins() -> None:
    policy = Policy({"drift.null_share": Limit(fail=0.2), "drift.null_share:wind_gust": Limit(fail=0.9)})
    assert policy.limit("drift.null_share", "wind_gust").fail == 0.9
    assert policy.limit("drift.null_share", "temp").fail == 0.2
    assert policy.limit("drift.distance", "temp") == DEFAULT_LIMITS["drift.distance"]
    assert policy.limit("never.heard_of", "temp") == Limit()


ID = "drift.null_share:temp"


def past(night: str, since: tuple[str, int] | None, figure: float | None = None) -> Past:
    levels = {ID: Severity.WARN} if since else {}
    return Past(night, f"run-{night}", Severity.PASS, 10, levels, {ID: since} if since else {}, {ID: figure})


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        (None, ("2013-07-04", 1)),
        (past("2013-07-03", None), ("2013-07-04", 1)),
        (past("2013-07-03", ("2013-07-03", 1)), ("2013-07-03", 2)),
        (past("2013-07-03", ("2012-01-01", 400)), ("2012-01-01", 401)),
    ],
)
def test_since_is_the_first_night_of_the_unbroken_run(before: Past | None, expected: tuple[str, int]) -> None:
    history = () if before is None else (before,)
    (finding,) = judge([figure(0.2)], Policy({"drift.null_share": SHARE}), "2013-07-04", history).findings
    assert (finding.since, finding.nights) == expected


def test_a_finding_knows_its_figure_of_the_run_before() -> None:
    (finding,) = judge([figure(0.2)], Policy(), "2013-07-04", [past("2013-07-03", None, 0.07)]).findings
    assert finding.previous == 0.07


def test_findings_come_worst_first_and_a_blocking_fail_blocks() -> None:
    policy = Policy({"a": Limit(fail=1), "b": Limit(fail=1, blocking=True), "c": Limit(warn=1), "d": Limit(fail=1)})
    verdict = judge([Figure(check, "x", value) for check, value in zip("abcd", (9, 2, 5, 0), strict=True)], policy, "n")
    assert [finding.check for finding in verdict.findings] == ["b", "a", "c", "d"]
    assert verdict.severity is Severity.FAIL
    assert verdict.blocked
    assert [finding.check for finding in verdict.alarms] == ["b", "a", "c"]


def test_a_night_of_which_nothing_ran_is_not_a_pass() -> None:
    assert judge([], Policy(), "2013-07-04").severity is Severity.NOT_RUN
    assert judge([figure(None)], Policy(), "2013-07-04").severity is Severity.NOT_RUN


def test_the_worst_severity_is_the_first_of_the_five_words() -> None:
    assert worst([Severity.PASS, Severity.UNSURE, Severity.NOT_RUN]) is Severity.UNSURE
    assert worst([]) is Severity.NOT_RUN


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_the_correction_for_many_figures_is_that_of_benjamini_and_hochberg(chances: list[float]) -> None:
    figures = [
        Figure("drift.null_share", f"c{place}", 0.5, limit=SHARE, chance=lambda _, p=p: p)  # type: ignore[misc]
        for place, p in enumerate(chances)
    ]
    found = {each.subject: each for each in judge(figures, Policy(), "2025-01-01").findings}
    q_values = multipletests(chances, method="fdr_bh")[1]
    for place, (p, q) in enumerate(zip(chances, q_values, strict=True)):
        one = found[f"c{place}"]
        assert one.p_value == p
        assert one.q_value is not None
        assert one.q_value == pytest.approx(q)
        assert (one.severity in (Severity.WARN, Severity.FAIL)) is (one.q_value <= 0.05)


def test_what_tells_the_same_of_one_night_shares_the_budget_and_is_said_only_where_it_is_worse() -> None:
    def pair(window: float, tonight: float) -> tuple[set[str], int]:
        over = figure(0.12, chance=lambda _: window)
        last = Figure("drift.null_share", "temp (tonight)", 0.12, chance=lambda _: tonight, beside=over.id)
        verdict = judge([over, last], Policy({"drift.null_share": Limit(warn=0.05)}), "2026-01-02")
        return {f"{finding.subject} {finding.severity}" for finding in verdict.findings}, verdict.shared

    assert pair(0.9, 1e-9) == ({"temp UNSURE", "temp (tonight) WARN"}, 2)
    assert pair(1e-9, 1e-9) == ({"temp WARN"}, 2)
    assert pair(0.9, 0.8) == ({"temp UNSURE"}, 2)
    # By itself it would warn; of two it does not.
    assert pair(0.9, 0.03) == ({"temp UNSURE"}, 2)


def test_a_chance_that_counts_own_variation_is_asked_at_the_limit() -> None:
    for own, warns in ((False, False), (True, True)):
        # The limit is proved to be passed; a third, which is usual, is not.
        one = figure(0.4, usual=0.3, own=own, chance=lambda edge: 0.9 if edge > 0.1 else 1e-9)
        alarms = judge([one], Policy({"drift.null_share": Limit(warn=0.05)}), "2026-01-02").alarms
        assert bool(alarms) is warns
    # FAIL asks for both.
    one = figure(0.4, usual=0.3, own=True, chance=lambda edge: 0.9 if edge > 0.1 else 1e-9)
    (alarm,) = judge([one], Policy({"drift.null_share": Limit(warn=0.05, fail=0.06)}), "2026-01-02").alarms
    assert alarm.severity is Severity.WARN
    # Less than what is usual still says nothing.
    small = figure(0.2, usual=0.3, own=True, chance=lambda _: 0.0)
    assert judge([small], Policy({"drift.null_share": Limit(warn=0.05)}), "").alarms == ()
