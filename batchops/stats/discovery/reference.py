"""What may be searched, counted over the reference: found slices have their gap there without reading it again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import polars as pl

from batchops.stats.discovery.cube import Cube, count
from batchops.stats.discovery.layout import Search, labelled
from batchops.stats.discovery.measure import Recount, recount_of
from batchops.stats.discovery.ranking import Proposal

__all__ = ["Counted", "count_reference"]


@dataclass(frozen=True, slots=True)
class Counted:
    """All labelled rows of the reference, by every three features that may be searched.

    Attributes:
        search: What they were counted for.
        cube: Their rows and losses.
    """

    search: Search
    cube: Cube

    def recount(self, slices: Sequence[Proposal], search: Search) -> Recount | None:
        """Rows and losses of slices that a search proposed.

        Args:
            search: That one; places and bins of the slices are its features'.

        Returns:
            No rows for a slice of a feature that was not counted, or was in other bins; None where other losses were
            counted.
        """
        mine, theirs = self.search, search
        if (mine.loss, mine.threshold) != (theirs.loss, theirs.threshold):
            return None
        place_of = {feature: place for place, feature in enumerate(mine.grid.features)}
        moved = [place_of.get(feature) for feature in theirs.grid.features]
        return recount_of(self.cube, mine.grid, [_moved(each, moved) for each in slices])


def _moved(proposal: Proposal, moved: Sequence[int | None]) -> Proposal:
    """The same slice where features have other places; of no place where one of them has none."""
    pairs = [(moved[feature], code) for feature, code in zip(proposal.place, proposal.bins, strict=True)]
    known = sorted((place, code) for place, code in pairs if place is not None)
    if len(known) < len(pairs):
        return replace(proposal, place=(), bins=())
    return replace(proposal, place=tuple(place for place, _ in known), bins=tuple(code for _, code in known))


def count_reference(rows: pl.DataFrame, search: Search) -> Counted:
    """Count the reference's rows.

    Args:
        rows: As those of `labelled`.
    """
    codes, losses, _ = labelled(rows, search)
    return Counted(search, count([(codes, losses)], search.grid))
