import base64
import hashlib
import json
import re
from collections import Counter
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from batchops import codec
from batchops.audit.changes import ChartPart
from batchops.audit.columns import Histogram
from batchops.audit.document import AuditDocument
from batchops.audit.outcomes import BacktestPart, EstimatedPart
from batchops.audit.sections import DriftPart
from batchops.errors import ConfigError
from batchops.report import Links, RunLine, pictures, render, render_index, summary
from batchops.verdict import Severity
from tests.report import ingredients, samples
from tests.report.pages import Element, Page, parse

ROOT = Path(__file__).parents[2]
GOLDEN = Path(__file__).parent / "golden"
DOCUMENTS = Path(__file__).parent / "documents"
"""Audits as they were written: numbers that a job of four nights predicted, and two tables of three classes."""

EDITION = ROOT / "reports" / "flights.html.j2"
TEMPLATES = ROOT / "batchops" / "report" / "templates"
PAGES = list(samples.SAMPLES)


def index() -> str:
    past = ingredients.history(91, 58)
    runs = [RunLine(each, "Scores are too low", "flagged", f"{each.night}/{each.run_id}/report.html") for each in past]
    return render_index("flights_delay", "Late?", runs, samples.failing(), "0.1.0")


def stored(name: str) -> AuditDocument:
    return codec.load(AuditDocument, (DOCUMENTS / f"{name}.json").read_bytes())


def golden() -> dict[str, str]:
    made = {f"{name}.html": render(samples.SAMPLES[name]()) for name in ("unlabelled", "withheld", "zero")}
    made["flights.html"] = render(samples.failing(), EDITION, Links(index="../../index.html"))
    made |= {f"{path.stem}.html": render(stored(path.stem)) for path in DOCUMENTS.iterdir()}
    made["index.html"] = index()
    made["summary.txt"] = "\n".join(summary(samples.failing(), False, 3, {"report": "report.html"})) + "\n"
    return made


def page_of(name: str) -> Page:
    return parse(index() if name == "index" else render(samples.SAMPLES[name](), None, Links(index="../index.html")))


@pytest.mark.generate
def test_the_golden_files_are_written() -> None:
    GOLDEN.mkdir(exist_ok=True)
    for name, text in golden().items():
        (GOLDEN / name).write_text(text, "utf-8")


def test_every_page_is_its_golden_file() -> None:
    made = golden()
    assert {path.name for path in GOLDEN.iterdir()} == set(made)
    changed = [name for name, text in made.items() if (GOLDEN / name).read_text("utf-8") != text]
    assert not changed, "look at the change in git after: pytest -m generate tests/report"


def test_a_stored_document_gives_the_same_bytes_again() -> None:
    document = samples.failing()
    assert render(codec.load(AuditDocument, codec.dump(document))) == render(document)


def test_the_page_of_numbers_says_them_in_their_unit_and_of_what_they_are_a_share() -> None:
    text = parse(render(stored("numbers"))).visible()
    assert "root mean squared error 2.48 EUR, 1.82 EUR in training" in text
    assert "\N{MINUS SIGN}71\u00a0% of the root mean squared error (95\u00a0% interval" in text
    # A mean error may move to either side of what it was in training.
    assert "\N{MINUS SIGN}0.3435 to 0.3838" in text
    assert "Prediction drift" in text
    assert "threshold" not in text


def test_the_page_of_two_tables_has_no_night_and_no_section_of_what_was_not_compared() -> None:
    page = parse(render(stored("tables")))
    text = page.visible()
    assert "Scores of several classes are not compared." in text
    assert "score" not in {each.attributes.get("id") for each in page.all("section")}
    assert not re.search("tonight|training|night", text)
    # What is only estimated is shown, and judged by no limit.
    (estimated,) = [each for each in page.all("section") if each.attributes.get("id") == "estimated"]
    assert "not judged" in estimated.text
    assert "NOT RUN" not in estimated.text


@pytest.mark.parametrize("name", ["numbers", "tables"])
def test_no_page_shows_what_a_program_calls_nothing(name: str) -> None:
    assert not re.search(
        r"\b(None|null|nan|NaN|inf)\b", parse(render(stored(name))).visible().replace("null share", "")
    )


def test_the_flights_page_is_small() -> None:
    assert len(render(samples.failing(), EDITION).encode()) < 300_000


@pytest.mark.parametrize("name", [*PAGES, "index"])
def test_nothing_but_the_frameworks_own_style_and_script_may_run(name: str) -> None:
    page = page_of(name)
    styles, scripts = page.all("style"), [each for each in page.all("script") if "type" not in each.attributes]
    assert (len(styles), len(scripts)) == (1, 1)
    policy = next(each.attributes["content"] for each in page.all("meta") if "http-equiv" in each.attributes)
    assert policy.startswith("default-src 'none';")
    for element in (*styles, *scripts):
        digest = base64.b64encode(hashlib.sha256(element.text.encode()).digest()).decode()
        assert f"'sha256-{digest}'" in policy
    for each in page.elements:
        assert not [key for key in each.attributes if key.startswith("on") or key in ("style", "src", "srcset")]
        assert not each.attributes.get("href", "").lower().startswith(("javascript", "http", "//", "file"))


@pytest.mark.parametrize("name", [*PAGES, "index"])
def test_every_link_has_a_target_and_every_id_is_one(name: str) -> None:
    page = page_of(name)
    ids = Counter(each.attributes["id"] for each in page.elements if "id" in each.attributes)
    assert max(ids.values()) == 1
    links = [each.attributes["href"] for each in page.elements if each.attributes.get("href", "").startswith("#")]
    assert links
    assert not [link for link in links if link[1:] not in ids]


@pytest.mark.parametrize("name", [*PAGES, "index"])
def test_a_page_is_built_as_a_screen_reader_needs_it(name: str) -> None:
    page = page_of(name)
    assert page.all("html")[0].attributes["lang"] == "en"
    assert len(page.all("h1")) == len(page.all("main")) == 1
    depths = [int(each.tag[1]) for each in page.all("h1", "h2", "h3", "h4")]
    assert all(deeper - before <= 1 for before, deeper in pairwise(depths))
    assert all(each.attributes.get("scope") in ("col", "row") for each in page.all("th"))
    for svg in page.all("svg"):
        assert svg.attributes.get("aria-hidden") == "true" or svg.attributes.get("aria-label")
    assert all("label" in each.parents for each in page.all("input"))
    for region in page.elements:
        if region.attributes.get("role") == "region":
            assert region.attributes["tabindex"] == "0"
            assert region.attributes["aria-label"]


@pytest.mark.parametrize("name", PAGES)
def test_the_title_begins_with_the_verdict(name: str) -> None:
    document = samples.SAMPLES[name]()
    title = page_of(name).all("title")[0].text
    assert title == f"{document.verdict.severity.value} · {document.job} · 4 Jul 2013"


@pytest.mark.parametrize("name", ["fail", "unlabelled", "withheld"])
def test_every_alarm_and_its_remedy_are_on_the_page_without_a_script(name: str) -> None:
    document = samples.SAMPLES[name]()
    text = re.sub(r"\s+", " ", page_of(name).visible())
    for finding in document.findings:
        assert re.sub(r"\s+", " ", finding.size) in text
        wanted = finding.subject if finding.check.startswith("slices") else finding.title
        assert re.sub(r"\s+", " ", wanted) in text
    assert re.sub(r"\s+", " ", document.verdict.headline) in text


def test_the_page_holds_the_whole_document() -> None:
    document = samples.hostile()
    script = next(each for each in parse(render(document)).all("script") if each.attributes.get("id") == "audit")
    assert json.loads(script.text) == json.loads(codec.dump(document))


def test_hostile_names_and_values_are_text_everywhere() -> None:
    page = page_of("hostile")
    assert len(page.all("script")) == 2
    assert not page.all("img")
    assert page.visible().count("document.title=") > 20
    assert "49" not in [each.text for each in page.all("h1")]


def test_personal_data_is_never_shown() -> None:
    document = samples.hostile()
    shown = page_of("hostile").visible()
    assert "email" in shown
    assert samples.SECRET not in shown
    assert "4711" not in shown
    assert samples.SECRET not in "\n".join(summary(document))


def _row(page: Page, id: str) -> Element:
    return next(each for each in page.elements if each.attributes.get("id") == id)


def test_a_column_without_a_picture_says_so() -> None:
    document = samples.failing()
    bare = replace(document.columns[0], histogram=None)
    nothing = Histogram("number", None, None, (), (), ())
    empty = replace(document.columns[1], histogram=nothing)
    page = parse(render(replace(document, drift=DriftPart("training", (bare, empty)))))
    assert "no picture" in _row(page, "column-temp").text
    assert "no values" in _row(page, "column-dewp").text


def test_one_slice_and_one_night_are_enough_for_a_page() -> None:
    document = samples.failing()
    assert document.slices is not None
    assert document.slicing is not None
    one = replace(document.slicing, tested=1)
    page = parse(render(replace(document, slices=document.slices[:1], slicing=one, history=())))
    assert "1 slice tested" in page.visible()
    assert "The first night" in page.visible()


def test_the_edition_of_the_flights_extends_the_page() -> None:
    page = parse(render(samples.failing(), EDITION))
    assert "Flights: late arrivals" in page.all("header")[0].text
    assert "The weather" in [each.text.split(" #")[0].strip() for each in page.all("h2")]
    assert "weather" not in [each.attributes.get("id") for each in page_of("fail").elements]


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("{% extends 'base.html.j2' %}{% block extra %}{{ audit.nosuch }}{% endblock %}", "nosuch"),
        ("{% extends 'base.html.j2' %}{% block extra %}", "TemplateSyntaxError"),
        ("{% extends 'missing.html.j2' %}", "missing.html.j2"),
    ],
)
def test_a_wrong_edition_is_named_with_its_place(tmp_path: Path, text: str, what: str) -> None:
    edition = tmp_path / "mine.html.j2"
    edition.write_text(text)
    with pytest.raises(ConfigError, match=what) as caught:
        render(samples.zero_rows(), edition)
    assert str(edition) in caught.value.where


def test_an_edition_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"gone\.html\.j2"):
        render(samples.zero_rows(), tmp_path / "gone.html.j2")


def test_no_template_switches_escaping_off() -> None:
    for path in (*TEMPLATES.glob("*.j2"), *(ROOT / "reports").glob("*.j2")):
        text = path.read_text("utf-8")
        assert not re.search(r"\|\s*safe|autoescape|style\s*=|\son\w+\s*=|javascript:", text), path.name


def _palettes() -> list[dict[str, str]]:
    css = (TEMPLATES / "base.css").read_text("utf-8")
    pairs = re.findall(r"--(\w+): light-dark\((#\w+), (#\w+)\)", css)
    return [{name: light for name, light, _ in pairs}, {name: dark for name, _, dark in pairs}]


def _luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """WCAG 2.2: (lighter + 0.05) / (darker + 0.05) of the relative luminances."""
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("scheme", [0, 1])
def test_every_text_can_be_read_in_both_schemes(scheme: int) -> None:
    palette = _palettes()[scheme]
    texts = [(ink, ground) for ink in ("ink", "mut", "link") for ground in ("bg", "card", "soft")]
    texts += [(level, f"{level}bg") for level in ("fail", "warn", "pass")]
    texts += [("ink", "passbg"), ("ink", "failbg"), ("ink", "warnbg"), ("fail", "card")]
    assert {
        pair: contrast(palette[pair[0]], palette[pair[1]])
        for pair in texts
        if contrast(palette[pair[0]], palette[pair[1]]) < 4.5
    } == {}
    marks = [("cur", "card"), ("fail", "card"), ("ref", "card"), ("fail", "soft"), ("cur", "soft")]
    assert [pair for pair in marks if contrast(palette[pair[0]], palette[pair[1]]) < 3] == []


def test_the_axis_of_times_ends_in_dates_and_that_of_times_of_day_in_times() -> None:
    def ends(low: float | None, high: float | None, kind: str) -> tuple[str, str]:
        return pictures.ends(Histogram("number", low, high, (), (), ()), kind)

    assert ends(0.0, 1.36e15, "temporal") == ("1 Jan 1970", "4 Feb 2013")
    assert ends(2.2e7, 5.4e10, "temporal") == ("00:00:22", "15:00:00")
    assert ends(1.36, 2, "numeric") == ("1.36", "2")
    assert ends(0, 9e17, "temporal") == ("0", "9.00e+17")
    assert ends(None, None, "temporal") == ("\N{EN DASH}", "\N{EN DASH}")


def test_a_page_shows_what_differs_between_training_and_serving_and_counts_the_rest() -> None:
    page = page_of("skewed")
    rows = [each.attributes["id"] for each in page.all("tr") if each.attributes.get("id", "").startswith("skew-")]
    assert rows[:2] == ["skew-feature-temp", "skew-schema-temp"]
    assert set(rows[2:]) == {"skew-feature-dest", "skew-distribution-temp", "skew-feature-visib"}
    text = render(samples.skewed())
    assert "900 keys joined; 94 only tonight, 3 only logged." in text
    assert "900 of 900 rows; 70 °F tonight, 80 logged, on average." in text
    assert "17 of 900 rows; 4 missing tonight; 13 missing in what was logged." in text
    assert "Not compared: absent in what was logged." in text
    assert "Int64; in °C → Float64; in °F" in text
    assert "1 comparison within the limit." in text
    assert 'id="skew"' not in render(samples.failing())


def test_earlier_estimates_stand_in_a_line_a_night_beside_what_came_true() -> None:
    def earlier(day: int, metric: str, realised: float) -> BacktestPart:
        return BacktestPart(f"2013-07-{day:02}", metric, 0.7, 0.6, 0.8, realised)

    came = (earlier(1, "roc_auc", 0.71), earlier(1, "accuracy", 0.9), earlier(2, "accuracy", 0.75))
    estimated = EstimatedPart("CBPE", 900, {}, None, (), 2 / 3, came)
    page = parse(render(replace(samples.failing(), estimated=estimated)))
    told = [row.text.replace("\N{NO-BREAK SPACE}", " ") for row in page.all("tr")]
    assert [text for text in told if text[:10] in ("1 Jul 2013", "2 Jul 2013")] == [
        "1 Jul 20130.7100.600 to 0.80090.0 %outside 60.0 % to 80.0 %",
        "2 Jul 2013\N{EN DASH}75.0 %60.0 % to 80.0 %",
    ]


def test_without_a_contract_a_level_says_that_the_reference_asks_for_the_columns() -> None:
    text = parse(render(replace(samples.failing(), contract=None))).visible()
    assert "the columns and their types are held to those of the reference" in text
    assert "No contract was asked for" not in text


@pytest.mark.parametrize(
    ("chart", "words"),
    [
        (ChartPart("log_loss", "shift", 0.355, 0.1, None, 7, Severity.WARN), ("+36\u00a0%", "10\u00a0%")),
        (
            ChartPart("calibration_gap", "shift", -0.072, 0.03, None, 7, Severity.WARN),
            ("\N{MINUS SIGN}7.2 points", "±3.0 points"),
        ),
        (ChartPart("mean_error", "ewma", 2.1, 2.78, None, 7, Severity.PASS), ("+2.1 sd", "±2.78 sd")),
        (ChartPart("log_loss", "cusum", None, 3.67, None, 7, Severity.NOT_RUN), ("\N{EN DASH}", "3.67 sd")),
    ],
)
def test_a_chart_says_its_figure_in_the_unit_of_its_limit(chart: ChartPart, words: tuple[str, str]) -> None:
    assert (pictures.chart_value(chart), pictures.chart_limit(chart)) == words
