from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from batchops.errors import ConfigError
from batchops.settings import (
    Settings,
    _control_group_cores as control_group_cores,
    find_project,
    load_settings,
    usable_cores,
)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "jobs").mkdir()
    return tmp_path


def said(project: Path, toml: str, **environ: str) -> Settings:
    (project / "batchops.toml").write_text(toml)
    return load_settings({}, environ, project)


def test_a_project_without_a_file_has_defaults(project: Path) -> None:
    settings = load_settings({}, {}, project)
    assert settings.project == project
    assert settings.root == str(project / "var/store")
    assert (settings.scheduler, settings.threads, settings.wait) == ("threads", usable_cores(), 0.0)
    assert "@" in settings.actor


def test_the_project_is_found_from_a_folder_inside_it(project: Path) -> None:
    inside = project / "jobs" / "deep"
    inside.mkdir()
    assert find_project(inside) == project
    assert load_settings({}, {}, inside).root == str(project / "var/store")


def test_a_pyproject_without_our_section_is_no_project(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text("[project]\nname = 'x'\n")
    assert find_project(tmp_path) is None
    (tmp_path / "pyproject.toml").write_text("[tool.batchops]\nthreads = 3\n")
    assert find_project(tmp_path) == tmp_path
    assert load_settings({}, {}, tmp_path).threads == 3


def test_flags_beat_variables_beat_the_file_beats_the_default(project: Path) -> None:
    (project / "batchops.toml").write_text("threads = 5\nwait = 5\nscheduler = 'processes'\n")
    environ = {"BATCHOPS_THREADS": "6", "BATCHOPS_WAIT": "6"}
    settings = load_settings({"threads": 7, "wait": None}, environ, project)
    assert (settings.threads, settings.wait, settings.scheduler) == (7, 6.0, "processes")


def test_an_empty_variable_says_nothing(project: Path) -> None:
    assert said(project, "threads = 5", BATCHOPS_THREADS="").threads == 5


@pytest.mark.parametrize(
    ("text", "environ", "root"),
    [
        ("s3://${BUCKET}/x", {"BUCKET": "b"}, "s3://b/x"),
        ("s3://${BUCKET:-spare}/x", {}, "s3://spare/x"),
        ("s3://${BUCKET:-spare}/x", {"BUCKET": ""}, "s3://spare/x"),
        ("s3://${BUCKET:-}x", {}, "s3://x"),
        ("s3://b/$HOME", {"HOME": "h"}, "s3://b/$HOME"),
    ],
)
def test_variables_are_put_into_the_file(project: Path, text: str, environ: dict[str, str], root: str) -> None:
    assert said(project, f"root = '{text}'", **environ).root == root


def test_a_missing_variable_is_named_with_its_file(project: Path) -> None:
    with pytest.raises(ConfigError, match="BUCKET is not set") as caught:
        said(project, "root = 's3://${BUCKET}/x'")
    assert str(project / "batchops.toml") in caught.value.where


def test_an_unknown_setting_asks_what_was_meant(project: Path) -> None:
    with pytest.raises(ConfigError, match="scheduler") as caught:
        said(project, "schedular = 'threads'")
    assert "Did you mean" in caught.value.remedy


def test_an_unknown_variable_asks_what_was_meant(project: Path) -> None:
    with pytest.raises(ConfigError, match="BATCHOPS_SCHEDULAR") as caught:
        load_settings({}, {"BATCHOPS_SCHEDULAR": "threads"}, project)
    assert "BATCHOPS_SCHEDULER" in caught.value.remedy


@pytest.mark.parametrize(
    "toml",
    [
        "threads = 0",
        "threads = 1.5",
        "threads = true",
        "threads = []",
        "wait = -1",
        "wait = 'nan'",
        "scheduler = 'dask'",
        "root = ''",
        "root =",
        "actor = {a = 1}",
    ],
)
def test_a_value_that_will_not_do_is_refused_with_its_file(project: Path, toml: str) -> None:
    with pytest.raises(ConfigError, match=r"batchops\.toml"):
        said(project, toml)


@given(value=st.text(alphabet="abV${}:-_", min_size=1, max_size=30))
def test_a_variable_goes_into_the_file_as_it_is(tmp_path_factory: pytest.TempPathFactory, value: str) -> None:
    settings = said(tmp_path_factory.mktemp("project"), "root = 's3://${V}'", V=value)
    assert settings.root == f"s3://{value}"


def test_a_folder_on_the_command_line_is_where_its_writer_stands(project: Path) -> None:
    inside = project / "jobs"
    assert load_settings({"root": "here"}, {}, inside).root == str(inside / "here")
    assert load_settings({}, {"BATCHOPS_ROOT": "here"}, inside).root == str(inside / "here")


def test_the_project_can_be_named(project: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    assert load_settings({"project": str(project)}, {}, elsewhere).project == project
    assert load_settings({}, {"BATCHOPS_PROJECT": str(project)}, elsewhere).project == project
    with pytest.raises(ConfigError, match="is no folder"):
        load_settings({"project": "nowhere"}, {}, elsewhere)


@pytest.mark.parametrize(
    ("files", "cores"),
    [
        ({"cpu.max": "150000 100000\n"}, 1.5),
        ({"cpu.max": "max 100000\n"}, None),
        ({"cpu/cpu.cfs_quota_us": "200000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 2.0),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, None),
        ({}, None),
    ],
)
def test_a_control_group_bounds_the_cores(tmp_path: Path, files: dict[str, str], cores: float | None) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    assert control_group_cores(tmp_path) == cores
