"""The least that a night's scores can cost: read, encode, predict, write; nothing checked, counted or promised."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from batchops.job import Job
from batchops.models import LoadedModel, threads
from batchops.partition import Partition

__all__ = ["Floor"]


@dataclass(frozen=True, slots=True)
class Floor:
    """A bare script for one job.

    Partitions are shared out among threads, each of which predicts alone, in batches of some ten thousand rows: of all
    its rows at once the same model took longer.
    """

    job: Job
    model: LoadedModel
    target: Path

    def run(self, partitions: tuple[Partition, ...], workers: int) -> None:
        """Score a night into the target folder."""
        self.target.mkdir(parents=True)
        with ThreadPoolExecutor(workers) as pool:
            for _ in pool.map(self._score, partitions):
                pass

    def _score(self, partition: Partition) -> None:
        frame = pl.read_parquet(partition.uri)
        with threads(1):
            scores = pl.Series("score", self.model.score(frame))
        written = frame.select(*self.job.key, *self.job.passthrough, scores)
        written = written.with_columns(prediction=pl.col("score") >= self.job.threshold)
        written.write_parquet(self.target / Path(partition.uri).name)
