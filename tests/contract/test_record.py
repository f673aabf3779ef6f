"""What the store keeps of a contract: once, readable for ever, under any name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandera.polars as pa
import pytest

from batchops import codec
from batchops.contract import Contract, compile_contract
from batchops.contract.content import FORMAT, content_of, digest_of
from batchops.contract.versions.record import read_content, record, recorded, require_unchanged, versions
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
    record(store, flights())
    with pytest.raises(ContractError, match="published with other content"):
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


class TestAnEditedContract:
    def test_is_refused_under_the_same_version_with_what_changed_and_what_to_do(self, store: Store) -> None:
        record(store, flights())
        with pytest.raises(ContractError) as caught:
            require_unchanged(store, flights(furthest=3000))
        assert caught.value.where.startswith("tests/contract/test_record.py:")
        assert caught.value.what == "Flights v4 was published with other content: distance.in_range narrowed"
        assert caught.value.remedy == (
            "Raise version to 5 in its Config.metadata; see `batchops contract diff Flights@4 Flights`"
        )

    def test_is_welcome_under_another_version(self, store: Store) -> None:
        record(store, flights())
        require_unchanged(store, flights(5, furthest=3000))
        require_unchanged(store, flights())

    def test_without_a_version_is_told_to_take_one(self, store: Store) -> None:
        record(store, flights(""))
        with pytest.raises(
            ContractError, match=r"Give it version 1 in its Config\.metadata; see .*Flights@unversioned"
        ):
            require_unchanged(store, flights("", furthest=3000))

    def test_is_not_told_to_take_a_version_that_is_taken(self, store: Store) -> None:
        for version in (4, 5, 6):
            record(store, flights(version))
        with pytest.raises(ContractError, match="Raise version to 7"):
            require_unchanged(store, flights(4, furthest=3000))

    def test_with_a_version_that_does_not_count_up_is_told_to_take_another(self, store: Store) -> None:
        record(store, flights("summer"))
        with pytest.raises(ContractError, match="Give it another version"):
            require_unchanged(store, flights("summer", furthest=3000))

    def test_names_three_changes_and_counts_the_others(self, store: Store) -> None:
        def made(most: int) -> Contract:
            class Model(pa.DataFrameModel):
                a: int = pa.Field(le=most)
                b: int = pa.Field(le=most)
                c: int = pa.Field(le=most)
                d: int = pa.Field(le=most)
                e: int = pa.Field(le=most)

            return compile_contract(Model)

        record(store, made(5))
        with pytest.raises(ContractError, match=r"a\.le widened, b\.le widened, c\.le widened, and 2 more"):
            require_unchanged(store, made(6))

    def test_in_words_alone_is_no_other_contract(self, store: Store) -> None:
        def made(words: str) -> Contract:
            class Model(pa.DataFrameModel):
                a: int = pa.Field(le=5, description=words)

                class Config:
                    metadata = {"version": 1, "owner": words}  # noqa: RUF012

            return compile_contract(Model)

        record(store, made("some"))
        require_unchanged(store, made("others"))

    def test_that_an_older_batchops_digested_otherwise_is_no_other_contract(self, store: Store) -> None:
        stored = codec.dump(content_of(flights())).replace(flights().digest.encode(), b"0" * 64)
        store.write("contracts/Flights/4.json", stored)
        require_unchanged(store, flights())


def test_a_file_of_the_first_format_is_read_and_nothing_of_it_is_lost() -> None:
    """It is evidence, and is never written anew: whatever is added later has a default."""
    data = (Path(__file__).parent / "contract_format_1.json").read_bytes()
    old = read_content("contract_format_1.json", data)
    assert (old.id, old.format, len(old.columns)) == ("Orders v4", 1, 7)
    assert digest_of(old) == old.digest
    written = json.loads(data)
    assert [rule.id for rule in old.rules] == [rule["id"] for rule in written["rules"]]
    assert [column.name for column in old.columns] == [column["name"] for column in written["columns"]]
