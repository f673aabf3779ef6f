"""How large what was found is, on the half that was not searched: there a slice's figure is no better than any other's.

Where the halves are nights, intervals come from how the nights differ, eight or more of them. Halves of one night's
rows share what happened that night, so a slice that chance made look bad in one looks bad in the other (in 31 % of
simulated nights without any difference); such figures are shown, and prove nothing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from batchops.stats.discovery.cube import Cube, Grid, tables_of
from batchops.stats.discovery.features import Codes
from batchops.stats.discovery.losses import SQUARES, Loss, Losses
from batchops.stats.discovery.ranking import Proposal
from batchops.stats.discovery.search import Proposals
from batchops.stats.numbers.intervals import (
    ENOUGH_NIGHTS,
    LEVEL,
    Estimate,
    Spread,
    difference,
    influences,
    spread_of,
    two_sided,
    wilson,
)
from batchops.stats.numbers.sparse import Sparse, merge_sparse
from batchops.stats.outcomes.state import SliceKey
from batchops.stats.slices.gaps import SUPPORT

__all__ = ["Discovery", "FoundSlice", "Recount", "Terms", "measure", "recount", "recount_of"]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Recount:
    """Rows and losses of proposed slices by night; a commutative monoid.

    Attributes:
        nights: By ISO date, or under ``""`` for rows without a night: all rows in cell 0 and those of proposal i in
            cell i + 1; rows, losses, and squares of losses.
    """

    nights: Mapping[str, Sparse] = field(default_factory=dict)

    def __add__(self, other: Recount) -> Recount:
        parts: dict[str, list[Sparse]] = {}
        for each in (self, other):
            for night, table in each.nights.items():
                parts.setdefault(night, []).append(table)
        return Recount({night: merge_sparse(tables) for night, tables in parts.items()})

    def sums(self, slices: int) -> Floats:
        """Rows, losses, squares: nights in their order x measures x cells."""
        size = slices + 1
        lines = [[self.nights[night].floats(size, line) for line in range(3)] for night in sorted(self.nights)]
        return np.array(lines).reshape(-1, 3, size)


def recount(codes: Codes, losses: Losses, slices: Sequence[Proposal], night: str = "") -> Recount:
    """Count the rows of one night by proposals; losses are summed exactly as by the search."""
    squares = losses.steps if losses.squares is None else losses.squares
    held = [np.ones(codes.shape[1], dtype=np.bool_)]
    for each in slices:
        inside = [codes[feature] == code for feature, code in zip(each.place, each.bins, strict=True)]
        held.append(np.logical_and.reduce(inside))
    lines = [[int(mask.sum()), _whole(losses.steps[mask]), _whole(squares[mask])] for mask in held]
    return Recount({night: Sparse.of(*np.array(lines, dtype=np.int64).T)})


def _whole(values: Floats) -> int:
    return int(values.astype(np.int64).sum())


def recount_of(cube: Cube, grid: Grid, slices: Sequence[Proposal], night: str = "") -> Recount:
    """The same from counts of a search: of the other half, or of the reference."""
    tables = tables_of(cube, grid)
    if not tables:
        return Recount({night: Sparse()})
    lines = [[int(line.sum()) for line in next(iter(tables.values()))]]
    # A slice without a place is one of features that were not counted.
    lines += [[int(line[each.bins]) for line in tables[each.place]] if each.place else [0, 0, 0] for each in slices]
    return Recount({night: Sparse.of(*np.array(lines, dtype=np.int64).T)})


@dataclass(frozen=True, slots=True)
class Terms:
    """On what terms found slices are measured.

    Attributes:
        limit: Of the gap, where it begins to matter; in the metric's unit, or a share of ``scale``.
        scale: The metric whose value over the rest ``limit`` is a share of: the slice's own or, of ``mean_error``,
            ``root_mean_squared_error``; None: it is absolute.
        design: Design effect of the gap within a night, for fewer than eight nights.
        rows_independent: Rows without a night are independent, as those of two frames are taken to be: what holds on
            the other half is then proved.
        reference: Counts proposed slices in the reference, for the gap they had there; None where it cannot.
    """

    limit: float = 0.0
    scale: str | None = None
    design: float = 1.0
    rows_independent: bool = False
    reference: Callable[[Sequence[Proposal]], Recount | None] | None = None


@dataclass(frozen=True, slots=True)
class FoundSlice:
    """A found slice, measured on rows that the search did not see.

    Attributes:
        key: (column, bin) pairs.
        n: Rows of the slice there.
        value, rest: The metric over the slice, and over all other rows.
        gap: Their difference with its plain 95 % interval and its chance; not measured below the support.
        scale: What the limit is to be multiplied with: 1, or a metric of all other rows.
        lower_corrected, upper_corrected: The interval that bounds the false coverage rate over all that were found.
        proved: What lies beyond a limit may be called so: its rows are of eight nights or more, or independent. Else it
            is shown and no more.
        p_value: Of "the gap is no further out than the limit", on the side on which it was found; None unless proved.
        reference: The gap in the reference.
        searched_n, searched_gap: The slice where it was found, of means (of squares where the metric is a root).
    """

    key: SliceKey
    n: int
    value: float | None
    rest: float | None
    gap: Estimate
    scale: float = 1.0
    lower_corrected: float | None = None
    upper_corrected: float | None = None
    proved: bool = False
    p_value: float | None = None
    reference: float | None = None
    searched_n: int = 0
    searched_gap: float = 0.0


@dataclass(frozen=True, slots=True)
class Discovery:
    """What a search found, as it is elsewhere.

    Attributes:
        searched: Slices that had the support in the half that was searched.
        support: Rows they needed.
        nights: Of the other half; 0 where rows have none.
        selected: Slices whose gap lies beyond the limit in the Benjamini-Hochberg sense.
        slices: By excess loss where they were found.
    """

    metric: str
    searched: int = 0
    support: int = SUPPORT
    nights: int = 0
    selected: int = 0
    slices: tuple[FoundSlice, ...] = ()


@dataclass(frozen=True, slots=True)
class _Gap:
    """A difference, and what is known of it.

    Attributes:
        within: Its interval at a level.
        chance: The probability of one at least so far out on the side where it was found, where the truth is at most
            so far from 0.
    """

    value: float
    within: Callable[[float], tuple[float, float]]
    chance: Callable[[float], float]


def measure(proposals: Proposals, other: Recount, loss: Loss, terms: Terms | None = None) -> Discovery:
    """Measure proposals on the half that was not searched.

    Selection is by Benjamini-Hochberg on "the gap is at most the limit", and the corrected intervals are taken at
    1 - 0.05 R / m for R selected of m measured (Benjamini & Yekutieli, 2005).
    """
    terms = terms or Terms()
    sums = other.sums(len(proposals.slices))
    held = sums[sums[:, 0, 0] > 0]
    dated = sum(1 for night, rows in zip(sorted(other.nights), sums[:, 0, 0], strict=True) if night and rows > 0)
    found, gaps = [], []
    for place, proposal in enumerate(proposals.slices):
        own, rest = held[:, :, place + 1], held[:, :, 0] - held[:, :, place + 1]
        gap = _gap(own, rest, loss, (math.copysign(1.0, proposal.gap), terms.design))
        gaps.append(gap)
        each = replace(_found(proposal, own, rest, loss, gap), scale=_scale(rest, loss, terms.scale))
        proved = each.gap.nights >= ENOUGH_NIGHTS if dated else terms.rows_independent
        found.append(replace(each, proved=proved and gap is not None))
    was = _before(terms, proposals.slices, loss)
    found = [replace(each, reference=then) for each, then in zip(found, was, strict=True)]
    corrected, selected = _corrected(found, gaps, terms.limit)
    return Discovery(
        loss.metric,
        proposals.searched,
        proposals.support,
        dated,
        selected,
        tuple(corrected),
    )


def _found(proposal: Proposal, own: Floats, rest: Floats, loss: Loss, gap: _Gap | None) -> FoundSlice:
    nights = int(np.count_nonzero(own[:, 0]))
    n, few = round(own[:, 0].sum()), nights < ENOUGH_NIGHTS
    estimate = Estimate(None, n=n, nights=nights)
    if gap is not None:
        lower, upper = gap.within(LEVEL)
        estimate = Estimate(gap.value, lower, upper, n, nights, rows_independent=few, chance=gap.chance)
    return FoundSlice(
        proposal.key,
        n,
        _metric(own, loss),
        _metric(rest, loss),
        estimate,
        searched_n=proposal.n,
        searched_gap=proposal.gap,
    )


def _metric(sums: Floats, loss: Loss) -> float | None:
    rows, steps = sums[:, 0].sum(), sums[:, 1].sum()
    if not rows:
        return None
    mean = float(steps / rows) * loss.quantum
    return math.sqrt(mean) if loss.root else mean


def _scale(rest: Floats, loss: Loss, scale: str | None) -> float:
    if scale is None:
        return 1.0
    if scale == loss.metric:
        return abs(_metric(rest, loss) or 0.0)
    rows, _, squares = rest.sum(axis=0)
    return math.sqrt(float(squares) * (1 if loss.whole else SQUARES) / rows) * loss.quantum if rows else 0.0


def _gap(own: Floats, rest: Floats, loss: Loss, how: tuple[float, float]) -> _Gap | None:
    """The gap, by nights or by rows; None where too few rows say how large it is."""
    side, design = how
    value, other = _metric(own, loss), _metric(rest, loss)
    if value is None or other is None or min(own[:, 0].sum(), rest[:, 0].sum()) < SUPPORT:
        return None
    if np.count_nonzero(own[:, 0]) >= ENOUGH_NIGHTS:
        change = _changes(own, loss) - _changes(rest, loss)
        return _mean_gap(value - other, spread_of(change), side)
    if loss.whole:
        return _share_gap(_share(own), _share(rest), design)
    return _mean_gap(value - other, _welch(own, rest, loss, design), side)


def _changes(sums: Floats, loss: Loss) -> Floats:
    """What leaving out each night does to the metric."""
    change = influences(sums[:, 1], sums[:, 0]) * loss.quantum
    return change / (2 * (_metric(sums, loss) or math.inf)) if loss.root else change


def _welch(own: Floats, rest: Floats, loss: Loss, design: float) -> Spread:
    """The spread of a difference of two means of unlike variance (Welch, 1947)."""
    variances, freedoms = [], []
    for sums in (own, rest):
        rows, steps, squares = sums.sum(axis=0)
        mean = steps / rows
        variance = max(squares * (1 if loss.whole else SQUARES) / rows - mean**2, 0.0) / (rows - 1) * loss.quantum**2
        variances.append(variance / (4 * mean * loss.quantum) if loss.root and mean > 0 else variance)
        freedoms.append(rows - 1)
    total = sum(variances)
    below = sum(variance**2 / freedom for variance, freedom in zip(variances, freedoms, strict=True))
    return Spread(total * max(design, 1.0), total**2 / below if below > 0 else math.inf)


def _mean_gap(value: float, spread: Spread, side: float) -> _Gap:
    def within(level: float) -> tuple[float, float]:
        radius = spread.radius(level)
        return value - radius, value + radius

    return _Gap(value, within, lambda edge: spread.chance(side * value - edge))


def _share(sums: Floats) -> tuple[float, float]:
    rows, steps, _ = sums.sum(axis=0)
    return float(steps / rows), float(rows)


def _share_gap(own: tuple[float, float], rest: tuple[float, float], design: float) -> _Gap:
    """Of two shares: Newcombe's interval, and the score test, whose variance is that at the edge."""
    (share, rows), (other, others) = own, rest
    effect = max(design, 1.0)

    def within(level: float) -> tuple[float, float]:
        quantile = two_sided(level)
        bounds = [Estimate(p, *wilson(p, n / effect, quantile)) for p, n in (own, rest)]
        both = difference(bounds[0], bounds[1])
        assert both.lower is not None
        assert both.upper is not None
        return both.lower, both.upper

    def chance(edge: float) -> float:
        # Both shares as likely as they can be where they are just so far apart: the rest's is nearly known.
        together = (share * rows + (other + edge) * others) / (rows + others)
        high = min(max(together, edge), 1.0)
        low = min(max(high - edge, 0.0), 1.0)
        variance = effect * (high * (1 - high) / rows + low * (1 - low) / others)
        if variance <= 0:
            return 0.0 if share - other > edge else 1.0
        return float(ndtr((edge - (share - other)) / math.sqrt(variance)))

    return _Gap(share - other, within, chance)


def _before(terms: Terms, slices: Sequence[Proposal], loss: Loss) -> list[float | None]:
    was = terms.reference(slices) if terms.reference is not None and slices else None
    if was is None:
        return [None] * len(slices)
    sums, found = was.sums(len(slices)), []
    for place in range(1, len(slices) + 1):
        own, rest = _metric(sums[:, :, place], loss), _metric(sums[:, :, 0] - sums[:, :, place], loss)
        found.append(None if own is None or rest is None else own - rest)
    return found


def _corrected(found: Sequence[FoundSlice], gaps: Sequence[_Gap | None], limit: float) -> tuple[list[FoundSlice], int]:
    edges = [limit * each.scale for each in found]
    chances = [
        gap.chance(edge) if each.proved else 1.0
        for each, gap, edge in zip(found, gaps, edges, strict=True)
        if gap is not None
    ]
    steps = (1 - LEVEL) * np.arange(1, len(chances) + 1) / max(len(chances), 1)
    passed = np.flatnonzero(np.sort(chances) <= steps)
    selected = int(passed[-1]) + 1 if len(passed) else 0
    level = 1 - (1 - LEVEL) * max(selected, 1) / max(len(chances), 1)
    widened = []
    for each, gap, edge in zip(found, gaps, edges, strict=True):
        if gap is None:
            widened.append(each)
            continue
        lower, upper = gap.within(level)
        p_value = gap.chance(edge) if each.proved else None
        widened.append(replace(each, lower_corrected=lower, upper_corrected=upper, p_value=p_value))
    return widened, selected
