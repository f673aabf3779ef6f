"""What Pandera's options do in Pandera, and what becomes of them here: the first is tested too, to notice a change."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Optional

import pandera.polars as pa
import polars as pl
import pytest
from pandera.api.dataframe.model_components import parser
from pandera.api.hypotheses import Hypothesis
from pandera.engines import polars_engine
from pandera.errors import SchemaErrors
from pandera.polars import DataFrameModel, PolarsData

from batchops.contract import FAILED_RULES, Contract, compile_contract, evaluate, schema_faults
from batchops.errors import ContractError
from tests.contract.models import frame_check, model


def config(**said: Any) -> type:
    return type("Config", (), said)


def field(**said: Any) -> tuple[Any, Any]:
    return (int, pa.Field(**said))


def blamed(found: type[DataFrameModel], frame: pl.DataFrame) -> set[tuple[Any, Any]]:
    """Pandera's checks and rows that fail."""
    try:
        found.validate(frame, lazy=True)
    except SchemaErrors as error:
        return {(case["check"], case["index"]) for case in error.failure_cases.iter_rows(named=True)}
    return set()


def faults(contract: Contract, frame: pl.DataFrame) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for fault in schema_faults(contract, evaluate(contract, frame).check.tally):
        found.setdefault(fault.check, []).append(fault.column)
    return found


X_AND_Y = pl.DataFrame({"x": [1, 2], "y": [3, 4]})


# Strictness and order


@pytest.mark.parametrize(("strict", "means"), [(False, "allow"), (True, "forbid"), ("filter", "filter")])
def test_strict_is_what_becomes_of_columns_that_the_contract_does_not_have(strict: Any, means: str) -> None:
    found = model({"x": field()}, Config=config(strict=strict))
    frame = X_AND_Y.with_columns(z=1)
    contract = compile_contract(found)
    assert contract.strict == means
    assert evaluate(contract, frame).accepted.columns == ["x"]
    assert faults(contract, frame) == ({} if strict == "filter" else {"schema.extra_column": ["y", "z"]})
    # Pandera names the first alone.
    assert blamed(found, frame) == ({("column_in_schema", None)} if strict is True else set())


ORDERED = {"x": field(), "o": field(required=False), "y": field()}


@pytest.mark.parametrize(
    ("names", "misplaced"),
    [
        (["x", "o", "y"], []),
        (["x", "y"], []),
        (["extra", "x", "more", "y"], []),
        (["y", "x"], ["x"]),
        (["o", "x", "y"], ["x"]),
        (["x", "y", "o"], ["o"]),
    ],
)
def test_order_is_that_of_the_columns_which_came(names: list[str], misplaced: list[str]) -> None:
    found = model({name: (dtype, pa.Field(required=name != "o")) for name, (dtype, _) in ORDERED.items()})
    ordered = model(
        {name: (dtype, pa.Field(required=name != "o")) for name, (dtype, _) in ORDERED.items()},
        Config=config(ordered=True),
    )
    frame = pl.DataFrame({name: [1, 2, 3] for name in names})
    contract = compile_contract(ordered)
    assert contract.ordered
    assert faults(contract, frame).get("schema.order", []) == misplaced
    assert "schema.order" not in faults(compile_contract(found), frame)
    assert bool(misplaced) == bool(blamed(ordered, frame))
    assert evaluate(contract, frame).accepted.columns == ["x", "o", "y"]
    assert not evaluate(contract, frame).quarantined.height


def test_rows_out_of_order_are_added_up_and_named_once() -> None:
    contract = compile_contract(model({"x": field(), "y": field()}, Config=config(ordered=True)))
    tallies = [
        evaluate(contract, pl.DataFrame({name: [1] * rows for name in names})).check.tally
        for names, rows in [(["y", "x"], 3), (["x", "y"], 2), (["y", "x"], 4)]
    ]
    (fault,) = schema_faults(contract, tallies[0] + tallies[1] + tallies[2])
    assert (fault.check, fault.column, fault.rows) == ("schema.order", "x", 7)


# Missing columns and defaults


def test_columns_that_pandera_would_add_may_be_missing() -> None:
    columns = {
        "x": field(),
        "filled": field(default=7),
        "empty": field(nullable=True),
        "needed": field(),
    }
    found = model(columns, Config=config(add_missing_columns=True))
    contract = compile_contract(found)
    assert [column.name for column in contract.columns if column.required] == ["x", "needed"]
    frame = pl.DataFrame({"x": [1], "needed": [2]})
    assert evaluate(contract, frame).accepted.row(0) == (1, 7, None, 2)
    assert found.validate(frame).select(contract.schema.names()).row(0) == (1, 7, None, 2)
    assert faults(contract, frame.drop("needed")) == {"schema.missing_column": ["needed"]}


def test_a_default_takes_the_place_of_null_and_nan() -> None:
    found = model({"x": (float, pa.Field(default=7.0))})
    frame = pl.DataFrame({"x": [1.0, None, float("nan")]})
    assert evaluate(compile_contract(found), frame).accepted["x"].to_list() == [1.0, 7.0, 7.0]
    assert found.validate(frame)["x"].to_list() == [1.0, 7.0, 7.0]


def test_a_default_may_be_an_expression_of_its_own() -> None:
    found = model({"x": field(default=pl.lit(3) + 4)})
    assert compile_contract(found).column("x").default == 7


@pytest.mark.parametrize(
    ("dtype", "default", "says"),
    [
        (int, "a", "its default is no Int64"),
        (int, 1.5, "its default is no Int64"),  # Pandera makes it 1
        (pl.Int8, 300, "its default is no Int8"),
        (pl.Enum(["a"]), "b", "its default is no Enum"),
        (int, pl.col("y"), "its default reads other columns"),
    ],
)
def test_a_default_is_of_its_column(dtype: Any, default: Any, says: str) -> None:
    with pytest.raises(ContractError, match=says):
        compile_contract(model({"x": (dtype, pa.Field(default=default)), "y": field()}))


# Names and words


def test_config_names_a_contract_that_metadata_does_not_name() -> None:
    said = config(name="Sales", title="Sales of a day", description="All of them.")
    assert (compile_contract(model({"x": field()}, Config=said)).name) == "Sales"
    assert compile_contract(model({"x": field()}, Config=said)).description == "All of them."
    assert (
        compile_contract(model({"x": field()}, Config=config(title="Sales of a day"))).description == "Sales of a day"
    )
    both = config(name="Sales", metadata={"name": "Orders"})
    assert compile_contract(model({"x": field()}, Config=both)).name == "Orders"
    assert compile_contract(model({"x": field()})).name == "Model"


class Base(DataFrameModel):
    """What all shops send."""

    number: int = pa.Field(ge=1, metadata={"role": "key"})
    shop: str

    @pa.dataframe_check(name="is_a_shop")
    @classmethod
    def has_a_name(cls, data: PolarsData) -> pl.LazyFrame:
        """A shop has a name."""
        return data.lazyframe.select(pl.col("shop").str.len_chars() > 0)

    class Config:
        """Everything."""

        strict = True
        metadata = {"owner": "shop", "version": 2}  # noqa: RUF012 - Pandera reads a plain class attribute


class Child(Base):
    """What ours sends."""

    number: int = pa.Field(ge=100, metadata={"role": "key"})
    price: float = pa.Field(gt=0)

    class Config:
        """What differs."""

        ordered = True


def test_a_model_has_its_parents_fields_checks_and_config() -> None:
    parent, child = compile_contract(Base), compile_contract(Child)
    assert [column.name for column in child.columns] == ["number", "shop", "price"]
    assert (child.strict, child.ordered, child.owner, child.version) == ("forbid", True, "shop", "2")
    assert (parent.strict, parent.ordered) == ("forbid", False)
    assert child.rule("number.ge").words == "number is at least 100"
    assert (child.name, child.description) == ("Child", "What ours sends.")


def family() -> tuple[type[DataFrameModel], type[DataFrameModel]]:
    """A new parent and a new child, as a new process has them."""

    class Parent(DataFrameModel):
        x: int

        @pa.dataframe_check(name="is_positive")
        @classmethod
        def asked(cls, data: PolarsData) -> pl.LazyFrame:
            return data.lazyframe.select(pl.col("x") > 0)

    class Offspring(Parent):
        y: int

    return Parent, Offspring


def test_an_inherited_check_keeps_its_name_whichever_model_comes_first() -> None:
    (parent, child), (later_parent, first_child) = family(), family()
    compiled = [compile_contract(each) for each in (parent, child, first_child, later_parent)]
    assert [each.rules[-1].id for each in compiled] == ["frame.is_positive"] * 4
    assert [each.digest for each in compiled[:2]] == [compiled[3].digest, compiled[2].digest]


def test_pandera_forgets_the_name_of_a_check_that_another_model_inherits() -> None:
    parent, child = family()
    assert [parent.to_schema().checks[0].name, child.to_schema().checks[0].name] == ["is_positive", "asked"]


def test_a_column_is_called_by_its_alias() -> None:
    contract = compile_contract(model({"wind": field(alias="wind speed", check_name=True, ge=0)}))
    assert [rule.id for rule in contract.rules] == ["wind speed.not_null", "wind speed.ge"]
    assert evaluate(contract, pl.DataFrame({"wind speed": [1]})).accepted.height == 1


def test_config_says_the_dtype_of_all_columns_and_coerces_them() -> None:
    contract = compile_contract(model({"x": field(), "y": field()}, Config=config(dtype=pl.Float64, coerce=True)))
    assert contract.schema == {"x": pl.Float64, "y": pl.Float64}
    assert evaluate(contract, pl.DataFrame({"x": ["1"], "y": [2]})).accepted.row(0) == (1.0, 2.0)


class Annotations(DataFrameModel):
    """Nullable and optional as annotations say it."""

    plain: int
    optional: Optional[int]  # noqa: UP045 - as Pandera's guide has it
    or_none: int | None
    optional_and_nullable: int | None = pa.Field(nullable=True)
    needed: int | None = pa.Field(required=True)
    inside: Annotated[float, pa.Field(nullable=True, ge=0)]
    moment: Annotated[pl.Datetime, "ms", "UTC"] = pa.Field(nullable=True)
    amount: Annotated[pl.Decimal, 10, 2]


def test_annotations_say_nullable_and_required() -> None:
    contract = compile_contract(Annotations)
    schema = Annotations.to_schema()
    for column in contract.columns:
        assert (column.nullable, column.required) == (
            schema.columns[column.name].nullable,
            schema.columns[column.name].required,
        )
    assert contract.rule("inside.ge").words == "inside is at least 0"
    assert contract.schema["moment"] == pl.Datetime("ms", "UTC")
    assert contract.schema["amount"] == pl.Decimal(10, 2)


class Checked(DataFrameModel):
    """A model whose schema its author changes."""

    x: int
    y: int

    @classmethod
    def to_schema(cls) -> Any:
        schema = super().to_schema()
        schema.checks = [pa.Check(lambda data: data.lazyframe.select(pl.col("x") < pl.col("y")), name="in_order")]
        return schema


def test_checks_that_to_schema_adds_are_rules() -> None:
    contract = compile_contract(Checked)
    assert contract.rule("frame.in_order").scope == "row"
    assert evaluate(contract, pl.DataFrame({"x": [1, 5], "y": [2, 3]})).quarantined["x"].to_list() == [5]


def test_a_word_of_config_that_is_a_check_holds_for_all_columns() -> None:
    found = model({"x": field(), "y": field()}, Config=config(greater_than=1))
    frame = pl.DataFrame({"x": [1, 2], "y": [3, 4]})
    assert evaluate(compile_contract(found), frame).quarantined[FAILED_RULES].to_list() == [["frame.gt"]]
    assert {index for _, index in blamed(found, frame)} == {0}


@pytest.mark.parametrize("report", ["all", "exclude_first", "exclude_last"])
def test_pandera_reports_every_copy_whatever_report_duplicates_says(report: Any) -> None:
    frame = pl.DataFrame({"x": [1, 1, 2, 1]})
    if report == "all":
        schema = pa.DataFrameSchema({"x": pa.Column(int)}, unique=["x"], report_duplicates=report)
    else:
        with pytest.warns(UserWarning, match="no effect"):
            schema = pa.DataFrameSchema({"x": pa.Column(int)}, unique=["x"], report_duplicates=report)
    with pytest.raises(SchemaErrors) as raised:
        schema.validate(frame, lazy=True)
    assert raised.value.failure_cases["index"].to_list() == [0, 1, 3]
    with pytest.raises(Exception, match="report_duplicates"):
        pa.Field(report_duplicates=report)


@pytest.mark.parametrize("unique", [{"unique": True}, {}])
def test_all_rows_that_are_alike_fail_together_null_included(unique: dict[str, Any]) -> None:
    said = {} if unique else {"Config": config(unique=["x"])}
    found = model({"x": field(nullable=True, **unique)}, **said)
    frame = pl.DataFrame({"x": [1, None, 2, None, 1]})
    validation = evaluate(compile_contract(found), frame)
    assert validation.quarantined["_row"].to_list() == [0, 1, 3, 4]
    assert {index for _, index in blamed(found, frame)} == {0, 1, 3, 4}


def test_report_duplicates_of_a_schema_is_refused() -> None:
    class Reporting(DataFrameModel):
        x: int

        @classmethod
        def to_schema(cls) -> Any:
            schema = super().to_schema()
            schema.report_duplicates = "exclude_first"
            return schema

    with pytest.raises(ContractError, match="report_duplicates='exclude_first' does nothing"):
        compile_contract(Reporting)


def test_no_frame_has_two_columns_of_one_name_and_no_warning_says_so() -> None:
    found = model({"x": field()}, Config=config(unique_column_names=True))
    assert compile_contract(found).name == "Model"
    with pytest.warns(UserWarning, match="no effect"):
        model({"x": field()}, Config=config(unique_column_names=True)).to_schema()


def test_invalid_rows_are_set_aside_whatever_drop_invalid_rows_says() -> None:
    found = model({"x": field(ge=2)}, Config=config(drop_invalid_rows=True))
    frame = pl.DataFrame({"x": [1, 2]})
    validation = evaluate(compile_contract(found), frame)
    assert (validation.accepted["x"].to_list(), validation.quarantined["x"].to_list()) == ([2], [1])
    assert found.validate(frame, lazy=True)["x"].to_list() == [2]


# What is refused


def test_one_field_for_two_attributes_is_refused_since_pandera_loses_one() -> None:
    shared = pa.Field(ge=0)
    assert list(model({"x": (int, shared), "y": (int, shared)}).to_schema().columns) == ["y"]
    shared = pa.Field(ge=0)
    with pytest.raises(ContractError, match="x and y share one Field, and Pandera keeps y alone"):
        compile_contract(model({"x": (int, shared), "y": (int, shared)}))


def test_one_name_for_two_columns_is_refused_since_pandera_loses_one() -> None:
    columns = {"x": field(alias="a"), "y": field(alias="a")}
    assert list(model(columns).to_schema().columns) == ["a"]
    with pytest.raises(ContractError, match="x and y are both called a"):
        compile_contract(model({"x": field(alias="a"), "y": field(alias="a")}))


def test_a_name_that_a_child_gives_up_is_free() -> None:
    class Parent(DataFrameModel):
        x: int = pa.Field(alias="a")

    class Offspring(Parent):
        x: int = pa.Field(alias="b")
        y: int = pa.Field(alias="a")

    assert [column.name for column in compile_contract(Offspring).columns] == ["b", "a"]


SUITS = "Write a check that suits the column's dtype"


@pytest.mark.parametrize(
    ("dtype", "said"),
    [
        (str, {"ge": 1}),
        (int, {"ge": "a"}),
        (int, {"isin": ["a"]}),
        (str, {"isin": [1]}),
        (float, {"isin": [1, 2]}),
        (int, {"str_contains": "a"}),
        (pl.Date, {"ge": "2024-01-01"}),
        (pl.Datetime("us", "UTC"), {"ge": dt.datetime(2024, 1, 1)}),
        (pl.Categorical, {"ge": 1}),
        (pl.Enum(["a", "b"]), {"ge": "z"}),
        (pl.List(pl.Int64), {"ge": 1}),
        (pl.Binary, {"ge": 1}),
    ],
)
def test_a_check_that_no_value_of_the_dtype_suits_is_refused(dtype: Any, said: dict[str, Any]) -> None:
    with pytest.raises(ContractError, match=f"it cannot be tried on x, .*{re.escape(SUITS)}"):
        compile_contract(model({"x": (dtype, pa.Field(nullable=True, **said))}))


@pytest.mark.parametrize(
    "expr",
    [
        pl.col("x").gather([5]) > 1,
        pl.col("x") > pl.col("x").get(5),
        pl.col("x").sample(10) > 1,
        pl.col("s").str.to_date("%Y-%m-%d", strict=True) > dt.date(2024, 1, 1),
        pl.col("s").cast(pl.Int64) > 1,
    ],
)
def test_a_check_that_only_some_values_suit_is_not_refused(expr: pl.Expr) -> None:
    asked = frame_check(lambda frame: frame.select(expr))
    contract = compile_contract(model({"x": field(), "s": (str, pa.Field())}, asked=asked))
    assert contract.rule("frame.asked").columns


def test_a_check_that_needs_many_rows_still_has_one_answer_a_row() -> None:
    asked = frame_check(lambda frame: frame.select(pl.col("x") > pl.col("x").get(5)))
    contract = compile_contract(model({"x": field()}, asked=asked))
    failed = evaluate(contract, pl.DataFrame({"x": [9, 9, 9, 1, 9, 2]})).quarantined
    assert failed["_row"].to_list() == [3, 5]


class Inner(DataFrameModel):
    """Of a struct."""

    a: int = pa.Field(ge=5)


@polars_engine.Engine.register_dtype
class Even(polars_engine.Int64):
    """A dtype with code of its own."""

    def check(self, pandera_dtype: Any, data_container: Any = None) -> Any:
        return super().check(pandera_dtype, data_container)


def with_to_schema(**said: Any) -> type[DataFrameModel]:
    class Changed(DataFrameModel):
        x: int

        @classmethod
        def to_schema(cls) -> Any:
            schema = super().to_schema()
            for name, value in said.items():
                setattr(schema, name, value)
            return schema

    return Changed


def refused() -> Iterator[tuple[str, type[DataFrameModel], str]]:
    def asked(cls: Any, data: Any) -> Any:  # noqa: ARG001 - Pandera calls it so
        return data.lazyframe.select(pl.col("x") > 0)

    yield "option", model({"x": field()}, Config=config(strct=True)), "Config has no 'strct'. Did you mean strict"
    yield "metadata", model({"x": field()}, Config=config(owner="me")), "Write it in metadata = "
    yield "strict", model({"x": field()}, Config=config(strict="yes")), "strict parameter"
    yield "on_missing_columns", model({"x": field()}, Config=config(on_missing_columns="warn")), "required=False"
    yield "on_missing", model({"x": field(on_missing="warn")}), "on_missing does nothing"
    yield "multiindex", model({"x": field()}, Config=config(multiindex_strict=True)), "multiindex_strict does nothing"
    yield "no column", model({}), "it names no column"
    yield "frame dtype", model({}, Config=config(dtype=pl.Int64)), "it names no column"
    yield "parser", with_parser(), "parsers are not"
    yield "check_name", model({"x": field(check_name=False)}), "'check_name' is not supported"
    yield "custom", model({"x": field(), "asked": (int, None)}), "can only be assigned a 'Field'"
    yield "native", model({"x": field()}, a=pa.dataframe_check(native=False)(asked)), "native=False does nothing"
    yield "strategy", model({"x": field()}, a=pa.dataframe_check(strategy=max)(asked)), "strategy does nothing"
    yield "groupby", model({"x": field()}, a=pa.dataframe_check(groupby="x")(asked)), "groupby does nothing"
    hypothesis = Hypothesis(lambda data: data, samples=["x"])
    yield "hypothesis", with_to_schema(checks=[hypothesis]), "hypotheses cannot be run on polars"
    yield "model in a model", model({"x": (Inner, pa.Field())}), "a model within a model"
    yield "category", model({"x": (polars_engine.Category, pa.Field(dtype_kwargs={"categories": ["a"]}))}), "pl.Enum"
    yield "dtype", model({"x": (Even, pa.Field())}), "Even is a dtype with code of its own"
    yield "object", model({"x": (object, pa.Field())}), "its values are Python objects"
    yield "open list", model({"x": (list, pa.Field())}), "its dtype is open"
    yield "open struct", model({"x": (pl.Struct, pa.Field())}), "its dtype is open"


def with_parser() -> type[DataFrameModel]:
    @parser("x")
    def doubled(cls: Any, data: Any) -> Any:  # noqa: ARG001 - Pandera calls it so
        return data

    return model({"x": field()}, doubled=doubled)


REFUSED: Mapping[str, tuple[type[DataFrameModel], str]] = {name: (found, says) for name, found, says in refused()}


@pytest.mark.parametrize("name", REFUSED)
def test_what_pandera_does_nothing_with_is_refused(name: str) -> None:
    found, says = REFUSED[name]
    with pytest.raises(ContractError, match=re.escape(says)):
        compile_contract(found)
