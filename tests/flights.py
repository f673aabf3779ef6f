"""The example as a project of the test's own: real flights, a model of a short winter, and a few nights of summer."""

from __future__ import annotations

import datetime as dt
import json
import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import polars as pl

from batchops import codec
from batchops.models import Version, resolve
from batchops.models.alias import AliasChange, set_alias
from batchops.models.manifest import folder_of
from batchops.partition import Night
from tests.project import Project, rows_in

__all__ = ["KEY", "LAST", "NAME", "NIGHT", "NIGHTS", "Flights", "rows_in"]

REPOSITORY = Path(__file__).parents[1]
NAME = "flights_delay"
KEY = ("carrier", "flight", "origin")
TRAINING = (dt.date(2013, 1, 1), dt.date(2013, 2, 10))
NIGHTS = tuple(Night.parse("2013-06-30").through(Night.parse("2013-07-03")))
"""Nights that are there to be run."""

NIGHT, LAST = NIGHTS[2], NIGHTS[-1]
SHORTER = {
    'first="2013-01-01", last="2013-03-31"': f'first="{TRAINING[0]}", last="{TRAINING[1]}", folds=3',
    # What a model is made of is not what these tests are about, and most of what a small night costs.
    "max_iter=100": "max_iter=20",
    # A test may cut a night in as many files as it likes.
    'source=Source("var/data/flights/night={night}/*.parquet", expect=3)': (
        'source=Source("var/data/flights/night={night}/*.parquet")'
    ),
}


@dataclass(frozen=True, slots=True)
class Flights(Project):
    """The project of the example."""

    name: ClassVar[str] = NAME
    key: ClassVar[tuple[str, ...]] = KEY
    source: ClassVar[str] = "flights"
    night: ClassVar[Night] = NIGHT

    def copy(self, to: Path, nights: Iterable[Night] = NIGHTS, kept: str = "models") -> Flights:
        """The same project with the nights' own files and its models; with all that was run, where all is ``kept``."""
        for name in ("jobs", "schemas", "reports"):
            shutil.copytree(self.folder / name, to / name, ignore=shutil.ignore_patterns("__pycache__"))
        for night in nights:
            for kind in ("flights", "labels"):
                place = f"var/data/{kind}/night={night}"
                shutil.copytree(self.folder / place, to / place)
        store = Path("var/store") / kept
        # A model's files are never written again: a link is as good as a copy.
        shutil.copytree(self.folder / store, to / store, copy_function=os.link if kept == "models" else shutil.copy2)
        return Flights(to)

    def labels(self, night: Night = NIGHT) -> Path:
        return self.folder / f"var/data/labels/night={night}/labels.parquet"

    def cut(self, parts: Mapping[str, pl.DataFrame] | int, night: Night = NIGHT) -> None:
        """Write the night's files anew: these, or its own rows in so many files."""
        if isinstance(parts, int):
            rows = self.rows(night)
            edges = [number * len(rows) // parts for number in range(parts + 1)]
            parts = {f"p{n:02}": rows[edges[n] : edges[n + 1]] for n in range(parts)}
        folder = self.folder / f"var/data/flights/night={night}"
        shutil.rmtree(folder)
        folder.mkdir()
        for name, rows in parts.items():
            rows.write_parquet(folder / f"{name}.parquet")

    def promote(self, files: Mapping[str, bytes | None] | None = None) -> Version:
        """Register the champion again with other files (None: without), and make that the champion."""
        store, champion = self.store, resolve(self.store, f"{NAME}@champion")
        manifest = json.loads(store.read(f"{champion.folder}/manifest.json"))
        manifest["number"] = number = champion.number + 1
        for name, data in (files or {}).items():
            del manifest["files"][name]
            if data is not None:
                manifest["files"][name] = codec.digest(data)
        written = json.dumps(manifest).encode()
        folder = folder_of(NAME, number, codec.digest(written))
        for name in manifest["files"]:
            store.write(f"{folder}/{name}", (files or {}).get(name) or store.read(f"{champion.folder}/{name}"))
        store.write(f"{folder}/manifest.json", written)
        set_alias(store, NAME, AliasChange("champion", number, "ann@tower", "it is newer"))
        return resolve(store, f"{NAME}@champion")


def make(folder: Path) -> Flights:
    """A project with data, before any model."""
    for name in ("jobs", "schemas", "reports"):
        shutil.copytree(REPOSITORY / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    made = Flights(folder)
    made.edit(f"jobs/{NAME}.py", *SHORTER.items())
    return made
