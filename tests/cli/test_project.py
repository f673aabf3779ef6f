from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.calls import batchops, python


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "shop"
    assert batchops("-q", "init", str(folder)).exit_code == 0
    return folder


def test_init_writes_a_project_whose_job_passes_check(project: Path) -> None:
    done = batchops("check", cwd=project)
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.startswith("ok  jobs/visits.py  Visits v1, ")


def test_init_keeps_what_is_there(project: Path) -> None:
    (project / "README.md").write_text("mine")
    done = batchops("init", cwd=project)
    assert (done.exit_code, done.stdout) == (2, "")
    assert "README.md" in done.stderr
    assert (project / "README.md").read_text() == "mine"


def test_init_says_what_it_wrote(tmp_path: Path) -> None:
    done = batchops("init", "shop", "--output", "json", cwd=tmp_path)
    files = json.loads(done.stdout)["files"]
    assert {"batchops.toml", "jobs/visits.py", "schemas/visits.py"} <= set(files)
    assert sorted(str(path.relative_to(tmp_path / "shop")) for path in (tmp_path / "shop").rglob("*.*")) == sorted(
        files
    )


def test_check_of_an_unknown_job_asks_what_was_meant(project: Path) -> None:
    done = batchops("check", "visist", cwd=project)
    assert (done.exit_code, done.stdout) == (2, "")
    assert "Did you mean visits?" in done.stderr


def test_check_outside_a_project_says_what_to_do(tmp_path: Path) -> None:
    done = batchops("check", cwd=tmp_path)
    assert done.exit_code == 2
    assert "batchops init" in done.stderr


@pytest.mark.parametrize(
    ("file", "old", "new", "problems"),
    [
        (
            "jobs/visits.py",
            'slices=(("device",), ("country",))',
            'slices=(("devise",), ("land",))',
            ["jobs/visits.py:28: slices names 'devise'", "jobs/visits.py:28: slices names 'land'"],
        ),
        ("jobs/visits.py", 'key=("visit_id",)', 'key=("visit",)', ["jobs/visits.py:24: key names 'visit'"]),
        ("jobs/visits.py", "contract=Visits", "contract=Visit", ["jobs/visits.py:23: "]),
        ("jobs/visits.py", "JOB = Job(", "JOB = Job((", ["visits.py:"]),
        ("schemas/visits.py", "class Config:", "class Config", ["visits.py:"]),
        ("schemas/visits.py", "import polars as pl", "import polar as pl", ["schemas/visits.py:6: "]),
    ],
)
def test_check_names_file_and_line(project: Path, file: str, old: str, new: str, problems: list[str]) -> None:
    text = (project / file).read_text()
    assert old in text
    (project / file).write_text(text.replace(old, new))
    done = batchops("check", cwd=project)
    assert (done.exit_code, done.stderr) == (2, "")
    lines = done.stdout.splitlines()
    assert len(lines) == len(problems)
    for line, problem in zip(lines, problems, strict=True):
        assert line.startswith(problem)


def test_quiet_check_speaks_only_of_problems(project: Path) -> None:
    assert batchops("check", "-q", cwd=project).stdout == ""
    (project / "jobs" / "visits.py").write_text("JOB = None\n")
    done = batchops("check", "-q", cwd=project)
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
    assert (done.stdout, done.stderr) == (f"{60 * 400} {60 * 400}\n", "")
