"""Contracts on the command line: looked at, compared, refused, replayed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from tests.cli.calls import Done, batchops, here, python

SCHEMA = "schemas/visits.py"


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The scaffold's project with three nights, and a model of little training."""
    folder = tmp_path_factory.mktemp("contracts") / "shop"
    assert batchops("-q", "init", str(folder)).exit_code == 0
    job = folder / "jobs/visits.py"
    job.write_text(
        job.read_text().replace('last="2025-03-31"', 'last="2025-02-11"').replace("max_iter=80", "max_iter=20")
    )
    assert python("-m", "jobs.visits_data", cwd=folder).exit_code == 0
    span = ["--from", "2025-04-01", "--to", "2025-04-03"]
    for done in here([["train", "visits"], ["backfill", "visits", *span]], folder):
        assert done.exit_code == 0, done
    return folder


@pytest.fixture
def project(published: Path) -> Iterator[Path]:
    """The same project; its contract and folder of schemas are put back when the test is over."""
    before = {path: path.read_bytes() for path in (published / "schemas").glob("*.py")}
    yield published
    for path in (published / "schemas").glob("*.py"):
        path.unlink()
    for path, content in before.items():
        path.write_bytes(content)


def edit(project: Path, *changes: tuple[str, str]) -> None:
    path = project / SCHEMA
    text = path.read_text()
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    path.write_text(text)


NARROWER = ("le=500", "le=20")
WIDER = ('"tablet", "desktop"]', '"tablet", "desktop", "tv"]')
RAISED = ('"version": 1', '"version": 2')


def one(project: Path, *arguments: str) -> Done:
    (done,) = here([arguments], project)
    return done


class TestShow:
    def test_a_contract_shows_columns_and_rules_at_their_lines(self, project: Path) -> None:
        done = one(project, "contract", "show", "Visits")
        assert done.exit_code == 0
        assert done.stdout.startswith("Visits v1, owner you, digest ")
        (rule,) = (line for line in done.stdout.splitlines() if line.startswith("pages.le "))
        place = f"{SCHEMA}:{1 + (project / SCHEMA).read_text().splitlines().index(next_line(project, 'pages'))}"
        assert rule.split() == [
            *("pages.le", "pages", "is", "at", "most", "500", "pages", "error"),
            *("warn", "0", "%,", "fail", "5", "%", "quarantine", "row", place),
        ]

    def test_json_is_what_diff_reads(self, project: Path, tmp_path: Path) -> None:
        kept = tmp_path / "visits.json"
        kept.write_text(one(project, "contract", "show", "Visits", "--output", "json").stdout)
        edit(project, NARROWER)
        same, other = here(
            [["contract", "diff", str(kept), "Visits@1"], ["contract", "diff", str(kept), "--output", "json"]], project
        )
        assert same.stdout == "Visits v1 -> Visits v1: they ask the same\n"
        assert [change["what"] for change in json.loads(other.stdout)["changes"]] == ["pages.le"]

    def test_what_is_not_there_is_named_with_what_is(self, project: Path) -> None:
        commands = [["contract", "show", each] for each in ("Visits@7", "Vists", "nothing.json")]
        version, name, file = here(commands, project)
        assert {version.exit_code, name.exit_code, file.exit_code} == {2}
        assert "Did you mean Visits@1?" in version.stderr
        assert "schemas.visits:Visits" in name.stderr
        assert "nothing.json: cannot be read" in file.stderr


def next_line(project: Path, column: str) -> str:
    """The line of a column's field."""
    return next(line for line in (project / SCHEMA).read_text().splitlines() if line.startswith(f"    {column}: "))


class TestDiff:
    def test_changes_stand_under_what_they_do(self, project: Path) -> None:
        edit(project, NARROWER, WIDER)
        done = one(project, "contract", "diff", "Visits@1")
        assert done.exit_code == 0
        narrower, wider = (done.stdout.index(word) for word in ("NARROWER", "WIDER"))
        assert narrower < done.stdout.index("pages.le") < wider < done.stdout.index("device.isin")
        assert done.stdout.rstrip().endswith("suggested version: 2")

    @pytest.mark.parametrize(
        ("change", "fails"),
        [
            (NARROWER, {"narrowing", "change"}),
            (WIDER, {"widening", "change"}),
            (('owner": "you', 'owner": "me'), set()),
            (('"pages"}', '"sheets"}'), {"narrowing", "widening", "change"}),
        ],
    )
    def test_continuous_integration_may_fail_on_what_it_likes(
        self, project: Path, change: tuple[str, str], fails: set[str]
    ) -> None:
        edit(project, change)
        kinds = ("narrowing", "widening", "change")
        done = here([["contract", "diff", "Visits@1", "--fail-on", kind] for kind in kinds], project)
        assert {kind for kind, each in zip(kinds, done, strict=True) if each.exit_code == 3} == fails
        assert {each.exit_code for each in done} <= {0, 3}

    def test_a_file_of_anywhere_is_a_contract(self, project: Path, tmp_path: Path) -> None:
        old = tmp_path / "old.py"
        old.write_text((project / SCHEMA).read_text())
        edit(project, NARROWER)
        outside, inside = here(
            [["contract", "diff", f"{old}:Visits"], ["contract", "diff", "Visits@1", f"{SCHEMA}:Visits"]], project
        )
        assert outside.stdout.splitlines()[2:] == inside.stdout.splitlines()[2:]
        assert "pages.le" in outside.stdout


class TestAnEditedContract:
    def test_is_refused_by_every_command_that_would_use_it(self, project: Path) -> None:
        edit(project, NARROWER)
        commands = (["run", "visits", "--date", "2025-04-09"], ["train", "visits"], ["check"], ["contract", "check"])
        done = here(commands, project)
        assert [each.exit_code for each in done] == [2, 2, 2, 2]
        for each in done:
            assert "Visits v1 was published with other content: pages.le narrowed" in each.stderr + each.stdout
            assert "Raise version to 2" in each.stderr + each.stdout

    def test_is_accepted_under_a_new_version(self, project: Path) -> None:
        edit(project, NARROWER, RAISED)
        check, contract = here([["check"], ["contract", "check"]], project)
        assert (check.exit_code, contract.exit_code) == (0, 0)


class TestCheck:
    def test_slips_stand_at_their_lines_and_batchops_check_refuses_them(self, project: Path) -> None:
        edit(project, ("ge=1, le=500", "ge=1, le=0"), RAISED)
        contract, check, value = here(
            [["contract", "check"], ["check"], ["contract", "check", "Visits", "--output", "json"]], project
        )
        assert (contract.exit_code, check.exit_code, value.exit_code) == (2, 2, 2)
        (found,) = json.loads(value.stdout)
        (doubt,) = found["doubts"]
        assert doubt["what"] == "no value of pages passes all of pages.ge, pages.le"
        assert found["jobs"] == ["visits"]
        line = 1 + (project / SCHEMA).read_text().splitlines().index(next_line(project, "pages"))
        assert doubt["where"] == f"{SCHEMA}:{line}"
        assert f"error    {SCHEMA}:{line}: no value of pages" in contract.stdout
        assert f"{SCHEMA}:{line}: no value of pages" in check.stdout

    def test_a_schema_that_cannot_be_imported_is_named_beside_the_others(self, project: Path) -> None:
        (project / "schemas/typo.py").write_text("import pandera.polars as pa\n\nx = pa.Fild()\n")
        done = one(project, "contract", "check")
        assert done.exit_code == 2
        assert "schemas/typo.py:3: cannot be imported" in done.stdout
        assert "ok    Visits v1" in done.stdout

    def test_a_contract_that_cannot_be_compiled_is_named_at_its_line(self, project: Path) -> None:
        edit(project, ('"unit": "pages"', '"unti": "pages"'))
        done = one(project, "contract", "check")
        assert done.exit_code == 2
        assert "FAIL  Visits: schemas/visits.py:" in done.stdout
        assert "unti" in done.stdout

    def test_a_reference_without_files_is_a_warning(self, project: Path) -> None:
        reference = '"references": {"countries": {"columns": "country", "in": "data/countries-{night}.parquet"}}'
        edit(project, ('"owner": "you"', f'"owner": "you", {reference}'), RAISED)
        done = one(project, "contract", "check")
        assert done.exit_code == 0
        assert "warning  schemas/visits.py:" in done.stdout
        assert "no file of countries is there: data/countries-{night}.parquet" in done.stdout

    def test_a_feature_that_the_model_wants_and_the_contract_lacks(self, project: Path) -> None:
        edit(project, ('metadata={"role": "feature", "unit": "min"}', 'metadata={"unit": "min"}'), RAISED)
        done = one(project, "contract", "check")
        assert done.exit_code == 2
        assert "the model visits@1 of visits wants minutes, which is no feature" in done.stdout


class TestReplay:
    def test_it_says_per_rule_what_it_would_reject(self, project: Path) -> None:
        edit(project, NARROWER)
        text, value, strict, rows = here(
            [
                ["contract", "replay", "Visits", "--nights", "2"],
                ["contract", "replay", "Visits", "--output", "json"],
                ["contract", "replay", "Visits", "--fail-on", "rejected"],
                ["contract", "replay", "Visits", "--fail-on", "accepted"],
            ],
            project,
        )
        assert (text.exit_code, value.exit_code, strict.exit_code, rows.exit_code) == (0, 0, 3, 0)
        assert text.stdout.startswith("Visits v1 over 2 nights of visits, 2025-04-02 to 2025-04-03 (published under")
        (found,) = json.loads(value.stdout)
        visits = pl.read_parquet([*(project / f"var/data/visits/night=2025-04-0{n}" for n in (1, 2, 3))])
        assert found["rows"] == visits.height
        assert found["rejected"] == visits.filter(pl.col("pages") > 20).height > 0
        (row,) = (line.split() for line in text.stdout.splitlines() if line.startswith("pages.le"))
        assert int(row[1]) == visits.tail(800).filter(pl.col("pages") > 20).height

    def test_a_contract_that_is_no_job_s_says_so(self, project: Path) -> None:
        edit(project, ('"name": "Visits"', '"name": "Others"'))
        shown = (project / SCHEMA).read_text()
        (project / "schemas/next.py").write_text(shown.replace('"Others"', '"Strangers"').replace("Visits", "Next"))
        done = one(project, "contract", "replay", "Strangers")
        assert done.exit_code == 2
        assert "Name one: --job JOB" in done.stderr
        assert one(project, "contract", "replay", "Strangers", "--job", "visits").exit_code == 0
