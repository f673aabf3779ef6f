"""Answers to the rules that need more than a frame: keys of the night, keys of other datasets."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import polars as pl

from batchops.contract import KEY_UNIQUE, Contract
from batchops.contract.foreign import fault, foreign_keys, orphans
from batchops.contract.keys import duplicates, keys_of, mark

__all__ = ["answers", "keys_in", "known_keys"]

FILES, ROWS = 8, 100_000
"""Of another dataset, at most so many files are read, the last ones, and so many rows of each."""


def known_keys(contract: Contract, project: Path) -> dict[str, pl.DataFrame]:
    """Keys of the datasets that a contract refers to, by the rule's id; only of those that are there.

    Args:
        project: Folder that their paths start from.
    """
    found = {}
    for reference in contract.references:
        paths = sorted(project.glob(reference.path.replace("{night}", "*"))) if _is_relative(reference.path) else []
        usable = [path for path in paths if fault(contract, reference, pl.read_parquet_schema(path)) is None]
        frames = [pl.read_parquet(path, columns=list(reference.key), n_rows=ROWS) for path in usable[-FILES:]]
        if frames:
            keys = pl.concat([foreign_keys(contract, reference, frame) for frame in frames])
            found[reference.rule] = keys.unique(maintain_order=True).sort(keys.columns)
    return found


def _is_relative(path: str) -> bool:
    return "://" not in path and not Path(path).is_absolute()


def keys_in(contract: Contract, frame: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """Keys of other datasets as if they held exactly what these rows refer to, by the rule's id."""
    found = {}
    for reference in contract.references:
        keys = keys_of(contract, frame, reference.columns)
        if keys is not None:
            renamed = keys.rename(dict(zip(reference.columns, reference.key, strict=True)))
            found[reference.rule] = foreign_keys(contract, reference, renamed)
    return found


def answers(contract: Contract, frame: pl.DataFrame, known: Mapping[str, pl.DataFrame]) -> dict[str, pl.Series]:
    """For each rule of scope ``dataset``, one bool a row, true where it fails, as if the frame were the night.

    Args:
        known: Keys of other datasets by the rule's id; rows refer to one that is not given as they should.
    """
    references = {reference.rule: reference for reference in contract.references}
    passed = pl.repeat(False, frame.height, dtype=pl.Boolean, eager=True)
    found = {}
    for rule in contract.rules:
        if rule.scope != "dataset":
            continue
        found[rule.id] = passed
        if rule.id == KEY_UNIQUE and (keys := keys_of(contract, frame)) is not None:
            found[rule.id] = mark(keys, duplicates([keys]))
        elif rule.id in known and (keys := keys_of(contract, frame, references[rule.id].columns)) is not None:
            found[rule.id] = orphans(keys, known[rule.id])
    return found
