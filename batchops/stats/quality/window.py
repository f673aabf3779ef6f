"""The nights of a window as arrays of sums, rows with weights counted as the effective rows they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from batchops.stats.numbers.sparse import Sparse
from batchops.stats.outcomes.state import SUMS, NightQuality, Quality, SliceQuality

__all__ = ["Window", "nightly_sums", "window_of"]

Floats = NDArray[np.float64]

EVERY = ("n", "selected", "score", "square", "unscored")
"""Sums over all rows; the others are over labelled ones."""


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """A window of nights, in order.

    Attributes:
        nights: As they were counted.
        parts: Their sums over all rows, by weight where rows have weights.
        sums: The same as arrays, one number a night; weights are divided by their mean, so that all rows together
            weigh as many as they are.
        rows: Without weights.
        factor: What one quantum of weight comes to in ``sums`` of labelled rows; 1 where there are no weights.
        effect: By how much weights widen a variance over labelled rows, and ``effect_all`` over all: n over
            (sum of weights)^2 / sum of squared weights (Kish, Survey Sampling, 1965, 11.7).
    """

    nights: Sequence[NightQuality]
    parts: Sequence[SliceQuality]
    sums: Mapping[str, Floats]
    rows: Mapping[str, Floats]
    factor: float = 1.0
    effect: float = 1.0
    effect_all: float = 1.0

    @property
    def labelled(self) -> list[int]:
        """Places of the nights that have labels."""
        return [place for place, part in enumerate(self.parts) if part.labelled]

    def measures(self, tables: Sequence[Sparse], size: int, plain: int) -> Floats:
        """Tables by night, cell and measure: of rows where they have no weights, else of weights.

        Args:
            tables: One a night; their measures of rows come first, as many of weights after them.
            size: Cells.
            plain: Number of measures of rows.
        """
        first = plain if any(len(table.values) > plain for table in tables) else 0
        return self.factor * np.stack(
            [np.stack([table.floats(size, first + measure) for measure in range(plain)]) for table in tables]
        )


def nightly_sums(parts: Sequence[SliceQuality]) -> dict[str, Floats]:
    """The sums of a slice as arrays, one number a night; ``correct`` among them."""
    return {name: np.array([float(getattr(part, name)) for part in parts]) for name in (*SUMS, "correct")}


def window_of(quality: Quality) -> Window:
    """The nights of a window, in order."""
    nights = [quality.nights[night] for night in sorted(quality.nights)]
    plain = [night.overall for night in nights]
    rows = nightly_sums(plain)
    weights = [part.weighted for part in plain if part.weighted is not None]
    if not weights:
        return Window(nights, plain, rows, rows)
    parts = [part.weighted.sums if part.weighted is not None else SliceQuality() for part in plain]
    total, labelled = (sum(getattr(part, name) for part in parts) for name in ("n", "labelled"))
    counted, known = (sum(getattr(part, name) for part in plain) for name in ("n", "labelled"))
    factor_all, factor = counted / total if total else 0.0, known / labelled if labelled else 0.0
    sums = {name: values * (factor_all if name in EVERY else factor) for name, values in nightly_sums(parts).items()}
    squares = sum(each.square for each in weights), sum(each.labelled_square for each in weights)
    return Window(
        nights,
        parts,
        sums,
        rows,
        factor,
        known * squares[1] / labelled**2 if labelled else 1.0,
        counted * squares[0] / total**2 if total else 1.0,
    )
