"""Mergeable summaries of rows, and the numbers that follow from them: numbers in, numbers out, no limit, no word.

A column is counted in `Cells` that come from the reference. Counting gives a `Profile` and a `Quality`, which are
monoids of whole numbers: parts add up to the whole bit for bit, for any split and any order. Everything else
(`compare`, `usual`, `metrics`, `slice_gaps`, `calibration`, `histogram`) reads those and never a row.
"""

from batchops.stats.cells import Cells, lay_out
from batchops.stats.drift import ColumnDrift, compare
from batchops.stats.intervals import Estimate
from batchops.stats.profile import Column, Profile, merge_profiles, summarise
from batchops.stats.sparse import Sparse
from batchops.stats.usual import Usual, usual

__all__ = [
    "Cells",
    "Column",
    "ColumnDrift",
    "Estimate",
    "Profile",
    "Sparse",
    "Usual",
    "compare",
    "lay_out",
    "merge_profiles",
    "summarise",
    "usual",
]
