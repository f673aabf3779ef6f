import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from batchops.audit.sections import ClassScorePart
from batchops.report import render
from tests.report import samples
from tests.report.pages import parse

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
GOLDEN = Path(__file__).parent / "golden"
PDFTOTEXT = shutil.which("pdftotext")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium on the PATH to open the page in"),
]


def chromium(folder: Path, html: str, *wanted: str) -> str:
    """What Chromium says of a page, with nobody to talk to."""
    (folder / "page.html").write_text(html, "utf-8")
    quiet = ("gpu", "quic", "background-networking", "component-update", "sync")
    command = [str(CHROMIUM), "--headless", "--no-sandbox", "--no-first-run", *(f"--disable-{each}" for each in quiet)]
    command += [f"--user-data-dir={folder / 'profile'}", *wanted, f"file://{folder / 'page.html'}"]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout


def open_page(folder: Path, html: str, *wanted: str) -> str:
    """The page's elements after Chromium has run it."""
    return chromium(folder, html, *wanted, "--dump-dom")


def printed(folder: Path, html: str) -> list[list[str]]:
    """The lines of every page on paper, from top to bottom, without blanks: what sets words apart is the printer's."""
    chromium(folder, html, "--no-pdf-header-footer", f"--print-to-pdf={folder / 'page.pdf'}")
    command = [str(PDFTOTEXT), "-layout", str(folder / "page.pdf"), "-"]
    pages = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout.split("\f")
    return [[re.sub(r"\s", "", line) for line in page.splitlines() if line.strip()] for page in pages[:-1]]


def golden(name: str) -> str:
    return (GOLDEN / f"{name}.html").read_text("utf-8")


def test_our_script_runs_and_no_other_one_does(tmp_path: Path) -> None:
    dom = open_page(tmp_path, render(samples.hostile()))
    title = re.search(r"<title>(.*?)</title>", dom, re.DOTALL)
    assert title is not None
    assert title[1].startswith("FAIL · job")
    assert '<html lang="en" class="js">' in dom
    assert "12 of 12 shown" in dom
    assert "<img" not in dom
    assert dom.count("<script") == 2


def test_a_script_that_got_into_the_page_would_still_not_run(tmp_path: Path) -> None:
    planted = "<script>document.documentElement.setAttribute('owned','1')</script><i onclick='1' style='color:red'></i>"
    html = render(samples.zero_rows()).replace("</main>", f"{planted}</main>")
    dom = open_page(tmp_path, html)
    assert 'class="js"' in dom
    assert not re.search(r"<html[^>]*owned", dom)


@pytest.mark.skipif(PDFTOTEXT is None, reason="no pdftotext on the PATH to read the printed page with")
@pytest.mark.parametrize("name", ["tables", "numbers"])
def test_on_paper_no_page_ends_with_a_heading_or_with_what_introduces_a_section(tmp_path: Path, name: str) -> None:
    html = golden(name)
    openings = [
        each for each in parse(html).all("h2", "h3", "p") if each.tag != "p" or each.attributes.get("class") == "q"
    ]
    said = {re.sub(r"\s", "", each.text) for each in openings}
    # Where pages end is chance: the sections again and again, each time a line further down.
    start, end = html.index("<section"), html.rindex("</section>") + len("</section>")
    pages = printed(tmp_path, html[:start] + "".join("<p>~</p>" * i + html[start:end] for i in range(6)) + html[end:])
    assert len(pages) > 30
    last = [page[-1] for page in pages]
    assert not [line for line in last if any(each.startswith(line) or each.endswith(line) for each in said)]
    for page in pages:
        assert "".join(page).count("Predictedagainst") == "".join(page).count("bars:rows")


def of_classes() -> str:
    """The page of a night whose model tells three classes apart."""
    document = samples.failing()
    assert document.score is not None
    labels = ("bought again within a year", "churned", "undecided")
    parts = [ClassScorePart(label, document.score.column, 0.349, 0.4, 0.411, 0.374, 0.465, 0.452) for label in labels]
    return render(replace(document, score=replace(document.score, classes=tuple(parts))))


@pytest.mark.parametrize("name", ["classes", "numbers", "flights"])
def test_no_table_scrolls_sideways_in_a_window_of_1280(tmp_path: Path, name: str) -> None:
    html = of_classes() if name == "classes" else golden(name)
    measure = """<script>addEventListener("load", () => { for (const box of document.querySelectorAll(".scroll"))
        box.dataset.spare = box.clientWidth - box.scrollWidth; });</script></main>"""
    bare = re.sub("<meta http-equiv[^>]*>", "", html).replace("</main>", measure)
    boxes = re.findall(
        r'aria-label="([^"]*)" data-spare="(-?\d+)"', open_page(tmp_path, bare, "--window-size=1280,900")
    )
    assert len(boxes) > 4
    assert not [name for name, spare in boxes if int(spare) < 0]
