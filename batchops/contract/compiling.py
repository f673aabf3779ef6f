"""From a Pandera model to a contract: columns, and rules as expressions."""

from __future__ import annotations

import copyreg
import inspect
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cache
from typing import Any

import polars as pl
from pandera.errors import SchemaInitError
from pandera.polars import DataFrameModel

from batchops.contract.capturing import CRASHES, capture
from batchops.contract.content import content_of, digest_of
from batchops.contract.metadata import Severities, column_words, config_words, roles_of, severities
from batchops.contract.scoping import columns_of, is_boolean, scope_of
from batchops.contract.terms import KEY_UNIQUE, ColumnSpec, Contract, Rule, Scope, Test, limit_of
from batchops.contract.wording import SHORT, asks, short_name
from batchops.errors import ContractError, did_you_mean

__all__ = ["compile_contract"]


def _where(model: type[DataFrameModel], name: str = "") -> str:
    return f"contract {model.__name__}{'.' if name else ''}{name}"


def _dtype(where: str, said: Any) -> pl.DataType:
    kind = getattr(said, "type", None)
    try:
        dtype = kind() if inspect.isclass(kind) else kind
    except TypeError:
        dtype = None
    if not isinstance(dtype, pl.DataType):
        raise ContractError(where, "its dtype is open", "Say which polars dtype its values have")
    return dtype


def _column(where: str, found: Any, schema: Any, words: Mapping[str, Any]) -> ColumnSpec:
    if found.regex:
        raise ContractError(where, "it stands for many columns (regex=True)", "Name each column")
    return ColumnSpec(
        name=found.name,
        dtype=_dtype(where, schema.dtype or found.dtype),
        nullable=found.nullable,
        required=found.required,
        roles=roles_of(words),
        unit=words.get("unit", ""),
        pii=bool(words.get("pii", False)),
        coerce=bool(found.coerce or schema.coerce),
        default=found.default,
        description=found.description or found.title or "",
    )


def _not_null(column: ColumnSpec) -> Rule:
    value = pl.col(column.name)
    present, missing = value.is_not_null(), value.null_count()
    if column.dtype.is_float():
        present, missing = present & value.is_not_nan(), missing + value.is_nan().sum()
    test = Test(present, failures=missing)
    return Rule(f"{column.name}.not_null", (column.name,), f"{column.name} is never missing", test=test)


def _and(names: tuple[str, ...]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _unique(names: tuple[str, ...]) -> Rule:
    rows = pl.struct(names) if len(names) > 1 else pl.col(names[0])
    words = f"no two rows of a partition have the same {_and(names)}"
    return Rule(f"{'+'.join(names)}.unique", names, words, scope="partition", test=Test(~rows.is_duplicated()))


def _key(names: tuple[str, ...]) -> Rule:
    words = f"no two rows of the night have the same {_and(names)}"
    return Rule(KEY_UNIQUE, names, words, scope="dataset")


def _read_by(where: str, passes: pl.Expr, target: str, schema: pl.Schema) -> tuple[str, ...]:
    """The columns of an expression that answers true or false.

    Raises:
        ContractError: It does not, or not of these columns.
    """
    names = columns_of(passes, schema)
    for name in names:
        if name not in schema:
            what = f"it reads {name}, which the contract does not have"
            raise ContractError(where, what, did_you_mean(name, schema.names()))
    try:
        boolean = is_boolean(passes, schema)
    except pl.exceptions.PolarsError as error:
        what = f"it cannot be tried on {target}: {str(error).splitlines()[0].rstrip('.')}"
        raise ContractError(where, what, "Write a check that suits the column's dtype") from None
    if not boolean:
        raise ContractError(where, "it does not answer true or false", "Select one boolean expression")
    return names


def _checked(where: str, check: Any, column: ColumnSpec | None, schema: pl.Schema) -> Rule:
    """The rule of a Pandera check.

    Raises:
        ContractError: It cannot be applied to the contract's columns.
    """
    if check.groupby or check.groups:
        raise ContractError(where, "groupby does nothing on polars", "Group within the check, by .over(...)")
    target = "*" if column is None else column.name
    test = capture(check, target, schema)
    scope: Scope = "row" if check.element_wise else "partition"
    names = tuple(schema.names()) if column is None else (column.name,)
    if test.passes is not None:
        names = _read_by(where, test.passes, target, schema)
        scope = scope_of(test.passes, schema) if test.aligned else "partition"
    place = "frame" if column is None else column.name
    return Rule(f"{place}.{short_name(check)}", names, asks(check, column), scope=scope, test=test)


def _drafts(model: type[DataFrameModel], schema: Any, columns: tuple[ColumnSpec, ...]) -> Iterator[Rule]:
    """Every rule, with what its level is unless the metadata says otherwise."""
    dtypes = pl.Schema({column.name: column.dtype for column in columns})
    for column in columns:
        found = schema.columns[column.name]
        if not column.nullable:
            yield _not_null(column)
        for check in found.checks:
            yield _checked(_where(model, f"{column.name}.{short_name(check)}"), check, column, dtypes)
        if found.unique:
            yield _unique((column.name,))
    for check in schema.checks:
        yield _checked(_where(model, f"frame.{short_name(check)}"), check, None, dtypes)
    key = tuple(column.name for column in columns if "key" in column.roles)
    together = schema.unique or []
    for names in [together] if together and isinstance(together[0], str) else together:
        for name in names:
            if name not in dtypes:
                what = f"unique names {name}, which the contract does not have"
                raise ContractError(_where(model), what, did_you_mean(name, dtypes.names()))
        if set(names) != set(key):
            yield _unique(tuple(names))
    if key:
        yield _key(key)


def _distinct(drafts: Iterator[Rule]) -> Iterator[Rule]:
    seen: dict[str, int] = {}
    for draft in drafts:
        times = seen[draft.id] = seen.get(draft.id, 0) + 1
        yield draft if times == 1 else replace(draft, id=f"{draft.id}_{times}")


def _named(id: str) -> tuple[str, ...]:
    """What metadata may call a rule: its id, the last part, and Pandera's long word for it."""
    last = id.rpartition(".")[2]
    return (id, last, *(long for long, short in SHORT.items() if short == last))


def _judged(model: type[DataFrameModel], rule: Rule, said: Severities) -> Rule:
    warns = rule.test.check is not None and rule.test.check.raise_warning
    level = said.level or ("warn" if warns else "error")
    action = said.action or ("quarantine" if level in ("error", "critical") else "continue")
    if said.action is None and rule.test.aligned is False:
        # One answer for all rows says nothing about any of them.
        action = "continue"
    if said.warn is not None and said.fail is not None and said.warn > said.fail:
        raise ContractError(_where(model, rule.id), "it fails before it warns", "Let warn be the smaller share")
    limit, words = limit_of(level, said.warn, said.fail), said.words or rule.words
    if said.words is None and rule.test.check is None and limit.shown and rule.id.endswith(".not_null"):
        words = f"{rule.columns[0]} is missing in at most {100 * limit.shown:.3g} % of the rows"
    return replace(rule, level=level, action=action, limit=limit, words=words)


def _rules(model: type[DataFrameModel], drafts: tuple[Rule, ...], said: Mapping[str, Any]) -> Iterator[Rule]:
    """The rules with their severities: ``Config``'s word first, then the rule's in its column, then the column's.

    Args:
        said: Metadata of ``Config`` under "", and of each column under its name.

    Raises:
        ContractError: Metadata names a rule that is not there.
    """
    stated = {place: (words or {}).get("rules") or {} for place, words in said.items()}
    for place, rules in stated.items():
        known = {n for r in drafts if not place or r.id.startswith(f"{place}.") for n in _named(r.id)}
        for name in rules:
            if name not in known:
                raise ContractError(_where(model, place), f"metadata has no rule {name!r}", did_you_mean(name, known))
    for rule in drafts:
        place = rule.id.rpartition(".")[0]
        chosen = Severities()
        for among in ("", place):
            for name in _named(rule.id):
                if name in stated.get(among, {}):
                    chosen = chosen.over(severities(_where(model, f"{among}.{name}"), stated[among][name]))
        own = {word: (said.get(place) or {}).get(word) for word in ("level", "action", "warn", "fail")}
        yield _judged(model, rule, chosen.over(severities(_where(model, place), own)))


def _schema_of(model: type[DataFrameModel]) -> Any:
    try:
        return model.to_schema()
    except (SchemaInitError, *CRASHES) as error:
        what = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ContractError(_where(model), f"Pandera does not accept it: {what}", "Correct the model") from error


@cache
def _compiled(model: type[DataFrameModel]) -> Contract:
    schema = _schema_of(model)
    said = {name: column_words(_where(model, name), found.metadata) for name, found in schema.columns.items()}
    columns = tuple(_column(_where(model, name), found, schema, said[name]) for name, found in schema.columns.items())
    config = config_words(_where(model), getattr(model.__config__, "metadata", None))
    rules = tuple(_rules(model, tuple(_distinct(_drafts(model, schema, columns))), {"": config, **said}))
    name, version = str(config.get("name") or model.__name__), str(config.get("version", ""))
    compiled = Contract(
        name=name,
        version=version,
        owner=str(config.get("owner", "")),
        digest="",
        columns=columns,
        rules=rules,
        rows=config["rows"],
        weekday_volume=config["weekday_volume"],
        description=inspect.cleandoc(model.__doc__ or ""),
        model=model,
    )
    return replace(compiled, digest=digest_of(content_of(compiled)))


def compile_contract(model: Any) -> Contract:
    """Compile a Pandera model.

    Metadata of a field: ``role``, ``pii``, ``unit``, ``level``, ``action``, ``warn``, ``fail``, and ``rules`` for one
    rule of it: ``{"rules": {"in_range": {"level": "warn", "warn": 0.02}}}``. Metadata of ``Config``: ``name``,
    ``version``, ``owner``, ``rows`` (fewest, most), ``weekday_volume`` and ``rules``, for any rule by its id or the
    name of its method.

    Raises:
        ContractError: It cannot be compiled as written.
    """
    if not (inspect.isclass(model) and issubclass(model, DataFrameModel)):
        remedy = "Write a class that extends pandera.polars.DataFrameModel"
        raise ContractError("contract", f"{getattr(model, '__name__', type(model).__name__)} is no contract", remedy)
    return _compiled(model)


def _by_model(contract: Contract) -> tuple[Any, tuple[Any]]:
    return compile_contract, (contract.model,)


# Captured closures do not pickle; a model class does, by its import path.
copyreg.pickle(Contract, _by_model)
