import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from batchops import codec, ledger
from batchops.errors import LedgerBroken
from batchops.store import Store

FOLDER = "ledger/j"


@pytest.fixture(params=["folder", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    return Store(str(tmp_path) if request.param == "folder" else f"memory://{tmp_path.name}")


def chain(store: Store, length: int = 5) -> list[str]:
    return [ledger.append(store, "j", "run", {"run_id": f"r{n}", "rows": n, "share": 0.5}) for n in range(length)]


def test_an_empty_ledger_is_sound_and_has_no_head(store: Store) -> None:
    assert ledger.verify(store, "j") == ledger.Verified(0, None)
    assert ledger.head(store, "j") is None
    assert list(ledger.records(store, "j")) == []


def test_each_record_holds_the_digest_of_the_one_before(store: Store) -> None:
    digests = chain(store)
    found = list(ledger.records(store, "j"))
    assert [record.digest for record in found] == digests
    assert [record.previous for record in found] == ["0" * 64, *digests[:-1]]
    assert [record.number for record in found] == [1, 2, 3, 4, 5]
    assert found[2].subject == {"run_id": "r2", "rows": 2, "share": 0.5}
    assert found[2].time.endswith("+00:00")
    assert ledger.verify(store, "j") == ledger.Verified(5, digests[-1])
    assert ledger.head(store, "j") == digests[-1]


def test_a_run_is_recorded_once_of_each_kind(store: Store) -> None:
    chain(store)
    head = ledger.append(store, "j", "labels", {"run_id": "r1"})
    assert ledger.append(store, "j", "run", {"run_id": "r1", "rows": 99}) == head
    assert ledger.append(store, "j", "labels", {"run_id": "r1"}) == head
    assert ledger.verify(store, "j").records == 6


def test_what_has_no_run_is_recorded_every_time(store: Store) -> None:
    first, second = (ledger.append(store, "j", "alias", {"alias": "champion"}) for _ in range(2))
    assert first != second
    assert ledger.verify(store, "j").records == 2


def test_a_record_names_its_actor(store: Store) -> None:
    ledger.append(store, "j", "alias", {}, "ada")
    ledger.append(store, "j", "alias", {})
    first, second = (record.actor for record in ledger.records(store, "j"))
    assert first == "ada"
    assert "@" in second


def test_chains_of_jobs_are_their_own(store: Store) -> None:
    chain(store, 2)
    ledger.append(store, "k", "run", {"run_id": "r0"})
    assert (ledger.verify(store, "j").records, ledger.verify(store, "k").records) == (2, 1)


def test_a_kept_head_is_found_again_after_more_was_done(store: Store) -> None:
    kept = chain(store, 3)[-1]
    chain(store, 6)
    assert ledger.verify(store, "j", kept).records == 6
    assert ledger.verify(store, "j", kept[:12]).records == 6


def test_a_cut_end_shows_only_against_a_kept_head(store: Store) -> None:
    kept = chain(store)[-1]
    store.delete(f"{FOLDER}/{store.names(FOLDER)[-1]}")
    assert ledger.verify(store, "j").records == 4
    with pytest.raises(LedgerBroken, match="does not hold") as caught:
        ledger.verify(store, "j", kept)
    assert caught.value.exit_code == 3


def test_an_emptied_or_rewritten_ledger_shows_against_a_kept_head(store: Store) -> None:
    kept = chain(store)[-1]
    store.delete(FOLDER)
    with pytest.raises(LedgerBroken, match="does not hold"):
        ledger.verify(store, "j", kept)
    chain(store)
    assert ledger.verify(store, "j").records == 5
    with pytest.raises(LedgerBroken, match="does not hold"):
        ledger.verify(store, "j", kept)


@pytest.mark.parametrize("anchor", ["", "abc", "no digest at all"])
def test_an_anchor_that_is_no_digest_is_refused(store: Store, anchor: str) -> None:
    chain(store)
    with pytest.raises(LedgerBroken, match="does not hold"):
        ledger.verify(store, "j", anchor)


@pytest.mark.parametrize("gone", [0, 1, 3])
def test_a_missing_record_is_named(store: Store, gone: int) -> None:
    chain(store)
    store.delete(f"{FOLDER}/{store.names(FOLDER)[gone]}")
    with pytest.raises(LedgerBroken, match=f"record {gone + 1} is missing"):
        ledger.verify(store, "j")


def test_records_that_changed_places_are_named(store: Store) -> None:
    chain(store)
    second, fourth = (f"{FOLDER}/{store.names(FOLDER)[n]}" for n in (1, 3))
    data = store.read(second)
    store.write(second, store.read(fourth))
    store.write(fourth, data)
    with pytest.raises(LedgerBroken, match="was moved: it holds record 4") as caught:
        ledger.verify(store, "j")
    assert caught.value.where == store.uri(second)


def forged(record: ledger.Record, **changes: object) -> ledger.Record:
    """A record with other content and a digest that fits it."""
    plain = {name: getattr(record, name) for name in ledger.Record.__dataclass_fields__}
    return ledger.Record(**{**plain, **changes}).sealed()


@pytest.mark.parametrize("number", range(4))
def test_a_record_altered_with_its_digest_no_longer_carries_the_next(store: Store, number: int) -> None:
    chain(store)
    path = f"{FOLDER}/{store.names(FOLDER)[number]}"
    record = list(ledger.records(store, "j"))[number]
    store.write(path, codec.dump(forged(record, subject={"run_id": "r1", "rows": 0})))
    with pytest.raises(LedgerBroken, match="does not follow"):
        ledger.verify(store, "j")


def test_a_forged_extra_record_is_named(store: Store) -> None:
    chain(store)
    third = list(ledger.records(store, "j"))[2]
    extra = forged(third, previous="f" * 64)
    store.write(f"{FOLDER}/{extra.name}", codec.dump(extra))
    with pytest.raises(LedgerBroken):
        ledger.verify(store, "j")
    store.delete(f"{FOLDER}/{extra.name}")
    last = forged(third, number=6, previous=third.digest)
    store.write(f"{FOLDER}/{last.name}", codec.dump(last))
    with pytest.raises(LedgerBroken, match="does not follow"):
        ledger.verify(store, "j")


def test_a_file_that_is_no_record_is_named(store: Store) -> None:
    chain(store)
    store.write(f"{FOLDER}/README.txt", b"hello")
    with pytest.raises(LedgerBroken, match="does not belong"):
        ledger.verify(store, "j")


def test_an_altered_head_is_never_extended(store: Store) -> None:
    chain(store)
    path = f"{FOLDER}/{store.names(FOLDER)[-1]}"
    store.write(path, store.read(path).replace(b'"rows":4', b'"rows":5'))
    with pytest.raises(LedgerBroken, match="was altered"):
        ledger.append(store, "j", "run", {"run_id": "new"})
    with pytest.raises(LedgerBroken, match="was altered"):
        ledger.head(store, "j")


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_any_altered_byte_of_any_record_is_detected(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    store = Store(str(tmp_path_factory.getbasetemp() / "altered"))
    if ledger.verify(store, "j").records == 0:
        chain(store)
    path = f"{FOLDER}/{data.draw(st.sampled_from(store.names(FOLDER)))}"
    whole = store.read(path)
    place = data.draw(st.integers(0, len(whole) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda byte: byte != whole[place]))
    store.write(path, whole[:place] + bytes([byte]) + whole[place + 1 :])
    try:
        with pytest.raises(LedgerBroken):
            ledger.verify(store, "j")
    finally:
        store.write(path, whole)
    assert ledger.verify(store, "j").records == 5


def _append(root: str, writer: int) -> None:
    for number in range(20):
        ledger.append(Store(root), "j", "run", {"run_id": f"{writer} {number}"})


def test_four_processes_write_one_chain_that_never_forks(tmp_path: Path) -> None:
    with ProcessPoolExecutor(4, mp_context=multiprocessing.get_context("spawn")) as pool:
        for done in [pool.submit(_append, str(tmp_path), writer) for writer in range(4)]:
            done.result()
    store = Store(str(tmp_path))
    assert ledger.verify(store, "j").records == 80
    found = [str(record.subject["run_id"]) for record in ledger.records(store, "j")]
    assert sorted(found) == sorted(f"{writer} {number}" for writer in range(4) for number in range(20))
