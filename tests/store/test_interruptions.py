"""A process that dies at any lasting step, and a second that completes its work."""

from pathlib import Path

import pytest

from batchops import ledger
from batchops.store import (
    Publication,
    Staging,
    Store,
    lease,
    metrics,
    publish_scores,
    published,
    read_scores,
    record_metrics,
    record_run,
    runs,
)
from tests.store.worlds import NIGHT, Life, Mortal, Stopped, leases_run_out, metric_row, run_row, scores


def night(store: Store, proposed: str) -> None:
    """All that a run does to its store."""
    with lease(store, "j", NIGHT):
        if published(store, "j", NIGHT) is None:
            staging = Staging(store, "j", NIGHT, "k" * 64)
            run_id = staging.begin(proposed)
            for part in "pq":
                if staging.get(part) is None:
                    scores(store, run_id, part=part)
                    staging.put(part, b"done")
            files = [scores(store, run_id, part=part) for part in "pq"]
            publish_scores(store, "j", NIGHT, files, Publication(run_id, "k" * 64))
        run_id = str(published(store, "j", NIGHT))
        store.write("draft/audit.json", b"{}")
        if not store.exists(f"runs/j/{NIGHT}/{run_id}"):
            store.move("draft", f"runs/j/{NIGHT}/{run_id}")
        store.delete("draft")
        record_run(store, run_row(run_id=run_id))
        record_metrics(store, "j", NIGHT, "score", [metric_row("a", run_id)])
        ledger.append(store, "j", "run", {"run_id": run_id})
        Staging(store, "j", NIGHT, "k" * 64).clear()


def outcome(store: Store) -> tuple[object, ...]:
    run_id = published(store, "j", NIGHT)
    return (
        read_scores(store, "j", NIGHT).sort("flight").rows(),
        [run_id] == runs(store)["run_id"].to_list() == metrics(store, "j")["run_id"].to_list(),
        store.names(f"runs/j/{NIGHT}") == [run_id],
        [record.subject["run_id"] for record in ledger.records(store, "j")] == [run_id],
        ledger.verify(store, "j").records,
        store.names(f"staging/j/{NIGHT}"),
        store.names("draft"),
    )


def test_a_run_that_dies_at_any_step_is_completed_by_the_next(tmp_path: Path) -> None:
    whole = Mortal(str(tmp_path / "whole"))
    night(whole, "r1")
    expected, steps = outcome(whole), list(whole.life.steps)
    assert len(steps) > 15
    for number, step in enumerate(steps):
        store = Store(str(tmp_path / str(number)))
        with pytest.raises(Stopped):
            night(Mortal(store.root, life=Life(number)), "r1")
        leases_run_out(tmp_path / str(number))
        night(store, "r2")
        found = outcome(store)
        assert found == expected, f"died before step {number}, {step}"
