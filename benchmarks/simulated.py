"""Nights drawn from a known world: how often they alarm, and how often a change is found.

``python -m benchmarks.simulated [NIGHTS]`` prints, for every world, size of night and size of reference, the share of
unchanged nights whose chance of "no difference at all" is at most 5 % and at most 1 in 365; and for every change the
share of nights that show it, beside the best of the exact two-sample tests at the same measured rate of false alarms.
Other benchmarks draw their nights here.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import stats

from batchops.stats import Cells, Column, ColumnDrift, compare, lay_out, summarise

__all__ = [
    "CHANGES",
    "SIZES",
    "WORLDS",
    "Drawn",
    "World",
    "chances",
    "draw",
    "draws",
    "drifts",
    "false_alarms",
    "rival_chances",
    "year",
]

Floats = NDArray[np.float64]
Values = NDArray[Any]

SIZES = (20, 100, 1_000, 10_000)
REFERENCES = (1_000, 10_000, 100_000)
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


def drifts(drawn: Iterator[Drawn]) -> Iterator[ColumnDrift]:
    """Every night as it is compared."""
    return (compare(each.night, each.reference, each.cells) for each in drawn)


def chances(drift: ColumnDrift, edge: float = 0.0) -> dict[str, float]:
    """The chance of every component that has one, where the true effect is at most ``edge``."""
    parts = {
        "distance": drift.distance,
        "null_share": drift.null_change,
        "unseen_share": drift.unseen_change,
        "outside_share": drift.outside_change,
    }
    return {name: part.chance(edge) for name, part in parts.items() if part.chance is not None}


def false_alarms(world: World, sizes: tuple[int, int], nights: int, edge: float = 0.0) -> dict[str, Floats]:
    """Chances of unchanged nights, by component."""
    found = [chances(drift, edge) for drift in drifts(draws(world, sizes, nights))]
    return {name: np.array([each[name] for each in found]) for name in found[0]}


def rival_chances(drawn: Drawn) -> dict[str, float]:
    """What exact two-sample tests say of the same rows, nulls aside where they are not the question."""
    was, now = drawn.was, drawn.now
    if was.null_count() or now.null_count():
        missing = [[each.null_count(), len(each) - each.null_count()] for each in (was, now)]
        return {"Fisher": float(stats.fisher_exact(missing).pvalue)}
    if now.dtype == pl.String:
        counts = pl.concat([was.value_counts(name="n"), now.value_counts(name="k")], how="align").fill_null(0)
        table = counts.select("n", "k").to_numpy().T
        new = int(counts.filter(pl.col("n") == 0)["k"].sum())
        fisher = stats.fisher_exact([[0, len(was)], [new, len(now) - new]]).pvalue if new else 1.0
        return {"chi-square": float(stats.chi2_contingency(table).pvalue), "Fisher": float(fisher)}
    a, b = was.to_numpy(), now.to_numpy()
    return {
        "KS": float(stats.ks_2samp(a, b, method="asymp").pvalue),
        "t": float(stats.ttest_ind(a, b, equal_var=False).pvalue),
        "Mann-Whitney": float(stats.mannwhitneyu(a, b, method="asymptotic").pvalue),
        # Standardised by its own mean and spread: as good as a chance to rank nights by.
        "Anderson-Darling": -float(stats.anderson_ksamp([a, b], variant="midrank").statistic),
    }


@dataclass(frozen=True, slots=True)
class Year:
    """Nights that share shocks.

    Attributes:
        rho: How much of a night's shock the next one keeps.
        shock: Its standard deviation, in standard deviations of a row.
        weekday: How far weekends lie from other days, in the same.
        trend: How far the year drifts from its first night to its last, in the same.
    """

    nights: int = 365
    rows: int = 200
    rho: float = 0.0
    shock: float = 0.2
    weekday: float = 0.0
    trend: float = 0.0


def year(rng: np.random.Generator, shape: Year) -> list[Floats]:
    """The rows of every night."""
    fresh = rng.normal(size=shape.nights) * shape.shock * np.sqrt(1 - shape.rho**2)
    shock = np.empty(shape.nights)
    last = rng.normal() * shape.shock
    for night in range(shape.nights):
        last = shape.rho * last + fresh[night]
        shock[night] = last
    shock += shape.weekday * (np.arange(shape.nights) % 7 >= 5) + shape.trend * np.linspace(0, 1, shape.nights)
    return [rng.normal(each, 1, shape.rows) for each in shock]


def _alarm_lines(nights: int) -> Iterator[str]:
    yield "| world | rows | reference | component | at 5 % | at 1 in 365 |"
    yield "| --- | ---: | ---: | --- | ---: | ---: |"
    for world in WORLDS.values():
        for n in SIZES:
            for m in REFERENCES:
                for name, found in false_alarms(replace(world, nulls=0.05), (n, m), nights).items():
                    low, high = (float((found <= level).mean()) for level in (0.05, 1 / 365))
                    yield f"| {world.name} | {n} | {m} | {name} | {low:.1%} | {high:.2%} |"


def _power_lines(nights: int, reference: int = 10_000) -> Iterator[str]:
    yield "| world | change | rows | ours | false alarms | best exact test | power | ratio |"
    yield "| --- | --- | ---: | ---: | ---: | --- | ---: | ---: |"
    for world in WORLDS.values():
        for change in CHANGES:
            if (change.shift and not world.spread) or (change.new and world.spread):
                continue
            for n in SIZES:
                yield _power_line(replace(world, nulls=0.05 if change.nulls else 0.0), change, (n, reference), nights)


def _power_line(world: World, change: Change, sizes: tuple[int, int], nights: int) -> str:
    part = "null_share" if change.nulls else "distance"
    sides = [list(draws(world, sizes, nights, drawn, seed)) for seed, drawn in enumerate((NOTHING, change))]
    ours = [[chances(compare(each.night, each.reference, each.cells))[part] for each in side] for side in sides]
    unchanged, changed = ([rival_chances(each) for each in side] for side in sides)
    rate, power = (float((np.array(side) <= 0.05).mean()) for side in ours)
    found = {name: _power_at(name, unchanged, changed, rate) for name in changed[0]}
    best = max(found, key=lambda name: found[name])
    ratio = power / found[best] if found[best] else 1.0
    return (
        f"| {world.name} | {change.name} | {sizes[0]} | {power:.2f} | {rate:.1%} | {best} | {found[best]:.2f} "
        f"| {ratio:.2f} |"
    )


def _power_at(
    name: str, unchanged: Sequence[Mapping[str, float]], changed: Sequence[Mapping[str, float]], rate: float
) -> float:
    """How often a test finds the change at the limit where it alarms no more than at ``rate``."""
    null, real = (np.array([each.get(name, 1.0) for each in side]) for side in (unchanged, changed))
    limits = np.unique(null)
    allowed = limits[(null[:, None] <= limits).mean(axis=0) <= rate]
    return float((real <= allowed.max()).mean()) if len(allowed) else float((real < limits.min()).mean())


def main(arguments: Sequence[str]) -> int:
    """Print both tables."""
    nights = int(arguments[0]) if arguments else 400
    for line in _alarm_lines(nights):
        print(line, flush=True)
    print()
    for line in _power_lines(nights):
        print(line, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
