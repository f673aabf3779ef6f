"""What is written down about a version of a model, and how it is read back."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from batchops import codec
from batchops.errors import DigestMismatch, ModelError, UsageError
from batchops.models.encoding import Encoding, Feature
from batchops.verdict import Task

__all__ = [
    "CARD",
    "FORMAT",
    "GOLDEN",
    "MANIFEST",
    "MODEL",
    "REFERENCE",
    "REQUIREMENTS",
    "SEARCHED",
    "Asked",
    "ContractRef",
    "Git",
    "Manifest",
    "TrainingData",
    "Version",
    "check_name",
    "folder_of",
    "git_state",
    "parse_manifest",
]

FORMAT = 1
"""Of manifest.json. A reader refuses a higher one; a field may be added without raising it if it has a default."""

MANIFEST = "manifest.json"
MODEL = "model.skops"
REFERENCE = "reference.audit"
SEARCHED = "searched.audit"
GOLDEN = "golden.parquet"
CARD = "card.md"
REQUIREMENTS = "requirements.txt"

HASH = 8
"""Hex digits of the manifest's digest that stand in a folder's name."""

GIT_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Asked:
    """What a model is asked for.

    Attributes:
        classes: Names, in order, of ``multiclass``.
    """

    task: Task = "binary"
    classes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ContractRef:
    """The contract whose rows a model was fitted on: ``Flights v4`` and its digest."""

    id: str
    digest: str


@dataclass(frozen=True, slots=True)
class Git:
    """The code that made a model; ``commit`` is None outside a repository.

    Attributes:
        dirty: Tracked files differed from the commit.
    """

    commit: str | None = None
    dirty: bool | None = None


@dataclass(frozen=True, slots=True)
class TrainingData:
    """What a model was fitted on.

    Attributes:
        first, last: Nights, ISO.
        nights: How many of them had rows.
        rows: Rows with a label.
        digest: Of the fingerprints of all files read.
    """

    first: str
    last: str
    nights: int
    rows: int
    digest: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """Everything about a version but its bytes.

    Attributes:
        created: UTC, ISO.
        target: The label's column.
        threshold: ``prediction = score >= threshold``, of ``binary``.
        trusted: Types of the model file that skops did not know; for people, never the ground for trusting them.
        tolerance: By how much a golden score may differ; 0: not by a bit. Of ``regression`` in the largest of them.
        parent: Number of the version that it is meant to succeed; None for the first.
        metrics: Out of fold.
        reliance: Fall of roc_auc (of ``regression``: r2) when a feature is shuffled.
        classes: What ``multiclass`` tells apart, in the order of the scores.
        files: SHA-256 of every other file of the folder.
        remarks: What whoever uses it should know.
    """

    name: str
    number: int
    created: str
    actor: str
    git: Git
    contract: ContractRef
    features: tuple[Feature, ...]
    target: str
    threshold: float
    training: TrainingData
    trusted: tuple[str, ...]
    tolerance: float
    parent: int | None
    files: Mapping[str, str]
    metrics: Mapping[str, float] = field(default_factory=dict)
    reliance: Mapping[str, float] = field(default_factory=dict)
    scorer: Literal["sklearn"] = "sklearn"
    task: Task = "binary"
    format: int = FORMAT
    classes: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()

    @property
    def encoding(self) -> Encoding:
        """How rows become the model's matrix."""
        return Encoding(self.features)

    @property
    def asked(self) -> Asked:
        """What the model is asked for."""
        return Asked(self.task, self.classes)


@dataclass(frozen=True, slots=True)
class Version:
    """A registered version: what it says, and what it is called by its content.

    Attributes:
        digest: SHA-256 of manifest.json, which names that of every other file.
        folder: Relative to the store's root.
    """

    digest: str
    folder: str
    manifest: Manifest

    @property
    def name(self) -> str:
        """Of the model."""
        return self.manifest.name

    @property
    def number(self) -> int:
        """Counts a model's versions from 1."""
        return self.manifest.number

    @property
    def created(self) -> str:
        """UTC, ISO."""
        return self.manifest.created

    def __str__(self) -> str:
        return f"{self.name}@{self.number}"


def check_name(name: str) -> str:
    """The name, if a model may have it.

    Raises:
        UsageError: It may not.
    """
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]*", name):
        raise UsageError(f"model {name!r}", "that is no name of a model", "Use letters, digits, - and _")
    return name


def folder_of(name: str, number: int, digest: str) -> str:
    """Where a version lies, by number and content."""
    return f"models/{name}/{number:04d}-{digest[:HASH]}"


def parse_manifest(folder: str, data: bytes) -> Version:
    """Read a manifest, if it is the one that the folder is named after.

    Raises:
        DigestMismatch: It is not.
        ModelError: It was written by a newer batchops.
    """
    digest = codec.digest(data)
    if digest[:HASH] != folder.rpartition("-")[2]:
        raise DigestMismatch(f"{folder}/{MANIFEST}", "was altered after registration", "Restore it, or register anew")
    newer = ModelError(f"{folder}/{MANIFEST}", "was written by a newer batchops", "Upgrade batchops")
    if int(json.loads(data).get("format", 0)) > FORMAT:
        raise newer
    try:
        return Version(digest, folder, codec.load(Manifest, data))
    except codec.Invalid as error:
        raise newer from error


def _git(folder: Path, *arguments: str) -> str | None:
    command = ["git", "-C", str(folder), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=GIT_SECONDS, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def git_state(folder: Path) -> Git:
    """The commit that is checked out in a folder, and whether tracked files differ from it."""
    commit = _git(folder, "rev-parse", "HEAD")
    if commit is None:
        return Git()
    changes = _git(folder, "status", "--porcelain", "--untracked-files=no")
    return Git(commit, None if changes is None else bool(changes))
