"""Do the same rows fare otherwise? Slices against themselves in training, and what a change of a metric is made of."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Iterator, Mapping, Sequence, Set as AbstractSet
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from batchops.audit.changes import DecompositionPart, PartOfChange
from batchops.audit.charting import known_levels
from batchops.audit.slicing import slice_label
from batchops.audit.state import Reference
from batchops.sketch import K_ANONYMOUS
from batchops.stats import Estimate, Quality, ScoreCells, SliceKey, SliceQuality
from batchops.stats.nights.decompose import Decomposition, Share, decompose
from batchops.stats.nights.nightly import Nightly, moved
from batchops.stats.numbers.intervals import Spread, influences, spread_of
from batchops.stats.numbers.whole import real
from batchops.stats.outcomes.regression import MOMENTS
from batchops.stats.outcomes.state import LOSS, SCORE, SQUARE
from batchops.verdict import Figure, Scalar, Side

__all__ = ["SliceShift", "Split", "decomposition_parts", "decompositions", "shift_figures", "shifted_slices"]

ENOUGH = 8
"""Nights of a slice below which it is not compared with itself in the reference."""

SUPPORT = 50

OTHERS = "others"

ROWS, LOST, LEANING, SQUARED, DAY = range(5)
"""Places among the sums of a slice's night: labelled rows, their loss, how far they lie to one side, the square of what
is compared with training (the loss, or the error), and the date."""

DOUBTED = 0.05
"""Chance up to which a slice's own nights are asked how they follow each other, which takes as long as 100 slices."""

ERROR, ERROR_SQUARE = MOMENTS.index((1, 0)), MOMENTS.index((2, 0))

Floats = NDArray[np.float64]

Split = tuple[str, str, Decomposition]
"""Metric, dimension, and what its change over the window is made of."""


@dataclass(frozen=True, slots=True)
class SliceShift:
    """How a slice of one dimension differs from the same slice of the reference.

    Attributes:
        metric: ``log_loss``, of decisions without scores ``error_rate``, of regression ``mean_error``.
        change: Over what the slice had in the reference: the same; of regression, its root mean squared error.
        common: The change of all rows together, over the same; None of a loss.
    """

    label: str
    metric: str
    change: Estimate
    common: float | None = None

    @property
    def side(self) -> Side:
        """A loss matters where it rises, an error on either side."""
        return "both" if self.metric == "mean_error" else "upper"


def shifted_slices(labelled: Quality, reference: Reference) -> tuple[SliceShift, ...]:
    """By slice of one dimension, how it differs from itself in the reference; none where nights of that are too few."""
    of_numbers = reference.quality.task == "regression"
    metric, place = ("mean_error", LEANING) if of_numbers else (_loss(reference.quality), LOST)
    known, found = known_levels(reference).get(metric), []
    if known is None:
        return ()
    now, was = _by_slice(labelled, reference.quality), _before(reference)
    for key in sorted((now.keys() & was.keys()) - {()}):
        here, there = now[key], was[key]
        if min(len(here), len(there)) < ENOUGH or min(here[:, ROWS].sum(), there[:, ROWS].sum()) < SUPPORT:
            continue
        loss = _mean(there, LOST)
        base = math.sqrt(loss) if of_numbers else loss
        if base <= 0 or not all(np.isfinite(side).all() for side in (here, there)):
            continue
        places, units = [place, ROWS, SQUARED, DAY], (base, 1.0, base * base, 1.0)
        sides = (here[:, places] / units, there[:, places] / units)
        change = _change(*sides, known.level.correlation, both=of_numbers)
        if change is not None:
            common = (_mean(now[()], place) - _mean(was[()], place)) / base if of_numbers else None
            found.append(SliceShift(slice_label(key), metric, change, common))
    return tuple(found)


def _loss(cells: ScoreCells) -> str:
    return "log_loss" if cells.scored else "error_rate"


def _mean(nights: Floats, place: int) -> float:
    return float(nights[:, place].sum() / nights[:, ROWS].sum())


def _change(here: Floats, there: Floats, correlation: float, both: bool) -> Estimate | None:
    """The mean of some nights less that of others; nights x (sum, rows, sum of squares, day).

    Welch's interval, of nights and not of rows; neighbouring nights that are alike make it wider, by the long-run
    variance (1 + rho) / (1 - rho) of their series.

    Args:
        correlation: The rho of all rows' nights; where a chance is small it is not less than the slice's own nights let
            expect (`moved`), since a slice may have circumstances that all rows hardly show.

    Returns:
        None where no night differs from another.
    """
    alike = (1 + correlation) / (1 - correlation)
    spreads = [spread_of(influences(side[:, 0], side[:, 1])) for side in (here, there)]
    variances = [alike * spread.variance for spread in spreads]
    freedom = [spread.freedom / alike for spread in spreads]
    total = sum(variances)
    if total <= 0:
        return None
    spread = Spread(total, total**2 / sum(v**2 / f for v, f in zip(variances, freedom, strict=True)))
    now, was = (float(side[:, 0].sum() / side[:, 1].sum()) for side in (here, there))
    value, radius = now - was, spread.radius()

    def chance(edge: float) -> float:
        size = abs(value) if both else value
        rows = min(1.0, spread.chance(size - edge) + (spread.chance(size + edge) if both else 0.0))
        if rows > DOUBTED:
            return rows
        own = moved(_nightly(there), _nightly(here)).chance
        return rows if own is None else max(rows, own(edge))

    return Estimate(value, value - radius, value + radius, int(here[:, 1].sum()), len(here), chance=chance)


def _nightly(nights: Floats) -> Nightly:
    """Means by night, with the standard errors of independent rows that vary by as much on every night."""
    above, rows, squares, days = nights.T
    means = above / rows
    within = max(float((squares - above * means).sum()), 0.0) / max(float((rows - 1).sum()), 1.0)
    names = tuple(dt.date.fromordinal(int(day)).isoformat() for day in days)
    return Nightly(names, tuple(means.tolist()), tuple(np.sqrt(within / rows).tolist()))


@lru_cache(maxsize=8)
def _before(reference: Reference) -> Mapping[SliceKey, Floats]:
    return _by_slice(reference.audit.quality, reference.quality)


def _by_slice(quality: Quality, cells: ScoreCells) -> Mapping[SliceKey, Floats]:
    """By night, of all rows and of each slice of one dimension: its sums, `ROWS` to `DAY`."""
    sums = _sums_of(cells)
    found: dict[SliceKey, list[tuple[float, ...]]] = {}
    for name, night in sorted(quality.nights.items()):
        day = dt.date.fromisoformat(name).toordinal() if name else 0
        for key, part in (((), night.overall), *night.slices):
            if len(key) <= 1 and part.labelled:
                found.setdefault(key, []).append((*sums(part), day))
    return {key: np.array(nights, dtype=np.float64) for key, nights in found.items()}


def _sums_of(cells: ScoreCells) -> Callable[[SliceQuality], tuple[float, ...]]:
    if cells.task == "regression":
        return _error_sums
    return _score_sums if cells.scored else _decision_sums


def _score_sums(part: SliceQuality) -> tuple[float, ...]:
    """Log loss, and positives less the sum of their scores."""
    leaning = part.positives - part.labelled_score / SCORE
    return part.labelled, part.log_loss / LOSS, leaning, part.log_loss_square / SQUARE


def _decision_sums(part: SliceQuality) -> tuple[float, ...]:
    wrong = part.labelled - part.correct
    return part.labelled, wrong, 0.0, wrong


def _error_sums(part: SliceQuality) -> tuple[float, ...]:
    """Squared error and error, in scales of `ErrorCells`, so that numbers may have any size."""
    if part.errors is None:
        return part.labelled, 0.0, 0.0, 0.0
    square, error = (real(part.errors.moments[each], -30) for each in (ERROR_SQUARE, ERROR))
    return part.labelled, square, error, square


def _metrics(cells: ScoreCells) -> tuple[tuple[str, int, float], ...]:
    """What is split: metric, place among the sums, and their unit."""
    if cells.task == "regression":
        exponent = cells.errors.error_exponent if cells.errors is not None else 0
        return ("mean_squared_error", LOST, real(1, 2 * exponent)), ("mean_error", LEANING, real(1, exponent))
    if not cells.scored:
        return (("error_rate", LOST, 1.0),)
    return ("log_loss", LOST, 1.0), ("calibration_gap", LEANING, 1.0)


def decompositions(now: Quality, reference: Reference) -> tuple[Split, ...]:
    """Of every dimension that is sliced by alone."""
    by_night = (_by_slice(now, reference.quality), _before(reference))
    sides = [{key: nights.sum(axis=0) for key, nights in side.items()} for side in by_night]
    dimensions = sorted({key[0][0] for key in sides[0] if key})
    found = []
    if not all(np.isfinite(sums).all() for side in sides for sums in side.values()):
        return ()
    for metric, place, unit in _metrics(reference.quality):
        for dimension in dimensions:
            large = [{key for key, sums in side.items() if key and sums[ROWS] >= K_ANONYMOUS} for side in sides]
            names = {key for key in large[0] & large[1] if key[0][0] == dimension}
            split = decompose(*(_shares(side, names, place) for side in sides))
            if split is not None and (split.mix or split.within):
                split = split.times(unit)
                if math.isfinite(split.total):
                    found.append((metric, dimension, split))
    return tuple(found)


def _shares(side: Mapping[SliceKey, Floats], names: AbstractSet[SliceKey], place: int) -> Mapping[str, Share]:
    """Every labelled row once: by slice, and together the rows of small ones."""
    whole = side.get((), np.zeros(DAY + 1))
    kept = {key[0][1]: Share(float(side[key][place]), int(side[key][ROWS])) for key in sorted(names)}
    rest = int(whole[ROWS]) - sum(share.rows for share in kept.values())
    if rest:
        kept[OTHERS] = Share(float(whole[place]) - sum(share.total for share in kept.values()), rest)
    return kept


def shift_figures(slices: Sequence[SliceShift], facts: Mapping[str, Scalar]) -> Iterator[Figure]:
    """The slices' changes."""
    for each in slices:
        change = each.change
        together = {} if each.common is None else {"all_rows": each.common}
        yield Figure(
            "concept.shift",
            each.label,
            change.value,
            "ratio",
            change.n,
            change.lower,
            change.upper,
            # Whether a slice fails is asked once: of its gap to the other rows.
            can_fail=False,
            side=each.side,
            evidence={**facts, "nights": change.nights, "metric": each.metric, **together},
            chance=change.chance,
        )


def decomposition_parts(splits: Sequence[Split]) -> tuple[DecompositionPart, ...]:
    """The decompositions for audit.json."""
    return tuple(
        DecompositionPart(
            metric,
            dimension,
            split.total,
            split.mix,
            split.within,
            tuple(PartOfChange(part.slice, part.mix, part.within) for part in split.slices),
        )
        for metric, dimension, split in splits
    )
