"""Put rows that were set aside back into their night: tried by today's contract, scored by the night's own model.

The night is published anew, as a new version of the scores: every file of before, byte for byte, under the new run's
name, and the released rows beside them (each row's ``run_id`` is that of the run which scored it). A death at any step
leaves the night as it was, or as it is to be, and the same command completes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from batchops import __version__, codec
from batchops.contract.versions.record import require_unchanged
from batchops.errors import GateError, InputNotReady, LockHeld
from batchops.job import LoadedJob
from batchops.partition import Night
from batchops.quarantine.choosing import Wish
from batchops.quarantine.putting import Place, carry, put_back
from batchops.quarantine.standing import Standing, standing
from batchops.quarantine.weighing import Case, Tried, Weighed, try_wish, weigh
from batchops.run.clock import Clock
from batchops.run.index import refresh_index
from batchops.run.outcome import AS_USUAL, Options, Outcome, State
from batchops.run.paper import issue, taken_up
from batchops.run.publish import recover
from batchops.settings import Settings
from batchops.store import Lease, Staging, Store, lease
from batchops.verdict import Severity

__all__ = ["Released", "release"]


@dataclass(frozen=True, slots=True)
class Released:
    """What became of a wish.

    Attributes:
        outcome: Of the night; ``up to date`` where nothing was released.
        held: Rows that were set aside before; None where they were not looked at.
        meant: Of those, the ones that the wish names.
        released: Of those, the ones that pass.
        still: Rule -> rows that are meant, stay aside and fail it; a row may fail several.
        labelled: Labels were joined to the scores of before, and have to be joined again.
        severity: Of the night with the released rows; None where none is released.
    """

    outcome: Outcome
    held: int | None = None
    meant: int = 0
    released: int = 0
    still: Mapping[str, int] = field(default_factory=dict)
    labelled: bool = False
    severity: Severity | None = None


def release(job: LoadedJob, night: Night, wish: Wish, settings: Settings, options: Options = AS_USUAL) -> Released:
    """Release rows of a published night that were set aside.

    Returns:
        What became of it; a night that is not published, or that another runner holds, is an outcome too.

    Raises:
        UsageError: The wish names a rule or row that is not there, or waives what nobody can answer for.
        ContractError: The contract was edited and kept the version that it was published under.
        GateError: The night would be withheld with these rows, the job has changed, or a file of the night was altered;
            nothing is released.
        ModelError: The model that scored the night may not be used.
        StoreError: The store failed; run the same command again.
    """
    store = Store(settings.root)
    try:
        if wish.dry_run:
            case = Case(job, night, wish, settings, standing(store, job, night))
            return _weighed(case, Clock(), None, options)[0]
        with lease(store, job.name, night, options.wait) as held:
            found = _release((job, night, wish, settings), store, options, held)
    except (LockHeld, InputNotReady) as error:
        state: State = "locked" if isinstance(error, LockHeld) else "not ready"
        return Released(Outcome(job.name, str(night), state, error.exit_code, note=str(error)))
    # Also where nothing was to do: the call before may have been stopped at this point.
    refresh_index(store, job)
    return found


def _release(asked: tuple[LoadedJob, Night, Wish, Settings], store: Store, options: Options, held: Lease) -> Released:
    job, night, wish, _ = asked
    clock, recovered = Clock(), recover(store, job.name, night)
    # The same command, given again, goes on where it stopped: whatever is published in between clears the staging.
    made_with = [job.digest, job.contract.digest, job.policy_digest, __version__]
    staging = Staging(store, job.name, night, codec.digest({"release": wish, "made with": made_with}))
    if staging.folder in recovered:
        return Released(taken_up(store, recovered[staging.folder]))
    case = Case(*asked, standing(store, job, night))
    found, tried, weighed = _weighed(case, clock, held, options)
    if weighed is None:
        return found
    place = Place(case.now.row, staging, staging.begin(clock.name_run()), job.contract.id)
    with clock.stage("partitions"):
        receipts = tuple(
            put_back(receipt, tried.partitions[name], weighed.scored[name], place)
            if (name := receipt.partition) in weighed.scored
            else carry(receipt, place)
            for receipt in case.now.receipts
        )
    tonight = replace(weighed.tonight, run_id=place.run_id, audit=replace(weighed.tonight.audit, receipts=receipts))
    return replace(found, outcome=issue(weighed.made, tonight, weighed.judged, staging))


def _weighed(case: Case, clock: Clock, held: Lease | None, options: Options) -> tuple[Released, Tried, Weighed | None]:
    """What would become of a wish, and the night with the rows that pass; nothing is written.

    Raises:
        GateError: The night would be withheld with them.
    """
    require_unchanged(case.now.store, case.job.contract)
    tried = try_wish(case)
    found = Released(
        _unchanged(case.now),
        tried.held,
        tried.meant,
        tried.passed,
        tried.still,
        bool(tried.passed) and case.now.labelled,
    )
    if not tried.passed:
        return found, tried, None
    weighed = weigh(case, tried, clock, held, options.fail_on_warn)
    verdict = weighed.judged.verdict
    if verdict.blocked:
        blocking = [f.id for f in verdict.findings if f.blocking and f.severity is Severity.FAIL]
        what = f"with these rows its scores would be withheld: {', '.join(blocking[:3])}"
        remedy = "Nothing was released. Release other rows, or change the limit that is in the way"
        raise GateError(f"{case.job.name}, night {case.night}", what, remedy)
    return replace(found, severity=verdict.severity), tried, weighed


def _unchanged(now: Standing) -> Outcome:
    """The night as it stands."""
    row, folder = now.row, now.store.uri(now.row.run_folder)
    report, audit = f"{folder}/report.html", f"{folder}/audit.json"
    return Outcome(row.job, str(row.night), "up to date", 0, run_id=row.run_id, report=report, audit=audit)
