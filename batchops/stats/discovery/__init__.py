"""Slices that nobody declared: searched for among all of up to three features, and measured on rows held out.

`lay_out_search` fixes over the reference what is searched; `labelled` turns rows into small numbers; `count_halves`
counts them into `Cubes`, a monoid; `propose` searches one half, and `measure` says how large what it found is in the
other. `discover` and `discover_nights` do both.
"""

from batchops.stats.discovery.cube import Cube, Cubes, Grid, count, count_halves
from batchops.stats.discovery.features import Feature, encode, features_of, in_bins, lay_out_features
from batchops.stats.discovery.halves import discover, discover_nights, is_odd, odd_rows
from batchops.stats.discovery.layout import Search, labelled, lay_out_search
from batchops.stats.discovery.losses import LOSSES, Loss, Losses, lay_out_loss, losses_of, row_losses
from batchops.stats.discovery.measure import (
    Discovery,
    FoundSlice,
    Recount,
    Terms,
    measure,
    recount,
    recount_of,
)
from batchops.stats.discovery.ranking import Proposal
from batchops.stats.discovery.reference import Counted, count_reference
from batchops.stats.discovery.search import Proposals, propose

__all__ = [
    "LOSSES",
    "Counted",
    "Cube",
    "Cubes",
    "Discovery",
    "Feature",
    "FoundSlice",
    "Grid",
    "Loss",
    "Losses",
    "Proposal",
    "Proposals",
    "Recount",
    "Search",
    "Terms",
    "count",
    "count_halves",
    "count_reference",
    "discover",
    "discover_nights",
    "encode",
    "features_of",
    "in_bins",
    "is_odd",
    "labelled",
    "lay_out_features",
    "lay_out_loss",
    "lay_out_search",
    "losses_of",
    "measure",
    "odd_rows",
    "propose",
    "recount",
    "recount_of",
    "row_losses",
]
