"""What Pandera is asked for: a model's schema, its columns and options, and what is refused of them.

Whatever Pandera takes without a word and then does nothing with on polars is refused, so that nobody relies on it.
"""

from __future__ import annotations

import inspect
import re
import warnings
from collections.abc import Iterator, Mapping
from threading import Lock
from typing import Any

import polars as pl
from pandera.errors import SchemaInitError
from pandera.polars import Check, DataFrameModel

from batchops.contract.capturing import CRASHES
from batchops.contract.locating import where
from batchops.contract.metadata import CONFIG_WORDS, roles_of
from batchops.contract.terms import ColumnSpec, Strictness
from batchops.errors import ContractError, did_you_mean

__all__ = ["accepted_check", "column_of", "schema_of", "strictness"]

LITTLE_MEANT = ".*support is not guaranteed|unique_column_names=True will have no effect"
"""Pandera's warnings of dtypes that only its own comparisons get wrong, and of what polars makes sure of by itself."""

_filters = Lock()
"""Held while warnings are filtered, which is all of a process's business."""


def _config_options() -> frozenset[str]:
    return frozenset(name for name in dir(DataFrameModel.Config) if not name.startswith("_"))


def _check_infos(model: type[DataFrameModel]) -> Iterator[Any]:
    for each in model.__mro__:
        for member in vars(each).values():
            kept = getattr(member, "__dict__", {})
            yield from (kept[key] for key in ("__check_config__", "__dataframe_check_config__") if key in kept)


def _whole(model: type[DataFrameModel]) -> None:
    """Refuse a model of whose fields Pandera would lose some.

    Raises:
        ContractError: Two attributes share a `Field`, or two columns a name: Pandera keeps the last alone.
    """
    kept = {name: found for each in reversed(model.__mro__) for name, found in vars(each).items()}
    fields = {name: found for name, found in kept.items() if hasattr(found, "original_name")}
    called: dict[str, str] = {}
    for name, found in fields.items():
        own, place = found.original_name, where(model, name, found.name)
        if own != name:
            what = f"{name} and {own} share one Field, and Pandera keeps {own} alone"
            raise ContractError(place, what, "Call pa.Field(...) for each of them")
        if called.setdefault(found.name, name) != name:
            what = f"{called[found.name]} and {name} are both called {found.name}"
            raise ContractError(place, what, "Give each its own alias")


def _said(model: type[DataFrameModel]) -> None:
    """Refuse words of ``Config`` that do nothing.

    Raises:
        ContractError: It has one.
    """
    for name in getattr(model, "__extras__", None) or {}:
        if not hasattr(Check, name):
            remedy = did_you_mean(name, _config_options())
            if name in CONFIG_WORDS:
                remedy = f'Write it in metadata = {{"{name}": ...}}'
            raise ContractError(where(model), f"Config has no {name!r}", remedy)
    config = model.__config__
    idle = [name for name in _config_options() if name.startswith(("multiindex", "on_missing"))]
    for name in sorted(idle):
        if getattr(config, name, None) != getattr(DataFrameModel.Config, name, None):
            remedy = "A field with required=False may be missing" if name == "on_missing_columns" else "Leave it out"
            raise ContractError(where(model), f"{name} does nothing on polars", remedy)
    for name, (_, found) in model.__fields__.items():
        if getattr(found, "on_missing", None) is not None:
            remedy = "A field with required=False may be missing"
            raise ContractError(where(model, name, name), "on_missing does nothing on polars", remedy)


def schema_of(model: type[DataFrameModel]) -> Any:
    """Pandera's schema of a model.

    Raises:
        ContractError: Pandera does not accept the model, or would silently leave out some of it.
    """
    _whole(model)
    # Pandera forgets a check's name= once one model has it; the next that inherits it would have another id.
    names = [(info, info.check_kwargs["name"]) for info in _check_infos(model) if info.check_kwargs.get("name")]
    try:
        _said(model)
        with _filters, warnings.catch_warnings():
            warnings.filterwarnings("ignore", LITTLE_MEANT, UserWarning)
            schema = model.to_schema()
    except (SchemaInitError, *CRASHES) as error:
        what = str(error).splitlines()[0].rstrip(".") if str(error) else type(error).__name__
        raise ContractError(where(model), f"Pandera does not accept it: {what}", "Correct the model") from error
    finally:
        for info, name in names:
            info.check_kwargs.setdefault("name", name)
    if all(found.regex for found in schema.columns.values()):
        raise ContractError(where(model), "it names no column", "Give it a field for each column that is read")
    if schema.report_duplicates != "all":
        what = f"report_duplicates={schema.report_duplicates!r} does nothing on polars"
        raise ContractError(where(model), what, "Leave it out: all rows that are alike fail together")
    return schema


def strictness(schema: Any) -> Strictness:
    """What becomes of columns that the contract does not have."""
    return "filter" if schema.strict == "filter" else "forbid" if schema.strict else "allow"


def _dtype(place: str, said: Any) -> pl.DataType:
    """The polars dtype behind Pandera's.

    Raises:
        ContractError: It is open, Python's own, or asks more than a dtype can say.
    """
    kind = getattr(said, "type", None)
    try:
        dtype = kind() if inspect.isclass(kind) else kind
    except TypeError:
        dtype = None
    if not isinstance(dtype, pl.DataType):
        raise ContractError(place, "its dtype is open", "Say which polars dtype its values have")
    # Classes within it, as in pl.List(pl.Categorical), become dtypes.
    dtype = pl.Series(dtype=dtype).dtype
    if dtype == pl.Object:
        raise ContractError(place, "its values are Python objects", "Say which polars dtype its values have")
    name = type(said).__name__
    if name == "PanderaSchema":
        what = "a model within a model is not looked into"
        raise ContractError(place, what, "Write the struct's dtype, pl.Struct({...}), and a check of its fields")
    if name == "Category":
        raise ContractError(place, "Category keeps no categories on polars", "Write pl.Enum([...]), or isin=[...]")
    if type(said).__module__.partition(".")[0] != "pandera":
        what = f"{name} is a dtype with code of its own, which is not run"
        raise ContractError(place, what, "Write a polars dtype, and its code as a check")
    return dtype


def _default(place: str, said: Any, dtype: pl.DataType) -> Any:
    """A default as a value.

    Raises:
        ContractError: It is no value of the column.
    """
    if said is None:
        return None
    remedy = "Write a default of the column's dtype"
    if isinstance(said, pl.Expr):
        if said.meta.root_names():
            raise ContractError(place, "its default reads other columns", "Write a value")
        said = pl.select(said).to_series().item()
    try:
        value = pl.select(pl.lit(said, dtype=dtype)).item()
    except (pl.exceptions.PolarsError, TypeError, ValueError, OverflowError):
        raise ContractError(place, f"its default is no {dtype}", remedy) from None
    if isinstance(said, int | float) and isinstance(value, int | float) and value != said:
        raise ContractError(place, f"its default is no {dtype}", remedy)
    return said


def column_of(model: type[DataFrameModel], found: Any, schema: Any, words: Mapping[str, Any]) -> ColumnSpec:
    """A column as Pandera's schema has it.

    Args:
        words: Its metadata.

    Raises:
        ContractError: It cannot be meant.
    """
    place = where(model, found.name, found.name)
    roles = roles_of(words)
    meant = [role for role in roles if role != "passthrough"]
    if found.regex and meant:
        raise ContractError(place, f"a pattern cannot be {meant[0]}", "Name each column that a model or the job reads")
    if found.regex:
        try:
            re.compile(found.name)
        except re.error as error:
            raise ContractError(place, f"it is no pattern: {error}", "Write a regular expression") from None
    if getattr(found, "drop_invalid_rows", False):
        raise ContractError(place, "drop_invalid_rows does nothing for one column", "Leave it out: bad rows go aside")
    dtype = _dtype(place, schema.dtype or found.dtype)
    added = schema.add_missing_columns and (found.nullable or found.default is not None) and not found.regex
    return ColumnSpec(
        name=found.name,
        dtype=dtype,
        nullable=found.nullable,
        required=found.required and not added,
        roles=roles,
        unit=words.get("unit", ""),
        pii=bool(words.get("pii", False)),
        coerce=bool(found.coerce or schema.coerce),
        default=_default(place, found.default, dtype),
        description=found.description or found.title or "",
        regex=found.regex,
    )


def accepted_check(place: str, check: Any) -> None:
    """Refuse a check whose options do nothing.

    Raises:
        ContractError: It has one.
    """
    builtin = check.is_builtin_check(getattr(check._check_fn, "__name__", ""))
    if check.groupby or check.groups:
        raise ContractError(place, "groupby does nothing on polars", "Group within the check, by .over(...)")
    if not isinstance(check, Check) or hasattr(check, "samples"):
        raise ContractError(place, "hypotheses cannot be run on polars", "Write a check that compares two numbers")
    if not builtin and not getattr(check, "native", True):
        raise ContractError(place, "native=False does nothing on polars", "Write the check on data.lazyframe")
    if not builtin and getattr(check, "strategy", None) is not None:
        raise ContractError(place, "strategy does nothing on polars", "Leave it out")
