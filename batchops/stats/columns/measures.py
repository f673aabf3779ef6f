"""Distances between two distributions counted in the same cells; each formula stands with its function."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from batchops.stats.columns.cells import REACH, Cells
from batchops.stats.columns.profile import Column
from batchops.stats.columns.sameness import anderson_darling, pearson
from batchops.stats.numbers.sparse import Integers

__all__ = [
    "EXPECTED",
    "FLOOR",
    "GROUPS",
    "MEASURES",
    "drawn_anew",
    "grouped_shares",
    "hellinger",
    "js_distance",
    "kolmogorov_smirnov",
    "linf",
    "measures",
    "pooled",
    "psi",
    "total_variation",
    "value_counts",
    "wasserstein",
]

Floats = NDArray[np.float64]

_GROUPS = (
    "Over groups: of numbers runs of cells that hold at least a twentieth of the reference each, of categories those "
    "with ten expected rows or more, the others pooled and unseen values apart, of which as many are expected as rows "
    "of the reference are the only one with their value; of booleans both values."
)
_CELLS = (
    "Over all cells of numbers and times, which the reference lays out: 200 quantiles and 32 equal ones over its range "
    "and beyond either end, or one a value where it has at most 255."
)

MEASURES: Mapping[str, str] = MappingProxyType(
    {
        "ks": f"max |F - G| of the cumulative shares, 0 to 1. {_CELLS} Shares of 0 count as they are. Decides of "
        "numbers and times.",
        "wasserstein": f"Integral of |F - G|, in standard deviations of the reference, from 0. {_CELLS} Rows of a cell "
        "stand at their mean. Null where the reference does not vary, and of what is no number.",
        "psi": f"sum (p - q) ln(p / q), natural logarithm, from 0. {_GROUPS} Shares below 1e-4 count as 1e-4.",
        "js_distance": "Square root of the Jensen-Shannon divergence in base 2, so a distance, 0 to 1. "
        f"{_GROUPS} 0 log 0 is 0.",
        "hellinger": f"sqrt(1 - sum sqrt(p q)), which is normed to 0 to 1. {_GROUPS} A share of 0 adds nothing.",
        "tvd": f"Total variation, sum |p - q| / 2, 0 to 1: the share of rows that would have to move. {_GROUPS} Shares "
        "of 0 count as they are. Decides of categories and booleans.",
        "linf": f"max |p - q|, 0 to 1. {_GROUPS} Shares of 0 count as they are.",
        "chi_square": f"Pearson's statistic of both sides' rows, which grows with the rows. {_GROUPS} A group that is "
        "empty on both sides is left out.",
        "anderson_darling": "Scholz and Stephens' statistic for two samples with ties (1987), about 1 where nothing "
        f"differs; it grows with the rows. {_CELLS} Cells that are empty on both sides are left out.",
    }
)
"""Every measure, with its formula, range, bins and what a share of 0 is."""

GROUPS = 20
"""Groups of cells of numbers that psi, js_distance, hellinger, tvd and linf are taken over hold at least one
twentieth of the reference each."""

EXPECTED = 10
"""Cells that the current rows would fill with fewer, were they as the reference, are pooled."""

FLOOR = 1e-4
"""Smallest share that psi reckons with."""


def value_counts(column: Column, cells: Cells) -> Integers:
    """Rows by cell; for categories the unseen ones stand last, in a cell of their own."""
    counts = column.table.dense(cells.size)
    return np.append(counts, column.unseen) if cells.kind == "category" else counts


def kolmogorov_smirnov(current: Integers, reference: Integers, atoms: NDArray[np.bool_]) -> tuple[float, float]:
    """The largest difference of the two cumulative shares, at the edges of the cells.

    sup |F(x) - G(x)| over the edges x, which is never more than over all x. Inside a cell F and G each lie between
    their values at its ends, so the true distance is at most max(F_right - G_left, G_right - F_left) over the cells.

    Args:
        current, reference: Rows by cell, in the order of the values.
        atoms: Cells that hold a single value (to a quantum), inside which there is nothing to miss.

    Returns:
        The distance, and how much more it may be without cells.
    """
    now, was = (np.concatenate(([0.0], np.cumsum(counts) / counts.sum())) for counts in (current, reference))
    value = float(np.abs(now - was).max())
    inside = np.maximum(now[1:] - was[:-1], was[1:] - now[:-1])[~atoms]
    return value, max(0.0, float(inside.max(initial=value)) - value)


def wasserstein(current: Column, reference: Column, cells: Cells) -> float | None:
    """The area between the two cumulative shares, integral |F(x) - G(x)| dx, in standard deviations of the reference.

    All rows of a cell stand at their mean, so what is lost is at most the spread inside cells. Rows beyond 2^21
    quanta, which no sum holds, stand there: a single value of a billion adds no more than that. None where the
    reference does not vary.
    """
    spread = _deviation(reference)
    (place, weight), (other, its_weight) = (_means(column, cells) for column in (reference, current))
    if spread <= 0 or not len(other):
        return None
    places = np.concatenate([place, other])
    order = np.argsort(places, kind="stable")
    step = np.concatenate([weight, -its_weight])[order]
    area = float((np.abs(np.cumsum(step))[:-1] * np.diff(places[order])).sum())
    return area / spread


def _means(column: Column, cells: Cells) -> tuple[Floats, Floats]:
    """Mean and share of rows of each occupied cell, in quanta; rows too far for the sums come last."""
    if not column.table.cells:
        return np.zeros(0), np.zeros(0)
    counts = np.array(column.table.values[0], dtype=np.float64)
    counts[0] -= column.overflow_low if column.table.cells[0] == 0 else 0
    counts[-1] -= column.overflow_high if column.table.cells[-1] == cells.size - 1 else 0
    sums = np.array([float(value) for value in column.table.values[1]])
    held = counts > 0
    places = np.concatenate([sums[held] / counts[held], [-REACH, REACH]])
    return places, np.concatenate([counts[held], [column.overflow_low, column.overflow_high]]) / column.valid


def _deviation(column: Column) -> float:
    """The standard deviation of the rows that the sums hold, in quanta."""
    n = column.valid - column.overflow_low - column.overflow_high
    if n <= 0:
        return 0.0
    total, squares = column.table.total(1), column.table.total(2)
    # In whole numbers until the end: a variance is a small difference of large sums.
    return math.sqrt((n * squares - total * total) / n**2)


def grouped_shares(current: Integers, reference: Integers) -> tuple[Floats, Floats]:
    """Shares of numbers, in runs of cells that hold at least 1/20 of the reference and ten expected rows.

    Cells outside the reference's range go with the group that is next to them.
    """
    least = max(reference.sum() / GROUPS, EXPECTED * reference.sum() / current.sum())
    starts, held, rest = [0], 0.0, float(reference.sum())
    for cell in np.flatnonzero(reference).tolist():
        held += reference[cell]
        if held >= least and rest - held >= least:
            starts.append(cell + 1)
            rest -= held
            held = 0.0
    now, was = (np.add.reduceat(counts, starts) / counts.sum() for counts in (current, reference))
    return now, was


def pooled(current: Integers | Floats, reference: Integers | Floats) -> tuple[Floats, Floats]:
    """Shares of categories, those too thin to say anything pooled in one cell; unseen ones, last, stay apart.

    Thin is what would be fewer than `EXPECTED` rows, were they as the reference, unless it is by far more: one that
    chance cannot have made so common has a cell of its own.
    """
    now, was = current / current.sum(), reference / reference.sum()
    expected = was * current.sum()
    thin = (expected < EXPECTED) & (current < EXPECTED + expected + 4 * np.sqrt(expected))
    thin[-1] = False
    return np.append(now[~thin], now[thin].sum()), np.append(was[~thin], was[thin].sum())


def drawn_anew(was: Integers, cells: Cells) -> Floats:
    """The reference's rows by cell, as they are to be expected had it been drawn anew: of categories, unseen ones last.

    A category that one row holds might as well not have been drawn, and another one in its place. What is to be
    expected of those that are not known is the share of rows that are the only one with theirs (Good, 1953); where the
    commonest alone are listed, of rows whose category would not be without them. So much is taken off the known ones,
    of each as many rows as of any other (absolute discounting: Ney, Essen & Kneser, 1994).

    Args:
        was: As `value_counts` has them.
    """
    if cells.kind != "category":
        return was.astype(np.float64)
    found, unknown = was.astype(np.float64), -2 if cells.capped else -1
    known = found[:unknown]
    held = np.sort(known[known > 0])
    if len(held):
        freed = _by_luck(held, float(found[-2])) if cells.capped else float(np.count_nonzero(held == 1))
        # As much of each as of any other, and of those that have less all they have.
        before, left = np.cumsum(held) - held, len(held) - np.arange(len(held))
        each = (freed - before) / left
        known -= np.minimum(known, each[np.argmax(each <= held)])
        found[unknown] += freed
    return found


def _by_luck(listed: Floats, others: float) -> float:
    """Rows whose category would not be listed without them: those of the rarest ones, and part of the next rarest.

    Not all categories as rare as the rarest listed one are listed themselves; of those of ``others`` rows at most all
    are as rare.
    """
    least = listed[0]
    rarest, next_ones = (np.count_nonzero(listed == each) for each in (least, least + 1))
    return float(least * rarest + (least + 1) * next_ones * (1 - rarest / (rarest + others / least)))


def total_variation(now: Floats, was: Floats) -> float:
    """Half the sum of absolute differences of the shares, sum |p - q| / 2, 0 to 1: the rows that would have to move."""
    moved = float(np.abs(now - was).sum()) / 2
    # Shares that are equal but for their last bits must not be proved to differ.
    return min(1.0, moved) if moved > 1e-12 else 0.0


def linf(now: Floats, was: Floats) -> float:
    """The largest absolute difference of the shares, max |p - q|, 0 to 1; a share of 0 counts as it is."""
    return float(np.abs(now - was).max())


def hellinger(now: Floats, was: Floats) -> float:
    """sqrt(1 - sum sqrt(p q)), 0 to 1: normed by sqrt(2); a share of 0 adds nothing."""
    return math.sqrt(max(0.0, 1 - float(np.sqrt(now * was).sum())))


def js_distance(now: Floats, was: Floats) -> float:
    """The square root of the Jensen-Shannon divergence in base 2, 0 to 1: a distance.

    sqrt((sum p log2(p / m) + sum q log2(q / m)) / 2) with m = (p + q) / 2; 0 log 0 is 0 (Lin, 1991; Endres &
    Schindelin, 2003).
    """
    middle = (now + was) / 2
    divergence = 0.0
    for share in (now, was):
        held = share > 0
        divergence += float((share[held] * np.log2(share[held] / middle[held])).sum()) / 2
    return math.sqrt(min(1.0, max(0.0, divergence)))


def psi(now: Floats, was: Floats) -> float:
    """The population stability index, sum (p - q) ln(p / q), natural logarithm, from 0 without end.

    Shares below 1e-4 count as 1e-4, without scaling the others down.
    """
    high, low = np.maximum(now, FLOOR), np.maximum(was, FLOOR)
    return float(((high - low) * np.log(high / low)).sum())


def measures(current: Column, reference: Column, cells: Cells) -> dict[str, float | None]:
    """All of `MEASURES`; None where one does not apply.

    ks, wasserstein and anderson_darling are taken over all cells of numbers. The others are taken over
    `grouped_shares` of numbers, over `pooled` categories with unseen values apart, and over both values of booleans.
    chi_square (Pearson's, of the table of both sides' rows) and anderson_darling are statistics, which grow with the
    rows where anything differs; the others are distances, which do not.
    """
    result: dict[str, float | None] = dict.fromkeys(MEASURES)
    now, was = value_counts(current, cells), value_counts(reference, cells)
    if not now.sum() or not was.sum():
        return result
    if cells.numbers:
        result["ks"] = kolmogorov_smirnov(now, was, np.zeros(len(now), dtype=np.bool_))[0]
        result["wasserstein"] = wasserstein(current, reference, cells)
        result["anderson_darling"] = anderson_darling(now, was)
    if cells.kind == "boolean":
        p, q = now / now.sum(), was / was.sum()
    else:
        p, q = grouped_shares(now, was) if cells.numbers else pooled(now, drawn_anew(was, cells))
    for name, measure in (
        ("psi", psi),
        ("js_distance", js_distance),
        ("hellinger", hellinger),
        ("tvd", total_variation),
        ("linf", linf),
    ):
        result[name] = measure(p, q)
    result["chi_square"] = pearson(p * now.sum(), q * was.sum())
    return result
