"""Slices that nobody declared: searched for among all of up to three features, and measured on rows held out.

`lay_out_search` fixes over the reference what is searched; `labelled` turns rows into small numbers; `count_halves`
counts them into `Cubes`, a monoid; `propose` searches one half, and `measure` says what is found there of the other.
"""

from batchops.stats.discovery.cube import Cube, Cubes, Grid, count, count_halves
from batchops.stats.discovery.features import Feature, encode, lay_out_features
from batchops.stats.discovery.layout import Search, labelled, lay_out_search
from batchops.stats.discovery.losses import LOSSES, Loss, Losses, lay_out_loss, losses_of, row_losses
from batchops.stats.discovery.measure import (
    Discovery,
    FoundSlice,
    Recount,
    Terms,
    is_odd,
    measure,
    recount,
    recount_of,
)
from batchops.stats.discovery.search import Proposal, Proposals, propose

__all__ = [
    "LOSSES",
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
    "encode",
    "is_odd",
    "labelled",
    "lay_out_features",
    "lay_out_loss",
    "lay_out_search",
    "losses_of",
    "measure",
    "propose",
    "recount",
    "recount_of",
    "row_losses",
]
