"""Rows under their contract, with all that only the whole night, earlier nights and other datasets know."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from batchops.audit import Arrival
from batchops.contract import KEY_UNIQUE, KEY_UNIQUE_OVER_NIGHTS, Contract, Validation, evaluate
from batchops.contract.freshness import newest
from batchops.contract.keys import holders, keys_of, mark
from batchops.run.keys import Repeated
from batchops.run.references import Referenced, answers_of

__all__ = ["Known", "check_rows"]


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a night before its rows are looked at.

    Attributes:
        key: Columns that name a row; none: keys are not compared.
        repeated: Keys that stand in the night twice, or in an earlier one.
        references: The datasets that rows must name rows of.
    """

    contract: Contract
    key: tuple[str, ...]
    repeated: Repeated
    references: Sequence[Referenced] = ()


def check_rows(known: Known, frame: pl.DataFrame, start: int) -> tuple[Validation, Arrival]:
    """Try some rows of a partition.

    Args:
        start: Position of the first within its partition.
    """
    contract, repeated = known.contract, known.repeated
    keys = keys_of(contract, frame, known.key) if known.key else None
    answers = dict(answers_of(contract, known.references, frame))
    if keys is not None:
        answers[KEY_UNIQUE] = mark(keys, repeated.twice)
        answers[KEY_UNIQUE_OVER_NIGHTS] = mark(keys, repeated.held)
    validation = evaluate(contract, frame, answers, start)
    held = {} if keys is None else holders(keys, repeated.held, repeated.nights)
    return validation, Arrival(newest(contract, frame), held, dict.fromkeys(validation.whole, 1))
