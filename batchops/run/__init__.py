"""A night, from its files to its published scores, and a range of nights.

The names below are loaded when first used: looking at what was run must not cost the seconds that scoring's libraries
take to import.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from batchops.run.night import run_night
    from batchops.run.outcome import Observe, Options, Outcome, Progress, range_exit_code, silent
    from batchops.run.ranges import backfill, plan

__all__ = [
    "Observe",
    "Options",
    "Outcome",
    "Progress",
    "backfill",
    "plan",
    "range_exit_code",
    "run_night",
    "silent",
]

_HOMES = {"backfill": "ranges", "plan": "ranges", "run_night": "night"}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES.get(name, 'outcome')}"), name)
