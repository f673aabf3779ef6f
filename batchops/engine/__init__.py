"""Map and fold over threads or a Dask cluster; knows none of our nouns."""

from batchops.engine.fold import map_reduce
from batchops.engine.terms import Fold, Pool

__all__ = ["Fold", "Pool", "map_reduce"]
