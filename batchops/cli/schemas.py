"""The command that prints JSON Schemas."""

from __future__ import annotations

import collections.abc
import functools
import json
import operator
import types
from collections.abc import Mapping
from dataclasses import field, fields, is_dataclass, make_dataclass
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import typer

from batchops.cli.call import Result

__all__ = ["schema"]


def schema(
    ctx: typer.Context, kind: Annotated[Literal["audit", "job", "policy"], typer.Argument(help="Of which value.")]
) -> Result:
    """Print the JSON Schema of audit.json, a job or a policy."""
    from batchops import codec
    from batchops.audit.document import AuditDocument
    from batchops.job import Job
    from batchops.verdict import Policy

    kinds: Mapping[str, Any] = {"audit": AuditDocument, "policy": Policy, "job": _in_words(Job)}
    value = codec.json_schema(kinds[kind], whole=kind == "audit")
    return Result(json.dumps(value, indent=1).splitlines(), value)


def _in_words(hint: Any) -> Any:
    """The same type, where a class, a function or an expression stands by its name: JSON cannot hold it."""
    if hint is Any or hint is type or get_origin(hint) is collections.abc.Callable or _is_expression(hint):
        return str
    if is_dataclass(hint) and isinstance(hint, type):
        return _dataclass_in_words(hint)
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is None or origin is Literal:
        return hint
    inner = [argument if argument is ... else _in_words(argument) for argument in arguments]
    if origin in (Union, types.UnionType):
        return functools.reduce(operator.or_, inner)
    return origin[tuple(inner)]


def _is_expression(hint: Any) -> bool:
    return isinstance(hint, type) and hint.__module__.startswith("polars.")


def _dataclass_in_words(kind: type[Any]) -> type[Any]:
    hints = get_type_hints(kind)
    written = [
        (each.name, _in_words(hints[each.name]), field(default=each.default, default_factory=each.default_factory))
        for each in fields(kind)
    ]
    return make_dataclass(kind.__name__, written, namespace={"__doc__": kind.__doc__})
