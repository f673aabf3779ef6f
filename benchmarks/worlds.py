"""Known worlds that benchmarks draw nights from: distributions, and changes of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from batchops.stats import Cells, Column, lay_out, summarise

__all__ = ["CHANGES", "NOTHING", "WORLDS", "Change", "Drawn", "World", "draw", "draws"]

Floats = NDArray[np.float64]
Values = NDArray[Any]

PER_REFERENCE = 20
"""Nights that share a reference at the most. Its own noise must show too, so that one that is no larger than a night is
drawn anew for each."""


@dataclass(frozen=True, slots=True)
class World:
    """A distribution that nights are drawn from.

    Attributes:
        spread: Its standard deviation, in which shifts are told; 0 for categories.
        whole: Its values are whole numbers, and stay so where they are shifted.
        nulls: Share of rows without a value.
    """

    name: str
    values: Callable[[np.random.Generator, int], Values]
    spread: float = 0.0
    nulls: float = 0.0
    whole: bool = False


def _picked(weights: Floats) -> Callable[[np.random.Generator, int], Values]:
    names = np.array([f"c{place:04d}" for place in range(len(weights))])
    return lambda rng, n: names[rng.choice(len(weights), n, p=weights / weights.sum())]


def _zero_inflated(rng: np.random.Generator, n: int) -> Floats:
    return np.where(rng.random(n) < 0.7, 0.0, rng.lognormal(size=n))


WORLDS: Mapping[str, World] = {
    world.name: world
    for world in (
        World("normal", lambda rng, n: rng.normal(size=n), 1.0),
        World("lognormal", lambda rng, n: rng.lognormal(size=n), 2.1612),
        World("uniform", lambda rng, n: rng.random(n), 0.2887),
        World("heavy-tailed", lambda rng, n: rng.standard_t(3, n), 1.7321),
        World("zero-inflated", _zero_inflated, 1.3985),
        World("whole numbers", lambda rng, n: rng.poisson(3, n).astype(np.float64), 1.7321, whole=True),
        World("5 categories", _picked(np.array([60.0, 30, 5, 4, 1]))),
        World("5 categories, equal", _picked(np.ones(5))),
        World("5 categories, Zipf", _picked(1 / np.arange(1.0, 6))),
        World("200 categories, equal", _picked(np.ones(200))),
        World("200 categories, Zipf", _picked(1 / np.arange(1.0, 201))),
        World("1000 categories, equal", _picked(np.ones(1000))),
        World("1000 categories, Zipf", _picked(1 / np.arange(1.0, 1001))),
    )
}


@dataclass(frozen=True, slots=True)
class Change:
    """What becomes of a world: a shift in its standard deviations, a share of a new category, more nulls."""

    name: str
    shift: float = 0.0
    new: float = 0.0
    nulls: float = 0.0


CHANGES = (
    Change("shift .1 sd", shift=0.1),
    Change("shift .3 sd", shift=0.3),
    Change("shift .5 sd", shift=0.5),
    Change("a new category, 1 %", new=0.01),
    Change("nulls + 5 points", nulls=0.05),
)
NOTHING = Change("nothing")


def draw(rng: np.random.Generator, world: World, n: int, change: Change = NOTHING) -> pl.Series:
    """Rows of a world, after a change."""
    values = world.values(rng, n)
    if change.shift:
        # What is zero, often, stays so; whole numbers move by one, now and then.
        moved = values + change.shift * world.spread
        values = np.floor(moved + rng.random(n)) if world.whole else np.where(values == 0, values, moved)
    if change.new:
        values = np.where(rng.random(n) < change.new, "brand new", values)
    missing = rng.random(n) < world.nulls + change.nulls
    return pl.Series("x", values).set(pl.Series(missing), None) if missing.any() else pl.Series("x", values)


@dataclass(frozen=True, slots=True)
class Drawn:
    """A reference and a night, as values and as they are counted."""

    was: pl.Series
    now: pl.Series
    cells: Cells
    reference: Column
    night: Column


def draws(
    world: World, sizes: tuple[int, int], nights: int, change: Change = NOTHING, seed: int = 0
) -> Iterator[Drawn]:
    """Nights against their references.

    Args:
        sizes: Rows of a night, and of a reference.
    """
    rng, shared = np.random.default_rng([seed, *sizes]), min(max(1, sizes[1] // sizes[0]), PER_REFERENCE)
    for night in range(nights):
        if night % shared == 0:
            was = draw(rng, world, sizes[1]).to_frame()
            cells = lay_out(was, ["x"])
            reference = summarise(was, cells).columns["x"]
        now = draw(rng, world, sizes[0], change).to_frame()
        yield Drawn(was["x"], now["x"], cells[0], reference, summarise(now, cells).columns["x"])
