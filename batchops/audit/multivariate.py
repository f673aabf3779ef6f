"""All columns together against the reference's: what no column shows alone, and many small changes at once."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np

from batchops import models
from batchops.audit.sections import MultivariatePart, Reliance
from batchops.audit.state import Audit, Reference, UsualArea
from batchops.stats import NOT_MEASURED, Cells, Estimate
from batchops.stats.columns.usual import ENOUGH_WINDOWS
from batchops.stats.numbers.averages import Averaged, mean_estimate
from batchops.stats.numbers.intervals import ENOUGH_NIGHTS, Spread
from batchops.stats.numbers.sparse import Integers
from batchops.stats.rows.covariance import Components, Covariance, components, row_losses
from batchops.stats.rows.sample import ABSENT, HIGH, LOW, MISSING, UNSEEN, RowSample
from batchops.verdict import Figure, Finding, Policy, Severity

__all__ = [
    "ALL_COLUMNS",
    "ROWS",
    "Together",
    "compare_together",
    "multivariate_figure",
    "multivariate_part",
    "usual_areas",
]

ALL_COLUMNS = "all columns"

ROWS = 4_000
"""Rows of each side that are looked at together: an area is known to two hundredths, in a fifth of a second."""

WINDOWS = 10
"""Windows of the reference that are told from the rest of it, spread over all."""

OTHER, NEW = 253, 254
"""Codes of the rarer categories, and of those that the reference does not have: trees tell 255 apart."""

APART = 0.95
"""Where windows of the reference are told from the rest of it so well, one more that is says nothing: a single night
has one weekday and one weather."""

ALONE = 0.05
"""Share of the reference's rows that may be the only one with their category."""

NAMED, NAMEABLE = 3, 0.05
"""Columns that the evidence names, and the share of one that is worth naming."""


@dataclass(frozen=True, slots=True, eq=False)
class Together:
    """The columns of a window and of the reference, looked at together.

    Attributes:
        columns: That took part: those with cells that both sides have; times always tell two sides apart, and so do
            categories that hardly two rows share.
        reference: The sampled rows of the reference, in the order of the separation's ratios.
        current: Those of the window.
        separation: None where a side has hardly any row, or there is no column.
        nights: Of the window.
        dated: Whether rows belong to nights at all.
        usual: What windows of the reference show; None where it has no nights.
        reconstruction: Loss of the projection on the reference's principal components, over the reference's own.
        components: How many those are; 0 where there are none.
    """

    columns: tuple[str, ...]
    reference: RowSample
    current: RowSample
    separation: models.Separation | None
    nights: int
    dated: bool
    usual: UsualArea | None
    reconstruction: Estimate
    components: int

    @property
    def rows(self) -> int:
        """Sampled rows of both sides."""
        return self.reference.height + self.current.height


def compare_together(nights: Sequence[Audit], reference: Reference) -> Together | None:
    """Compare a window's rows with the reference's.

    Args:
        nights: The window's, oldest first; of two tables, the one table that is audited.

    Returns:
        None where a side has no sampled rows.
    """
    current = RowSample.pooled([night.sample for night in nights], ROWS)
    before = reference.audit.sample.smaller(ROWS)
    if not current.height or not before.height:
        return None
    columns = tuple(each for each in _shared(before, current, reference.inputs) if _known(each, reference))
    separation = _separated(before, current, columns)
    found = components(reference.audit.products, frozenset(each.column for each in columns))
    return Together(
        columns=tuple(each.column for each in columns),
        reference=before,
        current=current,
        separation=separation,
        nights=len(nights),
        dated=any(before.night),
        usual=_usual(reference.usual_areas, len(nights)),
        reconstruction=NOT_MEASURED if found is None else _reconstruction(nights, current, reference, found),
        components=0 if found is None else found.count,
    )


def _shared(before: RowSample, current: RowSample, cells: Sequence[Cells]) -> tuple[Cells, ...]:
    """The columns that can be compared: one that a side lacks altogether is a finding of its own."""
    return tuple(
        each
        for each in cells
        if each.size
        and each.kind != "temporal"
        and all((sample.code(each.column) != ABSENT).any() for sample in (before, current))
    )


def _known(cells: Cells, reference: Reference) -> bool:
    """Whether the reference knows a column's categories: where many of its rows are the only one with theirs, as many
    rows of any other sample have one that it does not know, and are told from it by that alone.
    """
    column = reference.audit.inputs.columns.get(cells.column)
    if cells.kind != "category" or cells.capped or column is None or not column.valid:
        return True
    return bool(np.count_nonzero(column.table.dense(cells.size) == 1) < ALONE * column.valid)


def _separated(
    before: RowSample, current: RowSample, cells: Sequence[Cells], explain: bool = True
) -> models.Separation | None:
    if not cells:
        return None
    categorical = tuple(place for place, each in enumerate(cells) if each.kind == "category")
    return models.separate(_side(before, cells), _side(current, cells), categorical, explain)


def _side(sample: RowSample, cells: Sequence[Cells]) -> models.Side:
    """A sample as a classifier takes it: numbers by their cell, categories by their code, missing values as NaN."""
    matrix = np.empty((sample.height, len(cells)), order="F")
    for place, each in enumerate(cells):
        codes = sample.code(each.column)
        known = np.minimum(codes, OTHER) if each.kind == "category" else codes
        values = known.astype(np.float64)
        values[(codes == MISSING) | (codes == ABSENT)] = np.nan
        values[codes == UNSEEN] = NEW
        values[codes == LOW], values[codes == HIGH] = -1, each.size
        matrix[:, place] = values
    return models.Side(matrix, sample.weights, _night_numbers(sample))


def _night_numbers(sample: RowSample) -> Integers:
    return np.unique(np.array(sample.night, dtype=np.str_), return_inverse=True)[1].astype(np.int64)


def _usual(areas: Sequence[UsualArea], length: int) -> UsualArea | None:
    """Of the longest window that is not longer; a shorter one varies more."""
    return max((each for each in areas if each.length <= length), key=lambda each: each.length, default=None)


def usual_areas(nights: Sequence[RowSample], cells: Sequence[Cells], lengths: Sequence[int]) -> tuple[UsualArea, ...]:
    """Tell windows of the reference from the rest of it, as a window of later nights is told from all of it.

    Args:
        nights: Samples of the reference's nights, in order.
        lengths: Nights in a window; those that leave nothing to compare with are left out.
    """
    found = []
    for length in sorted({each for each in lengths if 0 < 2 * each <= len(nights)}):
        windows = len(nights) // length
        starts = np.unique(np.linspace(0, windows - 1, min(windows, WINDOWS)).round().astype(int)) * length
        parts = [_apart(nights, int(start), length, cells) for start in starts]
        found.append(_usual_of(length, windows, [part for part in parts if part is not None]))
    return tuple(found)


def _apart(nights: Sequence[RowSample], start: int, length: int, cells: Sequence[Cells]) -> models.Separation | None:
    window = RowSample.pooled(nights[start : start + length], ROWS)
    rest = RowSample.pooled(chain(nights[:start], nights[start + length :]), ROWS)
    return _separated(rest, window, _shared(rest, window, cells), explain=False)


def _usual_of(length: int, windows: int, found: Sequence[models.Separation]) -> UsualArea:
    """The areas of some windows, drawn to their mean by as much as their scatter is sampling noise."""
    if not found:
        return UsualArea(length, windows, None)
    areas = np.array([each.auc for each in found])
    mean, noise = float(areas.mean()), float(np.mean([each.error**2 for each in found]))
    scatter = float(areas.var(ddof=1)) if len(areas) > 1 else 0.0
    real = math.sqrt(max(0.0, 1 - noise / scatter)) if scatter > 0 else 0.0
    largest = mean + real * (float(areas.max()) - mean)
    return UsualArea(length, windows, largest, len(areas), mean, real * math.sqrt(scatter))


def _reconstruction(nights: Sequence[Audit], current: RowSample, reference: Reference, found: Components) -> Estimate:
    """The window's mean loss over the reference's."""
    audit = reference.audit
    now = _loss([night.products for night in nights], current, reference, found)
    was = _loss([audit.products], audit.sample, reference, found)
    if not now.value or not was.value:
        return NOT_MEASURED
    ratio = now.value / was.value
    if now.lower is None or now.upper is None or was.lower is None or was.upper is None:
        return Estimate(ratio, n=now.n, nights=now.nights)
    down = math.hypot((now.value - now.lower) / now.value, (was.upper - was.value) / was.value)
    up = math.hypot((now.upper - now.value) / now.value, (was.value - was.lower) / was.value)
    lower, upper = max(0.0, ratio * (1 - down)), ratio * (1 + up)
    return Estimate(ratio, lower, upper, now.n, now.nights, rows_independent=now.rows_independent)


def _loss(parts: Sequence[Covariance], sample: RowSample, reference: Reference, found: Components) -> Estimate:
    """Mean loss over all rows, exact; how far it may be off, from how nights differ, and of few from sampled rows."""
    losses = [(found.loss(part) or 0.0) * part.rows for part in parts]
    rows = np.array([part.rows for part in parts], dtype=np.float64)
    squares = 0.0
    if sample.height and len(parts) < ENOUGH_NIGHTS:
        each = row_losses(sample, found, reference.inputs, reference.audit.inputs)
        squares = float(np.average(each**2, weights=sample.weights)) * float(rows.sum())
    return mean_estimate(np.array(losses), rows, Averaged(squares, (0.0, np.inf)))


def multivariate_figure(found: Together, policy: Policy) -> Figure:
    """How well the sides can be told apart.

    It may FAIL where the reference has windows enough to say how far apart they usually are, and where rows belong to
    no night. Where they are apart anyhow there is nothing to judge.
    """
    separation, usual = found.separation, found.usual
    apart = usual is not None and usual.area is not None and usual.area >= APART
    enough = not found.dated or (usual is not None and usual.windows >= ENOUGH_WINDOWS)
    reconstruction = found.reconstruction
    return Figure(
        "drift.multivariate",
        ALL_COLUMNS,
        None if separation is None or apart else separation.auc,
        "",
        found.rows,
        lower=None if separation is None else separation.lower,
        upper=None if separation is None else separation.upper,
        usual=None if usual is None else usual.area,
        can_fail=enough,
        limit=policy.limit("drift.multivariate", ALL_COLUMNS),
        evidence={
            "columns": _named(found),
            "area": None if separation is None else separation.auc,
            **({"reach": "window shorter than season"} if apart else {}),
            "reconstruction": reconstruction.value,
            "components": found.components,
            "nights": found.nights,
        },
        chance=None if separation is None else _Chance(separation, found),
        own=usual is not None and usual.looked >= 2,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Chance:
    """Probability of an area at least as large where the true one is at most ``edge``; of .5 where that is less.

    And, where the reference has windows to draw from, of one more window of their kind: the largest of eight is
    passed by every ninth, so that being beyond it proves little.
    """

    separation: models.Separation
    found: Together

    def __call__(self, edge: float) -> float:
        edge, found, usual = min(max(edge, 0.5), 1.0), self.found, self.found.usual
        noise = max(self.separation.error**2, _area_variance(edge, found.reference.height, found.current.height))
        freedom = found.nights - 1 if found.dated and found.nights >= ENOUGH_NIGHTS else math.inf
        chance = Spread(noise, freedom).chance(self.separation.auc - edge)
        if usual is None or usual.looked < 2:
            return chance
        drawn = Spread(usual.deviation**2 * (1 + 1 / usual.looked) + noise, usual.looked - 1)
        return max(chance, drawn.chance(self.separation.auc - usual.mean))


def _area_variance(area: float, negatives: int, positives: int) -> float:
    """Of an estimated area where the true one is ``area``, of scores like exponentials (Hanley & McNeil, 1982)."""
    one, two = area / (2 - area), 2 * area**2 / (1 + area)
    pairs = (positives - 1) * (one - area**2) + (negatives - 1) * (two - area**2)
    return (area * (1 - area) + pairs) / (negatives * positives)


def _shares(found: Together) -> list[Reliance]:
    """What each column adds to telling the sides apart, largest first."""
    if found.separation is None:
        return []
    shares = zip(found.columns, found.separation.shares, strict=True)
    return sorted((Reliance(*pair) for pair in shares), key=lambda each: (-each.share, each.column))


def _named(found: Together) -> str | None:
    """``delay 0.80, wind 0.15``."""
    named = [each for each in _shares(found)[:NAMED] if each.share >= NAMEABLE]
    return ", ".join(f"{each.column} {each.share:.2f}" for each in named) or None


def multivariate_part(found: Together, findings: Mapping[str, Finding]) -> MultivariatePart:
    """The section of audit.json."""
    finding, separation = findings.get(f"drift.multivariate:{ALL_COLUMNS}"), found.separation
    return MultivariatePart(
        rows=found.rows,
        auc=None if separation is None else separation.auc,
        lower=None if separation is None else separation.lower,
        upper=None if separation is None else separation.upper,
        limit=None if finding is None else finding.limit,
        p_value=None if finding is None else finding.p_value,
        q_value=None if finding is None else finding.q_value,
        severity=Severity.NOT_RUN if finding is None else finding.severity,
        columns=tuple(_shares(found)),
        reconstruction=found.reconstruction.value,
        reconstruction_lower=found.reconstruction.lower,
        reconstruction_upper=found.reconstruction.upper,
        components=found.components,
        usual=None if found.usual is None else found.usual.area,
    )
