from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.calls import here, python


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "shop"
    assert here([["-q", "init", str(folder)]], tmp_path)[0].exit_code == 0
    return folder


def test_init_writes_a_project_whose_job_passes_check(project: Path) -> None:
    (done,) = here([["check"]], project)
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.startswith("ok  jobs/visits.py  Visits v1, ")


def test_init_keeps_what_is_there(project: Path) -> None:
    (project / "README.md").write_text("mine")
    (done,) = here([["init"]], project)
    assert (done.exit_code, done.stdout) == (2, "")
    assert "README.md" in done.stderr
    assert (project / "README.md").read_text() == "mine"


def test_init_says_what_it_wrote(tmp_path: Path) -> None:
    (done,) = here([["init", "shop", "--output", "json"]], tmp_path)
    files = json.loads(done.stdout)["files"]
    assert {"batchops.toml", "jobs/visits.py", "schemas/visits.py"} <= set(files)
    found = (path for path in (tmp_path / "shop").rglob("*") if path.is_file())
    assert sorted(str(path.relative_to(tmp_path / "shop")) for path in found) == sorted(files)


def test_check_of_an_unknown_job_asks_what_was_meant(project: Path) -> None:
    (done,) = here([["check", "visist"]], project)
    assert (done.exit_code, done.stdout) == (2, "")
    assert "Did you mean visits?" in done.stderr


def test_check_outside_a_project_says_what_to_do(tmp_path: Path) -> None:
    (done,) = here([["check"]], tmp_path)
    assert done.exit_code == 2
    assert "batchops init" in done.stderr


def test_check_names_file_and_line_of_every_problem_of_every_job(project: Path) -> None:
    job = (project / "jobs/visits.py").read_text()
    schema = (project / "schemas/visits.py").read_text()
    (project / "schemas/typo.py").write_text(schema.replace("import polars as pl", "import polar as pl"))
    (project / "schemas/colon.py").write_text(schema.replace("class Config:", "class Config"))
    for name, old, new in (
        ("slices", '(("device",), ("country",))', '(("devise",), ("land",))'),
        ("key", 'key=("visit_id",)', 'key=("visit",)'),
        ("name", "contract=Visits", "contract=Visit"),
        ("bracket", "JOB = Job(", "JOB = Job(("),
        ("typo", "from schemas.visits", "from schemas.typo"),
        ("colon", "from schemas.visits", "from schemas.colon"),
        ("none", "JOB = Job(", "JOB = dict("),
    ):
        assert old in job
        (project / "jobs" / f"{name}.py").write_text(job.replace(old, new))
    (done,) = here([["check"]], project)
    assert (done.exit_code, done.stderr) == (2, "")
    expected = [
        "jobs/bracket.py:18: ",
        "schemas/colon.py:26: ",
        "jobs/key.py:23: key names 'visit', which the contract does not have. Did you mean visit_id?",
        "jobs/name.py:22: ",
        "jobs/none.py:18: defines no JOB. ",
        "jobs/slices.py:27: slices names 'devise', which the contract does not have. Did you mean device?",
        "jobs/slices.py:27: slices names 'land', which the contract does not have. ",
        "schemas/typo.py:6: ",
        "ok  jobs/visits.py  ",
    ]
    lines = done.stdout.splitlines()
    assert [line for line, start in zip(lines, expected, strict=True) if not line.startswith(start)] == []


def test_quiet_check_speaks_only_of_problems(project: Path) -> None:
    assert here([["check", "-q"]], project)[0].stdout == ""
    (project / "jobs" / "visits.py").write_text("JOB = None\n")
    (done,) = here([["check", "-q"]], project)
    assert (done.exit_code, done.stdout) == (2, "")
    assert "jobs/visits.py:1" in done.stderr


def test_the_scaffolds_data_is_what_its_contract_says(project: Path) -> None:
    assert python("-m", "jobs.visits_data", cwd=project).exit_code == 0
    script = """
import polars as pl
from schemas.visits import Visits
frame = pl.read_parquet("var/data/visits/night=2025-0[56]-*/*.parquet", hive_partitioning=False)
print(Visits.validate(frame, lazy=True).height, frame["visit_id"].n_unique())
"""
    done = python("-c", script, cwd=project)
    assert (done.stdout, done.stderr) == (f"{61 * 400} {61 * 400}\n", "")
