"""What the documents say is so: their code runs, their commands, links and paths exist, their tables are the code's."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType

import pytest
from pandera.polars import DataFrameModel
from typer.testing import CliRunner

import batchops as package
from batchops import codec
from batchops.audit.document import AuditDocument
from batchops.cli.app import app
from batchops.cli.call import GLOBAL_VALUES, hoist
from batchops.contract import compile_contract
from batchops.settings import load_settings
from batchops.verdict import DEFAULT_LIMITS

PROJECT = Path(__file__).parents[1]
DOCUMENTS = sorted([*PROJECT.glob("*.md"), *(PROJECT / "docs").glob("*.md")])
SCAFFOLD = PROJECT / "batchops" / "cli" / "scaffold"
OURS = ("batchops", "tests", "jobs", "schemas", "reports", "docs", "benchmarks")

FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\]\(([^)\s]+)\)")

documents = pytest.mark.parametrize("path", DOCUMENTS, ids=[path.name for path in DOCUMENTS])


def blocks(path: Path, language: str) -> list[str]:
    """The fenced blocks of a language."""
    return [body for spoken, body in FENCE.findall(path.read_text("utf-8")) if spoken == language]


def prose(path: Path) -> str:
    """The document without its fenced blocks, each paragraph on one line."""
    text = FENCE.sub("", path.read_text("utf-8"))
    return "\n\n".join(part if part.startswith("|") else " ".join(part.split("\n")) for part in text.split("\n\n"))


def section(path: Path, heading: str) -> str:
    """A document from a heading to the next of its level."""
    (found,) = re.findall(rf"^(##+) {re.escape(heading)}\n(.*?)(?=^##+ |\Z)", path.read_text("utf-8"), re.M | re.S)
    return str(found[1])


def rows(text: str) -> list[list[str]]:
    """The cells of a text's tables, headers and rulers aside."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]
    ruled = [number for number, row in enumerate(cells) if set("".join(row)) <= set("-: ")]
    return [row for number, row in enumerate(cells) if number not in ruled and number + 1 not in ruled]


@documents
def test_the_code_of_a_document_runs(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    module = ModuleType(f"code_of_{path.stem.replace('-', '_')}")
    # Annotations in text are looked up in the module of the class.
    monkeypatch.setitem(sys.modules, module.__name__, module)
    for number, body in enumerate(blocks(path, "python"), start=1):
        exec(compile(body, f"{path.name}, block {number}", "exec"), module.__dict__)
    for kind in vars(module).values():
        if isinstance(kind, type) and issubclass(kind, DataFrameModel):
            assert compile_contract(kind).rules


@cache
def help_of(command: tuple[str, ...]) -> str:
    """What a command says of itself; empty where there is no such command."""
    done = CliRunner().invoke(app, [*command, "--help"], prog_name="batchops")
    return done.stdout if done.exit_code == 0 else ""


def options(text: str) -> set[str]:
    """The options that a help text lists."""
    return set(re.findall(r"(?<![\w-])--?[a-z][a-z-]*", text))


def commands(path: Path) -> Iterator[list[str]]:
    """Every call of the command line in a document: lines of its shell blocks, and code in its sentences."""
    lines = [line for language in ("sh", "cron") for body in blocks(path, language) for line in body.splitlines()]
    for line in [*lines, *CODE.findall(prose(path))]:
        for call in re.findall(r"(?:^|&& |bin/)(batchops [^#&|>]+)", line.replace("\\%", "%")):
            yield shlex.split(call)[1:]


@documents
def test_a_command_of_a_document_exists_with_its_options(path: Path) -> None:
    everywhere = options(help_of(()))
    for call in commands(path):
        hoisted = hoist(call)
        values = [hoisted.index(flag) + 1 for flag in GLOBAL_VALUES if flag in hoisted]
        words = [word for at, word in enumerate(hoisted) if not word.startswith("-") and at not in values]
        flags = {word.partition("=")[0] for word in call if word.startswith("-")}
        name = next((tuple(words[:n]) for n in (2, 1) if len(words) >= n and is_command(tuple(words[:n]))), ())
        assert name or not words, call
        assert flags <= everywhere | options(help_of(name)), call


@cache
def is_command(words: tuple[str, ...]) -> bool:
    """Whether the words name a command, and not a command and its first argument."""
    return help_of(words).startswith(f"Usage: batchops {' '.join(words)} ")


def anchors(path: Path) -> set[str]:
    """The ids that a reader gives the document's headings."""
    titles = re.findall(r"^#+ (.*)$", FENCE.sub("", path.read_text("utf-8")), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


@documents
def test_a_relative_link_leads_somewhere(path: Path) -> None:
    for target in LINK.findall(FENCE.sub("", path.read_text("utf-8"))):
        file, _, anchor = target.partition("#")
        if "://" in target:
            continue
        place = (path.parent / file) if file else path
        assert place.exists(), target
        assert not anchor or anchor in anchors(place), target


@documents
def test_a_path_that_a_document_names_exists(path: Path) -> None:
    for code in CODE.findall(prose(path)):
        # A part in capitals stands for a name of the reader's own.
        if re.fullmatch(rf"({'|'.join(OURS)})/[a-z0-9_./-]+", code):
            assert (PROJECT / code).exists() or (SCAFFOLD / f"{code}.txt").exists(), code


def test_every_key_of_audit_json_is_described_and_no_other() -> None:
    path = PROJECT / "docs" / "audit-json.md"
    schema = codec.json_schema(AuditDocument)
    kinds = {"AuditDocument": schema, **schema["$defs"]}
    described = {title: section(path, f"`{title}`") for title in re.findall(r"^## `(\w+)`$", path.read_text(), re.M)}
    assert set(described) == {name for name, kind in kinds.items() if "properties" in kind}
    for name, text in described.items():
        assert [row[0].strip("`") for row in rows(text)] == list(kinds[name]["properties"]), name


def test_the_limits_are_those_of_a_job_that_states_none() -> None:
    told = {
        check.strip("`"): (float(warn) if warn else None, float(fail) if fail else None, blocks == "yes")
        for check, warn, fail, blocks in rows(section(PROJECT / "docs" / "analyst.md", "Limits"))
    }
    assert told == {check: (limit.warn, limit.fail, limit.blocking) for check, limit in DEFAULT_LIMITS.items()}


def test_every_setting_is_described_with_its_variable(tmp_path: Path) -> None:
    told = rows(section(PROJECT / "docs" / "operator.md", "Settings"))
    names = [row[0].strip("`") for row in told]
    settings = load_settings({}, {}, tmp_path)
    assert sorted(names) == sorted(set(settings.__slots__) - {"project"})
    for name, flag, variable, _ in told:
        assert variable == f"`BATCHOPS_{name.strip('`').upper()}`"
        assert not flag or flag.strip("`") in options(help_of(())) | options(help_of(("run",)))


def test_every_exit_code_is_described_as_the_help_has_it() -> None:
    known = set(re.findall(r"\d+", help_of(()).partition("Exit codes:")[2]))
    for name, heading in (("README.md", "Five minutes for an operator"), ("docs/operator.md", "Exit codes")):
        told = {code for row in rows(section(PROJECT / name, heading)) for code in row[0].split(", ") if code.isdigit()}
        assert told == known


def test_every_module_stands_on_a_floor() -> None:
    text = section(PROJECT / "docs" / "architecture.md", "The floors")
    told = {Path(name).relative_to("batchops") for row in rows(text) for name in CODE.findall(row[1])}
    top = {path.relative_to(PROJECT / "batchops") for path in (PROJECT / "batchops").glob("[a-z]*") if "." in path.name}
    folders = {path.parent.relative_to(PROJECT / "batchops") for path in (PROJECT / "batchops").glob("*/__init__.py")}
    assert told == {path for path in top if path.suffix == ".py"} | folders


def test_every_room_of_the_statistics_stands_on_a_floor() -> None:
    text = section(PROJECT / "docs" / "architecture.md", "The rooms of the statistics")
    told = {PROJECT / name for row in rows(text) for name in CODE.findall(row[1])}
    assert told == {path.parent for path in (PROJECT / "batchops" / "stats").glob("*/__init__.py")}


def test_every_command_is_in_the_operators_list() -> None:
    told = section(PROJECT / "docs" / "operator.md", "The commands")
    names = [command.callback.__name__ for command in app.registered_commands if command.callback is not None]
    groups = [str(group.name) for group in app.registered_groups]
    assert [name for name in (*names, *groups) if f"`batchops {name}" not in told] == []


def test_public_names_are_listed_for_guests() -> None:
    text = (PROJECT / "docs" / "architecture.md").read_text("utf-8")
    assert [name for name in package.__all__ if name != "__version__" and f"`{name}`" not in text] == []
