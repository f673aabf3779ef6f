"""How often the intervals of drift, of estimates before the labels and of all columns together hold what is true."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.stats import norm

from batchops.models.domain import Side, separate
from batchops.stats import ColumnDrift, Quality, compare, lay_out, merge_profiles, summarise
from batchops.stats.estimates.estimated import REALISED, learn
from benchmarks.covering import Covering
from benchmarks.quality_worlds import WORLDS, pooled_nights

__all__ = ["bands", "drifts", "together"]

Floats = NDArray[np.float64]

REFERENCE, ROWS, NULLS = 20, 1_000, 0.05
"""Nights of the reference, rows of a night, and the share of nulls in it."""

MOVED = 0.25


def _numbers(rng: np.random.Generator, rows: int, moved: Floats | float, nulls: float) -> pl.DataFrame:
    values = rng.normal(size=rows) + moved
    missing, new = rng.random(rows) < nulls, rng.random(rows) < 0.01 + 0.02 * float(nulls > NULLS)
    share = np.array([0.4, 0.3, 0.2, 0.1]) + (0.05 * np.array([1, -1, 1, -1]) if nulls > NULLS else 0.0)
    kinds = np.where(new & (nulls > NULLS), "new", np.array(list("abcd"))[rng.choice(4, rows, p=share)])
    frame = pl.DataFrame({"number": values, "kind": kinds})
    frame = frame.with_columns(decision=rng.random(rows) < (0.85 if nulls > NULLS else 0.8))
    return frame.with_columns(number=pl.when(pl.Series(missing)).then(None).otherwise("number"))


def drifts(draws: int) -> Iterator[Covering]:
    """A reference of 20 nights beside windows: numbers that moved, categories and decisions that changed.

    A night has 1,000 rows and moves its numbers by a shock, in the reference too. Unseen: 3 % of the rows.
    """
    for nights, shock in ((31, 0.1), (1, 0.0)):
        for changed in (True, False):
            rng = np.random.default_rng(4)
            case = f"drift, {nights} night{'s' * (nights > 1)}, {'changed' if changed else 'unchanged'}"
            covering, nulls = Covering(case), NULLS + 0.03 * changed
            moved = MOVED * changed
            truths = _true_drift(moved, shock, changed)
            for _ in range(draws):
                reference = _numbers(rng, REFERENCE * ROWS, np.repeat(shock * rng.normal(size=REFERENCE), ROWS), NULLS)
                cells = lay_out(reference, ["number", "kind", "decision"])
                was = summarise(reference, cells)
                parts = [
                    summarise(_numbers(rng, ROWS, moved + shock * rng.normal(), nulls), cells) for _ in range(nights)
                ]
                now = merge_profiles(parts)
                for each in cells:
                    name = each.column
                    found = compare(now.columns[name], was.columns[name], each, [part.columns[name] for part in parts])
                    _see_drift(covering, found, truths)
            yield covering


def _true_drift(moved: float, shock: float, changed: bool) -> Mapping[str, float]:
    """KS of two normals, widened by nights' shocks; total variation of shares that moved and 3 % new ones."""
    places = np.linspace(-5, 5, 4_001)
    spread = np.hypot(1, shock)
    apart = np.abs(norm.cdf(places / spread) - norm.cdf((places - moved) / spread)).max()
    was, now = np.array([0.4, 0.3, 0.2, 0.1, 0]), np.array([0.45, 0.25, 0.25, 0.05, 0]) * 0.97
    now[4] = 0.03
    return {
        "ks": float(apart),
        "tvd": float(np.abs(now - was).sum() / 2) if changed else 0.0,
        "tvd of two values": 0.05 * changed,
        "null share": NULLS + 0.03 * changed,
        "change of null share": 0.03 * changed,
        "unseen share": 0.03 * changed,
    }


def _see_drift(covering: Covering, found: ColumnDrift, truths: Mapping[str, float]) -> None:
    measure = "tvd of two values" if found.column == "decision" else found.measure
    covering.see(measure, truths[measure], found.distance.lower, found.distance.upper)
    if found.column == "number":
        covering.see("null share", truths["null share"], found.null_share.lower, found.null_share.upper)
        covering.see(
            "change of null share", truths["change of null share"], found.null_change.lower, found.null_change.upper
        )
    elif found.column == "kind":
        covering.see("unseen share", truths["unseen share"], found.unseen_share.lower, found.unseen_share.upper)


def bands(draws: int) -> Iterator[Covering]:
    """Bands of nights' estimates, learned from 60 labelled nights, against what came true of 20 more."""
    begin, each = dt.date(2024, 1, 1), 20
    for name in ("two classes", "three classes", "numbers"):
        rng = np.random.default_rng(5)
        pool, cells = pooled_nights(WORLDS[name], rng, rng.normal(size=(1_500, 3)))
        covering = Covering(f"estimated before the labels, {name}")
        for _ in range(max(draws // each, 1)):
            places = rng.permutation(len(pool))[: 60 + each]
            nights = [pool[place] for place in places]
            dates = [(begin + dt.timedelta(day)).isoformat() for day in range(60)]
            lesson = learn(Quality(dict(zip(dates, nights, strict=False))), cells)
            for night in nights[60:]:
                outlook = lesson.outlook(night)
                if outlook is not None:
                    covering.see_all(REALISED[cells.task](night, cells), outlook.metrics)
        yield covering


def together(draws: int) -> Iterator[Covering]:
    """The area of all columns together: the truth is the mean over all draws, as no classifier learns all there is."""
    sides: Mapping[str, Callable[[np.random.Generator], tuple[Side, Side]]] = {
        "all columns together, rows": lambda rng: (_side(rng, 1, 0.0), _side(rng, 1, 0.0)),
        "all columns together, rows, moved": lambda rng: (_side(rng, 1, 0.0), _side(rng, 1, 0.5)),
        "all columns together, 31 nights, moved": lambda rng: (_side(rng, 31, 0.0), _side(rng, 31, 0.5)),
    }
    for name, make in sides.items():
        rng, covering = np.random.default_rng(6), Covering(name)
        found = [separate(*make(rng), explain=False) for _ in range(draws)]
        areas = [each for each in found if each is not None]
        truth = float(np.mean([each.auc for each in areas]))
        for each in areas:
            covering.see("area of all columns", truth, each.lower, each.upper)
        yield covering


def _side(rng: np.random.Generator, nights: int, moved: float, rows: int = 1_500) -> Side:
    night = rng.integers(nights, size=rows) if nights > 1 else np.zeros(rows, dtype=np.int64)
    matrix = rng.normal(size=(rows, 4)) + (rng.normal(0, 0.2, (nights, 4))[night] if nights > 1 else 0.0)
    matrix[:, 0] += moved
    return Side(matrix, np.ones(rows), night)
