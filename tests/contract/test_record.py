"""What the store keeps of a contract: once, readable for ever, under any name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandera.polars as pa
import pytest

from batchops import codec
from batchops.contract import Contract, compile_contract
from batchops.contract.content import FORMAT, content_of
from batchops.contract.record import record, recorded, versions
from batchops.errors import ContractError
from batchops.store import Store


def flights(version: Any = 4, name: str = "Flights", furthest: float = 5000) -> Contract:
    class Model(pa.DataFrameModel):
        distance: float = pa.Field(in_range=(80, furthest), metadata={"unit": "mi"})

        class Config:
            metadata = {"name": name, "version": version}  # noqa: RUF012

    return compile_contract(Model)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path))


def test_what_was_recorded_is_read_as_it_was(store: Store) -> None:
    record(store, flights(furthest=float("inf")))
    assert recorded(store, "Flights", "4") == content_of(flights(furthest=float("inf")))


def test_another_version_is_not_there(store: Store) -> None:
    record(store, flights())
    assert recorded(store, "Flights", "5") is None
    assert recorded(store, "Trains", "4") is None


def test_the_first_content_of_a_version_stays(store: Store) -> None:
    record(store, flights())
    record(store, flights(furthest=3000))
    assert recorded(store, "Flights", "4") == content_of(flights())


def test_versions_come_in_natural_order(store: Store) -> None:
    for version in (10, 9, "", "1.2.10", "1.2.9"):
        record(store, flights(version))
    assert versions(store, "Flights") == ("", "1.2.9", "1.2.10", "9", "10")
    assert versions(store, "Trains") == ()


@pytest.mark.parametrize("text", ["../../etc", "..", ".", "a/b", "draft 2024/07 (é)", "4%2F", ".hidden"])
def test_any_text_is_a_name_and_a_version_within_the_folder(store: Store, tmp_path: Path, text: str) -> None:
    record(store, flights(text, text))
    assert recorded(store, text, text) == content_of(flights(text, text))
    assert versions(store, text) == (text,)
    (file,) = (path for path in tmp_path.rglob("*") if path.is_file())
    assert file.parent.parent == tmp_path / "contracts"


def test_a_higher_format_is_refused_even_where_it_has_other_fields(store: Store) -> None:
    store.write("contracts/Flights/4.json", codec.dump({"format": FORMAT + 1, "rules": "elsewhere"}))
    with pytest.raises(ContractError, match=f"has format {FORMAT + 1}") as caught:
        recorded(store, "Flights", "4")
    assert caught.value.where.endswith("contracts/Flights/4.json")


def test_a_field_of_a_newer_version_of_the_same_format_is_passed_over(store: Store) -> None:
    stored = codec.dump(content_of(flights())).replace(b'{"columns"', b'{"colour":"blue","columns"')
    store.write("contracts/Flights/4.json", stored)
    assert recorded(store, "Flights", "4") == content_of(flights())


@pytest.mark.parametrize("damaged", [b"", b"{", b"[]", b'{"name": "Flights"}'])
def test_a_damaged_record_is_named(store: Store, damaged: bytes) -> None:
    store.write("contracts/Flights/4.json", damaged)
    with pytest.raises(ContractError, match="no stored contract"):
        recorded(store, "Flights", "4")
