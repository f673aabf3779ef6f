"""Worlds of scores and labels, and how often the intervals of every metric hold what is true of them.

Nights are counted once, and windows drawn from them with replacement, so that the pool of nights is the world and its
total the truth. **Of many**: the truth is that of all nights, and windows of fewer than eight have the design effects
of a reference of 90 nights, drawn anew for every 50 windows. **Its own**: what a night did to its rows is given, rows
alone are drawn, and the truth is that of endless rows of that night.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.special import expit, softmax

from batchops.stats import (
    ENTITY,
    NightQuality,
    Quality,
    ScoreCells,
    class_details,
    design_effects,
    entity_groups,
    lay_out_quality,
    merge_qualities,
    metrics,
    tally_quality,
)
from benchmarks.covering import Covering

__all__ = ["WORLDS", "QualityWorld", "entities", "own_night", "pooled_nights", "windows"]

Floats = NDArray[np.float64]
Rows = Callable[[np.random.Generator, Floats], pl.DataFrame]

POOL, REFERENCE, AGAIN = 1_500, 90, 50
"""Nights of a world, of a reference, and how many windows are set beside one reference."""

OWN, EACH = 20, 100
"""Nights whose truth is their own, and how often rows are drawn of each."""


@dataclass(frozen=True, slots=True)
class QualityWorld:
    """What rows are like.

    Attributes:
        rows: From normal shocks, rows x 3, the columns of a frame.
        size: Rows of a night.
        shock: By how much shocks are multiplied.
    """

    task: str
    rows: Rows
    size: int = 400
    shock: float = 0.12

    def frame(self, rng: np.random.Generator, shocks: Floats) -> pl.DataFrame:
        """``size`` rows for each line of shocks."""
        return self.rows(rng, self.shock * np.repeat(shocks, self.size, axis=0))


def _binary(base: float, weighted: bool = False) -> Rows:
    def rows(rng: np.random.Generator, shocks: Floats) -> pl.DataFrame:
        x = rng.normal(size=len(shocks)) + shocks[:, 0]
        label = rng.random(len(x)) < expit(base + (1 + shocks[:, 1]) * x + 2 * shocks[:, 2])
        frame = pl.DataFrame({"score": expit(base + x), "label": label})
        return frame.with_columns(weight=rng.gamma(2, 1, len(x))) if weighted else frame

    return rows


def _classes(weighted: bool = False) -> Rows:
    def rows(rng: np.random.Generator, shocks: Floats) -> pl.DataFrame:
        odds = rng.normal(size=(len(shocks), 3)) * 1.2 + np.array([0.5, 0, -0.8])
        chances = softmax(odds + 3 * shocks, axis=1)
        label = (rng.random(len(odds))[:, None] > chances.cumsum(axis=1)).sum(axis=1).clip(max=2)
        scores = softmax(odds, axis=1)
        frame = pl.DataFrame({f"score_{name}": scores[:, at] for at, name in enumerate("abc")})
        frame = frame.with_columns(label=np.array(list("abc"))[label])
        return frame.with_columns(weight=rng.gamma(2, 1, len(odds))) if weighted else frame

    return rows


def _numbers(skewed: bool = False, weighted: bool = False) -> Rows:
    def rows(rng: np.random.Generator, shocks: Floats) -> pl.DataFrame:
        label = rng.normal(50, 10, len(shocks)) + 10 * shocks[:, 0]
        error = rng.exponential(3, len(label)) - 3 if skewed else rng.normal(0, 3, len(label))
        frame = pl.DataFrame({"prediction": label + error * np.exp(shocks[:, 1]) + 3 * shocks[:, 2], "label": label})
        return frame.with_columns(weight=rng.gamma(2, 1, len(label))) if weighted else frame

    return rows


WORLDS: Mapping[str, QualityWorld] = {
    "two classes": QualityWorld("binary", _binary(-1.0)),
    "two classes, 3 % positives": QualityWorld("binary", _binary(-4.0)),
    "two classes, weights": QualityWorld("binary", _binary(-1.0, weighted=True)),
    "three classes": QualityWorld("multiclass", _classes()),
    "three classes, weights": QualityWorld("multiclass", _classes(weighted=True)),
    "numbers": QualityWorld("regression", _numbers()),
    "numbers, skewed errors": QualityWorld("regression", _numbers(skewed=True)),
    "numbers, weights": QualityWorld("regression", _numbers(weighted=True)),
}


def pooled_nights(
    world: QualityWorld, rng: np.random.Generator, shocks: Floats, cells: ScoreCells | None = None
) -> tuple[list[NightQuality], ScoreCells]:
    """Nights of ``size`` rows, one for each line of shocks, counted."""
    frame = world.frame(rng, shocks)
    cells = cells or lay_out_quality(frame.head(20_000), world.task)
    return [tally_quality(part, "", (), cells).nights[""] for part in frame.iter_slices(world.size)], cells


def _quality(nights: list[NightQuality]) -> Quality:
    return Quality({f"{place:05}": night for place, night in enumerate(nights)})


def windows(name: str, draws: int, counts: tuple[int, ...] = (31, 7, 1)) -> Iterator[Covering]:
    """Windows of so many nights, each night with a shock."""
    world, rng = WORLDS[name], np.random.default_rng(0)
    pool, cells = pooled_nights(world, rng, rng.normal(size=(POOL, 3)))
    whole = Quality({"": _quality(pool).total()})
    truths = {metric: each.value for metric, each in metrics(whole, cells).items()}
    by_class = class_details(whole, cells) if world.task == "multiclass" else {}
    design: Mapping[str, float] = {}
    for count in counts:
        covering = Covering(f"{name}, {count} night{'s' * (count > 1)} of many")
        for draw in range(draws):
            window = _quality([pool[place] for place in rng.integers(POOL, size=count)])
            if count < 8 and draw % AGAIN == 0:
                design = design_effects(_quality([pool[place] for place in rng.integers(POOL, size=REFERENCE)]), cells)
            covering.see_all(truths, metrics(window, cells, design))
            if by_class and count >= 8:
                for metric, each in class_details(window, cells)["b"].items():
                    covering.see(f"{metric} of a class", by_class["b"][metric].value, each.lower, each.upper)
        yield covering


def own_night(name: str, draws: int) -> Iterator[Covering]:
    """Single nights whose truth is that of endless rows of the same night."""
    world, rng = WORLDS[name], np.random.default_rng(1)
    each, covering, cells = max(draws // OWN, 1), Covering(f"{name}, 1 night, its own"), None
    for shock in rng.normal(size=(OWN, 3)):
        pool, cells = pooled_nights(world, rng, np.tile(shock, (max(each, EACH), 1)), cells)
        whole = metrics(Quality({"": _quality(pool).total()}), cells)
        truths = {metric: found.value for metric, found in whole.items()}
        for night in pool[:each]:
            covering.see_all(truths, metrics(Quality({"": night}), cells))
    yield covering


def entities(name: str, draws: int, nights: int = 10, count: int = 300) -> Iterator[Covering]:
    """Nights of rows of entities; an entity's rows share a shock, whichever their night, and so do many nights'."""
    world, rng = WORLDS[name], np.random.default_rng(2)
    own, theirs = float(nights > 1), 3.0
    truth = world.rows(rng, world.shock * np.hypot(own, theirs) * rng.normal(size=(400_000, 3)))
    cells = lay_out_quality(truth.head(20_000), world.task)
    whole = tally_quality(truth, "", (), cells)
    truths = {metric: found.value for metric, found in metrics(whole, cells).items()}
    by_class = class_details(whole, cells) if world.task == "multiclass" else {}
    covering = Covering(f"{name}, {nights} night{'s' * (nights > 1)}, {count} entities")
    for _ in range(draws):
        night = np.repeat(np.arange(nights), 6_000 // nights)
        entity = rng.integers(count, size=len(night))
        moved = theirs * rng.normal(size=(count, 3))[entity] + own * rng.normal(size=(nights, 3))[night]
        frame = world.rows(rng, world.shock * moved).with_columns(
            entity_groups(pl.Series((entity + rng.integers(1 << 40)).astype(str)))
        )
        parts = [
            tally_quality(part, f"{at:03}", (), cells) for at, part in enumerate(frame.iter_slices(6_000 // nights))
        ]
        covering.see_all(truths, metrics(merge_qualities(parts), cells))
        if by_class:
            for metric, each in class_details(merge_qualities(parts), cells)["b"].items():
                covering.see(f"{metric} of a class", by_class["b"][metric].value, each.lower, each.upper)
    assert ENTITY in frame.columns
    yield covering
