"""A night, from its files to its published scores, and a range of nights."""

from batchops.run.backfill import backfill, plan
from batchops.run.night import run_night
from batchops.run.outcome import Observe, Options, Outcome, Progress, range_exit_code, silent

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
