import pytest
from hypothesis import given, strategies as st

from batchops.report import RunLine, render_index
from batchops.report.index import incidents
from batchops.verdict import Past, Severity
from tests.report import ingredients, samples
from tests.report.pages import parse

levels = st.dictionaries(
    st.sampled_from(["drift.distance:temp", "drift.distance:dewp", "quality.roc_auc:all rows"]),
    st.sampled_from([Severity.FAIL, Severity.WARN]),
)
histories = st.lists(levels, max_size=20).map(
    lambda nights: [Past(f"2013-01-{i + 1:02d}", str(i), Severity.PASS, levels=each) for i, each in enumerate(nights)]
)


def past(night: int, *ids: str) -> Past:
    return Past(f"2013-06-{night:02d}", str(night), Severity.FAIL, levels=dict.fromkeys(ids, Severity.FAIL))


@given(histories)
def test_every_alarm_of_every_night_belongs_to_one_incident(history: list[Past]) -> None:
    found = incidents(history)
    assert sum(each.nights for each in found) == sum(len(each.levels) for each in history)
    newest = set(history[-1].levels) if history else set()
    assert sum(each.is_open for each in found) == len(newest)


def test_fifty_eight_failing_nights_are_one_incident() -> None:
    found = incidents(ingredients.history(91, 58))
    assert [(each.topic, each.nights, each.is_open) for each in found] == [
        ("drift:temp", 58, True),
        ("quality.calibration_gap:all rows", 19, True),
        ("contract.rule:dest.known", 58, True),
    ]


def test_a_night_without_it_closes_an_incident_and_a_later_one_opens_another() -> None:
    found = incidents([past(1, "drift.distance:temp"), past(2), past(3, "drift.null_share:temp (tonight)")])
    told = [(each.first, each.nights, each.is_open) for each in found]
    assert told == [("2013-06-03", 1, True), ("2013-06-01", 1, False)]


def test_the_index_lists_every_run_newest_first_and_links_its_report() -> None:
    runs = [RunLine(each, "a headline", "flagged", f"{each.night}/report.html") for each in ingredients.history(40, 10)]
    page = parse(render_index("flights_delay", "Late?", runs, samples.failing(), "0.1.0"))
    links = [each.attributes["href"] for each in page.all("a") if "tbody" in each.parents and each.text]
    assert links[-40:] == [f"{each.past.night}/report.html" for each in reversed(runs)]
    assert page.all("title")[0].text.startswith("FAIL · flights_delay")
    assert page.all("h1")[0].text.startswith("Failing for 10 nights in a row, since ")


@pytest.mark.parametrize("count", [0, 1])
def test_a_young_job_has_an_index_too(count: int) -> None:
    nights = ingredients.history(count, 0)
    runs = [RunLine(each, samples.HOSTILE, "published", "javascript:alert(1)") for each in nights]
    page = parse(render_index(f"job{samples.HOSTILE}", samples.HOSTILE, runs))
    assert len(page.all("h1")) == 1
    assert len(page.all("script")) == 1
    assert not page.all("img")
    assert all(":" not in each.attributes["href"] for each in page.all("a"))
