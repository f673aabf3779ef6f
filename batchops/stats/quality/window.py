"""The nights of a window as arrays of sums, rows with weights counted as the effective rows they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from batchops.stats.numbers.sparse import Sparse
from batchops.stats.outcomes.state import GROUPS, SUMS, NightQuality, Quality, SliceQuality

__all__ = ["Entities", "Window", "left_out", "nightly_sums", "window_of"]

Floats = NDArray[np.float64]

EVERY = ("n", "selected", "score", "square", "unscored")
"""Sums over all rows; the others are over labelled ones."""


@dataclass(frozen=True, slots=True, eq=False)
class Entities:
    """Sums of a window by night and group of entities.

    Attributes:
        parts: Nights x groups; by weight where rows have weights.
        sums: The same as arrays, in the unit of the window's own.
    """

    parts: Sequence[Sequence[SliceQuality]]
    sums: Mapping[str, Floats]


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
        entities: Their sums by group of entities; None where some night with labels knows no entities.
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
    entities: Entities | None = None

    @property
    def labelled(self) -> list[int]:
        """Places of the nights that have labels."""
        return [place for place, part in enumerate(self.parts) if part.labelled]

    @property
    def judged(self) -> list[int]:
        """Places of the nights that have labels and scores, of two classes."""
        return [place for place in self.labelled if self.parts[place].histogram.cells]

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


def left_out(sums: Floats) -> tuple[Floats, Floats]:
    """What is left of a window's sums without each group of entities, and without each group of each night.

    Args:
        sums: Nights x groups x figures.

    Returns:
        Groups x figures, and cells x figures, of those that have rows.
    """
    groups, cells = sums.sum(axis=0), sums.reshape(-1, *sums.shape[2:])
    whole = groups.sum(axis=0)
    kept = [part[part.reshape(len(part), -1).any(axis=1)] for part in (groups, cells)]
    return whole - kept[0], whole - kept[1]


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
        return Window(nights, plain, rows, rows, entities=_entities(nights, (1.0, 1.0)))
    parts = [_weighed(part) for part in plain]
    total, labelled = (sum(getattr(part, name) for part in parts) for name in ("n", "labelled"))
    counted, known = (sum(getattr(part, name) for part in plain) for name in ("n", "labelled"))
    factor_all, factor = counted / total if total else 0.0, known / labelled if labelled else 0.0
    squares = sum(each.square for each in weights), sum(each.labelled_square for each in weights)
    return Window(
        nights,
        parts,
        _times(nightly_sums(parts), (factor_all, factor)),
        rows,
        factor,
        known * squares[1] / labelled**2 if labelled else 1.0,
        counted * squares[0] / total**2 if total else 1.0,
        _entities(nights, (factor_all, factor)),
    )


def _weighed(part: SliceQuality) -> SliceQuality:
    return part.weighted.sums if part.weighted is not None else SliceQuality()


def _times(sums: Mapping[str, Floats], factors: tuple[float, float]) -> dict[str, Floats]:
    """Sums over all rows, and those over labelled ones, by their factors."""
    return {name: values * factors[name not in EVERY] for name, values in sums.items()}


def _entities(nights: Sequence[NightQuality], factors: tuple[float, float]) -> Entities | None:
    if not nights or any(night.overall.n and not night.entities for night in nights):
        return None
    weighed = any(night.overall.weighted is not None for night in nights)
    parts = []
    for night in nights:
        known = dict(night.entities)
        line = [known.get(group, SliceQuality()) for group in range(GROUPS)]
        parts.append([_weighed(part) for part in line] if weighed else line)
    flat = nightly_sums([part for line in parts for part in line])
    sums = {name: values.reshape(len(nights), GROUPS) for name, values in flat.items()}
    return Entities(parts, _times(sums, factors))
