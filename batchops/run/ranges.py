"""A range of nights in one process, oldest first: each may need the one before it."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from batchops.errors import GateError, InputChanged, ModelError
from batchops.job import LoadedJob
from batchops.partition import Night
from batchops.run.history import newest, rows_of
from batchops.run.index import refresh_index
from batchops.run.inputs import find
from batchops.run.night import publish_night
from batchops.run.outcome import AS_USUAL, Observe, Options, Outcome, Reprocess, Span, silent
from batchops.settings import Settings
from batchops.store import Store

__all__ = ["Step", "backfill", "plan"]

Step = Literal["run", "run again", "check", "leave", "no input"]


def plan(
    job: LoadedJob, span: Span, settings: Settings, reprocess: Reprocess = "missing"
) -> tuple[tuple[Night, Step], ...]:
    """What a backfill would do with each night.

    A published night is checked, and run again only if its input has changed (``missing``), left alone (``failed``),
    or run again if its input has changed or that is forced (``all``). A night that is not published is run.
    """
    rows = rows_of(Store(settings.root), job.name)
    steps: dict[Reprocess, Step] = {"missing": "check", "failed": "leave", "all": "run again"}
    found: list[tuple[Night, Step]] = []
    for night in span[0].through(span[1]):
        if not find(job.job.source, night, job.project):
            found.append((night, "no input"))
        else:
            found.append((night, "run" if newest(rows, night, "score") is None else steps[reprocess]))
    return tuple(found)


def backfill(
    job: LoadedJob, span: Span, settings: Settings, options: Options = AS_USUAL, observe: Observe = silent
) -> tuple[Outcome, ...]:
    """Run several nights, oldest first, under the model that the job names now.

    A night that fails does not stop the others: its outcome says so, and `batchops retry` takes it up again. What
    would stop all of them (a model that may not be used, a store that fails) is raised.
    """
    outcomes = []
    for night, step in plan(job, span, settings, options.reprocess):
        if step == "leave":
            continue
        # Only what was asked to run again may be forced.
        asked = options if step == "run again" else replace(options, force=False)
        try:
            outcomes.append(publish_night(job, night, settings, asked, observe))
        except ModelError:
            raise
        except (GateError, InputChanged) as error:
            outcomes.append(Outcome(job.name, str(night), "failed", error.exit_code, note=str(error)))
    refresh_index(Store(settings.root), job)
    return tuple(outcomes)
