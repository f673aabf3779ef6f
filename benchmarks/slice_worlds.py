"""How often the intervals of slices hold what is true: declared ones, groups side by side, and found ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.special import expit

from batchops.stats import (
    Alike,
    Quality,
    ScoreCells,
    SliceGaps,
    SliceTest,
    design_effects,
    fairness,
    lay_out_scores,
    merge_qualities,
    night_likeness,
    slice_gaps,
    tally_quality,
)
from batchops.stats.discovery import Discovery, Proposals
from benchmarks.covering import Covering
from benchmarks.discovered import PLANTED, SHOCK, WRONG, World, by_nights, by_rows, made

__all__ = ["declared", "found"]

Floats = NDArray[np.float64]

GROUPS, ROWS, POOL, REFERENCE = 12, 1_500, 600, 200
HIGHER = 0.4
"""By how much the labels' log odds are higher in three of twelve groups."""


def _nights(rng: np.random.Generator) -> pl.DataFrame:
    """Nights of rows of twelve groups; every night, and every group of a night, has a shock."""
    night = np.repeat(np.arange(POOL), ROWS)
    group = rng.choice(GROUPS, size=len(night), p=np.arange(1, GROUPS + 1) / np.arange(1, GROUPS + 1).sum())
    x = rng.normal(size=len(night))
    moved = rng.normal(0, 0.2, POOL)[night] + rng.normal(0, 0.2, (POOL, GROUPS))[night, group]
    label = rng.random(len(night)) < expit(-1 + x + moved + HIGHER * (group % 4 == 0))
    return pl.DataFrame({"score": expit(-1 + x), "label": label, "group": group.astype(str)})


def declared(draws: int) -> Iterator[Covering]:
    """Gaps of declared slices, plain and corrected, what is said of each slice, and the groups' differences.

    Corrected: of slices that stand out, whose intervals bound the rate of false coverage under that selection.
    """
    rng = np.random.default_rng(3)
    frame = _nights(rng)
    cells = lay_out_scores(frame["score"].head(20_000))
    pool = [tally_quality(part, "", (("group",),), cells).nights[""] for part in frame.iter_slices(ROWS)]
    reference = Quality({f"{place:03}": night for place, night in enumerate(pool[:REFERENCE])})
    whole = merge_qualities([Quality({"": each}) for each in pool])
    design = design_effects(reference, cells)
    for count in (31, 7, 1):
        covering = Covering(f"12 slices, {count} night{'s' * (count > 1)} of many")
        for metric in ("log_loss", "error_rate"):
            test = SliceTest(metric)
            alike, truth = night_likeness(reference, cells, design, metric), slice_gaps(whole, cells, test)
            for _ in range(draws):
                window = Quality({f"{at:03}": pool[place] for at, place in enumerate(rng.integers(POOL, size=count))})
                _see_slices(covering, slice_gaps(window, cells, test, alike), truth)
                if metric == "log_loss":
                    _see_groups(covering, (window, whole), cells, alike)
        yield covering


def _see_slices(covering: Covering, found: SliceGaps, truth: SliceGaps) -> None:
    true = {each.key: each for each in truth.slices}
    edge = _edge([each.gap.chance(0.0) for each in found.slices if each.tested and each.gap.chance], found.selected)
    chosen = []
    for each in found.slices:
        if not each.tested or each.gap.chance is None:
            continue
        gap = true[each.key].gap.value
        covering.see(f"gap of {found.metric}", gap, each.gap.lower, each.gap.upper)
        if each.gap.chance(0.0) <= edge and gap is not None:
            chosen.append((gap, each.lower_corrected or 0.0, each.upper_corrected or 0.0))
        if found.metric == "log_loss":
            truths = {name: metric.value for name, metric in true[each.key].metrics.items()}
            for name, metric in each.metrics.items():
                covering.see(f"{name} of a slice", truths[name], metric.lower, metric.upper)
    covering.see_chosen(f"gap of {found.metric}, chosen", chosen)


def _edge(chances: Sequence[float], selected: int) -> float:
    """The chance up to which slices stand out; below all where none does."""
    return sorted(chances)[selected - 1] if selected else -1.0


def _see_groups(covering: Covering, windows: tuple[Quality, Quality], cells: ScoreCells, alike: Alike) -> None:
    (now,), (true,) = fairness(windows[0], cells, alike=alike), fairness(windows[1], cells)
    covering.see_all({name: each.value for name, each in true.differences.items()}, now.differences)


def found(draws: int) -> Iterator[Covering]:
    """Gaps of found slices on the half that was not searched: all of them, and those that stand out, corrected."""
    worlds = {
        "found, alternate nights": (World(30_000, planted=True, shock=SHOCK), by_nights),
        "found, alternate nights, nothing planted": (World(30_000, shock=SHOCK), by_nights),
        "found, halves of rows": (World(20_000, planted=True), by_rows),
    }
    for name, (world, halves) in worlds.items():
        covering = Covering(name)
        for seed in range(draws):
            proposals, discovery = halves(made(world, seed))
            _see_found(covering, proposals, discovery, planted=world.planted)
        yield covering


def _see_found(covering: Covering, proposals: Proposals, discovery: Discovery, planted: bool) -> None:
    edge = _edge([each.p_value for each in discovery.slices if each.p_value is not None], discovery.selected)
    chosen = []
    for proposal, each in zip(proposals.slices, discovery.slices, strict=True):
        gap = _true_gap(dict(zip(proposal.place, proposal.bins, strict=True))) if planted else 0.0
        covering.see("gap of error_rate, found", gap, each.gap.lower, each.gap.upper)
        if each.p_value is not None and each.p_value <= edge:
            chosen.append((gap, each.lower_corrected or 0.0, each.upper_corrected or 0.0))
    covering.see_chosen("gap of error_rate, found and chosen", chosen)


def _true_gap(bins: dict[int, int]) -> float:
    """Of a slice of features that are independent, where one row in ten is wrong, and three in ten of the planted."""
    sizes = {0: 5, 1: 5, 6: 2}
    every = dict.fromkeys(range(6), 5) | {6: 2, 7: 2}
    share, inside = 1.0, 1.0
    for at in bins:
        share /= every[at]
    for at, size in sizes.items():
        inside *= (bins[at] == 0) if at in bins else 1 / size
    planted = float(np.prod([1 / size for size in sizes.values()]))
    rest = (planted - share * inside) / (1 - share)
    return (PLANTED - WRONG) * (inside - rest)
