"""A model that may not be used, a store that cannot be written, a name that is not there: an exit code and a remedy."""

from __future__ import annotations

import io
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from batchops.errors import DigestMismatch, GoldenMismatch, MissingReference, ModelError, StoreError, UsageError
from batchops.models import loading, resolve
from batchops.run import reference
from batchops.store import published
from tests.cli.calls import here
from tests.flights import LAST, NAME, NIGHT, NIGHTS, Flights, rows_in

JOB = f"jobs/{NAME}.py"


@pytest.fixture(autouse=True)
def new_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is in memory that another night has loaded."""
    monkeypatch.setattr(loading, "_loaded", {})
    monkeypatch.setattr(reference, "_references", {})


def golden(flights: Flights) -> bytes:
    """The champion's golden rows, with scores that are another model's."""
    champion = resolve(flights.store, f"{NAME}@champion")
    rows = pl.read_parquet(io.BytesIO(flights.store.read(f"{champion.folder}/golden.parquet")))
    buffer = io.BytesIO()
    rows.with_columns(pl.col("_expected") * 0.9).write_parquet(buffer)
    return buffer.getvalue()


def spoil(flights: Flights, how: str) -> None:
    champion = resolve(flights.store, f"{NAME}@champion")
    if how.endswith("corrupted"):
        path = f"{champion.folder}/{'model.skops' if how == 'model corrupted' else 'reference.audit'}"
        data = bytearray(flights.store.read(path))
        data[len(data) // 2] ^= 1
        flights.store.write(path, bytes(data))
    elif how == "wrong digest":
        manifest = json.loads(flights.store.read(f"{champion.folder}/manifest.json"))
        flights.store.write(f"{champion.folder}/manifest.json", json.dumps({**manifest, "threshold": 0.1}).encode())
    elif how == "golden rows disagree":
        flights.promote({"golden.parquet": golden(flights)})
    elif how == "no reference":
        flights.promote({"reference.audit": None})
    elif how == "reference of another version":
        flights.promote({"reference.audit": b"something else"})
    elif how == "no model at all":
        flights.promote({"model.skops": b"no model"})


SPOILT = {
    "model corrupted": DigestMismatch,
    "reference corrupted": DigestMismatch,
    "wrong digest": DigestMismatch,
    "golden rows disagree": GoldenMismatch,
    "no reference": MissingReference,
    "reference of another version": MissingReference,
    "no model at all": ModelError,
}


@pytest.mark.parametrize("how", SPOILT)
def test_a_model_that_may_not_be_used_scores_nothing(flights: Flights, how: str) -> None:
    spoil(flights, how)
    with pytest.raises(SPOILT[how]) as refused:
        flights.run()
    assert refused.value.exit_code == 3
    assert published(flights.store, NAME, NIGHT) is None
    assert flights.runs() == ()
    assert not (flights.folder / "var/store/tables").exists()


def test_a_night_runs_again_when_its_model_is_restored(flights: Flights) -> None:
    path = flights.folder / "var/store" / resolve(flights.store, f"{NAME}@champion").folder / "model.skops"
    data = path.read_bytes()
    spoil(flights, "model corrupted")
    with pytest.raises(DigestMismatch):
        flights.run()
    flights.store.write(str(path.relative_to(flights.store.root)), data)
    assert rows_in(flights.run())[1] > 0


def test_what_is_not_there_is_a_mistake_with_a_nearest_name(flights: Flights) -> None:
    commands = {
        "Did you mean flights_delay?": ["run", "flights_dleay", "--date", str(NIGHT)],
        "is no date": ["run", NAME, "--date", "2013-07-32"],
        "2013-06-30 to 2013-07-03": ["run", NAME, "--date", "2013-12-24"],
    }
    done = dict(zip(commands, here(list(commands.values()), cwd=flights.folder), strict=True))
    assert [each.exit_code for each in done.values()] == [2, 2, 75]
    for said, each in done.items():
        assert said in each.stdout + each.stderr, each


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('model="flights_delay@champion"', 'model="flights_dely@champion"', "Did you mean flights_delay?"),
        ('model="flights_delay@champion"', 'model="flights_delay@champoin"', "Did you mean champion?"),
        ('model="flights_delay@champion"', 'model="flights_delay@7"', "version 7"),
        ('passthrough=("dest"', 'passthrough=("dst"', "Did you mean dest?"),
    ],
)
def test_a_job_that_names_what_is_not_there_asks_what_was_meant(
    flights: Flights, old: str, new: str, said: str
) -> None:
    flights.edit(JOB, (old, new))
    with pytest.raises(UsageError, match=re.escape(said)) as mistaken:
        flights.run()
    assert mistaken.value.exit_code == 2


@pytest.fixture
def disk(flights: Flights) -> Iterator[Path]:
    """A disk of 6 MB of its own for the store, with the models on it."""
    root = flights.folder / "var/store"
    kept = flights.folder / "var/kept"
    root.rename(kept)
    root.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", root], check=False, capture_output=True)
    if mounted.returncode:
        pytest.skip(f"no disk can be mounted here: {mounted.stderr.decode().strip()}")
    subprocess.run(["cp", "-r", f"{kept}/.", root], check=True)
    yield root
    subprocess.run(["umount", "-l", root], check=True)


def leave(disk: Path, room: int) -> None:
    """Fill a disk until so many bytes are free."""
    (disk / "ballast").unlink(missing_ok=True)
    status = subprocess.run(["df", "--output=avail", "-B1", disk], check=True, capture_output=True, text=True)
    free = int(status.stdout.split()[-1])
    (disk / "ballast").write_bytes(b"0" * max(0, free - room))


def test_a_full_disk_publishes_nothing_and_the_night_goes_on_when_there_is_room(flights: Flights, disk: Path) -> None:
    first = flights.run(NIGHTS[0])
    before = flights.scores(NIGHTS[0])
    failures = []
    # From no room at all to nearly enough: the disk fills at a different step each time.
    for room in range(0, 700_000, 50_000):
        leave(disk, room)
        try:
            flights.run()
        except StoreError as full:
            failures.append((full.exit_code, "no space left" in str(full)))
            assert flights.scores(NIGHTS[0]).equals(before)
        else:
            break
        # A lease that cannot even be given back runs out in a minute, which this test does not wait for.
        shutil.rmtree(disk / "locks")
    assert set(failures) == {(75, True)}
    assert len(failures) >= 3
    (disk / "ballast").unlink()
    outcome = flights.run()
    assert outcome.run_id is not None
    flights.join()
    assert flights.scores().height == flights.rows().height
    assert [run_id for _, run_id in flights.recorded()[:2]] == [first.run_id, outcome.run_id]
    assert flights.store.names(f"staging/{NAME}/{NIGHT}") == []


def test_a_store_that_may_not_be_written_is_a_mistake_in_the_settings(flights: Flights, disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    (done,) = here([["run", NAME, "--date", str(NIGHT)]], cwd=flights.folder)
    subprocess.run(["mount", "-o", "remount,rw", disk], check=True)
    assert done.exit_code == 2
    assert "read-only" in done.stderr
    assert done.stdout == ""


def test_a_root_below_a_file_is_a_mistake_in_the_settings(flights: Flights) -> None:
    root = flights.labels(LAST) / "store"
    (done,) = here([["run", NAME, "--date", str(NIGHT), "--root", str(root)]], cwd=flights.folder)
    assert done.exit_code == 2
    assert str(root) in done.stderr
