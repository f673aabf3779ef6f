"""Contracts as YAML documents of the Open Data Contract Standard, version 3; the one door for YAML.

What the standard has no word for stands in custom properties called ``batchops.<word>``. An author's own checks are
code: a document names them, by their import path, and nothing can be made of them but a note.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

import yaml

from batchops.contract.content import Content
from batchops.contract.odcs.form import formed
from batchops.contract.odcs.reading import Imported, read_document
from batchops.contract.odcs.writing import document_of
from batchops.errors import ContractError

__all__ = ["Imported", "from_odcs", "to_odcs"]


class _Plain(yaml.SafeDumper):  # type: ignore[misc]
    """Writes a value that occurs twice twice."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - the name is pyyaml's
        return True


def to_odcs(content: Content, home: str) -> str:
    """A contract as a document of the standard, in YAML.

    Args:
        home: Import path of its model, ``schemas.orders:Orders``.
    """
    text: str = yaml.dump(document_of(content, home), Dumper=_Plain, sort_keys=False, allow_unicode=True, width=110)
    return text


def _stored(value: Any) -> Any:
    """A value as a content holds it: YAML knows dates, JSON does not."""
    if isinstance(value, Mapping):
        return {str(key): _stored(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_stored(each) for each in value]
    return value.isoformat() if isinstance(value, dt.date) else value


def from_odcs(where: str, text: str) -> tuple[Imported, ...]:
    """The contracts of a document, one for each object of its schema.

    Args:
        where: The file, for the error.

    Raises:
        ContractError: It is no YAML, no data contract of version 3 of the standard, or describes no columns.
    """
    try:
        words = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = where if mark is None else f"{where}:{mark.line + 1}"
        raise ContractError(place, "is no YAML", "Correct it") from None
    if not isinstance(words, dict) or not str(words.get("apiVersion", "")).startswith("v3"):
        what = "is no document of the Open Data Contract Standard v3"
        raise ContractError(where, what, "Name one with apiVersion: v3.x.x and kind: DataContract")
    return read_document(where, formed(where, _stored(words)))
