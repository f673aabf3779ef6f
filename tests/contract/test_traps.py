"""Twelve traps of Pandera on polars: what it does today, so that a change is noticed, and what we do instead."""

from __future__ import annotations

import pickle
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pandera.polars as pa
import polars as pl
import pytest
from pandera.config import ValidationDepth, config_context
from pandera.errors import SchemaError, SchemaErrors
from pandera.polars import PolarsData

from batchops.contract import FAILED_RULES, Contract, RuleTally, SchemaFault, compile_contract, evaluate, schema_faults
from batchops.contract.authoring.inferring import survey
from batchops.contract.authoring.proposing import propose
from batchops.contract.authoring.reading import open_files
from batchops.contract.authoring.writing import write_module
from batchops.contract.content import content_of
from batchops.errors import ContractError
from batchops.testing import sample_frame
from tests.contract.models import Orders, frame_check, model

SECRET = "ada@example.org"


def config(**words: Any) -> type:
    return type("Config", (), words)


def sums_up(cls: Any, data: PolarsData) -> bool:  # noqa: ARG001 - Pandera calls it so
    return bool(data.lazyframe.select(pl.col("x")).collect()["x"].sum() > 100)


def positive(cls: Any, value: int) -> bool:  # noqa: ARG001 - Pandera calls it so
    return value > 0


AT_LEAST_0 = model({"x": (int, pa.Field(ge=0))})
SUMMED = model({"x": (int, pa.Field(ge=0))}, sums_up=pa.check("x", name="sums_up")(sums_up))
BY_VALUE = model({"x": (int, pa.Field())}, positive=pa.check("x", element_wise=True)(positive))
AVERAGED = model({"x": (int, pa.Field())}, asked=frame_check(lambda frame: frame.select(pl.col("x").mean() > 3)))


def report(schema: Any, frame: pl.DataFrame) -> list[tuple[int | None, str]]:
    """Row and check of all that Pandera complains of."""
    with pytest.raises(SchemaErrors) as caught:
        schema.validate(frame, lazy=True)
    return list(caught.value.failure_cases.select("index", "check").iter_rows())


def failing(contract: Contract, frame: pl.DataFrame) -> list[list[str]]:
    return evaluate(contract, frame).quarantined[FAILED_RULES].to_list()


def test_1_pandera_skips_the_checks_of_a_lazy_frame_in_silence() -> None:
    rows = pl.LazyFrame({"x": [-1]})
    assert AT_LEAST_0.validate(rows).collect().height == 1
    with config_context(validation_depth=ValidationDepth.SCHEMA_AND_DATA), pytest.raises(SchemaError):
        AT_LEAST_0.validate(rows).collect()


def test_1_we_try_rows_whatever_the_depth_of_pandera_s_validation() -> None:
    with config_context(validation_depth=ValidationDepth.SCHEMA_ONLY):
        assert failing(compile_contract(AT_LEAST_0), pl.DataFrame({"x": [-1]})) == [["x.ge"]]
        assert failing(compile_contract(BY_VALUE), pl.DataFrame({"x": [-1]})) == [["x.positive"]]


def test_2_pandera_loses_its_whole_report_to_one_answer_beside_failing_rows() -> None:
    with pytest.raises(pl.exceptions.SchemaError, match="type Boolean is incompatible"):
        SUMMED.validate(pl.DataFrame({"x": [-1, 2]}), lazy=True)


def test_2_we_tally_both() -> None:
    found = evaluate(compile_contract(SUMMED), pl.DataFrame({"x": [-1, 2]}))
    assert {id: tally.failed for id, tally in found.tallies.rules.items()} == {
        "x.not_null": 0,
        "x.ge": 1,
        "x.sums_up": 2,
    }
    assert found.quarantined["x"].to_list() == [-1]


def test_3_pandera_blames_row_0_for_the_mean_of_all() -> None:
    assert report(AVERAGED, pl.DataFrame({"x": [1, 2, 3]})) == [(0, "asked")]


def test_3_we_say_it_of_all_rows_and_set_none_aside() -> None:
    found = evaluate(compile_contract(AVERAGED), pl.DataFrame({"x": [1, 2, 3]}))
    assert (found.tallies.of("frame.asked"), found.accepted.height) == (RuleTally(3, 3), 3)


def test_3_pandera_counts_rows_within_a_partition_in_32_bits() -> None:
    with pytest.raises(SchemaErrors) as caught:
        AT_LEAST_0.validate(pl.DataFrame({"x": [-1]}), lazy=True)
    assert caught.value.failure_cases.schema["index"] == pl.Int32


def test_3_we_count_on_from_where_a_batch_starts_in_64() -> None:
    found = evaluate(compile_contract(AT_LEAST_0), pl.DataFrame({"x": [1, -1]}), start=2**40)
    assert found.quarantined["_row"].to_list() == [2**40 + 1]


DROPPING = config(drop_invalid_rows=True)


def test_4_pandera_drops_rows_and_lets_a_missing_column_and_a_wrong_dtype_pass() -> None:
    two = model({"x": (int, pa.Field(ge=0)), "y": (int, pa.Field())}, Config=DROPPING)
    assert two.validate(pl.DataFrame({"x": [1, -1]}), lazy=True).rows() == [(1,)]
    assert two.validate(pl.DataFrame({"x": ["a"], "y": [1]}), lazy=True).rows() == [("a", 1)]
    summed = model({"x": (int, pa.Field())}, sums_up=pa.check("x", name="sums_up")(sums_up), Config=DROPPING)
    assert summed.validate(pl.DataFrame({"x": [1, 2]}), lazy=True).height == 0


def test_4_we_set_aside_what_has_a_column_missing_or_unreadable_and_nothing_for_one_answer() -> None:
    two = compile_contract(model({"x": (int, pa.Field(ge=0)), "y": (int, pa.Field())}))
    assert failing(two, pl.DataFrame({"x": [1, -1]})) == [
        ["schema.missing_column:y"],
        ["schema.missing_column:y", "x.ge"],
    ]
    assert failing(two, pl.DataFrame({"x": ["a"], "y": [1]})) == [["schema.dtype:x"]]
    assert evaluate(compile_contract(SUMMED), pl.DataFrame({"x": [1, 2]})).accepted.height == 2


NAN = pl.DataFrame({"x": [float("nan")]})


@pytest.mark.parametrize(("check", "fails"), [("ge", False), ("gt", False), ("le", True), ("lt", True)])
def test_5_nan_is_above_all_numbers_to_both_and_missing_where_a_column_is_not_nullable(check: str, fails: bool) -> None:
    asked: dict[str, Any] = {check: 1.0}
    nullable = model({"x": (float, pa.Field(nullable=True, **asked))})
    filled = model({"x": (float, pa.Field(**asked))})
    if fails:
        assert len(report(nullable, NAN)) == 1
    else:
        assert nullable.validate(NAN, lazy=True).height == 1
    assert (0, "not_nullable") in report(filled, NAN)
    assert failing(compile_contract(nullable), NAN) == ([[f"x.{check}"]] if fails else [])
    assert failing(compile_contract(filled), NAN) == [["x.not_null", *([f"x.{check}"] if fails else [])]]


def test_5_null_passes_a_check_of_the_frame_unless_it_says_otherwise_to_both() -> None:
    rows = pl.DataFrame({"x": [None]}, schema={"x": pl.Int64})
    for ignore_na in (True, False):
        positive = frame_check(lambda frame: frame.select(pl.col("x") > 3), ignore_na=ignore_na)
        schema = model({"x": (int, pa.Field(nullable=True))}, asked=positive)
        assert failing(compile_contract(schema), rows) == ([] if ignore_na else [["frame.asked"]])
        if ignore_na:
            assert schema.validate(rows, lazy=True).height == 1
        else:
            assert report(schema, rows) == [(0, "asked")]


MATCHED = model({"x": (str, pa.Field(str_matches="a|x"))})


def test_6_pandera_anchors_the_first_alternative_of_a_pattern_alone() -> None:
    assert MATCHED.validate(pl.DataFrame({"x": ["bx"]}), lazy=True).height == 1


def test_6_we_anchor_the_pattern() -> None:
    assert failing(compile_contract(MATCHED), pl.DataFrame({"x": ["bx", "x", "a"]})) == [["x.str_matches"]]


def above(cls: Any, data: PolarsData) -> pl.LazyFrame:  # noqa: ARG001 - Pandera calls it so
    return data.lazyframe.select(pl.col(data.key) > 1)


MISNAMED = model({"d": (int, pa.Field())}, Config=config(unique=["d", "nope"]))
GROUPED = model({"d": (int, pa.Field())}, above=pa.check("d", groupby="d")(above))
STRICT = model({"d": (int, pa.Field())}, Config=config(strict=True))


def test_7_pandera_ignores_a_missing_column_of_unique_and_all_of_groupby_and_names_one_extra_column() -> None:
    assert MISNAMED.validate(pl.DataFrame({"d": [1, 2]})).height == 2
    assert GROUPED.validate(pl.DataFrame({"d": [2, 3]})).height == 2
    with pytest.raises(SchemaErrors) as caught:
        STRICT.validate(pl.DataFrame({"d": [1], "e": [1], "f": [2]}), lazy=True)
    assert caught.value.failure_cases["failure_case"].to_list() == ["e"]


def test_7_we_refuse_what_does_nothing_and_name_every_extra_column() -> None:
    with pytest.raises(ContractError, match="nope"):
        compile_contract(MISNAMED)
    with pytest.raises(ContractError, match="groupby does nothing"):
        compile_contract(GROUPED)
    contract = compile_contract(STRICT)
    found = evaluate(contract, pl.DataFrame({"d": [1], "e": [1], "f": [2]}))
    faults = schema_faults(contract, found.check.tally)
    assert faults == tuple(SchemaFault("schema.extra_column", name, "Int64", "", 1) for name in ("e", "f"))
    assert contract.strict == "forbid"


KEPT = model({"x": (int, pa.Field(metadata={"unit": "mi"}))}, above=pa.check("x")(above))


@pytest.mark.filterwarnings("ignore:Only registered checks")
def test_8_pandera_writes_a_schema_without_its_metadata_and_own_checks() -> None:
    written = str(KEPT.to_schema().to_yaml())
    assert "mi" not in written
    assert "above" not in written


def test_8_what_we_store_of_a_contract_has_both() -> None:
    (column,) = content_of(compile_contract(KEPT)).columns
    assert column.unit == "mi"
    assert "x.above" in {rule.id for rule in content_of(compile_contract(KEPT)).rules}


BIG = pl.DataFrame({"x": [2**53 + 1, 5]})
CODES = pl.DataFrame({"x": ["a", "b"] * 50})
HOLES = pl.DataFrame({"x": [float("nan")] * 3})


def inferred(frame: pl.DataFrame, folder: Path) -> Contract:
    frame.write_parquet(folder / "rows.parquet")
    module = ModuleType("inferred_by_a_trap")
    sys.modules[module.__name__] = module
    exec(write_module("Rows.", [propose(survey(open_files([str(folder / "rows.parquet")])), "Rows")]), module.__dict__)
    contract = compile_contract(vars(module)["Rows"])
    del sys.modules[module.__name__]
    return contract


def test_9_pandera_infers_what_its_own_rows_break_and_no_codes() -> None:
    bounds = [check._check_kwargs for check in pa.infer_schema(BIG).columns["x"].checks]
    assert bounds == [{"min_value": 5.0}, {"max_value": float(2**53)}]
    assert all("isin" not in str(check) for check in pa.infer_schema(CODES).columns["x"].checks)
    with pytest.raises(SchemaError):
        pa.infer_schema(HOLES).validate(HOLES)


@pytest.mark.parametrize("frame", [BIG, CODES, HOLES])
def test_9_we_infer_what_accepts_its_own_rows(frame: pl.DataFrame, tmp_path: Path) -> None:
    contract = inferred(frame, tmp_path)
    assert evaluate(contract, frame).accepted.height == frame.height
    if frame is CODES:
        assert failing(contract, pl.DataFrame({"x": ["c"]})) != []


WIDE = pytest.mark.filterwarnings("ignore:.*support is not guaranteed:UserWarning")


@WIDE
@pytest.mark.parametrize("dtype", [pl.Int128, pl.UInt128, pl.Float16])
def test_9_pandera_does_not_know_its_widest_and_narrowest_dtypes_again_and_we_do(dtype: Any) -> None:
    schema, rows = model({"x": (dtype, pa.Field())}), pl.DataFrame({"x": pl.Series([1], dtype=dtype)})
    assert report(schema, rows) == [(None, f"dtype('{dtype()}')")]
    assert evaluate(compile_contract(schema), rows).accepted.equals(rows)


ADDRESSED = model({"x": (str, pa.Field(str_startswith="a@", metadata={"pii": True}))})


def test_10_pandera_puts_the_failing_values_into_its_message() -> None:
    with pytest.raises(SchemaError, match=SECRET):
        ADDRESSED.validate(pl.DataFrame({"x": [SECRET]}))


def test_10_a_personal_value_is_in_the_quarantine_and_nowhere_else() -> None:
    found = evaluate(compile_contract(ADDRESSED), pl.DataFrame({"x": [SECRET] * 20}))
    assert found.quarantined["x"].to_list() == [SECRET] * 20
    assert found.tallies.of("x.str_startswith").failed == 20
    assert SECRET not in repr(found.tallies)
    assert SECRET not in repr(found.check)


def test_11_pandera_s_schema_of_a_model_with_checks_does_not_pickle() -> None:
    with pytest.raises((AttributeError, pickle.PicklingError)):
        pickle.dumps(Orders.to_schema())


def test_11_our_contract_travels_as_the_import_path_of_its_model() -> None:
    contract = compile_contract(Orders)
    travelled = pickle.dumps(contract)
    assert pickle.loads(travelled) == contract
    assert len(travelled) < 200


def test_12_pandera_has_no_parsers_and_makes_no_rows_on_polars() -> None:
    assert not any(hasattr(pa, name) for name in ("parser", "dataframe_parser", "Hypothesis"))
    with pytest.raises(NotImplementedError):
        AT_LEAST_0.example(size=3)


def test_12_we_make_rows_that_a_contract_accepts() -> None:
    contract = compile_contract(AT_LEAST_0)
    assert evaluate(contract, sample_frame(contract, 20, 1)).accepted.height == 20
