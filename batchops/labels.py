"""Join labels to published scores, night by night, and judge each night again by what came true."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from zoneinfo import ZoneInfo

import polars as pl

from batchops import codec
from batchops.audit import LABEL, tally
from batchops.errors import GateError, InputChanged, LockHeld, ModelError
from batchops.job import LoadedJob
from batchops.models import resolve
from batchops.partition import Night
from batchops.run.clock import Clock
from batchops.run.document import Made, Tonight
from batchops.run.history import LOOK_BACK, healthy, load_audit, newest, past, past_of, rows_of, window, year_ago
from batchops.run.index import latest_document, refresh_index
from batchops.run.outcome import AS_USUAL, Observe, Options, Outcome, Progress, Span, silent
from batchops.run.paper import put_out, taken_up
from batchops.run.publish import recover
from batchops.run.reference import reference_of, require_task, yardstick_of
from batchops.run.truth import join_truth, read_truth, unknown_classes
from batchops.settings import Settings
from batchops.stats import AGE, Quality
from batchops.store import Lease, Staging, Store, lease, read_scores

__all__ = ["join_labels"]


def join_labels(
    job: LoadedJob, span: Span, settings: Settings, options: Options = AS_USUAL, observe: Observe = silent
) -> tuple[Outcome, ...]:
    """Recompute the quality of every published night from its scores and all its labels, oldest first.

    A night whose labels have not changed is up to date; one that is not published, or has no label yet, is not ready.

    Raises:
        JobError: The job has no labels, or they lack a column; or a night was scored for another task.
        ModelError: A night's model may not be used.
        StoreError: The store failed.
    """
    outcomes = []
    store, nights = Store(settings.root), tuple(span[0].through(span[1]))
    for done, night in enumerate(nights):
        observe(Progress("labels", str(night), done, len(nights)))
        try:
            with lease(store, job.name, night, options.wait) as held:
                outcome = _join(job, night, settings, options, held)
        except LockHeld as error:
            outcome = Outcome(job.name, str(night), "locked", error.exit_code, note=str(error))
        except ModelError:
            raise
        except (GateError, InputChanged) as error:
            outcome = Outcome(job.name, str(night), "failed", error.exit_code, note=str(error))
        outcomes.append(outcome)
    if any(outcome.state != "not ready" for outcome in outcomes):
        # Of several nights the newest has often no label yet: that is no failure of the others.
        outcomes = [replace(each, exit_code=0) if each.state == "not ready" else each for each in outcomes]
    if any(outcome.run_id is not None for outcome in outcomes):
        refresh_index(store, job)
    return tuple(outcomes)


def _dated(quality: Quality, joined: pl.DataFrame, read: dt.date) -> Quality:
    """With the age of the newest label; where labels have no day of their own, with their age when they were read."""
    known = joined.filter(pl.col(LABEL).is_not_null())
    newest = known.select(pl.col(AGE).max()).item() if AGE in joined.columns else None
    return Quality(
        {
            night: replace(part, label_age=max((read - Night.parse(night).date).days, 0) if newest is None else newest)
            for night, part in quality.nights.items()
        }
    )


def _join(job: LoadedJob, night: Night, settings: Settings, options: Options, held: Lease) -> Outcome:
    clock, store = Clock(), Store(settings.root)
    recovered = recover(store, job.name, night)
    rows = rows_of(store, job.name, night - LOOK_BACK, night)
    score, before = newest(rows, night, "score"), newest(rows, night, "labels")
    stored = load_audit(store, rows, night)
    if score is None or stored is None:
        return Outcome(job.name, str(night), "not ready", 75, note=f"night {night} is not published: run it first")
    truth = read_truth(job, night, settings.threads)
    if truth is None:
        return Outcome(job.name, str(night), "not ready", 75, note=f"night {night}: no label has come yet")
    key = codec.digest([score.key, score.run_id, [found.fingerprint.sha256 for found in truth.inputs]])
    staging = Staging(store, job.name, night, key)
    if staging.folder in recovered:
        return taken_up(store, recovered[staging.folder])
    if before is not None and before.key == key:
        folder = store.uri(before.run_folder)
        return Outcome(
            job=job.name,
            night=str(night),
            state="up to date",
            exit_code=0,
            run_id=before.run_id,
            report=f"{folder}/report.html",
            audit=f"{folder}/audit.json",
        )
    version = resolve(store, score.model)
    require_task(job, version)
    reference = reference_of(store, version, job.contract.pii)
    with clock.stage("join"):
        joined, unmatched = join_truth(read_scores(store, job.name, night), truth, job.job.key)
        classes = reference.quality.classes
        unknown = unknown_classes(joined, classes) if classes else {}
        counted = tally(joined, str(night), yardstick_of(job, reference))
        quality = _dated(counted, joined, clock.started.astimezone(ZoneInfo(job.job.timezone)).date())
    scored = latest_document(store, score)
    tonight = Tonight(
        night=night,
        kind="labels",
        run_id=staging.begin(clock.name_run()),
        key=key,
        audit=replace(stored.audit, quality=quality, receipts=scored.run.partitions),
        earlier=window(store, rows, night, job.job.window, version),
        history=past(rows, night),
        recent=healthy(store, rows, night, version, job.job.policy.exceptional),
        year_ago=year_ago(store, rows, night, version),
        truth=truth,
        unmatched=unmatched,
        unknown=unknown,
        released=scored.rows.released,
        published=past_of(score.past),
        references=scored.provenance.references,
    )
    made = Made(job, version, reference, settings, clock, held, None, options.fail_on_warn)
    return put_out(made, tonight, staging)
