"""Templates are compiled once a user, and whatever lies in the folder for temporary files does no harm."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import CodeType

import pytest
from jinja2 import Environment

from batchops.report import environment


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder for temporary files of its own."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    environment._kept.cache_clear()
    yield tmp_path / f"_jinja2-cache-{os.getuid()}"
    environment._kept.cache_clear()


def compiled(monkeypatch: pytest.MonkeyPatch) -> int:
    """How many templates a process compiles that has compiled none yet."""
    seen, compile_one = list[str | None](), Environment.compile

    def counted(self: Environment, source: str, name: str | None = None, filename: str | None = None) -> CodeType:
        seen.append(name)
        return compile_one(self, source, name, filename)

    with monkeypatch.context() as patched:
        patched.setattr(environment, "_compiled", environment._Compiled())
        patched.setattr(Environment, "compile", counted)
        environment._environment.cache_clear()
        environment._kept.cache_clear()
        environment.compile_templates()
    environment._environment.cache_clear()
    return len(seen)


def test_a_second_process_compiles_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    every = compiled(monkeypatch)
    assert every > 10
    assert len(list(folder.iterdir())) == every
    assert folder.stat().st_mode & 0o777 == 0o700
    assert compiled(monkeypatch) == 0


@pytest.mark.parametrize("content", [b"", b"j2", b"not compiled at all"])
def test_what_cannot_be_read_is_compiled_anew(folder: Path, monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    compiled(monkeypatch)
    damaged = sorted(folder.iterdir())[:3]
    for file in damaged:
        file.write_bytes(content)
    assert compiled(monkeypatch) == len(damaged)
    assert compiled(monkeypatch) == 0


def test_without_such_a_folder_each_process_compiles_for_itself(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.write_text("a file where the folder should be")
    assert compiled(monkeypatch) == compiled(monkeypatch) > 10
