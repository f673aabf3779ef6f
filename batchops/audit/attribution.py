"""Does a drift matter, and where does it come from? Weighted by what the model relies on, and traced to slices."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from batchops.audit.columns import ColumnPart, Explanation
from batchops.audit.compare import ColumnComparison, Comparison
from batchops.audit.figures import TONIGHT
from batchops.audit.multivariate import ALL_COLUMNS
from batchops.audit.slicing import slice_label
from batchops.sketch import K_ANONYMOUS
from batchops.stats import Cells, Estimate
from batchops.stats.columns.drift import DECIDES
from batchops.stats.columns.measures import value_counts
from batchops.stats.numbers.sparse import Integers
from batchops.stats.rows.sample import ABSENT, HIGH, LOW, MISSING, UNSEEN, RowSample
from batchops.verdict import Figure, Finding, Policy, Severity

__all__ = ["explained", "weighted_figures"]

Marks = NDArray[np.bool_]
Findings = Mapping[str, Finding]

MOST = 0.5
"""Share of a change from which on a slice is said to explain it."""

MORE = 0.2
"""By so much a slice's share of the change must exceed its share of the rows: where all slices change alike, none
explains anything."""

CLEAR = 3.0
"""And by so many standard errors of the sampled rows."""

NAMED = 3
"""Slices that are named, and columns in a figure's evidence."""


@dataclass(frozen=True, slots=True)
class _Pull:
    """A column that the model relies on.

    Attributes:
        share: Of all reliance.
        edge: Its limit, or what is usual where that is more.
    """

    column: str
    share: float
    edge: float
    distance: Estimate
    rows: int

    def excess(self, bound: float | None) -> float:
        """By how much a bound of the distance is beyond the edge, times what the model relies on the column."""
        return self.share * max(0.0, (bound or 0.0) - self.edge)


def weighted_figures(
    columns: Sequence[ColumnComparison], reliance: Mapping[str, float], policy: Policy
) -> Iterator[Figure]:
    """How far what the model relies on has drifted: the sum over columns of reliance x distance beyond the edge.

    Reliance is taken as a share of that on all compared columns, so the figure is a distance: .05 where a column that
    the model relies on for half is .10 beyond its limit, or beyond what is usual.

    Args:
        reliance: Column -> fall of the model's roc_auc without it; below 0 is none.

    Returns:
        One figure; none where the model relies on no column that has a distance.
    """
    pulls = list(_pulls(columns, reliance, policy))
    if not pulls:
        return
    value = sum(each.excess(each.distance.value) for each in pulls)
    beyond = sorted(
        (each for each in pulls if each.excess(each.distance.value) > 0),
        key=lambda each: (-each.excess(each.distance.value), each.column),
    )
    yield Figure(
        "drift.weighted",
        ALL_COLUMNS,
        value,
        "distance",
        max(each.rows for each in pulls),
        lower=sum(each.excess(each.distance.lower) for each in pulls),
        upper=sum(each.excess(each.distance.upper) for each in pulls),
        can_fail=False,
        limit=policy.limit("drift.weighted", ALL_COLUMNS),
        evidence={
            "columns": ", ".join(f"{each.column} {each.share:.2f}" for each in beyond[:NAMED]) or None,
            "beyond": len(beyond),
            "relied": len(pulls),
        },
        chance=_union(value, beyond, len(pulls)),
    )


def _pulls(columns: Sequence[ColumnComparison], reliance: Mapping[str, float], policy: Policy) -> Iterator[_Pull]:
    measured = [each for each in columns if each.window.drift.distance.value is not None]
    relied = {each.cells.column: max(0.0, reliance.get(each.cells.column, 0.0)) for each in measured}
    total = sum(relied.values())
    for each in measured:
        name, usual = each.cells.column, each.window.usual
        if relied[name] > 0:
            limit = policy.limit("drift.distance", name).shown or 0.0
            edge = max(limit, usual.value or 0.0 if usual.enough else 0.0)
            yield _Pull(name, relied[name] / total, edge, each.window.drift.distance, each.window.drift.rows)


def _union(value: float, beyond: Sequence[_Pull], columns: int) -> Callable[[float], float] | None:
    """The chance of the sum, from those of its columns.

    Where the sum is too large by t, some distance is too large by t, since shares add up to 1 at the most: so the
    chance is at most that of one column, times how many there are (Bonferroni).
    """
    chances = [(each.distance.value or 0.0, each.distance.chance) for each in beyond]

    def chance(edge: float) -> float:
        least = [own(max(0.0, distance - (value - edge))) for distance, own in chances if own is not None]
        return min(1.0, columns * max(least)) if least and value > edge else 1.0

    return None if any(own is None for _, own in chances) else chance


def explained(parts: Sequence[ColumnPart], comparison: Comparison, findings: Findings) -> tuple[ColumnPart, ...]:
    """The same parts, each with the slices that explain what is WARN or FAIL in it."""
    if comparison.together is None:
        return tuple(parts)
    samples = comparison.together.current, comparison.together.reference
    by_name = {each.cells.column: each for each in comparison.columns}
    return tuple(
        replace(part, explained_by=_explanations(by_name[part.column], samples, findings))
        if part.severity in (Severity.WARN, Severity.FAIL) and part.column in by_name
        else part
        for part in parts
    )


def _explanations(
    column: ColumnComparison, samples: tuple[RowSample, RowSample], findings: Findings
) -> tuple[Explanation, ...]:
    name = column.cells.column
    found: list[Explanation] = []
    for component in column.window.components:
        own = [findings.get(f"drift.{component.check}:{name}{scope}") for scope in ("", TONIGHT)]
        if any(each is not None and each.severity in (Severity.WARN, Severity.FAIL) for each in own):
            now, was = (_Rows.of(sample, column, component.check) for sample in samples)
            found += _carriers(component.check, name, samples, (now, was))
    found.sort(key=lambda each: (each.rows - each.share, each.slice))
    return tuple(found[:NAMED])


@dataclass(frozen=True, slots=True, eq=False)
class _Rows:
    """Sampled rows of one side.

    Attributes:
        held: Those that the change is a share of.
        hit: Those where it happened: a missing value, a new category, a value on the side that grew.
        weights: How many rows each stands for.
    """

    held: Marks
    hit: Marks
    weights: NDArray[np.float64]

    @classmethod
    def of(cls, sample: RowSample, column: ColumnComparison, check: str) -> _Rows:
        """The rows of a sample by one component of a column."""
        codes = sample.code(column.cells.column)
        if check == "distance":
            held = (codes >= 0) | (codes == UNSEEN)
            return cls(held, np.isin(codes, _grown(column)) & held, sample.weights)
        held = codes != ABSENT
        if check == "null_share":
            hit = codes == MISSING
        elif check == "unseen_share":
            hit = codes == UNSEEN
        elif check == "grown_share":
            # The sample does not tell one value that is not listed from another.
            hit = codes == len(column.cells.values)
        else:
            hit = _beyond(codes, column.cells)
        return cls(held, hit, sample.weights)


def _grown(column: ColumnComparison) -> Integers:
    """Codes whose share of the rows is larger than in the reference; of numbers those on one side of the largest
    difference of the cumulative shares.
    """
    cells = column.cells
    now, was = (value_counts(each, cells) for each in (column.window.column, column.reference))
    change = now / max(1, now.sum()) - was / max(1, was.sum())
    if DECIDES[cells.kind] != "ks":
        grown = np.flatnonzero(change > 0)
        return np.where(grown == cells.size, UNSEEN, grown) if cells.kind == "category" else grown
    cumulative = np.cumsum(change)
    cut = int(np.abs(cumulative).argmax())
    return np.arange(cut + 1) if cumulative[cut] > 0 else np.arange(cut + 1, cells.size)


def _beyond(codes: Integers, cells: Cells) -> Marks:
    """Rows outside the reference's range, to a cell."""
    infinite: Marks = (codes == LOW) | (codes == HIGH)
    if cells.low is None or cells.high is None:
        return infinite
    first, last = np.searchsorted(cells.breaks(), [cells.low, cells.high], side="right")
    finite: Marks = (codes >= 0) & ((codes < first) | (codes > last))
    return infinite | finite


def _carriers(
    check: str, name: str, samples: tuple[RowSample, RowSample], sides: tuple[_Rows, _Rows]
) -> Iterator[Explanation]:
    """The slices that carry most of the change, and more of it than they have rows."""
    for dimension in sorted({*samples[0].texts} & {*samples[1].texts} - {name}):
        texts = [np.array(sample.texts[dimension], dtype=np.str_) for sample in samples]
        for value in np.unique(texts[0]).tolist():
            now, was = (np.equal(text, value) for text in texts)
            # Rows without the dimension are those set aside before it was computed.
            if value and sides[0].weights[now & sides[0].held].sum() >= K_ANONYMOUS:
                found = _carried(sides, (now, was))
                if found is not None:
                    yield Explanation(check, slice_label(((dimension, value),)), *found)


def _carried(sides: tuple[_Rows, _Rows], own: tuple[Marks, Marks]) -> tuple[float, float, float] | None:
    """A slice's share of the change and of both sides' rows; None where it explains nothing.

    The change of a share is the sum over slices of w_now (p_now - p_was) + (w_now - w_was) (p_was - P_was): what
    changed inside, and that there are more or fewer of them (Oaxaca, 1973; Blinder, 1973). Of a slice that is new,
    p_was is all rows' P_was.
    """
    if not all((side.weights * side.held).sum() for side in sides):
        return None
    (part, rate, inside), (part_was, rate_was, inside_was) = (
        _shares(side, mark) for side, mark in zip(sides, own, strict=True)
    )
    change = rate - rate_was
    carried = part * (inside - inside_was) + (part - part_was) * (inside_was - rate_was)
    both = zip((part * inside, part_was * inside_was), sides, strict=True)
    error = math.sqrt(sum(share * (1 - share) / np.count_nonzero(side.held) for share, side in both))
    if not change or carried / change < max(MOST, part + MORE) or abs(carried - part * change) < CLEAR * error:
        return None
    return carried / change, part, part_was


def _shares(side: _Rows, own: Marks) -> tuple[float, float, float]:
    """The slice's share of the rows; the share of hits among all rows; and among its own, or among all without any."""
    weights = side.weights * side.held
    total, part, hits = weights.sum(), weights[own].sum(), weights * side.hit
    rate = float(hits.sum() / total)
    return float(part / total), rate, float(hits[own].sum() / part) if part else rate
