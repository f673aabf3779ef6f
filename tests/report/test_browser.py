import re
import shutil
import subprocess
from pathlib import Path

import pytest

from batchops.report import render
from tests.report import samples

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium on the PATH to open the page in"),
]


def open_page(folder: Path, html: str) -> str:
    """The page's elements after Chromium has run it, with nobody to talk to."""
    (folder / "page.html").write_text(html, "utf-8")
    quiet = ("gpu", "quic", "background-networking", "component-update", "sync")
    command = [str(CHROMIUM), "--headless", "--no-sandbox", "--no-first-run", *(f"--disable-{each}" for each in quiet)]
    command += [f"--user-data-dir={folder / 'profile'}", "--dump-dom", f"file://{folder / 'page.html'}"]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout


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
