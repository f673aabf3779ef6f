"""What a process of batchops finds is what its users have: of the test set, pandas alone would be imported unasked.

Pandera takes it where it is, which is most of what a command's start costs then.
"""

import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType


class WithoutPandas(PathFinder):
    """Finds everything else."""

    @classmethod
    def find_spec(
        cls, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        return None if fullname == "pandas" else super().find_spec(fullname, path, target)


# pytest imports this file too, to look for doctests, and under a longer name.
if __name__ == "sitecustomize":
    sys.meta_path[sys.meta_path.index(PathFinder)] = WithoutPandas
