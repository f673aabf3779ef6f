"""How often the intervals of shares, of their differences and of means hold the truth.

Rows come from one cross-section, where they are independent, and from nights that
share a shock: a night's share is drawn from a beta distribution, a night's mean from a normal one. Nights are of equal
size, and of sizes that differ by a factor of three or so. Rows of entities share a shock too, on whatever night they
come; entities fall into groups as a job's do, and their shocks are normal. The truth is that of the world, not of the
nights and entities drawn.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from batchops.stats.numbers.averages import Averaged, mean_estimate
from batchops.stats.numbers.intervals import Estimate, difference, proportion_estimate
from batchops.stats.outcomes.state import GROUPS
from benchmarks.covering import Covering

__all__ = ["CASES", "Case", "cover", "coverage"]

Floats = NDArray[np.float64]

LEAST = 20


@dataclass(frozen=True, slots=True)
class Case:
    """A world to draw from.

    Attributes:
        nights: 1: a cross-section.
        rows: Of a night, on average.
        truth: The share, or the difference from .2 of a second side; a mean is 0.
        effect: Design effect of the nights' shock: variance of a night's share or mean over that of independent rows.
        uneven: Sizes of nights vary by a factor of three or so.
        entities: That rows belong to, each to one at random; 0: to none.
        entity_effect: Design effect of the entities' shock.
    """

    kind: str
    nights: int
    rows: int
    truth: float
    effect: float = 1.0
    uneven: bool = False
    entities: int = 0
    entity_effect: float = 1.0

    @property
    def told(self) -> bool:
        """Whether twenty effective rows count, and twenty do not: with fewer, no interval of a share can be exact."""
        share = {"share": self.truth, "difference": 0.2 + self.truth}.get(self.kind, 0.5)
        return min(share, 1 - share) * self.nights * self.rows / (self.effect + self.entity_effect - 1) >= LEAST

    @property
    def name(self) -> str:
        """For a table."""
        words = [f"{self.nights} night{'s' * (self.nights > 1)} of {self.rows}"]
        words += [f"design effect {self.effect:g}"] * (self.effect > 1) + ["uneven"] * self.uneven
        words += [f"{self.entities} entities of {self.entity_effect:g}"] * (self.entities > 0)
        return ", ".join([*words, *["few"] * (not self.told)])


def _sizes(rng: np.random.Generator, case: Case) -> Floats:
    if not case.uneven:
        return np.full(case.nights, float(case.rows))
    return np.maximum(1.0, np.rint(case.rows * rng.lognormal(-0.125, 0.5, case.nights)))


def _hits(rng: np.random.Generator, case: Case, rows: Floats, share: float) -> Floats:
    """Rows that count; a beta's correlation r gives nights of n rows the design effect 1 + (n - 1) r."""
    correlation = (case.effect - 1) / max(case.rows - 1, 1)
    if correlation <= 0:
        return rng.binomial(rows.astype(np.int64), share).astype(np.float64)
    scale = 1 / correlation - 1
    nightly = rng.beta(share * scale, (1 - share) * scale, len(rows))
    return rng.binomial(rows.astype(np.int64), nightly).astype(np.float64)


def _share(rng: np.random.Generator, case: Case) -> Estimate:
    rows = _sizes(rng, case)
    return proportion_estimate(_hits(rng, case, rows, case.truth), rows)


def _difference(rng: np.random.Generator, case: Case) -> Estimate:
    rows = _sizes(rng, case)
    now = proportion_estimate(_hits(rng, case, rows, 0.2 + case.truth), rows)
    return difference(now, proportion_estimate(np.array([float(rng.binomial(20_000, 0.2))]), np.array([20_000.0])))


def _mean(rng: np.random.Generator, case: Case) -> Estimate:
    rows = _sizes(rng, case)
    shock = rng.normal(size=len(rows)) * np.sqrt((case.effect - 1) / case.rows)
    values = [rng.normal(each, 1, int(n)) for each, n in zip(shock, rows, strict=True)]
    sums, squares = (np.array([float((each**power).sum()) for each in values]) for power in (1, 2))
    return mean_estimate(sums, rows, Averaged(float(squares.sum())))


def _entities(rng: np.random.Generator, case: Case) -> Estimate:
    """Of rows that share a shock with their night and another with their entity: a mean of 0, or a share of a half.

    A share's shocks move each row's probability; they are symmetric, so that cutting it off at 0 and 1 moves no mean.
    """
    rows = _sizes(rng, case).astype(np.int64)
    night = np.repeat(np.arange(len(rows)), rows)
    entity, group = rng.integers(case.entities, size=len(night)), rng.integers(GROUPS, size=case.entities)
    scale = 0.25 if case.kind == "entity share" else 1.0
    shocks = rng.normal(size=case.entities) * np.sqrt(scale * (case.entity_effect - 1) * case.entities / len(night))
    moved = (rng.normal(size=len(rows)) * np.sqrt(scale * (case.effect - 1) / case.rows))[night] + shocks[entity]
    values = rng.random(len(night)) < 0.5 + moved if case.kind == "entity share" else rng.normal(moved, 1)
    cell = night * GROUPS + group[entity]
    above, below = (
        np.bincount(cell, weights, minlength=len(rows) * GROUPS).astype(np.float64).reshape(-1, GROUPS)
        for weights in (values, None)
    )
    if case.kind == "entity share":
        return proportion_estimate(above, below)
    return mean_estimate(above, below, Averaged(float((values**2).sum())))


KINDS: dict[str, Callable[[np.random.Generator, Case], Estimate]] = {
    "share": _share,
    "difference": _difference,
    "mean": _mean,
    "entity mean": _entities,
    "entity share": _entities,
}


def _cases() -> Iterator[Case]:
    for kind, truths in (("share", (0.02, 0.1, 0.5)), ("difference", (0.0, 0.3)), ("mean", (0.0,))):
        for truth in truths:
            yield from (Case(kind, 1, rows, truth) for rows in (30, 300, 3_000))
            for nights in (8, 15, 31):
                for effect in (1.0, 4.0, 20.0):
                    yield from (Case(kind, nights, 200, truth, effect, uneven) for uneven in (False, True))
    for kind, truth in (("entity mean", 0.0), ("entity share", 0.5)):
        for nights, rows, entities in ((1, 6_000, 300), (8, 750, 300), (31, 200, 300), (31, 200, 2_000), (31, 200, 60)):
            for effect, entity_effect in ((1.0, 1.0), (1.0, 4.0), (4.0, 1.0), (4.0, 4.0)):
                if nights > 1 or effect == 1:
                    for uneven in (False, True)[:nights]:
                        yield Case(kind, nights, rows, truth, effect, uneven, entities, entity_effect)


CASES = tuple(_cases())


def cover(case: Case, draws: int, seed: int = 0) -> Covering:
    """Intervals of so many draws, and the truth."""
    rng, covering = np.random.default_rng(seed), Covering(case.name)
    for _ in range(draws):
        found = KINDS[case.kind](rng, case)
        ends = (-np.inf, np.inf) if found.lower is None else (found.lower, found.upper)
        covering.see(case.kind, case.truth, *ends)
    return covering


def coverage(case: Case, runs: int, seed: int = 0) -> float:
    """Share of runs whose interval holds the truth."""
    return cover(case, runs, seed).shares()[case.kind]
