"""Frozen values to canonical JSON and back: the one way anything is written to a file.

Canonical means: keys sorted, no spaces, shortest round-trip floats, non-finite numbers as null. The same value
always gives the same bytes, so a digest of the bytes is a digest of the value.
"""

from __future__ import annotations

import hashlib
import json
import re
import zlib
from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import Field, TypeAdapter, ValidationError

__all__ = [
    "DAMAGED",
    "Invalid",
    "digest",
    "dump",
    "dump_pretty",
    "json_schema",
    "keyed",
    "load",
    "named",
    "pack",
    "rounded",
    "unpack",
]

T = TypeVar("T")

Invalid = ValidationError
"""What `load` raises for bytes that are not the value asked for."""


DAMAGED = (ValidationError, zlib.error)
"""What `unpack` raises for bytes that are not the value asked for."""


def named(key: str) -> Any:
    """A key that is no Python name, for a field: ``total: Annotated[int, codec.named("in")]``."""
    return Field(alias=key)


def keyed(keys: Mapping[str, str]) -> Any:
    """What the keys of a mapping mean, for its schema: ``Annotated[Mapping[str, float], codec.keyed({...})]``."""
    return Field(json_schema_extra={"properties": {key: {"description": text} for key, text in keys.items()}})


_adapters: dict[Any, TypeAdapter[Any]] = {}


def _adapter(kind: Any) -> TypeAdapter[Any]:
    if kind not in _adapters:
        _adapters[kind] = TypeAdapter(kind)
    return _adapters[kind]


def _written(value: Any, indent: int | None = None) -> bytes:
    """Its JSON as pydantic writes it: fields in the order they were declared, non-finite numbers as null."""
    return _adapter(type(value)).dump_json(value, by_alias=True, indent=indent)


def dump(value: Any) -> bytes:
    """The value's canonical JSON, UTF-8."""
    plain = json.loads(_written(value))
    return json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def dump_pretty(value: Any) -> bytes:
    """The same for people: indented, fields in the order they were declared, a newline at the end."""
    return _written(value, indent=1) + b"\n"


def load(kind: type[T], data: bytes | str) -> T:
    """Read a value of this kind.

    Raises:
        Invalid: The bytes are no JSON, or not of this kind.
    """
    value: T = _adapter(kind).validate_json(data)
    return value


def pack(value: Any) -> bytes:
    """Canonical JSON, deflated: for states that machines read."""
    return zlib.compress(dump(value), 6)


def unpack(kind: type[T], data: bytes) -> T:
    """Undo `pack`.

    Raises:
        Invalid: The bytes are not of this kind.
        zlib.error: The bytes are damaged.
    """
    return load(kind, zlib.decompress(data))


def digest(value: Any) -> str:
    """SHA-256 of the value's canonical JSON (or of bytes as they are), in hex."""
    return hashlib.sha256(value if isinstance(value, bytes) else dump(value)).hexdigest()


def rounded(value: T, digits: int) -> T:
    """The same value with at most so many significant digits in every float."""
    plain = json.loads(_written(value), parse_float=lambda text: float(f"{float(text):.{digits}g}"))
    read: T = _adapter(type(value)).validate_python(plain)
    return read


def json_schema(kind: Any, whole: bool = False) -> dict[str, Any]:
    """The JSON Schema of a kind of value, in which every key says what it means.

    Args:
        whole: Of what is written here, where every key is there; else only those without a default have to be.
    """
    schema = _adapter(kind).json_schema(mode="serialization", by_alias=True)
    for part in (schema, *schema.get("$defs", {}).values()):
        if "properties" in part:
            if whole:
                part["required"] = list(part["properties"])
            part.update(_told(part))
    return schema


ENTRY = re.compile(r"^ {4}(\w[\w, ]*): ", re.MULTILINE)


def _told(part: Mapping[str, Any]) -> dict[str, Any]:
    """A kind's description and properties, each with what the docstring says of it under ``Attributes:``."""
    head, _, attributes = part.get("description", "").partition("\nAttributes:\n")
    pieces = ENTRY.split(attributes)[1:]
    told = {
        name.strip(): " ".join(text.split())
        for names, text in zip(pieces[::2], pieces[1::2], strict=True)
        for name in names.split(",")
    }
    properties = {
        key: {**value, "description": told[key]} if key in told else value for key, value in part["properties"].items()
    }
    rest = " ".join(text for name, text in told.items() if name not in properties)
    return {"description": f"{head.strip()} {rest}".strip(), "properties": properties}
