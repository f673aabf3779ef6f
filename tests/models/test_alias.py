from __future__ import annotations

import json
from pathlib import Path
from threading import Thread

import pytest

from batchops.errors import DigestMismatch, ModelError, UnknownVersion, UsageError
from batchops.models import AliasChange, alias_history, aliases, register, resolve, set_alias
from batchops.store import Store
from tests.models.toys import draft, other


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(str(tmp_path))
    for actor in ("ann", "bob", "cay"):
        register(store, "toys", other(actor))
    return store


def change(number: int, alias: str = "champion") -> AliasChange:
    return AliasChange(alias, number, "ann@shop", "it is better", ("run-1", "run-2"))


def test_the_first_version_becomes_champion_and_later_ones_never_by_themselves(store: Store) -> None:
    assert aliases(store, "toys") == {"champion": 1}
    assert resolve(store, "toys@champion").manifest.actor == "ann"


def test_every_move_is_kept_with_who_and_why(store: Store) -> None:
    set_alias(store, "toys", change(2))
    set_alias(store, "toys", change(3, "challenger"))
    first, second, third = alias_history(store, "toys")
    assert (first.before, first.number, second.before, second.number) == (None, 1, 1, 2)
    assert (second.actor, second.reason, second.evidence) == ("ann@shop", "it is better", ("run-1", "run-2"))
    assert (third.alias, third.before) == ("challenger", None)
    assert aliases(store, "toys") == {"challenger": 3, "champion": 2}
    assert resolve(store, "toys@champion").number == 2


def test_saying_what_is_already_so_adds_nothing(store: Store) -> None:
    set_alias(store, "toys", change(2))
    assert set_alias(store, "toys", change(2)) == alias_history(store, "toys")[-1]
    assert len(alias_history(store, "toys")) == 2


def test_moves_made_at_once_all_stand_in_the_chain(store: Store) -> None:
    names = [f"a{n}" for n in range(6)]
    threads = [Thread(target=set_alias, args=(store, "toys", change(1, name))) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [record.index for record in alias_history(store, "toys")] == list(range(1, 8))
    assert aliases(store, "toys") == dict.fromkeys(["champion", *names], 1) | {"champion": 1}


@pytest.mark.parametrize("damage", ["altered", "removed", "renamed", "no record"])
def test_a_broken_chain_is_a_model_error(store: Store, damage: str) -> None:
    set_alias(store, "toys", change(2))
    set_alias(store, "toys", change(3))
    path = "models/toys/aliases/00000002.json"
    if damage == "altered":
        sealed = json.loads(store.read(path))
        sealed["record"]["number"] = 1
        store.write(path, json.dumps(sealed).encode())
    elif damage == "removed":
        store.delete(path)
    elif damage == "renamed":
        store.move(path, "models/toys/aliases/00000009.json")
    else:
        store.write(path, b"{}")
    with pytest.raises(ModelError, match="history of aliases was altered"):
        resolve(store, "toys@champion")


def test_an_alias_means_the_very_bytes_it_was_given(store: Store) -> None:
    before = resolve(store, "toys@2")
    set_alias(store, "toys", change(2))
    store.delete(before.folder)
    register(store, "elsewhere", draft())
    stranger = resolve(store, "elsewhere@1")
    store.move(stranger.folder, f"models/toys/0002-{stranger.digest[:8]}")
    with pytest.raises(DigestMismatch, match="not the version that became champion"):
        resolve(store, "toys@champion")


def test_an_alias_needs_a_name_a_version_and_a_reason(store: Store) -> None:
    with pytest.raises(UsageError, match="no alias"):
        set_alias(store, "toys", change(1, "7"))
    with pytest.raises(UnknownVersion, match="There is 1, 2, 3"):
        set_alias(store, "toys", change(4))
    with pytest.raises(UsageError, match="needs a reason"):
        set_alias(store, "toys", AliasChange("champion", 2, "ann", " "))
