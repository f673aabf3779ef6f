"""The wheel as a stranger gets it: built, looked into, installed outside the repository, used."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.cli.calls import PROJECT, python


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    done = python("-W", "default", "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder), PYTHONWARNINGS="")
    assert done.exit_code == 0, done.stderr
    (built,) = folder.iterdir()
    return built


def test_the_wheel_holds_the_package_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    package = [name for name in names if ".dist-info/" not in name]
    assert {name.partition("/")[0] for name in package} == {"batchops"}
    listing = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "batchops"]
    kept = subprocess.run(listing, cwd=PROJECT, capture_output=True, text=True, check=True)
    assert sorted(package) == sorted(kept.stdout.split())
    assert "batchops/py.typed" in package
    assert any(name.startswith("batchops/report/templates/") for name in package)


def test_a_stranger_installs_it_and_checks_a_first_job(wheel: Path, tmp_path: Path) -> None:
    home = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
    pip = subprocess.run(
        [home / "bin/python", "-m", "pip", "install", "-q", "--no-deps", "--no-index", str(wheel)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert pip.returncode == 0, pip.stderr
    # The dependencies are those of this environment: a plain path line brings no editable install along.
    (site,) = (home / "lib").glob("python*/site-packages")
    dependencies = [path for path in sys.path if path.endswith("site-packages")]
    (site / "dependencies.pth").write_text("\n".join(dependencies))
    clean = {"PATH": f"{home}/bin:/usr/bin:/bin", "HOME": str(tmp_path)}
    where = subprocess.run(
        [home / "bin/python", "-c", "import batchops; print(batchops.__file__)"],
        cwd=tmp_path,
        env=clean,
        capture_output=True,
        text=True,
        check=True,
    )
    assert where.stdout.startswith(str(site))
    for command in (["init", "shop"], ["check", "--project", "shop"]):
        done = subprocess.run(
            [home / "bin/batchops", *command], cwd=tmp_path, env=clean, capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("ok  jobs/visits.py")
