"""How often the search for slices is right: ``python -m benchmarks.discovered [RUNS]``, simulated.

Eight features of five and two bins, one row in ten is wrong. **Planted**: in one slice of three features, 2 % of the
rows, three rows in ten are. **Nothing**: nowhere. **Shocks**: nowhere for long, but every bin of every feature has a
good or a bad night, every night. A run warns where a slice is judged WARN or FAIL with a limit of 0.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from batchops.audit.discovering import discovered_figures, search_terms
from batchops.stats.discovery import (
    Discovery,
    Grid,
    Proposals,
    Recount,
    count,
    lay_out_features,
    lay_out_loss,
    losses_of,
    measure,
    propose,
    recount,
)
from batchops.stats.discovery.features import Codes
from batchops.verdict import Limit, Policy, Severity, judge

__all__ = ["PLANTED", "SHOCK", "WRONG", "World", "by_nights", "by_rows", "made", "main"]

SIZES = (5, 5, 5, 5, 5, 5, 2, 2)
WRONG, PLANTED, SHOCK = 0.1, 0.3, 0.03
NIGHTS = 30
LOSS = lay_out_loss("error_rate")
POLICY = Policy({"slices.error_rate": Limit(warn=0)}, primary="error_rate")
SLICE = (("f0", "[0, 1)"), ("f1", "[0, 1)"), ("f6", "[0, 1)"))

Floats = NDArray[np.float64]


def _grid() -> Grid:
    frame = pl.DataFrame({f"f{at}": np.arange(400) % size for at, size in enumerate(SIZES)})
    return Grid(lay_out_features(frame, frame.columns))


GRID = _grid()


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Rows of a simulated world: their bins, whether each is wrong, and its night."""

    codes: Codes
    wrong: Floats
    night: NDArray[np.int64]

    def part(self, held: NDArray[np.bool_]) -> Rows:
        """Some of them."""
        return Rows(self.codes[:, held], self.wrong[held], self.night[held])


@dataclass(frozen=True, slots=True)
class World:
    """What is simulated."""

    rows: int
    planted: bool = False
    shock: float = 0.0


def made(world: World, seed: int) -> Rows:
    """Rows of a world."""
    rng, rows, shock = np.random.default_rng(seed), world.rows, world.shock
    codes = np.stack([rng.integers(0, size, rows).astype(np.uint8) for size in SIZES])
    night = rng.integers(0, NIGHTS, rows)
    chance = np.full(rows, WRONG)
    if world.planted:
        chance[(codes[0] == 0) & (codes[1] == 0) & (codes[6] == 0)] = PLANTED
    for line, size in zip(codes, SIZES, strict=True):
        chance += rng.normal(0, shock, (NIGHTS, size))[night, line] if shock else 0.0
    return Rows(codes, (rng.random(rows) < chance).astype(np.float64), night)


def _searched(half: Rows) -> Proposals:
    return propose(count([(half.codes, losses_of(half.wrong, LOSS))], GRID), GRID, LOSS)


def by_rows(rows: Rows) -> tuple[Proposals, Discovery]:
    """Search every other row, and measure on the others."""
    odd = np.arange(len(rows.wrong)) % 2 == 1
    proposals, other = _searched(rows.part(~odd)), rows.part(odd)
    counted = recount(other.codes, losses_of(other.wrong, LOSS), proposals.slices)
    return proposals, measure(proposals, counted, LOSS, search_terms(POLICY, LOSS.metric, rows_independent=True))


def by_nights(rows: Rows) -> tuple[Proposals, Discovery]:
    """Search every other night, and measure on the others."""
    proposals, other = _searched(rows.part(rows.night % 2 == 0)), Recount()
    for night in range(1, NIGHTS, 2):
        part = rows.part(rows.night == night)
        other += recount(part.codes, losses_of(part.wrong, LOSS), proposals.slices, f"2024-01-{night:02}")
    return proposals, measure(proposals, other, LOSS, search_terms(POLICY, LOSS.metric))


def _line(name: str, world: World, halves: Callable[[Rows], tuple[Proposals, Discovery]], runs: int) -> str:
    warned = listed = planted = proved = 0
    found, held = [], []
    for seed in range(runs):
        proposals, discovery = halves(made(world, seed))
        verdict = judge(tuple(discovered_figures(discovery, POLICY)), POLICY, "2024-01-30")
        alarms = [each for each in verdict.findings if each.severity in (Severity.WARN, Severity.FAIL)]
        warned, listed = warned + bool(alarms), listed + len(discovery.slices)
        planted += any(each.key == SLICE for each in discovery.slices)
        proved += any(each.subject == "f0 [0, 1) · f1 [0, 1) · f6 [0, 1)" for each in alarms)
        if proposals.slices and discovery.slices[0].gap.value is not None:
            found.append(proposals.slices[0].gap)
            held.append(discovery.slices[0].gap.value)
    gaps = f"{np.mean(found):.3f} | {np.mean(held):.3f}" if found else "- | -"
    return (
        f"| {name} | {listed / runs:.1f} | {planted / runs:.0%} | {proved / runs:.0%} | {warned / runs:.1%} | {gaps} |"
    )


def main(arguments: Sequence[str]) -> int:
    """Print a table."""
    runs = int(arguments[0]) if arguments else 400
    print("| world | slices listed | planted is listed | and warns | any warns | gap found | gap elsewhere |")
    print("| ----- | ------------: | ----------------: | --------: | --------: | --------: | ------------: |")
    for rows in (10_000, 20_000, 50_000):
        print(_line(f"planted, {rows:,} rows", World(rows, planted=True), by_rows, runs))
    for rows in (10_000, 50_000):
        print(_line(f"nothing, {rows:,} rows", World(rows), by_rows, runs))
    print(_line("shocks, halves are rows", World(60_000, shock=SHOCK), by_rows, runs))
    print(_line("shocks, halves are nights", World(60_000, shock=SHOCK), by_nights, runs))
    print(_line("planted, shocks, nights", World(60_000, planted=True, shock=SHOCK), by_nights, runs))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
