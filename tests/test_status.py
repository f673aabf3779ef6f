from __future__ import annotations

from pathlib import Path

import pytest

from batchops.status import latest_report, lines, render_again, status
from tests.flights import NAME, NIGHT, NIGHTS, Flights


@pytest.fixture(scope="module")
def ran(trained: Flights, tmp_path_factory: pytest.TempPathFactory) -> Flights:
    """Two nights are published, the newer is withheld, and the older has its labels."""
    made = trained.copy(tmp_path_factory.mktemp("ran") / "project")
    made.run(NIGHTS[1])
    made.run(NIGHTS[2])
    made.join(NIGHTS[1])
    made.change(lambda rows: rows.drop("dest"), NIGHTS[3])
    made.run(NIGHTS[3])
    return made


def test_a_job_that_never_ran_says_so(flights: Flights) -> None:
    (found,) = status(flights.settings)
    assert (found.job, found.nights, found.night, found.verdicts) == (NAME, 0, None, {})
    assert lines(flights.settings, found, False) == [f"{NAME}: no night has run yet"]
    assert latest_report(flights.settings, NAME) is None
    assert render_again(flights.settings, NAME) is None


def test_a_job_stands_as_its_newest_night_does(ran: Flights) -> None:
    (found,) = status(ran.settings, NAME)
    assert (found.nights, found.night, found.output, found.severity) == (2, str(NIGHTS[3]), "withheld", "FAIL")
    assert (sum(found.verdicts.values()), found.withheld) == (2, 1)
    assert Path(str(found.report)).is_file()
    assert Path(str(found.index)).is_file()
    assert found.anchor is not None
    said = "\n".join(lines(ran.settings, found, False))
    for part in (str(found.report), str(found.index), found.anchor[:12], "withheld"):
        assert part in said
    assert "\x1b" not in said


def test_status_changes_nothing(ran: Flights) -> None:
    root = ran.folder / "var/store"
    before = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
    lines(ran.settings, status(ran.settings)[0], True)
    assert {path: path.read_bytes() for path in root.rglob("*") if path.is_file()} == before


def test_the_report_of_a_night_is_that_of_its_newest_run(ran: Flights) -> None:
    labels = next(row for row in ran.runs() if row.kind == "labels")
    assert latest_report(ran.settings, NAME, NIGHTS[1]) == ran.store.uri(f"{labels.run_folder}/report.html")
    assert latest_report(ran.settings, NAME, NIGHTS[0]) is None


def test_a_page_made_again_is_the_page_that_was_made(ran: Flights) -> None:
    first = Path(str(latest_report(ran.settings, NAME, NIGHT)))
    before = first.read_bytes()
    again = Path(str(render_again(ran.settings, NAME, NIGHT)))
    assert again != first
    assert again.read_bytes() == before == first.read_bytes()
