import re
import unicodedata
from dataclasses import replace

import pytest

from batchops.report import summary
from batchops.report.terminal import LINES
from tests.report import samples

PATHS = {"report": "runs/a/report.html", "audit": "runs/a/audit.json", "ledger": "ab12", "more": "never shown"}


@pytest.mark.parametrize("name", list(samples.SAMPLES))
@pytest.mark.parametrize("colour", [True, False])
def test_a_summary_has_at_most_twelve_lines_and_ends_with_the_exit_code(name: str, colour: bool) -> None:
    lines = summary(samples.SAMPLES[name](), colour, 3, PATHS)
    assert len(lines) <= LINES
    assert lines[-1].startswith("exit    3 (a gate failed; ")
    assert any("runs/a/report.html" in line for line in lines)


def test_plain_text_is_the_coloured_text_without_its_colours() -> None:
    coloured = summary(samples.failing(), True, 3, PATHS)
    assert any("\x1b[1;31m✕ FAIL" in line for line in coloured)
    assert [re.sub(r"\x1b\[[\d;]*m", "", line) for line in coloured] == summary(samples.failing(), False, 3, PATHS)


def test_text_from_data_cannot_move_the_cursor_or_break_a_line() -> None:
    document = samples.failing()
    evil = "\x1b[2J\x1b]0;owned\x07\r\n\u202e"
    verdict = replace(document.verdict, headline=f"a{evil}b")
    families = tuple(replace(each, text=f"{each.text}{evil}") for each in document.families)
    lines = summary(replace(document, job=f"job{evil}", verdict=verdict, families=families), False, 3, {"x": evil})
    assert not [each for line in lines for each in line if unicodedata.category(each) in ("Cc", "Cf")]
    assert len(lines) <= LINES
