"""From a draft to the text of a schema module: imports, models with one field a line, and their ``Config``."""

from __future__ import annotations

import ast
import builtins
import keyword
import re
import textwrap
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl
from pandera.polars import DataFrameModel

from batchops.contract.authoring.layout import WIDTH, Call, Code, dtype_code, lay, literal, width
from batchops.errors import ContractError

__all__ = ["CHECKS", "Draft", "DraftField", "class_name", "refuse_wildcards", "writable", "write_module"]

PLAIN = {pl.Int64: "int", pl.Float64: "float", pl.String: "str", pl.Boolean: "bool"}
"""Dtypes that have a name in Python."""

CHECKS = frozenset(
    {
        *("eq", "ne", "gt", "ge", "lt", "le", "in_range", "isin", "notin", "unique_values_eq"),
        *("str_contains", "str_endswith", "str_length", "str_matches", "str_startswith"),
    }
)
"""Words of `Field` that are checks."""

LONGEST_ANNOTATION = 60
"""Columns; what is longer gets a constant of its own."""

TAKEN = frozenset({"pa", "pl", "dt", "re", "Annotated", "Decimal", "Optional", "annotations"})
"""Names of a module that its annotations and fields use."""


@dataclass(frozen=True, slots=True)
class DraftField:
    """A field of a model.

    Attributes:
        name: Of the column; a field whose column is no identifier gets an alias.
        words: Keywords of `pandera.polars.Field` in their order, metadata last.
        comment: Goes above the field; empty for none.
    """

    name: str
    dtype: pl.DataType
    required: bool = True
    words: Mapping[str, Any] = field(default_factory=dict)
    comment: str = ""


@dataclass(frozen=True, slots=True)
class Draft:
    """A model.

    Attributes:
        name: Of the class.
        words: The class's docstring.
        config: Attributes of ``Config`` in their order.
        notes: What the model cannot say, for whoever finishes it: comments below the fields.
    """

    name: str
    words: str
    fields: tuple[DraftField, ...]
    config: Mapping[str, Any]
    notes: tuple[str, ...] = ()

    @property
    def rules(self) -> int:
        """How many rules the fields make: one for each check, one where nothing may be missing, one for the key."""
        asked = sum(
            len(CHECKS & {*each.words}) + bool(each.words.get("unique")) + (not each.words.get("nullable"))
            for each in self.fields
        )
        roles = [each.words.get("metadata", {}).get("role", ()) for each in self.fields]
        return asked + any("key" in ((role,) if isinstance(role, str) else role) for role in roles)


@dataclass(slots=True)
class _Constants:
    """Values too long for a field's line, by the names they get.

    Attributes:
        taken: Names that mean something else where a field is read: other fields among them.
    """

    taken: frozenset[str]
    values: dict[str, Any] = field(default_factory=dict)

    def named(self, wish: str, value: Any) -> Code:
        stem = re.sub(r"\W+", "_", wish).strip("_").upper() or "VALUES"
        stem = stem if stem.isidentifier() and stem.isascii() else f"COLUMN_{len(self.values) + 1}"
        name, number = stem, 1
        while name in self.values or name in self.taken:
            number += 1
            name = f"{stem}_{number}"
        self.values[name] = value
        return Code(name)


def class_name(text: str) -> str:
    """A class's name out of any text: ``flight orders`` -> ``FlightOrders``; ``Orders`` where nothing is left.

    >>> class_name("flight orders"), class_name("daily-sales_v2"), class_name("42")
    ('FlightOrders', 'DailySalesV2', 'Orders')
    """
    words = re.findall(r"[A-Za-z0-9]+", text)
    name = "".join(word[:1].upper() + word[1:] for word in words).lstrip("0123456789")
    name = name[:1].upper() + name[1:]
    return f"{name}Rows" if keyword.iskeyword(name) or name in TAKEN else name or "Orders"


def writable(dtype: pl.DataType) -> bool:
    """Whether a Pandera model can promise a dtype: of an array's dimensions it takes the last for the first."""
    return not isinstance(dtype, pl.Array) or len(set(dtype.shape)) <= 1


def _identifies(name: str) -> bool:
    """Whether a column's name can stand as a field's."""
    return (
        name.isidentifier()
        and not name.startswith("_")
        and not keyword.iskeyword(name)
        and unicodedata.normalize("NFKC", name) == name
        and name not in TAKEN
        and not hasattr(builtins, name)
        and not hasattr(DataFrameModel, name)
    )


def _identifiers(names: Sequence[str]) -> dict[str, str]:
    """A field's name for every column."""
    taken = {name for name in names if _identifies(name)}
    chosen: dict[str, str] = {}
    for place, name in enumerate(names, start=1):
        stem = re.sub(r"\W+", "_", name.strip(), flags=re.ASCII).strip("_").lower()
        wish = stem if _identifies(stem) else f"{stem}_" if _identifies(f"{stem}_") else f"column_{place}"
        wish, number = (name, 1) if name in taken else (wish, 1)
        free = wish
        while free != name and free in taken:
            number += 1
            free = f"{wish}_{number}"
        taken.add(free)
        chosen[name] = free
    return chosen


def refuse_wildcards(names: Iterable[str]) -> None:
    """Refuse columns that no model and no expression can name.

    Raises:
        ContractError: There is one.
    """
    for name in names:
        if name == "*" or (name.startswith("^") and name.endswith("$")):
            what = "has a name that stands for other columns in an expression"
            raise ContractError(f"column {name!r}", what, "Rename it where the data are written")


def _annotation(each: DraftField, constants: _Constants) -> str:
    dtype, wish = each.dtype, f"{each.name}_dtype"
    plain = PLAIN.get(type(dtype))
    if plain is None:
        code = dtype_code(dtype)
        usual = dtype in (pl.Datetime("us"), pl.Duration("us"))
        if usual or isinstance(code, Code):
            plain = code.text if isinstance(code, Code) else code.name
        else:
            plain = _annotated(code, wish, constants)
    return plain if each.required or not _hashable(dtype) else f"Optional[{plain}]"


def _hashable(dtype: pl.DataType) -> bool:
    """Whether `Optional` takes the annotation: it wants to hash what is in it, and lists and dicts cannot be."""
    return not isinstance(dtype, pl.Enum | pl.Struct)


def _annotated(code: Call, wish: str, constants: _Constants) -> str:
    """A dtype with parameters, which Pandera takes out of the annotation."""
    given = ", ".join(literal(value) for value in code.keywords.values())
    if width(given) > LONGEST_ANNOTATION:
        given = ", ".join(
            literal(constants.named(wish, value) if isinstance(value, list | dict | Call) else value)
            for value in code.keywords.values()
        )
    return f"Annotated[{code.name}, {given}]"


def _listed(each: DraftField, words: Mapping[str, Any], constants: _Constants) -> dict[str, Any]:
    """The field's words, with long lists of values under names of their own."""
    shown = dict(words)
    for word in ("isin", "notin"):
        if word in words and width(literal(words[word])) > WIDTH - 20:
            shown[word] = constants.named(each.name, words[word])
    return shown


def _field(each: DraftField, name: str, constants: _Constants) -> Iterator[str]:
    words = _listed(each, each.words, constants)
    words = words if name == each.name else {"alias": each.name, **words}
    if not each.required and not _hashable(each.dtype):
        words = {"required": False, **words}
    if each.comment:
        yield from _comment(each.comment, 4)
    annotation = _annotation(each, constants)
    yield from lay(f"{name}: {annotation} = ", Call("pa.Field", words), indent=4)


def _comment(text: str, indent: int) -> list[str]:
    start = " " * indent + "# "
    return textwrap.wrap(text, WIDTH, initial_indent=start, subsequent_indent=start, break_long_words=False)


def _docstring(text: str, indent: int) -> list[str]:
    margin = " " * indent
    plain = text.replace("\\", "\\\\").replace('"""', "'''")
    paragraphs = [" ".join(part.split()) for part in re.split(r"\n\s*\n", plain.strip()) if part.strip()]
    if not paragraphs:
        return []
    if paragraphs[-1].endswith('"'):
        paragraphs[-1] += "."
    if len(paragraphs) == 1 and width(paragraphs[0]) <= WIDTH - indent - 6:
        return [f'{margin}"""{paragraphs[0]}"""']
    filled = [textwrap.wrap(part, WIDTH - indent - 3, break_long_words=False) for part in paragraphs]
    lines = [line for part in filled for line in (*part, "")][:-1]
    return [f'{margin}"""{lines[0]}', *(f"{margin}{line}" if line else "" for line in lines[1:]), f'{margin}"""']


def _model(draft: Draft, constants: _Constants) -> Iterator[str]:
    refuse_wildcards(each.name for each in draft.fields if not each.words.get("regex"))
    names = _identifiers([each.name for each in draft.fields])
    yield f"class {draft.name}(pa.DataFrameModel):"
    yield from _docstring(draft.words, 4) + ([""] if draft.words.strip() else [])
    for each in draft.fields:
        yield from _field(each, names[each.name], constants)
    if draft.notes:
        yield ""
        for note in draft.notes:
            yield from _comment(note, 4)
    if draft.config:
        yield from ["", "    class Config:", '        """What holds for the contract as a whole."""', ""]
        for word, value in draft.config.items():
            yield from lay(f"{word} = ", value, indent=8)


def _imports(code: str) -> Iterator[str]:
    used = {node.id for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Name)}
    typing = [name for name in ("Annotated", "Optional") if name in used]
    standard = [
        *(["import datetime as dt"] if "dt" in used else []),
        *(["import re"] if "re" in used else []),
        *(["from decimal import Decimal"] if "Decimal" in used else []),
        *([f"from typing import {', '.join(typing)}"] if typing else []),
    ]
    yield from ["from __future__ import annotations", ""]
    if standard:
        yield from [*standard, ""]
    yield "import pandera.polars as pa"
    if "pl" in used:
        yield "import polars as pl"


def write_module(words: str, drafts: Sequence[Draft]) -> str:
    """The text of a module that defines these models, formatted as ruff would.

    Args:
        words: The module's docstring.
        drafts: With names that differ.

    Raises:
        ContractError: A draft has a column that no model can name.
    """
    fields = {each.name for draft in drafts for each in draft.fields}
    constants = _Constants(frozenset({*TAKEN, *fields, *(draft.name for draft in drafts)}))
    bodies = [line for draft in drafts for line in ("", "", *_model(draft, constants))]
    values = [line for name, value in constants.values.items() for line in lay(f"{name} = ", value)]
    head = lay("__all__ = ", sorted(draft.name for draft in drafts)) + ([""] if values else []) + values
    code = "\n".join([*head, *bodies])
    return "\n".join([*_docstring(words, 0), "", *_imports(code), "", code, ""])
