"""What an author's function does, as text: its code without comments, and all of the project that it makes use of.

A check may lean on helpers, constants and closures. They are followed as far as they belong to the same top-level
package (or module); of anything else only the name counts, so that a new version of a library changes no contract. The
text is the same in every process: no addresses, no order of a set.
"""

from __future__ import annotations

import ast
import dataclasses
import datetime as dt
import dis
import enum
import hashlib
import inspect
import re
import sys
import textwrap
from collections.abc import Iterator, Mapping
from decimal import Decimal
from functools import cache, partial
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any

import polars as pl

__all__ = ["author_of", "meaning", "uses"]

LONG = 200
"""Characters of a constant beyond which its SHA-256 stands for it."""

PLAIN = (
    *(str, bytes, int, float, complex, bool, range, type(None), type(Ellipsis), Decimal),
    *(dt.date, dt.time, dt.timedelta, dt.tzinfo),
)


def _cells(function: Any) -> dict[str, Any]:
    """The variables that a function closes over, by name; what is not bound yet is left out."""
    names = getattr(getattr(function, "__code__", None), "co_freevars", ())
    found = {}
    for name, cell in zip(names, getattr(function, "__closure__", None) or (), strict=False):
        try:
            found[name] = cell.cell_contents
        except ValueError:
            continue
    return found


def author_of(check: Any) -> tuple[Any, type | None]:
    """The function an author wrote, out of the adapter that Pandera wraps it in, and the model it is a method of."""
    cells = _cells(check._check_fn)
    written = getattr(cells.get("self"), "check_fn", None)
    return (check._check_fn, None) if written is None else (written, cells.get("model_cls"))


def _lambda(code: CodeType) -> ast.AST | None:
    """The lambda that a code was made from: a line may hold several, and more than lambdas."""
    lines, _ = inspect.findsource(code)
    spans = set(code.co_positions())
    for node in ast.walk(ast.parse("".join(lines))):
        if isinstance(node, ast.Lambda):
            body = node.body
            if (body.lineno, body.end_lineno, body.col_offset, body.end_col_offset) in spans:
                return node
    return None


def _tree(function: Any) -> ast.AST:
    """The syntax tree of a function or class, without docstrings.

    Raises:
        OSError, TypeError, SyntaxError: Its source cannot be found.
    """
    # Of a decorated function, inspect finds what it wraps; of its code, itself.
    source = getattr(function, "__code__", function)
    found = _lambda(source) if getattr(function, "__name__", "") == "<lambda>" else None
    if found is None:
        found = ast.parse(textwrap.dedent(inspect.getsource(source)).strip().rstrip(","))
    for node in ast.walk(found):
        body = getattr(node, "body", None)
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and isinstance(body, list) and len(body) > 1:
            first = body[0]
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                del body[0]
    return found


def _bytecode(code: CodeType) -> str:
    consts = ", ".join(_bytecode(each) if isinstance(each, CodeType) else _value(each) for each in code.co_consts)
    return f"{code.co_code.hex()} {code.co_names} ({consts})"


def meaning(function: Any) -> str:
    """A function's or class's code, without formatting, comments and docstrings; bytecode where no source is found."""
    return _of_function(function) if isinstance(function, FunctionType) else _text(function)


@cache
def _of_function(function: FunctionType) -> str:
    """Read once: a contract's content is asked for several times a night."""
    return _text(function)


def _text(function: Any) -> str:
    try:
        return ast.unparse(_tree(function))
    except (OSError, TypeError, SyntaxError):
        code = getattr(function, "__code__", None)
        return "" if code is None else _bytecode(code)


def _named(value: Any) -> str:
    """What stands for a thing of another package: the standard library's have lasting names, others only a home."""
    module = getattr(value, "__module__", None) or type(value).__module__
    top = module.partition(".")[0]
    return f"{module}.{getattr(value, '__qualname__', '?')}" if top in sys.stdlib_module_names else top


def _of_polars(value: Any) -> str | None:
    if isinstance(value, pl.Series):
        return f"Series({value.dtype}, {_value(value.to_list())})"
    if isinstance(value, pl.DataFrame):
        return f"DataFrame({_value(value.to_dict(as_series=False))}, {_value(dict(value.schema))})"
    if isinstance(value, pl.Expr | pl.DataType) or (inspect.isclass(value) and issubclass(value, pl.DataType)):
        return str(value)
    return None


def _items(value: Any) -> str | None:
    """A collection, a set in order and a mapping by its keys."""
    if isinstance(value, set | frozenset):
        return f"set({', '.join(sorted(map(_value, value)))})"
    if isinstance(value, Mapping):
        return f"{{{', '.join(sorted(f'{_value(key)}: {_value(item)}' for key, item in value.items()))}}}"
    if isinstance(value, tuple):
        return f"({', '.join(map(_value, value))})"
    if isinstance(value, list):
        return f"[{', '.join(map(_value, value))}]"
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return f"{type(value).__name__}({_items({f.name: getattr(value, f.name) for f in dataclasses.fields(value)})})"
    return None


def _value(value: Any) -> str:
    """A constant, the same in every process."""
    if isinstance(value, enum.Enum):
        return f"{type(value).__name__}.{value.name} {_value(value.value)}"
    if isinstance(value, PLAIN):
        return repr(value)
    if isinstance(value, re.Pattern):
        return f"{value.pattern!r} {value.flags}"
    if callable(getattr(type(value), "tolist", None)):
        return _value(value.tolist())
    return _of_polars(value) or _items(value) or _named(value)


def _short(text: str) -> str:
    return text if len(text) <= LONG else f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def _read(code: CodeType) -> tuple[set[str], set[str], set[str]]:
    """Names that a code looks up: in its module, as attributes, and modules that it imports."""
    names: tuple[set[str], set[str], set[str]] = (set(), set(), set())
    kinds = {"LOAD_GLOBAL": 0, "LOAD_NAME": 0, "LOAD_ATTR": 1, "LOAD_METHOD": 1, "IMPORT_FROM": 1, "IMPORT_NAME": 2}
    for instruction in dis.get_instructions(code):
        if instruction.opname in kinds:
            names[kinds[instruction.opname]].add(str(instruction.argval))
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            for known, more in zip(names, _read(inner), strict=True):
                known.update(more)
    return names


def _home(value: Any) -> str:
    return str(getattr(value, "__module__", None) or "").partition(".")[0]


def _member(owner: type | None, name: str, home: str) -> Any:
    """What a class of the project, or one that it extends, says a name is; None where it says nothing."""
    classes = (each for each in getattr(owner, "__mro__", ()) if _home(each) == home and name in vars(each))
    return next((vars(each)[name] for each in classes), None)


def _reached(function: Any, owner: type | None, home: str) -> Iterator[tuple[str, Any]]:
    """What a function refers to by name: variables, attributes of the project's modules, members of its own class."""
    yield from _cells(function).items()
    names, attributes, imported = _read(function.__code__)
    scope = function.__globals__
    modules = {name: sys.modules[name] for name in imported if name in sys.modules}
    for name in sorted(names & scope.keys()):
        if isinstance(scope[name], ModuleType):
            modules[name] = scope[name]
        else:
            yield name, scope[name]
    for name, module in sorted(modules.items()):
        if module.__name__.partition(".")[0] == home:
            yield from ((f"{name}.{each}", vars(module)[each]) for each in sorted(attributes & vars(module).keys()))
    for name in sorted(attributes - {"Config"}):
        member = None if name.startswith("__") else _member(owner, name, home)
        if member is not None and _home(type(member)) != "pandera":
            yield f"cls.{name}", member
    defaults = (*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values())
    yield from ((f"default {number}", value) for number, value in enumerate(defaults))


def _unwrapped(value: Any) -> Any:
    """The function behind a method, or behind a cache of its answers."""
    while isinstance(value, MethodType | classmethod | staticmethod):
        value = value.__func__
    return value if isinstance(value, FunctionType) else getattr(value, "__wrapped__", value)


def uses(function: Any, owner: type | None = None) -> tuple[str, ...]:
    """All of the project that a function makes use of, sorted: ``LIMIT = 5``, ``is_known: def is_known(...``.

    Args:
        owner: The class it is a method of.
    """
    function = _unwrapped(function)
    uses = _Uses(_home(function), owner)
    uses.follow(function, "")
    return tuple(sorted(uses.found))


class _Uses:
    """What a function of the package ``home`` makes use of, gathered by following it."""

    def __init__(self, home: str, owner: type | None) -> None:
        self.home, self.owner = home, owner
        self.found: set[str] = set()
        self._seen: set[int] = set()

    def follow(self, function: Any, path: str) -> None:
        """Gather what a function refers to, and what that refers to; ``path`` is its name."""
        if id(function) in self._seen or not isinstance(function, FunctionType):
            return
        self._seen.add(id(function))
        for name, value in _reached(function, self.owner, self.home):
            if not isinstance(value, ModuleType) and name != "__class__":
                self._take(f"{path} > {name}" if path else name, _unwrapped(value))

    def _take(self, label: str, value: Any) -> None:
        if isinstance(value, partial):
            self.found.add(f"{label}({_short(_value([value.args, value.keywords]))})")
            self._take(label, _unwrapped(value.func))
        elif inspect.isclass(value) and _home(value) == self.home:
            self._take_class(value)
        elif isinstance(value, FunctionType) and _home(value) == self.home:
            self.found.add(f"{value.__qualname__}: {meaning(value)}")
            self.follow(value, value.__qualname__)
        elif _home(type(value)) == self.home and not isinstance(value, enum.Enum):
            self.found.add(f"{label} = {type(value).__qualname__}({_short(_value(getattr(value, '__dict__', {})))})")
            self._take_class(type(value))
        else:
            self.found.add(f"{label} = {_short(_value(value))}")

    def _take_class(self, value: type) -> None:
        if id(value) in self._seen or (self.owner is not None and issubclass(self.owner, value)):
            return
        self._seen.add(id(value))
        self.found.add(f"{value.__qualname__}: {meaning(value)}")
        for name, member in sorted(vars(value).items()):
            self.follow(_unwrapped(member), f"{value.__qualname__}.{name}")
