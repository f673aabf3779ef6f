"""The mergeable audit of some rows, the yardstick it is made with, and the reference it is compared with."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from operator import add

import numpy as np
import polars as pl
from numpy.typing import NDArray

from batchops.audit.arrival import Arrival
from batchops.audit.skew import NightSkew
from batchops.contract import SchemaTally, Tallies, Validation
from batchops.partition import Receipt
from batchops.stats import (
    Cells,
    Profile,
    Quality,
    ScoreCells,
    lay_out,
    merge_profiles,
    merge_qualities,
    summarise,
    tally_quality,
)
from batchops.stats.rows.covariance import Covariance, count_products
from batchops.stats.rows.sample import QUANTUM, RowSample, Sampling, sample_rows

__all__ = [
    "LABEL",
    "PREDICTION",
    "SCORE",
    "Audit",
    "Batch",
    "NightProfile",
    "Reference",
    "UsualArea",
    "Yardstick",
    "audit_batch",
    "class_outputs",
    "class_score",
    "lay_out_outputs",
    "merge",
    "outcome_quantum",
    "products_of",
    "sample_of",
    "tally",
]

SCORE = "score"
PREDICTION = "prediction"
LABEL = "label"

WEIGHED = 10
"""Of more classes no scores are kept of sampled rows."""

SAMPLED = 2_000
"""Rows of a night that are kept whole: tens of kilobytes."""

CENTRE_BITS = 24
"""A centre of numbers may be 2^24 times as large as they differ, before they lose digits in a sample."""


@dataclass(frozen=True, slots=True)
class Audit:
    """All that is kept of some rows: a commutative monoid, exact, so any split and order gives the same value.

    Attributes:
        receipts: What became of each partition, by name.
        tallies: The contract's rules, on all readable rows.
        schema: Which columns came with which dtype.
        arrival: How the rows came.
        inputs: All readable rows, before quarantine.
        outputs: The score's distribution, on scored rows; of more than two classes, each one's too.
        quality: Scores by slice and, where there are labels, against them.
        skew: Between training and serving; measured once a night, beside its partitions.
        sample: Some readable rows, whole: their cells, slices, score and label.
        products: Of every two columns of numbers, over all readable rows.
    """

    receipts: tuple[Receipt, ...] = ()
    tallies: Tallies = field(default_factory=Tallies)
    schema: SchemaTally = field(default_factory=SchemaTally)
    arrival: Arrival = field(default_factory=Arrival)
    inputs: Profile = field(default_factory=Profile)
    outputs: Profile = field(default_factory=Profile)
    quality: Quality = field(default_factory=Quality)
    skew: NightSkew = field(default_factory=NightSkew)
    sample: RowSample = field(default_factory=RowSample)
    products: Covariance = field(default_factory=Covariance)

    def __add__(self, other: Audit) -> Audit:
        return merge((self, other))

    @property
    def rows(self) -> int:
        """Readable rows."""
        return self.tallies.rows

    @property
    def scored(self) -> int:
        """Rows that were not set aside."""
        return self.tallies.rows - self.tallies.quarantined


def merge(audits: Sequence[Audit]) -> Audit:
    """The audit of all their rows."""
    receipts = sorted((r for each in audits for r in each.receipts), key=lambda receipt: receipt.partition)
    return Audit(
        receipts=tuple(receipts),
        tallies=reduce(add, (each.tallies for each in audits), Tallies()),
        schema=reduce(add, (each.schema for each in audits), SchemaTally()),
        arrival=reduce(add, (each.arrival for each in audits), Arrival()),
        inputs=merge_profiles([each.inputs for each in audits]),
        outputs=merge_profiles([each.outputs for each in audits]),
        quality=merge_qualities([each.quality for each in audits]),
        skew=reduce(add, (each.skew for each in audits), NightSkew()),
        sample=RowSample.merged(each.sample for each in audits),
        products=Covariance.merged(each.products for each in audits),
    )


@dataclass(frozen=True, slots=True)
class Yardstick:
    """How rows are counted: fixed when the model is registered, the same for every night after.

    Attributes:
        inputs: Cells of the contract's columns.
        score: Cells of the score's distribution.
        quality: Cells in which scores meet labels, and the threshold.
        slices: The job's slices.
        dimensions: The job's named expressions.
        key: Columns that name a row, none of them personal data.
        sampled: Rows that are kept whole; 0: columns are not looked at together.
        classes: Cells of the predicted class and of the score of each, of more than two classes.
    """

    inputs: tuple[Cells, ...]
    score: Cells
    quality: ScoreCells
    slices: tuple[tuple[str, ...], ...]
    dimensions: Mapping[str, pl.Expr]
    key: tuple[str, ...] = ()
    sampled: int = SAMPLED
    classes: tuple[Cells, ...] = ()

    @property
    def outputs(self) -> tuple[Cells, ...]:
        """Of all that is predicted."""
        return (self.score, *self.classes)

    @property
    def sliced(self) -> tuple[str, ...]:
        """Dimensions and columns that some slice names, sorted."""
        return tuple(sorted({name for each in self.slices for name in each}))

    @property
    def sampling(self) -> Sampling:
        """What is kept of sampled rows; of personal data nothing."""
        hidden = {cells.column for cells in self.inputs if cells.kind == "opaque"}
        texts = tuple(name for name in self.sliced if name not in hidden)
        quality = self.quality
        several = quality.classes if quality.class_edges and len(quality.classes) <= WEIGHED else ()
        numbers = (*map(class_score, several), SCORE, LABEL)
        return Sampling(self.inputs, self.sampled, self.key, numbers, texts, outcome_quantum(quality), several)


def class_score(name: str) -> str:
    """The column of a class's score."""
    return f"{SCORE}_{name}"


def class_outputs(scores: NDArray[np.float64], classes: Sequence[str]) -> pl.DataFrame:
    """The largest score, the class that has it, and the score of each; where some class has none, none is the largest.

    Args:
        scores: Rows x classes.
    """
    best = pl.Series(np.argmax(scores, axis=1)) if scores.size else pl.Series([], dtype=pl.Int64)
    most = pl.Series(scores.max(axis=1, initial=-np.inf), dtype=pl.Float64)
    names = pl.Series(classes, dtype=pl.String).gather(best)
    frame = pl.DataFrame({SCORE: most, PREDICTION: names})
    frame = frame.with_columns(pl.when(pl.col(SCORE).is_not_nan()).then(PREDICTION).alias(PREDICTION))
    return frame.with_columns(
        pl.Series(class_score(name), column, dtype=pl.Float64) for name, column in zip(classes, scores.T, strict=True)
    )


def lay_out_outputs(rows: pl.DataFrame, classes: Sequence[str], unit: str = "") -> tuple[Cells, ...]:
    """Cells of the score and, of several classes, of the predicted one and the score of each."""
    names = (SCORE, *((PREDICTION, *map(class_score, classes)) if classes else ()))
    score, *several = lay_out(rows, names, units={SCORE: unit or None})
    if several:
        # A class that is never predicted has a cell too: when it is, it was known.
        several[0] = replace(several[0], values=tuple(dict.fromkeys((*several[0].values, *classes))))
    return (score, *several)


def outcome_quantum(cells: ScoreCells) -> float:
    """In whole multiples of what scores and labels of sampled rows are kept: a power of two, small beside numbers."""
    if cells.errors is None:
        return QUANTUM
    size = max(cells.errors.label_exponent, math.frexp(cells.errors.centre)[1] - CENTRE_BITS)
    return math.ldexp(QUANTUM, size)


@dataclass(frozen=True, slots=True)
class NightProfile:
    """One night of the training data, to know how much such nights vary."""

    night: str
    inputs: Profile
    outputs: Profile


@dataclass(frozen=True, slots=True)
class UsualArea:
    """How well windows of the reference's own nights can be told from the rest of it, by all columns together.

    Attributes:
        length: Nights in a window.
        windows: Disjoint windows of that length that the reference has.
        area: The largest of those that were looked at, without the noise of sampling; None where none could be.
        looked: How many of the windows were looked at.
        mean, deviation: Of their areas; the deviation without the noise of sampling.
    """

    length: int
    windows: int
    area: float | None
    looked: int = 0
    mean: float = 0.5
    deviation: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """What a model version is compared with: its training nights, with out-of-fold scores and labels.

    Attributes:
        inputs, score, quality: The cells, as in `Yardstick`.
        audit: All training rows, without receipts.
        nights: Each training night alone, in order.
        usual_areas: By length of the window, shortest first.
        classes: The cells, as in `Yardstick`.
    """

    inputs: tuple[Cells, ...]
    score: Cells
    quality: ScoreCells
    audit: Audit
    nights: tuple[NightProfile, ...]
    usual_areas: tuple[UsualArea, ...] = ()
    classes: tuple[Cells, ...] = ()

    @property
    def outputs(self) -> tuple[Cells, ...]:
        """Of all that is predicted."""
        return (self.score, *self.classes)


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows on their way through a worker.

    Attributes:
        night: Their night, ISO.
        readable: All of them, as they came.
        validation: What the contract says of them.
        scored: The accepted ones with their dimensions, `SCORE`, and `LABEL` (null where unknown).
        arrival: How they came.
        whole: The readable rows in parts: scored ones with all their columns, and others. None: ``scored`` are the
            accepted rows, in their order.
    """

    night: str
    readable: pl.DataFrame
    validation: Validation
    scored: pl.DataFrame
    arrival: Arrival = field(default_factory=Arrival)
    whole: tuple[pl.DataFrame, ...] | None = None

    @property
    def parts(self) -> tuple[pl.DataFrame, ...]:
        """Whole rows: those that were scored, and the rest."""
        if self.whole is not None:
            return self.whole
        accepted, quarantined = self.validation.accepted, self.validation.quarantined
        scored = pl.concat([accepted.drop(self.scored.columns, strict=False), self.scored], how="horizontal")
        return scored, quarantined.drop(SCORE, LABEL, strict=False)


def audit_batch(batch: Batch, yardstick: Yardstick) -> Audit:
    """Summarise a batch in one pass; its receipt is the caller's."""
    return Audit(
        tallies=batch.validation.tallies,
        schema=batch.validation.check.tally,
        arrival=batch.arrival,
        inputs=summarise(batch.readable, yardstick.inputs),
        outputs=summarise(batch.scored, yardstick.outputs),
        quality=tally(batch.scored, batch.night, yardstick),
        sample=sample_of(batch.parts, yardstick, batch.night),
        products=products_of(batch.readable, yardstick),
    )


def sample_of(parts: Sequence[pl.DataFrame], yardstick: Yardstick, night: str, end: int | None = None) -> RowSample:
    """Sample rows that come in parts of other columns; none where the yardstick asks for none.

    Args:
        end: Of a sample that this one will be added to.
    """
    if not yardstick.sampled:
        return RowSample()
    return RowSample.merged(sample_rows(each, yardstick.sampling, night, end) for each in parts)


def products_of(readable: pl.DataFrame, yardstick: Yardstick) -> Covariance:
    """Add up the products of columns; none where the yardstick does not ask for them."""
    return count_products(readable, yardstick.inputs) if yardstick.sampled else Covariance()


def tally(scored: pl.DataFrame, night: str, yardstick: Yardstick) -> Quality:
    """Count scored rows by slice and against their labels."""
    return tally_quality(scored, night, yardstick.slices, yardstick.quality)
