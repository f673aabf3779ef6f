"""How a column's rows differ from the reference: numbers and how well they are known; no limit is applied here."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from batchops.stats.columns.bounds import gap_ends, two_ends, variation_ends
from batchops.stats.columns.cells import Cells, quanta
from batchops.stats.columns.measures import (
    drawn_anew,
    kolmogorov_smirnov,
    measures,
    pooled,
    total_variation,
    value_counts,
)
from batchops.stats.columns.noise import noise_of_ks, noise_of_variation
from batchops.stats.columns.profile import Column
from batchops.stats.columns.sameness import (
    category_chance,
    clustered_category_chance,
    clustered_ordered_chance,
    ordered_chance,
    unseen_chance,
    variation_chance,
)
from batchops.stats.columns.unlisted import growth
from batchops.stats.numbers.chances import heavier, kolmogorov_chance, share_chance
from batchops.stats.numbers.intervals import (
    ENOUGH_NIGHTS,
    NOT_MEASURED,
    Estimate,
    difference,
    night_changes,
    proportion_estimate,
    share_effect,
)
from batchops.stats.numbers.sparse import Integers

__all__ = ["DECIDES", "ColumnDrift", "atoms", "compare"]

Floats = NDArray[np.float64]

DECIDES: Mapping[str, str] = {
    "numeric": "ks",
    "discrete": "ks",
    "temporal": "ks",
    "category": "tvd",
    "boolean": "tvd",
    "opaque": "",
}
"""The one measure that decides, by kind of column; all others are shown and never judged."""


@dataclass(frozen=True, slots=True)
class ColumnDrift:
    """How a column differs from the reference.

    A share is of the rows whose partition had the column. A change is the share minus the reference's share. The
    distance and the changes carry their chances: of a difference as large where the true one is at most so large.

    Attributes:
        rows: Rows whose partition had the column.
        measure: Name of the deciding measure; empty for opaque columns.
        distance: The deciding measure, over rows with a finite value or a category. Its lower bound is what the rows
            prove: noise alone leaves it at 0.
        null_share: Null or NaN.
        unseen_share: Values the reference does not have, those outside its range aside, which are counted apart; None
            for ``numeric``, and where the reference has more categories than are listed.
        outside_share: Beyond the reference's smallest or largest value, or infinite; None for categories.
        grown_share: Of more categories than are listed: the group of those that are not which grew most; None else.
        measures: Every measure by name; None where one does not apply.
        noise: The distance that as many rows drawn from the reference itself show in 1 of 20 nights; None where there
            is no distance.
    """

    column: str
    kind: str
    rows: int
    measure: str
    distance: Estimate
    null_share: Estimate
    unseen_share: Estimate
    outside_share: Estimate
    null_change: Estimate
    unseen_change: Estimate
    outside_change: Estimate
    measures: Mapping[str, float | None]
    noise: float | None = None
    grown_share: Estimate = NOT_MEASURED
    grown_change: Estimate = NOT_MEASURED


def compare(
    current: Column, reference: Column, cells: Cells, nights: Sequence[Column] = (), design: float = 1.0
) -> ColumnDrift:
    """Compare a column with the reference, both counted in the same cells.

    Args:
        current: Some rows: a night, or a window of nights.
        reference: The reference's rows.
        nights: The nights whose sum ``current`` is: with eight or more, intervals come from how they differ.
        design: Design effect with which fewer nights are widened.
    """
    parts = tuple(night for night in nights if night.present) or (current,)
    shares = [_share(parts, reference, what, cells, design) for what in _counts(cells)]
    (null, unseen, outside), changes = zip(*shares, strict=True)
    distance, noise = _distance(current, reference, cells, parts, design)
    grown = growth(parts, reference, design)
    return ColumnDrift(
        column=cells.column,
        kind=cells.kind,
        rows=current.present,
        measure=DECIDES[cells.kind],
        distance=distance,
        null_share=null,
        unseen_share=unseen,
        outside_share=outside,
        null_change=changes[0],
        unseen_change=changes[1],
        outside_change=changes[2],
        measures=measures(current, reference, cells),
        noise=noise,
        grown_share=grown[0],
        grown_change=grown[1],
    )


def _counts(cells: Cells) -> tuple[str | None, str | None, str | None]:
    """Attributes of `Column` that hold the missing, unseen and outside rows; None where a kind has none."""
    lists = cells.kind == "discrete" or (cells.kind == "category" and not cells.capped)
    return "missing", "unseen_within" if lists else None, "outside" if cells.numbers and cells.low is not None else None


def _share(
    parts: Sequence[Column], reference: Column, what: str | None, cells: Cells, design: float
) -> tuple[Estimate, Estimate]:
    """A share by night, and how much it differs from the reference's."""
    if what is None:
        return NOT_MEASURED, NOT_MEASURED
    hits, rows = (np.array([getattr(each, name) for each in parts], dtype=np.float64) for name in (what, "present"))
    its_hits, its_rows = float(getattr(reference, what)), float(reference.present)
    now = proportion_estimate(hits, rows, design)
    change = difference(now, proportion_estimate(np.array([its_hits]), np.array([its_rows]), design))
    if change.value is None:
        return now, change
    effect, freedom, _ = share_effect(hits, rows, design)
    effect = max(effect, 1.0)
    side = ShareRows(
        what=what,
        now=(float(hits.sum()) / effect, float(rows.sum()) / effect),
        was=(its_hits / effect, its_rows / effect),
        values=reference.table.dense(cells.size) if what == "unseen_within" else None,
        effect=effect,
        freedom=freedom,
    )
    return now, replace(change, chance=side.chance)


@dataclass(frozen=True, slots=True, eq=False)
class ShareRows:
    """The rows a change of a share rests on, effective ones.

    Attributes:
        what: The attribute of `Column` that counts them.
        now, was: Rows that count, and rows.
        values: The reference's rows by value, of unseen ones.
        effect, freedom: The design effect, and how well it is known.
    """

    what: str
    now: tuple[float, float]
    was: tuple[float, float]
    values: Integers | None
    effect: float
    freedom: float

    def chance(self, edge: float) -> float:
        """Chance of such a change where the true one is at most ``edge``; only more is a change, but of nulls."""
        return heavier(self._independent(edge), self.freedom)

    def _independent(self, edge: float) -> float:
        if self.values is not None:
            return unseen_chance(*self.now, self.values, self.effect, edge)
        if self.what == "outside":
            # The share beyond both extremes of m rows is a beta variable (2, m - 1) (Wilks, 1941): one row more.
            return share_chance(self.now, (self.was[0] + 1, self.was[1]), edge, upper=True)
        return share_chance(self.now, self.was, edge)


def atoms(cells: Cells) -> NDArray[np.bool_]:
    """Which cells hold one single value: those of the cells' points."""
    marked = np.zeros(cells.size, dtype=np.bool_)
    points = np.array(cells.points)
    if cells.kind == "discrete":
        marked[np.searchsorted(cells.breaks(), points, side="right")] = True
    elif cells.points:
        marked[np.searchsorted(np.array(cells.edges), quanta(points, cells), side="right")] = True
    return marked


@dataclass(frozen=True, slots=True, eq=False)
class DistanceRows:
    """The rows a distance rests on.

    Attributes:
        value: The distance.
        nightly: Rows, nights x cells; a single line where there are too few nights to differ.
        was: The reference's rows by cell.
        ordered: Cells of numbers.
        effect, freedom: The design effect, and how well it is known.
        newest: Rows with the commonest of the values that the reference does not have.
        again: Of categories, the reference's rows as `drawn_anew` has them.
    """

    value: float
    nightly: Integers
    was: Integers
    ordered: bool
    effect: float
    freedom: float
    newest: int = 0
    again: Floats | None = None

    def chance(self, edge: float) -> float:
        """Chance of such a distance where the true one is at most ``edge``; 0: where nothing differs at all."""
        now, two = self.nightly.sum(axis=0), np.count_nonzero(self.nightly.sum(axis=0) + self.was) <= 2
        if edge > 0 and self.ordered and not two:
            both = 1 / (self.effect * (1 / now.sum() + 1 / self.was.sum()))
            return heavier(kolmogorov_chance(self.value - edge, both), self.freedom)
        if edge > 0 or two:
            first, second = (now, self.was) if two else self._pooled(now)
            return heavier(variation_chance(first, second, edge, self.effect), self.freedom)
        if self.ordered:
            if len(self.nightly) > 1:
                return clustered_ordered_chance(self.nightly, self.was)
            return ordered_chance(now, self.was, self.effect)
        if len(self.nightly) > 1:
            return clustered_category_chance(self.nightly, self.was, self.newest)
        return category_chance(now, self.was, self.newest, self.effect)

    def _pooled(self, now: Integers) -> tuple[Floats, Floats]:
        """Rows by category, as the distance takes them."""
        p, q = pooled(now, self.was if self.again is None else self.again)
        return p * now.sum(), q * self.was.sum()


def _distance(
    current: Column, reference: Column, cells: Cells, parts: Sequence[Column], design: float
) -> tuple[Estimate, float | None]:
    """The deciding distance, and what of it noise explains."""
    if not DECIDES[cells.kind]:
        return NOT_MEASURED, None
    now, was = value_counts(current, cells), value_counts(reference, cells)
    n, rows = int(now.sum()), int(was.sum())
    if not n or not rows:
        return Estimate(None, n=n), None
    nightly = np.stack([value_counts(part, cells) for part in parts])
    nightly = nightly[nightly.sum(axis=1) > 0]
    nights = len(nightly)
    alone = nights < ENOUGH_NIGHTS
    by_night = now[None] if alone else nightly
    effect = max(design, 1.0) if alone else _design_effect(nightly, ordered=cells.numbers)
    freedom = math.inf if alone else nights - 1.0
    # What one row of each tells is taken to be shared by as many rows.
    noise = math.sqrt(effect * (1 / n + 1 / rows))
    if cells.numbers:
        value, error = kolmogorov_smirnov(now, was, atoms(cells))
        again, ends = None, gap_ends(by_night, was, noise, freedom)
        expected = noise_of_ks(n / effect, was)
    else:
        again = drawn_anew(was, cells)
        shares = pooled(now, again) if cells.kind == "category" else (now / n, was / rows)
        value, error = total_variation(*shares), 0.0
        ends = two_ends(nightly, was, effect) if len(was) == 2 else variation_ends(*shares, noise, freedom)
        expected = noise_of_variation(n / effect, again)
    lower, upper = ends[0], min(1.0, ends[1] + error)
    newest = max((rows for _, rows in current.unseen_values.counts), default=0)
    sides = DistanceRows(value, by_night, was, cells.numbers, effect, freedom, newest, again)
    return Estimate(value, lower, upper, n, nights, error, rows_independent=alone, chance=sides.chance), expected


def _design_effect(nightly: Integers, ordered: bool) -> float:
    """By how much the variance of the shares exceeds that of independent rows, on average over the cells.

    Args:
        nightly: Rows, nights x cells.
        ordered: Take the cumulative shares, which KS is made of, instead of each cell's.
    """
    rows = nightly.sum(axis=1, keepdims=True).astype(np.float64)
    counts = np.cumsum(nightly, axis=1)[:, :-1] if ordered else nightly
    share = counts.sum(axis=0) / rows.sum()
    independent = float((share * (1 - share)).sum()) / float(rows.sum())
    between = float((night_changes(counts.astype(np.float64), rows) ** 2).sum())
    return max(1.0, between / independent) if independent > 0 else 1.0
