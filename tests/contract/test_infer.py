from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from types import ModuleType
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, example, given, settings, strategies as st
from polars.testing.parametric import dataframes

from batchops.contract import Contract, compile_contract, evaluate
from batchops.contract.authoring.inferring import Survey, survey
from batchops.contract.authoring.proposing import propose
from batchops.contract.authoring.reading import open_files
from batchops.contract.authoring.writing import Draft, writable, write_module
from batchops.errors import ContractError

# Pandera warns of dtypes that it has no name for, and takes them.
pytestmark = pytest.mark.filterwarnings("ignore:.*support is not guaranteed")

PLAIN = [
    *(pl.Int8, pl.Int16, pl.Int32, pl.Int64, pl.UInt8, pl.UInt16, pl.UInt32, pl.UInt64, pl.Float32, pl.Float64),
    *(pl.Decimal, pl.Boolean, pl.String, pl.Categorical, pl.Enum, pl.Binary, pl.Date, pl.Time, pl.Datetime),
    *(pl.Duration, pl.Null),
]
WIDE = [pl.Int128, pl.UInt128, pl.Float16]
NESTED = [pl.List, pl.Array, pl.Struct]
"""polars' own strategy cannot make these of the widest integers."""


def look(*places: Path, key: Sequence[str] = ()) -> Survey:
    return survey(open_files([str(place) for place in places]), key)


def drafted(*places: Path, key: Sequence[str] = (), name: str = "Rows") -> Draft:
    return propose(look(*places, key=key), name)


def compiled(text: str, name: str = "Rows") -> Contract:
    """The contract of a module's text, as importing it gives it."""
    module = ModuleType("inferred")
    sys.modules[module.__name__] = module
    try:
        exec(compile(text, "inferred.py", "exec"), module.__dict__)
        return compile_contract(getattr(module, name))
    finally:
        del sys.modules[module.__name__]


def inferred(frame: pl.DataFrame, folder: Path, **options: Any) -> Contract:
    """The contract of a frame, and that it accepts every row of the frame."""
    path = folder / "rows.parquet"
    frame.write_parquet(path)
    draft = drafted(path, **options)
    contract = compiled(write_module("Rows.", [draft]))
    assert len(contract.rules) == draft.rules
    read = pl.read_parquet(path)
    fails = pl.Series([False] * read.height)
    night = evaluate(contract, read, {rule.id: fails for rule in contract.rules if rule.scope == "dataset"})
    assert night.accepted.height == read.height
    assert {id: tally for id, tally in night.tallies.rules.items() if tally.failed or tally.unknown} == {}
    return contract


def frames(dtypes: Sequence[Any]) -> st.SearchStrategy[pl.DataFrame]:
    return dataframes(max_cols=4, max_size=30, allow_null=True, allowed_dtypes=dtypes, allow_masked=False)


def can_be_promised(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.select(name for name, dtype in frame.schema.items() if writable(dtype))


FRAMES = st.one_of(frames([*PLAIN, *WIDE]), frames([*PLAIN, *NESTED]).map(can_be_promised)).filter(
    lambda frame: frame.width
)


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(frame=FRAMES)
@example(frame=pl.DataFrame({"x": []}, schema={"x": pl.Int64}))
@example(frame=pl.DataFrame({"x": [2**53 + 1, 2**63 - 1, -(2**63)]}))
@example(frame=pl.DataFrame({"x": pl.Series([0, 2**128 - 1], dtype=pl.UInt128)}))
@example(frame=pl.DataFrame({"x": pl.Series([-(2**127), 2**127 - 1], dtype=pl.Int128)}))
@example(frame=pl.DataFrame({"x": [float("nan")] * 3}))
@example(frame=pl.DataFrame({"x": [float("nan"), -0.0, 0.0, float("inf"), None]}))
@example(frame=pl.DataFrame({"x": [-float("inf"), 1e300]}))
@example(
    frame=pl.DataFrame(
        {"x": pl.Series([0.1, 65504.0], dtype=pl.Float16), "y": pl.Series([0.1, 3e38], dtype=pl.Float32)}
    )
)
@example(frame=pl.DataFrame({"x": [None, None]}, schema={"x": pl.Null}))
@example(
    frame=pl.DataFrame({"größe": ["ä", "漢字", ""] * 20, "class": [1, 2, 9] * 20, "a b": [None, "x\n\"'\\", "y"] * 20})
)
@example(frame=pl.DataFrame({"x": pl.Series([[1, 2], None], dtype=pl.Array(pl.Int8, 2))}))
@example(frame=pl.DataFrame({"x": pl.Series([Decimal("0.10"), Decimal("-9.99")], dtype=pl.Decimal(10, 2))}))
@example(
    frame=pl.DataFrame(
        {"int": [1, 5] * 30, "str": ["a", "b"] * 30, "pl": [1.5, 2.5] * 30, "validate": [True, None] * 30}
    )
)
def test_a_contract_accepts_every_row_that_it_was_inferred_from(frame: pl.DataFrame, tmp_path: Path) -> None:
    inferred(frame, tmp_path)


def rows(**columns: Any) -> pl.DataFrame:
    """Orders: an id, a code of three, a measure, personal data."""
    number = pl.int_range(200)
    return pl.select(
        order_id=number + 1000,
        country=pl.lit(pl.Series(["DE", "FR", "IT", "DE"] * 50)),
        amount=(number % 97).cast(pl.Float64) / 4,
        contact=pl.format("buyer{}@example.org", number),
        placed=pl.date(2025, 6, 1) + pl.duration(days=number % 30),
    ).with_columns(**columns)


def text_of(frame: pl.DataFrame, folder: Path, **options: Any) -> str:
    frame.write_parquet(folder / "rows.parquet")
    return write_module("Rows.", [drafted(folder / "rows.parquet", **options)])


def test_a_module_reads_as_a_person_would_write_it(tmp_path: Path) -> None:
    assert (
        text_of(rows(), tmp_path).partition("class Rows")[2]
        == '''(pa.DataFrameModel):
    """Rows, inferred from 200 rows in 1 file."""

    order_id: int = pa.Field(ge=1, metadata={"role": "key"})
    country: str = pa.Field(isin=["DE", "FR", "IT"])
    amount: float = pa.Field(in_range=(0.0, 24.0))
    # Personal data, to judge by values like email addresses.
    contact: str = pa.Field(metadata={"pii": True})
    # Seen from 2025-06-01 to 2025-06-30.
    placed: pl.Date = pa.Field()

    class Config:
        """What holds for the contract as a whole."""

        metadata = {"name": "Rows", "version": 1}
'''
    )


@pytest.mark.parametrize(
    ("column", "said"),
    [
        (pl.Series(range(2**53 + 1, 2**53 + 201)), "in_range=(9_007_199_254_740_993, 9_007_199_254_741_192)"),
        (pl.Series([10, 20, 40, 80] * 50), "isin=[10, 20, 40, 80]"),
        (pl.Series([1, 2, 3, 4] * 50), "in_range=(1, 4)"),
        (pl.Series([1.5, float("nan")] * 100), "nullable=True, ge=1.5)"),
        (pl.Series([0.0, float("inf")] * 100), "pa.Field(ge=0.0)"),
        (pl.Series([f"AB{n:04}" for n in range(200)]), 'str_matches="[A-Z0-9]{6}$"'),
        (pl.Series([f"{n:05}" for n in range(200)]), 'str_matches="[0-9]{5}$"'),
        (pl.Series([f"ä{n:03}" for n in range(200)]), 'str_length={"min_value": 4, "max_value": 4}'),
        (pl.Series(["short", "longer", None, "text"] * 50), 'nullable=True, isin=["longer", "short", "text"]'),
        (pl.Series([f"note {n}" for n in range(200)]), "str = pa.Field()"),
        (pl.Series([None] * 200, dtype=pl.Null), "pl.Null = pa.Field(nullable=True)"),
        (
            pl.Series(["a", "b"] * 100, dtype=pl.Enum(["a", "b", "c"])),
            'Annotated[pl.Enum, ["a", "b", "c"]] = pa.Field()',
        ),
        (pl.Series(["a", "b"] * 100, dtype=pl.Categorical), 'pl.Categorical = pa.Field(isin=["a", "b"])'),
        (pl.Series([dt.datetime(2025, 6, 1, tzinfo=dt.UTC)] * 200), 'Annotated[pl.Datetime, "us", "UTC"] = pa.Field()'),
        (pl.Series([[1, 2]] * 200), "Annotated[pl.List, pl.Int64] = pa.Field()"),
        (pl.Series([{"a": 1}] * 200), 'Annotated[pl.Struct, {"a": pl.Int64}] = pa.Field()'),
    ],
)
def test_a_column_is_written_with_what_it_holds(column: pl.Series, said: str, tmp_path: Path) -> None:
    frame = rows(x=column)
    assert said in text_of(frame, tmp_path)
    inferred(frame, tmp_path)


def test_the_key_is_the_smallest_that_is_unique_in_every_night(tmp_path: Path) -> None:
    for night in ("2025-06-01", "2025-06-02"):
        folder = tmp_path / f"night={night}"
        folder.mkdir()
        frame = pl.DataFrame({"shop": ["a", "b"] * 50, "till": [n // 2 for n in range(100)], "sum": [1.5] * 100})
        frame.write_parquet(folder / "x.parquet")
    seen = look(tmp_path)
    assert (seen.key.columns, seen.key.repeated, seen.nights) == (
        ("shop", "till"),
        0,
        {"2025-06-01": 100, "2025-06-02": 100},
    )
    assert drafted(tmp_path).config["metadata"]["rows"] == (50, 200)
    given = look(tmp_path, key=["till"]).key
    assert (given.columns, given.repeated, given.given) == (("till",), 100, True)


def test_a_key_of_a_sample_that_repeats_further_on_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("batchops.contract.authoring.finding_keys.SAMPLE", 100)
    monkeypatch.setattr("batchops.contract.authoring.finding_keys.BUCKET", 64)
    pl.DataFrame({"x": [*range(200), 0], "y": [*range(150), *range(51)]}).write_parquet(tmp_path / "x.parquet")
    assert look(tmp_path).key.columns == ("x", "y")
    assert look(tmp_path, key=["x"]).key.repeated == 1
    assert look(tmp_path, key=["y"]).key.repeated == 51


def test_few_rows_name_no_key_but_their_first_column(tmp_path: Path) -> None:
    pl.DataFrame({"a": [1, 1], "b": [1, 2]}).write_parquet(tmp_path / "x.parquet")
    assert look(tmp_path).key.columns == ()


def test_codes_that_the_sample_did_not_show_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("batchops.contract.authoring.inferring.SAMPLE_ROWS", 50)
    late = pl.DataFrame({"x": [*["a", "b"] * 100, "c"], "y": [*["a", "b"] * 80, *(f"z{n}" for n in range(41))]})
    late.write_parquet(tmp_path / "x.parquet")
    assert {seen.name: seen.values for seen in look(tmp_path).columns} == {"x": ("a", "b", "c"), "y": ()}
    inferred(late, tmp_path)


PERSONAL: dict[str, list[Any]] = {
    "email": ["a"],
    "customerFirstName": ["Ann"],
    "name": ["Ann"],
    "birth_date": [dt.date(1990, 1, 1)],
    "Phone": [491701234567],
    "client_ip": ["x"],
    "holder": [{"surname": "Poe"}],
    "contact": ["ann@example.org"],
    "account": ["DE89 3704 0044 0532 0130 00"],
    "seen_from": ["192.168.0.1"],
    "call_me": ["+49 170 1234567"],
}


@pytest.mark.parametrize("name", PERSONAL)
def test_no_value_of_likely_personal_data_is_written(name: str, tmp_path: Path) -> None:
    frame = rows(**{name: pl.Series(PERSONAL[name] * 200)})
    text = text_of(frame, tmp_path)
    contract = inferred(frame, tmp_path)
    assert name in contract.pii
    assert [rule.id for rule in contract.rules if rule.columns == (name,)] == [f"{name}.not_null"]
    assert [value for value in ('Ann"', "Poe", "1990", "170", "DE89", "192", "ann@") if value in text] == []


@pytest.mark.parametrize(
    "name", ["product_name", "tailnum", "emailed", "description", "zip", "shipped", "order_number"]
)
def test_what_is_not_personal_is_not_taken_for_it(name: str, tmp_path: Path) -> None:
    rows(**{name: pl.Series(["a", "b"] * 100)}).write_parquet(tmp_path / "x.parquet")
    assert [seen.name for seen in look(tmp_path).columns if seen.personal] == ["contact"]


def test_an_enum_of_personal_data_is_promised_as_text(tmp_path: Path) -> None:
    frame = rows(surname=pl.Series(["Poe", "Lee"] * 100, dtype=pl.Enum(["Poe", "Lee"])))
    assert "Poe" not in text_of(frame, tmp_path)
    assert inferred(frame, tmp_path).schema["surname"] == pl.String


def test_files_of_other_columns_and_dtypes_make_one_contract(tmp_path: Path) -> None:
    pl.DataFrame({"x": [1, 2], "y": ["a", "b"], "z": [None, None]}).write_parquet(tmp_path / "a.parquet")
    pl.DataFrame({"x": pl.Series([3], dtype=pl.Int16), "z": [0.5]}).write_parquet(tmp_path / "b.parquet")
    contract = compiled(write_module("Rows.", [drafted(tmp_path)]))
    assert contract.schema == {"x": pl.Int64, "y": pl.String, "z": pl.Float64}
    assert [(column.required, column.nullable) for column in contract.columns] == [
        (True, False),
        (False, False),
        (True, True),
    ]
    for path in sorted(tmp_path.glob("*.parquet")):
        assert evaluate(contract, pl.read_parquet(path)).quarantined.is_empty()


def test_a_column_that_no_dtype_can_hold_names_two_files(tmp_path: Path) -> None:
    pl.DataFrame({"x": [1]}).write_parquet(tmp_path / "a.parquet")
    pl.DataFrame({"x": ["secret"]}).write_parquet(tmp_path / "b.parquet")
    with pytest.raises(ContractError, match=r"Int64 in .*a\.parquet and String in .*b\.parquet") as caught:
        look(tmp_path)
    assert "secret" not in str(caught.value)


def test_integers_that_a_float_would_change_are_not_read_as_one(tmp_path: Path) -> None:
    pl.DataFrame({"x": [2**53 + 1]}).write_parquet(tmp_path / "a.parquet")
    pl.DataFrame({"x": [0.5]}).write_parquet(tmp_path / "b.parquet")
    with pytest.raises(ContractError, match="neither can be read as the other"):
        look(tmp_path)
    pl.DataFrame({"x": [2**53]}).write_parquet(tmp_path / "a.parquet")
    assert look(tmp_path).columns[0].dtype == pl.Float64


def test_a_csv_is_read_as_polars_reads_it_with_every_row_deciding(tmp_path: Path) -> None:
    lines = ["id,when,price,note", *(f"{n},2025-06-{n % 30 + 1:02},{n},x" for n in range(2000)), "2000,2025-06-01,0.5,"]
    path = tmp_path / "orders.csv"
    path.write_text("\n".join(lines))
    contract = compiled(write_module("Rows.", [drafted(path)]))
    assert contract.schema == {"id": pl.Int64, "when": pl.Date, "price": pl.Float64, "note": pl.String}
    assert contract.key == ("id",)
    read = pl.read_csv(path, try_parse_dates=True, infer_schema_length=None)
    assert evaluate(contract, read, {"key.unique": pl.Series([False] * 2001)}).quarantined.is_empty()


@pytest.mark.parametrize(
    ("files", "spec", "said"),
    [
        ({}, ".", "names no data"),
        ({}, "no*.parquet", "names no data"),
        ({"a.parquet": b"PAR1 no"}, "a.parquet", r"a\.parquet: cannot be read as parquet"),
        ({"a.csv": b""}, "a.csv", r"a\.csv: cannot be read as CSV"),
        ({"a.txt": b"x"}, "a.txt", "neither parquet nor CSV"),
        ({"a.csv": b"x,*\n1,2\n"}, "a.csv", r"column '\*': has a name that stands for other columns"),
    ],
)
def test_what_cannot_be_read_is_named(
    files: dict[str, bytes], spec: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    with pytest.raises(ContractError, match=said):
        survey(open_files([spec]))


def test_a_file_that_is_cut_in_the_middle_is_named(tmp_path: Path) -> None:
    for name in ("a", "b"):
        rows().write_parquet(tmp_path / f"{name}.parquet", compression="zstd")
    content = bytearray((tmp_path / "b.parquet").read_bytes())
    content[8:400] = bytes(392)
    (tmp_path / "b.parquet").write_bytes(bytes(content))
    with pytest.raises(ContractError, match=r"b\.parquet: cannot be read as parquet"):
        look(tmp_path)


def test_no_columns_is_an_error(tmp_path: Path) -> None:
    pl.DataFrame().write_parquet(tmp_path / "a.parquet")
    with pytest.raises(ContractError, match="has no columns"):
        look(tmp_path)


def test_an_array_that_pandera_cannot_promise_is_left_out_and_said(tmp_path: Path) -> None:
    pl.DataFrame({"x": [1], "y": pl.Series([[[1], [2]]], dtype=pl.Array(pl.Int8, (2, 1)))}).write_parquet(
        tmp_path / "a.parquet"
    )
    text = write_module("Rows.", [drafted(tmp_path)])
    assert "# 'y' is left out: Pandera cannot promise Array(Int8, shape=(2, 1))." in text
    assert compiled(text).schema == {"x": pl.Int64}


def test_an_unknown_key_is_named_with_the_nearest_column(tmp_path: Path) -> None:
    rows().write_parquet(tmp_path / "a.parquet")
    with pytest.raises(ContractError, match="Did you mean order_id"):
        look(tmp_path, key=["orderid"])
