"""Where an author wrote a rule: ``schemas/flights.py:31``, found in the source of the model and of its parents."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePath
from typing import Any

from batchops.contract import pandera_names
from batchops.contract.meaning import author_of
from batchops.contract.terms import Contract, Rule

__all__ = ["place_of", "where"]


@dataclass(frozen=True, slots=True)
class _Source:
    """Lines of a class in its file.

    Attributes:
        path: Relative to the folder that its module is imported from.
        line: Of ``class``.
        fields: By the attribute's name, also where the column has another one.
        members: Of methods, and of ``Config``.
    """

    path: str
    line: int
    fields: Mapping[str, int]
    members: Mapping[str, int]


def _relative(file: str, module: str) -> str:
    """The file's path from the folder that its module is imported from; its name where the two do not agree."""
    parts = module.split(".")
    for tail in (PurePath(*parts).with_suffix(".py"), PurePath(*parts, "__init__.py")):
        if PurePath(file).parts[-len(tail.parts) :] == tail.parts:
            return tail.as_posix()
    return PurePath(file).name


def _class(tree: ast.AST, names: list[str]) -> ast.ClassDef | None:
    """The class of a qualified name; of several the last, which is the one that its module keeps."""
    found: ast.AST = tree
    for name in names:
        inside: list[ast.AST] = [each for each in getattr(found, "body", ()) if getattr(each, "name", None) == name]
        inside = inside or [each for each in ast.walk(found) if getattr(each, "name", None) == name]
        if not inside:
            return None
        found = max(inside, key=lambda each: getattr(each, "lineno", 0))
    return found if isinstance(found, ast.ClassDef) else None


@cache
def _source(model: type) -> _Source | None:
    """Where a class is written; None where that cannot be read."""
    try:
        file = inspect.getsourcefile(model)
        tree = ast.parse(Path(file).read_bytes()) if file else None
    except (OSError, TypeError, SyntaxError, ValueError):
        return None
    names = [part for part in model.__qualname__.split(".") if part != "<locals>"]
    written = None if tree is None else _class(tree, names)
    if written is None or file is None:
        return None
    fields = {
        node.target.id: node.lineno
        for node in written.body
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
    }
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    members = {node.name: node.lineno for node in written.body if isinstance(node, kinds)}
    return _Source(_relative(file, model.__module__), written.lineno, fields, members)


@cache
def _attributes(model: type) -> Mapping[str, set[str]]:
    """The attributes that a model and its parents have for each column."""
    found: dict[str, set[str]] = {}
    for each in model.__mro__:
        for name, field in vars(each).items():
            if hasattr(field, "original_name"):
                found.setdefault(field.name, set()).add(name)
    return found


def _line(model: type, column: str, check: Any) -> tuple[str, int] | None:
    """File and line of a check's method, of a column, or of ``Config``."""
    panderas = pandera_names.DataFrameModel
    written = [each for each in model.__mro__ if issubclass(each, panderas) and each is not panderas]
    sources = [source for each in written if (source := _source(each)) is not None]
    tried: list[tuple[str, set[str]]] = [("fields", _attributes(model).get(column, set()))] if column else []
    if check is not None:
        tried.insert(0, ("members", {getattr(author_of(check)[0], "__name__", "")}))
    for among, names in tried if column else (*tried, ("members", {"Config"})):
        for source in sources:
            lines: Mapping[str, int] = getattr(source, among)
            found = [lines[name] for name in names if name in lines]
            if found:
                return source.path, found[0]
    return (sources[0].path, sources[0].line) if sources else None


def where(model: type, rule: str = "", column: str = "", check: Any = None) -> str:
    """What an error names as its place: ``schemas/flights.py:31, distance.in_range``.

    Args:
        rule: Its id, or a column; empty for the contract itself.
        column: That it stands on; empty for what concerns the whole frame.
        check: Pandera's, where it is an author's method.
    """
    found = _line(model, column, check)
    if found is None:
        return f"contract {model.__name__}{'.' if rule else ''}{rule}"
    return f"{found[0]}:{found[1]}, {rule or model.__name__}"


def _of_rule(rule: Rule) -> tuple[str, Any]:
    """The column that a rule stands on, and the check that its author wrote; neither for rules of the night."""
    check = rule.test.check
    if check is not None and check.is_builtin_check(getattr(check._check_fn, "__name__", "")):
        check = None
    alone = rule.columns[0] if len(rule.columns) == 1 and rule.scope != "dataset" else ""
    return (alone if check is not None or not rule.id.startswith("frame.") else ""), check


def place_of(contract: Contract, rule: str) -> str:
    """File and line of a rule by its id, as ``schemas/flights.py:31``; empty where its source cannot be found.

    Checks stand where their method does, all other rules of a column at its field, and rules of the night at
    ``Config``; what a contract has from a parent stands in the parent's file.

    Raises:
        KeyError: The contract has no such rule.
    """
    column, check = _of_rule(contract.rule(rule))
    found = None if contract.model is None else _line(contract.model, column, check)
    return "" if found is None else f"{found[0]}:{found[1]}"
