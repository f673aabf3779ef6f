"""Map and fold over threads or a Dask cluster; knows none of our nouns."""

from batchops.engine.fold import Fold, Pool, map_reduce

__all__ = ["Fold", "Pool", "map_reduce"]
