"""How alike rows of one night are, from nights that are known: what widens the intervals of one night alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from batchops.stats.numbers.intervals import ENOUGH_NIGHTS
from batchops.stats.outcomes.state import Quality, ScoreCells
from batchops.stats.slices.means import MEANS, Mean, measure, spread_together
from batchops.stats.slices.table import SliceTable, slice_table

__all__ = ["NOT_ALIKE", "SUPPORT", "Alike", "night_likeness"]

SUPPORT = 50

SEEN = 500
"""Slices of most rows that say how alike rows of one slice and night are."""


@dataclass(frozen=True, slots=True)
class Alike:
    """Correlations of two rows of one night, 0 to 1.

    Attributes:
        rows: By metric.
        gap: Of two rows of a slice, in how they differ from the rest of their night, by the metric asked for.
        groups: The same of the groups of single columns, by metric.
    """

    rows: Mapping[str, float] = field(default_factory=dict)
    gap: float = 0.0
    groups: Mapping[str, float] = field(default_factory=dict)


NOT_ALIKE = Alike()


def night_likeness(quality: Quality, cells: ScoreCells, design: Mapping[str, float], metric: str) -> Alike:
    """How alike rows of a night are in the reference.

    With m rows a night the design effect is 1 + (m - 1) rho; a slice has fewer rows a night than all rows are, and so a
    smaller one. What a night does to the rows of a slice alone is seen in the reference's slices, and counts where it
    is more. What a night does to all its rows alike widens no gap: of gaps, rho is what the nights of the reference's
    own slices show, all taken together.

    Args:
        quality: Of the reference.
        cells: With which it was counted.
        design: Its design effects, by metric.
        metric: On which slices are compared.
    """
    bare = Quality({name: replace(night, slices=()) for name, night in quality.nights.items()})
    overall = {name: each[None, :] for name, each in slice_table(bare, cells).overall.items()}
    means, found = MEANS[cells.task], {}
    for name, effect in design.items():
        mean = means.get("base_rate" if name == "roc_auc" else name)
        crowd = float(measure(mean, overall).crowd[0]) if mean is not None else 0.0
        if crowd > 1:
            found[name] = min(1.0, max(effect - 1, 0.0) / (crowd - 1))
    table = slice_table(quality, cells)
    for name in found.keys() & means.keys():
        found[name] = max(found[name], _of_slices(means[name], table))
    groups = table.at([place for place, key in enumerate(table.keys) if len(key) == 1])
    beside = {name: _of_gaps(groups, means[name]) for name in found.keys() & means.keys()}
    return Alike(found, _of_gaps(table, means[metric]), beside)


def _of_slices(mean: Mean, table: SliceTable) -> float:
    """What the nights of the slices themselves show, all taken together: those do to a slice's rows what they do to all
    rows, and more.
    """
    most = np.argsort(-table.rows, kind="stable")[:SEEN]
    own = measure(mean, {name: each[most] for name, each in table.sums.items()})
    enough = (own.nights >= ENOUGH_NIGHTS) & (own.effective >= SUPPORT) & (own.crowd > 1)
    excess, rows = own.spread() - own.variance, own.variance * (own.crowd - 1)
    enough &= np.isfinite(excess) & np.isfinite(rows)
    return float(np.clip(excess[enough].sum() / rows[enough].sum(), 0.0, 1.0)) if rows[enough].any() else 0.0


def _of_gaps(table: SliceTable, mean: Mean) -> float:
    own, rest = measure(mean, table.sums), measure(mean, table.rest())
    enough = np.minimum(own.nights, rest.nights) >= ENOUGH_NIGHTS
    enough &= (np.minimum(own.effective, rest.effective) >= SUPPORT) & (own.crowd > 1)
    if not enough.any():
        return 0.0
    excess = spread_together(own, rest) - own.variance - rest.variance
    rows = own.variance * (own.crowd - 1)
    return float(np.clip(excess[enough].sum() / rows[enough].sum(), 0.0, 1.0)) if rows[enough].any() else 0.0
