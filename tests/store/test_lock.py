import datetime as dt
import multiprocessing
import os
import signal
import threading
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import ExitStack
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from batchops.errors import LockHeld
from batchops.store import Store, lease
from tests.store.worlds import NIGHT

SPAWN = multiprocessing.get_context("spawn")
FOLDER = f"locks/j/{NIGHT}"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path))


def test_a_night_is_held_by_one_and_the_other_is_told_by_whom(store: Store) -> None:
    with lease(store, "j", NIGHT) as held:
        held.check()
        with (
            pytest.raises(LockHeld, match=f"process {os.getpid()} on .* since .* until") as caught,
            lease(store, "j", NIGHT),
        ):
            pass
        assert caught.value.exit_code == 75
        with lease(store, "j", NIGHT + 1), lease(store, "k", NIGHT):
            held.check()
    with lease(store, "j", NIGHT) as again:
        again.check()
    assert len(store.names(FOLDER)) == 1


def test_a_lease_is_given_back_whatever_happens(store: Store) -> None:
    with pytest.raises(ZeroDivisionError), lease(store, "j", NIGHT):
        _ = 1 / 0
    with lease(store, "j", NIGHT) as held:
        held.check()


def test_who_waits_gets_the_night_when_it_is_given_back(store: Store) -> None:
    with ExitStack() as holding, ThreadPoolExecutor(1) as pool:
        holding.enter_context(lease(store, "j", NIGHT))

        def wait() -> float:
            with lease(store, "j", NIGHT, wait=20):
                return time.monotonic()

        waiting = pool.submit(wait)
        time.sleep(0.3)
        assert not waiting.done()
        given_back = time.monotonic()
        holding.close()
        assert given_back <= waiting.result() < given_back + 5


def test_a_lease_is_renewed_for_as_long_as_it_is_held(store: Store) -> None:
    with lease(store, "j", NIGHT, expiry=0.8) as held:
        time.sleep(2)
        held.check()
        with pytest.raises(LockHeld), lease(store, "j", NIGHT):
            pass


def _hold_for_ever(root: str, told: Connection) -> None:
    with lease(Store(root), "j", NIGHT, expiry=1.5):
        told.send("held")
        time.sleep(600)


def test_the_night_of_a_killed_process_is_free_when_its_lease_has_run_out(store: Store) -> None:
    ours, theirs = SPAWN.Pipe()
    process = SPAWN.Process(target=_hold_for_ever, args=(store.root, theirs))
    process.start()
    assert ours.recv() == "held"
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    with pytest.raises(LockHeld, match=f"process {process.pid} "), lease(store, "j", NIGHT):
        pass
    with lease(store, "j", NIGHT, wait=20) as held:
        held.check()
    process.close()
    ours.close()
    theirs.close()


def abandoned(store: Store, number: int) -> None:
    """A lease whose holder died an hour ago."""
    past = (dt.datetime.now(dt.UTC) - dt.timedelta(hours=1)).isoformat()
    note = f'{{"token":"t","holder":"process 1 on gone","since":"{past}","until":"{past}","returned":false}}'
    store.write(f"{FOLDER}/{number:08}.json", note.encode())


def test_of_many_who_take_over_an_abandoned_lease_one_succeeds(store: Store) -> None:
    for number in range(1, 40, 4):
        abandoned(store, number)
        together, finished = threading.Barrier(6), threading.Barrier(6)

        def take(_: int, together: threading.Barrier = together, finished: threading.Barrier = finished) -> bool:
            together.wait()
            with ExitStack() as stack:
                try:
                    stack.enter_context(lease(store, "j", NIGHT))
                except LockHeld:
                    return False
                finally:
                    finished.wait()
                return True

        with ThreadPoolExecutor(6) as pool:
            assert sum(pool.map(take, range(6))) == 1


def test_a_holder_that_was_overtaken_is_told_at_its_next_step(store: Store) -> None:
    with lease(store, "j", NIGHT) as held:
        held.check()
        store.create(f"{FOLDER}/00000002.json", b"{}")
        with pytest.raises(LockHeld, match="the lease was lost"):
            held.check()


class Frozen(Store):
    """A store that does not renew: writing takes for ever, as in a process that was stopped."""

    def write(self, path: str, data: bytes) -> None:
        raise FileNotFoundError(f"{len(data)} bytes for {path}")


def test_a_holder_that_cannot_renew_stops_before_others_may_begin(store: Store) -> None:
    with lease(Frozen(store.root), "j", NIGHT, expiry=2) as held:
        held.check()
        time.sleep(1.6)
        with pytest.raises(LockHeld, match="the lease was lost"):
            held.check()
        with pytest.raises(LockHeld, match="works on this night"), lease(store, "j", NIGHT):
            pass
        time.sleep(0.5)
        with lease(store, "j", NIGHT) as other:
            other.check()


class Laggard(Store):
    """A store whose first look at a folder is answered from long ago."""

    def names(self, folder: str) -> list[str]:
        seen = super().names(folder)
        if (local := self.local("looked")) and not local.exists():
            local.touch()
            return ["00000001.json"]
        return seen


def test_a_runner_that_looked_long_ago_does_not_take_a_number_twice(store: Store) -> None:
    abandoned(store, 1)
    for _ in range(2):
        with lease(store, "j", NIGHT):
            pass
    assert store.names(FOLDER) == ["00000003.json"]
    with lease(store, "j", NIGHT) as held:
        with pytest.raises(LockHeld), lease(Laggard(store.root), "j", NIGHT):
            pass
        held.check()
    assert store.names(FOLDER) == ["00000004.json"]


def _count(root: str, times: int) -> None:
    path = Path(root) / "counter"
    for _ in range(times):
        with lease(Store(root), "j", NIGHT, wait=60) as held:
            number = int(path.read_text())
            time.sleep(0.005)
            held.check()
            path.write_text(str(number + 1))


def test_processes_that_race_for_a_night_never_hold_it_together(store: Store, tmp_path: Path) -> None:
    (tmp_path / "counter").write_text("0")
    with ProcessPoolExecutor(3, mp_context=SPAWN) as pool:
        for done in [pool.submit(_count, store.root, 6) for _ in range(3)]:
            done.result()
    assert (tmp_path / "counter").read_text() == "18"
