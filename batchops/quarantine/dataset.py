"""What a night as a whole says of rows that were set aside: their keys, and the datasets that they refer to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from batchops.contract import KEY_UNIQUE, KEY_UNIQUE_OVER_NIGHTS
from batchops.contract.keys import again, behind, duplicates, keys_of, mark, stored_keys
from batchops.job import LoadedJob
from batchops.partition import Night
from batchops.quarantine.standing import Standing
from batchops.run.keys import earlier_nights
from batchops.run.references import Referenced, answers_of
from batchops.store import read_scores_by_file

__all__ = ["dataset_answers"]

Answers = Mapping[str, pl.Series]


def dataset_answers(
    job: LoadedJob, night: Night, now: Standing, references: Sequence[Referenced], rows: Mapping[str, pl.DataFrame]
) -> Mapping[str, Answers]:
    """Partition -> rule -> one bool a row, true where it fails; a rule is left out where that cannot be known.

    A key is unique if no scored row of the night has it, and no other of these rows.

    Args:
        rows: Partition -> rows that were set aside and are tried again, as they arrived.
    """
    contract, key = job.contract, job.job.key
    found = {partition: keys_of(contract, frame, key) for partition, frame in rows.items()}
    keys = {partition: frame for partition, frame in found.items() if frame is not None}
    ours = [behind(frame) for frame in keys.values()]

    def held(nights: Sequence[Night]) -> pl.DataFrame | None:
        stored = read_scores_by_file(now.store, job.name, nights, key)
        return again(ours, ((str(night), behind(stored_keys(contract, frame, key))) for night, frame in stored))

    earlier = earlier_nights(now.store, job.name, now.rows, (night, contract.unique_over))
    scored, twice = held([night]), duplicates(keys.values())
    before = None if earlier is None else held([each for each, _ in earlier.runs])
    answers = {partition: dict(answers_of(contract, references, frame)) for partition, frame in rows.items()}
    for partition, frame in keys.items():
        answers[partition][KEY_UNIQUE] = mark(frame, scored) | mark(frame, twice)
        answers[partition][KEY_UNIQUE_OVER_NIGHTS] = mark(frame, before)
    return answers
