"""A contract that was edited and kept its version scores nothing, and what is not published freezes no contract."""

from __future__ import annotations

import pytest

from batchops.contract.versions.record import recorded, versions
from batchops.errors import ContractError
from batchops.run import night as nightly
from batchops.store import published
from batchops.train import train
from tests.flights import NAME, NIGHTS, Flights

CONTRACT = "schemas/flights.py"
EDIT = ("in_range=(80, 5000)", "in_range=(90, 5000)")
RAISE = ('"version": 1', '"version": 2')


def test_a_published_night_s_contract_is_kept(flights: Flights) -> None:
    assert versions(flights.store, "Flights") == ()
    flights.run()
    kept = recorded(flights.store, "Flights", "1")
    assert kept is not None
    assert kept.digest == flights.job.contract.digest


def test_an_edited_contract_scores_no_night_and_trains_no_model(flights: Flights) -> None:
    flights.run()
    flights.edit(CONTRACT, EDIT)
    refused = r"Flights v1 was published with other content: distance\.in_range narrowed\. Raise version to 2"
    with pytest.raises(ContractError, match=refused) as caught:
        flights.run(NIGHTS[0])
    assert caught.value.exit_code == 2
    assert caught.value.where.startswith(f"{CONTRACT}:")
    assert published(flights.store, NAME, NIGHTS[0]) is None
    with pytest.raises(ContractError, match="published with other content"):
        train(flights.job, flights.settings)
    assert flights.run().state == "up to date"


def test_an_edited_contract_with_a_new_version_goes_on_and_both_are_kept(flights: Flights) -> None:
    flights.run()
    flights.edit(CONTRACT, EDIT, RAISE)
    assert flights.run(NIGHTS[0]).exit_code in (0, 3)
    assert versions(flights.store, "Flights") == ("1", "2")


def test_a_night_that_was_never_published_freezes_no_contract(
    flights: Flights, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fall(*_: object) -> None:
        raise RuntimeError

    with monkeypatch.context() as broken:
        broken.setattr(nightly, "put_out", fall)
        with pytest.raises(RuntimeError):
            flights.run()
    assert versions(flights.store, "Flights") == ()
    flights.edit(CONTRACT, EDIT)
    assert flights.run().state in ("published", "flagged")


def test_labels_of_a_night_judge_by_the_contract_as_it_is(flights: Flights) -> None:
    flights.run()
    flights.edit(CONTRACT, EDIT)
    assert flights.join().exit_code in (0, 3)
