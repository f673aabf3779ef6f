"""How often a column's chances alarm where nothing changed, and how often they find a change, beside exact tests.

``python -m benchmarks.power [--only alarms|power] [--nights N] [--most N]``

``alarms``: for every world, size of night and size of reference, the share of unchanged nights whose chance of "no
difference at all" is at most 5 % and at most 1 in 365, by component. ``power``: the share of changed nights with a
chance of at most 5 %, beside the best exact two-sample test of the same rows at the false-alarm rate measured for ours.
Nights are added, up to ``--most``, until the ratio of the two is known to be
above or below .9. See docs/statistics.md.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import stats

from batchops.stats import ColumnDrift, compare
from batchops.stats.columns.sameness import anderson_darling
from benchmarks.worlds import CHANGES, NOTHING, WORLDS, Change, Drawn, World, draws

__all__ = ["chances", "main", "rival_chances"]

Floats = NDArray[np.float64]
Chances = Mapping[str, Floats]

SIZES = (20, 100, 1_000, 10_000)
REFERENCES = (1_000, 10_000, 100_000)
REFERENCE = 10_000
OURS = "ours"
ENOUGH = 0.9
"""Nights are added until a ratio is two standard errors above or below."""

DRAWS = 100


def chances(drift: ColumnDrift, edge: float = 0.0) -> dict[str, float]:
    """The chance of every component that has one, where the true effect is at most ``edge``."""
    parts = {
        "distance": drift.distance,
        "null_share": drift.null_change,
        "unseen_share": drift.unseen_change,
        "outside_share": drift.outside_change,
    }
    return {name: part.chance(edge) for name, part in parts.items() if part.chance is not None}


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """A reference's different values, ascending, and its rows by value."""

    values: Floats
    rows: NDArray[np.int64]
    mean: float
    variance: float

    @classmethod
    def of(cls, was: pl.Series) -> Known:
        rows = was.drop_nulls().to_numpy()
        return cls(*np.unique(rows, return_counts=True), float(rows.mean()), float(rows.var(ddof=1)))


def rival_chances(drawn: Drawn, known: Known | None) -> dict[str, float]:
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
    return _numbers(known or Known.of(was), np.sort(now.to_numpy()))


def _numbers(was: Known, now: Floats) -> dict[str, float]:
    """Of numbers, ascending: statistics in place of chances, negative, since they rank nights alike and cost little."""
    n, m = len(now), int(was.rows.sum())
    values, rows = np.unique(now, return_counts=True)
    places = np.searchsorted(was.values, values)
    fresh = was.values[np.minimum(places, len(was.values) - 1)] != values
    before = np.insert(was.rows, places[fresh], 0)
    after = np.zeros_like(before)
    after[places + np.cumsum(fresh) - fresh] = rows
    now_up, was_up = np.cumsum(after), np.cumsum(before)
    error = np.sqrt(was.variance / m + now.var(ddof=1) / n)
    return {
        "KS": -float(np.abs(now_up / n - was_up / m).max()),
        "t": -abs(float(now.mean()) - was.mean) / float(error) if error else 0.0,
        "Mann-Whitney": -abs(float((after * (was_up - before / 2)).sum()) - n * m / 2),
        "Anderson-Darling": -anderson_darling(after, before),
    }


def power_at(unchanged: Floats, changed: Floats, rate: float) -> float:
    """How often a test finds a change at the false-alarm rate of ``rate``, between two limits in proportion."""
    limits = np.unique(np.concatenate([unchanged, changed]))
    alarms, found = (
        np.append(0.0, np.searchsorted(np.sort(side), limits, side="right") / len(side))
        for side in (unchanged, changed)
    )
    # Of limits with one rate of alarms the last finds most.
    last = np.append(np.diff(alarms) > 0, True)
    return float(np.interp(rate, alarms[last], found[last]))


def best(unchanged: Chances, changed: Chances) -> tuple[str, float]:
    """The rival that finds most at our rate of false alarms, and how often it does."""
    rate = float((unchanged[OURS] <= 0.05).mean())
    found = {name: power_at(unchanged[name], changed[name], rate) for name in changed if name != OURS}
    name = max(found, key=lambda each: found[each])
    return name, found[name]


def _tried(world: World, change: Change, rows: int, nights: int, seed: int) -> Chances:
    """Chances of nights against one reference each, ours and the rivals'."""
    part, lines = "null_share" if world.nulls else "distance", []
    was: tuple[pl.Series | None, Known | None] = None, None
    for each in draws(world, (rows, REFERENCE), nights, change, seed):
        if each.was is not was[0]:
            was = each.was, Known.of(each.was) if world.spread else None
        ours = chances(compare(each.night, each.reference, each.cells))[part]
        lines.append({OURS: ours, **rival_chances(each, was[1])})
    return {name: np.array([line.get(name, 1.0) for line in lines]) for name in lines[0]}


def _ratio(sides: Sequence[Chances]) -> float:
    """Our power over that of the best exact test."""
    theirs = best(*sides)[1]
    return float((sides[1][OURS] <= 0.05).mean()) / theirs if theirs else 1.0


def _error(sides: Sequence[Chances]) -> float:
    """Standard error of the ratio: nights drawn again."""
    rng, found = np.random.default_rng(0), []
    for _ in range(DRAWS):
        places = [rng.integers(0, len(side[OURS]), len(side[OURS])) for side in sides]
        found.append(_ratio([{k: v[at] for k, v in side.items()} for side, at in zip(sides, places, strict=True)]))
    return float(np.std(found))


def _power_lines(nights: int, most: int, worlds: Sequence[str], sizes: Sequence[int]) -> Iterator[str]:
    yield "| world | change | rows | nights | ours | false alarms | best exact test | power | ratio | +- |"
    yield "| --- | --- | ---: | ---: | ---: | ---: | --- | ---: | ---: | ---: |"
    for world in (WORLDS[name] for name in worlds):
        for rows in sizes:
            unchanged: dict[float, list[Chances]] = {0.0: [], 0.05: []}
            for change in CHANGES:
                if not (change.shift and not world.spread) and not (change.new and world.spread):
                    yield _power_line(world, change, rows, (nights, most), unchanged)


def _power_line(
    world: World, change: Change, rows: int, nights: tuple[int, int], unchanged: dict[float, list[Chances]]
) -> str:
    """One line; ``unchanged`` holds batches of nights without a change, by share of nulls, for the changes to come."""
    world = replace(world, nulls=0.05 if change.nulls else 0.0)
    drawn, batch, error = unchanged[world.nulls], 0, 1.0
    parts: list[Chances] = []
    sides: list[Chances] = []
    while batch * nights[0] < nights[1] and not (sides and abs(_ratio(sides) - ENOUGH) > 2 * error):
        if len(drawn) == batch:
            drawn.append(_tried(world, NOTHING, rows, nights[0], 2 * batch))
        parts.append(_tried(world, change, rows, nights[0], 2 * batch + 1))
        batch += 1
        sides = [_all(drawn[:batch]), _all(parts)]
        error = _error(sides)
    rate, power = (float((side[OURS] <= 0.05).mean()) for side in sides)
    name, theirs = best(*sides)
    return (
        f"| {world.name} | {change.name} | {rows} | {batch * nights[0]} | {power:.3f} | {rate:.1%} | {name} "
        f"| {theirs:.3f} | {_ratio(sides):.2f} | {2 * error:.2f} |"
    )


def _all(parts: Sequence[Chances]) -> Chances:
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _alarm_lines(nights: int, worlds: Sequence[str], sizes: Sequence[int]) -> Iterator[str]:
    yield "| world | rows | reference | component | at 5 % | at 1 in 365 |"
    yield "| --- | ---: | ---: | --- | ---: | ---: |"
    for world in (replace(WORLDS[name], nulls=0.05) for name in worlds):
        for n in sizes:
            for m in REFERENCES:
                found = [
                    chances(compare(each.night, each.reference, each.cells)) for each in draws(world, (n, m), nights)
                ]
                for name in found[0]:
                    each = np.array([line[name] for line in found])
                    low, high = (float((each <= level).mean()) for level in (0.05, 1 / 365))
                    yield f"| {world.name} | {n} | {m} | {name} | {low:.1%} | {high:.2%} |"


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the tables that are asked for, both otherwise."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.power", description=__doc__)
    parser.add_argument("--only", choices=("alarms", "power"), help="One of the two tables.")
    parser.add_argument("--nights", type=int, default=1_000, help="Nights of a case, and of each addition.")
    parser.add_argument("--most", type=int, default=8_000, help="Nights of a case at the most.")
    parser.add_argument("--worlds", nargs="+", choices=list(WORLDS), default=list(WORLDS))
    parser.add_argument("--rows", type=int, nargs="+", default=list(SIZES))
    asked = parser.parse_args(arguments)
    tables = {
        "alarms": lambda: _alarm_lines(asked.nights, asked.worlds, asked.rows),
        "power": lambda: _power_lines(asked.nights, asked.most, asked.worlds, asked.rows),
    }
    for name in [asked.only] if asked.only else tables:
        for line in tables[name]():
            print(line, flush=True)
        print()
    return 0


if __name__ == "__main__":
    sys.exit(main())
